package evidence

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/party"
	"github.com/citycard/citycard/crypt/seal"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/block"
)

// rid is the application provider under whose keys electronic cash cards stand
// (UnionPay, JR/T 0025.7); a block keeps the key's index only.
var rid = [5]byte{0xA0, 0x00, 0x00, 0x03, 0x33}

// rows checks every row by itself.
func (v *verification) rows() error {
	for n := 1; n <= v.manifest.Rows; n++ {
		if err := v.row(n); err != nil {
			return err
		}
	}
	return nil
}

func (v *verification) row(n int) error {
	name := func(s string) string { return rowMember(n, s) }
	raw, card, evidence, proof, err := v.readRow(n)
	if err != nil {
		return err
	}
	var o openedRow
	if err := o.row.Decode(raw); err != nil {
		return refuse(name("row.bin"), "%v", err)
	}
	text, err := v.need(name("row.json"))
	if err != nil {
		return err
	}
	if want, err := describeRow(&o.row, !v.manifest.Redacted); err != nil || !bytes.Equal(want, text) {
		return refuse(name("row.json"), "does not say what row.bin says")
	}
	if !v.manifest.Redacted && o.row.Card.String() != v.statement.Card {
		return refuse(name("row.bin"), "is of card %s, the statement is about %.30q", o.row.Card, v.statement.Card)
	}
	if first := v.report.opened; len(first) > 0 && first[0].row.Card != o.row.Card {
		return refuse(name("row.bin"), "is of another card than row 1")
	}
	o.leaf = seal.LeafHash(card, raw, evidence, proof.SDAD)
	if err := v.block(n, &o); err != nil {
		return err
	}
	if err := v.card(n, &o, proof); err != nil {
		return err
	}
	v.report.opened = append(v.report.opened, o)
	return nil
}

// proofOf is what of the evidence part of a block belongs to one row.
type proofOf struct {
	SDAD   []byte
	card   block.Card
	issuer block.Issuer
	whole  bool // certificates are in the pack
}

// readRow gives the 128 bytes of a row, and the two hashes in its leaf.
func (v *verification) readRow(n int) (raw []byte, card, evidence seal.Hash, p proofOf, err error) {
	name := func(s string) string { return rowMember(n, s) }
	p.SDAD = v.maybe(name("9F4B.bin"))
	if v.manifest.Redacted {
		if raw, err = v.exactly(name("row.bin"), openSize); err != nil {
			return
		}
		var c, e []byte
		if c, err = v.exactly(name("card.bin"), len(card)); err != nil {
			return
		}
		if e, err = v.exactly(name("evidence.bin"), len(evidence)); err != nil {
			return
		}
		return withNobody(raw), seal.Hash(c), seal.Hash(e), p, nil
	}
	if raw, err = v.exactly(name("row.bin"), txn.RowSize); err != nil {
		return
	}
	salt, err := v.exactly(name("salt.bin"), seal.SaltSize)
	if err != nil {
		return raw, card, evidence, p, err
	}
	card = seal.CardHash((*[seal.SaltSize]byte)(salt), raw)
	if index := v.maybe(name("8F.bin")); index != nil {
		if len(index) != 1 {
			return raw, card, evidence, p, refuse(name("8F.bin"), "%d bytes, want 1", len(index))
		}
		p.whole = true
		p.issuer = block.Issuer{CAIndex: index[0], Certificate: v.maybe(name("90.bin")), Remainder: v.maybe(name("92.bin")), Exponent: v.maybe(name("9F32.bin"))}
		p.card = block.Card{Certificate: v.maybe(name("9F46.bin")), Remainder: v.maybe(name("9F48.bin")), Exponent: v.maybe(name("9F47.bin")), Static: v.maybe(name("static.bin"))}
		if err := v.lengths(n); err != nil {
			return raw, card, evidence, p, err
		}
		evidence = seal.EvidenceHash(seal.IssuerHash(&p.issuer), &p.card)
	}
	return raw, card, evidence, p, nil
}

// evidenceLimits are the limits of a block for what is in its evidence part. Lengths stand
// in two bytes in the hash over them: a longer member would have a second reading.
var evidenceLimits = map[string]int{"90.bin": block.MaxCertificate, "92.bin": block.MaxCertificate, "9F32.bin": block.MaxExponent,
	"9F46.bin": block.MaxCertificate, "9F48.bin": block.MaxCertificate, "9F47.bin": block.MaxExponent, "static.bin": block.MaxStatic, "9F4B.bin": block.MaxCertificate}

// lengths refuses evidence that no block can hold.
func (v *verification) lengths(n int) error {
	for s, most := range evidenceLimits {
		if name := rowMember(n, s); len(v.members[name]) > most {
			return refuse(name, "%d bytes, at most %d", len(v.members[name]), most)
		}
	}
	return nil
}

// block checks the path, the terminal's signature and its certificate.
func (v *verification) block(n int, o *openedRow) error {
	name := rowMember(n, "block.bin")
	head, err := v.head(name)
	if err != nil {
		return err
	}
	h := &head.Header
	if o.row.Terminal != txn.TerminalID(h.Terminal) || o.row.Sequence < h.FirstSequence {
		return refuse(name, "block of terminal %d from sequence %d cannot hold row %d of terminal %d", h.Terminal, h.FirstSequence, o.row.Sequence, o.row.Terminal)
	}
	raw, err := v.path(n)
	if err != nil {
		return err
	}
	index := o.row.Sequence - h.FirstSequence
	if index >= uint32(h.Rows) || seal.CheckPath(h.Root, o.leaf, raw, int(index), int(h.Rows)) != nil {
		return refuse(rowMember(n, "path.bin"), "%v", seal.ErrProof)
	}
	terminal, err := v.certificate(terminalCert(h.Terminal))
	if err != nil {
		return err
	}
	acquirer, err := v.certificate(acquirerCert(terminal.Subject.Institution))
	if err != nil {
		return err
	}
	if _, err := party.Verify(v.roots.Party, int64(h.Until), terminal, acquirer); err != nil {
		return refuse(terminalCert(h.Terminal), "%v", err)
	}
	key, err := terminal.PublicKey()
	if err == nil {
		err = head.Verify(key)
	}
	if err != nil {
		return refuse(name, "%v", err)
	}
	v.show(name, checkInclusion, byTerminal, verified, n, h.Terminal, h.Number, index+1, h.Rows)
	return v.chain(n, &head, key)
}

func (v *verification) head(name string) (seal.Head, error) {
	b, err := v.need(name)
	if err != nil {
		return seal.Head{}, err
	}
	h, err := seal.ParseHead(b)
	if err != nil {
		return h, refuse(name, "%v", err)
	}
	return h, nil
}

func (v *verification) path(n int) ([]seal.Hash, error) {
	name := rowMember(n, "path.bin")
	b := v.maybe(name)
	if len(b)%32 != 0 || len(b) > 32*seal.MaxPath {
		return nil, refuse(name, "%d bytes, want a multiple of 32 up to %d", len(b), 32*seal.MaxPath)
	}
	var path []seal.Hash
	for ; len(b) > 0; b = b[32:] {
		path = append(path, seal.Hash(b))
	}
	return path, nil
}

// chain checks the neighbours of a block.
func (v *verification) chain(n int, at *seal.Head, key *oda.SM2Public) error {
	for _, side := range []struct {
		name string
		step int
	}{{"previous.bin", -1}, {"next.bin", 1}} {
		name := rowMember(n, side.name)
		if v.maybe(name) == nil {
			if at.Header.Number > 1 || side.step > 0 {
				v.show(name, checkNoNeighbour, byTerminal, notShown, n, at.Header.Number+uint32(side.step), at.Header.Terminal)
			}
			continue
		}
		other, err := v.head(name)
		if err != nil {
			return err
		}
		older, newer := &other, at
		if side.step > 0 {
			older, newer = at, &other
		}
		o, w := &older.Header, &newer.Header
		if o.Terminal != w.Terminal || o.Number+1 != w.Number || older.Hash() != seal.Hash(w.Previous) || o.FirstSequence+uint32(o.Rows) != w.FirstSequence {
			return refuse(name, "is not the neighbour of block %d of terminal %d", at.Header.Number, at.Header.Terminal)
		}
		if err := other.Verify(key); err != nil {
			return refuse(name, "%v", err)
		}
		v.show(name, checkChain, byTerminal, verified, n, o.Number, w.Number, o.Terminal)
	}
	return nil
}

// card checks certificates and dynamic signature.
func (v *verification) card(n int, o *openedRow, p proofOf) error {
	name := rowMember(n, "9F4B.bin")
	kept := o.row.Flags.Has(txn.EvidenceKept)
	switch {
	case v.manifest.Redacted && kept:
		v.show(name, checkRedacted, byCard, notShown, n)
		return nil
	case !kept && p.whole:
		return refuse(rowMember(n, "8F.bin"), "the row says that no evidence was kept")
	case !kept:
		v.show(rowMember(n, "row.bin"), checkNoSDAD, byCard, notShown, n)
		return nil
	case !p.whole || len(p.SDAD) == 0:
		return refuse(name, "the row says that evidence was kept, and it is not in the pack")
	}
	if reason := v.genuine(o, &p); reason != oda.OK {
		return refuse(name, "signature of the card: %s", reason)
	}
	if o.row.Flags.Has(txn.Tag9F69Checked) {
		v.show(name, checkSDAD, byCard, verified, n, o.row.ATC, o.row.Amount.String(), p.issuer.CAIndex)
	} else {
		v.show(name, checkSDAD0, byCard, verified, n, o.row.ATC, p.issuer.CAIndex)
	}
	return nil
}

// genuine runs offline data authentication again (EMV Book 3, 10.3; JR/T 0025.12). The
// block does not keep 9F4A: both of its values are tried, one only can be right.
func (v *verification) genuine(o *openedRow, p *proofOf) oda.Reason {
	r := &o.row
	t := time.Unix(r.Time, 0).In(txn.CityTime)
	at := oda.MonthOf(t.Year(), int(t.Month()))
	card := oda.CardData{RID: rid, CAIndex: p.issuer.CAIndex, PAN: r.Card.PAN, AIP: r.AIP,
		IssuerCert: p.issuer.Certificate, IssuerRest: p.issuer.Remainder, IssuerExponent: p.issuer.Exponent,
		CardCert: p.card.Certificate, CardRest: p.card.Remainder, CardExponent: p.card.Exponent, StaticData: p.card.Static}
	amount, err := r.Amount.N12()
	if err != nil {
		return oda.Format
	}
	version := byte(0)
	if r.Flags.Has(txn.Tag9F69Checked) {
		version = 1
	}
	data := oda.FDDATerminalData(nil, version, r.UN, amount, currency, r.Tag9F69[:])
	card.StaticTags = []byte{0x82}
	reason := v.cards.Verify(&card, p.SDAD, r.ATC, data, at).Reason
	if reason == oda.CardCertBad || reason == oda.StaticDataBad {
		card.StaticTags = nil
		reason = v.cards.Verify(&card, p.SDAD, r.ATC, data, at).Reason
	}
	return reason
}

// currency is 5F2A of every row: yuan.
var currency = [2]byte{0x01, 0x56}

// neighbours compares each row with what the statement says about it.
func (v *verification) neighbours() error {
	said := map[int]bool{}
	for i := range v.statement.Observations {
		s := &v.statement.Observations[i]
		if err := words(s); err != nil {
			return refuse(statementName, "observation %d: %v", i+1, err)
		}
		if i > 0 && s.ATC < v.statement.Observations[i-1].ATC {
			return refuse(statementName, "observation %d is not in the order of counters", i+1)
		}
		if s.Row == 0 {
			v.show(statementName, checkLog, byIssuer, itsWord, s.Kind, s.ATC, s.Before.String())
			continue
		}
		if s.Row < 0 || s.Row > len(v.report.opened) || said[s.Row] {
			return refuse(statementName, "observation %d names row %d, which is not in the pack or comes twice", i+1, s.Row)
		}
		said[s.Row] = true
		o := &v.report.opened[s.Row-1]
		if want := hex.EncodeToString(o.leaf[:]); s.Leaf != want {
			return refuse(statementName, "observation %d is about another row than row %d", i+1, s.Row)
		}
		want, err := seen(s.Row, o.leaf, &o.row, s.Refused)
		if err != nil {
			return refuse(statementName, "row %d: %v", s.Row, err)
		}
		want.Cryptogram, want.BalanceMAC = s.Cryptogram, s.BalanceMAC
		if *s != want {
			return refuse(statementName, "observation %d does not say what row %d says", i+1, s.Row)
		}
		v.show(statementName, checkSeen, byIssuer, itsWord, s.Row, s.ATC, s.Cryptogram, s.BalanceMAC, s.Before.String(), s.After.String())
	}
	if len(said) != len(v.report.opened) {
		return refuse(statementName, "speaks of %d of %d rows", len(said), len(v.report.opened))
	}
	return nil
}

// logged are the kinds of observations that the issuer has itself.
var logged = []string{timeline.Opening.String(), timeline.Load.String(), timeline.Online.String(), timeline.Push.String()}

// words checks what the issuer alone says.
func words(s *Seen) error {
	for _, w := range []string{s.Cryptogram, s.BalanceMAC} {
		if w != Right && w != Wrong && w != Absent {
			return errors.New("its words are right, wrong or absent")
		}
	}
	if s.Row == 0 && !slices.Contains(logged, s.Kind) {
		return fmt.Errorf("kind %.20q is none of the issuer's log", s.Kind)
	}
	return nil
}

// conclusion works the pairs out again.
func (v *verification) conclusion() error {
	s := v.statement
	v.show(statementName, checkLimit, byIssuer, itsWord, s.Limit.String())
	for i := range s.Pairs {
		pair := &s.Pairs[i]
		p, q := s.at(pair.P), s.at(pair.Q)
		if i > 0 && pair.P < s.Pairs[i-1].Q {
			return refuse(statementName, "pair %d, counters %04X and %04X: pairs come by counters, each once", i+1, pair.P, pair.Q)
		}
		if p == nil || q == nil || pair.P >= pair.Q {
			return refuse(statementName, "pair %d, counters %04X and %04X: no right observation of both", i+1, pair.P, pair.Q)
		}
		if slices.ContainsFunc(s.Observations, func(o Seen) bool { return pair.P < o.ATC && o.ATC < pair.Q && o.right() }) {
			return refuse(statementName, "counters %04X and %04X are no neighbours: an observation lies between them", pair.P, pair.Q)
		}
		want := workOut(p, q, s.Limit)
		switch {
		case !pair.sameNumbers(&want):
			return refuse(statementName, "pair of counters %04X and %04X does not have the differences of its rows", pair.P, pair.Q)
		case !pair.Again && p.Plain && q.Plain:
			v.show(statementName, checkPairOther, byIssuer, itsWord, pair.P, pair.Q, pair.conclusion(), want.conclusion())
			continue
		case !pair.Again:
			v.show(statementName, checkPairSaid, byIssuer, itsWord, pair.P, pair.Q, pair.conclusion())
			continue
		}
		if !p.Plain || !q.Plain || !pair.equal(&want) {
			return refuse(statementName, "pair of counters %04X and %04X does not follow from the values of its rows", pair.P, pair.Q)
		}
		v.show(statementName, checkPair, byArithmetic, verified, pair.P, pair.Q, pair.Missing, pair.Fall.String(), pair.conclusion())
	}
	for i := range s.Breaks {
		b := &s.Breaks[i]
		if slices.ContainsFunc(s.Breaks[:i], func(o Break) bool { return o.P == b.P && o.Q == b.Q && o.Part == b.Part }) {
			return refuse(statementName, "break %s at counters %04X and %04X comes twice", b.Part, b.P, b.Q)
		}
		if err := v.breakOf(b); err != nil {
			return err
		}
	}
	return nil
}

func (v *verification) breakOf(b *Break) error {
	s := v.statement
	p := s.at(b.P)
	if p == nil {
		return refuse(statementName, "break at counter %04X: no observation of it", b.P)
	}
	for i := range s.Pairs {
		pair := &s.Pairs[i]
		if pair.P != b.P || pair.Q != b.Q || !pair.Again {
			continue
		}
		switch right, whole := b.follows(pair, p); {
		case !right:
			return refuse(statementName, "break %s at counters %04X and %04X does not follow from its pair", b.Part, b.P, b.Q)
		case whole:
			v.show(statementName, checkBreak, byArithmetic, verified, b.Part, b.P, b.Q, b.State, b.Amount.String())
			return nil
		}
	}
	v.show(statementName, checkBreakSaid, byIssuer, itsWord, b.Part, b.P, b.Q, b.State, b.Amount.String())
	return nil
}
