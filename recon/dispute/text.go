package dispute

import (
	"cmp"
	"slices"
)

var stepTexts = map[Step][2]string{
	Open: {"opened", "立案"}, Query: {"query", "查询/调单"}, Answer: {"answer", "查复"}, CreditAdjustment: {"credit adjustment", "贷记调整"},
	RequestPayment: {"request for payment", "请款"}, AcceptPayment: {"payment accepted", "同意付款"}, RefusePayment: {"payment refused", "拒绝付款"},
	Chargeback: {"chargeback", "一次退单"}, Represent: {"re-presentment", "再请款"}, SecondChargeback: {"second chargeback", "二次退单"},
	Arbitrate: {"arbitration asked for", "提请仲裁"}, RuleIssuer: {"ruling for the issuer", "裁定发卡方胜"}, RuleAcquirer: {"ruling for the acquirer", "裁定收单方胜"},
	Withdraw: {"withdrawn", "撤回"}, Lapsed: {"deadline passed", "逾期"},
	Claimed: {"reconciliation claims it: the card never paid", "对账认定卡未扣款，转为向收单方追索"}, Unclaimed: {"reconciliation claims it no longer", "对账撤销追索"},
}

// Text is the step in "en" or "zh".
func (s Step) Text(lang string) string { return pick(stepTexts[s], lang) }

// Known says that it is a step that somebody can take.
func (s Step) Known() bool {
	return slices.ContainsFunc(machine, func(t transition) bool { return t.step == s })
}

// Moves says that the step itself moves money between the parties; what is written off
// when it ends a case is beside that.
func (s Step) Moves() bool {
	return slices.ContainsFunc(machine, func(t transition) bool { return t.step == s && t.move != 0 })
}

// By is who takes the step.
func (s Step) By() Party {
	switch s {
	case Open:
		return Issuer
	case Lapsed:
		return Time
	case Claimed, Unclaimed:
		return Recon
	}
	for _, t := range machine {
		if t.step == s {
			return t.by
		}
	}
	return ""
}

var stateTexts = map[State][2]string{
	Opened: {"opened", "已立案"}, Queried: {"waits for an answer", "待查复"}, Answered: {"with the issuer", "待发卡方处理"}, PaymentRequested: {"payment requested", "待付款答复"},
	ChargedBack: {"charged back", "已退单"}, Represented: {"presented again", "已再请款"}, ChargedBackAgain: {"charged back again", "已二次退单"}, Arbitration: {"with the network", "仲裁中"},
	Adjusted: {"closed: money given back", "已贷记调整，结案"}, Won: {"closed: the issuer's side has the money", "发卡方胜，结案"}, Lost: {"closed: the acquirer has the money", "收单方胜，结案"},
	Withdrawn: {"closed: withdrawn", "已撤回，结案"}, Paid: {"closed: paid on request", "已付款，结案"}, Refused: {"closed: payment refused", "已拒付，结案"},
}

// Text is the state in "en" or "zh".
func (s State) Text(lang string) string { return pick(stateTexts[s], lang) }

var partyTexts = map[Party][2]string{Issuer: {"issuer", "发卡方"}, Acquirer: {"acquirer", "收单方"}, Network: {"network", "转接网络"}, Time: {"time", "时间"}, Recon: {"reconciliation", "对账"}}

// Text is the party in "en" or "zh".
func (p Party) Text(lang string) string { return pick(partyTexts[p], lang) }

func pick(t [2]string, lang string) string {
	if lang == "zh" {
		return t[1]
	}
	return t[0]
}

// Sign is the direction of the event's money as error files have it, seen from the
// issuer: C it gets, D it pays, empty for none.
func (e *Event) Sign() string {
	switch {
	case e.Amount == 0:
		return ""
	case e.Step == Unclaimed:
		return "D"
	}
	for _, t := range machine {
		if t.step != e.Step {
			continue
		}
		switch {
		case t.move.gain() > 0:
			return "C"
		case t.move != 0:
			return "D"
		}
	}
	return ""
}

// All lists every reason by its code.
func (r *Rules) All() []Reason {
	var out []Reason
	for _, x := range r.reasons {
		out = append(out, x)
	}
	slices.SortFunc(out, func(a, b Reason) int { return cmp.Compare(a.Code, b.Code) })
	return out
}
