package gate_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/txn"
)

// spoil is how somebody between card and gate alters an answer; empty not at all.
type spoil string

// alter gives the answer that the gate hears; last says that it is the one with which the
// card has paid.
func (s spoil) alter(answer []byte, last bool) []byte {
	if s == "signature" {
		if at := bytes.Index(answer, []byte{0x9F, 0x4B}); at >= 0 {
			answer[at+10] ^= 1
		}
		return answer
	}
	if !last {
		return answer
	}
	switch s {
	case "9F69":
		if at := bytes.Index(answer, []byte{0x9F, 0x69}); at >= 0 {
			answer[at+5] ^= 1
		}
	case "short":
		return slices.Concat(answer[:len(answer)/2], []byte{0x90, 0x00})
	case "empty":
		return []byte{0x90, 0x00}
	case "status":
		return []byte{0x6A, 0x83}
	case "template":
		answer[0] ^= 1
	case "one byte":
		return answer[:1]
	}
	return answer
}

var spoils = []spoil{"signature", "9F69", "short", "empty", "status", "template", "one byte"}

// TestTransitSpoilt alters what the card answers when it has paid, or its signature: the
// gate stays shut, and at the next tap the card's record proves the payment, even where the
// power has failed or that tap is torn. The rider is charged once, let through once, and
// the one row of the counter says so. If he never comes back, it stays in doubt.
func TestTransitSpoilt(t *testing.T) {
	w := newWorld(t)
	for i := range transitStories {
		k := transitStories[i]
		t.Run(k.name, func(t *testing.T) {
			s := k.set(t, w, k.profiles[0])
			whole := s.measure()
			begun := s.now
			played, shut := 0, 0
			for _, spoilt := range spoils {
				f := fault{spoil: spoilt, card: whole.lastRead}
				s.now = begun
				st := s.again()
				res := s.tapWith(st, s.rider, f).res
				if res.Opened && len(res.Records) == 1 {
					continue // a purse has neither 9F4B nor 9F69
				}
				shut++
				if len(res.Records) != 0 || len(res.Waiting) != 1 || res.Waiting[0].Row.Flags.Has(txn.ServiceGiven) {
					t.Fatalf("%s: %v, %d records, %d wait", spoilt, res.Display, len(res.Records), len(res.Waiting))
				}
				if refused := res.Waiting[0].Row.Flags.Reason() == txn.ODAFailed; refused && !res.Waiting[0].Row.Flags.Has(txn.EvidenceKept) {
					t.Errorf("%s: no evidence of the refusal", spoilt)
				}
				back := s.tapWith(st, s.rider, fault{forgetful: true})
				again := []fault{{}, f}
				if spoilt == "signature" || spoilt == "short" && !testing.Short() {
					again = append(again, back.faults()...)
				}
				for _, g := range again {
					g.forgetful = true
					for _, power := range []bool{false, true} {
						played++
						s.now = begun // a journey does not last for ever
						if err := s.play(f, g, power); err != nil {
							t.Fatalf("%v, then %v, power %v: %v", f, g, power, err)
						}
					}
				}
				if err := s.leave(f); err != nil {
					t.Fatalf("%v, never back: %v", f, err)
				}
			}
			if shut < 5 {
				t.Errorf("only %d of %d alterations were seen", shut, len(spoils))
			}
			t.Logf("%d pairs of taps", played)
		})
	}
}

// TestRefusedAfterPaying: a card that has paid and was then refused is let through by its
// own record, which closes the row, unless it is on the deny list; once the gate has given
// its doubt row away, no later tap opens or charges.
func TestRefusedAfterPaying(t *testing.T) {
	for _, c := range []struct {
		name  string
		after int64
		deny  bool
		want  gate.Display
	}{
		{"at once", 10, false, gate.Goodbye},
		{"denied since", 10, true, gate.CardDenied},
		{"the row is given", 40, false, gate.AskStaff},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			st := w.addGate("out", "south", gate.Config{
				Terminal: 2, Mode: gate.Exit, Station: w.mustStation("北京南站"), Medium: fare.MunicipalCard,
				RetapWindow: 30 * time.Second, PassWindow: time.Minute, Transit: &gate.Transit{},
			})
			r := w.makeCard("rider", cardSpec{profile: "transit-sm", balance: 9000})
			w.now += 5
			w.tap(st, w.makeCard("first", cardSpec{profile: "tunion"}), noCut, nil)
			w.now += 5
			if res := w.tapWith(st, r, fault{spoil: "signature"}).res; res.Opened || res.Display != gate.NotGenuine || !res.Retap {
				t.Fatalf("%v, %v", res.Display, res.Fault)
			}
			left := r.chip.Inspect().Balance
			w.now += c.after
			given := st.array.Expire(w.now)
			if c.deny {
				w.denied = map[txn.CardKey]bool{r.key: true}
			}
			res := w.tapWith(st, r, fault{}).res
			if res.Display != c.want || res.Opened != (c.want == gate.Goodbye) || r.chip.Inspect().Balance != left {
				t.Fatalf("%v, opened %v, balance %v of %v", res.Display, res.Opened, r.chip.Inspect().Balance, left)
			}
			switch {
			case res.Opened && (len(res.Records) != 1 || res.Records[0].Row.Kind != txn.Exit || !res.Records[0].Row.Flags.Has(txn.ServiceGiven|txn.ClosedByProve)):
				t.Errorf("it left %v", res.Records)
			case !res.Opened && len(res.Records) != 0:
				t.Errorf("a refusal left %v", res.Records)
			}
			rows := appendRows(w, nil, append(given, st.array.Flush()...))
			if res.Opened == (len(rows) == 1) || !res.Opened && rows[0].Flags.Reason() != txn.ODAFailed {
				t.Errorf("%d rows are left: %v", len(rows), rows)
			}
		})
	}
}

// TestRestoreOfRefusedTapsIsStrict spoils every byte of an array in which a refused tap
// waits: what is still taken has one form and can be given as rows.
func TestRestoreOfRefusedTapsIsStrict(t *testing.T) {
	w := newWorld(t)
	st := w.exitGate(&gate.Transit{})
	w.tapWith(st, w.makeCard("rider", cardSpec{profile: "transit-sm", balance: 9000}), fault{spoil: "signature"})
	good, err := st.array.Export(nil)
	w.must(err)
	if good[5] != 0x11 || good[6] != byte(txn.ODAFailed) {
		t.Fatalf("kind %02X, reason %02X", good[5], good[6])
	}
	refused := 0
	for at := range good {
		bad := bytes.Clone(good)
		bad[at] ^= 0x81
		var fresh gate.Array
		if fresh.Restore(bad) != nil {
			refused++
			continue
		}
		again, err := fresh.Export(nil)
		w.must(err)
		if rows := fresh.Flush(); !bytes.Equal(again, bad) || len(rows) != 1 || rows[0].Row.Flags.Has(txn.ServiceGiven) {
			t.Fatalf("byte %d: another form of the same array, or %d rows", at, len(rows))
		}
	}
	if refused == 0 || refused == len(good) {
		t.Errorf("%d of %d spoilt forms were refused", refused, len(good))
	}
	for _, why := range []txn.DoubtReason{txn.NoDoubt, txn.LastAnswerLost, txn.LeftBeforeLast, txn.CardDeclined, 0x7F} {
		bad := bytes.Clone(good)
		bad[6] = byte(why)
		var fresh gate.Array
		if fresh.Restore(bad) == nil {
			t.Errorf("reason %d was taken", why)
		}
	}
}
