// Package money holds amounts of renminbi as whole fen.
//
// An amount is an int64 count of fen (1/100 yuan): no rounding happens except
// where a rate is applied, and there the rule is written down (Rate). On a card
// an amount is n12, six bytes of packed BCD (EMV Book 3, annex A: 9F02, 9F79).
package money
