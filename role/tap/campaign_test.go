package tap_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/role/cardstate"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/role/host"
	"github.com/citycard/citycard/role/tap"
	"github.com/citycard/citycard/role/virtualcard"
	"github.com/citycard/citycard/terminal/pos"
	"github.com/citycard/citycard/terminal/reader"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// campaignCards are how many chips the campaign has, and their profiles.
var campaignCards = []string{"dev-3des", "dev-sm", "dev-dual"}

// campaignRules allow provisional credits, so that those are killed too.
func campaignRules() timeline.Params {
	p := timeline.DefaultParams()
	p.ProvisionalAfter, p.ProvisionalPerCard, p.ProvisionalPerMonth, p.ProvisionalBudget = 86400, 50_000, 200_000, 500_000
	return p
}

// campaign is a shop, a host that keeps its books and some chips, all on disk: whoever
// opens the folder again goes on where the last one was killed.
type campaign struct {
	t     testing.TB
	dir   string
	seed  uint64
	point func() // called before and after everything that is made durable
	bank  *host.Kept
	shop  *cardstate.File
	log   shopLog
	late  []late // what terminals say later; lost with the process
}

// shopLog is what the shop has written down.
type shopLog struct {
	Op      int
	Now     int64
	Waiting []waitingRow // rows that are not presented yet
	Paid    []paidRow    // those that asked for money when they were presented
}

type waitingRow struct {
	Row string // 128 bytes
	Due int    // operation before which it is presented
}

type paidRow struct {
	Card   int
	ATC    uint16
	Amount money.Fen
}

// openCampaign opens the folder, or begins it.
func openCampaign(t testing.TB, dir string, seed uint64, point func()) *campaign {
	t.Helper()
	c := &campaign{t: t, dir: dir, seed: seed, point: point}
	var err error
	c.shop, err = cardstate.Open(filepath.Join(dir, "shop"), "shop")
	check(t, err)
	c.log.Now = noon
	if !c.shop.Fresh() {
		check(t, json.Unmarshal(c.shop.Memory(), &c.log))
	}
	c.bank, err = host.OpenKept(t.Context(), host.KeptConfig{Dir: dir, Opening: 10_000_000, Now: func() int64 { return c.log.Now }, Rules: campaignRules(), Point: point})
	check(t, err)
	return c
}

func (c *campaign) close() {
	check(c.t, c.bank.Close())
	check(c.t, c.shop.Close())
}

// note makes the shop's log durable.
func (c *campaign) note() {
	b, err := json.Marshal(c.log)
	check(c.t, err)
	c.point()
	check(c.t, c.shop.Store(b))
	c.point()
}

// key names a chip.
func (c *campaign) key(n int) txn.CardKey {
	r, err := devcard.Default(campaignCards[n])
	check(c.t, err)
	return txn.CardKey{PAN: r.PAN, PSN: byte(n + 1)}
}

// chip takes a chip out of its file; done puts it back.
func (c *campaign) chip(n int, side card.Interface) (v *virtualcard.Card, done func()) {
	c.t.Helper()
	f, err := cardstate.Open(filepath.Join(c.dir, fmt.Sprintf("card-%d", n)), "chip")
	check(c.t, err)
	made := false
	defer func() {
		if !made { // stopped on the way
			_ = f.Close()
		}
	}()
	img := campaignImage(c.t, n)
	cfg := virtualcard.Config{Image: img, Interface: side, Rand: rand.NewChaCha8([32]byte{byte(n)}), Store: func(memory []byte) error {
		c.point()
		defer c.point()
		return f.Store(memory)
	}}
	if !f.Fresh() {
		cfg.Memory = f.Memory()
	}
	v, err = virtualcard.New(cfg)
	check(c.t, err)
	made = true
	return v, func() { check(c.t, f.Close()) }
}

var campaignImages [8]*card.Image

func campaignImage(t testing.TB, n int) *card.Image {
	t.Helper()
	if campaignImages[n] == nil {
		r, err := devcard.Default(campaignCards[n])
		check(t, err)
		r.PSN = byte(n + 1)
		campaignImages[n], err = devcard.Issue(r)
		check(t, err)
	}
	return campaignImages[n]
}

// torn is a card that leaves at one of its exchanges, before or after the command was
// carried out.
type torn struct {
	reader.Card
	left  int
	after bool
}

func (x *torn) Transmit(ctx context.Context, dst, cmd []byte) ([]byte, error) {
	gone := &reader.Error{Doing: "sending a command", Kind: reader.ErrCardGone}
	if x.left--; x.left > 0 {
		return x.Card.Transmit(ctx, dst, cmd)
	}
	if x.left == 0 && x.after {
		_, _ = x.Card.Transmit(ctx, nil, cmd)
	}
	return dst, gone
}

// line is the line to the host, which loses what an operation says.
type line struct {
	*host.Kept
	question, answer, reversal, notice bool // lost
	last                               *txn.OnlineRequest
}

func (l *line) Authorise(ctx context.Context, q txn.OnlineRequest) (a txn.OnlineAnswer, err error) {
	if l.question {
		return a, host.ErrUnreachable
	}
	l.last = &q
	if a, err = l.Kept.Authorise(ctx, q); err == nil && l.answer {
		return txn.OnlineAnswer{}, host.ErrUnreachable
	}
	return a, err
}

func (l *line) Reverse(ctx context.Context, q txn.OnlineRequest, why host.Reason, icc []byte) error {
	if l.reversal {
		return host.ErrUnreachable
	}
	return l.Kept.Reverse(ctx, q, why, icc)
}

func (l *line) Advise(ctx context.Context, q txn.OnlineRequest, icc []byte) error {
	if l.notice {
		return host.ErrUnreachable
	}
	return l.Kept.Advise(ctx, q, icc)
}

// sale runs the till once.
func (c *campaign) sale(n int, s pos.Sale, l *line, tear int, after bool) *tap.Trace {
	c.t.Helper()
	side := card.Contactless
	if s.Interface == pos.Contact {
		side = card.Contact
	}
	v, done := c.chip(n, side)
	defer done()
	cfg, err := tap.Shop(tap.Setup{Mode: pos.QPBOC, SM: true})
	check(c.t, err)
	till, err := pos.New(cfg)
	check(c.t, err)
	s.Time = c.log.Now
	if s.Sequence, err = c.bank.Sequence(c.t.Context(), 1); err != nil {
		c.t.Fatal(err)
	}
	for i := range s.Random {
		s.Random[i] = byte(int(s.Sequence) * (i + 3))
	}
	var clock time.Duration
	trace, err := tap.Run(context.Background(), tap.Config{
		Till: till, Mode: pos.QPBOC, Host: l, Person: &holder{pin: "123456"}, Seal: host.EncipherPIN, Explain: tap.NewExplainer("en", false),
		Open: func(context.Context) (reader.Card, error) {
			r, err := virtualcard.Reader(v)
			if tear == 0 || err != nil {
				return r, err
			}
			return &torn{Card: r, left: tear, after: after}, nil
		},
		Elapsed: func() time.Duration { clock += time.Millisecond; return clock },
	}, s)
	check(c.t, err)
	return trace
}

// step does the next operation of the script, which follows from seed and number.
func (c *campaign) step() {
	c.t.Helper()
	c.speakLate()
	r := rand.New(rand.NewPCG(c.seed, uint64(c.log.Op)))
	c.present()
	n := r.IntN(len(campaignCards))
	tear, after := 0, r.IntN(2) == 0
	if r.IntN(3) == 0 {
		tear = 1 + r.IntN(24)
	}
	lost := func() bool { return r.IntN(6) == 0 }
	l := &line{Kept: c.bank, question: lost(), answer: lost(), reversal: lost(), notice: lost()}
	switch what := r.IntN(20); {
	case what < 7:
		t := c.sale(n, pos.Sale{Kind: pos.Load, Interface: pos.Contact, Amount: money.Fen(1000 + r.IntN(20_000))}, l, tear, after)
		c.lie(r, t, l)
	case what == 7:
		t := c.sale(n, pos.Sale{Kind: pos.Unload, Interface: pos.Contact}, l, tear, after)
		c.lie(r, t, l)
	case what == 8:
		c.sale(n, pos.Sale{Kind: pos.Inquiry, Interface: pos.Contact}, l, tear, after)
	case what < 16:
		if tear > 0 {
			tear = 1 + tear%8 // a payment over the air has few exchanges
		}
		t := c.sale(n, pos.Sale{Kind: pos.Purchase, Interface: pos.Contactless, Amount: money.Fen(100 + r.IntN(3000))}, l, tear, after)
		due := c.log.Op
		if r.IntN(3) == 0 {
			due += r.IntN(12)
		}
		for i := range t.Result.Records {
			row := t.Result.Records[i].Row
			row.Sequence = t.Sale.Sequence
			var b [txn.RowSize]byte
			check(c.t, row.Encode(&b))
			c.log.Waiting = append(c.log.Waiting, waitingRow{hex.EncodeToString(b[:]), due})
		}
	default:
		c.log.Now += [...]int64{0, 1, 3, 25}[r.IntN(4)] * 86400
		_, err := c.bank.Reconcile(c.t.Context(), c.log.Now)
		check(c.t, err)
	}
	c.log.Now += 60
	c.log.Op++
	c.note()
}

// late is a reversal or notice that a terminal sends some operations later, whatever the
// card and its rows have said by then.
type late struct {
	op      int
	q       txn.OnlineRequest
	why     host.Reason // 0 for a notice
	results []byte
}

// speakLate sends what is due.
func (c *campaign) speakLate() {
	c.t.Helper()
	for i := 0; i < len(c.late); {
		x := c.late[i]
		if x.op > c.log.Op {
			i++
			continue
		}
		c.late = append(c.late[:i], c.late[i+1:]...)
		var err error
		if x.why != 0 {
			err = c.bank.Reverse(c.t.Context(), x.q, x.why, nil)
		} else {
			err = c.bank.Advise(c.t.Context(), x.q, x.results)
		}
		if err != nil && !errors.Is(err, host.ErrRefused) {
			c.t.Fatal(err)
		}
	}
}

// lie has a bad terminal say, now and then, at once or later, that a script did not run,
// or that it did, whatever happened.
func (c *campaign) lie(r *rand.Rand, t *tap.Trace, l *line) {
	c.t.Helper()
	what := r.IntN(6)
	if l.last == nil || what > 2 {
		return
	}
	x := late{op: c.log.Op + 1 + r.IntN(6)*r.IntN(2), q: *l.last, why: host.CardGone}
	if what == 1 {
		done := []byte{0x20, 0x9F, 0x79, byte(t.Result.ATC >> 8), byte(t.Result.ATC)}
		x.why, x.results = 0, tlv.Append(nil, tlv.TagIssuerScriptResult, done)
	}
	c.late = append(c.late, x)
}

// present gives the host the rows that are due.
func (c *campaign) present() {
	c.t.Helper()
	for i := 0; i < len(c.log.Waiting); {
		w := c.log.Waiting[i]
		if w.Due > c.log.Op {
			i++
			continue
		}
		b, err := hex.DecodeString(w.Row)
		check(c.t, err)
		var row txn.Row
		check(c.t, row.Decode(b))
		verdicts, err := c.bank.Present(c.t.Context(), []txn.Row{row})
		check(c.t, err)
		switch verdicts[0] {
		case txn.Cleared, txn.Duplicate: // a duplicate was presented before the shop was killed
			c.log.Paid = append(c.log.Paid, paidRow{int(row.Card.PSN) - 1, row.ATC, row.Amount})
		case txn.Noted, txn.Checkpoint:
		case txn.BadCardData, txn.BadCryptogram: // the answer with the cryptogram was lost
			if row.Kind.Paid() {
				c.t.Fatalf("row of counter %d: %v", row.ATC, verdicts[0])
			}
		default:
			c.t.Fatalf("row of counter %d: %v", row.ATC, verdicts[0])
		}
		c.log.Waiting = append(c.log.Waiting[:i], c.log.Waiting[i+1:]...)
		c.note()
	}
}

// value is 9F79 of a chip.
func (c *campaign) value(n int) money.Fen {
	c.t.Helper()
	v, done := c.chip(n, card.Contact)
	defer done()
	check(c.t, v.PowerOn())
	var fen money.Fen
	for _, cmd := range []string{"00A4040008A00000033301010100", "80CA9F7900"} {
		b, err := hex.DecodeString(cmd)
		check(c.t, err)
		out, _, err := v.Transmit(nil, b)
		check(c.t, err)
		data, sw, err := apdu.ParseResponse(out)
		if err != nil || sw != apdu.SWOK {
			c.t.Fatalf("%s: %v %v", cmd, sw, err)
		}
		if p, ok := tlv.Find(data, tlv.TagECBalance); ok {
			fen, err = money.FromN12(p)
			check(c.t, err)
		}
	}
	return fen
}
