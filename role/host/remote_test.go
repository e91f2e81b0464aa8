package host_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/citycard/citycard/role/host"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
)

// serve runs a server for a host and gives its address.
func serve(t *testing.T, h host.Host) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	l, err := host.Listen(ctx, "127.0.0.1:0")
	noError(t, err)
	done := make(chan error, 1)
	go func() { done <- host.Serve(ctx, l, h) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return l.Addr().String()
}

func TestARemoteHostAnswersLikeTheOneBehindIt(t *testing.T) {
	own := issuer(t)
	h, err := host.Parse("tcp:" + serve(t, own))
	noError(t, err)
	d := newDesk(t, "dev-3des", h)
	a, auth, cid, scripts := d.talk(txn.OnlineLoad, 20_000)
	if !a.Approved() || auth != apdu.SWOK || cid != 0x40 || len(scripts) != 1 || a.Available != 80_000 || !a.Known || len(a.AuthCode) != 6 {
		t.Fatalf("code %s, 91: %v, 9F27 %02X, scripts %v, %v left", a.Code[:], auth, cid, scripts, a.Available)
	}
	q, b, err := d.ask(txn.OnlinePurchase, 100)
	noError(t, err)
	direct, err := own.Authorise(context.Background(), q)
	noError(t, err)
	if !bytes.Equal(b.ICC, direct.ICC) || b.AuthCode != direct.AuthCode {
		t.Error("the line changed the request: the issuer does not know it again")
	}
	noError(t, h.Reverse(context.Background(), q, host.CardGone, unhex("DF3105 0000000000")))
	if own.Available(d.key) != 80_000 {
		t.Errorf("account %v after the reversal", own.Available(d.key))
	}
	other := q
	other.Sequence++
	if err := h.Reverse(context.Background(), other, host.CardGone, nil); !errors.Is(err, host.ErrRefused) {
		t.Errorf("reversal of another request: %v", err)
	}
	long := q
	long.ICC = make([]byte, host.MaxLine)
	if _, err := h.Authorise(context.Background(), long); !errors.Is(err, host.ErrUnreachable) || !errors.Is(err, host.ErrMessage) {
		t.Errorf("a request that is too long for a line: %v", err)
	}
}

func TestARemoteHostThatDoesNotAnswer(t *testing.T) {
	d := newDesk(t, "dev-3des", nil)
	q := d.Request(txn.OnlinePurchase, d.key, 100)
	h, err := host.NewRemote(serve(t, host.None{}))
	noError(t, err)
	if _, err := h.Authorise(context.Background(), q); !errors.Is(err, host.ErrUnreachable) {
		t.Errorf("a server without an issuer: %v", err)
	}
	for name, say := range map[string]string{
		"closes": "", "garbage": "hello\n", "another's answer": `{"id":77,"code":"00"}` + "\n", "no code": `{"id":1}` + "\n", "unknown member": `{"id":1,"code":"00","x":1}` + "\n",
		"code of letters that are none": `{"id":1,"code":"\u001b["}` + "\n", "auth code with a line end": `{"id":1,"code":"00","auth_code":"1\n2"}` + "\n", "code twice": `{"id":1,"code":"05","code":"00"}` + "\n",
		"half a byte": `{"id":1,"code":"00","icc":"9"}` + "\n", "two objects": `{"id":1,"code":"00"}{}` + "\n", "endless": strings.Repeat(" ", host.MaxLine+10),
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		noError(t, err)
		go func() {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = bufio.NewReader(conn).ReadString('\n')
			_, _ = io.WriteString(conn, say)
			conn.Close()
		}()
		h, err := host.NewRemote(l.Addr().String())
		noError(t, err)
		if _, err := h.Authorise(context.Background(), q); !errors.Is(err, host.ErrUnreachable) {
			t.Errorf("a host that %s: %v", name, err)
		}
		l.Close()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		if err := h.Reverse(ctx, q, host.AnswerLost, nil); !errors.Is(err, host.ErrUnreachable) {
			t.Errorf("nobody there: %v", err)
		}
		cancel()
	}
}

// A context that ends while the host thinks ends the call.
func TestARemoteHostThatThinksTooLong(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	noError(t, err)
	defer l.Close()
	h, err := host.NewRemote(l.Addr().String())
	noError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	d := newDesk(t, "dev-3des", h)
	if _, err := h.Authorise(ctx, d.Request(txn.OnlinePurchase, d.key, 100)); !errors.Is(err, host.ErrUnreachable) || time.Since(start) > 5*time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
}

func TestTheServerSaysWhatIsWrongWithALine(t *testing.T) {
	address := serve(t, issuer(t))
	good := `{"type":"authorise","id":5,"kind":"purchase","pan":"6228000100001117","psn":"01","expiry":"3512","amount_fen":100,"currency":"0156","time":1795147200,"terminal":1,"sequence":1,"entry":5}`
	for _, c := range []struct{ line, want string }{
		{good, `"id":5,"code":"30"`},
		{strings.Replace(good, "purchase", "gift", 1), `kind \"gift\"`},
		{strings.Replace(good, "authorise", "ask", 1), `type \"ask\"`},
		{strings.Replace(good, `"pan":"6228`, `"pan":"62 8`, 1), "pan:"},
		{strings.Replace(good, `"psn":"01"`, `"psn":"1"`, 1), "psn:"},
		{strings.Replace(good, `"psn":"01"`, `"psn":"0101"`, 1), "psn: 2 bytes, want 1"},
		{strings.Replace(good, `"entry":5`, `"entry":5,"reason":2`, 1), "reason 2"},
		{strings.Replace(good, `"entry":5`, `"entry":5,"colour":2`, 1), "colour"},
		{strings.Replace(good, "authorise", "reverse", 1), "reason 0"},
		{strings.Replace(good, `"entry":5`, `"entry":5,"pin_block":"00"`, 1), "pin_block: 1 bytes, want 8"},
		{strings.Replace(strings.Replace(good, "authorise", "reverse", 1), `"entry":5`, `"entry":5,"reason":2`, 1), `"id":5}`},
		{strings.Replace(good, `"entry":5`, `"entry":5,"amount_fen":1`, 1), `amount_fen\" is there twice`},
		{strings.Replace(good, `"kind":"purchase"`, `"kind":"purchase","KIND":"load"`, 1), `KIND\" is not known`},
		{"[" + good + "]", "want one object"},
		{strings.Replace(good, `"entry":5`, `"entry":`+strings.Repeat("[", 4000), 1), "message"},
		{strings.Repeat("x", 2*host.MaxLine), "more than"},
		{"", "message"},
	} {
		conn, err := net.Dial("tcp", address)
		noError(t, err)
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		go func() { _, _ = io.WriteString(conn, c.line+"\n") }()
		got, err := bufio.NewReader(conn).ReadString('\n')
		if err != nil || !strings.Contains(got, c.want) {
			t.Errorf("%.60s: answer %q (%v), want %s", c.line, got, err, c.want)
		}
		if strings.Contains(got, "6228000100001117") {
			t.Errorf("the answer repeats the account number: %s", got)
		}
		conn.Close()
	}
}

func TestOnlyThisMachineIsAnAddress(t *testing.T) {
	for _, a := range []string{"", "127.0.0.1", "0.0.0.0:99", "192.0.2.1:99", ":99", "bank.example:99", "[2001:db8::1]:99", "localhost:"} {
		if _, err := host.NewRemote(a); !errors.Is(err, host.ErrAddress) {
			t.Errorf("client, %q: %v", a, err)
		}
		if _, err := host.Listen(context.Background(), a); !errors.Is(err, host.ErrAddress) {
			t.Errorf("server, %q: %v", a, err)
		}
	}
	for _, a := range []string{"127.0.0.1:99", "localhost:99", "[::1]:99", "127.9.9.9:99"} {
		if _, err := host.NewRemote(a); err != nil {
			t.Errorf("client, %q: %v", a, err)
		}
	}
}
