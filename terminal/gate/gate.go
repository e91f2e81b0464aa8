package gate

import (
	"fmt"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/txn"
)

// Gate is one terminal. It is made once and runs tap after tap.
type Gate struct {
	cfg     Config
	array   *Array
	records Records
	pricer  Pricer
	kernel  *kernel.Machine

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
	runs    int          // transactions begun
	torn    []*tornTap   // claimed in the array
	probe   kernel.Probe // what the card told before the transaction
	old     *tornTap     // being resumed
	result  Result
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
// here pays for, in metres. The error is the fare book's. Gates have no use for it.
func (g *Gate) SetStop(stop, direction byte, metres int) error {
	if g.cfg.Mode != Bus {
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

// Pending is the doubt row that is the truth if the power fails now, before the
// Result. A host that outlives power failures writes it down before it sends a
// command, and drops it when the Result is stored. ok is false while the card has
// not told who it is, and while an older tap is being finished.
func (g *Gate) Pending() (row txn.Row, ok bool) {
	if !g.running || !g.kernel.Identified() || g.kernel.Resumed() {
		return txn.Row{}, false
	}
	reason := txn.LeftBeforeLast
	if g.kernel.LastSent() {
		reason = txn.LastAnswerLost
	}
	return g.row(txn.Doubt, txn.Flags(0).WithReason(reason), g.kernel.Data(), &g.quote), true
}

// Begin starts a tap. now is unix seconds; un is four fresh unpredictable bytes.
func (g *Gate) Begin(now int64, field Field, un [4]byte) Action {
	if g.running {
		panic("gate: Begin while a tap is running: report kernel.CardLeft first")
	}
	g.running, g.now, g.field, g.un = true, now, field, un
	g.runs, g.old, g.torn, g.probe = 0, nil, g.torn[:0], kernel.Probe{}
	g.result = Result{Records: g.result.Records[:0], Balance: -1}
	switch {
	case g.broken:
		return g.done(OutOfOrder)
	case field.Cards > 1:
		return g.done(OneCardOnly)
	case field.Cards < 1:
		return g.done(TapAgain)
	}
	if field.UID.fixed() {
		if p := g.array.passOf(g.cfg.Mode, now, func(p *pass) bool { return p.uid == field.UID }); p != nil {
			return g.again(p)
		}
	}
	if g.torn = g.array.claim(g.torn, g.cfg.Mode, field.UID, now); len(g.torn) > 0 {
		return g.follow(g.kernel.Probe(g.torn[0].data.AID()))
	}
	return g.run(g.byHint())
}

// Step takes what happened since the last Action. Events are those of the kernel,
// Continue and Stop excepted: these are the gate's own.
func (g *Gate) Step(ev kernel.Event) Action {
	if !g.running {
		return Action{Done: &g.result}
	}
	return g.follow(g.kernel.Step(ev))
}

// follow does what the kernel asks for, as far as the gate can do it alone.
func (g *Gate) follow(r kernel.Ready) Action {
	switch {
	case r.Send != nil:
		return Action{Send: r.Send}
	case r.RemoveCard:
		return Action{Remove: true}
	case r.Probe != nil:
		return g.probed(r.Probe)
	case r.Identified:
		return g.identified()
	case g.old != nil:
		return g.resumed(r.Outcome)
	}
	return g.ended(r.Outcome)
}

// run begins a transaction for a price. A second run of one tap uses the
// complement of the unpredictable number: nobody could foresee that either when
// the tap began.
func (g *Gate) run(q quote) Action {
	g.quote = q
	un := g.un
	if g.runs++; g.runs > 1 {
		for i := range un {
			un[i] = ^un[i]
		}
	}
	if err := g.kernel.Reset(kernel.Input{Amount: q.amount, UN: un, Time: g.now}); err != nil {
		panic("gate: the fare book gave an impossible price: " + err.Error())
	}
	return g.follow(g.kernel.Step(kernel.Event{Kind: kernel.Start}))
}

// identified decides, while nothing is paid, whether this card may pay this price.
func (g *Gate) identified() Action {
	d := g.kernel.Data()
	g.settleTorn(d)
	if p := g.array.passOf(g.cfg.Mode, g.now, func(p *pass) bool { return p.card == d.Card }); p != nil {
		g.stopCard()
		return g.again(p)
	}
	if right, wrong := g.rightPrice(d.Card); wrong {
		g.quote = right
		g.stopCard()
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

// again answers a card that has paid for this pass already.
func (g *Gate) again(p *pass) Action {
	g.result.Card = p.card
	if p.passed {
		return g.done(AlreadyUsed)
	}
	g.result.Opened = true
	return g.done(AlreadyPaid)
}

// done ends the tap.
func (g *Gate) done(d Display) Action {
	for i, t := range g.torn {
		t.claims--
		g.torn[i] = nil
	}
	g.torn, g.running = g.torn[:0], false
	g.result.Display = d
	return Action{Done: &g.result}
}

// balanceOf is what the card holds by its own word, -1 if it does not say or if it
// is not certain whether it has paid.
func balanceOf(out *kernel.Outcome) money.Fen {
	balance, ok := out.Data.BalanceBefore()
	switch {
	case !ok || out.Commit == kernel.CommitUnknown:
		return -1
	case out.Commit == kernel.Committed:
		balance -= out.Data.Amount
	}
	return balance
}
