package host_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/role/host"
	"github.com/citycard/citycard/txn"
)

// question is a request that the development issuer answers with 30.
const question = `{"type":"authorise","id":5,"kind":"purchase","pan":"6228000100001117","psn":"01","expiry":"3512","amount_fen":100,"currency":"0156","time":1795147200,"terminal":1,"sequence":1,"entry":5}` + "\n"

// Terminals that say nothing, half a line or too much, more of them than the server
// hears at once: when the context ends all of it is over.
func TestTheServerLetsGoOfEveryTerminal(t *testing.T) {
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	l, err := host.Listen(ctx, "127.0.0.1:0")
	noError(t, err)
	done := make(chan error, 1)
	go func() { done <- host.Serve(ctx, l, issuer(t)) }()
	var all []net.Conn
	for i := range 40 {
		conn, err := net.Dial("tcp", l.Addr().String())
		noError(t, err)
		all = append(all, conn)
		_, err = io.WriteString(conn, []string{"", question[:20], strings.Repeat("x", 2*host.MaxLine), question}[i%4])
		noError(t, err)
	}
	time.Sleep(20 * time.Millisecond)
	cancel()
	select {
	case err := <-done:
		noError(t, err)
	case <-time.After(5 * time.Second):
		t.Fatal("the server still waits for its terminals")
	}
	for _, conn := range all {
		conn.Close()
	}
	for limit := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; {
		if time.Now().After(limit) {
			t.Fatalf("%d goroutines, before %d", runtime.NumGoroutine(), before)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// A terminal that closes its half of the line after the request gets the answer; one
// that goes in the middle of a line gets none, and several lines at once are answered
// in turn.
func TestHalfClosedLines(t *testing.T) {
	address := serve(t, issuer(t))
	for sent, want := range map[string]int{question: 1, question[:50]: 0, question + question + question: 3} {
		conn, err := net.Dial("tcp", address)
		noError(t, err)
		_, err = io.WriteString(conn, sent)
		noError(t, err)
		noError(t, conn.(*net.TCPConn).CloseWrite())
		_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		n := 0
		for r := bufio.NewScanner(conn); r.Scan(); n++ {
		}
		if conn.Close(); n != want {
			t.Errorf("%d answers to %d bytes, want %d", n, len(sent), want)
		}
	}
}

// A purchase with a PIN is undone by a reversal without its block, over the line too.
func TestAPurchaseWithAPINIsReversed(t *testing.T) {
	own := issuer(t)
	h, err := host.Parse("tcp:" + serve(t, own))
	noError(t, err)
	d := newDesk(t, "dev-3des", h)
	noError(t, d.Start(100, 0))
	_, err = d.Generate(0x80, "")
	noError(t, err)
	bare := d.Request(txn.OnlinePurchase, d.key, 100)
	p, err := pin.New(host.DevelopmentPIN)
	noError(t, err)
	q := bare
	q.HasPIN = true
	q.PINBlock, err = host.EncipherPIN(d.key, p)
	noError(t, err)
	a, err := h.Authorise(context.Background(), q)
	noError(t, err)
	if !a.Approved() || own.Available(d.key) != host.OpeningAccount-100 {
		t.Fatalf("code %s, account %v", a.Code[:], own.Available(d.key))
	}
	noError(t, h.Reverse(context.Background(), bare, host.CardGone, nil))
	if got := own.Available(d.key); got != host.OpeningAccount {
		t.Errorf("account %v after the reversal", got)
	}
}

// Requests of one card, their repeats and reversals, all at once: each counter is
// decided once, and nothing is left over.
func TestEverythingAtOnce(t *testing.T) {
	h := issuer(t)
	d := newDesk(t, "dev-3des", nil)
	var all []txn.OnlineRequest
	for i := range 6 {
		d.chip.PowerOff()
		noError(t, d.chip.PowerOn(strings.NewReader(strings.Repeat(fmt.Sprint("random", i), 100))))
		noError(t, d.Start(1_000, 0))
		_, err := d.Generate(0x80, "")
		noError(t, err)
		all = append(all, d.Request(txn.OnlinePurchase, d.key, 1_000))
	}
	var mutex sync.Mutex
	agreed := map[uint32]bool{}
	var wait sync.WaitGroup
	for _, q := range all {
		for range 4 {
			wait.Go(func() {
				a, err := h.Authorise(context.Background(), q)
				if err != nil {
					t.Error(err)
				}
				mutex.Lock()
				defer mutex.Unlock()
				if was, there := agreed[q.Sequence]; there && was != a.Approved() {
					t.Errorf("request %d was answered in two ways", q.Sequence)
				}
				agreed[q.Sequence] = a.Approved()
			})
		}
	}
	wait.Wait()
	n := 0
	for _, yes := range agreed {
		if yes {
			n++
		}
	}
	if got, want := h.Available(d.key), host.OpeningAccount-money.Fen(n)*1_000; got != want || n == 0 {
		t.Errorf("account %v, want %v after %d approvals", got, want, n)
	}
	for _, q := range all {
		for range 4 {
			wait.Go(func() {
				if err := h.Reverse(context.Background(), q, host.CardGone, nil); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wait.Wait()
	if got := h.Available(d.key); got != host.OpeningAccount {
		t.Errorf("account %v after all reversals", got)
	}
}
