package quota

import (
	"fmt"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// Next says what an answer to Push PUT DATA leads to.
type Next uint8

// What can follow.
const (
	Done  Next = 1 // the card has the value
	Again Next = 2 // the same bytes again: now it may work, or 6982 says that it has
	Stop  Next = 3 // the same bytes can never work: staff must look
)

// String is the step in words.
func (n Next) String() string {
	switch n {
	case Done:
		return "done"
	case Again:
		return "send again"
	case Stop:
		return "stop"
	}
	return "unknown step"
}

// After tells what a status word of Push PUT DATA leads to (Ye Fei 2016, 2.2.2.1). 6982,
// a Push ATC that is not above the last one, means that this push was executed: the issuer
// never sends a number again with other content. A word that is not in the table may be
// anybody's on the way; the push is sent again.
func After(sw apdu.SW) Next {
	switch sw {
	case apdu.SWOK, // 9000
		apdu.SWSecurity: // 6982: this one, or a later one, is there already
		return Done
	case 0x6200, // no information
		0x6281,        // returned data may be corrupted
		0x6400,        // no precise diagnosis
		apdu.SWMemory, // 6581
		apdu.SWNoFile: // 6986: command not allowed, a transaction runs
		return Again
	case apdu.SWWrongLength, // 6700
		0x6882,              // secure messaging is not supported
		apdu.SWMACMissing,   // 6987
		apdu.SWMACWrong,     // 6988: not this card's key
		apdu.SWWrongData,    // 6A80: a value that the card does not allow
		apdu.SWNotSupported, // 6A81: a card without a quota
		apdu.SWNoSpace,      // 6A84
		0x6A85,              // Lc and the data object do not agree
		apdu.SWWrongP1P2,    // 6A86 and 6A88, as PUT DATA
		apdu.SWDataNotFound: // a value that the card does not have
		return Stop
	}
	return Again
}

// lenPushMAC is how much of the MAC a push carries: all eight bytes of the four to eight
// that are allowed (our choice).
const lenPushMAC = 8

// command builds Push PUT DATA: 04DA0000 Lc, Push ATC(2), data object, MAC(8).
func (m *Machine) command(card txn.CardKey, w Want, pushATC uint16) ([]byte, error) {
	v, err := w.Value.N12()
	if err != nil {
		return nil, fmt.Errorf("value of %v: %w", w.Tag, err)
	}
	object := tlv.Append(nil, w.Tag, v[:])
	b := []byte{0x04, 0xDA, 0x00, 0x00, byte(2 + len(object) + lenPushMAC), byte(pushATC >> 8), byte(pushATC)}
	b = append(b, object...)
	mac, err := m.keys.PushMAC(card, pushATC, b)
	if err != nil {
		return nil, fmt.Errorf("MAC of push %d: %w", pushATC, err)
	}
	return append(b, mac[:]...), nil
}

// advance makes the next push, if one is due and the cap allows it.
func (m *Machine) advance(s *Service, now int64) error {
	t := m.terms.At(now)
	closing := s.State == Closing
	if s.waiting() != nil || s.Stops != 0 && !closing {
		return nil
	}
	if len(s.Wanted) == 0 && s.State == Active && s.Shadow() < t.Threshold {
		s.Wanted = append(s.Wanted, Want{tlv.TagECBalance, t.Quota})
	}
	if len(s.Wanted) == 0 {
		return nil
	}
	want := s.Wanted[0]
	adds := want.Value
	if want.Tag == tlv.TagDeductionLimit {
		adds = 0 // Service.Deposit counts it already
	}
	if adds > 0 && s.Bound+adds > t.Cap {
		if s.State == Active {
			s.Wanted = s.Wanted[:0] // asked anew, with the terms of that day, when it may be
		}
		return nil
	}
	if s.LastPush == 0xFFFF {
		s.Stops |= StopPush // the card must be replaced
		return nil
	}
	c, err := m.command(s.Card, want, s.LastPush+1)
	if err != nil {
		return fmt.Errorf("push %v to %v: %w", want.Tag, s.Card, err)
	}
	s.LastPush++
	s.Bound += adds
	s.Wanted = append(s.Wanted[:0:0], s.Wanted[1:]...)
	s.Pushes = append(s.Pushes, Push{Want: want, ATC: s.LastPush, After: s.Seen[len(s.Seen)-1].ATC, State: Waiting, Command: c})
	return nil
}

// Sent notes that the bytes of a push are about to leave. The error is ErrPush.
func (m *Machine) Sent(s *Service, pushATC uint16, now int64) error {
	p := s.waiting()
	if p == nil || p.ATC != pushATC {
		return fmt.Errorf("push %d to %v: %w", pushATC, s.Card, ErrPush)
	}
	p.Sends++
	p.SentAt = now
	return nil
}

// Answered takes the card's status word for a push. An answer that comes twice changes
// nothing. The error is ErrPush for a number that was never used.
func (m *Machine) Answered(s *Service, pushATC uint16, sw apdu.SW, now int64) (Effects, error) {
	if pushATC == 0 || pushATC > s.LastPush {
		return Effects{}, fmt.Errorf("answer %v to push %d of %v: %w", sw, pushATC, s.Card, ErrPush)
	}
	listed := s.Denied()
	p := s.waiting()
	if p == nil || p.ATC != pushATC {
		return m.settle(s, now, listed)
	}
	switch After(sw) {
	case Done:
		p.State, p.AnsweredAt = Executed, now
		if s.State == Closing && p.Tag == tlv.TagECBalance && p.Value == 0 {
			s.State = Closed
		}
	case Stop:
		p.State, p.AnsweredAt = Refused, now
		s.Stops |= StopPush
	}
	if p.Tag != tlv.TagECBalance && p.State != Waiting {
		s.dropPush(p.ATC)
	}
	return m.settle(s, now, listed)
}

func (s *Service) dropPush(pushATC uint16) {
	for i := range s.Pushes {
		if s.Pushes[i].ATC == pushATC {
			s.Pushes = append(s.Pushes[:i:i], s.Pushes[i+1:]...)
			return
		}
	}
}

// Masters is the MAC master of one algorithm in memory, as a Keys.
type Masters struct {
	alg cryptogram.Alg
	mac cryptogram.Block
}

// NewMasters prepares the MAC master key. The error is that of cryptogram.NewBlock.
func NewMasters(alg cryptogram.Alg, mac cryptogram.Key) (*Masters, error) {
	b, err := cryptogram.NewBlock(alg, mac)
	if err != nil {
		return nil, fmt.Errorf("master key MAC: %w", err)
	}
	return &Masters{alg, b}, nil
}

// Format withholds the key.
func (Masters) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[quota masters withheld]")) }

// PushMAC implements Keys.
func (m *Masters) PushMAC(card txn.CardKey, pushATC uint16, covered []byte) ([8]byte, error) {
	own := cryptogram.DeriveCardKey(m.alg, m.mac, card.PAN, card.PSN)
	return cryptogram.MAC(m.alg, cryptogram.DeriveSessionKey(m.alg, own, pushATC), covered), nil
}
