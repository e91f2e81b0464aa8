package host

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// MaxLine is the longest line of the protocol, its end included.
const MaxLine = 8 << 10

// ErrMessage says that a line is no message of the protocol.
var ErrMessage = errors.New("not a message of the host protocol")

// request is a line to the host. Bytes are hexadecimal digits. It holds the account
// number in clear, so it never prints itself.
type request struct {
	Type     string `json:"type"` // "authorise" or "reverse"
	ID       uint64 `json:"id"`   // comes back in the answer
	Kind     string `json:"kind"` // purchase, inquiry, load, unload
	PAN      string `json:"pan"`
	PSN      string `json:"psn"`    // two digits
	Expiry   string `json:"expiry"` // YYMM
	Amount   int64  `json:"amount_fen"`
	Currency string `json:"currency"` // "0156"
	Time     int64  `json:"time"`     // unix seconds
	Terminal uint32 `json:"terminal"`
	Sequence uint32 `json:"sequence"`
	Entry    uint8  `json:"entry"` // field 22, first two digits
	ICC      string `json:"icc,omitempty"`
	Track2   string `json:"track2,omitempty"`
	PINBlock string `json:"pin_block,omitempty"`
	Reason   uint8  `json:"reason,omitempty"`       // of a reversal
	Results  string `json:"reversal_icc,omitempty"` // field 55 of a reversal
}

// Format withholds everything.
func (request) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[request withheld]")) }

// answer is a line from the host.
type answer struct {
	ID        uint64 `json:"id"`
	Code      string `json:"code,omitempty"`
	ICC       string `json:"icc,omitempty"`
	AuthCode  string `json:"auth_code,omitempty"`
	Available *int64 `json:"available_fen,omitempty"`
	// Error is "unreachable", "refused" or "message"; Text says more.
	Error string `json:"error,omitempty"`
	Text  string `json:"text,omitempty"`
}

// The words of answer.Error.
const (
	saysUnreachable = "unreachable"
	saysRefused     = "refused"
	saysMessage     = "message"
)

// call is a request as the program handles it.
type call struct {
	id      uint64
	reverse bool
	q       txn.OnlineRequest
	why     Reason
	results []byte
}

// line writes a request.
func (c *call) line() ([]byte, error) {
	q := &c.q
	m := request{Type: "authorise", ID: c.id, Kind: q.Kind.String(), PAN: q.Card.PAN.Digits(), PSN: fmt.Sprintf("%02X", q.Card.PSN),
		Expiry: fmt.Sprintf("%X", q.Expiry), Amount: int64(q.Amount), Currency: fmt.Sprintf("%X", q.Currency), Time: q.Time,
		Terminal: uint32(q.Terminal), Sequence: q.Sequence, Entry: uint8(q.Entry), ICC: hex.EncodeToString(q.ICC), Track2: hex.EncodeToString(q.Track2)}
	if q.HasPIN {
		m.PINBlock = hex.EncodeToString(q.PINBlock[:])
	}
	if c.reverse {
		m.Type, m.Reason, m.Results = "reverse", uint8(c.why), hex.EncodeToString(c.results)
	}
	b, err := json.Marshal(&m)
	if err == nil && len(b) >= MaxLine {
		err = fmt.Errorf("%d bytes, at most %d are possible: %w", len(b)+1, MaxLine, ErrMessage)
	}
	return append(b, '\n'), err
}

// one reads exactly one JSON object with known members, each there once.
func one(b []byte, to any) error {
	if err := members(b); err != nil {
		return fmt.Errorf("%w: %w", err, ErrMessage)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(to); err != nil {
		return fmt.Errorf("%w: %w", err, ErrMessage)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("more than one object on a line: %w", ErrMessage)
	}
	return nil
}

// members refuses what encoding/json takes and two readers of a line may understand
// differently: a member that is there twice, or is named in other letters.
func members(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errors.New("want one object")
	}
	seen := map[string]bool{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		s, _ := name.(string)
		switch {
		case seen[s]:
			return fmt.Errorf("%.20q is there twice", s)
		case s != strings.ToLower(s):
			return fmt.Errorf("%.20q is not known", s)
		}
		seen[s] = true
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return err
		}
	}
	return nil
}

// digits reads hexadecimal digits; exactly n bytes, or, for n < 0, any number.
type digits struct{ err error }

func (d *digits) bytes(name, v string, n int) []byte {
	b, err := hex.DecodeString(v)
	if err == nil && n >= 0 && len(b) != n {
		err = fmt.Errorf("%d bytes, want %d", len(b), n)
	}
	if err != nil && d.err == nil {
		d.err = fmt.Errorf("%s: %w: %w", name, err, ErrMessage)
	}
	if err != nil {
		return make([]byte, max(n, 0))
	}
	return b
}

// parseCall reads a request; the id is given even if the rest cannot be read.
func parseCall(b []byte) (call, error) {
	var m request
	if err := one(b, &m); err != nil {
		return call{id: m.ID}, err
	}
	c := call{id: m.ID, reverse: m.Type == "reverse", why: Reason(m.Reason)}
	var d digits
	number, err := txn.ParsePAN(m.PAN)
	if err != nil {
		d.err = fmt.Errorf("pan: %w: %w", err, ErrMessage)
	}
	c.q = txn.OnlineRequest{
		Kind: kinds[m.Kind], Card: txn.CardKey{PAN: number, PSN: d.bytes("psn", m.PSN, 1)[0]}, Expiry: [2]byte(d.bytes("expiry", m.Expiry, 2)),
		Amount: money.Fen(m.Amount), Currency: [2]byte(d.bytes("currency", m.Currency, 2)), Time: m.Time, Terminal: txn.TerminalID(m.Terminal),
		Sequence: m.Sequence, Entry: txn.EntryMode(m.Entry), ICC: d.bytes("icc", m.ICC, -1), Track2: d.bytes("track2", m.Track2, -1),
	}
	if m.PINBlock != "" {
		c.q.PINBlock, c.q.HasPIN = [8]byte(d.bytes("pin_block", m.PINBlock, 8)), true
	}
	c.results = d.bytes("reversal_icc", m.Results, -1)
	switch {
	case d.err != nil:
		return c, d.err
	case m.Type != "authorise" && m.Type != "reverse":
		return c, fmt.Errorf("type %.20q, want authorise or reverse: %w", m.Type, ErrMessage)
	case c.q.Kind == 0:
		return c, fmt.Errorf("kind %.20q, want purchase, inquiry, load or unload: %w", m.Kind, ErrMessage)
	case c.reverse != c.why.Valid():
		return c, fmt.Errorf("reason %d; a reversal has one from 1 to 5, a request none: %w", m.Reason, ErrMessage)
	case !c.reverse && len(c.results) > 0:
		return c, fmt.Errorf("reversal_icc in a request: %w", ErrMessage)
	}
	return c, nil
}

// answerLine writes an answer.
func answerLine(id uint64, a *txn.OnlineAnswer, err error) ([]byte, error) {
	m := answer{ID: id}
	switch {
	case errors.Is(err, ErrMessage):
		m.Error, m.Text = saysMessage, err.Error()
	case errors.Is(err, ErrRefused):
		m.Error, m.Text = saysRefused, err.Error()
	case err != nil:
		m.Error, m.Text = saysUnreachable, err.Error()
	case a != nil:
		m.Code, m.ICC, m.AuthCode = string(a.Code[:]), hex.EncodeToString(a.ICC), a.AuthCode
		if a.Known {
			v := int64(a.Available)
			m.Available = &v
		}
	}
	if len(m.Text) > MaxLine/8 {
		m.Text = m.Text[:MaxLine/8]
	}
	b, err := json.Marshal(&m)
	return append(b, '\n'), err
}

// plain tells whether a text, which ends up on displays and receipts, is of digits and
// letters (attribute an of GB/T 15150).
func plain(s string) bool {
	return strings.Trim(s, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") == ""
}

// parseAnswer reads an answer to request id; reverse says which kind it was.
func parseAnswer(b []byte, id uint64, reverse bool) (a txn.OnlineAnswer, err error) {
	var m answer
	if err := one(b, &m); err != nil {
		return a, err
	}
	switch {
	case m.ID != id && m.Error != saysMessage:
		return a, fmt.Errorf("an answer to request %d, not %d: %w", m.ID, id, ErrMessage)
	case m.Error == saysRefused:
		return a, fmt.Errorf("%.200q: %w", m.Text, ErrRefused)
	case m.Error != "":
		return a, fmt.Errorf("the host says %.20q: %.200q: %w", m.Error, m.Text, ErrUnreachable)
	case reverse:
		return a, nil
	case len(m.Code) != 2 || !plain(m.Code):
		return a, fmt.Errorf("code %.10q, want two digits or letters: %w", m.Code, ErrMessage)
	case len(m.AuthCode) > 6 || !plain(m.AuthCode):
		return a, fmt.Errorf("auth_code %.10q, want at most six digits or letters: %w", m.AuthCode, ErrMessage)
	}
	var d digits
	a = txn.OnlineAnswer{Code: [2]byte([]byte(m.Code)), ICC: d.bytes("icc", m.ICC, -1), AuthCode: m.AuthCode}
	if m.Available != nil {
		a.Available, a.Known = money.Fen(*m.Available), true
	}
	return a, d.err
}
