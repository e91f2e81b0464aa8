package psam

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/wire/apdu"
)

// App is the module in a powered chip. Template.Place makes it.
type App struct {
	template *Template
	memory   cos.Partition
	rand     io.Reader

	// What is kept in RAM.
	dir       int // index of the current directory
	ef        int // short identifier of the current file; 0 for none
	challenge challenge
	code      authCode
	purchase  purchase
	work      work

	view    []byte // the memory during a command
	scratch [maxFileSize]byte
}

// challenge is what GET CHALLENGE has given.
type challenge struct {
	length int // 0 for none; 4, 8 or 16
	value  [16]byte
}

// Format answers every verb of fmt with a fixed text: the module holds keys.
func (App) Format(f fmt.State, _ rune) {
	_, _ = f.Write([]byte("[security module, data withheld]"))
}

// AID is the module's name.
func (a *App) AID() []byte { return a.template.name }

// PowerOn gives the module its random source, for challenges.
func (a *App) PowerOn(rand io.Reader) {
	a.Deselect()
	a.rand = rand
}

// PowerOff forgets everything that is in RAM.
func (a *App) PowerOff() {
	a.Deselect()
	a.rand = nil
}

// Deselect ends the session: the MF is the current directory, and every working
// key is gone.
func (a *App) Deselect() {
	a.challenge = challenge{}
	a.enter(0)
	clear(a.scratch[:])
}

// enter makes a directory the current one. What another had begun is gone.
func (a *App) enter(dir int) {
	a.dir, a.ef = dir, 0
	a.code, a.purchase, a.work = authCode{}, purchase{}, work{}
}

// Select starts a session at the MF and appends FCI and status word. The only error
// is cos.ErrPowerCut.
func (a *App) Select(dst []byte, _ cos.Selection) ([]byte, error) {
	a.Deselect()
	if err := a.look(); err != nil {
		return dst, err
	}
	return apdu.AppendResponse(dst, a.information(a.scratch[:0]), apdu.SWOK), nil
}

// look takes the memory as it is now.
func (a *App) look() (err error) {
	a.view, err = a.memory.Read()
	return err
}

// current is the current directory.
func (a *App) current() *directory { return &a.template.dirs[a.dir] }

// row is the current directory's state in memory.
func (a *App) row() []byte { return a.view[a.current().row:][:rowSize] }

// locked tells whether the current application has seen too many wrong MAC2.
func (a *App) locked() bool { return a.row()[atTries] == 0 }

func (a *App) counter() uint32 { return binary.BigEndian.Uint32(a.row()[atCounter:]) }

// change is bytes for a place of the partition.
type change struct {
	at   int
	data []byte
}

// commit makes changes take effect together.
func (a *App) commit(list ...change) error {
	if err := a.memory.Begin(); err != nil {
		return err
	}
	for _, c := range list {
		a.memory.Put(c.at, c.data)
	}
	if err := a.memory.Commit(); err != nil {
		return err
	}
	return a.look()
}

// try takes a try off before a MAC is compared, so that no power cut saves it.
func (a *App) try(at int) error {
	return a.commit(change{a.current().row + at, []byte{a.row()[at] - 1}})
}

// allTries gives the tries back after a right MAC.
func (a *App) allTries(at int) change { return change{a.current().row + at, []byte{Tries}} }

// request is one command on its way through the module.
type request struct {
	*apdu.Command
	challenge challenge // given just before this command
	reply     []byte
}

// expects tells whether Le lets n bytes be answered; else sw is 6Cxx.
func (r *request) expects(n int) (sw apdu.SW, ok bool) {
	if r.Le == apdu.NoLe || r.Le == apdu.MaxShortLe || r.Le == n {
		return apdu.SWOK, true
	}
	return 0x6C00 | apdu.SW(n&0xFF), false
}

// answer sends data, or 6Cxx if Le is another length.
func (r *request) answer(data []byte) apdu.SW {
	sw, ok := r.expects(len(data))
	if ok {
		r.reply = data
	}
	return sw
}

// command is a row of the table of commands.
type command struct {
	cla, ins byte
	do       func(a *App, r *request) (apdu.SW, error)
}

const (
	classLine     = 0x04 // UPDATE BINARY with a MAC
	classPurse    = 0x80
	classDelivery = 0xBF
	insCrypt      = 0xFA
)

// commands are all that the module knows.
var commands = [...]command{
	{0x00, 0xA4, (*App).selectFile},
	{0x00, 0xB0, (*App).readBinary},
	{classLine, 0xD6, (*App).updateBinary},
	{0x00, 0x84, (*App).getChallenge},
	{classPurse, 0x70, (*App).initPurchase},
	{classPurse, 0x72, (*App).creditPurchase},
	{classPurse, 0xCA, (*App).authMessage},
	{classPurse, 0x1A, (*App).initCrypt},
	{classDelivery, 0xDE, (*App).deliverKey},
	{classPurse, insCrypt, (*App).crypt},
}

// TakesClass lets the chip pass class BF, that of DELIVERY KEY alone.
func (a *App) TakesClass(cla byte) bool { return cla == classDelivery }

// find gives what carries a command out, or the status word that refuses it.
func find(c *apdu.Command) (func(*App, *request) (apdu.SW, error), apdu.SW) {
	sw := apdu.SWUnknownINS
	if c.CLA == classDelivery { // all others of it are of a class that there is not
		sw = apdu.SWUnknownCLA
	}
	for i := range commands {
		k := &commands[i]
		switch {
		case k.ins != c.INS:
		case k.cla == c.CLA:
			return k.do, apdu.SWOK
		case k.cla^c.CLA == classLine:
			sw = apdu.SWClassLine
		default:
			sw = apdu.SWUnknownCLA
		}
	}
	return nil, sw
}

// Do carries out one command and appends data and status word. The only error is
// cos.ErrPowerCut; dst is then returned as it was.
func (a *App) Do(dst []byte, c *apdu.Command) ([]byte, error) {
	given := a.challenge
	a.challenge = challenge{}
	a.work.chained = a.work.chained && c.INS == insCrypt
	do, sw := find(c)
	if len(c.Data) > apdu.MaxShortData {
		do, sw = nil, apdu.SWWrongLength
	}
	if do == nil {
		return apdu.AppendResponse(dst, nil, sw), nil
	}
	if err := a.look(); err != nil {
		return dst, err
	}
	command := *c
	command.Le = min(c.Le, apdu.MaxShortLe)
	r := request{Command: &command, challenge: given}
	sw, err := do(a, &r)
	if err != nil {
		return dst, err
	}
	return apdu.AppendResponse(dst, r.reply, sw), nil
}
