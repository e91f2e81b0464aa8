package certify_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/citycard/citycard/certify"
	"github.com/citycard/citycard/wire/tlv"
)

// TestBrokenCityCards: each fault is found by every case that names it, and every
// case of the city finds a fault.
func TestBrokenCityCards(t *testing.T) {
	found := map[string]bool{}
	for _, c := range slices.Concat(brokenTransit, brokenQuota, brokenPurses, brokenModules, brokenCivic) {
		t.Run(c.what, func(t *testing.T) {
			o := options(t, c.profile)
			o.Destructive, o.Sacrifice, o.Quota, o.Only = true, true, c.profile == "dev-quota", c.caught
			r, err := certify.Run(&brokenCard{good: newCard(t, c.profile), fault: c.fault, atr: c.atr, before: map[string][]byte{}}, o)
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range r.Cases {
				if x.Result != certify.Fail {
					t.Errorf("case %s does not find it: %s %s", x.ID, x.Result, x.Reason)
				}
				found[x.ID] = true
			}
			if len(r.Cases) != len(c.caught) {
				t.Errorf("%d cases are named, %d ran", len(c.caught), len(r.Cases))
			}
		})
	}
	for _, g := range certify.Groups() {
		for _, c := range g.Cases {
			if slices.Contains(cityGroups, g.Key) && !found[c.ID] {
				t.Errorf("%s finds nothing wrong with any card", c.ID)
			}
		}
	}
}

// brokenCity is a card with one fault.
type brokenCity struct {
	what    string
	profile string
	caught  []string // cases that must find it
	fault   fault
	atr     func(good []byte, resets int) []byte
}

// any of several instructions.
func anyOf(list ...byte) func([]byte) bool {
	return func(cmd []byte) bool { return len(cmd) > 1 && slices.Contains(list, cmd[1]) }
}

// file matches READ RECORD of a file.
func file(sfi byte) func([]byte) bool {
	return func(cmd []byte) bool { return len(cmd) > 3 && cmd[1] == 0xB2 && cmd[3]>>3 == sfi }
}

// both of two conditions.
func both(a, b func([]byte) bool) func([]byte) bool {
	return func(cmd []byte) bool { return a(cmd) && b(cmd) }
}

// first byte of the parameters.
func p1(v byte) func([]byte) bool {
	return func(cmd []byte) bool { return len(cmd) > 2 && cmd[2] == v }
}

func class(v byte) func([]byte) bool {
	return func(cmd []byte) bool { return len(cmd) > 0 && cmd[0] == v }
}

// takes answers 9000 to whatever is refused, and with extra bytes before it.
func takes(extra int) func(*brokenCard, []byte, []byte) []byte {
	return func(_ *brokenCard, _, a []byte) []byte {
		if len(a) == 2 && !good(a) && a[0] != 0x61 && a[0] != 0x6C {
			return append(make([]byte, extra), 0x90, 0)
		}
		return a
	}
}

// spoil flips a bit of the data at i, from their end if it is below 0.
func spoil(i int) func(*brokenCard, []byte, []byte) []byte {
	return func(_ *brokenCard, _, a []byte) []byte {
		if n := len(a) - 2; n > 0 && good(a) {
			at := i
			if at < 0 {
				at += n
			}
			if at < n {
				a[at] ^= 1
			}
		}
		return a
	}
}

// stuck gives some bytes of the first good answer for ever.
func stuck(from, to int) func(*brokenCard, []byte, []byte) []byte {
	return func(b *brokenCard, _, a []byte) []byte {
		if !good(a) || len(a) < to+2 {
			return a
		}
		if b.kept == nil {
			b.kept = slices.Clone(a[from:to])
		}
		copy(a[from:to], b.kept)
		return a
	}
}

// frozen gives the first good answer to the same command for ever.
func frozen(b *brokenCard, cmd, a []byte) []byte {
	if old := b.before[string(cmd)]; old != nil {
		return slices.Clone(old)
	}
	if good(a) {
		b.before[string(cmd)] = slices.Clone(a)
	}
	return a
}

// secondTime alters only answers to commands that came before.
func secondTime(alter func(*brokenCard, []byte, []byte) []byte) func(*brokenCard, []byte, []byte) []byte {
	return func(b *brokenCard, cmd, a []byte) []byte {
		if b.before[string(cmd)] != nil {
			return alter(b, cmd, a)
		}
		b.before[string(cmd)] = a
		return a
	}
}

// mended is a card that does not look at something: the command is put right first.
func mended(match func([]byte) bool, mend func(cmd []byte) []byte) fault {
	return func(b *brokenCard, cmd []byte) []byte {
		if cmd == nil {
			return nil
		}
		if match(cmd) {
			cmd = mend(cmd)
		}
		return b.pass(cmd...)
	}
}

// cvr turns the first byte of the CVR into another: 80 declined, 90 approved, A0 online.
func cvr(from, to byte) fault {
	return each(ins(0xA8), set(0x9F10, func(v []byte) []byte {
		if len(v) > 4 && v[4] == from {
			v[4] = to
		}
		return v
	}))
}

// paysAtReset commits what is under way when the power goes.
func paysAtReset(b *brokenCard, cmd []byte) []byte {
	if cmd == nil {
		if b.pending != nil {
			b.pass(b.pending...)
			b.pending = nil
		}
		return nil
	}
	out := b.pass(cmd...)
	b.track(cmd, out)
	return out
}

// paysAtSelect commits what is under way when an application is selected.
func paysAtSelect(b *brokenCard, cmd []byte) []byte {
	if cmd == nil {
		b.pending = nil
		return nil
	}
	if cmd[1] == 0xA4 && b.pending != nil {
		b.pass(b.pending...)
		b.pending = nil
	}
	out := b.pass(cmd...)
	b.track(cmd, out)
	return out
}

// keepsRights verifies the last good PIN again after each selection.
func keepsRights(b *brokenCard, cmd []byte) []byte {
	if cmd == nil {
		return nil
	}
	out := b.pass(cmd...)
	switch {
	case cmd[1] == 0x20 && good(out) && len(cmd) > 5:
		b.kept = cmd
	case cmd[1] == 0xA4 && good(out) && b.kept != nil:
		b.pass(b.kept...)
		other := slices.Clone(b.kept)
		other[3] ^= 1
		b.pass(other...)
	}
	return out
}

// remembers answers what it has once answered, whatever is selected.
func remembers(b *brokenCard, cmd []byte) []byte {
	if cmd == nil {
		return nil
	}
	out := b.pass(cmd...)
	if anyOf(0xB0, 0xB2)(cmd) {
		if good(out) {
			b.before[string(cmd)] = slices.Clone(out)
		} else if old := b.before[string(cmd)]; old != nil {
			return slices.Clone(old)
		}
	}
	return out
}

// less makes an object or a purse's balance lose by each event.
func less(match func([]byte) bool, event func(b *brokenCard, cmd []byte) bool) fault {
	return func(b *brokenCard, cmd []byte) []byte {
		if event(b, cmd) {
			b.count++
		}
		if cmd == nil {
			return nil
		}
		out := b.pass(cmd...)
		if !match(cmd) || !good(out) {
			return out
		}
		if len(out) == 6 { // GET BALANCE
			out[3] -= byte(b.count)
			return out
		}
		return edit(func(t tlv.Tag, v []byte) []byte {
			return object(t, digits(number(v)-int64(b.count)))
		})(b, cmd, out)
	}
}

func atReset(_ *brokenCard, cmd []byte) bool { return cmd == nil }

// index60 is the value of DF60, the last of the PDOL.
func index60(cmd []byte) byte { return cmd[len(cmd)-2] }

func longer(n int) func([]byte) bool {
	return func(cmd []byte) bool { return len(cmd) > n }
}

// contains matches a command with some bytes in it.
func contains(b ...byte) func([]byte) bool {
	return func(cmd []byte) bool { return bytes.Contains(cmd, b) }
}
