package desk

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/seal"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/timeline"
)

// Token stands for a card, as the store names it: no account number is signed. In a
// proposal about a clerk it stands for the clerk (ClerkToken).
type Token [16]byte

// ClerkToken stands for a clerk: SM3 over his name and key, cut to 16 bytes.
func ClerkToken(name string, key [64]byte) Token {
	sum := seal.HashOf(append(append([]byte(clerkDomain), name...), key[:]...))
	return Token(sum[:16])
}

// Request is a proposal. Its canonical bytes are what the proposer signs:
//
//	1 version 01 · 1 kind · 16 card token · 2 P · 2 Q · 1 part · 1 state · 8 amount ·
//	8 credit · 8 proposed at · 8 expires at · 2+n name · 2+n reason
//
// and, for a step of a dispute only, 8 case · 32 hash of its history · 2+n step · 2+n code
// of its reason · 2+n note.
//
// All integers are big-endian, amounts fen, times unix seconds.
type Request struct {
	Kind Kind
	Card Token
	P, Q uint16
	Subject
	Reason  string
	By      string
	At      int64
	Expires int64 // first moment at which it can no longer be approved
}

// Decision is what became of a proposal. Its canonical bytes are what the one who
// decides signs:
//
//	1 version 01 · 32 digest of the proposal · 1 status · 8 decided at · 2+n name · 2+n reason
type Decision struct {
	Request [32]byte // Request.Digest
	Status  Status   // Approved, Rejected or Withdrawn
	By      string
	At      int64
	Reason  string // may be empty
}

// ErrFormat says that bytes are no proposal or decision.
var ErrFormat = errors.New("not the record of a clerk's proposal or decision")

const (
	version        = 1
	requestDomain  = "citycard desk: proposal\x00"
	decisionDomain = "citycard desk: decision\x00"
	clerkDomain    = "citycard desk: clerk\x00"
)

func (r *Request) check() error {
	switch {
	case r.Kind < Refund || r.Kind > Dispute:
		return fmt.Errorf("kind %d: %w", r.Kind, ErrFormat)
	case r.Amount < 0 || r.Amount > money.MaxN12 || r.Credit < 0 || r.Credit > money.MaxN12:
		return fmt.Errorf("amounts %d and %d fen: %w", int64(r.Amount), int64(r.Credit), ErrFormat)
	case r.Kind == Refund && (r.Part != 0 || r.State != 0 || r.Amount+r.Credit == 0):
		return fmt.Errorf("refund of no subject: %w", ErrFormat)
	case r.Kind == Close && (r.Part < timeline.PartDoubt || r.Part > timeline.PartHold || !r.State.Valid() || r.Credit != 0):
		return fmt.Errorf("closing of no subject: %w", ErrFormat)
	case r.Kind.AboutClerk() && (r.P != 0 || r.Q != 0 || r.Subject != Subject{}):
		return fmt.Errorf("proposal about a clerk names a break: %w", ErrFormat)
	case r.Kind == Dispute && (r.Part != 0 || r.State != 0 || r.Credit != 0 || r.Q != 0 || r.Step.Case < 1):
		return fmt.Errorf("step of no dispute: %w", ErrFormat)
	case r.Kind == Dispute && (r.Step.Step == "" || len(r.Step.Step) > maxName || len(r.Step.Code) > maxName || len(r.Step.Note) > 4*maxReason):
		return fmt.Errorf("step of case %d has no name, or texts that are too long: %w", r.Step.Case, ErrFormat)
	case r.Kind != Dispute && r.Step != CaseStep{}:
		return fmt.Errorf("%s names a step of a dispute: %w", r.Kind, ErrFormat)
	case r.At <= 0 || r.Expires <= r.At:
		return fmt.Errorf("proposed at %d, expires at %d: %w", r.At, r.Expires, ErrFormat)
	}
	if err := CheckName(r.By); err != nil {
		return err
	}
	return checkReason(r.Reason, true)
}

func (d *Decision) check() error {
	if d.Status != Approved && d.Status != Rejected && d.Status != Withdrawn || d.At <= 0 {
		return fmt.Errorf("decision %s at %d: %w", d.Status, d.At, ErrFormat)
	}
	if err := CheckName(d.By); err != nil {
		return err
	}
	return checkReason(d.Reason, false)
}

// Append adds the canonical bytes.
func (r *Request) Append(dst []byte) []byte {
	be := binary.BigEndian
	dst = append(dst, version, byte(r.Kind))
	dst = append(dst, r.Card[:]...)
	dst = be.AppendUint16(be.AppendUint16(dst, r.P), r.Q)
	dst = append(dst, byte(r.Part), byte(r.State))
	for _, v := range [...]int64{int64(r.Amount), int64(r.Credit), r.At, r.Expires} {
		dst = be.AppendUint64(dst, uint64(v))
	}
	dst = appendText(appendText(dst, r.By), r.Reason)
	if r.Kind != Dispute {
		return dst
	}
	dst = append(be.AppendUint64(dst, uint64(r.Step.Case)), r.Step.Head[:]...)
	return appendText(appendText(appendText(dst, r.Step.Step), r.Step.Code), r.Step.Note)
}

// Append adds the canonical bytes.
func (d *Decision) Append(dst []byte) []byte {
	dst = append(append(dst, version), d.Request[:]...)
	dst = append(dst, byte(d.Status))
	dst = binary.BigEndian.AppendUint64(dst, uint64(d.At))
	return appendText(appendText(dst, d.By), d.Reason)
}

func appendText(dst []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(dst, uint16(len(s))), s...)
}

// DecodeRequest reads canonical bytes and nothing else; ErrFormat, ErrName or ErrReason.
func DecodeRequest(b []byte) (Request, error) {
	rd := reader{b}
	head := rd.take(2)
	r := Request{Card: Token(rd.take(16)), P: rd.uint16(), Q: rd.uint16()}
	r.Kind = Kind(head[1])
	r.Part, r.State = timeline.Part(rd.byte()), timeline.State(rd.byte())
	r.Amount, r.Credit, r.At, r.Expires = money.Fen(rd.int64()), money.Fen(rd.int64()), rd.int64(), rd.int64()
	r.By, r.Reason = rd.text(), rd.text()
	if r.Kind == Dispute {
		r.Step = CaseStep{Case: rd.int64(), Head: [32]byte(rd.take(32)), Step: rd.text(), Code: rd.text(), Note: rd.text()}
	}
	if head[0] != version || rd.rest == nil || len(rd.rest) != 0 {
		return Request{}, fmt.Errorf("proposal of %d bytes: %w", len(b), ErrFormat)
	}
	if err := r.check(); err != nil {
		return Request{}, fmt.Errorf("proposal: %w", err)
	}
	return r, nil
}

// DecodeDecision reads canonical bytes and nothing else; ErrFormat, ErrName or ErrReason.
func DecodeDecision(b []byte) (Decision, error) {
	rd := reader{b}
	first := rd.byte()
	d := Decision{Request: [32]byte(rd.take(32)), Status: Status(rd.byte()), At: rd.int64(), By: rd.text(), Reason: rd.text()}
	if first != version || rd.rest == nil || len(rd.rest) != 0 {
		return Decision{}, fmt.Errorf("decision of %d bytes: %w", len(b), ErrFormat)
	}
	if err := d.check(); err != nil {
		return Decision{}, fmt.Errorf("decision: %w", err)
	}
	return d, nil
}

// reader takes fields off the front; after the first one that is cut off, rest is nil
// and everything reads as zero.
type reader struct{ rest []byte }

var zeros [32]byte

func (r *reader) take(n int) []byte {
	if len(r.rest) < n {
		r.rest = nil
		if n > len(zeros) {
			return nil
		}
		return zeros[:n]
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) byte() byte     { return r.take(1)[0] }
func (r *reader) uint16() uint16 { return binary.BigEndian.Uint16(r.take(2)) }
func (r *reader) int64() int64   { return int64(binary.BigEndian.Uint64(r.take(8))) }
func (r *reader) text() string   { return string(r.take(int(r.uint16()))) }

// Signer signs for one clerk: SM2 over the parts of a message, r || s.
type Signer func(parts ...[]byte) ([]byte, error)

// Sign has the proposal signed.
func (r *Request) Sign(sign Signer) ([]byte, error) {
	sig, err := sign([]byte(requestDomain), r.Append(nil))
	if err != nil {
		return nil, fmt.Errorf("sign the proposal of %s: %w", r.By, err)
	}
	return sig, nil
}

// Sign has the decision signed.
func (d *Decision) Sign(sign Signer) ([]byte, error) {
	sig, err := sign([]byte(decisionDomain), d.Append(nil))
	if err != nil {
		return nil, fmt.Errorf("sign the decision of %s: %w", d.By, err)
	}
	return sig, nil
}

// Signed reports whether a signature is the clerk's, over this proposal.
func (r *Request) Signed(signature []byte, by *Clerk) bool {
	return by.Name == r.By && by.signed(signature, requestDomain, r.Append(nil))
}

// Signed reports whether a signature is the clerk's, over this decision.
func (d *Decision) Signed(signature []byte, by *Clerk) bool {
	return by.Name == d.By && by.signed(signature, decisionDomain, d.Append(nil))
}

func (c *Clerk) signed(signature []byte, domain string, body []byte) bool {
	key, err := oda.NewSM2Public(c.Key)
	return err == nil && len(signature) == 64 && key.Verify(signature, []byte(domain), body)
}

// Digest names the proposal with its signature: SM3 over both.
func (r *Request) Digest(signature []byte) [32]byte {
	return seal.HashOf(append(r.Append([]byte(requestDomain)), signature...))
}
