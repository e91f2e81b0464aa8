package pos

import (
	"fmt"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/kernel/emv"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

// phase says who takes the next event.
type phase uint8

const (
	idle     phase = iota // nothing is running: Begin or Restore
	paying                // the contactless kernel, with a new transaction
	probing               // the contactless kernel, looking whether the torn card is back
	resuming              // the contactless kernel, finishing a torn transaction
	debiting              // the debit/credit kernel
	closing               // 9F79 is read before the debit/credit card is let go
	asking                // directory and balance are read by the till itself
	waiting               // a torn sale waits for its card
	entering              // the cardholder enters a PIN for the issuer
	hosting               // the issuer is asked
)

var phaseNames = [...]string{"idle", "paying", "probing", "resuming", "debit/credit", "closing", "balance", "waiting", "PIN entry", "issuer"}

// Till is one point of sale. It is made once and makes sale after sale. It is for one
// goroutine.
type Till struct {
	cfg    Config
	kernel *kernel.Machine
	debit  *emv.Machine

	phase  phase
	sale   Sale
	result Result
	runs   int // transactions begun with the contactless kernel
	// torn is the transaction whose card is waited for, and still while a card that is
	// back is asked to pay anew, until it has told that it is the same.
	torn *torn

	question txn.OnlineRequest // for the issuer
	asked    bool              // it was put to the issuer
	answered bool              // who has answered it
	agreed   bool              // and approved
	put      bool              // a command that sets the card's balance was sent
	optional bool              // the PIN for the issuer need not be entered

	read  inquiry
	notes []Note
	taken int // notes of the debit/credit kernel that are in notes
}

// New makes a till. The error names the setting with which it cannot work.
func New(cfg Config) (*Till, error) {
	t := &Till{cfg: cfg}
	err := t.cfg.prepare()
	if err == nil {
		t.kernel, err = kernel.New(&t.cfg.Kernel)
	}
	if err == nil {
		t.debit, err = emv.New(&t.cfg.EMV)
	}
	if err != nil {
		return nil, fmt.Errorf("make till %d: %w", cfg.Terminal, err)
	}
	return t, nil
}

// Terminal is the terminal's number.
func (t *Till) Terminal() txn.TerminalID { return t.cfg.Terminal }

// MaxAmount is what a row and the binary amount of a card can carry: 42 949 672.95 yuan.
const MaxAmount money.Fen = 1<<32 - 1

// Begin starts a sale: a card is in the field or in the slot, and reset, or a stripe
// was read. The amount of an Inquiry is always 0. A sale that cannot be made ends at once with Outcome Error.
func (t *Till) Begin(s Sale) Action {
	if t.phase != idle {
		panic("pos: Begin while a sale is running: step it to its end first")
	}
	t.reset(s)
	switch {
	case s.Kind < Purchase || s.Kind > Unload:
		return t.refuse(kernel.Fault{Code: kernel.BadValue, Tag: tlv.TagTransactionType})
	case s.Amount < 0 || s.Amount > MaxAmount || s.Kind == Load && s.Amount == 0:
		return t.refuse(kernel.Fault{Code: kernel.BadValue, Tag: tlv.TagAmountAuthorised})
	case s.Time < 0 || s.Time > 1<<32-1:
		return t.refuse(kernel.Fault{Code: kernel.BadValue, Tag: tlv.TagTransactionDate})
	case s.Interface == Stripe:
		return t.swipe()
	case s.Interface != Contactless && s.Interface != Contact:
		return t.refuse(kernel.Fault{Code: kernel.BadValue, Tag: tlv.TagPOSEntryMode})
	case s.Kind == Balance:
		return t.inquire()
	case s.Kind == Purchase && s.Interface == Contactless && t.cfg.Mode != DebitCredit:
		return t.pay()
	}
	return t.beginDebit()
}

// refuse ends a sale that cannot be made.
func (t *Till) refuse(f kernel.Fault) Action {
	t.result.Fault = f
	return t.done(Error, ShowCardError)
}

func (t *Till) reset(s Sale) {
	if s.Kind == Inquiry {
		s.Amount = 0
	}
	t.sale = s
	t.result = Result{Records: t.result.Records[:0], Balance: -1, SecondBalance: -1, SpendingLimit: -1, Before: -1, Available: -1}
	t.runs, t.torn = 0, nil
	t.asked, t.answered, t.agreed, t.put = false, false, false, false
	t.notes, t.taken = t.notes[:0], 0
}

// Step takes what happened since the last Action. It panics for an event that the
// last Action does not allow: that is a fault of the program around the till.
func (t *Till) Step(ev emv.Event) Action {
	switch t.phase {
	case idle:
		return Action{Done: &t.result}
	case paying, probing, resuming:
		return t.follow(t.kernel.Step(t.kernelEvent(ev)))
	case debiting:
		t.heard(ev)
		return t.followDebit(t.debit.Step(ev))
	case closing:
		return t.closed(ev)
	case asking:
		return t.read.step(t, ev)
	case waiting:
		return t.cameBack(ev)
	case entering:
		return t.entered(ev)
	}
	return t.hostSaid(ev)
}

// kernelEvent is an event in the words of the contactless kernel.
func (t *Till) kernelEvent(ev emv.Event) kernel.Event {
	switch ev.Kind {
	case emv.Answer:
		return kernel.Answered(ev.Data)
	case emv.CardLeft:
		return kernel.Event{Kind: kernel.CardLeft}
	case emv.CardRemoved:
		return kernel.Event{Kind: kernel.CardRemoved}
	}
	t.unexpected(ev)
	return kernel.Event{}
}

// unexpected is what no event can lead to; it does not come back.
func (t *Till) unexpected(ev emv.Event) Action {
	panic(fmt.Sprintf("pos: event %d in phase %q: the owner of the till did not do what the Action asked for", ev.Kind, phaseNames[t.phase]))
}

// done ends the sale. One that was not approved and leaves a doubt row is in doubt,
// however its last transaction ended; if a card may have paid, its holder must know.
func (t *Till) done(o Outcome, d Display) Action {
	t.takeNotes()
	t.phase, t.torn = idle, nil
	approved := o.Approved()
	for i := range t.result.Records {
		if row := &t.result.Records[i].Row; row.Kind == txn.Doubt && !approved {
			o = Doubt
			if row.Flags.Reason() != txn.LeftBeforeLast {
				d = ShowDoubt
			}
		}
	}
	t.result.Outcome, t.result.Display = o, d
	if approved {
		t.result.Fault = kernel.Fault{}
	}
	t.result.Signature = t.result.Signature && approved && t.sale.Kind != Inquiry
	return Action{Done: &t.result}
}
