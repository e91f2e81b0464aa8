package fault

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// Parse reads a script. The error is ErrScript; it names line and key, and says
// what is wanted.
func Parse(b []byte) (*Script, error) {
	if len(b) > MaxScript {
		return nil, fmt.Errorf("fault script of %d bytes, at most %d are possible: %w", len(b), MaxScript, ErrScript)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(b))
	var document yaml.Node
	if err := decoder.Decode(&document); err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("it is empty")
		}
		return nil, fmt.Errorf("fault script: %w: %w", err, ErrScript)
	}
	var second yaml.Node
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		if err == nil {
			err = fmt.Errorf("line %d: a second document; a file holds one script", second.Line)
		}
		return nil, fmt.Errorf("fault script: %w: %w", err, ErrScript)
	}
	r := &reading{}
	s := r.script(document.Content[0])
	if r.err != nil {
		return nil, fmt.Errorf("fault script, %w: %w", r.err, ErrScript)
	}
	return s, nil
}

func (r *reading) script(n *yaml.Node) *Script {
	top := r.mapping(n, "", "name", "about", "faults")
	s := &Script{Name: top.text("name", 64, true), About: top.text("about", 400, false)}
	for i, n := range top.list("faults", MaxFaults) {
		s.Faults = append(s.Faults, r.fault(n, fmt.Sprintf("faults[%d]", i+1)))
	}
	return s
}

func (r *reading) fault(n *yaml.Node, path string) Fault {
	top := r.mapping(n, path, "name", "when", "then")
	f := Fault{Line: n.Line, Name: top.text("name", 100, true)}
	when := r.mapping(top.values["when"], path+".when", "cla", "ins", "p1", "p2", "data", "aid", "nth", "times")
	f.When = When{
		CLA: when.octet("cla"), INS: when.octet("ins"), P1: when.octet("p1"), P2: when.octet("p2"),
		Data:  when.bytes("data", 1, apdu.MaxShortData, false),
		AID:   when.bytes("aid", 1, 16, false),
		Nth:   when.number("nth", 1, maxTimes, 0),
		Times: when.number("times", 1, maxTimes, 0),
	}
	if f.When.Nth > 0 && f.When.Times > 0 {
		when.failAt("times", "nth means one command already; leave one of the two out")
	}
	if top.values["then"] == nil {
		r.fail(n.Line, path+".then", "is missing; say what happens")
		return f
	}
	f.Then = r.then(top.values["then"], path+".then")
	return f
}

func (r *reading) then(n *yaml.Node, path string) Then {
	s := r.mapping(n, path, "tear", "alter", "sw", "no_data", "silent", "delay_ms")
	t := Then{
		NoData: s.flag("no_data"), Silent: s.flag("silent"),
		Delay: time.Duration(s.number("delay_ms", 1, int(MaxDelay/time.Millisecond), 0)) * time.Millisecond,
	}
	if b := s.bytes("sw", 2, 2, false); b != nil {
		sw := apdu.SW(b[0])<<8 | apdu.SW(b[1])
		t.SW = &sw
	}
	if tear := s.values["tear"]; tear != nil {
		t.Tear = r.tear(tear, path+".tear")
	}
	if s.values["alter"] != nil {
		for i, n := range s.list("alter", MaxSteps) {
			t.Alter = append(t.Alter, r.alteration(n, fmt.Sprintf("%s.alter[%d]", path, i+1)))
		}
	}
	answer := t.SW != nil || t.NoData || len(t.Alter) > 0 || t.Delay > 0
	switch {
	case r.err != nil:
	case t.Tear == nil && !t.Silent && !answer:
		r.fail(n.Line, path, "nothing happens; want tear, alter, sw, no_data, silent or delay_ms")
	case t.Tear != nil && (t.Silent || answer):
		r.fail(n.Line, path, "a card that loses its power gives no answer; leave all but tear out")
	case t.Silent && answer:
		r.fail(n.Line, path, "no answer comes; leave all but silent out")
	}
	return t
}

func (r *reading) tear(n *yaml.Node, path string) *Tear {
	s := r.mapping(n, path, "write", "half")
	t := &Tear{Write: s.number("write", 1, maxWrite, 1)}
	switch half := s.text("half", 16, false); half {
	case "", "none":
		t.Half = cos.TearNone
	case "first":
		t.Half = cos.TearFirst
	case "last":
		t.Half = cos.TearLast
	default:
		s.failAt("half", "want none, first or last: what is left of the write")
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
	s := r.mapping(n, path, "how", "tag", "byte", "bits", "count", "value")
	a := Alteration{How: How(s.text("how", 32, true)), Byte: -1, Bits: 0x01, Count: 1}
	if r.err != nil {
		return a
	}
	need, known := needs[a.How]
	if !known {
		s.failAt("how", "%.40q is not known; see the list of alterations", a.How)
		return a
	}
	for key, wanted := range map[string]bool{"tag": need.tag, "byte": need.flip, "bits": need.flip, "count": need.count, "value": need.value} {
		if s.values[key] != nil && !wanted {
			s.failAt(key, "%s does not take it", a.How)
		}
	}
	if need.tag {
		a.Tag = s.tag("tag")
	}
	if need.flip {
		a.Byte = s.number("byte", 0, 255, -1)
		if b := s.octet("bits"); b != nil {
			a.Bits = *b
		}
		if a.Bits == 0 {
			s.failAt("bits", "want at least one bit")
		}
	}
	a.Count = s.number("count", 1, 255, 1)
	if need.value {
		a.Value = s.bytes("value", 0, apdu.MaxShortLe, !need.valueOptional)
	}
	if a.How == Extra && a.Value != nil {
		if _, err := tlv.Parse(a.Value); err != nil || len(a.Value) == 0 {
			s.failAt("value", "want whole data objects such as DF7F0100")
		}
	}
	return a
}
