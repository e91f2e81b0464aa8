package desk

import (
	"errors"
	"fmt"
	"unicode"
	"unicode/utf8"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/txn"
)

// Reasons why the desk refuses. Errors of this package wrap one of them.
var (
	ErrName       = errors.New("unusable name of a clerk (1 to 40 letters, digits, '-', '_' or '.')")
	ErrReason     = errors.New("unusable reason (1 to 500 characters on one line, and no card number)")
	ErrInactive   = errors.New("the clerk does not work at this desk")
	ErrSamePerson = errors.New("a proposal is decided by another person than the one who made it")
	ErrDecided    = errors.New("the proposal has been decided")
	ErrExpired    = errors.New("the proposal has expired")
	ErrChanged    = errors.New("what the proposal is about has changed since")
	ErrNothing    = errors.New("there is nothing that a proposal could change")
	ErrOpen       = errors.New("there is an open proposal for it")
	ErrSignature  = errors.New("the signature is not that of the clerk")
	ErrAdmission  = errors.New("a further clerk is entered by two who are at the desk")
	ErrBackwards  = errors.New("what is done at the desk cannot be earlier than what was done before")
	ErrLast       = errors.New("two clerks stay at the desk")
)

// Kind is what a proposal asks for. Numbers are for ever.
type Kind uint8

// The kinds.
const (
	Refund  Kind = 1 // pay what is due or pending over a break
	Close   Kind = 2 // take a break that cannot be decided off the list of work
	Admit   Kind = 3 // enter a clerk
	Dismiss Kind = 4 // a clerk leaves
	Dispute Kind = 5 // a step of a dispute that moves money
)

// AboutClerk reports whether a proposal is about a clerk and no card.
func (k Kind) AboutClerk() bool { return k == Admit || k == Dismiss }

// Founders is how many clerks are entered by whoever sets up the desk: a later one needs
// two clerks who are there, and so many stay.
const Founders = 2

// String is the kind in one English word.
func (k Kind) String() string {
	switch k {
	case Refund:
		return "refund"
	case Close:
		return "close"
	case Admit:
		return "admit"
	case Dismiss:
		return "dismiss"
	case Dispute:
		return "dispute step"
	}
	return "invalid"
}

// Status is how far a proposal has come. Numbers are for ever.
type Status uint8

// The statuses. Expired is never stored: it follows from the time.
const (
	Proposed  Status = 1
	Approved  Status = 2
	Rejected  Status = 3 // by another clerk
	Withdrawn Status = 4 // by the one who made it
	Expired   Status = 5
)

var statusNames = [...]string{Proposed: "proposed", Approved: "approved", Rejected: "rejected", Withdrawn: "withdrawn", Expired: "expired"}

// String is the status in one English word.
func (s Status) String() string {
	if s < Proposed || s > Expired {
		return "invalid"
	}
	return statusNames[s]
}

// Validity is how long a proposal can be approved: seven days.
const Validity = 7 * 86400

// Clerk is a person at the desk.
type Clerk struct {
	Name  string
	Key   [64]byte // SM2 public key, X || Y
	Added int64    // unix seconds; 0 while two clerks have not yet admitted him
	Ended int64    // when the clerk left, 0 if not yet
}

// Active reports whether the clerk works at the desk at a time.
func (c *Clerk) Active(at int64) bool {
	return c.Added > 0 && c.Added <= at && (c.Ended == 0 || at < c.Ended)
}

const maxName, maxReason = 40, 500

// CheckName refuses what cannot be the name of a clerk.
func CheckName(name string) error {
	if name == "" || len(name) > 4*maxName || utf8.RuneCountInString(name) > maxName || !utf8.ValidString(name) {
		return ErrName
	}
	for _, r := range name {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' && r != '_' && r != '.' {
			return fmt.Errorf("%q: %w", name, ErrName)
		}
	}
	return nil
}

func checkReason(reason string, needed bool) error {
	if reason == "" && !needed {
		return nil
	}
	if reason == "" || len(reason) > 4*maxReason || utf8.RuneCountInString(reason) > maxReason || !utf8.ValidString(reason) {
		return ErrReason
	}
	for _, r := range reason {
		if unicode.IsControl(r) {
			return ErrReason
		}
	}
	return nil
}

// checkWritten refuses a reason that would read as another one than it is (Cf turns the
// direction of writing), or would keep a whole card number in the records.
func checkWritten(reason string) error {
	for _, r := range reason {
		if unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) {
			return ErrReason
		}
	}
	if namesCard(reason) {
		return ErrReason
	}
	return nil
}

// namesCard reports whether a text has a whole card number in it: 12 to 19 digits, with
// spaces or without, that end with their check digit.
func namesCard(text string) bool {
	run := ""
	for _, r := range text + "." {
		switch {
		case r >= '0' && r <= '9':
			run += string(r)
		case r == ' ':
		default:
			if n := len(run); n >= 12 && n <= 19 && txn.Luhn(run[:n-1]) == run[n-1] {
				return true
			}
			run = ""
		}
	}
	return false
}

// Subject is what a proposal is about, as the desk finds it at a moment.
type Subject struct {
	Part   timeline.Part  // of the break, for Close; 0 for Refund
	State  timeline.State // of the break, for Close; 0 for Refund
	Amount money.Fen      // of the break; for Refund what is due and would be paid for good
	Credit money.Fen      // for Refund: what is pending and would be credited provisionally
	Step   CaseStep       // for Dispute; else zero
}

// CaseStep is a step of a dispute as it is proposed; Subject.Amount is what it moves.
type CaseStep struct {
	Case int64
	Head [32]byte // hash over the case's history before the step
	Step string   // 1 to 40 bytes
	Code string   // of the reason; may be empty
	Note string   // may be empty
}

// RefundSubject is the subject of a refund that would move these amounts. It fails with
// ErrNothing if nothing would move.
func RefundSubject(due, pending money.Fen) (Subject, error) {
	if due < 0 || pending < 0 || due+pending == 0 {
		return Subject{}, fmt.Errorf("refund: %w", ErrNothing)
	}
	return Subject{Amount: due, Credit: pending}, nil
}

// CloseSubject is the subject of closing a break by hand. Only what no evidence has
// settled can be closed: what waits for time, a row or a tap, what is withheld on a frozen
// card, and what went wrong without being due to the customer. It fails with ErrNothing
// for others: what is due and waits for two people is refunded.
func CloseSubject(b *timeline.Break) (Subject, error) {
	switch {
	case b.Waits:
	case b.State.Waiting(), b.State == timeline.Suspected, b.State == timeline.Impossible, b.State == timeline.Unbacked, b.Held:
		return Subject{Part: b.Part, State: b.State, Amount: b.Amount + b.Contested}, nil
	}
	return Subject{}, fmt.Errorf("close a break that is %s and settled: %w", b.State, ErrNothing)
}

// Propose makes the proposal of a clerk. The caller has it signed and stored.
func Propose(kind Kind, card Token, p, q uint16, s Subject, by *Clerk, reason string, now int64) (Request, error) {
	switch {
	case !by.Active(now):
		return Request{}, fmt.Errorf("clerk %s: %w", by.Name, ErrInactive)
	case s.Amount < 0 || s.Credit < 0 || kind == Refund && s.Amount+s.Credit == 0:
		return Request{}, ErrNothing
	}
	r := Request{Kind: kind, Card: card, P: p, Q: q, Subject: s, Reason: reason, By: by.Name, At: now, Expires: now + Validity}
	if err := r.check(); err != nil {
		return Request{}, err
	}
	if err := checkWritten(reason); err != nil {
		return Request{}, err
	}
	return r, nil
}

// StatusAt is the status of a proposal at a time: one that nobody decided expires.
func (r *Request) StatusAt(stored Status, now int64) Status {
	if stored == Proposed && now >= r.Expires {
		return Expired
	}
	return stored
}

// Decide makes the decision of a clerk about a proposal of another one, or withdraws his
// own. proposer and by are the entries of the desk; s is the subject as it is now and
// counts for an approval only.
func Decide(r *Request, stored Status, signature []byte, proposer, by *Clerk, approve bool, s Subject, reason string, now int64) (Decision, Status, error) {
	fail := func(err error) (Decision, Status, error) { return Decision{}, stored, err }
	same := by.Name == r.By || by.Key == proposer.Key
	switch status := r.StatusAt(stored, now); {
	case !by.Active(now):
		return fail(fmt.Errorf("clerk %s: %w", by.Name, ErrInactive))
	case proposer.Name != r.By || !r.Signed(signature, proposer):
		return fail(fmt.Errorf("proposal of %s: %w", r.By, ErrSignature))
	case status == Expired:
		return fail(ErrExpired)
	case status != Proposed:
		return fail(fmt.Errorf("it is %s: %w", status, ErrDecided))
	case now < r.At:
		return fail(ErrBackwards)
	case approve && same:
		return fail(fmt.Errorf("clerk %s: %w", by.Name, ErrSamePerson))
	case approve && s != r.Subject:
		return fail(fmt.Errorf("proposed %s, now %s: %w", &r.Subject, &s, ErrChanged))
	}
	d := Decision{Request: r.Digest(signature), Status: Rejected, By: by.Name, At: now, Reason: reason}
	switch {
	case approve:
		d.Status = Approved
	case same:
		d.Status = Withdrawn
	}
	if err := d.check(); err != nil {
		return fail(fmt.Errorf("decide: %w", err))
	}
	if err := checkWritten(reason); err != nil {
		return fail(fmt.Errorf("decide: %w", err))
	}
	return d, d.Status, nil
}

// String says what the subject is, for an error.
func (s *Subject) String() string {
	if s.Step.Case != 0 {
		return fmt.Sprintf("%s %s, %s yuan, case %d at %.4X", s.Step.Step, s.Step.Code, s.Amount, s.Step.Case, s.Step.Head)
	}
	if s.State == 0 {
		return fmt.Sprintf("%s yuan due and %s pending", s.Amount, s.Credit)
	}
	return fmt.Sprintf("%s, %s yuan", s.State, s.Amount)
}
