package card_test

import (
	"testing"
	"time"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/wire/tlv"
)

// longHostile is how long TestLongHostile goes on, if the test binary has that long.
const longHostile = 10 * time.Minute

// TestLongHostile is TestHostile with other lives each time, for ten minutes.
func TestLongHostile(t *testing.T) {
	end := time.Now().Add(longHostile)
	if limit, ok := t.Deadline(); ok && limit.Add(-10*time.Second).Before(end) {
		end = limit.Add(-10 * time.Second)
	}
	list := targets(t)
	first := uint64(time.Now().UnixNano())
	last := first
	var sum tally
	for ; time.Now().Before(end); last++ {
		sum.live(t, list, last)
	}
	t.Logf("seeds %d to %d: %v", first, last-1, &sum)
	if sum.commands == 0 {
		t.Error("there was no time for a single command")
	}
}

// air is a payment over the air, or most of it.
func (h *hostile) air() []byte {
	if h.side == card.Contact && h.chance(80) {
		return h.contacts()
	}
	p := h.tg.product
	h.newSale()
	h.queue = h.queue[:0]
	if h.chance(60) {
		h.queue = append(h.queue, unhex(h.t, selectPPSE))
	}
	h.queue = append(h.queue, h.command(0x00, 0xA4, 4, 0, p.AID, 0))
	if h.chance(20) {
		h.queue = append(h.queue, unhex(h.t, "80CA9F7900"), unhex(h.t, "80CA9F3600"))
	}
	h.queue = append(h.queue, h.command(0x80, 0xA8, 0, 0, h.template(p.PDOL), 0))
	for range h.rng.IntN(3) {
		h.queue = append(h.queue, h.command(0x00, 0xB2, byte(1+h.rng.IntN(4)), byte(1+h.rng.IntN(12))<<3|4, nil, 0))
	}
	last := h.command(0x00, 0xB2, p.LastRecord().Number, p.LastRecord().SFI<<3|4, nil, 0)
	if p.Alternative != nil && h.sale[tlv.TagSMSupport][0] == 1 {
		afl := p.Alternative.Contactless.AFL
		last = h.command(0x00, 0xB2, afl[len(afl)-2], afl[len(afl)-4]|4, nil, 0)
	}
	if h.chance(10) {
		last[4] = byte(h.rng.Uint32())
	}
	for range one(h, 0, 1, 1, 1, 2) {
		h.queue = append(h.queue, last)
	}
	return h.next()
}

// contacts is a transaction over the contacts, or most of it.
func (h *hostile) contacts() []byte {
	if h.side == card.Contactless && h.chance(80) {
		return h.air()
	}
	k := h.tg.product.Contact
	h.newSale()
	h.queue = h.queue[:0]
	if h.chance(20) {
		h.queue = append(h.queue, unhex(h.t, "00A404000E315041592E5359532E444446303100"), unhex(h.t, "00B2010C00"))
	}
	le := one(h, 0, 0, 0, -1)
	h.queue = append(h.queue, h.command(0x00, 0xA4, 4, 0, h.tg.product.AID, le), h.command(0x80, 0xA8, 0, 0, h.template(k.PDOL), le))
	if h.chance(10) {
		h.queue = append(h.queue, h.guess())
	}
	if h.chance(10) {
		h.queue = append(h.queue, h.command(0x00, 0x88, 0, 0, h.bytes(4), 0))
	}
	h.queue = append(h.queue, h.command(0x80, 0xAE, one[byte](h, 0x40, 0x40, 0x40, 0x50, 0x80, 0x80, 0x90, 0x00), 0, h.fill(k.CDOL1), le))
	if h.chance(15) {
		h.queue = append(h.queue, h.command(0x00, 0x82, 0, 0, append(h.bytes(8), '0', '0'), -1))
	}
	if h.chance(10) {
		h.queue = append(h.queue, h.forged())
	}
	h.queue = append(h.queue, h.command(0x80, 0xAE, one[byte](h, 0x40, 0x40, 0x50, 0x00), 0, h.fill(k.CDOL2), le))
	if h.chance(10) {
		h.queue = append(h.queue, h.forged())
	}
	return h.next()
}

// newSale makes up what the terminal says in the next transaction.
func (h *hostile) newSale() {
	amount := []byte{0, 0, 0, 0, byte(h.rng.IntN(10)), byte(h.rng.IntN(10))<<4 | byte(h.rng.IntN(10))}
	switch h.rng.IntN(12) {
	case 0:
		amount = []byte{0, 0, 0, byte(h.rng.IntN(10)), 0, 0}
	case 1:
		amount = []byte{0, 0, 0, 0x05, 0x00, byte(h.rng.IntN(2))} // about the limit of one payment
	case 2:
		amount = []byte{0x99, 0x99, 0x99, 0x99, 0x99, 0x99}
	case 3:
		amount = h.bytes(6)
	case 4:
		amount = make([]byte, 6)
	}
	home, gate := []byte{1, 0x56}, []byte{0x28, 0, 0, 0x80}
	h.sale = map[tlv.Tag][]byte{
		tlv.TagAmountAuthorised:    amount,
		tlv.TagTransactionCurrency: one(h, home, home, home, home, home, []byte{3, 0x44}, []byte{3, 0x44}, []byte{8, 0x40}, h.bytes(2)),
		tlv.TagTerminalCountry:     one(h, []byte{1, 0x56}, []byte{1, 0x56}, []byte{3, 0x44}),
		tlv.TagTTQ: one(h, gate, gate, gate, []byte{0x36, 0, 0, 0x80}, []byte{0x36, 0, 0, 0x80}, []byte{0x20, 0, 0, 0}, []byte{0x26, 0x40, 0, 0x80},
			[]byte{0x26, 0x80, 0, 0}, []byte{0x40, 0, 0, 0}, []byte{0x80, 0, 0, 0}, []byte{0x80, 0x80, 0, 0}, h.bytes(4)),
		tlv.TagTransactionDate:     {0x26, 0x11, 0x22},
		tlv.TagUN:                  h.bytes(4),
		tlv.TagSMSupport:           {one[byte](h, 0, 1, 1, byte(h.rng.Uint32()))},
		tlv.TagECTerminalIndicator: {one[byte](h, 1, 1, 1, 0, 2)},
		tlv.TagARC:                 []byte(one(h, "00", "Y3", "Y3", "Z3", "Y1", "05", "10")),
	}
	if h.chance(10) {
		h.sale[tlv.TagTVR] = h.bytes(5)
	}
}

// fill gives the values of a list, now and then others than in the list before.
func (h *hostile) fill(d tlv.DOL) []byte {
	b, err := d.Append(nil, func(tag tlv.Tag) []byte { return h.sale[tag] })
	check(h.t, err)
	if h.chance(5) {
		b[h.rng.IntN(len(b))] ^= 1
	}
	return b
}

// template is the data of GET PROCESSING OPTIONS.
func (h *hostile) template(d tlv.DOL) []byte { return tlv.Append(nil, 0x83, h.fill(d)) }
