package issuer_test

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/issuer"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// Masters of the published-formula examples (crypt/testdata/pboc_ours.json).
const (
	masterAC  = "0123456789ABCDEFFEDCBA9876543210"
	masterMAC = "11223344556677888877665544332211"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func masterBlock(t testing.TB, alg cryptogram.Alg, key string) cryptogram.Block {
	t.Helper()
	b, err := cryptogram.NewBlock(alg, cryptogram.Key(unhex(t, key)))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const (
	cityBIN  = "622800" // both algorithms
	otherBIN = "621700" // SM4 only, other keys
	otherAC  = "0F1E2D3C4B5A69788796A5B4C3D2E1F0"
	otherMAC = "00112233445566778899AABBCCDDEEFF"
)

func keys(t testing.TB) issuer.Checkers {
	return func(bin string, alg cryptogram.Alg) *cryptogram.Verifier {
		switch {
		case bin == cityBIN:
			return cryptogram.NewVerifier(alg, masterBlock(t, alg, masterAC), masterBlock(t, alg, masterMAC))
		case bin == otherBIN && alg == cryptogram.SM4:
			return cryptogram.NewVerifier(alg, masterBlock(t, alg, otherAC), masterBlock(t, alg, otherMAC))
		}
		return nil
	}
}

func pan(t testing.TB, digits string) txn.PAN {
	t.Helper()
	p, err := txn.ParsePAN(digits)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func verdicts(t testing.TB, v *issuer.Verifier, rows ...txn.Row) []txn.Verdict {
	t.Helper()
	presented, out := make([]txn.Presented, len(rows)), make([]txn.Verdict, len(rows))
	for i := range rows {
		presented[i].Row = rows[i]
		out[i] = 99 // a forgotten row shows
	}
	if err := v.Verify(presented, out); err != nil {
		t.Fatal(err)
	}
	return out
}

func verdict(t testing.TB, v *issuer.Verifier, row txn.Row) txn.Verdict {
	t.Helper()
	return verdicts(t, v, row)[0]
}

// The examples of the formulas (PBOC, worked out twice outside of this program)
// as rows: 2025-11-20, 1.00 yuan, 9F37 11223344, counter 1.
func TestVerifierTakesTheExamplesOfTheFormulas(t *testing.T) {
	v := issuer.NewVerifier(keys(t))
	for _, c := range []struct{ name, iad, ac string }{
		{"3DES, CVN 01, no balance", "07010103A0000001", "D702BF5A6D7A8C7E"},
		{"3DES, CVN 17, no balance", "0701110390000001", "D8718F546DD8679F"},
		{"3DES, CVN 01, balance", "07010103A00000010A0100000099001B4E440C", "D702BF5A6D7A8C7E"},
		{"3DES, CVN 17, balance", "07011103900000010A0100000099001B4E440C", "D8718F546DD8679F"},
		{"3DES, CVN 17, balance and CTTA", "07011103900000010F03000000990000000000002AE817E7", "D8718F546DD8679F"},
		{"SM4, CVN 01, no balance", "07010103A0000004", "0E76869470BF3653"},
		{"SM4, CVN 17, no balance", "0701110390000004", "0F631430B9847A69"},
		{"SM4, CVN 01, balance", "07010103A00000040A010000009900FBEEAB04", "0E76869470BF3653"},
		{"SM4, CVN 17, balance", "07011103900000040A010000009900FBEEAB04", "0F631430B9847A69"},
	} {
		kind := txn.Purchase
		if strings.HasPrefix(c.iad[8:], "A0") {
			kind = txn.Doubt // an ARQC pays nothing
		}
		row := txn.Row{Kind: kind, Card: txn.CardKey{PAN: pan(t, "6228000100001117"), PSN: 1}, ATC: 1, AC: [8]byte(unhex(t, c.ac)), Amount: 100,
			UN: [4]byte{0x11, 0x22, 0x33, 0x44}, AIP: [2]byte{0x7C, 0x00}, Time: time.Date(2025, 11, 20, 12, 0, 0, 0, time.UTC).Unix()}
		copy(row.IAD[:], unhex(t, c.iad))
		if got := verdict(t, v, row); got != txn.Cleared {
			t.Errorf("%s: %s", c.name, got)
		}
		if row.AC[7] ^= 1; verdict(t, v, row) != txn.BadCryptogram {
			t.Errorf("%s: another cryptogram is taken", c.name)
		}
	}
}

// The worked example of a card's timeline (3DES, CVN 17): every row in it is
// genuine, also the two with one counter.
func TestVerifierTakesTheWorkedTimeline(t *testing.T) {
	raw, err := os.ReadFile("../crypt/testdata/timeline.json")
	if err != nil {
		t.Fatal(err)
	}
	var example struct {
		PAN, PSN string
		Rows     []struct{ ATC, Amount, UN, IAD, AC string }
	}
	if err := json.Unmarshal(raw, &example); err != nil {
		t.Fatal(err)
	}
	var rows []txn.Row
	for _, r := range example.Rows {
		atc, err := strconv.ParseUint(r.ATC, 16, 16)
		if err != nil {
			t.Fatal(err)
		}
		amount, err := money.FromN12(unhex(t, r.Amount))
		if err != nil {
			t.Fatal(err)
		}
		kind := txn.Purchase
		if strings.HasPrefix(r.IAD[8:], "A0") {
			kind = txn.Doubt // the card asked for its issuer
		}
		row := txn.Row{Kind: kind, Card: txn.CardKey{PAN: txn.PAN(unhex(t, example.PAN)), PSN: 1}, ATC: uint16(atc),
			AC: [8]byte(unhex(t, r.AC)), Amount: amount, UN: [4]byte(unhex(t, r.UN))}
		copy(row.IAD[:], unhex(t, r.IAD))
		rows = append(rows, row)
	}
	if len(rows) != 8 {
		t.Fatalf("%d rows", len(rows))
	}
	for i, got := range verdicts(t, issuer.NewVerifier(keys(t)), rows...) {
		if got != txn.Cleared {
			t.Errorf("row %d, counter %04X: %s", i, rows[i].ATC, got)
		}
	}
}

// chip makes rows as a card does, with the functions of the card's side.
type chip struct {
	card    txn.CardKey
	alg     cryptogram.Alg
	cvn     cryptogram.CVN
	idd     byte
	ac, mac string // master keys
}

func (c chip) sign(t testing.TB, r txn.Row) txn.Row {
	t.Helper()
	return c.signAs(t, r, 0x90) // a TC
}

// signAs signs a row with this first byte of the CVR.
func (c chip) signAs(t testing.TB, r txn.Row, cvr byte) txn.Row {
	t.Helper()
	r.Card = c.card
	iad := cryptogram.IAD{DKI: 1, CVN: c.cvn, CVR: [3]byte{cvr, 0, 0}, Alg: c.alg, IDD: c.idd}
	if c.idd != cryptogram.IDDNone {
		iad.Amount1 = [5]byte{0, 0, 0x01, 0x16, 0x00}
		sk := cryptogram.DeriveSessionKey(c.alg, cryptogram.DeriveCardKey(c.alg, masterBlock(t, c.alg, c.mac), c.card.PAN, c.card.PSN), r.ATC)
		iad.MAC = cryptogram.BalanceMAC(c.alg, sk, r.ATC, c.idd, iad.Amount1, iad.Amount2)
	}
	iad.Append(r.IAD[:0])
	amount, err := r.Amount.N12()
	if err != nil {
		t.Fatal(err)
	}
	date, err := hex.DecodeString(time.Unix(r.Time, 0).In(time.FixedZone("", 8*3600)).Format("060102"))
	if err != nil {
		t.Fatal(err)
	}
	in := cryptogram.TerminalInput{Amount: amount, Country: [2]byte{1, 0x56}, Currency: [2]byte{1, 0x56}, TVR: r.TVR, Date: [3]byte(date), Type: r.Type, UN: r.UN}
	sk := cryptogram.DeriveSessionKey(c.alg, cryptogram.DeriveCardKey(c.alg, masterBlock(t, c.alg, c.ac), c.card.PAN, c.card.PSN), r.ATC)
	r.AC = cryptogram.MAC(c.alg, sk, cryptogram.ACData(nil, c.cvn, &in, &cryptogram.CardInput{AIP: r.AIP, ATC: r.ATC, CVR: iad.CVR}))
	return r
}

func someRow(kind txn.Kind, atc uint16) txn.Row {
	return txn.Row{Kind: kind, ATC: atc, Amount: 400, UN: [4]byte{1, 2, 3, byte(atc)}, TVR: [5]byte{0, 1, 0, 2, 0}, AIP: [2]byte{0x7D, 0}, Time: at + 17*3600, Type: 0x09} // 1 o'clock of the next day at UTC+8
}

func chips(t testing.TB) map[string]chip {
	a, b, c := txn.CardKey{PAN: pan(t, "6228000100001117"), PSN: 1}, txn.CardKey{PAN: pan(t, "6228000100001117"), PSN: 2}, txn.CardKey{PAN: pan(t, "6217000010012345678"), PSN: 0}
	return map[string]chip{
		"SM4, CVN 01":               {a, cryptogram.SM4, cryptogram.CVN01, cryptogram.IDDBalance, masterAC, masterMAC},
		"3DES, CVN 17":              {a, cryptogram.TDES, cryptogram.CVN17, cryptogram.IDDBalance, masterAC, masterMAC},
		"second card of a number":   {b, cryptogram.SM4, cryptogram.CVN17, cryptogram.IDDBalanceCTTA, masterAC, masterMAC},
		"no balance":                {b, cryptogram.TDES, cryptogram.CVN01, cryptogram.IDDNone, masterAC, masterMAC},
		"another issuer, 19 digits": {c, cryptogram.SM4, cryptogram.CVN01, cryptogram.IDDBalance, otherAC, otherMAC},
	}
}

// Everything that can be wrong with a row, one at a time.
func TestVerifierNamesWhatIsWrong(t *testing.T) {
	v := issuer.NewVerifier(keys(t))
	always := func(v txn.Verdict) func(chip) txn.Verdict { return func(chip) txn.Verdict { return v } }
	// covered says what a change of something does that only CVN 01 covers.
	covered := func(c chip) txn.Verdict {
		if c.cvn == cryptogram.CVN01 {
			return txn.BadCryptogram
		}
		return txn.Cleared
	}
	// spoilt is a change behind byte 8: of the balance, or of the padding of a 9F10
	// that has none.
	spoilt := func(withBalance txn.Verdict) func(chip) txn.Verdict {
		return func(c chip) txn.Verdict {
			if c.idd == cryptogram.IDDNone {
				return txn.BadCardData
			}
			return withBalance
		}
	}
	changes := []struct {
		name   string
		change func(r *txn.Row)
		want   func(c chip) txn.Verdict
	}{
		{"nothing", func(*txn.Row) {}, always(txn.Cleared)},
		{"what the terminal adds", func(r *txn.Row) { r.Terminal, r.Sequence, r.Flags, r.FullFare, r.MonthSum = 9, 9, 9, 9, 9 }, always(txn.Cleared)},
		{"kind", func(r *txn.Row) { r.Kind = txn.Exit }, always(txn.Cleared)},
		{"cryptogram", func(r *txn.Row) { r.AC[0] ^= 1 }, always(txn.BadCryptogram)},
		{"no cryptogram", func(r *txn.Row) { r.AC = [8]byte{} }, always(txn.BadCryptogram)},
		{"amount", func(r *txn.Row) { r.Amount++ }, always(txn.BadCryptogram)},
		{"9F37", func(r *txn.Row) { r.UN[3] ^= 1 }, always(txn.BadCryptogram)},
		{"counter", func(r *txn.Row) { r.ATC++ }, always(txn.BadCryptogram)},
		{"first byte of the CVR", func(r *txn.Row) { r.IAD[4] ^= 0x10 }, always(txn.BadCryptogram)},
		{"sequence number of the card", func(r *txn.Row) { r.Card.PSN ^= 0x10 }, always(txn.BadCryptogram)},
		{"account number", func(r *txn.Row) { r.Card.PAN[5] ^= 0x01 }, always(txn.BadCryptogram)},
		{"9A", func(r *txn.Row) { r.Time += 86400 }, covered},
		{"time of the same day", func(r *txn.Row) { r.Time += 3600 }, always(txn.Cleared)},
		{"95", func(r *txn.Row) { r.TVR[4] ^= 1 }, covered},
		{"9C", func(r *txn.Row) { r.Type ^= 1 }, covered},
		{"82", func(r *txn.Row) { r.AIP[0] ^= 1 }, covered},
		{"middle byte of the CVR", func(r *txn.Row) { r.IAD[5] ^= 1 }, covered},
		{"last byte of the CVR", func(r *txn.Row) { r.IAD[6] ^= 1 }, covered},
		{"key index", func(r *txn.Row) { r.IAD[1] ^= 1 }, always(txn.Cleared)},
		{"balance", func(r *txn.Row) { r.IAD[14] ^= 1 }, spoilt(txn.BadBalanceMAC)},
		{"both", func(r *txn.Row) { r.AC[0] ^= 1; r.IAD[14] ^= 1 }, spoilt(txn.BadCryptogram)},
		{"unknown issuer", func(r *txn.Row) { r.Card.PAN[0] = 0x99 }, always(txn.BadCardData)},
		{"no 9F10", func(r *txn.Row) { r.IAD = [24]byte{} }, always(txn.BadCardData)},
		{"all ones 9F10", func(r *txn.Row) {
			for i := range r.IAD {
				r.IAD[i] = 0xFF
			}
		}, always(txn.BadCardData)},
		{"length of 9F10", func(r *txn.Row) { r.IAD[0] = 6 }, always(txn.BadCardData)},
		{"length of the balance", func(r *txn.Row) { r.IAD[8] ^= 0x05 }, always(txn.BadCardData)},
		{"version of the cryptogram", func(r *txn.Row) { r.IAD[2] = 0x02 }, always(txn.BadCardData)},
		{"algorithm", func(r *txn.Row) { r.IAD[7] = 0x02 }, always(txn.BadCardData)},
		{"identifier of the balance", func(r *txn.Row) { r.IAD[9] = 0x0F }, always(txn.BadCardData)},
		{"balance that is no number", func(r *txn.Row) { r.IAD[10] = 0xAB; r.IAD[11] = 0x0C }, always(txn.BadCardData)},
		{"amount of too many digits", func(r *txn.Row) { r.Amount = money.MaxN12 + 1 }, always(txn.BadCardData)},
		{"amount below 0", func(r *txn.Row) { r.Amount = -1 }, always(txn.BadCardData)},
	}
	for name, c := range chips(t) {
		for i, change := range changes {
			row := c.sign(t, someRow(txn.Purchase, uint16(i+1)))
			change.change(&row)
			if got, want := verdict(t, v, row), change.want(c); got != want {
				t.Errorf("%s, other %s: %s, want %s", name, change.name, got, want)
			}
		}
	}
	for _, name := range []string{"SM4, CVN 01", "no balance"} {
		row := chips(t)[name].sign(t, someRow(txn.Purchase, 1))
		if row.IAD[23] = 1; verdict(t, v, row) != txn.BadCardData {
			t.Errorf("%s: bytes in the padding are taken", name)
		}
	}
	// A key that the issuer has for another algorithm only.
	foreign := chips(t)["another issuer, 19 digits"]
	foreign.alg = cryptogram.TDES
	if got := verdict(t, v, foreign.sign(t, someRow(txn.Purchase, 1))); got != txn.BadCardData {
		t.Errorf("algorithm without a key: %s", got)
	}
}

// The issuers' keys are asked for once, however many rows there are, also when
// there are none.
func TestVerifierAsksOnceForEachKey(t *testing.T) {
	asked := map[string]int{}
	known := keys(t)
	v := issuer.NewVerifier(func(bin string, alg cryptogram.Alg) *cryptogram.Verifier {
		asked[bin+alg.String()]++
		return known(bin, alg)
	})
	var rows []txn.Row
	for _, c := range chips(t) {
		foreign := c
		foreign.card.PAN[0] = 0x99
		rows = append(rows, c.sign(t, someRow(txn.Purchase, 1)), foreign.sign(t, someRow(txn.Purchase, 2)), c.sign(t, someRow(txn.Purchase, 3)))
	}
	verdicts(t, v, rows...)
	if len(asked) < 5 {
		t.Errorf("asked for %v", asked)
	}
	for key, n := range asked {
		if n != 1 {
			t.Errorf("asked %d times for %s", n, key)
		}
	}
}

// needsTC is the table of what a card must have decided for a row.
var needsTC = map[txn.Kind]bool{txn.Purchase: true, txn.Entry: true, txn.Exit: true, txn.Single: true, txn.Hold: false, txn.Completion: true,
	txn.Doubt: false, txn.Declined: false}

// A genuine cryptogram by which the card declined, asked for its issuer, or says
// nothing that the standard knows, never clears as a payment.
func TestOnlyWhatTheCardApprovedIsPaid(t *testing.T) {
	v := issuer.NewVerifier(keys(t))
	for name, c := range chips(t) {
		for kind := txn.Purchase; kind <= txn.Declined; kind++ {
			for _, result := range []cryptogram.Result{cryptogram.AAC, cryptogram.TC, cryptogram.ARQC, cryptogram.RFU} {
				want := txn.Cleared
				if result == cryptogram.RFU || needsTC[kind] && result != cryptogram.TC {
					want = txn.BadCardData
				}
				if kind == txn.Hold && c.idd == cryptogram.IDDNone {
					want = txn.BadCardData
				}
				row := c.signAs(t, someRow(kind, 7), 0x80|byte(result)<<4)
				if got := verdict(t, v, row); got != want {
					t.Errorf("%s: %s with %s: %s, want %s", name, kind, result, got, want)
				}
				if row.AC[1] ^= 8; kind != txn.Hold && verdict(t, v, row) != txn.BadCryptogram {
					t.Errorf("%s: %s with %s and another cryptogram is taken", name, kind, result)
				}
			}
		}
	}
}

// Whatever the card's word and the terminal's: Cleared means genuine, and approved
// where money moves.
func TestClearedMeansApproved(t *testing.T) {
	v, all := issuer.NewVerifier(keys(t)), chips(t)
	rapid.Check(t, func(rt *rapid.T) {
		c := all[rapid.SampledFrom([]string{"SM4, CVN 01", "3DES, CVN 17", "second card of a number", "no balance"}).Draw(rt, "card")]
		kind := txn.Kind(rapid.IntRange(1, 8).Draw(rt, "kind"))
		cvr := rapid.Byte().Draw(rt, "CVR")
		row := c.signAs(t, someRow(kind, rapid.Uint16().Draw(rt, "counter")), cvr)
		forged := rapid.Bool().Draw(rt, "forged")
		if forged {
			row.AC[rapid.IntRange(0, 7).Draw(rt, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(rt, "bit")
		}
		genuine := !forged || kind == txn.Hold // whose balance MAC speaks for it
		if kind == txn.Hold && c.idd == cryptogram.IDDNone {
			genuine = false
		}
		decision := cvr >> 4 & 3
		want := genuine && decision != 3 && (!needsTC[kind] || decision == 1)
		if got := verdict(t, v, row) == txn.Cleared; got != want {
			rt.Fatalf("%s, CVR %02X, forged %v: cleared %v", kind, cvr, forged, got)
		}
	})
}

// A hold carries no cryptogram: only its balance MAC speaks for it, and without a
// balance nothing does.
func TestHoldIsCheckedByItsBalance(t *testing.T) {
	v := issuer.NewVerifier(keys(t))
	for name, c := range chips(t) {
		row := c.sign(t, someRow(txn.Hold, 7))
		row.AC = [8]byte{}
		want, spoilt := txn.Cleared, txn.BadBalanceMAC
		if c.idd == cryptogram.IDDNone {
			want, spoilt = txn.BadCardData, txn.BadCardData
		}
		if got := verdict(t, v, row); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
		torn := row
		torn.Kind, torn.DF60 = txn.Doubt, 2
		if got := verdict(t, v, torn); got != want {
			t.Errorf("%s, not finished: %s, want %s", name, got, want)
		}
		torn.DF60 = 1
		if got := verdict(t, v, torn); want == txn.Cleared && got != txn.BadCryptogram {
			t.Errorf("%s, not finished and no hold: %s", name, got)
		}
		row.ATC++
		if got := verdict(t, v, row); got != spoilt {
			t.Errorf("%s, other counter: %s, want %s", name, got, spoilt)
		}
		row.Kind = txn.Completion
		if got := verdict(t, v, row); got != txn.BadCryptogram {
			t.Errorf("%s as a completion: %s", name, got)
		}
	}
}

// Rows in any order through one verifier get what each gets from a new one: what
// it keeps of the last card never changes an answer.
func TestVerdictsDoNotDependOnTheRowsBefore(t *testing.T) {
	k := keys(t)
	all := chips(t)
	names := []string{"SM4, CVN 01", "3DES, CVN 17", "second card of a number", "no balance", "another issuer, 19 digits"}
	rapid.Check(t, func(rt *rapid.T) {
		var rows []txn.Row
		for range rapid.IntRange(1, 12).Draw(rt, "rows") {
			row := all[rapid.SampledFrom(names).Draw(rt, "card")].sign(t, someRow(txn.Purchase, uint16(rapid.IntRange(1, 3).Draw(rt, "counter"))))
			switch rapid.IntRange(0, 5).Draw(rt, "change") {
			case 0:
				row.AC[2] ^= 4
			case 1:
				row.IAD[13] ^= 1
			case 2:
				row.Card.PSN ^= 3
			case 3:
				row.Card.PAN[1] ^= 0x10
			}
			rows = append(rows, row)
		}
		got := verdicts(t, issuer.NewVerifier(k), rows...)
		for i := range rows {
			if want := verdict(t, issuer.NewVerifier(k), rows[i]); got[i] != want {
				rt.Fatalf("row %d of %d: %s, alone it is %s", i, len(rows), got[i], want)
			}
		}
	})
}

func TestVerifyWantsRoomForEveryVerdict(t *testing.T) {
	v := issuer.NewVerifier(keys(t))
	err := v.Verify(make([]txn.Presented, 2), make([]txn.Verdict, 1))
	if err == nil || !strings.Contains(err.Error(), "2 rows and room for 1") {
		t.Errorf("error %v", err)
	}
	if err := v.Verify(nil, nil); err != nil {
		t.Errorf("no rows: %v", err)
	}
}

func BenchmarkVerify(b *testing.B) {
	for _, c := range []struct{ name, chip string }{{"SM4", "SM4, CVN 01"}, {"3DES", "3DES, CVN 17"}} {
		b.Run(c.name, func(b *testing.B) {
			const n = 64
			rows, out := make([]txn.Presented, n), make([]txn.Verdict, n)
			for i := range rows {
				chip := chips(b)[c.chip]
				chip.card.PSN = byte(i / 2) // two rows a card
				rows[i].Row = chip.sign(b, someRow(txn.Purchase, uint16(i)))
			}
			v := issuer.NewVerifier(keys(b))
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
