package host

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/citycard/citycard/txn"
)

// Listen opens a port on this machine for Serve. The error is ErrAddress or that of the
// system.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	if err := checkAddress(address); err != nil {
		return nil, err
	}
	var c net.ListenConfig
	return c.Listen(ctx, "tcp", address)
}

// Serve answers terminals until the context ends, which is no error, and closes the
// listener.
//
// The protocol is one JSON object on a line of at most MaxLine bytes, UTF-8. The
// terminal sends requests, and the host answers each in turn on the same connection:
//
//	{"type":"authorise","id":1,"kind":"purchase","pan":"6228000100001117","psn":"01",
//	 "expiry":"3512","amount_fen":1000,"currency":"0156","time":1763712000,
//	 "terminal":1,"sequence":7,"entry":5,"icc":"9F26…","track2":"6228…","pin_block":"…"}
//	{"id":1,"code":"00","icc":"910A…","auth_code":"123456","available_fen":99000}
//
// kind is purchase, inquiry, load or unload; entry is the first two digits of field 22;
// icc, track2 and pin_block are hexadecimal digits and may be left out. The answer has
// code (field 39), and may have icc (91, 71 and 72), auth_code and available_fen.
//
// A reversal repeats the request, pin_block or not, with "type":"reverse", "reason" (1 the card declined
// after the approval, 2 it left before its second cryptogram, 3 no answer came, 4 its
// second answer is unusable, 5 nobody knows whether the script was carried out) and
// perhaps "reversal_icc" with DF31. The answer has nothing but the id.
//
// Where there is no answer the line has "error" and "text": "unreachable", the issuer
// does not answer; "refused", the reversal is not accepted; "message", the line cannot
// be read, and the connection is closed. A member that is not named here is an error.
//
// The line is not protected and carries account numbers: both ends must be on one
// machine.
func Serve(ctx context.Context, l net.Listener, h Host) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	room := make(chan struct{}, maxConnections)
	var open sync.WaitGroup
	defer open.Wait()
	defer cancel()
	for {
		select {
		case room <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		conn, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("accept a terminal: %w", err)
		}
		open.Go(func() {
			defer func() { <-room }()
			serve(ctx, conn, h)
		})
	}
}

// serve answers one terminal.
func serve(ctx context.Context, conn net.Conn, h Host) {
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	r := bufio.NewReaderSize(conn, MaxLine)
	for ctx.Err() == nil {
		_ = conn.SetReadDeadline(time.Now().Add(IdleTime))
		line, err := r.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
		out, last := reply(ctx, line, err, h)
		_ = conn.SetWriteDeadline(time.Now().Add(IdleTime))
		if _, err := conn.Write(out); err != nil {
			return
		}
		if last {
			linger(conn)
			return
		}
	}
}

// linger reads what the terminal still sends, for a while: a connection that is closed
// before that is reset, and the terminal may not see the last answer.
func linger(conn net.Conn) {
	if c, ok := conn.(*net.TCPConn); ok {
		_ = c.CloseWrite()
	}
	_ = conn.SetReadDeadline(time.Now().Add(time.Second))
	_, _ = io.Copy(io.Discard, io.LimitReader(conn, 8*MaxLine))
}

// reply answers one line; last says that the connection is not to be used any more.
func reply(ctx context.Context, line []byte, long error, h Host) (out []byte, last bool) {
	var c call
	err := fmt.Errorf("a line of more than %d bytes: %w", MaxLine, ErrMessage)
	if long == nil {
		c, err = parseCall(line)
	}
	var a *txn.OnlineAnswer
	switch {
	case err != nil:
	case c.reverse:
		err = h.Reverse(ctx, c.q, c.why, c.results)
	default:
		var v txn.OnlineAnswer
		v, err = h.Authorise(ctx, c.q)
		a = &v
	}
	out, bad := answerLine(c.id, a, err)
	return out, bad != nil || errors.Is(err, ErrMessage)
}
