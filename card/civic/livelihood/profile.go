package livelihood

import (
	"embed"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/citycard/citycard/card/civic"
	"github.com/citycard/citycard/card/perso"
	"github.com/citycard/citycard/card/ppse"
	"github.com/citycard/citycard/card/purse"
	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/internal/strictyaml"
)

// MaxSize is the greatest length of a profile in bytes.
const MaxSize = 1 << 14

// Lengths of the social security layout in bytes (LD/T 32).
const (
	historicalLength = 13
	serialLength     = 4
	maxPartitions    = 5
)

// ErrProfile says that a profile cannot be used.
var ErrProfile = errors.New("unusable livelihood card profile")

// Profile is a livelihood card made ready for personalisation. It is immutable and
// may be shared by goroutines.
type Profile struct {
	name, title string
	finance     *perso.Profile
	purse       *purse.Profile // nil for none
	directory   *ppse.Directory
	partitions  []*civic.Partition
	root        string
	historical  [historicalLength - serialLength]byte
	area        string // six digits, GB/T 2260
	region      epurse.Factor
}

//go:embed profiles/*.yaml
var embedded embed.FS

// Embedded gives one of the profiles that come with the program. The error is
// ErrProfile.
func Embedded(name string) (*Profile, error) {
	b, err := embedded.ReadFile("profiles/" + name + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("livelihood card profile %.40q is not known; known are %s: %w", name, strings.Join(EmbeddedNames(), ", "), ErrProfile)
	}
	return Parse(b)
}

// EmbeddedNames are the names that Embedded knows, sorted.
func EmbeddedNames() []string { return strictyaml.Names(embedded, "profiles") }

// Parse reads a profile: one YAML document of at most MaxSize bytes, naming embedded
// profiles of finance and purse, and partitions. Every error wraps ErrProfile and names line and
// key.
func Parse(text []byte) (*Profile, error) {
	r, n, err := strictyaml.Parse(text, MaxSize, "profile")
	if err != nil {
		return nil, fmt.Errorf("livelihood card profile: %w: %w", err, ErrProfile)
	}
	p := read(r, n)
	if r.Err() != nil {
		return nil, fmt.Errorf("livelihood card profile, %w: %w", r.Err(), ErrProfile)
	}
	return p, nil
}

func read(r *strictyaml.Reader, n *yaml.Node) *Profile {
	s := r.Mapping(n, "", "name", "title", "finance", "purse", "purse_entry", "historical", "area", "region", "root", "partitions")
	p := &Profile{name: s.ASCII("name", 1, 32, true), title: s.Text("title", 90, true)}
	var err error
	if p.finance, err = perso.Embedded(s.ASCII("finance", 1, 32, true)); err != nil {
		s.FailAt("finance", "%v", err)
	} else if !p.finance.Whole() {
		s.FailAt("finance", "the profile is none of a whole chip")
	}
	if s.Node("purse") != nil {
		if p.purse, err = purse.Embedded(s.ASCII("purse", 1, 32, true)); err != nil {
			s.FailAt("purse", "%v", err)
		}
	}
	p.readDirectory(&s)
	copy(p.historical[:], s.Bytes("historical", len(p.historical), len(p.historical), true))
	p.area = s.Digits("area", 6, 6, true)
	copy(p.region[:], s.Bytes("region", len(p.region), len(p.region), true))
	p.root = s.ASCII("root", 1, 32, true)
	var names []string
	for _, n := range s.List("partitions", maxPartitions) {
		part, err := civic.Embedded(n.Value)
		if err != nil {
			r.Fail(n.Line, "partitions", "%v", err)
			return p
		}
		if slices.Contains(names, n.Value) {
			r.Fail(n.Line, "partitions", "%s is there twice", n.Value)
		}
		names = append(names, n.Value)
		p.partitions = append(p.partitions, part)
	}
	if !slices.Contains(names, p.root) {
		s.FailAt("root", "it is none of the partitions")
	}
	return p
}

// readDirectory makes the PPSE: the finance application and, if the profile says how,
// the purse.
func (p *Profile) readDirectory(s *strictyaml.Section) {
	var more []ppse.Entry
	if n := s.Node("purse_entry"); n != nil {
		entry := s.Reader.Mapping(n, "purse_entry", "label", "priority")
		e := ppse.Entry{Label: entry.ASCII("label", 1, 16, true), Priority: byte(entry.Number("priority", 1, 15, 0))}
		if p.purse == nil {
			s.FailAt("purse_entry", "the profile has no purse")
		} else {
			e.AID = p.purse.AID()
		}
		more = append(more, e)
	}
	if s.Reader.Err() != nil {
		return
	}
	var err error
	if p.directory, err = p.finance.Directory(more...); err != nil {
		s.FailAt("purse_entry", "%v", err)
	}
}

// Name is the profile's own name.
func (p *Profile) Name() string { return p.name }

// Title is its Chinese name.
func (p *Profile) Title() string { return p.title }

// Finance is the profile of the finance application.
func (p *Profile) Finance() *perso.Profile { return p.finance }

// Purse is the profile of the purse for transport, nil for none.
func (p *Profile) Purse() *purse.Profile { return p.purse }

// Partitions are the public service partitions in the order of selection.
func (p *Profile) Partitions() []*civic.Partition { return slices.Clone(p.partitions) }
