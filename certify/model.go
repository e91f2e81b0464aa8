package certify

import (
	"bytes"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/tlv"
)

// Bits of 9F68, card additional processing (JR/T 0025.12), as one number.
const (
	bitCash           = 1 << 31 // funds test: electronic cash
	bitCashAndTotal   = 1 << 30 // funds test: electronic cash and CTTA
	bitCashOrTotal    = 1 << 29 // funds test: electronic cash or CTTA
	bitNewCard        = 1 << 28 // new card goes online
	bitTries          = 1 << 27 // PIN tries used up
	bitForeignOffline = 1 << 26 // other currencies offline
	bitPreferContact  = 1 << 25 // contact instead of online
	bitShowAvailable  = 1 << 24 // returns 9F5D
	bitPrepay         = 1 << 23 // deducts when it goes online
	bitRefuseForeign  = 1 << 22 // refuses other currencies
	bitRefuseNew      = 1 << 21 // new card refused by offline readers
	bitOnlinePIN      = 1 << 15
	bitForeignPIN     = 1 << 14
	bitForeignCVM     = 1 << 13
	bitSignature      = 1 << 12
)

// limits are the parameters of the card decision as GET DATA told them.
type limits struct {
	options                        uint32
	balance, single, threshold     money.Fen
	cvm                            money.Fen
	currency                       [2]byte
	lastOnline                     uint16
	tries                          int
	foreign                        int
	haveThreshold, haveCVM, haveEC bool
}

// limits collects them; ok is false if the decision cannot be foreseen.
func (r *run) limits() (l limits, ok bool) {
	amount := func(tag tlv.Tag) (money.Fen, bool) {
		f, err := money.FromN12(r.objects[tag])
		return f, err == nil
	}
	if v := r.objects[tlv.TagCardAdditionalProcessing]; len(v) == 4 {
		l.options = uint32(v[0])<<24 | uint32(v[1])<<16 | uint32(v[2])<<8 | uint32(v[3])
		ok = true
	}
	var haveBalance, haveSingle bool
	l.balance, haveBalance = amount(tlv.TagECBalance)
	l.single, haveSingle = amount(tlv.TagECSingleLimit)
	l.haveEC = haveBalance && haveSingle
	l.threshold, l.haveThreshold = amount(tlv.TagECResetThreshold)
	l.cvm, l.haveCVM = amount(tlv.TagCardCVMLimit)
	if v := r.objects[tlv.TagCardCurrency]; len(v) == 2 {
		l.currency = [2]byte(v)
	} else {
		ok = false
	}
	l.tries = -1
	if v := r.objects[tlv.TagPINTryCounter]; len(v) == 1 {
		l.tries = int(v[0])
	}
	if v := r.objects[tlv.TagLastOnlineATC]; len(v) == 2 {
		l.lastOnline = number16(v)
	}
	if v := r.objects[tlv.TagOfflineLimitCurrency]; len(v) == 1 {
		l.foreign = int(v[0])
	}
	return l, ok
}

func (l *limits) has(bits uint32) bool { return l.options&bits != 0 }

// cashLimits gives the parameters, with the balance as it is now in the selected
// application, for a card whose funds test is electronic cash and whose currency is
// the yuan; other cards skip the case.
func (s *session) cashLimits() limits {
	l, ok := s.limits()
	if !ok || !l.haveEC || !l.has(bitCash) {
		s.skip("the card's funds test (9F68) is not electronic cash alone", "卡片的脱机资金检查（9F68）不是单纯的电子现金")
	}
	if l.currency != renminbi {
		s.skip("the card's currency (9F51) is not the yuan", "卡片货币（9F51）不是人民币")
	}
	l.balance = s.balanceNow()
	if v, ok := s.objects[tlv.TagLastOnlineATC]; ok && len(v) == 2 {
		if v = s.object(tlv.TagLastOnlineATC); len(v) == 2 {
			l.lastOnline = number16(v)
		}
	}
	return l
}

// smooth skips the case if something other than money stands between this card and
// an offline approval at an online-capable reader.
func (s *session) smooth(l *limits) {
	if l.has(bitNewCard) && l.lastOnline == 0 || l.has(bitTries) && l.tries == 0 {
		s.skip("a new card, or one without PIN tries, goes online in any case", "新卡或密码已锁的卡总是联机")
	}
}

// smoothGate is smooth for a reader that cannot go online.
func (s *session) smoothGate(l *limits) {
	if l.has(bitRefuseNew) && l.lastOnline == 0 || l.has(bitTries) && l.tries == 0 {
		s.skip("a new card, or one without PIN tries, is declined in any case", "新卡或密码已锁的卡总是拒绝")
	}
}

// declines tells whether the card's parameters, as they were when the run began, let
// it approve no payment at this reader, which cannot go online.
func (s *session) declines(t *reader) bool {
	l, ok := s.limits()
	amount, err := money.FromN12(t.amount)
	if !ok || err != nil || t.ttq[0]&0x08 == 0 {
		return false
	}
	return l.has(bitRefuseNew) && l.lastOnline == 0 || l.has(bitTries) && l.tries == 0 ||
		!l.has(bitCash|bitCashAndTotal|bitCashOrTotal) || l.has(bitCash) && l.haveEC && l.single < amount
}

// sentAway tells whether the card's parameters, as they were when the run began, make
// it want a verification for this payment that the reader cannot do: then it answers
// 6985, and the payment is made over another interface (JR/T 0025.12).
func (s *session) sentAway(t *reader) bool {
	l, ok := s.limits()
	amount, err := money.FromN12(t.amount)
	if !ok || err != nil {
		return false
	}
	pin, needed := uint32(bitOnlinePIN), l.haveCVM && amount > l.cvm
	if t.currency != l.currency {
		pin, needed = bitForeignPIN, l.has(bitForeignCVM)
	}
	if !needed && t.ttq[1]&0x40 == 0 {
		return false
	}
	online := t.ttq[0]&0x08 == 0
	return !(l.has(bitSignature) && t.ttq[0]&0x02 != 0) && !(l.has(pin) && online && t.ttq[0]&0x04 != 0)
}

// option skips the case unless a bit of 9F68 is as it should be.
func (s *session) option(l *limits, bit uint32, set bool, en, zh string) {
	if l.has(bit) != set {
		s.skip(en, zh)
	}
}

// otherCurrency is a currency that is neither the card's first nor its second.
func (s *session) otherCurrency() [2]byte {
	for _, c := range [][2]byte{{0x08, 0x40}, {0x09, 0x78}, {0x03, 0x92}} {
		if !bytes.Equal(c[:], s.objects[tlv.TagCardCurrency]) && !bytes.Equal(c[:], s.objects[tlv.TagSecondECCurrency]) && !bytes.Equal(c[:], s.objects[tlv.TagSecondCurrency]) {
			return c
		}
	}
	return [2]byte{0x07, 0x02}
}
