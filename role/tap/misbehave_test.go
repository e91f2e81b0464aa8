package tap_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/role/tap"
	"github.com/citycard/citycard/terminal/kernel/emv"
	"github.com/citycard/citycard/terminal/pos"
	"github.com/citycard/citycard/terminal/reader"
)

// liar answers PUT DATA itself: the card never hears it.
type liar struct {
	reader.Card
	sw string
}

func (l liar) Transmit(ctx context.Context, dst, cmd []byte) ([]byte, error) {
	if cmd[1] == 0xDA {
		return append(dst, l.sw...), nil
	}
	return l.Card.Transmit(ctx, dst, cmd)
}

// TestWordOfALoad: the status word of the command that sets the balance is not signed.
// What the balance says afterwards decides whether anything is certain, and the
// balance before is the one that the card signed.
func TestWordOfALoad(t *testing.T) {
	const refuse = "name: r\nfaults: [{name: r, when: {ins: DA}, then: {sw: \"6700\"}}]\n"
	unread := strings.Replace(refuse, "}}]", "}}, {name: q, when: {ins: CA}, then: {silent: true}}]", 1)
	lie := func(sw string) func(reader.Card) reader.Card {
		return func(c reader.Card) reader.Card { return liar{c, sw} }
	}
	for _, c := range []struct {
		name     string
		kind     pos.Kind
		faults   string
		wrap     func(reader.Card) reader.Card
		want     pos.Outcome
		reversal emv.Reversal
		after    int64
	}{
		{"load done, called refused", pos.Load, refuse, nil, pos.Doubt, emv.ScriptUnknown, 101500},
		{"load done, called refused, not read", pos.Load, unread, nil, pos.Doubt, emv.ScriptUnknown, -1},
		{"load refused", pos.Load, "", lie("\x67\x00"), pos.Declined, emv.CardRefusedLate, 100000},
		{"load not done, called done", pos.Load, "", lie("\x90\x00"), pos.Doubt, emv.ScriptUnknown, 100000},
		{"load", pos.Load, "", nil, pos.OnlineApproved, emv.NoReversal, 101500},
		{"unload done, called refused", pos.Unload, refuse, nil, pos.Doubt, emv.ScriptUnknown, 0},
		{"unload refused", pos.Unload, "", lie("\x67\x00"), pos.Declined, emv.CardRefusedLate, 100000},
		{"unload not done, called done", pos.Unload, "", lie("\x90\x00"), pos.Doubt, emv.ScriptUnknown, 100000},
		{"unload", pos.Unload, "", nil, pos.OnlineApproved, emv.NoReversal, 0},
	} {
		for _, side := range []card.Interface{card.Contact, card.Contactless} {
			s := &shop{t: t, profile: "dev-sm", side: side, faults: c.faults, wrap: c.wrap, person: &holder{pin: "123456"}}
			s.insert()
			sale := pos.Sale{Kind: c.kind, Amount: 1500}
			if c.kind == pos.Unload {
				sale.Amount = 0
			}
			tr := s.sell(sale)
			got := emv.NoReversal
			if tr.Result.Reversal != nil {
				got = tr.Result.Reversal.Reason
			}
			if tr.Result.Outcome != c.want || got != c.reversal || int64(tr.Result.Balance) != c.after || tr.Before != 100000 {
				t.Errorf("%s, interface %v: %v, reversal %v, %v after, %d before", c.name, side, tr.Result.Outcome, got, tr.Result.Balance, tr.Before)
			}
		}
	}
}

// TestLateCard: a card that takes longer than it may counts as one that left.
func TestLateCard(t *testing.T) {
	for when, o := range map[string]pos.Outcome{
		"{ins: A8}": pos.CardLost, "{ins: B2, p1: \"01\", p2: \"1C\"}": pos.Doubt,
	} {
		s := &shop{t: t, profile: "dev-sm", answer: 20 * time.Millisecond, faults: "name: l\nfaults: [{name: l, when: " + when + ", then: {delay_ms: 60000}}]\n"}
		tr := s.sell(pos.Sale{Amount: 150})
		want(t, tr, o)
		if r := tr.Report("en"); !strings.HasSuffix(r.Fault, "the card does not answer: none within 20ms") || tr.Broken != nil {
			t.Errorf("%s: fault %q, %v", when, r.Fault, tr.Broken)
		}
	}
}

// silent is the card's end of a virtual reader that tells its answer to reset, and
// then nothing more, until the test ends.
func silent(t *testing.T, address string, atr []byte) {
	t.Helper()
	var conn net.Conn
	var err error
	for range 100 {
		if conn, err = net.Dial("tcp", address); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err != nil {
		t.Errorf("dial the virtual reader: %v", err)
		return
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	for {
		var head [2]byte
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return
		}
		body := make([]byte, int(head[0])<<8|int(head[1]))
		if _, err := io.ReadFull(in, body); err != nil {
			return
		}
		if len(body) == 1 && body[0] == 0x04 {
			if _, err := conn.Write(append([]byte{0, byte(len(atr))}, atr...)); err != nil {
				return
			}
		}
	}
}

// TestSilentVirtualCard: the same through the socket of a virtual reader, and a card
// whose answer to reset is none gives a result as well.
func TestSilentVirtualCard(t *testing.T) {
	for _, c := range []struct {
		atr  string
		want pos.Outcome
		why  string
	}{
		{"\x3B\x80\x80\x01\x01", pos.CardLost, "none within 50ms"},
		{"\x00", pos.Error, ""},
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		check(t, err)
		address := l.Addr().String()
		check(t, l.Close())
		_, port, err := net.SplitHostPort(address)
		check(t, err)
		go silent(t, address, []byte(c.atr))
		s := &shop{t: t, answer: 50 * time.Millisecond, open: func() (reader.Card, error) {
			ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
			defer stop()
			return reader.Open(ctx, "vpcd:"+port, reader.Doors{Wait: true, Cooked: true})
		}}
		tr := s.sell(pos.Sale{Amount: 150})
		want(t, tr, c.want)
		r := tr.Report("en")
		if !strings.Contains(r.Fault, c.why) || (c.want == pos.Error) != strings.Contains(r.ReaderError, "ATR") || r.Balance != nil || r.Before != nil {
			t.Errorf("ATR %X: fault %q, reader's error %q", c.atr, r.Fault, r.ReaderError)
		}
		if _, err := json.Marshal(r); err != nil {
			t.Error(err)
		}
	}
}

// TestEndlessAnswer: 61xx for ever is no card that left.
func TestEndlessAnswer(t *testing.T) {
	for when, o := range map[string]pos.Outcome{
		"{ins: A8}": pos.Error, "{ins: B2, p1: \"01\", p2: \"1C\"}": pos.Doubt,
	} {
		s := &shop{t: t, profile: "dev-sm", wrap: reader.Cook, faults: "name: e\nfaults:\n" +
			"  - {name: e, when: " + when + ", then: {sw: \"6110\"}}\n  - {name: f, when: {ins: C0}, then: {sw: \"6110\"}}\n"}
		s.insert()
		tr := s.sell(pos.Sale{Amount: 150})
		want(t, tr, o)
		if r := tr.Report("en"); !strings.Contains(r.Fault, reader.ErrEndless.Error()) || !errors.Is(tr.Misbehaved, reader.ErrEndless) {
			t.Errorf("%s: fault %q", when, r.Fault)
		}
	}
}

// TestSlower finds the exchange that took longest beyond the model.
func TestSlower(t *testing.T) {
	step := func(took, field time.Duration) tap.Step {
		return tap.Step{Kind: tap.Exchange, Took: took, Field: field}
	}
	tr := tap.Trace{Steps: []tap.Step{{Kind: tap.Opening, Took: time.Hour, Field: 1}, step(9, 9), step(20, 10), step(60, 30), step(50, 45)}}
	if n, s := tr.Slower(); n != 3 || s != &tr.Steps[3] {
		t.Errorf("exchange %d, %v", n, s)
	}
	quick := tap.Trace{Steps: []tap.Step{step(9, 10), step(1000, 0)}}
	if n, s := quick.Slower(); n != 0 || s != nil {
		t.Errorf("exchange %d, %v", n, s)
	}
}

// TestMeasured: what was measured stands beside the model, which it does not change.
func TestMeasured(t *testing.T) {
	r := (&shop{t: t, profile: "dev-sm"}).sell(pos.Sale{Amount: 150}).Report("en")
	if r.MeasuredMS != "0.700" { // 7 exchanges of 0.1 ms by the test's clock
		t.Errorf("measured %s ms", r.MeasuredMS)
	}
}
