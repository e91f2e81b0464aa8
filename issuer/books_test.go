package issuer_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/emmansun/gmsm/sm3"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/citycard/citycard/issuer"
	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// tokens stands in for the keyed hash of a role.
type tokens struct{}

func (tokens) Token(card txn.CardKey) issuer.Token {
	b := card.Bytes()
	sum := sm3.Sum(b[:])
	return issuer.Token(sum[:15])
}

var (
	books      = issuer.Books{Tokens: tokens{}}
	settlement = ledger.AccountID{byte(ledger.Settlement), 1}
	operator   = ledger.AccountID{byte(ledger.Operator), 2}
	other      = ledger.AccountID{byte(ledger.Claim), 3} // the account that a correction is told
)

const at = 1_766_102_400

func cardOf(t testing.TB, n int) txn.CardKey {
	return txn.CardKey{PAN: pan(t, fmt.Sprintf("622800%010d", n)), PSN: 1}
}

func correction(t testing.TB, card txn.CardKey, code, p, q uint16, number uint16, amount money.Fen) ledger.Transfer {
	t.Helper()
	x, err := books.Correction(card, code, p, q, number, amount, other, 20_441, at)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// Ids are stored for ever and decide what is a repeat: these were made with
// another implementation of SM3 over "issr", code, token, key and number, or over
// "issf", code and the id of the transfer that they go with.
func TestTransferIDsAreForEver(t *testing.T) {
	card := txn.CardKey{PAN: pan(t, "6228000100001117"), PSN: 1}
	_, load := books.Open(card, 5000, at)
	short := books.Fares(card, settlement, 20_441, at, []issuer.Fare{{ATC: 1, Amount: 1}})
	_, unbacked := books.Unbacked(&short, 1)
	back := correction(t, card, issuer.CodeRefund, 0x0014, 0x0016, 2, 300)
	back.Credit = back.Debit // the float, as of a correction that pays into it
	for _, c := range []struct {
		name string
		got  ledger.Transfer
		want string
	}{
		{"load", load[0], "29f1e538c88a37b4c29bd04384e2c3de"},
		{"fares", books.Fares(card, settlement, 20_441, at, []issuer.Fare{{ATC: 1, Amount: 1}}), "29f17e6ac68a1687629a5ce4ede86ef4"},
		{"rebate", books.Rebate(card, operator, 0x0012, 100, 20_441, at), "29f159a46549bd9d09a0cb8b2921460a"},
		{"reshare", books.Reshare(card, operator, other, 0x0012, 1, 100, 20_441, at), "29f15989781addd9a7d845dffdb07661"},
		{"refund", correction(t, card, issuer.CodeRefund, 0x0014, 0x0016, 2, 300), "29f1652717fbf3cdac4c3e28844f13e0"},
		{"unbacked", unbacked, "29f1633728488351480e62efab28264c"},
		{"recovered", books.Recovered(&back, 1), "29f167061fab0fc074ca37fead487010"},
	} {
		if c.got.ID.String() != c.want {
			t.Errorf("%s has id %s, want %s", c.name, c.got.ID, c.want)
		}
	}
}

// Every transfer moves the money between the accounts that its code names.
func TestDirectionsOfTransfers(t *testing.T) {
	card := cardOf(t, 1)
	token := tokens{}.Token(card)
	float, customer := issuer.FloatAccount(token), issuer.CustomerAccount(token)
	if float[0] != byte(ledger.CardFloat) || customer[0] != byte(ledger.CustomerBank) || !bytes.Equal(float[1:], token[:]) || !bytes.Equal(customer[1:], token[:]) {
		t.Fatalf("accounts %s and %s of token %x", float, customer, token)
	}
	_, load := books.Open(card, 5000, at)
	for _, c := range []struct {
		name          string
		got           ledger.Transfer
		code          uint16
		debit, credit ledger.AccountID
		amount        money.Fen
		window        int32
	}{
		{"load", load[0], 1, customer, float, 5000, 0},
		{"fares", books.Fares(card, settlement, 20_441, at, []issuer.Fare{{ATC: 1, Amount: 200}, {ATC: 2, Amount: 350}}), 2, float, settlement, 550, 20_441},
		{"refund", correction(t, card, issuer.CodeRefund, 1, 2, 0, 300), 3, float, customer, 300, 20_441},
		{"provisional", correction(t, card, issuer.CodeProvisional, 1, 2, 0, 300), 4, float, customer, 300, 20_441},
		{"undo provisional", correction(t, card, issuer.CodeUndoProvisional, 1, 2, 0, 300), 5, customer, float, 300, 20_441},
		{"undo refund", correction(t, card, issuer.CodeUndoRefund, 1, 2, 0, 300), 6, customer, float, 300, 20_441},
		{"collect", correction(t, card, issuer.CodeCollect, 1, 2, 0, 300), 8, float, other, 300, 20_441},
		{"undo collect", correction(t, card, issuer.CodeUndoCollect, 1, 2, 0, 300), 9, other, float, 300, 20_441},
		{"claim", correction(t, card, issuer.CodeClaim, 1, 2, 0, 300), 10, other, float, 300, 20_441},
		{"undo claim", correction(t, card, issuer.CodeUndoClaim, 1, 2, 0, 300), 11, float, other, 300, 20_441},
		{"rebate", books.Rebate(card, operator, 7, 120, 20_441, at), 7, operator, customer, 120, 20_441},
	} {
		x := c.got
		if x.Code != c.code || x.Debit != c.debit || x.Credit != c.credit || x.Amount != c.amount || x.At != at || x.Window != c.window || ledger.Check(&x) != ledger.Created {
			t.Errorf("%s: %+v, the ledger says %s", c.name, x, ledger.Check(&x))
		}
	}
	for _, code := range []uint16{0, issuer.CodeLoad, issuer.CodeFares, issuer.CodeRebate, 12, 99} {
		if _, err := books.Correction(card, code, 1, 2, 0, 300, other, 20_441, at); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("posting code %d is no correction", code)) {
			t.Errorf("code %d: %v", code, err)
		}
	}
}

func TestOpenGivesTheAccountsOfACard(t *testing.T) {
	card := cardOf(t, 1)
	token := tokens{}.Token(card)
	accounts, transfers := books.Open(card, 0, at)
	want := []ledger.Account{
		{ID: issuer.FloatAccount(token), Kind: ledger.CardFloat, Owner: "622800******0001/01", Limit: ledger.DebitsWithinCredits},
		{ID: issuer.CustomerAccount(token), Kind: ledger.CustomerBank, Owner: "622800******0001/01", Limit: ledger.Unlimited},
	}
	if diff := cmp.Diff(want, accounts); diff != "" || len(transfers) != 0 {
		t.Errorf("empty card: %d transfers\n%s", len(transfers), diff)
	}
	if _, transfers = books.Open(card, 1, at); len(transfers) != 1 || transfers[0].Amount != 1 {
		t.Errorf("card with a fen: %+v", transfers)
	}
}

// What a transfer stands for decides its id: the same gives the same, anything
// else another, and times, amounts and accounts do not matter.
func TestIDsAreStableAndDistinct(t *testing.T) {
	seen := map[ledger.TransferID]string{}
	note := func(name string, again bool, x ledger.Transfer) {
		if had, found := seen[x.ID]; found && (had != name || !again) {
			t.Fatalf("%s and %s have one id", had, name)
		} else if !found && again {
			t.Fatalf("%s has another id when asked again", name)
		}
		seen[x.ID] = name
	}
	for _, again := range []bool{false, true} {
		when, amount, account := int64(at), money.Fen(100), operator
		if again {
			when, amount, account = at+999, 777, settlement
		}
		for n := range 4 {
			card := cardOf(t, n)
			_, load := books.Open(card, amount, when)
			note(fmt.Sprint("load of ", n), again, load[0])
			for _, k := range []uint16{0, 1, 2, 255, 256, 257, 65535} {
				note(fmt.Sprint("fares of ", n, " in ", k), again, books.Fares(card, account, int32(k), when, []issuer.Fare{{ATC: k, Amount: amount}}))
				note(fmt.Sprint("rebate of ", n, " for ", k), again, books.Rebate(card, account, k, amount, 5, when))
				for code := issuer.CodeRefund; code <= issuer.CodeUndoClaim; code++ {
					if code == issuer.CodeRebate {
						continue
					}
					for _, number := range []uint16{0, 1, 255, 256, 257} {
						x, err := books.Correction(card, code, k, k+1, number, amount, account, 5, when)
						if err != nil {
							t.Fatal(err)
						}
						note(fmt.Sprint("correction ", code, " of ", n, " for ", k, " number ", number), again, x)
					}
				}
			}
		}
	}
	if want := 4 * (1 + 7*(2+8*5)); len(seen) != want {
		t.Errorf("%d ids, want %d", len(seen), want)
	}
}

// openOnly is a ledger with open accounts and nothing booked.
type openOnly []ledger.Account

func (v openOnly) Account(id ledger.AccountID) (ledger.State, bool) {
	i := slices.IndexFunc(v, func(a ledger.Account) bool { return a.ID == id })
	if i < 0 {
		return ledger.State{}, false
	}
	return ledger.State{Limit: v[i].Limit}, true
}

func (openOnly) Transfer(ledger.TransferID) *ledger.Transfer { return nil }

// The books of a card in the ledger: the float is what was loaded, less what was
// paid, less what was given back, and it never goes below zero.
func TestBooksOfACardInTheLedger(t *testing.T) {
	card := cardOf(t, 1)
	accounts, batch := books.Open(card, 1000, at)
	accounts = append(accounts,
		ledger.Account{ID: settlement, Kind: ledger.Settlement, Owner: "issuer", Limit: ledger.Unlimited},
		ledger.Account{ID: operator, Kind: ledger.Operator, Owner: "metro", Limit: ledger.Unlimited})
	fares := books.Fares(card, settlement, 1, at, []issuer.Fare{{ATC: 1, Amount: 400}, {ATC: 3, Amount: 250}})
	batch = append(batch, fares, fares, // the window is posted twice
		correction(t, card, issuer.CodeRefund, 1, 3, 0, 300), correction(t, card, issuer.CodeUndoRefund, 1, 3, 0, 200),
		books.Rebate(card, operator, 3, 50, 2, at),
		books.Fares(card, settlement, 2, at, []issuer.Fare{{ATC: 4, Amount: 251}}), // one fen more than is left
		books.Fares(card, settlement, 3, at, []issuer.Fare{{ATC: 4, Amount: 250}}))
	result, err := ledger.Apply(openOnly(accounts), batch)
	if err != nil {
		t.Fatal(err)
	}
	want := []ledger.Outcome{ledger.Created, ledger.Created, ledger.ExistsSame, ledger.Created, ledger.Created, ledger.Created, ledger.DebitLimitExceeded, ledger.Created}
	if !slices.Equal(result.Outcomes, want) {
		t.Errorf("outcomes %v, want %v", result.Outcomes, want)
	}
	float := issuer.FloatAccount(tokens{}.Token(card))
	for _, c := range result.Changes {
		if want := (ledger.Balance{Debits: 650 + 300 + 250, Credits: 1000 + 200}); c.ID == float && c.After != want {
			t.Errorf("float ends at %+v, want %+v", c.After, want)
		}
	}
}

func drawFares(t *rapid.T) []issuer.Fare {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) issuer.Fare {
		return issuer.Fare{ATC: rapid.Uint16().Draw(t, "counter"), Amount: money.Fen(rapid.Uint32().Draw(t, "amount")),
			Ref: txn.Ref{Block: rapid.Uint32().Draw(t, "block"), Index: rapid.Uint16().Draw(t, "index")}}
	}), 0, 20).Draw(t, "fares")
}

func TestFaresComeBackFromTheReference(t *testing.T) {
	card := cardOf(t, 1)
	rapid.Check(t, func(t *rapid.T) {
		fares := drawFares(t)
		x := books.Fares(card, settlement, 7, at, fares)
		var sum money.Fen
		for _, f := range fares {
			sum += f.Amount
		}
		back, err := issuer.ParseFares(x.Ref)
		if err != nil || !slices.Equal(back, fares) || x.Amount != sum {
			t.Fatalf("%d fares of %s come back as %d, %v; amount %s", len(fares), sum, len(back), err, x.Amount)
		}
	})
}

func TestLayoutOfTheFareReference(t *testing.T) {
	x := books.Fares(cardOf(t, 1), settlement, 7, at, []issuer.Fare{{ATC: 0x0102, Amount: 0x03040506, Ref: txn.Ref{Block: 0x0708090A, Index: 0x0B0C}}})
	if got := fmt.Sprintf("%x", x.Ref); got != "0102030405060708090a0b0c" {
		t.Errorf("reference %s", got)
	}
	for _, n := range []int{1, 11, 13, 25} {
		if _, err := issuer.ParseFares(make([]byte, n)); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%d bytes, want a multiple of 12", n)) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

func TestCorrectionsNameTheirPair(t *testing.T) {
	card := cardOf(t, 1)
	for code := issuer.CodeRefund; code <= issuer.CodeUndoClaim; code++ {
		if code == issuer.CodeRebate {
			continue
		}
		x := correction(t, card, code, 0xFFFE, 0x0102, 1, 5)
		if p, q, err := issuer.ParseCorrection(x.Ref); err != nil || p != 0xFFFE || q != 0x0102 {
			t.Errorf("code %d: %d and %d, %v", code, p, q, err)
		}
	}
	for _, ref := range [][]byte{nil, make([]byte, 3), make([]byte, 5)} {
		if _, _, err := issuer.ParseCorrection(ref); err == nil || !strings.Contains(err.Error(), "want 4") {
			t.Errorf("%d bytes: %v", len(ref), err)
		}
	}
}

func FuzzParseFares(f *testing.F) {
	f.Add([]byte{})
	f.Add(make([]byte, 11))
	f.Add(books.Fares(cardOf(f, 1), settlement, 7, at, []issuer.Fare{{ATC: 1, Amount: 200, Ref: txn.Ref{Block: 3, Index: 4}}, {ATC: 65535, Amount: 1<<32 - 1}}).Ref)
	card := cardOf(f, 1)
	f.Fuzz(func(t *testing.T, ref []byte) {
		fares, err := issuer.ParseFares(ref)
		if (err == nil) != (len(ref)%12 == 0) {
			t.Fatalf("%d bytes: %v", len(ref), err)
		}
		if err == nil && !bytes.Equal(books.Fares(card, settlement, 1, at, fares).Ref, ref) {
			t.Fatalf("%X comes back as other bytes", ref)
		}
	})
}

func FuzzParseCorrection(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0xFF, 0xFE, 1, 2})
	f.Add(make([]byte, 5))
	card := cardOf(f, 1)
	f.Fuzz(func(t *testing.T, ref []byte) {
		p, q, err := issuer.ParseCorrection(ref)
		if (err == nil) != (len(ref) == 4) {
			t.Fatalf("%d bytes: %v", len(ref), err)
		}
		if err == nil && !bytes.Equal(correction(t, card, issuer.CodeRefund, p, q, 0, 1).Ref, ref) {
			t.Fatalf("%X comes back as other bytes", ref)
		}
	})
}

func ExampleParseFares() {
	b := issuer.Books{Tokens: tokens{}}
	card := txn.CardKey{PAN: txn.PAN{0x62, 0x28, 0x00, 0x01, 0x00, 0x00, 0x11, 0x17, 0xFF, 0xFF}, PSN: 1}
	x := b.Fares(card, settlement, 20_441, at, []issuer.Fare{{ATC: 18, Amount: 400, Ref: txn.Ref{Block: 9, Index: 3}}, {ATC: 21, Amount: 200, Ref: txn.Ref{Block: 12}}})
	fmt.Println(x.Amount)
	fares, err := issuer.ParseFares(x.Ref)
	for _, f := range fares {
		fmt.Println(f.ATC, f.Amount, f.Ref)
	}
	fmt.Println(err)
	// Output:
	// 6.00
	// 18 4.00 9:3
	// 21 2.00 12:0
	// <nil>
}
