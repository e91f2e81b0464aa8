package certify

import (
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

const decisionClause = "JR/T 0025.12, card decision of qPBOC"

const needDecision = needContactless | needCash | needOptions

var decisionCases = []Case{
	{"decision-approve", Text{"Approval within the balance", "余额内批准"}, decisionClause,
		Text{"At a gate 1 fen within balance and limit is approved.", "闸机上余额与限额内的 1 分予以批准。"}, needDecision, func(s *session) {
			p := s.approval()
			s.must(p.iad.CVR[1] == 0, "expected no remark in the second byte of the CVR, got %X", p.iad.CVR)
		}},
	{"decision-approve-shop", Text{"Approval at an online reader", "联机终端脱机批准"}, decisionClause,
		Text{"A reader that can go online gets an approval too when money and limits allow.", "联机终端在余额与限额允许时同样得到脱机批准。"}, needDecision, func(s *session) {
			l := s.decisionLimits()
			s.smooth(&l)
			if l.balance-1 < l.threshold || l.balance < 1 || l.single < 1 {
				s.skip("balance or single limit is too low for an offline approval", "余额或单笔限额过低，无法脱机批准")
			}
			if l.haveCVM && l.cvm < 1 && l.has(bitOnlinePIN) {
				s.skip("the card wants a verification for every amount", "卡片对任何金额均要求验证")
			}
			s.decidedHere(readerShop, 1, cryptogram.TC)
		}},
	{"decision-zero", Text{"Nothing to pay", "零金额"}, decisionClause,
		Text{"A payment of 0 fen at a gate is approved whatever the balance.", "闸机上零金额交易不论余额均批准。"}, needDecision, func(s *session) {
			l := s.decisionLimits()
			s.smoothGate(&l)
			s.decidedHere(readerGate, 0, cryptogram.TC)
		}},
	{"decision-single-limit", Text{"Exactly the single limit", "恰为单笔限额"}, decisionClause,
		Text{"An amount equal to 9F78 is still within the limit.", "金额等于 9F78 仍在限额内。"}, needDecision, func(s *session) {
			l := s.decisionLimits()
			s.smoothGate(&l)
			if l.balance < l.single || l.haveCVM && l.cvm < l.single {
				s.skip("balance or CVM limit lie below the single limit", "余额或免验证限额低于单笔限额")
			}
			s.decidedHere(readerGate, l.single, cryptogram.TC)
		}},
	{"decision-above-single", Text{"Above the single limit", "超过单笔限额"}, decisionClause,
		Text{"An amount one fen above 9F78 is declined at a gate, with the velocity bit.", "金额超过 9F78 一分在闸机上拒绝，并置频度检查位。"}, needDecision, func(s *session) {
			l := s.decisionLimits()
			s.smoothGate(&l)
			p := s.decidedHere(s.gateFor(&l, l.single+1), l.single+1, cryptogram.AAC)
			s.mustVelocity(p)
		}},
	{"decision-above-single-shop", Text{"Above the single limit at an online reader", "联机终端超过单笔限额"}, decisionClause,
		Text{"An amount one fen above 9F78 goes online where the reader can.", "金额超过 9F78 一分时联机终端上请求联机。"}, needDecision, func(s *session) {
			l := s.decisionLimits()
			s.noPrepay(&l)
			s.decidedHere(readerShop, l.single+1, cryptogram.ARQC)
		}},
	{"decision-exact-balance", Text{"Exactly the balance", "恰为余额"}, decisionClause,
		Text{"An amount equal to the balance can be paid at a gate.", "金额等于余额时闸机上可支付。"}, needDecision, func(s *session) {
			l := s.decisionLimits()
			s.smoothGate(&l)
			if l.balance > l.single || l.haveCVM && l.balance > l.cvm {
				s.skip("the balance lies above the single limit or CVM limit", "余额高于单笔限额或免验证限额")
			}
			s.decidedHere(readerGate, l.balance, cryptogram.TC)
		}},
	{"decision-above-balance", Text{"Above the balance", "超过余额"}, decisionClause,
		Text{"More than the balance is declined at a gate, with the velocity bit.", "超过余额在闸机上拒绝，并置频度检查位。"}, needDecision, func(s *session) {
			l := s.decisionLimits()
			s.smoothGate(&l)
			p := s.decidedHere(s.gateFor(&l, l.balance+1), l.balance+1, cryptogram.AAC)
			s.mustVelocity(p)
		}},
	{"decision-above-balance-shop", Text{"Above the balance at an online reader", "联机终端超过余额"}, decisionClause,
		Text{"More than the balance goes online where the reader can.", "超过余额时联机终端上请求联机。"}, needDecision, func(s *session) {
			l := s.decisionLimits()
			s.noPrepay(&l)
			s.decidedHere(readerShop, l.balance+1, cryptogram.ARQC)
		}},
	{"decision-threshold", Text{"Reset threshold", "重置阈值"}, decisionClause,
		Text{"Where less than 9F6D would be left, an online reader goes online and a gate still gets an approval.", "支付后余额低于 9F6D 时，联机终端请求联机，闸机仍予批准。"}, needDecision, func(s *session) {
			l := s.decisionLimits()
			s.smooth(&l)
			s.smoothGate(&l)
			s.noPrepay(&l)
			amount := max(0, l.balance-l.threshold+1)
			if l.threshold == 0 || amount > l.balance || amount > l.single || l.haveCVM && amount > l.cvm {
				s.skip("the threshold 9F6D cannot be reached on this card", "该卡无法触发阈值 9F6D")
			}
			s.decidedHere(readerShop, amount, cryptogram.ARQC)
			s.selectAir()
			s.decidedHere(readerGate, amount, cryptogram.TC)
		}},
	{"decision-online-asked", Text{"Reader asks for the issuer", "终端要求联机"}, decisionClause,
		Text{"When the reader requires an online cryptogram the card gives an ARQC.", "终端要求联机密文时卡片返回 ARQC。"}, needDecision, func(s *session) {
			l := s.decisionLimits()
			s.noPrepay(&l)
			s.decidedHere(readerOnlineAsked, 1, cryptogram.ARQC)
		}},
	{"decision-cvm-gate", Text{"CVM required and none possible", "要求验证但无法进行"}, decisionClause,
		Text{"A gate that requires a verification it cannot do is sent to another interface with 6985.", "要求持卡人验证却无法进行的闸机得到 6985（转其他界面）。"}, needDecision, func(s *session) {
			l := s.decisionLimits()
			s.smoothGate(&l)
			s.otherInterface(readerGateCVM, 1)
		}},
	{"decision-cvm-shop", Text{"CVM required and none possible, online reader", "联机终端要求验证但无法进行"}, decisionClause,
		Text{"An online reader that requires a verification it cannot do is sent to another interface.", "要求持卡人验证却无法进行的联机终端得到 6985。"}, needDecision, func(s *session) {
			s.decisionLimits()
			s.otherInterface(readerShopCVM, 1)
		}},
	{"decision-signature-gate", Text{"Signature at a gate", "脱机终端签名"}, decisionClause,
		Text{"Where both sides know the signature, 9F6C asks for it and the payment goes on.", "双方支持签名时 9F6C 要求签名，交易继续。"}, needDecision, func(s *session) {
			l := s.decisionLimits()
			s.smoothGate(&l)
			s.option(&l, bitSignature, true, "the card does not support the signature", "卡片不支持签名")
			s.funded(&l)
			s.mustQualifier(s.decidedHere(readerGateSign, 1, cryptogram.TC), 0x40)
		}},
	{"decision-signature-shop", Text{"Signature at an online reader", "联机终端签名"}, decisionClause,
		Text{"An online reader with signature alone gets the signature bit in 9F6C.", "仅支持签名的联机终端在 9F6C 中得到签名位。"}, needDecision, func(s *session) {
			l := s.decisionLimits()
			s.option(&l, bitSignature, true, "the card does not support the signature", "卡片不支持签名")
			p := s.qpbocHere(s.reader(readerShopSign, 1))
			s.mustQualifier(p, 0x40)
		}},
	{"decision-signature-unknown", Text{"Signature that the card does not know", "卡片不支持签名"}, decisionClause,
		Text{"A card without signature sends a reader that has nothing else to another interface.", "不支持签名的卡使仅支持签名的终端转其他界面。"}, needDecision, func(s *session) {
			l := s.decisionLimits()
			s.smoothGate(&l)
			s.option(&l, bitSignature, false, "the card supports the signature", "卡片支持签名")
			s.otherInterface(readerGateSign, 1)
		}},
	{"decision-online-pin", Text{"Online PIN", "联机密码"}, decisionClause,
		Text{"Where both sides know the online PIN, 9F6C asks for it and the card goes online.", "双方支持联机密码时 9F6C 要求联机密码并请求联机。"}, needDecision, func(s *session) {
			l := s.decisionLimits()
			s.noPrepay(&l)
			s.option(&l, bitOnlinePIN, true, "the card does not support online PIN", "卡片不支持联机密码")
			s.mustQualifier(s.decidedHere(readerShopPIN, 1, cryptogram.ARQC), 0x80)
		}},
	{"decision-cvm-limit", Text{"Above the card's CVM limit", "超过卡片免验证限额"}, decisionClause,
		Text{"An amount above 9F6B needs a verification though the reader does not ask for one.", "金额超过 9F6B 时即使终端未要求也须验证。"}, needDecision, func(s *session) {
			l := s.decisionLimits()
			s.noPrepay(&l)
			s.option(&l, bitOnlinePIN, true, "the card does not support online PIN", "卡片不支持联机密码")
			if !l.haveCVM {
				s.skip("the card has no 9F6B", "卡片无 9F6B")
			}
			s.mustQualifier(s.decidedHere(readerShop, l.cvm+1, cryptogram.ARQC), 0x80)
		}},
	{"decision-cvm-limit-equal", Text{"Exactly the card's CVM limit", "恰为卡片免验证限额"}, decisionClause,
		Text{"An amount equal to 9F6B needs no verification.", "金额等于 9F6B 时无须验证。"}, needDecision, func(s *session) {
			l := s.decisionLimits()
			if !l.haveCVM {
				s.skip("the card has no 9F6B", "卡片无 9F6B")
			}
			s.mayAsk(l.cvm)
			p := s.qpbocHere(s.reader(readerShop, l.cvm))
			v := p.fields[tlv.TagCTQ]
			s.must(len(v) == 2 && v[0]&0xC0 == 0, "expected no verification asked for in 9F6C, got %X", v)
		}},
	{"decision-plain-qualifiers", Text{"No verification unasked", "未要求则无验证"}, decisionClause,
		Text{"A small amount without a requirement asks for neither PIN nor signature.", "小额且无要求时既不要求密码也不要求签名。"}, needDecision, func(s *session) {
			l := s.decisionLimits()
			if l.haveCVM && l.cvm < 1 {
				s.skip("the card wants a verification for every amount", "卡片对任何金额均要求验证")
			}
			v := s.qpbocHere(s.reader(readerShop, 1)).fields[tlv.TagCTQ]
			s.must(len(v) == 2 && v[0]&0xC0 == 0, "expected no verification asked for in 9F6C, got %X", v)
		}},
	{"decision-foreign-refused", Text{"Other currencies refused", "拒绝外币"}, decisionClause,
		Text{"A card that 9F68 tells to refuse other currencies declines them.", "9F68 要求拒绝外币的卡予以拒绝。"}, needDecision, func(s *session) {
			l := s.decisionLimits()
			s.option(&l, bitRefuseForeign, true, "9F68 does not refuse other currencies", "9F68 未要求拒绝外币")
			s.foreign(readerGate, cryptogram.AAC)
		}},
	{"decision-foreign-gate", Text{"Other currency at a gate", "脱机终端外币"}, decisionClause,
		Text{"A currency that may not be paid offline is never approved by a gate.", "不允许脱机的外币在闸机上不予批准。"}, needDecision, func(s *session) {
			l := s.decisionLimits()
			s.option(&l, bitForeignOffline, false, "9F68 allows other currencies offline", "9F68 允许外币脱机")
			s.option(&l, bitForeignCVM, false, "9F68 wants a verification for other currencies", "9F68 要求外币验证")
			s.foreign(readerGate, cryptogram.AAC)
		}},
	{"decision-foreign-shop", Text{"Other currency at an online reader", "联机终端外币"}, decisionClause,
		Text{"A currency that may not be paid offline goes online where the reader can.", "不允许脱机的外币在联机终端上请求联机。"}, needDecision, func(s *session) {
			l := s.decisionLimits()
			s.option(&l, bitForeignOffline|bitRefuseForeign, false, "9F68 allows or refuses other currencies", "9F68 允许或拒绝外币")
			s.option(&l, bitForeignCVM, false, "9F68 wants a verification for other currencies", "9F68 要求外币验证")
			s.foreign(readerShop, cryptogram.ARQC)
		}},
	{"decision-new-card", Text{"New card", "新卡"}, decisionClause,
		Text{"A card that was never online and checks for it goes online and says so in the CVR.", "检查新卡的卡若从未联机则请求联机并在 CVR 中标明。"}, needDecision, func(s *session) {
			l := s.decisionLimits()
			s.noPrepay(&l)
			if !l.has(bitNewCard) || l.lastOnline != 0 {
				s.skip("the card is not new, or does not check for it", "卡片非新卡或不检查新卡")
			}
			p := s.decidedHere(readerShop, 1, cryptogram.ARQC)
			s.must(p.iad.CVR[1]&0x10 != 0, "expected the new card bit in the CVR, got %X", p.iad.CVR)
		}},
	{"decision-prefer-contact", Text{"Contact instead of online", "联机前优先接触"}, decisionClause,
		Text{"A card that prefers its contacts to going online answers 6985 to a reader with a contact slot.", "优先接触界面的卡对带接触插槽的终端应答 6985 而不联机。"}, needDecision, func(s *session) {
			l := s.decisionLimits()
			s.option(&l, bitPreferContact, true, "the card does not prefer its contacts", "卡片不优先接触界面")
			s.otherInterface(readerShopSlot, 1)
		}},
	{"decision-slot", Text{"Contact slot makes no difference", "接触插槽不影响"}, decisionClause,
		Text{"A card that does not prefer its contacts goes online at a reader with a contact slot.", "不优先接触界面的卡在带接触插槽的终端上照常联机。"}, needDecision, func(s *session) {
			l := s.decisionLimits()
			s.noPrepay(&l)
			s.option(&l, bitPreferContact, false, "the card prefers its contacts", "卡片优先接触界面")
			s.decidedHere(readerShopSlot, 1, cryptogram.ARQC)
		}},
	{"decision-decline-keeps", Text{"A decline pays nothing", "拒绝不扣款"}, decisionClause,
		Text{"After a decline the balance is as before, whatever record is read.", "拒绝后无论读何记录余额不变。"}, needDecision, func(s *session) {
			last := s.places(s.approval().afl)
			s.tooMuch()
			s.keepsBalance(last)
		}},
	{"decision-online-keeps", Text{"An online request pays nothing", "联机请求不扣款"}, decisionClause,
		Text{"After an online request the balance is as before, whatever record is read.", "联机请求后无论读何记录余额不变。"}, needDecision, func(s *session) {
			last := s.places(s.approval().afl)
			l := s.decisionLimits()
			s.noPrepay(&l)
			s.decidedHere(readerOnlineAsked, 1, cryptogram.ARQC)
			s.keepsBalance(last)
		}},
	{"decision-counter-first", Text{"Counter goes up before the decision", "先计数后决策"}, decisionClause,
		Text{"A transaction that ends with 6985 has used a counter value.", "以 6985 结束的交易也消耗计数器。"}, needDecision, func(s *session) {
			l := s.decisionLimits()
			s.smoothGate(&l)
			before := s.atcNow()
			s.otherInterface(readerGateCVM, 1)
			s.must(s.atcNow() == before+1, "expected 9F36 %04X, got %04X", before+1, s.atcNow())
		}},
}

// decisionLimits selects the application and gives its parameters.
func (s *session) decisionLimits() limits {
	s.selectAir()
	return s.cashLimits()
}

// decidedHere is decided for an application that is selected already.
func (s *session) decidedHere(ttq [4]byte, amount money.Fen, want cryptogram.Result) *processing {
	s.mayAsk(amount)
	p := s.qpbocHere(s.reader(ttq, amount))
	s.mustResult(p, want)
	return p
}

// noPrepay skips cards that deduct when they go online.
func (s *session) noPrepay(l *limits) {
	s.option(l, bitPrepay, false, "the card deducts when it goes online", "卡片联机时即扣款")
}

// funded skips a card that has not even 1 fen.
func (s *session) funded(l *limits) {
	if l.balance < 1 {
		s.skip("not enough electronic cash on the card", "卡内电子现金余额不足")
	}
}

// gateFor is a gate that gives a verification where the card needs one for the
// amount, so that the funds test is reached.
func (s *session) gateFor(l *limits, amount money.Fen) [4]byte {
	if !l.haveCVM || amount <= l.cvm {
		return readerGate
	}
	s.option(l, bitSignature, true, "the amount needs a verification that no gate can do", "该金额需要闸机无法进行的验证")
	return readerGateSign
}

func (s *session) mustVelocity(p *processing) {
	s.must(p.iad.CVR[1]&0x20 != 0, "expected the velocity bit in the CVR, got %X", p.iad.CVR)
}

func (s *session) mustQualifier(p *processing, bit byte) {
	v := p.fields[tlv.TagCTQ]
	s.must(len(v) == 2 && v[0]&0xC0 == bit, "expected %02X in the upper bits of 9F6C, got %X", bit, v)
}

func (s *session) otherInterface(ttq [4]byte, amount money.Fen) {
	s.noQuota()
	s.refused(processingOptions(s.values(s.air.pdol, s.reader(ttq, amount))), apdu.SWConditions)
}

func (s *session) foreign(ttq [4]byte, want cryptogram.Result) {
	t := s.reader(ttq, 1)
	t.currency = s.otherCurrency()
	p := s.qpbocHere(t)
	s.mustResult(p, want)
}

// keepsBalance reads the last record of an AFL and finds the balance as it was.
func (s *session) keepsBalance(places []place) {
	before := s.balanceNow()
	p := places[len(places)-1]
	s.send(readRecord(p.sfi, p.number))
	s.must(s.balanceNow() == before, "expected the balance %v, got %v", before, s.balanceNow())
}
