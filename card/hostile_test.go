package card_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	mathrand "math/rand/v2"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/gp"
	"github.com/citycard/citycard/card/perso"
	"github.com/citycard/citycard/card/ppse"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// hostileSeed lets one life be played again: go test ./card -run TestHostile -hostile.seed=n
var hostileSeed = flag.Uint64("hostile.seed", 0, "play only this life of TestHostile")

const (
	lifeLength  = 200 // commands
	trailLength = 50  // of them shown after a failure
)

// TestHostile gives every kind of card into the hands of readers that have no keys:
// whatever they send, the card answers, says nothing secret, and pays only what it
// has approved.
func TestHostile(t *testing.T) {
	list := targets(t)
	lives := uint64(80 * len(list))
	if testing.Short() {
		lives /= 10
	}
	first, last := uint64(1), lives
	if *hostileSeed != 0 {
		first, last = *hostileSeed, *hostileSeed
	}
	var sum tally
	for seed := first; seed <= last; seed++ {
		sum.live(t, list, seed)
	}
	t.Logf("seeds %d to %d: %v", first, last, &sum)
	if first != last && (sum.payments < int(lives)/3 || sum.cuts < int(lives)) {
		t.Errorf("only %v: most roads were not walked", &sum)
	}
}

// tally counts over many lives.
type tally struct{ commands, answered, payments, cuts int }

func (s *tally) String() string {
	return fmt.Sprintf("%d commands, %d of them answered 9000, %d payments, %d power cuts", s.commands, s.answered, s.payments, s.cuts)
}

// live plays the life of one card. The seed says everything, the kind of card too.
func (s *tally) live(t testing.TB, list []*target, seed uint64) {
	t.Helper()
	h := &hostile{t: t, seed: seed, rng: mathrand.New(mathrand.NewPCG(seed, 0x9F36)), chip: card.New(), tally: s}
	h.tg = list[seed%uint64(len(list))]
	h.watch.tg = h.tg
	defer func() {
		if r := recover(); r != nil {
			h.fail("panic: %v\n%s", r, debug.Stack())
		}
	}()
	h.begin()
	for range lifeLength {
		h.step()
	}
	h.reinsert()
	s.payments += h.watch.paid
}

// hostile is a reader that tries everything.
type hostile struct {
	*tally
	t        testing.TB
	seed     uint64
	rng      *mathrand.Rand
	tg       *target
	chip     *card.Chip
	watch    watch
	register gp.Register
	failed   int   // attempts at the security domain that it has counted
	mood     []int // how often each kind of command comes in this life
	patience int   // how often, of 100, a dialogue is not interrupted
	slips    int   // how often, of 100, one of its commands is spoiled
	side     card.Interface
	queue    [][]byte // the rest of a dialogue
	sale     map[tlv.Tag][]byte
	recorded [][]byte // genuine commands of the issuer, from a time before
	trail    []string
	writes   int // of the memory, when it was last looked at
	out      []byte
}

// fail ends the test with all that is needed to see it again.
func (h *hostile) fail(format string, args ...any) {
	h.t.Helper()
	h.t.Fatalf("%s\nhostile.seed=%d, card %s; last commands:\n%s", fmt.Sprintf(format, args...), h.seed, h.tg.name, strings.Join(h.trail, "\n"))
}

func (h *hostile) note(format string, args ...any) {
	if len(h.trail) == trailLength {
		h.trail = append(h.trail[:0], h.trail[1:]...)
	}
	h.trail = append(h.trail, fmt.Sprintf(format, args...))
}

// chance is true in so many of 100 cases.
func (h *hostile) chance(percent int) bool { return h.rng.IntN(100) < percent }

func (h *hostile) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(h.rng.Uint32())
	}
	return b
}

// one picks an element.
func one[T any](h *hostile, list ...T) T { return list[h.rng.IntN(len(list))] }

// begin puts the card in. In some lives its counter is near its end, in others it
// has met its issuer before.
func (h *hostile) begin() {
	for range kinds() {
		h.mood = append(h.mood, one(h, 0, 0, 1, 1, 8))
	}
	h.mood[0] += one(h, 0, 8) // transactions, without which little happens
	h.mood[1] += one(h, 0, 8)
	h.patience, h.slips = one(h, 70, 95, 99), one(h, 0, 1, 5)
	start := h.tg.start
	if h.tg.at == 0 && h.chance(10) {
		check(h.t, h.chip.Insert(h.tg.image, nil))
		start = h.chip.Snapshot(nil)
		start[1], start[2] = 0xFF, 0xF0+byte(h.rng.IntN(15))
	} else if h.tg.at >= 0 && h.chance(40) {
		start = h.overhear(start)
	}
	check(h.t, h.chip.Insert(h.tg.image, start))
	var err error
	if h.watch.now, err = h.tg.state(h.chip); err != nil {
		h.fail("%v", err)
	}
	h.watch.keys = h.tg.sessionKeys(h.watch.now.ATC)
	h.writes = 0
	h.register = h.readRegister()
	h.failed = h.register.Failed
	h.power()
}

// overhear lets the card have a day with its issuer before it is lost, and records
// what was sent: a load, a new limit, PIN tries and a record, genuine to the last
// byte. It gives the card's memory afterwards.
func (h *hostile) overhear(start []byte) []byte {
	d := sit(h.t, h.tg, h.chip, card.Contact, start)
	recorded := func(s step) step {
		return func(d *desk) string {
			cmd := s(d)
			h.recorded = append(h.recorded, unhex(h.t, cmd))
			return cmd
		}
	}
	scripts := online(scripted("04DA9F79", plain("000000450000")), scripted("04DA9F78", plain("000000040000")), scripted("84240000", nil), scripted("04DC010C", plain("7003 8F0199")))
	for _, s := range scripts {
		check(h.t, d.do(recorded(s)))
	}
	check(h.t, d.run([]step{fixed(selectDebit), terminal(smallSale, 1, 0xFF), terminal(smallSale, 7, 0x40)}))
	return h.chip.Snapshot(nil)
}

// replay sends again what was overheard, from the beginning or from anywhere.
func (h *hostile) replay() []byte {
	if len(h.recorded) == 0 {
		return h.understood()
	}
	from := one(h, 0, 0, h.rng.IntN(len(h.recorded)))
	h.queue = append(h.queue[:0], h.recorded[from:]...)
	return h.next()
}

func (h *hostile) readRegister() gp.Register {
	if h.tg.domain == nil {
		return gp.Register{}
	}
	r, err := h.tg.domain.Decode(h.chip.Memory().Settled(nil)[:h.tg.domain.MemorySize()])
	if err != nil {
		h.fail("the domain's memory: %v", err)
	}
	return r
}

// power switches the card off and on, until it stays on.
func (h *hostile) power() {
	h.queue = h.queue[:0]
	h.watch.reset()
	for {
		h.side = one(h, card.Contactless, card.Contact, card.Auto)
		h.chip.UseInterface(h.side)
		var seed [32]byte
		copy(seed[:], h.bytes(32))
		err := h.chip.PowerOn(mathrand.NewChaCha8(seed))
		h.note("power on, side %d: %v", h.side, err)
		if err == nil {
			return
		}
		if !errors.Is(err, card.ErrPowerCut) {
			h.fail("power on: %v", err)
		}
	}
}

// reinsert takes the card out and puts it in again: it is the same card.
func (h *hostile) reinsert() {
	nvm := h.chip.Snapshot(nil)
	if err := h.chip.Insert(h.tg.image, nvm); err != nil {
		h.fail("insert again: %v", err)
	}
	if !bytes.Equal(h.chip.Snapshot(nil), nvm) {
		h.fail("inserted again it is another card")
	}
	if st, err := h.tg.state(h.chip); err != nil || st != h.watch.now {
		h.fail("inserted again the card has %+v, before %+v: %v", st, h.watch.now, err)
	}
	if err := sameRegister(h.register, h.readRegister()); err != nil {
		h.fail("%v", err)
	}
	h.writes = 0
	h.note("inserted again")
	h.power()
}

// step is one command, or the power goes off, or the card is taken out.
func (h *hostile) step() {
	switch n := h.rng.IntN(200); {
	case n < 3:
		h.chip.PowerOff()
		h.power()
		return
	case n < 4:
		h.reinsert()
		return
	case n < 12:
		m := h.chip.Memory()
		m.CutAt(m.Writes()+1+h.rng.IntN(8), one(h, tears...))
	}
	h.give(h.next())
}

// give sends a command and judges what came of it.
func (h *hostile) give(cmd []byte) {
	h.commands++
	var err error
	h.out, err = h.chip.Transmit(h.out[:0], cmd)
	h.note("%X -> %X %v", cmd, h.out, err)
	if err != nil {
		if !errors.Is(err, card.ErrPowerCut) {
			h.fail("%v", err)
		}
		h.cuts++
		p, f := h.watch.follow(cmd, nil, 0, true)
		if h.chance(30) {
			m := h.chip.Memory()
			m.CutAt(m.Writes()+1+h.rng.IntN(4), one(h, tears...))
		}
		h.power()
		h.settle(cmd, 0, p, f)
		return
	}
	data, sw := h.read()
	if sw>>8 == 0x61 && h.chance(90) {
		// The rest belongs to the same command, unless it cannot be had.
		if more := h.fetch(byte(sw)); more != nil {
			data, sw = more, apdu.SWOK
		}
	}
	p, f := h.watch.follow(cmd, data, sw, false)
	h.settle(cmd, sw, p, f)
}

// fetch is GET RESPONSE for all that is waiting, nil if the answer is no 9000.
func (h *hostile) fetch(n byte) []byte {
	cmd := []byte{0x00, 0xC0, 0x00, 0x00, n}
	var err error
	h.out, err = h.chip.Transmit(h.out[:0], cmd)
	h.note("%X -> %X %v", cmd, h.out, err)
	if err != nil {
		h.fail("GET RESPONSE: %v", err)
	}
	data, sw := h.read()
	if sw != apdu.SWOK || byte(len(data)) != n {
		return nil
	}
	return bytes.Clone(data)
}

// read takes the answer apart and looks for secrets in it.
func (h *hostile) read() ([]byte, apdu.SW) {
	if len(h.out) < 2 || len(h.out) > 258 {
		h.fail("an answer of %d bytes", len(h.out))
	}
	data, sw, err := apdu.ParseResponse(h.out)
	if err != nil {
		h.fail("%v", err)
	}
	if sw == apdu.SWOK {
		h.answered++
	}
	for _, list := range [][][]byte{h.tg.secrets, h.watch.keys} {
		for _, b := range list {
			if bytes.Contains(h.out, b) {
				h.fail("the answer holds the secret %X", b)
			}
		}
	}
	return data, sw
}

// settle compares the card with what it may be now.
func (h *hostile) settle(cmd []byte, sw apdu.SW, p payment, f force) {
	right := len(cmd) == 13 && bytes.Equal(cmd[:5], []byte{0x00, 0x20, 0x00, 0x80, 0x08}) && bytes.Equal(cmd[5:], h.tg.pin[:])
	if sw == apdu.SWOK && cmd[1] == 0x20 && cmd[0] == 0 && !right {
		h.fail("a wrong PIN was taken")
	}
	st := h.watch.now
	wrote := h.chip.Memory().Writes() != h.writes
	if wrote {
		h.writes = h.chip.Memory().Writes()
		var err error
		if st, err = h.tg.state(h.chip); err != nil {
			h.fail("%v", err)
		}
	}
	atc := h.watch.now.ATC
	if err := h.watch.compare(cmd, st, p, f, right); err != nil {
		h.fail("%v", err)
	}
	if st.ATC != atc {
		h.watch.keys = h.tg.sessionKeys(st.ATC)
	}
	if sw == apdu.SWFailed && cmd[0] == 0x84 && cmd[1] == 0x82 {
		failed := h.readRegister().Failed
		if failed <= h.failed {
			h.fail("a wrong cryptogram is not counted: %d failures after %d", failed, h.failed)
		}
		h.failed = failed
	}
	if wrote && h.chance(20) {
		spare := card.New()
		if err := spare.Insert(h.tg.image, h.chip.Snapshot(nil)); err != nil {
			h.fail("the snapshot cannot be inserted: %v", err)
		}
	}
}

// next is the next command: of the dialogue that is under way, or any other.
func (h *hostile) next() []byte {
	if len(h.queue) > 0 && h.chance(h.patience) {
		cmd := h.queue[0]
		h.queue = h.queue[1:]
		if h.chance(h.slips) {
			return h.mutate(cmd)
		}
		return cmd
	}
	sum := 1
	for _, n := range h.mood {
		sum += n
	}
	n := h.rng.IntN(sum)
	for i, m := range h.mood {
		if n -= m; n < 0 {
			return kinds()[i](h)
		}
	}
	return h.air()
}

// kinds are the kinds of commands and dialogues.
func kinds() []func(h *hostile) []byte {
	return []func(h *hostile) []byte{
		(*hostile).air, (*hostile).contacts, (*hostile).noise, (*hostile).known, (*hostile).spoiled, (*hostile).understood,
		(*hostile).choice, (*hostile).domain, (*hostile).guess, (*hostile).fetching, (*hostile).forged, (*hostile).replay,
	}
}

// noise is any bytes.
func (h *hostile) noise() []byte {
	return h.bytes(one(h, h.rng.IntN(8), h.rng.IntN(32), h.rng.IntN(300)))
}

// known has an instruction that some application knows, and any data.
func (h *hostile) known() []byte {
	ins := one[byte](h, 0xA4, 0xB2, 0xA8, 0xCA, 0x20, 0x82, 0x84, 0x88, 0xAE, 0x16, 0x18, 0x1E, 0x24, 0xDA, 0xDC, 0xC0, 0xB0, 0xD6, 0xD2, 0xE2, 0xE0, 0xE4,
		0x50, 0xE6, 0xD8, 0xF0, 0xF2, 0x70, 0xCB, 0xE8, 0x44, 0x04, 0x0E, 0x30, 0x34)
	cmd := []byte{one[byte](h, 0x00, 0x80, 0x04, 0x84, 0x0C, 0x8C), ins, byte(h.rng.Uint32()), byte(h.rng.Uint32())}
	if h.chance(50) {
		cmd[2], cmd[3] = one[byte](h, 0, 0, 1, 4, 0x40, 0x80, 0xC0), one[byte](h, 0, 0, 1, 2, 0x80, 0x88, 0x0C, 0x5C, 0x64)
	}
	if h.chance(70) {
		data := h.bytes(one(h, 0, 4, 8, 16, h.rng.IntN(64), h.rng.IntN(256)))
		cmd = append(append(cmd, byte(len(data))), data...)
	}
	if h.chance(50) {
		cmd = append(cmd, one(h, 0, byte(h.rng.Uint32())))
	}
	return cmd
}

func (h *hostile) understood() []byte { return one(h, h.tg.valid...) }

func (h *hostile) spoiled() []byte { return h.mutate(h.understood()) }

// mutate changes a command: chopped, overlong, with extended lengths, of another
// class, with another Le or none.
func (h *hostile) mutate(cmd []byte) []byte {
	b := bytes.Clone(cmd)
	if len(b) < 5 {
		return append(b, h.bytes(3)...)
	}
	switch h.rng.IntN(10) {
	case 0:
		b[h.rng.IntN(len(b))] ^= 1 << h.rng.IntN(8)
	case 1:
		b = b[:h.rng.IntN(len(b))]
	case 2:
		b = append(b, h.bytes(1+h.rng.IntN(300))...)
	case 3:
		b[4] = byte(h.rng.Uint32())
	case 4: // 00 Lc Lc data Le Le
		b = append(append(append(b[:4:4], 0, 0, b[4]), b[5:]...), 0)
	case 5:
		b = b[:len(b)-1]
	case 6:
		b[len(b)-1] = byte(h.rng.Uint32())
	case 7:
		b[0] = byte(h.rng.Uint32())
	case 8:
		b[2+h.rng.IntN(2)] = byte(h.rng.Uint32())
	case 9:
		for range 4 {
			b[h.rng.IntN(len(b))] = byte(h.rng.Uint32())
		}
	}
	return b
}

// choice selects something: whole names, beginnings, what comes next, files.
func (h *hostile) choice() []byte {
	name := one(h, h.tg.product.AID, h.tg.product.AID, []byte(ppse.Name), []byte(ppse.Name), []byte(ppse.ContactName), gp.AIDGlobalPlatform, perso.RootAID, h.bytes(5), []byte{0x3F, 0x00})
	if h.chance(20) {
		name = name[:h.rng.IntN(len(name)+1)]
	}
	p1, p2 := byte(4), one[byte](h, 0, 0, 0, 2, 1, 3, 0x0C)
	if h.chance(20) {
		p1, name = one[byte](h, 0, 1, 2, 3, 8, 9), one(h, []byte{0x3F, 0x00}, []byte{0x7F, 0x01}, []byte{0x00, 0x01}, nil, h.bytes(2))
	}
	return h.command(0x00, 0xA4, p1, p2, name, one(h, 0, 0, 0, -1, h.rng.IntN(256)))
}

// command makes a command; le -1 is none.
func (h *hostile) command(cla, ins, p1, p2 byte, data []byte, le int) []byte {
	b := []byte{cla, ins, p1, p2}
	if len(data) > 0 {
		b = append(append(b, byte(len(data))), data...)
	}
	if le >= 0 {
		b = append(b, byte(le))
	}
	return b
}

// domain is what a host without keys says to the security domain.
func (h *hostile) domain() []byte {
	aid := h.tg.product.AID
	named := tlv.Append(nil, tlv.TagADFName, aid)
	cla := one[byte](h, 0x80, 0x84, 0x84)
	mac := func(b []byte) []byte {
		if cla == 0x84 {
			b = append(bytes.Clone(b), h.bytes(8)...)
		}
		return b
	}
	le := one(h, 0, 0, -1)
	h.queue = append(h.queue[:0],
		h.command(0x00, 0xA4, 4, 0, one(h, gp.AIDGlobalPlatform, gp.AIDGlobalPlatform, aid), 0),
		h.command(0x80, 0x50, one[byte](h, 0, 0x20, 0x30, 0x01), 0, h.bytes(8), 0),
		h.command(0x84, 0x82, one[byte](h, 0, 1, 3, 0x33), 0, h.bytes(16), -1),
		h.command(cla, 0xF2, one[byte](h, 0x80, 0x40, 0x20), 2, mac([]byte{0x4F, 0}), le),
		h.command(cla, 0xE4, 0, 0, mac(named), le),
		h.command(cla, 0xD8, 0x20, 0x81, mac(h.bytes(67)), le),
		h.command(cla, 0xE6, 0x20, 0, mac(append(append([]byte{0, 0, byte(len(aid))}, aid...), 0, 0, 0)), le),
		h.command(cla, 0xE2, one[byte](h, 0, 0x60, 0x80), 0, mac(append([]byte{0x80, 0x00, 48}, h.bytes(48)...)), le),
		h.command(cla, 0xF0, one[byte](h, 0x80, 0x40, 0x60), one[byte](h, 0x7F, 0xFF, 0x0F), mac(aid), -1),
		h.command(0x80, 0xCA, one[byte](h, 0, 0x9F), one[byte](h, 0x66, 0xE0, 0x7F, 0x42, 0xC1), nil, 0))
	rest := h.queue[3:]
	h.rng.Shuffle(len(rest), func(i, j int) { rest[i], rest[j] = rest[j], rest[i] })
	return h.next()
}

// guess is VERIFY, nearly always with a wrong PIN.
func (h *hostile) guess() []byte {
	if h.chance(30) {
		h.queue = append(h.queue, []byte{0x00, 0x84, 0, 0, 0})
		return h.command(0x00, 0x20, 0, 0x88, h.bytes(one(h, 8, 96, 104, 113, 128)), -1)
	}
	block := append([]byte{0x26}, h.bytes(3)...)
	block = append(block, 0xFF, 0xFF, 0xFF, 0xFF)
	if h.chance(20) {
		block = h.tg.pin[:]
	}
	return h.command(0x00, 0x20, 0, one[byte](h, 0x80, 0x80, 0x80, 0, 1), block, -1)
}

func (h *hostile) fetching() []byte {
	return h.command(one[byte](h, 0, 0, 0x80, 0x0C), 0xC0, one[byte](h, 0, 0, 0, 1), 0, nil, one(h, 0, h.rng.IntN(256), h.rng.IntN(16)))
}

// forged is a script command with a MAC that nobody has made.
func (h *hostile) forged() []byte {
	header := one(h, [4]byte{0x84, 0x1E}, [4]byte{0x84, 0x18}, [4]byte{0x84, 0x16}, [4]byte{0x84, 0x24}, [4]byte{0x84, 0x24, 0, 2}, [4]byte{0x04, 0xDA, 0x9F, 0x79},
		[4]byte{0x04, 0xDA, 0x9F, 0x78}, [4]byte{0x04, 0xDA, 0xDF, 0x79}, [4]byte{0x04, 0xDC, 2, 0x14}, [4]byte{0x04, 0xDC, 1, 0x64})
	data := one(h, nil, []byte{0, 0, 0, 0x49, 0x99, 0x99}, h.bytes(16))
	if h.chance(90) {
		data = append(bytes.Clone(data), h.bytes(4)...)
	}
	return h.command(header[0], header[1], header[2], header[3], data, one(h, -1, -1, -1, 0))
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
