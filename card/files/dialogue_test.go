package files_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/wire/apdu"
)

// TestDialogues runs the conversations in testdata. Directives:
//
//	card             a new test card (city of fixture_test.go), selected
//	reset            power off and on
//	send             one command a line, with its answer:
//	    HEX                  as it is
//	    auth ALG KEY HEX     the challenge enciphered is appended as data
//	    mac ALG KEY HEX      protected by a MAC; the answer is checked and shown plain
//	    enc ALG KEY HEX      enciphered too
//
// ALG is 3des or sm4; KEY the first byte of a key that counts up; the challenge
// is what the card's last GET CHALLENGE gave. "#" begins a remark.
func TestDialogues(t *testing.T) {
	datadriven.Walk(t, "testdata/dialogues", func(t *testing.T, path string) {
		var s *session
		var last []byte
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "card":
				s = insert(t, rootName, city())
				return answerLine(s.sendSelect())
			case "reset":
				s.app.PowerOff()
				s.memory.PowerOff()
				s.powerOn()
				return ""
			case "send":
				s.t = t
				var out strings.Builder
				for line := range strings.Lines(d.Input) {
					text, _, _ := strings.Cut(line, "#")
					text = strings.TrimSpace(text)
					fmt.Fprintf(&out, "%s -> %s", text, s.line(strings.Fields(text), &last))
				}
				return out.String()
			}
			t.Fatalf("directive %s is not known", d.Cmd)
			return ""
		})
	})
}

func (s *session) sendSelect() ([]byte, apdu.SW) {
	out, err := s.app.Select(nil, cos.Selection{})
	if err != nil {
		s.t.Fatal(err)
	}
	data, sw, err := apdu.ParseResponse(out)
	if err != nil {
		s.t.Fatal(err)
	}
	return data, sw
}

func answerLine(data []byte, sw apdu.SW) string {
	text := ""
	if len(data) > 0 {
		text = fmt.Sprintf("%X ", data)
	}
	if sw == apdu.SWOK {
		return text + sw.String() + "\n"
	}
	return fmt.Sprintf("%s%s %s\n", text, sw, sw.Meaning("en"))
}

// line carries out one line of send.
func (s *session) line(words []string, challenge *[]byte) string {
	s.t.Helper()
	if strings.ToUpper(words[0]) == words[0] {
		c := parse(s.t, strings.Join(words, ""))
		data, sw, err := s.send(c)
		if err != nil {
			s.t.Fatal(err)
		}
		if c.INS == 0x84 && sw == apdu.SWOK {
			*challenge = data
		}
		return answerLine(data, sw)
	}
	h := host{cryptogram.TDES, key(unhex(s.t, words[2])[0]), *challenge}
	if words[1] == "sm4" {
		h.alg = cryptogram.SM4
	}
	c := parse(s.t, strings.Join(words[3:], ""))
	enciphered := words[0] == "enc"
	switch words[0] {
	case "auth":
		c.Data = h.authentication()
	case "mac", "enc":
		c = h.protect(c, enciphered)
	default:
		s.t.Fatalf("%s is not known", words[0])
	}
	data, sw, err := s.send(c)
	if err != nil {
		s.t.Fatal(err)
	}
	if words[0] == "auth" || len(data) == 0 {
		return answerLine(data, sw)
	}
	plain, ok := h.open(data, enciphered)
	if !ok {
		return "answer with a wrong MAC: " + answerLine(data, sw)
	}
	return fmt.Sprintf("(%d bytes sent) ", len(data)) + answerLine(plain, sw)
}
