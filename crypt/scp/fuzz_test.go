package scp

import (
	"bytes"
	"testing"

	"github.com/citycard/citycard/wire/apdu"
)

// FuzzUnwrap gives the card hostile commands in every kind of session: only the
// host's own command may pass, all else ends the session.
func FuzzUnwrap(f *testing.F) {
	all := kinds()
	for i, k := range all {
		host, _ := k.open(f)
		wrapped, err := host.Wrap(apdu.Command{CLA: 0x80, INS: 0xE2, Data: []byte{1, 2, 3}, Le: 256})
		if err != nil {
			f.Fatal(err)
		}
		b := raw(f, wrapped)
		f.Add(byte(i), b)
		f.Add(byte(i), b[:len(b)-1])
		b[0] ^= 4
		f.Add(byte(i), b)
	}
	f.Add(byte(4), []byte{0x84, 0xE2, 0, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8})
	f.Fuzz(func(t *testing.T, which byte, b []byte) {
		c, err := apdu.ParseCommand(b)
		if err != nil {
			return
		}
		k := all[int(which)%len(all)]
		host, card := k.open(t)
		right, err := host.Wrap(apdu.Command{CLA: 0x80, INS: 0xE2, Data: []byte{1, 2, 3}, Le: 256})
		if err != nil {
			t.Fatal(err)
		}
		before := bytes.Clone(c.Data)
		out, sw := card.Unwrap(&c, make([]byte, 0, 16))
		if !bytes.Equal(before, c.Data) {
			t.Error("the command was altered")
		}
		genuine := bytes.Equal(c.Data, right.Data) && c.INS == right.INS && c.P1 == 0 && c.P2 == 0
		switch {
		case !k.l.Has(CMAC):
			if (sw == apdu.SWOK) != isPlain(c.CLA) {
				t.Errorf("%v: %X answers %v", k, b, sw)
			}
		case sw == apdu.SWOK && (!genuine || !bytes.Equal(out.Data, []byte{1, 2, 3}) || !card.Open()):
			t.Errorf("%v: %X passes as %X", k, b, out)
		case sw != apdu.SWOK && (sw != apdu.SWSecurity || card.Open()):
			t.Errorf("%v: %X answers %v, session open: %v", k, b, sw, card.Open())
		}
		card.ExternalAuthenticate(&c)
		if card.Open() {
			t.Errorf("%v: %X opens a session as EXTERNAL AUTHENTICATE", k, b)
		}
	})
}

// FuzzOpen gives the host hostile answers to INITIALIZE UPDATE.
func FuzzOpen(f *testing.F) {
	challenge := [8]byte{0xA1}
	genuine := map[string]bool{}
	for _, k := range kinds() {
		answer, err := new(Card).InitializeUpdate(nil, k.params(3), challenge)
		if err != nil {
			f.Fatal(err)
		}
		genuine[string(answer[10:])] = true
		f.Add(answer, byte(k.l))
		f.Add(answer[:len(answer)-1], byte(k.l))
	}
	f.Add([]byte{}, byte(1))
	f.Fuzz(func(t *testing.T, answer []byte, level byte) {
		host := NewHost(testKeys, challenge)
		host.ExpectChallenge(testAID)
		c, err := host.Open(answer, Level(level))
		if err != nil {
			if host.Level() != 0 || host.Protocol() != 0 {
				t.Errorf("a session after %v", err)
			}
			return
		}
		if !genuine[string(answer[10:])] || len(c.Data) != 16 || c.P1 != level {
			t.Errorf("%X opens a session: %X", answer, c)
		}
	})
}

// FuzzAnswer gives the host hostile answers inside a session.
func FuzzAnswer(f *testing.F) {
	k := kind{SCP03, SCP03Full, CMAC | CDEC | RMAC | RENC}
	exchange := func(t require) (*Host, []byte) {
		host, card := k.open(t)
		c, err := host.Wrap(apdu.Command{CLA: 0x80, INS: 0xCA, Le: 256})
		if err != nil {
			t.Fatalf("%v", err)
		}
		card.Unwrap(&c, nil)
		return host, card.Wrap(nil, []byte{1, 2, 3}, apdu.SWOK)
	}
	_, right := exchange(f)
	f.Add(right, uint16(0x9000))
	f.Add(right[:8], uint16(0x9000))
	f.Add([]byte{}, uint16(0x6A88))
	f.Fuzz(func(t *testing.T, data []byte, sw uint16) {
		host, right := exchange(t)
		got, err := host.Unwrap(data, apdu.SW(sw))
		switch {
		case err != nil && host.Protocol() != 0:
			t.Errorf("%X %04X: %v and the session goes on", data, sw, err)
		case err == nil && len(data) > 0 && (!bytes.Equal(data, right) || sw != 0x9000 || !bytes.Equal(got, []byte{1, 2, 3})):
			t.Errorf("%X %04X passes as %X", data, sw, got)
		}
	})
}
