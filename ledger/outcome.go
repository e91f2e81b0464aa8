package ledger

import (
	"fmt"
	"strings"
)

// Outcome is what became of one transfer. The list is closed, numbered for ever
// and in order of precedence: of several faults the lowest number is reported.
type Outcome uint8

const (
	// Created: the transfer was booked now.
	Created Outcome = 0
	// TransferIDZero: the id is all zero.
	TransferIDZero Outcome = 1
	// SameAccount: debit and credit account are the same.
	SameAccount Outcome = 2
	// AmountNotPositive: the amount is zero or negative.
	AmountNotPositive Outcome = 3
	// RefTooLong: the references are longer than MaxRef bytes.
	RefTooLong Outcome = 4
	// ExistsDifferentDebit: the id is booked with another debit account.
	ExistsDifferentDebit Outcome = 5
	// ExistsDifferentCredit: the id is booked with another credit account.
	ExistsDifferentCredit Outcome = 6
	// ExistsDifferentAmount: the id is booked with another amount.
	ExistsDifferentAmount Outcome = 7
	// ExistsDifferentCode: the id is booked with another code.
	ExistsDifferentCode Outcome = 8
	// ExistsDifferentAt: the id is booked with another time.
	ExistsDifferentAt Outcome = 9
	// ExistsDifferentWindow: the id is booked in another clearing window.
	ExistsDifferentWindow Outcome = 10
	// ExistsDifferentRef: the id is booked with other references.
	ExistsDifferentRef Outcome = 11
	// ExistsSame: exactly this transfer is already booked; nothing was done.
	ExistsSame Outcome = 12
	// DebitAccountMissing: the debit account is not open.
	DebitAccountMissing Outcome = 13
	// CreditAccountMissing: the credit account is not open.
	CreditAccountMissing Outcome = 14
	// Overflow: a total of one of the accounts would leave int64.
	Overflow Outcome = 15
	// DebitLimitExceeded: the debit account would break its limit.
	DebitLimitExceeded Outcome = 16
	// CreditLimitExceeded: the credit account would break its limit.
	CreditLimitExceeded Outcome = 17
	// LinkedFailed: nothing is wrong with this transfer, but another one of its
	// all-or-nothing batch was refused.
	LinkedFailed Outcome = 18
)

// outcomeText is one line of an outcome list.
type outcomeText struct {
	code, en, zh string
	transient    bool
}

func (t outcomeText) text(lang string) string {
	if isChinese(lang) {
		return t.zh
	}
	return t.en
}

var outcomeTexts = [...]outcomeText{
	Created:               {"created", "booked", "已入账", false},
	TransferIDZero:        {"id_zero", "the transfer id is zero; use the business key of the record", "分录标识为零", false},
	SameAccount:           {"same_account", "debit and credit account are the same", "借贷账户相同", false},
	AmountNotPositive:     {"amount_not_positive", "the amount must be above zero; book the other way round instead", "金额必须为正", false},
	RefTooLong:            {"ref_too_long", "the references are too long; group fewer records", "引用数据过长", false},
	ExistsDifferentDebit:  {"exists_different_debit", "the id is already booked with another debit account", "分录已存在且借方账户不同", false},
	ExistsDifferentCredit: {"exists_different_credit", "the id is already booked with another credit account", "分录已存在且贷方账户不同", false},
	ExistsDifferentAmount: {"exists_different_amount", "the id is already booked with another amount", "分录已存在且金额不同", false},
	ExistsDifferentCode:   {"exists_different_code", "the id is already booked with another code", "分录已存在且业务代码不同", false},
	ExistsDifferentAt:     {"exists_different_at", "the id is already booked with another time", "分录已存在且时间不同", false},
	ExistsDifferentWindow: {"exists_different_window", "the id is already booked in another window", "分录已存在且场次不同", false},
	ExistsDifferentRef:    {"exists_different_ref", "the id is already booked with other references", "分录已存在且引用数据不同", false},
	ExistsSame:            {"exists_same", "already booked; nothing was done", "重复提交，已入账", false},
	DebitAccountMissing:   {"debit_account_missing", "the debit account is not open; open it and send again", "借方账户不存在", true},
	CreditAccountMissing:  {"credit_account_missing", "the credit account is not open; open it and send again", "贷方账户不存在", true},
	Overflow:              {"overflow", "a total of the account would overflow", "账户累计额溢出", false},
	DebitLimitExceeded:    {"debit_limit_exceeded", "the debit account does not cover the amount", "借方账户余额不足", true},
	CreditLimitExceeded:   {"credit_limit_exceeded", "the credit account may not receive the amount", "贷方账户超出限制", true},
	LinkedFailed:          {"linked_failed", "another transfer of the same all-or-nothing batch was refused", "同组其他分录被拒，本笔未入账", true},
}

// Outcomes lists every outcome in order of its number.
func Outcomes() []Outcome {
	all := make([]Outcome, len(outcomeTexts))
	for i := range all {
		all[i] = Outcome(i)
	}
	return all
}

// OK reports whether the transfer is booked as asked, now or from before.
func (o Outcome) OK() bool { return o == Created || o == ExistsSame }

// Conflict reports whether the id is already booked with other content: a fault
// or a fraud that a person must look at, since sending again can never help.
func (o Outcome) Conflict() bool { return o >= ExistsDifferentDebit && o <= ExistsDifferentRef }

// Transient reports whether the same transfer may succeed later, when accounts
// or balances have changed. A refused transfer leaves no trace: its id is free.
func (o Outcome) Transient() bool { return textOf(outcomeTexts[:], int(o)).transient }

// String gives the stable code name, e.g. "exists_same".
func (o Outcome) String() string { return textOf(outcomeTexts[:], int(o)).code }

// Text explains the outcome: in Chinese for lang "zh", else in English.
func (o Outcome) Text(lang string) string { return textOf(outcomeTexts[:], int(o)).text(lang) }

func textOf(list []outcomeText, n int) outcomeText {
	if n < 0 || n >= len(list) {
		name := fmt.Sprintf("outcome_%d", n)
		return outcomeText{code: name, en: name, zh: name}
	}
	return list[n]
}

func isChinese(lang string) bool { return strings.HasPrefix(lang, "zh") }
