package pcsctest

import (
	"embed"
	"encoding/hex"
	"fmt"
	"strings"
)

// Scripts are those for independent clients: testdata/tour.scriptor, tour.py and
// tour.lua. Each says how it is run.
//
//go:embed testdata/tour.scriptor testdata/tour.py testdata/tour.lua
var Scripts embed.FS

// Step is one command of the tour of a bank card.
type Step struct {
	Name    string // "application"
	Command []byte
}

// Tour is the way through a bank card that all clients make, for one application:
// directories, the application, its balance, counter and log.
func Tour(aid []byte) ([]Step, error) {
	var list []Step
	name := ""
	for i, line := range strings.Split(scriptorText(aid), "\n") {
		comment, ok := strings.CutPrefix(line, "#")
		switch {
		case ok:
			name = strings.TrimSpace(comment)
		case line != "" && line != "reset":
			command, err := hex.DecodeString(strings.ReplaceAll(line, " ", ""))
			if err != nil {
				return nil, fmt.Errorf("pcsctest: line %d of the script for scriptor: %w", i+1, err)
			}
			list = append(list, Step{name, command})
		}
	}
	return list, nil
}

// scriptorText is the script for scriptor with the AID in its place.
func scriptorText(aid []byte) string {
	return strings.NewReplacer(
		"{AID}", fmt.Sprintf("% X", aid),
		"{LC}", fmt.Sprintf("%02X", len(aid)),
	).Replace(string(script("tour.scriptor")))
}

// script gives an embedded script.
func script(name string) []byte {
	text, err := Scripts.ReadFile("testdata/" + name)
	if err != nil {
		panic("pcsctest: " + err.Error()) // it was there when this was compiled
	}
	return text
}
