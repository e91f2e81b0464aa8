package rf

import (
	"errors"
	"fmt"
)

// Medium carries commands to a card and back in a known time: [*Link] or
// [*Contact].
type Medium interface {
	// Activation is the time from the first power to the moment when a command can be
	// sent.
	Activation() Time
	// Exchange is the time of a command of cmd bytes and an answer of answer bytes,
	// status word included, between which the card works for the given time. No answer
	// at all is 0 bytes.
	Exchange(cmd, answer int, processing Time) Time
}

// Type is the kind of signal of a contactless card.
type Type uint8

// The types of ISO/IEC 14443.
const (
	TypeA Type = 'A'
	TypeB Type = 'B'
)

// String gives "A" or "B".
func (t Type) String() string { return string(rune(t)) }

// Times of the standards, in carrier periods.
const (
	fieldDelay  Time = 69_156      // 5.1 ms of field without modulation (ISO/IEC 14443-3, 5: the card is ready after 5 ms; EMV Contactless Book D: tP)
	piccDelay   Time = 1172        // reader to card, type A (ISO/IEC 14443-3, 6.2.1.1)
	pcdDelay    Time = 6780        // card to reader (EMV Contactless Book D; ISO/IEC 14443-3 asks for less)
	trZero      Time = 1024        // TR0 of type B: 64 periods of the subcarrier (ISO/IEC 14443-3, 7.1.6)
	trOne       Time = 1280        // TR1 of type B: 80 periods of the subcarrier
	frameWait   Time = 256 * 16    // frame waiting time for FWI 0 (ISO/IEC 14443-4, 7.2)
	fastPreface Time = 32 * 16     // subcarrier before a type A answer above 106 kbit/s (ISO/IEC 14443-2, 8.2.5)
	bitsA            = 9           // a byte and its parity
	bitsB            = 10          // a byte between start and stop bit
	edgesDownA       = 3           // start of communication, end of communication of two bits
	edgesUpA         = 2           // start, end
	edgesB           = 10 + 2 + 10 // start of frame 10 low and 2 high, end of frame 10 low
)

// Sizes of frames and blocks.
const (
	crcSize  = 2
	pcbSize  = 1
	cidSize  = 1
	wtxmSize = 1
)

// Link is a contactless card in the field of a reader.
type Link struct {
	Type Type
	// Down is the rate from reader to card, Up from card to reader.
	Down, Up Rate
	// FSC is the greatest frame that the card takes, FSD the reader, with prologue and
	// CRC: 16 to 256 bytes (ISO/IEC 14443-4, 5.1 and 5.2).
	FSC, FSD int
	// CID says that every block carries a card identifier.
	CID bool
	// FWI gives the frame waiting time, 256*16/fc times two to the power of FWI: at
	// most 14. A card that needs longer asks for an extension.
	FWI uint8
	// WTXM is how many frame waiting times an extension is asked for: 1 to 59 (ISO/IEC
	// 14443-4, 7.3).
	WTXM int
	// Cascade is how many anticollision levels the identifier of a type A card needs:
	// 1 for 4 bytes, 2 for 7, 3 for 10.
	Cascade int
	// Field is how long the field is up before the first command.
	Field Time
	// ToCard is the least time between the end of a frame of the reader and the card's
	// answer; the card works in this time, too. ToReader is what the reader waits after
	// an answer before it sends again.
	ToCard, ToReader Time
	// GuardDown and GuardUp are the extra guard times after each byte of type B
	// (ISO/IEC 14443-3, 7.1.2).
	GuardDown, GuardUp Time
}

// NewLink gives the link that this package takes as usual: both ways at the rate,
// FSC 64, FSD 256, no CID, FWI 7, extensions of two frame waiting times, an
// identifier of seven bytes, and the pauses of the standards.
func NewLink(t Type, rate Rate) *Link {
	l := &Link{
		Type: t, Down: rate, Up: rate, FSC: 64, FSD: 256, FWI: 7, WTXM: 2, Cascade: 2,
		Field: fieldDelay, ToCard: piccDelay, ToReader: pcdDelay,
	}
	if t == TypeB {
		l.ToCard = trZero
	}
	return l
}

var errLink = errors.New("impossible link")

// Validate names the first field that has an impossible value.
func (l *Link) Validate() error {
	switch {
	case l.Type != TypeA && l.Type != TypeB:
		return fmt.Errorf("Type %d: write TypeA or TypeB: %w", uint8(l.Type), errLink)
	case l.Down > Rate848 || l.Up > Rate848:
		return fmt.Errorf("rates %v and %v: at most 848 kbit/s: %w", l.Down, l.Up, errLink)
	case l.FSC < 16 || l.FSC > 256 || l.FSD < 16 || l.FSD > 256:
		return fmt.Errorf("FSC %d, FSD %d: frames have 16 to 256 bytes: %w", l.FSC, l.FSD, errLink)
	case l.FWI > 14:
		return fmt.Errorf("FWI %d: at most 14: %w", l.FWI, errLink)
	case l.WTXM < 1 || l.WTXM > 59:
		return fmt.Errorf("WTXM %d: an extension is 1 to 59 frame waiting times: %w", l.WTXM, errLink)
	case l.Type == TypeA && (l.Cascade < 1 || l.Cascade > 3):
		return fmt.Errorf("Cascade %d: an identifier has 1 to 3 levels: %w", l.Cascade, errLink)
	case l.Field < 0 || l.ToCard < 0 || l.ToReader < 0 || l.GuardDown < 0 || l.GuardUp < 0:
		return fmt.Errorf("times must not be negative: %w", errLink)
	}
	return nil
}

// FrameWaitingTime is how long the card may work before it has to ask for more time
// (ISO/IEC 14443-4, 7.2).
func (l *Link) FrameWaitingTime() Time { return frameWait << l.FWI }

// down is the time of a frame of n bytes from the reader, CRC included.
func (l *Link) down(n int) Time { return l.downAt(l.Down, n) }

func (l *Link) downAt(r Rate, n int) Time {
	if l.Type == TypeB {
		return Time(bitsB*n+edgesB)*r.etu() + Time(n)*l.GuardDown
	}
	return Time(bitsA*n+edgesDownA) * r.etu()
}

// up is the time of a frame of n bytes from the card, CRC included.
func (l *Link) up(n int) Time { return l.upAt(l.Up, n) }

func (l *Link) upAt(r Rate, n int) Time {
	switch {
	case l.Type == TypeB:
		return trOne + Time(bitsB*n+edgesB)*r.etu() + Time(n)*l.GuardUp
	case r == Rate106:
		return Time(bitsA*n+edgesUpA) * r.etu()
	}
	return fastPreface + Time(bitsA*n+edgesUpA)*r.etu()
}
