package pboc_test

import (
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
)

// maxStated is the greatest balance that 9F10 can state, ten digits.
const maxStated money.Fen = 9_999_999_999

// TestCashToTheLastFen: over the contacts electronic cash pays all that it has and all
// that one payment may take (9F78), to the end of the range of amounts; a fen more is
// a debit/credit transaction, which leaves it alone.
func TestCashToTheLastFen(t *testing.T) {
	for _, c := range []struct{ balance, single, amount money.Fen }{
		{300, 50000, 300}, {300, 50000, 301}, {300, 200, 200}, {300, 200, 201}, {0, 0, 0}, {0, 0, 1},
		{maxStated, maxStated, maxStated}, {maxStated - 1, maxStated, maxStated},
		{money.MaxN12, money.MaxN12, money.MaxN12}, {money.MaxN12 - 1, money.MaxN12, money.MaxN12},
	} {
		for _, ask := range [][][]string{{line("gac", "tc")}, {line("gac", "arqc"), line("gac", "tc", "Y3")}} {
			p := bothProduct(t)
			p.Limits.Balance, p.Limits.Single = maxStated, c.single
			if c.balance >= money.MaxN12-1 {
				p.Limits.Balance, p.IDD = money.MaxN12, cryptogram.IDDCTTA
			}
			k := bothCard(t, p)
			k.Opening = c.balance
			s := newTill(t, k, card.Contact, nil)
			s.sale.amount = c.amount
			a := s.begin(append([][]string{line("select"), line("gpo", "cash")}, ask...)...)
			want := c.balance
			if c.amount <= c.balance && c.amount <= c.single {
				want -= c.amount
				if a.cid != 0x40 {
					t.Errorf("%v of %v, limit %v: CID %02X", c.amount, c.balance, c.single, a.cid)
				}
			} else if s.aip != [2]byte{0x7D} {
				t.Errorf("%v of %v, limit %v: AIP %X", c.amount, c.balance, c.single, s.aip)
			}
			if st := s.chip.Inspect(); st.Balance != want {
				t.Errorf("%v of %v, limit %v: balance %v, want %v", c.amount, c.balance, c.single, st.Balance, want)
			}
		}
	}
}

// TestForgedIssuer: an answer that is not the issuer's changes no balance in either
// currency, and claiming afterwards that the issuer was not reached is no way round
// 9F52.
func TestForgedIssuer(t *testing.T) {
	for _, currency := range [][2]byte{{1, 0x56}, {3, 0x44}} {
		for _, refuse := range []bool{false, true} {
			p := bothProduct(t)
			if refuse {
				p.Contact.ADA = [2]byte{0x40}
			}
			s := newTill(t, bothCard(t, p), card.Contact, nil)
			s.sale.currency = currency
			before := s.chip.Inspect()
			s.begin(line("select"), line("gpo", "cash"), line("gac", "arqc"))
			for _, want := range []apdu.SW{apdu.SWFailed, apdu.SWConditions} {
				if _, sw := s.send("008200000A 0000000000000000 3030"); sw != want {
					t.Fatalf("forged answer: %v, want %v", sw, want)
				}
				if st := s.chip.Inspect(); st.Balance != before.Balance || st.Second != before.Second {
					t.Fatalf("a forged answer: balances %v and %v, were %v and %v", st.Balance, st.Second, before.Balance, before.Second)
				}
			}
			a := s.begin(line("gac", "tc", "Y3"))
			st := s.chip.Inspect()
			paid := before.Balance + before.Second - st.Balance - st.Second
			if approved := a.cid == 0x40; approved == refuse || approved != (paid == s.sale.amount) || refuse && paid != 0 {
				t.Errorf("currency %X, refuse %v: CID %02X, paid %v", currency, refuse, a.cid, paid)
			}
			if a.iad.CVR[0]&0x09 != 0x09 {
				t.Errorf("CVR %X does not tell of the forged answer", a.iad.CVR)
			}
		}
	}
}
