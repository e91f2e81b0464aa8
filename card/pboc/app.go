package pboc

import (
	"fmt"
	"io"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/wire/apdu"
)

// Instruction bytes that the application knows. SELECT belongs to the card.
const (
	insReadRecord = 0xB2 // class 00
	insGPO        = 0xA8 // class 80
	insGetData    = 0xCA // class 80
)

// App is the application in a powered chip: one card, its part of the memory,
// and what is kept in RAM until the power fails or the application is selected
// again. The zero value takes part in nothing until Insert.
type App struct {
	card   *Card
	memory cos.Partition
	rand   io.Reader

	gpoDone bool    // GET PROCESSING OPTIONS has consumed a counter in this session
	pending pending // a TC was given and waits for the last record

	// Scratch for one command; kept so that a transaction does not allocate.
	body   [2 * MaxAnswer]byte
	input  [64]byte
	values cryptogram.TerminalInput
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
	logged  int // bytes of log
	log     [MaxLogRecord]byte
}

// Insert connects the application with a checked card and its partition, which
// must have Product.MemorySize bytes.
func (a *App) Insert(c *Card, p cos.Partition) {
	a.card, a.memory = c, p
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
	a.gpoDone = false
	a.pending.active = false
}

// AID is the application's name.
func (a *App) AID() []byte { return a.card.Product.AID }

// Select starts a session and appends FCI and status word: 6283 instead of 9000
// if the application is blocked (EMV Book 1, 11.3.5). The error is
// cos.ErrPowerCut.
func (a *App) Select(dst []byte, _ cos.Selection) ([]byte, error) {
	a.Deselect()
	s, err := a.state()
	if err != nil {
		return dst, err
	}
	sw := apdu.SWOK
	if s.Blocked {
		sw = apdu.SWInvalidated
	}
	return apdu.AppendResponse(dst, a.card.Product.FCI, sw), nil
}

// Do carries out one command for the selected application and appends data and
// status word. The only error is cos.ErrPowerCut; dst is then returned as it was.
func (a *App) Do(dst []byte, c *apdu.Command) ([]byte, error) {
	switch {
	case c.CLA == 0x00 && c.INS == insReadRecord:
		return a.readRecord(dst, c)
	case c.CLA == 0x80 && c.INS == insGPO:
		return a.processingOptions(dst, c)
	case c.CLA == 0x80 && c.INS == insGetData:
		return a.getData(dst, c)
	case c.INS == insReadRecord || c.INS == insGPO || c.INS == insGetData:
		return status(dst, wrongClass(c.CLA)), nil
	}
	return status(dst, apdu.SWUnknownINS), nil
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
