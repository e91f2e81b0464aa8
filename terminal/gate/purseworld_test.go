package gate_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/card/ppse"
	"github.com/citycard/citycard/card/purse"
	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
)

// purseProfile tells the cards that have a purse first: tunion and dev-cityunion, with
// "+" another of them behind it, with "-bare" at the end no directory.
func purseProfile(name string) bool {
	return strings.HasPrefix(name, "tunion") || strings.HasPrefix(name, "dev-cityunion") || strings.HasPrefix(name, "dev-tunion")
}

// makePurse makes a card with one purse or two.
func (w *world) makePurse(name string, s cardSpec) *rider {
	w.t.Helper()
	w.issued++
	r := &rider{chip: card.New(), random: &stream{name: name}, answers: map[string][]byte{}, profile: s.profile}
	list, bare := strings.CutSuffix(s.profile, "-bare")
	var parts card.Parts
	var entries []ppse.Entry
	for i, one := range strings.Split(list, "+") {
		p, err := purse.Embedded(one)
		w.must(err)
		id := p.Card()
		id.Number[8], id.Number[9] = byte(w.issued/10%10<<4|w.issued%10), 1
		spec := p.Spec(id)
		if s.balance > 0 {
			spec.EP.Opening = uint32(s.balance)
		}
		t, err := purse.NewTemplate(spec)
		w.must(err)
		parts.Applications = append(parts.Applications, t)
		entries = append(entries, ppse.Entry{AID: p.AID(), Label: "PURSE", Priority: byte(i + 1)})
		if i == 0 {
			r.aid, r.key = p.AID(), w.purseKey(one, id.Number)
		}
	}
	var err error
	if !bare {
		parts.Directory, err = ppse.New(entries...)
		w.must(err)
	}
	r.image, err = card.Assemble(parts)
	w.must(err)
	r.chip.UseInterface(card.Contactless)
	w.must(r.chip.Insert(r.image, nil))
	r.phone = s.uid == "random"
	if !r.phone {
		r.uid, err = gate.NewUID([]byte{0x04, 0xC1, 0, 0, 2, byte(w.issued >> 8), byte(w.issued)})
		w.must(err)
	}
	w.cards[name] = r
	return r
}

func (w *world) purseKey(profile string, number [10]byte) txn.CardKey {
	psn := byte(txn.PSNTUnion)
	if profile == "dev-cityunion" {
		psn = txn.PSNCityUnion
	}
	key, err := txn.PurseCard(psn, number)
	w.must(err)
	return key
}

// purseState is what a purse really holds: balance, and the number of its last purchase.
func (r *rider) purseState(w *world) (balance uint32, last uint16) {
	w.t.Helper()
	err := r.chip.PowerOn(r.random)
	for errors.Is(err, cos.ErrPowerCut) {
		err = r.chip.PowerOn(r.random)
	}
	w.must(err)
	defer r.chip.PowerOff()
	send := func(c apdu.Command) []byte {
		b, err := c.Append(nil)
		w.must(err)
		answer, err := r.chip.Transmit(nil, b)
		w.must(err)
		data, sw, err := apdu.ParseResponse(answer)
		w.must(err)
		if sw != apdu.SWOK {
			return nil
		}
		return data
	}
	send(apdu.Command{INS: 0xA4, P1: 4, Data: r.aid, Le: 256})
	balance = binary.BigEndian.Uint32(send(apdu.Command{CLA: 0x80, INS: 0x5C, P2: 2, Le: 4}))
	if log := send(apdu.Command{INS: 0xB2, P1: 1, P2: 0x18<<3 | 4, Le: 23}); log != nil {
		last = binary.BigEndian.Uint16(log)
	}
	return balance, last
}

// checkPurse is what the issuer finds in a row of a purse.
func (w *world) checkPurse(r *txn.Row) string {
	w.t.Helper()
	if r.AC == ([8]byte{}) {
		return "no TAC"
	}
	p, _ := r.Purse()
	alg, _ := epurse.AlgOf(p.Algorithm)
	factor := epurse.Factor{0x01, 0x01, 0x10, 0x00, 0x01, 0x01, 0x10, 0x00}
	if r.Card.PSN == txn.PSNCityUnion {
		factor = epurse.Factor{0x07, 0x31, 0x41}
	}
	v, err := w.keys.PurseVerifier(keystore.PurseMasters(alg), alg, factor)
	w.must(err)
	serial, _ := r.Card.PurseSerial()
	t := epurse.Trade{Type: epurse.Type(r.Type), Amount: uint32(r.Amount), Terminal: p.Terminal, Stamp: txn.StampBCD(r.Time), TerminalSeq: p.TerminalSequence}
	tac, mac2 := v.TAC(serial, &t, p.TAC), v.MAC2(serial, p.Random, p.Sequence-1, &t, p.MAC2)
	return fmt.Sprintf("TAC %v, MAC2 %v", tac, mac2)
}
