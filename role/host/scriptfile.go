package host

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/internal/strictyaml"
	"github.com/citycard/citycard/issuer/authorise"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

// Limits of a script file.
const (
	MaxScript   = 64 << 10 // bytes
	maxRules    = 100
	maxOrders   = 16
	maxCommands = 16
	maxDelayMS  = 60_000
)

// ParseScript reads the file of a scripted host, YAML:
//
//	name: text
//	about: text
//	rules:                      # the first that fits is used; none: the development issuer
//	  - when:                   # all of it must fit; may be left out
//	      kind: purchase | inquiry | load | unload | reversal
//	      entry: chip | contactless | stripe | fallback | msd
//	      amount_fen: 1000
//	      nth: 2                # only the second request that fits the rest and that no
//	                            # rule above has taken
//	      pan_ends: "1117"
//	    then:
//	      code: "00"            # field 39; left out: the development issuer decides
//	      arpc: right | wrong | none | 91 as hexadecimal digits
//	      auth_code: "123456"   # field 38
//	      delay_ms: 500
//	      unreachable: true     # no answer comes
//	      refuse: true          # reversals only
//	      scripts:              # after those of the development issuer
//	        - template: 72      # 71 before, 72 after the second GENERATE AC
//	          id: "00000001"    # 9F18
//	          commands:
//	            - put_data: {tag: 9F78, value: "000000060000"}
//	            - update_record: {file: 3, record: 1, data: "9F7406454343303039"}
//	            - pin_change: {to: "654321", current: "123456"}
//	            - app_block     # app_unblock, card_block, pin_unblock
//	            - raw: 00B2010C00
//
// Commands but raw get their MAC from the development keys. The error is ErrScript; it
// names line and key.
func ParseScript(b []byte) (*Script, error) {
	document, n, err := strictyaml.Parse(b, MaxScript, "script")
	if err != nil {
		return nil, fmt.Errorf("host script: %w: %w", err, ErrScript)
	}
	r := &reading{document}
	top := r.Mapping(n, "", "name", "about", "rules")
	s := &Script{Name: top.Text("name", 64, true), About: top.Text("about", 400, false)}
	for i, n := range top.List("rules", maxRules) {
		s.rules = append(s.rules, r.rule(n, fmt.Sprintf("rules[%d]", i+1)))
	}
	if r.Err() != nil {
		return nil, fmt.Errorf("host script, %w: %w", r.Err(), ErrScript)
	}
	return s, nil
}

// reading takes a script out of its document.
type reading struct{ *strictyaml.Reader }

// word reads one of a few words; "" if the key is missing.
func word(s *strictyaml.Section, key string, words ...string) string {
	v := s.Text(key, 16, false)
	if v != "" && !slices.Contains(words, v) {
		s.FailAt(key, "%.20q is not known; want %s", v, strings.Join(words, ", "))
	}
	return v
}

// field reads digits and letters that a message carries; "" if the key is missing.
func field(s *strictyaml.Section, key string, least, most int) string {
	v := s.ASCII(key, least, most, false)
	if !plain(v) {
		s.FailAt(key, "want digits and letters")
	}
	return v
}

var kinds = map[string]txn.OnlineKind{
	"purchase": txn.OnlinePurchase, "inquiry": txn.OnlineInquiry, "load": txn.OnlineLoad, "unload": txn.OnlineUnload,
}

var entries = map[string]txn.EntryMode{
	"chip": txn.EntryChip, "contactless": txn.EntryContactless, "stripe": txn.EntryStripe, "fallback": txn.EntryFallback, "msd": txn.EntryMSD,
}

func (r *reading) rule(n *yaml.Node, path string) rule {
	top := r.Mapping(n, path, "when", "then")
	s := r.Mapping(top.Node("when"), path+".when", "kind", "entry", "amount_fen", "nth", "pan_ends")
	kind := word(&s, "kind", "purchase", "inquiry", "load", "unload", "reversal")
	out := rule{when: when{
		kind: kinds[kind], reversal: kind == "reversal",
		entry:  entries[word(&s, "entry", "chip", "contactless", "stripe", "fallback", "msd")],
		amount: s.Number("amount_fen", 0, 999_999_999_999, -1), nth: int(s.Number("nth", 1, 1_000_000, 0)),
		panEnds: s.Digits("pan_ends", 1, 19, false),
	}}
	if top.Node("then") == nil {
		r.Fail(n.Line, path+".then", "is missing; say what happens")
		return out
	}
	out.then = r.then(top.Node("then"), path+".then", out.when.reversal)
	return out
}

func (r *reading) then(n *yaml.Node, path string, reversal bool) then {
	s := r.Mapping(n, path, "code", "arpc", "auth_code", "delay_ms", "unreachable", "refuse", "scripts")
	t := then{
		authCode: field(&s, "auth_code", 1, 6), unreachable: s.Flag("unreachable"), refuse: s.Flag("refuse"),
		delay: time.Duration(s.Number("delay_ms", 1, maxDelayMS, 0)) * time.Millisecond,
	}
	if code := field(&s, "code", 2, 2); len(code) == 2 {
		t.code = &authorise.Code{code[0], code[1]}
	}
	r.arpc(&s, &t)
	size := 0
	if s.Node("scripts") != nil {
		for i, n := range s.List("scripts", maxOrders) {
			size += r.order(n, fmt.Sprintf("%s.scripts[%d]", path, i+1), &t)
		}
	}
	answers := t.code != nil || t.arpc != arpcRight || t.authCode != "" || len(t.orders) > 0
	switch {
	case size > authorise.MaxScripts:
		s.FailAt("scripts", "%d bytes, at most %d are possible", size, authorise.MaxScripts)
	case reversal && answers:
		r.Fail(n.Line, path, "a reversal can be delayed, unreachable or refused, nothing else")
	case !reversal && t.refuse:
		s.FailAt("refuse", "only a reversal can be refused so; give a code")
	case t.unreachable && (answers || t.refuse):
		s.FailAt("unreachable", "no answer comes; leave all but delay_ms out")
	case len(s.Keys) == 0:
		r.Fail(n.Line, path, "nothing happens; want code, arpc, auth_code, scripts, delay_ms or unreachable")
	}
	return t
}

func (r *reading) arpc(s *strictyaml.Section, t *then) {
	switch v, _ := s.Scalar("arpc", false); v {
	case "", "right":
	case "wrong":
		t.arpc = arpcWrong
	case "none":
		t.arpc = arpcNone
	default:
		t.arpc, t.value = arpcValue, s.Bytes("arpc", 8, 16, false)
	}
}

// order reads one script and gives its size in field 55.
func (r *reading) order(n *yaml.Node, path string, t *then) int {
	s := r.Mapping(n, path, "template", "id", "commands")
	o := authorise.Order{Template: tlv.TagIssuerScript2}
	if b := s.Octet("template"); b != nil {
		o.Template = tlv.Tag(*b)
	}
	copy(o.ID[:], s.Bytes("id", 4, 4, false))
	for i, n := range s.List("commands", maxCommands) {
		o.Commands = append(o.Commands, r.command(n, fmt.Sprintf("%s.commands[%d]", path, i+1)))
	}
	if r.Err() != nil {
		return 0
	}
	size, err := o.Size()
	if err != nil {
		r.Fail(n.Line, path, "%v", err)
	}
	t.orders = append(t.orders, o)
	return size
}

// words are the commands without data.
var words = map[string]func() authorise.Command{
	"app_block": authorise.BlockApplication, "app_unblock": authorise.UnblockApplication,
	"card_block": authorise.BlockCard, "pin_unblock": authorise.UnblockPIN,
}

const wanted = "want app_block, app_unblock, card_block, pin_unblock, or one of put_data, update_record, pin_change and raw with its values"

func (r *reading) command(n *yaml.Node, path string) authorise.Command {
	if n.Kind == yaml.ScalarNode {
		if f := words[n.Value]; f != nil {
			return f()
		}
		r.Fail(n.Line, path, "%.20q is not known; %s", n.Value, wanted)
		return authorise.Command{}
	}
	s := r.Mapping(n, path, "put_data", "update_record", "pin_change", "raw")
	if len(s.Keys) != 1 {
		r.Fail(n.Line, path, "%d commands in one; %s", len(s.Keys), wanted)
		return authorise.Command{}
	}
	key := s.Keys[0]
	if key == "raw" {
		return authorise.Raw(s.Bytes("raw", 4, 120, true))
	}
	inner := s.Node(key)
	switch path += "." + key; key {
	case "put_data":
		v := r.Mapping(inner, path, "tag", "value")
		tag := v.Bytes("tag", 2, 2, true)
		if len(tag) != 2 {
			return authorise.Command{}
		}
		return authorise.PutData(tlv.Tag(tag[0])<<8|tlv.Tag(tag[1]), v.Bytes("value", 1, 64, true))
	case "update_record":
		v := r.Mapping(inner, path, "file", "record", "data")
		return authorise.UpdateRecord(byte(v.Number("file", 1, 30, 1)), byte(v.Number("record", 1, 254, 1)), v.Bytes("data", 1, 100, true))
	}
	return r.pinChange(inner, path)
}

func (r *reading) pinChange(n *yaml.Node, path string) authorise.Command {
	v := r.Mapping(n, path, "to", "current")
	to, current := v.Digits("to", pin.MinLen, pin.MaxLen, true), v.Digits("current", pin.MinLen, pin.MaxLen, false)
	if r.Err() != nil {
		return authorise.Command{}
	}
	next, err := pin.New(to)
	if err != nil {
		v.FailAt("to", "%v", err)
	}
	if current == "" {
		return authorise.ChangePIN(next, nil)
	}
	present, err := pin.New(current)
	if err != nil {
		v.FailAt("current", "%v", err)
	}
	return authorise.ChangePIN(next, &present)
}
