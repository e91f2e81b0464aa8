package certify_test

import (
	"bytes"
	"slices"

	"github.com/citycard/citycard/wire/tlv"
)

const (
	transitCard = "dev-transit-sm"
	quotaCard   = "dev-quota"
)

// brokenTransit are cards with journeys and one fault.
var brokenTransit = []brokenCity{
	{what: "DF61 03", profile: transitCard, caught: []string{"transit-support"}, fault: each(whole, set(0xDF61, constant(3)))},
	{what: "PDOL asks for two bytes of DF60", profile: transitCard, caught: []string{"transit-pdol"}, fault: each(whole, set(0x9F38, func(v []byte) []byte {
		return bytes.Replace(v, []byte{0xDF, 0x60, 1}, []byte{0xDF, 0x60, 2}, 1)
	}))},
	{what: "a byte behind the record", profile: transitCard, caught: []string{"read-capp-record", "read-capp-code"},
		fault: each(ins(0xB4), secondTime(func(_ *brokenCard, _, a []byte) []byte { return append([]byte{a[0], a[1], a[2]}, a[2:]...) }))},
	{what: "no code for a random number", profile: transitCard, caught: []string{"read-capp-code", "read-capp-mac"},
		fault: each(both(ins(0xB4), longer(10)), func(_ *brokenCard, _, a []byte) []byte {
			if good(a) {
				return append(a[:len(a)-6], 0x90, 0)
			}
			return a
		})},
	{what: "wrong code", profile: transitCard, caught: []string{"read-capp-mac"}, fault: each(both(ins(0xB4), longer(10)), spoil(-1))},
	{what: "code without the random number", profile: transitCard, caught: []string{"read-capp-fresh"}, fault: each(both(ins(0xB4), longer(10)), func(b *brokenCard, cmd, a []byte) []byte {
		return stuck(len(a)-6, len(a)-2)(b, cmd, a)
	})},
	{what: "6A83 for a file that is not there", profile: transitCard, caught: []string{"read-capp-no-file"}, fault: each(ins(0xB4), secondTime(turn(0x6A82, 0x6A83)))},
	{what: "6A82 for a record that is not there", profile: transitCard, caught: []string{"read-capp-no-record"}, fault: each(both(ins(0xB4), contains(0xFF, 0xFE)), turn(0x6A83, 0x6A82))},
	{what: "the next record is the same for ever", profile: transitCard, caught: []string{"read-capp-next"}, fault: mended(ins(0xB4), func(cmd []byte) []byte { cmd[3] &^= 1; return cmd })},
	{what: "READ CAPP DATA does not look at P1 and P2", profile: transitCard, caught: []string{"read-capp-p1"}, fault: mended(ins(0xB4), func(cmd []byte) []byte { cmd[2], cmd[3] = 0, cmd[3]&^6; return cmd })},
	{what: "READ CAPP DATA cuts its data", profile: transitCard, caught: []string{"read-capp-lengths"}, fault: mended(both(ins(0xB4), func(cmd []byte) bool { return cmd[4] == 3 }), func(cmd []byte) []byte {
		return append(append(cmd[:4], 2), cmd[5], cmd[6], 0)
	})},
	{what: "READ CAPP DATA gives the cyclic file", profile: transitCard, caught: []string{"read-capp-cyclic"}, fault: each(both(ins(0xB4), func(cmd []byte) bool { return cmd[3]>>3 == 0x1E }), takes(48))},
	{what: "READ CAPP DATA in any class", profile: transitCard, caught: []string{"read-capp-class"}, fault: mended(ins(0xB4), func(cmd []byte) []byte { cmd[0] = 0x80; return cmd })},
	{what: "READ RECORD gives the stored record with its key", profile: transitCard, caught: []string{"journey-key-hidden"}, fault: each(file(0x15), takes(144))},
	{what: "journeys want a PIN", profile: transitCard, caught: []string{"trip-read-free"}, fault: each(file(0x1E), status(0x6982))},
	{what: "6A88 without a proof", profile: transitCard, caught: []string{"prove-unknown", "prove-open", "prove-last-only"}, fault: each(ins(0x5A), turn(0x9406, 0x6A88))},
	{what: "any length of GET TRANS PROVE", profile: transitCard, caught: []string{"prove-lengths"}, fault: each(ins(0x5A), turn(0x6700, 0x9406))},
	{what: "a proof for everything", profile: transitCard, caught: []string{"prove-unknown", "prove-open", "prove-last-only", "fare-torn-answer"}, fault: each(ins(0x5A), takes(8))},
	{what: "another cryptogram as proof", profile: transitCard, caught: []string{"prove-committed", "prove-outlives", "hold-proof", "complete-cryptogram"}, fault: each(ins(0x5A), spoil(7))},
	{what: "the proof is gone at the next answer", profile: transitCard, caught: []string{"prove-outlives"}, fault: func(b *brokenCard, cmd []byte) []byte {
		if cmd == nil {
			return nil
		}
		out := b.pass(cmd...)
		switch {
		case cmd[1] == 0xA8 && good(out):
			b.count = 1
		case isLast(cmd) && good(out):
			b.count = 0
		case cmd[1] == 0x5A && b.count == 1:
			return []byte{0x94, 0x06}
		}
		return out
	}},

	{what: "updates are never refused", profile: transitCard, caught: []string{"update-capp-early", "update-capp-plain-payment", "update-capp-sequence", "update-capp-mac",
		"update-capp-counter", "update-capp-key", "update-capp-longer", "update-capp-shorter", "update-capp-length-byte", "update-capp-no-record", "update-capp-no-file",
		"update-capp-short", "update-capp-full"}, fault: each(ins(0xDE), takes(0))},
	{what: "wrong code of the answer to an update", profile: transitCard, caught: []string{"update-capp-answer"}, fault: each(ins(0xDE), spoil(0))},
	{what: "a code in the answer to every update", profile: transitCard, caught: []string{"update-capp-no-answer"}, fault: each(ins(0xDE), func(_ *brokenCard, _, a []byte) []byte {
		if good(a) {
			return []byte{1, 2, 3, 4, 0x90, 0}
		}
		return a
	})},
	{what: "updates in the class of purses", profile: transitCard, caught: []string{"update-capp-class"}, fault: each(both(ins(0xDE), class(0x80)), takes(0))},
	{what: "new records are never refused", profile: transitCard, caught: []string{"append-mac", "append-short", "append-no-file", "append-in-payment", "append-too-long", "append-trip-once"},
		fault: each(ins(0xE2), takes(0))},
	{what: "new records are not stored", profile: transitCard, caught: []string{"append-record"}, fault: func(b *brokenCard, cmd []byte) []byte {
		if cmd != nil && cmd[1] == 0xE2 {
			return []byte{0x90, 0}
		}
		if cmd == nil {
			return nil
		}
		return b.pass(cmd...)
	}},

	{what: "records never change", profile: transitCard, caught: []string{"fare-commit", "fare-lasting", "fare-two-records", "hold-record"}, fault: each(ins(0xB4), frozen)},
	{what: "an update costs a fen", profile: transitCard, caught: []string{"fare-entry", "fare-amount", "fare-commit"},
		fault: less(get(0x9F79), func(_ *brokenCard, cmd []byte) bool { return cmd != nil && cmd[1] == 0xDE })},
	{what: "wrong cryptogram", profile: transitCard, caught: []string{"fare-cryptogram", "complete-cryptogram"}, fault: each(ins(0xA8), set(0x9F26, flip(3)))},
	{what: "wrong dynamic signature", profile: transitCard, caught: []string{"fare-signature"}, fault: each(ins(0xA8), set(0x9F4B, flip(-1)))},
	{what: "9F69 without DF61", profile: transitCard, caught: []string{"fare-signature"}, fault: each(ins(0xB2), set(0x9F69, func(v []byte) []byte { v[7] = 0; return v }))},
	{what: "pays when it loses its power", profile: transitCard, caught: []string{"fare-torn-answer", "fare-torn-records", "deposit-torn", "hold-torn", "complete-torn"}, fault: paysAtReset},
	{what: "pays when it is selected again", profile: transitCard, caught: []string{"fare-torn-select"}, fault: paysAtSelect},
	{what: "6985 for another record", profile: transitCard, caught: []string{"fare-not-updated", "fare-other-record"}, fault: each(ins(0xB2), turn(0x6974, 0x6985))},
	{what: "pays without an update", profile: transitCard, caught: []string{"fare-not-updated", "fare-other-record"},
		fault: less(get(0x9F79), func(b *brokenCard, cmd []byte) bool { return cmd != nil && isLast(cmd) })},
	{what: "the journeys never change", profile: transitCard, caught: []string{"fare-trip-record"}, fault: each(file(0x1E), frozen)},
	{what: "DF60 above 03 is a fare", profile: transitCard, caught: []string{"fare-index-high"}, fault: mended(both(ins(0xA8), func(cmd []byte) bool { return index60(cmd) > 3 }), func(cmd []byte) []byte {
		cmd[len(cmd)-2] = 1
		return cmd
	})},
	{what: "no payment without DF60", profile: transitCard, caught: []string{"fare-plain-payment"}, fault: each(both(ins(0xA8), func(cmd []byte) bool { return index60(cmd) == 0 }), status(0x6985))},
	{what: "declines are called approvals", profile: transitCard, caught: []string{"fare-above", "deposit-exact", "deposit-less-left", "deposit-shops", "hold-above"}, fault: cvr(0x80, 0x90)},
	{what: "every look at DF63 finds more", profile: transitCard, caught: []string{"fare-balance-first"}, fault: each(get(0xDF63), func(b *brokenCard, cmd, a []byte) []byte {
		b.count++
		return set(0xDF63, func(v []byte) []byte { return digits(number(v) + int64(b.count)) })(b, cmd, a)
	})},
	{what: "DF63 above DF62", profile: transitCard, caught: []string{"deposit-data"}, fault: each(get(0xDF63), set(0xDF63, constant(0, 0, 0, 9, 9, 9)))},
	{what: "DF63 is always 0", profile: transitCard, caught: []string{"deposit-pays", "deposit-small-load", "complete-deposit"}, fault: each(get(0xDF63), set(0xDF63, constant(0, 0, 0, 0, 0, 0)))},
	{what: "the deposit cannot be used", profile: transitCard, caught: []string{"deposit-pays", "deposit-exact"}, fault: each(both(ins(0xA8), func(cmd []byte) bool { return index60(cmd) == 1 }), func(b *brokenCard, cmd, a []byte) []byte {
		return set(0x9F10, func(v []byte) []byte { v[4] = 0x80; return v })(b, cmd, a)
	})},
	{what: "a load that ignores the deposit", profile: transitCard, caught: []string{"deposit-load", "deposit-small-load"}, fault: func(b *brokenCard, cmd []byte) []byte {
		if cmd == nil {
			return nil
		}
		out := b.pass(cmd...)
		if cmd[1] == 0xDA && cmd[2] == 0x9F && good(out) {
			b.kept = slices.Clone(cmd[5:11])
		}
		if get(0x9F79)(cmd) && b.kept != nil {
			return set(0x9F79, constant(b.kept...))(b, cmd, out)
		}
		return out
	}},
	{what: "every PUT DATA is taken", profile: transitCard, caught: []string{"deposit-limit-below", "deposit-used-fixed", "push-unknown"}, fault: each(ins(0xDA), takes(0))},

	{what: "every payment is taken", profile: transitCard, caught: []string{"hold-unread", "hold-none", "hold-again", "hold-fourth", "hold-torn", "complete-ends"}, fault: each(ins(0xA8), takes(0))},
	{what: "pre-authorisation on a card without", profile: quotaCard, caught: []string{"hold-unsupported"}, fault: each(ins(0xA8), takes(0))},
	{what: "a hold gives its cryptogram", profile: transitCard, caught: []string{"hold-no-cryptogram"}, fault: each(ins(0xA8), func(b *brokenCard, cmd, a []byte) []byte {
		if _, ok := tlv.Find(a, 0x77, 0x9F26); !ok {
			return insert(0x77, 0x9F26, 1, 2, 3, 4, 5, 6, 7, 8)(b, cmd, a)
		}
		return a
	})},
	{what: "the balance never changes", profile: transitCard, caught: []string{"fare-commit", "hold-takes", "complete-less", "complete-more", "complete-torn"}, fault: each(get(0x9F79), frozen)},
}

// brokenQuota are quota cards with one fault.
var brokenQuota = []brokenCity{
	{what: "shops get the quota", profile: quotaCard, caught: []string{"quota-gate", "quota-shop", "quota-shop-nothing", "quota-index-high", "quota-online-record"}, fault: cvr(0xA0, 0x90)},
	{what: "a shop is declined", profile: quotaCard, caught: []string{"quota-gate", "quota-shop"}, fault: cvr(0xA0, 0x80)},
	{what: "the record need not be read", profile: quotaCard, caught: []string{"quota-unread", "quota-read-failed", "quota-read-before", "quota-trips"}, fault: cvr(0x80, 0x90)},
	{what: "goes online where it should decline", profile: quotaCard, caught: []string{"quota-unread"}, fault: cvr(0x80, 0xA0)},
	{what: "remembers the record of an earlier selection", profile: quotaCard, caught: []string{"quota-read-before"}, fault: func(b *brokenCard, cmd []byte) []byte {
		if cmd == nil {
			return nil
		}
		out := b.pass(cmd...)
		switch {
		case cmd[1] == 0xB4 && good(out):
			b.kept = cmd
		case whole(cmd) && b.kept != nil:
			b.pass(b.kept...)
		}
		return out
	}},
	{what: "declines fares", profile: quotaCard, caught: []string{"quota-read", "quota-spends"}, fault: cvr(0x90, 0x80)},
	{what: "updates without the key", profile: quotaCard, caught: []string{"quota-needs-key"}, fault: each(ins(0xDE), takes(0))},
	{what: "every reading of the last record spends", profile: quotaCard, caught: []string{"quota-online-record", "quota-needs-key"},
		fault: less(get(0x9F79), func(_ *brokenCard, cmd []byte) bool { return cmd != nil && isLast(cmd) })},
	{what: "a quota is electronic cash over the contacts", profile: quotaCard, caught: []string{"quota-contact"}, fault: each(ins(0xB2), insert(0x70, 0x9F74, []byte("ECC001")...))},
	{what: "a reset spends", profile: quotaCard, caught: []string{"quota-torn", "push-sets"}, fault: less(get(0x9F79), atReset)},

	{what: "pushes are never refused", profile: quotaCard, caught: []string{"push-zero", "push-mac-wrong", "push-mac-missing", "push-inconsistent", "push-short", "push-running", "push-class"}, fault: each(ins(0xDA), takes(0))},
	{what: "the MAC is judged first", profile: quotaCard, caught: []string{"push-zero"}, fault: each(ins(0xDA), turn(0x6982, 0x6988))},
	{what: "wrong values are taken", profile: quotaCard, caught: []string{"push-tag", "push-above-limit", "push-not-decimal"}, fault: each(ins(0xDA), turn(0x6A80, 0x9000))},
	{what: "wrong lengths are taken", profile: quotaCard, caught: []string{"push-length", "push-short", "push-refused-keeps"}, fault: each(ins(0xDA), turn(0x6700, 0x9000))},
	{what: "wrong MACs but zeros are taken", profile: quotaCard, caught: []string{"push-other-key", "push-mac-wrong", "push-refused-keeps"}, fault: each(both(ins(0xDA), notZero), turn(0x6988, 0x9000))},
	{what: "pushes are not stored", profile: quotaCard, caught: []string{"push-sets", "push-replayed", "push-order", "push-cvm-limit"}, fault: func(b *brokenCard, cmd []byte) []byte {
		if cmd == nil {
			return nil
		}
		if cmd[1] == 0xDA && notZero(cmd) {
			return []byte{0x90, 0}
		}
		return b.pass(cmd...)
	}},
	{what: "a push can be replayed", profile: quotaCard, caught: []string{"push-replayed", "push-order"}, fault: each(both(ins(0xDA), notZero), turn(0x6982, 0x9000))},
	{what: "MAC of four bytes alone", profile: quotaCard, caught: []string{"push-mac-lengths"}, fault: each(both(ins(0xDA), longer(5+2+9+4)), status(0x6A85))},
}

// notZero matches a command that does not end with four zeros.
func notZero(cmd []byte) bool { return !bytes.HasSuffix(cmd, make([]byte, 4)) }
