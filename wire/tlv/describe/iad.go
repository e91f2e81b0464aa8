package describe

import (
	"fmt"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/tlv"
)

// iadHead is the length that the first byte of a PBOC issuer application data
// says: DKI, CVN, CVR with its length byte, and the algorithm.
const iadHead = 7

// IAD describes issuer application data, tag 9F10 (JR/T 0025.5, and the issuer
// discretionary data of JR/T 0025.12 annex D):
//
//	07 | DKI | CVN | 03 CVR(3) | algorithm | [ length | id | amounts | MAC(4) ]
//
// The error is a [*tlv.Error].
func IAD(b []byte, o Options) (Item, error) {
	return Value(tlv.TagIAD, b, o)
}

func iad(b []byte, offset int, o Options) (Item, error) {
	info, _ := tlv.Lookup(tlv.TagIAD)
	it := Item{Offset: offset, Tag: tlv.TagIAD.String(), Name: info.NameIn(o.Lang), Length: len(b), Value: upperHex(b)}
	f := fields{b: b, offset: offset, o: o}
	if err := f.iad(); err != nil {
		return Item{}, err
	}
	it.Fields = f.items
	return it, nil
}

// splitIAD leaves data in another scheme's form as hexadecimal with a note.
func splitIAD(it *Item, n *tlv.Node, o Options) {
	f := fields{b: n.Value, offset: n.ValueOffset, o: o}
	if err := f.iad(); err != nil {
		it.Note = o.pick("not in the form of PBOC: ", "不是PBOC格式：") + err.Reason
		return
	}
	it.Fields = f.items
}

func (f *fields) wrong(at int, format string, args ...any) *tlv.Error {
	return &tlv.Error{Offset: f.offset + at, Path: []tlv.Tag{tlv.TagIAD}, Reason: fmt.Sprintf(format, args...)}
}

func (f *fields) iad() *tlv.Error {
	b := f.b
	switch {
	case len(b) > 0 && b[0] != iadHead:
		return f.wrong(0, "it begins with %02X; 07 is the length of the PBOC part", b[0])
	case len(b) < 1+iadHead:
		return f.wrong(len(b), "%d bytes; at least %d are needed", len(b), 1+iadHead)
	case b[3] != 3:
		return f.wrong(3, "the CVR has the length %02X; it must be 03", b[3])
	}
	f.take(1, "length", "长度")
	f.take(1, "derivation key index (DKI)", "密钥索引（DKI）")
	cvn := f.take(1, "cryptogram version (CVN)", "密文版本号（CVN）")
	cvn.Text = code(cvnCodes, b[2], f.o)
	f.take(1, "CVR length", "CVR长度")
	cvr := f.take(3, "card verification results (CVR)", "卡片验证结果（CVR）")
	cvr.Bits = find(cvrRules[:], []byte{b[4], b[5], b[6] & 0x0F}, f.o)
	if n := b[6] >> 4; n > 0 {
		cvr.Bits = append(cvr.Bits, Bit{Byte: 3, Bits: bitNames(0xF0), Text: f.o.pick(
			fmt.Sprintf("%d script commands on the last transaction", n), fmt.Sprintf("上次交易脚本命令%d条", n))})
	}
	alg := f.take(1, "algorithm", "算法标识")
	alg.Text = code(algorithmCodes, b[7], f.o)
	if len(f.b) == 0 {
		return nil
	}
	return f.idd()
}

// idd takes the issuer discretionary data. A card is personalised with the
// length and the id alone, and fills in the rest when it answers.
func (f *fields) idd() *tlv.Error {
	b := f.b
	if len(b) == 2 && (b[0] == 0x0A || b[0] == 0x0F) {
		f.take(1, "issuer discretionary data length", "发卡行自定义数据长度")
		id := f.take(1, "id to be returned (personalised form)", "要求返回的标识（个人化形式）")
		id.Text = code(iddCodes, b[1], f.o)
		return nil
	}
	n := int(b[0])
	switch {
	case n != len(b)-1:
		return f.wrong(0, "the issuer discretionary data say %d bytes but %d follow", n, len(b)-1)
	case n != 0x0A && n != 0x0F:
		return f.wrong(0, "the issuer discretionary data have %d bytes; 10 or 15 are possible", n)
	}
	f.take(1, "issuer discretionary data length", "发卡行自定义数据长度")
	id := f.take(1, "id", "标识")
	id.Text = code(iddCodes, b[1], f.o)
	for range (n - 5) / 5 {
		v := f.b[:5]
		amount := f.take(5, "amount", "金额")
		if fen, err := money.FromN12(append([]byte{0}, v...)); err == nil {
			amount.Text = fen.String()
		} else {
			amount.Note = f.o.pick("not decimal digits", "不是十进制数字")
		}
	}
	f.take(4, "MAC", "MAC")
	return nil
}
