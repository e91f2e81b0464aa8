package tap

import (
	"fmt"
	"strings"

	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
	"github.com/citycard/citycard/wire/tlv/describe"
)

// Fact is one data object of a command or an answer, for people.
type Fact struct {
	Depth int    // of the template that it is in, from 0
	Tag   string // hexadecimal
	Name  string
	// Value in hexadecimal, card numbers masked. Empty for a template.
	Value string
	Text  string // the value in readable form
	Note  string // what is wrong with it
	Bits  []string
}

// Side is one half of an exchange: a command or an answer.
type Side struct {
	Title string // "READ RECORD 1, SFI 2"; "9000 ..." of an answer
	// Hex is the message in upper-case hexadecimal, card numbers and PINs masked
	// digit by digit with '*' as `citycard decode` does.
	Hex   string
	Facts []Fact
}

// Explainer explains the exchanges of one session, in their order: what a command
// holds is known from the data object lists (DOL) that the card gave before. It is
// for one goroutine.
type Explainer struct {
	o         describe.Options
	dols      map[tlv.Tag][]byte
	generated int // GENERATE AC since the last SELECT
}

// NewExplainer makes an explainer in a language, "en" or "zh".
func NewExplainer(lang string, showPAN bool) *Explainer {
	return &Explainer{o: describe.Options{Lang: lang, ShowPAN: showPAN}, dols: map[tlv.Tag][]byte{}}
}

func (x *Explainer) say(en, zh string) string {
	if x.o.Lang == "zh" {
		return zh
	}
	return en
}

// Command explains a command, before its answer is explained.
func (x *Explainer) Command(cmd []byte) Side {
	items, err := describe.Command(cmd, x.o)
	if err != nil {
		return Side{Title: x.say("no command APDU", "不是命令APDU"), Hex: strings.Repeat("**", len(cmd))}
	}
	c, _ := apdu.ParseCommand(cmd) // describe.Command has parsed it already
	s := Side{Title: x.title(c), Hex: masked(cmd, items)}
	switch {
	case c.CarriesPIN():
		s.Facts = []Fact{{Name: x.say("PIN block, never shown", "PIN块，不显示")}}
	case c.INS == insSelect:
		x.generated = 0
		clear(x.dols)
	case c.INS == insGPO:
		if v, ok := tlv.Find(c.Data, tlv.TagCommandTemplate); ok {
			x.split(&s, c, tlv.TagPDOL, v)
		}
	case c.INS == insGenerateAC:
		list := tlv.TagCDOL1
		if x.generated++; x.generated > 1 {
			list = tlv.TagCDOL2
		}
		x.split(&s, c, list, c.Data)
	case c.INS == insInternal:
		x.split(&s, c, tlv.TagDDOL, c.Data)
	case c.INS == insExternal && len(c.Data) > 8:
		s.Facts = []Fact{x.fact(tlv.TagIssuerAuthenticationData, c.Data[:8]), x.fact(tlv.TagARC, c.Data[8:])}
	default:
		s.Facts = x.inside(items)
	}
	return s
}

// Instructions whose data have no tags of their own.
const (
	insSelect     = 0xA4
	insGPO        = 0xA8
	insGenerateAC = 0xAE
	insInternal   = 0x88
	insExternal   = 0x82
)

// inside gives the data objects in the data field of a command or an answer.
func (x *Explainer) inside(items []describe.Item) []Fact {
	var out []Fact
	for i := range items {
		if items[i].Tag == "" && len(items[i].Fields) > 0 {
			out = append(out, x.facts(items[i].Fields, 0)...)
		}
	}
	return out
}

// Answer explains the answer to cmd, status word included.
func (x *Explainer) Answer(cmd, answer []byte) Side {
	items, err := describe.Response(answer, x.o)
	if err != nil {
		return Side{Title: x.say("no response APDU", "不是响应APDU"), Hex: strings.Repeat("**", len(answer))}
	}
	data, sw, _ := apdu.ParseResponse(answer) // describe.Response has parsed it already
	s := Side{Title: strings.TrimSpace(sw.String() + " " + sw.Meaning(x.o.Lang)), Hex: masked(answer, items)}
	x.learn(data)
	if v, ok := tlv.Find(data, tlv.TagResponseFormat1); ok && len(cmd) > 1 {
		s.Facts = x.formatOne(cmd[1], v)
		return s
	}
	if len(data) > 0 && len(cmd) > 1 && cmd[1] != insExternal {
		s.Facts = x.inside(items)
	}
	return s
}

// lists are the data object lists that explain later commands.
var lists = map[tlv.Tag]bool{tlv.TagPDOL: true, tlv.TagCDOL1: true, tlv.TagCDOL2: true, tlv.TagDDOL: true}

// learn keeps the data object lists of an answer.
func (x *Explainer) learn(data []byte) {
	nodes, err := tlv.Parse(data)
	if err != nil {
		return
	}
	x.keep(nodes)
}

func (x *Explainer) keep(nodes []tlv.Node) {
	for i := range nodes {
		if lists[nodes[i].Tag] {
			x.dols[nodes[i].Tag] = append([]byte(nil), nodes[i].Value...)
		}
		x.keep(nodes[i].Children)
	}
}

// defaultDDOL is the list that terminals use for a card that has none (EMV Book 2,
// 6.5.1).
var defaultDDOL = []byte{0x9F, 0x37, 0x04}

// split explains the data v of a command, which end it but for Le, by a list. What the
// values say is known then, so that only what is secret is masked, and not what looks
// like a card number by chance.
func (x *Explainer) split(s *Side, c apdu.Command, list tlv.Tag, v []byte) {
	s.Facts = x.values(list, v)
	if s.Facts == nil {
		return
	}
	var known strings.Builder
	for i := range s.Facts {
		known.WriteString(s.Facts[i].Value)
	}
	end := len(s.Hex)
	if c.Le != apdu.NoLe {
		end -= 2
	}
	if start := end - 2*len(v); known.Len() == end-start && start >= 0 && !c.Extended() {
		s.Hex = s.Hex[:start] + known.String() + s.Hex[end:]
	}
}

// values splits b by a data object list of the card. A list that does not fit gives
// nothing: the bytes are in the hexadecimal.
func (x *Explainer) values(list tlv.Tag, b []byte) []Fact {
	raw, ok := x.dols[list]
	if !ok && list == tlv.TagDDOL {
		raw = defaultDDOL
	}
	dol, err := tlv.ParseDOL(raw)
	if err != nil {
		return nil
	}
	total := 0
	for _, e := range dol {
		total += e.Len
	}
	if total != len(b) {
		return nil
	}
	var out []Fact
	for _, e := range dol {
		out = append(out, x.fact(e.Tag, b[:e.Len]))
		b = b[e.Len:]
	}
	return out
}

// formatOne splits the answers without tags of their own (EMV Book 3, 6.5.5.4,
// 6.5.8.4 and 6.5.9.4).
func (x *Explainer) formatOne(ins byte, v []byte) []Fact {
	switch {
	case ins == insGPO && len(v) >= 2:
		return []Fact{x.fact(tlv.TagAIP, v[:2]), x.fact(tlv.TagAFL, v[2:])}
	case ins == insGenerateAC && len(v) >= 11:
		out := []Fact{x.fact(tlv.TagCID, v[:1]), x.fact(tlv.TagATC, v[1:3]), x.fact(tlv.TagAC, v[3:11])}
		if len(v) > 11 {
			out = append(out, x.fact(tlv.TagIAD, v[11:]))
		}
		return out
	case ins == insInternal:
		return []Fact{x.fact(tlv.TagSDAD, v)}
	}
	return nil
}

// fact explains one value that is known by its place.
func (x *Explainer) fact(tag tlv.Tag, v []byte) Fact {
	it, err := describe.Value(tag, v, x.o)
	if err != nil {
		info, _ := tlv.Lookup(tag)
		return Fact{Tag: tag.String(), Name: info.NameIn(x.o.Lang), Value: fmt.Sprintf("%X", v), Note: x.say("wrong length or form", "长度或格式错误")}
	}
	return x.one(&it, 0)
}

// facts flattens a tree of data objects.
func (x *Explainer) facts(items []describe.Item, depth int) []Fact {
	var out []Fact
	for i := range items {
		it := &items[i]
		if it.Tag == "" {
			continue
		}
		if !wrappers[it.Tag] {
			out = append(out, x.one(it, depth))
		}
		if it.Value == "" {
			out = append(out, x.facts(it.Fields, depth+1)...)
		}
	}
	return out
}

// wrappers are templates that say nothing but that something is inside.
var wrappers = map[string]bool{"6F": true, "70": true, "77": true, "A5": true, "BF0C": true}

// spoken are the objects whose bits and parts say how a transaction goes on; those
// of the others are for `citycard decode`.
var spoken = map[string]bool{
	"82": true, "8E": true, "94": true, "95": true, "9B": true, "9F27": true, "9F34": true, "9F66": true, "9F6C": true,
}

func (x *Explainer) one(it *describe.Item, depth int) Fact {
	f := Fact{Depth: depth, Tag: it.Tag, Name: it.Name, Value: it.Value, Text: it.Text, Note: it.Note}
	if f.Name == "" {
		f.Name = x.say("unknown tag", "未知标签")
	}
	if spoken[it.Tag] {
		f.Bits = bits(it)
	}
	if it.Tag == tlv.TagIAD.String() {
		x.application(&f, it.Fields)
	}
	return f
}

// bits are the meanings of bits and of parts.
func bits(it *describe.Item) []string {
	var out []string
	for _, b := range it.Bits {
		out = append(out, fmt.Sprintf("%d.%s %s", b.Byte, b.Bits, b.Text))
	}
	for i := range it.Fields {
		f := &it.Fields[i]
		switch {
		case f.Text == "":
		case f.Length == amountSize && it.Tag == tlv.TagCVMList.String():
			out = append(out, f.Name+" "+f.Text)
		default:
			out = append(out, strings.TrimSpace(f.Value+" "+f.Text))
		}
	}
	return out
}

// amountSize is the length of the amounts X and Y of tag 8E.
const amountSize = 4

// application tells what the issuer's data (9F10) say: card verification results and
// discretionary data (JR/T 0025.5).
func (x *Explainer) application(f *Fact, parts []describe.Item) {
	var words []string
	for i := range parts {
		if p := &parts[i]; p.Text != "" && len(p.Value) > 0 {
			words = append(words, p.Text)
		}
		for _, b := range parts[i].Bits {
			f.Bits = append(f.Bits, fmt.Sprintf("CVR %d.%s %s", b.Byte, b.Bits, b.Text))
		}
	}
	f.Text = strings.Join(words, x.say(", ", "，"))
}

// title names a command with what it is about.
func (x *Explainer) title(c apdu.Command) string {
	name := c.Name()
	switch c.INS {
	case insSelect:
		if c.P2&3 == 2 {
			name += x.say(" next", " 下一个")
		}
		return name + " " + appName(c.Data)
	case 0xB2:
		return fmt.Sprintf("%s %d SFI %d", name, c.P1, c.P2>>3)
	case 0xCA:
		if c.P1 == 0 && c.P2 == 0 { // no tag: the authentication code of a purse
			return name
		}
		tag := tlv.Tag(c.P1)<<8 | tlv.Tag(c.P2)
		if c.P1 == 0 {
			tag = tlv.Tag(c.P2)
		}
		return name + " " + tag.String()
	case insGenerateAC:
		kind := map[byte]string{0x00: "AAC", 0x40: "TC", 0x80: "ARQC"}[c.P1&0xC0]
		if c.P1&0x10 != 0 {
			kind += " + CDA"
		}
		return strings.TrimSpace(name + " " + kind)
	case 0x20:
		return name + " PIN"
	case 0xDA:
		return fmt.Sprintf("%s %v", name, tlv.Tag(c.P1)<<8|tlv.Tag(c.P2))
	case 0x00:
		return fmt.Sprintf("INS %02X", c.INS)
	}
	if name == "" {
		return fmt.Sprintf("INS %02X", c.INS)
	}
	return name
}

// appName is a directory's name as text, any other in hexadecimal.
func appName(b []byte) string {
	for _, c := range b {
		if c < 0x20 || c > 0x7E {
			return fmt.Sprintf("%X", b)
		}
	}
	return string(b)
}
