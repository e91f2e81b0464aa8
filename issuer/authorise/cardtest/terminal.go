// Package cardtest is the least terminal that brings a card to ask its issuer, for
// tests of the issuer's side: SELECT, GET PROCESSING OPTIONS, the records, GENERATE AC,
// and then whatever the issuer answers. It checks nothing that a terminal must check.
//
// It keeps to the order of EMV Book 3, 10.1 for a transaction that goes online.
package cardtest

import (
	"encoding/binary"
	"fmt"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// Card answers commands; *card.Chip is one.
type Card interface {
	Transmit(dst, command []byte) ([]byte, error)
}

// Terminal is one terminal at one card.
type Terminal struct {
	Card Card
	// Values are the terminal's data objects; Seen are the card's.
	Values, Seen map[tlv.Tag][]byte
	Entry        txn.EntryMode
	Sequence     uint32
	Time         int64
}

// AID is the application that Start selects.
var AID = []byte{0xA0, 0, 0, 3, 0x33, 1, 1, 1}

// New makes a terminal whose transactions are at unix seconds.
func New(card Card, entry txn.EntryMode, seconds int64) *Terminal {
	date, clock := txn.DateBCD(seconds), txn.TimeBCD(seconds)
	return &Terminal{Card: card, Entry: entry, Time: seconds, Values: map[tlv.Tag][]byte{
		tlv.TagAmountOther: make([]byte, 6), tlv.TagTerminalCountry: {0x01, 0x56}, tlv.TagTVR: make([]byte, 5),
		tlv.TagTransactionCurrency: {0x01, 0x56}, tlv.TagTransactionDate: date[:], tlv.TagTransactionTime: clock[:],
		tlv.TagTransactionType: {0}, tlv.TagUN: {0x11, 0x22, 0x33, 0x44}, tlv.TagTTQ: {0x40, 0, 0, 0}, tlv.TagECTerminalIndicator: {0},
		tlv.TagMerchantName: []byte("CITYCARD TEST"), tlv.TagSMSupport: {0},
	}}
}

// Send sends a command; a status word other than 9000 is no error.
func (t *Terminal) Send(command []byte) ([]byte, apdu.SW, error) {
	out, err := t.Card.Transmit(nil, command)
	if err != nil {
		return nil, 0, err
	}
	return apdu.ParseResponse(out)
}

func (t *Terminal) must(command []byte) ([]byte, error) {
	data, sw, err := t.Send(command)
	if err == nil && sw != apdu.SWOK {
		err = fmt.Errorf("command %X: %v", command[:2], sw)
	}
	return data, err
}

// command is a command with data and Le 00.
func command(cla, ins, p1, p2 byte, data []byte) []byte {
	return append(append([]byte{cla, ins, p1, p2, byte(len(data))}, data...), 0)
}

// Start selects the application, asks for its options with an amount and a transaction
// type, and reads its records.
func (t *Terminal) Start(amount money.Fen, kind byte) error {
	v, err := amount.N12()
	if err != nil {
		return err
	}
	t.Values[tlv.TagAmountAuthorised], t.Values[tlv.TagTransactionType] = v[:], []byte{kind}
	t.Seen = map[tlv.Tag][]byte{}
	t.Sequence++
	fci, err := t.must(command(0, 0xA4, 4, 0, AID))
	if err != nil {
		return err
	}
	t.keep(fci)
	pdol, err := t.list(tlv.TagPDOL)
	if err != nil {
		return err
	}
	answer, err := t.must(command(0x80, 0xA8, 0, 0, tlv.Append(nil, tlv.TagCommandTemplate, pdol)))
	if err != nil {
		return err
	}
	if v, ok := tlv.Find(answer, tlv.TagResponseFormat1); ok && len(v) > 2 {
		t.Seen[tlv.TagAIP], t.Seen[tlv.TagAFL] = v[:2], v[2:]
	}
	t.keep(answer)
	return t.read(t.Seen[tlv.TagAFL])
}

// read reads the records of a file locator.
func (t *Terminal) read(afl []byte) error {
	for ; len(afl) >= 4; afl = afl[4:] {
		for n := afl[1]; n <= afl[2] && n != 0; n++ {
			record, err := t.must([]byte{0, 0xB2, n, afl[0] | 4, 0})
			if err != nil {
				return err
			}
			t.keep(record)
		}
	}
	return nil
}

// keep remembers the data objects of an answer, those inside templates too.
func (t *Terminal) keep(b []byte) {
	nodes, err := tlv.Parse(b)
	if err != nil {
		return
	}
	t.walk(nodes)
}

func (t *Terminal) walk(nodes []tlv.Node) {
	for i := range nodes {
		t.Seen[nodes[i].Tag] = nodes[i].Value
		t.walk(nodes[i].Children)
	}
}

// list is the data of a data object list of the card.
func (t *Terminal) list(tag tlv.Tag) ([]byte, error) {
	d, err := tlv.ParseDOL(t.Seen[tag])
	if err != nil {
		return nil, err
	}
	return d.Append(nil, func(tag tlv.Tag) []byte { return t.Values[tag] })
}

// Generate is GENERATE AC with P1; the second one if arc is not empty. It returns 9F27.
func (t *Terminal) Generate(p1 byte, arc string) (byte, error) {
	tag := tlv.TagCDOL1
	if arc != "" {
		tag = tlv.TagCDOL2
		t.Values[tlv.TagARC] = []byte(arc)
	}
	data, err := t.list(tag)
	if err != nil {
		return 0, err
	}
	out, err := t.must(command(0x80, 0xAE, p1, 0, data))
	if err != nil {
		return 0, err
	}
	v, ok := tlv.Find(out, tlv.TagResponseFormat1)
	if !ok || len(v) < 11 {
		return 0, fmt.Errorf("GENERATE AC: %d bytes", len(out))
	}
	t.Seen[tlv.TagCID], t.Seen[tlv.TagATC], t.Seen[tlv.TagAC], t.Seen[tlv.TagIAD] = v[:1], v[1:3], v[3:11], v[11:]
	return v[0], nil
}

// Request is what the terminal asks the issuer: field 55 and track 2 as they are now.
func (t *Terminal) Request(kind txn.OnlineKind, card txn.CardKey, amount money.Fen) txn.OnlineRequest {
	q := txn.OnlineRequest{Kind: kind, Card: card, Amount: amount, Currency: [2]byte{0x01, 0x56}, Time: t.Time, Terminal: 1, Sequence: t.Sequence,
		Entry: t.Entry, Track2: t.Seen[tlv.TagTrack2Equivalent]}
	if e := t.Seen[tlv.TagExpirationDate]; len(e) == 3 {
		q.Expiry = [2]byte(e)
	}
	if t.Seen[tlv.TagAC] == nil {
		return q
	}
	for _, tag := range [...]tlv.Tag{tlv.TagAC, tlv.TagCID, tlv.TagIAD, tlv.TagUN, tlv.TagATC, tlv.TagTVR, tlv.TagTransactionDate, tlv.TagTransactionType,
		tlv.TagAmountAuthorised, tlv.TagTransactionCurrency, tlv.TagAIP, tlv.TagTerminalCountry, tlv.TagAmountOther, tlv.TagProductID} {
		v := t.Seen[tag]
		if v == nil {
			v = t.Values[tag]
		}
		if v != nil {
			q.ICC = tlv.Append(q.ICC, tag, v)
		}
	}
	return q
}

// ATC is the card's counter as it was last seen; 0 for none.
func (t *Terminal) ATC() uint16 {
	if v := t.Seen[tlv.TagATC]; len(v) == 2 {
		return binary.BigEndian.Uint16(v)
	}
	return 0
}

// Authenticate gives 91 of the issuer's answer to the card; SW 0 if there is none.
func (t *Terminal) Authenticate(icc []byte) (apdu.SW, error) {
	v, ok := tlv.Find(icc, tlv.TagIssuerAuthenticationData)
	if !ok {
		return 0, nil
	}
	_, sw, err := t.Send(append([]byte{0, 0x82, 0, 0, byte(len(v))}, v...))
	return sw, err
}

// Scripts gives the commands of a script template to the card, and the status words.
func (t *Terminal) Scripts(icc []byte, template tlv.Tag) ([]apdu.SW, error) {
	var out []apdu.SW
	it := tlv.Iterate(icc)
	for it.Next() {
		if it.Tag != template {
			continue
		}
		inner := it.Enter()
		for inner.Next() {
			if inner.Tag != tlv.TagIssuerScriptCommand {
				continue
			}
			_, sw, err := t.Send(inner.Value)
			if err != nil {
				return out, err
			}
			out = append(out, sw)
		}
	}
	return out, it.Err()
}
