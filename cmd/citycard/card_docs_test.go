package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/citycard/citycard/card/fault"
	"github.com/citycard/citycard/certify"
	"github.com/citycard/citycard/role/cardview"
	"github.com/citycard/citycard/role/devcard"
)

// jsonKeys are the keys of an object and of those inside it.
func jsonKeys(t *testing.T, v any) map[string]bool {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var object any
	if err := json.Unmarshal(b, &object); err != nil {
		t.Fatal(err)
	}
	keys := map[string]bool{}
	collectKeys(object, keys)
	return keys
}

func collectKeys(v any, keys map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for k, inner := range v {
			keys[k] = true
			collectKeys(inner, keys)
		}
	case []any:
		for _, inner := range v {
			collectKeys(inner, keys)
		}
	}
}

// The reference page names every key that a command prints.
func TestCardReferenceIsComplete(t *testing.T) {
	page := readPage(t, "docs/reference/card.md")
	n := int64(1)
	one := 1
	for command, v := range map[string]any{
		"serve":    serveEvent{},
		"profiles": profileList{[]devcard.Profile{{Algorithms: []devcard.Suite{{}}}}, []devcard.CAKey{{Point: "x", Modulus: "x", Exponent: 3}}},
		"new":      newCard{},
		"perso":    personalised{},
		"show": cardview.View{Applications: []cardview.Application{{
			Cash: &cardview.Purse{Limit: &n, Single: &n}, Limits: []cardview.Limit{{}}, Log: []cardview.Payment{{}}, LoadLog: []cardview.Load{{}},
			Authentication: cardview.Authentication{Counter: &one},
		}}},
		"log": logList{Applications: []logEntry{{}}},
		"certify": certify.Report{Cases: []certify.CaseResult{{
			Detail: "x", Reason: "x", ReasonZH: "x", APDUs: []certify.Exchange{{}},
		}}},
	} {
		keys := jsonKeys(t, v)
		if len(keys) < 2 {
			t.Errorf("%s: only %d keys", command, len(keys))
		}
		for key := range keys {
			if !strings.Contains(page, "`"+key+"`") {
				t.Errorf("%s: docs/reference/card.md lacks `%s`", command, key)
			}
		}
	}
}

// The guide to fault doors names every example and every alteration, and its
// scripts can be read.
func TestFaultGuideIsComplete(t *testing.T) {
	const guide = "docs/guides/fault-doors.md"
	page := readPage(t, guide)
	files, err := filepath.Glob(filepath.Join(moduleRoot, "examples", "faults", "*.yaml"))
	if err != nil || len(files) < 10 {
		t.Fatalf("%d examples, %v", len(files), err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".yaml")
		if !strings.Contains(page, "| `"+name+"` |") {
			t.Errorf("%s lacks `%s`", guide, name)
		}
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if s, err := fault.Parse(b); err != nil || s.Name != name || s.About == "" {
			t.Errorf("%s: %v", f, err)
		}
	}
	for _, how := range []fault.How{fault.LongLengths, fault.Padding, fault.Reorder, fault.Extra, fault.LongName, fault.Format77, fault.Format80,
		fault.Flip, fault.FlipMAC, fault.Set, fault.Truncate, fault.WrongLength, fault.Remove, fault.Duplicate} {
		if !strings.Contains(page, "| `"+string(how)+"` |") {
			t.Errorf("%s lacks `%s`", guide, how)
		}
	}
	scripts := blocks(t, guide, "yaml")
	for _, b := range scripts {
		if _, err := fault.Parse([]byte(strings.Join(b.lines, "\n"))); err != nil {
			t.Errorf("%s:%d: %v", guide, b.line, err)
		}
	}
	if len(scripts) == 0 {
		t.Errorf("%s has no script", guide)
	}
}
