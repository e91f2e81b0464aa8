package pboc

import (
	"fmt"
	"io"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/wire/apdu"
)

// Instruction bytes that the application knows, beside those of scripts. SELECT
// belongs to the card.
const (
	insReadRecord           = 0xB2 // class 00
	insGPO                  = 0xA8 // class 80
	insGetData              = 0xCA // class 80
	insVerify               = 0x20 // class 00
	insExternalAuthenticate = 0x82 // class 00
	insGetChallenge         = 0x84 // class 00
	insInternalAuthenticate = 0x88 // class 00
	insGenerateAC           = 0xAE // class 80
)

// App is the application in a powered chip: one card, its part of the memory,
// and what is kept in RAM until the power fails or the application is selected
// again. The zero value takes part in nothing until Insert.
type App struct {
	card   *Card
	memory cos.Partition
	rand   io.Reader

	session
	pending pending  // a TC was given and waits for the last record
	journey *journey // of the low-value extension; nil for cards without it

	// Scratch for one command; kept so that a transaction does not allocate.
	body   [2 * MaxAnswer]byte
	input  [64]byte
	values cryptogram.TerminalInput
	now    Limits        // what limits gives, if the issuer can change them
	seen   [maxSeen]byte // what CDA covers; session says how much of it is used
}

// Format answers every verb of fmt with a fixed text: the scratch memory holds
// the account number.
func (App) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(withheld)) }

// pending is a payment that the last record will commit.
type pending struct {
	active  bool
	atc     uint16
	after   State
	with69  bool // 9F69 goes into the last record
	tag9F69 [len9F69Value]byte
	suite   bool // made with the second set of algorithms
	logged  int  // bytes of log
	log     [MaxLogRecord]byte
}

// Insert connects the application with a checked card and its partition, which
// must have Product.MemorySize bytes.
func (a *App) Insert(c *Card, p cos.Partition) {
	a.card, a.memory = c, p
	switch {
	case c.Product.Extension == nil:
		a.journey = nil
	case a.journey == nil:
		a.journey = &journey{}
	}
	a.PowerOff()
}

// PowerOn gives the application its random source: for 9F69 and for the nonces
// and blinding of signatures.
func (a *App) PowerOn(rand io.Reader) { a.rand = rand }

// PowerOff forgets everything that is in RAM.
func (a *App) PowerOff() {
	a.rand = nil
	a.Deselect()
}

// Deselect ends the session: a payment that was not committed is gone.
func (a *App) Deselect() {
	a.session = session{}
	a.pending.active = false
	if a.journey != nil {
		a.journey.clear()
	}
}

// AID is the application's name.
func (a *App) AID() []byte { return a.card.Product.AID }

// Select starts a session and appends FCI and status word: 6283 instead of 9000
// if the application is blocked (EMV Book 1, 11.3.5). A product with a contact
// side has an FCI for each interface. The error is cos.ErrPowerCut.
func (a *App) Select(dst []byte, how cos.Selection) ([]byte, error) {
	a.Deselect()
	s, err := a.state()
	if err != nil {
		return dst, err
	}
	p := a.card.Product
	a.contactless = how.Contactless
	fci, side := p.FCI, 0
	if a.overContacts() {
		fci, side = p.Contact.FCI, 1
	}
	sw := apdu.SWOK
	if s.Blocked || s.Invalidated {
		sw = apdu.SWInvalidated
	}
	at := len(dst)
	dst = apdu.AppendResponse(dst, fci, sw)
	if x := p.Extension; x != nil && x.df61[side] != 0 {
		dst[at+x.df61[side]] = s.Support
	}
	return dst, nil
}

// Blocks tells whether the card was closed by CARD BLOCK (JR/T 0025.5): then no
// application of it can be selected. It makes the application a cos.Guard.
func (a *App) Blocks(cos.Application) (bool, error) {
	if a.card.Product.Contact == nil {
		return false, nil
	}
	s, err := a.state()
	return s.CardBlocked, err
}

// Do carries out one command for the selected application and appends data and
// status word. The only error is cos.ErrPowerCut; dst is then returned as it was.
func (a *App) Do(dst []byte, c *apdu.Command) ([]byte, error) {
	fresh := a.hasChallenge
	a.hasChallenge = false
	if a.journey != nil {
		if out, known, err := a.doExtension(dst, c); known {
			return out, err
		}
	}
	switch {
	case c.CLA == 0x00 && c.INS == insReadRecord:
		return a.readRecord(dst, c)
	case c.CLA == 0x80 && c.INS == insGPO:
		return a.processingOptions(dst, c)
	case c.CLA == 0x80 && c.INS == insGetData:
		return a.getData(dst, c)
	case c.INS == insReadRecord || c.INS == insGPO || c.INS == insGetData:
		return status(dst, wrongClass(c.CLA)), nil
	case a.card.Product.Contact != nil:
		return a.doContact(dst, c, fresh)
	}
	return status(dst, apdu.SWUnknownINS), nil
}

// doContact carries out the commands of the contact side; fresh tells that the
// command before was GET CHALLENGE.
func (a *App) doContact(dst []byte, c *apdu.Command, fresh bool) ([]byte, error) {
	if scriptClass(c.INS) != 0 {
		return a.script(dst, c)
	}
	class := byte(0x00)
	var do func(dst []byte, c *apdu.Command) ([]byte, error)
	switch c.INS {
	case insVerify:
		a.hasChallenge = fresh
		do = a.verify
	case insExternalAuthenticate:
		do = a.externalAuthenticate
	case insGetChallenge:
		do = a.getChallenge
	case insInternalAuthenticate:
		do = a.internalAuthenticate
	case insGenerateAC:
		class, do = 0x80, a.generateAC
	default:
		return status(dst, apdu.SWUnknownINS), nil
	}
	if c.CLA != class {
		return status(dst, wrongClass(c.CLA)), nil
	}
	return do(dst, c)
}

// wrongClass refuses a class for an instruction that the application knows.
func wrongClass(cla byte) apdu.SW {
	const messagingNotSupported apdu.SW = 0x6882
	if cla&0x0C != 0 {
		return messagingNotSupported
	}
	return apdu.SWUnknownCLA
}

func status(dst []byte, sw apdu.SW) []byte { return append(dst, byte(sw>>8), byte(sw)) }

// answer appends data and 9000 for a command that expects data, or 6Cxx if it
// expects fewer bytes than there are (ISO/IEC 7816-4, 5.1.3).
func answer(dst []byte, c *apdu.Command, data []byte) []byte {
	if tooShort(c, len(data)) {
		return append(dst, 0x6C, byte(len(data)))
	}
	return apdu.AppendResponse(dst, data, apdu.SWOK)
}

func tooShort(c *apdu.Command, n int) bool { return c.Le != apdu.NoLe && c.Le < n }

// state reads the application's state; the memory was checked at Insert and only
// this package has changed it since.
func (a *App) state() (State, error) {
	m, err := a.memory.Read()
	if err != nil {
		return State{}, err
	}
	s, err := a.card.Product.Decode(m)
	if err != nil {
		panic("pboc: a committed state is damaged: " + err.Error())
	}
	return s, nil
}
