package pboc_test

import (
	"testing"

	"github.com/citycard/citycard/card/pboc"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/wire/apdu"
)

// verifyPIN does a transaction with VERIFY and gives its answer.
func (i *issuer) verifyPIN(block string) apdu.SW {
	i.t.Helper()
	i.ok(selectDC)
	i.ok(scriptGPO)
	_, sw := i.send("0020008008" + block)
	return sw
}

// changeBlock is the enciphered new PIN of a script.
func (i *issuer) changeBlock(digits string, current string) []byte {
	i.t.Helper()
	next, err := pin.New(digits)
	noError(i.t, err)
	alg := i.card.Product.Alg
	k := pin.ChangeKeys{Alg: alg, Card: i.card.Keys.ENC, Session: cryptogram.DeriveSessionKey(alg, i.card.Keys.ENC, i.atc)}
	var now *pin.PIN
	if current != "" {
		p, err := pin.New(current)
		noError(i.t, err)
		now = &p
	}
	b, err := pin.ChangeBlock(k, next, now)
	noError(i.t, err)
	return b[:]
}

// TestPINScripts: PIN CHANGE with and without the current PIN, PIN UNBLOCK.
func TestPINScripts(t *testing.T) {
	const changed = "249753FFFFFFFFFF"
	for _, alg := range scriptAlgs {
		for _, p2 := range []string{"01", "02"} {
			i := newIssuer(t, alg)
			for try := 3; try > 0; try-- {
				if sw := i.verifyPIN("261234FFFFFFFFFF"); sw != 0x63C0|apdu.SW(try-1) {
					t.Fatalf("%v: wrong PIN: %v", alg, sw)
				}
			}
			if sw := i.verifyPIN(oldPIN); sw != apdu.SWDataInvalidated {
				t.Fatalf("%v: right PIN without tries: %v", alg, sw)
			}
			noError(t, i.online())
			i.ok(i.script("84240000", nil))
			if st := i.state(); st.PINTries != 3 {
				t.Fatalf("%v: unblocked: %+v", alg, st)
			}
			if sw := i.verifyPIN(oldPIN); sw != apdu.SWOK {
				t.Fatalf("%v: right PIN after the unblock: %v", alg, sw)
			}
			i.verifyPIN("261234FFFFFFFFFF")
			noError(t, i.online())
			current := ""
			if p2 == "01" {
				current = "123456"
			}
			i.ok(i.script("842400"+p2, i.changeBlock("9753", current)))
			if st := i.state(); st.PINTries != 3 {
				t.Fatalf("%v: changed: %+v", alg, st)
			}
			if sw := i.verifyPIN(oldPIN); sw != 0x63C2 {
				t.Errorf("%v, P2 %s: the old PIN: %v", alg, p2, sw)
			}
			if sw := i.verifyPIN(changed); sw != apdu.SWOK {
				t.Errorf("%v, P2 %s: the new PIN: %v", alg, p2, sw)
			}
		}
	}
}

// TestUnblockAfterPIN: an application that the PIN has blocked (9F52 byte 2 b8) says
// so until the issuer ends it.
func TestUnblockAfterPIN(t *testing.T) {
	c := scriptCard(t, cryptogram.TDES)
	c.Product.Contact.ADA = [2]byte{0, 0x80}
	i := (&issuer{t: t, card: c, image: scriptImage(t, c)}).insert(nil)
	i.ok(selectDC)
	i.ok(scriptGPO)
	for range 3 {
		i.send("0020008008 261234FFFFFFFFFF")
	}
	if st := i.state(); !st.Invalidated || st.Memory&pboc.BlockedByPIN == 0 {
		t.Fatalf("%+v", st)
	}
	noError(t, i.first())
	i.ok(i.script("84240000", nil))
	i.ok(i.script("84180000", nil))
	if st := i.state(); st.Invalidated || st.Memory&pboc.BlockedByPIN != 0 || st.PINTries != 3 {
		t.Errorf("%+v", st)
	}
	noError(t, i.online())
}

// TestPINChangeRefused: a new PIN that was enciphered with another current PIN, or is
// no PIN, changes nothing; a card without a PIN gets none this way.
func TestPINChangeRefused(t *testing.T) {
	i := newIssuer(t, cryptogram.TDES)
	noError(t, i.online())
	before := i.chip.Snapshot(nil)
	for _, c := range []struct {
		header string
		data   []byte
		want   apdu.SW
	}{
		{"84240001", i.changeBlock("9753", "654321"), apdu.SWWrongData},
		{"84240001", i.changeBlock("9753", ""), apdu.SWWrongData},
		{"84240002", make([]byte, 16), apdu.SWWrongData},
		{"84240002", make([]byte, 15), apdu.SWWrongLength},
		{"84240000", make([]byte, 16), apdu.SWWrongLength},
		{"84240003", make([]byte, 16), apdu.SWWrongP1P2},
		{"84240100", nil, apdu.SWWrongP1P2},
		{"841E0001", nil, apdu.SWWrongP1P2},
		{"84160000", make([]byte, 1), apdu.SWWrongLength},
	} {
		i.want(i.script(c.header, c.data), c.want)
	}
	if st := i.state(); st.Memory != pboc.ScriptFailed || st.Invalidated || st.CardBlocked {
		t.Errorf("%+v", st)
	}
	i = i.insert(before)
	if sw := i.verifyPIN(oldPIN); sw != apdu.SWOK {
		t.Errorf("the old PIN: %v", sw)
	}

	c := scriptCard(t, cryptogram.TDES)
	c.PIN = oda.PINBlock{}
	i = (&issuer{t: t, card: c, image: scriptImage(t, c)}).insert(nil)
	noError(t, i.online())
	i.want(i.script("84240000", nil), apdu.SWDataInvalidated)
	i.want(i.script("84240002", i.changeBlock("9753", "")), apdu.SWDataInvalidated)
}
