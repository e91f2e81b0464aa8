package gate

import (
	"bytes"

	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/purse"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// ApplicationKind says by which rules an application pays. Numbers are for ever.
type ApplicationKind uint8

// The kinds.
const (
	FinanceApplication ApplicationKind = 1 // debit/credit with electronic cash, JR/T 0025
	TUnionPurse        ApplicationKind = 2 // electronic purse of JT/T 978
	CityUnionPurse     ApplicationKind = 3 // electronic purse of City Union
)

// Application is one that the operator takes.
type Application struct {
	Prefix []byte // of the name, 5 to 16 bytes: longer names that begin so match too
	Kind   ApplicationKind
}

// DefaultApplications is the order of our gates (our choice): the T-Union purse, the
// City Union purse, the debit/credit applications of JR/T 0025, and T-Union's electronic
// cash, which is one of them under its own name.
func DefaultApplications() []Application {
	finance := []byte{0xA0, 0x00, 0x00, 0x03, 0x33, 0x01, 0x01}
	return []Application{
		{[]byte{0xA0, 0x00, 0x00, 0x06, 0x32, 0x01, 0x01, 0x05}, TUnionPurse},
		{[]byte{0xA0, 0x00, 0x00, 0x00, 0x03, 0x86, 0x98, 0x07, 0x01}, CityUnionPurse},
		{finance, FinanceApplication},
		{[]byte{0xA0, 0x00, 0x00, 0x06, 0x32, 0x01, 0x01, 0x06}, FinanceApplication},
	}
}

// DirectoryName is the directory of contactless cards (EMV Book B, PPSE).
const DirectoryName = "2PAY.SYS.DDF01"

// maxEntries bounds the directory; entries beyond are not looked at.
const maxEntries = 16

// Chosen is the application in which a card pays; the zero value is none.
type Chosen struct {
	Kind ApplicationKind
	n    byte
	aid  [16]byte
}

// Name is the application's name, or the beginning of it for a card without a directory.
func (c *Chosen) Name() []byte { return c.aid[:c.n] }

// Set chooses an application by name, of which 16 bytes are kept.
func (c *Chosen) Set(kind ApplicationKind, aid []byte) {
	c.Kind, c.n = kind, byte(copy(c.aid[:], aid))
}

// Choose finds the application in the answer to SELECT PPSE: the first of the
// operator's order that the card has. Among several that match one line of the order
// the card's priority decides (87, low nibble; 1 is first, 0 means none), and then its
// own order. Directory and order alone decide: an application that is then blocked or
// missing does not give way to another.
func Choose(order []Application, fci []byte) (c Chosen, ok bool) {
	entries, ok := tlv.Find(fci, tlv.TagFCITemplate, tlv.TagFCIProprietary, tlv.TagFCIIssuerDiscretionary)
	if !ok {
		return c, false
	}
	best, priority := len(order), 0
	it := tlv.Iterate(entries)
	for n := 0; n < maxEntries && it.Next(); {
		if it.Tag != tlv.TagApplicationTemplate {
			continue
		}
		n++
		aid, ok := tlv.Find(it.Value, tlv.TagADFName)
		if !ok || len(aid) < 5 || len(aid) > 16 {
			continue
		}
		at := place(order, aid)
		p := priorityOf(it.Value)
		if at < best || at == best && at < len(order) && p < priority {
			best, priority = at, p
			c.Set(order[at].Kind, aid)
		}
	}
	return c, best < len(order) && it.Err() == nil
}

// place is where the operator's order has an application; len(order) if nowhere.
func place(order []Application, aid []byte) int {
	for i := range order {
		if bytes.HasPrefix(aid, order[i].Prefix) {
			return i
		}
	}
	return len(order)
}

func priorityOf(entry []byte) int {
	if p, ok := tlv.Find(entry, tlv.TagApplicationPriority); ok && len(p) == 1 && p[0]&15 != 0 {
		return int(p[0] & 15)
	}
	return 16
}

// askDirectory asks the card which applications it has.
func (g *Gate) askDirectory() Action {
	g.stage = stageDirectory
	return g.sendOwn(apdu.Command{INS: 0xA4, P1: 0x04, Data: []byte(DirectoryName), Le: apdu.MaxShortLe})
}

// directoryRead has the card's answer. A card without a directory is asked for each
// application in the operator's order.
func (g *Gate) directoryRead(ev kernel.Event) Action {
	g.stage = stageKernel
	if ev.Kind != kernel.Answer {
		return g.done(TapAgain)
	}
	data, sw, err := apdu.ParseResponse(ev.Data)
	switch {
	case err != nil:
		g.result.Fault = kernel.Fault{Code: kernel.BadAnswer}
		return g.done(CardNotKnown)
	case sw == apdu.SWFileNotFound:
		g.search = 0
		return g.searchOn()
	case sw != apdu.SWOK:
		g.result.Fault = kernel.Fault{Code: kernel.BadStatus, SW: sw, Tag: tlv.TagDFName}
		return g.done(CardNotKnown)
	}
	c, ok := Choose(g.order, data)
	if !ok {
		g.result.Fault = kernel.Fault{Code: kernel.NoApplication}
		return g.done(CardNotKnown)
	}
	g.app = c
	return g.begin()
}

// searchOn asks for the next application of the order.
func (g *Gate) searchOn() Action {
	if g.search == len(g.order) {
		g.search = -1
		g.result.Fault = kernel.Fault{Code: kernel.NoApplication}
		return g.done(CardNotKnown)
	}
	a := &g.order[g.search]
	g.search++
	g.app.Set(a.Kind, a.Prefix)
	return g.begin()
}

// purseSearched is searched for a purse.
func (g *Gate) purseSearched(out *purse.Outcome) bool {
	return g.search > 0 && !out.Identified && out.Fault.Code == purse.BadStatus && out.Fault.SW == apdu.SWFileNotFound
}

// searched says that the card has not the application that it was asked for, and that
// there are others to ask for.
func (g *Gate) searched(out *kernel.Outcome) bool {
	f := out.Fault
	return g.search > 0 && !out.Identified && f.Code == kernel.BadStatus && f.SW == apdu.SWFileNotFound && f.Tag == tlv.TagADFName
}
