package timeline_test

import (
	"testing"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/timeline"
)

const day = 86400

// build makes a clean timeline of n purchases.
func build(n int) *timeline.Card {
	c := new(timeline.Card)
	b := 50_000
	c.Add(timeline.Observation{Kind: timeline.Opening, B: 50_000})
	for i := range n {
		c.Add(timeline.Observation{Kind: timeline.Paid, ATC: uint16(i + 1), B: money.Fen(b), Debit: 300, Commit: timeline.Yes, Content: uint64(i + 1), Time: int64(i) * day, Terminal: 7, Sequence: uint32(i)})
		b -= 300
	}
	return c
}

func BenchmarkJudgeClean8(b *testing.B) {
	c, p := build(7), timeline.DefaultParams()
	b.ReportAllocs()
	for b.Loop() {
		c.Judge(30*day, p, nil)
	}
}

func BenchmarkDecodeJudgeClean8(b *testing.B) {
	blob, p := build(7).Append(nil), timeline.DefaultParams()
	var c timeline.Card
	b.ReportAllocs()
	b.SetBytes(int64(len(blob)))
	for b.Loop() {
		if err := c.Decode(blob); err != nil {
			b.Fatal(err)
		}
		c.Judge(30*day, p, nil)
	}
}

// BenchmarkJudgeHolds8 is a card with two journeys under pre-authorisation.
func BenchmarkJudgeHolds8(b *testing.B) {
	c, p := new(timeline.Card), timeline.DefaultParams()
	c.Add(timeline.Observation{Kind: timeline.Opening, B: 50_000})
	for i := range uint16(2) {
		at := func(n uint16, o timeline.Observation) {
			o.ATC, o.Content, o.Commit, o.Time = 4*i+n, uint64(4*i+n), timeline.Yes, int64(n)*3600+int64(i)*day
			c.Add(o)
		}
		had := money.Fen(50_000 - 3000*int(i))
		at(1, timeline.Observation{Kind: timeline.Hold, B: had - 6000, Held: 6000})
		at(2, timeline.Observation{Kind: timeline.Paid, B: had - 6000, Debit: 500})
		at(3, timeline.Observation{Kind: timeline.Paid, B: had - 500, Debit: 2500, Held: 6000, Completes: true, HoldATC: 4*i + 1})
		at(4, timeline.Observation{Kind: timeline.Zero, B: had - 3000})
	}
	if got := c.Judge(30*day, p, nil); len(got.Breaks) > 0 || len(got.Alarms) > 0 {
		b.Fatalf("the card is not clean: %+v", got)
	}
	b.ReportAllocs()
	for b.Loop() {
		c.Judge(30*day, p, nil)
	}
}
