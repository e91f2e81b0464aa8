package kernel_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/fault"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/txn"
)

// stageTime is 2026-11-22 in Beijing.
const stageTime = 1795305600

// stage is a terminal and its cards.
type stage struct {
	t      testing.TB
	config kernel.Config
	denied map[txn.CardKey]bool
	kernel *kernel.Machine
	cards  map[string]*player
	images map[devcard.Request]*card.Image // made before
	taps   byte
	torn   *kernel.Data // of the last tap that was torn at its last record
}

// player is a card behind a door of faults.
type player struct {
	chip *card.Chip
	door *fault.Door
	key  txn.CardKey
	// meddle, if set, changes answers; nil is a card that has left.
	meddle func(cmd, answer []byte) []byte

	profile string
	alg     cryptogram.Alg          // of its journey records
	keys    map[byte]cryptogram.Key // by file, as far as they were needed
}

// exchange sees a command and its answer, nil for none.
type exchange func(cmd, answer []byte)

func newStage(t testing.TB) *stage {
	t.Helper()
	cas, err := devkeys.CAKeys()
	check(t, err)
	v, err := oda.NewVerifier(cas, 8)
	check(t, err)
	s := &stage{t: t, cards: map[string]*player{}, images: map[devcard.Request]*card.Image{}, denied: map[txn.CardKey]bool{}}
	s.config = kernel.Config{
		TTQ: kernel.GateTTQ, Country: [2]byte{0x01, 0x56}, Currency: [2]byte{0x01, 0x56}, TerminalType: 0x22,
		Capabilities: [3]byte{0xE0, 0x40, 0xC8}, AppVersion: [2]byte{0x00, 0x30}, AIDs: kernel.DebitCredit(), SM: true, Verify: v,
		Denied: func(k txn.CardKey) bool { return s.denied[k] },
	}
	s.install()
	return s
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// install makes the kernel for the present configuration.
func (s *stage) install() {
	s.t.Helper()
	m, err := kernel.New(&s.config)
	check(s.t, err)
	s.kernel = m
}

// issue makes a development card.
func (s *stage) issue(name, profile string, balance money.Fen) *player {
	s.t.Helper()
	r, err := devcard.Default(profile)
	check(s.t, err)
	digits := fmt.Sprintf("622800%09d", 10000+len(s.cards))
	r.PAN, err = txn.ParsePAN(digits + string(txn.Luhn(digits)))
	check(s.t, err)
	r.Balance = balance
	img := s.images[r]
	if img == nil {
		img, err = devcard.Issue(r)
		check(s.t, err)
		s.images[r] = img
	}
	p := &player{chip: card.New(), key: txn.CardKey{PAN: r.PAN, PSN: r.PSN}, profile: profile, keys: map[byte]cryptogram.Key{}}
	check(s.t, p.chip.Insert(img, nil))
	s.cards[name] = p
	p.behave(s.t, "")
	return p
}

// behave gives the card other faults: a list as in a fault script, or none.
func (p *player) behave(t testing.TB, faults string) {
	t.Helper()
	parsed := &fault.Script{}
	if faults != "" {
		var err error
		parsed, err = fault.Parse([]byte("name: dialogue\nfaults:\n" + faults))
		check(t, err)
	}
	p.door = fault.NewDoor(parsed, p.chip, p.chip.Memory())
}

// conversation is one stay of a card in the field.
type conversation struct {
	lost    int // number of the command whose answer is lost
	unheard int // number of the command that does not reach the card
	stop    bool
	journey *journey // at a card with the extension
	log     exchange
}

// hold brings a card into the field.
func (s *stage) hold(p *player) {
	s.t.Helper()
	s.taps++
	check(s.t, p.chip.PowerOn(rand.NewChaCha8([32]byte{s.taps})))
	p.door.PowerOn()
}

// tap makes a transaction.
func (s *stage) tap(p *player, in kernel.Input, c conversation) *kernel.Outcome {
	s.t.Helper()
	s.hold(p)
	check(s.t, s.kernel.Reset(s.input(in)))
	return s.ended(s.talk(p, s.kernel.Step(kernel.Event{Kind: kernel.Start}), c).Outcome)
}

func (s *stage) input(in kernel.Input) kernel.Input {
	in.Time, in.UN = stageTime, [4]byte{0x11, 0x22, 0x33, s.taps}
	return in
}

// ended keeps a torn transaction.
func (s *stage) ended(out *kernel.Outcome) *kernel.Outcome {
	if out.Reason == txn.LastAnswerLost {
		s.torn = out.Data.Clone()
	}
	return out
}

// probe asks a card for the torn transaction.
func (s *stage) probe(p *player, c conversation) *kernel.Probe {
	s.t.Helper()
	s.hold(p)
	return s.talk(p, s.kernel.Probe(s.torn), c).Probe
}

func (s *stage) talk(p *player, r kernel.Ready, c conversation) kernel.Ready {
	s.t.Helper()
	defer p.chip.PowerOff()
	return s.converse(p, r, c)
}

// converse is talk for a card that stays.
func (s *stage) converse(p *player, r kernel.Ready, c conversation) kernel.Ready {
	s.t.Helper()
	sent := 0
	for steps := 0; r.Outcome == nil && r.Probe == nil; steps++ {
		if steps > 100 {
			s.t.Fatal("the conversation does not end")
		}
		switch {
		case r.Transit || r.Reply != nil || r.Identified && s.kernel.Support() != 0:
			r = s.travel(p, c.journey, r)
		case r.Identified && c.stop:
			r = s.kernel.Step(kernel.Event{Kind: kernel.Stop})
		case r.Identified:
			r = s.kernel.Step(kernel.Event{Kind: kernel.Continue})
		case r.RemoveCard:
			r = s.kernel.Step(kernel.Event{Kind: kernel.CardRemoved})
		default:
			sent++
			cmd := slices.Clone(r.Send)
			var answer []byte
			if sent != c.unheard {
				out, how, err := p.door.Transmit(nil, cmd)
				check(s.t, err)
				if !how.Silent && sent != c.lost {
					answer = out
				}
			}
			if p.meddle != nil && answer != nil {
				answer = p.meddle(cmd, answer)
			}
			if c.log != nil {
				c.log(cmd, answer)
			}
			if answer == nil {
				r = s.kernel.Step(kernel.Event{Kind: kernel.CardLeft})
			} else {
				r = s.kernel.Step(kernel.Answered(answer))
			}
		}
	}
	return r
}
