package terminaltest

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/citycard/citycard/certify"
	"github.com/citycard/citycard/certify/terminal"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
)

// testTime is the time of all test runs.
var testTime = time.Date(2026, 3, 14, 10, 0, 0, 0, time.FixedZone("CST", 8*3600))

func random() *rand.ChaCha8 { return rand.NewChaCha8([32]byte{1}) }

func newTill(t testing.TB, s terminal.Setup) *Till {
	t.Helper()
	till, err := NewTill(s, func() time.Time { return testTime }, random())
	if err != nil {
		t.Fatal(err)
	}
	return till
}

func options(t testing.TB, only ...string) terminal.Options {
	t.Helper()
	r, s, err := Keys()
	if err != nil {
		t.Fatal(err)
	}
	return terminal.Options{Name: "till", Setup: terminal.Everything(), RSA: r, SM2: s, Records: RecordKeys(), Purse: PurseKeys(), Only: only, At: testTime, Rand: random()}
}

// parsed reads a command of the till.
func parsed(cmd []byte) apdu.Command {
	c, err := apdu.ParseCommand(cmd)
	if err != nil {
		return apdu.Command{}
	}
	return c
}

// before alters commands with an instruction on their way to the card.
func before(ins byte, f func(cmd []byte)) *fault {
	return &fault{around: func(send func([]byte) terminal.Answer, cmd []byte) terminal.Answer {
		if parsed(cmd).INS == ins {
			cmd = bytes.Clone(cmd)
			f(cmd)
		}
		return send(cmd)
	}}
}

// behind alters answers to commands with an instruction on their way to the till.
func behind(ins byte, f func(answer []byte) []byte) *fault {
	return &fault{around: func(send func([]byte) terminal.Answer, cmd []byte) terminal.Answer {
		a := send(cmd)
		if parsed(cmd).INS == ins && !a.Gone {
			a.Data = f(a.Data)
		}
		return a
	}}
}

// instead never sends commands with an instruction and answers itself.
func instead(ins byte, answer ...byte) *fault {
	return &fault{around: func(send func([]byte) terminal.Answer, cmd []byte) terminal.Answer {
		if parsed(cmd).INS == ins {
			return terminal.Answer{Data: answer}
		}
		return send(cmd)
	}}
}

// also sends another command before the first one with an instruction.
func also(ins byte, more ...byte) *fault {
	return &fault{around: func(send func([]byte) terminal.Answer, cmd []byte) terminal.Answer {
		if parsed(cmd).INS == ins {
			send(more)
		}
		return send(cmd)
	}}
}

// afterwards sends another command after each one with an instruction.
func afterwards(ins byte, more ...byte) *fault {
	return &fault{around: func(send func([]byte) terminal.Answer, cmd []byte) terminal.Answer {
		a := send(cmd)
		if parsed(cmd).INS == ins {
			if more == nil {
				send(cmd)
			} else {
				send(more)
			}
		}
		return a
	}}
}

// says reports another word.
func says(instead, word string) *fault {
	return &fault{report: func(r *terminal.Reported) {
		if r.Outcome == instead {
			r.Outcome = word
		}
	}}
}

func replaced(from, to apdu.SW) func([]byte) []byte {
	return func(b []byte) []byte {
		n := len(b) - 2
		if n >= 0 && apdu.SW(b[n])<<8|apdu.SW(b[n+1]) == from {
			b[n], b[n+1] = byte(to>>8), byte(to)
		}
		return b
	}
}

// Offsets in the data of GET PROCESSING OPTIONS over the air, counted from CLA, and of
// GENERATE AC with CDOL1 and CDOL2.
const (
	airTTQ, airAmount, airDate, airUN, airSM = 7, 11, 32, 36, 40
	cdolTVR, cdolCVM                         = 5 + 14, 5 + 40
)

// wrongTerminal does one thing wrong; the named case must fail.
type wrongTerminal struct {
	name, caught string
	wrong        *fault
}

var brokenTerminals = []wrongTerminal{
	{"selects an application before the directory", "ppse-first", also(0xA4, 0x00, 0xA4, 0x04, 0x00, 0x08, 0xA0, 0x00, 0x00, 0x03, 0x33, 0x01, 0x01, 0x01, 0x00)},
	{"takes the lowest priority", "ppse-priority", behind(0xA4, func(b []byte) []byte {
		one, two := bytes.Index(b, []byte{0x87, 0x01, 0x01}), bytes.Index(b, []byte{0x87, 0x01, 0x02})
		if one >= 0 && two >= 0 {
			b[one+2], b[two+2] = 2, 1
		}
		return b
	})},
	{"overlooks that an application is blocked", "ppse-blocked-next", behind(0xA4, replaced(apdu.SWInvalidated, apdu.SWOK))},
	{"overlooks that an application is blocked, contacts", "pse-blocked-application", behind(0xA4, replaced(apdu.SWInvalidated, apdu.SWOK))},
	{"never asks for the next occurrence", "list-next", &fault{around: func(send func([]byte) terminal.Answer, cmd []byte) terminal.Answer {
		if c := parsed(cmd); c.INS == 0xA4 && c.P2 == 0x02 {
			return terminal.Answer{Data: []byte{0x6A, 0x82}}
		}
		return send(cmd)
	}}},
	{"has no list of its own", "pse-missing", &fault{around: func(send func([]byte) terminal.Answer, cmd []byte) terminal.Answer {
		if c := parsed(cmd); c.INS == 0xA4 && c.Data[0] == 0xA0 {
			return terminal.Answer{Data: []byte{0x6A, 0x82}}
		}
		return send(cmd)
	}}},
	{"sends short PDOL data", "qpboc-approved", &fault{around: func(send func([]byte) terminal.Answer, cmd []byte) terminal.Answer {
		if parsed(cmd).INS == 0xA8 && len(cmd) > 20 {
			short := bytes.Clone(cmd[:len(cmd)-2])
			short[4]--
			short[6]--
			return send(append(short, 0))
		}
		return send(cmd)
	}}},
	{"has always the same unpredictable number", "pdol-fresh", before(0xA8, func(cmd []byte) { copy(cmd[airUN:], []byte{1, 2, 3, 4}) })},
	{"has an unpredictable number of zero", "qpboc-approved", before(0xA8, func(cmd []byte) { copy(cmd[airUN:], []byte{0, 0, 0, 0}) })},
	{"sends another amount", "qpboc-approved", before(0xA8, func(cmd []byte) { cmd[airAmount+4] = 0x09 })},
	{"sends a wrong date", "qpboc-approved", before(0xA8, func(cmd []byte) { cmd[airDate] = 0x19 })},
	{"does not tell that it has SM", "pdol-sm", before(0xA8, func(cmd []byte) { cmd[airSM] = 0 })},
	{"sets reserved bits of 9F66", "limit-qpboc", before(0xA8, func(cmd []byte) { cmd[airTTQ+1] |= 0x02 })},
	{"never asks for verification", "limit-cvm", before(0xA8, func(cmd []byte) { cmd[airTTQ+1] &^= 0x40 })},
	{"never asks for the issuer", "limit-floor", before(0xA8, func(cmd []byte) { cmd[airTTQ+1] &^= 0x80 })},
	{"reads the last record twice", "qpboc-once", afterwards(0xB2)},
	{"goes on after an AAC", "qpboc-declined", afterwards(0xA8, 0x00, 0xB2, 0x01, 0x0C, 0x00)},
	{"takes every end for an approval", "qpboc-declined", says("declined", "offline_approved")},
	{"does not look at signatures", "fdda-signature", &fault{report: func(r *terminal.Reported) { r.Outcome = "offline_approved" }}},
	{"does not look at certificates", "fdda-unknown-index", &fault{report: func(r *terminal.Reported) { r.Outcome = "offline_approved" }}},
	{"approves where the issuer declines", "qpboc-online-declined", &fault{answer: func(a *txn.OnlineAnswer) { a.Code = [2]byte{'0', '0'} }}},
	{"approves where the issuer is silent", "qpboc-online-silent", says("declined", "online_approved")},
	{"sends the issuer another cryptogram", "qpboc-online-message", &fault{ask: func(q *txn.OnlineRequest) {
		if i := bytes.Index(q.ICC, []byte{0x9F, 0x26, 0x08}); i >= 0 {
			q.ICC[i+3] ^= 1
		}
	}}},
	{"loses the PIN on its way", "qpboc-pin-online", &fault{ask: func(q *txn.OnlineRequest) { q.HasPIN = false }}},
	{"calls a torn card lost", "torn-air-last-answer", says("doubt", "card_lost")},
	{"calls a lost card a doubt", "torn-air-options", says("card_lost", "doubt")},
	{"charges a card again that is back", "again-finished", &fault{around: func(send func([]byte) terminal.Answer, cmd []byte) terminal.Answer {
		a := send(cmd)
		if c := parsed(cmd); c.INS == 0xB2 && c.P1 == 2 && c.P2 == 0x0C && !a.Gone {
			return terminal.Answer{Data: []byte{0x69, 0x85}}
		}
		return a
	}}},
	{"asks other things first", "again-first", &fault{around: func(send func([]byte) terminal.Answer, cmd []byte) terminal.Answer {
		if c := parsed(cmd); c.INS == 0xB2 && c.P1 == 2 && c.P2 == 0x0C {
			send([]byte{0x80, 0xCA, 0x9F, 0x36, 0x00})
		}
		return send(cmd)
	}}},
	{"sends data though there is no PDOL", "pdol-none", &fault{around: func(send func([]byte) terminal.Answer, cmd []byte) terminal.Answer {
		if parsed(cmd).INS == 0xA8 {
			return send([]byte{0x80, 0xA8, 0x00, 0x00, 0x00})
		}
		return send(cmd)
	}}},
	{"reads a record that the locator does not name", "record-all", afterwards(0xA8, 0x00, 0xB2, 0x07, 0x0C, 0x00)},
	{"has a TVR of zeros", "restrict-expired", before(0xAE, func(cmd []byte) { copy(cmd[cdolTVR:], make([]byte, 5)) })},
	{"forgets the floor limit", "risk-floor", before(0xAE, func(cmd []byte) { cmd[cdolTVR+3] &^= 0x80 })},
	{"sets reserved bits of the TVR", "gac-approved", before(0xAE, func(cmd []byte) { cmd[cdolTVR+4] |= 0x01 })},
	{"does no DDA", "dda-good", instead(0x88, 0x69, 0x85)},
	{"asks for a TC always", "action-online", before(0xAE, func(cmd []byte) { cmd[2] = 0x40 })},
	{"asks for an ARQC always", "action-neither", before(0xAE, func(cmd []byte) { cmd[2] = 0x80 })},
	{"never asks for CDA", "cda-good", before(0xAE, func(cmd []byte) { cmd[2] &^= 0x10 })},
	{"approves on an AAC", "gac-card-declines", says("declined", "offline_approved")},
	{"asks for another cryptogram after the end", "gac-approved", afterwards(0xAE)},
	{"sends no EXTERNAL AUTHENTICATE", "online-approved", instead(0x82, 0x90, 0x00)},
	{"sends EXTERNAL AUTHENTICATE twice", "online-approved", afterwards(0x82)},
	{"overlooks failed issuer authentication", "online-wrong-answer", behind(0x82, replaced(apdu.SWFailed, apdu.SWOK))},
	{"has another response code", "online-approved", before(0xAE, func(cmd []byte) {
		if cmd[5] == '0' && cmd[6] == '0' {
			cmd[5] = 'Y'
		}
	})},
	{"sends no scripts", "script-after", instead(0x24, 0x90, 0x00)},
	{"goes on with a failed script", "script-fails-before", behind(0x24, replaced(apdu.SWMACWrong, apdu.SWOK))},
	{"sends no reversals", "online-card-refuses", &fault{forgets: true}},
	{"sends no reversals of pulled cards", "pulled-second", &fault{forgets: true}},
	{"overlooks that no tries are left", "cvm-plain-used-up", behind(0x20, replaced(0x63C0, 0x63C1))},
	{"has CVM results of zeros", "cvm-none", before(0xAE, func(cmd []byte) { copy(cmd[cdolCVM:], []byte{0, 0, 0}) })},
	{"verifies the PIN twice", "cvm-plain", afterwards(0x20)},
	{"asks no challenge", "cvm-enciphered", instead(0x84, 1, 2, 3, 4, 5, 6, 7, 8, 0x90, 0x00)},
	{"fetches no waiting answers", "t0-response", &fault{raw: true}},
	{"offers no electronic cash", "cash-offered", before(0xA8, func(cmd []byte) { cmd[9] = 0 })},
	{"calls lost electronic cash lost", "cash-torn", says("doubt", "card_lost")},
	{"overlooks the expiry date", "qpboc-expired", behind(0xB2, func(b []byte) []byte {
		return bytes.Replace(b, []byte{0x5F, 0x24, 0x03, 0x20}, []byte{0x5F, 0x24, 0x03, 0x49}, 1)
	})},
	{"overlooks that the account numbers differ", "qpboc-other-number", behind(0xB2, func(b []byte) []byte {
		if i := bytes.Index(b, []byte{0x5A, 0x08, 0x62, 0x28, 0x00, 0x99}); i >= 0 {
			return append(append(bytes.Clone(b[:i]), 0x71, 0x08), b[i+2:]...)
		}
		return b
	})},
	{"uses up a counter for the balance", "balance-air", also(0xCA, 0x80, 0xA8, 0x00, 0x00, 0x02, 0x83, 0x00, 0x00)},
	{"does not wait for a slow card", "late-contactless", behind(0xA8, func([]byte) []byte { return []byte{0x6F, 0x00} })},
	{"holds an ARQC for a TC", "gac-card-online", behind(0xAE, func(b []byte) []byte {
		if len(b) > 3 && b[0] == 0x80 && b[2] == 0x80 {
			b[2] = 0x40
		}
		return b
	})},
	{"tells no script results", "load-script-result", &fault{forgets: true}},
	{"loads nothing", "load-good", instead(0xDA, 0x90, 0x00)},
}

// TestOurTill: the till of this program passes every case.
func TestOurTill(t *testing.T) {
	o := options(t)
	report, err := terminal.Run(t.Context(), newTill(t, o.Setup), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range report.Cases {
		if c.Result != certify.Pass && !strings.HasPrefix(c.Group, "gate") {
			t.Errorf("%s: %s %s", c.ID, c.Detail, c.Reason)
		}
	}
}

// TestBrokenTerminals: each is caught by the case that is there for it.
func TestBrokenTerminals(t *testing.T) {
	for _, b := range slices.Concat(brokenTerminals, wrongWithTransit) {
		t.Run(b.name, func(t *testing.T) {
			o := options(t, b.caught)
			till := newTill(t, o.Setup)
			till.wrong = b.wrong
			report, err := terminal.Run(t.Context(), till, o)
			if err != nil {
				t.Fatal(err)
			}
			if len(report.Cases) != 1 || report.Failed != 1 {
				t.Errorf("case %s did not catch it: %+v", b.caught, report.Cases)
			}
		})
	}
}

// TestLimitOverlooked: a till without its contactless limit.
func TestLimitOverlooked(t *testing.T) {
	o := options(t, "limit-transaction")
	s := o.Setup
	s.ContactlessLimit = 0
	report, err := terminal.Run(t.Context(), newTill(t, s), o)
	if err != nil {
		t.Fatal(err)
	}
	if report.Failed != 1 {
		t.Errorf("not caught: %+v", report.Cases)
	}
}
