package certify

import (
	"bytes"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/wire/tlv"
)

const (
	iadClause = "JR/T 0025.5, 9F10"
	cvrClause = "JR/T 0025.5, card verification results"
	idd       = "JR/T 0025.12, annex D"
	acClause  = "JR/T 0025.7, application cryptogram; EMV Book 2, 8.1"
)

var cryptogramCases = []Case{
	{"iad-layout", Text{"Layout of 9F10", "9F10 的结构"}, iadClause,
		Text{"9F10 is 07, key index, version, 03, CVR, algorithm, and discretionary data of a known form.", "9F10 依次为 07、密钥索引、版本、03、CVR、算法及已知格式的自定义数据。"}, needContactless, func(s *session) {
			s.qpboc(s.reader(readerGate, 1))
			s.qpboc(s.reader(readerOnlineAsked, 1))
		}},
	{"iad-steady", Text{"Index, version and algorithm are steady", "索引、版本与算法不变"}, iadClause,
		Text{"Key index, cryptogram version and algorithm are the same in every transaction with the same reader.", "同类终端的每次交易中密钥索引、密文版本与算法相同。"}, needContactless, func(s *session) {
			a, b := s.qpboc(s.reader(readerGate, 1)).iad, s.qpboc(s.reader(readerOnlineAsked, 1)).iad
			s.must(a.DKI == b.DKI && a.CVN == b.CVN && a.Alg == b.Alg, "expected the same index, version and algorithm, got %X %v %v and %X %v %v", a.DKI, a.CVN, a.Alg, b.DKI, b.CVN, b.Alg)
		}},
	{"cvr-approved", Text{"CVR of an approval", "批准时的 CVR"}, cvrClause,
		Text{"The first byte of the CVR of an offline approval is 90: second cryptogram not asked for, first a TC.", "脱机批准时 CVR 首字节为 90：未请求第二次密文，首次为 TC。"}, needContactless | needCash, func(s *session) {
			s.mustCVR(s.approval(), 0x90)
		}},
	{"cvr-online", Text{"CVR of an online request", "联机请求时的 CVR"}, cvrClause,
		Text{"The first byte of the CVR of an online request is A0.", "联机请求时 CVR 首字节为 A0。"}, needContactless, func(s *session) {
			p := s.qpboc(s.reader(readerOnlineAsked, 1))
			if p.iad.Result() != cryptogram.ARQC {
				s.skip("this card does not go online here", "该卡此处不联机")
			}
			s.mustCVR(p, 0xA0)
		}},
	{"cvr-declined", Text{"CVR of a decline", "拒绝时的 CVR"}, cvrClause,
		Text{"The first byte of the CVR of a decline is 80.", "拒绝时 CVR 首字节为 80。"}, needContactless | needCash | needOptions, func(s *session) {
			s.mustCVR(s.tooMuch(), 0x80)
		}},
	{"cvr-reserved", Text{"Reserved bit of the CVR", "CVR 保留位"}, cvrClause,
		Text{"The last bit of the CVR is zero.", "CVR 末位为零。"}, needContactless, func(s *session) {
			p := s.qpboc(s.reader(readerGate, 1))
			s.must(p.iad.CVR[2]&1 == 0, "expected bit 1 of the third CVR byte to be zero, got %X", p.iad.CVR)
		}},
	{"ac-unique", Text{"Cryptograms differ", "密文互不相同"}, acClause,
		Text{"Five transactions of the same amount have five cryptograms.", "五次同额交易产生五个不同密文。"}, needContactless, func(s *session) {
			seen := map[[8]byte]bool{}
			for range 5 {
				p := s.qpboc(s.reader(readerGate, 1))
				s.must(!seen[p.ac] && p.ac != [8]byte{}, "expected a new cryptogram, got %X", p.ac)
				seen[p.ac] = true
			}
		}},
	{"ac-approved", Text{"Cryptogram of an approval", "批准密文 TC"}, acClause,
		Text{"The TC is right under the issuer's keys.", "TC 在发卡行密钥下正确。"}, needContactless | needCash | needKeys, func(s *session) {
			s.checkAnswerAC(s.approval())
		}},
	{"ac-online", Text{"Cryptogram of an online request", "联机请求密文 ARQC"}, acClause,
		Text{"The ARQC is right under the issuer's keys.", "ARQC 在发卡行密钥下正确。"}, needContactless | needKeys, func(s *session) {
			s.checkAnswerAC(s.qpboc(s.reader(readerOnlineAsked, 12345)))
		}},
	{"ac-declined", Text{"Cryptogram of a decline", "拒绝密文 AAC"}, acClause,
		Text{"The AAC is right under the issuer's keys.", "AAC 在发卡行密钥下正确。"}, needContactless | needCash | needOptions | needKeys, func(s *session) {
			s.checkAnswerAC(s.tooMuch())
		}},
	{"ac-zero", Text{"Cryptogram over nothing", "零金额密文"}, acClause,
		Text{"The cryptogram of a payment of 0 fen is right.", "零金额交易的密文正确。"}, needContactless | needKeys, func(s *session) {
			s.checkAnswerAC(s.qpboc(s.reader(readerGate, 0)))
		}},
	{"ac-input", Text{"Cryptogram covers what the reader says", "密文覆盖终端数据"}, acClause,
		Text{"With other date, type, country, results and cash back the cryptogram is right over these.", "改变日期、类型、国家、验证结果与返现金额后，密文仍对新数据正确。"}, needContactless | needKeys, func(s *session) {
			t := s.reader(readerGate, 1)
			t.other, t.country, t.tvr = [6]byte{0, 0, 0, 0, 0, 0x77}, [2]byte{0x08, 0x40}, [5]byte{0x80, 1, 2, 3, 4}
			t.date, t.kind = [3]byte{0x28, 0x02, 0x29}, 0x20
			s.checkAnswerAC(s.qpboc(t))
		}},
	{"ac-sm", Text{"SM4 cryptograms", "SM4 密文"}, "JR/T 0025.17, cryptograms",
		Text{"A card with SM algorithms makes right cryptograms with SM4 for a reader that has them.", "支持国密的卡对支持国密的终端产生正确的 SM4 密文。"}, needContactless | needKeys, func(s *session) {
			s.cryptogramWith(1, cryptogram.SM4)
		}},
	{"ac-3des", Text{"3DES cryptograms", "3DES 密文"}, "EMV Book 2, A1.2",
		Text{"A card with international algorithms makes right cryptograms with 3DES for a reader without SM algorithms.", "支持国际算法的卡对不支持国密的终端产生正确的 3DES 密文。"}, needContactless | needKeys, func(s *session) {
			s.cryptogramWith(0, cryptogram.TDES)
		}},
	{"idd-approved", Text{"Balance after an approval", "批准后的余额"}, idd,
		Text{"The balance in 9F10 of a TC is the balance after deduction.", "TC 的 9F10 中余额为扣款后的余额。"}, needContactless | needCash, func(s *session) {
			s.selectAir()
			before := s.balanceNow()
			got, ok := s.approval().iad.Balance()
			if !ok {
				s.skip("9F10 does not state the balance", "9F10 不含余额")
			}
			s.must(got == before-1, "expected the balance %v in 9F10, got %v", before-1, got)
		}},
	{"idd-online", Text{"Balance in an online request", "联机请求中的余额"}, idd,
		Text{"The balance in 9F10 of an ARQC is the present one.", "ARQC 的 9F10 中余额为当前余额。"}, needContactless | needCash, func(s *session) {
			s.selectAir()
			before := s.balanceNow()
			p := s.qpbocHere(s.reader(readerOnlineAsked, 1))
			got, ok := p.iad.Balance()
			if !ok || p.iad.Result() != cryptogram.ARQC {
				s.skip("9F10 does not state the balance, or no ARQC", "9F10 不含余额或非 ARQC")
			}
			if l, known := s.limits(); known && l.has(bitPrepay) {
				s.skip("the card deducts when it goes online", "卡片联机时即扣款")
			}
			s.must(got == before, "expected the balance %v in 9F10, got %v", before, got)
		}},
	{"idd-mac-approved", Text{"Balance MAC of an approval", "批准时的余额 MAC"}, idd,
		Text{"The MAC over the amounts in 9F10 of a TC is right.", "TC 的 9F10 中金额 MAC 正确。"}, needContactless | needCash | needKeys, func(s *session) {
			p := s.approval()
			s.checkBalanceMAC(&p.iad, p.atc)
		}},
	{"idd-mac-online", Text{"Balance MAC of an online request", "联机请求时的余额 MAC"}, idd,
		Text{"The MAC over the amounts in 9F10 of an ARQC is right.", "ARQC 的 9F10 中金额 MAC 正确。"}, needContactless | needKeys, func(s *session) {
			p := s.qpboc(s.reader(readerOnlineAsked, 1))
			s.checkBalanceMAC(&p.iad, p.atc)
		}},
	{"idd-mac-fresh", Text{"Balance MAC differs", "余额 MAC 不重复"}, idd,
		Text{"The same balance in two transactions has two MACs.", "相同余额在两次交易中的 MAC 不同。"}, needContactless, func(s *session) {
			a, b := s.qpboc(s.reader(readerOnlineAsked, 1)).iad, s.qpboc(s.reader(readerOnlineAsked, 1)).iad
			if a.IDD == cryptogram.IDDNone {
				s.skip("9F10 has no issuer discretionary data", "9F10 中无发卡行自定义数据")
			}
			s.must(a.MAC != b.MAC, "expected another MAC in another transaction, got %X twice", a.MAC)
		}},
	{"idd-steady", Text{"Kind of discretionary data is steady", "自定义数据种类不变"}, idd,
		Text{"9F10 states the same kind of amounts whatever the result.", "无论结果如何，9F10 中金额种类一致。"}, needContactless, func(s *session) {
			a, b := s.qpboc(s.reader(readerGate, 1)), s.qpboc(s.reader(readerOnlineAsked, 1))
			s.must(a.iad.IDD == b.iad.IDD && len(a.rawIAD) == len(b.rawIAD), "expected the same kind of discretionary data, got %X and %X", a.rawIAD, b.rawIAD)
		}},
	{"atc-agrees", Text{"Counter of the answer and of GET DATA", "应答与取数据的计数器一致"}, "EMV Book 3, annex A, 9F36",
		Text{"GET DATA 9F36 gives the counter of the answer.", "GET DATA 9F36 与应答中的计数器相同。"}, needContactless, func(s *session) {
			p := s.qpboc(s.reader(readerOnlineAsked, 1))
			want := []byte{byte(p.atc >> 8), byte(p.atc)}
			s.must(bytes.Equal(s.object(tlv.TagATC), want), "expected 9F36 %X", want)
		}},
}

func (s *session) mustCVR(p *processing, first byte) {
	s.must(p.iad.CVR[0] == first, "expected %02X as the first byte of the CVR, got %X", first, p.iad.CVR)
}

// tooMuch asks a gate for more than the card allows at once, which it declines.
func (s *session) tooMuch() *processing {
	s.selectAir()
	l := s.cashLimits()
	s.smoothGate(&l)
	amount := min(l.balance, l.single) + 1
	s.mayAsk(amount)
	p := s.qpbocHere(s.reader(s.gateFor(&l, amount), amount))
	s.mustResult(p, cryptogram.AAC)
	return p
}

// cryptogramWith judges the cryptogram for a reader with or without SM algorithms.
func (s *session) cryptogramWith(sm byte, alg cryptogram.Alg) {
	t := s.reader(readerOnlineAsked, 1)
	t.sm = sm
	s.selectAir()
	data, sw := s.gpo(s.air, t)
	raw, _ := tlv.Find(data, tlv.TagResponseFormat2, tlv.TagIAD)
	iad, err := cryptogram.ParseIAD(raw)
	has := false
	for _, a := range s.algs {
		has = has || a == alg
	}
	if !has {
		s.skip("the card does not have these algorithms", "卡片不支持该类算法")
	}
	s.mayGoAway(sw, t)
	s.must(sw.OK() && err == nil && iad.Alg == alg, "expected %v in 9F10, got %X %v", alg, raw, sw)
	p := s.qpboc(t)
	s.checkAnswerAC(p)
}
