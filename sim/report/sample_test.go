package report

import (
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/citycard/citycard/fare/beijing"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// dice gives the invented figures of the sample days.
type dice uint64

func (d *dice) below(n int64) int64 {
	*d = *d*6364136223846793005 + 1442695040888963407
	return int64(uint64(*d)>>33) % n
}

// fullDay is an invented day on the whole network: figures of the right size,
// every part of the page filled.
func fullDay(t testing.TB) *Data {
	d := smallDay(t)
	d.Lines, d.Stations = wholeNetwork(t), nil
	roll := dice(7)
	seen := map[Text]bool{}
	for _, l := range d.Lines {
		for _, s := range l.Stops {
			if !seen[s.Name] {
				seen[s.Name] = true
				d.Stations = append(d.Stations, Station{s.Name, s.Next/9 + roll.below(9000), s.Next/9 + roll.below(9000)})
			}
		}
	}
	for _, b := range [...]struct {
		state string
		zero  bool
	}{{"suspected", true}, {"expected", false}, {"provisional", false}, {"collectable", false}, {"late", false}, {"disproved", false},
		{"unbacked", true}, {"impossible", false}, {"lost upload", false}} {
		for range 3 {
			p := uint16(0x10 + roll.below(400))
			q := p + 1 + uint16(roll.below(3))
			if b.zero {
				q = 0
			}
			d.Breaks = append(d.Breaks, Break{Card: card(t, fmt.Sprintf("621336%012d", roll.below(1e11))), P: p, Q: q, State: b.state,
				Amount: money.Fen(100 * (1 + roll.below(9))), Terminal: txn.TerminalID(20010000 + roll.below(9000))})
		}
	}
	return d
}

func wholeNetwork(t testing.TB) []Line {
	files := beijing.Files()
	var lines []Line
	at := map[string]int{}
	weight := map[string]int64{"10号线": 390, "4号线": 300, "1号线": 310, "6号线": 320, "5号线": 280, "13号线": 240, "昌平线": 210, "2号线": 200,
		"亦庄T1线": 6, "西郊线": 9, "首都机场线": 18, "大兴机场线": 16, "S1线": 30, "燕房线": 24, "11号线": 14}
	for _, r := range rows(t, files["lines.csv"]) {
		at[r[0]] = len(lines)
		metres, err := strconv.ParseInt(r[6], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, Line{Name: Text{r[2], r[0]}, Loop: r[4] == "true", Metres: metres, Color: r[7]})
	}
	for _, r := range rows(t, files["stations.csv"]) {
		l := &lines[at[r[0]]]
		l.Stops = append(l.Stops, Stop{Name: Text{ZH: r[3]}})
	}
	roll := dice(3)
	for i := range lines {
		w := weight[lines[i].Name.ZH]
		if w == 0 {
			w = 110
		}
		n := int64(len(lines[i].Stops))
		for j := range lines[i].Stops {
			middle := int64(j+1) * (n - int64(j)) * 4 * 1000 / (n + 1) / (n + 1)
			if lines[i].Loop {
				middle = 800 - 300*int64(j)*(n-int64(j))*4/n/n
			}
			lines[i].Stops[j].Next = w * (middle + roll.below(90))
		}
	}
	return lines
}

// rows is a CSV file without its heading.
func rows(t testing.TB, b []byte) [][]string {
	r := csv.NewReader(strings.NewReader(string(b)))
	all, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return all[1:]
}

func card(t testing.TB, digits string) txn.CardKey {
	pan, err := txn.ParsePAN(digits + string(txn.Luhn(digits)))
	if err != nil {
		t.Fatal(err)
	}
	return txn.CardKey{PAN: pan, PSN: 1}
}

// smallDay fills every part of the page, on a network of three lines.
func smallDay(t testing.TB) *Data {
	d := &Data{City: Text{"Beijing", "北京"}, Date: Date{2026, 3, 4}, Seed: 20260304, Riders: 2_716_402, Profile: "mix",
		Demand: Demand{Source: Text{"Entries and exits of one weekday of 2016 at 276 stations, every quarter of an hour, put on the network of 2026.",
			"2016 年某工作日 276 座车站每刻钟的进出站量，分配到 2026 年线网。"}, FitPerMillion: 417,
			Moves: []Move{{"八角游乐园", "古城", Text{"closed for rebuilding; trains pass without stopping.", "改造封站，列车通过不停。"}, 22_806, 23_114}}},
		Taps: 11_283_917, Approved: 11_169_124, OfflineRows: 11_240_655, Verified: 11_239_871, Cleared: 2_461_839_420,
		Flash:  Flash{Caused: 1843, Decidable: 1779, Found: 1779, Undecided: 64, Amount: 689_300, Open: 24_900},
		Blocks: Blocks{Delivered: 186_240, Accepted: 183_962, Waiting: 1201, Refused: []Count{{"bad signature", 120}, {"broken chain", 88}, {"sequence gap", 41}, {"replayed", 768}, {"unknown terminal", 60}}},
		Rows:   []Count{{"cleared", 6_137_220}, {"checkpoint", 5_031_904}, {"noted", 70_747}, {"bad_cryptogram", 310}, {"bad_balance_mac", 144}, {"duplicate", 205}, {"conflicting_counter", 37}, {"denied_card", 66}, {"late_over_limit", 22}},
		Tears:  Tears{Before: 9120, After: 4381, Recovered: 2538}}
	for i, k := range RefusalKeys {
		n := []int64{120, 88, 41, 768, 60, 310, 144, 205, 37, 66, 22}[i]
		d.Refusals = append(d.Refusals, Refusal{k, n, n})
	}
	sampleQuarters(d)
	d.Lines = []Line{
		{Name: Text{"Line 2", "2号线"}, Color: "#356094", Loop: true, Metres: 23000, Stops: []Stop{{Text{ZH: "西直门"}, 91000}, {Text{ZH: "积水潭"}, 80500}, {Text{ZH: "鼓楼大街"}, 77300}, {Text{ZH: "东直门"}, 69000}}},
		{Name: Text{"Line 13", "13号线"}, Color: "#F4E636", Metres: 40403, Stops: []Stop{{Text{ZH: "西直门"}, 155000}, {Text{ZH: "大钟寺"}, 171000}, {Text{ZH: "上地"}, 210000}, {Text{ZH: "东直门"}, 0}}},
		{Name: Text{"Yizhuang T1 Line", "亦庄T1线"}, Color: "#BA0F1E", Metres: 11744, Stops: []Stop{{Text{"Quzhuang", "屈庄"}, 900}, {Text{"Rongchang Dongjie", "荣昌东街"}, 0}}},
	}
	d.Stations = []Station{{Text{ZH: "大钟寺"}, 31000, 30500}, {Text{ZH: "西直门"}, 88000, 86400}, {Text{"Quzhuang", "屈庄"}, 410, 388}, {Text{ZH: "上地"}, 61000, 62200}}
	sampleMoney(d)
	sampleBreaks(t, d)
	return d
}

func sampleQuarters(d *Data) {
	roll := dice(11)
	shape := func(i, centre, width int64) int64 {
		x := (int64(i) - centre) * 100 / width
		return 1_000_000 / (100 + x*x/40)
	}
	for i := int64(20); i < 93; i++ {
		v := shape(i, 32, 5)*9 + shape(i, 73, 6)*8 + 9000 + roll.below(1800)
		if i < 24 || i > 86 {
			v /= 4
		}
		out := shape(i, 34, 5)*9 + shape(i, 75, 6)*8 + 8600 + roll.below(1800)
		if i < 24 || i > 88 {
			out /= 4
		}
		d.Quarters[i] = Quarter{v, out, v/9 + roll.below(700)}
	}
}

func sampleMoney(d *Data) {
	issuer, acquirer := Text{"issuer", "发卡方"}, Text{"acquirer", "收单方"}
	d.Participants = []Participant{
		{"04031000", Text{"Bank of Beijing", "北京银行"}, issuer, 0}, {"01020000", Text{"ICBC", "工商银行"}, issuer, 0},
		{"01030000", Text{"Agricultural Bank", "农业银行"}, issuer, 0}, {"01040000", Text{"Bank of China", "中国银行"}, issuer, 0},
		{"48021001", Text{"Metro acquirer", "轨道交通收单"}, acquirer, 0}, {"48021002", Text{"Bus acquirer", "公交收单"}, acquirer, 0},
		{"48020000", Text{"Switch network", "转接清算网络"}, Text{"network", "网络"}, 0}}
	d.Nets = []Net{{0, 4, 1_031_422_310, 2_604_118}, {0, 5, 91_020_400, 611_002}, {1, 4, 540_117_905, 1_331_744}, {1, 5, 47_551_010, 301_441}, {2, 4, 398_110_440, 902_117},
		{2, 5, 30_114_200, 201_882}, {3, 4, 300_982_155, 720_306}, {3, 5, 22_521_000, 150_610}, {0, 6, 321_080, 3_215_120}, {1, 6, 163_320, 1_633_185}, {4, 6, 555_830, 5_558_285}, {5, 6, 126_490, 1_264_935}}
	for i, v := range positions(d) {
		d.Participants[i].Position = v
	}
	d.Operators = []Operator{
		{Text{"Beijing Subway", "北京市地铁运营有限公司"}, 1_482_993_400, 61_034_221_900, 4_402_118}, {Text{"Beijing MTR", "北京京港地铁有限公司"}, 571_280_655, 21_880_345_000, 1_693_027},
		{Text{"Beijing Metro Operation", "北京市轨道交通运营管理有限公司"}, 128_337_940, 4_120_997_300, 300_511}, {Text{"Jingcheng Metro", "北京京城地铁有限公司"}, 61_220_500, 590_220_000, 30_920},
		{Text{"Beijing Public Transport Tramway", "北京公交有轨电车有限公司"}, 3_120_300, 44_910_000, 20_114}, {Text{"City buses", "城市公交"}, 191_206_610, 0, 1_264_935}}
	d.Fees = []Fee{{Text{"Issuer fee", "发卡行手续费"}, acquirer, issuer, 6_137_220, 8_616_437}, {Text{"Network fee", "网络服务费"}, Text{"both sides", "双方"}, Text{"network", "网络"}, 12_274_440, 1_166_720},
		{Text{"Merchant fee", "商户手续费"}, Text{"operators", "运营商"}, acquirer, 6_137_220, 12_309_197}}
	d.Rebates = []Rebate{{Text{"Monthly discount, sum not readable at the gate", "月累计优惠，闸机未读到累计额"}, 1402, 188_200}, {Text{"Early bird, entry before 07:00", "低峰优惠（7:00 前进站）"}, 60_233, 12_046_600}}
}

func sampleBreaks(t testing.TB, d *Data) {
	d.States = []StateCount{{"proven", 1204, 471_800}, {"collectable", 575, 217_500}, {"late", 311, 118_200}, {"disproved", 9220, 3_688_000}, {"suspected", 41, 15_900}, {"expected", 23, 9000},
		{"provisional", 12, 4800}, {"lost upload", 7, 2100}, {"unbacked", 3, 1200}, {"impossible", 2, 20_000}}
	open := int64(10_210)
	roll := dice(5)
	for i := range 26 {
		v := Day{Offset: i, Open: open, OpenAmount: money.Fen(open * 392), Late: 900/int64(i+1) + roll.below(40)}
		v.LateAmount = money.Fen(v.Late * 371)
		if i > 0 {
			v.Refunds = 700/int64(i*i) + roll.below(12)
			v.RefundAmount = money.Fen(v.Refunds * 402)
		}
		d.Days = append(d.Days, v)
		open = open*3/5 + 60
	}
	d.Breaks = []Break{
		{Card: card(t, "621030000000111"), P: 0x14, Q: 0x15, State: "proven", Amount: 300, Terminal: 20011734},
		{Card: card(t, "621226000000022204"), P: 0x16, State: "collectable", Amount: 500, Terminal: 20011001,
			Verdict: Text{"The next tap shows that 5 yuan left the card; the passage sensor saw the rider.", "下一次刷卡表明卡内已少 5 元；通行传感器记录乘客已过闸。"}},
	}
	for i, name := range []string{"IND26030401ICOM", "IND26030401IIC", "blocks.seg", "truth.csv"} {
		d.Files = append(d.Files, File{name, []Text{{"Items, issuer side", "发卡侧一般交易流水"}, {"IC data, issuer side", "发卡侧 IC 数据"}, {"Sealed blocks", "密封数据块"}, {"Books of truth", "真值账"}}[i],
			[]int64{742_113_402, 1_310_442_008, 1_580_221_440, 94_220}[i], []int64{2_604_118, 2_604_118, 183_962, 1843}[i], hex.EncodeToString(slices.Repeat([]byte{byte(17 * (i + 3))}, 32)), i == 3})
	}
}
