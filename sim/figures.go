package sim

import (
	"fmt"

	"github.com/citycard/citycard/acquirer"
	"github.com/citycard/citycard/sim/report"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
)

// reportData fills the page from the database and the truth. Everything in it
// follows from the options of the run.
func (r *Run) reportData(rd *sqlite.Reader, res *Result) (*report.Data, error) {
	d := &report.Data{
		City: report.Text{EN: englishNames[r.world.book.City()], ZH: r.world.book.City()},
		Date: report.Date{Year: r.Date.Year, Month: int(r.Date.Month), Day: r.Date.Day}, Seed: res.Seed, Riders: int64(res.Riders), Profile: res.Profile,
		Demand: r.demandData(), Taps: int64(res.Taps), Approved: int64(res.OfflineTxns), Verified: res.Verified,
		Cleared: res.ClearedFen, Unexplained: res.Unexplained, FloatGap: res.FloatIdentityGap, Flash: r.flashData(res), Failed: res.Open(),
		Tears: report.Tears{Before: int64(res.TornBeforeCommit), After: int64(res.TornAfterCommit), Recovered: int64(res.RecoveredAtGate)},
	}
	r.passData(d)
	kindData(d, res)
	d.Quota = quotaPage(res.Quota)
	d.Refusals = refusalData(res)
	for _, part := range []struct {
		name string
		fill func(*report.Data, *sqlite.Reader) error
	}{
		{"flows", r.flowData}, {"blocks", r.blockData}, {"rows", rowData}, {"nets", r.netData}, {"operators", r.operatorData}, {"fees", r.feeData},
		{"rebates", rebateData}, {"breaks", r.breakData}, {"days", r.dayData}, {"quota", r.quotaData}, {"files", r.fileData},
	} {
		if err := part.fill(d, rd); err != nil {
			return nil, fmt.Errorf("%s of the report: %w", part.name, err)
		}
	}
	return d, nil
}

// englishNames are the page's words for names that the data has in Chinese only.
var englishNames = map[string]string{
	"北京": "Beijing", "北京市地铁运营有限公司": "Beijing Subway", "北京京港地铁有限公司": "Beijing MTR", "北京市轨道交通运营管理有限公司": "Beijing Metro Operation",
	"北京公交有轨电车有限公司": "Beijing Public Transport Tramway", "北京京城地铁有限公司": "Jingcheng Metro", "公交集团": "City buses", "商户": "Shop",
}

// demandData says where the journeys come from.
func (r *Run) demandData() report.Demand {
	fit := r.world.model.Error()
	d := report.Demand{FitPerMillion: int64(fit.PerMillion), Source: report.Text{
		EN: fmt.Sprintf("Entries and exits of one weekday of 2016 at 276 stations, counted every quarter of an hour, put on the network of 2026: %s journeys between %d stations. Stations opened since then have no riders of their own, their lines carry who changes there. This day has %s of %s riders.",
			grouped(fit.Journeys), fit.Stations, grouped(r.world.riders.Len()), grouped(r.world.model.AllRiders())),
		ZH: fmt.Sprintf("2016 年某工作日 276 座车站每刻钟的进出站量，分配到 2026 年线网：%d 座车站间 %s 次出行。此后新开的车站没有自己的客流，新线只承担换乘客流。本日取 %s 名乘客中的 %s 名。",
			fit.Stations, grouped(fit.Journeys), grouped(r.world.model.AllRiders()), grouped(r.world.riders.Len())),
	}}
	for _, m := range fit.Moves {
		d.Moves = append(d.Moves, report.Move{From: m.From, To: m.To, Entries: int64(m.Entries), Exits: int64(m.Exits),
			Reason: report.Text{EN: m.Reason + ".", ZH: "2026 年线网无此站，客流计入" + m.To + "。"}})
	}
	return d
}

// grouped writes a count with commas.
func grouped(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", grouped(n/1000), n%1000)
}

func (r *Run) flashData(res *Result) report.Flash {
	f := &res.FlashCard
	return report.Flash{Caused: int64(f.Caused), Decidable: int64(f.Decidable), Found: int64(f.Found), Undecided: int64(f.Undecided),
		Invented: int64(f.FalseAlarms + f.AmountWrong), Amount: r.flashFound, Open: r.flashOpen}
}

// refusalData sets what was put in beside what was turned down.
func refusalData(res *Result) []report.Refusal {
	in, out := res.Injected.byKey(), res.Rejected.byKey()
	list := make([]report.Refusal, 0, len(in))
	for i, f := range in {
		list = append(list, report.Refusal{Key: f.key, Injected: f.n, Refused: out[i].n})
	}
	return list
}

// blockData counts deliveries. A block that waited is counted as waiting first
// and by its end later; the page wants each once.
func (r *Run) blockData(d *report.Data, rd *sqlite.Reader) error {
	outcomes, err := rd.Outcomes()
	if err != nil {
		return err
	}
	rows, waiting, err := rd.BlockTotals()
	if err != nil {
		return err
	}
	d.OfflineRows = rows
	d.Blocks = report.Blocks{Delivered: int64(r.road.seen), Waiting: outcomes[acquirer.Waiting]}
	d.Blocks.Accepted = outcomes[acquirer.Accepted] - (outcomes[acquirer.Waiting] - waiting)
	for o := acquirer.Malformed; o <= acquirer.SequenceGap; o++ {
		if n := outcomes[o]; n > 0 && o != acquirer.Waiting {
			d.Blocks.Refused = append(d.Blocks.Refused, report.Count{Key: o.String(), N: n})
		}
	}
	return nil
}

func rowData(d *report.Data, rd *sqlite.Reader) error {
	verdicts, err := rd.Verdicts()
	if err != nil {
		return err
	}
	for v := txn.Cleared; v <= txn.BadCardData; v++ {
		if n := verdicts[v]; n > 0 {
			d.Rows = append(d.Rows, report.Count{Key: v.String(), N: n})
		}
	}
	return nil
}
