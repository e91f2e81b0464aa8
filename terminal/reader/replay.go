package reader

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/citycard/citycard/terminal/reader/recording"
	"github.com/citycard/citycard/wire/apdu"
)

// Replay gives the card of a recorded conversation: it answers as it did then. Each
// command must be the recorded one, or else the exchange fails with
// [ErrRecording]; the data of commands with a PIN, which no recording has, are not
// compared. Where no answer came then, the card is gone ([ErrCardGone]), and so it
// is after the last command.
//
// A reset goes on behind the next recorded reset if that comes next, and otherwise
// begins the conversation again. Recorded resets that the terminal does not make
// are passed over.
//
// A lenient card answers any command that is somewhere in the recording, in any
// order; of several equal ones with the next after the last answer, or else the
// first. The session must not be changed while the card is used.
func Replay(s *recording.Session, lenient bool) Card {
	p := &player{session: s, lenient: lenient, atr: s.ATR()}
	p.takeReset()
	return p
}

// MaxRecording is the greatest size in bytes of a file that "replay:" reads.
const MaxRecording = 16 << 20

// openReplay opens "replay:FILE" or "replay:FILE#SESSION".
func openReplay(name string, lenient bool) (Card, error) {
	s, err := ReadRecording(name)
	if err != nil {
		return nil, err
	}
	return Replay(s, lenient), nil
}

// ReadRecording reads the conversation that "replay:" with this name plays: FILE,
// or FILE#SESSION if the file has several. Errors are of kind [ErrUnavailable] if
// there is no such file, and [ErrRecording] otherwise.
func ReadRecording(name string) (*recording.Session, error) {
	doing := "opening the recording " + name
	path, session := name, ""
	text, err := readRecording(path)
	if i := strings.LastIndexByte(name, '#'); errors.Is(err, os.ErrNotExist) && i >= 0 {
		path, session = name[:i], name[i+1:]
		text, err = readRecording(path)
	}
	if err != nil {
		return nil, fault(doing, ErrUnavailable, err).advise("write replay:FILE, or replay:FILE#SESSION for one of several sessions")
	}
	list, err := recording.Parse(text)
	if err != nil {
		return nil, fault(doing, ErrRecording, err).advise("make recordings with `citycard tap --record FILE`; the format is in docs/reference/tap.md")
	}
	s, err := recording.Find(list, session)
	if err != nil {
		return nil, fault(doing, ErrRecording, err).advise("write replay:" + path + "#SESSION")
	}
	return s, nil
}

func readRecording(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no file", path)
	case info.Size() > MaxRecording:
		return nil, fmt.Errorf("%s has %d bytes, a recording at most %d", path, info.Size(), MaxRecording)
	}
	return os.ReadFile(path)
}

// player is a card of a recording.
type player struct {
	session *recording.Session
	lenient bool
	atr     []byte
	next    int // exchange to come
	broken  error
}

// ATR implements [Card]. It is nil if the recording has none.
func (p *player) ATR() []byte { return p.atr }

// Transmit implements [Card].
func (p *player) Transmit(ctx context.Context, dst, cmd []byte) ([]byte, error) {
	switch {
	case p.broken != nil:
		return dst, p.broken
	case ctx.Err() != nil:
		p.broken = context.Cause(ctx)
		return dst, p.broken
	}
	if err := checkCommand(cmd); err != nil {
		return dst, err
	}
	x, err := p.find(cmd)
	if err != nil {
		p.broken = err
		return dst, err
	}
	if x.Lost() {
		p.broken = fault(fmt.Sprintf("playing exchange %d", x.Seq), ErrCardGone, fmt.Errorf("here the recorded card left the field"))
		return dst, p.broken
	}
	return append(dst, x.Response...), nil
}

// find gives the exchange for a command and moves behind it.
func (p *player) find(cmd []byte) (*recording.Exchange, error) {
	list := p.session.Exchanges
	if p.lenient {
		for i := range list {
			k := (p.next + i) % len(list)
			if same(&list[k], cmd) {
				p.next = k + 1
				return &list[k], nil
			}
		}
		return nil, differs(cmd, "the recording has no such command")
	}
	for p.takeReset() {
	}
	if p.next == len(list) {
		return nil, fault("playing a recording", ErrCardGone, fmt.Errorf("it ends before the command %s", header(cmd)))
	}
	x := &list[p.next]
	if !same(x, cmd) {
		return nil, differs(cmd, fmt.Sprintf("exchange %d of the recording is %s, the first difference is at byte %d", x.Seq, header(x.Command), difference(x.Command, cmd)))
	}
	p.next++
	return x, nil
}

// takeReset moves behind a recorded reset if one comes next, and has its answer.
func (p *player) takeReset() bool {
	list := p.session.Exchanges
	if p.next == len(list) || !list[p.next].Reset() {
		return false
	}
	p.atr = list[p.next].ATR
	p.next++
	return true
}

// same compares a command with a recorded one; of commands with a PIN, and of those
// that the card did not live to answer, header and length: it left whatever amount it
// was told.
func same(x *recording.Exchange, cmd []byte) bool {
	if x.Reset() {
		return false
	}
	if bytes.Equal(x.Command, cmd) {
		return true
	}
	c, err := apdu.ParseCommand(cmd)
	return err == nil && (c.CarriesPIN() || x.Lost()) && len(x.Command) == len(cmd) && bytes.Equal(x.Command[:minCommand+1], cmd[:minCommand+1])
}

func differs(cmd []byte, how string) error {
	return &Error{
		Doing: "playing the command " + header(cmd), Kind: ErrRecording, Cause: errors.New(how),
		Hint: "drive the terminal with the recorded amount, date and unpredictable number",
	}
}

// header shows what a command is without its data.
func header(cmd []byte) string {
	return fmt.Sprintf("%X (%d bytes)", cmd[:min(len(cmd), minCommand+1)], len(cmd))
}

func difference(a, b []byte) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// Reset implements [Card].
func (p *player) Reset(ctx context.Context, _ ResetKind) ([]byte, error) {
	if p.broken != nil {
		return nil, p.broken
	}
	if err := ctx.Err(); err != nil {
		p.broken = context.Cause(ctx)
		return nil, p.broken
	}
	if !p.takeReset() {
		p.next = 0
		p.takeReset()
	}
	return p.atr, nil
}

// Close implements [Card].
func (p *player) Close() error {
	if p.broken == nil {
		p.broken = fault("using a closed card", ErrCardGone, nil)
	}
	return nil
}
