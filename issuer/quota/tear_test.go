package quota_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/card/gp"
	"github.com/citycard/citycard/card/pboc"
	"github.com/citycard/citycard/card/perso"
	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/crypt/scp"
	"github.com/citycard/citycard/issuer/quota"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
)

// tornCards are the profiles whose pushes are torn, and the ways to them: a phone's secure
// element (SCP03), a physical card (SCP02), and no domain at all.
var (
	tornCards = []string{"quota-sm", "quota-3des", "dev-quota"}
	tornWays  = []int{4, 0, 1, 6} // of ways; 1 is the session of three lists
)

// failure is one thing that goes wrong in a session: at a command, counted over its lists.
type failure struct {
	at    int // -1: nothing
	what  mishap
	write int // powerCut: the write of the command, from 1
	tear  cos.Tear
	again int // powerCut: the write of the recovery that is cut too, 0 for none
}

type mishap int

const (
	unheard mishap = iota
	answerLost
	powerCut
)

var nothing = failure{at: -1}

func (f failure) String() string {
	switch {
	case f.at < 0:
		return "nothing"
	case f.what == powerCut:
		return fmt.Sprintf("command %d cut at write %d, tear %d, again %d", f.at, f.write, f.tear, f.again)
	}
	return fmt.Sprintf("command %d, %s", f.at, [...]string{"unheard", "answer lost"}[f.what])
}

// tornClient is what becomes of a session that was torn.
type tornClient int

const (
	reports tornClient = iota // it says what it has
	gone                      // it is never heard of again
	resumes                   // it comes back with the same session, and the list from its first command
	clients
)

// torn is a card that is to get its quota again, with all that is compared to judge it.
type torn struct {
	rider
	img       *card.Image
	domain    *gp.Domain // nil for none
	offset    int        // of the domain's memory
	nvm       []byte     // of the card before the push
	service   []byte     // JSON of the service before the push
	want      []byte     // bytes of the push
	before    pboc.State
	after     pboc.State
	commands  int // of a session
	now       int64
	challenge uint64
	ridden    money.Fen // not presented yet
	taken     bool      // the card has the value after the session's fault
	where     string
	is6982    int
	runs      int
}

func newTorn(t *testing.T, profile string, way *channel) *torn {
	t.Helper()
	p, err := perso.Embedded(profile)
	noError(t, err)
	request, err := devcard.Default(profile)
	noError(t, err)
	request.Balance = 0
	o, err := devcard.Order(request, scp.SCP02, [8]byte{9})
	noError(t, err)
	finance, err := pboc.ParseDGIs(p.Product().AID, o.Groupings)
	noError(t, err)
	directory, err := p.Directory()
	noError(t, err)
	k := &torn{rider: rider{t: t, chip: card.New(), domains: quota.NewDomainKeys(domainKeys, 0), alg: p.Product().Alg}, now: start}
	parts := card.Parts{Directory: directory, Applications: []cos.Template{finance}}
	k.target = quota.Target{Application: p.Product().AID}
	if !way.noDomain {
		k.domain, err = gp.New(gp.Profile{Channels: []gp.Channel{way.set}, Keys: []gp.Keys{{Protocol: way.set.Protocol, Set: domainKeys}},
			Life: gp.Secured, Modules: []gp.Module{pboc.Module{}}, Reserved: [][]byte{finance.AID()}})
		noError(t, err)
		parts.Applications = append(parts.Applications, k.domain)
		k.offset = finance.MemorySize()
		k.target.Domain, k.target.Level = gp.AIDGlobalPlatform, way.level
		k.target.Protocol, k.target.Variant, k.target.FirstVersion = way.set.Protocol, way.set.Variant, firstSet
	}
	k.img, err = card.Assemble(parts)
	noError(t, err)
	k.chip.UseInterface(card.Contactless)
	noError(t, k.chip.Insert(k.img, nil))
	k.again()
	keys, err := quota.NewMasters(k.alg, keystore.DevelopmentKey(keystore.IssuerMasters(0, k.alg).MAC))
	noError(t, err)
	terms := chipTerms
	terms.Deposit = k.chip.Inspect().Deposit
	k.m, err = quota.New(quota.Config{Terms: quota.Schedule{terms}, Keys: keys, Tokens: tokens{}, Settlement: settlement})
	noError(t, err)
	k.s, _, err = k.m.Open(&quota.Request{Card: cardKey(t), Deposit: terms.Deposit}, start)
	noError(t, err)
	k.restore()
	k.pay(k.ride(4700))
	k.past()
	return k
}

// pay presents a row and books its debit.
func (k *torn) pay(p txn.Presented) {
	k.t.Helper()
	taken, e, err := k.m.Present(&k.s, &p, verify(k.t, p), 1, k.now)
	noError(k.t, err)
	if taken != quota.Debited || len(e.Transfers) != 1 || e.Transfers[0].Amount != p.Row.Amount {
		k.t.Fatalf("%s: row %v, %d debits", k.where, taken, len(e.Transfers))
	}
	b := newBooks(k.t, 100_000)
	_, err = k.m.Booked(&k.s, &e.Transfers[0], b.book(e.Transfers[0]), k.now)
	noError(k.t, err)
	k.ridden -= min(k.ridden, p.Row.Amount)
}

// past notes the moment before the push, lets one session without a fault go by, and comes
// back.
func (k *torn) past() {
	k.t.Helper()
	k.nvm, k.before = k.chip.Snapshot(nil), k.chip.Inspect()
	p, ok := k.s.Outgoing()
	if !ok || k.before.Balance != 300 || k.before.PushATC != 1 || p.ATC != 2 || p.Value != chipTerms.Quota {
		k.t.Fatalf("before the push: %+v, %+v", k.before, p)
	}
	k.want = bytes.Clone(p.Command)
	var err error
	k.service, err = json.Marshal(&k.s)
	noError(k.t, err)
	x := k.begin()
	k.commands = k.carry(&x, nothing, reports)
	k.after = k.before
	k.after.Balance, k.after.PushATC = chipTerms.Quota, 2
	if k.before.LoadRecords > 0 { // the card has a log of loads
		k.after.LoadRecords++
	}
	if k.chip.Inspect() != k.after || x.Status != apdu.SWOK {
		k.t.Fatalf("a push without a fault: %v, card %+v, want %+v", x.Status, k.chip.Inspect(), k.after)
	}
}

// rewind brings card and service back to the moment before the push.
func (k *torn) rewind() {
	noError(k.t, k.chip.Insert(k.img, k.nvm))
	k.power(0, cos.TearNone)
	k.s = quota.Service{Card: k.s.Card}
	noError(k.t, json.Unmarshal(k.service, &k.s))
	k.now, k.ridden = start+day, 0
	k.runs++
}

// power switches the card on; the recovery is cut first, if again says so. It tells whether
// there was something to cut.
func (k *torn) power(again int, tear cos.Tear) (cut bool) {
	k.challenge++
	var seed [32]byte
	binary.BigEndian.PutUint64(seed[:], k.challenge)
	k.chip.PowerOff()
	if again > 0 {
		k.chip.Memory().CutAt(k.chip.Memory().Writes()+again, tear)
		err := k.chip.PowerOn(mathrand.NewChaCha8(seed))
		k.chip.Memory().CutAt(0, cos.TearNone)
		if cut = errors.Is(err, card.ErrPowerCut); !cut {
			noError(k.t, err)
		}
		k.chip.PowerOff()
	}
	noError(k.t, k.chip.PowerOn(mathrand.NewChaCha8(seed)))
	return cut
}

func (k *torn) begin() quota.Session {
	p, ok := k.s.Outgoing()
	if !ok || !bytes.Equal(p.Command, k.want) {
		k.t.Fatalf("%s: waits %t, bytes %X, want %X", k.where, ok, p.Command, k.want)
	}
	noError(k.t, k.m.Sent(&k.s, p.ATC, k.now))
	k.challenge++
	var c [8]byte
	binary.BigEndian.PutUint64(c[:], k.challenge)
	return quota.NewSession(k.s.Card, &k.target, c, &p)
}

// carry takes a session to its end, or to its fault and what the client makes of it. It
// gives how many commands the card was sent; -1 if the fault is behind the last write.
func (k *torn) carry(x *quota.Session, f failure, as tornClient) (sent int) {
	var left []quota.Pending // by a client that comes back
	for x.Step != quota.StepOver {
		list, err := x.Pending(k.domains)
		noError(k.t, err)
		if left != nil && !samePending(left, list) {
			k.t.Fatalf("%s: asked twice, other commands", k.where)
		}
		left = nil
		var answers [][]byte
		hurt := false
		for _, p := range list {
			if hurt = sent == f.at; hurt {
				if !k.hurt(p.Command, f) {
					return -1
				}
				break
			}
			b := k.transmit(p.Command)
			sent++
			answers = append(answers, b)
			if !p.Optional && !bytes.HasSuffix(b, []byte{0x90, 0x00}) {
				break
			}
		}
		switch {
		case hurt && as == gone:
			return sent
		case hurt && as == resumes:
			f, left = nothing, list
			k.reload(x)
			continue
		}
		noError(k.t, x.Feed(k.domains, answers))
		k.reload(x)
	}
	return sent
}

func samePending(a, b []quota.Pending) bool {
	for i := range a {
		if i >= len(b) || a[i].Name != b[i].Name || !bytes.Equal(a[i].Command, b[i].Command) {
			return false
		}
	}
	return len(a) == len(b)
}

// hurt lets the fault happen to a command, and the card come into the field again. It is
// false if the command, or the recovery, has no such write.
func (k *torn) hurt(command []byte, f failure) bool {
	switch f.what {
	case answerLost:
		k.transmit(command)
	case powerCut:
		memory := k.chip.Memory()
		memory.CutAt(memory.Writes()+f.write, f.tear)
		_, err := k.chip.Transmit(nil, command)
		memory.CutAt(0, cos.TearNone)
		if !errors.Is(err, card.ErrPowerCut) {
			noError(k.t, err)
			return false
		}
	}
	cut := k.power(f.again, f.tear)
	k.taken = k.chip.Inspect().PushATC == k.after.PushATC
	return cut || f.again == 0
}

// judge compares what card, service and history say. had tells whether the card had the
// value before; it gives whether it has it now.
func (k *torn) judge(had bool) (has bool) {
	got := k.chip.Inspect()
	has = got.PushATC == k.after.PushATC
	if got != k.before && got != k.after || got == k.before && had {
		k.t.Fatalf("%s: half a change, or one taken back: %+v, had it %t", k.where, got, had)
	}
	noError(k.t, k.s.Validate())
	exposure := k.m.Exposure(&k.s, k.now)
	if truth := got.Balance + got.Deposit - got.Used + k.ridden; exposure > chipTerms.Cap || truth > exposure {
		k.t.Fatalf("%s: exposure %v, cap %v, the card can cost %v", k.where, exposure, chipTerms.Cap, truth)
	}
	if k.s.LastPush != 2 || k.s.Stops != 0 || k.s.State != quota.Active || len(k.s.Debts) != 0 {
		k.t.Fatalf("%s: service %+v", k.where, k.s)
	}
	if k.domain != nil {
		if r := k.register(); r.Failed > 4 { // two for each of two torn sessions: one cut, one foreseen too early
			k.t.Fatalf("%s: %d failed attempts", k.where, r.Failed)
		}
	}
	return has
}

func (k *torn) register() gp.Register {
	b := k.chip.Memory().Settled(nil)[k.offset:]
	r, err := k.domain.Decode(b[:k.domain.MemorySize()])
	noError(k.t, err)
	return r
}

// attempt carries the push that waits once, with a fault, tells the machine what the
// client reports, and lets the time to the next try pass. real is false if the fault has
// no place.
func (k *torn) attempt(f failure, as tornClient) (real bool) {
	had := k.judge(false)
	x := k.begin()
	k.taken = had
	if k.carry(&x, f, as) < 0 {
		return false
	}
	now := k.judge(had)
	if x.Step == quota.StepOver && x.Reached == quota.Answered {
		k.told(&x, now)
	}
	k.judge(now)
	k.now += chipTerms.Retry
	e, err := k.m.Tick(&k.s, k.now)
	noError(k.t, err)
	if _, waits := k.s.Outgoing(); len(e.Transfers)+len(e.Accounts) != 0 || e.Listed || e.Push != waits {
		k.t.Fatalf("%s: time passes: %+v, waits %t", k.where, e, waits)
	}
	k.judge(now)
	return true
}

// told gives the machine the card's answer: 9000 where the card has changed right now, 6982
// where it had the value before.
func (k *torn) told(x *quota.Session, has bool) {
	want := apdu.SWOK
	if k.taken {
		want = apdu.SWSecurity
	}
	if !has || x.Status != want || !bytes.Equal(x.Push, k.want) {
		k.t.Fatalf("%s: answer %v, want %v; has it %t", k.where, x.Status, want, has)
	}
	if x.Status == apdu.SWSecurity {
		k.is6982++
	}
	if k.domain != nil && k.register().Failed != 0 {
		k.t.Fatalf("%s: the channel has opened, and a failure is counted", k.where)
	}
	for range 2 { // an answer that comes twice changes nothing
		e, err := k.m.Answered(&k.s, x.PushATC, x.Status, k.now)
		noError(k.t, err)
		if _, waits := k.s.Outgoing(); waits || e.Push || len(e.Transfers)+len(e.Accounts) != 0 {
			k.t.Fatalf("%s: after %v: waits %t, %+v", k.where, x.Status, waits, e)
		}
	}
}

// finish goes on without a fault until the machine has nothing to send.
func (k *torn) finish() {
	for n := 0; ; n++ {
		if _, waits := k.s.Outgoing(); !waits {
			break
		}
		if n == 2 {
			k.t.Fatalf("%s: two sessions without a fault were not enough: %+v", k.where, k.s.Pushes)
		}
		k.attempt(nothing, reports)
	}
	if got := k.chip.Inspect(); got != k.after || got.PushATC != k.s.LastPush || k.ridden == 0 && k.s.Shadow() != got.Balance {
		k.t.Fatalf("%s: in the end: %+v, shadow %v", k.where, got, k.s.Shadow())
	}
}

// failures are all that can go wrong in a session from the card's past, found by trying:
// each command unheard, its answer lost, and each of its writes cut; deep cuts the
// recovery too.
func (k *torn) failures(deep bool) (list []failure) {
	k.t.Helper()
	real := func(f failure) bool {
		k.rewind()
		x := k.begin()
		return k.carry(&x, f, gone) >= 0
	}
	for at := range k.commands {
		list = append(list, failure{at: at, what: unheard}, failure{at: at, what: answerLost})
		for write := 1; real(failure{at: at, what: powerCut, write: write}); write++ {
			for _, tear := range []cos.Tear{cos.TearNone, cos.TearFirst, cos.TearLast} {
				f := failure{at: at, what: powerCut, write: write, tear: tear}
				for list = append(list, f); deep; list = append(list, f) {
					if f.again++; !real(f) {
						break
					}
				}
			}
		}
	}
	return list
}

// seconds are what goes wrong in the session that recovers: every command unheard, every
// answer lost, every write cut, half done.
func seconds(all []failure) (list []failure) {
	for _, f := range all {
		if f.what != powerCut || f.tear == cos.TearFirst && f.again == 0 {
			list = append(list, f)
		}
	}
	return list
}

// TestTornPush tears the session of a push at every command and every write of the card,
// and the session that recovers at every command again. Whatever is lost, the card has the
// value once, the same bytes go out until it has answered, and the machine comes to rest
// with what is true of the card.
func TestTornPush(t *testing.T) {
	for _, profile := range tornCards {
		for _, w := range tornWays {
			way := &ways[w]
			t.Run(profile+", "+way.name, func(t *testing.T) {
				if testing.Short() && w == 1 {
					t.Skip("the other ways are enough for a short run")
				}
				k := newTorn(t, profile, way)
				all := k.failures(!testing.Short())
				var again []failure
				if !testing.Short() {
					again = seconds(all)
				}
				k.runs = 0
				states := map[string]bool{}
				for _, first := range all {
					for as := range clients {
						if first.again > 0 && as != reports {
							continue // who comes next has nothing to do with the card's recovery
						}
						if state := k.tearOnce(first, as); !states[state] {
							states[state] = true
							k.tearAgain(first, again, as)
						}
					}
				}
				if k.is6982 == 0 {
					t.Error("6982 never came")
				}
				t.Logf("%d commands, %d faults, leaving %d states, in each of them %d more faults; %d runs, 6982 came %d times",
					k.commands, len(all), len(states), len(again), k.runs, k.is6982)
			})
		}
	}
}

// tearOnce tears a session and goes on to the end. It gives the state, of card and
// service, from which it went on.
func (k *torn) tearOnce(first failure, as tornClient) (state string) {
	k.where = fmt.Sprintf("%v, client %d", first, as)
	k.rewind()
	k.must(first, as)
	b, err := json.Marshal(&k.s)
	noError(k.t, err)
	state = string(k.chip.Snapshot(b))
	k.finish()
	return state
}

func (k *torn) must(f failure, as tornClient) {
	if !k.attempt(f, as) {
		k.t.Fatalf("%s: there is no such fault", k.where)
	}
}

// tearAgain comes to the same state and tears the session that recovers too, in every way.
func (k *torn) tearAgain(first failure, again []failure, as tornClient) {
	for _, second := range again {
		for then := range clients {
			k.where = fmt.Sprintf("%v, client %d, then %v, client %d", first, as, second, then)
			k.rewind()
			k.must(first, as)
			if _, waits := k.s.Outgoing(); !waits {
				return
			}
			if !k.attempt(second, then) { // the card has the value: no such write any more
				k.runs--
			}
			k.finish()
		}
	}
}

// TestSpentBetweenTornPushes lets the card ride between the torn push and its repeat, its
// row coming before the repeat or after the end: what was spent is not given back.
func TestSpentBetweenTornPushes(t *testing.T) {
	for _, profile := range tornCards {
		for _, w := range tornWays {
			k := newTorn(t, profile, &ways[w])
			outcomes := map[money.Fen]int{}
			for _, f := range k.failures(false) {
				for _, early := range []bool{true, false} {
					k.where = fmt.Sprintf("%s, %s, %v, row early %t", profile, ways[w].name, f, early)
					outcomes[k.spent(f, early)]++
				}
			}
			if len(outcomes) != 2 {
				t.Errorf("%s, %s: only %v was seen", profile, ways[w].name, outcomes)
			}
		}
	}
}

// spent is one such life of a card; it gives what is left in the end.
func (k *torn) spent(f failure, early bool) money.Fen {
	k.t.Helper()
	const fare = 100
	before, after := k.before, k.after
	defer func() { k.before, k.after = before, after }()
	k.rewind()
	k.attempt(f, reports)
	had := k.judge(false)
	row := k.rideAt(fare, k.now)
	k.ridden = fare
	got, want := k.chip.Inspect(), k.before.Balance-fare
	if had {
		want = k.after.Balance - fare
	}
	if got.Balance != want || (got.PushATC == k.after.PushATC) != had {
		k.t.Fatalf("%s: after a ride %+v, want %v", k.where, got, want)
	}
	if k.after = got; !had {
		k.before = got
		k.after.Balance, k.after.PushATC, k.after.LoadRecords = after.Balance, after.PushATC, after.LoadRecords
	}
	k.judge(had)
	if early {
		k.pay(row)
		k.judge(had)
	}
	k.finish()
	if !early {
		k.pay(row)
		k.finish()
	}
	k.judge(true)
	return k.chip.Inspect().Balance
}
