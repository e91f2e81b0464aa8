package purse

import (
	"embed"
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/internal/strictyaml"
)

// MaxProfileSize is the greatest length of a profile in bytes.
const MaxProfileSize = 1 << 16

// ErrProfile says that a profile cannot be used.
var ErrProfile = errors.New("unusable purse profile")

// Profile describes the purses of a kind of card. It is immutable and may be shared
// by goroutines.
type Profile struct {
	name string
	spec Spec // file 15 and key values are those of no card yet
	card Card
	keys []derivation
}

// derivation is how a card's key follows from its master.
type derivation struct {
	master epurse.Key
	levels int        // 0 the master itself, 1 by the card, 2 by issuer and card
	region epurse.Key // of 2 levels: the master diversified by the issuer
}

// Card is what differs from card to card.
type Card struct {
	// Number is bytes 10 to 19 of file 15: ten bytes BCD of T-Union; two bytes of
	// interoperation and eight of serial number of City Union. Keys are diversified
	// by its last eight bytes.
	Number [10]byte
	// From and To are the validity, YYYYMMDD in BCD.
	From, To [4]byte
}

//go:embed profiles/*.yaml profiles/city/*.yaml
var embedded embed.FS

// Embedded gives one of the profiles that come with the program. The error is
// ErrProfile.
func Embedded(name string) (*Profile, error) {
	b, err := embedded.ReadFile("profiles/" + name + ".yaml")
	if err != nil {
		b, err = embedded.ReadFile("profiles/city/" + name + ".yaml")
	}
	if err != nil {
		return nil, fmt.Errorf("purse profile %.40q is not known; known are %s: %w", name, strings.Join(EmbeddedNames(), ", "), ErrProfile)
	}
	return ParseProfile(b)
}

// EmbeddedNames are the names of the profiles that have a card of their own, in order.
// Embedded also knows tunion, the purse of simulated cities.
func EmbeddedNames() []string { return strictyaml.Names(embedded, "profiles") }

// Format answers every verb of fmt with a fixed text: a profile holds master keys.
func (Profile) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[purse profile, keys withheld]")) }

// Name is the profile's own name.
func (p *Profile) Name() string { return p.name }

// AID is the name of the application.
func (p *Profile) AID() []byte { return p.spec.AID }

// Card is the card that the profile describes if no one says otherwise.
func (p *Profile) Card() Card { return p.card }

// Spec describes the purse of one card, with file 15 and keys of its own.
func (p *Profile) Spec(c Card) Spec {
	s := p.spec
	s.Files = append([]File(nil), p.spec.Files...)
	info := s.file(infoSFI)
	info.Content = append([]byte(nil), info.Content...)
	copy(info.Content[10:], c.Number[:])
	copy(info.Content[20:], c.From[:])
	copy(info.Content[24:], c.To[:])
	serial := epurse.Factor(c.Number[2:])
	s.Keys = append([]Key(nil), p.spec.Keys...)
	for i := range p.keys {
		k, d := &s.Keys[i], &p.keys[i]
		switch d.levels {
		case 0:
			k.Value = d.master
		case 1:
			k.Value = epurse.Diversify(k.Alg, d.master, serial)
		default:
			k.Value = epurse.Diversify(k.Alg, d.region, serial)
		}
	}
	return s
}

// Template makes the purse of one card.
func (p *Profile) Template(c Card) *Template {
	t, err := NewTemplate(p.Spec(c))
	if err != nil {
		panic("purse: a profile that was checked gives no purse: " + err.Error())
	}
	return t
}

// ParseProfile reads a profile. The error is ErrProfile and names line and key.
func ParseProfile(text []byte) (*Profile, error) {
	r, node, err := strictyaml.Parse(text, MaxProfileSize, "profile")
	if err != nil {
		return nil, fmt.Errorf("read purse profile: %w: %w", err, ErrProfile)
	}
	s := r.Mapping(node, "", "name", "application", "info", "accounts", "auth_code", "proof", "balance_forms", "blocked_select", "log", "load_log", "files", "keys", "pins")
	p := &Profile{name: s.ASCII("name", 1, 40, true)}
	app := r.Mapping(s.Node("application"), "application", "aid", "id", "version")
	p.spec.AID = app.Bytes("aid", 5, 16, true)
	if id := app.Bytes("id", 2, 2, false); len(id) == 2 {
		p.spec.ID = uint16(id[0])<<8 | uint16(id[1])
	}
	p.spec.Version = octet(&app, "version")
	p.spec.AuthCode = s.Bytes("auth_code", authLength, authLength, false)
	p.spec.ProofBefore = choice(&s, "proof", "after", "before")
	p.spec.Invalidated = choice(&s, "blocked_select", "6A81", "6283")
	p.spec.BalanceForms = s.Flag("balance_forms")
	p.spec.Log, p.spec.LoadLog = octet(&s, "log"), octet(&s, "load_log")
	accounts := r.Mapping(s.Node("accounts"), "accounts", "ed", "ep")
	p.spec.ED, p.spec.EP = readAccountOf(r, &accounts, "ed"), readAccountOf(r, &accounts, "ep")
	for i, n := range s.List("files", maxFiles) {
		p.spec.Files = append(p.spec.Files, readFile(r, n, fmt.Sprintf("files[%d]", i)))
	}
	p.readInfo(r, s.Node("info"))
	for i, n := range s.List("keys", maxKeys) {
		p.readKey(r, n, fmt.Sprintf("keys[%d]", i))
	}
	if s.Node("pins") != nil {
		for i, n := range s.List("pins", maxPINs) {
			in := r.Mapping(n, fmt.Sprintf("pins[%d]", i), "number", "tries", "value")
			p.spec.PINs = append(p.spec.PINs, PIN{byte(in.Number("number", 0, cos.MaxReference, 0)), byte(in.Number("tries", 1, maxTries, 3)), in.Bytes("value", minPIN, maxPIN, true)})
		}
	}
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("read purse profile: %w: %w", err, ErrProfile)
	}
	issuer := epurse.Factor(p.spec.file(infoSFI).Content)
	for i := range p.keys {
		p.keys[i].region = epurse.Diversify(p.spec.Keys[i].Alg, p.keys[i].master, issuer)
	}
	check := p.spec
	if err := check.Check(); err != nil {
		return nil, fmt.Errorf("read purse profile %s: %w: %w", p.name, err, ErrProfile)
	}
	return p, nil
}

// octet gives one byte, 00 if the key is missing.
func octet(s *strictyaml.Section, key string) byte {
	if b := s.Octet(key); b != nil {
		return *b
	}
	return 0
}

// choice tells whether a key has its second value; the first is what a missing one
// means.
func choice(s *strictyaml.Section, key, first, second string) bool {
	switch text, present := s.Scalar(key, false); {
	case !present, text == first:
	case text == second:
		return true
	default:
		s.FailAt(key, "%.20q, want %s or %s", text, first, second)
	}
	return false
}

func access(s *strictyaml.Section, key string, absent cos.Access) cos.Access {
	text, present := s.Scalar(key, false)
	if !present {
		return absent
	}
	rule, err := cos.AccessFrom(text)
	if err != nil {
		s.FailAt(key, "%v", err)
	}
	return rule
}

// readInfo puts together file 15 and the card of the profile.
func (p *Profile) readInfo(r *strictyaml.Reader, n *yaml.Node) {
	s := r.Mapping(n, "info", "issuer", "kind", "number", "from", "to", "rest")
	content := append(s.Bytes("issuer", 8, 8, true), s.Bytes("kind", 2, 2, true)...)
	number, from, to := s.Bytes("number", 10, 10, true), s.Bytes("from", 4, 4, true), s.Bytes("to", 4, 4, true)
	content = append(append(append(append(content, number...), from...), to...), s.Bytes("rest", 2, 2, true)...)
	f := p.spec.file(infoSFI)
	if len(content) != infoLength || f == nil || len(f.Content) < infoLength {
		s.Reader.Fail(s.Line, "info", "file 15 needs all of it, and %d bytes or more in files", infoLength)
		return
	}
	copy(f.Content, content)
	p.card = Card{[10]byte(number), [4]byte(from), [4]byte(to)}
}

func readAccountOf(r *strictyaml.Reader, s *strictyaml.Section, key string) *Account {
	n := s.Node(key)
	if n == nil {
		return nil
	}
	in := r.Mapping(n, "accounts."+key, "opening", "max", "limit", "load", "purchase", "cash", "unload")
	return &Account{
		Opening: uint32(in.Number("opening", 0, maxAmount, 0)), Max: uint32(in.Number("max", 0, maxAmount, maxAmount)),
		Limit: uint32(in.Number("limit", 0, maxOverdraft, 0)),
		Load:  access(&in, "load", cos.Always), Purchase: access(&in, "purchase", cos.Always),
		Cash: access(&in, "cash", cos.Always), Unload: access(&in, "unload", cos.Always),
	}
}

func readFile(r *strictyaml.Reader, n *yaml.Node, path string) File {
	s := r.Mapping(n, path, "id", "kind", "size", "content", "records", "length", "count", "read", "update", "line", "compound", "tag_bytes", "lock")
	f := File{
		SFI: octet(&s, "id"), Read: access(&s, "read", cos.Always), Update: access(&s, "update", cos.Never),
		Line: byte(s.Number("line", 0, 0xFF, 1)), Compound: s.Flag("compound"), TagBytes: int(s.Number("tag_bytes", 0, 2, 0)), Lock: s.Flag("lock"),
	}
	switch text, _ := s.Scalar("kind", true); text {
	case "binary":
		f.Kind = cos.Transparent
		f.Content = padded(&s, "size", maxBinary)
	case "cyclic":
		f.Kind = cos.Cyclic
		f.RecordLength, f.Capacity = int(s.Number("length", 1, maxRecord, 0)), int(s.Number("count", 1, maxRecords, 0))
	case "records":
		f.Kind = cos.Variable
		for i, n := range s.List("records", maxRecords) {
			in := r.Mapping(n, fmt.Sprintf("%s.records[%d]", path, i), "content", "length")
			f.Records = append(f.Records, padded(&in, "length", maxRecord))
		}
	default:
		s.FailAt("kind", "%.20q, want binary, records or cyclic", text)
	}
	return f
}

// padded gives content followed by 00 up to a length.
func padded(s *strictyaml.Section, length string, most int) []byte {
	out := make([]byte, s.Number(length, 1, int64(most), 0))
	if content := s.Bytes("content", 0, most, false); copy(out, content) < len(content) {
		s.FailAt("content", "%d bytes do not fit into %d", len(content), len(out))
	}
	return out
}

func (p *Profile) readKey(r *strictyaml.Reader, n *yaml.Node, path string) {
	s := r.Mapping(n, path, "use", "index", "version", "algorithm", "tries", "master", "levels")
	text, _ := s.Scalar("use", true)
	use, ok := uses[text]
	if !ok {
		s.FailAt("use", "%.20q is not known", text)
	}
	k := Key{Use: use, Index: octet(&s, "index"), Version: octet(&s, "version"), Tries: byte(s.Number("tries", 0, maxTries, 0))}
	if choice(&s, "algorithm", "3des", "sm4") {
		k.Alg = epurse.SM4
	}
	d := derivation{levels: int(s.Number("levels", 0, 2, 2))}
	copy(d.master[:], s.Bytes("master", 16, 16, true))
	p.spec.Keys, p.keys = append(p.spec.Keys, k), append(p.keys, d)
}
