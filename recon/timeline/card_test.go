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
