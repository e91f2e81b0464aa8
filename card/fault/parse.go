package fault

import (
	"fmt"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/internal/strictyaml"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// Parse reads a script. The error is ErrScript; it names line and key, and says
// what is wanted.
func Parse(b []byte) (*Script, error) {
	document, n, err := strictyaml.Parse(b, MaxScript, "script")
	if err != nil {
		return nil, fmt.Errorf("fault script: %w: %w", err, ErrScript)
	}
	r := &reading{document}
	s := r.script(n)
	if r.Err() != nil {
		return nil, fmt.Errorf("fault script, %w: %w", r.Err(), ErrScript)
	}
	return s, nil
}

// reading takes a script out of its document.
type reading struct{ *strictyaml.Reader }

func (r *reading) script(n *yaml.Node) *Script {
	top := r.Mapping(n, "", "name", "about", "faults")
	s := &Script{Name: top.Text("name", 64, true), About: top.Text("about", 400, false)}
	for i, n := range top.List("faults", MaxFaults) {
		s.Faults = append(s.Faults, r.fault(n, fmt.Sprintf("faults[%d]", i+1)))
	}
	return s
}

func (r *reading) fault(n *yaml.Node, path string) Fault {
	top := r.Mapping(n, path, "name", "when", "then")
	f := Fault{Line: n.Line, Name: top.Text("name", 100, true)}
	when := r.Mapping(top.Node("when"), path+".when", "cla", "ins", "p1", "p2", "data", "aid", "nth", "times")
	f.When = When{
		CLA: when.Octet("cla"), INS: when.Octet("ins"), P1: when.Octet("p1"), P2: when.Octet("p2"),
		Data:  when.Bytes("data", 1, apdu.MaxShortData, false),
		AID:   when.Bytes("aid", 1, 16, false),
		Nth:   int(when.Number("nth", 1, maxTimes, 0)),
		Times: int(when.Number("times", 1, maxTimes, 0)),
	}
	if f.When.Nth > 0 && f.When.Times > 0 {
		when.FailAt("times", "nth means one command already; leave one of the two out")
	}
	if top.Node("then") == nil {
		r.Fail(n.Line, path+".then", "is missing; say what happens")
		return f
	}
	f.Then = r.then(top.Node("then"), path+".then")
	return f
}

func (r *reading) then(n *yaml.Node, path string) Then {
	s := r.Mapping(n, path, "tear", "alter", "sw", "no_data", "silent", "delay_ms")
	t := Then{
		NoData: s.Flag("no_data"), Silent: s.Flag("silent"),
		Delay: time.Duration(int(s.Number("delay_ms", 1, int64(MaxDelay/time.Millisecond), 0))) * time.Millisecond,
	}
	if b := s.Bytes("sw", 2, 2, false); b != nil {
		sw := apdu.SW(b[0])<<8 | apdu.SW(b[1])
		t.SW = &sw
	}
	if tear := s.Node("tear"); tear != nil {
		t.Tear = r.tear(tear, path+".tear")
	}
	if s.Node("alter") != nil {
		for i, n := range s.List("alter", MaxSteps) {
			t.Alter = append(t.Alter, r.alteration(n, fmt.Sprintf("%s.alter[%d]", path, i+1)))
		}
	}
	answer := t.SW != nil || t.NoData || len(t.Alter) > 0 || t.Delay > 0
	switch {
	case r.Err() != nil:
	case t.Tear == nil && !t.Silent && !answer:
		r.Fail(n.Line, path, "nothing happens; want tear, alter, sw, no_data, silent or delay_ms")
	case t.Tear != nil && (t.Silent || answer):
		r.Fail(n.Line, path, "a card that loses its power gives no answer; leave all but tear out")
	case t.Silent && answer:
		r.Fail(n.Line, path, "no answer comes; leave all but silent out")
	}
	return t
}

func (r *reading) tear(n *yaml.Node, path string) *Tear {
	s := r.Mapping(n, path, "write", "half")
	t := &Tear{Write: int(s.Number("write", 1, maxWrite, 1))}
	switch half := s.Text("half", 16, false); half {
	case "", "none":
		t.Half = cos.TearNone
	case "first":
		t.Half = cos.TearFirst
	case "last":
		t.Half = cos.TearLast
	default:
		s.FailAt("half", "want none, first or last: what is left of the write")
	}
	return t
}

// needs says what a kind of alteration takes beside how.
var needs = map[How]struct{ tag, flip, count, value, valueOptional bool }{
	LongLengths: {}, Padding: {}, Reorder: {}, LongName: {}, Format77: {}, Format80: {}, FlipMAC: {},
	Extra:    {value: true, valueOptional: true},
	Flip:     {tag: true, flip: true},
	Set:      {tag: true, value: true},
	Truncate: {count: true}, WrongLength: {count: true},
	Remove: {tag: true}, Duplicate: {tag: true},
}

func (r *reading) alteration(n *yaml.Node, path string) Alteration {
	s := r.Mapping(n, path, "how", "tag", "byte", "bits", "count", "value")
	a := Alteration{How: How(s.Text("how", 32, true)), Byte: -1, Bits: 0x01, Count: 1}
	if r.Err() != nil {
		return a
	}
	need, known := needs[a.How]
	if !known {
		s.FailAt("how", "%.40q is not known; see the list of alterations", a.How)
		return a
	}
	for key, wanted := range map[string]bool{"tag": need.tag, "byte": need.flip, "bits": need.flip, "count": need.count, "value": need.value} {
		if s.Node(key) != nil && !wanted {
			s.FailAt(key, "%s does not take it", a.How)
		}
	}
	if need.tag {
		a.Tag = tagOf(&s, "tag")
	}
	if need.flip {
		a.Byte = int(s.Number("byte", 0, 255, -1))
		if b := s.Octet("bits"); b != nil {
			a.Bits = *b
		}
		if a.Bits == 0 {
			s.FailAt("bits", "want at least one bit")
		}
	}
	a.Count = int(s.Number("count", 1, 255, 1))
	if need.value {
		a.Value = s.Bytes("value", 0, apdu.MaxShortLe, !need.valueOptional)
	}
	if a.How == Extra && a.Value != nil {
		if _, err := tlv.Parse(a.Value); err != nil || len(a.Value) == 0 {
			s.FailAt("value", "want whole data objects such as DF7F0100")
		}
	}
	return a
}

// tagOf gives a tag, which must be there.
func tagOf(s *strictyaml.Section, key string) tlv.Tag {
	var t tlv.Tag
	for _, b := range s.Bytes(key, 1, 3, true) {
		t = t<<8 | tlv.Tag(b)
	}
	if s.Reader.Err() == nil && !t.Valid() {
		s.FailAt(key, "%X is no tag (EMV Book 3, annex B)", uint32(t))
	}
	return t
}
