package sim

import (
	"fmt"
	"strings"

	"github.com/citycard/citycard/clearing"
	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/sim/report"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
)

var roleNames = map[string]report.Text{
	"issuer": {EN: "issuer", ZH: "发卡方"}, "acquirer": {EN: "acquirer", ZH: "收单方"}, "network": {EN: "network", ZH: "转接清算"},
}

// netData fills in the matrix from clearing's nets, and each position from the
// postings of the ledger, so that the page can hold one against the other.
func (r *Run) netData(d *report.Data, rd *sqlite.Reader) error {
	index := map[uint16]int{}
	for i, p := range r.world.participants() {
		index[uint16(p.ID)] = i
		d.Participants = append(d.Participants, report.Participant{Code: p.Code, Name: report.Text{EN: p.Name, ZH: p.ZH}, Role: roleNames[p.Role]})
	}
	pairs := map[[2]int]*report.Net{}
	if err := rd.Nets(func(n sqlite.Net) error {
		from, to := index[n.Debtor], index[n.Creditor]
		amount := n.Amount
		if from > to {
			from, to, amount = to, from, -amount
		}
		if pairs[[2]int{from, to}] == nil {
			pairs[[2]int{from, to}] = &report.Net{From: from, To: to}
		}
		sum := pairs[[2]int{from, to}]
		sum.Amount, sum.Items = sum.Amount+amount, sum.Items+n.Items
		return nil
	}); err != nil {
		return err
	}
	for from := range d.Participants {
		for to := range d.Participants {
			if n := pairs[[2]int{from, to}]; n != nil {
				d.Nets = append(d.Nets, *n)
			}
		}
	}
	return rd.PostedBetween(clearing.CodePrincipal, clearing.CodeNetworkAcquirer, func(p sqlite.Posted) error {
		d.Participants[index[institutionOf(p.Debit)]].Position -= p.Amount
		d.Participants[index[institutionOf(p.Credit)]].Position += p.Amount
		return nil
	})
}

// institutionOf is the number that institution put into an account's id.
func institutionOf(id ledger.AccountID) uint16 { return uint16(id[2])<<8 | uint16(id[3]) }

// operatorData lists who got a share or carried somebody.
func (r *Run) operatorData(d *report.Data, rd *sqlite.Reader) error {
	shares := map[uint16]money.Fen{}
	if err := rd.Shares(func(operator uint16, amount money.Fen) error {
		shares[operator] = amount
		return nil
	}); err != nil {
		return err
	}
	for _, o := range r.world.operators() {
		c := r.carried[o.id]
		if shares[o.id] != 0 || c.journeys != 0 {
			d.Operators = append(d.Operators, report.Operator{Name: report.Text{EN: englishNames[o.name], ZH: o.name}, Amount: shares[o.id], Metres: c.metres, Journey: c.journeys})
		}
	}
	return nil
}

// feeData lists the fees as the ledger has them. The merchant fee is what the
// operators did not get of the money cleared; the others are paid out of it.
func (r *Run) feeData(d *report.Data, rd *sqlite.Reader) error {
	sums := map[uint16]money.Fen{}
	if err := rd.PostedBetween(clearing.CodePrincipal, clearing.CodeOperatorShare, func(p sqlite.Posted) error {
		sums[p.Code] += p.Amount
		return nil
	}); err != nil {
		return err
	}
	var cleared int64
	for _, c := range d.Rows {
		if c.Key == txn.Cleared.String() {
			cleared = c.N
		}
	}
	operator, network := report.Text{EN: "operators", ZH: "运营商"}, roleNames["network"]
	issuer, acquirer := report.Text{EN: "issuers", ZH: "发卡方"}, report.Text{EN: "acquirers", ZH: "收单方"}
	rule := r.road.fees
	merchant := sums[clearing.CodePrincipal] + sums[clearing.CodeIssuerFee] - sums[clearing.CodeOperatorShare]
	add := func(en, zh string, perMillion int64, from, to report.Text, amount money.Fen) {
		name := report.Text{EN: fmt.Sprintf("%s, %s of each row", en, percent(perMillion)), ZH: fmt.Sprintf("%s，逐笔 %s", zh, percent(perMillion))}
		d.Fees = append(d.Fees, report.Fee{Name: name, From: from, To: to, Items: cleared, Amount: amount})
	}
	add("Merchant fee", "商户手续费", rule.Merchant, operator, acquirer, merchant)
	add("of it: issuer's fee", "其中：发卡行服务费", rule.Issuer, acquirer, issuer, sums[clearing.CodeIssuerFee])
	add("of it: network fee of the acquirer", "其中：收单侧网络服务费", rule.NetworkAcquire, acquirer, network, sums[clearing.CodeNetworkAcquirer])
	add("Network fee of the issuer", "发卡侧网络服务费", rule.NetworkIssuer, issuer, network, sums[clearing.CodeNetworkIssuer])
	return nil
}

// percent writes parts per million as a percentage: 3500 is "0.35%".
func percent(perMillion int64) string {
	return strings.TrimRight(strings.TrimRight(fmt.Sprintf("%d.%04d", perMillion/10_000, perMillion%10_000), "0"), ".") + "%"
}

func rebateData(d *report.Data, rd *sqlite.Reader) error {
	n, amount, err := rd.RebateSum()
	if n > 0 {
		d.Rebates = []report.Rebate{{Items: n, Amount: amount, Reason: report.Text{
			EN: "The gate could not read the entry or the month's sum and took too much; priced again at clearing",
			ZH: "闸机未读到进站记录或月累计额而多扣，清算时按应付票价退还差额"}}}
	}
	return err
}
