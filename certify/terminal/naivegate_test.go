package terminal_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/citycard/citycard/card/capp"
	"github.com/citycard/citycard/certify/terminal"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// naiveGate is a gate that does what the cases want and nothing else: no rule book, two
// fares, cards known by their address. wrong names the one thing that it does wrong.
type naiveGate struct {
	keys   *terminal.RecordKeys
	verify *oda.Verifier
	rand   io.Reader
	at     time.Time
	torn   map[*terminal.Card]*naiveTap
	wrong  string
}

// naiveTap is one tap, and what is kept of it when it was torn.
type naiveTap struct {
	g    *naiveGate
	card *terminal.Card
	kind terminal.Kind

	pdol       tlv.DOL
	hasDF60    bool
	support    byte
	national   bool
	un         [4]byte
	df60       byte
	amount     uint64
	file       byte
	id         uint16
	prev, next []byte

	atc     uint16
	ac      []byte
	sdad    []byte
	track2  []byte
	psn     []byte
	ctq     []byte
	aip     [2]byte
	afl     []byte
	objects map[tlv.Tag][]byte
	static  []byte
}

var (
	errGone = errors.New("the card is gone")
	errShut = errors.New("the gate stays shut")
)

func (g *naiveGate) is(wrong string) bool { return g.wrong == wrong }

// Run implements terminal.Terminal.
func (g *naiveGate) Run(_ context.Context, c *terminal.Card, tx terminal.Transaction, _ *terminal.Host) (terminal.Reported, error) {
	word := g.tap(c, tx.Kind)
	if tx.Again && word != "offline_approved" && c.Return() {
		word = g.tap(c, tx.Kind)
	}
	return terminal.Reported{Outcome: word}, nil
}

func (g *naiveGate) tap(c *terminal.Card, kind terminal.Kind) string {
	t := &naiveTap{g: g, card: c, kind: kind, objects: map[tlv.Tag][]byte{}}
	err := t.do()
	switch {
	case err == nil:
		delete(g.torn, c)
		return "offline_approved"
	case errors.Is(err, errGone) && g.torn[c] != nil && !g.is("calls a doubt lost"):
		return "doubt"
	case errors.Is(err, errGone):
		return "card_lost"
	}
	if g.is("opens for everyone") {
		return "offline_approved"
	}
	return "declined"
}

func (t *naiveTap) send(cla, ins, p1, p2 byte, data []byte, le int) ([]byte, apdu.SW, error) {
	cmd, err := apdu.Command{CLA: cla, INS: ins, P1: p1, P2: p2, Data: data, Le: le}.Append(nil)
	if err != nil {
		return nil, 0, err
	}
	a := t.card.Transmit(cmd)
	if a.Gone {
		return nil, 0, errGone
	}
	return apdu.ParseResponse(a.Data)
}

// ask sends a command that must be answered with 9000.
func (t *naiveTap) ask(cla, ins, p1, p2 byte, data []byte, le int) ([]byte, error) {
	out, sw, err := t.send(cla, ins, p1, p2, data, le)
	if err == nil && sw != apdu.SWOK {
		err = errShut
	}
	return out, err
}

func (t *naiveTap) do() error {
	if err := t.choose(); err != nil {
		return err
	}
	if t.g.is("takes every card for the torn one") && len(t.g.torn) > 0 {
		return nil
	}
	if old := t.g.torn[t.card]; old != nil && !t.g.is("forgets torn cards") {
		open, err := t.comeBack(old)
		if open || err != nil {
			return err
		}
		delete(t.g.torn, t.card)
	}
	if t.support == 0 || !t.hasDF60 {
		if t.g.is("speaks of journeys to every card") {
			_, _, _ = t.send(0x80, 0xB4, 0, 0xA8, []byte{0x01, 0x10}, 256)
		}
		return t.pay()
	}
	if t.g.is("asks for something before the record") {
		_, _, _ = t.send(0x80, 0xCA, 0x9F, 0x79, nil, 256)
	}
	found, err := t.readJourney()
	switch {
	case err != nil:
		return err
	case !found && t.g.is("pays a fare without a record"):
		t.df60 = 1
		return t.pay()
	case !found:
		return t.pay()
	}
	if err := t.decide(); err != nil {
		return err
	}
	return t.pay()
}

// choose selects the application.
func (t *naiveTap) choose() error {
	dir, err := t.ask(0, 0xA4, 4, 0, []byte("2PAY.SYS.DDF01"), 256)
	if err != nil {
		return err
	}
	list, _ := tlv.Find(dir, tlv.TagFCITemplate, tlv.TagFCIProprietary, tlv.TagFCIIssuerDiscretionary)
	var best []byte
	rank := byte(255)
	for it := tlv.Iterate(list); it.Next(); {
		aid, _ := tlv.Find(it.Value, tlv.TagADFName)
		p, _ := tlv.Find(it.Value, tlv.TagApplicationPriority)
		bank := bytes.HasPrefix(aid, []byte{0xA0, 0, 0, 3, 0x33})
		if t.g.is("takes purses") {
			bank = bank || bytes.HasPrefix(aid, []byte{0xA0, 0, 0, 6, 0x32})
		}
		if t.g.is("tries its luck") {
			_, _, _ = t.send(0, 0xA4, 4, 0, aid, 256)
		}
		if n := append(p, 15)[0]; bank && (n < rank || t.g.is("takes the last application")) {
			best, rank = aid, n
		}
	}
	fci, sw, err := t.send(0, 0xA4, 4, 0, best, 256)
	switch {
	case err != nil:
		return err
	case sw != apdu.SWOK && (sw != apdu.SWInvalidated || !t.g.is("overlooks a blocked application")):
		return errShut
	}
	inner, _ := tlv.Find(fci, tlv.TagFCITemplate, tlv.TagFCIProprietary)
	pdol, _ := tlv.Find(inner, tlv.TagPDOL)
	if t.pdol, err = tlv.ParseDOL(pdol); err != nil {
		return errShut
	}
	for _, e := range t.pdol {
		t.hasDF60 = t.hasDF60 || e.Tag == tlv.TagCAPPIndicator
	}
	if b, _ := tlv.Find(inner, tlv.TagFCIIssuerDiscretionary, tlv.TagCAPPSupport); len(b) == 1 {
		t.support = b[0]
	}
	if _, err := io.ReadFull(t.g.rand, t.un[:]); err != nil {
		return err
	}
	if t.g.is("has one random number") {
		t.un = [4]byte{1, 2, 3, 4}
	}
	return nil
}

func (t *naiveTap) alg() (cryptogram.Alg, epurse.Alg) {
	if t.national {
		return cryptogram.SM4, epurse.SM4
	}
	return cryptogram.TDES, epurse.TDES
}

func (t *naiveTap) key(file byte, record []byte) cryptogram.Key {
	_, alg := t.alg()
	master := map[byte]cryptogram.Key{0x15: t.g.keys.Metro, 0x1A: t.g.keys.Bus, 0x1E: t.g.keys.Log}[file]
	return epurse.Diversify(alg, master, epurse.Factor(record[6:14]))
}

func (t *naiveTap) onBus() bool {
	return t.kind == terminal.Bus || t.kind == terminal.Board || t.kind == terminal.Alight
}

// record reads the journey record under its code.
func (t *naiveTap) record() ([]byte, apdu.SW, error) {
	t.file, t.id = 0x15, 0x0110
	if t.onBus() {
		t.file, t.id = 0x1A, 0x2701
	}
	random := append(append([]byte{}, t.un[:]...), t.un[:]...)
	ask := append(binary.BigEndian.AppendUint16(nil, t.id), random...)
	if t.g.is("reads without a random number") {
		ask = ask[:2]
	}
	b, sw, err := t.send(0x80, 0xB4, 0, t.file<<3, ask, 256)
	if err != nil || sw != apdu.SWOK {
		return nil, sw, err
	}
	if len(ask) == 2 {
		return b, sw, nil
	}
	if t.g.is("fills up what is cut off") {
		b = append(bytes.Clone(b), make([]byte, max(0, 128-len(b)))...)[:128]
		return b, sw, nil
	}
	if len(b) < 14+4 || len(b) != 4+3+int(b[2]) {
		return nil, apdu.SWRecordNotFound, nil
	}
	record, code := b[:len(b)-4], b[len(b)-4:]
	for _, t.national = range []bool{false, true} {
		alg, _ := t.alg()
		if want := capp.ReadMAC(alg, t.key(t.file, record), [8]byte(random), record); bytes.Equal(want[:], code) {
			return record, sw, nil
		}
	}
	if t.national = false; t.g.is("believes every record") && len(record) == 128 {
		return record, sw, nil
	}
	return nil, sw, errShut
}

func (t *naiveTap) readJourney() (found bool, err error) {
	r, sw, err := t.record()
	switch {
	case err != nil:
		return false, err
	case sw == apdu.SWFileNotFound || sw == apdu.SWRecordNotFound:
		return false, nil
	case sw != apdu.SWOK:
		return false, errShut
	case len(r) != 128:
		return false, nil
	case !t.g.is("does not look into the record") && (r[3] != 1 || r[5] != 0 || r[14] > 2):
		return false, errShut
	}
	t.prev = r
	return true, nil
}

// decide prices the tap and makes the new record.
func (t *naiveTap) decide() error {
	next := bytes.Clone(t.prev)
	if len(next) < 128 {
		next = append(next, make([]byte, 128-len(next))...)
	}
	when := t.when()
	t.df60 = 1
	hold := (t.support >= 2 || t.g.is("holds with every card")) && !t.g.is("never holds")
	switch t.kind {
	case terminal.Entry, terminal.Board:
		next[14] = 1
		copy(next[46:], when)
		if next[4] = 1; hold {
			t.df60, t.amount, next[4] = 2, 20_00, 2
		}
	case terminal.Exit, terminal.Alight:
		t.amount = 7_00
		if t.prev[14] == 1 {
			t.amount = 4_00
		}
		if t.prev[4] == 2 && !t.g.is("never completes") {
			t.df60 = 3
		}
		next[4], next[14] = 1, 2
		copy(next[89:], when)
	default:
		t.amount, next[14] = 2_00, 2
		copy(next[89:], when)
	}
	switch {
	case t.g.is("lets everybody ride for nothing"):
		t.amount = 0
	case t.g.is("asks for money at the entry") && t.kind == terminal.Entry:
		t.amount = 1
	case t.g.is("sends DF60 03 to end a ride"):
		t.df60 = 3
	case t.g.is("makes every card a shop's"):
		t.df60 = 0
	}
	if next[14] == 2 {
		binary.BigEndian.PutUint32(next[96:], uint32(t.amount))
	}
	if t.g.is("writes the entry as an exit") {
		next[14] = 2
	}
	t.next = next[:len(t.prev)]
	return nil
}

// when is the time of the tap, YYYYMMDDhhmmss.
func (t *naiveTap) when() []byte {
	at := t.g.at
	if t.g.is("has a wrong clock in its records") {
		at = at.AddDate(-3, 0, 0)
	}
	return packed(at.Format("20060102150405"))
}

func packed(s string) []byte {
	b := make([]byte, len(s)/2)
	for i := range b {
		b[i] = (s[2*i]-'0')<<4 | (s[2*i+1] - '0')
	}
	return b
}

// comeBack looks whether the card has paid the tap that was torn. open says that it has.
func (t *naiveTap) comeBack(old *naiveTap) (open bool, err error) {
	if !t.g.is("only asks GET TRANS PROVE") {
		b, sw, err := t.send(0, 0xB2, 2, 0x0C, nil, 256)
		if err != nil {
			return false, err
		}
		if sw == apdu.SWOK {
			if err := old.take(b, false); err != nil {
				return false, err
			}
			return true, old.genuine()
		}
	}
	if t.g.is("charges again what it cannot read") {
		return false, nil
	}
	atc := old.atc
	if t.g.is("proves another counter") {
		atc++
	}
	tc, sw, err := t.send(0x80, 0x5A, 0, 0, binary.BigEndian.AppendUint16(nil, atc), 8)
	switch {
	case err != nil:
		return false, err
	case sw == apdu.SWProofNotAvailable && t.g.is("never begins anew"):
		return false, errShut
	case sw == apdu.SWProofNotAvailable:
		return false, nil
	case sw != apdu.SWOK || !bytes.Equal(tc, old.ac) && !t.g.is("takes every proof"):
		return false, errShut
	case t.g.is("takes a TC for a payment"), t.g.is("takes every proof"):
		return true, nil
	}
	now, sw, err := t.record()
	if err != nil || sw != apdu.SWOK || !slices.Equal(now, old.next) {
		return false, errors.Join(errShut, err)
	}
	return true, nil
}
