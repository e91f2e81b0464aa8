package terminaltest

import (
	"bytes"
	"slices"
	"testing"

	"github.com/citycard/citycard/certify/terminal"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
)

// Names of applications that are no shop's business, in commands.
var (
	selectPurse  = []byte{0x00, 0xA4, 0x04, 0x00, 0x08, 0xA0, 0x00, 0x00, 0x06, 0x32, 0x01, 0x01, 0x05, 0x00}
	selectUnion  = []byte{0x00, 0xA4, 0x04, 0x00, 0x09, 0xA0, 0x00, 0x00, 0x00, 0x03, 0x86, 0x98, 0x07, 0x01, 0x00}
	selectSocial = []byte{0x00, 0xA4, 0x04, 0x00, 0x0F, 's', 'x', '1', '.', 's', 'h', '.', 0xC9, 0xE7, 0xBB, 0xE1, 0xB1, 0xA3, 0xD5, 0xCF, 0x00}
	selectPass   = []byte{0x00, 0xA4, 0x04, 0x00, 0x05, 0xF0, 0x42, 0x4A, 0x54, 0x01, 0x00}
	readJourney  = []byte{0x80, 0xB4, 0x00, 0xA8, 0x02, 0x01, 0x10, 0x00}
	readFirst    = []byte{0x00, 0xB2, 0x01, 0x0C, 0x00}
	readLast     = []byte{0x00, 0xB2, 0x02, 0x0C, 0x00}
)

// indicates puts another DF60 into a PDOL that ends with it.
func indicates(df60 byte) *fault {
	return before(0xA8, func(cmd []byte) { cmd[len(cmd)-2] = df60 })
}

// refuses cannot work with an answer that has something in it.
func refuses(ins byte, what ...byte) *fault {
	return behind(ins, func(b []byte) []byte {
		if bytes.Contains(b, what) {
			return []byte{0x6F, 0x00}
		}
		return b
	})
}

// ends always reports the same word.
func ends(word string) *fault {
	return &fault{report: func(r *terminal.Reported) { r.Outcome = word }}
}

// misquotes tells the issuer another value of an object.
func misquotes(head ...byte) *fault {
	return &fault{ask: func(q *txn.OnlineRequest) {
		if i := bytes.Index(q.ICC, head); i >= 0 {
			q.ICC = bytes.Clone(q.ICC)
			q.ICC[i+len(head)+2] ^= 1
		}
	}}
}

// wrongWithTransit do one thing wrong each with cards that a shop does not see every day.
var wrongWithTransit = []wrongTerminal{
	{"asks for a fare in a shop", "transit-shop", indicates(1)},
	{"asks for a completion in a shop", "transit-section-only", indicates(3)},
	{"asks for a pre-authorisation in a shop", "transit-first-in-list", before(0xA8, func(cmd []byte) { cmd[7] = 2 })},
	{"fills DF60 with something", "transit-long-in-list", indicates(0xFF)},
	{"reads journeys wherever it sees DF61", "transit-fci-only", also(0xA8, readJourney...)},
	{"cannot work with an unknown DF61", "transit-support-unknown", refuses(0xA4, 0xDF, 0x61, 0x01, 0x7F)},
	{"cannot work with an empty DF61", "transit-support-empty", refuses(0xA4, 0xDF, 0x61, 0x00)},
	{"cannot work with a long DF61", "transit-support-long", refuses(0xA4, 0xDF, 0x61, 0x05)},
	{"cannot work with unknown issuer data", "transit-fci-more", refuses(0xA4, 0xDF, 0x7F, 0x28)},
	{"cannot work with DF63 in an answer", "transit-deposit-in-answer", refuses(0xA8, 0xDF, 0x63, 0x06)},
	{"asks the issuer about a garbled FCI", "transit-fci-garbled", ends("online_approved")},
	{"pays without a cryptogram", "transit-hold-answer", afterwards(0xA8, readLast...)},
	{"pays with an empty cryptogram", "transit-hold-empty", afterwards(0xA8, readLast...)},
	{"approves on a deposit", "transit-owes", says("declined", "offline_approved")},
	{"shows the deposit as a balance", "transit-balance", &fault{report: func(r *terminal.Reported) { r.Balance = 5_00 }}},
	{"counts the deposit as balance", "transit-threshold", before(0xAE, func(cmd []byte) { cmd[2] = 0x40 })},
	{"forgets a torn transit card", "transit-torn", says("doubt", "card_lost")},
	{"believes GET TRANS PROVE of a purchase", "transit-again", &fault{around: func(send func([]byte) terminal.Answer, cmd []byte) terminal.Answer {
		a := send(cmd)
		if c := parsed(cmd); c.INS == 0xB2 && c.P1 == 2 && !a.Gone {
			return send([]byte{0x80, 0x5A, 0x00, 0x00, 0x02, 0x00, 0x42, 0x08})
		}
		return a
	}}},

	{"reads the records of a quota", "quota-online", afterwards(0xA8, readFirst...)},
	{"takes a quota's ARQC for a purchase", "quota-no-indicator", says("online_approved", "offline_approved")},
	{"spends a quota where the issuer declines", "quota-declined", &fault{answer: func(a *txn.OnlineAnswer) { a.Code = [2]byte{'0', '0'} }}},
	{"spends a quota where the issuer is silent", "quota-silent", ends("online_approved")},
	{"spends a quota without a line", "quota-no-line", ends("offline_approved")},
	{"tells the issuer another quota", "quota-message", misquotes(0x9F, 0x10, 0x13)},
	{"tells the issuer other data", "quota-bare-message", misquotes(0x9F, 0x10, 0x08)},
	{"reads records because there is a locator", "quota-locator", afterwards(0xA8, readFirst...)},
	{"approves a TC without records", "quota-no-locator", ends("offline_approved")},
	{"approves a TC whose records are refused", "quota-refused-record", ends("offline_approved")},
	{"calls the issuer's approval its own", "quota-contact", says("online_approved", "offline_approved")},
	{"overlooks the card's AAC", "quota-contact-silent", ends("offline_approved")},
	{"takes more than it asked for", "quota-contact-tc", ends("offline_approved")},

	{"selects a T-Union purse", "apps-tunion", also(0xA4, selectPurse...)},
	{"selects a City Union purse", "apps-city-union", also(0xA4, selectUnion...)},
	{"selects the social security application", "apps-social", also(0xA4, selectSocial...)},
	{"selects a city pass", "apps-livelihood", also(0xA4, selectPass...)},
	{"goes on with a blocked application", "apps-blocked", behind(0xA4, replaced(apdu.SWInvalidated, apdu.SWOK))},
	{"goes by priority alone", "apps-no-priority", also(0xA4, selectPurse...)},
	{"reads short directories only", "apps-directory-long", &fault{around: func(send func([]byte) terminal.Answer, cmd []byte) terminal.Answer {
		a := send(cmd)
		if len(a.Data) > 128 && bytes.Contains(a.Data, []byte("2PAY")) {
			a.Data = []byte{0x6A, 0x82}
		}
		return a
	}}},
	{"tries a purse when nothing else is there", "apps-purse-only", afterwards(0xA4, selectPurse...)},
	{"tries every application", "apps-purses-only", afterwards(0xA4, selectSocial...)},
	{"falls back on a purse", "apps-blocked-purse", afterwards(0xA4, selectPurse...)},
	{"selects a purse over the contacts", "apps-contact", also(0xA4, selectPurse...)},
	{"has a purse in its list", "apps-contact-list", also(0xA4, selectUnion...)},
	{"tries a purse over the contacts", "apps-contact-purse-only", afterwards(0xA4, selectPurse...)},
	{"lets the cardholder choose a purse", "apps-choice", also(0xA4, selectPurse...)},
	{"asks for a fare beside a purse", "apps-transit-card", indicates(1)},
}

// TestWrongWithTransit: there is a wrong terminal for every case of these groups.
func TestWrongWithTransit(t *testing.T) {
	for _, g := range terminal.Groups() {
		if !slices.Contains([]string{"transit", "quota", "apps"}, g.Key) {
			continue
		}
		for _, c := range g.Cases {
			if !slices.ContainsFunc(wrongWithTransit, func(w wrongTerminal) bool { return w.caught == c.ID }) {
				t.Errorf("no wrong terminal is there for %s", c.ID)
			}
		}
	}
}
