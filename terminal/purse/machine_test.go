package purse_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/purse"
	"github.com/citycard/citycard/terminal/sam"
	"github.com/citycard/citycard/txn"
)

func txnFen(v int64) money.Fen { return money.Fen(v) }

func TestSettings(t *testing.T) {
	if _, err := purse.New(purse.Config{}); !errors.Is(err, purse.ErrConfig) {
		t.Errorf("no module: %v", err)
	}
	s := newStage(t)
	good := func() *purse.Input { return &purse.Input{AID: unhex(t, tunionAID), Network: sam.TUnion, Time: now} }
	for name, change := range map[string]func(in *purse.Input){
		"AID": func(in *purse.Input) { in.AID = in.AID[:4] }, "network": func(in *purse.Input) { in.Network = 3 },
		"records": func(in *purse.Input) { in.Records = make([]purse.RecordRef, 4) }, "time": func(in *purse.Input) { in.Time = 1 << 32 },
	} {
		in := good()
		change(in)
		if _, err := s.machine.Begin(in); !errors.Is(err, purse.ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
	x := s.issue("card", "dev-tunion", 5000, nil)
	known := func() {
		x.chip.PowerOff()
		check(t, x.chip.PowerOn(&x.rand))
		ready, err := s.machine.Begin(good())
		check(t, err)
		for !ready.Known {
			ready = s.machine.Answer(s.transmit(x.chip, ready.Send))
		}
	}
	for _, c := range []struct {
		amount   money.Fen
		compound bool
	}{{-1, true}, {0, false}, {1 << 31, true}} {
		known()
		if _, err := s.machine.Trade(c.amount, c.compound); !errors.Is(err, money.ErrRange) {
			t.Errorf("amount %d: %v", c.amount, err)
		}
	}
	for name, c := range map[string]struct {
		compound bool
		list     []purse.Write
	}{
		"none": {true, nil}, "with a plain one": {false, []purse.Write{{File: 0x1E, Data: []byte{1}}}}, "too many": {true, make([]purse.Write, 4)},
		"empty": {true, []purse.Write{{File: 0x1E}}}, "long": {true, []purse.Write{{File: 0x1E, Data: make([]byte, 201)}}}, "file": {true, []purse.Write{{File: 31, Data: []byte{1}}}},
	} {
		known()
		ready, err := s.machine.Trade(100, c.compound)
		check(t, err)
		for !ready.Opened {
			ready = s.machine.Answer(s.transmit(x.chip, ready.Send))
		}
		if _, err := s.machine.Write(c.list...); !errors.Is(err, purse.ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
	known()
	s.sam.Lose()
	if ready, err := s.machine.Trade(100, false); err != nil || ready.Outcome.Fault.Code != purse.ModuleFailed || ready.Outcome.Commit != kernel.NotCommitted {
		t.Errorf("without a module: %v", err)
	}
}

// What the host may not do in a state stops the program with a clear text.
func TestHostFaults(t *testing.T) {
	for name, f := range map[string]func(s *stage){
		"answer before begin": func(s *stage) { s.machine.Answer([]byte{0x90, 0}) },
		"left before begin":   func(s *stage) { s.machine.Left() },
		"trade before begin":  func(s *stage) { _, _ = s.machine.Trade(1, true) },
		"write before begin":  func(s *stage) { _, _ = s.machine.Write() },
		"module":              func(s *stage) { s.machine.Module(nil) },
		"stop":                func(s *stage) { s.machine.Stop() },
		"prove":               func(s *stage) { s.machine.Prove(&purse.Data{}) },
		"load":                func(s *stage) { s.loader.Answer([]byte{0x90, 0}) },
		"load left":           func(s *stage) { s.loader.Left() },
		"granted":             func(s *stage) { s.loader.Granted(purse.Grant{}) },
	} {
		func() {
			s := newStage(t)
			defer func() {
				if text := fmt.Sprint(recover()); !strings.HasPrefix(text, "purse: ") {
					t.Errorf("%s: %s", name, text)
				}
			}()
			f(s)
		}()
	}
}

// A card that answers anything at any place cannot make the machine claim a payment, and
// not be charged twice.
func TestHostileAnswers(t *testing.T) {
	for n := 1; n <= 7; n++ {
		for name, change := range map[string]func(b []byte) []byte{
			"nothing": func([]byte) []byte { return []byte{} }, "one byte": func([]byte) []byte { return []byte{0x90} },
			"no data": func([]byte) []byte { return []byte{0x90, 0} }, "longer": func(b []byte) []byte { return append([]byte{0}, b...) },
			"refused": func([]byte) []byte { return []byte{0x69, 0x85} }, "huge": func(b []byte) []byte { return append(make([]byte, 300), b...) },
			"zeros": func(b []byte) []byte { return append(make([]byte, len(b)-2), 0x90, 0) }, "ones": func(b []byte) []byte {
				return append([]byte(strings.Repeat("\xFF", len(b)-2)), 0x90, 0)
			},
		} {
			s := newStage(t)
			x := s.issue("card", "dev-tunion", 5000, nil)
			w := wants{amount: 400, compound: true, mark: 9}
			hit := false
			w.change = func(k int, _, answer []byte) []byte {
				if k != n {
					return answer
				}
				out := change(answer)
				hit = string(out) != string(answer)
				return out
			}
			out := s.tap(x, w).out
			paid := x.state().Offline == 1
			switch {
			case !hit:
			case n != 4 && n != 7 && out.Result == kernel.Approved: // file 15 is read then; records have no MAC; the cache answers nothing
			case out.Result == kernel.Approved:
				t.Errorf("answer %d %s: approved", n, name)
			case out.Commit == kernel.NotCommitted && paid:
				t.Errorf("answer %d %s: not committed, and the card has paid", n, name)
			case n < 7 && out.Commit != kernel.NotCommitted && name != "zeros" && name != "ones":
				t.Errorf("answer %d %s: %v", n, name, out.Commit)
			case out.Fault.Code == purse.NoFault:
				t.Errorf("answer %d %s: no fault is named", n, name)
			}
			if out.Result == kernel.Approved && (!paid || verdict(t, row(t, txn.Exit, 0, out.Data)) != txn.Cleared) {
				t.Errorf("answer %d %s: approved, paid %v", n, name, paid)
			}
		}
	}
}

func drawData(t *rapid.T, tb testing.TB) purse.Data {
	network := rapid.SampledFrom([]sam.Network{sam.TUnion, sam.CityUnion}).Draw(t, "network")
	mac := func(name string) epurse.MAC {
		return epurse.MAC(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, name))
	}
	s := newStage(tb)
	profile := "dev-tunion"
	if network == sam.CityUnion {
		profile = "dev-cityunion"
	}
	x := s.issue("card", profile, 5000, nil)
	d := *s.tap(x, wants{fault: fault{stopKnown: true}}).out.Data
	d.Type = rapid.SampledFrom([]epurse.Type{epurse.PurchaseEP, epurse.Compound}).Draw(t, "type")
	d.Amount, d.Time = money.Fen(rapid.Uint32().Draw(t, "amount")), int64(rapid.Uint32().Draw(t, "time"))
	d.Begun, d.Answered = rapid.Bool().Draw(t, "begun"), rapid.Bool().Draw(t, "answered")
	d.Balance, d.Limit, d.Sequence = rapid.Uint32Max(1<<31-1).Draw(t, "balance"), rapid.Uint32Max(1<<24-1).Draw(t, "limit"), rapid.Uint16Max(0xFFFE).Draw(t, "number")
	d.Version, d.Alg = rapid.Byte().Draw(t, "version"), rapid.SampledFrom([]epurse.Alg{epurse.TDES, epurse.SM4}).Draw(t, "algorithm")
	d.Number, d.MAC1, d.TAC, d.MAC2, d.Random = rapid.Uint32().Draw(t, "module"), mac("MAC1"), mac("TAC"), mac("MAC2"), [4]byte(mac("random"))
	copy(d.Terminal[:], rapid.SliceOfN(rapid.Byte(), 6, 6).Draw(t, "terminal"))
	return d
}

func TestDataComesBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := drawData(rt, t)
		b := d.Append([]byte{1, 2})
		back, err := purse.DecodeData(b[2:])
		if err != nil || back != d {
			rt.Fatalf("%v: %#v and %#v", err, d.Sequence, back.Sequence)
		}
	})
}

func FuzzDecodeData(f *testing.F) {
	s := newStage(f)
	x := s.issue("card", "dev-tunion", 5000, nil)
	d := *s.tap(x, wants{amount: 400, compound: true}).out.Data
	f.Add(d.Append(nil))
	f.Add(d.Append(nil)[:40])
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := purse.DecodeData(b)
		if err != nil {
			if !errors.Is(err, purse.ErrData) || d != (purse.Data{}) && d.Begun {
				t.Fatalf("%v", err)
			}
			return
		}
		if again := d.Append(nil); string(again) != string(b) {
			t.Fatalf("%X comes back as %X", b, again)
		}
	})
}

// FuzzMachine lets cards and modules answer anything: no panic, an end, and never an
// approval without the module's word.
func FuzzMachine(f *testing.F) {
	f.Add([]byte{2, 0x90, 0x00}, true)
	f.Add([]byte("\x35o1\x84\x08\xA0\x00\x00\x062\x01\x01\x05\xA5%\x9F\x08\x01\x02\x9F\x0C\x1E\x01\x01\x10\x00\xFF\xFF\xFF\xFF\x02\x01\x03\x10Qp\x01\x01p\x90y\x84 \x19\x08\x06 @\x121\x00\x00\x90\x00\x02\x6A\x83\x11\x00\x00\x13\x88\x00\x00\x00\x00\x00\x01\x00\x01\x02\x03\x04\x90\x00"), false)
	f.Fuzz(func(t *testing.T, answers []byte, prove bool) {
		s := newStage(t)
		next := func() []byte {
			if len(answers) == 0 {
				return nil
			}
			n := min(int(answers[0]), len(answers)-1)
			out := append([]byte{}, answers[1:1+n]...)
			answers = answers[1+n:]
			return out
		}
		ready, err := s.machine.Begin(&purse.Input{AID: unhex(t, tunionAID), Network: sam.TUnion, Records: []purse.RecordRef{{File: 0x1A, ID: 0x2702}}, Time: now})
		check(t, err)
		credited := false
		for steps := 0; ready.Outcome == nil; steps++ {
			if steps > 60 {
				t.Fatal("the machine does not end")
			}
			switch {
			case ready.SAM != nil && ready.SAM[1] == 0x72:
				answer := s.transmit(s.module, ready.SAM)
				credited = string(answer) == "\x90\x00"
				ready = s.machine.Module(answer)
			case ready.SAM != nil:
				ready = s.machine.Module(s.transmit(s.module, ready.SAM))
			case ready.Send != nil:
				if b := next(); b != nil {
					ready = s.machine.Answer(b)
				} else {
					ready = s.machine.Left()
				}
			case ready.Known && prove:
				prove = false
				torn := *s.machine.Data()
				torn.Begun, torn.Type, torn.Amount = true, epurse.Compound, 400
				ready = s.machine.Prove(&torn)
			case ready.Probe != nil && (ready.Probe.Left || ready.Probe.Verdict == purse.Paid):
				if ready.Probe.Verdict == purse.Paid {
					t.Fatal("a proof without a key")
				}
				return
			case ready.Known, ready.Probe != nil:
				ready, err = s.machine.Trade(400, true)
			case ready.Opened:
				ready, err = s.machine.Write(purse.Write{File: 0x1A, ID: 0x2702, Data: make([]byte, 128)})
			}
			check(t, err)
		}
		if ready.Outcome.Result == kernel.Approved && !credited {
			t.Fatal("approved without the module")
		}
		if ready.Outcome.Identified {
			row(t, txn.Doubt, txn.Flags(0).WithReason(txn.LastAnswerLost), ready.Outcome.Data)
		}
	})
}

func FuzzLoader(f *testing.F) {
	f.Add([]byte{2, 0x90, 0x00}, false)
	f.Fuzz(func(t *testing.T, answers []byte, prove bool) {
		s := newStage(t)
		x := s.issue("card", "dev-tunion", 5000, nil)
		in := loadInput(x, 100, len(answers)%2 == 0)
		ready, err := s.loader.Begin(in)
		if prove {
			ready, err = s.loader.Prove(in, &purse.LoadData{})
		}
		check(t, err)
		for steps := 0; ready.Outcome == nil && ready.Probe == nil; steps++ {
			if steps > 20 {
				t.Fatal("the loader does not end")
			}
			switch {
			case ready.Host != nil:
				ready = s.loader.Granted(purse.Grant{Approved: true})
			case len(answers) == 0:
				ready = s.loader.Left()
			default:
				n := min(int(answers[0]), len(answers)-1)
				ready = s.loader.Answer(append([]byte{}, answers[1:1+n]...))
				answers = answers[1+n:]
			}
		}
	})
}

func TestNames(t *testing.T) {
	for c := range purse.HostLost + 2 {
		if c <= purse.HostLost && (c.Name("zh") == "invalid" || c.Name("zh") == c.Name("en")) {
			t.Errorf("fault %d has no name", c)
		}
		if c > purse.HostLost && (c.String() != "invalid" || c.Name("zh") != "invalid") {
			t.Errorf("fault %d has a name", c)
		}
	}
	for v, want := range map[purse.Verdict]string{purse.Unclear: "unclear", purse.Paid: "paid", purse.NotPaid: "not paid", purse.OtherCard: "another card", 9: "invalid"} {
		if v.String() != want {
			t.Errorf("%d is %q", v, v)
		}
	}
	if f := (purse.Fault{Code: purse.ModuleFailed, SW: 0x6A88, Err: sam.ErrLost}); f.String() != "security module failed, 6A88: the security module does not answer" {
		t.Errorf("%v", f)
	}
}

func TestNumbersAreMasked(t *testing.T) {
	s := newStage(t)
	x := s.issue("card", "dev-tunion", 5000, nil)
	out := s.tap(x, wants{amount: 400, compound: true}).out
	text := fmt.Sprintf("%v %+v %#v %v %+v", out.Data, *out.Data, *out.Data, out.Data.Card, out.Data.Card)
	if strings.Contains(text, "3103104810010000001") || strings.Contains(text, "0x31, 0x4") || !strings.Contains(text, "310310*") {
		t.Errorf("a number is printed: %s", text)
	}
}

// BenchmarkExit is the exit of a rider: card, machine and module, both sides' arithmetic.
func BenchmarkExit(b *testing.B) {
	s := newStage(b)
	x := s.issue("card", "tunion", 90000, nil)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		if n++; n == 60000 {
			x = s.issue("card", "tunion", 90000, nil)
			n = 0
		}
		if out := s.tap(x, wants{amount: 1, compound: true}).out; out.Result != kernel.Approved {
			b.Fatal(out.Fault)
		}
	}
}

func TestNoAllocation(t *testing.T) {
	s := newStage(t)
	card := [][]byte{unhex(t, "6F318408A000000632010105A5259F0801029F0C1E0101100001011000020103103104810010000001202401012040123100009000"),
		append(append([]byte{0x27, 0x02}, make([]byte, 126)...), 0x90, 0), unhex(t, "0000138800000000000100010203049000"), {0x90, 0}, unhex(t, "AABBCCDDAABBCCDD9000")}
	module := [][]byte{{0x90, 0}, unhex(t, "00000000010203049000"), {0x90, 0}, unhex(t, "AABBCCDD9000"), {0x90, 0}}
	in := &purse.Input{AID: unhex(t, tunionAID), Network: sam.TUnion, Records: []purse.RecordRef{{File: 0x1A, ID: 0x2702}}, Time: now}
	record := make([]byte, 128)
	number := uint32(0x200)
	first := true
	if n := testing.AllocsPerRun(20, func() {
		number++
		copy(module[1], []byte{0, 0, byte(number >> 8), byte(number)})
		ready, err := s.machine.Begin(in)
		c, k := 0, 0
		if !first {
			k = 1 // the directory is selected already
		}
		for ready.Outcome == nil && err == nil {
			switch {
			case ready.SAM != nil:
				if ready.SAM[1] == 0x1A && !first {
					k = 2
				}
				ready = s.machine.Module(module[k])
				k++
				if k == 2 && !first {
					k = 3 // and the key is prepared
				}
			case ready.Send != nil:
				ready = s.machine.Answer(card[c])
				c++
			case ready.Known:
				ready, err = s.machine.Trade(100, true)
			default:
				ready, err = s.machine.Write(purse.Write{File: 0x1A, ID: 0x2702, Data: record})
			}
		}
		first = false
		if err != nil || ready.Outcome.Result != kernel.Approved {
			t.Fatalf("%v, %v", err, ready.Outcome.Fault)
		}
	}); n > 0 {
		t.Errorf("%v allocations in a purchase", n)
	}
}
