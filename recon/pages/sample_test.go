package pages

import (
	"fmt"
	"testing"
	"time"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/twoloads"
	"github.com/citycard/citycard/txn"
)

// moment is a time at UTC+8.
func moment(t testing.TB, s string) int64 {
	t.Helper()
	at, err := time.ParseInLocation("2006-01-02 15:04", s, txn.CityTime)
	if err != nil {
		t.Fatal(err)
	}
	return at.Unix()
}

func card(t testing.TB, n int) txn.CardKey {
	t.Helper()
	pan, err := txn.ParsePAN(fmt.Sprintf("622800010000%04d", n))
	if err != nil {
		t.Fatal(err)
	}
	return txn.CardKey{PAN: pan, PSN: 1}
}

// dice gives invented figures.
type dice uint64

func (d *dice) below(n int64) int64 {
	*d = *d*6364136223846793005 + 1442695040888963407
	return int64(uint64(*d)>>33) % n
}

// workedCard is the worked example of the chapter "The card timeline", section 13, on
// day 6, with the money that it asks for.
func workedCard(t testing.TB) *Card {
	day := func(s string) int64 { return moment(t, "2026-11-"+s) }
	shut := Text{"The card paid 3.00 yuan at counter 0014 (terminal 10000007) and no service was given: flash card, due to the customer.", "计数器 0014（终端 10000007）已扣款 3.00 元而未提供服务：闪卡，应退客户。"}
	verified := []Check{{Name: Text{"Cryptogram (TC)", "交易证书 TC"}}, {Name: Text{"Balance MAC", "余额 MAC"}}, {Name: Text{"Terminal's signature over the block", "终端数据块签名"}}}
	return &Card{
		Key: card(t, 1117), Kind: Text{"Bank card, electronic cash", "银行卡电子现金"}, At: day("06 20:00"), Frozen: true,
		Least: 10000, Most: 10600, ValueAt: day("01 18:40"), CertainOn: day("21 18:40"),
		DueLeast: 300, DueMost: 300,
		Points: []Point{
			{ATC: 0x10, Time: day("01 07:30"), What: Text{"load", "圈存"}, Least: 2000, Most: 2000, Change: 10000, Doubt: true},
			{ATC: 0x11, Time: day("01 08:02"), What: Text{"entry", "进站"}, Terminal: 10000003, Least: 12000, Most: 12000},
			{ATC: 0x12, Time: day("01 08:31"), What: Text{"exit", "出站"}, Terminal: 10000005, Least: 12000, Most: 12000, Change: -400},
			{ATC: 0x14, Time: day("01 12:10"), What: Text{"doubt row", "存疑流水"}, Terminal: 10000007, Least: 11600, Most: 11600, Change: -300, Doubt: true},
			{ATC: 0x15, Time: day("01 12:40"), What: Text{"bus", "公交"}, Terminal: 20000119, Least: 11300, Most: 11300, Change: -200},
			{ATC: 0x16, Time: day("01 17:55"), What: Text{"purchase", "消费"}, Terminal: 30000002, Least: 11100, Most: 11100, Change: -500},
			{ATC: 0x17, Time: day("01 18:40"), What: Text{"purchase", "消费"}, Terminal: 30000002, Least: 10600, Most: 10600, Change: -600, Happened: Open},
		},
		Breaks: []Break{
			{P: 0x14, Q: 0x15, State: "proven", Amount: 300, Hard: true, Since: day("06 20:00"), Terminal: 10000007, Sentence: shut},
			{P: 0x17, State: "impossible", Amount: 0, Hard: true, Since: day("01 23:00"), Terminal: 30000002,
				Sentence: Text{"Counter 0017 was used twice with two valid cryptograms: the card exists twice.", "计数器 0017 出现两个有效 TC：存在克隆卡。"}},
		},
		Evidence: []Evidence{
			{ATC: 0x10, What: Text{"Load request", "圈存请求"}, Source: "host journal, line 10442", Stated: 2000, States: true, Checks: verified[:2]},
			{ATC: 0x14, What: Text{"Doubt row", "存疑流水"}, Source: "blocks/10000007.blocks, block 31, row 4", Stated: 11300, States: true, Checks: verified},
			{ATC: 0x15, What: Text{"Purchase", "消费"}, Source: "blocks/20000119.blocks, block 7, row 112", Stated: 11100, States: true, Checks: []Check{verified[0], verified[1],
				{Name: verified[2].Name, Result: Failed, Note: Text{"block 7 was signed with an expired key", "数据块 7 的签名密钥已过期"}}, {Name: Text{"Signature of the card (SDAD)", "卡片签名 SDAD"}, Result: NotDone, Note: Text{"no evidence part in the block", "数据块无证据部分"}}}},
		},
		Refunds: []Refund{
			{P: 0x14, Q: 0x16, Amount: 500, State: Reversed, What: Text{"Provisional credit", "先行垫付"}, At: day("03 09:00"), First: "li.wei", Second: "wang.fang"},
			{P: 0x14, Q: 0x15, Amount: 300, State: Withheld, What: Text{"Refund", "退款"}, At: day("06 20:00")},
		},
		Steps: []Step{{day("21 18:40"), Text{"The value after counter 0017 can no longer be changed by late rows.", "计数器 0017 之后的余额不再受迟到流水影响。"}},
			{0, Text{"The customer comes with the card: the copy is found by its own log.", "客户持卡到场：读取卡内日志以辨真伪。"}}},
		Alarms: []Text{{"Counter 0017: two valid cryptograms (clone). The card is frozen.", "计数器 0017：两个有效 TC（克隆），卡片已冻结。"}},
	}
}

// longCard has many taps, gaps, a load without a result and breaks of every state.
func longCard(t testing.TB) *Card {
	d := &Card{Key: card(t, 4242), Kind: Text{"Bank card, electronic cash", "银行卡电子现金"}, At: moment(t, "2026-12-20 12:00"), DueLeast: 1200, DueMost: 2150, DueOn: moment(t, "2026-12-30 00:00")}
	roll := dice(5)
	states := []string{"suspected", "expected", "provisional", "proven", "collectable", "late", "disproved", "unbacked", "impossible", "lost upload"}
	atc, value, at := uint16(0x0100), money.Fen(15000), moment(t, "2026-11-01 07:00")
	for i := range 240 {
		p := Point{ATC: atc, Time: at, What: Text{"purchase", "消费"}, Terminal: txn.TerminalID(10000000 + roll.below(400)), Least: value, Most: value, Change: -money.Fen(200 + roll.below(500))}
		if value < 2000 {
			p.What, p.Change = Text{"load", "圈存"}, 10000
		}
		if i%37 == 20 {
			p.Happened, p.Doubt, p.What = Open, true, Text{"doubt row", "存疑流水"}
		}
		least, most := p.after()
		step := uint16(1)
		if i%23 == 11 {
			step += uint16(1 + roll.below(4))
			least = max(0, least-money.Fen(roll.below(500)))
			d.Breaks = append(d.Breaks, Break{P: atc, Q: atc + step, State: states[len(d.Breaks)%len(states)], Amount: most - least, Open: money.Fen(i % 2 * 150), Missing: int(step) - 1,
				Hard: i%2 == 0, Since: at, Final: at + 20*86400, Terminal: p.Terminal, Sentence: Text{"Money was taken here and nobody has presented it.", "此处扣款尚无人上送。"}})
		}
		d.Points = append(d.Points, p)
		value, atc, at = least, atc+step, at+9000+roll.below(9000)
	}
	d.Least, d.Most, d.ValueAt, d.CertainOn = value, value+300, at, at+20*86400
	for i := range d.Points {
		d.Evidence = append(d.Evidence, Evidence{ATC: d.Points[i].ATC, What: Text{"Offline row", "脱机流水"}, Source: fmt.Sprintf("blocks/%d.blocks", d.Points[i].Terminal), Checks: []Check{{Name: Text{"Cryptogram (TC)", "交易证书 TC"}}}})
	}
	for i := range 6 {
		d.Refunds = append(d.Refunds, Refund{P: d.Breaks[i].P, Q: d.Breaks[i].Q, Amount: d.Breaks[i].Amount, State: RefundState(i), At: d.Breaks[i].Since, First: "li.wei", Second: "wang.fang"})
	}
	return d
}

// lineCases are cases of every kind of ending.
func lineCases(t testing.TB) []Case {
	at := moment(t, "2026-11-03 08:20")
	known := func(k twoloads.Kind, f money.Fen) twoloads.Known { return twoloads.Known{Kind: k, Amount: f} }
	step := func(days int64, k twoloads.Known) twoloads.Step { return twoloads.Step{At: at + days*86400, Known: k} }
	return []Case{
		{Card: card(t, 1001), ATC: 0x14, What: known(twoloads.FlashCard, 300), At: at,
			Knew:   twoloads.Days([]twoloads.Step{step(0, known(twoloads.FlashCard, 300))}, []twoloads.Step{step(9, known(twoloads.Waiting, 0)), step(29, known(twoloads.FlashCard, 300))}),
			Remark: Text{"A doubt row: the next tap decides.", "有存疑流水：下次刷卡即判定。"}},
		{Card: card(t, 1002), ATC: 0x40, What: known(twoloads.FlashLoad, 10000), At: at,
			Knew:   twoloads.Days([]twoloads.Step{step(1, known(twoloads.FlashLoad, 10000))}, []twoloads.Step{step(6, known(twoloads.Waiting, 0)), step(26, known(twoloads.FlashCard, 10450))}),
			Remark: Text{"A flash card of 4.50 lies between the two loads: the sum is right, the name is not.", "两次圈存之间另有闪卡 4.50 元：合计正确，名目错误。"}},
		{Card: card(t, 1003), ATC: 0x22, What: known(twoloads.FlashLoad, 5000), At: at,
			Knew: twoloads.Days([]twoloads.Step{step(2, known(twoloads.FlashLoad, 5000))}, []twoloads.Step{step(2, known(twoloads.FlashLoad, 5000))})},
		{Card: card(t, 1004), ATC: 0x31, What: known(twoloads.FlashCard, 400), At: at,
			Knew:   twoloads.Days([]twoloads.Step{step(0, known(twoloads.Missing, 400)), step(20, known(twoloads.FlashCard, 400))}, []twoloads.Step{step(14, known(twoloads.Waiting, 0)), step(34, known(twoloads.Clean, 0))}),
			Remark: Text{"A row that the card never paid hides it.", "一笔卡未扣款的流水将其掩盖。"}},
		{Card: card(t, 1005), ATC: 0x77, What: known(twoloads.FlashCard, 600), Knew: twoloads.Days([]twoloads.Step{step(3, known(twoloads.FlashCard, 600))}, nil)},
	}
}

func fullImport(t testing.TB) *Import {
	from, to := moment(t, "2026-10-01 06:00"), moment(t, "2026-11-30 23:00")
	d := &Import{Source: "sample/clearing-2026-11", At: to + 86400, From: from, To: to, Cards: 4210, Observations: 98114, Loads: 5120, Keys: true, Window: twoloads.Window,
		Files:    []File{{"ICOM-20261130.txt", Text{"offline transactions, fixed width", "脱机交易，定长"}, "GBK", 81002, 14}, {"load-journal.csv", Text{"load journal", "圈存流水"}, "UTF-8", 5120, 0}, {"f55.csv", Text{"F55 of online requests", "联机请求 55 域"}, "UTF-8", 12012, 3}},
		Refusals: []Refusal{{Text{"amount is no number", "金额非数字"}, 9, "ICOM-20261130.txt:118"}, {Text{"card number fails the check digit", "卡号校验位错误"}, 6, "ICOM-20261130.txt:2201"}, {Text{"9F10 is cut off", "9F10 不完整"}, 2, "f55.csv:77"}},
		Compared: &Compared{
			Timeline: Method{Cases: 180, Right: 171, RightSum: 6, Undecided: 3, Days: []int64{120, 20, 8, 4, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 3}},
			TwoLoads: Method{Cases: 180, Right: 96, RightSum: 31, Wrong: 22, Undecided: 4, None: 27, Days: []int64{9, 3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 14, 22, 18, 17, 15, 12, 10, 9, 6, 5, 4, 2, 1, 1, 0, 1}},
		}, Cases: lineCases(t)}
	roll := dice(3)
	find := func(i int) Finding {
		at := from + roll.below(to-from)
		return Finding{Card: card(t, 2000+i), ATC: uint16(roll.below(900)), Next: uint16(900 + i), Amount: money.Fen(100 + roll.below(900)), Hard: roll.below(3) > 0, At: at, DecidedOn: at + roll.below(22)*86400}
	}
	for i := range 120 {
		d.FlashCards = append(d.FlashCards, find(i))
	}
	for i := range 31 {
		f := find(300 + i)
		f.Amount, f.Next = 10000, 0
		d.FlashLoads = append(d.FlashLoads, f)
	}
	clone := find(700)
	clone.Where = []string{"ICOM-20261130.txt:118", "ICOM-20261130.txt:2201", "f55.csv:77", "f55.csv:78", "f55.csv:79"}
	clone.Sentence = Text{"One counter, two transactions with different amounts on the same morning.", "同一计数器，同日上午两笔金额不同的交易。"}
	d.Clones = []Finding{clone}
	d.Replays = []Finding{find(720)}
	for i := range 14 {
		d.Duplicates = append(d.Duplicates, find(500+i))
		f := find(600 + i)
		f.DecidedOn, f.Final, f.State, f.Open = 0, f.At+twoloads.Window, "expected", 150
		d.Undecided = append(d.Undecided, f)
		d.Open = append(d.Open, f)
	}
	return d
}

// softImport is an import without keys.
func softImport(t testing.TB) *Import {
	d := fullImport(t)
	d.Keys = false
	for _, l := range [...][]Finding{d.FlashCards, d.FlashLoads, d.Clones} {
		for i := range l {
			l[i].Hard = false
		}
	}
	return d
}

func fullTrial(t testing.TB) *Trial {
	d := &Trial{Title: Text{"Six rates, one week", "六档比率，一周"}, Seeds: "1-20", Cards: 12000, Days: 27, Solver: Text{"A naive solver plays every history of a card that its rows allow, and keeps what all of them say.", "朴素求解器枚举流水所允许的全部历史，仅保留其共同结论。"},
		Checks: []Hold{{Text{"Verdicts equal the naive solver's", "结论与朴素求解器一致"}, "412,339 / 412,339", true}, {Text{"No wrong refund", "无错误退款"}, "0", true}, {Text{"At least 95 % within 24 hours", "24 小时内不少于 95%"}, "97.2 %", true}, {Text{"Float identity", "备付金恒等式"}, "0", true}},
		Cases:  lineCases(t)}
	for i, name := range [...]Text{{"Default rates", "默认比率"}, {"Twice", "两倍"}, {"Five times", "五倍"}, {"Doubt rows lost", "存疑流水丢失"}, {"Late uploads", "迟到上送"}, {"Clocks wrong", "时钟偏差"}} {
		k := int64(i + 1)
		r := Rate{Name: name, Rate: Text{fmt.Sprintf("%d in 1000 taps", k), fmt.Sprintf("千分之 %d", k)}, Cards: 2000, Rows: 68000 + k, Injected: 300 * k, Decidable: 290 * k, Found: 290 * k, Undecided: 10 * k, Verdicts: 68000, Equal: 68000,
			Eligible: 200 * k, Soon: 200*k - k*k, Refunds: 280 * k, PolicyLoss: money.Fen(130 * k)}
		r.Timeline = Method{Cases: 300 * k, Right: 290 * k, Undecided: 10 * k, Days: []int64{250 * k, 20 * k, 10 * k}}
		r.Papers = Method{Cases: 300 * k, Right: 100 * k, RightSum: 60 * k, Wrong: 50 * k, Undecided: 40 * k, None: 50 * k, Days: []int64{3 * k, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 60 * k, 50 * k, 40 * k, 30 * k}}
		d.Rates = append(d.Rates, r)
	}
	d.Total = d.Rates[2]
	d.Total.Rows, d.Total.Cards = 412339, 12000
	return d
}
