package evidence

import (
	"cmp"
	_ "embed" // the README
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/emmansun/gmsm/sm3"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/party"
	"github.com/citycard/citycard/crypt/seal"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/block"
)

// Names of members.
const (
	readmeName       = "README.txt"
	manifestName     = "manifest.json"
	manifestSigName  = "manifest.sig"
	statementName    = "statement.json"
	statementSigName = "statement.sig"
	statementCert    = "certs/statement.cer"
)

// MaxRows is the most rows in a pack.
const MaxRows = 64

//go:embed readme.txt
var readme []byte

// Row is a row with its proof, and what the issuer says about it.
type Row struct {
	Inclusion      seal.Inclusion
	Block          seal.Head
	Previous, Next *seal.Head // neighbours in the terminal's chain; nil at its ends
	Cryptogram     string     // Right, Wrong, Absent
	BalanceMAC     string
	Refused        bool // presented and not cleared
}

// Input is what goes into a pack.
type Input struct {
	Card         txn.CardKey
	AsOf         int64
	Limit        money.Fen // 9F78
	Rows         []Row
	Host         []timeline.Observation // from the issuer's own log: loads, the opening
	Verdicts     []timeline.Verdict     // of the card; those between the observations above are used
	Breaks       []timeline.Break
	Certificates []*party.Certificate // of the terminals and acquirers
	IssuerKey    *oda.SM2Private      // signs statement and manifest
	Issuer       *party.Certificate   // of IssuerKey
	Redact       bool                 // leave out what discloses the account number
	Rand         io.Reader
}

// manifest is manifest.json.
type manifest struct {
	Format   string          `json:"format"`
	Redacted bool            `json:"redacted"`
	Rows     int             `json:"rows"`
	Members  []manifestEntry `json:"members"`
}

type manifestEntry struct {
	Name string `json:"name"`
	Size int    `json:"size"`
	SM3  string `json:"sm3"`
}

const manifestFormat = "citycard evidence pack 1"

// Build makes a pack. The same input gives the same bytes.
func Build(in *Input) ([]byte, error) {
	b := builder{in: in}
	if len(in.Rows) == 0 || len(in.Rows) > MaxRows {
		return nil, fmt.Errorf("make evidence pack: %d rows, want 1 to %d: name fewer counters", len(in.Rows), MaxRows)
	}
	if err := b.build(); err != nil {
		return nil, fmt.Errorf("make evidence pack: %w", err)
	}
	pack := encodeZip(b.members)
	if len(pack) > MaxPack || len(b.members) > MaxMembers {
		return nil, fmt.Errorf("make evidence pack: %d bytes, at most %d: name fewer counters", len(pack), MaxPack)
	}
	return pack, nil
}

type builder struct {
	in      *Input
	members []member
	seen    []Seen
}

func (b *builder) add(name string, data []byte) {
	if len(data) > 0 {
		b.members = append(b.members, member{name, data})
	}
}

func (b *builder) build() error {
	for i := range b.in.Rows {
		if err := b.row(i + 1); err != nil {
			return fmt.Errorf("row %d: %w", i+1, err)
		}
	}
	for _, c := range b.in.Certificates {
		name := certName(&c.Subject)
		if !slices.ContainsFunc(b.members, func(m member) bool { return m.name == name }) {
			b.add(name, c.DER())
		}
	}
	b.add(statementCert, b.in.Issuer.DER())
	b.add(readmeName, readme)
	statement, err := b.statement()
	if err != nil {
		return err
	}
	if err := b.signed(statementName, statementSigName, statement); err != nil {
		return err
	}
	return b.manifest()
}

func (b *builder) signed(name, sigName string, document []byte) error {
	sig, err := party.Sign(b.in.IssuerKey, document, b.in.Rand)
	if err != nil {
		return fmt.Errorf("sign %s: %w", name, err)
	}
	b.add(name, document)
	b.add(sigName, sig)
	return nil
}

func certName(s *party.Subject) string {
	switch s.Role {
	case party.Terminal:
		return terminalCert(s.Terminal)
	case party.Acquirer:
		return acquirerCert(s.Institution)
	}
	return statementCert
}

func terminalCert(terminal uint32) string    { return fmt.Sprintf("certs/terminal-%08X.cer", terminal) }
func acquirerCert(institution string) string { return "certs/acquirer-" + institution + ".cer" }
func rowMember(n int, name string) string    { return fmt.Sprintf("rows/%02d/%s", n, name) }

// row adds the members of one row.
func (b *builder) row(n int) error {
	src := &b.in.Rows[n-1]
	in := &src.Inclusion
	var r txn.Row
	if err := r.Decode(in.Row); err != nil {
		return err
	}
	if r.Card != b.in.Card {
		return fmt.Errorf("it is of card %s, the pack is about %s", r.Card, b.in.Card)
	}
	text, err := describeRow(&r, !b.in.Redact)
	if err != nil {
		return err
	}
	b.add(rowMember(n, "row.json"), text)
	var evidence seal.Hash
	if in.Proof.Card != block.NoCard {
		evidence = seal.EvidenceHash(seal.IssuerHash(&in.Issuer), &in.Card)
	}
	card := seal.CardHash(&in.Salt, in.Row)
	b.add(rowMember(n, "9F4B.bin"), in.Proof.SDAD)
	if b.in.Redact {
		b.add(rowMember(n, "row.bin"), withoutCard(in.Row))
		b.add(rowMember(n, "card.bin"), card[:])
		b.add(rowMember(n, "evidence.bin"), evidence[:])
	} else {
		b.add(rowMember(n, "row.bin"), in.Row)
		b.add(rowMember(n, "salt.bin"), in.Salt[:])
		if in.Proof.Card != block.NoCard {
			b.certificates(n, in)
		}
	}
	var path []byte
	for _, h := range in.Path {
		path = append(path, h[:]...)
	}
	b.add(rowMember(n, "path.bin"), path)
	b.add(rowMember(n, "block.bin"), src.Block.Append(nil))
	if src.Previous != nil {
		b.add(rowMember(n, "previous.bin"), src.Previous.Append(nil))
	}
	if src.Next != nil {
		b.add(rowMember(n, "next.bin"), src.Next.Append(nil))
	}
	return b.observe(n, src, seal.LeafHash(card, in.Row, evidence, in.Proof.SDAD), &r)
}

func (b *builder) certificates(n int, in *seal.Inclusion) {
	b.add(rowMember(n, "8F.bin"), []byte{in.Issuer.CAIndex})
	b.add(rowMember(n, "90.bin"), in.Issuer.Certificate)
	b.add(rowMember(n, "92.bin"), in.Issuer.Remainder)
	b.add(rowMember(n, "9F32.bin"), in.Issuer.Exponent)
	b.add(rowMember(n, "9F46.bin"), in.Card.Certificate)
	b.add(rowMember(n, "9F48.bin"), in.Card.Remainder)
	b.add(rowMember(n, "9F47.bin"), in.Card.Exponent)
	b.add(rowMember(n, "static.bin"), in.Card.Static)
}

func (b *builder) observe(n int, src *Row, leaf seal.Hash, r *txn.Row) error {
	s, err := seen(n, leaf, r, src.Refused)
	if err != nil {
		return err
	}
	s.Cryptogram, s.BalanceMAC = src.Cryptogram, src.BalanceMAC
	b.seen = append(b.seen, s)
	return nil
}

// statement puts together what the issuer signs.
func (b *builder) statement() ([]byte, error) {
	in := b.in
	for i := range in.Host {
		s := fromObservation(&in.Host[i])
		s.Cryptogram, s.BalanceMAC = Right, Right
		if in.Host[i].Kind == timeline.Opening || in.Host[i].Kind == timeline.Push {
			s.Cryptogram, s.BalanceMAC = Absent, Absent
		}
		b.seen = append(b.seen, s)
	}
	slices.SortStableFunc(b.seen, func(x, y Seen) int { return cmp.Or(cmp.Compare(x.ATC, y.ATC), cmp.Compare(y.Row, x.Row)) })
	st := Statement{Format: StatementFormat, Issuer: in.Issuer.Subject.Institution, Card: in.Card.String(), AsOf: in.AsOf, Limit: in.Limit,
		Observations: b.seen, Pairs: []Pair{}, Breaks: []Break{}}
	for i := range in.Verdicts {
		v := &in.Verdicts[i]
		p, q := st.at(v.P), st.at(v.Q)
		if p == nil || q == nil {
			continue
		}
		alone := workOut(p, q, in.Limit)
		pair := alone
		pair.Outcome, pair.Committed, pair.Missed, pair.Basis = v.Outcome.String(), v.Committed.String(), v.Missed, v.Basis.String()
		pair.Again = p.Plain && q.Plain && v.Spread == 0 && v.Cut == 0 && pair.equal(&alone)
		st.Pairs = append(st.Pairs, pair)
	}
	for i := range in.Breaks {
		k := &in.Breaks[i]
		if st.at(k.P) == nil {
			continue
		}
		st.Breaks = append(st.Breaks, Break{P: k.P, Q: k.Q, Part: k.Part.String(), State: k.State.String(), Amount: k.Amount, Contested: k.Contested,
			Since: k.Since, Final: k.Final, Basis: k.Basis.String()})
	}
	return st.Encode()
}

// right reports whether an observation proves anything. A row of electronic cash that
// neither cryptogram nor balance MAC stands for proves nothing.
func (s *Seen) right() bool {
	bare := s.Row > 0 && s.Plain && s.Cryptogram == Absent && s.BalanceMAC == Absent
	return s.Cryptogram != Wrong && s.BalanceMAC != Wrong && !bare
}

// at gives the observation that speaks for a counter: the first right one.
func (s *Statement) at(atc uint16) *Seen {
	for i := range s.Observations {
		if o := &s.Observations[i]; o.ATC == atc && o.right() {
			return o
		}
	}
	return nil
}

// manifest adds the list of all members and its signature.
func (b *builder) manifest() error {
	sortMembers(b.members)
	m := manifest{Format: manifestFormat, Redacted: b.in.Redact, Rows: len(b.in.Rows)}
	for _, f := range b.members {
		m.Members = append(m.Members, manifestEntry{f.name, len(f.data), fmt.Sprintf("%x", sm3.Sum(f.data))})
	}
	text, err := m.encode()
	if err != nil {
		return err
	}
	if err := b.signed(manifestName, manifestSigName, text); err != nil {
		return err
	}
	sortMembers(b.members)
	return nil
}

func (m *manifest) encode() ([]byte, error) {
	if len(m.Members) == 0 {
		return nil, errors.New("no members")
	}
	b, err := json.MarshalIndent(m, "", " ")
	return append(b, '\n'), err
}
