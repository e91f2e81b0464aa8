package evidence

import (
	"fmt"

	"github.com/citycard/citycard/recon/timeline"
)

// Line is one thing that a pack shows.
type Line struct {
	Member string `json:"member"`
	Check  string `json:"check"`
	By     string `json:"by"`     // terminal, card, issuer, arithmetic
	Result string `json:"result"` // verified, said, not shown
	EN     string `json:"en"`
	ZH     string `json:"zh"`
}

// Who shows something.
const (
	byTerminal   = "terminal"
	byCard       = "card"
	byIssuer     = "issuer"
	byArithmetic = "arithmetic"
)

// What came of it. Said is the word of a party whose signature verifies, about
// something that nobody else can check.
const (
	verified = "verified"
	itsWord  = "said"
	notShown = "not shown"
)

// The checks.
const (
	checkStatement   = "statement"
	checkManifest    = "manifest"
	checkInclusion   = "inclusion"
	checkChain       = "chain"
	checkSDAD        = "sdad"
	checkSDAD0       = "sdad without amount"
	checkNoSDAD      = "sdad absent"
	checkRedacted    = "sdad redacted"
	checkLog         = "issuer log"
	checkSeen        = "issuer keys"
	checkLimit       = "limit"
	checkPair        = "pair"
	checkPairSaid    = "pair said"
	checkPairOther   = "pair said otherwise"
	checkBreak       = "break"
	checkBreakSaid   = "break said"
	checkOneCard     = "one card"
	checkReadme      = "readme"
	checkNoNeighbour = "chain not shown"
)

var lineTexts = map[string][2]string{
	checkStatement:   {"statement signed by issuer %s; certificate under the city's root", "发卡方 %s 签署的声明；证书由城市根证书签发"},
	checkManifest:    {"%d members, each with the hash that the issuer signed", "共 %d 个文件，哈希均与发卡方签署的清单一致"},
	checkInclusion:   {"row %d: terminal %d signed it in its block %d (row %d of %d)", "记录 %d：终端 %d 在其第 %d 块中签名（第 %d 条，共 %d 条）"},
	checkChain:       {"row %d: blocks %d and %d of terminal %d follow each other without a gap", "记录 %d：第 %d 块与第 %d 块（终端 %d）首尾相接，无缺号"},
	checkSDAD:        {"row %d: the card signed counter %04X and amount %s yuan; certificates under CA key %02X", "记录 %d：卡片签名确认计数器 %04X、金额 %s 元；证书由 CA 公钥 %02X 签发"},
	checkSDAD0:       {"row %d: the card signed counter %04X (fDDA 00: not the amount); certificates under CA key %02X", "记录 %d：卡片签名确认计数器 %04X（fDDA 00，不含金额）；证书由 CA 公钥 %02X 签发"},
	checkNoSDAD:      {"row %d: the terminal kept no signature of the card", "记录 %d：终端未保存卡片签名"},
	checkRedacted:    {"row %d: signature and certificates of the card are left out, they would disclose the account number", "记录 %d：为不泄露卡号，卡片签名与证书未附，无法验证"},
	checkLog:         {"issuer's own log: %s at counter %04X, %s yuan on the card before it", "发卡方日志：%s，计数器 %04X，此前卡内余额 %s 元"},
	checkSeen:        {"row %d, counter %04X: cryptogram %s, balance MAC %s; %s yuan before, %s after", "记录 %d，计数器 %04X：应用密文 %s，余额 MAC %s；交易前 %s 元，交易后 %s 元"},
	checkLimit:       {"no other observation of the card lies between the two of a pair; one counter can take at most %s yuan", "每一对记录之间无该卡其他记录；单个计数器扣款上限 %s 元"},
	checkPair:        {"counters %04X and %04X: %d between, value fell by %s yuan: %s", "计数器 %04X 与 %04X：其间缺 %d 个，余额减少 %s 元：%s"},
	checkPairSaid:    {"counters %04X and %04X: %s by the issuer's word; working it out needs the whole card", "计数器 %04X 与 %04X：%s（发卡方声明；重新推算需整卡数据）"},
	checkPairOther:   {"counters %04X and %04X: %s by the issuer's word; the two values alone give: %s", "计数器 %04X 与 %04X：%s（发卡方声明）；仅凭两笔数值推算为：%s"},
	checkBreak:       {"conclusion %s at counters %04X and %04X: %s, %s yuan: follows from the values", "结论 %s（计数器 %04X 与 %04X）：%s，%s 元：与数值相符"},
	checkNoNeighbour: {"row %d: block %d of terminal %d is not in the pack: that they follow each other is not shown", "记录 %d：第 %d 块（终端 %d）未附，首尾相接未予证明"},
	checkOneCard:     {"the rows are of one card, %s", "各记录均属同一张卡 %s"},
	checkReadme:      {"README.txt is not the text of this program: it is the issuer's own", "README.txt 非本程序所附文本，系发卡方自撰"},
	checkBreakSaid:   {"conclusion %s at counters %04X and %04X: %s, %s yuan: the issuer's word", "结论 %s（计数器 %04X 与 %04X）：%s，%s 元：发卡方声明"},
}

// phrase is a text in both languages.
type phrase [2]string

// chinese has the single words of statements in Chinese.
var chinese = map[string]string{
	Right: "正确", Wrong: "错误", Absent: "无",
	"opening": "开卡", "load": "圈存", "online": "联机", "push": "额度推送",
	"decided": "可判定", "undecided": "未定", "unbacked": "卡未扣款", "impossible": "不可能",
	"doubt": "存疑", "row": "流水", "gap": "缺号", "pair": "整段", "past": "曾有", "stands": "维持", "hold": "预授权",
	"suspected": "疑似", "expected": "待证", "provisional": "先行垫付", "proven": "已证实", "collectable": "应付运营商", "late": "迟到", "disproved": "已排除", "lost upload": "上送丢失",
}

func (v *verification) show(member, check, by, result string, args ...any) {
	t := lineTexts[check]
	zh := make([]any, len(args))
	for i, a := range args {
		zh[i] = a
		switch a := a.(type) {
		case phrase:
			args[i], zh[i] = a[0], a[1]
		case string:
			if word, known := chinese[a]; known {
				zh[i] = word
			}
		}
	}
	v.report.Lines = append(v.report.Lines, Line{Member: member, Check: check, By: by, Result: result,
		EN: fmt.Sprintf(t[0], args...), ZH: fmt.Sprintf(t[1], zh...)})
}

// conclusion says what a pair proves.
func (p *Pair) conclusion() phrase {
	missed := phrase{"the counters between took " + p.Missed.String() + " yuan", "其间共扣 " + p.Missed.String() + " 元"}
	switch {
	case p.Outcome == timeline.Undecided.String():
		return phrase{"undecided, both are possible", "两种情形均可能，未定"}
	case p.Outcome == timeline.OutcomeImpossible.String():
		return phrase{"impossible, nothing explains it", "任何情形均不成立"}
	case p.Committed == timeline.Yes.String():
		return phrase{fmt.Sprintf("%04X was carried out; %s", p.P, missed[0]), fmt.Sprintf("%04X 已成立；%s", p.P, missed[1])}
	case p.Committed == timeline.No.String():
		return phrase{fmt.Sprintf("%04X was not carried out; %s", p.P, missed[0]), fmt.Sprintf("%04X 未成立；%s", p.P, missed[1])}
	}
	return missed
}

// Text is the line in "en" or "zh".
func (l *Line) Text(lang string) string {
	if lang == "zh" {
		return l.ZH
	}
	return l.EN
}

var resultTexts = map[string][2]string{verified: {"verified", "已验证"}, itsWord: {"said", "声明"}, notShown: {"not shown", "未附"}}

// ResultText is the result in "en" or "zh".
func (l *Line) ResultText(lang string) string {
	if lang == "zh" {
		return resultTexts[l.Result][1]
	}
	return resultTexts[l.Result][0]
}
