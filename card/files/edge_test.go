package files_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/card/files"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/wire/apdu"
)

// strict is a card whose keys have rules of their own, and whose files use line
// key 5 and have long records.
func strict(alg cryptogram.Alg) cos.FileSystemSpec {
	enciphered := cos.Always.With(cos.Enciphered)
	long := bytes.Repeat([]byte{0xA5}, 251)
	return cos.FileSystemSpec{MF: cos.FileSpec{Kind: cos.DF, ID: cos.MasterFile, Rules: cos.Rules{cos.OpCreate: key2}, LineKey: 5, Children: []cos.FileSpec{
		{Kind: cos.Keys, ID: 8, Capacity: 8, LineKey: 5, Keys: []cos.KeySpec{
			{Usage: cos.UsePIN, Number: 1, Tries: 3, Value: cos.Secret{0x11, 0x11}},
			{Usage: cos.UsePIN, Number: 2, Tries: 3, Use: pin1, Value: cos.Secret{0x22, 0x22}},
			{Usage: cos.UseExternal, Number: 2, Alg: alg, Tries: 3, Use: pin1, Value: key(0x10)},
			{Usage: cos.UseExternal, Number: 7, Alg: alg, Form: cos.FormFactor, Value: key(0x50)},
			{Usage: cos.UseLine, Number: 0, Alg: alg, Value: key(0x70)},
			{Usage: cos.UseLine, Number: 5, Alg: alg, Tries: 2, Value: key(0x40)},
			{Usage: cos.UseLine, Number: 6, Alg: alg, Use: pin1, Value: key(0x60)},
		}},
		{Kind: cos.Transparent, ID: 1, SFI: 1, Size: 40, LineKey: 5, Rules: cos.Rules{cos.OpUpdate: enciphered}},
		{Kind: cos.Transparent, ID: 2, SFI: 2, Size: 40, LineKey: 6, Rules: cos.Rules{cos.OpUpdate: enciphered}},
		{Kind: cos.Fixed, ID: 3, SFI: 3, RecordLength: 251, Capacity: 1, LineKey: 5, Records: [][]byte{long}, Rules: cos.Rules{cos.OpRead: enciphered}},
		{Kind: cos.Fixed, ID: 4, SFI: 4, RecordLength: 50, Capacity: 6, LineKey: 5, Rules: cos.Rules{cos.OpRead: enciphered},
			Records: [][]byte{long[:50], long[:50], long[:50], long[:50], long[:50]}},
		{Kind: cos.Transparent, ID: 5, SFI: 5, Size: 4, State: cos.Creation},
		{Kind: cos.Transparent, ID: 6, SFI: 6, Size: 4, State: cos.Initialisation},
	}}}
}

var bothAlgs = []cryptogram.Alg{cryptogram.TDES, cryptogram.SM4}

// protected sends a command under a line key beginning with first.
func (s *session) protected(alg cryptogram.Alg, first byte, hexes string, enciphered bool) ([]byte, apdu.SW) {
	s.t.Helper()
	h := host{alg, key(first), s.want(apdu.SWOK, "0084000008")}
	data, sw, err := s.send(h.protect(parse(s.t, hexes), enciphered))
	if err != nil {
		s.t.Fatal(err)
	}
	return data, sw
}

// TestKeyRules: a PIN, key or line key with a rule of its own serves only whom the
// rule allows.
func TestKeyRules(t *testing.T) {
	for _, alg := range bothAlgs {
		s := insert(t, rootName, strict(alg))
		s.want(apdu.SWSecurity, "00200002022222")
		if sw := s.authenticate(alg, 0x10); sw != apdu.SWSecurity {
			t.Errorf("EXTERNAL AUTHENTICATE: %v", sw)
		}
		if _, sw := s.protected(alg, 0x60, "04D682000101", true); sw != apdu.SWSecurity {
			t.Errorf("line key: %v", sw)
		}
		s.want(apdu.SWOK, "00200001021111")
		s.want(apdu.SWOK, "00200002022222")
		if sw := s.authenticate(alg, 0x10); sw != apdu.SWOK {
			t.Errorf("EXTERNAL AUTHENTICATE: %v", sw)
		}
		if _, sw := s.protected(alg, 0x60, "04D682000101", true); sw != apdu.SWOK {
			t.Errorf("line key: %v", sw)
		}
	}
}

// TestWriteKeyKeepsRule: a new value does not loosen who may use a key.
func TestWriteKeyKeepsRule(t *testing.T) {
	s := insert(t, rootName, strict(cryptogram.TDES))
	if _, sw := s.protected(cryptogram.TDES, 0x40, fmt.Sprintf("84D439021401003300%X", []byte(key(0x99))), true); sw != apdu.SWOK {
		t.Fatal(sw)
	}
	if sw := s.authenticate(cryptogram.TDES, 0x99); sw != apdu.SWSecurity {
		t.Errorf("without the PIN: %v", sw)
	}
	s.want(apdu.SWOK, "00200001021111")
	if sw := s.authenticate(cryptogram.TDES, 0x99); sw != apdu.SWOK {
		t.Errorf("with the PIN: %v", sw)
	}
}

// TestWriteKeyOfNoUsage: usage 00 is what free entries of a key file hold, and no
// way to them: a usage that is not known is refused after the right to write, and
// changes nothing.
func TestWriteKeyOfNoUsage(t *testing.T) {
	s := insert(t, rootName, strict(cryptogram.TDES))
	before := s.memory.Settled(nil)
	for _, usage := range []string{"0000", "0001", "3300", "3500", "FF1F"} {
		s.want(apdu.SWDataInvalidated, "84D4"+usage) // allowed, but no challenge
		if _, sw := s.protected(cryptogram.TDES, 0x40, fmt.Sprintf("84D4%s1401003300%X", usage, []byte(key(0x99))), true); sw != apdu.SWWrongData {
			t.Errorf("usage and number %s: %v", usage, sw)
		}
	}
	if !bytes.Equal(s.memory.Settled(nil), before) {
		t.Error("the memory has changed")
	}
}

// TestLineKey: the file says which key protects it; wrong MACs use up its tries and
// a right one gives them back.
func TestLineKey(t *testing.T) {
	for _, alg := range bothAlgs {
		s := insert(t, rootName, strict(alg))
		for _, c := range []struct {
			first byte
			want  apdu.SW
		}{{0x70, apdu.SWMACWrong}, {0x40, apdu.SWOK}, {0x70, apdu.SWMACWrong}, {0x71, apdu.SWMACWrong}, {0x40, apdu.SWBlocked}} {
			if _, sw := s.protected(alg, c.first, "04D681000101", true); sw != c.want {
				t.Errorf("%v, key %02X: %v, want %v", alg, c.first, sw, c.want)
			}
		}
	}
}

// TestDecipher: enciphered data with a right MAC and a wrong form is refused.
func TestDecipher(t *testing.T) {
	for _, alg := range bothAlgs {
		size := alg.BlockSize()
		block := func(b ...byte) []byte { return append(b, make([]byte, 2*size-len(b)%(2*size))...)[:2*size] }
		for name, c := range map[string]struct {
			in   []byte
			want apdu.SW
		}{
			"right":               {block(append([]byte{byte(2*size - 2)}, append(make([]byte, 2*size-2), 0x80)...)...), apdu.SWOK},
			"right, whole blocks": {block(byte(2*size - 1)), apdu.SWOK},
			"length beyond":       {block(byte(2 * size)), apdu.SWMACWrong},
			"a block too many":    {block(2, 1, 1, 0x80), apdu.SWMACWrong},
			"no 80":               {block(append([]byte{byte(2*size - 3)}, make([]byte, 2*size-1)...)...), apdu.SWMACWrong},
			"behind 80":           {block(append([]byte{byte(2*size - 4)}, append(make([]byte, 2*size-4), 0x80, 0, 1)...)...), apdu.SWMACWrong},
			"half a block":        {block(2)[:size/2], apdu.SWMACWrong},
		} {
			s := insert(t, rootName, strict(alg))
			h := host{alg, key(0x40), s.want(apdu.SWOK, "0084000008")}
			data := h.ecb(c.in[:len(c.in)/size*size])
			if len(data) == 0 {
				data = c.in
			}
			cmd := h.protect(apdu.Command{CLA: 0x04, INS: 0xD6, P1: 0x81, Data: data, Le: apdu.NoLe}, false)
			if _, sw, err := s.send(cmd); err != nil || sw != c.want {
				t.Errorf("%v, %s: %v %v, want %v", alg, name, sw, err, c.want)
			}
		}
	}
}

// TestEveryBit: one wrong bit anywhere in a protected command is refused.
func TestEveryBit(t *testing.T) {
	for _, alg := range bothAlgs {
		s := insert(t, rootName, city())
		dir := directories[2]
		if alg == cryptogram.SM4 {
			dir = directories[1]
		}
		s.enter(dir)
		h := host{alg: alg, key: key(dir.first)}
		good := h.protect(parse(t, "04D695000401020304"), false)
		flips := 8 * len(good.Data)
		for i := range flips {
			h.iv = s.want(apdu.SWOK, "0084000008")
			c := h.protect(parse(t, "04D695000401020304"), false)
			c.Data[i/8] ^= 1 << (i % 8)
			if _, sw, err := s.send(c); err != nil || sw != apdu.SWMACWrong {
				t.Fatalf("%v, bit %d of the data: %v %v", alg, i, sw, err)
			}
		}
		for i := range 8 {
			h.iv = s.want(apdu.SWOK, "0084000008")
			c := h.protect(parse(t, "04D695000401020304"), false)
			c.P2 ^= 1 << i
			if _, sw, err := s.send(c); err != nil || sw != apdu.SWMACWrong {
				t.Fatalf("%v, bit %d of P2: %v %v", alg, i, sw, err)
			}
		}
		// The same command again has a challenge that is gone.
		h.iv = s.want(apdu.SWOK, "0084000008")
		c := h.protect(parse(t, "04D695000401020304"), false)
		for _, want := range []apdu.SW{apdu.SWOK, apdu.SWDataInvalidated} {
			if _, sw, err := s.send(c); err != nil || sw != want {
				t.Fatalf("%v: %v %v, want %v", alg, sw, err, want)
			}
		}
	}
}

// TestAnswersTooLong: what is too long with its protection is refused or cut between
// records.
func TestAnswersTooLong(t *testing.T) {
	for _, alg := range bothAlgs {
		s := insert(t, rootName, strict(alg))
		if _, sw := s.protected(alg, 0x40, "04B2011C00", true); sw != apdu.SWWrongLength {
			t.Errorf("%v, a record of 251 enciphered: %v", alg, sw)
		}
		h := host{alg, key(0x40), s.want(apdu.SWOK, "0084000008")}
		data, sw, err := s.send(h.protect(parse(t, "04B2012500"), true))
		if err != nil || sw != apdu.SWOK {
			t.Fatal(sw, err)
		}
		if got, ok := h.open(data, true); !ok || len(got) != 200 || len(data) > apdu.MaxShortLe {
			t.Errorf("%v: %d bytes of records in an answer of %d", alg, len(got), len(data))
		}
	}
}

// TestInTheMaking: a file in creation or initialisation is for who may create.
func TestInTheMaking(t *testing.T) {
	for _, sfi := range []string{"85", "86"} {
		s := insert(t, rootName, strict(cryptogram.SM4))
		s.want(apdu.SWSecurity, "00B0"+sfi+"0000")
		s.want(apdu.SWSecurity, "00D6"+sfi+"000101")
		s.want(apdu.SWSecurity, "00440000")
		s.want(apdu.SWOK, "00200001021111")
		if sw := s.authenticate(cryptogram.SM4, 0x10); sw != apdu.SWOK {
			t.Fatal(sw)
		}
		s.want(apdu.SWOK, "00D6"+sfi+"000101")
		s.want(apdu.SWConditions, "00040000")
		s.want(apdu.SWOK, "00440000")
		s.app.Deselect()
		s.want(apdu.SWOK, "00B0"+sfi+"0000")
	}
}

// TestFactorChallenge: a process factor has eight bytes.
func TestFactorChallenge(t *testing.T) {
	for _, alg := range bothAlgs {
		s := insert(t, rootName, strict(alg))
		for _, n := range []string{"04", "10"} {
			s.want(apdu.SWOK, "00840000"+n)
			s.want(apdu.SWDataInvalidated, "0082000710"+"00112233445566770011223344556677")
		}
		s.want(apdu.SWOK, "0084000008")
		s.want(apdu.SWWrongLength, "00820007080011223344556677")
		h := host{alg, key(0x50), s.want(apdu.SWOK, "0084000008")}
		session := h.ecb(append(bytes.Clone(h.iv), make([]byte, alg.BlockSize()-8)...))
		if alg == cryptogram.TDES {
			session = append(session, session...)
		}
		text := []byte("factored")
		data := append(host{alg, session, text}.authentication(), text...)
		if _, sw, err := s.send(apdu.Command{INS: 0x82, P2: 7, Data: data, Le: apdu.NoLe}); err != nil || sw != apdu.SWOK {
			t.Errorf("%v: %v %v", alg, sw, err)
		}
	}
}

// TestExtended: the application has no extended lengths, whoever calls it.
func TestExtended(t *testing.T) {
	s := insert(t, rootName, open())
	_, sw, err := s.send(apdu.Command{INS: 0xD6, P1: 0x81, Data: make([]byte, 256), Le: apdu.NoLe})
	if err != nil || sw != apdu.SWWrongLength {
		t.Errorf("256 bytes: %v %v", sw, err)
	}
	data, sw, err := s.send(apdu.Command{INS: 0xB0, P1: 0x81, Le: apdu.MaxExtendedLe})
	if err != nil || sw != apdu.SWOK || len(data) != 40 {
		t.Errorf("Le 65536: %d bytes %v %v", len(data), sw, err)
	}
}

// TestNoRandom: without random bytes there is no challenge.
func TestNoRandom(t *testing.T) {
	s := insert(t, rootName, open())
	for _, r := range []io.Reader{nil, bytes.NewReader([]byte{1, 2})} {
		s.app.PowerOn(r)
		s.want(apdu.SWUnknown, "0084000008")
		s.want(apdu.SWDataNotFound, "00820002080000000000000000")
	}
}

// TestTemplate: an application is made, checked and put in the place of another.
func TestTemplate(t *testing.T) {
	if _, err := files.NewTemplate([]byte("four"), open()); !errors.Is(err, cos.ErrFile) {
		t.Errorf("name of four bytes: %v", err)
	}
	if _, err := files.NewTemplate(rootName, cos.FileSystemSpec{}); !errors.Is(err, cos.ErrFile) {
		t.Errorf("no MF: %v", err)
	}
	template, err := files.NewTemplate(nameTwo, city())
	if err != nil {
		t.Fatal(err)
	}
	image := template.Personalise(nil)
	for name, bad := range map[string][]byte{"short": image[1:], "damaged": append([]byte("XX"), image[2:]...)} {
		if err := template.CheckMemory(bad); !errors.Is(err, cos.ErrMemory) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The ADF that has the application's name is what SELECT finds.
	s := place(t, template, image)
	data, sw := s.sendSelect()
	if sw != apdu.SWOK || !bytes.Contains(data, nameTwo) || !bytes.Equal(s.app.AID(), nameTwo) {
		t.Errorf("%X %v", data, sw)
	}
	if got := s.want(apdu.SWOK, "00B0950001"); got[0] != 0x80 {
		t.Errorf("file of another directory: %X", got)
	}
	s.want(apdu.SWOK, "0020000103654321")
	again := template.Place(s.memory.Partition(0, template.MemorySize()), s.app)
	if again != s.app {
		t.Error("the old application was not used again")
	}
	s.want(apdu.SWSecurity, "00B201B400")
	s.memory.PowerOff()
	if out, err := s.app.Select([]byte{1}, cos.Selection{}); !errors.Is(err, cos.ErrPowerCut) || len(out) != 1 {
		t.Errorf("SELECT without power: %X %v", out, err)
	}
	if _, _, err := s.send(parse(t, "0084000008")); !errors.Is(err, cos.ErrPowerCut) {
		t.Errorf("command without power: %v", err)
	}
}
