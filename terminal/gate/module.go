package gate

import (
	"github.com/citycard/citycard/terminal/sam"
	"github.com/citycard/citycard/wire/apdu"
)

// stage says who waits for what comes next.
type stage uint8

const (
	stageKernel      stage = iota // the kernel waits for the card
	stageDirectory                // the gate waits for the card's directory
	stageModule                   // the gate waits for the security module
	stageDeposit                  // the gate waits for DF63
	stagePurse                    // the purse's machine waits for the card
	stagePurseModule              // it waits for the security module
)

// StepSAM takes the answer of the terminal's security module to Action.SAM, status word
// included; nil says that it did not answer. A tap that needs the module ends then where
// the card has certainly not paid, and the next tap starts the module anew.
func (g *Gate) StepSAM(answer []byte) Action {
	switch {
	case !g.running:
		return Action{Done: &g.result}
	case g.stage == stagePurseModule:
		g.stage = stageKernel
		return g.followPurse(g.pay.Module(answer))
	case g.stage != stageModule:
		panic("gate: an answer of the security module that was not asked for")
	}
	return g.worked(g.job.Next(answer))
}

// work begins a job of the security module.
func (g *Gate) work(step tripStep, j *sam.Job) Action {
	g.trip.step, g.job = step, j
	return g.worked(j.Next(nil))
}

// worked goes on with a job, or with what it was for.
func (g *Gate) worked(command []byte, done bool, err error) Action {
	if !done {
		g.stage = stageModule
		return Action{SAM: command}
	}
	g.stage = stageKernel
	if err != nil {
		g.loseModule(err)
		return g.moduleFailed()
	}
	t := &g.trip
	switch t.step {
	case stepStart:
		return g.meet()
	case stepCheckOther:
		return g.recordChecked(true)
	case stepCheck:
		return g.recordChecked(false)
	case stepCodeRecord:
		return g.update(stepUpdateRecord, t.next[:])
	case stepCheckAnswer:
		return g.answerChecked()
	case stepCodeLog:
		return g.update(stepUpdateLog, t.log[:])
	}
	panic("gate: the security module has worked for nobody")
}

// loseModule forgets a module that has not done its part: it may be another one by now,
// with another terminal number.
func (g *Gate) loseModule(err error) {
	g.result.Module = err
	g.module.Lose()
}

// moduleFailed ends a tap that cannot go on without the module. At the start it is not
// known yet whether it will be needed.
func (g *Gate) moduleFailed() Action {
	switch g.trip.step {
	case stepStart:
		return g.meet()
	case stepCodeRecord, stepCheckAnswer, stepCodeLog:
		g.stopCard()
		return g.done(ModuleFailed)
	}
	return g.turnAway(ModuleFailed)
}

// sendOwn sends a command that is the gate's and not the kernel's.
func (g *Gate) sendOwn(c apdu.Command) Action {
	b, err := c.Append(g.own[:0])
	if err != nil {
		panic("gate: built an impossible command: " + err.Error())
	}
	g.own = b
	return Action{Send: b}
}
