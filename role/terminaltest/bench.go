package terminaltest

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/citycard/citycard/certify/terminal"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/role/host"
	"github.com/citycard/citycard/txn"
)

// Bench puts cards into a virtual reader before any terminal that reads through it.
type Bench struct {
	// VPCD is the address of the virtual reader, "127.0.0.1:35963": vpcd of a pcscd, or a
	// terminal that listens itself.
	VPCD string
	// Command is the program that makes one transaction, with its arguments; Placeholders
	// in them are filled in. Empty: Ask is used.
	Command []string
	// Ask has a person make the transaction; used without Command. It returns when the
	// transaction is over or the time is, with one of terminal.Outcomes if he says so.
	Ask func(ctx context.Context, tx terminal.Transaction) (outcome string, err error)
	// Wait is how long a transaction may take; 0 is DefaultWait.
	Wait time.Duration
	// PIN goes to the program's standard input, with a line end.
	PIN string
	// Log, if not nil, gets what the program writes to standard error.
	Log func(text string)

	mu      sync.Mutex
	current *shared
	issuer  string // address at which terminals ask the issuer; empty: none
}

// DefaultWait is how long a transaction may take.
const DefaultWait = 20 * time.Second

// maxOutput is how much of a program's output is kept.
const maxOutput = 4 << 20

// Placeholders are what an argument of Bench.Command may hold.
func Placeholders() []string {
	return []string{"{amount_fen}", "{kind}", "{interface}", "{host}", "{mode}", "{online}", "{choice}", "{again}", "{case}"}
}

// fill puts a transaction into an argument.
func (b *Bench) fill(arg string, tx terminal.Transaction) string {
	issuer, mode, again := "none", "qpboc", "0s"
	if tx.Host && b.issuer != "" {
		issuer = "tcp:" + b.issuer
	}
	switch tx.OverAir {
	case "debit":
		mode = "debit-credit"
	case "stripe":
		mode = "msd"
	}
	if tx.Again {
		again = "5s"
	}
	return strings.NewReplacer(
		"{amount_fen}", strconv.FormatInt(int64(tx.Amount), 10), "{kind}", string(tx.Kind), "{interface}", string(tx.Interface),
		"{host}", issuer, "{mode}", mode, "{online}", strconv.FormatBool(tx.Online), "{choice}", strconv.Itoa(tx.Choice+1),
		"{again}", again, "{case}", tx.Case,
	).Replace(arg)
}

// ServeHost answers for the issuer of the case that runs, by the protocol of role/host,
// until the context ends. Terminals are told its address as {host}. It returns when it
// listens.
func (b *Bench) ServeHost(ctx context.Context, address string) (stop func(), err error) {
	l, err := host.Listen(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("issuer of the run: %w", err)
	}
	b.issuer = l.Addr().String()
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = host.Serve(ctx, l, &line{b})
	}()
	return func() {
		cancel()
		<-done
	}, nil
}

// line is the issuer of the case that runs, as role/host wants it.
type line struct{ bench *Bench }

var _ host.Host = (*line)(nil)

func (l *line) now() *shared {
	l.bench.mu.Lock()
	defer l.bench.mu.Unlock()
	return l.bench.current
}

// Authorise implements [host.Host].
func (l *line) Authorise(_ context.Context, q txn.OnlineRequest) (txn.OnlineAnswer, error) {
	s := l.now()
	if s == nil {
		return txn.OnlineAnswer{}, host.ErrUnreachable
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := s.host.Authorise(q)
	if err != nil {
		return a, host.ErrUnreachable
	}
	return a, nil
}

// Reverse implements [host.Host].
func (l *line) Reverse(_ context.Context, q txn.OnlineRequest, _ host.Reason, icc []byte) error {
	if s := l.now(); s != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.host.Reverse(q, icc)
	}
	return nil
}

// Name implements [host.Host].
func (l *line) Name() string { return "issuer of the terminal test" }

// Run implements [terminal.Terminal]: the card is in the reader while the transaction
// runs.
func (b *Bench) Run(ctx context.Context, c *terminal.Card, tx terminal.Transaction, h *terminal.Host) (terminal.Reported, error) {
	s := &shared{card: c, host: h}
	b.take(s)
	defer b.take(nil)
	wait := b.Wait
	if wait == 0 {
		wait = DefaultWait
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	in := &served{shared: s, address: b.VPCD, in: make(chan struct{}), none: make(chan struct{})}
	serving, out := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- in.serve(serving) }()
	reported, err := b.transact(ctx, in, tx)
	if err == nil && tx.Kind.Journey() && tx.Again && !opened(reported) && len(b.Command) > 0 {
		// The rider holds the card to the gate again; at a shop the program waits for it.
		reported, err = b.transact(ctx, in, tx)
	}
	out()
	served := <-ended
	select {
	case <-in.none:
	default:
		pause(ctx, away) // the reader must see that the slot is empty before the next card comes
	}
	return reported, errors.Join(err, served)
}

// opened tells whether a gate says that it opened.
func opened(r terminal.Reported) bool { return r.Outcome == gateWords["opened"] }

// gateWords are the outcomes of citycard gate in those of a case.
var gateWords = map[string]string{"opened": "offline_approved", "refused": "declined", "again": "card_lost", "torn": "doubt", "out_of_order": "error"}

func (b *Bench) take(s *shared) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.current = s
}

// settle is how long a card is given to be seen by a reader that is there already, before
// the terminal is started.
const settle = 2 * time.Second

// transact has the terminal make the transaction.
func (b *Bench) transact(ctx context.Context, in *served, tx terminal.Transaction) (terminal.Reported, error) {
	if len(b.Command) == 0 {
		select {
		case <-in.in:
		case <-ctx.Done():
			return terminal.Reported{}, fmt.Errorf("%s: %w", b.VPCD, errNoReader)
		}
		outcome, err := b.Ask(ctx, tx)
		if err != nil {
			return terminal.Reported{}, fmt.Errorf("ask the operator: %w", err)
		}
		return terminal.Reported{Outcome: outcome}, nil
	}
	select {
	case <-in.in: // a reader that outlives the program, such as pcscd
	case <-in.none: // the program is to be the reader
	case <-time.After(settle):
	}
	args := make([]string, len(b.Command))
	for i, a := range b.Command {
		args[i] = b.fill(a, tx)
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	var stdout, stderr bounded
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(b.PIN+"\n"), &stdout, &stderr
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	if b.Log != nil && stderr.Len() > 0 {
		b.Log(stderr.String())
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && ctx.Err() == nil {
		return terminal.Reported{}, fmt.Errorf("run the terminal: %w", err)
	}
	return report(stdout.Bytes()), nil
}

// bounded keeps the beginning of what is written.
type bounded struct{ bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	if room := maxOutput - b.Len(); room > 0 {
		b.Buffer.Write(p[:min(len(p), room)])
	}
	return len(p), nil
}

// said is what a terminal says, by the keys of citycard tap --json; of citycard gate --json
// it is the last of the taps.
type said struct {
	Outcome string `json:"outcome"`
	TVR     string `json:"tvr"`
	TSI     string `json:"tsi"`
	Balance *int64 `json:"balance_fen"`
}

// report takes what a terminal says out of its output: the first JSON object. What is not
// there or not understood is left empty.
func report(out []byte) terminal.Reported {
	var r terminal.Reported
	i := bytes.IndexByte(out, '{')
	if i < 0 {
		return r
	}
	var all struct {
		said
		Taps []said `json:"taps"`
	}
	if err := json.NewDecoder(bytes.NewReader(out[i:])).Decode(&all); err != nil {
		return r
	}
	said := all.said
	if n := len(all.Taps); n > 0 {
		said = all.Taps[n-1]
	}
	if word, ok := gateWords[said.Outcome]; ok {
		said.Outcome = word
	}
	if slices.Contains(terminal.Outcomes, said.Outcome) {
		r.Outcome = said.Outcome
	}
	if b, err := hex.DecodeString(said.TVR); err == nil && len(b) == 5 {
		r.TVR = b
	}
	if b, err := hex.DecodeString(said.TSI); err == nil && len(b) == 2 {
		r.TSI = b
	}
	if said.Balance != nil && *said.Balance >= 0 {
		r.Balance, r.HasBalance = money.Fen(*said.Balance), true
	}
	return r
}
