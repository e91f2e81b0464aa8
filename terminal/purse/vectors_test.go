package purse_test

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/purse"
	"github.com/citycard/citycard/terminal/sam"
	"github.com/citycard/citycard/txn"
)

// at is a time at UTC+8 as stamps have it.
func at(t testing.TB, stamp string) int64 {
	t.Helper()
	x, err := time.ParseInLocation("20060102150405", stamp, txn.CityTime)
	check(t, err)
	return x.Unix()
}

// set makes a card's source of random numbers give the vector's.
type set []byte

func (s *set) Read(p []byte) (int, error) {
	n := copy(p, *s)
	*s = (*s)[n:]
	for i := n; i < len(p); i++ {
		p[i] = byte(i)
	}
	return len(p), nil
}

// TestOurVectors runs the purchases marked ours of the vectors of crypt/epurse between
// card, machine and module: every code is the vector's.
func TestOurVectors(t *testing.T) {
	for _, c := range []struct {
		name, random, stamp     string
		index                   byte
		sequence                uint16
		number                  uint32
		balance, amount         uint32
		compound                bool
		mac1, tac, mac2, before string
	}{
		{"purchase", "55667788", "20260115101112", 0, 0x10, 0x123, 0x2774, 200, false, "29763771", "676AED93", "75D66360", ""},
		{"compound purchase", "99AABBCC", "20260115103000", 0, 0x11, 0x124, 0x26AC, 300, true, "71E8D69A", "1C7E0698", "1BEC3D80", ""},
		{"purchase under SM4", "55667788", "20260115101112", 0x41, 0x10, 0x123, 0x2774, 200, false, "4E243E16", "BD48FFF0", "CAA5A982", ""},
	} {
		s := newStage(t)
		if c.number == 0x124 {
			y := s.issue("before", "dev-tunion", 5000, nil)
			s.tap(y, wants{amount: 1})
		}
		s.install(purse.Config{Module: s.sam, KeyIndex: c.index})
		x := s.issue("card", "dev-tunion", c.balance, nil)
		nvm := x.chip.Snapshot(nil)
		binary.BigEndian.PutUint16(nvm[1+13+6:], c.sequence) // EP's offline number
		check(t, x.chip.Insert(x.image, nvm))
		random := set(unhex(t, c.random))
		x.chip.PowerOff()
		check(t, x.chip.PowerOn(&random))
		s.now = at(t, c.stamp)
		debit := ""
		out := s.tapOn(x, wants{amount: 0, log: func(_ string, command, _ []byte) {
			if command[1] == 0x54 {
				debit = fmt.Sprintf("%X", command)
			}
		}}, int64(c.amount), c.compound)
		if out.Result != kernel.Approved || out.Data.TAC != epurse.MAC(unhex(t, c.tac)) || out.Data.MAC2 != epurse.MAC(unhex(t, c.mac2)) {
			t.Errorf("%s: %v, TAC %X, MAC2 %X", c.name, out.Result, out.Data.TAC[:], out.Data.MAC2[:])
		}
		if want := fmt.Sprintf("805401000F%08X%s%s08", c.number, c.stamp, c.mac1); debit != want {
			t.Errorf("%s: %s, want %s", c.name, debit, want)
		}
		if got := verdict(t, row(t, txn.Purchase, 0, out.Data)); got != txn.Cleared {
			t.Errorf("%s: the row is %s", c.name, got)
		}
	}
}

// tapOn is a purchase of a card that has its power already.
func (s *stage) tapOn(x *player, w wants, amount int64, compound bool) *purse.Outcome {
	s.t.Helper()
	var r result
	left := false
	ready, err := s.machine.Begin(&purse.Input{AID: x.aid, Network: x.network, Records: x.refs(), Time: s.now})
	check(s.t, err)
	for ready.Outcome == nil {
		switch {
		case ready.Send != nil:
			ready = s.card(x, &r, &w, &left, ready.Send)
		case ready.SAM != nil:
			ready = s.samStep(&r, &w, ready.SAM)
		case ready.Known:
			w.compound = compound
			r.record = append([]byte(nil), s.machine.Record(0)...)
			ready, err = s.machine.Trade(txnFen(amount), compound)
			check(s.t, err)
		case ready.Opened:
			ready = s.write(x, &r, &w)
		}
	}
	return ready.Outcome
}

// conversation is a published session: the card's side, and what a module answers that
// has the published key, or none.
type conversation struct {
	network  sam.Network
	fci      string
	record   string
	auth     string
	opening  string
	debited  string
	terminal string
	number   uint32
	dpk      string // empty: no key was published
	mac1     string
	stamp    string
	amount   uint32
}

// play runs the machine through a conversation: it fails unless the machine sends what
// the terminal of the conversation sent, as far as that is known.
func (c *conversation) play(t *testing.T) (*purse.Outcome, []string) {
	t.Helper()
	var sent []string
	session := epurse.Session{}
	module := func(command []byte) []byte {
		ok := []byte{0x90, 0x00}
		switch {
		case command[1] == 0xB0 && command[2] == 0x96:
			return append(unhex(t, c.terminal), ok...)
		case command[1] == 0xB0:
			return append([]byte{1}, ok...)
		case command[1] == 0x1A:
			return []byte{0x6A, 0x88}
		case command[1] == 0x70:
			mac1 := unhex(t, c.mac1)
			if c.dpk != "" {
				session = epurse.PurchaseSession(epurse.TDES, epurse.Key(unhex(t, c.dpk)), [4]byte(command[5:]), binary.BigEndian.Uint16(command[9:]), c.number)
				trade := epurse.Trade{Type: epurse.Type(command[15]), Amount: binary.BigEndian.Uint32(command[11:]), Terminal: epurse.Terminal(unhex(t, c.terminal)),
					Stamp: epurse.Stamp(command[16:]), TerminalSeq: c.number, AuthCode: unhex(t, c.auth)}
				m := epurse.PurchaseMAC1(session, &trade)
				mac1 = m[:]
			}
			return append(binary.BigEndian.AppendUint32(nil, c.number), append(mac1, ok...)...)
		case command[1] == 0x72 && c.dpk != "":
			if !epurse.Equal(epurse.PurchaseMAC2(session, c.amount), command[5:]) {
				return []byte{0x93, 0x02}
			}
		}
		return ok
	}
	m := sam.New(sam.Usual)
	j := m.Start()
	command, done, err := j.Next(nil)
	for !done {
		command, done, err = j.Next(module(command))
	}
	check(t, err)
	machine, err := purse.New(purse.Config{Module: m})
	check(t, err)
	refs := []purse.RecordRef{{File: 0x17, ID: 2}}
	ready, err := machine.Begin(&purse.Input{AID: unhex(t, cityUnionAID), Network: c.network, Records: refs, Time: at(t, c.stamp)})
	check(t, err)
	for ready.Outcome == nil {
		switch {
		case ready.SAM != nil:
			ready = machine.Module(module(ready.SAM))
		case ready.Known:
			ready, err = machine.Trade(txnFen(int64(c.amount)), true)
		case ready.Opened:
			ready, err = machine.Write(purse.Write{File: 0x17, ID: 2, Data: unhex(t, c.record)})
		default:
			b := ready.Send
			sent = append(sent, fmt.Sprintf("%X", b))
			answer := ""
			switch b[1] {
			case 0xA4:
				answer = c.fci
			case 0xB2:
				answer = c.record
			case 0xCA:
				answer = c.auth
			case 0x50:
				answer = c.opening
			case 0x54:
				answer = c.debited
			}
			ready = machine.Answer(append(unhex(t, answer), 0x90, 0x00))
		}
		check(t, err)
	}
	return ready.Outcome, sent
}

const cityUnionFCI = "6F328409A00000000386980701A5259F0801019F0C1E073141000000000001010000410000008999998520150605203808080000"

// TestPublishedCompoundPurchase is the published session of a City Union card with its
// keys (GitHub ConardLKL/ChangSha 2c2754fc): the machine sends what its terminal sent,
// MAC1 follows from the authentication code, MAC2 verifies, and the TAC is the card's.
func TestPublishedCompoundPurchase(t *testing.T) {
	record := "022E" + strings.Repeat("00", 46)
	c := conversation{network: sam.CityUnion, fci: cityUnionFCI, record: record, auth: "8588D32B7688D32B76",
		opening: "00001C37" + "0000" + "000000" + "0100" + "9AC87503", debited: "44A8E04A350AC480", terminal: "000000000001", number: 1,
		dpk: "A338D92A10C8285411E761445C831C22", stamp: "20110919204812", amount: 0x1C37}
	c.fci = strings.Replace(c.fci, "20150605", "20100101", 1) // the log is older than the card's validity
	out, sent := c.play(t)
	want := []string{"00A4040009" + cityUnionAID + "00", "00B202B800", "80CA000009", "805003020B0100001C370000000000010F", "80DC02B830" + record, "805401000F0000000120110919204812303D735D08"}
	if strings.Join(sent, "\n") != strings.Join(want, "\n") {
		t.Errorf("sent\n%s\nwant\n%s", strings.Join(sent, "\n"), strings.Join(want, "\n"))
	}
	if out.Result != kernel.Approved || out.Commit != kernel.Committed || out.After() != 0 {
		t.Errorf("%v, %v, %v", out.Result, out.Commit, out.Fault)
	}
	trade := epurse.Trade{Type: epurse.Compound, Amount: 0x1C37, Terminal: out.Data.Terminal, Stamp: txn.StampBCD(out.Data.Time), TerminalSeq: 1}
	if tac := epurse.PurchaseTAC(epurse.TACSession(epurse.TDES, epurse.Key(unhex(t, "CAA6025290114BFCC3C9043F70F7A07A"))), &trade); tac != out.Data.TAC {
		t.Errorf("TAC %X, the card gave %X", tac[:], out.Data.TAC[:])
	}
	if out.Data.Card.Key.PAN.Digits() != "4100000089999985" {
		t.Errorf("card %v", out.Data.Card)
	}
}

// TestPublishedLoad is the published load of the same card: MAC1 of the card and TAC
// verify under its keys, and with their MAC2 the loader sends what the terminal sent.
func TestPublishedLoad(t *testing.T) {
	dlk, dtk := epurse.Key(unhex(t, "374598B5C0B0EAE1E1D06609AC5BB369")), epurse.Key(unhex(t, "CAA6025290114BFCC3C9043F70F7A07A"))
	var l purse.Loader
	ready, err := l.Begin(&purse.LoadInput{AID: unhex(t, cityUnionAID), Network: sam.CityUnion, Amount: 0x1C37, KeyIndex: 1,
		Terminal: epurse.Terminal(unhex(t, "000001000050")), PIN: unhex(t, "123456"), Time: at(t, "20160825103100")})
	check(t, err)
	var sent []string
	answers := map[byte]string{0xA4: cityUnionFCI, 0x50: "0000000000000100CDEF4F2006B1BEF5", 0x52: "ED0F8755"}
	for ready.Outcome == nil {
		if r := ready.Host; r != nil {
			s, trade := epurse.LoadSession(r.Alg, dlk, r.Random, r.Sequence), r.Trade
			if epurse.LoadMAC1(s, r.Balance, &trade) != r.MAC1 {
				t.Errorf("MAC1 %X is not the card's", r.MAC1[:])
			}
			trade.Stamp = epurse.Stamp(unhex(t, "20140825103100"))
			ready = l.Granted(purse.Grant{Approved: true, Stamp: trade.Stamp, MAC2: epurse.LoadMAC2(s, &trade)})
			continue
		}
		sent = append(sent, fmt.Sprintf("%X", ready.Send))
		ready = l.Answer(append(unhex(t, answers[ready.Send[1]]), 0x90, 0x00))
	}
	want := []string{"00A4040009" + cityUnionAID + "00", "0020000003123456", "805000020B0100001C3700000100005010", "805200000B201408251031000641DCD804"}
	if strings.Join(sent, "\n") != strings.Join(want, "\n") {
		t.Errorf("sent\n%s\nwant\n%s", strings.Join(sent, "\n"), strings.Join(want, "\n"))
	}
	out := ready.Outcome
	trade := out.Data.Request.Trade
	trade.Stamp = out.Data.Grant.Stamp
	if tac := epurse.LoadTAC(epurse.TACSession(epurse.TDES, dtk), uint32(out.Data.After()), 0, &trade); tac != out.Code || out.Data.After() != 0x1C37 {
		t.Errorf("TAC %X, the card gave %X", tac[:], out.Code[:])
	}
}

// TestRecordedWithoutKeys is a recorded session whose keys nobody has published: it
// decodes and makes a row, and the row cannot be verified, for no issuer's key is known.
func TestRecordedWithoutKeys(t *testing.T) {
	c := conversation{network: sam.CityUnion, fci: cityUnionFCI, record: "022E" + strings.Repeat("00", 46), auth: "800960A7F716C6B490",
		opening: "000162AF" + "0036" + "003200" + "0100" + "84176AD7", debited: "C630C2C8ABCC913B", terminal: "200041599997", number: 0x57,
		mac1: "66CBC863", stamp: "20180313164329", amount: 200}
	out, sent := c.play(t)
	if last := sent[len(sent)-1]; last != "805401000F000000572018031316432966CBC86308" {
		t.Errorf("DEBIT %s", last)
	}
	d := out.Data
	if d.Balance != 0x162AF || d.Sequence != 0x36 || d.Limit != 0x3200 || d.LoggedNumber() != 0x37 || d.TAC != epurse.MAC(unhex(t, "C630C2C8")) {
		t.Errorf("balance %X, number %X, limit %X", d.Balance, d.Sequence, d.Limit)
	}
	r := row(t, txn.Exit, 0, d)
	if p, ok := r.Purse(); !ok || p.Before != 0x162AF || p.Overdraft != 0x3200 {
		t.Errorf("row %+v", p)
	}
	if got := verdict(t, r); got != txn.BadCryptogram {
		t.Errorf("the row verifies under development keys: %s", got)
	}
}

// TestRecordedSelections: answers to SELECT of real cards, with their validity and
// numbers; one has no FCI that names file 15, which is read then.
func TestRecordedSelections(t *testing.T) {
	for _, c := range []struct {
		network     sam.Network
		fci, digits string
		time        string
		code        purse.FaultCode
	}{
		{sam.TUnion, "6F318408A000000632010105A5259F0801029F0C1E01011000FFFFFFFF0201031051700101709079842019080620401231" + "0000", "3105170010170907984", "20260101120000", purse.NoFault},
		{sam.TUnion, "6F318408A000000632010105A5259F0801029F0C1E01011000FFFFFFFF0201031051700101709079842019080620401231" + "0000", "3105170010170907984", "20190805235959", purse.NotYetValid},
		{sam.TUnion, "6F318408A000000632010105A5259F0801029F0C1E01011000FFFFFFFF0201031051700101709079842019080620401231" + "0000", "3105170010170907984", "20410101000000", purse.Expired},
		{sam.CityUnion, cityUnionFCI, "4100000089999985", "20380808235959", purse.NoFault},
		{sam.CityUnion, "6F0B8409A00000000386980701", "4100000089999985", "20260101120000", purse.NoFault},
		{sam.TUnion, strings.Replace(cityUnionFCI, "00004100", "10004100", 1), "", "20260101120000", purse.BadInfo}, // 20 digits
		{sam.CityUnion, strings.Replace(cityUnionFCI, "00004100", "0000F100", 1), "", "20260101120000", purse.BadInfo},
	} {
		s := newStage(t)
		ready, err := s.machine.Begin(&purse.Input{AID: unhex(t, tunionAID), Network: c.network, Time: at(t, c.time)})
		check(t, err)
		ready = s.machine.Answer(append(unhex(t, c.fci), 0x90, 0))
		if ready.Send != nil {
			if fmt.Sprintf("%X", ready.Send) != "00B095001E" {
				t.Errorf("%X", ready.Send)
			}
			ready = s.machine.Answer(append(unhex(t, cityUnionFCI[44:]), 0x90, 0))
		}
		switch {
		case c.code == purse.NoFault && !ready.Known:
			t.Errorf("%s: %v", c.fci, ready.Outcome.Fault)
		case c.code != purse.NoFault && (ready.Outcome == nil || ready.Outcome.Fault.Code != c.code):
			t.Errorf("%s at %s: %+v", c.fci, c.time, ready)
		case c.digits != "" && s.machine.Card().Key.PAN.Digits() != c.digits:
			t.Errorf("%s: %v", c.fci, s.machine.Card().Key)
		}
	}
}
