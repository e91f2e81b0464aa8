package vpcd

import (
	"errors"
	"fmt"
	"io"
)

// Reader takes messages off a stream. What it returns is good until its next
// call. It is for one goroutine.
type Reader struct {
	r      io.Reader
	limit  int
	length [2]byte
	body   []byte
}

// NewReader reads messages with bodies of at most limit bytes, 1 to MaxBody; any
// other limit means MaxBody. Longer messages end in ErrTooLong.
func NewReader(r io.Reader, limit int) *Reader {
	if limit < 1 || limit > MaxBody {
		limit = MaxBody
	}
	return &Reader{r: r, limit: limit}
}

// ErrTooLong says that a message announces a body beyond the limit of the Reader.
var ErrTooLong = errors.New("message is longer than allowed here")

// next reads one body. After an error the stream is of no more use, except after
// a timeout of the underlying stream before the first byte.
func (r *Reader) next() ([]byte, error) {
	if _, err := io.ReadFull(r.r, r.length[:]); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, io.EOF
		}
		return nil, fmt.Errorf("vpcd: read length: %w", err)
	}
	n := int(r.length[0])<<8 | int(r.length[1])
	switch {
	case n == 0:
		return nil, fmt.Errorf("vpcd: read message: %w", ErrEmpty)
	case n > r.limit:
		return nil, fmt.Errorf("vpcd: message of %d bytes, limit %d: %w", n, r.limit, ErrTooLong)
	}
	if cap(r.body) < n {
		r.body = make([]byte, n)
	}
	body := r.body[:n]
	if _, err := io.ReadFull(r.r, body); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("vpcd: read body of %d bytes: %w", n, err)
	}
	return body, nil
}

// Request reads what the reader asks, for a card. It gives io.EOF, unwrapped, when
// the stream ends between messages; other errors are those of ParseRequest,
// ErrTooLong and those of the stream.
func (r *Reader) Request() (Request, error) {
	body, err := r.next()
	if err != nil {
		return Request{}, err
	}
	req, err := ParseRequest(body)
	if err != nil {
		return Request{}, fmt.Errorf("vpcd: read request: %w", err)
	}
	return req, nil
}

// ATR reads a card's answer to GetATR, for a reader. Errors: io.EOF, ErrATR and
// those of Request.
func (r *Reader) ATR() ([]byte, error) { return r.answer(checkATR) }

// Response reads a card's answer to an APDU, for a reader: data and SW1 SW2.
// Errors: io.EOF, ErrResponse and those of Request.
func (r *Reader) Response() ([]byte, error) { return r.answer(checkResponse) }

func (r *Reader) answer(check func([]byte) error) ([]byte, error) {
	body, err := r.next()
	if err != nil {
		return nil, err
	}
	if err := check(body); err != nil {
		return nil, fmt.Errorf("vpcd: read answer: %w", err)
	}
	return body, nil
}

// Writer puts messages on a stream, each in one Write. It is for one goroutine.
type Writer struct {
	w   io.Writer
	buf []byte
}

// NewWriter writes to w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Request sends what the reader asks. Errors: those of AppendRequest, with nothing
// sent, and those of the stream.
func (w *Writer) Request(r Request) error {
	b, err := AppendRequest(w.buf[:0], r)
	return w.send(b, err)
}

// ATR sends a card's answer to GetATR. Errors: ErrATR, with nothing sent, and
// those of the stream.
func (w *Writer) ATR(atr []byte) error {
	b, err := AppendATR(w.buf[:0], atr)
	return w.send(b, err)
}

// Response sends a card's answer to an APDU, data and SW1 SW2. Errors:
// ErrResponse, with nothing sent, and those of the stream.
func (w *Writer) Response(response []byte) error {
	b, err := AppendResponse(w.buf[:0], response)
	return w.send(b, err)
}

func (w *Writer) send(b []byte, err error) error {
	if err != nil {
		return fmt.Errorf("vpcd: write message: %w", err)
	}
	w.buf = b
	if _, err := w.w.Write(b); err != nil {
		return fmt.Errorf("vpcd: write message: %w", err)
	}
	return nil
}
