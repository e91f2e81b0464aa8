package pboc_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/wire/apdu"
)

// TestScriptDialogues runs the conversations in testdata/scripts with the card of
// scriptfixture_test.go. Directives:
//
//	card 3des | card sm4   a new card at the contacts
//	air, contacts          power off and on, over that interface
//	first                  SELECT, GPO and the first GENERATE AC, which gives an ARQC
//	online                 the same, EXTERNAL AUTHENTICATE and the second GENERATE AC
//	send                   one command a line, with its answer:
//	    HEX                    as it is
//	    script HEADER HEX      Lc and the issuer's MAC are put in
//
// "#" begins a remark.
func TestScriptDialogues(t *testing.T) {
	datadriven.Walk(t, "testdata/scripts", func(t *testing.T, path string) {
		var i *issuer
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if i != nil {
				i.t = t
			}
			switch d.Cmd {
			case "card":
				alg := cryptogram.TDES
				if d.HasArg("sm4") {
					alg = cryptogram.SM4
				}
				i = newIssuer(t, alg)
			case "air":
				i.powerOn(card.Contactless)
			case "contacts":
				i.powerOn(card.Contact)
			case "first":
				noError(t, i.first())
				return fmt.Sprintf("ATC %04X, ARQC %X\n", i.atc, i.ac)
			case "online":
				noError(t, i.online())
				return fmt.Sprintf("ATC %04X, ARQC %X\n", i.atc, i.ac)
			case "send":
				return i.conversation(d.Input)
			default:
				t.Fatalf("directive %s is not known", d.Cmd)
			}
			return ""
		})
	})
}

func (i *issuer) powerOn(side card.Interface) {
	i.t.Helper()
	i.chip.PowerOff()
	i.chip.UseInterface(side)
	noError(i.t, i.chip.PowerOn(randomFrom(5)))
}

func (i *issuer) conversation(input string) string {
	i.t.Helper()
	var out strings.Builder
	for line := range strings.Lines(input) {
		text, _, _ := strings.Cut(line, "#")
		words := strings.Fields(text)
		if len(words) == 0 {
			continue
		}
		cmd := strings.Join(words, "")
		if words[0] == "script" {
			cmd = i.script(words[1], hexBytes(i.t, strings.Join(words[2:], "")))
		}
		data, sw := i.send(cmd)
		fmt.Fprintf(&out, "%s -> ", strings.ToUpper(cmd))
		if len(data) > 0 {
			fmt.Fprintf(&out, "%X ", data)
		}
		if sw == apdu.SWOK {
			fmt.Fprintf(&out, "%v\n", sw)
		} else {
			fmt.Fprintf(&out, "%v %s\n", sw, sw.Meaning("en"))
		}
	}
	return out.String()
}
