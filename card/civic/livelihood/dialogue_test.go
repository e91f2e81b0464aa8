package livelihood_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/citycard/citycard/wire/apdu"
)

// TestDialogues runs the conversations in testdata with the development card.
// Directives:
//
//	card             a new card, powered; its answer to reset and answer to select
//	reset            power off and on
//	send             one command a line, with its answer:
//	    HEX                as it is
//	    auth KEY NUMBER    EXTERNAL AUTHENTICATE under the last challenge
//	    mac KEY HEX        with a MAC under the last challenge
//
// KEY is a key's name, partition/key or partition/directory/key. "#" begins a
// remark.
func TestDialogues(t *testing.T) {
	img := image(t)
	datadriven.Walk(t, "testdata/dialogues", func(t *testing.T, path string) {
		var s *session
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "card":
				s = insert(t, img, nil)
				return fmt.Sprintf("ATR %X\nATS %X\n", img.ATR(), img.ATS())
			case "reset":
				s.chip.PowerOff()
				check(t, s.chip.PowerOn(random(2)))
				return ""
			case "send":
				s.t = t
				var out strings.Builder
				for line := range strings.Lines(d.Input) {
					text, _, _ := strings.Cut(line, "#")
					text = strings.TrimSpace(text)
					fmt.Fprintf(&out, "%s -> %s\n", text, s.line(strings.Fields(text)))
				}
				return out.String()
			}
			t.Fatalf("directive %s is not known", d.Cmd)
			return ""
		})
	})
}

// line carries out one line of send.
func (s *session) line(words []string) string {
	s.t.Helper()
	var cmd []byte
	switch words[0] {
	case "auth":
		cmd = s.authentication(words[1], unhex(s.t, words[2])[0])
	case "mac":
		cmd = s.protected(words[1], unhex(s.t, strings.Join(words[2:], "")))
	default:
		cmd = unhex(s.t, strings.Join(words, ""))
	}
	data, sw, err := s.try(cmd)
	check(s.t, err)
	text := ""
	if len(data) > 0 {
		text = fmt.Sprintf("%X ", data)
	}
	if sw == apdu.SWOK {
		return text + sw.String()
	}
	return fmt.Sprintf("%s%s %s", text, sw, sw.Meaning("en"))
}
