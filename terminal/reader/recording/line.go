package recording

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Limits of a recording.
const (
	maxFile     = 16 << 20
	maxSessions = 1000
	maxLines    = 4096
	namesShown  = 60 // in the error of Find
)

// Limits of messages, in bytes.
const (
	minCommand  = 4 // CLA INS P1 P2
	minResponse = 2 // SW1 SW2
	maxMessage  = 65535
	minATR      = 2 // ISO/IEC 7816-3, 8.2
	maxATR      = 33
)

// ErrFormat is the kind of all errors of Parse.
var ErrFormat = errors.New("not a recording")

// line is one line of the file.
type line struct {
	Source   string  `json:"source,omitempty"`
	Session  string  `json:"session,omitempty"`
	Seq      int     `json:"seq"`
	ATR      *string `json:"atr,omitempty"`
	Command  *string `json:"command"`
	Response *string `json:"response"`
	Torn     *string `json:"torn,omitempty"`
	Micros   int64   `json:"us,omitempty"`
	Masked   *bool   `json:"masked,omitempty"`
	Note     string  `json:"note,omitempty"`
}

// Parse reads a file of recordings. Lines of one session follow each other; empty
// lines are ignored. The error names the line and is of kind [ErrFormat]; it shows
// nothing of the conversation.
func Parse(b []byte) ([]Session, error) {
	if len(b) > maxFile {
		return nil, fmt.Errorf("%d bytes, at most %d: %w", len(b), maxFile, ErrFormat)
	}
	var list []Session
	n := 0
	for text := range bytes.Lines(b) {
		n++
		text = bytes.TrimSpace(text)
		if len(text) == 0 {
			continue
		}
		l, x, err := parseLine(text)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if list, err = place(list, &l, x); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	for i := range list {
		list[i].tear()
	}
	return list, nil
}

// place puts an exchange into its session.
func place(list []Session, l *line, x Exchange) ([]Session, error) {
	if len(list) == 0 || list[len(list)-1].Name != l.Session {
		for i := range list {
			if list[i].Name == l.Session {
				return nil, fmt.Errorf("session %.40q begins a second time: %w", l.Session, ErrFormat)
			}
		}
		if len(list) == maxSessions {
			return nil, fmt.Errorf("more than %d sessions: %w", maxSessions, ErrFormat)
		}
		list = append(list, Session{Name: l.Session, Source: l.Source, Masked: l.Masked != nil && *l.Masked})
	}
	s := &list[len(list)-1]
	switch k := len(s.Exchanges); {
	case k == maxLines:
		return nil, fmt.Errorf("session %.40q: more than %d lines: %w", s.Name, maxLines, ErrFormat)
	case l.Source != "" && l.Source != s.Source, l.Masked != nil && *l.Masked != s.Masked:
		return nil, fmt.Errorf("session %.40q: source and masked must be those of its first line: %w", s.Name, ErrFormat)
	case k > 0 && x.Seq <= s.Exchanges[k-1].Seq:
		return nil, fmt.Errorf("session %.40q: seq %d does not follow %d: %w", s.Name, x.Seq, s.Exchanges[k-1].Seq, ErrFormat)
	}
	s.Exchanges = append(s.Exchanges, x)
	return list, nil
}

// parseLine reads one line.
func parseLine(text []byte) (l line, x Exchange, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil {
		return l, x, fmt.Errorf("%s: %w", jsonFault(err), ErrFormat)
	}
	if rest := text[d.InputOffset():]; len(rest) > 0 {
		return l, x, fmt.Errorf("something follows the object: %w", ErrFormat)
	}
	if !plainKeys(text) {
		return l, x, fmt.Errorf("it has a field twice, or in capitals: %w", ErrFormat)
	}
	if l.Micros < 0 {
		return l, x, fmt.Errorf("us: it must not be negative: %w", ErrFormat)
	}
	x = Exchange{Seq: l.Seq, Micros: l.Micros, Note: l.Note}
	for _, field := range []struct {
		name     string
		text     *string
		min, max int
		to       *[]byte
	}{
		{"command", l.Command, minCommand, maxMessage, &x.Command}, {"response", l.Response, minResponse, maxMessage, &x.Response},
		{"torn", l.Torn, 1, maxMessage, &x.Torn}, {"atr", l.ATR, minATR, maxATR, &x.ATR},
	} {
		if field.text == nil {
			continue
		}
		if *field.to, err = hex.DecodeString(*field.text); err != nil {
			return l, x, fmt.Errorf("%s: it is not hexadecimal: %w", field.name, ErrFormat)
		}
		if n := len(*field.to); n < field.min || n > field.max {
			return l, x, fmt.Errorf("%s: %d bytes, must be %d to %d: %w", field.name, n, field.min, field.max, ErrFormat)
		}
	}
	switch {
	case x.Command == nil && x.ATR == nil:
		return l, x, fmt.Errorf("command: it is missing, and there is no atr either: %w", ErrFormat)
	case x.Command == nil && (x.Response != nil || x.Torn != nil):
		return l, x, fmt.Errorf("response: a reset has atr instead: %w", ErrFormat)
	case x.Command != nil && x.ATR != nil:
		return l, x, fmt.Errorf("atr: only a reset has it: %w", ErrFormat)
	case x.Response != nil && x.Torn != nil:
		return l, x, fmt.Errorf("torn: only where response is null: %w", ErrFormat)
	}
	return l, x, nil
}

var keys = []string{"source", "session", "seq", "atr", "command", "response", "torn", "us", "masked", "note"}

// plainKeys says that each key of an object that has been read stands there once and
// as it is written here: encoding/json takes others, too.
func plainKeys(text []byte) bool {
	d := json.NewDecoder(bytes.NewReader(text))
	seen := map[string]bool{}
	_, _ = d.Token() // {; all values in the object are single tokens, and were read before
	for d.More() {
		token, _ := d.Token()
		key, _ := token.(string)
		if seen[key] || !slices.Contains(keys, key) {
			return false
		}
		seen[key] = true
		_, _ = d.Token()
	}
	return true
}

// jsonFault says what is wrong without quoting the line, which may hold an account
// number.
func jsonFault(err error) string {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Sprintf("no JSON object, byte %d", syntax.Offset)
	case errors.As(err, &kind):
		return fmt.Sprintf("field %.40q has the wrong type", kind.Field)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "the line ends too early: was the program that wrote it stopped?"
	case strings.Contains(err.Error(), "unknown field"):
		return "it has a field that is not known"
	}
	return "no JSON object"
}

// tear corrects the last answer of recordings that say nothing of torn answers.
// Data with a status word 91xx to 9Fxx is no answer of any command of EMV, PBOC or
// an electronic purse, whose own status words come without data. Commands of class
// 90 are left alone: cards of other kinds answer them so.
func (s *Session) tear() {
	x := &s.Exchanges[len(s.Exchanges)-1]
	n := len(x.Response)
	if n > minResponse && x.Response[n-2] > 0x90 && x.Response[n-2] <= 0x9F && x.Command[0] != 0x90 {
		x.Torn, x.Response = x.Response, nil
	}
}

// Append appends the session as JSON lines. Source and Masked stand in the first.
func (s *Session) Append(dst []byte) []byte {
	for i := range s.Exchanges {
		x := &s.Exchanges[i]
		l := line{
			Session: s.Name, Seq: x.Seq, Micros: x.Micros, Note: x.Note,
			Command: encode(x.Command), Response: encode(x.Response), Torn: encode(x.Torn), ATR: encode(x.ATR),
		}
		if i == 0 {
			l.Source = s.Source
			if s.Masked {
				l.Masked = &s.Masked
			}
		}
		b, err := json.Marshal(&l)
		if err != nil {
			panic("recording: strings and numbers do not marshal: " + err.Error())
		}
		dst = append(append(dst, b...), '\n')
	}
	return dst
}

func encode(b []byte) *string {
	if b == nil {
		return nil
	}
	s := strings.ToUpper(hex.EncodeToString(b))
	return &s
}

// Find gives the session of a name; with an empty name the only one. The error
// lists the first names.
func Find(list []Session, name string) (*Session, error) {
	if name == "" && len(list) == 1 {
		return &list[0], nil
	}
	var names []string
	for i := range list {
		if list[i].Name == name && name != "" {
			return &list[i], nil
		}
		if len(names) < namesShown {
			names = append(names, fmt.Sprintf("%.60q", list[i].Name))
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("no session in it: %w", ErrFormat)
	}
	return nil, fmt.Errorf("say which session is meant, one of: %s: %w", strings.Join(names, " "), ErrFormat)
}
