package certify_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/citycard/citycard/certify"
	"github.com/citycard/citycard/wire/tlv"
)

// brokenCard is a good card with one fault between it and the reader.
type brokenCard struct {
	good   *chipCard
	fault  fault
	atr    func(good []byte, resets int) []byte
	resets int

	// What faults remember.
	pending []byte // READ RECORD of the last record of an approved payment
	kept    []byte
	count   int
	before  map[string][]byte // answers by command
}

// fault handles one command: it may send others to the card, and alter the answer.
type fault func(b *brokenCard, cmd []byte) []byte

func (b *brokenCard) ATR() []byte {
	if b.atr != nil {
		return b.atr(b.good.ATR(), b.resets)
	}
	return b.good.ATR()
}

func (b *brokenCard) Reset() ([]byte, error) {
	b.resets++
	if b.fault != nil {
		b.fault(b, nil)
	}
	if _, err := b.good.Reset(); err != nil {
		return nil, err
	}
	return b.ATR(), nil
}

func (b *brokenCard) Transmit(dst, cmd []byte) ([]byte, error) {
	if b.fault == nil {
		return b.good.Transmit(dst, cmd)
	}
	out := b.fault(b, slices.Clone(cmd))
	if out == nil {
		return dst, errors.New("the card does not answer")
	}
	return append(dst, out...), nil
}

// pass gives a command to the good card.
func (b *brokenCard) pass(cmd ...byte) []byte {
	out, err := b.good.Transmit(nil, cmd)
	if err != nil {
		return []byte{0x6F, 0x00}
	}
	return out
}

// each makes a fault that alters answers to commands.
func each(match func(cmd []byte) bool, alter func(b *brokenCard, cmd, answer []byte) []byte) fault {
	return func(b *brokenCard, cmd []byte) []byte {
		if cmd == nil {
			return nil
		}
		out := b.pass(cmd...)
		if match(cmd) {
			return alter(b, cmd, out)
		}
		return out
	}
}

// ins matches an instruction.
func ins(i byte) func([]byte) bool {
	return func(cmd []byte) bool { return len(cmd) > 1 && cmd[1] == i }
}

// get matches GET DATA of a tag.
func get(tag uint16) func([]byte) bool {
	return func(cmd []byte) bool {
		return len(cmd) > 3 && cmd[1] == 0xCA && cmd[2] == byte(tag>>8) && cmd[3] == byte(tag)
	}
}

// name matches SELECT of a name that begins so.
func named(prefix string) func([]byte) bool {
	return func(cmd []byte) bool {
		return len(cmd) > 5 && cmd[1] == 0xA4 && bytes.HasPrefix(cmd[5:], []byte(prefix))
	}
}

const application = "\xA0\x00\x00\x03\x33\x01\x01\x01"

// whole matches SELECT of the application's whole name.
func whole(cmd []byte) bool {
	return named(application)(cmd) && cmd[3] == 0
}

// good reports whether an answer ends with 9000.
func good(answer []byte) bool {
	return len(answer) >= 2 && answer[len(answer)-2] == 0x90 && answer[len(answer)-1] == 0
}

// edit makes an alteration of the TLV data of a good answer: f gets each object, from
// the inside out, and gives what stands in its place.
func edit(f func(tag tlv.Tag, value []byte) []byte) func(*brokenCard, []byte, []byte) []byte {
	return func(_ *brokenCard, _, answer []byte) []byte {
		if !good(answer) {
			return answer
		}
		nodes, err := tlv.Parse(answer[:len(answer)-2])
		if err != nil {
			return answer
		}
		return append(rebuild(nodes, f), 0x90, 0)
	}
}

func rebuild(nodes []tlv.Node, f func(tlv.Tag, []byte) []byte) []byte {
	var out []byte
	for _, n := range nodes {
		value := slices.Clone(n.Value)
		if len(n.Children) > 0 {
			value = rebuild(n.Children, f)
		}
		out = append(out, f(n.Tag, value)...)
	}
	return out
}

func object(tag tlv.Tag, value []byte) []byte { return tlv.Append(nil, tag, value) }

// set gives an object another value.
func set(tag tlv.Tag, change func(v []byte) []byte) func(*brokenCard, []byte, []byte) []byte {
	return edit(func(t tlv.Tag, v []byte) []byte {
		if t == tag {
			v = change(v)
		}
		return object(t, v)
	})
}

// drop leaves an object out.
func drop(tag tlv.Tag) func(*brokenCard, []byte, []byte) []byte {
	return edit(func(t tlv.Tag, v []byte) []byte {
		if t == tag {
			return nil
		}
		return object(t, v)
	})
}

// repeat gives an object twice.
func repeat(tag tlv.Tag) func(*brokenCard, []byte, []byte) []byte {
	return edit(func(t tlv.Tag, v []byte) []byte {
		if t == tag {
			return append(object(t, v), object(t, v)...)
		}
		return object(t, v)
	})
}

// insert puts an object at the end of a template.
func insert(template, tag tlv.Tag, value ...byte) func(*brokenCard, []byte, []byte) []byte {
	return edit(func(t tlv.Tag, v []byte) []byte {
		if t == template {
			v = append(v, object(tag, value)...)
		}
		return object(t, v)
	})
}

func flip(i int) func([]byte) []byte {
	return func(v []byte) []byte {
		if i < 0 {
			i += len(v)
		}
		if i < len(v) {
			v[i] ^= 1
		}
		return v
	}
}

func constant(v ...byte) func([]byte) []byte { return func([]byte) []byte { return slices.Clone(v) } }

// status answers with a status word alone.
func status(sw uint16) func(*brokenCard, []byte, []byte) []byte {
	return func(*brokenCard, []byte, []byte) []byte { return []byte{byte(sw >> 8), byte(sw)} }
}

// turn replaces one status word by another.
func turn(from, to uint16) func(*brokenCard, []byte, []byte) []byte {
	return func(_ *brokenCard, _, answer []byte) []byte {
		n := len(answer)
		if n >= 2 && answer[n-2] == byte(from>>8) && answer[n-1] == byte(from) {
			return append(answer[:n-2], byte(to>>8), byte(to))
		}
		return answer
	}
}

// repeatFirst gives the first value of an object for ever.
func repeatFirst(tag tlv.Tag) func(*brokenCard, []byte, []byte) []byte {
	return func(b *brokenCard, cmd, answer []byte) []byte {
		return set(tag, func(v []byte) []byte {
			if b.kept == nil {
				b.kept = v
			}
			return slices.Clone(b.kept)
		})(b, cmd, answer)
	}
}

// balance makes a fault that reports another electronic cash balance.
func balance(change func(b *brokenCard, v int64) int64, watch func(b *brokenCard, cmd, answer []byte)) fault {
	return func(b *brokenCard, cmd []byte) []byte {
		if cmd == nil {
			if watch != nil {
				watch(b, nil, nil)
			}
			return nil
		}
		out := b.pass(cmd...)
		if watch != nil {
			watch(b, cmd, out)
		}
		if get(0x9F79)(cmd) && good(out) {
			return set(0x9F79, func(v []byte) []byte { return digits(change(b, number(v))) })(b, cmd, out)
		}
		return out
	}
}

func number(bcd []byte) (n int64) {
	for _, c := range bcd {
		n = n*100 + int64(c>>4)*10 + int64(c&15)
	}
	return n
}

func digits(n int64) []byte {
	out := make([]byte, 6)
	for i := 5; i >= 0; i-- {
		out[i] = byte(n%100/10<<4 | n%10)
		n /= 100
	}
	return out
}

// track remembers which record would commit the payment under way.
func (b *brokenCard) track(cmd, answer []byte) {
	switch {
	case cmd[1] == 0xA8:
		b.pending = nil
		afl, ok := tlv.Find(answer, 0x77, 0x94)
		if ok && good(answer) && len(afl) >= 4 {
			e := afl[len(afl)-4:]
			b.pending = []byte{0x00, 0xB2, e[2], e[0] | 4, 0x00}
		}
	case cmd[1] == 0xB2 && bytes.Equal(cmd, b.pending):
		b.pending = nil
	}
}

// isLast tells whether a command reads the record that commits over the air.
func isLast(cmd []byte) bool { return len(cmd) == 5 && cmd[1] == 0xB2 && cmd[3]>>3 == 3 && cmd[2] == 1 }

// TestBrokenCards: each fault is found by the case that names it.
func TestBrokenCards(t *testing.T) {
	if len(brokenCards) < 40 {
		t.Fatalf("%d broken cards", len(brokenCards))
	}
	for _, c := range brokenCards {
		t.Run(c.name, func(t *testing.T) {
			profile := c.profile
			if profile == "" {
				profile = "dev-sm"
			}
			o := options(t, profile)
			o.Destructive = true
			r, err := certify.Run(&brokenCard{good: newCard(t, profile), fault: c.fault, atr: c.atr}, o)
			if err != nil {
				t.Fatal(err)
			}
			var failed []string
			for _, x := range r.Cases {
				if x.Result == certify.Fail {
					failed = append(failed, x.ID)
				}
			}
			if !slices.Contains(failed, c.caught) {
				for _, x := range r.Cases {
					if x.ID == c.caught {
						t.Logf("%s: %s %s", x.ID, x.Result, x.Reason)
					}
				}
				t.Fatalf("%s: case %s does not find it; failed: %v", c.what, c.caught, failed)
			}
			if len(failed) > 1 {
				t.Logf("%s; failed beside %s: %d others, %v", c.what, c.caught, len(failed)-1, failed[:min(len(failed), 12)])
			}
		})
	}
}
