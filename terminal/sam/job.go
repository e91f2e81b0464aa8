package sam

import (
	"fmt"

	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/wire/apdu"
)

// Check is what a module says of a code of a card. Numbers are for ever.
type Check uint8

// The results.
const (
	Unchecked Check = 0 // the job is not done, or the module has no key for it
	Genuine   Check = 1
	Wrong     Check = 2 // another code than the card with the genuine key would give
)

// op is one command of a job.
type op uint8

const (
	opNone op = iota
	opSelect
	opTerminal
	opIndex
	opPrepare
	opMAC
	opCode
	opInit
	opCredit
)

var opNames = [...]string{opSelect: "SELECT", opTerminal: "READ BINARY of the terminal number", opIndex: "READ BINARY of the key index",
	opPrepare: "INIT_FOR_DESCRYPT", opMAC: "DES CRYPT", opCode: "AUTH MESSAGE", opInit: "INIT_SAM_FOR_PURCHASE", opCredit: "CREDIT_SAM_FOR_PURCHASE"}

// step is a command with where it is to be sent.
type step struct {
	op  op
	dir uint16
}

const maxSteps = 8

// Job is one piece of work under way. It belongs to its Module until the next job.
type Job struct {
	m     *Module
	steps [maxSteps]step
	count int
	at    int // step whose command is under way; -1 before the first
	done  bool
	err   error

	cmd       []byte // last command sent
	data      [16]byte
	reply     []byte // what was answered to it so far
	again     int    // how often GET RESPONSE was sent
	corrected bool

	start    bool // reads the module, where a directory may be missing
	key      prepared
	message  []byte // data of the command that has data
	code     [9]byte
	want     [4]byte
	compare  bool
	fallback bool    // try the other algorithm if the code is wrong
	tac      bool    // the module need not have the key
	network  Network // of the TAC

	check  Check
	alg    epurse.Alg
	mac    epurse.MAC
	number uint32
}

// begin prepares the module's job.
func (m *Module) begin(needs bool, steps ...step) *Job {
	j := &m.job
	*j = Job{m: m, at: -1, cmd: j.cmd[:0], message: j.message[:0], reply: j.reply[:0]}
	j.count = copy(j.steps[:], steps)
	if needs && !m.ready {
		j.fail(ErrNotReady)
	}
	return j
}

// failed is a job that can do nothing.
func (m *Module) failed(err error) *Job {
	j := m.begin(false)
	j.fail(err)
	return j
}

func (j *Job) fail(err error) { j.done, j.err = true, err }

// Next takes the module's answer with status word and gives the next command, which
// belongs to the job until the next call. The first call is with nil; later nil says
// that the module does not answer, which ends the job with ErrLost. After done it
// repeats its end.
func (j *Job) Next(answer []byte) (command []byte, done bool, err error) {
	switch {
	case j.done:
	case j.at < 0 && answer == nil:
		return j.advance()
	case j.at < 0:
		panic("sam: an answer before the first command")
	case answer == nil:
		j.m.Lose()
		j.fail(fmt.Errorf("%s: %w", opNames[j.steps[j.at].op], ErrLost))
	default:
		return j.answered(answer)
	}
	return nil, true, j.err
}

// Check is what the module said of the code.
func (j *Job) Check() Check { return j.check }

// Alg is the algorithm under which the code was genuine.
func (j *Job) Alg() epurse.Alg { return j.alg }

// MAC is what Code and InitPurchase have made: the code of the command, or MAC1.
func (j *Job) MAC() epurse.MAC { return j.mac }

// Number is the module's transaction number of InitPurchase.
func (j *Job) Number() uint32 { return j.number }

// Format answers every verb with a fixed text: a job holds card numbers and records.
func (j *Job) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[work of the security module]")) }

// advance sends the next command that is needed.
func (j *Job) advance() ([]byte, bool, error) {
	for j.at++; j.at < j.count; j.at++ {
		s := j.steps[j.at]
		if s.op == opSelect && s.dir == j.m.dir && !j.start || s.op == opPrepare && j.m.key == j.key {
			continue
		}
		j.again, j.corrected, j.reply = 0, false, j.reply[:0]
		return j.send(j.command(s))
	}
	j.done = true
	j.m.ready = j.m.ready || j.start
	return nil, true, nil
}

func (j *Job) send(c apdu.Command) ([]byte, bool, error) {
	b, err := c.Append(j.cmd[:0])
	if err != nil {
		panic("sam: built an impossible command: " + err.Error())
	}
	j.cmd = b
	return b, false, nil
}

// command builds the command of a step.
func (j *Job) command(s step) apdu.Command {
	switch s.op {
	case opSelect:
		j.m.forget()
		return apdu.Command{INS: 0xA4, Data: append(j.data[:0], byte(s.dir>>8), byte(s.dir)), Le: apdu.NoLe}
	case opTerminal:
		return apdu.Command{INS: 0xB0, P1: 0x96, Le: 6}
	case opIndex:
		return apdu.Command{INS: 0xB0, P1: 0x97, Le: 1}
	case opPrepare:
		j.m.key = prepared{}
		factors := append(append(j.data[:0], j.key.factors[0][:]...), j.key.factors[1][:]...)
		return apdu.Command{CLA: 0x80, INS: 0x1A, P1: j.key.usage, P2: j.key.index, Data: factors[:8*(j.key.usage>>5)], Le: apdu.NoLe}
	case opMAC:
		return apdu.Command{CLA: 0x80, INS: 0xFA, P1: 0x05, Data: j.message, Le: 4}
	case opCode:
		return apdu.Command{CLA: 0x80, INS: 0xCA, Data: j.code[:], Le: apdu.NoLe}
	case opInit:
		j.m.open = 0
		return apdu.Command{CLA: 0x80, INS: 0x70, Data: j.message, Le: 8}
	case opCredit:
		j.m.open = 0
		return apdu.Command{CLA: 0x80, INS: 0x72, Data: j.want[:], Le: apdu.NoLe}
	}
	panic("sam: a step without a command")
}

// maxMore is how often GET RESPONSE may follow one command.
const maxMore = 2

// answered takes an answer: 61xx and 6Cxx, which a reader of T=0 may hand on, are
// followed here.
func (j *Job) answered(b []byte) ([]byte, bool, error) {
	data, sw, err := apdu.ParseResponse(b)
	if err != nil || len(j.reply)+len(data) > cap(j.reply) {
		return j.bad(fmt.Errorf("%d bytes: %w", len(b), ErrAnswer))
	}
	j.reply = append(j.reply, data...)
	if n, ok := sw.More(); ok && j.again < maxMore {
		j.again++
		return j.send(apdu.Command{INS: 0xC0, Le: n})
	}
	if n, ok := sw.CorrectLe(); ok && !j.corrected && j.steps[j.at].op == opSelect {
		j.corrected = true
		c := j.command(j.steps[j.at])
		c.Le = n
		return j.send(c)
	}
	return j.take(j.reply, sw)
}

// bad ends the job for an answer that cannot be used: what the module has done is not
// certain, and it may have been reset, so that another directory had no key.
func (j *Job) bad(err error) ([]byte, bool, error) {
	j.m.forget()
	j.m.noTAC = [networks][2]bool{}
	j.fail(fmt.Errorf("%s: %w", opNames[j.steps[j.at].op], err))
	return nil, true, j.err
}

// refused ends the job for a status word.
func (j *Job) refused(sw apdu.SW) ([]byte, bool, error) {
	if sw == apdu.SWPurseLocked || sw == apdu.SWInvalidated {
		return j.bad(fmt.Errorf("%04X: %w", uint16(sw), ErrLocked))
	}
	return j.bad(fmt.Errorf("status word %04X: %w", uint16(sw), ErrAnswer))
}
