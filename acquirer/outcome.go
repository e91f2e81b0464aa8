package acquirer

// Outcome is the decision on one delivery of a block, in order of precedence.
// The numbers are stored and never change their meaning.
type Outcome uint8

// The outcomes. Only Accepted and Replayed give a receipt; after Waiting the
// terminal keeps the block and hears of it later.
const (
	Accepted        Outcome = 0 // stored, receipt given
	Malformed       Outcome = 1 // not a block
	UnknownTerminal Outcome = 2 // terminal is not in the register
	BadSignature    Outcome = 3 // not signed by that terminal, or altered
	Replayed        Outcome = 4 // accepted earlier: the stored receipt is given again
	BrokenChain     Outcome = 5 // does not follow the terminal's last accepted block
	Waiting         Outcome = 6 // its predecessor has not arrived: kept, nothing decided
	Unreadable      Outcome = 7 // content cannot be decrypted or decoded
	BadRow          Outcome = 8 // a row is not valid or names another terminal
	SequenceGap     Outcome = 9 // rows are missing inside the signed block: held for people
	outcomeCount            = 10
)

var outcomeTexts = [outcomeCount][2]string{
	{"accepted", "已接收"}, {"malformed", "格式错误"}, {"unknown terminal", "终端未登记"}, {"bad signature", "签名无效"},
	{"replayed", "重复上送"}, {"broken chain", "链断裂"}, {"waiting for its predecessor", "等待前块"}, {"unreadable", "无法解密"},
	{"bad row", "记录无效"}, {"sequence gap", "序号缺失"},
}

// String is the outcome in English.
func (o Outcome) String() string { return o.Text("en") }

// Text is the outcome in "en" or "zh".
func (o Outcome) Text(lang string) string {
	if o >= outcomeCount {
		return "invalid"
	}
	if lang == "zh" {
		return outcomeTexts[o][1]
	}
	return outcomeTexts[o][0]
}

// Transient reports whether the same bytes, sent again later, may be accepted.
func (o Outcome) Transient() bool { return o == Waiting || o == UnknownTerminal }
