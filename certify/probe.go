package certify

import (
	"bytes"
	"slices"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

const (
	ppseName = "2PAY.SYS.DDF01"
	pseName  = "1PAY.SYS.DDF01"
)

// Lengths of an application's name (EMV Book 1, 12.2.1).
const (
	minName = 5
	maxName = 16
)

// unionPay is the registered provider identifier of PBOC applications.
var unionPay = []byte{0xA0, 0x00, 0x00, 0x03, 0x33}

// wellKnown are the applications that are tried where no directory names one:
// debit, credit, quasi-credit, electronic cash (JR/T 0025.5).
var wellKnown = [][]byte{
	{0xA0, 0, 0, 0x03, 0x33, 0x01, 0x01, 0x01}, {0xA0, 0, 0, 0x03, 0x33, 0x01, 0x01, 0x02},
	{0xA0, 0, 0, 0x03, 0x33, 0x01, 0x01, 0x03}, {0xA0, 0, 0, 0x03, 0x33, 0x01, 0x01, 0x06},
}

// managers are the names of card managers (GlobalPlatform Card Specification H.1.3,
// and the one of older Visa cards).
var managers = [][]byte{{0xA0, 0, 0, 0x01, 0x51, 0, 0, 0}, {0xA0, 0, 0, 0, 0x03, 0, 0, 0}}

// side is the application as one interface shows it.
type side struct {
	fci  []byte
	pdol tlv.DOL // nil if there is none
}

// run is what all cases share: the card, and what was learned about it.
type run struct {
	card Card
	opts Options
	mask masker
	oda  *oda.Verifier // nil without CA keys

	aid     []byte
	air     *side // nil: no qPBOC
	contact *side // nil: no contact side
	manager []byte
	objects map[tlv.Tag][]byte // GET DATA
	pan     txn.PAN
	psn     byte
	panSeen bool
	algs    []cryptogram.Alg

	atcBefore, atcAfter int
	opening, balance    money.Fen
	spent               money.Fen // by approvals that were completed
	spentSecond         money.Fen // of the second currency, in its hundredths
	patience            patience
	found               bool // an application was selected
	transit             transit
	purse               *purse  // nil: none
	module              *module // nil: the card is none
	partitions          []*partition
	refused             map[string]bool // keys, and cityPIN, that the card did not take
	mute                bool            // the card gave no answer, or none to a reset, since gone looked
}

// patience says whether the card takes no money before the last record.
type patience byte

const (
	unknown patience = iota
	patient
	hasty
)

func newRun(card Card, o Options) (*run, error) {
	if o.MaxSpend == 0 {
		o.MaxSpend = DefaultMaxSpend
	}
	r := &run{card: card, opts: o, aid: slices.Clone(wellKnown[0]), objects: map[tlv.Tag][]byte{}, atcBefore: -1, atcAfter: -1}
	if o.AID != nil {
		r.aid = slices.Clone(o.AID)
	}
	if len(o.CAKeys) > 0 {
		v, err := oda.NewVerifier(o.CAKeys, 4)
		if err != nil {
			return nil, err
		}
		r.oda = v
	}
	return r, nil
}

// probe looks at the card before the first case. Every step may fail: the cases
// say what is wrong, the probe only finds out which of them apply.
func (r *run) probe() {
	step := func(f func(*session)) {
		s := &session{run: r}
		if s.reset() == nil {
			s.guarded(f)
		}
	}
	step(probeApplication)
	step(probeAir)
	step(probeContact)
	step(func(s *session) { probeNumber(s, 1) })
	step(func(s *session) { probeNumber(s, 0) })
	if !r.panSeen {
		step(probeContactNumber)
	}
	step(probeManager)
	step(probeTransit)
	step(probeQuota)
	step(probePurse)
	step(probeModule)
	step(probePartitions)
	step(probeCounter)
}

// probeApplication finds the application to test, if the options do not name it.
func probeApplication(s *session) {
	if s.opts.AID != nil {
		return
	}
	fci, sw := s.send(selectName([]byte(ppseName)))
	best := byte(0xFF)
	if sw == apdu.SWOK {
		for _, e := range directoryEntries(fci) {
			aid := e[tlv.TagADFName]
			if !bytes.HasPrefix(aid, unionPay) || len(aid) > maxName || priority(e) >= best {
				continue
			}
			if _, sw := s.send(selectName(aid)); selected(sw) {
				s.aid, best = slices.Clone(aid), priority(e)
			}
		}
	}
	for _, aid := range wellKnown {
		if best != 0xFF {
			return
		}
		if fci, sw := s.send(selectName(aid)); selected(sw) {
			s.aid, best = aid, 0
			if name, ok := tlv.Find(fci, tlv.TagFCITemplate, tlv.TagDFName); ok && bytes.HasPrefix(name, aid) && len(name) <= maxName {
				s.aid = slices.Clone(name)
			}
		}
	}
}

// priority is the lower half of 87, 15 without one.
func priority(entry map[tlv.Tag][]byte) byte {
	if p := entry[tlv.TagApplicationPriority]; len(p) == 1 && p[0]&0x0F != 0 {
		return p[0] & 0x0F
	}
	return 15
}

// directoryEntries gives the objects of each 61 in the answer to SELECT PPSE.
func directoryEntries(fci []byte) []map[tlv.Tag][]byte {
	list, _ := tlv.Find(fci, tlv.TagFCITemplate, tlv.TagFCIProprietary, tlv.TagFCIIssuerDiscretionary)
	return templates(list)
}

// templates gives the objects of each 61 in a list.
func templates(list []byte) []map[tlv.Tag][]byte {
	var out []map[tlv.Tag][]byte
	for it := tlv.Iterate(list); it.Next(); {
		if it.Tag != tlv.TagApplicationTemplate {
			continue
		}
		e := map[tlv.Tag][]byte{}
		for in := it.Enter(); in.Next(); {
			e[in.Tag] = in.Value
		}
		out = append(out, e)
	}
	return out
}

func selected(sw apdu.SW) bool { return sw == apdu.SWOK || sw == apdu.SWInvalidated }

func newSide(fci []byte) *side {
	s := &side{fci: slices.Clone(fci)}
	raw, ok := tlv.Find(s.fci, tlv.TagFCITemplate, tlv.TagFCIProprietary, tlv.TagPDOL)
	if ok {
		s.pdol, _ = tlv.ParseDOL(raw)
	}
	return s
}

func probeAir(s *session) {
	s.send(selectName([]byte(ppseName)))
	fci, sw := s.send(selectName(s.aid))
	if !selected(sw) {
		return
	}
	s.found = true
	if side := newSide(fci); side.pdol.Has(tlv.TagTTQ) {
		s.air = side
	}
	s.readObjects()
}

func (s *session) readObjects() {
	for _, d := range dataObjects {
		data, sw := s.send(getData(d.tag))
		if value, ok := tlv.Find(data, d.tag); ok && sw == apdu.SWOK {
			s.objects[d.tag] = slices.Clone(value)
		}
	}
	if v := s.objects[tlv.TagATC]; len(v) == 2 && s.atcBefore < 0 {
		s.atcBefore = int(number16(v))
		s.opening, _ = money.FromN12(s.objects[tlv.TagECBalance])
	}
}

func probeContact(s *session) {
	fci, sw := s.send(selectName(s.aid))
	if !selected(sw) {
		return
	}
	s.found = true
	if side := newSide(fci); !side.pdol.Has(tlv.TagTTQ) {
		s.contact = side
		if s.air == nil {
			s.readObjects()
		}
	}
}

// probeNumber learns account number and algorithm from a transaction that asks for
// the issuer, so nothing can be paid.
func probeNumber(s *session, sm byte) {
	if s.air == nil {
		return
	}
	t := s.reader(readerOnlineAsked, 0)
	t.sm = sm
	s.selectAir()
	data, sw := s.gpo(s.air, t)
	if sw != apdu.SWOK {
		return
	}
	track, _ := tlv.Find(data, tlv.TagResponseFormat2, tlv.TagTrack2Equivalent)
	psn, _ := tlv.Find(data, tlv.TagResponseFormat2, tlv.TagPANSequence)
	s.learnNumber(track2PAN(track), psn)
	iad, _ := tlv.Find(data, tlv.TagResponseFormat2, tlv.TagIAD)
	s.learnAlgorithm(iad)
}

func (s *session) learnAlgorithm(iad []byte) {
	if len(iad) >= 8 && cryptogram.Alg(iad[7]).Valid() && !slices.Contains(s.algs, cryptogram.Alg(iad[7])) {
		s.algs = append(s.algs, cryptogram.Alg(iad[7]))
	}
}

func (s *session) learnNumber(pan []byte, psn []byte) {
	number, err := txn.PANFromBCD(pan)
	if err != nil || s.panSeen {
		return
	}
	s.pan, s.panSeen = number, true
	if len(psn) == 1 {
		s.psn = psn[0]
	}
}

func probeContactNumber(s *session) {
	if s.contact == nil {
		return
	}
	s.selectContact()
	p := s.contactGPO(s.reader(readerContact, 0))
	recs := s.readRecords(p.afl)
	s.learnNumber(recs.values[tlv.TagPAN], recs.values[tlv.TagPANSequence])
	if d, err := tlv.ParseDOL(recs.values[tlv.TagCDOL1]); err == nil && len(d) > 0 {
		s.learnAlgorithm(s.generated(s.ok(generateAC(askAAC, s.values(d, p.reader)))).rawIAD)
	}
}

func probeManager(s *session) {
	for _, aid := range managers {
		if _, sw := s.send(selectName(aid)); selected(sw) {
			s.manager = aid
			return
		}
	}
}

// probeCounter reads what the report shows of the end of the run.
func probeCounter(s *session) {
	s.selectAny()
	if data, sw := s.send(getData(tlv.TagATC)); sw == apdu.SWOK {
		if v, ok := tlv.Find(data, tlv.TagATC); ok && len(v) == 2 {
			s.atcAfter = int(number16(v))
		}
	}
	if data, sw := s.send(getData(tlv.TagECBalance)); sw == apdu.SWOK {
		if v, ok := tlv.Find(data, tlv.TagECBalance); ok {
			s.balance, _ = money.FromN12(v)
		}
	}
}

func (r *run) after() {
	s := &session{run: r}
	if s.reset() == nil {
		s.guarded(probeCounter)
	}
}
