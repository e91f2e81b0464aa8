package gate_test

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/txn"
)

func goodSpec(profile string) cardSpec {
	return cardSpec{profile: profile, balance: 10000, expiry: [3]byte{0x30, 0x12, 0x31}, effective: [3]byte{0x25, 0x01, 0x01}}
}

func TestUID(t *testing.T) {
	for _, c := range []struct {
		hex    string
		ok     bool
		random bool
	}{
		{"04C1A2B3C4D5E6", true, false}, {"08112233", true, true}, {"04112233", true, false}, {"0811223344556677889A", true, false},
		{"", false, false}, {"0811223344", false, false}, {"zz", false, false},
	} {
		u, err := gate.ParseUID(c.hex)
		if (err == nil) != c.ok || u.Random() != c.random || c.ok && (u.String() != c.hex || fmt.Sprintf("%X", u.Bytes(nil)) != c.hex) {
			t.Errorf("%q: %v, random %v, error %v", c.hex, u, u.Random(), err)
		}
	}
}

func TestDisplayTexts(t *testing.T) {
	for d := gate.Welcome; d <= gate.OutOfOrder; d++ {
		if d.EN() == "" || d.ZH() == "" || d.String() != d.EN() {
			t.Errorf("display %d: %q %q", d, d.EN(), d.ZH())
		}
	}
	if s := gate.Display(200).EN(); s != "" {
		t.Errorf("undefined display says %q", s)
	}
}

func TestConfigIsChecked(t *testing.T) {
	w := newWorld(t)
	station, _ := w.book.StationByName("建国门")
	good := gate.Config{Terminal: 1, Mode: gate.Exit, Station: station, Medium: fare.BankCard, Kernel: w.kernelConfig()}
	if _, err := gate.New(good, gate.NewArray(), w.records, w.book); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*gate.Config){
		"Mode":            func(c *gate.Config) { c.Mode = 9 },
		"Station":         func(c *gate.Config) { c.Station = 9999 },
		"Medium":          func(c *gate.Config) { c.Medium = 0 },
		"windows":         func(c *gate.Config) { c.PassWindow = -time.Second },
		"ZeroAmountCheck": func(c *gate.Config) { c.Mode, c.Kernel.ZeroAmountCheck = gate.Entry, true },
		"TTQ":             func(c *gate.Config) { c.Kernel.TTQ = [4]byte{} },
	} {
		cfg := good
		spoil(&cfg)
		if _, err := gate.New(cfg, gate.NewArray(), w.records, w.book); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v should name it", name, err)
		}
	}
	if _, err := gate.New(good, nil, w.records, w.book); err == nil {
		t.Error("a gate without an array was made")
	}
}

func TestBusStopBeyondTheTariff(t *testing.T) {
	w := newWorld(t)
	st := w.addGate("bus", "bus", gate.Config{Terminal: 1, Mode: gate.Bus, Medium: fare.MunicipalCard})
	if err := st.gate.SetStop(1, 0, -1); err == nil {
		t.Error("a negative distance was taken")
	}
}

// TestGateBreaksWhileTheCardPays: paid and not let through is a doubt row with the
// proof in it.
func TestGateBreaksWhileTheCardPays(t *testing.T) {
	w := newWorld(t)
	station, _ := w.book.StationByName("建国门")
	st := w.addGate("in", "a", gate.Config{Terminal: 1, Mode: gate.Entry, Station: station, PassWindow: time.Minute})
	r := w.makeCard("rider", goodSpec("sm"))
	res := w.tap(st, r, noCut, func(cmd, _ []byte) {
		if commandName(cmd) == "READ RECORD" {
			st.gate.SetBroken(true)
		}
	})
	if res.Opened || res.Display != gate.OutOfOrder || len(res.Records) != 1 {
		t.Fatalf("result %+v", res)
	}
	f := res.Records[0].Row.Flags
	if f.Reason() != txn.GateFault || f.Has(txn.ServiceGiven) || !f.Has(txn.LastRecordRead|txn.ODAVerified|txn.Tag9F69Checked) {
		t.Fatalf("flags %04X", f)
	}
	if len(w.records.open) != 0 {
		t.Error("the station records have an entry of somebody who was not let in")
	}
	st.gate.SetBroken(false)
	if res := w.tap(st, r, noCut, nil); res.Display != gate.Welcome {
		t.Errorf("after the repair: %v", res.Display)
	}
}

func TestStepAfterTheEndChangesNothing(t *testing.T) {
	w := newWorld(t)
	station, _ := w.book.StationByName("建国门")
	st := w.addGate("in", "a", gate.Config{Terminal: 1, Mode: gate.Entry, Station: station})
	res := w.tap(st, w.makeCard("rider", goodSpec("sm")), noCut, nil)
	again := st.gate.Step(kernel.Event{Kind: kernel.CardLeft})
	if again.Done != res || len(res.Records) != 1 {
		t.Errorf("a second end: %+v", again)
	}
	if len(st.gate.Pending(nil)) != 0 {
		t.Error("something is pending after the end")
	}
}

// FuzzHostileCardAtGate: whatever a card answers, the gate ends the tap, every row can
// be stored, the array outlives the power, and the gate stays shut unless the one card that was recorded answers, with a
// signature over the 9F69 of its last record.
func FuzzHostileCardAtGate(f *testing.F) {
	w := newWorld(f)
	station, _ := w.book.StationByName("建国门")
	var seed []byte
	good := w.addGate("seed", "seed", gate.Config{Terminal: 9, Mode: gate.Exit, Station: station, Medium: fare.MunicipalCard})
	rider := w.makeCard("rider", goodSpec("sm"))
	w.tap(good, rider, noCut, func(_, answer []byte) {
		seed = append(append(seed, byte(len(answer)>>8), byte(len(answer))), answer...)
	})
	w.taps = 0
	recorded := binary.BigEndian.Uint32(func() []byte { un := w.nextUN(); return un[:] }())
	f.Add(seed, recorded)
	f.Add(seed, recorded+1)
	f.Add(seed[:300], recorded)
	f.Fuzz(func(t *testing.T, script []byte, un uint32) {
		w.t = t
		w.arrays["array"] = gate.NewArray()
		st := w.addGate("gate", "array", gate.Config{Terminal: 1, Mode: gate.Exit, Station: station, Medium: fare.MunicipalCard, PassWindow: time.Minute, RetapWindow: time.Minute})
		a := st.gate.Begin(w.now, gate.Field{Cards: 1}, [4]byte{byte(un >> 24), byte(un >> 16), byte(un >> 8), byte(un)})
		for steps := 0; a.Done == nil; steps++ {
			if steps > 200 {
				t.Fatal("the tap does not end")
			}
			switch {
			case a.Remove:
				a = st.gate.Step(kernel.Event{Kind: kernel.CardRemoved})
			case len(script) < 2:
				a = st.gate.Step(kernel.Event{Kind: kernel.CardLeft})
			default:
				n := min(int(script[0])<<8|int(script[1]), len(script)-2)
				a = st.gate.Step(kernel.Answered(script[2 : 2+n]))
				script = script[2+n:]
			}
		}
		var raw [txn.RowSize]byte
		for i := range a.Done.Records {
			if err := a.Done.Records[i].Row.Encode(&raw); err != nil {
				t.Fatal(err)
			}
		}
		stored, err := st.array.Export(nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := gate.NewArray().Restore(stored); err != nil {
			t.Fatalf("a card made a memory that cannot be restored: %v", err)
		}
		if !a.Done.Opened {
			return
		}
		row := &a.Done.Records[len(a.Done.Records)-1].Row
		if un != recorded || row.Card != rider.key || !row.Flags.Has(txn.LastRecordRead|txn.ODAVerified|txn.Tag9F69Checked|txn.ServiceGiven) {
			t.Fatalf("opened for %v with flags %04X and 9F37 %08X", row.Card, row.Flags, un)
		}
	})
}

func ExampleGate() {
	// The host's loop, with a card that leaves at once.
	var st gateForExample
	g := st.make()
	a := g.Begin(1774569600, gate.Field{Cards: 1}, [4]byte{1, 2, 3, 4})
	for a.Done == nil {
		switch {
		case a.Remove:
			a = g.Step(kernel.Event{Kind: kernel.CardRemoved})
		default: // transmit a.Send; no answer came
			a = g.Step(kernel.Event{Kind: kernel.CardLeft})
		}
	}
	for range a.Done.Records { // store first, then tell the station records: a.Done.Settle
	}
	fmt.Println(a.Done.Opened, a.Done.Display, a.Done.Display.ZH()) // then show
	// Output: false Please tap again here 请在此重新刷卡
}

// gateForExample hides what an example should not show: keys and fares.
type gateForExample struct{}

func (gateForExample) make() *gate.Gate {
	w := newWorld(&testing.T{})
	station, _ := w.book.StationByName("建国门")
	return w.addGate("in", "a", gate.Config{Terminal: 1, Mode: gate.Entry, Station: station}).gate
}
