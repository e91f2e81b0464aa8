package terminal

import (
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

// ErrUnreachable says that the issuer of this case does not answer.
var ErrUnreachable = errors.New("the issuer of this case does not answer")

// arpcKind says what issuer authentication data an answer carries.
type arpcKind byte

const (
	arpcRight arpcKind = iota
	arpcWrong
	arpcNone
)

// reply is what the issuer of a case answers.
type reply struct {
	code        string // field 39; "" is 00
	arpc        arpcKind
	before      [][]byte  // commands of a script with template 71
	after       [][]byte  // and 72
	load        money.Fen // adds a script that loads so much
	unload      bool      // adds a script that takes everything off
	raw         []byte    // is the whole of field 55, if not nil
	unreachable bool
}

// Host is the issuer of a case. It is for one goroutine at a time.
type Host struct {
	card     *Card
	reply    reply
	asked    []txn.OnlineRequest
	field55  []objects
	reversed int
	results  objects // field 55 of the last reversal
}

// Format names the issuer for every verb: it holds a card and what was asked about it.
func (h *Host) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "issuer of "+h.card.String()) }

// LogValue gives slog the same.
func (h *Host) LogValue() slog.Value { return slog.StringValue("issuer of " + h.card.String()) }

// Authorise answers a request. The error is ErrUnreachable, or says what is wrong with
// the request's field 55.
func (h *Host) Authorise(r txn.OnlineRequest) (txn.OnlineAnswer, error) {
	h.asked = append(h.asked, r)
	h.field55 = append(h.field55, flat(r.ICC))
	if h.reply.unreachable {
		return txn.OnlineAnswer{}, ErrUnreachable
	}
	a := txn.OnlineAnswer{Code: [2]byte{'0', '0'}}
	if h.reply.code != "" {
		a.Code = [2]byte([]byte(h.reply.code))
	}
	if a.Approved() {
		a.AuthCode = "123456"
	}
	if h.reply.raw != nil {
		a.ICC = h.reply.raw
		return a, nil
	}
	if h.card.debit || h.card.face == Contact {
		a.ICC = h.icc(a.Code)
	}
	return a, nil
}

// Reverse takes note of a reversal; icc is its field 55, which may be empty.
func (h *Host) Reverse(_ txn.OnlineRequest, icc []byte) {
	h.reversed++
	h.results = flat(icc)
}

// icc makes field 55 of the answer.
func (h *Host) icc(code [2]byte) []byte {
	var b []byte
	c := h.card
	if h.reply.arpc != arpcNone {
		p := cryptogram.ARPC(c.alg, c.sessionKey(c.keyAC), c.ac1, code)
		if h.reply.arpc == arpcWrong {
			p[0] ^= 1
		}
		b = tlv.Append(b, tlv.TagIssuerAuthenticationData, append(p[:], code[:]...))
	}
	b = h.template(b, tlv.TagIssuerScript1, h.reply.before)
	after := h.reply.after
	if h.reply.load > 0 {
		after = append(after, c.command(0x04, insPutData, 0x9F, 0x79, n12(c.balance+h.reply.load)))
	}
	if h.reply.unload {
		after = append(after, c.command(0x04, insPutData, 0x9F, 0x79, n12(0)))
	}
	return h.template(b, tlv.TagIssuerScript2, after)
}

// template appends a script of commands; those without MAC get one.
func (h *Host) template(dst []byte, tag tlv.Tag, commands [][]byte) []byte {
	if len(commands) == 0 {
		return dst
	}
	o := objects{{tlv.TagIssuerScriptID, []byte{0, 0, 0, 1}}}
	for _, c := range commands {
		if len(c) == 4 {
			c = h.card.command(c[0], c[1], c[2], c[3], nil)
		}
		o.add(tlv.TagIssuerScriptCommand, c...)
	}
	return tlv.Append(dst, tag, o.append(nil))
}

// command makes a script command with its MAC.
func (c *Card) command(cla, ins, p1, p2 byte, data []byte) []byte {
	mac, err := cryptogram.ScriptMAC(c.alg, c.sessionKey(c.keyMAC), [4]byte{cla, ins, p1, p2}, c.atc, c.ac1, data)
	if err != nil {
		c.broken = err
	}
	out := append([]byte{cla, ins, p1, p2, byte(len(data) + 4)}, data...)
	return append(out, mac[:]...)
}

// flat reads field 55, which has no templates; nil if it cannot be read.
func flat(b []byte) objects {
	nodes, err := tlv.Parse(b)
	if err != nil {
		return nil
	}
	var o objects
	for i := range nodes {
		o.add(nodes[i].Tag, nodes[i].Value...)
	}
	return o
}
