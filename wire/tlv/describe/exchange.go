package describe

import (
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/journey"
)

// Layouts of the electronic purse (JR/T 0025 electronic purse, JT/T 978) and of the
// low-value extension (JR/T 0025.14).
var (
	key       = span{1, "key index", "密钥索引", number}
	amount    = span{4, "amount", "金额", fen}
	terminal  = span{6, "terminal", "终端机编号", nil}
	balance   = span{4, "balance", "余额", purseBalance}
	online    = span{2, "online counter", "联机交易序号", number}
	offline   = span{2, "offline counter", "脱机交易序号", number}
	limit     = span{3, "overdraft limit", "透支限额", fen}
	version   = span{1, "key version", "密钥版本", number}
	algorithm = span{1, "algorithm", "算法标识", choice(codeTable{{"00", "3DES", "3DES"}, {"04", "SM4", "SM4"}})}
	random    = span{4, "random number", "随机数", nil}
	tradeDate = span{4, "date", "日期", nil}
	tradeTime = span{3, "time", "时间", nil}
	tac       = span{4, "TAC", "TAC", nil}
	mac       = span{4, "MAC", "MAC", nil}
	mac1      = span{4, "MAC1", "MAC1", nil}
	mac2      = span{4, "MAC2", "MAC2", nil}
	tradeType = span{1, "type", "交易类型", choice(codeTable{
		{"01", "load of the deposit", "存折圈存"}, {"02", "load", "圈存"}, {"03", "unload", "圈提"}, {"05", "purchase from the deposit", "存折消费"},
		{"06", "purchase", "消费"}, {"07", "overdraft update", "修改透支限额"}, {"09", "compound purchase", "复合消费"},
	})}
	identifier = span{2, "record identifier", "记录标识", choice(recordIDs)}
	counter    = span{2, "counter", "交易计数器", number}
)

// purseBalance is a balance of a purse, whose top bit is no part of it.
func purseBalance(b []byte, o Options) string {
	return fen([]byte{b[0] & 0x7F, b[1], b[2], b[3]}, o)
}

// forms are the commands whose data or answers have a fixed layout. P1 and P2 count
// where their mask says so.
var forms = []struct {
	cla, ins   byte
	p1, p1Mask byte
	p2, p2Mask byte
	command    []span
	answer     []span
}{
	{0x80, 0x50, 0x00, 0xFF, 0, 0, []span{key, amount, terminal}, []span{balance, online, version, algorithm, random, mac1}},
	{0x80, 0x50, 0x05, 0xFF, 0, 0, []span{key, amount, terminal}, []span{balance, online, version, algorithm, random, mac1}},
	{0x80, 0x50, 0x04, 0xFF, 0, 0, []span{key, terminal}, []span{balance, online, limit, version, algorithm, random, mac1}},
	{0x80, 0x50, 0x00, 0x00, 0, 0, []span{key, amount, terminal}, []span{balance, offline, limit, version, algorithm, random}},
	{0x80, 0x52, 0, 0, 0, 0, []span{tradeDate, tradeTime, mac2}, []span{tac}},
	{0x80, 0x54, 0x03, 0xFF, 0, 0, []span{tradeDate, tradeTime, mac2}, []span{{4, "MAC3", "MAC3", nil}}},
	{0x80, 0x54, 0, 0, 0, 0, []span{{4, "terminal's counter", "终端交易序号", number}, tradeDate, tradeTime, mac1}, []span{tac, mac2}},
	{0x80, 0x58, 0, 0, 0, 0, []span{limit, tradeDate, tradeTime, mac2}, []span{tac}},
	{0x80, 0x5A, 0, 0, 0x00, 0xFF, []span{counter}, []span{{8, "TC, zeros for a pre-authorisation", "TC，预授权为全零", nil}}},
	{0x80, 0x5A, 0, 0, 0, 0, []span{counter}, []span{mac, tac}},
	{0x80, 0x5C, 0, 0, 0, 0, nil, []span{balance}},
	{0x80, 0xB4, 0, 0, 0, 0, []span{identifier}, nil},
	{0x80, 0xB4, 0, 0, 0, 0, []span{identifier, {8, "random number", "随机数", nil}}, nil},
	{0x00, 0xB2, 0, 0, 0x18 << 3, 0xF8, nil, []span{offline, limit, amount, tradeType, terminal, tradeDate, tradeTime}},
}

// Exchange describes a command and its answer together, so that an answer whose form
// the command decides is told apart: trades of a purse, journey records, their logs.
// response may be nil. Errors are those of [Command] and [Response].
func Exchange(command, response []byte, o Options) (asked, answered []Item, err error) {
	if asked, err = Command(command, o); err != nil {
		return nil, nil, err
	}
	c, err := apdu.ParseCommand(command)
	if err != nil {
		return nil, nil, err
	}
	for i := range asked {
		if asked[i].Name == o.pick("data", "数据域") && !c.CarriesPIN() {
			refine(&asked[i], commandFields(c, asked[i].Offset, o))
		}
	}
	if response == nil {
		return asked, nil, nil
	}
	if answered, err = Response(response, o); err != nil {
		return nil, nil, err
	}
	if len(answered) == 2 {
		refine(&answered[0], answerFields(c, response[:len(response)-2], o))
	}
	return asked, answered, nil
}

// refine shows fields in place of the bytes of an item.
func refine(it *Item, fields []Item) {
	if fields != nil {
		it.Value, it.Fields, it.Masked, it.Note = "", fields, false, ""
	}
}

// commandFields are the fields of a command's data, nil if they have no known form.
func commandFields(c apdu.Command, offset int, o Options) []Item {
	if c.INS == 0xDE || c.INS == 0xDC && c.CLA&0x80 != 0 {
		return journeyFields(c.Data, offset, o)
	}
	for _, f := range forms {
		if c.CLA == f.cla && c.INS == f.ins && c.P1&f.p1Mask == f.p1 && c.P2&f.p2Mask == f.p2 && f.command != nil && length(f.command) == len(c.Data) {
			return cut(f.command, c.Data, offset, o)
		}
	}
	return nil
}

// answerFields are the fields of an answer's data, nil if they have no known form.
func answerFields(c apdu.Command, data []byte, o Options) []Item {
	if sfi := c.P2 >> 3; c.INS == 0xB4 || c.INS == 0xB2 && sfi >= 0x15 && sfi <= 0x1E && sfi != 0x18 {
		return journeyFields(data, 0, o)
	}
	for _, f := range forms {
		if c.CLA == f.cla && c.INS == f.ins && c.P1&f.p1Mask == f.p1 && c.P2&f.p2Mask == f.p2 && f.answer != nil && length(f.answer) == len(data) {
			return cut(f.answer, data, 0, o)
		}
	}
	return nil
}

// journeyFields are a journey record or a line of the log, and the code behind it if
// there is one; nil for other records.
func journeyFields(b []byte, offset int, o Options) []Item {
	for _, n := range [...]int{journey.Size, journey.TripSize} {
		if len(b) != n && len(b) != n+mac.n {
			continue
		}
		items, err := Journey(b[:n], o)
		if err != nil {
			return nil
		}
		shift(items, offset)
		if len(b) > n {
			items = append(items, cut([]span{mac}, b[n:], offset+n, o)...)
		}
		return items
	}
	return nil
}
