package quota_test

import (
	"fmt"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/issuer/quota"
	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// A quota of 50 yuan is opened, spent at gates, debited when the file of the day comes,
// and restored.
func Example() {
	keys, _ := quota.NewMasters(cryptogram.SM4, cryptogram.Key{1, 2, 3}) // for the example only
	m, err := quota.New(quota.Config{
		Terms:  quota.Schedule{{Quota: 5000, Threshold: 500, Cap: 10_000, Window: 20 * 86_400, Retry: 3600, MaxSends: 10}},
		Keys:   keys,
		Tokens: tokens{}, Settlement: ledger.AccountID{byte(ledger.Settlement), 1},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	pan, _ := txn.ParsePAN("6228000100001117")
	card := txn.CardKey{PAN: pan, PSN: 1}
	now := int64(1_766_102_400)
	s, _, err := m.Open(&quota.Request{Card: card}, now)
	if err != nil {
		fmt.Println(err)
		return
	}
	// The service is stored; then a Session takes the push to the card, and the card answers.
	deliver := func() {
		p, _ := s.Outgoing()
		_ = m.Sent(&s, p.ATC, now)
		_, err = m.Answered(&s, p.ATC, 0x9000, now)
		fmt.Printf("push %d of %v: %v, exposure %v\n", p.ATC, p.Value, s.State, m.Exposure(&s, now))
	}
	deliver()
	now += 86_400
	for atc, left := range []money.Fen{5000, 2600, 200} {
		if atc == 0 {
			continue
		}
		r := txn.Row{Kind: txn.Exit, Card: card, ATC: uint16(atc), Amount: 2400, Time: now}
		v, _ := left.N12()
		cryptogram.IAD{CVN: cryptogram.CVN01, Alg: cryptogram.SM4, IDD: cryptogram.IDDBalance, Amount1: [5]byte(v[1:])}.Append(r.IAD[:0])
		_, e, err := m.Present(&s, &txn.Presented{Row: r}, txn.Cleared, 20_442, now)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("debit %v, exposure %v, push due: %t\n", e.Transfers[0].Amount, m.Exposure(&s, now), e.Push)
		if _, err = m.Booked(&s, &e.Transfers[0], ledger.Created, now); err != nil {
			fmt.Println(err)
		}
	}
	deliver()
	// Output:
	// push 1 of 50.00: active, exposure 50.00
	// debit 24.00, exposure 26.00, push due: false
	// debit 24.00, exposure 52.00, push due: true
	// push 2 of 50.00: active, exposure 52.00
}
