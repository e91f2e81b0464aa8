package gate

// Display is what the gate tells the person before it. Numbers are for ever.
type Display uint8

// The texts.
const (
	Welcome       Display = 1  // entry accepted
	Goodbye       Display = 2  // exit paid
	Paid          Display = 3  // bus paid
	AlreadyPaid   Display = 4  // this card has just paid: pass
	AlreadyUsed   Display = 5  // this card has just paid, and somebody has passed on it
	OneCardOnly   Display = 6  // more than one card in the field
	TapAgain      Display = 7  // the card left too early, or another try may help
	CardRefused   Display = 8  // the card declined
	BalanceLow    Display = 9  // not enough money on the card
	CardDenied    Display = 10 // on the deny list
	CardExpired   Display = 11
	CardNotValid  Display = 12 // before its effective date
	CardNotKnown  Display = 13 // no application that this gate takes, or data missing
	NotGenuine    Display = 14 // offline data authentication failed
	AskStaff      Display = 15 // another interface or the issuer is needed
	OutOfOrder    Display = 16 // the gate itself is broken
	displayBounds         = 17
)

var displayTexts = [displayBounds]struct{ en, zh string }{
	Welcome:      {"Welcome", "请进站"},
	Goodbye:      {"Paid. Goodbye", "扣款成功，请出站"},
	Paid:         {"Paid", "扣款成功"},
	AlreadyPaid:  {"Already paid, please pass", "已刷卡，请通行"},
	AlreadyUsed:  {"This card has just been used", "此卡刚刚使用过"},
	OneCardOnly:  {"One card only, please", "请勿同时刷多张卡"},
	TapAgain:     {"Please tap again here", "请在此重新刷卡"},
	CardRefused:  {"Card declined", "卡片拒绝交易"},
	BalanceLow:   {"Balance too low", "余额不足"},
	CardDenied:   {"Card is blocked", "此卡已停用"},
	CardExpired:  {"Card has expired", "卡已过期"},
	CardNotValid: {"Card is not valid yet", "卡尚未生效"},
	CardNotKnown: {"Card not accepted", "无法识别此卡"},
	NotGenuine:   {"Card could not be verified", "卡片验证失败"},
	AskStaff:     {"Please ask the staff", "请联系工作人员"},
	OutOfOrder:   {"Gate out of order", "闸机故障"},
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
