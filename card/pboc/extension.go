package pboc

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/citycard/citycard/card/capp"
	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/tlv"
)

// Values of DF61 (JR/T 0025.14).
const (
	TransitSection = 1 // fares by section, single fares with a discount
	TransitHold    = 2 // and pre-authorisation
)

// Extension is the low-value extension of a product (JR/T 0025.14): files for the
// card's journeys, fares beyond the balance, pre-authorisation. It works over the air,
// in the card's own currency, with the product's first algorithm. A product without a
// contact side can have it too: nobody loads such a card, but the issuer can set its
// quota with Push PUT DATA (our choice, for telephones and closed cities).
type Extension struct {
	Files   []capp.File
	Deposit money.Fen // DF62 when issued: how far fares may go beyond the balance
	// Quota: 9F79 is no money but how much may be spent on journeys before the
	// issuer debits the account. A shop's terminal never gets any of it, over
	// either interface, and the issuer can set it anew with Push PUT DATA.
	Quota bool

	df61 [2]int // where the FCIs over the air and over the contacts give DF61; 0: not at all
}

// TransitData is what a card with the extension holds when issued.
type TransitData struct {
	Opening []cryptogram.Key // opening keys, in the order of Extension.Files
	Records []capp.Record
}

// Layout of the extension's part of the memory, which is the last one:
//
//	0  1 DF61 as it is now     9  6 DF63
//	1  2 Last Push ATC         15 2 counter of the last committed journey
//	3  6 DF62                  17 8 its TC, zeros after a pre-authorisation
//	25 27 pre-authorisations: SFI(1) identifier(2) amount(6) each
//	52    the files
const (
	trSupport = 0
	trPush    = 1
	trDeposit = 3
	trUsed    = 9
	trProof   = 15
	trTC      = 17
	trHolds   = 25
	trFiles   = trHolds + capp.MaxHolds*lenHold

	lenHold = 9
)

// transit is where the extension's part of the memory begins.
func (p *Product) transit() int { return p.extended() + p.extendedSize() }

func (p *Product) transitSize() int {
	if p.Extension == nil {
		return 0
	}
	return trFiles + capp.MemorySize(p.Extension.Files)
}

// files is the part of m, the whole memory of the application, that the extension's
// files have.
func (p *Product) files(m []byte) []byte { return m[p.transit()+trFiles:] }

// prepareExtension checks the extension and finds DF61 in the FCIs.
func (p *Product) prepareExtension() error {
	x := p.Extension
	if x == nil {
		return nil
	}
	k := p.Contact
	switch {
	case p.Transit != TransitSection && p.Transit != TransitHold:
		return fmt.Errorf("DF61 is %02X, want 01 or 02 (JR/T 0025.14)", p.Transit)
	case !p.has(OptECCheck):
		return errors.New("the extension needs the funds test of electronic cash (9F68 byte 1, b8)")
	case p.pdol.at[inTransit] < 0 && !x.Quota:
		return fmt.Errorf("PDOL does not ask for %v, by which a gate says what it wants", tlv.TagCAPPIndicator)
	case x.Deposit < 0 || x.Deposit+p.Limits.Balance > money.MaxN12:
		return fmt.Errorf("DF62 is %v yuan; with 9F77 it has to fit twelve digits", x.Deposit)
	case x.Quota && p.has(OptPrepay):
		return errors.New("a quota is not money that an online answer could deduct (9F68 byte 2, b8)")
	case x.Quota && k != nil && (len(k.Cash.AFL) > 0 || p.Alternative != nil && len(p.Alternative.Cash.AFL) > 0):
		return errors.New("a quota must not be spent over the contacts: leave out electronic cash there (DGI 9203)")
	}
	if err := capp.Check(x.Files); err != nil {
		return err
	}
	for i := range x.Files {
		if sfi := x.Files[i].SFI; sfi == p.LogSFI || k != nil && sfi == k.LoadLogSFI {
			return fmt.Errorf("file %02X is both a log and a file of the extension", sfi)
		}
	}
	if x.df61[0] = findDF61(p.FCI); x.df61[0] == 0 {
		return fmt.Errorf("the FCI is without %v in BF0C", tlv.TagCAPPSupport)
	}
	if k != nil {
		x.df61[1] = findDF61(k.FCI)
	}
	return nil
}

// findDF61 gives where the value of DF61 stands in an FCI, 0 if it is not there.
func findDF61(fci []byte) int {
	it := tlv.Iterate(fci)
	for _, outer := range [...]tlv.Tag{tlv.TagFCITemplate, tlv.TagFCIProprietary, tlv.TagFCIIssuerDiscretionary} {
		for it.Next() && it.Tag != outer {
			continue
		}
		if it.Tag != outer || it.Err() != nil {
			return 0
		}
		it = it.Enter()
	}
	for it.Next() {
		if it.Tag == tlv.TagCAPPSupport && len(it.Value) == 1 {
			return it.ValueOffset()
		}
	}
	return 0
}

// hasFile tells whether a short identifier belongs to the extension.
func (p *Product) hasFile(sfi byte) bool {
	if p.Extension == nil {
		return false
	}
	_, _, ok := capp.Find(p.Extension.Files, sfi)
	return ok
}

// checkTransit makes sure that a card holds what its extension needs.
func (c *Card) checkTransit() error {
	x := c.Product.Extension
	if (x == nil) != (c.Transit == nil) {
		return errors.New("extension: product and card do not both have one")
	}
	if x == nil {
		return nil
	}
	if len(c.Transit.Opening) != len(x.Files) {
		return fmt.Errorf("%d opening keys for %d files of the extension (DGI 8020)", len(c.Transit.Opening), len(x.Files))
	}
	for i := range c.Records {
		if sfi := c.Records[i].SFI; c.Product.hasFile(sfi) {
			return fmt.Errorf("file %02X belongs to the extension and has a plain record", sfi)
		}
	}
	_, err := c.transitFiles()
	return err
}

// transitFiles makes the content of the extension's files of a new card.
func (c *Card) transitFiles() ([]byte, error) {
	list := c.Product.Extension.Files
	b := make([]byte, capp.MemorySize(list))
	for i := range c.Transit.Records {
		r := &c.Transit.Records[i]
		n, at, ok := capp.Find(list, r.SFI)
		if !ok {
			return nil, fmt.Errorf("journey record %d is for file %02X, which the card does not have", i+1, r.SFI)
		}
		writes, err := list[n].Append(b[at:], r.Key, r.Data)
		if err != nil {
			return nil, fmt.Errorf("journey record %d, file %02X: %w", i+1, r.SFI, err)
		}
		if writes == nil {
			return nil, fmt.Errorf("journey record %d, file %02X, is there twice", i+1, r.SFI)
		}
		for _, w := range writes {
			copy(b[at+w.At:], w.Data)
		}
	}
	return b, nil
}

// personaliseTransit appends the extension's part of a new card's memory.
func (c *Card) personaliseTransit(dst []byte) []byte {
	p := c.Product
	var head [trFiles]byte
	head[trSupport] = p.Transit
	putN12(head[trDeposit:], p.Extension.Deposit)
	content, err := c.transitFiles()
	if err != nil {
		panic("pboc: a card that was not checked: " + err.Error())
	}
	return append(append(dst, head[:]...), content...)
}

// decodeTransit reads the extension's part of the memory into s.
func (p *Product) decodeTransit(b []byte, s *State) error {
	s.Support = b[trSupport]
	if s.Support != TransitSection && s.Support != TransitHold {
		return fmt.Errorf("card state, DF61 is %02X: %w", s.Support, cos.ErrMemory)
	}
	s.PushATC, s.ProofATC = binary.BigEndian.Uint16(b[trPush:]), binary.BigEndian.Uint16(b[trProof:])
	var err error
	if s.Deposit, err = money.FromN12(b[trDeposit : trDeposit+6]); err != nil {
		return fmt.Errorf("card state, DF62: %w: %w", err, cos.ErrMemory)
	}
	if s.Used, err = money.FromN12(b[trUsed : trUsed+6]); err != nil {
		return fmt.Errorf("card state, DF63: %w: %w", err, cos.ErrMemory)
	}
	if s.Used > s.Deposit || s.Used > 0 && s.Balance > 0 {
		return fmt.Errorf("card state, DF63 is %v yuan of %v beside a balance of %v: %w", s.Used, s.Deposit, s.Balance, cos.ErrMemory)
	}
	for i := range s.Holds {
		h := b[trHolds+i*lenHold:][:lenHold]
		s.Holds[i] = capp.Hold{SFI: h[0], ID: binary.BigEndian.Uint16(h[1:])}
		if s.Holds[i].Amount, err = money.FromN12(h[3:]); err != nil {
			return fmt.Errorf("card state, pre-authorisation %d: %w: %w", i+1, err, cos.ErrMemory)
		}
		if h[0] == 0 && !zero(h) || h[0] != 0 && !p.hasFile(h[0]) {
			return fmt.Errorf("card state, pre-authorisation %d is %X: %w", i+1, h, cos.ErrMemory)
		}
	}
	if err := capp.CheckMemory(p.Extension.Files, b[trFiles:]); err != nil {
		return fmt.Errorf("card state: %w: %w", err, cos.ErrMemory)
	}
	return nil
}

// purse is the money of the extension; keep takes it back into the state.
func (s *State) purse() capp.Purse {
	return capp.Purse{Balance: s.Balance, Deposit: s.Deposit, Used: s.Used, Holds: s.Holds}
}

func (s *State) keep(p *capp.Purse) {
	s.Balance, s.Used, s.Holds = p.Balance, p.Used, p.Holds
}

// putPurse stages what the extension keeps of its money beside the balance.
func (a *App) putPurse(s *State) {
	var b [trFiles]byte
	at := a.card.Product.transit()
	putN12(b[trUsed:], s.Used)
	for i := range s.Holds {
		h := b[trHolds+i*lenHold:]
		h[0] = s.Holds[i].SFI
		binary.BigEndian.PutUint16(h[1:], s.Holds[i].ID)
		putN12(h[3:], s.Holds[i].Amount)
	}
	a.memory.Put(at+trUsed, b[trUsed:trProof])
	a.memory.Put(at+trHolds, b[trHolds:])
}
