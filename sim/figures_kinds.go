package sim

import (
	"fmt"

	"github.com/citycard/citycard/issuer/quota"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/sim/report"
	"github.com/citycard/citycard/store/sqlite"
)

// kindData fills in the kinds of cards of a mixed city.
func kindData(d *report.Data, res *Result) {
	if res.Mix == nil {
		return
	}
	m := res.Mix
	d.Holds, d.Completions = int64(m.Holds), int64(m.Completions)
	for _, k := range []struct {
		figures KindFigures
		name    report.Text
	}{
		{m.Bank, report.Text{EN: fmt.Sprintf("Bank cards, %s of them old", grouped(m.Bank.Old)), ZH: fmt.Sprintf("银行卡（其中旧卡 %s 张）", grouped(m.Bank.Old))}},
		{m.Quota, report.Text{EN: "Quota cards", ZH: "额度卡"}},
		{m.TUnion, report.Text{EN: "T-Union purses", ZH: "交通联合电子钱包"}},
	} {
		f := &k.figures
		d.Kinds = append(d.Kinds, report.Kind{Name: k.name, Cards: int64(f.Cards), Taps: int64(f.Taps), Approved: int64(f.Approved), Cleared: f.Cleared})
	}
}

// quotaData fills in the quota scheme: its days from the ledger and from the log of
// the pushes.
func (r *Run) quotaData(d *report.Data, rd *sqlite.Reader) error {
	f := d.Quota
	if f == nil {
		return nil
	}
	f.Days = make([]report.QuotaDay, LastDay+1)
	for i := range f.Days {
		f.Days[i].Offset = i
	}
	if err := rd.PostedIn(quota.CodeDebit, quota.CodeDebit, func(window int32, transfers int64, amount money.Fen) error {
		day := &f.Days[window-r.world.day]
		day.Debits, day.Amount = transfers, amount
		return nil
	}); err != nil {
		return err
	}
	if err := rd.PostedIn(quota.CodeOwed, quota.CodeOwed, func(window int32, transfers int64, _ money.Fen) error {
		f.Days[window-r.world.day].Refused = transfers
		return nil
	}); err != nil {
		return err
	}
	return rd.QuotaSendsIn(func(window int32, sends int64) error {
		f.Days[window-r.world.day].Pushes = sends
		return nil
	})
}

// quotaPage is the quota scheme for the page, nil without it.
func quotaPage(q *QuotaFigures) *report.Quota {
	if q == nil {
		return nil
	}
	t := &quotaTerms
	return &report.Quota{Services: int64(q.Opened), Restored: int64(q.Restored), Below: int64(q.BelowThreshold), SameClosing: int64(q.RestoredSameClosing), Repeated: int64(q.PushesRepeated), Denied: int64(q.Denied),
		Debited: q.DebitedFen, Owed: q.OwedFen, Recovered: q.RecoveredFen, Exposure: q.ExposureMaxFen, Cap: q.ExposureCapFen,
		CapHeld: q.ExposureMaxFen <= q.ExposureCapFen && q.Unseen == 0, Explained: q.GapFen == 0 && q.Refunded == 0 && q.OwedFen == q.RecoveredFen,
		Terms: report.Text{
			EN: fmt.Sprintf("A quota of %s yuan, spent at gates and on buses only, debited row by row from the account when the day closes, and restored by a push through the card's security domain when less than %s yuan is left. Nothing is given back.", t.Quota, t.Threshold),
			ZH: fmt.Sprintf("额度 %s 元，仅限闸机与公交使用；日终逐笔从账户扣款，余额低于 %s 元时经卡内安全域推送恢复。不予退还。", t.Quota, t.Threshold),
		}}
}
