package civic

import (
	"encoding/binary"
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/internal/strictyaml"
)

// Limits of a data file.
const (
	maxFiles    = 30
	maxSections = 8
	maxFields   = 40
	maxKeys     = 16
	maxFactors  = 4
	maxTitle    = 90
	maxField    = 128   // bytes of a field in a record
	maxContent  = 32767 // bytes of a transparent file
	maxFieldTag = 0xFE
)

// read takes all keys of a data file.
func read(r *strictyaml.Reader, n *yaml.Node) *Partition {
	s := r.Mapping(n, "", "name", "title", "aid", "id", "info", "info_file", "line", "block", "factors", "keys", "files", "directories")
	p := &Partition{name: s.ASCII("name", 1, 32, true)}
	p.directory = readDirectory(&s, true)
	p.title = p.directory.title
	p.keys = readKeys(&s)
	if s.Node("info_file") != nil {
		p.infoFile = identifier(&s, "info_file")
	}
	if s.Node("factors") != nil {
		for _, f := range s.List("factors", maxFactors) {
			if f.Kind != yaml.ScalarNode || f.Value == "" {
				s.FailAt("factors", "want names")
			}
			p.factors = append(p.factors, f.Value)
		}
	}
	if s.Node("directories") != nil {
		for i, d := range s.List("directories", maxSections) {
			sub := r.Mapping(d, fmt.Sprintf("directories %d", i+1), "id", "aid", "title", "info", "line", "block", "keys", "files")
			p.below = append(p.below, section{readDirectory(&sub, false), readKeys(&sub)})
		}
	}
	if r.Err() != nil {
		return p
	}
	// What one file cannot say of itself, cos knows: two files of one name, a rule
	// that cannot be.
	trial := Issue{Factors: map[string]epurse.Factor{}, Master: func(string) cryptogram.Key { return cryptogram.Key{} }}
	for _, name := range p.factors {
		trial.Factors[name] = epurse.Factor{}
	}
	if _, err := p.Template(&trial); err != nil {
		r.Fail(s.Line, "", "%v", err)
	}
	return p
}

// readDirectory takes what the ADF and the directories in it have in common.
func readDirectory(s *strictyaml.Section, named bool) directory {
	d := directory{
		id: identifier(s, "id"), aid: s.Bytes("aid", 5, 16, named), title: s.Text("title", maxTitle, true),
		info: s.Bytes("info", 1, 100, false), line: byte(s.Number("line", 0, cos.MaxReference, 0)), rules: locked(),
	}
	d.rules[cos.OpActivate] = rule(s, "block")
	for i, n := range s.List("files", maxFiles) {
		f := s.Reader.Mapping(n, fmt.Sprintf("file %d of %s", i+1, d.title),
			"id", "sfi", "title", "kind", "size", "capacity", "read", "update", "append", "fields")
		d.files = append(d.files, readFile(&f))
	}
	return d
}

// locked are rules under which nothing is possible.
func locked() cos.Rules {
	var rules cos.Rules
	for i := range rules {
		rules[i] = cos.Never
	}
	return rules
}

// rule takes an access rule; without one it is never.
func rule(s *strictyaml.Section, key string) cos.Access {
	text := s.Text(key, 60, false)
	if text == "" {
		return cos.Never
	}
	a, err := cos.AccessFrom(text)
	if err != nil {
		s.FailAt(key, "%v", err)
	}
	return a
}

func identifier(s *strictyaml.Section, key string) uint16 {
	b := s.Bytes(key, 2, 2, true)
	if b == nil {
		return 0
	}
	return binary.BigEndian.Uint16(b)
}

// kinds are the names of kinds of file in data files.
var kinds = map[string]cos.FileKind{"records": cos.Variable, "transparent": cos.Transparent, "list": cos.Fixed, "cyclic": cos.Cyclic}

func readFile(s *strictyaml.Section) file {
	f := file{
		id: identifier(s, "id"), sfi: byte(s.Number("sfi", 0, 30, 0)), title: s.Text("title", maxTitle, true), rules: locked(),
	}
	f.rules[cos.OpRead], f.rules[cos.OpUpdate], f.rules[cos.OpAppend] = rule(s, "read"), rule(s, "update"), rule(s, "append")
	kind, _ := s.Scalar("kind", true)
	var ok bool
	if f.kind, ok = kinds[kind]; !ok {
		s.FailAt("kind", "want records, transparent, list or cyclic")
	}
	if f.kind == cos.Transparent {
		f.size = int(s.Number("size", 1, maxContent, 0))
	} else if s.Node("size") != nil {
		s.FailAt("size", "only a transparent file has one")
	}
	if f.kind == cos.Cyclic || f.kind == cos.Fixed {
		f.capacity = int(s.Number("capacity", 1, 254, 0))
	} else if s.Node("capacity") != nil {
		s.FailAt("capacity", "only a cyclic file or a list has one")
	}
	if f.kind == cos.Transparent && s.Node("fields") == nil {
		return f // a photo, a template of fingerprints
	}
	for i, n := range s.List("fields", maxFields) {
		v := s.Reader.Mapping(n, fmt.Sprintf("field %d of %s", i+1, f.title), "name", "title", "tag", "type", "length", "value")
		f.fields = append(f.fields, readField(&v, f.kind == cos.Variable))
	}
	return f
}

// readField takes one field; those of a file of records have tags.
func readField(s *strictyaml.Section, tagged bool) field {
	f := field{name: s.ASCII("name", 1, 32, false), title: s.Text("title", maxTitle, true), length: int(s.Number("length", 1, maxField, 0))}
	if f.length == 0 {
		s.FailAt("length", "is missing")
		return f
	}
	kind, _ := s.Scalar("type", true)
	var ok bool
	if f.format, ok = formats[kind]; !ok {
		s.FailAt("type", "want an, cn, b or gbk")
	}
	tag := s.Octet("tag")
	switch {
	case tagged && tag == nil:
		s.FailAt("tag", "is missing")
	case tagged && (*tag == 0 || *tag > maxFieldTag):
		s.FailAt("tag", "want 01 to FE")
	case tagged:
		f.tag = *tag
	case tag != nil:
		s.FailAt("tag", "only fields of a file of records have one")
	}
	value, _ := s.Scalar("value", false)
	var err error
	if f.value, err = f.encode(value); err != nil {
		s.FailAt("value", "%v", err)
	}
	return f
}

// usages are the names of what keys are for.
var usages = map[string]cos.KeyUsage{
	"pin": cos.UsePIN, "unblock": cos.UseUnblock, "reload": cos.UseReload, "internal": cos.UseInternal, "external": cos.UseExternal, "line": cos.UseLine,
}

func readKeys(s *strictyaml.Section) []key {
	if s.Node("keys") == nil {
		return nil
	}
	var keys []key
	for _, n := range s.List("keys", maxKeys) {
		k := s.Reader.Mapping(n, "keys", "name", "title", "usage", "number", "version", "algorithm", "factor", "tries", "value")
		keys = append(keys, readKey(&k))
	}
	return keys
}

func readKey(s *strictyaml.Section) key {
	k := key{name: s.ASCII("name", 1, 32, true)}
	s.Text("title", maxTitle, true)
	usage, _ := s.Scalar("usage", true)
	var ok bool
	if k.spec.Usage, ok = usages[usage]; !ok {
		s.FailAt("usage", "want pin, unblock, reload, internal, external or line")
	}
	k.spec.Number = byte(s.Number("number", 0, cos.MaxReference, 0))
	k.spec.Version = byte(s.Number("version", 0, 255, 0))
	k.spec.Tries = byte(s.Number("tries", 1, cos.MaxTries, 0))
	if s.Flag("factor") {
		k.spec.Form = cos.FormFactor
	}
	if k.spec.Usage == cos.UsePIN {
		k.spec.Value = s.Bytes("value", 2, 16, true)
		return k
	}
	if s.Node("value") != nil {
		s.FailAt("value", "a key's value comes from its master")
	}
	switch alg, _ := s.Scalar("algorithm", true); alg {
	case "3des":
		k.spec.Alg = cryptogram.TDES
	case "sm4":
		k.spec.Alg = cryptogram.SM4
	default:
		s.FailAt("algorithm", "want 3des or sm4")
	}
	return k
}
