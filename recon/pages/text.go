package pages

import (
	"html/template"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/citycard/citycard/recon/twoloads"
)

// Text is a text in both languages of a page. If one is empty the other is shown to
// everybody.
type Text struct{ EN, ZH string }

// or is t, or another text where t is empty.
func (t Text) or(other Text) Text {
	if t == (Text{}) {
		return other
	}
	return t
}

// both puts the two languages side by side; the style shows one or both.
func both(t Text) template.HTML {
	en, zh := template.HTMLEscapeString(masked(t.EN)), template.HTMLEscapeString(masked(t.ZH))
	switch {
	case zh == "":
		return template.HTML(en)
	case en == "":
		return template.HTML(`<span lang="zh-CN">` + zh + `</span>`)
	}
	return template.HTML(`<span class="en">` + en + `</span> <span class="zh" lang="zh-CN">` + zh + `</span>`)
}

// shortestPAN and longestPAN bound the numbers that masked takes for account numbers
// (ISO/IEC 7812-1: up to 19 digits).
const (
	shortestPAN = 13
	longestPAN  = 19
)

// masked makes a text that somebody else wrote fit to be shown: what may be an account
// number keeps six digits and the last four, what no page can show becomes U+FFFD.
func masked(s string) string {
	s = strings.Map(showable, s)
	var b strings.Builder
	for i := 0; i < len(s); {
		n := digits(s[i:])
		if n == 0 {
			_, n = utf8.DecodeRuneInString(s[i:])
		} else if n >= shortestPAN && n <= longestPAN && !touchesWord(s, i, i+n) {
			b.WriteString(s[i:i+6] + strings.Repeat("*", n-10) + s[i+n-4:i+n])
			i += n
			continue
		}
		b.WriteString(s[i : i+n])
		i += n
	}
	return b.String()
}

// showable replaces control characters and codes that are no characters; strings.Map
// replaces broken UTF-8.
func showable(r rune) rune {
	if unicode.IsControl(r) && r != '\n' && r != '\t' || r&0xFFFE == 0xFFFE {
		return utf8.RuneError
	}
	return r
}

func digits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

// touchesWord reports whether Latin letters stand right beside s[i:j]: a digest in hex
// is no account number.
func touchesWord(s string, i, j int) bool {
	before, _ := utf8.DecodeLastRuneInString(s[:i])
	after, _ := utf8.DecodeRuneInString(s[j:])
	return unicode.Is(unicode.Latin, before) || unicode.Is(unicode.Latin, after)
}

type stateLabel struct {
	name Text
	tone string
}

// stateLabels are the states of a break; tone is the colour of its mark.
var stateLabels = map[string]stateLabel{
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

// state is the label of a state, whose word is shown as it is if it is not known.
func state(word string) stateLabel {
	if l, found := stateLabels[strings.ReplaceAll(word, " ", "_")]; found {
		return l
	}
	return stateLabel{Text{EN: word}, "none"}
}

var kindLabels = map[twoloads.Kind]Text{
	twoloads.Nothing:   {"nothing", "尚不知情"},
	twoloads.Waiting:   {"waits for rows", "等候上送"},
	twoloads.Clean:     {"nothing missing", "无短款"},
	twoloads.FlashCard: {"flash card", "闪卡"},
	twoloads.FlashLoad: {"flash load", "闪圈"},
	twoloads.Undecided: {"cannot tell", "无法判定"},
	twoloads.Missing:   {"money missing, name open", "短款待定名"},
}

// says is what a method says in words, with its amount.
func says(k twoloads.Known) Text {
	t, found := kindLabels[k.Kind]
	if !found {
		t = Text{EN: k.Kind.String()}
	}
	if k.Amount != 0 {
		t.EN += " " + yuan(k.Amount)
		if t.ZH != "" {
			t.ZH += " " + yuan(k.Amount)
		}
	}
	return t
}

var certaintyLabels = [...]stateLabel{Yes: {Text{"took place", "已发生"}, "done"}, No: {Text{"did not", "未发生"}, "none"}, Open: {Text{"open", "待定"}, "wait"}}

// label is the word for a bit; what is not one of its values is open.
func (c Certainty) label() stateLabel { return certaintyLabels[min(c, Open)] }

var resultLabels = [...]stateLabel{Passed: {Text{"verified", "验证通过"}, "done"}, Failed: {Text{"does not verify", "验证失败"}, "bad"}, NotDone: {Text{"not checked", "未验证"}, "none"}}

func (r Result) label() stateLabel { return resultLabels[min(r, NotDone)] }

var refundLabels = [...]stateLabel{
	Waits:    {Text{"due, waits for a person", "应退，待经办"}, "wait"},
	Asked:    {Text{"asked for, waits for a second person", "已提请，待复核"}, "wait"},
	Approved: {Text{"approved", "已复核"}, "done"},
	Posted:   {Text{"posted", "已入账"}, "done"},
	Reversed: {Text{"reversed", "已冲回"}, "turn"},
	Withheld: {Text{"withheld", "暂缓"}, "bad"},
	Dropped:  {Text{"not approved", "未获复核"}, "none"},
}

func (s RefundState) label() stateLabel {
	if int(s) >= len(refundLabels) {
		return stateLabel{Text{EN: "unknown"}, "none"}
	}
	return refundLabels[s]
}
