package clerk

import (
	"errors"
	"fmt"
	"time"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/seal"
	"github.com/citycard/citycard/issuer"
	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/block"
)

// Result is how a check of a record ended.
type Result string

// The results.
const (
	Verified     Result = "verified"
	NotAvailable Result = "not available" // no record, or no key for it
	Failed       Result = "FAILED"
)

// Names of the checks, in the order in which they are made.
const (
	CheckRecord     = "record"     // of what is no row: there is no record of a terminal
	CheckBlock      = "block"      // the block that was accepted, by its hash, and that of the block before it
	CheckTerminal   = "terminal"   // the terminal's signature over the block
	CheckContent    = "content"    // the row lies there, and says what the timeline has of it
	CheckCryptogram = "cryptogram" // TC, AAC or ARQC; of a purse TAC
	CheckBalance    = "balance"    // balance MAC; of a purse MAC2
	CheckSignature  = "signature"  // dynamic signature of the card with its certificates
)

// Reasons why a check could not be made that are no fault.
const (
	WhyIssuer  = "the issuer's own record"
	WhyHost    = "the record of the issuer's host"
	WhyNotKept = "the terminal kept none"
	WhyHold    = "a hold has none"
)

// Check is one check of a record.
type Check struct {
	Name   string `json:"name"`
	Result Result `json:"result"`
	Why    string `json:"why,omitempty"` // unless verified
}

// Evidence is what was checked again of one record.
type Evidence struct {
	Result   Result   `json:"result"`          // the worst of the checks that were possible
	Block    uint32   `json:"block,omitempty"` // number in the order of acceptance
	Row      uint16   `json:"row"`             // index in the block
	File     string   `json:"file,omitempty"`  // file of the block and where in it
	Checks   []Check  `json:"checks"`          //
	Purchase *txn.Row `json:"-"`               // the row, if it could be read
}

func (e *Evidence) add(name string, result Result, why string) {
	if result == Verified {
		why = ""
	}
	e.Checks = append(e.Checks, Check{name, result, why})
}

// rest notes that the checks from one on could not be made.
func (e *Evidence) rest(why string, names ...string) {
	for _, n := range names {
		e.add(n, NotAvailable, why)
	}
}

// sum gives the word for all checks: failed if one failed, verified if the record was
// found and what the card itself proves was checked.
func (e *Evidence) sum() {
	e.Result = NotAvailable
	for _, c := range e.Checks {
		switch {
		case c.Result == Failed:
			e.Result = Failed
			return
		case c.Result == Verified && (c.Name == CheckCryptogram || c.Name == CheckBalance):
			e.Result = Verified
		}
	}
}

// examiner checks the records of one card.
type examiner struct {
	office *Office
	r      *sqlite.Reader
	issuer *issuer.Verifier
	opened map[uint32]*opened
}

// opened is a block that was read and checked.
type opened struct {
	header   block.Header
	checks   []Check
	rows     []byte
	evidence block.Evidence
	why      string // rows cannot be read
}

func (f *Office) examiner(r *sqlite.Reader) *examiner {
	x := &examiner{office: f, r: r, opened: map[uint32]*opened{}}
	x.issuer = issuer.NewVerifier(x.checkers).WithPurses(x.purses)
	return x
}

// checkers finds the masters of an issuer by the register; issuer.Checkers.
func (x *examiner) checkers(bin string, alg cryptogram.Alg) *cryptogram.Verifier {
	e, found, err := x.r.Range(bin)
	if err != nil || !found {
		return nil
	}
	v, err := x.office.keys.Store.Verifier(keystore.IssuerMasters(uint(e.Masters), alg), alg)
	if err != nil {
		return nil
	}
	return v
}

// purses finds the masters of purses; issuer.PurseCheckers.
func (x *examiner) purses(card txn.CardKey, alg epurse.Alg, _ byte) *keystore.PurseVerifier {
	e, found, err := x.r.Range(card.PAN.BIN())
	if err != nil || !found || len(e.Factor) == 0 {
		return nil
	}
	v, err := x.office.keys.Store.PurseVerifier(keystore.PurseMasters(alg), alg, epurse.Factor(e.Factor))
	if err != nil {
		return nil
	}
	return v
}

// allChecks are the names of all checks, in order.
var allChecks = []string{CheckBlock, CheckTerminal, CheckContent, CheckCryptogram, CheckBalance, CheckSignature}

// observed checks the record behind an observation.
func (x *examiner) observed(card txn.CardKey, r *Row) (Evidence, error) {
	e, o := Evidence{}, &r.Observation
	switch {
	case o.Kind == timeline.Opening || o.Kind == timeline.Push:
		e.rest(WhyIssuer, CheckRecord)
	case o.Kind == timeline.Load || o.Kind == timeline.Online || r.Unload:
		e.rest(WhyHost, CheckRecord)
	default:
		if err := x.row(&e, card, o); err != nil {
			return e, err
		}
	}
	e.sum()
	return e, nil
}

// row checks the row of an observation, from the block on.
func (x *examiner) row(e *Evidence, card txn.CardKey, o *timeline.Observation) error {
	at, found, err := x.r.FindRow(o.Terminal, o.Sequence)
	if err != nil {
		return err
	}
	if !found || x.office.segments == nil {
		e.rest(fmt.Sprintf("no accepted block has row %d of terminal %d", o.Sequence, o.Terminal), allChecks...)
		return nil
	}
	b, err := x.block(&at)
	if err != nil {
		return err
	}
	e.Block, e.Row, e.File = at.ID, at.Index, blockFile(&at)
	e.Checks = append(e.Checks, b.checks...)
	if b.why != "" {
		e.rest(b.why, allChecks[len(b.checks):]...)
		return nil
	}
	if int(at.Index) >= len(b.evidence.Proofs) {
		e.add(CheckContent, Failed, "the block has fewer rows than the database knows")
		e.rest("the row cannot be read", allChecks[3:]...)
		return nil
	}
	var r txn.Row
	if err := r.Decode(b.rows[int(at.Index)*txn.RowSize : (int(at.Index)+1)*txn.RowSize]); err != nil {
		e.add(CheckContent, Failed, err.Error())
		e.rest("the row cannot be read", allChecks[3:]...)
		return nil
	}
	e.Purchase = &r
	if why := differs(&r, card, o); why != "" {
		e.add(CheckContent, Failed, why)
	} else {
		e.add(CheckContent, Verified, "")
	}
	if err := x.proofs(e, &r); err != nil {
		return err
	}
	x.signature(e, &r, b, int(at.Index))
	return nil
}

// differs says in what a row differs from its observation; empty if in nothing.
func differs(r *txn.Row, card txn.CardKey, o *timeline.Observation) string {
	again, err := recon.FromRow(r, txn.Cleared)
	switch {
	case err != nil:
		return err.Error()
	case again.Card != card || r.Terminal != o.Terminal || r.Sequence != o.Sequence:
		return "the row is about another card or tap"
	case again.Obs.ATC != o.ATC || again.Obs.Content != o.Content:
		return "counter or cryptogram are others than in the timeline"
	case again.Obs.B != o.B || again.Obs.Debit != o.Debit || again.Obs.Time != o.Time:
		return "amount, balance or time are others than in the timeline"
	case again.Obs.Kind != o.Kind || again.Obs.Service != o.Service:
		return "how the tap ended, or whether service was given, is another than in the timeline"
	case again.Obs.Held != o.Held || again.Obs.Completes != o.Completes || again.Obs.HoldATC != o.HoldATC || again.Obs.UsedRead != o.UsedRead || again.Obs.Used != o.Used:
		return "hold or deposit are others than in the timeline"
	}
	return ""
}

// proofs checks what the card computed for its issuer.
func (x *examiner) proofs(e *Evidence, r *txn.Row) error {
	rows, out := []txn.Presented{{Row: *r}}, make([]txn.Verdict, 1)
	if err := x.issuer.Verify(rows, out); err != nil {
		return err
	}
	hold := r.Scheme != txn.Purse && r.AC == [8]byte{}
	switch out[0] {
	case txn.Cleared:
		if hold {
			e.add(CheckCryptogram, NotAvailable, WhyHold)
		} else {
			e.add(CheckCryptogram, Verified, "")
		}
		e.add(CheckBalance, Verified, "")
	case txn.BadCryptogram:
		e.add(CheckCryptogram, Failed, "it is not the card's")
		e.add(CheckBalance, NotAvailable, "checked after the cryptogram")
	case txn.BadBalanceMAC:
		e.add(CheckCryptogram, Verified, "")
		e.add(CheckBalance, Failed, "it is not the card's")
	default:
		e.rest("no keys of this issuer, or data that no card of it gives", CheckCryptogram, CheckBalance)
	}
	return nil
}

// signature checks certificates and dynamic signature, where the block has them.
func (x *examiner) signature(e *Evidence, r *txn.Row, b *opened, index int) {
	switch p := b.evidence.Proofs[index]; {
	case p.Card == block.NoCard:
		e.rest(WhyNotKept, CheckSignature)
	case x.office.verifier == nil:
		e.rest("no keys of the certification authority", CheckSignature)
	default:
		if reason := x.dynamic(r, &b.evidence, &p); reason == oda.OK {
			e.add(CheckSignature, Verified, "")
		} else {
			e.add(CheckSignature, Failed, reason.String())
		}
	}
}

// debitCredit is the application provider of the bank cards' certificates.
var debitCredit = [5]byte{0xA0, 0x00, 0x00, 0x03, 0x33}

// dynamic verifies as the terminal did. Whether the signed static data end with the AIP
// (9F4A = 82) is not kept: both are tried, and one only can be right.
func (x *examiner) dynamic(r *txn.Row, ev *block.Evidence, p *block.Proof) oda.Reason {
	c := &ev.Cards[p.Card]
	i := &ev.Issuers[c.Issuer]
	amount, err := r.Amount.N12()
	if err != nil {
		return oda.Format
	}
	at := time.Unix(r.Time, 0).In(txn.CityTime)
	version := byte(0)
	if r.Flags&txn.Tag9F69Checked != 0 {
		version = 1
	}
	signed := oda.FDDATerminalData(nil, version, r.UN, amount, [2]byte{0x01, 0x56}, r.Tag9F69[:])
	card := oda.CardData{RID: debitCredit, CAIndex: i.CAIndex, PAN: r.Card.PAN, AIP: r.AIP, IssuerCert: i.Certificate, IssuerRest: i.Remainder, IssuerExponent: i.Exponent,
		CardCert: c.Certificate, CardRest: c.Remainder, CardExponent: c.Exponent, StaticData: c.Static, StaticTags: []byte{0x82}}
	month := oda.MonthOf(at.Year(), int(at.Month()))
	reason := x.office.verifier.Verify(&card, p.SDAD, r.ATC, signed, month).Reason
	if reason == oda.CardCertBad || reason == oda.StaticDataBad {
		card.StaticTags = nil
		return x.office.verifier.Verify(&card, p.SDAD, r.ATC, signed, month).Reason
	}
	return reason
}

// block reads a block and checks what does not depend on a row.
func (x *examiner) block(at *sqlite.Placed) (*opened, error) {
	if b := x.opened[at.ID]; b != nil {
		return b, nil
	}
	b := &opened{}
	x.opened[at.ID] = b
	raw, err := x.office.segments.Read(at.Window, at.Place, at.Length)
	if err != nil {
		b.fail(CheckBlock, err.Error())
		return b, nil
	}
	sealed, err := block.Parse(raw)
	if err != nil {
		b.fail(CheckBlock, err.Error())
		return b, nil
	}
	b.header = sealed.Header
	if err := x.chain(b, &sealed, at); err != nil {
		return nil, err
	}
	if err := x.signed(b, &sealed); err != nil {
		return nil, err
	}
	b.rows, b.evidence, err = seal.Open(&sealed, wrapKey{x.office.keys.Store})
	switch {
	case errors.Is(err, seal.ErrKey):
		b.why = "no key of the acquirer opens the block"
	case err != nil:
		b.fail(CheckContent, err.Error())
	}
	return b, nil
}

// fail notes a check that failed and that nothing of the rows can be read.
func (b *opened) fail(name, why string) {
	b.checks, b.why = append(b.checks, Check{name, Failed, why}), why
}

// chain checks that the block is the accepted one and follows the one before it.
func (x *examiner) chain(b *opened, s *block.Sealed, at *sqlite.Placed) error {
	switch before, found, err := x.r.BlockHash(at.Terminal, at.Number-1); {
	case err != nil:
		return err
	case seal.HashOf(s.Signed) != at.Hash:
		b.checks = append(b.checks, Check{CheckBlock, Failed, "its hash is another than when it was accepted"})
	case found && s.Header.Previous != before:
		b.checks = append(b.checks, Check{CheckBlock, Failed, "it does not follow the terminal's block before it"})
	default:
		b.checks = append(b.checks, Check{CheckBlock, Verified, ""})
	}
	return nil
}

// signed checks the terminal's signature by the register.
func (x *examiner) signed(b *opened, s *block.Sealed) error {
	t, found, err := x.r.Terminal(txn.TerminalID(s.Header.Terminal))
	if err != nil {
		return err
	}
	if !found {
		b.checks = append(b.checks, Check{CheckTerminal, NotAvailable, "the terminal is not in the register"})
		return nil
	}
	key, err := oda.NewSM2Public(t.Key)
	if err != nil {
		b.checks = append(b.checks, Check{CheckTerminal, Failed, "the register has no usable key of the terminal"})
		return nil
	}
	if _, err := seal.Verify(s, key); err != nil {
		b.checks = append(b.checks, Check{CheckTerminal, Failed, err.Error()})
		return nil
	}
	b.checks = append(b.checks, Check{CheckTerminal, Verified, ""})
	return nil
}

// wrapKey is the acquirer's wrapping key in a keystore; seal.SM2Decrypter.
type wrapKey struct{ store *keystore.Store }

// Decrypt implements seal.SM2Decrypter.
func (k wrapKey) Decrypt(ciphertext []byte) ([]byte, error) {
	return k.store.UnwrapSM2(keystore.AcquirerWrapName, ciphertext)
}
