package perso

import (
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/citycard/citycard/card/pboc"
	"github.com/citycard/citycard/internal/strictyaml"
	"github.com/citycard/citycard/wire/tlv"
)

// Limits on the lists of a profile.
const (
	maxRecords = 16
	maxTags    = 32
)

// Paths through the application, bits of recordPlan.paths.
const (
	onAir    = 1 << iota // qPBOC
	onDebit              // debit/credit
	onCash               // electronic cash over the contacts
	allPaths = onAir | onDebit | onCash
)

// Sets of algorithms, bits of recordPlan.suites.
const (
	firstSet  = 1 << iota
	secondSet // chosen by DF69
	bothSets  = firstSet | secondSet
)

// aipSDA is the bit of AIP byte 1 for static data authentication (EMV Book 3, C1).
const aipSDA = 0x40

// recordPlan says how a record is put together.
type recordPlan struct {
	at     pboc.Record
	signed bool
	static bool // holds 93
	paths  byte
	suites byte
	line   int // in the profile
	pieces []piece
}

// piece is a part of a record: bytes that all cards share, or one data object of
// the single card.
type piece struct {
	tag   tlv.Tag // 0 for fixed
	fixed []byte
}

// readRecords makes the plans of the records and the AFLs from them.
func (p *Profile) readRecords(top *strictyaml.Section, objects []object) {
	for _, n := range top.List("records", maxRecords) {
		s := top.Reader.Mapping(n, "records", "file", "record", "tags", "signed", "paths", "set")
		plan := recordPlan{
			at:     pboc.Record{SFI: byte(s.Number("file", 1, 30, 0)), Number: byte(s.Number("record", 1, 254, 0))},
			signed: s.Flag("signed"), paths: p.readPaths(&s), suites: p.readSet(&s), line: n.Line,
		}
		switch {
		case plan.at.SFI == 0 || plan.at.Number == 0:
			top.Reader.Fail(n.Line, "records", "file and record are needed")
		case plan.at.SFI == p.product.LogSFI || p.product.Contact != nil && plan.at.SFI == p.product.Contact.LoadLogSFI:
			top.Reader.Fail(n.Line, "records", "file %d is the log's", plan.at.SFI)
		case slices.ContainsFunc(p.records, func(o recordPlan) bool { return o.at == plan.at }):
			top.Reader.Fail(n.Line, "records", "record %d of file %d is there twice", plan.at.Number, plan.at.SFI)
		case plan.signed && (plan.paths != p.paths() || plan.suites != p.suites()):
			top.Reader.Fail(n.Line, "records", "a signed record belongs to all paths and sets: the card's certificate covers the same data in each")
		}
		for _, t := range s.List("tags", maxTags) {
			p.readTag(top.Reader, t, &plan, objects)
		}
		p.records = append(p.records, plan)
	}
	for _, suite := range []byte{firstSet, secondSet} {
		if p.suites()&suite != 0 {
			p.checkLast(top.Reader, suite)
			p.takePaths(top, suite)
		}
	}
}

// paths are those that cards of the profile have, suites their sets of algorithms.
func (p *Profile) paths() byte {
	switch x := p.product; {
	case x.Contact == nil:
		return onAir
	case x.Extension != nil && x.Extension.Quota: // shops get nothing of it
		return onAir | onDebit
	}
	return allPaths
}

func (p *Profile) suites() byte {
	if p.product.Alternative == nil {
		return firstSet
	}
	return bothSets
}

// readPaths takes the paths that a record belongs to, all if it does not say.
func (p *Profile) readPaths(s *strictyaml.Section) (paths byte) {
	if s.Node("paths") == nil {
		return p.paths()
	}
	for _, n := range s.List("paths", 3) {
		bit := byte(0)
		switch n.Value {
		case "contactless":
			bit = onAir
		case "debit":
			bit = onDebit
		case "cash":
			bit = onCash
		}
		if bit&p.paths() == 0 {
			s.Reader.Fail(n.Line, "records.paths", "%.40q is no path of this card: contactless, and with \"contact\" debit and cash", n.Value)
		}
		paths |= bit
	}
	return paths
}

// readSet takes the set of algorithms that a record is for, all if it does not say.
func (p *Profile) readSet(s *strictyaml.Section) byte {
	switch v := s.Number("set", 1, 2, 0); {
	case v == 0:
		return p.suites()
	case byte(v)&p.suites() == 0:
		s.FailAt("set", "the card has no second_algorithm")
		return firstSet
	default:
		return byte(v)
	}
}

// checkLast makes sure that the last record of a qPBOC AFL can be the one that
// commits a payment.
func (p *Profile) checkLast(r *strictyaml.Reader, suite byte) {
	var last *recordPlan
	for i := range p.records {
		if x := &p.records[i]; x.paths&onAir != 0 && x.suites&suite != 0 {
			last = x
		}
	}
	switch {
	case last == nil:
	case last.signed:
		r.Fail(last.line, "records", "the last record cannot be signed: the card adds 9F69 to it")
	case slices.Contains(last.tags(), tlv.TagExpirationDate):
		r.Fail(last.line, "records.tags", "5F24 must not be in the last record")
	case last.paths != onAir:
		r.Fail(last.line, "records", "the last record of qPBOC commits a payment, so it belongs to no other path; give it paths: [contactless]")
	}
}

// takePaths gives the product the AFLs of one set of algorithms and checks what
// their records hold.
func (p *Profile) takePaths(top *strictyaml.Section, suite byte) {
	x := p.product
	for _, path := range []byte{onAir, onDebit, onCash} {
		if path&p.paths() == 0 {
			continue
		}
		afl := p.afl(path, suite)
		if path == onCash && len(afl) == 0 {
			continue
		}
		p.checkPath(top, path, suite)
		one := pboc.Path{AFL: afl}
		switch {
		case path == onAir && suite == firstSet:
			x.AFL = afl
		case path == onAir:
			one.AIP = x.AIP
			x.Alternative.Contactless = one
		case path == onDebit && suite == firstSet:
			x.Contact.Debit.AFL = afl
		case path == onDebit:
			one.AIP = x.Contact.Debit.AIP
			x.Alternative.Debit = one
		case suite == firstSet:
			x.Contact.Cash.AFL = afl
		default:
			one.AIP = x.Contact.Cash.AIP
			x.Alternative.Cash = one
		}
	}
	if c := x.Contact; c != nil && p.signedAIP && (c.Debit.AIP != x.AIP || c.Cash.AIP != x.AIP) {
		top.FailAt("aip", "9F4A has the AIP signed, so aip, contact.aip and contact.cash_aip must be the same")
	}
}

// checkPath looks for data objects that are missing or there twice on one path.
func (p *Profile) checkPath(top *strictyaml.Section, path, suite byte) {
	seen := map[tlv.Tag]bool{}
	for i := range p.records {
		plan := &p.records[i]
		if plan.paths&path == 0 || plan.suites&suite == 0 {
			continue
		}
		for _, tag := range plan.tags() {
			if seen[tag] {
				top.Reader.Fail(plan.line, "records.tags", "%v is there twice", tag)
			}
			seen[tag] = true
		}
	}
	for _, tag := range p.mandatory(suite) {
		if !seen[tag] {
			top.FailAt("records", "no record holds %v, which offline data authentication needs", tag)
		}
	}
	if p.signedAIP && !seen[tlv.TagSDATagList] {
		top.FailAt("records", "no record holds 9F4A, so a reader would not know that the AIP is signed")
	}
	if path == onAir {
		return
	}
	aip := p.product.Contact.Debit.AIP
	if path == onCash {
		aip = p.product.Contact.Cash.AIP
	}
	if aip[0]&aipSDA != 0 && !seen[tlv.TagSSAD] {
		top.FailAt("records", "the AIP announces SDA and no record of debit/credit or electronic cash over the contacts holds 93 (EMV Book 3, 7.2)")
	}
	for _, tag := range []tlv.Tag{tlv.TagCDOL1, tlv.TagCDOL2, tlv.TagCVMList} {
		if !seen[tag] {
			top.FailAt("records", "no record of debit/credit or electronic cash over the contacts holds %v", tag)
		}
	}
}

// tags lists what the record holds, in its order.
func (r *recordPlan) tags() []tlv.Tag {
	var list []tlv.Tag
	for _, x := range r.pieces {
		if x.tag != 0 {
			list = append(list, x.tag)
			continue
		}
		for it := tlv.Iterate(x.fixed); it.Next(); {
			list = append(list, it.Tag)
		}
	}
	return list
}

// readTag adds one data object to a record.
func (p *Profile) readTag(r *strictyaml.Reader, n *yaml.Node, plan *recordPlan, objects []object) {
	tag, ok := parseTag(n.Value)
	value := find(objects, tag)
	cert := slices.Contains(certTags, tag)
	single := cert || slices.Contains(identityTags, tag)
	switch {
	case n.Kind != yaml.ScalarNode || !ok:
		r.Fail(n.Line, "records.tags", "%.40q is no tag of a primitive data object", n.Value)
	case !single && value == nil:
		r.Fail(n.Line, "records.tags", "%v has no value; give it one in objects", tag)
	case slices.Contains(plan.tags(), tag):
		r.Fail(n.Line, "records.tags", "%v is there twice", tag)
	case cert && plan.signed:
		r.Fail(n.Line, "records.tags", "%v cannot be in a signed record: it is made after the signature", tag)
	case cert && plan.suites == bothSets:
		r.Fail(n.Line, "records.tags", "%v differs between the two sets of algorithms; give the record set: 1 or 2", tag)
	}
	if single {
		plan.static = plan.static || tag == tlv.TagSSAD
		plan.pieces = append(plan.pieces, piece{tag: tag})
		return
	}
	if !ok || value == nil {
		return
	}
	if k := len(plan.pieces) - 1; k >= 0 && plan.pieces[k].tag == 0 {
		plan.pieces[k].fixed = tlv.Append(plan.pieces[k].fixed, tag, value)
		return
	}
	plan.pieces = append(plan.pieces, piece{fixed: tlv.Append(nil, tag, value)})
}

// mandatory are the data objects without which a reader cannot authenticate the
// card with one set of algorithms (EMV Book 2, 6.1; JR/T 0025.17).
func (p *Profile) mandatory(suite byte) []tlv.Tag {
	t := []tlv.Tag{tlv.TagPAN, tlv.TagExpirationDate, tlv.TagCAKeyIndex, tlv.TagIssuerCertificate, tlv.TagICCCertificate}
	if suite == secondSet || p.SM() {
		return t
	}
	return append(t, tlv.TagIssuerKeyRemainder, tlv.TagIssuerKeyExponent, tlv.TagICCKeyExponent, tlv.TagICCKeyRemainder)
}

// afl groups neighbouring records of one file (EMV Book 3, 10.2). In an entry
// the signed records come first.
func (p *Profile) afl(path, suite byte) []byte {
	var afl []byte
	var prev *recordPlan
	for i := range p.records {
		plan := &p.records[i]
		if plan.paths&path == 0 || plan.suites&suite == 0 {
			continue
		}
		signed := byte(0)
		if plan.signed {
			signed = 1
		}
		if prev != nil && prev.at.SFI == plan.at.SFI && prev.at.Number+1 == plan.at.Number && (prev.signed || !plan.signed) {
			e := afl[len(afl)-4:]
			e[2] = plan.at.Number
			e[3] += signed
		} else {
			afl = append(afl, plan.at.SFI<<3, plan.at.Number, plan.at.Number, signed)
		}
		prev = plan
	}
	return afl
}
