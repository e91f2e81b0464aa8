package recon

import (
	"fmt"
	"time"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/txn"
)

// Language chooses the words of a sentence.
type Language string

// The languages.
const (
	EN Language = "en"
	ZH Language = "zh"
)

// phrase is one verdict in both languages. %[1]s is the amount in yuan, %[2]s and
// %[3]s the counters of the pair, %[4]s the date at which it is final, %[5]d the
// terminal.
type phrase struct{ en, zh string }

// phrases by state and part; part 0 serves every part without a phrase of its own.
var phrases = map[timeline.State]map[timeline.Part]phrase{
	timeline.Suspected: {
		0: {"The tap at counter %[2]s (%[1]s yuan, terminal %[5]d) may have been paid without being finished; the card's next tap will tell.",
			"计数器 %[2]s 的交易（%[1]s 元，终端 %[5]d）可能已扣款而未完成，卡片下次刷卡即可判定。"},
	},
	timeline.Expected: {
		timeline.PartPair: {"%[1]s yuan are missing between counters %[2]s and %[3]s and it is open what took them; decided by a late row, or on %[4]s at the latest.",
			"计数器 %[2]s 与 %[3]s 之间短款 %[1]s 元，原因待定；最迟 %[4]s 有结论。"},
		timeline.PartHold: {"%[1]s yuan are held on the card since counter %[2]s, and no journey has completed the hold; released on %[4]s if none does (next counter %[3]s).",
			"自计数器 %[2]s 起卡上预授权 %[1]s 元尚未完成；至 %[4]s 仍未完成则解除（其后计数器 %[3]s）。"},
		0: {"%[1]s yuan were taken between counters %[2]s and %[3]s and not presented yet; refunded if nothing comes until %[4]s.",
			"计数器 %[2]s 与 %[3]s 之间扣款 %[1]s 元尚未上送；至 %[4]s 仍未上送则退款。"},
	},
	timeline.LostUpload: {
		0: {"%[1]s yuan were taken between counters %[2]s and %[3]s; terminal %[5]d has a gap in its uploads at that time; refunded if nothing comes until %[4]s.",
			"计数器 %[2]s 与 %[3]s 之间扣款 %[1]s 元，终端 %[5]d 该时段上送缺号；至 %[4]s 仍未补送则退款。"},
	},
	timeline.Provisional: {
		0: {"%[1]s yuan missing between counters %[2]s and %[3]s were credited provisionally; final on %[4]s.",
			"计数器 %[2]s 与 %[3]s 之间短款 %[1]s 元已预先垫付；%[4]s 定案。"},
	},
	timeline.Proven: {
		timeline.PartDoubt: {"The card paid %[1]s yuan at counter %[2]s (terminal %[5]d) and no service was given: flash card, due to the customer.",
			"计数器 %[2]s（终端 %[5]d）已扣款 %[1]s 元而未提供服务：闪卡，应退客户。"},
		timeline.PartLoad: {"The load of %[1]s yuan at counter %[2]s never reached the card: flash load, due to the customer.",
			"计数器 %[2]s 的圈存 %[1]s 元未写入卡片：闪圈，应退客户。"},
		timeline.PartPair: {"%[1]s yuan are missing between counters %[2]s and %[3]s; the total is certain and due to the customer, what took them stays open.",
			"计数器 %[2]s 与 %[3]s 之间短款 %[1]s 元，总额确定，应退客户；具体原因无法判定。"},
		timeline.PartHold: {"The hold of %[1]s yuan at counter %[2]s was never completed (next counter %[3]s): released to the customer.",
			"计数器 %[2]s 的预授权 %[1]s 元始终未完成（其后计数器 %[3]s），解除并退还客户。"},
		0: {"%[1]s yuan were taken between counters %[2]s and %[3]s and never presented: due to the customer.",
			"计数器 %[2]s 与 %[3]s 之间扣款 %[1]s 元，逾期未上送，应退客户。"},
	},
	timeline.Collectable: {
		0: {"The card paid %[1]s yuan at counter %[2]s and the service was given: due to the operator of terminal %[5]d.",
			"计数器 %[2]s 已扣款 %[1]s 元且已提供服务，应付终端 %[5]d 的运营商。"},
	},
	timeline.Late: {
		0: {"A valid row came after the refund between counters %[2]s and %[3]s: %[1]s yuan of it were reversed.",
			"计数器 %[2]s 与 %[3]s 之间退款后有交易迟到上送，已冲回 %[1]s 元。"},
	},
	timeline.Disproved: {
		timeline.PartDoubt: {"The card did not pay the %[1]s yuan offered at counter %[2]s.",
			"计数器 %[2]s 的 %[1]s 元并未扣款。"},
		0: {"Nothing is missing any more between counters %[2]s and %[3]s.",
			"计数器 %[2]s 与 %[3]s 之间已无短款。"},
	},
	timeline.Unbacked: {
		0: {"Terminal %[5]d presented %[1]s yuan at counter %[2]s although the card never paid them: dispute with the acquirer.",
			"终端 %[5]d 上送了计数器 %[2]s 的 %[1]s 元，但卡片并未扣款：向收单方提出差错。"},
	},
	timeline.Impossible: {
		0: {"The value changed by %[1]s yuan between counters %[2]s and %[3]s in a way no transaction allows: the card is frozen.",
			"计数器 %[2]s 与 %[3]s 之间余额异常变动 %[1]s 元，任何交易都无法解释：卡片已冻结。"},
	},
}

// standsPhrase is for Break.Stands.
var standsPhrase = phrase{
	"A valid row came after the refund between counters %[2]s and %[3]s and was refused as late: the refund of %[1]s yuan stands.",
	"计数器 %[2]s 与 %[3]s 之间退款后有交易迟到上送，因超期被拒，%[1]s 元退款维持。",
}

// onlyContestedPhrase is for a break of which nothing but a contested part is left;
// the phrases from softPhrase on are appended to another.
var (
	onlyContestedPhrase = phrase{
		"Service was given at counter %[2]s; the card paid %[1]s yuan there or at a missing counter before %[3]s, so they belong to the operator or to the customer; rows are waited for until %[4]s.",
		"计数器 %[2]s 已提供服务；%[1]s 元在此处或在 %[3]s 之前的缺失计数器扣款，归运营商或客户待定；等候上送至 %[4]s。",
	}
	softPhrase      = phrase{" This rests on what a terminal said.", "以上依据终端所报数据。"}
	logPhrase       = phrase{" The card's own log says so, which is under no MAC.", "以上名目依据卡内日志（无 MAC）。"}
	contestedPhrase = phrase{" A further %s yuan belong to the customer or to the operator; which of them cannot be decided yet.", "另有 %s 元归客户或运营商待定。"}
	waitsPhrase     = phrase{" Two people must approve the refund.", "退款须双人批准。"}
	heldPhrase      = phrase{" Withheld because the card is frozen.", "因卡片冻结，暂缓支付。"}
)

func (p phrase) in(l Language) string {
	if l == ZH {
		return p.zh
	}
	return p.en
}

// Sentence is the verdict for a person, in one sentence, with a further one for what
// is contested or withheld. Any language but ZH is English.
func (b *Break) Sentence(l Language) string {
	byPart := phrases[b.State]
	p, ok := byPart[b.Part]
	if !ok {
		p = byPart[0]
	}
	if b.Stands {
		p = standsPhrase
	}
	amount := b.Amount
	if amount == 0 && b.Contested > 0 {
		p, amount = onlyContestedPhrase, b.Contested
	}
	s := fmt.Sprintf(p.in(l), amount, counter(b.P), counter(b.Q), date(b.Final), b.Terminal)
	if b.Amount > 0 && b.Contested > 0 {
		s += fmt.Sprintf(contestedPhrase.in(l), b.Contested)
	}
	if b.Waits {
		s += waitsPhrase.in(l)
	}
	if b.Held {
		s += heldPhrase.in(l)
	}
	switch {
	case b.ByLog:
		s += logPhrase.in(l)
	case b.Basis == timeline.Soft:
		s += softPhrase.in(l)
	}
	return s
}

// counter is an ATC as the card shows it, four hex digits.
func counter(atc uint16) string { return fmt.Sprintf("%04X", atc) }

// date is the day at UTC+8.
func date(unix int64) string { return time.Unix(unix, 0).In(txn.CityTime).Format(time.DateOnly) }

// Summary answers a customer's question about one card: what is due at least, what
// at most, and when that will be certain.
type Summary struct {
	Least, Most money.Fen
	CertainOn   int64 // unix seconds, 0 if it is certain now or only the card's next tap can tell
}

// Summarise adds up what a judgement says about the customer's money, paid or not.
func Summarise(j *timeline.Judgement) Summary {
	var s Summary
	tap := false
	for _, b := range j.Breaks {
		switch b.State {
		case timeline.Proven:
			s.Least += b.Amount
			s.Most += b.Amount + b.Contested
		case timeline.Suspected:
			s.Most += b.Amount
			tap = true
		case timeline.Expected, timeline.Provisional, timeline.LostUpload:
			s.Most += b.Amount + b.Contested
			s.CertainOn = max(s.CertainOn, b.Final)
		}
	}
	if tap {
		s.CertainOn = 0
	}
	return s
}
