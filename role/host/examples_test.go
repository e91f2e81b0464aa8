package host_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/role/host"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// step is one transaction of a real card with an example, and what is to come of it.
type step struct {
	kind    txn.OnlineKind
	amount  money.Fen
	code    string
	auth    apdu.SW // EXTERNAL AUTHENTICATE, 0: no 91
	cid     byte    // of the second GENERATE AC
	scripts []apdu.SW
}

const (
	ok  = apdu.SWOK
	tc  = 0x40
	aac = 0x00
)

// TestExamples runs each file of examples/hosts with a real card of each algorithm.
func TestExamples(t *testing.T) {
	steps := map[string][]step{
		"approve.yaml": {
			{txn.OnlinePurchase, 999_999, "00", ok, tc, nil},
			{txn.OnlinePurchase, 100, "00", ok, tc, nil},
			{txn.OnlineInquiry, 0, "00", ok, tc, nil},
		},
		"decline.yaml": {
			{txn.OnlinePurchase, 6666, "51", ok, aac, nil},
			{txn.OnlinePurchase, 100, "05", ok, aac, nil},
			{txn.OnlineInquiry, 0, "00", ok, tc, nil},
		},
		// A card that was refused an authentication asks again by its own rules (9F52).
		"wrong-arpc.yaml": {
			{txn.OnlinePurchase, 100, "00", apdu.SWFailed, tc, nil},
			{txn.OnlinePurchase, 100, "00", 0, tc, nil},
			{txn.OnlinePurchase, 100, "00", apdu.SWFailed, tc, nil},
			{txn.OnlinePurchase, 100, "00", ok, tc, nil},
		},
		"load.yaml": {
			{txn.OnlineLoad, 20_000, "00", ok, tc, []apdu.SW{ok}},
			{txn.OnlineLoad, 50_001, "61", ok, aac, nil},
			{txn.OnlineUnload, 0, "00", ok, tc, []apdu.SW{ok}},
		},
		"scripts.yaml": {
			{txn.OnlinePurchase, 100, "00", ok, tc, []apdu.SW{ok, ok, ok}},
			{txn.OnlinePurchase, 100, "00", ok, tc, []apdu.SW{apdu.SWMACWrong, apdu.SWConditions}},
			{txn.OnlinePurchase, 100, "00", ok, tc, nil},
		},
		"block-application.yaml": {
			{txn.OnlinePurchase, 100, "41", ok, aac, []apdu.SW{ok}},
		},
		"slow.yaml":        {{txn.OnlinePurchase, 100, "00", ok, tc, nil}},
		"unreachable.yaml": nil,
	}
	for name := range exampleFiles(t) {
		if _, there := steps[name]; !there {
			t.Errorf("example %s has no test", name)
		}
	}
	for name, all := range steps {
		for _, profile := range []string{"dev-3des", "dev-sm"} {
			t.Run(strings.TrimSuffix(name, ".yaml")+"/"+profile, func(t *testing.T) {
				d := newDesk(t, profile, script(t, name))
				d.Values[tlv.TagSMSupport] = []byte{map[string]byte{"dev-sm": 1}[profile]}
				for i, s := range all {
					a, auth, cid, scripts := d.talk(s.kind, s.amount)
					if string(a.Code[:]) != s.code || auth != s.auth || cid != s.cid || !slices.Equal(scripts, s.scripts) {
						t.Fatalf("step %d: code %s, 91: %v, 9F27 %02X, scripts %v; want %s %v %02X %v", i+1, a.Code[:], auth, cid, scripts, s.code, s.auth, s.cid, s.scripts)
					}
				}
			})
		}
	}
}

func TestTheScriptsExampleChangesTheCard(t *testing.T) {
	d := newDesk(t, "dev-3des", script(t, "scripts.yaml"))
	d.talk(txn.OnlinePurchase, 100)
	if got := d.data("80CA9F7800", tlv.TagECSingleLimit); got != "000000060000" {
		t.Errorf("9F78 is %s", got)
	}
	noError(t, d.Start(100, 0))
	for pin, want := range map[string]apdu.SW{"0020008008 26123456FFFFFFFF": 0x63C2, "0020008008 26654321FFFFFFFF": ok} {
		if _, sw, err := d.Send(unhex(pin)); err != nil || sw != want {
			t.Errorf("VERIFY %.14s…: %v, want %v", pin, sw, want)
		}
	}
}

func TestTheBlockedApplicationAnswersSoToSelect(t *testing.T) {
	d := newDesk(t, "dev-3des", script(t, "block-application.yaml"))
	d.talk(txn.OnlinePurchase, 100)
	_, sw, err := d.Send(unhex("00A4040008A00000033301010100"))
	if err != nil || sw != apdu.SWInvalidated {
		t.Fatalf("SELECT of a blocked application: %v, %v", sw, err)
	}
}

func TestTheUnreachableExample(t *testing.T) {
	d := newDesk(t, "dev-3des", script(t, "unreachable.yaml"))
	for _, kind := range []txn.OnlineKind{txn.OnlinePurchase, txn.OnlineLoad, txn.OnlineUnload, txn.OnlineInquiry} {
		q, _, err := d.ask(kind, 0)
		if !errors.Is(err, host.ErrUnreachable) {
			t.Fatalf("%v: %v", kind, err)
		}
		first := d.host.Reverse(context.Background(), q, host.AnswerLost, nil)
		if want := kind == txn.OnlinePurchase; errors.Is(first, host.ErrUnreachable) != want {
			t.Errorf("first reversal of %v: %v", kind, first)
		}
		noError(t, d.host.Reverse(context.Background(), q, host.AnswerLost, nil))
	}
}

func TestTheSlowExample(t *testing.T) {
	d := newDesk(t, "dev-3des", script(t, "slow.yaml"))
	start := time.Now()
	_, a, err := d.ask(txn.OnlinePurchase, 100)
	if err != nil || !a.Approved() || time.Since(start) < 300*time.Millisecond {
		t.Errorf("code %s after %v: %v", a.Code[:], time.Since(start), err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if _, err := d.host.Authorise(ctx, d.Request(txn.OnlinePurchase, d.key, 100)); !errors.Is(err, host.ErrUnreachable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("an answer that comes too late: %v", err)
	}
}

func TestTheLoadExampleRefusesReversals(t *testing.T) {
	d := newDesk(t, "dev-3des", script(t, "load.yaml"))
	q, _, err := d.ask(txn.OnlineLoad, 100)
	noError(t, err)
	if err := d.host.Reverse(context.Background(), q, host.ScriptUnknown, nil); !errors.Is(err, host.ErrRefused) {
		t.Errorf("reversal: %v", err)
	}
}
