package civic

import (
	"embed"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/internal/strictyaml"
)

// MaxSize is the greatest length of a data file in bytes.
const MaxSize = 1 << 16

// ErrPartition says that a data file cannot be used.
var ErrPartition = errors.New("unusable partition")

// Partition is the description of one partition. It is immutable and may be shared
// by goroutines.
type Partition struct {
	name, title string
	directory             // the ADF
	factors     []string  // names of the factors that diversify keys, in order
	keys        []key     // of the MF
	infoFile    uint16    // file whose first bytes stand in 9F0C of the FCI; 0 for none
	below       []section // directories of the ADF
}

// section is a directory of a partition, with keys of its own.
type section struct {
	directory
	keys []key
}

// directory is what the ADF and the directories in it have in common.
type directory struct {
	id    uint16
	aid   []byte
	title string
	line  byte // number of the line protection key of the files in it
	rules cos.Rules
	info  []byte
	files []file
}

// file is one elementary file.
type file struct {
	id       uint16
	sfi      byte
	title    string
	kind     cos.FileKind
	rules    cos.Rules
	fields   []field
	size     int // of a transparent file
	capacity int // of a file of equal records
}

// key is a PIN or key; a key's value comes with the Issue.
type key struct {
	name string
	spec cos.KeySpec
}

//go:embed partitions/*.yaml
var embedded embed.FS

// Embedded gives one of the partitions that come with the program. The error is
// ErrPartition.
func Embedded(name string) (*Partition, error) {
	b, err := embedded.ReadFile("partitions/" + name + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("partition %.40q is not known; known are %s: %w", name, strings.Join(EmbeddedNames(), ", "), ErrPartition)
	}
	return Parse(b)
}

// EmbeddedNames are the names that Embedded knows, sorted.
func EmbeddedNames() []string { return strictyaml.Names(embedded, "partitions") }

// Parse reads a data file: one YAML document of at most MaxSize bytes. Every error
// wraps ErrPartition and names line and key.
func Parse(text []byte) (*Partition, error) {
	r, n, err := strictyaml.Parse(text, MaxSize, "partition")
	if err != nil {
		return nil, fmt.Errorf("partition: %w: %w", err, ErrPartition)
	}
	p := read(r, n)
	if r.Err() != nil {
		return nil, fmt.Errorf("partition, %w: %w", r.Err(), ErrPartition)
	}
	return p, nil
}

// Name is the partition's own name, as in "social-security".
func (p *Partition) Name() string { return p.name }

// Title is its Chinese name.
func (p *Partition) Title() string { return p.title }

// AID is the name by which SELECT finds it, 5 to 16 bytes.
func (p *Partition) AID() []byte { return p.aid }

// Names are the names of all its directories, the AID first.
func (p *Partition) Names() [][]byte {
	names := [][]byte{p.aid}
	for _, s := range p.below {
		if len(s.aid) > 0 {
			names = append(names, s.aid)
		}
	}
	return names
}

// Factors are the names of the factors that an Issue must have for its keys, in the
// order in which they diversify.
func (p *Partition) Factors() []string { return slices.Clone(p.factors) }

// directories are the ADF and what lies below it.
func (p *Partition) directories() []*directory {
	list := []*directory{&p.directory}
	for i := range p.below {
		list = append(list, &p.below[i].directory)
	}
	return list
}

// HasField tells whether one of its fields takes a value of this name from an Issue.
func (p *Partition) HasField(name string) bool {
	for _, d := range p.directories() {
		for _, f := range d.files {
			if slices.ContainsFunc(f.fields, func(v field) bool { return v.name == name }) {
				return true
			}
		}
	}
	return false
}
