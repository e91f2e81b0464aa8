package describe

import (
	"errors"
	"fmt"

	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// Command describes a command APDU. The error is an [*apdu.Error].
func Command(b []byte, o Options) ([]Item, error) {
	c, err := apdu.ParseCommand(b)
	if err != nil {
		return nil, err
	}
	f := fields{b: b, o: o}
	f.take(1, "CLA", "CLA")
	ins := f.take(1, "INS", "INS")
	ins.Text = c.Name()
	if ins.Text == "" {
		ins.Note = o.pick("unknown instruction", "未知指令")
	}
	f.take(1, "P1", "P1").Text = p1Text(c, o)
	f.take(1, "P2", "P2").Text = p2Text(c, o)
	if len(c.Data) > 0 {
		lc := 1
		if b[4] == 0 {
			lc = 3
		}
		f.take(lc, "Lc", "Lc").Text = fmt.Sprint(len(c.Data))
		f.items = append(f.items, dataField(c, f.offset, o))
		f.b, f.offset = f.b[len(c.Data):], f.offset+len(c.Data)
	}
	if c.Le != apdu.NoLe {
		f.take(len(f.b), "Le", "Le").Text = fmt.Sprint(c.Le)
	}
	return f.items, nil
}

// dataField shows data objects where the data field consists of such. The data
// of a command that carries a PIN are hidden.
func dataField(c apdu.Command, offset int, o Options) Item {
	it := Item{Offset: offset, Name: o.pick("data", "数据域"), Length: len(c.Data)}
	if c.CarriesPIN() {
		it.Value, it.Masked = hidden(c.Data, 0), true
		return it
	}
	switch {
	case c.INS == 0xA4 && c.P1 == 0x04:
		it.Value = upperHex(c.Data)
		applicationName(&it, &tlv.Node{Value: c.Data}, o)
	case c.INS == 0xDA && c.CLA&0x80 == 0:
		putData(&it, c, offset, o)
	default:
		dataOrHex(&it, c.Data, offset, o)
	}
	return it
}

// putData reads the data of PUT DATA: the value of the tag P1 P2, in a script
// followed by a MAC of four bytes (JR/T 0025.5).
func putData(it *Item, c apdu.Command, offset int, o Options) {
	tag := tlv.Tag(c.P1)<<8 | tlv.Tag(c.P2)
	info, ok := tlv.Lookup(tag)
	n := len(c.Data)
	if c.CLA&0x04 != 0 {
		n -= 4
	}
	if !ok || n < 0 || !info.LengthOK(n) {
		it.Value, it.Masked = rawHex(c.Data, o)
		return
	}
	it.Fields = []Item{object(&tlv.Node{Tag: tag, Value: c.Data[:n], Offset: offset, ValueOffset: offset}, o)}
	if mac := c.Data[n:]; len(mac) > 0 {
		it.Fields = append(it.Fields, Item{Offset: offset + n, Name: "MAC", Length: len(mac), Value: upperHex(mac)})
	}
}

// dataOrHex shows b as data objects if it parses and begins with a tag of the
// dictionary. If it is a template or a card number that is cut short or
// malformed, it is hidden, since the number could stand anywhere in it.
func dataOrHex(it *Item, b []byte, offset int, o Options) {
	nodes, err := tlv.Parse(b)
	if err == nil && len(nodes) > 0 {
		if _, known := tlv.Lookup(nodes[0].Tag); known {
			it.Fields = Nodes(nodes, o)
			shift(it.Fields, offset)
			return
		}
	}
	if err != nil && !o.ShowPAN && mayHoldPAN(b, err) {
		it.Value, it.Masked = hidden(b, 0), true
		it.Note = o.pick("hidden, because it is cut short or malformed: ", "数据不完整或有错，故不显示：") + err.Error()
		return
	}
	it.Value, it.Masked = rawHex(b, o)
}

// mayHoldPAN judges data that failed to parse by its first tag and by the
// outermost tag around the fault.
func mayHoldPAN(b []byte, err error) bool {
	var tags []tlv.Tag
	if it := tlv.Iterate(b); it.Next() {
		tags = append(tags, it.Tag)
	}
	var e *tlv.Error
	if errors.As(err, &e) && len(e.Path) > 0 {
		tags = append(tags, e.Path[0])
	}
	for _, tag := range tags {
		if info, known := tlv.Lookup(tag); known && (info.Format == tlv.FormatTemplate || info.Secret != tlv.Public) {
			return true
		}
	}
	return false
}

func shift(items []Item, by int) {
	for i := range items {
		items[i].Offset += by
		shift(items[i].Fields, by)
	}
}

func p1Text(c apdu.Command, o Options) string {
	switch c.INS {
	case 0xAE:
		return code(codeTable{
			{"00", "AAC", "AAC"}, {"40", "TC", "TC"}, {"80", "ARQC", "ARQC"},
		}, c.P1&0xC0, o)
	case 0xB2, 0xDC:
		return o.pick(fmt.Sprintf("record %d", c.P1), fmt.Sprintf("记录%d", c.P1))
	}
	return ""
}

func p2Text(c apdu.Command, o Options) string {
	switch c.INS {
	case 0xB2, 0xDC, 0xB4, 0xDE:
		return fmt.Sprintf("SFI %d", c.P2>>3)
	case 0xCA, 0xDA:
		if info, ok := tlv.Lookup(tlv.Tag(c.P1)<<8 | tlv.Tag(c.P2)); ok {
			return info.NameIn(o.Lang)
		}
	}
	return ""
}

// Response describes a response APDU. The error is an [*apdu.Error].
func Response(b []byte, o Options) ([]Item, error) {
	data, sw, err := apdu.ParseResponse(b)
	if err != nil {
		return nil, err
	}
	var items []Item
	if len(data) > 0 {
		it := Item{Name: o.pick("data", "数据域"), Length: len(data)}
		dataOrHex(&it, data, 0, o)
		items = append(items, it)
	}
	return append(items, Item{Offset: len(data), Name: "SW", Length: 2, Value: sw.String(), Text: sw.Meaning(o.Lang)}), nil
}
