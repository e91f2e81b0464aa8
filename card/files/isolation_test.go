package files_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/wire/apdu"
)

// directory is one of the test card.
type directory struct {
	name   string
	path   string // from the MF
	parent string
	alg    cryptogram.Alg
	first  byte   // of its line key
	pin    string // "" if it has no PINs and keys
}

var directories = []directory{
	{"MF", "", "", cryptogram.TDES, 0x00, "111111"},
	{"DF01", "DF01", "MF", cryptogram.SM4, 0x60, "123456"},
	{"DF02", "DF02", "MF", cryptogram.TDES, 0x80, "654321"},
	{"DF11", "DF01DF11", "DF01", cryptogram.SM4, 0, ""},
}

func (s *session) enter(p directory) {
	s.t.Helper()
	if p.path == "" {
		s.want(apdu.SWOK, "00A4000C023F00")
		return
	}
	s.want(apdu.SWOK, fmt.Sprintf("00A4080C%02X%s", len(p.path)/2, p.path))
}

func above(a, b directory) bool {
	for b.parent != "" {
		if b.parent == a.name {
			return true
		}
		for _, p := range directories {
			if p.name == b.parent {
				b = p
				break
			}
		}
	}
	return false
}

// secret reads what only PIN 1 opens.
func (s *session) secret(p directory) apdu.SW {
	s.t.Helper()
	cmd := "00B201B400"
	if p.pin == "" {
		cmd = "00B0810000"
	}
	_, sw := s.do(cmd)
	return sw
}

// TestIsolation: for every ordered pair of directories, what A's PIN and keys have
// allowed is worth nothing in B and ends when B is not below A; A's secrets are
// not B's; and blocking A leaves B at work.
func TestIsolation(t *testing.T) {
	pairs := 0
	for _, a := range directories {
		for _, b := range directories {
			if a.name == b.name || a.pin == "" {
				continue
			}
			pairs++
			t.Run(a.name+" "+b.name, func(t *testing.T) {
				s := insert(t, rootName, city())
				s.enter(a)
				s.want(apdu.SWOK, "0020000103"+a.pin)
				if sw := s.authenticate(a.alg, a.first+0x10); sw != apdu.SWOK {
					t.Fatal(sw)
				}
				if sw := s.secret(a); sw != apdu.SWOK {
					t.Fatal(sw)
				}
				s.enter(b)
				// A directory without PINs of its own uses those of the MF.
				want := apdu.SWSecurity
				if b.pin == "" && a.name == "MF" {
					want = apdu.SWOK
				}
				if sw := s.secret(b); sw != want {
					t.Errorf("B's secret with A's PIN: %v, want %v", sw, want)
				}
				s.foreignSecrets(a, b)
				s.enter(a)
				want = apdu.SWSecurity
				if above(a, b) {
					want = apdu.SWOK
				}
				if sw := s.secret(a); sw != want {
					t.Errorf("back in A: %v, want %v", sw, want)
				}
				s.blockOne(a, b)
			})
		}
	}
	t.Logf("%d ordered pairs", pairs)
}

// foreignSecrets uses A's PIN, authentication key and line key in B.
func (s *session) foreignSecrets(a, b directory) {
	s.t.Helper()
	if b.pin == "" {
		return
	}
	s.want(0x63C2, "0020000103"+a.pin)
	s.want(apdu.SWOK, "0020000103"+b.pin)
	if sw := s.authenticate(a.alg, a.first+0x10); sw != 0x63C2 {
		s.t.Errorf("EXTERNAL AUTHENTICATE in B with A's key: %v", sw)
	}
	h := host{b.alg, key(a.first), s.want(apdu.SWOK, "0084000008")}
	c := h.protect(parse(s.t, "04D69500020102"), false)
	if _, sw, err := s.send(c); err != nil || sw != apdu.SWMACWrong {
		s.t.Errorf("line protection in B with A's key: %v %v", sw, err)
	}
	if got := s.want(apdu.SWOK, "00B0950001"); !bytes.Equal(got, []byte{b.first}) {
		s.t.Errorf("B's file begins with %X", got)
	}
}

// blockOne uses up A's tries and then B's PIN.
func (s *session) blockOne(a, b directory) {
	s.t.Helper()
	for _, sw := range []apdu.SW{0x63C2, 0x63C1, 0x63C0, apdu.SWBlocked} {
		s.want(sw, "0020000103000000")
	}
	if b.pin == "" {
		return
	}
	s.enter(b)
	s.want(apdu.SWOK, "0020000103"+b.pin)
}

// TestSessionEnds: power off, deselection and selection by name end what was
// allowed; a challenge does not live through them either.
func TestSessionEnds(t *testing.T) {
	for name, end := range map[string]func(s *session){
		"deselect": func(s *session) { s.app.Deselect() },
		"select":   func(s *session) { s.sendSelect() },
		"power":    func(s *session) { s.app.PowerOff(); s.memory.PowerOff(); s.powerOn() },
		"by name":  func(s *session) { s.want(apdu.SWOK, "00A4040C0C"+fmt.Sprintf("%X", rootName)) },
	} {
		t.Run(name, func(t *testing.T) {
			s := insert(t, rootName, city())
			s.want(apdu.SWOK, "0020000103111111")
			s.want(apdu.SWOK, "00B201B400")
			s.want(apdu.SWOK, "0084000008")
			end(s)
			s.want(apdu.SWDataInvalidated, "00820002080000000000000000")
			s.want(apdu.SWNoFile, "00B0000000")
			s.want(apdu.SWSecurity, "00B201B400")
		})
	}
}

// TestKeysStayInside: no answer to any command that reads holds eight bytes in a
// row of any PIN or key.
func TestKeysStayInside(t *testing.T) {
	s := insert(t, rootName, city())
	var secrets [][]byte
	for _, p := range directories {
		if p.pin == "" {
			continue
		}
		for _, k := range keysOf(p.first, p.alg, unhex(t, p.pin)...).Keys {
			if len(k.Value) == 16 {
				secrets = append(secrets, k.Value[:8], k.Value[8:])
			}
		}
	}
	answers := 0
	for _, p := range directories {
		s.enter(p)
		if p.pin != "" {
			s.want(apdu.SWOK, "0020000103"+p.pin)
		}
		for ins := range 256 {
			for _, p1p2 := range []string{"0000", "0100", "9500", "8800", "0144", "0204", "0008", "0405", "0001", "0003"} {
				for _, body := range []string{"00", "02000800", "0401020304", "08010203040506070800"} {
					data, _ := s.do(fmt.Sprintf("00%02X%s%s", ins, p1p2, body))
					answers++
					for _, k := range secrets {
						if bytes.Contains(data, k) && ins != 0x88 {
							t.Fatalf("INS %02X P1P2 %s: %X holds a key", ins, p1p2, data)
						}
					}
				}
			}
			s.enter(p)
		}
	}
	if text := fmt.Sprintf("%v %+v %#v", s.app, s.template, city().MF.Children[0].Keys); bytes.Contains([]byte(text), []byte("[0 1 2 3")) {
		t.Error("printing shows a key")
	}
	t.Logf("%d answers", answers)
}
