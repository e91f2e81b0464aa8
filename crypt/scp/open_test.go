package scp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/wire/apdu"
)

func TestExternalAuthenticateRefuses(t *testing.T) {
	cases := []struct {
		name   string
		change func(c *apdu.Command)
		want   apdu.SW
	}{
		{"class without secure messaging", func(c *apdu.Command) { c.CLA = 0x80 }, apdu.SWUnknownCLA},
		{"ISO secure messaging", func(c *apdu.Command) { c.CLA = 0x8C }, apdu.SWUnknownCLA},
		{"level 02", func(c *apdu.Command) { c.P1 = 0x02 }, apdu.SWWrongP1P2},
		{"level 10", func(c *apdu.Command) { c.P1 = 0x10 }, apdu.SWWrongP1P2},
		{"level 31", func(c *apdu.Command) { c.P1 = 0x31 }, apdu.SWWrongP1P2},
		{"P2", func(c *apdu.Command) { c.P2 = 1 }, apdu.SWWrongP1P2},
		{"no data", func(c *apdu.Command) { c.Data = nil }, apdu.SWWrongLength},
		{"17 bytes", func(c *apdu.Command) { c.Data = append(c.Data, 0) }, apdu.SWWrongLength},
		{"host cryptogram, first bit", func(c *apdu.Command) { c.Data[0] ^= 0x80 }, apdu.SWFailed},
		{"host cryptogram, last bit", func(c *apdu.Command) { c.Data[7] ^= 0x01 }, apdu.SWFailed},
		{"MAC, first bit", func(c *apdu.Command) { c.Data[8] ^= 0x80 }, apdu.SWSecurity},
		{"MAC, last bit", func(c *apdu.Command) { c.Data[15] ^= 0x01 }, apdu.SWSecurity},
		{"another level than the MAC covers", func(c *apdu.Command) { c.P1 = 0 }, apdu.SWSecurity},
	}
	for _, k := range kinds() {
		for _, tc := range cases {
			if k.l == 0 && tc.name == "another level than the MAC covers" {
				continue
			}
			_, card, external := k.begin(t)
			right := external
			right.Data = bytes.Clone(external.Data)
			tc.change(&external)
			if sw := card.ExternalAuthenticate(&external); sw != tc.want || card.Open() {
				t.Errorf("%v, %s: answers %v, open %v, want %v", k, tc.name, sw, card.Open(), tc.want)
			}
			if sw := card.ExternalAuthenticate(&right); sw != apdu.SWConditions {
				t.Errorf("%v, %s: the right one afterwards answers %v", k, tc.name, sw)
			}
		}
		// Once only, and never without INITIALIZE UPDATE.
		_, card, external := k.begin(t)
		card.ExternalAuthenticate(&external)
		if sw := card.ExternalAuthenticate(&external); sw != apdu.SWConditions || card.Open() {
			t.Errorf("%v: a second EXTERNAL AUTHENTICATE answers %v, open %v", k, sw, card.Open())
		}
	}
}

func TestInitializeUpdateRefuses(t *testing.T) {
	good := kind{SCP03, SCP03Full, 0}.params(1)
	cases := []struct {
		name   string
		change func(p *Params)
		want   error
	}{
		{"protocol", func(p *Params) { p.Protocol = 0x01 }, ErrVariant},
		{"R-ENCRYPTION without R-MAC", func(p *Params) { p.Variant = 0x50 }, ErrVariant},
		{"i of another protocol", func(p *Params) { p.Variant = 0x15 }, ErrVariant},
		{"SCP02 with R-MAC", func(p *Params) { p.Protocol, p.Variant = SCP02, 0x75 }, ErrVariant},
		{"counter at its end", func(p *Params) { p.Sequence = 0xFFFFFF }, ErrSequence},
		{"SCP02 counter at its end", func(p *Params) { p.Protocol, p.Variant, p.Sequence = SCP02, 0x15, 0xFFFF }, ErrSequence},
		{"no AID", func(p *Params) { p.AID = nil }, ErrAID},
		{"long AID", func(p *Params) { p.AID = make([]byte, 17) }, ErrAID},
	}
	for _, tc := range cases {
		_, card := kind{SCP03, SCP03Full, CMAC}.open(t)
		p := good
		tc.change(&p)
		got, err := card.InitializeUpdate([]byte{1}, p, [8]byte{})
		if !errors.Is(err, tc.want) || len(got) != 1 || card.Open() || card.NextSequence() != 0 || card.Protocol() != 0 {
			t.Errorf("%s: %X, %v, session open: %v", tc.name, got, err, card.Open())
		}
	}
}

func TestHostRefuses(t *testing.T) {
	challenge := [8]byte{0xA1}
	for _, p := range []Params{kind{SCP02, SCP02Pseudo, 0}.params(3), kind{SCP03, SCP03Full, 0}.params(3), kind{SCP03, 0x60, 0}.params(3)} {
		answer, err := new(Card).InitializeUpdate(nil, p, challenge)
		if err != nil {
			t.Fatal(err)
		}
		open := func(keys KeySet, answer []byte, l Level, aid []byte) error {
			h := NewHost(keys, challenge)
			if aid != nil {
				h.ExpectChallenge(aid)
			}
			_, err := h.Open(answer, l)
			if _, wrapped := h.Wrap(apdu.Command{CLA: 0x80, Le: apdu.NoLe}); (wrapped == nil) != (err == nil) {
				t.Errorf("%v: Open says %v, Wrap says %v", p.Protocol, err, wrapped)
			}
			return err
		}
		if err := open(testKeys, answer, CMAC, nil); err != nil {
			t.Fatal(err)
		}
		for at := 12; at < 28; at++ { // sequence, challenge, cryptogram
			if p.Protocol == SCP03 && at == 12 {
				continue // i: nothing vouches for it, the card itself refuses a level that it lacks
			}
			for bit := range 8 {
				bad := bytes.Clone(answer)
				bad[at] ^= 1 << bit
				if err := open(testKeys, bad, CMAC, nil); err == nil {
					t.Errorf("%v: bit %d of byte %d may be flipped", p.Protocol, bit, at)
				}
			}
		}
		other := testKeys
		other.Version = 0x31
		wrong := testKeys
		wrong.ENC, wrong.MAC = wrong.DEK, wrong.DEK
		for name, tc := range map[string]struct{ got, want error }{
			"version":         {open(other, answer, CMAC, nil), ErrKeyVersion},
			"keys":            {open(wrong, answer, CMAC, nil), ErrCardCryptogram},
			"level":           {open(testKeys, answer, CDEC, nil), ErrLevel},
			"short":           {open(testKeys, answer[:27], CMAC, nil), ErrAnswer},
			"long":            {open(testKeys, append(bytes.Clone(answer), 0), CMAC, nil), ErrAnswer},
			"empty":           {open(testKeys, nil, CMAC, nil), ErrAnswer},
			"AID of another":  {open(testKeys, answer, CMAC, []byte{0xA0, 0, 0, 0, 3}), ErrChallenge},
			"other protocol ": {open(testKeys, append(append(bytes.Clone(answer[:11]), 1), answer[12:]...), CMAC, nil), ErrVariant},
		} {
			if !errors.Is(tc.got, tc.want) {
				t.Errorf("%v, %s: %v, want %v", p.Protocol, name, tc.got, tc.want)
			}
		}
		data, version, err := KeyDiversification(answer)
		if err != nil || data != p.Diversification || version != testKeys.Version {
			t.Errorf("diversification %X, version %02X, %v", data, version, err)
		}
		if _, _, err := KeyDiversification(answer[1:]); err == nil {
			t.Errorf("%v: diversification of a cut answer", p.Protocol)
		}
	}
}

// TestFlippedAnswers: every bit of a protected answer and of its status word.
func TestFlippedAnswers(t *testing.T) {
	for _, k := range kinds() {
		if !k.l.Has(RMAC) {
			continue
		}
		for _, data := range [][]byte{nil, {1, 2, 3}, make([]byte, 32)} {
			host, card := k.open(t)
			wrapped, err := host.Wrap(apdu.Command{CLA: 0x80, INS: 0xCA, Le: 256})
			if err != nil {
				t.Fatal(err)
			}
			card.Unwrap(&wrapped, nil)
			answer := card.Wrap(nil, data, apdu.SWOK)
			refused := func(bad []byte, sw apdu.SW, what string) {
				h := *host
				if _, err := h.Unwrap(bad, sw); !errors.Is(err, ErrRMAC) {
					t.Errorf("%v: %s: %v", k, what, err)
				}
				if _, err := h.Unwrap(answer, apdu.SWOK); !errors.Is(err, ErrClosed) {
					t.Errorf("%v: %s: the right answer afterwards: %v", k, what, err)
				}
			}
			for i := range answer {
				for bit := range 8 {
					bad := bytes.Clone(answer)
					bad[i] ^= 1 << bit
					refused(bad, apdu.SWOK, fmt.Sprintf("bit %d of byte %d", bit, i))
				}
			}
			for bit := range 16 {
				refused(answer, apdu.SWOK^1<<bit, fmt.Sprintf("bit %d of the status word", bit))
			}
			refused(nil, apdu.SWOK, "no MAC")
			refused(make([]byte, 300), apdu.SWOK, "300 bytes")
			if got, err := host.Unwrap(answer, apdu.SWOK); err != nil || !bytes.Equal(got, data) {
				t.Errorf("%v: the right answer: %X, %v", k, got, err)
			}
			if _, err := host.Unwrap(answer, apdu.SWOK); !errors.Is(err, ErrClosed) {
				t.Errorf("%v: an answer without a command: %v", k, err)
			}
			if again := card.Wrap(nil, data, apdu.SWOK); !bytes.Equal(again, data) {
				t.Errorf("%v: an answer without a command is protected: %X", k, again)
			}
		}
	}
}

func TestDEK(t *testing.T) {
	for _, k := range kinds() {
		host, card := k.open(t)
		for _, n := range []int{16, 32, 48, 240} {
			secret := bytes.Repeat([]byte{0x4B, 0x45, 0x59, 0x00}, n/4)
			sealed, err := host.EncryptDEK([]byte{9}, secret)
			if err != nil {
				t.Fatal(err)
			}
			opened, err := card.DecryptDEK([]byte{8}, sealed[1:])
			if err != nil || !bytes.Equal(opened[1:], secret) || bytes.Contains(sealed, secret[:8]) {
				t.Errorf("%v: %X becomes %X, %v", k, sealed, opened, err)
			}
			equal := bytes.Equal(sealed[1:1+k.p.BlockSize()], sealed[1+n-k.p.BlockSize():])
			if ecb := k.p == SCP02; n > 16 && equal != ecb {
				t.Errorf("%v: equal blocks stay equal: %v, want %v", k, equal, ecb)
			}
		}
		for _, n := range []int{0, 1, k.p.BlockSize() - 1, k.p.BlockSize() + 1} {
			if _, err := card.DecryptDEK(nil, make([]byte, n)); !errors.Is(err, ErrBlocks) {
				t.Errorf("%v: %d bytes: %v", k, n, err)
			}
		}
		card.Close()
		if _, err := card.DecryptDEK(nil, make([]byte, 16)); !errors.Is(err, ErrClosed) {
			t.Errorf("%v: closed session: %v", k, err)
		}
	}
	if _, err := NewHost(testKeys, [8]byte{}).EncryptDEK(nil, make([]byte, 16)); !errors.Is(err, ErrClosed) {
		t.Errorf("no session: %v", err)
	}
	// Under SCP03 the DEK is the static one, under SCP02 a session key.
	host, _ := kind{SCP03, SCP03Full, 0}.open(t)
	got, err := host.EncryptDEK(nil, make([]byte, 16))
	want := make([]byte, 16)
	newAES(testKeys.DEK).Encrypt(want, want)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("SCP03: %X, %v, want %X", got, err, want)
	}
}

// TestDiversify compares with the formulas written out once more, one block of
// triple DES at a time.
func TestDiversify(t *testing.T) {
	data := [10]byte{0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xAA}
	six := map[Diversification]string{Visa2: "112255667788", EMVCPS: "5566778899AA"}
	for d, prefix := range six {
		got := d.Diversify(testKeys, data)
		for n, pair := range []struct{ master, derived cryptogram.Key }{{testKeys.ENC, got.ENC}, {testKeys.MAC, got.MAC}, {testKeys.DEK, got.DEK}} {
			block, err := cryptogram.NewBlock(cryptogram.TDES, pair.master)
			if err != nil {
				t.Fatal(err)
			}
			want := unhex(t, fmt.Sprintf("%sF0%02X%s0F%02X", prefix, n+1, prefix, n+1))
			block.Encrypt(want, want)
			block.Encrypt(want[8:], want[8:])
			if !bytes.Equal(pair.derived[:], want) {
				t.Errorf("%v, key %d: %X, want %X", d, n+1, pair.derived[:], want)
			}
		}
		if got.Version != testKeys.Version {
			t.Errorf("%v: version %02X", d, got.Version)
		}
	}
	if got := Undiversified.Diversify(testKeys, data); got != testKeys {
		t.Error("undiversified keys are changed")
	}
}

func TestNothingIsPrinted(t *testing.T) {
	host, card := kind{SCP03, SCP03Full, CMAC | CDEC | RMAC | RENC}.open(t)
	for _, v := range []any{testKeys, &testKeys, host, *host, card, *card, kind{SCP02, SCP02Random, 0}.params(1)} {
		var out bytes.Buffer
		fmt.Fprintf(&out, "%v %+v %#v %x %X %s %d %q", v, v, v, v, v, v, v, v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "v", v)
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ToLower(out.String() + string(raw))
		for _, sign := range []string{"101112131415", "202122232425", "303132333435", "16 17 18 19", "32 33 34 35", "0x10, 0x11", "0x20, 0x21", "16,17,18"} {
			if strings.Contains(text, sign) {
				t.Errorf("%T shows a key as %q in %s", v, sign, text)
			}
		}
	}
	if text := fmt.Sprintf("%x", [16]byte(testKeys.ENC)); !strings.Contains(text, "101112131415") {
		t.Errorf("a bare key is not found in %s: the search is blind", text)
	}
}
