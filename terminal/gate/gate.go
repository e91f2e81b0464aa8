package gate

import (
	"fmt"

	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/purse"
	"github.com/citycard/citycard/terminal/row"
	"github.com/citycard/citycard/terminal/sam"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

// Gate is one terminal. It is made once and runs tap after tap.
type Gate struct {
	cfg     Config
	array   *Array
	records Records
	pricer  Pricer
	kernel  *kernel.Machine

	// With Config.Transit.
	module   *sam.Module
	pay      *purse.Machine
	journeys JourneyPricer
	order    []Application

	stop, direction byte
	metres          int
	busQuote        quote
	broken          bool

	// The running tap.
	running bool
	now     int64
	field   Field
	un      [4]byte
	quote   quote
	runs    int  // transactions begun
	knowing bool // the card is asked whether it is the one that has paid
	back    comeback
	entered EntryRecord // Result.Entered
	closed  Closing     // Result.Closed
	result  Result
	stage   stage
	app     Chosen
	search  int // next of order to ask a card without a directory for; -1 has one
	trip    trip
	purse   purseTap
	job     *sam.Job // under way
	own     []byte   // command of the gate's own
}

// New makes a terminal.
func New(cfg Config, array *Array, records Records, pricer Pricer) (*Gate, error) {
	if array == nil || records == nil || pricer == nil {
		return nil, fmt.Errorf("make gate %d: array, records and pricer are all needed: %w", cfg.Terminal, errConfig)
	}
	if err := cfg.validate(pricer); err != nil {
		return nil, fmt.Errorf("make gate %d: %w", cfg.Terminal, err)
	}
	g := &Gate{cfg: cfg, array: array, records: records, pricer: pricer}
	g.cfg.Kernel.RequireFDDA01 = !cfg.AllowFDDA00
	g.cfg.Kernel.Transit = cfg.Transit != nil
	if cfg.Transit != nil {
		if err := g.installTransit(); err != nil {
			return nil, fmt.Errorf("make gate %d: %w", cfg.Terminal, err)
		}
	}
	var err error
	if g.kernel, err = kernel.New(&g.cfg.Kernel); err != nil {
		return nil, fmt.Errorf("make gate %d: %w", cfg.Terminal, err)
	}
	if err := g.SetStop(0, 0, 0); err != nil {
		return nil, fmt.Errorf("make gate %d: %w", cfg.Terminal, err)
	}
	return g, nil
}

// Terminal is the terminal's number.
func (g *Gate) Terminal() txn.TerminalID { return g.cfg.Terminal }

// SetStop tells a bus validator where the bus is and how far a rider who boards
// here pays for, in metres; with Board and Alight how far it is from the beginning of
// its route in direction 0. The error is the fare book's. Gates have no use for it.
func (g *Gate) SetStop(stop, direction byte, metres int) error {
	if !g.cfg.Mode.onBus() {
		return nil
	}
	if g.cfg.Mode != Bus {
		metres = max(metres, 0)
		g.stop, g.direction, g.metres, g.busQuote = stop, direction, metres, quote{rule: g.pricer.Version()}
		return nil
	}
	price, err := g.pricer.BusPrice(metres, true)
	if err != nil {
		return fmt.Errorf("set stop %d: %w", stop, err)
	}
	g.stop, g.direction, g.metres = stop, direction, metres
	g.busQuote = quote{amount: price.Pay, full: price.Full, rule: price.Rule}
	return nil
}

// SetPricer puts another rule book in force from the next tap on.
func (g *Gate) SetPricer(p Pricer) error {
	if err := g.cfg.validate(p); err != nil {
		return fmt.Errorf("change fare book of gate %d: %w", g.cfg.Terminal, err)
	}
	g.pricer = p
	if g.cfg.Transit != nil {
		g.journeys = p.(JourneyPricer) // validate has looked
	}
	return g.SetStop(g.stop, g.direction, g.metres)
}

// SetBroken says that the gate's leaves cannot open, or can again. A broken gate
// takes no taps; a tap that is paid when it breaks becomes a doubt row GateFault.
func (g *Gate) SetBroken(broken bool) { g.broken = broken }

// Passage says that somebody went through after card had opened this gate: a
// further tap of that card is refused until its PassWindow ends. A host without a
// sensor never calls it.
func (g *Gate) Passage(card txn.CardKey) {
	for i := len(g.array.passes) - 1; i >= 0; i-- {
		if p := &g.array.passes[i]; p.mode == g.cfg.Mode && p.card == card {
			p.passed = true
			return
		}
	}
}

// Pending appends the rows that are the truth if the power fails now, before the
// Result: those that the tap has made so far, and a doubt row for the transaction
// that is under way. A host that outlives power failures writes them down before it
// sends a command, in place of what Pending gave before, and drops them when the
// Result is stored. An older tap that is being finished is not among them: until
// the Result it waits in the Array.
func (g *Gate) Pending(dst []row.Record) []row.Record {
	if !g.running {
		return dst
	}
	dst = append(dst, g.result.Records...)
	if g.app.Kind > FinanceApplication {
		if g.pay.DebitSent() {
			dst = append(dst, row.Record{Row: g.purseRow(txn.Doubt, txn.Flags(0).WithReason(txn.LastAnswerLost), g.pay.Data())})
		}
		return dst
	}
	if !g.kernel.Identified() {
		return dst
	}
	reason := txn.LeftBeforeLast
	if g.kernel.LastSent() {
		reason = txn.LastAnswerLost
	}
	return append(dst, row.Record{Row: g.row(txn.Doubt, txn.Flags(0).WithReason(reason), g.kernel.Data(), &g.quote)})
}

// SealUntil is the time up to which a block of this terminal may say that no row is
// missing: now, or the time of a row that is still to come, of the running tap or of
// a torn one that waits for its card.
func (g *Gate) SealUntil(now int64) int64 {
	if oldest, ok := g.array.Oldest(g.cfg.Terminal); ok {
		now = min(now, oldest)
	}
	if g.running {
		now = min(now, g.now)
	}
	return now
}

// Begin starts a tap. now is unix seconds; un is four fresh unpredictable bytes.
func (g *Gate) Begin(now int64, field Field, un [4]byte) Action {
	if g.running {
		panic("gate: Begin while a tap is running: report kernel.CardLeft first")
	}
	g.running, g.now, g.field, g.un = true, now, field, un
	g.runs, g.knowing, g.stage, g.search = 0, false, stageKernel, -1
	g.app, g.trip.step, g.trip.reads, g.quote = Chosen{}, noStep, 0, quote{}
	g.back.reset()
	g.array.begin(now)
	g.result = Result{Records: g.result.Records[:0], Waiting: g.result.Waiting[:0], Balance: -1}
	switch {
	case g.broken:
		return g.done(OutOfOrder)
	case field.Cards > 1:
		return g.done(OneCardOnly)
	case field.Cards < 1:
		return g.done(TapAgain)
	}
	if g.cfg.Transit != nil {
		g.reset() // what the kernel knows of the last card is no row of this tap
	}
	if g.cfg.Transit != nil && !g.module.Ready() {
		return g.work(stepStart, g.module.Start())
	}
	return g.meet()
}

// meet begins the talk with the card.
func (g *Gate) meet() Action {
	if p := g.passOfUID(); p != nil && p.seen.Known() {
		g.knowing = true
		return g.follow(g.kernel.Recognise(p.seen))
	}
	return g.comeBack()
}

// Step takes what happened since the last Action. Events are those of the kernel,
// Continue and Stop excepted: these are the gate's own. After Action.SAM it is StepSAM
// that must come next; a card that leaves meanwhile is noticed at its next command.
func (g *Gate) Step(ev kernel.Event) Action {
	if !g.running {
		return Action{Done: &g.result}
	}
	switch g.stage {
	case stageDirectory:
		return g.directoryRead(ev)
	case stageDeposit:
		return g.depositRead(ev)
	case stagePurse:
		return g.stepPurse(ev)
	case stageModule, stagePurseModule:
		panic("gate: an event while the security module is at work: report StepSAM first")
	}
	return g.follow(g.kernel.Step(ev))
}

// follow does what the kernel asks for, as far as the gate can do it alone.
func (g *Gate) follow(r kernel.Ready) Action {
	switch {
	case r.Send != nil:
		return Action{Send: r.Send}
	case r.Transit:
		return g.paused()
	case r.Reply != nil:
		return g.replied(r.Reply)
	case r.RemoveCard && g.mayUseDeposit():
		return g.deposit()
	case r.RemoveCard:
		return Action{Remove: true}
	case r.Probe != nil && g.knowing:
		return g.known(r.Probe)
	case r.Probe != nil:
		return g.probed(r.Probe)
	case r.Identified:
		return g.identified()
	case g.back.old != nil:
		return g.resumed(r.Outcome)
	case g.searched(r.Outcome):
		return g.searchOn()
	}
	return g.ended(r.Outcome)
}

// run begins a transaction for a price. A second run of one tap uses the
// complement of the unpredictable number: nobody could foresee that either when
// the tap began.
func (g *Gate) run(q quote) Action {
	g.quote = q
	if g.runs++; g.runs == 2 {
		for i := range g.un {
			g.un[i] = ^g.un[i]
		}
	}
	switch {
	case g.cfg.Transit == nil:
		g.reset()
		return g.follow(g.kernel.Step(kernel.Event{Kind: kernel.Start}))
	case g.back.stays && g.field.UID.fixed():
		// The card of the torn tap, in the application in which it was torn.
		g.app.Set(FinanceApplication, g.back.torn[g.back.asked-1].Data.AID())
		return g.follow(g.kernel.TradeOn(g.input()))
	case g.app.Kind != 0:
		return g.begin()
	}
	return g.askDirectory()
}

func (g *Gate) input() kernel.Input {
	return kernel.Input{Amount: g.quote.amount, UN: g.un, Time: g.now}
}

// reset prepares the kernel for the price.
func (g *Gate) reset() {
	if err := g.kernel.Reset(g.input()); err != nil {
		panic("gate: the fare book gave an impossible price: " + err.Error())
	}
}

// begin begins a transaction in the chosen application.
func (g *Gate) begin() Action {
	if g.app.Kind != FinanceApplication {
		return g.beginPurse()
	}
	g.reset()
	return g.follow(g.kernel.Select(g.app.Name()))
}

// identified decides, while nothing is paid, whether this card may pay this price.
func (g *Gate) identified() Action {
	d := g.kernel.Data()
	if g.strange(d.Card) {
		return g.refuseRecord(kernel.Mismatch, tlv.TagPAN)
	}
	if p := g.passOfCard(d.Card); p != nil {
		g.stopCard()
		return g.again(p)
	}
	if g.quote.carried() {
		return g.carry()
	}
	if g.cfg.Mode > Bus { // a card without records, and this reader needs them
		g.stopCard()
		g.result.Fault = kernel.Fault{Code: kernel.Missing, Tag: tlv.TagCAPPSupport}
		return g.done(CardNotKnown)
	}
	if right, wrong := g.rightPrice(d.Card); wrong {
		g.stopCard() // the row has the price that the card was asked for
		if g.runs > 1 {
			return g.done(TapAgain)
		}
		return g.run(right)
	}
	if left, stated := d.IAD.Balance(); g.cfg.Mode == Entry && stated && left < g.cfg.MinEntryBalance {
		g.stopCard()
		g.result.Balance = left
		return g.done(BalanceLow)
	}
	return g.follow(g.kernel.Step(kernel.Event{Kind: kernel.Continue}))
}

// stopCard ends the transaction before the card has paid; its counter is used.
func (g *Gate) stopCard() {
	g.kernel.Step(kernel.Event{Kind: kernel.Stop})
	g.unpaid(txn.Doubt, txn.LeftBeforeLast)
	g.result.Card = g.kernel.Data().Card
}

// rightPrice looks up what this card should pay. wrong says that it is another
// amount than the card was asked for; otherwise the quote is made the card's own.
func (g *Gate) rightPrice(card txn.CardKey) (right quote, wrong bool) {
	q := &g.quote
	switch {
	case g.cfg.Mode != Exit, q.known() && q.entry.Card == card, !q.known() && !g.cfg.LookUpByCard, g.runs > 1 && !q.known():
		return right, false
	}
	right = g.forEntry(g.records.OpenEntryOf(card))
	if right.amount != q.amount {
		return right, true
	}
	*q = right
	return right, false
}
