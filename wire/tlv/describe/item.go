package describe

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/citycard/citycard/wire/tlv"
)

// Options choose the language and what may be seen.
type Options struct {
	// Lang "zh" gives Chinese; any other value English.
	Lang string
	// ShowPAN shows card numbers and track data whole. PINs stay hidden.
	ShowPAN bool
}

func (o Options) pick(en, zh string) string {
	if o.Lang == "zh" {
		return zh
	}
	return en
}

// Item is one annotated field. Its JSON form is what `citycard decode --json`
// prints.
type Item struct {
	// Offset of the field from the start of the input: of its tag where it has one.
	Offset int `json:"offset"`
	// Tag in hexadecimal; empty for a field without one.
	Tag string `json:"tag,omitempty"`
	// Name of the field; empty when the tag is not in the dictionary.
	Name string `json:"name,omitempty"`
	// Length of the value in bytes.
	Length int `json:"length"`
	// Value in upper-case hexadecimal, masked digits as '*'. Empty where Fields
	// holds the value.
	Value string `json:"value,omitempty"`
	// Text is the value in readable form.
	Text string `json:"text,omitempty"`
	// Note says that the value does not have the form its definition promises.
	Note string `json:"note,omitempty"`
	// Masked says that Value does not show everything.
	Masked bool `json:"masked,omitempty"`
	// Bits are the bits that are set and the fields of several bits.
	Bits []Bit `json:"bits,omitempty"`
	// Fields are the objects or fields inside.
	Fields []Item `json:"fields,omitempty"`
}

// Bit is one meaning found in a value.
type Bit struct {
	Byte int    `json:"byte"` // from 1
	Bits string `json:"bits"` // "b8", "b6-b5"; b8 is the highest
	Text string `json:"text"`
}

// Nodes describes parsed data objects.
func Nodes(nodes []tlv.Node, o Options) []Item {
	items := make([]Item, 0, len(nodes))
	for i := range nodes {
		items = append(items, object(&nodes[i], o))
	}
	return items
}

func object(n *tlv.Node, o Options) Item {
	it := Item{Offset: n.Offset, Tag: n.Tag.String(), Length: len(n.Value)}
	info, known := tlv.Lookup(n.Tag)
	if known {
		it.Name = info.NameIn(o.Lang)
		if !info.LengthOK(len(n.Value)) {
			it.Note = lengthNote(&info, o)
		}
	}
	if n.Tag.Constructed() {
		it.Fields = Nodes(n.Children, o)
		return it
	}
	if !known {
		it.Value, it.Masked = rawHex(n.Value, o)
		return it
	}
	it.Value, it.Masked = maskedHex(info.Secret, n.Value, o)
	if it.Note == "" && !it.Masked {
		explain(&it, n, &info, o)
	}
	return it
}

// TLV describes a list of data objects. The error is a [*tlv.Error].
func TLV(b []byte, o Options) ([]Item, error) {
	nodes, err := tlv.Parse(b)
	if err != nil {
		return nil, err
	}
	return Nodes(nodes, o), nil
}

// Value describes b as the value of tag: the bits of a TVR, the fields of an
// IAD. It refuses, with a [*tlv.Error], a length that the tag cannot have.
func Value(tag tlv.Tag, b []byte, o Options) (Item, error) {
	info, ok := tlv.Lookup(tag)
	if ok && !info.LengthOK(len(b)) {
		return Item{}, &tlv.Error{Offset: min(len(b), info.Min), Path: []tlv.Tag{tag}, Reason: lengthReason(&info, len(b))}
	}
	if tag == tlv.TagIAD {
		return iad(b, 0, o)
	}
	n := tlv.Node{Tag: tag, Value: b}
	return object(&n, o), nil
}

// DOL describes a data object list. The error is a [*tlv.Error].
func DOL(b []byte, o Options) ([]Item, error) {
	d, err := tlv.ParseDOL(b)
	if err != nil {
		return nil, err
	}
	return dolItems(d, 0, o), nil
}

func dolItems(d tlv.DOL, offset int, o Options) []Item {
	items := make([]Item, 0, len(d))
	for _, e := range d {
		it := Item{Offset: offset, Tag: e.Tag.String(), Length: e.Len}
		if info, ok := tlv.Lookup(e.Tag); ok {
			it.Name = info.NameIn(o.Lang)
			if !info.LengthOK(e.Len) {
				it.Note = lengthNote(&info, o)
			}
		}
		items = append(items, it)
		offset += e.Tag.Size() + 1
	}
	return items
}

// lengthReason and lengthNote say that a value does not have a length that the
// dictionary allows.
func lengthReason(info *tlv.Info, n int) string {
	return fmt.Sprintf("the value has %d bytes; %s expected", n, lengths(info))
}

func lengthNote(info *tlv.Info, o Options) string {
	return o.pick("wrong length; "+lengths(info)+" expected", "长度错误，应为"+lengths(info))
}

func lengths(info *tlv.Info) string {
	switch {
	case info.Min == info.Max:
		return fmt.Sprint(info.Min)
	case info.Max == 0:
		return fmt.Sprintf("≥%d", info.Min)
	}
	return fmt.Sprintf("%d-%d", info.Min, info.Max)
}

func upperHex(b []byte) string {
	return strings.ToUpper(hex.EncodeToString(b))
}
