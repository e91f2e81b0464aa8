package terminal

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// MaxCommands is how many commands a card answers before it leaves for good.
const MaxCommands = 400

// atr is that of a card with T=1; atrT0 that of one with T=0 (ISO/IEC 7816-3, 8.2).
var (
	atr   = []byte{0x3B, 0x80, 0x80, 0x01, 0x01}
	atrT0 = []byte{0x3B, 0x64, 0x00, 0x00, 0x54, 0x45, 0x53, 0x54}
)

// stage is how far a transaction has come on the card.
type stage byte

const (
	stNone     stage = iota // nothing selected
	stPSE                   // the contact directory is selected
	stSelected              // an application is selected
	stStarted               // processing options were given
	stFirst                 // first cryptogram given, the second is awaited
	stOver                  // the transaction is over
)

// Card is a card that follows the script of a case. It is for one goroutine.
type Card struct {
	*spec
	rand io.Reader
	pin  pin.PIN
	t0   bool

	stage      stage
	name       []byte // by which SELECT came, for the next occurrence
	at         int    // entry that is selected
	pdol       values
	result     cryptogram.Result // of the present qPBOC transaction
	isCash     bool
	kept       bool // the last answer may be asked for again
	justPicked bool // SELECT was the last command
	lastRecord []byte
	ac1        [8]byte
	issuerBad  bool
	authed     int
	challenge  [8]byte
	waiting    []byte // for GET RESPONSE

	paid    int       // how often it has paid
	commits []payment // of the extension
	tap     int       // how often it was brought to the terminal
	strays  int       // commands that were not for a card
	scripts int       // commands carried out
	seen    []*exchange
	away    bool
	again   bool // comes back after it was torn away
	backs   int
	broken  error
}

// Format names the card for every verb: it holds keys and an account number.
func (c *Card) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// String names the card by its masked account number.
func (c *Card) String() string { return "test card " + txn.PAN(c.pan).Masked() }

// LogValue gives String to slog.
func (c *Card) LogValue() slog.Value { return slog.StringValue(c.String()) }

// Answer is what comes back for a command.
type Answer struct {
	Data  []byte        // with status word
	Delay time.Duration // before it comes
	Gone  bool          // nothing comes: the card is no longer there
}

// ATR is the answer to reset.
func (c *Card) ATR() []byte {
	if c.t0 {
		return atrT0
	}
	return atr
}

// Reset takes what a card forgets without power. It tells whether the card is there.
func (c *Card) Reset() bool {
	if c.away {
		return false
	}
	c.stage, c.name, c.at, c.waiting, c.justPicked = stNone, nil, 0, nil, false
	c.challenge = [8]byte{}
	c.extension.forget()
	c.union.forget()
	return true
}

// Return puts the card back after it has left, if the case has it come back: true.
func (c *Card) Return() bool {
	if !c.away || !c.again {
		return false
	}
	c.away, c.again = false, false
	c.backs++
	return c.Reset()
}

// bring puts the card before the terminal for another tap.
func (c *Card) bring(again bool) {
	c.tap++
	c.seen, c.away, c.again = nil, false, again
	c.Reset()
}

// Gone tells whether the card has left.
func (c *Card) Gone() bool { return c.away }

// values are the data that a DOL asked for.
type values map[tlv.Tag][]byte

// fill takes the data of a DOL apart; false if the length is wrong.
func fill(list, data []byte) (values, bool) {
	d, err := tlv.ParseDOL(list)
	if err != nil || d.Len() != len(data) {
		return nil, false
	}
	v := values{}
	for _, e := range d {
		v[e.Tag] = data[:e.Len]
		data = data[e.Len:]
	}
	return v, true
}

// exchange is one command as the card has seen it.
type exchange struct {
	raw     []byte
	cmd     apdu.Command
	answer  []byte // what left the card; empty if it was gone
	values  values // of PDOL, CDOL1, CDOL2 or DDOL
	delay   time.Duration
	gone    bool
	decoded bool
	picked  []byte // application that SELECT has found
	wait    bool   // the data wait for GET RESPONSE
	held    []byte // the answer that waits
	life    int    // 0, 1 after the card came back
	atc     uint16 // of the card, behind it
	tap     int    // Card.tap
	stage   stage  // of the card before it
	wrong   string // what the card expected, where the terminal broke a rule of the extension
}

func (x *exchange) sw() apdu.SW {
	_, sw, err := apdu.ParseResponse(x.answer)
	if err != nil {
		return 0
	}
	return sw
}

// Transmit answers one command. The answer belongs to the caller.
func (c *Card) Transmit(raw []byte) Answer {
	if c.away {
		return Answer{Gone: true}
	}
	if len(raw) > 0 && raw[0] == 0xFF && c.strays < MaxCommands {
		c.strays++ // a question for the reader (PC/SC part 3) that the reader has let pass
		return Answer{Data: status(apdu.SWUnknownCLA)}
	}
	x := &exchange{raw: bytes.Clone(raw), life: c.backs, tap: c.tap, stage: c.stage}
	c.seen = append(c.seen, x)
	cmd, err := apdu.ParseCommand(x.raw)
	x.cmd, x.decoded = cmd, err == nil
	for _, e := range c.edits {
		if e.before && e.fits(x) {
			e.do(x)
		}
	}
	if !x.gone {
		if x.answer == nil {
			x.answer = c.answer(x)
		}
		for _, e := range c.edits {
			if !e.before && e.fits(x) {
				e.do(x)
			}
		}
	}
	x.atc = c.atc
	if x.wait {
		c.hold(x)
	}
	if len(c.seen) > MaxCommands {
		x.gone = true
	}
	if x.gone {
		x.answer, c.away, c.stage = nil, true, stNone
		return Answer{Gone: true, Delay: x.delay}
	}
	return Answer{Data: bytes.Clone(x.answer), Delay: x.delay}
}

// hold keeps the data of an answer for GET RESPONSE.
func (c *Card) hold(x *exchange) {
	data, sw, err := apdu.ParseResponse(x.answer)
	if err == nil && sw == apdu.SWOK && len(data) > 0 {
		c.waiting, x.held = bytes.Clone(data), x.answer
		x.answer = status(0x6100 | apdu.SW(min(len(data), 255)))
	}
}

// answer carries a command out.
func (c *Card) answer(x *exchange) []byte {
	if !x.decoded {
		return status(apdu.SWWrongLength)
	}
	k := x.cmd
	if k.INS != 0xC0 {
		c.waiting = nil
	}
	picked := c.justPicked
	c.justPicked = false
	if out, ok := c.doPurse(x); ok {
		return out
	}
	if out, ok := c.doExtension(x); ok {
		return out
	}
	switch uint16(k.CLA)<<8 | uint16(k.INS) {
	case 0x00A4:
		return c.selectName(x)
	case 0x00B2:
		return c.readRecord(x, picked)
	case 0x80A8:
		return c.processing(x)
	case 0x80CA:
		return c.getData(x)
	case 0x0088:
		return c.internal(x)
	case 0x80AE:
		return c.generate(x)
	case 0x0082:
		return c.external(x)
	case 0x0084:
		return c.giveChallenge(x)
	case 0x0020:
		return c.verify(x)
	case 0x00C0:
		return c.getResponse(x)
	}
	if k.CLA == 0x84 || k.CLA == 0x04 {
		return c.script(x)
	}
	if k.CLA != 0x00 && k.CLA != 0x80 {
		return status(apdu.SWUnknownCLA)
	}
	return status(apdu.SWUnknownINS)
}

func status(sw apdu.SW) []byte { return apdu.AppendResponse(nil, nil, sw) }

func good9000(data []byte) []byte { return apdu.AppendResponse(nil, data, apdu.SWOK) }

// getResponse gives what a T=0 card has ready (ISO/IEC 7816-4, 5.3.4).
func (c *Card) getResponse(x *exchange) []byte {
	if len(c.waiting) == 0 {
		return status(apdu.SWConditions)
	}
	n := x.cmd.Le
	if n <= 0 || n > len(c.waiting) {
		return status(0x6C00 | apdu.SW(len(c.waiting)&0xFF))
	}
	part := c.waiting[:n]
	c.waiting = c.waiting[n:]
	if len(c.waiting) > 0 {
		return apdu.AppendResponse(nil, part, 0x6100|apdu.SW(len(c.waiting)&0xFF))
	}
	return good9000(part)
}

// session keys of the present transaction.
func (c *Card) sessionKey(k cryptogram.Key) cryptogram.Key {
	return cryptogram.DeriveSessionKey(c.alg, k, c.atc)
}
