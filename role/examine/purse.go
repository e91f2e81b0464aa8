package examine

import (
	"encoding/binary"
	"fmt"

	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// purse is what the conversation told of an electronic purse, and its trade under way.
type purse struct {
	known  bool
	issuer [8]byte // bytes 0 to 7 of file 15
	serial [8]byte // bytes 12 to 19

	kind     byte // P1 of INITIALIZE, of the trade under way
	open     bool
	trade    epurse.Trade
	before   uint32
	counter  uint16
	alg      epurse.Alg
	random   [4]byte
	authCode []byte
}

// infoSize is the length of file 15, as the FCI gives it too (9F0C).
const infoSize = 30

// tagInfo is file 15 in the FCI of a purse.
const tagInfo tlv.Tag = 0x9F0C

// information takes file 15 from the FCI.
func (p *purse) information(fci []byte) {
	if v, ok := tlv.Find(fci, tlv.TagFCITemplate, tlv.TagFCIProprietary, tagInfo); ok {
		p.file15(v)
	}
}

func (p *purse) file15(v []byte) {
	if len(v) >= 20 {
		p.known, p.issuer, p.serial = true, [8]byte(v), [8]byte(v[12:])
	}
}

// keysOf gives the keys of the purse that is selected, zero ones if there are none.
func (e *examiner) keysOf() PurseKeys {
	for _, k := range e.keys.Purses {
		if e.purse.known && k.Serial == e.purse.serial {
			return k
		}
	}
	return PurseKeys{}
}

// tradeOf follows the commands of a purse; false for others.
func (e *examiner) tradeOf(seq int, c apdu.Command, data []byte, sw apdu.SW) bool {
	p := &e.purse
	switch {
	case c.CLA == 0x00 && c.INS == 0xB0 && c.P1 == 0x95 && c.P2 == 0 && len(data) >= infoSize-2:
		p.file15(data)
	case c.CLA == 0x80 && c.INS == 0xCA && c.P1 == 0 && c.P2 == 0:
		if len(data) == 9 {
			p.authCode = data
		}
	case c.CLA == 0x80 && c.INS == 0x50:
		e.initialise(seq, c, data)
	case c.CLA == 0x80 && c.INS == 0x52 && len(c.Data) == 11:
		e.credit(seq, c.Data, data, sw)
	case c.CLA == 0x80 && c.INS == 0x54 && len(c.Data) == 15:
		e.debit(seq, c.Data, data, sw)
	case c.CLA == 0x80 && (c.INS == 0x54 || c.INS == 0x58):
		e.find(seq, fmt.Sprintf(e.say("codes of %s", "%s的验证码"), name(c)), Unknown, e.noKeys())
	case c.CLA == 0x80 && c.INS == 0x5A && sw == apdu.SWOK:
		e.find(seq, e.say("proof of an earlier trade (GET TRANSACTION PROVE)", "交易证明（GET TRANSACTION PROVE）"), Unknown, e.noKeys())
	case c.CLA == 0x80 && c.INS == 0xB4 && len(c.Data) == 10 && sw == apdu.SWOK:
		e.find(seq, e.say("MAC of a journey record (READ CAPP DATA)", "行程记录的MAC（READ CAPP DATA）"), Unknown, e.noKeys())
	default:
		return false
	}
	return true
}

// initialise begins a trade. The form of the answer is by P1: loads and unloads prove
// the balance by MAC1, purchases do not.
func (e *examiner) initialise(seq int, c apdu.Command, data []byte) {
	p := &e.purse
	p.open = false
	var form int // where the algorithm stands
	switch {
	case len(c.Data) == 11 && len(data) == 16 && (c.P1 == 0 || c.P1 == 5):
		form = 7
	case len(c.Data) == 11 && len(data) == 15:
		form = 10
	case len(data) > 0:
		e.find(seq, e.say("MAC1 of INITIALIZE", "INITIALIZE的MAC1"), Unknown, e.noKeys())
		return
	default:
		return
	}
	alg, ok := epurse.AlgOf(data[form])
	if !ok {
		e.find(seq, e.say("codes of the trade", "交易验证码"), Unknown, fmt.Sprintf(e.say("algorithm %02X is not published", "算法 %02X 未公开"), data[form]))
		return
	}
	p.kind, p.open, p.alg, p.random = c.P1, true, alg, [4]byte(data[form+1:])
	p.before, p.counter = binary.BigEndian.Uint32(data), binary.BigEndian.Uint16(data[4:])
	p.trade = epurse.Trade{Type: typeOf(c.P1, c.P2), Amount: binary.BigEndian.Uint32(c.Data[1:]), Terminal: epurse.Terminal(c.Data[5:]), AuthCode: p.authCode}
	if form == 7 {
		k := e.keysOf().Load
		e.code(seq, e.say("MAC1 of the load, by the card", "圈存MAC1（卡片）"), k, data[12:], func() epurse.MAC {
			return epurse.LoadMAC1(p.session(k), p.before, &p.trade)
		})
	}
}

// typeOf is the type of a trade by P1 and P2 of INITIALIZE (JR/T 0025 electronic
// purse): deposit 01, purse 02.
func typeOf(p1, p2 byte) epurse.Type {
	switch p1 {
	case 0:
		return epurse.Type(p2) // 01 and 02
	case 1:
		return epurse.Type(4 + p2) // 05 and 06
	case 2:
		return 4
	case 3:
		return 9
	}
	return 3
}

func (p *purse) session(k epurse.Key) epurse.Session {
	return epurse.LoadSession(p.alg, k, p.random, p.counter)
}

// credit is the end of a load: MAC2 of the host, TAC of the card.
func (e *examiner) credit(seq int, sent, answer []byte, sw apdu.SW) {
	p, keys := &e.purse, e.keysOf()
	if !p.open {
		e.find(seq, e.say("MAC2 and TAC of a load", "圈存MAC2和TAC"), Unknown, e.say("the conversation does not have its beginning", "会话中没有其开始部分"))
		return
	}
	p.open = false
	copy(p.trade.Stamp[:], sent)
	e.code(seq, e.say("MAC2 of the load, by the issuer", "圈存MAC2（发卡方）"), keys.Load, sent[7:], func() epurse.MAC {
		return epurse.LoadMAC2(p.session(keys.Load), &p.trade)
	})
	if sw == apdu.SWOK && len(answer) == 4 {
		e.code(seq, e.say("TAC of the load", "圈存TAC"), keys.TAC, answer, func() epurse.MAC {
			return epurse.LoadTAC(epurse.TACSession(p.alg, keys.TAC), p.before+p.trade.Amount, p.counter, &p.trade)
		})
	}
}

// debit is the end of a purchase: MAC1 of the terminal's module, TAC and MAC2 of the
// card.
func (e *examiner) debit(seq int, sent, answer []byte, sw apdu.SW) {
	p, keys := &e.purse, e.keysOf()
	if !p.open {
		e.find(seq, e.say("MAC1, MAC2 and TAC of a purchase", "消费MAC1、MAC2和TAC"), Unknown, e.say("the conversation does not have its beginning", "会话中没有其开始部分"))
		return
	}
	p.open = false
	p.trade.TerminalSeq = binary.BigEndian.Uint32(sent)
	copy(p.trade.Stamp[:], sent[4:])
	session := func() epurse.Session {
		return epurse.PurchaseSession(p.alg, keys.Purchase, p.random, p.counter, p.trade.TerminalSeq)
	}
	e.code(seq, e.say("MAC1 of the purchase, by the security module", "消费MAC1（PSAM）"), keys.Purchase, sent[11:], func() epurse.MAC {
		return epurse.PurchaseMAC1(session(), &p.trade)
	})
	if sw != apdu.SWOK || len(answer) != 8 {
		return
	}
	e.code(seq, e.say("TAC of the purchase", "消费TAC"), keys.TAC, answer[:4], func() epurse.MAC {
		return epurse.PurchaseTAC(epurse.TACSession(p.alg, keys.TAC), &p.trade)
	})
	e.code(seq, e.say("MAC2 of the purchase, by the card", "消费MAC2（卡片）"), keys.Purchase, answer[4:], func() epurse.MAC {
		return epurse.PurchaseMAC2(session(), p.trade.Amount)
	})
}

// code judges one code of a trade under a key, if that is known.
func (e *examiner) code(seq int, what string, key epurse.Key, got []byte, want func() epurse.MAC) {
	switch {
	case key == epurse.Key{}:
		e.find(seq, what, Unknown, e.noKeys())
	case epurse.Equal(want(), got):
		e.find(seq, what, Verified, e.say("by the key given for this card", "使用所给的该卡密钥"))
	default:
		e.find(seq, what, Wrong, e.say("the key given for this card makes another one", "所给的该卡密钥得出不同结果"))
	}
}
