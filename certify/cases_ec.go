package certify

import (
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

const (
	ecPath = "JR/T 0025.13, processing options of electronic cash"
	ecGAC  = "JR/T 0025.13, GENERATE AC of electronic cash"
)

const needContactCash = needContact | needCash | needOptions

var ecCases = []Case{
	{"ec-path", Text{"Way of electronic cash", "电子现金路径"}, ecPath,
		Text{"With 9F7A 01 and an amount within balance and limit the records of electronic cash are named.", "9F7A 为 01 且金额在余额与限额内时给出电子现金记录。"}, needContactCash, func(s *session) {
			d := s.cashOrSkip(1)
			v := d.records.values[tlv.TagECAuthorisationCode]
			s.must(len(v) == 6 && printable(v), "expected six characters in 9F74, got %X", v)
		}},
	{"ec-not-supported", Text{"Terminal without electronic cash", "终端不支持电子现金"}, ecPath,
		Text{"With 9F7A 00 the transaction runs as debit/credit.", "9F7A 为 00 时按借贷记处理。"}, needContactCash, func(s *session) {
			s.must(!s.debit(1).isCash(), "expected the records of debit/credit for 9F7A 00, got 9F74")
		}},
	{"ec-above-single", Text{"Above the single limit over the contacts", "接触方式超过单笔限额"}, ecPath,
		Text{"An amount one fen above 9F78 runs as debit/credit.", "金额超过 9F78 一分时按借贷记处理。"}, needContactCash, func(s *session) {
			s.selectContact()
			l := s.cashLimits()
			s.again()
			s.must(!s.cash(l.single+1).isCash(), "expected the records of debit/credit above 9F78, got 9F74")
		}},
	{"ec-above-balance", Text{"Above the balance over the contacts", "接触方式超过余额"}, ecPath,
		Text{"An amount one fen above 9F79 runs as debit/credit.", "金额超过 9F79 一分时按借贷记处理。"}, needContactCash, func(s *session) {
			s.selectContact()
			l := s.cashLimits()
			s.again()
			s.must(!s.cash(l.balance+1).isCash(), "expected the records of debit/credit above 9F79, got 9F74")
		}},
	{"ec-other-currency", Text{"Other currency", "外币"}, ecPath,
		Text{"A currency that is not the card's runs as debit/credit.", "非卡片货币时按借贷记处理。"}, needContactCash, func(s *session) {
			t := s.reader(readerContact, 1)
			t.cash, t.currency = 1, s.otherCurrency()
			s.must(!s.begin(t).isCash(), "expected the records of debit/credit for currency %X, got 9F74", t.currency)
		}},
	{"ec-deducts", Text{"Electronic cash is taken with the TC", "返回 TC 时扣款"}, ecGAC,
		Text{"A TC of electronic cash takes its amount from 9F79.", "电子现金返回 TC 时从 9F79 扣除金额。"}, needContactCash, func(s *session) {
			before, _ := s.payContact()
			s.mustBalance(before - 1)
		}},
	{"ec-lasting", Text{"The new balance lasts over the contacts", "接触方式新余额掉电保持"}, ecGAC,
		Text{"The balance after a TC is the same after a reset.", "返回 TC 后的余额在复位后不变。"}, needContactCash, func(s *session) {
			before, _ := s.payContact()
			s.again()
			s.selectContact()
			s.mustBalance(before - 1)
		}},
	{"ec-torn", Text{"Electronic cash pulled out before the cryptogram", "电子现金生成密文前拔卡"}, ecGAC,
		Text{"Processing options and records alone take nothing.", "仅取处理选项与读记录不扣款。"}, needContactCash, func(s *session) {
			s.selectContact()
			before := s.balanceNow()
			s.again()
			s.cashOrSkip(1)
			s.mustBalance(before)
			s.again()
			s.selectContact()
			s.mustBalance(before)
		}},
	{"ec-once", Text{"Taken once", "只扣一次"}, ecGAC,
		Text{"After the TC another GENERATE AC is refused and takes nothing.", "返回 TC 后再次生成密文被拒绝且不扣款。"}, needContactCash, func(s *session) {
			before, d := s.payContact()
			d.reader.arc = arcApproved
			s.denied(generateAC(askTC, s.values(d.cdol1, d.reader)))
			s.mustBalance(before - 1)
		}},
	{"ec-decline", Text{"A decline takes nothing", "拒绝不扣款"}, ecGAC,
		Text{"Asked for an AAC on the way of electronic cash the card declines and takes nothing.", "电子现金路径上请求 AAC 时拒绝且不扣款。"}, needContactCash, func(s *session) {
			d := s.cashOrSkip(1)
			before := s.balanceNow()
			g := s.generate1(d, askAAC)
			s.must(g.cid&0xC0 == askAAC, "expected an AAC in 9F27, got %02X", g.cid)
			s.mustBalance(before)
		}},
	{"ec-online", Text{"An online request takes nothing", "联机请求不扣款"}, ecGAC,
		Text{"Asked for an ARQC on the way of electronic cash the card takes nothing yet.", "电子现金路径上请求 ARQC 时尚不扣款。"}, needContactCash, func(s *session) {
			d := s.cashOrSkip(1)
			before := s.balanceNow()
			s.generate1(d, askARQC)
			s.mustBalance(before)
		}},
	{"ec-other-amount", Text{"Other amount than promised", "金额前后不一致"}, ecGAC,
		Text{"When GENERATE AC names another amount than the processing options did the card declines.", "生成密文的金额与取处理选项不一致时拒绝。"}, needContactCash, func(s *session) {
			d := s.cashOrSkip(1)
			before := s.balanceNow()
			if !d.side.pdol.Has(tlv.TagAmountAuthorised) || !d.cdol1.Has(tlv.TagAmountAuthorised) {
				s.skip("the lists do not both have the amount", "两个列表并非都含金额")
			}
			d.reader.amount = []byte{0, 0, 0, 0, 0, 0}
			data, sw := s.send(generateAC(askTC, s.values(d.cdol1, d.reader)))
			s.must(sw != apdu.SWOK || s.generated(data).cid&0xC0 == askAAC, "expected an AAC, got %X", data)
			s.mustBalance(before)
		}},
	{"ec-cryptogram", Text{"Cryptogram of electronic cash", "电子现金密文正确"}, acClause,
		Text{"The TC is right under the issuer's keys.", "TC 在发卡行密钥下正确。"}, needContactCash | needKeys, func(s *session) {
			_, d := s.payContact()
			s.checkDialogueAC(d, &d.first, d.cdol1)
		}},
	{"ec-balance-stated", Text{"Balance in 9F10", "9F10 中的余额"}, idd,
		Text{"9F10 beside the TC states the balance after deduction.", "TC 的 9F10 给出扣款后的余额。"}, needContactCash, func(s *session) {
			before, d := s.payContact()
			got, ok := d.first.iad.Balance()
			if !ok {
				s.skip("9F10 does not state the balance", "9F10 不含余额")
			}
			s.must(got == before-1, "expected the balance %v in 9F10, got %v", before-1, got)
		}},
	{"ec-logged", Text{"Electronic cash is logged", "电子现金记日志"}, logClause,
		Text{"A payment over the contacts is the newest record of the log.", "接触电子现金支付为日志最新记录。"}, needContactCash, func(s *session) {
			_, d := s.payContact()
			s.logged(d.processing, tlv.TagAmountAuthorised, d.reader.amount)
			s.logged(d.processing, tlv.TagATC, []byte{byte(d.first.atc >> 8), byte(d.first.atc)})
		}},
	{"ec-both-sides", Text{"Paid on both sides", "两种界面先后支付"}, "JR/T 0025.12, two interfaces",
		Text{"A payment over the contacts and one over the air take two amounts from one balance.", "接触与非接触各支付一次，从同一余额扣除两次金额。"}, needContactCash | needContactless, func(s *session) {
			before, _ := s.payContact()
			s.again()
			s.pay()
			s.mustBalance(before - 2)
		}},
	{"ec-paths-differ", Text{"Two ways, two file locators", "两条路径两种定位器"}, ecPath,
		Text{"Electronic cash and debit/credit name other records, or have another profile.", "电子现金与借贷记的文件定位器或应用交互特征不同。"}, needContactCash, func(s *session) {
			c := s.cashOrSkip(1)
			s.again()
			s.must(!sameAFL(c, s.debit(1)), "expected another AIP or AFL for electronic cash than for debit/credit, got %X %X for both", c.aip, c.afl)
		}},
}
