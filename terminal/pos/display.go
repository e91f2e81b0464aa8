package pos

import (
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/txn"
)

// Display is what the till shows to the cardholder. Numbers are for ever.
type Display uint8

// The texts.
const (
	ShowApproved     Display = 1 // paid
	ShowSign         Display = 2 // paid, the receipt is to be signed
	ShowBalance      Display = 3 // the amount is in Result.Balance or Available
	ShowLoaded       Display = 4
	ShowUnloaded     Display = 5
	ShowDeclined     Display = 6
	ShowBalanceLow   Display = 7 // not enough money on the card
	ShowDenied       Display = 8 // on the deny list or exception file
	ShowExpired      Display = 9
	ShowNotYetValid  Display = 10
	ShowNotAccepted  Display = 11 // no application that this till takes
	ShowNotGenuine   Display = 12 // offline data authentication failed
	ShowUseOther     Display = 13 // insert the card, or pay in another way
	ShowTryAgain     Display = 14 // the card left too early, and has paid nothing
	ShowDoubt        Display = 15 // nobody knows whether the card has paid: the receipt says how to get the money back
	ShowNoIssuer     Display = 16 // the issuer could not be asked
	ShowHostDeclined Display = 17 // the issuer declined
	ShowCardError    Display = 18 // what the card answered makes no transaction
	ShowCancelled    Display = 19
	ShowInsert       Display = 20 // the chip must be used instead of the stripe
	ShowHostError    Display = 21 // what the issuer answered makes no transaction
	displayBounds            = 22
)

var displayTexts = [displayBounds]struct{ en, zh string }{
	ShowApproved:     {"Approved", "交易成功"},
	ShowSign:         {"Approved, please sign", "交易成功，请签名"},
	ShowBalance:      {"Balance", "余额"},
	ShowLoaded:       {"Load complete", "圈存成功"},
	ShowUnloaded:     {"Unload complete", "圈提成功"},
	ShowDeclined:     {"Declined", "交易拒绝"},
	ShowBalanceLow:   {"Balance too low", "余额不足"},
	ShowDenied:       {"Card is blocked", "此卡已停用"},
	ShowExpired:      {"Card has expired", "卡已过期"},
	ShowNotYetValid:  {"Card is not valid yet", "卡尚未生效"},
	ShowNotAccepted:  {"Card not accepted", "不受理此卡"},
	ShowNotGenuine:   {"Card could not be verified", "卡片验证失败"},
	ShowUseOther:     {"Please insert the card", "请插卡交易"},
	ShowTryAgain:     {"Not paid, please try again", "未扣款，请重试"},
	ShowDoubt:        {"Result not known, keep the receipt", "结果不明，请保留凭条"},
	ShowNoIssuer:     {"Issuer not reached", "无法联系发卡行"},
	ShowHostDeclined: {"Declined by the issuer", "发卡行拒绝"},
	ShowCardError:    {"Card cannot be read", "卡片无法读取"},
	ShowCancelled:    {"Cancelled", "交易已取消"},
	ShowInsert:       {"Please use the chip", "请使用芯片"},
	ShowHostError:    {"The issuer's answer is unusable", "发卡行应答有误"},
}

// EN is the English text.
func (d Display) EN() string { return displayTexts[d.index()].en }

// ZH is the Chinese text.
func (d Display) ZH() string { return displayTexts[d.index()].zh }

// String is EN.
func (d Display) String() string { return d.EN() }

func (d Display) index() int {
	if d < displayBounds {
		return int(d)
	}
	return 0
}

// displayOf is what to show for a contactless transaction that was refused.
func displayOf(out *kernel.Outcome) Display {
	if left, stated := out.Data.IAD.Balance(); out.Fault.Code == kernel.CardRefused && stated && left < out.Data.Amount {
		return ShowBalanceLow
	}
	return displayOfFault(out.Fault, out.Reason)
}

// displayOfFault is what to show for a refusal.
func displayOfFault(f kernel.Fault, reason txn.DoubtReason) Display {
	switch reason {
	case txn.ODAFailed:
		return ShowNotGenuine
	case txn.DenyListed:
		return ShowDenied
	case txn.NotYetValid:
		return ShowNotYetValid
	case txn.Expired:
		return ShowExpired
	case txn.MissingCardData:
		return ShowCardError
	}
	switch f.Code {
	case kernel.GaveUp:
		return ShowCancelled
	case kernel.HostRefused:
		return ShowHostDeclined
	case kernel.HostLost:
		return ShowNoIssuer
	case kernel.OnDenyList:
		return ShowDenied
	case kernel.NotGenuine:
		return ShowNotGenuine
	case kernel.BadTLV: // of the issuer's answer: such a card is refused before
		return ShowHostError
	}
	return ShowDeclined
}
