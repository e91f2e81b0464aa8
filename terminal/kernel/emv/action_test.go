package emv

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

func moneyOf(v int64) money.Fen { return money.Fen(v) }

func swOf(b []byte) apdu.SW { return apdu.SW(b[0])<<8 | apdu.SW(b[1]) }

// TestActionAnalysis follows EMV Book 3, 10.7.
func TestActionAnalysis(t *testing.T) {
	iac := func(denial, online, byDefault string) map[tlv.Tag]string {
		m := map[tlv.Tag]string{}
		for tag, v := range map[tlv.Tag]string{tlv.TagIACDenial: denial, tlv.TagIACOnline: online, tlv.TagIACDefault: byDefault} {
			if v != "" {
				m[tag] = v
			}
		}
		return m
	}
	const none = "0000000000"
	quiet := iac(none, none, none)
	for name, row := range map[string]struct {
		card           map[tlv.Tag]string
		tac            [3]string // denial, online, default
		tvr            string
		kind           byte
		first, offline cryptogram.Result
	}{
		"nothing found":                        {quiet, [3]string{}, none, 0x22, cryptogram.TC, cryptogram.TC},
		"found, nobody minds":                  {quiet, [3]string{}, "FFFFFFFFFF", 0x22, cryptogram.TC, cryptogram.TC},
		"issuer denies":                        {iac("0040000000", none, none), [3]string{}, "0040000000", 0x22, cryptogram.AAC, cryptogram.TC},
		"terminal denies":                      {quiet, [3]string{"0040000000"}, "0040000000", 0x22, cryptogram.AAC, cryptogram.TC},
		"denial before online":                 {iac("8000000000", "8000000000", none), [3]string{}, "8000000000", 0x22, cryptogram.AAC, cryptogram.TC},
		"issuer wants online":                  {iac(none, "0000008000", none), [3]string{}, "0000008000", 0x22, cryptogram.ARQC, cryptogram.TC},
		"terminal wants online":                {quiet, [3]string{none, "0000008000"}, "0000008000", 0x22, cryptogram.ARQC, cryptogram.TC},
		"other bits":                           {iac("4000000000", "0000004000", none), [3]string{}, "8000008000", 0x22, cryptogram.TC, cryptogram.TC},
		"default declines":                     {iac(none, none, "0000008000"), [3]string{}, "0000008000", 0x22, cryptogram.TC, cryptogram.AAC},
		"terminal's default declines":          {quiet, [3]string{none, none, "0000000800"}, "0000000800", 0x22, cryptogram.TC, cryptogram.AAC},
		"card without codes, clean":            {nil, [3]string{}, none, 0x22, cryptogram.TC, cryptogram.TC},
		"card without codes, found":            {nil, [3]string{}, "0000000001", 0x22, cryptogram.ARQC, cryptogram.AAC},
		"codes of a wrong length are absent":   {map[tlv.Tag]string{tlv.TagIACOnline: "00000000"}, [3]string{}, "0000000001", 0x22, cryptogram.ARQC, cryptogram.AAC},
		"offline only, default declines":       {iac(none, none, "0000008000"), [3]string{}, "0000008000", 0x23, cryptogram.AAC, cryptogram.AAC},
		"offline only, online codes are still": {iac(none, "0000008000", none), [3]string{}, "0000008000", 0x26, cryptogram.TC, cryptogram.TC},
		"offline only, denial":                 {iac("0000008000", none, none), [3]string{}, "0000008000", 0x23, cryptogram.AAC, cryptogram.TC},
		"online only, clean":                   {quiet, [3]string{}, none, 0x21, cryptogram.ARQC, cryptogram.AAC},
		"online only, unattended":              {quiet, [3]string{}, none, 0x24, cryptogram.ARQC, cryptogram.AAC},
		"online only, denial":                  {iac("0040000000", none, none), [3]string{}, "0040000000", 0x21, cryptogram.AAC, cryptogram.AAC},
	} {
		m := partMachine(t, row.card)
		m.cfg.Type = row.kind
		codes := []*[5]byte{&m.app.Actions.Denial, &m.app.Actions.Online, &m.app.Actions.Default}
		for i, v := range row.tac {
			*codes[i] = tvrOf(t, v)
		}
		m.data.TVR = tvrOf(t, row.tvr)
		if got := m.decide(); got != row.first {
			t.Errorf("%s: asks for %v, want %v", name, got, row.first)
		}
		if got := m.decideOffline(); got != row.offline {
			t.Errorf("%s: without the issuer %v, want %v", name, got, row.offline)
		}
	}
}

// TestActionAnalysisBitByBit compares with a twin that looks at one bit at a time.
func TestActionAnalysisBitByBit(t *testing.T) {
	five := func(rt *rapid.T, name string) [5]byte {
		var b [5]byte
		for range rapid.IntRange(0, 4).Draw(rt, name+" bits") {
			b[rapid.IntRange(0, 4).Draw(rt, "byte")] |= 1 << rapid.IntRange(0, 7).Draw(rt, "bit")
		}
		return b
	}
	rapid.Check(t, func(rt *rapid.T) {
		m := partMachine(t, nil)
		m.app.Actions = ActionCodes{five(rt, "TAC denial"), five(rt, "TAC online"), five(rt, "TAC default")}
		tags := []tlv.Tag{tlv.TagIACDenial, tlv.TagIACOnline, tlv.TagIACDefault}
		terminal := [][5]byte{m.app.Actions.Denial, m.app.Actions.Online, m.app.Actions.Default}
		absent := []bool{false, true, true}
		hit := [3]bool{}
		m.data.TVR = five(rt, "TVR")
		for i, tag := range tags {
			issuer, given := five(rt, "IAC"), rapid.Bool().Draw(rt, "given")
			if given {
				m.data.put(tag, issuer[:])
			}
			for bit := range 40 {
				mask := byte(0x80) >> (bit % 8)
				code := terminal[i][bit/8]&mask != 0 || given && issuer[bit/8]&mask != 0 || !given && absent[i]
				hit[i] = hit[i] || code && m.data.TVR[bit/8]&mask != 0
			}
		}
		want := cryptogram.TC
		switch {
		case hit[0]:
			want = cryptogram.AAC
		case hit[1]:
			want = cryptogram.ARQC
		}
		if got := m.decide(); got != want {
			rt.Fatalf("asks for %v, want %v", got, want)
		}
		want = cryptogram.TC
		if hit[2] {
			want = cryptogram.AAC
		}
		if got := m.decideOffline(); got != want {
			rt.Fatalf("without the issuer %v, want %v", got, want)
		}
	})
}

// TestCashAnalysis follows JR/T 0025.13: balance, threshold, and then as ever.
func TestCashAnalysis(t *testing.T) {
	const none = "0000000000"
	for name, row := range map[string]struct {
		kind               byte
		amount             money.Fen
		balance, threshold money.Fen
		known              bool
		tvr                string
		want               cryptogram.Result
	}{
		"enough":                       {0x22, 5000, 10000, 5000, true, none, cryptogram.TC},
		"one fen too little":           {0x22, 5000, 9999, 5000, true, none, cryptogram.ARQC},
		"too little, offline only":     {0x23, 5000, 9999, 5000, true, none, cryptogram.TC},
		"more than the balance":        {0x22, 5000, 100, 0, true, none, cryptogram.ARQC},
		"all of it, no threshold":      {0x22, 5000, 5000, 0, true, none, cryptogram.TC},
		"card does not tell":           {0x22, 5000, 0, 0, false, none, cryptogram.ARQC},
		"does not tell, offline only":  {0x23, 5000, 0, 0, false, none, cryptogram.TC},
		"denied":                       {0x22, 5000, 10000, 0, true, "0040000000", cryptogram.AAC},
		"denied although too little":   {0x22, 5000, 0, 0, true, "0040000000", cryptogram.AAC},
		"online codes although enough": {0x22, 5000, 10000, 0, true, "8000000000", cryptogram.ARQC},
		"online only":                  {0x21, 5000, 10000, 0, true, none, cryptogram.ARQC},
		"a threshold beyond n12":       {0x22, 5000, 10000, 1 << 50, true, none, cryptogram.ARQC},
	} {
		m := partMachine(t, map[tlv.Tag]string{tlv.TagIACDenial: "0040000000", tlv.TagIACOnline: "8000000000", tlv.TagIACDefault: none})
		m.cfg.Type, m.in.Amount, m.data.TVR = row.kind, row.amount, tvrOf(t, row.tvr)
		if got := m.decideCash(row.balance, row.threshold, row.known); got != row.want {
			t.Errorf("%s: asks for %v, want %v", name, got, row.want)
		}
	}
}
