package purse

import (
	"fmt"
	"io"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/wire/apdu"
)

// App is the purse in a powered chip. Template.Place makes it.
type App struct {
	t    *Template
	p    cos.Partition
	rand io.Reader

	// What is kept in RAM.
	ef        int // index of the current file, or noEF
	challenge challenge
	pins      uint32 // PINs that were verified, by number
	keys      uint32 // keys that were used in EXTERNAL AUTHENTICATE, by index
	trade     trade

	m   []byte // memory, of the command that is carried out
	r   request
	out [maxAnswer]byte
}

const (
	noEF      = -1
	maxAnswer = apdu.MaxShortLe
)

// challenge is what GET CHALLENGE has given.
type challenge struct {
	length int // 0 for none; 4 or 8
	value  [8]byte
}

func (c *challenge) bytes() []byte { return c.value[:c.length] }

// Format answers every verb of fmt with a fixed text.
func (App) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[purse, data withheld]")) }

// AID is the application's name.
func (a *App) AID() []byte { return a.t.spec.AID }

// PowerOn gives the purse its random source, for challenges and trades.
func (a *App) PowerOn(rand io.Reader) {
	a.Deselect()
	a.rand = rand
}

// PowerOff forgets everything that is in RAM.
func (a *App) PowerOff() {
	a.Deselect()
	a.rand = nil
}

// Deselect ends the session: nothing is verified and no trade is under way.
func (a *App) Deselect() {
	a.ef, a.challenge, a.pins, a.keys = noEF, challenge{}, 0, 0
	a.endTrade()
}

// Select starts a session and appends the FCI: 84 name, A5 with 9F08 and 9F0C, the
// first 30 bytes of file 15. A blocked purse answers 6A81 or 6283 with it.
func (a *App) Select(dst []byte, _ cos.Selection) ([]byte, error) {
	a.Deselect()
	m, err := a.p.Read()
	if err != nil {
		return dst, err
	}
	a.m = m
	return apdu.AppendResponse(dst, a.control(), a.selected()), nil
}

// Blocks tells whether CARD BLOCK has closed the card, for everything on it.
func (a *App) Blocks(cos.Application) (bool, error) {
	m, err := a.p.Read()
	return err == nil && m[atState]&stateCardBlocked != 0, err
}

// request is one command on its way through the purse.
type request struct {
	apdu.Command
	data      []byte // of the command, without protection
	given     challenge
	line      epurse.Line
	protected bool // the answer is, too
	encipher  bool
	reply     []byte
}

const (
	classProtected   = 0x04
	classProprietary = 0x80
)

// guarded tells whether the class says that the command is protected.
func (r *request) guarded() bool { return r.CLA&classProtected != 0 }

// command is a row of the table of commands.
type command struct {
	ins         byte
	proprietary bool // class 80 or 84, else 00 or 04
	plain       bool // may come without protection
	guarded     bool // may come with protection
	blocked     bool // may come while the purse is blocked
	goesOn      bool // with the trade that is under way
	do          func(a *App, r *request) (apdu.SW, error)
}

// commands are all that the purse knows.
var commands = [...]command{
	{ins: 0xA4, plain: true, blocked: true, do: (*App).selectFile},
	{ins: 0xB0, plain: true, guarded: true, do: (*App).readBinary},
	{ins: 0xB2, plain: true, guarded: true, do: (*App).readRecord},
	{ins: 0xD6, plain: true, guarded: true, do: (*App).updateBinary},
	{ins: 0xDC, plain: true, guarded: true, do: (*App).updateRecord},
	{ins: 0xDC, proprietary: true, plain: true, goesOn: true, do: (*App).updateCache},
	{ins: 0x50, proprietary: true, plain: true, do: (*App).initialize},
	{ins: 0x52, proprietary: true, plain: true, goesOn: true, do: (*App).creditForLoad},
	{ins: 0x54, proprietary: true, plain: true, goesOn: true, do: (*App).debit},
	{ins: 0x58, proprietary: true, plain: true, goesOn: true, do: (*App).updateOverdraft},
	{ins: 0x5A, proprietary: true, plain: true, do: (*App).getProof},
	{ins: 0x5C, proprietary: true, plain: true, do: (*App).getBalance},
	{ins: 0x5E, proprietary: true, plain: true, do: (*App).pursePIN},
	{ins: 0xCA, proprietary: true, plain: true, do: (*App).getAuthCode},
	{ins: 0x20, plain: true, do: (*App).verify},
	{ins: 0x24, proprietary: true, guarded: true, do: (*App).unblockPIN},
	{ins: 0x82, plain: true, do: (*App).externalAuthenticate},
	{ins: 0x88, plain: true, do: (*App).internalAuthenticate},
	{ins: 0x84, plain: true, blocked: true, do: (*App).getChallenge},
	{ins: 0x1E, proprietary: true, guarded: true, blocked: true, do: (*App).block},
	{ins: 0x18, proprietary: true, guarded: true, blocked: true, do: (*App).unblock},
	{ins: 0x16, proprietary: true, guarded: true, blocked: true, do: (*App).blockCard},
}

// find gives the row of a command, or the status word that refuses it.
func find(c *apdu.Command) (*command, apdu.SW) {
	sw := apdu.SWUnknownINS
	for i := range commands {
		k := &commands[i]
		if k.ins != c.INS {
			continue
		}
		protected := c.CLA&classProtected != 0
		switch {
		case c.CLA&^(classProprietary|classProtected) != 0, k.proprietary != (c.CLA&classProprietary != 0):
			sw = apdu.SWUnknownCLA
		case protected && !k.guarded, !protected && !k.plain:
			return nil, apdu.SWClassLine
		default:
			return k, apdu.SWOK
		}
	}
	return nil, sw
}

// allowed judges the state of the purse: 6A81 while the card is blocked, 9303 once
// the purse is locked for good, 6985 for most commands while it is blocked.
func (a *App) allowed(k *command) apdu.SW {
	switch state := a.m[atState]; {
	case state&stateCardBlocked != 0:
		return apdu.SWNotSupported
	case state == stateLocked && k.ins != 0xA4:
		return apdu.SWPurseLocked
	case state == stateBlocked && !k.blocked:
		return apdu.SWConditions
	}
	return apdu.SWOK
}

// Do carries out one command and appends data and status word. The only error is
// cos.ErrPowerCut; dst is then returned as it was.
func (a *App) Do(dst []byte, c *apdu.Command) ([]byte, error) {
	given := a.challenge
	a.challenge = challenge{}
	m, err := a.p.Read()
	if err != nil {
		return dst, err
	}
	a.m = m
	k, sw := find(c)
	if len(c.Data) > apdu.MaxShortData {
		k, sw = nil, apdu.SWWrongLength
	}
	if k != nil {
		sw = a.allowed(k)
	}
	if sw != apdu.SWOK {
		a.endTrade()
		return apdu.AppendResponse(dst, nil, sw), nil
	}
	if !k.goesOn {
		a.endTrade()
	}
	a.r = request{Command: *c, data: c.Data, given: given}
	a.r.Le = min(c.Le, apdu.MaxShortLe)
	sw, err = k.do(a, &a.r)
	reply := a.r.reply
	a.r = request{}
	if err != nil {
		return dst, err
	}
	if _, again := sw.CorrectLe(); again {
		// The reader sends the same command again, which needs the same challenge.
		a.challenge = given
	} else if sw != apdu.SWOK {
		a.endTrade()
	}
	return apdu.AppendResponse(dst, reply, sw), nil
}

// shape judges Lc and Le of a command before it does anything: 6700, or 6Cxx if the
// reader expects another length than the card will answer.
func (r *request) shape(lc, answer int) apdu.SW {
	if len(r.Data) != lc || answer == 0 && r.Le != apdu.NoLe {
		return apdu.SWWrongLength
	}
	if answer > 0 && r.Le != apdu.NoLe && r.Le != apdu.MaxShortLe && r.Le != answer {
		return correctLe(answer)
	}
	return apdu.SWOK
}

// correctLe is 6Cxx.
func correctLe(n int) apdu.SW { return 0x6C00 | apdu.SW(n&0xFF) }

// commit stages one place of the memory, makes it take effect and looks at the
// memory again.
func (a *App) commit(at int, b ...byte) error {
	if err := a.p.Begin(); err != nil {
		return err
	}
	a.p.Put(at, b)
	if err := a.p.Commit(); err != nil {
		return err
	}
	m, err := a.p.Read()
	a.m = m
	return err
}

// random fills b; false if the source fails.
func (a *App) random(b []byte) bool {
	if a.rand == nil {
		return false
	}
	_, err := io.ReadFull(a.rand, b)
	return err == nil
}
