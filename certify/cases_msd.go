package certify

import (
	"fmt"
	"strings"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

const msdClause = "JR/T 0025.12 (2010), magnetic stripe data"

var msdCases = []Case{
	{"msd-answer", Text{"Answer of the stripe path", "磁条路径应答"}, msdClause,
		Text{"A reader of the stripe path gets track 2 with a cryptogram, or a file locator to track 2.", "磁条路径终端得到带密文的二磁道，或指向二磁道的文件定位器。"}, needContactless, func(s *session) {
			s.stripe()
		}},
	{"msd-track2", Text{"Track 2 of the stripe path", "磁条路径二磁道"}, "EMV Book 3, annex A, 57",
		Text{"Track 2 of the stripe path is well formed and of the same account.", "磁条路径的二磁道格式正确且账号一致。"}, needContactless, func(s *session) {
			m := s.stripe()
			s.must(track2OK(m.track), "expected number D YYMM service code data in 57, got %X", m.track)
			pan, err := txn.PANFromBCD(track2PAN(m.track))
			s.must(err == nil && (!s.panSeen || pan == s.pan), "expected the account number of the other paths in 57, got %X", m.track)
		}},
	{"msd-fresh", Text{"Stripe data differ", "磁条数据不重复"}, msdClause,
		Text{"Two transactions on the stripe path never give the same track 2 and cryptogram.", "磁条路径两次交易的二磁道与密文不全相同。"}, needContactless, func(s *session) {
			a := s.stripe()
			s.again()
			b := s.stripe()
			s.must(string(a.track)+string(a.ac) != string(b.track)+string(b.ac), "expected other data in another transaction, got %X %X twice", a.track, a.ac)
		}},
	{"msd-cryptogram", Text{"Cryptogram of the stripe path", "磁条路径密文"}, msdClause,
		Text{"The cryptogram beside track 2 is right under the issuer's keys.", "二磁道所附密文在发卡行密钥下正确。"}, needContactless | needKeys, func(s *session) {
			m := s.stripe()
			if m.ac == nil {
				s.skip("the card uses dynamic track 2 instead", "卡片采用动态二磁道")
			}
			iad, err := cryptogram.ParseIAD(m.iad)
			s.must(err == nil && len(m.ac) == 8, "expected 9F26 and 9F10, got %X %X", m.ac, m.iad)
			s.checkAC([8]byte(m.ac), &iad, m.reader.input(s.air.pdol), m.aip, s.atcNow())
		}},
	{"msd-dynamic-value", Text{"Dynamic value in track 2", "二磁道动态验证值"}, msdClause,
		Text{"Track 2 from a record has the counter and the verification value of this counter.", "记录中的二磁道含交易计数器与相应动态验证值。"}, needContactless | needKeys, func(s *session) {
			m := s.stripe()
			if m.ac != nil {
				s.skip("the card gives a cryptogram instead", "卡片采用密文")
			}
			s.checkDynamic(m)
		}},
}

// magnetic is what a reader of the stripe path gets.
type magnetic struct {
	reader *reader
	aip    [2]byte
	track  []byte
	ac     []byte // nil in the flow with a record
	iad    []byte
}

// stripe makes a transaction on the stripe path, or skips the case.
func (s *session) stripe() *magnetic {
	t := s.reader(readerStripe, 1)
	s.selectAir()
	data, sw := s.gpo(s.air, t)
	if sw == apdu.SWConditions {
		s.skip("the card has no stripe path", "卡片无磁条路径")
	}
	s.must(sw == apdu.SWOK, "expected 9000 or 6985 to the stripe path, got %v", sw)
	m := &magnetic{reader: t}
	if track, ok := tlv.Find(data, tlv.TagResponseFormat2, tlv.TagTrack2Equivalent); ok {
		_, f := s.openTemplate("the answer to GET PROCESSING OPTIONS", tlv.TagResponseFormat2, data)
		s.must(len(f[tlv.TagAIP]) == 2, "expected 82 with two bytes, got %X", data)
		m.track, m.ac, m.iad, m.aip = track, f[tlv.TagAC], f[tlv.TagIAD], [2]byte(f[tlv.TagAIP])
		s.must(len(m.ac) == 8, "expected 9F26 beside 57, got %X", data)
		return m
	}
	p := s.contactAnswer(t, data)
	r := s.readRecords(p.afl)
	s.wants("the records of the stripe path", r.values, tlv.TagTrack2Equivalent)
	m.aip, m.track = p.aip, r.values[tlv.TagTrack2Equivalent]
	return m
}

// checkDynamic looks for the counter, four decimal digits, followed by the
// verification value in the discretionary data.
func (s *session) checkDynamic(m *magnetic) {
	alg := s.alg()
	k := s.keys(alg)
	if k.DCVN == (cryptogram.Key{}) {
		s.skip("the key of the dynamic value is not known", "动态验证值密钥未知")
	}
	digits := strings.TrimRight(fmt.Sprintf("%X", m.track), "F")
	_, rest, _ := strings.Cut(digits, "D")
	s.must(len(rest) >= 14, "expected counter and value behind the service code, got %s", rest)
	b := packDigits(rest[:4] + "0" + rest[4:7])
	want, err := pin.DCVN(alg, k.DCVN, s.pan, pin.Track{Expiry: [2]byte(b[:2]), Service: [2]byte(b[2:])}, s.atcNow())
	s.must(err == nil, "expected decimal expiry and service code in 57, got %s", rest)
	counter := fmt.Sprintf("%04d", int(s.atcNow())%10000)
	at := strings.Index(rest[7:], counter)
	s.must(at >= 0 && len(rest) >= 7+at+7, "expected the counter %s and a value behind it, got %s", counter, rest)
	s.checkDCVN([3]byte(want), [3]byte([]byte(rest[7+at+4:7+at+7])))
}
