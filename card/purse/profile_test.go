package purse_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/card/purse"
	"github.com/citycard/citycard/crypt/epurse"
)

func profileText(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("profiles/" + name + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestCardKeys: the keys of the default card are those of the vectors.
func TestCardKeys(t *testing.T) {
	p := profile(t, "dev-tunion")
	for _, x := range []struct {
		use   purse.Use
		index byte
		want  string
	}{
		{purse.UsePurchase, 0x01, "D3BEFC059F0BC278CB801BCE33DB02D8"},
		{purse.UseLoad, 0x01, "3F99893F561A454B545D100A38AF50B8"},
		{purse.UseMaintenance, 0x01, "6641DD0BECC94BD490A217653DC25F85"},
		{purse.UsePurchase, 0x41, "BAAA825887F7160C5BDFB57BE41F0454"},
	} {
		if k := (host{p.Spec(p.Card())}).key(x.use, x.index); k.Value != epurse.Key(unhex(t, x.want)) {
			t.Errorf("key of use %02X, index %02X is another", byte(x.use), x.index)
		}
	}
	other := p.Card()
	other.Number[9]++
	if (host{p.Spec(other)}).key(purse.UseLoad, 1).Value == (host{p.Spec(p.Card())}).key(purse.UseLoad, 1).Value {
		t.Error("two cards have the same key")
	}
}

// TestProfileErrors: each change of a good profile is refused with the place told.
func TestProfileErrors(t *testing.T) {
	good := string(profileText(t, "dev-tunion"))
	for _, x := range []struct{ old, new, want string }{
		{"name: dev-tunion", "nam: dev-tunion", "nam"},
		{`log: "18"`, `log: "1A"`, "log 1A"},
		{`log: "18"`, `log: "05"`, "log 05"},
		{"proof: after", "proof: perhaps", "proof"},
		{"blocked_select: 6A81", "blocked_select: 9000", "blocked_select"},
		{"load: pin 0", "load: pin 99", "load"},
		{"load: pin 0", `load: "pin 0, mac"`, "account"},
		{"opening: 10000", "opening: 600000", "account"},
		{"{use: load, index: \"01\"", "{use: lode, index: \"01\"", "lode"},
		{"{use: load, index: \"01\"", "{use: purchase, index: \"01\"", "twice"},
		{"{use: tac, index: \"01\"", "{use: internal, index: \"02\"", "TAC key"},
		{"kind: cyclic, length: 23", "kind: cyclic, length: 22", "log 18"},
		{`{content: "27017D", length: 128}`, `{content: "27017E", length: 128}`, "file 1A"},
		{`{content: "27017D", length: 128}`, `{content: "27017D", length: 2}`, "do not fit"},
		{"size: 30", "size: 29", "file 15"},
		{`value: "123456"`, `value: "12FF56"`, "PIN"},
		{`- {id: "16"`, `- {id: "15"`, "twice"},
		{"kind: binary, size: 55", "kind: tree, size: 55", "kind"},
		{"levels", "levels", ""},
	} {
		text := strings.Replace(good, x.old, x.new, 1)
		_, err := purse.ParseProfile([]byte(text))
		if x.want == "" {
			if err != nil {
				t.Errorf("the profile itself: %v", err)
			}
			continue
		}
		if !errors.Is(err, purse.ErrProfile) || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: error %v, want %q in it", x.new, err, x.want)
		}
	}
	if _, err := purse.Embedded("no such"); !errors.Is(err, purse.ErrProfile) {
		t.Errorf("unknown profile: %v", err)
	}
	for _, name := range purse.EmbeddedNames() {
		if p := profile(t, name); p.Name() != name {
			t.Errorf("profile %s is called %s", name, p.Name())
		}
	}
	if got := strings.Join(purse.EmbeddedNames(), " "); got != "dev-cityunion dev-tunion" {
		t.Errorf("embedded profiles are %s", got)
	}
}

// TestCheck: descriptions that contradict themselves are refused.
func TestCheck(t *testing.T) {
	for name, spoil := range map[string]func(*purse.Spec){
		"short name":          func(s *purse.Spec) { s.AID = s.AID[:4] },
		"no account":          func(s *purse.Spec) { s.EP = nil },
		"half a code":         func(s *purse.Spec) { s.AuthCode = []byte{1} },
		"limit above opening": func(s *purse.Spec) { s.EP.Limit = 20000 },
		"balance too great":   func(s *purse.Spec) { s.EP.Max = 1 << 31 },
		"unknown algorithm":   func(s *purse.Spec) { s.Keys[0].Alg = 1 },
		"too many tries":      func(s *purse.Spec) { s.Keys[0].Tries = 16 },
		"PIN without tries":   func(s *purse.Spec) { s.PINs[0].Tries = 0 },
		"short identifier 0":  func(s *purse.Spec) { s.Files[1].SFI = 0 },
		"empty file":          func(s *purse.Spec) { s.Files[1].Content = nil },
		"file of keys":        func(s *purse.Spec) { s.Files[1].Kind = cos.Keys },
		"no file 15":          func(s *purse.Spec) { s.Files[0].SFI = 0x14 },
		"no log":              func(s *purse.Spec) { s.Log = 0 },
		"lock without tag":    func(s *purse.Spec) { s.Files[6].Lock = true },
		"rule that is none":   func(s *purse.Spec) { s.Files[1].Read = cos.Access{0x77} },
		"PIN twice":           func(s *purse.Spec) { s.PINs = append(s.PINs, s.PINs[0]) },
	} {
		p := profile(t, "dev-tunion")
		s := p.Spec(p.Card())
		spoil(&s)
		if _, err := purse.NewTemplate(s); !errors.Is(err, purse.ErrSpec) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// TestCheckMemory: contents that no card of the kind can have are refused.
func TestCheckMemory(t *testing.T) {
	p := profile(t, "dev-tunion")
	own := p.Template(p.Card())
	good := own.Personalise(nil)
	if err := own.CheckMemory(good); err != nil {
		t.Fatal(err)
	}
	pins := 46 + len(p.Spec(p.Card()).Keys)
	for name, at := range map[string]int{"layout": 0, "state": 1, "account that is not there": 2, "balance": atEP, "tries of a key": 46, "tries of a PIN": pins,
		"length of a PIN": pins + 1, "ring": pins + 8, "count of a ring": pins + 9} {
		bad := append([]byte(nil), good...)
		bad[at] = 0x7F
		if err := own.CheckMemory(bad); !errors.Is(err, cos.ErrMemory) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if err := own.CheckMemory(good[1:]); !errors.Is(err, cos.ErrMemory) {
		t.Errorf("short memory: error %v", err)
	}
}

// TestSecrets: nothing prints a key, a PIN or a master.
func TestSecrets(t *testing.T) {
	p := profile(t, "dev-tunion")
	s := p.Spec(p.Card())
	own := template(t, s)
	app := own.Place(cos.Partition{}, nil)
	j, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ToUpper(fmt.Sprintf("%+v %x %#v %v %+v %X %s", s, s.Keys, s.PINs, p, own, app, j))
	for _, secret := range []string{"D3BEFC059F0B", "123456", "0123456789ABCDEF", "211 190 252", "[18 52 86]"} {
		if strings.Contains(text, secret) {
			t.Errorf("%s is printed", secret)
		}
	}
}

// The purse of simulated cities: quick to make, its memory cut short as long as no trip
// was made, with the keys that issuers and modules expect.
func TestCityProfile(t *testing.T) {
	p := profile(t, "tunion")
	dev := profile(t, "dev-tunion")
	if p.Name() != "tunion" || string(p.AID()) != string(dev.AID()) {
		t.Fatalf("profile %s, application %X", p.Name(), p.AID())
	}
	want := dev.Spec(p.Card())
	got := p.Spec(p.Card())
	for _, k := range got.Keys {
		found := false
		for _, o := range want.Keys {
			found = found || o == k
		}
		if !found {
			t.Errorf("key %v of index %02X is not that of the development card", k.Use, k.Index)
		}
	}
	r := insert(t, template(t, got))
	if n := len(r.chip.Snapshot(nil)); n > 350 {
		t.Errorf("a new card's snapshot has %d bytes", n)
	}
	r.choose(p.AID())
	r.want("805C000204", "00001388 9000")
	r.want("00B202D080", "27027D"+strings.Repeat("00", 125)+" 9000")
}

func BenchmarkCityCard(b *testing.B) {
	p := profile(b, "tunion")
	c := p.Card()
	b.ReportAllocs()
	for b.Loop() {
		c.Number[9]++
		if p.Template(c).MemorySize() == 0 {
			b.Fatal("no memory")
		}
	}
}
