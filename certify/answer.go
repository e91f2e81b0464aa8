package certify

import (
	"fmt"
	"slices"
	"strings"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// processing is the answer to GET PROCESSING OPTIONS.
type processing struct {
	side   *side
	reader *reader
	raw    []byte
	order  []tlv.Tag
	fields map[tlv.Tag][]byte
	aip    [2]byte
	afl    []byte
	atc    uint16
	ac     [8]byte
	rawIAD []byte
	iad    cryptogram.IAD
}

func number16(b []byte) uint16 { return uint16(b[0])<<8 | uint16(b[1]) }

// openTemplate reads the objects directly inside one template that must be the
// whole answer.
func (s *session) openTemplate(what string, template tlv.Tag, answer []byte) ([]tlv.Tag, map[tlv.Tag][]byte) {
	nodes, err := tlv.Parse(answer)
	s.must(err == nil, "expected TLV data in %s, got %X: %v", what, answer, err)
	s.must(len(nodes) == 1 && nodes[0].Tag == template, "expected one template %X in %s, got %X", uint32(template), what, answer)
	var order []tlv.Tag
	fields := map[tlv.Tag][]byte{}
	for _, n := range nodes[0].Children {
		order = append(order, n.Tag)
		if _, twice := fields[n.Tag]; !twice {
			fields[n.Tag] = n.Value
		}
	}
	return order, fields
}

// qpboc selects the application over the air and must get an answer to GET
// PROCESSING OPTIONS with everything that a reader needs.
func (s *session) qpboc(t *reader) *processing {
	s.selectAir()
	return s.qpbocHere(t)
}

// qpbocHere is qpboc for an application that is selected already.
func (s *session) qpbocHere(t *reader) *processing {
	data := s.okOrAway(processingOptions(s.values(s.air.pdol, t)), t)
	p := &processing{side: s.air, reader: t, raw: data}
	p.order, p.fields = s.openTemplate("the answer to GET PROCESSING OPTIONS", tlv.TagResponseFormat2, data)
	s.must(len(p.fields[tlv.TagAIP]) == 2, "expected 82 with two bytes, got %X in %X", p.fields[tlv.TagAIP], data)
	s.must(len(p.fields[tlv.TagATC]) == 2, "expected 9F36 with two bytes, got %X in %X", p.fields[tlv.TagATC], data)
	p.aip, p.atc = [2]byte(p.fields[tlv.TagAIP]), number16(p.fields[tlv.TagATC])
	p.afl = p.fields[tlv.TagAFL]
	p.rawIAD = p.fields[tlv.TagIAD]
	iad, err := cryptogram.ParseIAD(p.rawIAD)
	s.must(err == nil, "expected 9F10 as 07 DKI CVN 03 CVR ALG [IDD], got %X: %v", p.rawIAD, err)
	p.iad = iad
	s.must(len(p.fields[tlv.TagAC]) == 8, "expected 9F26 with eight bytes, got %X in %X", p.fields[tlv.TagAC], data)
	p.ac = [8]byte(p.fields[tlv.TagAC])
	return p
}

// okOrAway is ok for a command with which the card decides; it skips the case if the
// card goes to another interface (6985) as its parameters make it.
func (s *session) okOrAway(c apdu.Command, t *reader) []byte {
	data, sw := s.send(c)
	s.mayGoAway(sw, t)
	s.mustOK(c, sw)
	return data
}

func (s *session) mayGoAway(sw apdu.SW, t *reader) {
	if sw == apdu.SWConditions && s.sentAway(t) {
		s.skip("by its parameters the card wants a verification that this reader cannot do", "按卡片参数，此笔支付须进行该终端无法完成的持卡人验证")
	}
}

// mustResult fails the case if the card decided otherwise, and skips it if the card
// declines a payment that its parameters make it decline.
func (s *session) mustResult(p *processing, want cryptogram.Result) {
	if want == cryptogram.TC && p.iad.Result() == cryptogram.AAC && s.declines(p.reader) {
		s.skip("by its parameters the card declines this payment", "按卡片参数，此笔支付应被拒绝")
	}
	if want != cryptogram.ARQC && p.iad.Result() == cryptogram.ARQC && p.reader.trade == tradeNone {
		s.noQuota()
	}
	s.must(p.iad.Result() == want, "expected %v for %s, got %v (CVR %X)", want, p.reader, p.iad.Result(), p.iad.CVR)
}

// String says in short what a reader asks for.
func (t *reader) String() string {
	return fmt.Sprintf("9F66 %X, 9F02 %X, 5F2A %X", t.ttq, t.amount, t.currency)
}

// record is one record as the card gave it.
type record struct {
	sfi, number byte
	raw         []byte
	signed      bool
}

// records are all that an AFL names.
type records struct {
	list   []record
	values map[tlv.Tag][]byte
	count  map[tlv.Tag]int
	home   map[tlv.Tag]int // index in list of the record with the tag
	static []byte          // EMV Book 3, 10.3
}

type place struct {
	sfi, number byte
	signed      bool
}

// places lists the records that an AFL names in its order.
func (s *session) places(afl []byte) []place {
	s.must(len(afl) > 0 && len(afl)%4 == 0, "expected an AFL of four bytes an entry, got %X", afl)
	var out []place
	for ; len(afl) > 0; afl = afl[4:] {
		s.must(afl[1] != 0 && afl[2] >= afl[1], "expected first and last record in order, got AFL entry %X", afl[:4])
		for n := int(afl[1]); n <= int(afl[2]); n++ {
			out = append(out, place{afl[0] >> 3, byte(n), n < int(afl[1])+int(afl[3])})
		}
	}
	s.must(len(out) <= 64, "expected an AFL with at most 64 records, got %d", len(out))
	return out
}

// readRecords reads everything that an AFL names, the last record last.
func (s *session) readRecords(afl []byte) *records {
	r := &records{values: map[tlv.Tag][]byte{}, count: map[tlv.Tag]int{}, home: map[tlv.Tag]int{}}
	for _, p := range s.places(afl) {
		s.addRecord(r, p, s.ok(readRecord(p.sfi, p.number)))
	}
	return r
}

func (s *session) addRecord(r *records, p place, raw []byte) {
	index := len(r.list)
	r.list = append(r.list, record{p.sfi, p.number, raw, p.signed})
	if p.sfi <= 10 {
		order, fields := s.openTemplate(fmt.Sprintf("record %d of file %d", p.number, p.sfi), tlv.TagRecordTemplate, raw)
		for _, tag := range order {
			r.count[tag]++
			r.values[tag], r.home[tag] = fields[tag], index
		}
	}
	if p.signed {
		body := raw
		if inner, ok := tlv.Find(raw, tlv.TagRecordTemplate); ok && p.sfi <= 10 {
			body = inner
		}
		r.static = append(r.static, body...)
	}
}

// readButLast reads all records but the last, at which the card pays, and names
// that one.
func (s *session) readButLast(afl []byte) (*records, place) {
	all := s.places(afl)
	last := all[len(all)-1]
	r := &records{values: map[tlv.Tag][]byte{}, count: map[tlv.Tag]int{}, home: map[tlv.Tag]int{}}
	for _, p := range all[:len(all)-1] {
		s.addRecord(r, p, s.ok(readRecord(p.sfi, p.number)))
	}
	return r, last
}

// wants checks that tags are among those of an answer.
func (s *session) wants(what string, fields map[tlv.Tag][]byte, tags ...tlv.Tag) {
	for _, tag := range tags {
		_, ok := fields[tag]
		s.must(ok, "expected %X in %s, found only %s", uint32(tag), what, tagList(fields))
	}
}

func tagList(fields map[tlv.Tag][]byte) string {
	var tags []tlv.Tag
	for t := range fields {
		tags = append(tags, t)
	}
	slices.Sort(tags)
	var b strings.Builder
	for _, t := range tags {
		fmt.Fprintf(&b, " %X", uint32(t))
	}
	return strings.TrimSpace(b.String())
}

func printable(b []byte) bool {
	for _, c := range b {
		if c < 0x20 || c > 0x7E {
			return false
		}
	}
	return true
}

func decimal(b []byte) bool {
	for _, c := range b {
		if c>>4 > 9 || c&15 > 9 {
			return false
		}
	}
	return true
}

// track2PAN is the account number of 57 in BCD, filled up with F.
func track2PAN(track []byte) []byte {
	digits, _, ok := strings.Cut(fmt.Sprintf("%X", track), "D")
	if !ok {
		return nil
	}
	return packDigits(digits)
}

// packDigits packs decimal digits, filled up with F.
func packDigits(digits string) []byte {
	if len(digits)%2 == 1 {
		digits += "F"
	}
	out := make([]byte, 0, len(digits)/2)
	for i := 0; i+1 < len(digits); i += 2 {
		out = append(out, nibble(digits[i])<<4|nibble(digits[i+1]))
	}
	return out
}

func nibble(c byte) byte {
	if c >= '0' && c <= '9' {
		return c - '0'
	}
	return 0x0F
}

// notFound are the status words for a record or file that is not there (ISO/IEC
// 7816-4, 5.1.3).
var notFound = []apdu.SW{apdu.SWRecordNotFound, apdu.SWFileNotFound}
