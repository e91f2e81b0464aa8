package issuer_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/issuer"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

const purseBIN = "310310"

// purses are the development keys of one T-Union issuer, key version 1.
func purses(t testing.TB) issuer.PurseCheckers {
	store := keystore.Development(0)
	return func(card txn.CardKey, alg epurse.Alg, version byte) *keystore.PurseVerifier {
		if card.PAN.BIN() != purseBIN || version != 1 {
			return nil
		}
		v, err := store.PurseVerifier(keystore.PurseMasters(alg), alg, epurse.Factor(unhex(t, "0101100001011000")))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// purseRow is the compound purchase of 3.00 yuan of the purse vectors (ours): offline
// number 11 before it, 2026-01-15 10:30 at UTC+8.
func purseRow(t testing.TB) txn.Row {
	r := txn.Row{
		Kind: txn.Exit, Card: txn.CardKey{PAN: pan(t, "3103104810010000001"), PSN: txn.PSNTUnion}, Amount: 300, Type: txn.PurseCompound,
		Time: time.Date(2026, 1, 15, 10, 30, 0, 0, txn.CityTime).Unix(),
	}
	put(t, &r, txn.PurseData{Sequence: 0x12, TAC: [4]byte(unhex(t, "1C7E0698")), MAC2: [4]byte(unhex(t, "1BEC3D80")), KeyVersion: 1,
		Random: [4]byte(unhex(t, "99AABBCC")), Before: 0x26AC, MAC1: [4]byte(unhex(t, "71E8D69A")), Terminal: [6]byte(unhex(t, "112233445566")), TerminalSequence: 0x124})
	return r
}

func put(t testing.TB, r *txn.Row, p txn.PurseData) {
	if err := p.Put(r); err != nil {
		t.Fatal(err)
	}
}

func TestPurseRows(t *testing.T) {
	v := issuer.NewVerifier(keys(t)).WithPurses(purses(t))
	if got := verdict(t, v, purseRow(t)); got != txn.Cleared {
		t.Fatalf("the row of the vectors: %s", got)
	}
	if got := verdict(t, issuer.NewVerifier(keys(t)), purseRow(t)); got != txn.BadCardData {
		t.Errorf("without purses: %s", got)
	}
	for _, c := range []struct {
		name   string
		change func(r *txn.Row, p *txn.PurseData)
		want   txn.Verdict
	}{
		{"amount", func(r *txn.Row, _ *txn.PurseData) { r.Amount-- }, txn.BadCryptogram},
		{"time", func(r *txn.Row, _ *txn.PurseData) { r.Time++ }, txn.BadCryptogram},
		{"type", func(r *txn.Row, _ *txn.PurseData) { r.Type = txn.PursePurchase }, txn.BadCryptogram},
		{"another card", func(r *txn.Row, _ *txn.PurseData) { r.Card.PAN = pan(t, "3103104810010000002") }, txn.BadCryptogram},
		{"another issuer", func(r *txn.Row, _ *txn.PurseData) { r.Card.PAN = pan(t, "3103204810010000001") }, txn.BadCardData},
		{"sequence", func(_ *txn.Row, p *txn.PurseData) { p.Sequence++ }, txn.BadCryptogram},
		{"no sequence", func(_ *txn.Row, p *txn.PurseData) { p.Sequence = 0 }, txn.BadCardData},
		{"TAC", func(_ *txn.Row, p *txn.PurseData) { p.TAC[3] ^= 1 }, txn.BadCryptogram},
		{"MAC2", func(_ *txn.Row, p *txn.PurseData) { p.MAC2[0] ^= 1 }, txn.BadCryptogram},
		{"random", func(_ *txn.Row, p *txn.PurseData) { p.Random[0] ^= 1 }, txn.BadCryptogram},
		{"module", func(_ *txn.Row, p *txn.PurseData) { p.Terminal[0] ^= 1 }, txn.BadCryptogram},
		{"module's number", func(_ *txn.Row, p *txn.PurseData) { p.TerminalSequence++ }, txn.BadCryptogram},
		{"SM4", func(_ *txn.Row, p *txn.PurseData) { p.Algorithm = 4 }, txn.BadCryptogram},
		{"algorithm", func(_ *txn.Row, p *txn.PurseData) { p.Algorithm = 1 }, txn.BadCardData},
		{"key version", func(_ *txn.Row, p *txn.PurseData) { p.KeyVersion = 2 }, txn.BadCardData},
		{"balance, which nobody vouches for", func(_ *txn.Row, p *txn.PurseData) { p.Before = 1 }, txn.Cleared},
		{"a doubt with the card's word", func(r *txn.Row, _ *txn.PurseData) { r.Kind = txn.Doubt }, txn.Cleared},
		{"a doubt with a wrong word", func(r *txn.Row, p *txn.PurseData) { r.Kind, p.TAC[0] = txn.Doubt, p.TAC[0]^1 }, txn.BadCryptogram},
		{"a doubt without any", func(r *txn.Row, p *txn.PurseData) { r.Kind, p.TAC, p.MAC2 = txn.Doubt, [4]byte{}, [4]byte{} }, txn.Cleared},
		{"a decline without any", func(r *txn.Row, p *txn.PurseData) { *p, r.Kind = txn.PurseData{}, txn.Declined }, txn.Cleared},
		{"an exit without any", func(_ *txn.Row, p *txn.PurseData) { p.TAC, p.MAC2 = [4]byte{}, [4]byte{} }, txn.BadCryptogram},
	} {
		r := purseRow(t)
		p, _ := r.Purse()
		c.change(&r, &p)
		put(t, &r, p)
		if got := verdict(t, v, r); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	r := purseRow(t)
	if r.Card.PSN = 9; verdict(t, v, r) != txn.BadCardData {
		t.Error("another network's number")
	}
	for _, off := range []money.Fen{1 << 32, -1 << 32} { // the codes have four bytes of it
		r := purseRow(t)
		if r.Amount += off; verdict(t, v, r) != txn.BadCardData {
			t.Errorf("amount %d: %s", int64(r.Amount), verdict(t, v, r))
		}
	}
}

// Keys are asked for anew for another network, though the first digits are the same.
func TestPurseNetworks(t *testing.T) {
	union := purses(t)
	v := issuer.NewVerifier(keys(t)).WithPurses(func(card txn.CardKey, alg epurse.Alg, version byte) *keystore.PurseVerifier {
		if card.PSN != txn.PSNTUnion {
			return nil
		}
		return union(card, alg, version)
	})
	city := purseRow(t)
	city.Card = txn.CardKey{PAN: pan(t, "3103104810010000"), PSN: txn.PSNCityUnion}
	if got := verdicts(t, v, purseRow(t), city, purseRow(t)); got[0] != txn.Cleared || got[1] != txn.BadCardData || got[2] != txn.Cleared {
		t.Errorf("%v", got)
	}
}

// signPurse makes the codes of a row from the masters, by the steps of the formulas.
func signPurse(t testing.TB, r *txn.Row) {
	p, _ := r.Purse()
	alg := epurse.Alg(p.Algorithm)
	serial, _ := r.Card.PurseSerial()
	factors := []epurse.Factor{epurse.Factor(unhex(t, "0101100001011000")), serial}
	trade := epurse.Trade{Type: epurse.Type(r.Type), Amount: uint32(r.Amount), Terminal: p.Terminal, Stamp: txn.StampBCD(r.Time), TerminalSeq: p.TerminalSequence}
	dpk := epurse.Diversify(alg, epurse.Key(unhex(t, masterAC)), factors...)
	dtk := epurse.Diversify(alg, epurse.Key(unhex(t, "A1A2A3A4A5A6A7A8B1B2B3B4B5B6B7B8")), factors...)
	p.TAC = epurse.PurchaseTAC(epurse.TACSession(alg, dtk), &trade)
	p.MAC2 = epurse.PurchaseMAC2(epurse.PurchaseSession(alg, dpk, p.Random, p.Sequence-1, p.TerminalSequence), trade.Amount)
	put(t, r, p)
}

func drawnPurse(t *rapid.T, tb testing.TB) txn.Row {
	r := purseRow(tb)
	p, _ := r.Purse()
	p.Algorithm = rapid.SampledFrom([]byte{0, 4}).Draw(t, "algorithm")
	p.Sequence, p.TerminalSequence = rapid.Uint16Min(1).Draw(t, "number"), rapid.Uint32().Draw(t, "module")
	r.Amount = money.Fen(rapid.Uint32().Draw(t, "amount"))
	r.Card.PAN = pan(tb, purseBIN+rapid.StringMatching(`[0-2]{13}`).Draw(t, "card"))
	put(tb, &r, p)
	signPurse(tb, &r)
	return r
}

// Rows of purses and of bank cards in any mix have the verdicts that each has alone.
func TestMixedRows(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var rows []txn.Row
		var want []txn.Verdict
		for range rapid.IntRange(1, 8).Draw(rt, "rows") {
			if rapid.Bool().Draw(rt, "purse") {
				r := drawnPurse(rt, t)
				if rapid.Bool().Draw(rt, "broken") {
					r.AC[rapid.IntRange(0, 7).Draw(rt, "byte")] ^= 1
					want = append(want, txn.BadCryptogram)
				} else {
					want = append(want, txn.Cleared)
				}
				rows = append(rows, r)
				continue
			}
			chip := chips(t)["SM4, CVN 01"]
			rows, want = append(rows, chip.sign(t, someRow(txn.Purchase, rapid.Uint16().Draw(rt, "ATC")))), append(want, txn.Cleared)
		}
		got := verdicts(t, issuer.NewVerifier(keys(t)).WithPurses(purses(t)), rows...)
		for i := range got {
			if got[i] != want[i] {
				rt.Fatalf("row %d: %s, want %s", i, got[i], want[i])
			}
		}
	})
}

func BenchmarkVerifyPurse(b *testing.B) {
	for _, alg := range []epurse.Alg{epurse.TDES, epurse.SM4} {
		b.Run(alg.String(), func(b *testing.B) {
			const n = 64
			rows, out := make([]txn.Presented, n), make([]txn.Verdict, n)
			for i := range rows {
				r := purseRow(b)
				r.Card.PAN[8] = byte(i / 2 % 10 * 16) // two rows a card
				p, _ := r.Purse()
				p.Algorithm, p.Sequence = byte(alg), uint16(i+1)
				put(b, &r, p)
				signPurse(b, &r)
				rows[i].Row = r
			}
			v := issuer.NewVerifier(keys(b)).WithPurses(purses(b))
			b.ReportAllocs()
			for b.Loop() {
				if err := v.Verify(rows, out); err != nil {
					b.Fatal(err)
				}
			}
			for i := range out {
				if out[i] != txn.Cleared {
					b.Fatalf("row %d: %s", i, out[i])
				}
			}
			b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
