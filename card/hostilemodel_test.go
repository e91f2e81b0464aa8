package card_test

import (
	"bytes"
	"crypto/cipher"
	"crypto/des"
	"errors"
	"fmt"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/card/gp"
	"github.com/citycard/citycard/card/pboc"
	"github.com/citycard/citycard/card/perso"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/crypt/scp"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// target is a card that falls into hostile hands, and what it must not tell.
type target struct {
	name    string
	profile *perso.Profile
	product *pboc.Product
	image   *card.Image
	start   []byte     // memory at first, nil for a card as issued
	at      int        // where the finance application's state lies in the memory, -1 for none
	domain  *gp.Domain // nil for none
	secrets [][]byte
	suites  []cryptoSuite
	pin     [8]byte
	valid   [][]byte // commands that this card understands
}

// cryptoSuite is a set of card keys, from which session keys follow.
type cryptoSuite struct {
	alg  cryptogram.Alg
	keys pboc.Keys
}

// targets are all development profiles: built, blank, personalised through the
// security domain, and left by a personalisation that broke off.
func targets(t testing.TB) []*target {
	t.Helper()
	var list []*target
	for _, p := range wholeProfiles(t) {
		in := developmentCard(t, p)
		c, err := p.Card(in)
		check(t, err)
		img, err := p.Image(in)
		check(t, err)
		built := &target{name: p.Name() + ", built", profile: p, product: p.Product(), image: img}
		built.know(t, p, in)
		list = append(list, built)

		void := *built
		void.name, void.image, void.at = p.Name()+", blank", blank(t, p), -1
		void.domain = void.image.Templates()[0].(*gp.Domain)
		void.knowDomain(t)
		list = append(list, &void)

		whole, half := void, void
		o := order(t, p, 0x30, scp.CMAC|scp.CDEC)
		chip := personalised(t, p, o, card.Contact)
		whole.name, whole.start = p.Name()+", personalised", chip.Snapshot(nil)
		whole.at = bytes.Index(chip.Memory().Settled(nil), bytes.TrimRight(c.Personalise(nil), "\x00"))
		if whole.at < 0 {
			t.Fatalf("%s: the state of the installed application is not in the memory", p.Name())
		}
		total := chip.Memory().Writes()
		chip = powered(t, void.image, card.Contact)
		chip.Memory().CutAt(total*2/3, cos.TearNone)
		if err := personalise(chip, o); !errors.Is(err, card.ErrPowerCut) {
			t.Fatalf("half a personalisation: %v", err)
		}
		half.name, half.start = p.Name()+", half personalised", chip.Snapshot(nil)
		list = append(list, &whole, &half)
	}
	return list
}

// know collects the secrets of a card and the commands that it understands.
func (tg *target) know(t testing.TB, p *perso.Profile, in *perso.Issue) {
	t.Helper()
	var err error
	tg.pin, err = pin.Encode(pin.Format2, p.PIN(), [10]byte{}, nil)
	check(t, err)
	tg.secrets = append(tg.secrets, tg.pin[:])
	tg.suites = append(tg.suites, cryptoSuite{p.Product().Alg, in.First.Keys})
	if p.Dual() {
		tg.suites = append(tg.suites, cryptoSuite{p.Product().Alternative.Alg, in.Second.Keys})
	}
	for _, s := range []perso.Secrets{in.First, in.Second} {
		for _, k := range []cryptogram.Key{s.Keys.AC, s.Keys.MAC, s.Keys.ENC, s.Keys.DCVN} {
			tg.hide(k[:])
		}
		r := s.Private.RSA
		for _, b := range [][]byte{r.P, r.Q, r.DP, r.DQ, r.QInv, s.Private.SM2[:]} {
			tg.hide(b)
		}
	}
	for _, contactless := range []bool{false, true} {
		for _, text := range conversation(t, p, contactless) {
			tg.valid = append(tg.valid, unhex(t, text))
		}
	}
	for _, text := range []string{"00A404000E315041592E5359532E444446303100", "00A4000002 3F00", "00A4000002 7F01", "00B2010C00", "80CA006600", "80CA00E000",
		"80CA9F7F00", "80500000081122334455667788 00", "80F28002024F0000", "80F24000024F0000", "00A4040008A00000015100000000"} {
		tg.valid = append(tg.valid, unhex(t, text))
	}
}

// hide adds a secret and both its ends, where they are no run of zeros.
func (tg *target) hide(b []byte) {
	if len(bytes.Trim(b, "\x00")) == 0 {
		return
	}
	tg.secrets = append(tg.secrets, bytes.Clone(b))
	for _, part := range [][]byte{b[:len(b)/2], b[len(b)/2:]} {
		if len(part) >= 8 && bytes.Count(part, []byte{0}) < 3 {
			tg.secrets = append(tg.secrets, bytes.Clone(part))
		}
	}
}

// knowDomain adds the keys of the security domain, and those that its first sessions
// under SCP02 would have (GP Card Specification 2.2, E.4.1).
func (tg *target) knowDomain(t testing.TB) {
	t.Helper()
	tg.secrets = append([][]byte{}, tg.secrets...)
	key := domainKeys(t, 0x20).ENC
	tg.hide(key[:])
	block, err := des.NewTripleDESCipher(append(key[:], key[:8]...))
	check(t, err)
	for sequence := range byte(3) {
		for _, purpose := range []byte{0x01, 0x02, 0x81, 0x82} {
			derived := make([]byte, 16)
			data := [16]byte{0x01, purpose, 0x00, sequence}
			cipher.NewCBCEncrypter(block, make([]byte, 8)).CryptBlocks(derived, data[:])
			tg.hide(derived)
		}
	}
}

// sessionKeys are those of all transactions with a counter value.
func (tg *target) sessionKeys(atc uint16) [][]byte {
	var list [][]byte
	for _, s := range tg.suites {
		for _, k := range []cryptogram.Key{s.keys.AC, s.keys.MAC, s.keys.ENC, s.keys.DCVN} {
			sk := cryptogram.DeriveSessionKey(s.alg, k, atc)
			list = append(list, sk[:])
		}
	}
	return list
}

// state reads the finance application's state out of the chip's memory.
func (tg *target) state(chip *card.Chip) (pboc.State, error) {
	if tg.at < 0 {
		return pboc.State{}, nil
	}
	return tg.product.Decode(chip.Memory().Settled(nil)[tg.at:][:tg.product.MemorySize()])
}

// payment is an amount that a card takes from one of its balances.
type payment struct {
	amount money.Fen
	second bool // the balance of the second currency
}

// force is how certain it is that a command pays.
type force byte

const (
	never force = iota
	perhaps
	surely
)

// watch follows a conversation from outside and knows when a card must have paid,
// from the approvals that it has answered, and from nothing else.
type watch struct {
	tg      *target
	now     pboc.State
	cash    force   // GENERATE AC pays: electronic cash over the contacts
	second  bool    // a second GENERATE AC is due
	money   [2]byte // the transaction's currency
	pending payment
	commits force // reading the last record pays pending
	last    pboc.Record
	keys    [][]byte // session keys of the counter

	paid int
}

// reset is a new session: SELECT, or the power came back.
func (w *watch) reset() { w.cash, w.second, w.commits = never, false, never }

// follow tells what a command may have done to the balance. cut: the power failed
// before the answer.
func (w *watch) follow(cmd []byte, data []byte, sw apdu.SW, cut bool) (payment, force) {
	c, err := apdu.ParseCommand(cmd)
	if err != nil || w.tg.at < 0 {
		return payment{}, never
	}
	switch header := uint16(c.CLA)<<8 | uint16(c.INS); {
	case header == 0x00A4 && sw>>8 == 0x6C:
		// Something may have been selected all the same.
		w.commits, w.cash = min(w.commits, perhaps), min(w.cash, perhaps)
	case header == 0x00A4 && (sw == apdu.SWOK || sw>>8 == 0x61 || sw>>8 == 0x62):
		w.reset()
	case header == 0x80A8 && (sw == apdu.SWOK || sw>>8 == 0x61):
		w.options(c.Data, data, sw)
	case header == 0x80AE:
		return w.generate(&c, data, sw, cut)
	case header == 0x00B2 && c.P1 == w.last.Number && c.P2 == w.last.SFI<<3|4 && (sw == apdu.SWOK || cut):
		p, f := w.pending, w.commits
		w.commits = never
		if cut {
			f = min(f, perhaps)
		}
		return p, f
	}
	return payment{}, never
}

// options reads the answer to GET PROCESSING OPTIONS.
func (w *watch) options(sent, data []byte, sw apdu.SW) {
	w.reset()
	p := w.tg.product
	if len(sent) < 2 {
		return
	}
	if sw>>8 == 0x61 || len(data) > 0 && data[0] == 0x80 {
		w.money = [2]byte(valueOf(p.Contact.PDOL, sent[2:], tlv.TagTransactionCurrency))
		switch {
		case sw>>8 == 0x61:
			w.cash = perhaps
		case bytes.Equal(data[4:], p.Contact.Cash.AFL) || p.Alternative != nil && bytes.Equal(data[4:], p.Alternative.Cash.AFL):
			w.cash = surely
		}
		return
	}
	raw, _ := tlv.Find(data, tlv.TagResponseFormat2, tlv.TagIAD)
	iad, err := cryptogram.ParseIAD(raw)
	afl, there := tlv.Find(data, tlv.TagResponseFormat2, tlv.TagAFL)
	if err != nil || iad.Result() != cryptogram.TC || !there {
		return
	}
	amount, err := money.FromN12(valueOf(p.PDOL, sent[2:], tlv.TagAmountAuthorised))
	if err != nil {
		return
	}
	w.money = [2]byte(valueOf(p.PDOL, sent[2:], tlv.TagTransactionCurrency))
	w.pending, w.commits = w.charge(amount), surely
	end := afl[len(afl)-4:]
	w.last = pboc.Record{SFI: end[0] >> 3, Number: end[2]}
}

// charge is an approved payment of the transaction.
func (w *watch) charge(amount money.Fen) payment {
	p := w.tg.product
	if w.money == p.Currency {
		return payment{amount, false}
	}
	return payment{amount, true}
}

// generate reads the answer to GENERATE AC: in electronic cash over the contacts a TC
// pays, unless the terminal says that the issuer gave it.
func (w *watch) generate(c *apdu.Command, data []byte, sw apdu.SW, cut bool) (payment, force) {
	if sw != apdu.SWOK && sw>>8 != 0x61 && !cut {
		return payment{}, never
	}
	k := w.tg.product.Contact
	list, offline := k.CDOL1, true
	if w.second {
		list = k.CDOL2
		arc := string(valueOf(list, c.Data, tlv.TagARC))
		offline = arc == "Y3" || arc == "Z3"
	}
	f := w.cash
	if !offline || f == never {
		w.second = false
		return payment{}, never
	}
	v := valueOf(list, c.Data, tlv.TagAmountAuthorised)
	amount, err := money.FromN12(v)
	if err != nil {
		return payment{}, never
	}
	w.second = false
	if cut || sw>>8 == 0x61 {
		w.second = sw>>8 == 0x61 && len(c.Data) == k.CDOL1.Len()
		return w.charge(amount), perhaps
	}
	cid := byte(0)
	if b, ok := tlv.Find(data, tlv.TagResponseFormat1); ok {
		cid = b[0]
	} else if b, ok := tlv.Find(data, tlv.TagResponseFormat2, tlv.TagCID); ok {
		cid = b[0]
	}
	switch cid & 0xC0 {
	case 0x80:
		w.second = true
	case 0x40:
		return w.charge(amount), f
	}
	return payment{}, never
}

// valueOf finds a value among those of a data object list; zeros if it is not there,
// as many as a currency has.
func valueOf(d tlv.DOL, values []byte, tag tlv.Tag) []byte {
	at := 0
	for _, e := range d {
		if at+e.Len > len(values) {
			break
		}
		if e.Tag == tag {
			return values[at : at+e.Len]
		}
		at += e.Len
	}
	return []byte{0, 0}
}

// compare judges a state against the one before the command.
func (w *watch) compare(cmd []byte, after pboc.State, p payment, f force, rightPIN bool) error {
	before := w.now
	w.now = after
	if w.tg.at < 0 {
		return nil
	}
	want := before
	if p.second {
		want.Second -= p.amount
	} else {
		want.Balance -= p.amount
	}
	same := after.Balance == before.Balance && after.Second == before.Second
	paid := f != never && p.amount != 0 && after.Balance == want.Balance && after.Second == want.Second
	generated := len(cmd) > 1 && cmd[1] == 0xAE
	switch {
	case f == surely && p.amount != 0 && !paid:
		return fmt.Errorf("a payment of %v was approved, and %v, %v became %v, %v", p.amount, before.Balance, before.Second, after.Balance, after.Second)
	case !paid && !same:
		return fmt.Errorf("no payment: %v, %v became %v, %v", before.Balance, before.Second, after.Balance, after.Second)
	case paid && after.LogRecords != min(before.LogRecords+1, int(w.tg.product.LogCount)):
		return fmt.Errorf("a payment and %d log records of %d", after.LogRecords, before.LogRecords)
	case after.LogRecords != before.LogRecords && f == never && !generated:
		return fmt.Errorf("nothing was approved and the log went from %d to %d records", before.LogRecords, after.LogRecords)
	case after.ATC < before.ATC || int(after.ATC) > int(before.ATC)+1:
		return fmt.Errorf("the counter went from %d to %d", before.ATC, after.ATC)
	case after.PINTries > before.PINTries && !rightPIN:
		return fmt.Errorf("PIN tries rose from %d to %d", before.PINTries, after.PINTries)
	case after.CardBlocked || after.Invalidated:
		return fmt.Errorf("card blocked %v, application blocked %v", after.CardBlocked, after.Invalidated)
	case after.LoadRecords != before.LoadRecords:
		return fmt.Errorf("the load log went from %d to %d records", before.LoadRecords, after.LoadRecords)
	}
	if paid {
		w.paid++
	}
	return nil
}

// sameRegister tells what traffic without keys has changed in a security domain.
func sameRegister(before, after gp.Register) error {
	if before.Life != after.Life || len(before.Keys) != len(after.Keys) || len(before.Instances) != len(after.Instances) {
		return fmt.Errorf("the domain had %v, %d key sets, %d instances and has %v, %d, %d", before.Life, len(before.Keys), len(before.Instances),
			after.Life, len(after.Keys), len(after.Instances))
	}
	for i, k := range after.Keys {
		was := before.Keys[i]
		if k.Version != was.Version || k.Type != was.Type || k.Whole != was.Whole || k.Sequence < was.Sequence {
			return fmt.Errorf("key set %+v became %+v", was, k)
		}
	}
	for i, n := range after.Instances {
		was := before.Instances[i]
		if !bytes.Equal(n.AID, was.AID) || n.Selectable != was.Selectable || n.Locked != was.Locked || n.Privileges != was.Privileges || len(n.Memory) != len(was.Memory) {
			return fmt.Errorf("instance %X has changed", n.AID)
		}
	}
	return nil
}
