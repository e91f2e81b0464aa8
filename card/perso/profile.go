package perso

import (
	"embed"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/citycard/citycard/card/pboc"
	"github.com/citycard/citycard/card/ppse"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/internal/strictyaml"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/tlv"
)

// MaxProfileSize is the greatest length of a profile in bytes.
const MaxProfileSize = 1 << 16

// ErrProfile says that a profile cannot be used.
var ErrProfile = errors.New("unusable card profile")

// Profile is a card product made ready for personalisation. It is immutable and
// may be shared by goroutines.
type Profile struct {
	name      string
	product   *pboc.Product
	directory *ppse.Directory
	records   []recordPlan
	track2    string // digits after the expiry date: service code, discretionary
	name5F20  []byte
	signedAIP bool // 9F4A is 82

	opening, secondOpening money.Fen
	reference              pin.PIN
	entry                  ppse.Entry
	language               string
	pse                    bool
	historical             []byte
	journeys               []Journey
}

// Name is the profile's own name.
func (p *Profile) Name() string { return p.name }

// Product is what all cards of the profile share.
func (p *Profile) Product() *pboc.Product { return p.product }

// SM tells whether cards of the profile have SM2 keys and certificates; others
// have RSA keys, and perhaps SM2 keys as well, see Dual.
func (p *Profile) SM() bool { return p.product.Alg == cryptogram.SM4 }

// Dual tells whether cards of the profile have a second set of algorithms, SM4 and
// SM2 beside triple DES and RSA.
func (p *Profile) Dual() bool { return p.product.Alternative != nil }

// Opening is the balance in fen with which the profile's cards are issued if no one
// says otherwise (limits.opening), SecondOpening that of the second currency.
func (p *Profile) Opening() money.Fen { return p.opening }

// SecondOpening is Opening for the second currency, in its hundredths.
func (p *Profile) SecondOpening() money.Fen { return p.secondOpening }

// PIN is the reference PIN with which the profile's cards are issued if no one says
// otherwise, for development only; the zero PIN if there is none.
func (p *Profile) PIN() pin.PIN { return p.reference }

//go:embed profiles/*.yaml
var embedded embed.FS

// Embedded gives one of the profiles that come with the program.
func Embedded(name string) (*Profile, error) {
	b, err := embedded.ReadFile("profiles/" + name + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("card profile %.40q is not known; known are %s: %w", name, strings.Join(EmbeddedNames(), ", "), ErrProfile)
	}
	return Parse(b)
}

// EmbeddedNames are the names that Embedded knows, sorted.
func EmbeddedNames() []string { return strictyaml.Names(embedded, "profiles") }

// EmbeddedSource is the YAML text of an embedded profile, to start a new one from.
func EmbeddedSource(name string) ([]byte, error) {
	b, err := embedded.ReadFile("profiles/" + name + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("card profile %.40q is not known: %w", name, ErrProfile)
	}
	return b, nil
}

// Parse reads a profile: one YAML document without anchors or aliases, of at most
// MaxProfileSize bytes. Every error wraps ErrProfile and names line and key.
func Parse(text []byte) (*Profile, error) {
	r, n, err := strictyaml.Parse(text, MaxProfileSize, "profile")
	if err != nil {
		return nil, fmt.Errorf("card profile: %w: %w", err, ErrProfile)
	}
	p := &Profile{}
	p.read(r, n)
	if r.Err() != nil {
		return nil, fmt.Errorf("card profile, %w: %w", r.Err(), ErrProfile)
	}
	return p, nil
}

// read takes all keys of the profile.
func (p *Profile) read(r *strictyaml.Reader, n *yaml.Node) {
	top := r.Mapping(n, "", "name", "application", "algorithm", "second_algorithm", "cvn", "dki", "idd", "aip", "pdol", "options",
		"qualifiers", "fdda", "currency", "country", "limits", "pin_tries", "pin", "last_online", "transit", "product", "track2",
		"cardholder", "objects", "records", "log", "contact", "chip")
	product := &pboc.Product{
		IDD:         byte(top.Number("idd", 0, 5, 0)),
		FDDA01:      top.Number("fdda", 0, 1, 0) == 1,
		PINTries:    byte(top.Number("pin_tries", 0, 15, 0)),
		LastOnline:  uint16(top.Number("last_online", 0, 0xFFFE, 0)),
		ProductInfo: top.Bytes("product", 16, 16, false),
	}
	p.product = product
	p.name = top.ASCII("name", 1, 32, true)
	p.name5F20 = []byte(top.ASCII("cardholder", 2, 26, false))
	copy(product.AIP[:], top.Bytes("aip", 2, 2, true))
	copy(product.Qualifiers[:], top.Bytes("qualifiers", 2, 2, true))
	copy(product.Currency[:], top.Bytes("currency", 2, 2, true))
	if b := top.Bytes("options", 4, 4, true); b != nil {
		product.Options = binary.BigEndian.Uint32(b)
	}
	if b := top.Bytes("dki", 1, 1, true); b != nil {
		product.DKI = b[0]
	}
	readAlgorithm(&top, product)
	product.PDOL = readDOL(&top, "pdol")
	if top.Node("limits") == nil {
		top.FailAt("limits", "is missing")
	}
	limits := r.Mapping(top.Node("limits"), "limits", "balance", "single", "threshold", "cvm", "ctta", "ctta_upper", "ctta_dual",
		"foreign", "foreign_country", "offline_lower", "offline_upper", "opening")
	readLimits(limits, &product.Limits)
	p.opening = money.Fen(limits.Number("opening", 0, int64(money.MaxN12), 0))
	track2 := r.Mapping(top.Node("track2"), "track2", "service_code", "discretionary")
	p.track2 = track2.Digits("service_code", 3, 3, true) + track2.Digits("discretionary", 0, 13, false)
	readLog(&top, product)
	own := p.readContact(&top)
	p.readTransit(&top)
	p.readPIN(&top)
	p.readChip(&top)
	objects := p.readObjects(&top, own)
	p.readRecords(&top, objects)
	if r.Err() != nil {
		return
	}
	p.fixData(objects)
	p.readApplication(&top)
	if r.Err() != nil {
		return
	}
	if err := product.Prepare(); err != nil {
		r.Fail(top.Line, "profile", "%v", err)
	}
}

func readAlgorithm(s *strictyaml.Section, p *pboc.Product) {
	switch v, _ := s.Scalar("algorithm", true); v {
	case "3des":
		p.Alg = cryptogram.TDES
	case "sm4":
		p.Alg = cryptogram.SM4
	default:
		s.FailAt("algorithm", "want 3des or sm4")
	}
	switch v, _ := s.Scalar("cvn", true); v {
	case "01":
		p.CVN = cryptogram.CVN01
	case "17":
		p.CVN = cryptogram.CVN17
	default:
		s.FailAt("cvn", `want "01" or "17"`)
	}
	switch v, present := s.Scalar("second_algorithm", false); {
	case !present:
	case v == "sm4" && p.Alg == cryptogram.TDES:
		p.Alternative = &pboc.Suite{Alg: cryptogram.SM4}
	default:
		s.FailAt("second_algorithm", "want sm4, beside algorithm 3des")
	}
}

func readDOL(s *strictyaml.Section, key string) tlv.DOL {
	b := s.Bytes(key, 2, tlv.MaxDOLData, true)
	d, err := tlv.ParseDOL(b)
	if err != nil {
		s.FailAt(key, "%v", err)
	}
	return d
}

func readLimits(s strictyaml.Section, l *pboc.Limits) {
	amount := func(key string) money.Fen { return money.Fen(s.Number(key, 0, int64(money.MaxN12), 0)) }
	l.Balance, l.Single, l.Threshold, l.CVM = amount("balance"), amount("single"), amount("threshold"), amount("cvm")
	l.CTTA, l.CTTAUpper = amount("ctta"), amount("ctta_upper")
	l.HasCTTAUpper = s.Node("ctta_upper") != nil
	l.Foreign = byte(s.Number("foreign", 0, 255, 0))
	l.ForeignCountry = byte(s.Number("foreign_country", 0, 255, 0))
	l.LCOL, l.UCOL = byte(s.Number("offline_lower", 0, 255, 0)), byte(s.Number("offline_upper", 0, 255, 0))
	l.CTTADual = amount("ctta_dual")
}

func readLog(top *strictyaml.Section, p *pboc.Product) {
	if top.Node("log") == nil {
		return
	}
	s := top.Reader.Mapping(top.Node("log"), "log", "file", "count", "format")
	p.LogSFI = byte(s.Number("file", 11, 30, 0))
	p.LogCount = byte(s.Number("count", 1, pboc.MaxLog, 0))
	p.LogFormat = readDOL(&s, "format")
	if p.LogSFI == 0 || p.LogCount == 0 {
		s.Reader.Fail(s.Line, "log", "file and count are needed")
	}
}

// readApplication makes the FCI and the directory.
func (p *Profile) readApplication(top *strictyaml.Section) {
	s := top.Reader.Mapping(top.Node("application"), "application", "aid", "label", "priority", "preferred_name", "language", "code_table")
	aid := s.Bytes("aid", 5, 16, true)
	label := s.ASCII("label", 1, 16, true)
	priority := byte(s.Number("priority", 0, 15, 0))
	preferred := s.Bytes("preferred_name", 1, 16, false)
	language := s.ASCII("language", 2, 8, false)
	table := s.Bytes("code_table", 1, 1, false)
	if s.Reader.Err() != nil {
		return
	}
	p.product.AID = aid
	p.entry, p.language = ppse.Entry{AID: aid, Label: label, Priority: priority}, language
	p.product.FCI = p.fci(p.product.PDOL, table, preferred)
	if x := p.product.Contact; x != nil {
		x.FCI = p.fci(x.PDOL, table, preferred)
	}
	var err error
	if p.directory, err = p.Directory(); err != nil {
		s.Reader.Fail(s.Line, "application", "%v", err)
	}
}

// fci makes the answer to SELECT: 6F { 84, A5 { 50 87 9F38 5F2D 9F11 9F12 BF0C {
// 9F4D DF4D DF61 } } } (JR/T 0025.5).
func (p *Profile) fci(pdol tlv.DOL, table, preferred []byte) []byte {
	a5 := tlv.Append(nil, tlv.TagApplicationLabel, []byte(p.entry.Label))
	if p.entry.Priority > 0 {
		a5 = tlv.Append(a5, tlv.TagApplicationPriority, []byte{p.entry.Priority})
	}
	if len(pdol) > 0 {
		a5 = tlv.Append(a5, tlv.TagPDOL, appendDOL(nil, pdol))
	}
	if p.language != "" {
		a5 = tlv.Append(a5, tlv.TagLanguagePreference, []byte(p.language))
	}
	if table != nil {
		a5 = tlv.Append(a5, tlv.TagIssuerCodeTable, table)
	}
	if preferred != nil {
		a5 = tlv.Append(a5, tlv.TagPreferredName, preferred)
	}
	var discretionary []byte
	if p.product.LogSFI != 0 {
		discretionary = tlv.Append(discretionary, tlv.TagLogEntry, []byte{p.product.LogSFI, p.product.LogCount})
	}
	if x := p.product.Contact; x != nil && x.LoadLogSFI != 0 {
		discretionary = tlv.Append(discretionary, tlv.TagLoadLogEntry, []byte{x.LoadLogSFI, x.LoadLogCount})
	}
	if p.product.Transit != 0 {
		discretionary = tlv.Append(discretionary, tlv.TagCAPPSupport, []byte{p.product.Transit})
	}
	if discretionary != nil {
		a5 = tlv.Append(a5, tlv.TagFCIIssuerDiscretionary, discretionary)
	}
	body := tlv.Append(nil, tlv.TagDFName, p.entry.AID)
	return tlv.Append(nil, tlv.TagFCITemplate, tlv.Append(body, tlv.TagFCIProprietary, a5))
}

func appendDOL(dst []byte, d tlv.DOL) []byte {
	for _, e := range d {
		for i := e.Tag.Size() - 1; i >= 0; i-- {
			dst = append(dst, byte(e.Tag>>(8*i)))
		}
		dst = append(dst, byte(e.Len))
	}
	return dst
}
