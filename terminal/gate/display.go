package gate

// Display is what the gate tells the person before it. Numbers are for ever.
type Display uint8

// The texts.
const (
	Welcome      Display = 1  // entry accepted
	Goodbye      Display = 2  // exit paid
	Paid         Display = 3  // bus paid
	AlreadyPaid  Display = 4  // this card has just paid: pass
	AlreadyUsed  Display = 5  // this card has just paid, and somebody has passed on it
	OneCardOnly  Display = 6  // more than one card in the field
	TapAgain     Display = 7  // the card left too early, or another try may help
	CardRefused  Display = 8  // the card declined
	BalanceLow   Display = 9  // not enough money on the card
	CardDenied   Display = 10 // on the deny list
	CardExpired  Display = 11
	CardNotValid Display = 12 // before its effective date
	CardNotKnown Display = 13 // no application that this gate takes, or data missing
	NotGenuine   Display = 14 // offline data authentication failed
	AskStaff     Display = 15 // another interface or the issuer is needed
	OutOfOrder   Display = 16 // the gate itself is broken

	// Of cards that carry their own journeys.
	Boarded        Display = 17 // bus boarding accepted, to be paid when alighting
	JourneyLocked  Display = 18 // the card's record is locked
	NoExit         Display = 19 // the last journey has no end
	NoEntry        Display = 20 // exit without an entry
	TooLong        Display = 21 // inside for too long
	NoAlighting    Display = 22 // the last bus ride has no end
	NoBoarding     Display = 23 // alighting without boarding
	WrongDirection Display = 24 // against the bus's way
	ModuleFailed   Display = 25 // the terminal's security module does not answer
	displayBounds          = 26
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

	Boarded:        {"Welcome aboard. Tap again when you alight", "请上车，下车请再次刷卡"},
	JourneyLocked:  {"Card is locked. Please ask the staff", "卡已锁定，请联系工作人员"},
	NoExit:         {"Last exit is missing. Please ask the staff", "上次未出站，请联系工作人员"},
	NoEntry:        {"Entry is missing. Please ask the staff", "无进站记录，请联系工作人员"},
	TooLong:        {"Time limit exceeded. Please ask the staff", "乘车超时，请联系工作人员"},
	NoAlighting:    {"Last alighting is missing. Please ask the staff", "上次下车未刷卡，请联系工作人员"},
	NoBoarding:     {"Boarding is missing. Please ask the staff", "无上车记录，请联系工作人员"},
	WrongDirection: {"Wrong direction", "乘车方向不符"},
	ModuleFailed:   {"This card cannot be taken here now", "暂时无法受理此卡"},
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
