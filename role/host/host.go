package host

import (
	"context"
	"errors"

	"github.com/citycard/citycard/issuer/authorise"
	"github.com/citycard/citycard/txn"
)

// Host is the issuer as a terminal sees it. Its methods may be called by several
// goroutines.
type Host interface {
	// Authorise asks the issuer. The error is ErrUnreachable when no answer came: the
	// issuer may or may not have acted, so the caller reverses. A request that the
	// issuer cannot even read is answered with a code, not with an error.
	Authorise(ctx context.Context, q txn.OnlineRequest) (txn.OnlineAnswer, error)
	// Reverse undoes what the issuer did for the request, which may come without its PIN
	// block: no terminal should keep that. icc is field 55 of the
	// reversal (95, 9F10, 9F36, DF31 ...), as TLV; it may be empty. A reversal of what
	// never reached the issuer succeeds. The error is ErrUnreachable, and the caller
	// tries again later, or ErrRefused.
	Reverse(ctx context.Context, q txn.OnlineRequest, why Reason, icc []byte) error
	// Name says which host this is, for people, e.g. "development issuer".
	Name() string
}

// Adviser is a Host that also takes script result notices. Without one an unload is
// credited when the card shows that it ran.
type Adviser interface {
	// Advise tells the issuer how the script of an approved load or unload went: icc is
	// field 55 with DF31. Losing it costs nothing but time. The error is ErrUnreachable or
	// ErrRefused.
	Advise(ctx context.Context, q txn.OnlineRequest, icc []byte) error
}

// Errors of a host.
var (
	// ErrUnreachable: no answer of the issuer came in time.
	ErrUnreachable = errors.New("the issuer does not answer")
	// ErrRefused: the issuer will not undo this; its reason is wrapped with it.
	ErrRefused = authorise.ErrRefused
)

// Reason says why a terminal takes an online transaction back. The numbers are those
// of terminal/kernel/emv.Reversal.
type Reason = authorise.Reason

// The reasons.
const (
	CardRefusedLate = authorise.CardRefusedLate
	CardGone        = authorise.CardGone
	AnswerLost      = authorise.AnswerLost
	BadCompletion   = authorise.BadCompletion
	ScriptUnknown   = authorise.ScriptUnknown
)
