package clearing

import (
	"fmt"

	"github.com/citycard/citycard/money"
)

// FeeRule is a dated set of prices for one cleared row. Rates are parts per
// million of the amount; each fee is rounded half up to the fen by itself and
// the acquirer bears the remainder (our choice, after the practice that the
// acquirer's price is the market's).
type FeeRule struct {
	Name           string
	FromDay        int32     // first business day, days since 1970-01-01
	Merchant       int64     // acquirer charges the operator
	Issuer         int64     // issuer keeps from the amount
	IssuerCap      money.Fen // 0 = none
	NetworkIssuer  int64     // network charges the issuer
	NetworkAcquire int64     // network charges the acquirer
	NetworkCap     money.Fen // on each side, 0 = none
}

// Fees are the prices of one row.
type Fees struct {
	Merchant, Issuer, NetworkIssuer, NetworkAcquirer money.Fen
}

// Rules are fee rules in the order of their first day.
type Rules []FeeRule

// DevelopmentRules splits a merchant fee of one per cent 7:2:1 among issuer,
// acquirer and network, the practice of before the price reform.
func DevelopmentRules() Rules {
	return Rules{{Name: "development 7:2:1", Merchant: 10_000, Issuer: 7_000, NetworkAcquire: 1_000}}
}

// PriceReformRules are the government prices in force since 2016-09-06: issuer
// at most 0.35 % and 13 yuan on a debit card, network at most 0.0325 % and 3.25
// yuan from each side; the acquirer's price is its own, here 0.5 %.
func PriceReformRules() Rules {
	const day20160906 = 17050
	reform := FeeRule{Name: "price reform", FromDay: day20160906, Merchant: 5_000, Issuer: 3_500, IssuerCap: 1300,
		NetworkIssuer: 325, NetworkAcquire: 325, NetworkCap: 325}
	return append(DevelopmentRules(), reform)
}

// Validate checks order and ranges.
func (r Rules) Validate() error {
	if len(r) == 0 {
		return fmt.Errorf("fee rules: none given")
	}
	for i, f := range r {
		for _, v := range [...]int64{f.Merchant, f.Issuer, f.NetworkIssuer, f.NetworkAcquire, int64(f.IssuerCap), int64(f.NetworkCap)} {
			if v < 0 || v > 1_000_000 {
				return fmt.Errorf("fee rule %d (%s): %d is outside 0..1000000", i, f.Name, v)
			}
		}
		if i > 0 && f.FromDay <= r[i-1].FromDay {
			return fmt.Errorf("fee rule %d (%s) starts on day %d, not after the one before it", i, f.Name, f.FromDay)
		}
	}
	return nil
}

// At picks the rule in force on a business day.
func (r Rules) At(day int32) (*FeeRule, error) {
	for i := len(r) - 1; i >= 0; i-- {
		if r[i].FromDay <= day {
			return &r[i], nil
		}
	}
	return nil, fmt.Errorf("no fee rule is in force on day %d", day)
}

// Price computes the fees of one row.
func (f *FeeRule) Price(amount money.Fen) Fees {
	return Fees{
		Merchant:        money.Rate(amount, f.Merchant),
		Issuer:          capped(money.Rate(amount, f.Issuer), f.IssuerCap),
		NetworkIssuer:   capped(money.Rate(amount, f.NetworkIssuer), f.NetworkCap),
		NetworkAcquirer: capped(money.Rate(amount, f.NetworkAcquire), f.NetworkCap),
	}
}

func capped(fee, limit money.Fen) money.Fen {
	if limit > 0 {
		return min(fee, limit)
	}
	return fee
}
