package authorise

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// ErrKept says that stored orders cannot be read.
var ErrKept = errors.New("stored orders cannot be read")

// maxKept bounds the orders of one card in a store, in bytes of the form of AppendOrders.
const maxKept = 64 << 10

// Bits of a stored command.
const (
	keptRaw     = 1 << 0
	keptChange  = 1 << 1
	keptCurrent = 1 << 2
)

// A block holds one PIN: its length, then its digits.
const keptBlock = 16

// AppendOrders appends orders in the form in which a store keeps them: version 01, number
// of orders; for each the template (71 or 72), 9F18, number of commands; for each of
// those a byte of flags, CLA INS P1 P2, length of the data (2 bytes) and the data, and a
// sealed block for each PIN. seal encrypts such a block in place, for this card alone.
// The error is ErrOrder for orders that no script can be made of.
func AppendOrders(dst []byte, orders []Order, seal func(block *[16]byte)) ([]byte, error) {
	if len(orders) > 255 {
		return dst, fmt.Errorf("%d orders wait, at most 255 are kept: %w", len(orders), ErrOrder)
	}
	dst = append(dst, 1, byte(len(orders)))
	for i := range orders {
		o := &orders[i]
		if _, err := o.Size(); err != nil {
			return dst, err
		}
		dst = append(append(append(dst, byte(o.Template)), o.ID[:]...), byte(len(o.Commands)))
		for j := range o.Commands {
			dst = o.Commands[j].keep(dst, seal)
		}
	}
	return dst, nil
}

func (c *Command) keep(dst []byte, seal func(*[16]byte)) []byte {
	flags := byte(0)
	if c.raw {
		flags |= keptRaw
	}
	if c.change.Len() > 0 {
		flags |= keptChange
	}
	if c.current != nil {
		flags |= keptCurrent
	}
	dst = append(append(dst, flags), c.header[:]...)
	dst = append(binary.BigEndian.AppendUint16(dst, uint16(len(c.data))), c.data...)
	put := func(p pin.PIN) {
		block := keptPIN(p)
		seal(&block)
		dst = append(dst, block[:]...)
	}
	if c.change.Len() > 0 {
		put(c.change)
	}
	if c.current != nil {
		put(*c.current)
	}
	return dst
}

// DecodeOrders reads the form of AppendOrders; open decrypts a block in place. The error
// is ErrKept for anything that AppendOrders would not have written.
func DecodeOrders(b []byte, open func(block *[16]byte)) ([]Order, error) {
	if len(b) > maxKept {
		return nil, fmt.Errorf("%d bytes, at most %d are possible: %w", len(b), maxKept, ErrKept)
	}
	r := &keptReader{rest: b, open: open}
	if v := r.byte(); v != 1 {
		return nil, fmt.Errorf("version %d, want 1: %w", v, ErrKept)
	}
	var out []Order
	for range int(r.byte()) {
		o := Order{Template: tlv.Tag(r.byte())}
		copy(o.ID[:], r.take(len(o.ID)))
		for range int(r.byte()) {
			o.Commands = append(o.Commands, r.command())
		}
		if r.bad {
			break
		}
		if _, err := o.Size(); err != nil {
			return nil, fmt.Errorf("order %d: %w: %w", len(out)+1, err, ErrKept)
		}
		out = append(out, o)
	}
	if r.bad || len(r.rest) > 0 {
		return nil, fmt.Errorf("order %d is cut short or followed by something else: %w", len(out)+1, ErrKept)
	}
	return out, nil
}

// keptReader reads stored orders; bad says that something was missing or wrong.
type keptReader struct {
	rest []byte
	open func(*[16]byte)
	bad  bool
}

func (r *keptReader) take(n int) []byte {
	if r.bad || len(r.rest) < n {
		r.bad = true
		return nil
	}
	out := r.rest[:n:n]
	r.rest = r.rest[n:]
	return out
}

func (r *keptReader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *keptReader) command() (c Command) {
	flags := r.byte()
	copy(c.header[:], r.take(len(c.header)))
	size := r.take(2)
	if size == nil || flags > keptRaw && flags&keptChange == 0 || flags&keptRaw != 0 && flags != keptRaw {
		r.bad = true
		return c
	}
	n := int(binary.BigEndian.Uint16(size))
	if n > apdu.MaxShortData {
		r.bad = true
		return c
	}
	c.raw = flags&keptRaw != 0
	if n > 0 {
		c.data = append([]byte(nil), r.take(n)...)
	}
	if flags&keptChange != 0 {
		c.change = r.pin()
	}
	if flags&keptCurrent != 0 {
		p := r.pin()
		c.current = &p
	}
	return c
}

func (r *keptReader) pin() (p pin.PIN) {
	var block [keptBlock]byte
	if b := r.take(keptBlock); b != nil {
		copy(block[:], b)
		r.open(&block)
	}
	n := int(block[0])
	if n >= keptBlock {
		r.bad = true
		return p
	}
	p, err := pin.New(string(block[1 : 1+n]))
	if err != nil || block != keptPIN(p) {
		r.bad = true
	}
	return p
}

// keptPIN is the block of a PIN before it is sealed.
func keptPIN(p pin.PIN) (block [keptBlock]byte) {
	block[0] = byte(p.Len())
	copy(block[1:], p.Digits())
	return block
}
