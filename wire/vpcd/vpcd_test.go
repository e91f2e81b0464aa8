package vpcd

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// countingWriter notes how many writes a message takes.
type countingWriter struct {
	bytes.Buffer
	writes int
}

func (w *countingWriter) Write(b []byte) (int, error) {
	w.writes++
	return w.Buffer.Write(b)
}

func TestRequestsOnTheWire(t *testing.T) {
	for _, tc := range []struct {
		r    Request
		want []byte
	}{
		{Request{Kind: PowerOff}, []byte{0, 1, 0}},
		{Request{Kind: PowerOn}, []byte{0, 1, 1}},
		{Request{Kind: Reset}, []byte{0, 1, 2}},
		{Request{Kind: GetATR}, []byte{0, 1, 4}},
		{Request{Kind: APDU, Command: []byte{0x00, 0xA4, 0x04, 0x00}}, []byte{0, 4, 0x00, 0xA4, 0x04, 0x00}},
	} {
		var out countingWriter
		if err := NewWriter(&out).Request(tc.r); err != nil || !bytes.Equal(out.Bytes(), tc.want) || out.writes != 1 {
			t.Errorf("%v is sent as %X in %d writes, %v; want %X", tc.r.Kind, out.Bytes(), out.writes, err, tc.want)
		}
		got, err := NewReader(&out, 0).Request()
		if err != nil || got.Kind != tc.r.Kind || !bytes.Equal(got.Command, tc.r.Command) {
			t.Errorf("%X is read as %v %X, %v", tc.want, got.Kind, got.Command, err)
		}
		if got.Kind.Answered() != (got.Kind == GetATR || got.Kind == APDU) {
			t.Errorf("%v answered: %v", got.Kind, got.Kind.Answered())
		}
	}
}

func TestKindNames(t *testing.T) {
	for k, want := range map[Kind]string{PowerOff: "power off", PowerOn: "power on", Reset: "reset", GetATR: "get ATR", APDU: "APDU", 3: "control 03"} {
		if k.String() != want {
			t.Errorf("kind %02X is called %q, want %q", byte(k), k, want)
		}
	}
}

func TestRefusedMessages(t *testing.T) {
	read := func(b ...byte) error {
		_, err := NewReader(bytes.NewReader(b), 0).Request()
		return err
	}
	limited := func(read func(r *Reader) error, limit int, b ...byte) error {
		return read(NewReader(bytes.NewReader(b), limit))
	}
	request := func(r *Reader) error { _, err := r.Request(); return err }
	atr := func(r *Reader) error { _, err := r.ATR(); return err }
	response := func(r *Reader) error { _, err := r.Response(); return err }
	broken := NewReader(iotest.ErrReader(io.ErrClosedPipe), 0)
	_, brokenErr := broken.Request()
	for name, tc := range map[string]struct{ got, want error }{
		"end":                     {read(), io.EOF},
		"end inside the length":   {read(0), io.ErrUnexpectedEOF},
		"end before the body":     {read(0, 4), io.ErrUnexpectedEOF},
		"end inside the body":     {read(0, 4, 0, 0xA4, 4), io.ErrUnexpectedEOF},
		"no body":                 {read(0, 0), ErrEmpty},
		"control 03":              {read(0, 1, 3), ErrControl},
		"control FF":              {read(0, 1, 0xFF), ErrControl},
		"command of two bytes":    {read(0, 2, 0, 0xA4), ErrCommand},
		"command of three bytes":  {read(0, 3, 0, 0xA4, 4), ErrCommand},
		"limit":                   {limited(request, 4, 0, 5, 0, 0xA4, 4, 0, 0), ErrTooLong},
		"limit, length alone":     {limited(request, 4, 0xFF, 0xFF), ErrTooLong},
		"no limit below one":      {limited(request, -1, 0, 5, 0, 0xA4, 4, 0, 0), nil},
		"stream":                  {brokenErr, io.ErrClosedPipe},
		"ATR of one byte":         {limited(atr, 0, 0, 1, 0x3B), ErrATR},
		"ATR of 34 bytes":         {limited(atr, 0, append([]byte{0, 34}, make([]byte, 34)...)...), ErrATR},
		"response of one byte":    {limited(response, 0, 0, 1, 0x90), ErrResponse},
		"end instead of response": {limited(response, 0), io.EOF},
	} {
		if !errors.Is(tc.got, tc.want) || (tc.want == nil) != (tc.got == nil) {
			t.Errorf("%s: %v, want %v", name, tc.got, tc.want)
		}
	}
}

func TestNothingWrongIsSent(t *testing.T) {
	var out countingWriter
	w := NewWriter(&out)
	for name, tc := range map[string]struct{ got, want error }{
		"short command":  {w.Request(Request{Kind: APDU, Command: []byte{0, 0xA4, 4}}), ErrCommand},
		"long command":   {w.Request(Request{Kind: APDU, Command: make([]byte, MaxBody+1)}), ErrCommand},
		"kind 3":         {w.Request(Request{Kind: 3}), ErrControl},
		"short ATR":      {w.ATR([]byte{0x3B}), ErrATR},
		"long ATR":       {w.ATR(make([]byte, MaxATR+1)), ErrATR},
		"short response": {w.Response([]byte{0x90}), ErrResponse},
		"long response":  {w.Response(make([]byte, MaxBody+1)), ErrResponse},
	} {
		if !errors.Is(tc.got, tc.want) {
			t.Errorf("%s: %v, want %v", name, tc.got, tc.want)
		}
	}
	if out.writes != 0 {
		t.Errorf("%d writes of refused messages: %X", out.writes, out.Bytes())
	}
	r, err := io.Pipe()
	r.Close()
	if got := NewWriter(err).ATR([]byte{0x3B, 0x00}); !errors.Is(got, io.ErrClosedPipe) {
		t.Errorf("closed stream: %v", got)
	}
}

// TestConversation sends random messages both ways through streams that give one
// byte at a time, and reads the same messages in the same order.
func TestConversation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type message struct {
			r      Request
			answer []byte
		}
		var down, up countingWriter
		toCard, toReader := NewWriter(&down), NewWriter(&up)
		var said []message
		for range rapid.IntRange(1, 10).Draw(t, "messages") {
			m := message{r: Request{Kind: rapid.SampledFrom([]Kind{PowerOff, PowerOn, Reset, GetATR, APDU}).Draw(t, "kind")}}
			if m.r.Kind == APDU {
				m.r.Command = rapid.SliceOfN(rapid.Byte(), 4, 300).Draw(t, "command")
				m.answer = rapid.SliceOfN(rapid.Byte(), 2, 300).Draw(t, "response")
			} else if m.r.Kind == GetATR {
				m.answer = rapid.SliceOfN(rapid.Byte(), 2, 33).Draw(t, "ATR")
			}
			if err := toCard.Request(m.r); err != nil {
				t.Fatal(err)
			}
			if err := answer(toReader, m.r.Kind, m.answer); err != nil {
				t.Fatal(err)
			}
			said = append(said, m)
		}
		card, reader := NewReader(iotest.OneByteReader(&down), 0), NewReader(iotest.OneByteReader(&up), 0)
		for _, m := range said {
			got, err := card.Request()
			if err != nil || got.Kind != m.r.Kind || !bytes.Equal(got.Command, m.r.Command) {
				t.Fatalf("%v %X arrives as %v %X, %v", m.r.Kind, m.r.Command, got.Kind, got.Command, err)
			}
			if !m.r.Kind.Answered() {
				continue
			}
			read := reader.Response
			if m.r.Kind == GetATR {
				read = reader.ATR
			}
			if b, err := read(); err != nil || !bytes.Equal(b, m.answer) {
				t.Fatalf("answer %X arrives as %X, %v", m.answer, b, err)
			}
		}
		if _, err := card.Request(); err != io.EOF {
			t.Fatalf("after the last message: %v", err)
		}
	})
}

func answer(w *Writer, k Kind, b []byte) error {
	switch k {
	case APDU:
		return w.Response(b)
	case GetATR:
		return w.ATR(b)
	}
	return nil
}

// TestLongest sends the longest messages that there are.
func TestLongest(t *testing.T) {
	var line bytes.Buffer
	b := bytes.Repeat([]byte{0xA5}, MaxBody)
	w, r := NewWriter(&line), NewReader(&line, MaxBody)
	if err := w.Request(Request{Kind: APDU, Command: b}); err != nil {
		t.Fatal(err)
	}
	if got, err := r.Request(); err != nil || !bytes.Equal(got.Command, b) {
		t.Errorf("command of %d bytes, %v", len(got.Command), err)
	}
	if err := w.Response(b); err != nil {
		t.Fatal(err)
	}
	if got, err := r.Response(); err != nil || !bytes.Equal(got, b) {
		t.Errorf("response of %d bytes, %v", len(got), err)
	}
}

// TestSteadyStateAllocatesNothing: a card in use moves thousands of messages.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	var line bytes.Buffer
	w, r := NewWriter(&line), NewReader(&line, 0)
	command, response := make([]byte, 261), make([]byte, 258)
	got := testing.AllocsPerRun(100, func() {
		line.Reset()
		if err := w.Request(Request{Kind: APDU, Command: command}); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Request(); err != nil {
			t.Fatal(err)
		}
		if err := w.Response(response); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Response(); err != nil {
			t.Fatal(err)
		}
	})
	if got != 0 {
		t.Errorf("%v allocations an exchange", got)
	}
}
