package timeline_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/citycard/citycard/recon/timeline"
)

// full is a card with every part of the encoded form in use.
func full() *timeline.Card {
	c := card(ob(opening, 0, 9000, 0), ob(doubt, 1, 9000, 300, served), ob(paid, 2, 8700, 100), ob(zero, 4, 8400, 0),
		ob(load, 5, 8400, 500), ob(online, 6, 8900, 0), ob(declined, 7, 8900, 0))
	c.Judge(windowEnd*3600, rules, nil)
	return c
}

func TestDecodeRefusesEveryDamage(t *testing.T) {
	blob := full().Append(nil)
	if c := card(); c.Decode(blob) != nil || !bytes.Equal(c.Append(nil), blob) {
		t.Fatal("the undamaged form is refused or changes")
	}
	damage := map[string]func(b []byte) []byte{
		"empty":              func([]byte) []byte { return nil },
		"short":              func(b []byte) []byte { return b[:len(b)-1] },
		"long":               func(b []byte) []byte { return append(b, 0) },
		"version":            func(b []byte) []byte { b[0] = 2; return b },
		"flags":              func(b []byte) []byte { b[1] |= 4; return b },
		"entry count":        func(b []byte) []byte { b[23]++; return b },
		"order of entries":   func(b []byte) []byte { b[29] = 9; return b },
		"class":              func(b []byte) []byte { b[30] = 4; return b },
		"bits of an entry":   func(b []byte) []byte { b[31] = 1; return b },
		"balance":            func(b []byte) []byte { b[32] = 0xFF; return b },
		"region off counter": func(b []byte) []byte { b[28+7*33+1] = 3; return b },
		"state of a region":  func(b []byte) []byte { b[28+7*33+6] = 99; return b },
		"flags of a region":  func(b []byte) []byte { b[28+7*33+7] = 9; return b },
		"kind of a mark":     func(b []byte) []byte { b[len(b)-14+4] = 9; return b },
		"purpose of a mark":  func(b []byte) []byte { b[len(b)-14+5] = 1; return b },
	}
	for name, f := range damage {
		c := card(ob(zero, 1, 10, 0))
		if err := c.Decode(f(bytes.Clone(blob))); !errors.Is(err, timeline.ErrEncoding) || c.Len() != 0 {
			t.Errorf("%s: error %v, %d entries left", name, err, c.Len())
		}
	}
}

// FuzzDecode: whatever is taken encodes back to the same bytes and can be judged.
func FuzzDecode(f *testing.F) {
	f.Add(full().Append(nil))
	f.Add(card().Append(nil))
	f.Add(card(ob(paid, 2, 1000, 300), ob(paid, 2, 1000, 200), ob(paid, 3, 700, 1)).Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		c := card()
		if c.Decode(b) != nil {
			return
		}
		if got := c.Append(nil); !bytes.Equal(got, b) {
			t.Fatalf("decoded %x, encoded %x", b, got)
		}
		c.Judge(windowEnd*3600, rules, nil)
		if j := c.Judge(windowEnd*3600, rules, nil); len(j.Actions) > 0 {
			t.Fatalf("judged again, it asks for %v", j.Actions)
		}
		c.Explained(0, &rules)
		c.Compact(windowEnd*3600, &rules)
	})
}
