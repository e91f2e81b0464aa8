package certify_test

import (
	"bytes"
	"slices"

	"github.com/citycard/citycard/wire/tlv"
)

// brokenCards are cards with one fault each, and the case that must find it.
var brokenCards = []struct {
	name    string
	what    string // what is wrong
	caught  string // identifier of the case
	profile string // dev-sm if empty
	fault   fault
	atr     func(good []byte, resets int) []byte
}{
	{name: "atr-start", what: "ATR begins with 3C", caught: "reset-atr-start", atr: func(g []byte, _ int) []byte { return append([]byte{0x3C}, g[1:]...) }},
	{name: "atr-short", what: "ATR lacks a historical byte", caught: "reset-atr-layout", atr: func(g []byte, _ int) []byte { return g[:len(g)-1] }},
	{name: "atr-check", what: "wrong TCK", caught: "reset-atr-check", atr: func(g []byte, _ int) []byte { return flip(-1)(slices.Clone(g)) }},
	{name: "atr-changes", what: "ATR has a counter in it", caught: "reset-atr-same", atr: func(g []byte, n int) []byte {
		g = slices.Clone(g)
		g[len(g)-2] ^= byte(n)
		g[len(g)-1] ^= byte(n)
		return g
	}},
	{name: "reset-keeps", what: "application stays selected over a reset", caught: "reset-forgets-selection", fault: func(b *brokenCard, cmd []byte) []byte {
		if cmd == nil {
			b.count = 0
			return nil
		}
		if b.count++; b.count == 1 && cmd[1] == 0xCA {
			b.pass([]byte("\x00\xA4\x04\x00\x08" + application + "\x00")...)
		}
		return b.pass(cmd...)
	}},
	{name: "status-60", what: "60xx as a status word", caught: "apdu-status-form", fault: each(ins(0x02), status(0x6001))},
	{name: "error-data", what: "data with 6A83", caught: "apdu-error-no-data", fault: each(ins(0xB2), func(_ *brokenCard, _, a []byte) []byte {
		if len(a) == 2 && a[0] == 0x6A {
			return []byte{0x70, 0x00, a[0], a[1]}
		}
		return a
	})},
	{name: "class-any", what: "class is not looked at", caught: "apdu-class-unknown", fault: func(b *brokenCard, cmd []byte) []byte {
		if cmd == nil {
			return nil
		}
		if cmd[0] == 0xE0 {
			cmd[0] = 0
		}
		return b.pass(cmd...)
	}},
	{name: "instruction", what: "6E00 for an unknown instruction", caught: "apdu-instruction-unknown", fault: each(ins(0x02), status(0x6E00))},
	{name: "le-wrong", what: "6Cxx tells a wrong length", caught: "apdu-le-short", fault: each(get(0x9F36), turn(0x6C05, 0x6C06))},
	{name: "ppse-absent", what: "no PPSE", caught: "ppse-select", fault: each(named("2PAY"), status(0x6A82))},
	{name: "ppse-name", what: "PPSE has a wrong name in 84", caught: "ppse-template", fault: each(named("2PAY"), set(0x84, flip(0)))},
	{name: "ppse-twice", what: "PPSE names an application twice", caught: "ppse-entries", fault: each(named("2PAY"), repeat(0x61))},
	{name: "ppse-ghost", what: "PPSE names an application that is not there", caught: "ppse-applications", fault: each(named("2PAY"), set(0x4F, flip(-1)))},
	{name: "pse-no-file", what: "PSE does not name its directory", caught: "pse-template", fault: each(named("1PAY"), drop(0x88))},
	{name: "pse-no-label", what: "directory record without label", caught: "pse-directory", fault: each(ins(0xB2), edit(func(t tlv.Tag, v []byte) []byte {
		if t == 0x61 {
			aid, _ := tlv.Find(v, 0x4F)
			v = object(0x4F, aid)
		}
		return object(t, v)
	}))},
	{name: "partial-refused", what: "a partial name is refused and not just unknown", caught: "select-partial", fault: each(func(cmd []byte) bool {
		return named(application[:5])(cmd) && cmd[4] < 8
	}, status(0x6985))},
	{name: "next-loops", what: "SELECT next gives the same application for ever", caught: "select-next", fault: func(b *brokenCard, cmd []byte) []byte {
		if cmd != nil && cmd[1] == 0xA4 && cmd[3] == 2 {
			cmd[3] = 0
		}
		if cmd == nil {
			return nil
		}
		return b.pass(cmd...)
	}},
	{name: "name-ignored", what: "any name selects the application", caught: "select-unknown", fault: func(b *brokenCard, cmd []byte) []byte {
		if cmd == nil {
			return nil
		}
		if named("CITYCARD")(cmd) {
			return b.pass([]byte("\x00\xA4\x04\x00\x08" + application + "\x00")...)
		}
		return b.pass(cmd...)
	}},
	{name: "failure-deselects", what: "a failed SELECT loses the application", caught: "select-failed-keeps", fault: func(b *brokenCard, cmd []byte) []byte {
		if cmd == nil {
			b.count = 0
			return nil
		}
		out := b.pass(cmd...)
		if cmd[1] == 0xA4 {
			b.count = 0
			if !good(out) {
				b.count = 1
			}
		} else if b.count == 1 {
			return []byte{0x69, 0x85}
		}
		return out
	}},
	{name: "fci-tail", what: "a byte behind the FCI", caught: "fci-template", fault: each(whole, func(_ *brokenCard, _, a []byte) []byte {
		return append(slices.Clone(a[:len(a)-2]), 0x50, 0x90, 0x00)
	})},
	{name: "fci-no-label", what: "no label", caught: "fci-label", fault: each(whole, drop(0x50))},
	{name: "fci-priority", what: "reserved bits in 87", caught: "fci-priority", fault: each(whole, set(0x87, constant(0x71)))},
	{name: "fci-language", what: "languages in capitals", caught: "fci-language", fault: each(whole, set(0x5F2D, bytes.ToUpper))},
	{name: "fci-twice", what: "label twice", caught: "fci-no-repeats", fault: each(whole, repeat(0x50))},
	{name: "fci-log-file", what: "log in file 5", caught: "fci-log-entry", fault: each(whole, set(0x9F4D, constant(5, 10)))},
	{name: "pdol-length", what: "PDOL asks for five bytes of 9F37", caught: "fci-pdol-lengths", fault: each(whole, set(0x9F38, func(v []byte) []byte {
		return bytes.Replace(v, []byte{0x9F, 0x37, 4}, []byte{0x9F, 0x37, 5}, 1)
	}))},
	{name: "gpo-cid", what: "9F27 in a qPBOC answer", caught: "gpo-no-cid", fault: each(ins(0xA8), insert(0x77, 0x9F27, 0x40))},
	{name: "gpo-no-psn", what: "approval without 5F34", caught: "gpo-tc-objects", fault: each(ins(0xA8), drop(0x5F34))},
	{name: "gpo-arqc-afl", what: "online request with a file locator", caught: "gpo-arqc-objects", fault: each(ins(0xA8), func(b *brokenCard, cmd, a []byte) []byte {
		if iad, ok := tlv.Find(a, 0x77, 0x9F10); ok && iad[4]&0x30 == 0x20 {
			return insert(0x77, 0x94, 0x18, 1, 1, 0)(b, cmd, a)
		}
		return a
	})},
	{name: "gpo-twice-object", what: "57 twice in the answer", caught: "gpo-no-repeats", fault: each(ins(0xA8), repeat(0x57))},
	{name: "gpo-aip-reserved", what: "first bit of 82 set", caught: "gpo-aip", fault: each(ins(0xA8), set(0x82, func(v []byte) []byte { v[0] |= 0x80; return v }))},
	{name: "gpo-again", what: "processing options as often as one likes", caught: "gpo-twice", fault: func(b *brokenCard, cmd []byte) []byte {
		if cmd == nil {
			return nil
		}
		if cmd[1] == 0xA4 {
			b.kept = cmd
		}
		out := b.pass(cmd...)
		if cmd[1] == 0xA8 && bytes.Equal(out, []byte{0x69, 0x85}) && b.kept != nil {
			b.pass(b.kept...)
			return b.pass(cmd...)
		}
		return out
	}},
	{name: "gpo-long-cut", what: "PDOL data that are too long are cut", caught: "gpo-long", fault: func(b *brokenCard, cmd []byte) []byte {
		if cmd == nil {
			return nil
		}
		out := b.pass(cmd...)
		if cmd[1] == 0xA8 && bytes.Equal(out, []byte{0x67, 0x00}) && len(cmd) > 10 {
			n := cmd[4] - 1
			short := append([]byte{0x80, 0xA8, 0, 0, n, 0x83, n - 2}, cmd[7:7+int(n)-2]...)
			return b.pass(append(short, 0)...)
		}
		return out
	}},
	{name: "gpo-short-filled", what: "PDOL data that are too short are filled up", caught: "gpo-short", fault: func(b *brokenCard, cmd []byte) []byte {
		if cmd == nil {
			return nil
		}
		out := b.pass(cmd...)
		if cmd[1] == 0xA8 && bytes.Equal(out, []byte{0x67, 0x00}) && len(cmd) > 10 {
			n := cmd[4] + 1
			more := append([]byte{0x80, 0xA8, 0, 0, n, 0x83, n - 2}, cmd[7:len(cmd)-1]...)
			return b.pass(append(more, 1, 0)...)
		}
		return out
	}},
	{name: "gpo-parameters", what: "P1 and P2 are not looked at", caught: "gpo-p1-p2", fault: func(b *brokenCard, cmd []byte) []byte {
		if cmd == nil {
			return nil
		}
		if cmd[1] == 0xA8 {
			cmd[2], cmd[3] = 0, 0
		}
		return b.pass(cmd...)
	}},
	{name: "counter-stuck", what: "the answer has the same counter always", caught: "gpo-counter", fault: each(ins(0xA8), repeatFirst(0x9F36))},
	{name: "track2-month", what: "month 13 in track 2", caught: "gpo-track2", fault: each(ins(0xA8), set(0x57, func(v []byte) []byte { v[10] = v[10]&0x0F | 0x30; return v }))},
	{name: "ctq-reserved", what: "reserved bit in 9F6C", caught: "gpo-ctq", fault: each(ins(0xA8), set(0x9F6C, func(v []byte) []byte { v[0] |= 1; return v }))},
	{name: "available-before", what: "9F5D before deduction", caught: "gpo-available", fault: each(ins(0xA8), set(0x9F5D, func(v []byte) []byte { return digits(number(v) + 1) }))},
	{name: "afl-order", what: "AFL with first behind last record", caught: "afl-format", fault: each(ins(0xA8), set(0x94, func(v []byte) []byte { v[1], v[2] = 2, 1; return v }))},
	{name: "record-tail", what: "a byte behind record 1", caught: "record-template", fault: each(ins(0xB2), func(_ *brokenCard, _, a []byte) []byte {
		if !good(a) {
			return a
		}
		return append(slices.Clone(a[:len(a)-2]), 0x01, 0x90, 0x00)
	})},
	{name: "record-no-expiry", what: "no 5F24", caught: "record-mandatory", fault: each(ins(0xB2), drop(0x5F24))},
	{name: "record-6a82", what: "6A82 for a missing record", caught: "record-not-found", fault: each(ins(0xB2), turn(0x6A83, 0x6A82))},
	{name: "record-zero", what: "record 0 is record 1", caught: "record-number-0", fault: func(b *brokenCard, cmd []byte) []byte {
		if cmd == nil {
			return nil
		}
		if cmd[1] == 0xB2 && cmd[2] == 0 {
			cmd[2] = 1
		}
		return b.pass(cmd...)
	}},
	{name: "pan-check-digit", what: "wrong check digit in 5A", caught: "element-pan", fault: each(ins(0xB2), set(0x5A, flip(7)))},
	{name: "expired", what: "5F24 in the past", caught: "element-expiry", fault: each(ins(0xB2), set(0x5F24, constant(0x20, 0x12, 0x31)))},
	{name: "not-effective", what: "5F25 in the future", caught: "element-effective", fault: each(ins(0xB2), set(0x5F25, constant(0x30, 0x12, 0x31)))},
	{name: "random-fixed", what: "random number in 9F69 is fixed", caught: "element-9f69-fresh", fault: each(ins(0xB2), set(0x9F69, func(v []byte) []byte { copy(v[1:5], "BEEF"); return v }))},
	{name: "issuer-forged", what: "issuer certificate with another signature", caught: "oda-issuer-certificate", fault: each(ins(0xB2), set(0x90, flip(-1)))},
	{name: "card-forged", what: "card certificate with another signature", caught: "oda-card-certificate", fault: each(ins(0xB2), set(0x9F46, flip(-1)))},
	{name: "card-forged-rsa", what: "RSA card certificate altered", caught: "oda-card-certificate", profile: "dev-3des", fault: each(ins(0xB2), set(0x9F46, flip(-1)))},
	{name: "static-forged", what: "signed static data with another signature", caught: "oda-static", fault: each(ins(0xB2), set(0x93, flip(-1)))},
	{name: "static-forged-rsa", what: "RSA signed static data altered", caught: "oda-static", profile: "dev-3des", fault: each(ins(0xB2), set(0x93, flip(0)))},
	{name: "static-altered", what: "a signed record altered", caught: "oda-card-certificate", fault: each(ins(0xB2), set(0x9F07, flip(0)))},
	{name: "signature-wrong", what: "dynamic signature altered", caught: "oda-signature-01", fault: each(ins(0xA8), set(0x9F4B, flip(-1)))},
	{name: "signature-replayed", what: "the same dynamic signature always", caught: "oda-signature-fresh", fault: each(ins(0xA8), repeatFirst(0x9F4B))},
	{name: "9f10-short", what: "9F10 lacks a byte", caught: "iad-layout", fault: each(ins(0xA8), set(0x9F10, func(v []byte) []byte { return v[:len(v)-1] }))},
	{name: "cvr-second", what: "CVR says that a second cryptogram was asked for", caught: "cvr-approved", fault: each(ins(0xA8), set(0x9F10, func(v []byte) []byte {
		if v[4] == 0x90 {
			v[4] = 0x50
		}
		return v
	}))},
	{name: "cryptogram-fixed", what: "the same cryptogram always", caught: "ac-unique", fault: each(ins(0xA8), repeatFirst(0x9F26))},
	{name: "cryptogram-wrong", what: "cryptogram altered", caught: "ac-approved", fault: each(ins(0xA8), set(0x9F26, flip(3)))},
	{name: "balance-mac", what: "balance MAC altered", caught: "idd-mac-approved", fault: each(ins(0xA8), set(0x9F10, flip(-1)))},
	{name: "balance-before", what: "9F10 of a TC states the balance before deduction", caught: "idd-approved", fault: each(ins(0xA8), set(0x9F10, func(v []byte) []byte {
		if len(v) == 19 && v[4] == 0x90 {
			copy(v[10:15], digits(number(v[10:15]) + 1)[1:])
		}
		return v
	}))},
	{name: "approves-all", what: "what must be declined is called approved", caught: "decision-above-balance", fault: each(ins(0xA8), set(0x9F10, func(v []byte) []byte {
		if v[4] == 0x80 {
			v[4] = 0x90
		}
		return v
	}))},
	{name: "declines-all", what: "what its parameters make it approve is called a decline", caught: "decision-approve", fault: each(ins(0xA8), set(0x9F10, func(v []byte) []byte {
		v[4] &^= 0x30
		return v
	}))},
	{name: "never-online", what: "an online request is called a decline", caught: "decision-online-asked", fault: each(ins(0xA8), set(0x9F10, func(v []byte) []byte {
		if v[4] == 0xA0 {
			v[4] = 0x80
		}
		return v
	}))},
	{name: "no-signature", what: "9F6C never asks for a signature", caught: "decision-signature-gate", fault: each(ins(0xA8), set(0x9F6C, constant(0, 0)))},
	{name: "no-velocity", what: "the velocity bit is never set", caught: "decision-above-single", fault: each(ins(0xA8), set(0x9F10, func(v []byte) []byte { v[5] &^= 0x20; return v }))},
	{name: "pays-early", what: "pays at the answer", caught: "cash-answer-pays-nothing", fault: func(b *brokenCard, cmd []byte) []byte {
		if cmd == nil {
			return nil
		}
		out := b.pass(cmd...)
		b.track(cmd, out)
		if cmd[1] == 0xA8 && b.pending != nil {
			b.pass(b.pending...)
		}
		return out
	}},
	{name: "pays-never", what: "the balance never changes", caught: "cash-deducts", fault: balance(func(b *brokenCard, v int64) int64 { return 100000 }, nil)},
	{name: "pays-twice", what: "reading the last record again pays again", caught: "cash-once", fault: balance(func(b *brokenCard, v int64) int64 { return v - int64(b.count) },
		func(b *brokenCard, cmd, a []byte) {
			switch {
			case cmd == nil:
			case isLast(cmd) && good(a) && b.pending == nil && b.resets > 8:
				b.count++
			default:
				b.track(cmd, a)
			}
			if cmd != nil && isLast(cmd) {
				b.pending = nil
			}
		})},
	{name: "forgets", what: "a payment is undone by a reset", caught: "cash-lasting", fault: balance(func(b *brokenCard, v int64) int64 { return v + int64(b.count) },
		func(b *brokenCard, cmd, a []byte) {
			if cmd == nil {
				b.count++
			}
		})},
	{name: "pays-torn", what: "pays when it loses its power in a payment", caught: "tear-after-answer", fault: func(b *brokenCard, cmd []byte) []byte {
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
	}},
	{name: "select-pays", what: "pays when it is selected again in a payment", caught: "tear-reselect", fault: func(b *brokenCard, cmd []byte) []byte {
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
	}},
	{name: "last-answer-altered", what: "the last answer given again is another", caught: "tear-last-again", fault: func(b *brokenCard, cmd []byte) []byte {
		if cmd == nil {
			b.pending = nil
			return nil
		}
		out := b.pass(cmd...)
		if isLast(cmd) && good(out) && b.pending == nil {
			return set(0x9F69, flip(-1))(b, cmd, out)
		}
		b.track(cmd, out)
		return out
	}},
	{name: "data-tag", what: "GET DATA 9F17 answers another tag", caught: "data-9f17", fault: each(get(0x9F17), func(_ *brokenCard, _, a []byte) []byte { return flip(1)(slices.Clone(a)) })},
	{name: "data-digits", what: "the single limit is not decimal", caught: "data-9f78", fault: each(get(0x9F78), set(0x9F78, func(v []byte) []byte { v[5] = 0x0A; return v }))},
	{name: "data-absent", what: "no 9F13", caught: "data-9f13", fault: each(get(0x9F13), status(0x6A88))},
	{name: "data-unknown", what: "9000 for an unknown tag", caught: "data-unknown", fault: each(get(0x9F1E), status(0x9000))},
	{name: "data-pan", what: "GET DATA gives the account number", caught: "data-record-objects", fault: each(get(0x005A), func(*brokenCard, []byte, []byte) []byte {
		return append(object(0x5A, []byte{0x62, 0x28, 0, 1, 0, 0, 0x11, 0x17}), 0x90, 0)
	})},
	{name: "log-oldest", what: "log record 2 is the newest", caught: "log-newest-first", fault: func(b *brokenCard, cmd []byte) []byte {
		if cmd == nil {
			return nil
		}
		if cmd[1] == 0xB2 && cmd[3]>>3 == 11 && (cmd[2] == 1 || cmd[2] == 2) {
			cmd[2] ^= 3
		}
		return b.pass(cmd...)
	}},
	{name: "log-amount", what: "the log has no amounts", caught: "log-amount", fault: each(func(cmd []byte) bool { return cmd[1] == 0xB2 && cmd[3]>>3 == 11 }, func(_ *brokenCard, _, a []byte) []byte {
		a = slices.Clone(a)
		if good(a) && len(a) > 20 {
			clear(a[6:12])
		}
		return a
	})},
	{name: "log-endless", what: "the log has records behind its end", caught: "log-end", fault: func(b *brokenCard, cmd []byte) []byte {
		if cmd == nil {
			return nil
		}
		if cmd[1] == 0xB2 && cmd[3]>>3 == 11 && cmd[2] > 10 {
			cmd[2] = 1
		}
		return b.pass(cmd...)
	}},
	{name: "contact-tail", what: "an object behind template 80", caught: "contact-gpo-alone", fault: each(ins(0xA8), func(_ *brokenCard, _, a []byte) []byte {
		if good(a) && a[0] == 0x80 {
			return append(slices.Clone(a[:len(a)-2]), 0x50, 0x00, 0x90, 0x00)
		}
		return a
	})},
	{name: "gac-better", what: "a decline is answered as an approval", caught: "gac-decline", fault: each(func(cmd []byte) bool { return cmd[1] == 0xAE && cmd[2] == 0 }, set(0x80, func(v []byte) []byte { v[0] |= 0x40; return v }))},
	{name: "gac-cvr", what: "CVR and 9F27 differ", caught: "gac-agrees", fault: each(func(cmd []byte) bool { return cmd[1] == 0xAE && cmd[2] == 0x80 }, set(0x80, func(v []byte) []byte { v[15] ^= 0x30; return v }))},
	{name: "gac-wrong", what: "cryptogram of GENERATE AC altered", caught: "gac-right-1", fault: each(ins(0xAE), set(0x80, flip(5)))},
	{name: "cda-wrong", what: "combined signature altered", caught: "gac-combined", fault: each(ins(0xAE), set(0x9F4B, flip(-1)))},
	{name: "dda-wrong", what: "INTERNAL AUTHENTICATE gives another signature", caught: "oda-internal-authenticate", fault: each(ins(0x88), set(0x80, flip(-1)))},
	{name: "challenge-fixed", what: "the challenge is fixed", caught: "challenge-fresh", fault: each(ins(0x84), func(*brokenCard, []byte, []byte) []byte { return []byte{1, 2, 3, 4, 5, 6, 7, 8, 0x90, 0} })},
	{name: "challenge-short", what: "a challenge of four bytes", caught: "challenge-length", fault: each(ins(0x84), func(_ *brokenCard, _, a []byte) []byte {
		return append(slices.Clone(a[:min(4, len(a)-2)]), a[len(a)-2:]...)
	})},
	{name: "challenge-weak", what: "one bit of the challenge is always 0", caught: "challenge-spread", fault: each(ins(0x84), func(_ *brokenCard, _, a []byte) []byte {
		a = slices.Clone(a)
		if good(a) {
			a[2] &^= 0x10
		}
		return a
	})},
	{name: "challenge-mute", what: "no answer to GET CHALLENGE", caught: "challenge-length", fault: each(ins(0x84), func(*brokenCard, []byte, []byte) []byte { return nil })},
	{name: "issuer-any", what: "any issuer authentication is taken", caught: "external-wrong", fault: each(ins(0x82), turn(0x6300, 0x9000))},
	{name: "pin-free", what: "a wrong PIN is said to use no try", caught: "verify-wrong", fault: each(ins(0x20), turn(0x63C2, 0x63C3))},
	{name: "pin-any", what: "any PIN is right", caught: "verify-wrong", fault: func(b *brokenCard, cmd []byte) []byte {
		if cmd != nil && cmd[1] == 0x20 && len(cmd) == 13 {
			copy(cmd[5:], []byte{0x26, 0x12, 0x34, 0x56, 0xFF, 0xFF, 0xFF, 0xFF})
		}
		if cmd == nil {
			return nil
		}
		return b.pass(cmd...)
	}},
	{name: "pin-replay", what: "an enciphered PIN is good without a challenge", caught: "verify-enciphered-once", fault: func(b *brokenCard, cmd []byte) []byte {
		if cmd == nil {
			return nil
		}
		out := b.pass(cmd...)
		if cmd[1] == 0x20 && cmd[3] == 0x88 && bytes.Equal(out, []byte{0x69, 0x85}) {
			return []byte{0x90, 0}
		}
		return out
	}},
	{name: "ec-free", what: "electronic cash over the contacts costs nothing", caught: "ec-deducts", fault: balance(func(b *brokenCard, v int64) int64 { return v + int64(b.count) },
		func(b *brokenCard, cmd, a []byte) {
			if cmd != nil && cmd[1] == 0xAE && cmd[2] == 0x40 && good(a) {
				b.count++
			}
		})},
	{name: "script-mac", what: "a script with a wrong MAC is taken", caught: "script-wrong-mac", fault: each(ins(0xDA), turn(0x6988, 0x9000))},
	{name: "load-limit", what: "a load above the limit is taken", caught: "script-load-limit", fault: each(ins(0xDA), turn(0x6A80, 0x9000))},
	{name: "load-lost", what: "a load is said to be done and is not", caught: "script-load", fault: func(b *brokenCard, cmd []byte) []byte {
		if cmd == nil {
			return nil
		}
		if cmd[1] == 0xDA && cmd[2] == 0x9F && cmd[3] == 0x79 {
			return []byte{0x90, 0}
		}
		return b.pass(cmd...)
	}},
	{name: "block-ignored", what: "APPLICATION BLOCK does nothing", caught: "script-block", fault: func(b *brokenCard, cmd []byte) []byte {
		if cmd == nil {
			return nil
		}
		if cmd[1] == 0x1E {
			return []byte{0x90, 0}
		}
		return b.pass(cmd...)
	}},
	{name: "unknown-runs", what: "an unknown instruction succeeds", caught: "robust-instructions", fault: each(func(cmd []byte) bool { return cmd[0] == 0x80 && cmd[1] == 0x3A }, status(0x9000))},
	{name: "domain-fixed", what: "INITIALIZE UPDATE has a fixed challenge", caught: "gp-initialize-fresh", profile: "blank", fault: func(b *brokenCard, cmd []byte) []byte {
		if cmd == nil {
			return nil
		}
		out := b.pass(cmd...)
		if cmd[1] == 0x50 && good(out) {
			if b.kept == nil {
				b.kept = slices.Clone(out)
			}
			return slices.Clone(b.kept)
		}
		return out
	}},
	{name: "domain-open", what: "GET STATUS without a secure channel", caught: "gp-locked", profile: "blank", fault: each(ins(0xF2), status(0x9000))},
}
