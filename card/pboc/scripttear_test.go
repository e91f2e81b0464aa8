package pboc_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/card/pboc"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// tornScript is a command of the issuer whose writes are cut one by one.
type tornScript struct {
	name   string
	before func(i *issuer) // the card's past; nil for a new card
	cmd    func(i *issuer) string
	want   apdu.SW
	closed bool // afterwards the card is closed for good
}

func header(h string) func(*issuer) string {
	return func(i *issuer) string { return i.script(h, nil) }
}

func blocked(i *issuer) {
	noError(i.t, i.online())
	i.ok(i.script("841E0000", nil))
}

func changedRecord(i *issuer) {
	noError(i.t, i.online())
	i.ok(i.script("04DC0224", hexBytes(i.t, "7008 9F0802003257013F")))
	i.ok(i.script("04DC010C", hexBytes(i.t, "7003 57013F")))
}

var tornScripts = []tornScript{
	{"load", nil, func(i *issuer) string { return i.load(30000) }, apdu.SWOK, false},
	{"load with a full log", func(i *issuer) {
		noError(i.t, i.online())
		for n := range 4 {
			i.ok(i.load(money.Fen(20000 + n)))
		}
	}, func(i *issuer) string { return i.load(30000) }, apdu.SWOK, false},
	{"unload", nil, func(i *issuer) string { return i.load(0) }, apdu.SWOK, false},
	{"load of the second currency", nil, func(i *issuer) string { return i.putData("DF79", "000000099999") }, apdu.SWOK, false},
	{"load above the limit", nil, func(i *issuer) string { return i.load(500001) }, apdu.SWWrongData, false},
	{"PUT DATA 9F77", nil, func(i *issuer) string { return i.putData("9F77", "000000600000") }, apdu.SWOK, false},
	{"PUT DATA 9F73", nil, func(i *issuer) string { return i.putData("9F73", "10000007") }, apdu.SWOK, false},
	{"PIN CHANGE, P2 01", nil, func(i *issuer) string { return i.script("84240001", i.changeBlock("97531", "123456")) }, apdu.SWOK, false},
	{"PIN CHANGE, P2 02", nil, func(i *issuer) string { return i.script("84240002", i.changeBlock("9753102468", "")) }, apdu.SWOK, false},
	{"PIN UNBLOCK", func(i *issuer) {
		for range 3 {
			i.verifyPIN("261234FFFFFFFFFF")
		}
	}, header("84240000"), apdu.SWOK, false},
	{"APPLICATION BLOCK", nil, header("841E0000"), apdu.SWOK, false},
	{"APPLICATION UNBLOCK", blocked, header("84180000"), apdu.SWOK, false},
	{"CARD BLOCK", nil, header("84160000"), apdu.SWOK, true},
	{"UPDATE RECORD, first", nil, func(i *issuer) string { return i.script("04DC0224", hexBytes(i.t, "7008 9F0802003257013F")) }, apdu.SWOK, false},
	{"UPDATE RECORD, same length", changedRecord, func(i *issuer) string { return i.script("04DC0224", hexBytes(i.t, "7008 9F0802003357013E")) }, apdu.SWOK, false},
	{"UPDATE RECORD, longer", changedRecord, func(i *issuer) string {
		return i.script("04DC0224", hexBytes(i.t, "7018 9F08020033 5711 00112233445566778899AABBCCDDEEFF00"))
	}, apdu.SWOK, false},
	{"UPDATE RECORD, shorter", changedRecord, func(i *issuer) string { return i.script("04DC0224", hexBytes(i.t, "7003 570130")) }, apdu.SWOK, false},
	{"wrong MAC", nil, func(i *issuer) string {
		i.damaged = true
		defer func() { i.damaged = false }()
		return i.load(30000)
	}, apdu.SWMACWrong, false},
}

// ready is a card right before the script, in the middle of its transaction.
func (s *tornScript) ready(t *testing.T, alg cryptogram.Alg) *issuer {
	t.Helper()
	i := newIssuer(t, alg)
	if s.before != nil {
		s.before(i)
	}
	noError(t, i.first())
	if !i.state().Invalidated {
		noError(t, i.second())
	}
	return i
}

// TestTornScripts cuts the power before every write of every kind of script, with
// the write not done or half done, and then before every write of the recovery. The
// card has taken all of the script or nothing, the load log says what the balance
// says, and the next transaction works.
func TestTornScripts(t *testing.T) {
	cuts := 0
	for _, alg := range scriptAlgs {
		for k := range tornScripts {
			s := &tornScripts[k]
			i := s.ready(t, alg)
			before := i.chip.Snapshot(nil)
			first := i.chip.Memory().Writes()
			if _, sw := i.send(s.cmd(i)); sw != s.want {
				t.Fatalf("%v, %s: %v, want %v", alg, s.name, sw, s.want)
			}
			after := i.chip.Snapshot(nil)
			total := i.chip.Memory().Writes() - first
			if total == 0 || bytes.Equal(before, after) {
				t.Fatalf("%v, %s: nothing was written", alg, s.name)
			}
			outcomes := map[bool]int{}
			for n := 1; n <= total; n++ {
				for _, tear := range []cos.Tear{cos.TearNone, cos.TearFirst, cos.TearLast} {
					for recovery := 0; ; recovery++ {
						i := s.ready(t, alg)
						if !i.tear(s.cmd(i), n, recovery, tear) {
							break
						}
						cuts++
						got := i.chip.Snapshot(nil)
						if !bytes.Equal(got, before) && !bytes.Equal(got, after) {
							t.Fatalf("%v, %s, write %d, tear %d, recovery %d: neither before nor after", alg, s.name, n, tear, recovery)
						}
						outcomes[bytes.Equal(got, after)]++
						i.continues(s.closed && bytes.Equal(got, after))
					}
				}
			}
			if len(outcomes) != 2 {
				t.Errorf("%v, %s: only %v was seen", alg, s.name, outcomes)
			}
		}
	}
	t.Logf("%d power cuts", cuts)
}

// tear sends a command, cuts the power before its write n, then, unless recovery is
// 0, before that write of the recovery, and starts the card. It gives false if the
// recovery has fewer writes.
func (i *issuer) tear(cmd string, n, recovery int, tear cos.Tear) bool {
	i.t.Helper()
	m := i.chip.Memory()
	m.CutAt(m.Writes()+n, tear)
	if _, _, err := i.transmit(cmd); !errors.Is(err, card.ErrPowerCut) {
		i.t.Fatalf("%s, write %d: error %v, want a power cut", cmd, n, err)
	}
	if recovery > 0 {
		m.CutAt(m.Writes()+recovery, tear)
		err := i.chip.PowerOn(randomFrom(6))
		if err == nil {
			m.CutAt(0, cos.TearNone)
			return false
		}
		if !errors.Is(err, card.ErrPowerCut) {
			i.t.Fatalf("recovery: %v", err)
		}
	}
	noError(i.t, i.chip.PowerOn(randomFrom(7)))
	return true
}

// logAgrees checks that the newest record of the load log of 9F79 ends with the
// balance, as long as nothing was paid since.
func (i *issuer) logAgrees() {
	i.t.Helper()
	record, sw := i.send("00B2016400")
	if sw != apdu.SWOK || record[0] != 0x9F {
		return
	}
	if b, err := money.FromN12(record[8:14]); err != nil || b != i.state().Balance {
		i.t.Fatalf("load log says %X, the balance is %v", record, i.state().Balance)
	}
}

// continues checks that a card that was torn goes on: an online transaction, a load
// in it, and a payment over the air conserve value.
func (i *issuer) continues(closed bool) {
	i.t.Helper()
	if closed {
		i.want(selectDC, apdu.SWNotSupported)
		return
	}
	if i.state().Invalidated {
		i.want(selectDC, apdu.SWInvalidated)
		noError(i.t, i.first())
		i.ok(i.script("84180000", nil))
	}
	i.logAgrees()
	st := i.state()
	noError(i.t, i.online())
	if i.atc != st.ATC+1 || i.state().Balance != st.Balance || i.state().Second != st.Second {
		i.t.Fatalf("after %+v an online transaction gives %+v", st, i.state())
	}
	i.ok(i.load(st.Balance + 1000))
	i.logAgrees()
	i.powerOn(card.Contactless)
	i.ok(selectDC)
	i.objects(tlv.TagResponseFormat2, i.ok(airGPO(onlyQuick, "000000000900", "0156")))
	i.ok("00B2011C00")
	if got := i.state(); got.Balance != st.Balance+100 || got.Second != st.Second || got.ATC != st.ATC+2 {
		i.t.Fatalf("after %+v load and payment give %+v", st, got)
	}
}

// TestAnswerToScriptLost: the power fails after the command was carried out and
// before the terminal has its answer. The issuer learns from the next 9F10 whether
// the load arrived, and sends it again: the balance is absolute, so twice is once.
func TestAnswerToScriptLost(t *testing.T) {
	for _, arrives := range []bool{false, true} {
		i := newIssuer(t, cryptogram.TDES)
		noError(t, i.online())
		if arrives {
			i.ok(i.load(30000))
		}
		i.powerOn(card.Contact)
		i.ok(selectDC)
		i.ok(scriptGPO)
		data := i.ok(generateAC(t, 0x80, ""))
		iad, err := cryptogram.ParseIAD(data[2+11:])
		noError(t, err)
		want := money.Fen(10000)
		if arrives {
			want = 30000
		}
		if b, ok := iad.Balance(); !ok || b != want {
			t.Errorf("9F10 states %v, want %v", b, want)
		}
		if scripts := iad.CVR[2] >> 4; (scripts == 1) != arrives {
			t.Errorf("CVR %X, arrived %v", iad.CVR, arrives)
		}
		noError(t, i.online())
		i.ok(i.load(30000))
		if st := i.state(); st.Balance != 30000 {
			t.Errorf("%+v", st)
		}
	}
}

// TestTornLoadTransaction cuts the power before every write of a whole transaction
// with a load and before and after every answer: the balance is the old or the new
// one, and the new one only if the script was sent.
func TestTornLoadTransaction(t *testing.T) {
	cuts := 0
	for _, alg := range scriptAlgs {
		whole := newIssuer(t, alg)
		noError(t, whole.online())
		whole.ok(whole.load(30000))
		total := whole.chip.Memory().Writes()
		for n := 1; n <= total; n++ {
			for _, tear := range []cos.Tear{cos.TearNone, cos.TearFirst, cos.TearLast} {
				i := newIssuer(t, alg)
				i.chip.Memory().CutAt(n, tear)
				sent := false
				err := i.online()
				if err == nil {
					sent = true
					_, _, err = i.transmit(i.load(30000))
				}
				if !errors.Is(err, card.ErrPowerCut) {
					t.Fatalf("write %d: %v", n, err)
				}
				cuts++
				noError(t, i.chip.PowerOn(randomFrom(8)))
				st := i.state()
				if st.Balance != 10000 && !(sent && st.Balance == 30000) || (st.Balance == 30000) != (st.LoadRecords == 1) {
					t.Fatalf("%v, write %d: %+v", alg, n, st)
				}
				if st.Memory&^pboc.OnlineOpen != 0 {
					t.Fatalf("%v, write %d: the card remembers %04X", alg, n, uint16(st.Memory))
				}
				i.continues(false)
			}
		}
	}
	t.Logf("%d power cuts", cuts)
}
