package ppse_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/citycard/citycard/card/ppse"
)

// A directory with one application, byte for byte as in the log of a real card
// (public reader log of a bank's debit card).
func ExampleDirectory_Select() {
	aid, err := hex.DecodeString("A000000333010101")
	if err != nil {
		fmt.Println(err)
		return
	}
	d, err := ppse.New(ppse.Entry{AID: aid, Label: "PBOC DEBIT", Priority: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%X\n", d.Select(nil))
	// Output:
	// 6F30840E325041592E5359532E4444463031A51EBF0C1B61194F08A000000333010101500A50424F432044454249548701019000
}

func TestRefused(t *testing.T) {
	aid := make([]byte, 8)
	many := make([]ppse.Entry, 10)
	for i := range many {
		many[i] = ppse.Entry{AID: make([]byte, 16), Label: "0123456789ABCDEF"}
	}
	for name, entries := range map[string][]ppse.Entry{
		"short AID":     {{AID: aid[:4], Label: "A"}},
		"no label":      {{AID: aid}},
		"long label":    {{AID: aid, Label: strings.Repeat("A", 17)}},
		"priority":      {{AID: aid, Label: "A", Priority: 16}},
		"too many":      many,
		"second is bad": {{AID: aid, Label: "A"}, {AID: make([]byte, 17), Label: "A"}},
	} {
		if _, err := ppse.New(entries...); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}
