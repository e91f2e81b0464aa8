package psam_test

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/wire/apdu"
)

// TestDialogues runs the conversations in testdata. Directives:
//
//	module [counter=N] [contact]   a new development module, its counters at N (hex)
//	reset                          power off and on
//	send                           one command a line, with its answer:
//	    HEX              as it is
//	    line KEY HEX     protected under KEY with the last challenge
//
// "#" begins a remark.
func TestDialogues(t *testing.T) {
	datadriven.Walk(t, "testdata/dialogues", func(t *testing.T, path string) {
		var s *session
		var challenge []byte
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "module":
				n := make([]byte, 4)
				if d.HasArg("counter") {
					var text string
					d.ScanArgs(t, "counter", &text)
					n = unhex(t, text)
				}
				s = insert(t, spec(t, binary.BigEndian.Uint32(n)))
				if d.HasArg("contact") {
					s.chip.UseInterface(card.Contact)
					s.powerOn()
				}
				return ""
			case "reset":
				s.t = t
				s.powerOn()
				return ""
			case "send":
				s.t = t
				var out strings.Builder
				for line := range strings.Lines(d.Input) {
					text, _, _ := strings.Cut(line, "#")
					text = strings.TrimSpace(text)
					if text == "" {
						continue
					}
					fmt.Fprintf(&out, "%s -> %s", text, s.line(strings.Fields(text), &challenge))
				}
				return out.String()
			}
			t.Fatalf("directive %s is not known", d.Cmd)
			return ""
		})
	})
}

// line carries out one line of send.
func (s *session) line(words []string, challenge *[]byte) string {
	s.t.Helper()
	cmd := unhex(s.t, strings.Join(words[max(0, 2*strings.Count(words[0], "line")):], ""))
	if words[0] == "line" {
		cmd = protect(s.t, unhex(s.t, words[1]), *challenge, cmd)
	}
	data, sw, err := s.send(cmd)
	if err != nil {
		s.t.Fatal(err)
	}
	if len(cmd) > 1 && cmd[1] == 0x84 && sw == apdu.SWOK {
		*challenge = data
	}
	text := ""
	if len(data) > 0 {
		text = fmt.Sprintf("%X ", data)
	}
	if sw == apdu.SWOK {
		return text + sw.String() + "\n"
	}
	return fmt.Sprintf("%s%s %s\n", text, sw, sw.Meaning("en"))
}

// protect makes a command with a MAC of one without, whose Lc counts its data.
func protect(t testing.TB, key, challenge, cmd []byte) []byte {
	t.Helper()
	l := epurse.NewLine(epurse.TDES, epurse.Key(key), challenge)
	field, err := l.Protect(nil, epurse.Header(cmd), cmd[5:], false)
	if err != nil {
		t.Fatal(err)
	}
	return append(append(cmd[:4:4], byte(len(field))), field...)
}
