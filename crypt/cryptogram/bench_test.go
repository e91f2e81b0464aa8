package cryptogram_test

import (
	"encoding/binary"
	"testing"

	"github.com/citycard/citycard/crypt/cryptogram"
)

// Masters of the published-formula examples (see ../testdata/pboc_ours.json).
var (
	masterAC  = cryptogram.Key{0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF, 0xFE, 0xDC, 0xBA, 0x98, 0x76, 0x54, 0x32, 0x10}
	masterMAC = cryptogram.Key{0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11}
)

func mustBlock(tb testing.TB, alg cryptogram.Alg, k cryptogram.Key) cryptogram.Block {
	tb.Helper()
	b, err := cryptogram.NewBlock(alg, k)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// row is one good offline row.
type row struct {
	pan [10]byte
	psn byte
	t   cryptogram.TerminalInput
	c   cryptogram.CardInput
	iad []byte
	ac  [8]byte
}

// makeRow plays the card: a TC with balance MAC over made-up values.
func makeRow(tb testing.TB, alg cryptogram.Alg, cvn cryptogram.CVN, card uint32, atc uint16, idd byte) row {
	tb.Helper()
	r := row{pan: [10]byte{0x62, 0x28, 0, 0, 0, 0, 0, 0x0F, 0xFF, 0xFF}, psn: 1}
	for i := range 8 {
		d := byte(card % 10)
		card /= 10
		r.pan[6-i/2] |= d << (i % 2 * 4)
	}
	r.t.Amount = [6]byte{5: 0x05}
	binary.BigEndian.PutUint32(r.t.UN[:], uint32(atc)*7919)
	r.c = cryptogram.CardInput{AIP: [2]byte{0x7C, 0}, ATC: atc, CVR: [3]byte{0x90, 0, 0}}
	d := cryptogram.IAD{DKI: 1, CVN: cvn, CVR: r.c.CVR, Alg: alg, IDD: idd, Amount1: [5]byte{4: 0x42}}
	if idd == cryptogram.IDDBalanceCTTA || idd == cryptogram.IDDCTTALimit {
		d.Amount2 = [5]byte{3: 0x12, 4: 0x34}
	}
	udkAC := cryptogram.DeriveCardKey(alg, mustBlock(tb, alg, masterAC), r.pan, r.psn)
	udkMAC := cryptogram.DeriveCardKey(alg, mustBlock(tb, alg, masterMAC), r.pan, r.psn)
	if idd != cryptogram.IDDNone {
		d.MAC = cryptogram.BalanceMAC(alg, cryptogram.DeriveSessionKey(alg, udkMAC, atc), atc, idd, d.Amount1, d.Amount2)
	}
	r.iad = d.Append(nil)
	r.ac = cryptogram.MAC(alg, cryptogram.DeriveSessionKey(alg, udkAC, atc), cryptogram.ACData(nil, cvn, &r.t, &r.c))
	return r
}

func (r *row) check(v *cryptogram.Verifier) cryptogram.Verdict {
	return v.Check(r.pan, r.psn, &r.t, &r.c, r.iad, r.ac, true)
}

// BenchmarkVerifierCheck measures whole rows (cryptogram and balance MAC): every
// row another card, or every second row the card of the row before it.
func BenchmarkVerifierCheck(b *testing.B) {
	for _, alg := range []cryptogram.Alg{cryptogram.SM4, cryptogram.TDES} {
		for _, cvn := range []cryptogram.CVN{cryptogram.CVN01, cryptogram.CVN17} {
			for name, perCard := range map[string]int{"card-each": 1, "entry-exit": 2} {
				b.Run(alg.String()+"/"+cvn.String()+"/"+name, func(b *testing.B) {
					rows := make([]row, 512)
					for i := range rows {
						rows[i] = makeRow(b, alg, cvn, uint32(i/perCard), uint16(i), cryptogram.IDDBalance)
					}
					v := cryptogram.NewVerifier(alg, mustBlock(b, alg, masterAC), mustBlock(b, alg, masterMAC))
					b.ReportAllocs()
					i := 0
					for b.Loop() {
						if got := rows[i%len(rows)].check(v); got != cryptogram.OK {
							b.Fatal(got)
						}
						i++
					}
					b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
				})
			}
		}
	}
}

// BenchmarkKeySetup is the floor under a row: four key set-ups of SM4, eight of
// single DES.
func BenchmarkKeySetup(b *testing.B) {
	for _, alg := range []cryptogram.Alg{cryptogram.SM4, cryptogram.TDES} {
		b.Run(alg.String(), func(b *testing.B) {
			for b.Loop() {
				if _, err := cryptogram.NewBlock(alg, masterAC); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
