package report

import "strings"

// RefusalKeys are the kinds of injected faults that the page explains, in order.
var RefusalKeys = []string{"bad_signature", "broken_chain", "sequence_gap", "replayed_block", "unknown_terminal", "bad_cryptogram",
	"bad_balance_mac", "duplicate", "conflicting_counter", "denied_card", "late_over_limit"}

type refusalLabel struct {
	name, what Text
	block      bool // refused by the acquirer as a block, else by clearing as a row
}

var refusalLabels = map[string]refusalLabel{
	"bad_signature":       {Text{"Bad signature", "签名无效"}, Text{"block altered after the terminal signed it", "终端签名后数据块被改动"}, true},
	"broken_chain":        {Text{"Broken chain", "链断裂"}, Text{"block does not follow the terminal's last one", "数据块与该终端前块不衔接"}, true},
	"sequence_gap":        {Text{"Sequence gap", "序号缺失"}, Text{"rows missing inside a signed block", "已签名数据块内缺少流水"}, true},
	"replayed_block":      {Text{"Replayed block", "数据块重放"}, Text{"accepted before: the old receipt is given again", "已接收过：返回原回执"}, true},
	"unknown_terminal":    {Text{"Unknown terminal", "终端未登记"}, Text{"terminal is not in the register", "终端不在登记表内"}, true},
	"bad_cryptogram":      {Text{"Bad cryptogram", "交易证书错误"}, Text{"TC does not verify", "TC 校验不通过"}, false},
	"bad_balance_mac":     {Text{"Bad balance MAC", "余额 MAC 错误"}, Text{"MAC over the balance in 9F10 does not verify", "9F10 中余额的 MAC 校验不通过"}, false},
	"duplicate":           {Text{"Duplicate", "重复流水"}, Text{"same counter, same content: cleared once", "计数器与内容均相同：只清算一次"}, false},
	"conflicting_counter": {Text{"Conflicting counter", "计数器冲突"}, Text{"same counter, another valid TC: the card exists twice", "同一计数器出现另一有效 TC：存在克隆卡"}, false},
	"denied_card":         {Text{"Denied card", "止付名单卡"}, Text{"card was on the deny list when it was tapped", "刷卡时该卡已在止付名单内"}, false},
	"late_over_limit":     {Text{"Late over limit", "逾期上送"}, Text{"presented after the time limit", "超过上送时限"}, false},
}

// outcomeLabels are the words of acquirer.Outcome and txn.Verdict beyond the above.
var outcomeLabels = map[string]Text{
	"accepted":                    {"Accepted", "已接收"},
	"waiting":                     {"Came before their predecessor", "先于前块到达"},
	"waiting_for_its_predecessor": {"Came before their predecessor", "先于前块到达"},
	"malformed":                   {"Malformed", "格式错误"},
	"unreadable":                  {"Unreadable", "无法解密"},
	"bad_row":                     {"Bad row", "记录无效"},
	"replayed":                    {"Replayed block", "数据块重放"},
	"cleared":                     {"Cleared", "已清算"},
	"checkpoint":                  {"Checkpoint (amount 0)", "零金额校验点"},
	"noted":                       {"Noted (doubt or declined)", "备查（存疑或拒绝）"},
	"bad_card_data":               {"Bad card data", "卡数据无效"},
}

// stateLabels are the states of a break; tone is the colour of its mark.
var stateLabels = map[string]struct {
	name Text
	tone string
}{
	"suspected":   {Text{"Suspected", "疑似"}, "wait"},
	"expected":    {Text{"Expected", "待证"}, "wait"},
	"provisional": {Text{"Provisional", "先行垫付"}, "wait"},
	"proven":      {Text{"Proven", "已证实"}, "done"},
	"collectable": {Text{"Collectable", "应付运营商"}, "done"},
	"late":        {Text{"Late", "迟到"}, "turn"},
	"disproved":   {Text{"Disproved", "已排除"}, "none"},
	"unbacked":    {Text{"Unbacked", "卡未扣款"}, "bad"},
	"impossible":  {Text{"Impossible", "不可能"}, "bad"},
	"lost_upload": {Text{"Lost upload", "上送丢失"}, "wait"},
}

// key brings a word to the form of the tables: "lost upload" is lost_upload.
func key(word string) string { return strings.ReplaceAll(word, " ", "_") }

// outcomeName says a key in both languages, or shows it as it is.
func outcomeName(word string) Text {
	k := key(word)
	if l, found := refusalLabels[k]; found {
		return l.name
	}
	if t, found := outcomeLabels[k]; found {
		return t
	}
	return Text{EN: word}
}

// stateName gives the name of a state and the class of its mark.
func stateName(word string) (Text, string) {
	if l, found := stateLabels[key(word)]; found {
		return l.name, l.tone
	}
	return Text{EN: word}, "none"
}
