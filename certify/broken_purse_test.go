package certify_test

import "slices"

const (
	tUnionCard = "dev-tunion"
	cityCard   = "dev-cityunion"
	moduleCard = "dev-psam"
)

// brokenPurses are purses with one fault.
var brokenPurses = []brokenCity{
	{what: "no 9F08", profile: tUnionCard, caught: []string{"purse-fci"}, fault: each(ins(0xA4), drop(0x9F08))},
	{what: "another file 15 than in the FCI", profile: tUnionCard, caught: []string{"purse-info"}, fault: each(ins(0xB0), spoil(9))},
	{what: "dates that are none", profile: tUnionCard, caught: []string{"purse-validity"}, fault: each(ins(0xA4), set(0x9F0C, func(v []byte) []byte { v[20] = 0x2A; return v }))},
	{what: "another balance at INITIALIZE", profile: tUnionCard, caught: []string{"purse-balance", "load-mac1"}, fault: each(ins(0x50), spoil(3))},
	{what: "wrong TAC", profile: tUnionCard, caught: []string{"purse-purchase", "purse-purchase-sm4", "compound-purchase"}, fault: each(ins(0x54), spoil(0))},
	{what: "wrong MAC2", profile: cityCard, caught: []string{"purse-purchase", "compound-purchase"}, fault: each(ins(0x54), spoil(7))},
	{what: "wrong MACs are taken", profile: tUnionCard, caught: []string{"purse-mac1", "purse-mac1-covers", "compound-wrong-mac", "load-mac2", "load-replayed", "unload-mac2", "overdraft-mac2"},
		fault: each(anyOf(0x54, 0x52, 0x58), turn(0x9302, 0x9000))},
	{what: "MAC1 without the authentication code", profile: cityCard, caught: []string{"purse-code"}, fault: each(ins(0x54), turn(0x9302, 0x9000))},
	{what: "9402 for too little money", profile: tUnionCard, caught: []string{"purse-funds"}, fault: each(ins(0x50), turn(0x9401, 0x9402))},
	{what: "6A88 for a key index", profile: tUnionCard, caught: []string{"purse-key-index"}, fault: each(ins(0x50), turn(0x9403, 0x6A88))},
	{what: "6A80 for a wrong length", profile: tUnionCard, caught: []string{"purse-init-length"}, fault: each(ins(0x50), turn(0x6700, 0x6A80))},
	{what: "the random number is fixed", profile: tUnionCard, caught: []string{"purse-random"}, fault: each(ins(0x50), stuck(11, 15))},
	{what: "6985 out of the state", profile: tUnionCard, caught: []string{"purse-debit-early", "purse-debit-twice", "purse-select-ends", "purse-command-ends", "purse-other-step", "compound-early", "load-replayed"},
		fault: each(anyOf(0x54, 0x52, 0x58, 0xDC), turn(0x6901, 0x6985))},
	{what: "the counter is fixed", profile: tUnionCard, caught: []string{"purse-counter", "load-counter"}, fault: each(ins(0x50), stuck(4, 6))},
	{what: "the log has the counter before", profile: tUnionCard, caught: []string{"purse-log", "compound-log", "load-log"}, fault: each(file(0x18), spoil(1))},
	{what: "the log can be written", profile: tUnionCard, caught: []string{"purse-log-fixed", "compound-other-file"}, fault: each(ins(0xDC), takes(0))},
	{what: "a reset costs a fen", profile: tUnionCard, caught: []string{"purse-torn", "compound-torn"}, fault: less(ins(0x5C), atReset)},
	{what: "wrong proof", profile: tUnionCard, caught: []string{"purse-proof", "compound-proof", "load-proof"}, fault: each(ins(0x5A), spoil(2))},
	{what: "a proof for everything", profile: tUnionCard, caught: []string{"purse-proof-unknown", "purse-proof-last"}, fault: each(ins(0x5A), takes(8))},
	{what: "an authentication code on T-Union", profile: tUnionCard, caught: []string{"purse-code-none"}, fault: each(ins(0xCA), takes(9))},
	{what: "6E00 for an unknown instruction", profile: tUnionCard, caught: []string{"purse-commands"}, fault: each(ins(0x02), status(0x6E00))},

	{what: "records never change", profile: tUnionCard, caught: []string{"compound-purchase", "compound-entry"}, fault: each(file(0x1A), frozen)},
	{what: "compound purchase without a record", profile: tUnionCard, caught: []string{"compound-no-record"}, fault: each(ins(0x54), takes(8))},
	{what: "every record is taken", profile: tUnionCard, caught: []string{"compound-early", "compound-length", "compound-identifier", "compound-unknown", "compound-other-file"}, fault: each(ins(0xDC), takes(0))},
	{what: "another journey is written down", profile: tUnionCard, caught: []string{"compound-trip"}, fault: each(file(0x1E), spoil(5))},

	{what: "a PIN outlives the selection", profile: tUnionCard, caught: []string{"load-pin"}, fault: keepsRights},
	{what: "wrong MAC1 of a load", profile: tUnionCard, caught: []string{"load-mac1"}, fault: each(both(ins(0x50), p1(0)), spoil(-1))},
	{what: "a load without end", profile: tUnionCard, caught: []string{"load-above"}, fault: each(both(ins(0x50), p1(0)), takes(16))},
	{what: "wrong TAC of a load", profile: tUnionCard, caught: []string{"purse-load", "load-proof"}, fault: each(ins(0x52), spoil(0))},
	{what: "loads that add nothing", profile: cityCard, caught: []string{"purse-load"}, fault: each(ins(0x5C), frozen)},
	{what: "the log of loads is wrong", profile: cityCard, caught: []string{"load-log"}, fault: each(file(0x1A), spoil(8))},
	{what: "wrong MAC3 of an unload", profile: tUnionCard, caught: []string{"purse-unload"}, fault: each(both(ins(0x54), p1(3)), spoil(0))},
	{what: "wrong TAC of an overdraft update", profile: tUnionCard, caught: []string{"purse-overdraft"}, fault: each(ins(0x58), spoil(0))},
	{what: "6300 for a wrong PIN", profile: tUnionCard, caught: []string{"purse-pin-wrong"}, fault: each(ins(0x20), turn(0x63C2, 0x6300))},
	{what: "the tries do not come back", profile: tUnionCard, caught: []string{"purse-pin-wrong"}, fault: each(both(ins(0x20), longer(5)), func(b *brokenCard, _, a []byte) []byte {
		if a[0] == 0x63 {
			a[1] -= byte(b.count)
			b.count = 1
		}
		return a
	})},
	{what: "a short PIN costs a try", profile: tUnionCard, caught: []string{"purse-pin-lengths"}, fault: each(ins(0x20), turn(0x6700, 0x63C2))},
	{what: "the PIN is not changed", profile: tUnionCard, caught: []string{"purse-pin-change"}, fault: func(b *brokenCard, cmd []byte) []byte {
		if cmd == nil {
			return nil
		}
		if cmd[1] == 0x5E {
			return []byte{0x90, 0}
		}
		return b.pass(cmd...)
	}},
	{what: "files can be changed without protection", profile: tUnionCard, caught: []string{"line-plain"}, fault: each(both(ins(0xD6), class(0)), takes(0))},
	{what: "protection without a challenge", profile: tUnionCard, caught: []string{"line-no-challenge", "line-update", "external-challenge", "external-key"}, fault: each(anyOf(0xD6, 0x82), turn(0x6984, 0x9000))},
	{what: "a wrong MAC of the line is taken", profile: tUnionCard, caught: []string{"line-mac"}, fault: each(ins(0xD6), turn(0x6988, 0x9000))},
	{what: "a blocked purse is selected as ever", profile: cityCard, caught: []string{"purse-block"}, fault: each(ins(0xA4), turn(0x6A81, 0x9000))},
	{what: "a blocked purse pays", profile: tUnionCard, caught: []string{"purse-block"}, fault: each(ins(0x50), takes(15))},
}

// brokenModules are security modules with one fault.
var brokenModules = []brokenCity{
	{what: "the terminal number changes", profile: moduleCard, caught: []string{"module-terminal"}, fault: each(ins(0xB0), secondTime(spoil(5)))},
	{what: "directories without FCI", profile: moduleCard, caught: []string{"module-directories"}, fault: each(ins(0xA4), func(_ *brokenCard, _, a []byte) []byte { return a[len(a)-2:] })},
	{what: "the counter can be written", profile: moduleCard, caught: []string{"module-directories"}, fault: each(ins(0xD6), takes(0))},
	{what: "wrong MAC1", profile: moduleCard, caught: []string{"module-purchase", "module-code"}, fault: each(ins(0x70), spoil(7))},
	{what: "wrong MAC1 with SM4", profile: moduleCard, caught: []string{"module-purchase-sm4"}, fault: each(both(ins(0x70), func(cmd []byte) bool { return cmd[24] == 4 }), spoil(4))},
	{what: "MAC1 is fixed", profile: moduleCard, caught: []string{"module-factors"}, fault: each(ins(0x70), stuck(4, 8))},
	{what: "the transaction number is fixed", profile: moduleCard, caught: []string{"module-counter"}, fault: each(ins(0x70), stuck(0, 4))},
	{what: "the number starts anew after a reset", profile: moduleCard, caught: []string{"module-counter"}, fault: func(b *brokenCard, cmd []byte) []byte {
		if cmd == nil {
			b.count = 0
			return nil
		}
		out := b.pass(cmd...)
		if cmd[1] == 0x70 && good(out) {
			b.count++
			copy(out, []byte{0, 0, 0, byte(b.count)})
		}
		return out
	}},
	{what: "file 18 has another number", profile: moduleCard, caught: []string{"module-counter-file"}, fault: each(both(ins(0xB0), p1(0x98)), spoil(3))},
	{what: "MAC2 without a purchase", profile: moduleCard, caught: []string{"module-credit-early", "module-credit-wrong", "module-credit-twice", "module-credit-elsewhere"}, fault: each(ins(0x72), turn(0x6901, 0x9000))},
	{what: "a wrong MAC2 is taken", profile: moduleCard, caught: []string{"module-credit-wrong", "module-locks"}, fault: each(ins(0x72), turn(0x9302, 0x9000))},
	{what: "6A88 for a purchase key", profile: moduleCard, caught: []string{"module-key-index"}, fault: each(ins(0x70), turn(0x9403, 0x6A88))},
	{what: "6A80 for a wrong length", profile: moduleCard, caught: []string{"module-lengths"}, fault: each(ins(0x70), turn(0x6700, 0x6A80))},
	{what: "a load is a purchase", profile: moduleCard, caught: []string{"module-type", "module-code"}, fault: each(ins(0x70), takes(8))},
	{what: "wrong MACs", profile: moduleCard, caught: []string{"module-mac"}, fault: each(ins(0xFA), spoil(0))},
	{what: "the last part alone is MACed", profile: moduleCard, caught: []string{"module-mac-parts"}, fault: each(both(ins(0xFA), p1(1)), spoil(0))},
	{what: "every key for everything", profile: moduleCard, caught: []string{"module-mac-only", "module-encipher-only", "module-crypt-early"}, fault: each(ins(0xFA), takes(8))},
	{what: "every key can be prepared", profile: moduleCard, caught: []string{"module-purchase-key", "module-levels", "module-key-unknown"}, fault: each(ins(0x1A), takes(0))},
	{what: "wrong ciphertext", profile: moduleCard, caught: []string{"module-encipher-only", "module-delivery"}, fault: each(both(ins(0xFA), p1(0)), spoil(2))},
	{what: "wrong MAC2 without end", profile: moduleCard, caught: []string{"module-locks"}, fault: each(anyOf(0x72, 0x70), turn(0x9303, 0x9302))},
}

// brokenCivic are livelihood cards with one fault.
var brokenCivic = []brokenCity{
	{what: "another name in the FCI", profile: "livelihood", caught: []string{"civic-select"}, fault: each(named("sx1"), set(0x84, flip(0)))},
	{what: "twelve historical bytes", profile: "livelihood", caught: []string{"civic-atr"}, atr: func(g []byte, _ int) []byte {
		g = slices.Clone(g)
		g[1]--
		return slices.Delete(g, 9, 10)
	}},
	{what: "wrong tags in EF05", profile: "livelihood", caught: []string{"civic-card-data", "civic-card-code", "civic-version"}, fault: each(file(5), spoil(0))},
	{what: "another provider in the card code", profile: "livelihood", caught: []string{"civic-card-code"}, fault: each(file(5), spoil(6))},
	{what: "a version without a point", profile: "livelihood", caught: []string{"civic-version"}, fault: each(both(file(5), p1(3)), spoil(3))},
	{what: "wrong tags in EF06", profile: "livelihood", caught: []string{"civic-holder"}, fault: each(file(6), spoil(0))},
	{what: "another record by its tag", profile: "livelihood", caught: []string{"civic-by-tag"}, fault: each(both(file(6), func(cmd []byte) bool { return cmd[3]&7 == 0 }), spoil(4))},
	{what: "6A82 for a record", profile: "livelihood", caught: []string{"civic-no-record"}, fault: each(ins(0xB2), turn(0x6A83, 0x6A82))},
	{what: "everything is free to read", profile: "livelihood", caught: []string{"civic-closed", "civic-pin-wrong", "civic-rights-reset", "civic-rights-select", "civic-directories", "firewall-rights", "firewall-pin"},
		fault: each(anyOf(0xB0, 0xB2), turn(0x6982, 0x9000))},
	{what: "the PIN opens nothing", profile: "livelihood", caught: []string{"civic-pin"}, fault: each(both(ins(0xB0), p1(0x87)), status(0x6982))},
	{what: "rights outlive reset and selection", profile: "livelihood", caught: []string{"civic-rights-reset", "civic-rights-select", "firewall-rights", "firewall-pin"}, fault: keepsRights},
	{what: "a wrong PIN leaves the rights", profile: "livelihood", caught: []string{"civic-pin-wrong"}, fault: func(b *brokenCard, cmd []byte) []byte {
		if cmd == nil {
			return nil
		}
		out := b.pass(cmd...)
		switch {
		case cmd[1] == 0x20 && good(out):
			b.kept = cmd
		case cmd[1] == 0x20 && b.kept != nil:
			b.pass(b.kept...)
		}
		return out
	}},
	{what: "authentication without a challenge", profile: "livelihood", caught: []string{"civic-challenge", "civic-key", "firewall-challenge"}, fault: each(ins(0x82), turn(0x6984, 0x9000))},
	{what: "the reading key opens changes", profile: "livelihood", caught: []string{"civic-key-read"}, fault: each(ins(0xD6), turn(0x6982, 0x9000))},
	{what: "every key is right", profile: "livelihood", caught: []string{"civic-key-wrong", "firewall-keys", "firewall-purse-key"}, fault: each(ins(0x82), func(_ *brokenCard, _, a []byte) []byte {
		if a[0] == 0x63 {
			return []byte{0x90, 0}
		}
		return a
	})},
	{what: "changes without rights", profile: "livelihood", caught: []string{"civic-write-plain"}, fault: each(anyOf(0xD6, 0xDC), takes(0))},
	{what: "a wrong MAC of a change is taken", profile: "livelihood", caught: []string{"civic-write"}, fault: each(ins(0xD6), turn(0x6988, 0x9000))},
	{what: "another file 15 than in the FCI", profile: "livelihood", caught: []string{"civic-information"}, fault: each(both(ins(0xB0), p1(0x95)), spoil(12))},
	{what: "what was read can be read from everywhere", profile: "livelihood", caught: []string{"firewall-files", "firewall-rights"}, fault: remembers},
	{what: "a wrong PIN costs every application a try", profile: "livelihood", caught: []string{"firewall-tries"}, fault: each(ins(0x20), func(b *brokenCard, cmd, a []byte) []byte {
		switch {
		case len(cmd) > 5 && a[0] == 0x63:
			b.count++
		case len(cmd) <= 5 && a[0] == 0x63:
			a[1] -= byte(b.count)
		}
		return a
	})},
	{what: "a trade outlives a selection", profile: "livelihood", caught: []string{"firewall-trade"}, fault: each(ins(0x54), turn(0x6901, 0x9302))},
	{what: "a selection pays", profile: "livelihood", caught: []string{"firewall-payment"}, fault: paysAtSelect},
	{what: "GET BALANCE from everywhere", profile: "livelihood", caught: []string{"firewall-commands"}, fault: each(ins(0x5C), takes(4))},
}
