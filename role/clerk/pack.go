package clerk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/crypt/party"
	"github.com/citycard/citycard/crypt/seal"
	"github.com/citycard/citycard/recon/evidence"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/block"
)

// Parties gives the certificates and keys that go into an evidence pack. party.Dev has
// those of a simulated city.
type Parties interface {
	Acquirer(institution string) (*party.Authority, error)
	Terminal(by *party.Authority, terminal uint32, key [64]byte) (*party.Certificate, error)
	Statement(institution string) (*oda.SM2Private, *party.Certificate, error)
}

// DevelopmentParties are the parties of simulated cities. Everybody has their keys.
func DevelopmentParties() (*party.Dev, error) { return party.NewDev(devkeys.SM2Key) }

// ErrNothingToPack says that the counters asked for have no row in a block.
var ErrNothingToPack = errors.New("no row of these counters is in a block")

// Errors of a block that a pack needs; the text names its file and the place in it.
var (
	ErrBlockLost    = errors.New("the block is not there")
	ErrBlockDamaged = errors.New("the block is not the accepted one")
)

// PackRequest asks for an evidence pack.
type PackRequest struct {
	Card    string    // number, token or the beginning of that
	P, Q    uint16    // counters from and to; equal for one counter, which brings its neighbours
	Rows    []RowName // more rows of the card, also such as are no observation: forged ones
	Redact  bool      // leave out what discloses the account number
	Parties Parties
	Rand    io.Reader
}

// RowName names a row as its terminal does.
type RowName struct {
	Terminal txn.TerminalID
	Sequence uint32
}

// Pack makes an evidence pack (package evidence) of a stretch of a card's timeline: the
// rows from their blocks, proved, and what the issuer's keys say about them. The error
// wraps those of Look, or ErrNothingToPack, ErrBlockLost, ErrBlockDamaged.
func (f *Office) Pack(ctx context.Context, q *PackRequest) ([]byte, error) {
	var pack []byte
	err := f.read(ctx, func(r *sqlite.Reader) error {
		card, token, err := f.find(r, q.Card)
		if err != nil {
			return err
		}
		p := packer{examiner: f.examiner(r), request: q, certified: map[party.Subject]bool{}, packed: map[RowName]bool{}}
		p.in.Card, p.in.AsOf, p.in.Limit, p.in.Redact, p.in.Rand = card, f.now, f.rules.Cap, q.Redact, q.Rand
		if err := p.gather(card, token); err != nil {
			return err
		}
		pack, err = evidence.Build(&p.in)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("evidence of counters %04X to %04X: %w", q.P, q.Q, err)
	}
	return pack, nil
}

// packer collects the input of one pack.
type packer struct {
	*examiner
	request   *PackRequest
	in        evidence.Input
	certified map[party.Subject]bool
	packed    map[RowName]bool
}

func (p *packer) gather(card txn.CardKey, token sqlite.Token) error {
	c, j, err := p.office.judge(p.r, card, token)
	if err != nil {
		return err
	}
	rules := p.office.rules
	p.in.Verdicts = c.Verdicts(&rules)
	from, to := p.request.P, p.request.Q
	if from == to {
		var known bool
		if from, to, known = around(c, from); !known && len(p.request.Rows) == 0 {
			return ErrNothingToPack
		}
	}
	for _, b := range j.Breaks {
		if b.P >= from && b.P <= to && b.Q <= to {
			p.in.Breaks = append(p.in.Breaks, b)
		}
	}
	var failed error
	c.Observations(func(o timeline.Observation) bool {
		if o.ATC >= from && o.ATC <= to {
			failed = p.observation(&o)
		}
		return failed == nil
	})
	for _, n := range p.request.Rows {
		if failed == nil {
			failed = p.row(n, false)
		}
	}
	if failed != nil {
		return failed
	}
	if len(p.in.Rows) == 0 {
		return ErrNothingToPack
	}
	return p.issuerOf(card)
}

// around gives the counters before and after one. known is false if the timeline neither
// has the counter nor reaches over it.
func around(c *timeline.Card, atc uint16) (from, to uint16, known bool) {
	from, to = atc, atc
	seen := false
	c.Observations(func(o timeline.Observation) bool {
		seen = seen || o.ATC == atc
		if o.ATC < atc {
			from = o.ATC
		}
		if o.ATC > atc {
			to = o.ATC
		}
		return o.ATC <= atc
	})
	return from, to, seen || from < atc && atc < to
}

// observation adds what is behind one observation: its row, or the issuer's own record.
func (p *packer) observation(o *timeline.Observation) error {
	switch o.Kind {
	case timeline.Opening, timeline.Load, timeline.Online, timeline.Push:
		p.in.Host = append(p.in.Host, *o)
		return nil
	}
	return p.row(RowName{o.Terminal, o.Sequence}, o.Refused)
}

// row adds a row from its block; once, however often it is named.
func (p *packer) row(n RowName, refused bool) error {
	if p.packed[n] {
		return nil
	}
	p.packed[n] = true
	at, found, err := p.r.FindRow(n.Terminal, n.Sequence)
	if err != nil {
		return err
	}
	if found && p.office.segments == nil {
		return fmt.Errorf("block %d in %s: %w", at.ID, blockFile(&at), ErrBlockLost)
	}
	if !found {
		return fmt.Errorf("row %d of terminal %d: %w", n.Sequence, n.Terminal, ErrNothingToPack)
	}
	sealed, err := p.sealed(&at)
	if err != nil {
		return err
	}
	in, err := seal.Prove(sealed, wrapKey{p.office.keys.Store}, int(at.Index))
	switch {
	case errors.Is(err, seal.ErrKey):
		return fmt.Errorf("block %d in %s: %w", at.ID, blockFile(&at), err)
	case err != nil:
		return fmt.Errorf("block %d in %s: %v: %w", at.ID, blockFile(&at), err, ErrBlockDamaged)
	}
	row := evidence.Row{Inclusion: in, Block: seal.HeadOf(sealed), Refused: refused}
	for _, side := range []struct {
		number uint32
		into   **seal.Head
	}{{at.Number - 1, &row.Previous}, {at.Number + 1, &row.Next}} {
		if *side.into, err = p.neighbour(at.Terminal, side.number); err != nil {
			return err
		}
	}
	if err := p.issuerSays(&row); err != nil {
		return err
	}
	p.in.Rows = append(p.in.Rows, row)
	return p.terminal(at.Terminal)
}

// blockFile is the file of a block and the place in it.
func blockFile(at *sqlite.Placed) string {
	return fmt.Sprintf("blocks/%06d.blocks@%d", at.Window, at.Place)
}

// sealed reads a block and makes sure that it is the one that was accepted.
func (p *packer) sealed(at *sqlite.Placed) (*block.Sealed, error) {
	raw, err := p.office.segments.Read(at.Window, at.Place, at.Length)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, io.EOF):
		return nil, fmt.Errorf("block %d in %s: %w", at.ID, blockFile(at), ErrBlockLost)
	case err != nil:
		return nil, fmt.Errorf("block %d in %s: %w", at.ID, blockFile(at), err)
	}
	s, err := block.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("block %d in %s: %v: %w", at.ID, blockFile(at), err, ErrBlockDamaged)
	}
	if seal.HashOf(s.Signed) != at.Hash {
		return nil, fmt.Errorf("block %d in %s: its hash is another: %w", at.ID, blockFile(at), ErrBlockDamaged)
	}
	return &s, nil
}

// neighbour gives the head of another block of a terminal, nil if none was accepted.
func (p *packer) neighbour(terminal txn.TerminalID, number uint32) (*seal.Head, error) {
	at, found, err := p.r.FindNumber(terminal, number)
	if err != nil || !found {
		return nil, err
	}
	s, err := p.sealed(&at)
	if err != nil {
		return nil, err
	}
	h := seal.HeadOf(s)
	return &h, nil
}

// issuerSays checks cryptogram and balance MAC with the issuer's keys.
func (p *packer) issuerSays(row *evidence.Row) error {
	var r txn.Row
	if err := r.Decode(row.Inclusion.Row); err != nil {
		return err
	}
	out := make([]txn.Verdict, 1)
	if err := p.issuer.Verify([]txn.Presented{{Row: r}}, out); err != nil {
		return err
	}
	row.Cryptogram, row.BalanceMAC = evidence.Right, evidence.Right
	switch out[0] {
	case txn.Cleared:
	case txn.BadBalanceMAC:
		row.BalanceMAC = evidence.Wrong
	default: // the balance MAC is looked at after the cryptogram only
		row.Cryptogram, row.BalanceMAC = evidence.Wrong, evidence.Absent
	}
	switch {
	case r.Scheme == txn.Purse:
		row.BalanceMAC = evidence.Absent
	case r.AC == [8]byte{} && row.Cryptogram == evidence.Right:
		row.Cryptogram = evidence.Absent
	}
	return nil
}

// terminal adds the certificates of a terminal and its acquirer.
func (p *packer) terminal(id txn.TerminalID) error {
	t, found, err := p.r.Terminal(id)
	if err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("terminal %d is not in the register: enter it first", id)
	}
	by, err := p.request.Parties.Acquirer(institution(t.Acquirer))
	if err != nil {
		return err
	}
	c, err := p.request.Parties.Terminal(by, uint32(id), t.Key)
	if err != nil {
		return err
	}
	for _, c := range []*party.Certificate{by.Certificate, c} {
		if !p.certified[c.Subject] {
			p.certified[c.Subject] = true
			p.in.Certificates = append(p.in.Certificates, c)
		}
	}
	return nil
}

func (p *packer) issuerOf(card txn.CardKey) error {
	e, found, err := p.r.Range(card.PAN.BIN())
	if err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("card %s: no issuer has its number range: enter it in the register first", card)
	}
	p.in.IssuerKey, p.in.Issuer, err = p.request.Parties.Statement(institution(e.Participant))
	return err
}

// institution is how a participant is called in certificates: its number in 8 digits.
func institution(participant uint16) string { return fmt.Sprintf("%08d", participant) }
