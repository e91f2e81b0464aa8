package main

import (
	"errors"
	"fmt"

	"github.com/citycard/citycard/terminal/pos"
	"github.com/citycard/citycard/terminal/stripe"
)

// stripeSide is the word of --interface for the magnetic stripe.
const stripeSide = "stripe"

// maxTrackLine is more than track 2 and its line end have, in bytes: 40 characters
// (ISO/IEC 7811-6).
const maxTrackLine = 80

// checkStripe refuses what does not fit a magnetic stripe.
func (f *tapFlags) checkStripe(bad func(error, string) error) error {
	switch {
	case f.reader.name != "":
		return bad(errors.New("--interface stripe reads no chip"), "leave out --reader")
	case !f.trackStdin:
		return bad(errors.New("--interface stripe needs a track"), "add --track2-stdin and give track 2, from ; to ?, on standard input")
	case f.pinStdin:
		return bad(errors.New("standard input has track 2, and cannot have the PIN as well"), "use --pin, or enter it when asked")
	case f.record != "" || f.faults != "":
		return bad(errors.New("--record and --fault are for chips"), "leave them out")
	case f.chipMute < 0 || f.chipMute > 9:
		return bad(fmt.Errorf("--chip-mute %d: want 0 to 9", f.chipMute), "the times that the chip gave no answer to reset")
	}
	return nil
}

// swipe reads track 2 for a sale with the magnetic stripe.
func (f *tapFlags) swipe(env *environment, s *pos.Sale) error {
	if s.Interface != pos.Stripe {
		return nil
	}
	line, err := firstLine(env.stdin, maxTrackLine)
	if err != nil {
		return err
	}
	s.Track2 = []byte(line)
	if f.chipMute > 0 {
		s.Chip, s.Mute = stripe.ChipMute, f.chipMute
	}
	return nil
}
