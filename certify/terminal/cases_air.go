package terminal

import (
	"bytes"
	"time"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// debitAir makes a contactless card one of full debit/credit.
func (s *spec) debitAir() {
	s.debit = true
	s.slot()
	s.fci.set(tlv.TagPDOL, pdolAir...)
}

var otherAirCases = []Case{
	{"debit-air", text("Debit/credit over the air", "非接触借贷记"), "JR/T 0025.12, contactless debit/credit",
		text("9F66 byte 1 bit 7 is set, and the transaction runs with GENERATE AC.", "9F66 字节 1 的 b7 置位，交易以 GENERATE AC 进行。"), end(offline), needDebitAir, plan{face: Contactless, air: "debit"}, func(v *verdict) {
			b := v.first(insGPO).values[tlv.TagTTQ]
			v.must(len(b) == 4 && b[0]&0x40 != 0, "expected bit 7 of 9F66 byte 1 to be set, got %X", b)
			v.gac(0, gacTC)
			v.count(insVerify, 0)
		}},
	{"debit-air-online", text("Debit/credit over the air, issuer approves", "非接触借贷记联机"), "JR/T 0025.12, contactless debit/credit",
		text("An ARQC leads to the issuer and to a second GENERATE AC.", "返回 ARQC 时联机并第二次生成密文。"), end(online), needDebitAir | needHost, plan{face: Contactless, air: "debit", card: given(gacARQC)}, func(v *verdict) {
			v.asked(1)
			v.gac(1, gacTC)
		}},
	{"debit-air-no-plain-pin", text("No plain PIN over the air", "非接触不传明文密码"), "JR/T 0025.12, contactless debit/credit",
		text("A PIN never goes to the card over the air, though its list wants it.", "即使 CVM 列表要求，密码也不经非接触送卡。"), follows, needDebitAir,
		plan{face: Contactless, air: "debit", card: rules(cvmPlain|andNext, always, cvmEnc|andNext, always, cvmNone, always)}, func(v *verdict) {
			v.count(insVerify, 0)
		}},
	{"debit-air-torn", text("Torn at the cryptogram over the air", "非接触生成密文时离开"), "JR/T 0025.12, contactless debit/credit",
		text("A debit/credit card that leaves without its cryptogram is not approved.", "借贷记卡未返回密文即离开时不批准。"), end(lost, failed), needDebitAir,
		plan{face: Contactless, air: "debit", card: func(s *spec) { s.edits = append(s.edits, at(insGAC, 1).unheard()) }}, func(*verdict) {}},
	{"stripe-air", text("Stripe data over the air", "非接触磁条数据"), "JR/T 0025.12-2010, MSD",
		text("A card that answers with track 2 and an ARQC is decided by the issuer, with no further command.", "卡片返回二磁道与 ARQC 时由发卡行决定。"), end(online), needStripe | needHost,
		plan{face: Contactless, air: "stripe", card: func(s *spec) { s.stripe = true; s.decide = cryptogram.ARQC }}, func(v *verdict) {
			b := v.first(insGPO).values[tlv.TagTTQ]
			v.must(len(b) == 4 && b[0]&0x80 != 0, "expected bit 8 of 9F66 byte 1 to be set, got %X", b)
			v.asked(1)
			v.over(v.first(insGPO))
		}},
	{"stripe-air-declined", text("Stripe data over the air, issuer declines", "非接触磁条数据被拒"), "JR/T 0025.12-2010, MSD",
		text("The issuer's decline is the end.", "发卡行拒绝即结束。"), end(declined), needStripe | needHost,
		plan{face: Contactless, air: "stripe", host: reply{code: "05"}, card: func(s *spec) { s.stripe = true; s.decide = cryptogram.ARQC }}, func(*verdict) {}},
	{"stripe-air-record", text("Track 2 in a record over the air", "非接触记录中的二磁道"), "JR/T 0025.12-2010, MSD",
		text("A card that answers with a file locator gives track 2 in a record, and the issuer decides on it.", "卡片返回 AFL 时从记录读取二磁道并由发卡行决定。"), end(online), needStripe | needHost,
		plan{face: Contactless, air: "stripe", card: func(s *spec) {
			s.stripe, s.byTrack, s.aip = true, true, [2]byte{}
			track := packed(panDigits(s.pan) + "D4912" + "201" + "0066123")
			s.records = []record{{sfi: 5, number: 1, objects: objects{{tlv.TagTrack2Equivalent, track}}}}
		}}, func(v *verdict) {
			v.reads()
			if v.asked(1) && v.tx.Host {
				got, want := v.host.asked[0].Track2, v.card.records[0].objects.get(tlv.TagTrack2Equivalent)
				v.must(bytes.HasPrefix(want, got) && len(got) >= len(want)-1, "expected the track 2 of the record in the request, got another")
			}
		}},
	{"stripe-air-no-track", text("No track 2 in the record", "记录缺少二磁道"), "JR/T 0025.12-2010, MSD",
		text("Without 57 there is nothing to ask the issuer about.", "缺少 57 时不联机。"), end(failed, declined), needStripe | needHost,
		plan{face: Contactless, air: "stripe", card: func(s *spec) {
			s.stripe, s.byTrack, s.aip = true, true, [2]byte{}
			s.records = []record{{sfi: 5, number: 1, objects: objects{{tlv.TagCardholderName, []byte("TEST/CARD")}}}}
		}}, func(v *verdict) {
			v.asked(0)
		}},
	{"balance-air", text("Balance over the air", "非接触余额查询"), "JR/T 0025.12, GET DATA",
		text("The balance is read with GET DATA, without processing options: no counter is used up.", "以取数据读余额，不取处理选项，不消耗计数器。"), end(offline), 0, plan{face: Contactless, kind: Balance, amount: func(*Setup) money.Fen { return 0 }}, func(v *verdict) {
			v.count(insGPO, 0)
			asked := false
			for _, x := range v.all(insGetData) {
				asked = asked || x.cmd.P1 == 0x9F && (x.cmd.P2 == 0x79 || x.cmd.P2 == 0x5D)
			}
			v.must(asked, "expected GET DATA of 9F79 or 9F5D")
			v.must(!v.reported.HasBalance || v.reported.Balance == v.card.balance, "expected the balance %v, got %v", v.card.balance, v.reported.Balance)
		}},
}

const t0Clause = "ISO/IEC 7816-4, 5.3.4; EMV Book 1, 9.3"

// waits has a T=0 card keep the data of a good answer for GET RESPONSE.
func waits(ins byte) func(*spec) {
	return func(s *spec) {
		e := at(ins, 1)
		e.do = func(x *exchange) { x.wait = true }
		s.edits = append(s.edits, e)
	}
}

// wrongLength has a T=0 card want the command again with the right length.
func wrongLength(ins byte) func(*spec) {
	return func(s *spec) {
		e := at(ins, 1)
		e.do = func(x *exchange) {
			if data, sw, err := apdu.ParseResponse(x.answer); err == nil && sw == apdu.SWOK && len(data) < 256 && x.cmd.Le != len(data) {
				x.answer = status(0x6C00 | apdu.SW(len(data)))
			}
		}
		s.edits = append(s.edits, e)
	}
}

var transportCases = []Case{
	{"t0-response", text("Answer waits (61xx)", "应答待取（61xx）"), t0Clause,
		text("61xx is followed by GET RESPONSE.", "61xx 之后发送 GET RESPONSE。"), end(offline), 0, plan{face: Contact, t0: true, card: waits(insSelect)}, func(v *verdict) {
			v.count(insResponse, 1)
			v.asked(0)
		}},
	{"t0-options", text("Processing options wait (61xx)", "处理选项待取（61xx）"), t0Clause,
		text("61xx to GET PROCESSING OPTIONS is followed by GET RESPONSE.", "取处理选项应答 61xx 后发送 GET RESPONSE。"), end(offline), 0, plan{face: Contact, t0: true, card: waits(insGPO)}, func(v *verdict) {
			v.count(insResponse, 1)
			v.asked(0)
		}},
	{"t0-cryptogram", text("Cryptogram waits (61xx)", "密文待取（61xx）"), t0Clause,
		text("61xx to GENERATE AC is followed by GET RESPONSE, and the command is not sent again.", "GENERATE AC 应答 61xx 后发送 GET RESPONSE，不重发命令。"), end(offline), 0, plan{face: Contact, t0: true, card: waits(insGAC)}, func(v *verdict) {
			v.count(insGAC, 1)
			v.count(insResponse, 1)
			v.asked(0)
		}},
	{"t0-length", text("Wrong length (6Cxx)", "长度错误（6Cxx）"), t0Clause,
		text("6Cxx is followed by the same command with that length.", "6Cxx 之后以该长度重发命令。"), end(offline), 0, plan{face: Contact, t0: true, card: wrongLength(insRead)}, func(v *verdict) {
			v.asked(0)
		}},
	{"t0-endless", text("GET RESPONSE without an end", "无休止的 61xx"), t0Clause,
		text("A card that always answers 61xx does not hold the terminal for ever.", "总是应答 61xx 的卡片不会使终端无休止等待。"), end(failed, declined, lost), 0,
		plan{face: Contact, t0: true, card: func(s *spec) {
			s.edits = append(s.edits, at(insSelect, 1).status(0x6110), at(insResponse, 0).status(0x6110))
		}}, func(*verdict) {}},
	{"late-contactless", text("Slow card over the air", "非接触慢卡"), "EMV Contactless Book D, frame waiting time",
		text("An answer that takes 400 ms is waited for.", "等待 400 毫秒的应答。"), end(offline), 0,
		plan{face: Contactless, card: func(s *spec) { s.edits = append(s.edits, at(insGPO, 1).late(400*time.Millisecond)) }}, func(v *verdict) {
			v.paid(1)
			v.asked(0)
		}},
	{"late-contact", text("Slow card over the contacts", "接触慢卡"), "ISO/IEC 7816-3, waiting time",
		text("A cryptogram that takes 600 ms is waited for.", "等待 600 毫秒的密文。"), end(offline), 0,
		plan{face: Contact, card: func(s *spec) { s.edits = append(s.edits, at(insGAC, 1).late(600*time.Millisecond)) }}, func(v *verdict) {
			v.asked(0)
		}},
	{"command-lengths", text("Expected length", "期望长度"), "EMV Book 3, 6.5",
		text("Commands that bring data back have a length byte of 00 (Le).", "有返回数据的命令带 Le=00。"), end(offline), 0, plan{face: Contactless}, func(v *verdict) {
			for _, x := range v.card.seen {
				v.must(x.cmd.Le == apdu.NoLe || x.cmd.Le == apdu.MaxShortLe, "expected Le 00 or none in %s, got %X", insName(x.cmd.INS), x.raw)
			}
		}},
}
