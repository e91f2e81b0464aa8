package pcsctest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/citycard/citycard/terminal/reader"
)

// samples measures n exchanges of READ RECORD and gives their times in order.
func samples(tb testing.TB, card reader.Card, n int) []time.Duration {
	tb.Helper()
	cmd, dst := unhex("00B2040C05"), make([]byte, 0, 64)
	list := make([]time.Duration, 0, n)
	for range n {
		begin := time.Now()
		out, err := card.Transmit(context.Background(), dst, cmd)
		list = append(list, time.Since(begin))
		if err != nil || len(out) != 7 {
			tb.Fatalf("%X, %v", out, err)
		}
	}
	slices.Sort(list)
	return list
}

// TestNoStall: one acknowledgement held back costs 40 ms. Half of them held back
// would show in the median, on a machine however busy.
func TestNoStall(t *testing.T) {
	d := Start(t)
	insert(t, d, 0, atrT0, atrT0)
	card := open(t, "pcsc:0", reader.Doors{Wait: true})
	list := samples(t, card, 200)
	if median := list[len(list)/2]; median > 10*time.Millisecond {
		t.Errorf("an exchange takes %v, as if acknowledgements were held back", median)
	}
}

// BenchmarkTransmit is one APDU: our client, pcscd, vpcd, card and back.
func BenchmarkTransmit(b *testing.B) {
	d := Start(b)
	insert(b, d, 0, atrT0, atrT0)
	card := open(b, "pcsc:0", reader.Doors{Wait: true})
	samples(b, card, 100)
	b.ReportAllocs()
	b.ResetTimer()
	list := samples(b, card, b.N)
	b.StopTimer()
	b.ReportMetric(float64(list[len(list)/2].Nanoseconds()), "median-ns")
}

// BenchmarkVirtualReader is one APDU without pcscd: our virtual reader and a card.
func BenchmarkVirtualReader(b *testing.B) {
	Private(b)
	card := openVirtual(b, "vpcd:35963", reader.Doors{})
	samples(b, card, 100)
	b.ReportAllocs()
	b.ResetTimer()
	list := samples(b, card, b.N)
	b.StopTimer()
	b.ReportMetric(float64(list[len(list)/2].Nanoseconds()), "median-ns")
}

// openVirtual opens a virtual reader and puts the test card into it.
func openVirtual(tb testing.TB, name string, doors reader.Doors) reader.Card {
	tb.Helper()
	doors.Listening = func(address string) {
		conn, err := reader.DialSlot(soon(tb), address)
		if err != nil {
			tb.Error(err)
			return
		}
		serveAt(tb, conn, atrT0, atrWarm)
	}
	return open(tb, name, doors)
}
