package ledger

import (
	"encoding/hex"
	"fmt"

	"github.com/citycard/citycard/money"
)

// AccountID is the compact, comparable key of an account. The ledger gives its
// bytes no meaning; NewAccountID is the usual way to make one. The zero value is
// not a valid id. It must never hold a PAN in clear: use a token.
type AccountID [16]byte

// NewAccountID makes the id of the account that owner holds of the given kind:
// the kind byte, then the owner key padded with zeros to 15 bytes. An owner key
// must be 1 to 15 bytes and must not end in zero, so that two owners never share
// an id; longer keys are shortened by the caller with a hash.
func NewAccountID(kind AccountKind, owner []byte) (AccountID, error) {
	var id AccountID
	if !kind.Valid() {
		return id, fmt.Errorf("make account id: kind %d is not defined", kind)
	}
	if len(owner) == 0 || len(owner) > len(id)-1 || owner[len(owner)-1] == 0 {
		return id, fmt.Errorf("make account id: owner key %X must be 1 to %d bytes and not end in 00", owner, len(id)-1)
	}
	id[0] = byte(kind)
	copy(id[1:], owner)
	return id, nil
}

// String gives the id in hexadecimal.
func (id AccountID) String() string { return hex.EncodeToString(id[:]) }

// AccountKind says what an account is for. Numbers are kept for ever.
type AccountKind uint8

const (
	// CustomerBank is a customer's money at the bank, the account behind a card.
	CustomerBank AccountKind = 1
	// CardFloat is the issuer's liability for value on a card and under way.
	CardFloat AccountKind = 2
	// Settlement is what a party owes or is owed in the next settlement.
	Settlement AccountKind = 3
	// Operator is what a transit operator or merchant has earned.
	Operator AccountKind = 4
	// Fee collects the fees of one party.
	Fee AccountKind = 5
	// Loss takes what nobody can be made to pay.
	Loss AccountKind = 6
	// Rebate pays discounts that a terminal could not give.
	Rebate AccountKind = 7
	// Claim is what another party is asked to make good.
	Claim AccountKind = 8
	// Acquirer is the account of an acquirer with the clearing house.
	Acquirer AccountKind = 9
	// Network is the account of the switch and clearing house itself.
	Network AccountKind = 10
	// Suspense holds amounts whose owner is not yet decided.
	Suspense AccountKind = 11
	// Reserve is money held outside this ledger: cash, central bank, other banks.
	Reserve AccountKind = 12
	// Quota is the part of an online account set aside for offline spending.
	Quota AccountKind = 13
)

var kindNames = [...]struct{ en, zh string }{
	CustomerBank: {"customer_bank", "客户存款"},
	CardFloat:    {"card_float", "卡内备付金"},
	Settlement:   {"settlement", "待清算"},
	Operator:     {"operator", "运营方"},
	Fee:          {"fee", "手续费"},
	Loss:         {"loss", "损失"},
	Rebate:       {"rebate", "优惠补差"},
	Claim:        {"claim", "追偿"},
	Acquirer:     {"acquirer", "收单机构"},
	Network:      {"network", "清算网络"},
	Suspense:     {"suspense", "挂账"},
	Reserve:      {"reserve", "备付"},
	Quota:        {"quota", "额度"},
}

// Kinds lists every account kind in the order of its number.
func Kinds() []AccountKind {
	kinds := make([]AccountKind, 0, len(kindNames)-1)
	for k := AccountKind(1); k.Valid(); k++ {
		kinds = append(kinds, k)
	}
	return kinds
}

// Valid reports whether the kind is one of the listed ones.
func (k AccountKind) Valid() bool { return k >= 1 && int(k) < len(kindNames) }

// String gives the stable English name, e.g. "card_float".
func (k AccountKind) String() string {
	if !k.Valid() {
		return fmt.Sprintf("account_kind_%d", uint8(k))
	}
	return kindNames[k].en
}

// ParseAccountKind finds a kind by the name that String gives.
func ParseAccountKind(name string) (AccountKind, error) {
	for _, k := range Kinds() {
		if kindNames[k].en == name {
			return k, nil
		}
	}
	return 0, fmt.Errorf("account kind %q is not defined", name)
}

// Text gives the name of the kind for people: Chinese for lang "zh", else English.
func (k AccountKind) Text(lang string) string {
	if isChinese(lang) && k.Valid() {
		return kindNames[k].zh
	}
	return k.String()
}

// Limit is the rule that the two totals of an account must keep.
type Limit uint8

const (
	// Unlimited allows either total to be the larger.
	Unlimited Limit = 0
	// DebitsWithinCredits keeps debits <= credits: a liability that may not be
	// overdrawn, such as a customer's account or a card float.
	DebitsWithinCredits Limit = 1
	// CreditsWithinDebits keeps credits <= debits: an asset that may not go
	// below zero, such as cash.
	CreditsWithinDebits Limit = 2
)

// Valid reports whether the limit is one of the listed ones.
func (l Limit) Valid() bool { return l <= CreditsWithinDebits }

// String gives the stable English name.
func (l Limit) String() string {
	switch l {
	case Unlimited:
		return "unlimited"
	case DebitsWithinCredits:
		return "debits_within_credits"
	case CreditsWithinDebits:
		return "credits_within_debits"
	}
	return fmt.Sprintf("limit_%d", uint8(l))
}

// Holds reports whether the rule allows the two totals.
func (l Limit) Holds(b Balance) bool {
	switch l {
	case DebitsWithinCredits:
		return b.Debits <= b.Credits
	case CreditsWithinDebits:
		return b.Credits <= b.Debits
	}
	return true
}

// MaxOwner is the longest Account.Owner in bytes.
const MaxOwner = 64

// Account is the fixed part of an account. It never changes once opened.
type Account struct {
	ID    AccountID
	Kind  AccountKind
	Owner string // token, institution or operator code; at most MaxOwner bytes, never a PAN
	Limit Limit
}

// Balance is the two running totals of an account, in fen. Both only rise.
type Balance struct {
	Debits, Credits money.Fen
}

// Net is credits less debits: positive is what the books owe the owner.
func (b Balance) Net() money.Fen { return b.Credits - b.Debits }

// AccountOutcome is what became of opening an account: closed, numbered for
// ever, in order of precedence.
type AccountOutcome uint8

const (
	// AccountOpened: the account is new and its totals are zero.
	AccountOpened AccountOutcome = 0
	// AccountIDZero: the id is all zero.
	AccountIDZero AccountOutcome = 1
	// AccountKindUnknown: the kind is not one of the listed ones.
	AccountKindUnknown AccountOutcome = 2
	// AccountLimitUnknown: the limit is not one of the listed ones.
	AccountLimitUnknown AccountOutcome = 3
	// AccountOwnerTooLong: the owner is longer than MaxOwner bytes.
	AccountOwnerTooLong AccountOutcome = 4
	// AccountExistsDifferentKind: the id is in use with another kind.
	AccountExistsDifferentKind AccountOutcome = 5
	// AccountExistsDifferentOwner: the id is in use with another owner.
	AccountExistsDifferentOwner AccountOutcome = 6
	// AccountExistsDifferentLimit: the id is in use with another limit.
	AccountExistsDifferentLimit AccountOutcome = 7
	// AccountExistsSame: the same account is already open; nothing was done.
	AccountExistsSame AccountOutcome = 8
)

var accountOutcomeText = [...]outcomeText{
	AccountOpened:               {"opened", "account opened", "已开户", false},
	AccountIDZero:               {"id_zero", "the account id is zero; give it a key", "账户标识为零", false},
	AccountKindUnknown:          {"kind_unknown", "the account kind is not defined", "账户类别未定义", false},
	AccountLimitUnknown:         {"limit_unknown", "the limit is not defined", "限制方式未定义", false},
	AccountOwnerTooLong:         {"owner_too_long", "the owner is longer than 64 bytes", "户主标识过长", false},
	AccountExistsDifferentKind:  {"exists_different_kind", "the id is already used by an account of another kind", "账户已存在且类别不同", false},
	AccountExistsDifferentOwner: {"exists_different_owner", "the id is already used by another owner", "账户已存在且户主不同", false},
	AccountExistsDifferentLimit: {"exists_different_limit", "the id is already used with another limit", "账户已存在且限制不同", false},
	AccountExistsSame:           {"exists_same", "the same account is already open", "账户已存在", false},
}

// OK reports whether the account is open as asked, now or from before.
func (o AccountOutcome) OK() bool { return o == AccountOpened || o == AccountExistsSame }

// String gives the stable code name, e.g. "exists_same".
func (o AccountOutcome) String() string { return textOf(accountOutcomeText[:], int(o)).code }

// Text explains the outcome: in Chinese for lang "zh", else in English.
func (o AccountOutcome) Text(lang string) string {
	return textOf(accountOutcomeText[:], int(o)).text(lang)
}

// CheckAccount judges an account by itself, without the store. AccountOpened
// means that nothing is wrong with it.
func CheckAccount(a *Account) AccountOutcome {
	switch {
	case a.ID == AccountID{}:
		return AccountIDZero
	case !a.Kind.Valid():
		return AccountKindUnknown
	case !a.Limit.Valid():
		return AccountLimitUnknown
	case len(a.Owner) > MaxOwner:
		return AccountOwnerTooLong
	}
	return AccountOpened
}

// CompareAccount says how an account asked for relates to the stored one of the
// same id.
func CompareAccount(stored, asked *Account) AccountOutcome {
	switch {
	case stored.Kind != asked.Kind:
		return AccountExistsDifferentKind
	case stored.Owner != asked.Owner:
		return AccountExistsDifferentOwner
	case stored.Limit != asked.Limit:
		return AccountExistsDifferentLimit
	}
	return AccountExistsSame
}
