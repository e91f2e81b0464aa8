package rf_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/rf"
)

// profiles are those of cards that can pay, with or without SM2 and SM4 at the
// terminal where the card has both families of algorithms.
var profiles = []struct {
	name string
	sm   bool
}{{"3des", true}, {"sm", true}, {"dev-3des", true}, {"dev-sm", true}, {"dev-dual", true}, {"dev-dual", false}, {"dev-full", true}, {"dev-full", false}}

func checkBudget(t *testing.T, flow rf.Flow, u rf.Used) {
	t.Helper()
	t.Logf("%v: %d APDUs, %d bytes sent, %d received, %v", flow, u.APDUs, u.Sent, u.Received, u.Time)
	b, ok := rf.BudgetOf(flow)
	if !ok {
		t.Fatalf("no budget of %v", flow)
	}
	if err := b.Check(u); err != nil {
		t.Errorf("%v: %v", flow, err)
	}
}

// TestPurchaseTime: what a qPBOC purchase may take in the field at 106 kbit/s.
func TestPurchaseTime(t *testing.T) {
	for _, typ := range []rf.Type{rf.TypeA, rf.TypeB} {
		for _, p := range profiles {
			for _, row := range []struct{ crypto, most time.Duration }{
				{60 * time.Millisecond, 210 * time.Millisecond},
				{150 * time.Millisecond, 300 * time.Millisecond},
			} {
				t.Run(fmt.Sprint(typ, p.name, p.sm, row.crypto), func(t *testing.T) {
					meter := rf.NewMeter(rf.NewLink(typ, rf.Rate106), rf.DefaultCard(row.crypto))
					o := tapOnce(t, newKernel(t, kernel.GateTTQ, p.sm), newChip(t, p.name, card.Contactless), 300, meter, nil)
					if o.Result != kernel.Approved {
						t.Fatalf("%v: %v", o.Result, o.Fault)
					}
					u := meter.Used()
					checkBudget(t, rf.QPBOC, u)
					if u.APDUs > 7 {
						t.Errorf("%d APDUs", u.APDUs)
					}
					if d := u.Time.Duration(); d >= row.most {
						t.Errorf("%v in the field, must be below %v", d, row.most)
					}
					if d := u.Time.Duration(); d <= row.crypto {
						t.Errorf("%v in the field, and cryptography alone takes %v", d, row.crypto)
					}
				})
			}
		}
	}
}

// TestOnlineBudget: the card asks the issuer.
func TestOnlineBudget(t *testing.T) {
	for _, p := range profiles {
		meter := rf.NewMeter(rf.NewLink(rf.TypeA, rf.Rate106), rf.DefaultCard(60*time.Millisecond))
		o := tapOnce(t, newKernel(t, [4]byte{0x26, 0x80, 0x00, 0x80}, p.sm), newChip(t, p.name, card.Contactless), 300, meter, nil)
		if o.Result != kernel.OnlineRequired {
			t.Fatalf("%s: %v: %v", p.name, o.Result, o.Fault)
		}
		checkBudget(t, rf.QPBOCOnline, meter.Used())
	}
}
