package certify

import (
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/tlv"
)

// mayPay skips the case if the amount would go beyond what the run may spend, or
// beyond what is on the card.
func (s *session) mayPay(amount money.Fen) {
	balance := s.balanceNow()
	if max(s.spent, s.opening-balance)+s.spentSecond+amount > s.opts.MaxSpend {
		s.skip("the run has spent what it may", "本次运行已达允许消费的上限")
	}
	if balance < amount {
		s.skip("not enough electronic cash on the card", "卡内电子现金余额不足")
	}
}

// mayAsk skips the case if the amount is more than a run may lose and the card takes
// money before the last record, as a faulty one may: then big amounts are not even
// asked for. The application stays selected.
func (s *session) mayAsk(amount money.Fen) {
	if amount <= 1 {
		return
	}
	if s.patience == unknown {
		s.patience = hasty
		s.aside(func(s *session) {
			s.selectAir()
			before := s.balanceNow()
			s.mayPay(1)
			s.qpbocHere(s.reader(readerGate, 1))
			after := s.balanceNow()
			s.again()
			s.selectAir()
			if after == before && s.balanceNow() == before {
				s.patience = patient
			}
		})
		s.again()
		s.selectAir()
	}
	if s.patience == hasty {
		s.skip("the card may take money early: no big amounts are asked for", "卡片可能提前扣款：不尝试大额")
	}
}

// pay makes a whole purchase of 1 fen at a gate: GET PROCESSING OPTIONS must give a
// TC, and all records are read.
func (s *session) pay() (*processing, *records) {
	s.selectAir()
	s.mayPay(1)
	p := s.qpbocHere(s.reader(readerGate, 1))
	s.mustResult(p, cryptogram.TC)
	s.spent++
	return p, s.readRecords(p.afl)
}

// object reads a data object with GET DATA and must get it.
func (s *session) object(tag tlv.Tag) []byte {
	data := s.ok(getData(tag))
	value, ok := tlv.Find(data, tag)
	s.must(ok, "expected the object %X in answer to GET DATA, got %X", uint32(tag), data)
	return value
}

func (s *session) balanceNow() money.Fen {
	v := s.object(tlv.TagECBalance)
	f, err := money.FromN12(v)
	s.must(err == nil, "expected 9F79 as twelve digits, got %X", v)
	return f
}

func (s *session) atcNow() uint16 {
	v := s.object(tlv.TagATC)
	s.must(len(v) == 2, "expected 9F36 with two bytes, got %X", v)
	return number16(v)
}

// standing is what no command that fails may change.
type standing struct {
	atc     uint16
	balance money.Fen
	tries   int
}

// standing reads the selected application's state.
func (s *session) standing() standing {
	out := standing{tries: -1}
	if _, ok := s.objects[tlv.TagATC]; ok {
		out.atc = s.atcNow()
	}
	if _, ok := s.objects[tlv.TagECBalance]; ok {
		out.balance = s.balanceNow()
	}
	if _, ok := s.objects[tlv.TagPINTryCounter]; ok {
		if v := s.object(tlv.TagPINTryCounter); len(v) == 1 {
			out.tries = int(v[0])
		}
	}
	return out
}

// unchanged compares with the state before.
func (s *session) unchanged(before standing, what string) {
	after := s.standing()
	s.must(after == before, "expected %s to change nothing, got counter %04X to %04X, balance %v to %v, PIN tries %d to %d",
		what, before.atc, after.atc, before.balance, after.balance, before.tries, after.tries)
}
