package reader_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/kernel/emv"
	"github.com/citycard/citycard/terminal/reader"
	"github.com/citycard/citycard/terminal/reader/recording"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

func newVerifier(t testing.TB) *oda.Verifier {
	t.Helper()
	v, err := oda.NewVerifier(unionPay(t), 4)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// development checks the cards of role/devcard.
func development(t testing.TB) *oda.Verifier {
	t.Helper()
	keys, err := devkeys.CAKeys()
	if err != nil {
		t.Fatal(err)
	}
	v, err := oda.NewVerifier(keys, 4)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// recordedTime is the date of tag 9A, and the time of 9F21 if there is one, at UTC+8.
func recordedTime(t testing.TB, v recording.Values) int64 {
	t.Helper()
	clock := v[tlv.TagTransactionTime]
	if clock == nil {
		clock = []byte{0x12, 0x00, 0x00}
	}
	at, err := time.ParseInLocation("060102150405", hexText(v[tlv.TagTransactionDate])+hexText(clock), txn.CityTime)
	if err != nil {
		t.Fatal(err)
	}
	return at.Unix()
}

func hexText(b []byte) string {
	const digits = "0123456789ABCDEF"
	var s []byte
	for _, c := range b {
		s = append(s, digits[c>>4], digits[c&15])
	}
	return string(s)
}

func recordedAmount(t testing.TB, v recording.Values) money.Fen {
	t.Helper()
	fen, err := money.FromN12(v[tlv.TagAmountAuthorised])
	if err != nil {
		t.Fatal(err)
	}
	return fen
}

// tap drives the contactless kernel against a recorded card with the recorded
// values, strictly: every command must be the recorded one.
func tap(t *testing.T, s *recording.Session, aids []kernel.AID, v recording.Values) *kernel.Outcome {
	t.Helper()
	return drive(t, reader.Replay(s, false), aids, v, newVerifier(t))
}

// drive runs the contactless kernel with a card.
func drive(t *testing.T, card reader.Card, aids []kernel.AID, v recording.Values, verifier *oda.Verifier) *kernel.Outcome {
	t.Helper()
	m, err := kernel.New(&kernel.Config{
		TTQ: [4]byte(v[tlv.TagTTQ]), Country: [2]byte(v[tlv.TagTerminalCountry]), Currency: [2]byte(v[tlv.TagTransactionCurrency]),
		TerminalType: 0x22, AIDs: aids, SM: true, Verify: verifier,
	})
	if err != nil {
		t.Fatal(err)
	}
	in := kernel.Input{
		Amount: recordedAmount(t, v), UN: [4]byte(v[tlv.TagUN]), Time: recordedTime(t, v), Type: v[tlv.TagTransactionType][0],
	}
	if err := m.Reset(in); err != nil {
		t.Fatal(err)
	}
	r := m.Step(kernel.Event{Kind: kernel.Start})
	for {
		switch {
		case r.Outcome != nil:
			return r.Outcome
		case r.Identified:
			r = m.Step(kernel.Event{Kind: kernel.Continue})
		case r.RemoveCard:
			r = m.Step(kernel.Event{Kind: kernel.CardRemoved})
		default:
			answer, err := card.Transmit(context.Background(), nil, r.Send)
			switch {
			case errors.Is(err, reader.ErrCardGone):
				r = m.Step(kernel.Event{Kind: kernel.CardLeft})
			case err != nil:
				t.Fatal(err)
			default:
				r = m.Step(kernel.Answered(answer))
			}
		}
	}
}

// TestDebitToARQC: with the recorded amount, date and unpredictable number the
// kernel sends byte for byte what the recorded terminal sent, and ends where it
// ended: the card asks its issuer.
func TestDebitToARQC(t *testing.T) {
	s := session(t, "qpboc-debit")
	o := tap(t, s, kernel.DebitCredit(), s.Terminal().Options)
	if o.Result != kernel.OnlineRequired || !o.Identified || o.Commit != kernel.NotCommitted {
		t.Fatalf("%v: %v, identified %v, %v", o.Result, o.Fault, o.Identified, o.Commit)
	}
	d := o.Data
	if d.ATC != 0x0ADC || d.AC != [8]byte(unhex(t, "AD03EE811AFAD484")) || d.Card.PSN != 0 {
		t.Errorf("ATC %04X, cryptogram %X, sequence number %02X", d.ATC, d.AC, d.Card.PSN)
	}
}

// TestCardLost: the card left before it had answered GET PROCESSING OPTIONS, so it
// has certainly paid nothing, and who it was is not known: no row of doubt.
func TestCardLost(t *testing.T) {
	visa := []kernel.AID{{Name: []byte{0xA0, 0, 0, 0, 0x03}, Partial: true}}
	values := session(t, "tec-connection_lost_before_GPO_response").Terminal().Options
	for name, commands := range map[string]int{
		"tec-connection_lost_before_PPSE_response": 1, "tec-connection_lost_during_PPSE_response": 1, "tec-connection_lost_before_GPO_response": 3,
	} {
		s := session(t, name)
		if len(s.Exchanges) != commands || !s.Exchanges[commands-1].Lost() {
			t.Errorf("%s: %d exchanges", name, len(s.Exchanges))
		}
		o := tap(t, s, visa, values)
		if o.Result != kernel.Torn || o.Identified || o.Commit != kernel.NotCommitted || o.Reason != txn.NoDoubt {
			t.Errorf("%s: %v %v, identified %v, %v, reason %v", name, o.Result, o.Fault, o.Identified, o.Commit, o.Reason)
		}
	}
}

// TestTornBytesOfOthers: recordings that do not say torn give the same end.
func TestTornBytesOfOthers(t *testing.T) {
	list, err := recording.Parse([]byte(`{"seq":1,"command":"00A404000E325041592E5359532E444446303100","response":"04810201001A0591AF"}`))
	if err != nil {
		t.Fatal(err)
	}
	if x := list[0].Exchanges[0]; !x.Lost() || len(x.Torn) != 9 {
		t.Errorf("taken for an answer of %d bytes", len(x.Response))
	}
}

// shop is the terminal that the contact session was recorded with, as far as its
// commands tell: no CDA, signature, an answer of the issuer that nobody signed.
func shop(t *testing.T, v recording.Values) *emv.Config {
	var list []emv.Application
	for _, pix := range []byte{1, 2, 3} {
		list = append(list, emv.Application{Name: []byte{0xA0, 0, 0, 3, 0x33, 1, 1, pix}, Partial: true, Version: [2]byte{0x00, 0x20}})
	}
	return &emv.Config{
		Country: [2]byte(v[tlv.TagTerminalCountry]), Currency: [2]byte(v[tlv.TagTransactionCurrency]), Exponent: 2,
		Type: 0x22, Capabilities: [3]byte{0xE0, 0x28, 0xC0}, Applications: list, Directory: true, Authenticate: newVerifier(t),
	}
}

// TestContactCommands: the debit/credit kernel sends to the UnionPay test card what
// the recorded terminal sent, from the directory to the second GENERATE AC, and its
// certificates and signature verify with the published CA key 09.
func TestContactCommands(t *testing.T) {
	s := session(t, "upi-contact")
	told := s.Terminal()
	m, err := emv.New(shop(t, told.First))
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Reset(contactInput(t, told)); err != nil {
		t.Fatal(err)
	}
	answer := &txn.OnlineAnswer{Code: [2]byte(told.Second[tlv.TagARC]), ICC: unhex(t, "91081122334455667788")}
	sent, o := converse(t, m, s, answer)
	if o.Result != kernel.Approved || !o.Online {
		t.Errorf("%v: %v, online %v", o.Result, o.Fault, o.Online)
	}
	if len(sent) != len(s.Exchanges) {
		t.Errorf("%d commands, recorded %d", len(sent), len(s.Exchanges))
	}
	for i, x := range s.Exchanges {
		if i >= len(sent) || !bytes.Equal(sent[i], x.Command) {
			t.Errorf("command %d is %X, recorded %X", i+1, at(sent, i), x.Command)
		}
	}
	if o.Data.TVR != [5]byte(told.Second[tlv.TagTVR]) || o.Data.TSI != [2]byte(told.Second[tlv.TagTSI]) {
		t.Errorf("TVR %X, TSI %X; recorded %X and %X", o.Data.TVR, o.Data.TSI, told.Second[tlv.TagTVR], told.Second[tlv.TagTSI])
	}
}

// TestContactSignatureCounts: one wrong bit in the answer to INTERNAL AUTHENTICATE,
// or a CA key that is not known, and the TVR says so.
func TestContactSignatureCounts(t *testing.T) {
	for what, change := range map[string]func(*recording.Session, *emv.Config){
		"signature": func(s *recording.Session, _ *emv.Config) {
			for i := range s.Exchanges {
				if x := &s.Exchanges[i]; x.Command[1] == 0x88 {
					x.Response[20] ^= 1
				}
			}
		},
		"CA key": func(_ *recording.Session, c *emv.Config) { c.Authenticate = development(t) },
	} {
		s := session(t, "upi-contact")
		told := s.Terminal()
		c := shop(t, told.First)
		change(s, c)
		m, err := emv.New(c)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Reset(contactInput(t, told)); err != nil {
			t.Fatal(err)
		}
		_, o := converse(t, m, s, &txn.OnlineAnswer{Code: [2]byte{'0', '0'}})
		if o.Data.TVR[0]&0x08 == 0 {
			t.Errorf("%s: TVR %X does not say that DDA failed", what, o.Data.TVR)
		}
	}
}

func contactInput(t *testing.T, told recording.Terminal) emv.Input {
	t.Helper()
	return emv.Input{
		Amount: recordedAmount(t, told.First), Type: told.First[tlv.TagTransactionType][0], Time: recordedTime(t, told.First),
		UN: [4]byte(told.First[tlv.TagUN]), CardUN: [4]byte(told.Dynamic[tlv.TagUN]), Sequence: 1,
	}
}

func at(list [][]byte, i int) []byte {
	if i < len(list) {
		return list[i]
	}
	return nil
}

// converse drives the debit/credit kernel against a recorded card and lists what it
// sent.
func converse(t *testing.T, m *emv.Machine, s *recording.Session, answer *txn.OnlineAnswer) (sent [][]byte, o *emv.Outcome) {
	t.Helper()
	card := reader.Replay(s, true)
	defer card.Close()
	r := m.Step(emv.Event{Kind: emv.Start})
	for {
		switch {
		case r.Outcome != nil:
			return sent, r.Outcome
		case r.Choose != nil:
			r = m.Step(emv.Event{Kind: emv.Chosen})
		case r.PIN != nil:
			r = m.Step(emv.Event{Kind: emv.PINBypassed})
		case r.Online != nil:
			r = m.Step(emv.Event{Kind: emv.HostAnswered, Host: answer})
		case r.RemoveCard:
			r = m.Step(emv.Event{Kind: emv.CardRemoved})
		default:
			sent = append(sent, bytes.Clone(r.Send))
			got, err := card.Transmit(context.Background(), nil, r.Send)
			if err != nil {
				t.Logf("%d: %v", len(sent), err)
				r = m.Step(emv.Event{Kind: emv.CardLeft})
				continue
			}
			r = m.Step(emv.Answered(got))
		}
	}
}
