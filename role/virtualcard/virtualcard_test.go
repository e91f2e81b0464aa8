package virtualcard_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/fault"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/role/virtualcard"
	"github.com/citycard/citycard/terminal/reader"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func random() io.Reader { return rand.NewChaCha8([32]byte{1}) }

// Commands of the tests: SELECT of the application, GET DATA of the counter, and a
// GET PROCESSING OPTIONS over the contacts, which uses up a counter.
var (
	selectApp = []byte{0x00, 0xA4, 0x04, 0x00, 0x08, 0xA0, 0x00, 0x00, 0x03, 0x33, 0x01, 0x01, 0x01, 0x00}
	counter   = []byte{0x80, 0xCA, 0x9F, 0x36, 0x00}
)

// options is GET PROCESSING OPTIONS for the PDOL of dev-sm's contacts: zeros, and
// the reader knows SM2 and SM4.
var options = append(append([]byte{0x80, 0xA8, 0x00, 0x00, 0x0F, 0x83, 0x0D}, make([]byte, 12)...), 0x01, 0x00)

// config is a new card of dev-sm on its contact side.
func config(t testing.TB) virtualcard.Config {
	t.Helper()
	r, err := devcard.Default("dev-sm")
	check(t, err)
	img, err := devcard.Issue(r)
	check(t, err)
	return virtualcard.Config{Image: img, Interface: card.Contact, Rand: random()}
}

func newCard(t testing.TB, c virtualcard.Config) *virtualcard.Card {
	t.Helper()
	v, err := virtualcard.New(c)
	check(t, err)
	return v
}

// script makes faults of YAML.
func script(t testing.TB, faults string) *fault.Script {
	t.Helper()
	s, err := fault.Parse([]byte("name: test\nfaults:\n" + faults))
	check(t, err)
	return s
}

func send(t testing.TB, c reader.Card, cmd []byte) []byte {
	t.Helper()
	out, err := c.Transmit(t.Context(), nil, cmd)
	check(t, err)
	return out
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	check(t, err)
	return port
}

// served runs a card in the background until the test ends; its end is checked.
func served(t *testing.T, v *virtualcard.Card, s virtualcard.Slot) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- virtualcard.Serve(ctx, v, s) }()
	t.Cleanup(func() {
		stop()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("serving ended with %v", err)
			}
		case <-time.After(10 * time.Second):
			t.Error("serving does not end with its context")
		}
	})
}

func open(t testing.TB, port string) reader.Card {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	c, err := reader.Open(ctx, "vpcd:"+port, reader.Doors{})
	check(t, err)
	return c
}

// TestServe: a card in a virtual reader gives its ATR, answers, is reset, goes and
// comes back with what it has kept in its memory.
func TestServe(t *testing.T) {
	port := freePort(t)
	connections := make(chan struct{}, 10)
	v := newCard(t, config(t))
	served(t, v, virtualcard.Slot{Address: "127.0.0.1:" + port, Reconnect: 20 * time.Second, Connected: func() { connections <- struct{}{} }})
	for n := range 3 {
		c := open(t, port)
		<-connections
		if !bytes.Equal(c.ATR(), v.ATR()) || len(c.ATR()) < 2 {
			t.Fatalf("ATR %X, want %X", c.ATR(), v.ATR())
		}
		send(t, c, selectApp)
		if got, want := send(t, c, counter), []byte{0x9F, 0x36, 2, 0, byte(n), 0x90, 0}; !bytes.Equal(got, want) {
			t.Fatalf("connection %d: counter %X, want %X", n+1, got, want)
		}
		if got := send(t, c, options); !bytes.HasSuffix(got, []byte{0x90, 0x00}) {
			t.Fatalf("GPO %X", got)
		}
		for _, kind := range []reader.ResetKind{reader.Warm, reader.Cold} {
			if _, err := c.Reset(t.Context(), kind); err != nil {
				t.Fatal(err)
			}
			if got := send(t, c, counter); bytes.HasSuffix(got, []byte{0x90, 0x00}) {
				t.Fatalf("an application is selected after a %v reset: %X", kind, got)
			}
		}
		check(t, c.Close())
	}
}

// TestNoReader: without a reader the card gives up in its time.
func TestNoReader(t *testing.T) {
	for _, wait := range []time.Duration{0, 300 * time.Millisecond} {
		began := time.Now()
		err := virtualcard.Serve(t.Context(), newCard(t, config(t)), virtualcard.Slot{Address: "127.0.0.1:" + freePort(t), Reconnect: wait})
		if !errors.Is(err, reader.ErrUnavailable) || time.Since(began) < wait || time.Since(began) > wait+10*time.Second {
			t.Errorf("waiting %v: %v after %v", wait, err, time.Since(began))
		}
	}
}

// TestReaderThatIsNone: whatever comes over the line, the card goes back to its
// reader.
func TestReaderThatIsNone(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	defer l.Close()
	served(t, newCard(t, config(t)), virtualcard.Slot{Address: l.Addr().String(), Reconnect: 20 * time.Second})
	for what, garbage := range map[string][]byte{
		"no body":              {0, 0},
		"unknown control":      {0, 1, 3},
		"half a command":       {0, 2, 0, 0xA4},
		"a length and nothing": {0, 9},
		"a command in the off": {0, 4, 0, 0xB2, 1, 0x0C},
		"far too long":         {0xFF, 0xFF, 0, 0},
		"nothing":              {},
		"an extended command":  append([]byte{0, 1, 1, 0xFF, 0xFF, 0, 0xA4, 4, 0, 0, 0xFF, 0xF6}, make([]byte, 0xFFFF-7)...),
	} {
		conn, err := l.Accept()
		check(t, err)
		check(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
		_, err = conn.Write(garbage)
		check(t, err)
		check(t, conn.(*net.TCPConn).CloseWrite())
		answer, err := io.ReadAll(conn)
		check(t, err)
		check(t, conn.Close())
		want := []byte(nil)
		if what == "an extended command" {
			want = []byte{0, 2, 0x67, 0x00}
		}
		if !bytes.Equal(answer, want) {
			t.Errorf("%s: the card says %X, want %X", what, answer, want)
		}
	}
}

// TestStoredBeforeTheAnswer: what a command changed is stored when its answer is
// there, and what changed nothing is not stored again.
func TestStoredBeforeTheAnswer(t *testing.T) {
	var kept []byte
	stores := 0
	c := config(t)
	c.Store = func(b []byte) error {
		kept, stores = bytes.Clone(b), stores+1
		return nil
	}
	v := newCard(t, c)
	if stores != 1 || !bytes.Equal(kept, v.Snapshot()) {
		t.Fatalf("a new card is stored %d times", stores)
	}
	r, err := virtualcard.Reader(v)
	check(t, err)
	for _, cmd := range [][]byte{selectApp, counter, counter} {
		send(t, r, cmd)
	}
	if stores != 1 {
		t.Errorf("reading was stored: %d", stores)
	}
	send(t, r, options)
	if stores != 2 || !bytes.Equal(kept, v.Snapshot()) {
		t.Errorf("after GPO: %d stores", stores)
	}
	c.Memory = kept
	again := newCard(t, c)
	if stores != 2 || !bytes.Equal(again.Snapshot(), kept) {
		t.Errorf("a card from memory is stored again: %d", stores)
	}
}

// TestNoAnswerWithoutStore: a card that cannot keep its memory says nothing, and
// never again.
func TestNoAnswerWithoutStore(t *testing.T) {
	full := errors.New("disk is full")
	stores := 0
	c := config(t)
	c.Store = func([]byte) error {
		if stores++; stores > 1 {
			return full
		}
		return nil
	}
	v := newCard(t, c)
	check(t, v.PowerOn())
	for _, cmd := range [][]byte{selectApp, counter} {
		_, _, err := v.Transmit(nil, cmd)
		check(t, err)
	}
	for _, cmd := range [][]byte{options, counter} {
		if out, _, err := v.Transmit(nil, cmd); !errors.Is(err, full) || len(out) > 0 {
			t.Errorf("%X: answer %X, %v", cmd, out, err)
		}
	}
	if err := v.PowerOn(); !errors.Is(err, full) {
		t.Errorf("power on: %v", err)
	}
	c.Store = func([]byte) error { return full }
	if _, err := virtualcard.New(c); !errors.Is(err, full) {
		t.Errorf("a new card: %v", err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	if err := virtualcard.Serve(ctx, v, virtualcard.Slot{Address: "127.0.0.1:" + freePort(t), Reconnect: time.Minute}); !errors.Is(err, full) {
		t.Errorf("a dead card is served until %v", err)
	}
}

// TestSilence: a silent card leaves the reader and comes back, its command carried
// out.
func TestSilence(t *testing.T) {
	port := freePort(t)
	c := config(t)
	notes := make(chan string, 10)
	c.Note = func(text string) { notes <- text }
	c.Faults = script(t, "- {name: mute, when: {ins: A8, times: 1}, then: {silent: true}}")
	why := make(chan error, 10)
	served(t, newCard(t, c), virtualcard.Slot{Address: "127.0.0.1:" + port, Reconnect: 20 * time.Second, Gone: func(err error) { why <- err }})
	r := open(t, port)
	send(t, r, selectApp)
	if out, err := r.Transmit(t.Context(), nil, options); !errors.Is(err, reader.ErrCardGone) {
		t.Errorf("answer %X, %v", out, err)
	}
	if err := <-why; err == nil || !strings.Contains(err.Error(), "silent") {
		t.Errorf("the card left because of %v", err)
	}
	if n := <-notes; n != "mute: no answer" {
		t.Errorf("note %q", n)
	}
	r = open(t, port)
	send(t, r, selectApp)
	if got := send(t, r, counter); !bytes.Equal(got, []byte{0x9F, 0x36, 2, 0, 1, 0x90, 0}) {
		t.Errorf("the counter is %X", got)
	}
	check(t, r.Close())
}

// TestTearsAreKept: wherever the power fails in a command, what is stored is a
// state in which the command happened or did not, and the next life goes on from it.
func TestTearsAreKept(t *testing.T) {
	for _, half := range []string{"none", "first", "last"} {
		happened := 0
		for write := 1; write <= 6; write++ {
			var kept []byte
			c := config(t)
			c.Store = func(b []byte) error {
				kept = bytes.Clone(b)
				return nil
			}
			c.Faults = script(t, fmt.Sprintf("- {name: torn, when: {ins: A8, times: 1}, then: {tear: {write: %d, half: %s}}}", write, half))
			v := newCard(t, c)
			check(t, v.PowerOn())
			_, _, err := v.Transmit(nil, selectApp)
			check(t, err)
			out, o, err := v.Transmit(nil, options)
			check(t, err)
			if o.Silent != (len(out) == 0) || !bytes.Equal(kept, v.Snapshot()) {
				t.Fatalf("write %d, %s: silent %v, answer %X", write, half, o.Silent, out)
			}
			if !o.Silent {
				continue
			}
			c.Memory, c.Faults = kept, nil
			r, err := virtualcard.Reader(newCard(t, c))
			check(t, err)
			send(t, r, selectApp)
			got := send(t, r, counter)
			if len(got) != 7 || got[4] > 1 {
				t.Fatalf("write %d, %s: the counter is %X", write, half, got)
			}
			happened += int(got[4])
			if got := send(t, r, options); !bytes.HasSuffix(got, []byte{0x90, 0x00}) {
				t.Fatalf("write %d, %s: the next transaction answers %X", write, half, got)
			}
		}
		if happened == 0 {
			t.Errorf("%s: no tear came after the commit", half)
		}
	}
}

// TestDelay: a delayed answer comes later, and an ending context does not wait for
// it.
func TestDelay(t *testing.T) {
	c := config(t)
	c.Faults = script(t, "- {name: slow, when: {ins: CA, nth: 1}, then: {delay_ms: 150}}\n- {name: very slow, when: {ins: CA, nth: 2}, then: {delay_ms: 300000}}")
	r, err := virtualcard.Reader(newCard(t, c))
	check(t, err)
	send(t, r, selectApp)
	began := time.Now()
	send(t, r, counter)
	if d := time.Since(began); d < 150*time.Millisecond {
		t.Errorf("answer after %v", d)
	}
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	if _, err := r.Transmit(ctx, nil, counter); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	if _, err := r.Transmit(t.Context(), nil, counter); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("after a broken exchange: %v", err)
	}
}

// TestInProcess: the promises of reader.Card.
func TestInProcess(t *testing.T) {
	v := newCard(t, config(t))
	r, err := virtualcard.Reader(v)
	check(t, err)
	dst := []byte{0xEE}
	for _, cmd := range [][]byte{nil, {0}, {0, 0xA4, 4}} {
		if out, err := r.Transmit(t.Context(), dst, cmd); !errors.Is(err, reader.ErrCommand) || !bytes.Equal(out, dst) {
			t.Errorf("%X: %X, %v", cmd, out, err)
		}
	}
	out, err := r.Transmit(t.Context(), dst, selectApp)
	check(t, err)
	if out[0] != 0xEE || !bytes.HasSuffix(out, []byte{0x90, 0x00}) {
		t.Errorf("SELECT %X", out)
	}
	if atr, err := r.Reset(t.Context(), reader.Cold); err != nil || !bytes.Equal(atr, r.ATR()) {
		t.Errorf("reset: %X, %v", atr, err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := r.Transmit(ctx, nil, counter); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
	check(t, r.Close())
	check(t, r.Close())
	if _, err := r.Transmit(t.Context(), nil, counter); !errors.Is(err, reader.ErrCardGone) {
		t.Errorf("after Close: %v", err)
	}
	if _, err := r.Reset(t.Context(), reader.Cold); !errors.Is(err, reader.ErrCardGone) {
		t.Errorf("reset after Close: %v", err)
	}
}

// TestForeignMemory: memory that is no state of the image is refused.
func TestForeignMemory(t *testing.T) {
	c := config(t)
	c.Memory = []byte{0x02}
	if _, err := virtualcard.New(c); err == nil {
		t.Error("memory of another kind is taken")
	}
}

func ExampleReader() {
	request, err := devcard.Default("dev-sm")
	if err != nil {
		panic(err)
	}
	image, err := devcard.Issue(request)
	if err != nil {
		panic(err)
	}
	v, err := virtualcard.New(virtualcard.Config{Image: image, Interface: card.Auto, Rand: random()})
	if err != nil {
		panic(err)
	}
	r, err := virtualcard.Reader(v)
	if err != nil {
		panic(err)
	}
	answer, err := r.Transmit(context.Background(), nil, []byte{0x00, 0xA4, 0x04, 0x00, 0x05, 0xA0, 0x00, 0x00, 0x03, 0x33, 0x00})
	fmt.Printf("%X %v\n", answer[len(answer)-2:], err)
	// Output: 9000 <nil>
}
