package block

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// NoCard marks a row without evidence.
const NoCard = 0xFFFF

// Limits of the evidence part, in bytes: ParsePayload refuses more, so that
// whoever fills a block must leave longer evidence out.
const (
	MaxCertificate = 512  // a certificate, its remainder, a dynamic signature
	MaxExponent    = 3    // a public key exponent
	MaxStatic      = 1024 // a card's signed static data
)

const rowSize = 128

// CardStart and CardEnd bound what names the card in the 128 bytes of a row, account
// number and sequence number, at the same place in every format of rows (package txn).
// A proof of a row may leave these bytes out.
const (
	CardStart = 4
	CardEnd   = 15
)

// Issuer is the part of a certificate chain that many cards share.
type Issuer struct {
	CAIndex     byte   // tag 8F
	Certificate []byte // tag 90
	Remainder   []byte // tag 92, RSA only
	Exponent    []byte // tag 9F32, RSA only
}

// Card is what proves a card's key: certificate and the static data that it
// signs.
type Card struct {
	Issuer      uint16 // index into Evidence.Issuers
	Certificate []byte // tag 9F46
	Remainder   []byte // tag 9F48, RSA only
	Exponent    []byte // tag 9F47, RSA only
	Static      []byte // signed static data, EMV Book 3, 10.3
}

// Proof is the dynamic signature of one row.
type Proof struct {
	Card uint16 // index into Evidence.Cards, or NoCard
	SDAD []byte // tag 9F4B
}

// Evidence is the part of a block behind its rows.
//
//	2 number of issuers, for each: 1 CA index, 2+n tag 90, 2+n tag 92, 2+n tag 9F32
//	2 number of cards,   for each: 2 issuer, 2+n tag 9F46, 2+n tag 9F48, 2+n tag 9F47, 2+n static data
//	for each row: 2 card or FFFF, 2+n tag 9F4B
type Evidence struct {
	Issuers []Issuer
	Cards   []Card
	Proofs  []Proof // one a row
}

// AppendPayload writes rows and evidence, the plaintext of a block. rows holds
// whole rows of 128 bytes; e has one proof for each.
func AppendPayload(dst, rows []byte, e *Evidence) ([]byte, error) {
	if len(rows)%rowSize != 0 || len(rows)/rowSize != len(e.Proofs) || len(e.Proofs) > MaxRows {
		return dst, fmt.Errorf("write block: %d bytes of rows and %d proofs do not belong together", len(rows), len(e.Proofs))
	}
	if len(e.Issuers) >= NoCard || len(e.Cards) >= NoCard {
		return dst, fmt.Errorf("write block: %d issuers and %d cards, at most %d", len(e.Issuers), len(e.Cards), NoCard-1)
	}
	dst = append(dst, rows...)
	be := binary.BigEndian
	dst = be.AppendUint16(dst, uint16(len(e.Issuers)))
	for i := range e.Issuers {
		s := &e.Issuers[i]
		dst = append(dst, s.CAIndex)
		dst = appendBytes(appendBytes(appendBytes(dst, s.Certificate), s.Remainder), s.Exponent)
	}
	dst = be.AppendUint16(dst, uint16(len(e.Cards)))
	for i := range e.Cards {
		c := &e.Cards[i]
		dst = be.AppendUint16(dst, c.Issuer)
		dst = appendBytes(appendBytes(dst, c.Certificate), c.Remainder)
		dst = appendBytes(appendBytes(dst, c.Exponent), c.Static)
	}
	for i := range e.Proofs {
		dst = appendBytes(be.AppendUint16(dst, e.Proofs[i].Card), e.Proofs[i].SDAD)
	}
	return dst, nil
}

func appendBytes(dst, b []byte) []byte {
	return append(binary.BigEndian.AppendUint16(dst, uint16(len(b))), b...)
}

// ParsePayload splits the plaintext of a block of n rows. The result points
// into b.
func ParsePayload(b []byte, n int) (rows []byte, e Evidence, err error) {
	if n < 0 || n > MaxRows || len(b) < n*rowSize {
		return nil, e, fmt.Errorf("read block content: %d bytes for %d rows", len(b), n)
	}
	r := reader{rest: b[n*rowSize:]}
	if issuers := r.count("issuers", 7); issuers > 0 {
		e.Issuers = make([]Issuer, issuers)
	}
	for i := range e.Issuers {
		e.Issuers[i] = Issuer{CAIndex: r.byte(), Certificate: r.bytes(MaxCertificate), Remainder: r.bytes(MaxCertificate), Exponent: r.bytes(MaxExponent)}
	}
	if cards := r.count("cards", 10); cards > 0 {
		e.Cards = make([]Card, cards)
	}
	for i := range e.Cards {
		c := &e.Cards[i]
		*c = Card{Issuer: r.uint16(), Certificate: r.bytes(MaxCertificate), Remainder: r.bytes(MaxCertificate), Exponent: r.bytes(MaxExponent), Static: r.bytes(MaxStatic)}
		if r.err == nil && int(c.Issuer) >= len(e.Issuers) {
			return nil, e, fmt.Errorf("read block content: card %d names issuer %d of %d", i, c.Issuer, len(e.Issuers))
		}
	}
	if n > 0 {
		e.Proofs = make([]Proof, n)
	}
	for i := range e.Proofs {
		p := &e.Proofs[i]
		*p = Proof{Card: r.uint16(), SDAD: r.bytes(MaxCertificate)}
		if r.err == nil && p.Card != NoCard && int(p.Card) >= len(e.Cards) {
			return nil, e, fmt.Errorf("read block content: row %d names card %d of %d", i, p.Card, len(e.Cards))
		}
	}
	if r.err == nil && len(r.rest) != 0 {
		r.err = fmt.Errorf("%d bytes behind the last proof", len(r.rest))
	}
	if r.err != nil {
		return nil, e, fmt.Errorf("read block content: %w", r.err)
	}
	return b[:n*rowSize], e, nil
}

var errShort = errors.New("evidence part is cut off")

type reader struct {
	rest []byte
	err  error
}

func (r *reader) take(n int) []byte {
	if r.err != nil || len(r.rest) < n {
		if r.err == nil {
			r.err = errShort
		}
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) uint16() uint16 {
	if b := r.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *reader) bytes(limit int) []byte {
	n := int(r.uint16())
	if r.err == nil && n > limit {
		r.err = fmt.Errorf("object of %d bytes in the evidence part, at most %d", n, limit)
	}
	return r.take(n)
}

// count reads a number of objects and refuses one that the rest cannot hold.
func (r *reader) count(what string, least int) int {
	n := int(r.uint16())
	if r.err == nil && n*least > len(r.rest) {
		r.err = fmt.Errorf("%d %s announced, %d bytes left", n, what, len(r.rest))
	}
	if r.err != nil {
		return 0
	}
	return n
}
