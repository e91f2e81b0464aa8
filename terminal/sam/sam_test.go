package sam_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/capp"
	"github.com/citycard/citycard/card/psam"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/terminal/sam"
	"github.com/citycard/citycard/wire/apdu"
)

// Start reads the terminal number and asks for the directories of both networks; a
// module that has one of them serves that one.
func TestStart(t *testing.T) {
	x := ready(t, 0)
	if x.module.Terminal() != (epurse.Terminal{0x11, 0x22, 0x33, 0x44, 0x55, 0x66}) || !x.module.Ready() ||
		!x.module.Supports(sam.TUnion) || !x.module.Supports(sam.CityUnion) || x.module.Supports(0) || x.module.Supports(3) {
		t.Errorf("%v supports T-Union %v, City Union %v", x.module, x.module.Supports(sam.TUnion), x.module.Supports(sam.CityUnion))
	}
	if x.module.KeyIndex(sam.TUnion) != 1 || x.module.KeyIndex(7) != 0 {
		t.Error("the key index is another")
	}
	const want = "00A40000023F00\n00B0960006\n00A40000028011\n00B0970001\n00A40000021001\n00B0970001"
	if x.sent() != want {
		t.Errorf("sent\n%s\nwant\n%s", x.sent(), want)
	}

	s := spec(t)
	s.Applications = s.Applications[1:]
	y := insert(t, s, sam.Usual)
	y.must(y.module.Start())
	if y.module.Supports(sam.TUnion) || !y.module.Supports(sam.CityUnion) {
		t.Error("a module without 8011 serves T-Union")
	}
	if _, err := y.do(y.module.InitPurchase(purchase())); !errors.Is(err, sam.ErrNotReady) {
		t.Errorf("a purchase without its directory: %v", err)
	}
	z := insert(t, spec(t), sam.Layout{})
	z.must(z.module.Start())
	if !z.module.Ready() || z.module.Supports(sam.TUnion) {
		t.Error("a layout without purses")
	}
}

// The purchase of the vectors, with the MACs that they give.
func TestPurchase(t *testing.T) {
	x := ready(t, 0x122)
	j := x.must(x.module.InitPurchase(purchase()))
	if m := j.MAC(); j.Number() != 0x123 || m != mac(t, "29763771") || !x.module.Open(sam.TUnion, 0x123) || x.module.Open(sam.TUnion, 0x122) || x.module.Open(sam.CityUnion, 0x123) {
		t.Fatalf("number %X, MAC1 %X", j.Number(), m)
	}
	const want = "00A40000028011\n8070000024556677880010000000C80620260115101112010031048100100000010101100001011000" + "08"
	if x.sent() != want {
		t.Errorf("sent\n%s\nwant\n%s", x.sent(), want)
	}
	if j := x.must(x.module.CheckTAC(card1, epurse.TDES, trade(), mac(t, "676AED93"))); j.Check() != sam.Genuine {
		t.Error("the TAC of the vectors is not genuine")
	}
	if n, err := x.do(x.module.CheckTAC(card1, epurse.TDES, trade(), mac(t, "676AED92"))); err != nil || n != 1 {
		t.Errorf("the key of the TAC is prepared again: %d commands, %v", n, err)
	}
	if j := x.module.CheckTAC(card1, epurse.TDES, trade(), mac(t, "676AED92")); x.must(j).Check() != sam.Wrong {
		t.Error("another TAC is genuine")
	}
	if j := x.must(x.module.Credit(sam.TUnion, 0x123, mac(t, "75D66360"))); j.Check() != sam.Genuine || x.module.Open(sam.TUnion, 0x123) {
		t.Error("MAC2 of the vectors is not genuine")
	}
	if n, err := x.do(x.module.Credit(sam.TUnion, 0x123, mac(t, "75D66360"))); n != 0 || !errors.Is(err, sam.ErrNoPurchase) {
		t.Errorf("a purchase ends twice: %d commands, %v", n, err)
	}
}

// With SM4 the module takes its own key of the same index.
func TestPurchaseSM4(t *testing.T) {
	x := ready(t, 0x122)
	p := purchase()
	p.Alg = epurse.SM4
	if m := x.must(x.module.InitPurchase(p)).MAC(); m != mac(t, "4E243E16") {
		t.Errorf("MAC1 %X", m)
	}
	if x.must(x.module.CheckTAC(card1, epurse.SM4, trade(), mac(t, "BD48FFF0"))).Check() != sam.Genuine {
		t.Error("TAC")
	}
	if x.must(x.module.Credit(sam.TUnion, 0x123, mac(t, "CAA5A982"))).Check() != sam.Genuine {
		t.Error("MAC2")
	}
}

// City Union: the card's authentication code goes to the module before each purchase.
func TestAuthenticationCode(t *testing.T) {
	x := ready(t, 0x122)
	p := purchase()
	p.Card.Network, p.AuthCode = sam.CityUnion, unhex(t, "851122334455667788")
	if m := x.must(x.module.InitPurchase(p)).MAC(); m != mac(t, "28B5E7C2") {
		t.Errorf("MAC1 %X", m)
	}
	if !strings.HasPrefix(x.sent(), "80CA000009851122334455667788\n8070") {
		t.Errorf("sent\n%s", x.sent())
	}
	p.AuthCode = p.AuthCode[:8]
	if n, err := x.do(x.module.InitPurchase(p)); n != 0 || !errors.Is(err, sam.ErrNotReady) {
		t.Errorf("a code of eight bytes: %v", err)
	}
}

// A wrong MAC2 is the card's fault, and counts; the third locks the directory. Selecting
// another directory gives up the purchase, so its MAC2 is not sent at all.
func TestWrongMAC2(t *testing.T) {
	x := ready(t, 0)
	n := x.must(x.module.InitPurchase(purchase())).Number()
	x.must(x.module.CheckRecord(sam.RecordKey{File: 0x15}, [8]byte{}, []byte{1}, [4]byte{}))
	if sent, err := x.do(x.module.Credit(sam.TUnion, n, [4]byte{})); sent != 0 || !errors.Is(err, sam.ErrNoPurchase) {
		t.Fatalf("%d commands, %v", sent, err)
	}
	for i := range 3 {
		n := x.must(x.module.InitPurchase(purchase())).Number()
		j := x.module.Credit(sam.TUnion, n, [4]byte{})
		switch _, err := x.do(j); {
		case i < 2 && (err != nil || j.Check() != sam.Wrong):
			t.Fatalf("try %d: %v, %d", i, err, j.Check())
		case i == 2 && !errors.Is(err, sam.ErrLocked):
			t.Fatalf("the third: %v", err)
		}
	}
	if _, err := x.do(x.module.InitPurchase(purchase())); !errors.Is(err, sam.ErrLocked) {
		t.Errorf("a purchase of a locked directory: %v", err)
	}
	if _, err := x.do(x.module.InitPurchase(&sam.Purchase{Card: sam.Card{Network: sam.CityUnion}, AuthCode: make([]byte, 9), Type: epurse.Compound, Version: 1})); err != nil {
		t.Errorf("the other directory: %v", err)
	}
	x.must(x.module.Start())
	if x.module.Supports(sam.TUnion) {
		t.Error("a locked directory serves")
	}
}

// bank is a development card with journeys and the keys of its records.
func bank(t testing.TB, profile string) *card.Chip {
	t.Helper()
	r, err := devcard.Default(profile)
	if err != nil {
		t.Fatal(err)
	}
	img, err := devcard.Issue(r)
	if err != nil {
		t.Fatal(err)
	}
	chip := card.New()
	if err := chip.Insert(img, nil); err != nil {
		t.Fatal(err)
	}
	if err := chip.PowerOn(new(counter)); err != nil {
		t.Fatal(err)
	}
	return chip
}

// The records of development cards with the extension are genuine under both algorithms,
// whichever is tried first; any other bit makes them wrong.
func TestCheckRecord(t *testing.T) {
	for profile, alg := range map[string]epurse.Alg{"dev-transit-3des": epurse.TDES, "dev-transit-sm": epurse.SM4} {
		chip := bank(t, profile)
		for sfi, id := range map[byte]string{0x15: "0110", 0x1A: "2701"} {
			x := ready(t, 0)
			for _, c := range []string{"00A4040007A000000333010100", fmt.Sprintf("80B400%02X0A%s112233445566778800", sfi<<3, id)} {
				out, err := chip.Transmit(nil, unhex(t, c))
				if err != nil {
					t.Fatal(err)
				}
				data, sw, err := apdu.ParseResponse(out)
				if err != nil || sw != apdu.SWOK {
					t.Fatalf("%s: %v %v", c, sw, err)
				}
				if c[:4] != "80B4" {
					continue
				}
				record, code := data[:len(data)-4], [4]byte(data[len(data)-4:])
				random := [8]byte(unhex(t, "1122334455667788"))
				for _, hint := range []epurse.Alg{epurse.TDES, epurse.SM4} {
					k := sam.RecordKey{File: sfi, Factor: epurse.Factor(record[6:14]), Alg: hint}
					j := x.must(x.module.CheckRecord(k, random, record, code))
					if j.Check() != sam.Genuine || j.Alg() != alg {
						t.Errorf("%s file %02X, %v first: %d, %v", profile, sfi, hint, j.Check(), j.Alg())
					}
					record[len(record)-1] ^= 1
					if j := x.must(x.module.CheckRecord(k, random, record, code)); j.Check() != sam.Wrong {
						t.Error("another record is genuine")
					}
					record[len(record)-1] ^= 1
				}
				if n, err := x.do(x.module.CheckRecord(sam.RecordKey{File: sfi, Factor: epurse.Factor(record[6:14]), Alg: alg}, random, record, code)); err != nil || n > 2 {
					t.Errorf("%d commands for a record, %v", n, err)
				}
			}
		}
	}
}

// recordMaster is the key of a file in the profile, diversified for a card.
func recordKey(k sam.RecordKey) cryptogram.Key {
	return epurse.Diversify(k.Alg, devcard.RecordMaster(k.File), k.Factor)
}

func algorithm(a epurse.Alg) cryptogram.Alg {
	if a == epurse.SM4 {
		return cryptogram.SM4
	}
	return cryptogram.TDES
}

// TestCodes compares with the card's own arithmetic: codes of commands, of answers and of
// records read.
func TestCodes(t *testing.T) {
	x := ready(t, 0)
	rapid.Check(t, func(t *rapid.T) {
		k := sam.RecordKey{File: rapid.SampledFrom([]byte{0x15, 0x1A, 0x1E}).Draw(t, "file"), Factor: epurse.Factor(rapid.SliceOfN(rapid.Byte(), 8, 8).Draw(t, "factor")),
			Alg: rapid.SampledFrom([]epurse.Alg{epurse.TDES, epurse.SM4}).Draw(t, "algorithm")}
		record := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 0x80, 1, 0xFF}), 1, sam.MaxRecord).Draw(t, "record")
		atc := rapid.Uint16().Draw(t, "ATC")
		key, alg := recordKey(k), algorithm(k.Alg)
		j := x.must(x.module.Code(k, atc, record))
		code := capp.UpdateMAC(alg, key, atc, [5]byte{0x84, 0xDE, 0, k.File << 3, byte(len(record) + 4)}, record)
		if j.MAC() != code {
			t.Fatalf("code %X, want %X", j.MAC(), code)
		}
		if j := x.must(x.module.CheckAnswer(k, code, capp.AnswerMAC(alg, key, code))); j.Check() != sam.Genuine {
			t.Fatal("the card's answer is not genuine")
		}
		random := [8]byte(rapid.SliceOfN(rapid.Byte(), 8, 8).Draw(t, "random"))
		hint := k
		hint.Alg = rapid.SampledFrom([]epurse.Alg{epurse.TDES, epurse.SM4}).Draw(t, "hint")
		read := capp.ReadMAC(alg, key, random, record)
		if j := x.must(x.module.CheckRecord(hint, random, record, read)); j.Check() != sam.Genuine || j.Alg() != k.Alg {
			t.Fatalf("a record of %d bytes under %v, %v first: %d", len(record), k.Alg, hint.Alg, j.Check())
		}
		read[0] ^= 1
		if j := x.must(x.module.CheckRecord(hint, random, record, read)); j.Check() != sam.Wrong {
			t.Fatal("another code is genuine")
		}
	})
}

// A module without the key says so; that is no word about the card.
func TestMissingKeys(t *testing.T) {
	s := spec(t)
	for i := range s.Applications {
		d := &s.Applications[i]
		kept := d.Keys[:0:0]
		for _, k := range d.Keys {
			if !(k.Type == psam.TypeMAC && (d.ID == 0x8011 || k.Index == 0x15 || k.Index == 0x5A)) {
				kept = append(kept, k)
			}
		}
		d.Keys = kept
	}
	x := insert(t, s, sam.Usual)
	x.must(x.module.Start())
	x.must(x.module.InitPurchase(purchase()))
	if j := x.must(x.module.CheckTAC(card1, epurse.TDES, trade(), [4]byte{})); j.Check() != sam.Unchecked || !x.module.Open(sam.TUnion, 1) {
		t.Errorf("TAC without its key: %d, purchase open %v", j.Check(), x.module.Open(sam.TUnion, 1))
	}
	if n, err := x.do(x.module.CheckTAC(card1, epurse.TDES, trade(), [4]byte{})); n != 0 || err != nil {
		t.Errorf("the missing key is asked for again: %d commands, %v", n, err)
	}
	if j := x.must(x.module.CheckRecord(sam.RecordKey{File: 0x15}, [8]byte{}, []byte{1}, [4]byte{})); j.Check() != sam.Wrong || j.Alg() != epurse.SM4 {
		t.Errorf("only the SM4 key is there: %d, %v", j.Check(), j.Alg())
	}
	if j := x.must(x.module.CheckRecord(sam.RecordKey{File: 0x1A}, [8]byte{}, []byte{1}, [4]byte{})); j.Check() != sam.Wrong {
		t.Errorf("only the 3DES key is there: %d", j.Check())
	}
	if _, err := x.do(x.module.Code(sam.RecordKey{File: 0x15}, 1, []byte{1})); !errors.Is(err, sam.ErrAnswer) {
		t.Errorf("a code without its key: %v", err)
	}
	if _, err := x.do(x.module.CheckRecord(sam.RecordKey{File: 0x1B}, [8]byte{}, []byte{1}, [4]byte{})); !errors.Is(err, sam.ErrAnswer) {
		t.Errorf("a file that the module does not know: %v", err)
	}
}

func TestRefusedWork(t *testing.T) {
	x := insert(t, spec(t), sam.Usual)
	for name, j := range map[string]func() *sam.Job{
		"record before Start": func() *sam.Job {
			return x.module.CheckRecord(sam.RecordKey{File: 0x15}, [8]byte{}, []byte{1}, [4]byte{})
		},
		"TAC before Start": func() *sam.Job { return x.module.CheckTAC(card1, epurse.TDES, trade(), [4]byte{}) },
		"purchase":         func() *sam.Job { return x.module.InitPurchase(purchase()) },
		"answer":           func() *sam.Job { return x.module.CheckAnswer(sam.RecordKey{File: 0x15}, epurse.MAC{}, [4]byte{}) },
	} {
		if n, err := x.do(j()); n != 0 || !errors.Is(err, sam.ErrNotReady) {
			t.Errorf("%s: %d commands, %v", name, n, err)
		}
	}
	y := ready(t, 0)
	for name, j := range map[string]func() *sam.Job{
		"no record":   func() *sam.Job { return y.module.Code(sam.RecordKey{File: 0x15}, 1, nil) },
		"long record": func() *sam.Job { return y.module.Code(sam.RecordKey{File: 0x15}, 1, make([]byte, 201)) },
		"none read":   func() *sam.Job { return y.module.CheckRecord(sam.RecordKey{File: 0x15}, [8]byte{}, nil, [4]byte{}) },
		"network":     func() *sam.Job { return y.module.InitPurchase(&sam.Purchase{}) },
	} {
		if n, err := y.do(j()); n != 0 || !errors.Is(err, sam.ErrNotReady) {
			t.Errorf("%s: %d commands, %v", name, n, err)
		}
	}
	z := insert(t, spec(t), sam.Layout{Purse: sam.Usual.Purse})
	z.must(z.module.Start())
	if _, err := z.do(z.module.Code(sam.RecordKey{File: 0x15}, 1, []byte{1})); !errors.Is(err, sam.ErrNotReady) {
		t.Errorf("records without a directory: %v", err)
	}
	z.must(z.module.InitPurchase(purchase()))
	if j := z.must(z.module.CheckTAC(card1, epurse.TDES, trade(), [4]byte{})); j.Check() != sam.Unchecked {
		t.Error("a TAC without a key in the layout is judged")
	}
}

// A module of T=0 hands data over by GET RESPONSE.
func TestGetResponse(t *testing.T) {
	x := ready(t, 0x122)
	var kept []byte
	x.answer = func(_ int, cmd, answer []byte) []byte {
		switch n := len(answer) - 2; {
		case cmd[1] == 0xC0:
			return append(append([]byte{}, kept...), 0x90, 0x00)
		case n > 0:
			kept = append(kept[:0], answer[:n]...)
			return []byte{0x61, byte(n)}
		}
		return answer
	}
	x.must(x.module.Start())
	if m := x.must(x.module.InitPurchase(purchase())).MAC(); m != mac(t, "29763771") {
		t.Errorf("MAC1 %X", m)
	}
	if !strings.HasSuffix(x.sent(), "\n00C0000008") {
		t.Errorf("sent\n%s", x.sent())
	}
}

// Every answer that is lost, empty, cut, long or a refusal ends the job with an error
// that names the command; afterwards the module works again.
func TestBadAnswers(t *testing.T) {
	jobs := map[string]func(x *slot) *sam.Job{
		"start": func(x *slot) *sam.Job { return x.module.Start() },
		"record": func(x *slot) *sam.Job {
			return x.module.CheckRecord(sam.RecordKey{File: 0x15}, [8]byte{}, []byte{1}, [4]byte{})
		},
		"code": func(x *slot) *sam.Job { return x.module.Code(sam.RecordKey{File: 0x15}, 1, []byte{1}) },
		"tac":  func(x *slot) *sam.Job { return x.module.CheckTAC(card1, epurse.TDES, trade(), [4]byte{}) },
		"init": func(x *slot) *sam.Job { return x.module.InitPurchase(purchase()) },
		"credit": func(x *slot) *sam.Job {
			n := x.must(x.module.InitPurchase(purchase())).Number()
			return x.module.Credit(sam.TUnion, n, [4]byte{})
		},
	}
	for name, job := range jobs {
		for at := 1; at <= 4; at++ {
			for kind, change := range map[string]func(b []byte) []byte{
				"lost": func([]byte) []byte { return nil }, "empty": func([]byte) []byte { return []byte{} },
				"long": func(b []byte) []byte { return append([]byte{1, 2}, b...) }, "refused": func([]byte) []byte { return []byte{0x69, 0x99} },
				"endless": func([]byte) []byte { return []byte{0x61, 0x04} }, "endless length": func([]byte) []byte { return []byte{0x6C, 0x04} }, "locked": func([]byte) []byte { return []byte{0x93, 0x03} },
				"huge": func([]byte) []byte { return append(make([]byte, 300), 0x90, 0) },
			} {
				x := ready(t, 0)
				reached := false
				j := job(x)
				x.answer = func(n int, _, answer []byte) []byte {
					if n < at || !strings.HasPrefix(kind, "endless") && n > at {
						return answer
					}
					reached = true
					return change(answer)
				}
				_, err := x.do(j)
				x.answer = nil
				selects := kind == "long" && len(x.log) > at && strings.HasPrefix(x.log[at-1], "00A4") // FCI is not read
				missing := name == "start" && at > 2 && kind != "lost" && kind != "empty" && kind != "huge"
				if reached && err == nil && !selects && !missing {
					t.Errorf("%s, answer %d %s: no error", name, at, kind)
				}
				if err != nil && (kind == "lost") != errors.Is(err, sam.ErrLost) {
					t.Errorf("%s, answer %d %s: %v", name, at, kind, err)
				}
				if name != "start" && x.module.Ready() == errors.Is(err, sam.ErrLost) || err == nil && !x.module.Ready() {
					t.Errorf("%s, answer %d %s: ready %v, %v", name, at, kind, x.module.Ready(), err)
				}
				x.must(x.module.Start())
				n := x.must(x.module.InitPurchase(purchase())).Number()
				if !x.module.Open(sam.TUnion, n) {
					t.Errorf("%s, answer %d %s: the module does not work again", name, at, kind)
				}
			}
		}
	}
}

// A module that gives a transaction number again is not used for the purchase.
func TestNumberMustGrow(t *testing.T) {
	x := ready(t, 5)
	x.must(x.module.InitPurchase(purchase()))
	x.answer = func(_ int, cmd, answer []byte) []byte {
		if cmd[1] == 0x70 {
			copy(answer, []byte{0, 0, 0, 6})
		}
		return answer
	}
	if _, err := x.do(x.module.InitPurchase(purchase())); !errors.Is(err, sam.ErrAnswer) || x.module.Open(sam.TUnion, 6) || x.module.Open(sam.TUnion, 7) {
		t.Errorf("number 6 after 6: %v", err)
	}
}

func TestRedacted(t *testing.T) {
	x := ready(t, 0)
	j := x.module.InitPurchase(purchase())
	k := sam.RecordKey{File: 0x15, Factor: card1.Serial}
	for _, v := range []any{x.module, j, k, card1} {
		if s := text(v); strings.Contains(s, "3104") || strings.Contains(s, "49 4 129") {
			t.Errorf("a card number is printed: %s", s)
		}
	}
	if text(sam.CityUnion) == text(sam.Network(9)) {
		t.Error("names of networks")
	}
}

func FuzzJob(f *testing.F) {
	f.Add([]byte{0x90, 0x00}, byte(0))
	f.Add([]byte{2, 0x90, 0x00, 8, 1, 2, 3, 4, 5, 6, 0x90, 0, 2, 0x61, 4, 6, 1, 2, 3, 4, 0x90, 0}, byte(3))
	f.Fuzz(func(t *testing.T, answers []byte, which byte) {
		x := ready(t, 0)
		var j *sam.Job
		switch which % 5 {
		case 0:
			j = x.module.Start()
		case 1:
			j = x.module.CheckRecord(sam.RecordKey{File: 0x15}, [8]byte{}, []byte{0x80, 0}, [4]byte{})
		case 2:
			j = x.module.InitPurchase(&sam.Purchase{Card: sam.Card{Network: sam.CityUnion}, AuthCode: make([]byte, 9)})
		case 3:
			j = x.module.CheckTAC(card1, epurse.SM4, trade(), [4]byte{})
		case 4:
			j = x.module.Credit(sam.TUnion, x.must(x.module.InitPurchase(purchase())).Number(), [4]byte{})
		}
		_, done, err := j.Next(nil)
		for n := 0; !done; n++ {
			if n > 40 {
				t.Fatal("a job does not end")
			}
			var next []byte
			if len(answers) > 0 {
				k := min(int(answers[0]), len(answers)-1)
				next, answers = append([]byte{}, answers[1:1+k]...), answers[1+k:]
			}
			_, done, err = j.Next(next)
		}
		if _, again, err2 := j.Next(nil); !again || (err == nil) != (err2 == nil) {
			t.Fatal("a job that is done goes on")
		}
	})
}

func TestNoAllocation(t *testing.T) {
	x := ready(t, 0)
	k := sam.RecordKey{File: 0x15}
	record := make([]byte, 128)
	x.must(x.module.Code(k, 7, record))
	ok, code := []byte{0x90, 0}, []byte{1, 2, 3, 4, 0x90, 0}
	if n := testing.AllocsPerRun(50, func() {
		k.Factor[0]++
		j := x.module.Code(k, 7, record)
		for _, answer := range [][]byte{nil, ok} {
			if _, done, err := j.Next(answer); done || err != nil {
				t.Fatal(err)
			}
		}
		if _, done, err := j.Next(code); !done || err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations for a code", n)
	}
}

func BenchmarkCode(b *testing.B) {
	x := ready(b, 0)
	k := sam.RecordKey{File: 0x15}
	record := make([]byte, 128)
	b.ReportAllocs()
	for b.Loop() {
		x.must(x.module.Code(k, 7, record))
	}
}
