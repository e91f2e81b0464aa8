package describe

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/journey"
	"github.com/citycard/citycard/wire/tlv"
)

// span is a field of a fixed layout. text, if there is one, says its value in words.
type span struct {
	n      int
	en, zh string
	text   func(b []byte, o Options) string
}

// cut describes b by a layout that is as long as b.
func cut(layout []span, b []byte, offset int, o Options) []Item {
	f := fields{b: b, offset: offset, o: o}
	for _, s := range layout {
		v := f.b[:s.n]
		it := f.take(s.n, s.en, s.zh)
		if s.text != nil {
			it.Text = s.text(v, o)
		}
	}
	return f.items
}

// length is the bytes of a layout.
func length(layout []span) int {
	n := 0
	for _, s := range layout {
		n += s.n
	}
	return n
}

// number is a binary integer.
func number(b []byte, _ Options) string { return fmt.Sprint(integer(b)) }

func integer(b []byte) uint64 {
	var v [8]byte
	copy(v[8-len(b):], b)
	return binary.BigEndian.Uint64(v[:])
}

// fen is a binary amount.
func fen(b []byte, _ Options) string { return money.Fen(integer(b)).String() }

// balanceText is a balance after a trip, all ones where nobody knew it.
func balanceText(b []byte, o Options) string {
	if integer(b) == 1<<32-1 {
		return o.pick("not known", "未知")
	}
	return fen(b, o)
}

// metres are the distances of a journey record.
func metres(b []byte, _ Options) string { return fmt.Sprintf("%d m", integer(b)*journey.DistanceUnit) }

// moment is YYYYMMDDhhmmss in BCD.
func moment(b []byte, o Options) string {
	if integer(b) == 0 {
		return o.pick("none", "无")
	}
	return fmt.Sprintf("%X-%X-%X %X:%X:%X", b[:2], b[2:3], b[3:4], b[4:5], b[5:6], b[6:7])
}

// lastDay is a day of a journey record.
func lastDay(b []byte, o Options) string {
	if integer(b) == 0 {
		return o.pick("no end", "长期")
	}
	return journey.Day(integer(b)).String()
}

func month(b []byte, o Options) string {
	if integer(b) == 0 {
		return o.pick("none", "无")
	}
	return fmt.Sprintf("20%X-%X", b[:1], b[1:])
}

// choice gives a field of codes its words.
func choice(words codeTable) func([]byte, Options) string {
	return func(b []byte, o Options) string { return words.text(b, o) }
}

var (
	recordIDs = codeTable{{"0110", "metro", "地铁"}, {"2701", "bus", "公交"}, {"2702", "metro of a T-Union purse", "交通联合地铁"}}
	yesNo     = codeTable{{"00", "no", "否"}, {"01", "yes", "是"}}
	fareModes = codeTable{{"00", "none", "无"}, {"01", "section fare", "分段扣费"}, {"02", "pre-authorisation", "预授权"}}
	states    = codeTable{{"00", "never used", "未使用"}, {"01", "entered or boarded", "已进站/上车"}, {"02", "left or alighted", "已出站/下车"}}
	ways      = codeTable{{"00", "none", "无"}, {"AB", "from A to B", "上行"}, {"BA", "from B to A", "下行"}}
	tripTypes = codeTable{
		{"00", "empty", "空"}, {"01", "entry, electronic cash", "电子现金进站"}, {"02", "exit, electronic cash", "电子现金出站"}, {"03", "entry, purse", "电子钱包进站"},
		{"04", "exit, purse", "电子钱包出站"}, {"05", "single ride, electronic cash", "电子现金单次"}, {"06", "single ride, purse", "电子钱包单次"},
		{"07", "supplement, electronic cash", "电子现金补票"}, {"08", "supplement, purse", "电子钱包补票"},
	}
	trades = codeTable{{"01", "metro", "地铁"}, {"02", "bus", "公交"}, {"07", "parking", "停车"}, {"0C", "expressway", "高速公路"}}
)

// end is one end of a journey.
func end(en, zh string) []span {
	return []span{
		{2, en + ": city", zh + "城市", nil}, {8, en + ": institution", zh + "机构", nil}, {2, en + ": operator", zh + "运营商", number}, {2, en + ": line", zh + "线路", number},
		{1, en + ": stop", zh + "站点", number}, {8, en + ": vehicle", zh + "车辆", nil}, {8, en + ": terminal", zh + "终端", number}, {7, en + ": time", zh + "时间", moment},
	}
}

// recordLayout is the table of journey.Record.
var recordLayout = concat(
	[]span{
		{2, "identifier", "记录标识", choice(recordIDs)}, {1, "length", "长度", number}, {1, "valid", "有效", choice(yesNo)}, {1, "mode", "模式", choice(fareModes)},
		{1, "locked", "锁定", choice(yesNo)}, {8, "serial", "卡应用序列号", nil}, {1, "state", "状态", choice(states)},
	},
	end("entry", "进站"),
	[]span{{4, "overdue amount", "逾期金额", fen}, {1, "direction", "方向", choice(ways)}},
	end("exit", "出站"),
	[]span{
		{4, "amount", "金额", fen}, {2, "distance", "里程", metres}, {2, "month", "月份", month}, {3, "month's sum", "当月累计", fen}, {2, "counter of the entry", "进站计数器", number},
		{1, "concession", "优惠类别", number}, {2, "concession until", "优惠有效期", lastDay}, {1, "rides left", "剩余次数", number}, {2, "rides until", "计次有效期", lastDay},
		{3, "amount held", "预授权金额", fen}, {2, "station of the entry", "进站车站", number}, {2, "station of the exit", "出站车站", number}, {2, "rule book", "票价规则版本", number},
		{2, "position of boarding", "上车位置", metres}, {2, "transfer discount", "换乘优惠", fen},
	},
)

// tripLayout is the table of journey.Trip.
var tripLayout = []span{
	{1, "type", "类型", choice(tripTypes)}, {8, "terminal", "终端", number}, {1, "trade", "行业", choice(trades)}, {2, "line", "线路", number}, {2, "station or stop", "车站或站点", number},
	{2, "operator", "运营商", number}, {1, "direction", "方向", choice(ways)}, {4, "amount", "金额", fen}, {4, "balance after", "交易后余额", balanceText}, {7, "time", "时间", moment},
	{2, "city", "城市", nil}, {8, "institution", "机构", nil}, {2, "counter", "计数器", number}, {2, "rule book", "票价规则版本", number}, {1, "concession", "优惠类别", number},
	{1, "rides left", "剩余次数", number},
}

func concat(parts ...[]span) []span {
	var all []span
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// Journey describes a journey record of 128 bytes (files 15 and 1A) or a line of 48
// bytes of the log of journeys (file 1E), as package journey has them. The serial is
// masked. The error is a [*tlv.Error] that says what does not fit.
func Journey(b []byte, o Options) ([]Item, error) {
	layout := recordLayout
	_, err := journey.Decode(b)
	if len(b) == journey.TripSize {
		layout = tripLayout
		_, err = journey.DecodeTrip(b)
	}
	if err != nil {
		return nil, &tlv.Error{Reason: reason(err)}
	}
	items := cut(layout, b, 0, o)
	for i := range items {
		if items[i].Name == o.pick("serial", "卡应用序列号") && !o.ShowPAN {
			items[i].Value, items[i].Masked = "************"+items[i].Value[12:], true
		}
	}
	return items, nil
}

// reason is an error without the name of its kind, which the sentence around it says.
func reason(err error) string {
	text := err.Error()
	if kind := ": " + journey.ErrRecord.Error(); errors.Is(err, journey.ErrRecord) && len(text) > len(kind) {
		return text[:len(text)-len(kind)]
	}
	return text
}
