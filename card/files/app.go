package files

import (
	"fmt"
	"io"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/wire/apdu"
)

// App is the application in a powered chip. Template.Place makes it.
type App struct {
	aid  []byte
	fs   cos.FileSystem
	rand io.Reader

	// What is kept in RAM.
	df        byte // slot of the current DF
	ef        int  // slot of the current EF, or noEF
	record    int  // current record, from 1; 0 for none
	challenge challenge
	granted   []grant

	view    cos.FileView // of the command that is carried out
	scratch [scratchSize]byte
}

const (
	noEF        = -1
	scratchSize = 2 * 256
	maxAnswer   = apdu.MaxShortLe
)

// grant is one satisfied condition: a PIN that was verified or a key that was
// used, with the DF that owns it.
type grant struct {
	df byte
	by cos.Condition
}

// challenge is what GET CHALLENGE has given.
type challenge struct {
	length int // 0 for none; 4, 8 or 16
	value  [16]byte
}

func (c *challenge) bytes() []byte { return c.value[:c.length] }

// Format answers every verb of fmt with a fixed text: the scratch space holds
// what was deciphered.
func (App) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[files, data withheld]")) }

// AID is the application's name.
func (a *App) AID() []byte { return a.aid }

// PowerOn gives the application its random source, for challenges.
func (a *App) PowerOn(rand io.Reader) {
	a.Deselect()
	a.rand = rand
}

// PowerOff forgets everything that is in RAM.
func (a *App) PowerOff() {
	a.Deselect()
	a.rand = nil
}

// Deselect ends the session: the MF is the current directory again and nothing is
// verified.
func (a *App) Deselect() {
	a.df, a.ef, a.record = 0, noEF, 0
	a.challenge = challenge{}
	a.granted = a.granted[:0]
	clear(a.scratch[:])
}

// Select starts a session at the ADF with the application's name, or at the MF if
// none has it, and appends FCI and status word. The only error is
// cos.ErrPowerCut.
func (a *App) Select(dst []byte, _ cos.Selection) ([]byte, error) {
	a.Deselect()
	v, err := a.fs.View()
	if err != nil {
		return dst, err
	}
	f, ok := v.ByName(a.aid, 0)
	if !ok || len(f.Name) != len(a.aid) {
		f = v.MF()
	}
	a.df = f.Slot
	return apdu.AppendResponse(dst, control(a.scratch[:0], v, f, answerFCI), selected(f)), nil
}

// request is one command on its way through the application.
type request struct {
	*apdu.Command           // Le is at most 256
	data          []byte    // of the command, without protection
	line          *line     // protection of the answer; nil for none
	challenge     challenge // given just before this command
	reply         []byte
}

// protected tells whether the class says that the command is protected.
func (r *request) protected() bool { return r.CLA&classProtected != 0 }

const (
	classProtected   = 0x04
	classProprietary = 0x80
)

// handler carries out one command and gives its status word. The only error is
// cos.ErrPowerCut.
type handler func(a *App, r *request) (apdu.SW, error)

// command is a row of the table of commands.
type command struct {
	ins         byte
	proprietary bool // class 80 or 84, else 00 or 04
	plain       bool // may come without protection
	guarded     bool // may come with protection
	do          handler
}

// commands are all that the application knows.
var commands = [...]command{
	{ins: 0xA4, plain: true, do: (*App).selectFile},
	{ins: 0xB0, plain: true, guarded: true, do: (*App).readBinary},
	{ins: 0xD6, plain: true, guarded: true, do: (*App).updateBinary},
	{ins: 0xB2, plain: true, guarded: true, do: (*App).readRecord},
	{ins: 0xDC, plain: true, guarded: true, do: (*App).updateRecord},
	{ins: 0xE2, plain: true, guarded: true, do: (*App).appendRecord},
	{ins: 0x84, plain: true, do: (*App).getChallenge},
	{ins: 0x20, plain: true, guarded: true, do: (*App).verify},
	{ins: 0x24, plain: true, guarded: true, do: (*App).changeReference},
	{ins: 0x2C, guarded: true, do: (*App).resetRetryCounter},
	{ins: 0x5E, proprietary: true, plain: true, do: (*App).pursePIN},
	{ins: 0x82, plain: true, do: (*App).externalAuthenticate},
	{ins: 0x88, plain: true, do: (*App).internalAuthenticate},
	{ins: 0xD4, proprietary: true, guarded: true, do: (*App).writeKey},
	{ins: 0xE0, plain: true, guarded: true, do: (*App).createFile},
	{ins: 0xE4, plain: true, guarded: true, do: (*App).deleteFile},
	{ins: 0x44, plain: true, guarded: true, do: (*App).activate},
	{ins: 0x04, plain: true, guarded: true, do: (*App).deactivate},
	{ins: 0xE6, plain: true, guarded: true, do: (*App).terminateDF},
	{ins: 0xE8, plain: true, guarded: true, do: (*App).terminateEF},
}

// find gives what carries a command out, or the status word that refuses it.
func find(c *apdu.Command) (handler, apdu.SW) {
	for _, k := range commands {
		if k.ins != c.INS {
			continue
		}
		proprietary, protected := c.CLA&classProprietary != 0, c.CLA&classProtected != 0
		switch {
		case c.CLA&^(classProprietary|classProtected) != 0, proprietary != k.proprietary:
			return nil, apdu.SWUnknownCLA
		case protected && !k.guarded, !protected && !k.plain:
			return nil, apdu.SWClassLine
		}
		return k.do, apdu.SWOK
	}
	return nil, apdu.SWUnknownINS
}

// Do carries out one command and appends data and status word. The only error is
// cos.ErrPowerCut; dst is then returned as it was.
func (a *App) Do(dst []byte, c *apdu.Command) ([]byte, error) {
	given := a.challenge
	a.challenge = challenge{}
	do, sw := find(c)
	if len(c.Data) > apdu.MaxShortData {
		do, sw = nil, apdu.SWWrongLength
	}
	if do == nil {
		return apdu.AppendResponse(dst, nil, sw), nil
	}
	var err error
	if a.view, err = a.fs.View(); err != nil {
		return dst, err
	}
	command := *c
	command.Le = min(c.Le, apdu.MaxShortLe)
	r := &request{Command: &command, data: c.Data, challenge: given}
	sw, err = do(a, r)
	if err != nil {
		return dst, err
	}
	if _, again := sw.CorrectLe(); again {
		// The reader sends the same command again, which needs the same challenge.
		a.challenge = given
	}
	return apdu.AppendResponse(dst, r.reply, sw), nil
}

// changed looks at the memory again after a change has given err.
func (a *App) changed(err error) error {
	if err != nil {
		return err
	}
	a.view, err = a.fs.View()
	return err
}

// answer sends data, protected if the command's rule wants that. Le must be 00 or
// the length of what is sent; else 6Cxx says that length (ISO/IEC 7816-4, 5.1.3).
// Without Le the data is sent whole, for GET RESPONSE. 6700: with its protection
// the data is longer than an answer can be.
func (r *request) answer(data []byte) apdu.SW {
	if r.line.length(len(data)) > maxAnswer {
		return apdu.SWWrongLength
	}
	out := r.line.protect(data)
	if r.Le != apdu.NoLe && r.Le != apdu.MaxShortLe && r.Le != len(out) {
		return correctLe(len(out))
	}
	r.reply = out
	return apdu.SWOK
}

// correctLe is 6Cxx.
func correctLe(n int) apdu.SW { return 0x6C00 | apdu.SW(n&0xFF) }
