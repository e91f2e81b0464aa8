package gate_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emmansun/gmsm/sm3"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/pboc"
	"github.com/citycard/citycard/card/perso"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/fare/beijing"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/journey"
)

// world is a station with its cards, gates and records, and the issuer who can
// check every row.
type world struct {
	t        testing.TB
	now      int64
	keys     *keystore.Store
	verifier *oda.Verifier
	book     *fare.Book
	records  *records
	arrays   map[string]*gate.Array
	gates    map[string]*station
	cards    map[string]*rider
	denied   map[txn.CardKey]bool
	taps     uint32
	sequence map[txn.TerminalID]uint32
	checkers map[cryptogram.Alg]*cryptogram.Verifier
	issued   int
	settled  error              // what Result.Settle said of the last tap
	transit  *gate.Transit      // of gates whose configuration has none
	rules    *fare.JourneyRules // nil: those of the book
	silent   bool               // no security module answers
	unbound  bool               // gates do not compare card and record
}

type station struct {
	gate  *gate.Gate
	array *gate.Array
	sam   *card.Chip // its security module; nil without Config.Transit
}

// rider is a card, or a phone that behaves as one.
type rider struct {
	key     txn.CardKey
	chip    *card.Chip
	image   *card.Image
	uid     gate.UID
	phone   bool // a random UID every time
	random  *stream
	answers map[string][]byte // what it says instead of its real answer
	relay   string            // who stands between it and the gate
	profile string
	aid     []byte // of a purse
	// forgetful: it does not repeat its last record, as real cards do not after another
	// command.
	forgetful bool
	// between is a relay that does as it likes; card gives a command to the card.
	between func(cmd []byte, card func(cmd []byte) []byte) []byte
	old     []byte // what a relay has kept of its journey record
}

// stream is a repeatable source of random bytes: SM3 over a name and a counter.
type stream struct {
	name string
	n    int
	rest []byte
}

func (s *stream) Read(b []byte) (int, error) {
	for i := range b {
		if len(s.rest) == 0 {
			sum := sm3.Sum(fmt.Appendf(nil, "%s %d", s.name, s.n))
			s.n, s.rest = s.n+1, sum[:]
		}
		b[i], s.rest = s.rest[0], s.rest[1:]
	}
	return len(b), nil
}

// startOfDay is 2026-03-27 08:00 at UTC+8, a Friday.
var startOfDay = time.Date(2026, 3, 27, 0, 0, 0, 0, time.UTC).Unix()

func newWorld(t testing.TB) *world {
	t.Helper()
	cas, err := devkeys.CAKeys()
	if err != nil {
		t.Fatal(err)
	}
	v, err := oda.NewVerifier(cas, 16)
	if err != nil {
		t.Fatal(err)
	}
	book, err := beijing.Book()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{
		t: t, now: startOfDay, keys: keystore.Development(1), verifier: v, book: book, records: newRecords(),
		arrays: map[string]*gate.Array{}, gates: map[string]*station{}, cards: map[string]*rider{}, denied: map[txn.CardKey]bool{},
		sequence: map[txn.TerminalID]uint32{}, checkers: map[cryptogram.Alg]*cryptogram.Verifier{},
	}
	for _, alg := range []cryptogram.Alg{cryptogram.TDES, cryptogram.SM4} {
		w.checkers[alg] = cryptogram.NewVerifier(alg, w.master(alg, 0), w.master(alg, 1))
	}
	return w
}

// master is a master key of development issuer 0: 0 AC, 1 MAC, 2 ENC.
func (w *world) master(alg cryptogram.Alg, which int) cryptogram.Block {
	n := keystore.IssuerMasters(0, alg)
	b, err := cryptogram.NewBlock(alg, keystore.DevelopmentKey([]string{n.AC, n.MAC, n.ENC}[which]))
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

// cardSpec says what card to make.
type cardSpec struct {
	profile           string // sm or 3des; sm-00 is of fDDA version 00, sm-debit another application
	balance           money.Fen
	expiry, effective [3]byte
	uid               string // empty: one of its own; "random": a phone
	forged            string // "", issuer, card or key
}

// profileOf gives an embedded profile, or one that is made from it.
func profileOf(name string) (*perso.Profile, error) {
	base, change, _ := strings.Cut(name, "-")
	source, err := perso.EmbeddedSource(base)
	if err != nil {
		return nil, err
	}
	text := string(source)
	switch change {
	case "debit":
		text = strings.Replace(text, "A000000333010106", "A000000333010101", 1)
	case "00":
		text = strings.Replace(text, "fdda: 1", "fdda: 0", 1)
	}
	return perso.Parse([]byte(text))
}

// makeCard makes a card as its issuer would, and puts it into a chip.
func (w *world) makeCard(name string, s cardSpec) *rider {
	w.t.Helper()
	if purseProfile(s.profile) {
		return w.makePurse(name, s)
	}
	if transitProfile(s.profile) {
		return w.makeTransitCard(name, s)
	}
	profile, err := profileOf(s.profile)
	w.must(err)
	w.issued++
	digits := fmt.Sprintf("622800%09d", 100000+w.issued)
	pan, err := txn.ParsePAN(digits + string(txn.Luhn(digits)))
	w.must(err)
	id := perso.Identity{PAN: pan, PSN: 1, Effective: s.effective, Expiry: s.expiry}
	static, err := perso.StaticData(profile, id)
	w.must(err)
	alg := cryptogram.TDES
	certs, signer := perso.Certs{}, oda.DynamicSigner(nil)
	if profile.SM() {
		alg = cryptogram.SM4
		certs, signer = w.certifySM2(&id, static, s.forged)
	} else {
		certs, signer = w.certifyRSA(&id, static, s.forged)
	}
	keys := pboc.Keys{
		AC:  cryptogram.DeriveCardKey(alg, w.master(alg, 0), pan, id.PSN),
		MAC: cryptogram.DeriveCardKey(alg, w.master(alg, 1), pan, id.PSN),
		ENC: cryptogram.DeriveCardKey(alg, w.master(alg, 2), pan, id.PSN),
	}
	image, err := perso.Build(profile, id, keys, certs, signer, s.balance)
	w.must(err)
	r := &rider{key: txn.CardKey{PAN: pan, PSN: id.PSN}, chip: card.New(), image: image, random: &stream{name: name}, answers: map[string][]byte{}}
	w.must(r.chip.Insert(image, nil))
	switch s.uid {
	case "random":
		r.phone = true
	case "":
		r.uid, err = gate.NewUID([]byte{0x04, 0xC1, 0, 0, 0, byte(w.issued >> 8), byte(w.issued)})
		w.must(err)
	default:
		r.uid, err = gate.ParseUID(s.uid)
		w.must(err)
	}
	w.cards[name] = r
	return r
}

var (
	issuerID     = [4]byte{0x62, 0x28, 0x00, 0xFF}
	certExpiry   = [2]byte{0x12, 0x35}
	issuerSerial = [3]byte{0, 0, 1}
)

func (w *world) certifySM2(id *perso.Identity, static []byte, forged string) (perso.Certs, oda.DynamicSigner) {
	rand := &stream{name: "certificates"}
	key := func(d [32]byte) *oda.SM2Private {
		k, err := oda.NewSM2Private(d)
		w.must(err)
		return k
	}
	ca, issuer, own := key(devkeys.SM2CA()), key(devkeys.SM2Issuer(0)), key(devkeys.SM2Card(id.PAN, id.PSN))
	signer := own
	other := key(devkeys.SM2Key("somebody else"))
	switch forged {
	case "issuer":
		ca = other
	case "card":
		issuer, ca = other, key(devkeys.SM2CA())
	case "key":
		signer = other
	}
	issuerCert, err := ca.CertifyIssuer(rand, oda.IssuerCert{IssuerID: issuerID, Expiry: certExpiry, Serial: issuerSerial}, key(devkeys.SM2Issuer(0)).Public())
	w.must(err)
	cardCert, err := issuer.CertifyCard(rand, oda.CardCert{PAN: id.PAN, Expiry: certExpiry, StaticData: static}, own.Public())
	w.must(err)
	return perso.Certs{CAIndex: devkeys.SM2CAIndex, IssuerCert: issuerCert, CardCert: cardCert}, signer
}

func (w *world) certifyRSA(id *perso.Identity, static []byte, forged string) (perso.Certs, oda.DynamicSigner) {
	rand := &stream{name: "certificates"}
	key := func(c oda.RSAComponents) *oda.RSAPrivate {
		k, err := oda.NewRSAPrivate(c)
		w.must(err)
		return k
	}
	ca, issuer, own := key(devkeys.RSACA()), key(devkeys.RSAIssuer(0)), key(devkeys.RSACard(0))
	signer, issuerPublic := own, issuer.Public()
	switch forged {
	case "issuer":
		ca = key(devkeys.RSAIssuer(3))
	case "card":
		issuer = key(devkeys.RSAIssuer(2))
	case "key":
		signer = key(devkeys.RSACard(1))
	}
	issuerCert, err := ca.CertifyIssuer(rand, oda.IssuerCert{IssuerID: issuerID, Expiry: certExpiry, Serial: issuerSerial}, issuerPublic)
	w.must(err)
	cardCert, err := issuer.CertifyCard(rand, oda.CardCert{PAN: id.PAN, Expiry: certExpiry, StaticData: static}, own.Public())
	w.must(err)
	return perso.Certs{
		CAIndex: devkeys.RSACAIndex, IssuerCert: issuerCert.Certificate, IssuerRest: issuerCert.Remainder, IssuerExponent: issuerCert.Exponent,
		CardCert: cardCert.Certificate, CardRest: cardCert.Remainder, CardExponent: cardCert.Exponent,
	}, signer
}

// kernelConfig is that of a gate.
func (w *world) kernelConfig() kernel.Config {
	return kernel.Config{
		TTQ: kernel.GateTTQ, Country: [2]byte{0x01, 0x56}, Currency: [2]byte{0x01, 0x56}, TerminalType: 0x25,
		AppVersion: [2]byte{0x00, 0x30}, AIDs: kernel.DebitCredit(), SM: true, Verify: w.verifier,
		Denied: func(k txn.CardKey) bool { return w.denied[k] },
	}
}

// addGate installs a terminal at an array, which is made if it is new.
func (w *world) addGate(name, array string, cfg gate.Config) *station {
	w.t.Helper()
	if w.arrays[array] == nil {
		w.arrays[array] = gate.NewArray()
	}
	cfg.Kernel = w.kernelConfig()
	if cfg.Transit == nil {
		cfg.Transit = w.transit
	}
	if t := cfg.Transit; t != nil && t.Factor == nil && !w.unbound {
		bound := *t
		bound.Factor = cardFactor
		cfg.Transit = &bound
	}
	g, err := gate.New(cfg, w.arrays[array], w.records, w.pricer())
	w.must(err)
	w.gates[name] = &station{gate: g, array: w.arrays[array]}
	if cfg.Transit != nil {
		w.gates[name].sam = w.newModule()
	}
	return w.gates[name]
}

func (w *world) must(err error) {
	if err != nil {
		w.t.Helper()
		w.t.Fatal(err)
	}
}

// cardFactor is the number in a card's journey record.
func cardFactor(k txn.CardKey) journey.Serial {
	return perso.CardFactor(perso.Identity{PAN: k.PAN, PSN: k.PSN})
}

// nextUN is repeatable; a terminal would take it from its random source.
func (w *world) nextUN() [4]byte {
	w.taps++
	sum := sm3.Sum(fmt.Appendf(nil, "un %d", w.taps))
	return [4]byte(sum[:4])
}

// records are station records in memory.
type records struct {
	down, monthsDown bool
	open             map[txn.CardKey]gate.EntryRecord
	byUID            map[gate.UID]txn.CardKey
	months           map[monthKey]money.Fen
	closed           []gate.Closing
}

type monthKey struct {
	card  txn.CardKey
	month [2]byte
}

var errLine = errors.New("line to the back end is cut")

func newRecords() *records {
	return &records{open: map[txn.CardKey]gate.EntryRecord{}, byUID: map[gate.UID]txn.CardKey{}, months: map[monthKey]money.Fen{}}
}

func (r *records) OpenEntry(uid gate.UID) (gate.EntryRecord, error) {
	if r.down {
		return gate.EntryRecord{}, gate.ErrUnreachable
	}
	key, ok := r.byUID[uid]
	if !ok {
		return gate.EntryRecord{}, gate.ErrNoRecord
	}
	return r.OpenEntryOf(key)
}

func (r *records) OpenEntryOf(key txn.CardKey) (gate.EntryRecord, error) {
	if r.down {
		return gate.EntryRecord{}, gate.ErrUnreachable
	}
	e, ok := r.open[key]
	if !ok {
		return gate.EntryRecord{}, gate.ErrNoRecord
	}
	return e, nil
}

func (r *records) PutEntry(e gate.EntryRecord) error {
	if r.down {
		return gate.ErrUnreachable
	}
	r.open[e.Card], r.byUID[e.UID] = e, e.Card
	return nil
}

func (r *records) MonthSum(key txn.CardKey, month [2]byte) (money.Fen, error) {
	if r.down || r.monthsDown {
		return 0, errLine
	}
	sum, ok := r.months[monthKey{key, month}]
	if !ok {
		return 0, gate.ErrNoRecord
	}
	return sum, nil
}

func (r *records) CloseJourney(c gate.Closing) error {
	if r.down {
		return gate.ErrUnreachable
	}
	delete(r.open, c.Card)
	delete(r.byUID, c.Entry.UID)
	r.months[monthKey{c.Card, c.Month}] += c.Counted
	r.closed = append(r.closed, c)
	return nil
}
