package perso

import (
	"github.com/citycard/citycard/card/pboc"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/internal/strictyaml"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/tlv"
)

// readContact takes the section "contact": debit/credit and electronic cash over
// the contacts. It gives the data objects that records may then hold.
func (p *Profile) readContact(top *strictyaml.Section) []object {
	if top.Node("contact") == nil {
		return nil
	}
	s := top.Reader.Mapping(top.Node("contact"), "contact", "pdol", "aip", "cash_aip", "cdol1", "cdol2", "ddol", "cvm_list",
		"action_codes", "default_action", "issuer_authentication", "load_log", "dual_currency", "second_currency", "msd", "updatable")
	x := &pboc.Contact{Updatable: int(s.Number("updatable", 0, pboc.MaxUpdatable, 0))}
	p.product.Contact = x
	if !p.product.FDDA01 {
		top.FailAt("fdda", "a card with a contact side needs version 01: version 00 signs 9F37 alone, and so does INTERNAL AUTHENTICATE, whose answer would pass for an approval")
	}
	if s.Node("pdol") != nil {
		x.PDOL = readDOL(&s, "pdol")
	}
	x.CDOL1, x.CDOL2, x.DDOL = readDOL(&s, "cdol1"), readDOL(&s, "cdol2"), readDOL(&s, "ddol")
	copy(x.Debit.AIP[:], s.Bytes("aip", 2, 2, true))
	x.Cash.AIP = x.Debit.AIP
	if b := s.Bytes("cash_aip", 2, 2, false); b != nil {
		copy(x.Cash.AIP[:], b)
	}
	copy(x.ADA[:], s.Bytes("default_action", 2, 2, true))
	if b := s.Bytes("issuer_authentication", 1, 1, false); b != nil {
		x.IssuerAuthentication = b[0]
	}
	copy(x.Country[:], top.Bytes("country", 2, 2, true))
	p.readLoadLog(&s, x)
	p.readDual(&s, x)
	p.readSecond(&s, x)
	readMSD(&s, x)
	o := []object{
		{tlv.TagCDOL1, appendDOL(nil, x.CDOL1)}, {tlv.TagCDOL2, appendDOL(nil, x.CDOL2)}, {tlv.TagDDOL, appendDOL(nil, x.DDOL)},
		{tlv.TagADA, x.ADA[:]}, {tlv.TagIssuerAuthenticationIndicator, []byte{x.IssuerAuthentication}},
		{tlv.TagLowerOfflineLimit, []byte{p.product.Limits.LCOL}}, {tlv.TagUpperOfflineLimit, []byte{p.product.Limits.UCOL}},
		{tlv.TagOfflineLimitCountry, []byte{p.product.Limits.ForeignCountry}}, {tlv.TagCTTALDual, n12(p.product.Limits.CTTADual)},
		{tlv.TagCurrencyConversionFactor, p.product.Limits.CurrencyFactor[:]}, {tlv.TagSecondCurrency, x.DualCurrency[:]},
	}
	if x.LoadLogSFI != 0 {
		o = append(o, object{tlv.TagLoadLogFormat, appendDOL(nil, x.LoadLogFormat)})
	}
	if b := s.Bytes("cvm_list", 10, 252, true); b != nil {
		if len(b)%2 != 0 {
			s.FailAt("cvm_list", "%d bytes, want two amounts of four bytes and rules of two (EMV Book 3, 10.5)", len(b))
		}
		o = append(o, object{tlv.TagCVMList, b})
	}
	if s.Node("action_codes") == nil {
		s.FailAt("action_codes", "is missing")
	}
	codes := s.Reader.Mapping(s.Node("action_codes"), "contact.action_codes", "default", "denial", "online")
	for _, c := range []struct {
		key string
		tag tlv.Tag
	}{{"default", tlv.TagIACDefault}, {"denial", tlv.TagIACDenial}, {"online", tlv.TagIACOnline}} {
		o = append(o, object{c.tag, codes.Bytes(c.key, 5, 5, true)})
	}
	return o
}

func (p *Profile) readLoadLog(s *strictyaml.Section, x *pboc.Contact) {
	if s.Node("load_log") == nil {
		return
	}
	log := s.Reader.Mapping(s.Node("load_log"), "contact.load_log", "file", "count", "format")
	x.LoadLogSFI = byte(log.Number("file", 11, 30, 0))
	x.LoadLogCount = byte(log.Number("count", 1, pboc.MaxLog, 0))
	x.LoadLogFormat = readDOL(&log, "format")
	if x.LoadLogSFI == 0 || x.LoadLogCount == 0 {
		s.FailAt("load_log", "file and count are needed")
	}
	for _, tag := range []tlv.Tag{tlv.TagTransactionDate, tlv.TagTransactionTime, tlv.TagATC} {
		if !x.LoadLogFormat.Has(tag) {
			s.FailAt("load_log", "format does not hold %v, which JR/T 0025.13 asks for", tag)
		}
	}
}

// readDual takes the currency whose payments count after conversion.
func (p *Profile) readDual(s *strictyaml.Section, x *pboc.Contact) {
	if s.Node("dual_currency") == nil {
		return
	}
	dual := s.Reader.Mapping(s.Node("dual_currency"), "contact.dual_currency", "currency", "factor")
	copy(x.DualCurrency[:], dual.Bytes("currency", 2, 2, true))
	copy(p.product.Limits.CurrencyFactor[:], dual.Bytes("factor", 4, 4, true))
}

// readSecond takes the second electronic cash (JR/T 0025.15).
func (p *Profile) readSecond(s *strictyaml.Section, x *pboc.Contact) {
	if s.Node("second_currency") == nil {
		return
	}
	second := s.Reader.Mapping(s.Node("second_currency"), "contact.second_currency", "currency", "balance", "single", "threshold", "cvm", "opening")
	amount := func(key string) money.Fen { return money.Fen(second.Number(key, 0, int64(money.MaxN12), 0)) }
	x.Second = &pboc.SecondCurrency{Balance: amount("balance"), Single: amount("single"), Threshold: amount("threshold"), CVM: amount("cvm")}
	copy(x.Second.Currency[:], second.Bytes("currency", 2, 2, true))
	p.secondOpening = amount("opening")
}

// readMSD takes magnetic stripe data over the air. The record of its AFL is made
// anew for each transaction, so it does not stand among the others.
func readMSD(s *strictyaml.Section, x *pboc.Contact) {
	if s.Node("msd") == nil {
		return
	}
	msd := s.Reader.Mapping(s.Node("msd"), "contact.msd", "aip", "afl")
	x.MSD = &pboc.MSD{}
	copy(x.MSD.Path.AIP[:], msd.Bytes("aip", 2, 2, true))
	if b := msd.Bytes("afl", 4, 4, false); b != nil {
		x.MSD.Path.AFL = b
		if b[0]&7 != 0 || b[0] == 0 || b[0] > 30<<3 || b[1] == 0 || b[2] != b[1] || b[3] != 0 {
			msd.FailAt("afl", "want one record that is not signed")
		}
	}
}

// readPIN takes the reference PIN of development cards and the number of tries
// after an unblock.
func (p *Profile) readPIN(top *strictyaml.Section) {
	x := p.product.Contact
	if x != nil {
		x.PINLimit = p.product.PINTries
	}
	if top.Node("pin") == nil {
		return
	}
	s := top.Reader.Mapping(top.Node("pin"), "pin", "reference", "limit")
	if x == nil {
		top.FailAt("pin", "only a card with a contact side checks a PIN; give it \"contact\"")
		return
	}
	x.PINLimit = byte(s.Number("limit", 1, 15, int64(x.PINLimit)))
	if s.Node("reference") == nil {
		return
	}
	var err error
	if p.reference, err = pin.New(s.Digits("reference", pin.MinLen, pin.MaxLen, true)); err != nil {
		s.FailAt("reference", "%v", err)
	}
}

// readChip takes what belongs to the chip as a whole.
func (p *Profile) readChip(top *strictyaml.Section) {
	if top.Node("chip") == nil {
		return
	}
	s := top.Reader.Mapping(top.Node("chip"), "chip", "pse", "historical")
	p.pse = s.Flag("pse")
	p.historical = []byte(s.ASCII("historical", 1, 15, false))
}

func n12(v money.Fen) []byte {
	b, err := v.N12()
	if err != nil {
		panic("perso: a limit was read without its range: " + err.Error())
	}
	return b[:]
}
