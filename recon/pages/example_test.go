package pages_test

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/citycard/citycard/recon/pages"
	"github.com/citycard/citycard/txn"
)

// A card that paid 3.00 at a gate that stayed shut.
func ExampleWriteCard() {
	pan, err := txn.ParsePAN("6228000100001117")
	if err != nil {
		fmt.Println(err)
		return
	}
	d := &pages.Card{
		Key: txn.CardKey{PAN: pan, PSN: 1}, Least: 11300, Most: 11300, DueLeast: 300, DueMost: 300,
		Points: []pages.Point{
			{ATC: 0x14, What: pages.Text{EN: "doubt row", ZH: "存疑流水"}, Least: 11600, Most: 11600, Change: -300, Doubt: true},
			{ATC: 0x15, What: pages.Text{EN: "bus", ZH: "公交"}, Least: 11300, Most: 11300, Change: -200},
		},
		Breaks: []pages.Break{{P: 0x14, Q: 0x15, State: "proven", Amount: 300, Hard: true}},
	}
	var page bytes.Buffer
	if err := pages.WriteCard(&page, d, "en"); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.Contains(page.String(), "622800******1117"), strings.Contains(page.String(), "<script"))
	// Output: true false
}
