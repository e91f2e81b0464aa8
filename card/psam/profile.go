package psam

import (
	"embed"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/internal/strictyaml"
)

// MaxProfileSize is the greatest length of a profile in bytes.
const MaxProfileSize = 1 << 16

// ErrProfile says that a profile cannot be used.
var ErrProfile = errors.New("unusable profile of a security module")

// Profile is a kind of module, with the master keys of its industry. It is
// immutable.
type Profile struct {
	name       string
	historical []byte
	spec       Spec
}

// Format answers every verb of fmt with the profile's name alone: it holds keys.
func (p Profile) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[profile " + p.name + "]")) }

// Name is the profile's own name.
func (p *Profile) Name() string { return p.name }

// Spec is the description of the profile's module as it is issued if no one says
// otherwise. Its slices are shared and must not be changed.
func (p *Profile) Spec() Spec {
	s := p.spec
	s.Applications = slices.Clone(s.Applications)
	return s
}

// Issue is what tells one module of a profile from another.
type Issue struct {
	Serial   [10]byte        // of the module, BCD
	Terminal epurse.Terminal // the terminal that it is for, BCD
}

// Module describes one module.
func (p *Profile) Module(in Issue) Spec {
	s := p.Spec()
	s.Terminal = in.Terminal
	s.Serial = slices.Clone(s.Serial)
	copy(s.Serial, in.Serial[:])
	return s
}

// Image makes the chip of a module: it has contacts alone, and a reset selects the
// MF. The errors are those of New and card.Assemble.
func Image(s Spec, historical []byte) (*card.Image, error) {
	t, err := New(s)
	if err != nil {
		return nil, err
	}
	return card.Assemble(card.Parts{Applications: []cos.Template{t}, Root: t.AID(), Historical: historical})
}

// Image makes the chip of one module of the profile.
func (p *Profile) Image(in Issue) (*card.Image, error) { return Image(p.Module(in), p.historical) }

// Default makes the chip of the profile's own module, with the serial and terminal
// number that the profile says.
func (p *Profile) Default() (*card.Image, error) { return Image(p.spec, p.historical) }

//go:embed profiles/*.yaml
var embedded embed.FS

// EmbeddedNames are the names that Embedded knows, sorted.
func EmbeddedNames() []string { return strictyaml.Names(embedded, "profiles") }

// Embedded gives one of the profiles that come with the program.
func Embedded(name string) (*Profile, error) {
	b, err := embedded.ReadFile("profiles/" + name + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("profile %.40q of a security module is not known; known are %s: %w", name, strings.Join(EmbeddedNames(), ", "), ErrProfile)
	}
	return Parse(b)
}

// Parse reads a profile: one YAML document without anchors or aliases, of at most
// MaxProfileSize bytes. Every error wraps ErrProfile and names line and key.
func Parse(text []byte) (*Profile, error) {
	r, n, err := strictyaml.Parse(text, MaxProfileSize, "profile")
	if err != nil {
		return nil, fmt.Errorf("profile of a security module: %w: %w", err, ErrProfile)
	}
	p := &Profile{}
	p.read(r, n)
	if r.Err() != nil {
		return nil, fmt.Errorf("profile of a security module, %w: %w", r.Err(), ErrProfile)
	}
	if _, err := New(p.spec); err != nil {
		return nil, fmt.Errorf("profile %s: %w: %w", p.name, err, ErrProfile)
	}
	return p, nil
}

func (p *Profile) read(r *strictyaml.Reader, n *yaml.Node) {
	top := r.Mapping(n, "", "name", "application", "historical", "serial", "terminal", "key", "directories")
	p.name = top.ASCII("name", 1, 32, true)
	p.historical = []byte(top.ASCII("historical", 1, 15, false))
	p.spec.Name = top.Bytes("application", 5, 16, true)
	p.spec.Serial = top.Bytes("serial", len(Issue{}.Serial), maxInfo, true)
	copy(p.spec.Terminal[:], top.Bytes("terminal", len(p.spec.Terminal), len(p.spec.Terminal), true))
	if k := top.Node("key"); k != nil {
		spec := readKey(r, k, "key")
		p.spec.Key = &spec
	}
	for i, d := range top.List("directories", maxDirectories) {
		p.spec.Applications = append(p.spec.Applications, readDirectory(r, d, fmt.Sprintf("directories[%d]", i+1)))
	}
}

func readDirectory(r *strictyaml.Reader, n *yaml.Node, path string) Directory {
	s := r.Mapping(n, path, "id", "name", "counter", "auth_code", "files", "keys")
	d := Directory{Name: s.Bytes("name", 5, 16, false), AuthCode: s.Flag("auth_code")}
	if b := s.Bytes("id", 2, 2, true); len(b) == 2 {
		d.ID = uint16(b[0])<<8 | uint16(b[1])
	}
	d.Counter = uint32(s.Number("counter", 0, 1<<32-1, 0))
	for i, f := range s.List("files", maxFiles) {
		d.Files = append(d.Files, readFile(r, f, fmt.Sprintf("%s.files[%d]", path, i+1)))
	}
	for i, k := range s.List("keys", maxKeys) {
		d.Keys = append(d.Keys, readKey(r, k, fmt.Sprintf("%s.keys[%d]", path, i+1)))
	}
	return d
}

func readFile(r *strictyaml.Reader, n *yaml.Node, path string) FileSpec {
	s := r.Mapping(n, path, "sfi", "size", "content", "protected")
	f := FileSpec{Content: s.Bytes("content", 1, maxFileSize, false), Protected: s.Flag("protected")}
	if b := s.Bytes("sfi", 1, 1, true); len(b) == 1 {
		f.SFI = b[0]
	}
	f.Size = int(s.Number("size", 1, maxFileSize, int64(max(len(f.Content), 1))))
	return f
}

// Names of types, algorithms and forms in a profile.
var (
	typeNames = map[string]KeyType{"module": TypeModule, "purchase": TypePurchase, "unblock": TypeUnblock, "reload": TypeReload,
		"maintenance": TypeMaintenance, "mac": TypeMAC, "encipher": TypeEncipher, "both": TypeBoth}
	algNames  = map[string]epurse.Alg{"3des": epurse.TDES, "sm4": epurse.SM4}
	formNames = map[string]KeyForm{"direct": FormDirect, "halves": FormHalves, "factor": FormFactor}
)

func readKey(r *strictyaml.Reader, n *yaml.Node, path string) KeySpec {
	s := r.Mapping(n, path, "type", "index", "algorithm", "levels", "form", "value")
	k := KeySpec{Type: named(&s, "type", typeNames, true), Alg: named(&s, "algorithm", algNames, true), Form: named(&s, "form", formNames, false)}
	if b := s.Bytes("index", 1, 1, true); len(b) == 1 {
		k.Index = b[0]
	}
	k.Levels = int(s.Number("levels", 0, maxLevels, 0))
	copy(k.Value[:], s.Bytes("value", len(k.Value), len(k.Value), true))
	return k
}

// named gives what a word stands for.
func named[T any](s *strictyaml.Section, key string, names map[string]T, required bool) T {
	text, present := s.Scalar(key, required)
	value, ok := names[text]
	if present && !ok {
		known := make([]string, 0, len(names))
		for n := range names {
			known = append(known, n)
		}
		slices.Sort(known)
		s.FailAt(key, "%.20q is not known; known are %s", text, strings.Join(known, ", "))
	}
	return value
}
