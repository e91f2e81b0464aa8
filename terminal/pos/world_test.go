package pos_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emmansun/gmsm/sm3"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/pboc"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/role/host"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/kernel/emv"
	"github.com/citycard/citycard/terminal/pos"
	"github.com/citycard/citycard/terminal/row"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// world is a shop: a till, cards of development profiles, an issuer.
type world struct {
	t        testing.TB
	now      int64
	cfg      pos.Config
	till     *pos.Till
	cards    map[string]*holder
	issued   int
	issuer   *host.InProcess
	verifier *oda.Verifier
	denied   map[txn.CardKey]bool
	sales    uint32
	truth    map[counter]*counterTruth // nil: not kept
}

// counter is one use of a card.
type counter struct {
	card txn.CardKey
	atc  uint16
}

// counterTruth is what the chip really did with one counter.
type counterTruth struct {
	debit money.Fen
	heard bool // a TC or AAC of qPBOC reached the till
}

// holder is a card and what is said instead of its answers.
type holder struct {
	key     txn.CardKey
	chip    *card.Chip
	image   *card.Image
	random  *stream
	profile string
	edits   []edit
}

// edit replaces bytes in every answer to a command; an empty old replaces it wholly.
type edit struct {
	command  string
	old, new []byte
}

// stream is a repeatable source of random bytes: SM3 over a name and a counter.
type stream struct {
	name string
	n    int
	rest []byte
}

func (s *stream) Read(b []byte) (int, error) {
	for i := range b {
		if len(s.rest) == 0 {
			sum := sm3.Sum(fmt.Appendf(nil, "%s %d", s.name, s.n))
			s.n, s.rest = s.n+1, sum[:]
		}
		b[i], s.rest = s.rest[0], s.rest[1:]
	}
	return len(b), nil
}

// startOfDay is 2026-03-27 08:00 at UTC+8.
var startOfDay = time.Date(2026, 3, 27, 0, 0, 0, 0, time.UTC).Unix()

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, now: startOfDay, cards: map[string]*holder{}, denied: map[txn.CardKey]bool{}}
	cas, err := devkeys.CAKeys()
	w.must(err)
	w.verifier, err = oda.NewVerifier(cas, 16)
	w.must(err)
	w.issuer, err = host.NewInProcess(1_000_000)
	w.must(err)
	w.setTill(w.config(pos.QPBOC))
	return w
}

func (w *world) must(err error) {
	if err != nil {
		w.t.Helper()
		w.t.Fatal(err)
	}
}

func (w *world) setTill(cfg pos.Config) {
	w.t.Helper()
	var err error
	w.cfg = cfg
	w.till, err = pos.New(cfg)
	w.must(err)
}

var yuan = [2]byte{0x01, 0x56}

// config is a shop with everything.
func (w *world) config(mode pos.Mode) pos.Config {
	ttq := [4]byte{kernel.TTQ1Contact | kernel.TTQ1OnlinePIN | kernel.TTQ1Signature, 0, 0, kernel.TTQ4FDDA01}
	c := pos.Config{
		Terminal: 7, Mode: mode,
		Kernel: kernel.Config{
			TTQ: ttq, Country: yuan, Currency: yuan, TerminalType: 0x22, Merchant: []byte("SHOP"), AppVersion: [2]byte{0, 0x30},
			AIDs: kernel.DebitCredit(), SM: true, Verify: w.verifier, RequireFDDA01: mode == pos.QPBOC,
			Denied: func(k txn.CardKey) bool { return w.denied[k] },
		},
		EMV: emv.Config{
			Country: yuan, Currency: yuan, Exponent: 2, Type: 0x22, Capabilities: [3]byte{0xE0, 0xF8, 0xC8}, Additional: [5]byte{0x60, 0, 0xF0, 0xA0, 1},
			Merchant: []byte("SHOP"), MerchantID: [15]byte([]byte("CITYCARD0000001")), TerminalID: [8]byte([]byte("00000007")), TTQ: ttq,
			ElectronicCash: true, SM: true, Directory: true, Authenticate: w.verifier,
			Exception: func(k txn.CardKey) bool { return w.denied[k] },
		},
		Stripe: pos.Swiping{ChipReader: true, Fallback: true, PINPad: true},
	}
	for _, a := range kernel.DebitCredit() {
		c.EMV.Applications = append(c.EMV.Applications, emv.Application{
			Name: a.Name, Partial: a.Partial, Version: [2]byte{0, 0x30}, FloorLimit: 50_000, CashLimit: 100_000,
			Actions: emv.ActionCodes{
				Denial: [5]byte{0, 0x10, 0, 0, 0}, Online: [5]byte{0xD8, 0x40, 0x04, 0xF8, 0}, Default: [5]byte{0xD8, 0x40, 0, 0xA8, 0},
			},
		})
	}
	return c
}

// images are the cards that were issued: chips share them.
var images = map[devcard.Request]*card.Image{}

// addCard issues a card of a development profile.
func (w *world) addCard(name, profile string, balance money.Fen) *holder {
	w.t.Helper()
	r, err := devcard.Default(profile)
	w.must(err)
	w.issued++
	digits := fmt.Sprintf("622800%09d", 100000+w.issued)
	r.PAN, err = txn.ParsePAN(digits + string(txn.Luhn(digits)))
	w.must(err)
	r.Balance = balance
	image, ok := images[r]
	if !ok {
		image, err = devcard.Issue(r)
		w.must(err)
		images[r] = image
	}
	h := &holder{key: txn.CardKey{PAN: r.PAN, PSN: r.PSN}, chip: card.New(), image: image, random: &stream{name: name}, profile: profile}
	w.must(h.chip.Insert(image, nil))
	w.cards[name] = h
	return h
}

// story says what happens in a sale besides the kernel's own work.
type story struct {
	sale pos.Sale
	card *holder
	// lose names commands whose answer is lost, or which the card does not hear.
	lose map[string]cut
	// again are the cards that are held to the reader after a tear; nil: nobody.
	again []*holder
	host  string // approve, decline, down, wrong-arpc, garbage; "" asks the issuer
	pin   string // digits; none, broken or cancel
	pick  int    // application to choose
}

type cut uint8

const (
	answerLost cut = 1 // the card has acted, its answer is lost
	unheard    cut = 2 // the card is gone before the command
	powerCut   cut = 3 // the power fails inside the card's memory writes
)

// run makes a sale; log receives what happens.
type run struct {
	*world
	story
	log   func(string, ...any)
	card  *holder
	alive bool
	count map[string]int
	asked []txn.OnlineRequest
	notes int
	heard bool // the event that comes next is a TC or AAC of qPBOC
}

func (w *world) newSale(kind pos.Kind, over pos.Interface, amount money.Fen) pos.Sale {
	w.sales++
	s := pos.Sale{Kind: kind, Interface: over, Amount: amount, Time: w.now, Sequence: w.sales}
	sum := sm3.Sum(binary.BigEndian.AppendUint32([]byte("sale"), w.sales))
	copy(s.Random[:], sum[:])
	return s
}

// play runs a sale to its result.
func (w *world) play(s story, log func(string, ...any)) *pos.Result {
	w.t.Helper()
	r := w.begin(s, log)
	a := w.till.Begin(s.sale)
	for steps := 0; a.Done == nil; steps++ {
		if steps > 200 {
			w.t.Fatal("the sale does not end")
		}
		a = r.step(a)
	}
	r.end(a.Done)
	return a.Done
}

func (w *world) begin(s story, log func(string, ...any)) *run {
	if log == nil {
		log = func(string, ...any) {}
	}
	r := &run{world: w, story: s, log: log, count: map[string]int{}}
	if s.sale.Interface != pos.Stripe {
		r.insert(s.card)
	}
	return r
}

// insert powers a card.
func (r *run) insert(h *holder) {
	side := card.Contactless
	if r.sale.Interface == pos.Contact {
		side = card.Contact
	}
	h.chip.UseInterface(side)
	r.must(h.chip.PowerOn(h.random))
	r.card, r.alive = h, true
}

func (r *run) remove() {
	if r.alive {
		r.card.chip.PowerOff()
	}
	r.alive = false
}

// step does what an Action asks for.
func (r *run) step(a pos.Action) pos.Action {
	r.checkPromises()
	ev := r.event(a)
	b := r.till.Step(ev)
	if r.heard {
		r.truth[counter{r.card.key, r.card.chip.Inspect().ATC}].heard = true
		r.heard = false
	}
	all := r.till.Notes()
	for ; r.notes < len(all); r.notes++ {
		r.log("    . %s", all[r.notes].EN)
	}
	return b
}

func (r *run) event(a pos.Action) emv.Event {
	switch {
	case a.Send != nil:
		if answer := r.exchange(bytes.Clone(a.Send)); answer != nil {
			return emv.Answered(answer)
		}
		r.remove()
		return emv.Event{Kind: emv.CardLeft}
	case a.Remove:
		r.remove()
		return emv.Event{Kind: emv.CardRemoved}
	case a.Choose != nil:
		r.log("choose among %q", a.Choose.Names)
		return emv.Event{Kind: emv.Chosen, Choice: r.pick}
	case a.PIN != nil:
		return r.enter(a.PIN)
	case a.Online != nil:
		return r.askIssuer(a.Online)
	case a.Again != nil:
		return r.comeBack(a.Again)
	}
	r.t.Fatal("an action that asks for nothing")
	return emv.Event{}
}

// exchange gives the card a command; nil is a card that has left.
func (r *run) exchange(cmd []byte) []byte {
	name := r.nameOf(cmd)
	what := describeCommand(cmd)
	lose, lost := r.lose[name]
	if lost {
		delete(r.lose, name)
	}
	switch {
	case !r.alive || lose == unheard:
		r.log("%s -> the card has left", what)
		return nil
	case lose == powerCut:
		m := r.card.chip.Memory()
		m.CutAt(m.Writes()+1, 0)
	}
	before := r.card.chip.Inspect()
	answer, err := r.card.chip.Transmit(nil, cmd)
	r.card.chip.Memory().CutAt(0, 0)
	r.observe(before)
	if err != nil || lost {
		r.log("%s -> no answer, the card has left", what)
		return nil
	}
	for _, e := range r.card.edits {
		switch {
		case e.command != name:
		case len(e.old) == 0:
			answer = bytes.Clone(e.new)
		default:
			answer = bytes.Replace(answer, e.old, e.new, 1)
		}
	}
	data, sw, err := apdu.ParseResponse(answer)
	r.must(err)
	r.log("%s -> %v", what, sw)
	if iad, ok := tlv.Find(data, tlv.TagResponseFormat2, tlv.TagIAD); ok && r.truth != nil && strings.HasPrefix(name, "gpo") {
		parsed, err := cryptogram.ParseIAD(iad)
		r.must(err)
		r.heard = parsed.Result() != cryptogram.ARQC
	}
	return answer
}

// observe keeps the truth about the card.
func (r *run) observe(before pboc.State) {
	s := r.card.chip.Inspect()
	if r.truth == nil {
		return
	}
	key := counter{r.card.key, s.ATC}
	if r.truth[key] == nil {
		r.truth[key] = &counterTruth{}
	}
	if s.Balance < before.Balance && r.sale.Kind == pos.Purchase {
		r.truth[key].debit = before.Balance - s.Balance
	}
}

// nameOf is the short name of a command: gpo, record-1, last, generate-1 ...
func (r *run) nameOf(cmd []byte) string {
	c, err := apdu.ParseCommand(cmd)
	r.must(err)
	name := map[byte]string{0xA4: "select", 0xA8: "gpo", 0xB2: "record", 0xCA: "data", 0xAE: "generate", 0x82: "external", 0x88: "internal",
		0x20: "verify", 0x84: "challenge", 0xDA: "script"}[c.INS]
	r.count[name]++
	if name == "record" && slices.ContainsFunc(r.till.Pending(nil), func(p row.Record) bool {
		return p.Row.Flags.Reason() == txn.LastAnswerLost && p.Row.ATC == r.card.chip.Inspect().ATC
	}) {
		r.count[name]--
		return "last"
	}
	return fmt.Sprintf("%s-%d", name, r.count[name])
}

func (r *run) enter(q *emv.PINRequest) emv.Event {
	where := "for the card"
	if q.Online {
		where = "for the issuer"
	}
	r.log("PIN %s, tries %d: %s", where, q.Tries, r.pin)
	switch r.pin {
	case "none", "":
		return emv.Event{Kind: emv.PINBypassed}
	case "broken":
		return emv.Event{Kind: emv.PINPadFailed}
	case "cancel":
		return emv.Event{Kind: emv.Cancelled}
	}
	p, err := pin.New(r.pin)
	r.must(err)
	return emv.Event{Kind: emv.PINEntered, PIN: p}
}

func (r *run) askIssuer(o *pos.Online) emv.Event {
	q := o.Request
	if o.PIN.Len() > 0 {
		var err error
		q.PINBlock, err = host.EncipherPIN(q.Card, o.PIN)
		r.must(err)
		q.HasPIN = true
	}
	r.asked = append(r.asked, q)
	a, err := r.answerOf(q)
	if err != nil {
		r.log("issuer: %v of %v, entry %02d -> %v", q.Kind, q.Amount, q.Entry, err)
		return emv.Event{Kind: emv.HostUnreachable}
	}
	r.log("issuer: %v of %v, entry %02d -> %s", q.Kind, q.Amount, q.Entry, a.Code)
	return emv.Event{Kind: emv.HostAnswered, Host: &a}
}

var errDown = errors.New("not reached")

func (r *run) answerOf(q txn.OnlineRequest) (txn.OnlineAnswer, error) {
	switch r.host {
	case "down":
		return txn.OnlineAnswer{}, errDown
	case "decline":
		return txn.OnlineAnswer{Code: [2]byte{'0', '5'}}, nil
	case "garbage":
		return txn.OnlineAnswer{Code: [2]byte{'0', '0'}, ICC: []byte{0x91, 0x7F, 0x01}}, nil
	case "bare":
		return txn.OnlineAnswer{Code: [2]byte{'0', '0'}, AuthCode: "123456"}, nil
	}
	a, err := r.issuer.Authorise(context.Background(), q)
	if err == nil && r.host == "wrong-arpc" && len(a.ICC) > 2 {
		a.ICC[2] ^= 0xFF
	}
	return a, err
}

func (r *run) comeBack(torn *pos.TornSale) emv.Event {
	words := ""
	if torn.Other {
		words = " (that was another card)"
	}
	r.log("hold the card here again: %v ATC %04X, %v%s", torn.Card, torn.ATC, torn.Amount, words)
	if len(r.again) == 0 {
		r.log("nobody comes back")
		return emv.Event{Kind: emv.Cancelled}
	}
	h := r.again[0]
	r.again = r.again[1:]
	r.insert(h)
	return emv.Event{Kind: emv.Start}
}

// end checks what every sale promises.
func (r *run) end(res *pos.Result) {
	r.remove()
	for i := range res.Records {
		r.check(&res.Records[i])
	}
	if v := res.Reversal; v != nil {
		r.log("reversal to the issuer: %v", host.Reason(v.Reason))
		if r.host != "bare" { // such an issuer knows nothing of it
			q := v.Request // without the PIN, which no reversal carries
			asked := r.asked[len(r.asked)-1]
			q.PINBlock, q.HasPIN = asked.PINBlock, asked.HasPIN
			r.must(r.issuer.Reverse(context.Background(), q, host.Reason(v.Reason), v.ICC))
		}
	}
	if len(r.asked) > 0 && res.Outcome.Approved() && len(res.Scripts) > 0 && r.host != "bare" {
		r.advise(res.Scripts)
	}
	if len(r.till.Pending(nil)) != 0 || r.till.Unsettled() != nil {
		r.t.Fatal("a sale is over, and rows or reversals are pending")
	}
}

// advise is the notice of the script's result, with which an unload is credited.
func (r *run) advise(scripts []emv.ScriptResult) {
	var results []byte
	for _, s := range scripts {
		results = s.Append(results)
	}
	q := r.asked[len(r.asked)-1]
	r.must(r.issuer.Advise(context.Background(), q, tlv.Append(nil, tlv.TagIssuerScriptResult, results)))
}

// checkPromises: what the till would leave behind in a power failure is always true.
func (r *run) checkPromises() {
	for _, p := range r.till.Pending(nil) {
		r.check(&p)
		for _, h := range r.cards {
			if h.key == p.Row.Card && p.Row.Flags.Reason() == txn.LeftBeforeLast && h.chip.Inspect().LastATC == p.Row.ATC {
				r.t.Fatalf("the pending row says that ATC %04X cannot have paid, but it has", p.Row.ATC)
			}
		}
	}
}

// check is what the road does with a record: it must encode, and its cryptogram and
// balance MAC must verify with the card's keys. It gives both in words.
func (w *world) check(rec *row.Record) string {
	w.t.Helper()
	row := &rec.Row
	var raw [txn.RowSize]byte
	w.must(row.Encode(&raw))
	var back txn.Row
	w.must(back.Decode(raw[:]))
	if back != *row {
		w.t.Fatal("a row changes when it is stored and read")
	}
	if row.IAD == [24]byte{} {
		return "no cryptogram"
	}
	iad, err := cryptogram.ParseIAD(row.IssuerData())
	w.must(err)
	keys, ok := devcard.Keys(iad.Alg, row.Card.PAN, row.Card.PSN)
	if !ok {
		return "card of another issuer"
	}
	amount, err := row.Amount.N12()
	w.must(err)
	in := cryptogram.TerminalInput{Amount: amount, Country: yuan, TVR: row.TVR, Currency: yuan, Date: txn.DateBCD(row.Time), Type: row.Type, UN: row.UN}
	covered := cryptogram.ACData(nil, iad.CVN, &in, &cryptogram.CardInput{AIP: row.AIP, ATC: row.ATC, CVR: iad.CVR})
	verdict := "verified"
	if cryptogram.MAC(iad.Alg, cryptogram.DeriveSessionKey(iad.Alg, keys.AC, row.ATC), covered) != row.AC {
		verdict = "WRONG"
	}
	if iad.MAC != cryptogram.BalanceMAC(iad.Alg, cryptogram.DeriveSessionKey(iad.Alg, keys.MAC, row.ATC), row.ATC, iad.IDD, iad.Amount1, iad.Amount2) {
		verdict += ", balance MAC WRONG"
	}
	return fmt.Sprintf("%v %s", iad.Result(), verdict)
}
