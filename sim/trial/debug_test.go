package trial

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/citycard/citycard/recon/timeline"
)

func TestDebug(t *testing.T) {
	name, card := os.Getenv("RATE"), os.Getenv("CARD")
	if name == "" {
		t.Skip()
	}
	r, _ := ParseRates(name)
	o := Options{Cards: 200, Seed: 1, Rate: r[0], Late: timeline.AcceptLate}
	w := newWorld(&o)
	for _, f := range w.files {
		if !strings.Contains(f.key.String(), card) {
			continue
		}
		fmt.Println(f.key, f.rider.opening, "copied", f.rider.copied)
		d := func(t int64) string {
			if t == 0 {
				return "never"
			}
			return fmt.Sprintf("%.2f", float64(t-Epoch)/86400)
		}
		for _, x := range f.rider.facts {
			fmt.Printf("  %04X %s at %s amount %d paid %t load %t ran %t arrives %s\n", x.atc, x.fault, d(x.at), x.amount, x.paid, x.load, x.ran, d(x.arrives))
		}
		for _, n := range w.networks {
			for _, x := range n.deliveries {
				if x.card() == f.key && x.row != nil {
					fmt.Printf("  arr %s %s %04X %d time %s genuine %t term %d flags %x\n", d(x.arrived), x.row.Kind, x.row.ATC, x.row.Amount, d(x.row.Time), x.genuine, x.row.Terminal, x.row.Flags)
				}
			}
		}
	}
	_ = context.Background
}
