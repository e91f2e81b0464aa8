package malformed_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/kernel/emv"
	"github.com/citycard/citycard/terminal/kernel/malformed"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// settings are what a case changes, over what its flow is.
type settings struct {
	profile, host, pin, oda string
	amount                  money.Fen
	time                    int64
}

// noon is 2026-11-22 12:00 at UTC+8.
const noon = 1795320000

func settingsOf(t testing.TB, c *malformed.Case) settings {
	t.Helper()
	s := settings{profile: "dev-3des", amount: 400, time: noon, host: "approve"}
	if c.Flow == "msd" {
		s.profile = "dev-full"
	}
	for _, set := range c.Set {
		switch set.Key {
		case "profile":
			s.profile = set.Value
		case "host":
			s.host = set.Value
		case "pin":
			s.pin = set.Value
		case "oda":
			s.oda = set.Value
		case "amount", "days":
			n, err := strconv.ParseInt(set.Value, 10, 64)
			noError(t, err)
			if set.Key == "amount" {
				s.amount = money.Fen(n)
			} else {
				s.time += 86400 * n
			}
		default:
			t.Fatalf("%s: unknown setting %q", c.Source, set.Key)
		}
	}
	return s
}

// bench is a terminal, an editor and a real card in one process.
type bench struct {
	t       testing.TB
	set     settings
	request devcard.Request
	chip    *card.Chip
	meddler *malformed.Meddler
	trace   strings.Builder
	pins    int
	lenient bool
	before  money.Fen // electronic cash
}

// blank is a card of a profile before its first use.
type blank struct {
	request devcard.Request
	image   *card.Image
}

var blanks = map[string]blank{}

// printed issues a card of each profile once: chips share images.
func printed(t testing.TB, profile string) blank {
	t.Helper()
	b, ok := blanks[profile]
	if !ok {
		var err error
		b.request, err = devcard.Default(profile)
		noError(t, err)
		b.image, err = devcard.Issue(b.request)
		noError(t, err)
		blanks[profile] = b
	}
	return b
}

func newBench(t testing.TB, c *malformed.Case, side card.Interface) *bench {
	t.Helper()
	b := &bench{t: t, set: settingsOf(t, c), chip: card.New(), meddler: malformed.NewMeddler(c)}
	p := printed(t, b.set.profile)
	b.request = p.request
	noError(t, b.chip.Insert(p.image, nil))
	b.chip.UseInterface(side)
	b.before = b.chip.Inspect().Balance
	noError(t, b.chip.PowerOn(rand.NewChaCha8([32]byte{3})))
	return b
}

func (b *bench) exchange(cmd []byte) (answer []byte, left bool) {
	b.t.Helper()
	answer, left, err := b.meddler.Exchange(cmd, func(cmd []byte) ([]byte, error) { return b.chip.Transmit(nil, cmd) })
	if b.lenient && err != nil {
		return nil, true
	}
	noError(b.t, err)
	fmt.Fprintf(&b.trace, "> %X\n< %X\n", cmd, answer)
	return answer, left
}

var verifier = func() *oda.Verifier {
	keys, err := devkeys.CAKeys()
	if err != nil {
		panic(err)
	}
	v, err := oda.NewVerifier(keys, 8)
	if err != nil {
		panic(err)
	}
	return v
}()

// run plays a case and gives the outcome in the words of Case.Expect.
func run(t testing.TB, c *malformed.Case) (outcome string, b *bench) {
	t.Helper()
	return play(t, c, false)
}

// play is run; if lenient, an edit that finds nothing to edit takes the card away.
func play(t testing.TB, c *malformed.Case, lenient bool) (outcome string, b *bench) {
	t.Helper()
	side := card.Contactless
	if c.Flow == "contact" || c.Flow == "cash" {
		side = card.Contact
	}
	b = newBench(t, c, side)
	b.lenient = lenient
	switch c.Flow {
	case "qpboc", "online", "msd":
		return b.tap(c.Flow), b
	}
	return b.sell(c.Flow), b
}

// fate compares what the terminal says of the money with what the card has: "" if
// that is true, or nothing was claimed.
func (b *bench) fate(outcome string) string {
	spent := b.before - b.chip.Inspect().Balance
	switch {
	case strings.Contains(outcome, "commit unknown"):
		return ""
	case strings.Contains(outcome, "commit committed") && spent != b.set.amount,
		!strings.Contains(outcome, "commit") && spent != 0:
		return fmt.Sprintf("the card has spent %v", spent)
	}
	return ""
}

// tap is a qPBOC or magnetic stripe conversation.
func (b *bench) tap(flow string) string {
	b.t.Helper()
	cfg := &kernel.Config{
		TTQ: kernel.GateTTQ, Country: [2]byte{1, 0x56}, Currency: [2]byte{1, 0x56}, AppVersion: [2]byte{0, 0x30},
		AIDs: kernel.DebitCredit(), SM: true, Verify: verifier,
	}
	switch flow {
	case "online":
		cfg.TTQ = [4]byte{0x26, 0x80, 0, 0x80}
	case "msd":
		cfg.TTQ = [4]byte{0x86, 0, 0, 0}
	}
	m, err := kernel.New(cfg)
	noError(b.t, err)
	noError(b.t, m.Reset(kernel.Input{Amount: b.set.amount, UN: [4]byte{0x11, 0x22, 0x33, 0x44}, Time: b.set.time}))
	r := m.Step(kernel.Event{Kind: kernel.Start})
	for range 100 {
		switch {
		case r.Outcome != nil:
			o := r.Outcome
			return words(o.Result, o.Fault, o.Commit, o.Reason, o.TVR, emv.NoReversal)
		case r.Identified:
			r = m.Step(kernel.Event{Kind: kernel.Continue})
		case r.RemoveCard:
			r = m.Step(kernel.Event{Kind: kernel.CardRemoved})
		default:
			answer, left := b.exchange(r.Send)
			if left {
				r = m.Step(kernel.Event{Kind: kernel.CardLeft})
			} else {
				r = m.Step(kernel.Answered(answer))
			}
		}
	}
	b.t.Fatal("no end after 100 steps")
	return ""
}

func shop(flow string) *emv.Config {
	cfg := &emv.Config{
		Country: [2]byte{1, 0x56}, Currency: [2]byte{1, 0x56}, Exponent: 2, Type: 0x22,
		Capabilities: [3]byte{0xE0, 0xF8, 0xC8}, Additional: [5]byte{0x60, 0, 0xF0, 0xF0, 0x01}, TTQ: [4]byte{0x46, 0, 0, 0},
		Merchant: []byte("CITY SHOP"), TerminalID: [8]byte([]byte("CITY0001")), MerchantID: [15]byte([]byte("SHOP00000000001")),
		Directory: true, SM: true, Authenticate: verifier, ElectronicCash: flow == "cash",
	}
	for _, aid := range kernel.DebitCredit() {
		cfg.Applications = append(cfg.Applications, emv.Application{
			Name: aid.Name, Partial: true, Version: [2]byte{0, 0x30}, FloorLimit: 100000, CashLimit: 100000,
			Actions: emv.ActionCodes{Denial: [5]byte{0, 0x10}, Online: [5]byte{0xD8, 0x40, 4, 0xF8}, Default: [5]byte{0xD8, 0x40, 0, 0xA8}},
		})
	}
	return cfg
}

// sell is a debit/credit conversation.
func (b *bench) sell(flow string) string {
	b.t.Helper()
	cfg := shop(flow)
	if b.set.oda != "" {
		cfg.Capabilities[2] = map[string]byte{"dda": 0x40, "sda": 0x80, "none": 0}[b.set.oda]
	}
	m, err := emv.New(cfg)
	noError(b.t, err)
	in := emv.Input{
		Amount: b.set.amount, Time: b.set.time, UN: [4]byte{0x11, 0x22, 0x33, 0x44}, CardUN: [4]byte{0x55, 0x66, 0x77, 0x88},
		Sequence: 42, Percent: 99, Contactless: flow == "air", Rand: rand.NewChaCha8([32]byte{7}),
	}
	noError(b.t, m.Reset(in))
	r := m.Step(emv.Event{Kind: emv.Start})
	for range 500 {
		if o := r.Outcome; o != nil {
			return words(o.Result, o.Fault, o.Commit, o.Reason, o.Data.TVR, o.Reversal)
		}
		r = m.Step(b.act(m, r))
	}
	b.t.Fatal("no end after 500 steps")
	return ""
}

func (b *bench) act(m *emv.Machine, r emv.Ready) emv.Event {
	b.t.Helper()
	switch {
	case r.Send != nil:
		answer, left := b.exchange(r.Send)
		if left {
			return emv.Event{Kind: emv.CardLeft}
		}
		return emv.Answered(answer)
	case r.Choose != nil:
		return emv.Event{Kind: emv.Chosen}
	case r.PIN != nil:
		if b.set.pin == "" || b.pins == 8 {
			return emv.Event{Kind: emv.PINBypassed}
		}
		b.pins++
		p, err := pin.New(b.set.pin)
		noError(b.t, err)
		return emv.Event{Kind: emv.PINEntered, PIN: p}
	case r.Online != nil:
		return b.issuer(m)
	case r.RemoveCard:
		return emv.Event{Kind: emv.CardRemoved}
	}
	b.t.Fatal("an empty Ready")
	return emv.Event{}
}

// issuer answers as the setting host says: words of approve, decline, silent, bare
// (without 91), badauth (a wrong 91), and hexadecimal, which is put behind 91.
func (b *bench) issuer(m *emv.Machine) emv.Event {
	b.t.Helper()
	d := m.Data()
	a := &txn.OnlineAnswer{Code: [2]byte{'0', '0'}}
	authenticate, wrong := true, byte(0)
	var rest []byte
	for _, w := range strings.Fields(b.set.host) {
		switch w {
		case "approve":
		case "decline":
			a.Code = [2]byte{'0', '5'}
		case "silent":
			return emv.Event{Kind: emv.HostUnreachable}
		case "bare":
			authenticate = false
		case "badauth":
			wrong = 1
		default:
			var err error
			rest, err = hexBytes(w)
			noError(b.t, err)
		}
	}
	if authenticate {
		iad, err := cryptogram.ParseIAD(d.IAD)
		noError(b.t, err)
		keys, ok := devcard.Keys(iad.Alg, b.request.PAN, b.request.PSN)
		if !ok {
			b.t.Fatal("no keys")
		}
		arpc := cryptogram.ARPC(iad.Alg, cryptogram.DeriveSessionKey(iad.Alg, keys.AC, d.ATC), d.AC, a.Code)
		arpc[0] ^= wrong
		a.ICC = tlv.Append(nil, tlv.TagIssuerAuthenticationData, append(arpc[:], a.Code[:]...))
	}
	a.ICC = append(a.ICC, rest...)
	return emv.Event{Kind: emv.HostAnswered, Host: a}
}

func dashed(s string) string { return strings.ReplaceAll(s, " ", "-") }

var reversals = map[emv.Reversal]string{
	emv.CardRefusedLate: "card-refused-late", emv.CardGone: "card-gone", emv.AnswerLost: "answer-lost", emv.BadCompletion: "bad-completion", emv.ScriptUnknown: "script-unknown",
}

// words writes an outcome as Case.Expect does.
func words(r kernel.Result, f kernel.Fault, c kernel.Commit, d txn.DoubtReason, tvr [5]byte, back emv.Reversal) string {
	out := dashed(r.String())
	if f.Code != kernel.NoFault {
		out += " " + dashed(f.Code.String())
	}
	if f.Tag != 0 {
		out += " tag " + f.Tag.String()
	}
	if f.SW != apdu.SW(0) {
		out += " sw " + f.SW.String()
	}
	if f.ODA != oda.NotVerified {
		out += " oda " + dashed(f.ODA.String())
	}
	switch c {
	case kernel.Committed:
		out += " commit committed"
	case kernel.CommitUnknown:
		out += " commit unknown"
	}
	if d != txn.NoDoubt {
		out += " doubt " + dashed(d.String())
	}
	if tvr != [5]byte{} {
		out += fmt.Sprintf(" tvr %X", tvr)
	}
	if back != emv.NoReversal {
		out += " reversal " + reversals[back]
	}
	return out
}
