package host

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/citycard/citycard/txn"
)

// Times of the line.
const (
	// AnswerTime is how long a client waits for an answer if its context does not say.
	AnswerTime = 30 * time.Second
	// IdleTime is how long a server keeps a connection on which nothing comes.
	IdleTime = 60 * time.Second
)

// maxConnections is how many terminals Serve hears at once; others wait.
const maxConnections = 32

// ErrAddress says that an address is not one for this protocol.
var ErrAddress = errors.New("the host protocol is plain text, so both ends must be on this machine: want 127.0.0.1:PORT, [::1]:PORT or localhost:PORT; TLS comes with the roles")

// checkAddress wants a port on this machine.
func checkAddress(address string) error {
	name, port, err := net.SplitHostPort(address)
	if err != nil || port == "" {
		return fmt.Errorf("address %.60q: %w", address, ErrAddress)
	}
	if ip := net.ParseIP(name); name != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("address %.60q: %w", address, ErrAddress)
	}
	return nil
}

// Remote is a host behind TCP that speaks the protocol of Serve. Each call has a
// connection of its own.
type Remote struct {
	address string
	next    atomic.Uint64
}

// NewRemote makes a client for HOST:PORT on this machine. The error is ErrAddress.
func NewRemote(address string) (*Remote, error) {
	if err := checkAddress(address); err != nil {
		return nil, err
	}
	return &Remote{address: address}, nil
}

// Name is "host at" with the address.
func (r *Remote) Name() string { return "host at " + r.address }

// Authorise implements Host.
func (r *Remote) Authorise(ctx context.Context, q txn.OnlineRequest) (txn.OnlineAnswer, error) {
	return r.exchange(ctx, &call{q: q})
}

// Reverse implements Host.
func (r *Remote) Reverse(ctx context.Context, q txn.OnlineRequest, why Reason, icc []byte) error {
	_, err := r.exchange(ctx, &call{q: q, reverse: true, why: why, results: icc})
	return err
}

// exchange sends one line and reads one.
func (r *Remote) exchange(ctx context.Context, c *call) (txn.OnlineAnswer, error) {
	c.id = r.next.Add(1)
	a, err := r.try(ctx, c)
	if err != nil && !errors.Is(err, ErrRefused) && !errors.Is(err, ErrUnreachable) {
		err = fmt.Errorf("host at %s: %w: %w", r.address, err, ErrUnreachable)
	}
	return a, err
}

func (r *Remote) try(ctx context.Context, c *call) (a txn.OnlineAnswer, err error) {
	line, err := c.line()
	if err != nil {
		return a, err
	}
	ctx, cancel := context.WithTimeout(ctx, AnswerTime)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", r.address)
	if err != nil {
		return a, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	if _, err := conn.Write(line); err != nil {
		return a, err
	}
	got, err := bufio.NewReaderSize(conn, MaxLine).ReadSlice('\n')
	if err != nil {
		return a, fmt.Errorf("read the answer: %w", err)
	}
	return parseAnswer(got, c.id, c.reverse)
}
