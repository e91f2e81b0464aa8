package sample

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/files"
)

// written is a file with the number of its data lines.
type written struct {
	File
	lines int64
}

// coder writes text in the encoding of a file.
type coder struct{ gbk, bom bool }

// coderOf is the encoding of one kind of file. Mixed means that a bank's systems do not
// agree.
func coderOf(encoding string, name string) coder {
	switch encoding {
	case "gbk":
		return coder{gbk: true}
	case "utf-8":
		return coder{}
	}
	return map[string]coder{"t1": {gbk: true}, "clearing": {bom: true}, "loads": {gbk: true}, "doubts": {}}[name]
}

func (c coder) encode(utf8 []byte) ([]byte, error) {
	if !c.gbk {
		if c.bom {
			return append([]byte("\xEF\xBB\xBF"), utf8...), nil
		}
		return utf8, nil
	}
	out, bad := files.AppendGBK(nil, utf8)
	if bad != 0 {
		return nil, fmt.Errorf("write a file in GBK: character %q has no code", bad)
	}
	return out, nil
}

// writeAll writes the files of all days.
func writeAll(all [][]line, days int32, encoding string, again sentAgain) ([]written, error) {
	byDay := map[int32][]*line{}
	for _, lines := range all {
		for i := range lines {
			byDay[lines[i].day] = append(byDay[lines[i].day], &lines[i])
		}
	}
	w := &writer{encoding: encoding, again: again}
	for day := firstDay; day < firstDay+days; day++ {
		list := byDay[day]
		slices.SortFunc(list, func(a, b *line) int {
			ak, bk := a.card.Bytes(), b.card.Bytes()
			return cmp.Or(cmp.Compare(a.time, b.time), bytes.Compare(ak[:], bk[:]), cmp.Compare(a.atc, b.atc), cmp.Compare(a.terminal, b.terminal))
		})
		if err := w.day(day, list); err != nil {
			return nil, err
		}
	}
	return w.files, nil
}

type writer struct {
	encoding string
	again    sentAgain
	files    []written
}

// shops are what merchants are called; some names need quotation marks in CSV.
var shops = []string{"东风路便利店", "幸福里社区食堂", "老王早点,西门", "人民公园售票处", "科技大学一食堂", "\"好运\"超市"}

// day writes the files of one day.
func (w *writer) day(day int32, list []*line) error {
	pick := func(fits func(*line) bool) []*line {
		return slices.DeleteFunc(slices.Clone(list), func(x *line) bool { return !fits(x) })
	}
	rail := pick(func(x *line) bool { return x.kind == presented && x.terminal < firstShop })
	shop := pick(func(x *line) bool { return x.kind == presented && x.terminal >= firstShop })
	if err := w.t1(day, rail); err != nil {
		return err
	}
	if err := w.csv(day, "clearing", "主账号,卡片序列号,交易时间,清算日期,交易金额(分),终端号,商户名称,系统跟踪号,应答码,55域", shop, clearingLine); err != nil {
		return err
	}
	if day == w.again.shop && len(shop) > 0 {
		f := w.files[len(w.files)-1]
		f.Name = strings.TrimSuffix(f.Name, ".csv") + "-again.csv"
		w.files = append(w.files, f)
	}
	if err := w.csv(day, "loads", "time,card,psn,atc,balance_before,amount,result,channel,terminal,f55", pick(func(x *line) bool { return x.kind == load }), loadLine); err != nil {
		return err
	}
	if err := w.csv(day, "doubts", "报送日期,交易时间,卡号,卡序号,交易金额(分),终端号,商户名称,系统跟踪号,末条记录,已提供服务,55域", pick(func(x *line) bool { return x.kind == doubt }), doubtLine); err != nil {
		return err
	}
	w.dump(day, pick(func(x *line) bool { return x.kind == question55 }))
	return nil
}

func dateOf(day int32, layout string) string {
	return time.Unix(int64(day)*86400, 0).UTC().Format(layout)
}
func stamp(at int64, layout string) string { return time.Unix(at, 0).In(txn.CityTime).Format(layout) }

const moment = "2006-01-02 15:04:05"

func quote(s string) string {
	if strings.ContainsAny(s, ",\"") {
		return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
	}
	return s
}

func shopName(t txn.TerminalID) string { return shops[int(t)%len(shops)] }

func clearingLine(x *line) string {
	return fmt.Sprintf("%s,%02d,%s,%s,%d,%08d,%s,%06d,00,%X", x.card.PAN.Digits(), x.card.PSN, stamp(x.time, moment), dateOf(x.day, time.DateOnly), int64(x.amount), x.terminal,
		quote(shopName(x.terminal)), x.sequence, x.field55)
}

func loadLine(x *line) string {
	return fmt.Sprintf("%s,%s,%02d,%04X,%s,%s,%s,%s,%08d,%X", stamp(x.time, moment), x.card.PAN.Digits(), x.card.PSN, x.atc, yuan(x.before), yuan(x.amount), x.result,
		[]string{"手机银行", "网点柜面", "自助终端"}[int(x.atc)%3], x.terminal, x.field55)
}

func yuan(f money.Fen) string { return f.String() }

func doubtLine(x *line) string {
	service, word := "否", map[string]string{"": "未知", "yes": "是", "no": "否"}[x.word]
	if x.service {
		service = "是"
	}
	return fmt.Sprintf("%s,%s,%s,%02d,%d,%08d,%s,%06d,%s,%s,%X", dateOf(x.day, time.DateOnly), stamp(x.time, moment), x.card.PAN.Digits(), x.card.PSN, int64(x.amount), x.terminal,
		quote(shopName(x.terminal)), x.sequence, word, service, x.field55)
}

// csv writes one CSV file, unless it would have no lines.
func (w *writer) csv(day int32, name, header string, list []*line, text func(*line) string) error {
	if len(list) == 0 {
		return nil
	}
	var b bytes.Buffer
	b.WriteString(header + "\n")
	n := int64(0)
	for _, x := range list {
		for range 1 + x.copies {
			b.WriteString(text(x) + "\n")
			n++
		}
	}
	data, err := coderOf(w.encoding, name).encode(b.Bytes())
	if err != nil {
		return err
	}
	w.files = append(w.files, written{File{fmt.Sprintf("%s-%s.csv", name, dateOf(day, "20060102")), data}, n})
	return nil
}

// dump writes field 55 of questions at fixed places.
func (w *writer) dump(day int32, list []*line) {
	if len(list) == 0 {
		return
	}
	var b bytes.Buffer
	for _, x := range list {
		fmt.Fprintf(&b, "%s %-19s %02d %X\n", stamp(x.time, "20060102150405"), x.card.PAN.Digits(), x.card.PSN, x.field55)
	}
	w.files = append(w.files, written{File{fmt.Sprintf("f55-%s.txt", dateOf(day, "20060102")), b.Bytes()}, int64(len(list))})
}
