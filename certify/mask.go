package certify

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/citycard/citycard/wire/tlv"
)

// masker hides account numbers that the card has shown, wherever they turn up.
type masker struct {
	pans    []string // digits
	private []string // upper-case hexadecimal of other personal values
}

// learn looks for personal data in the data objects of an answer.
func (m *masker) learn(answer []byte) {
	nodes, err := tlv.Parse(answer)
	if err != nil {
		return
	}
	m.nodes(nodes)
}

func (m *masker) nodes(nodes []tlv.Node) {
	for i := range nodes {
		n := &nodes[i]
		m.nodes(n.Children)
		info, known := tlv.Lookup(n.Tag)
		if !known || info.Secret == tlv.Public {
			continue
		}
		h := fmt.Sprintf("%X", n.Value)
		switch n.Tag {
		case tlv.TagPAN:
			m.pan(strings.TrimRight(h, "F"))
		case tlv.TagTrack2Equivalent:
			digits, _, _ := strings.Cut(h, "D")
			m.pan(digits)
		case tlv.TagICCCertificate:
			// In clear in the SM2 form; the number is known from 5A.
		default:
			if len(h) >= 8 && !slices.Contains(m.private, h) {
				m.private = append(m.private, h)
			}
		}
	}
}

func (m *masker) pan(digits string) {
	if len(digits) >= 12 && len(digits) <= 19 && strings.Trim(digits, "0123456789") == "" && !slices.Contains(m.pans, digits) {
		m.pans = append(m.pans, digits)
	}
}

// text hides all that was learned in a text with upper-case hexadecimal in it.
func (m *masker) text(s string) string {
	for _, p := range m.pans {
		s = strings.ReplaceAll(s, p, p[:6]+strings.Repeat("*", len(p)-10)+p[len(p)-4:])
	}
	for _, p := range m.private {
		s = strings.ReplaceAll(s, p, strings.Repeat("*", len(p)))
	}
	return s
}

// exchanges makes the shown form of a trace.
func (m *masker) exchanges(trace []rawExchange) []Exchange {
	out := make([]Exchange, 0, len(trace))
	for _, x := range trace {
		e := Exchange{Command: m.hex(x.command), Answer: m.hex(x.answer)}
		switch {
		case x.reset:
			e.Command = "reset"
		case x.secretInside && len(x.command) > 5:
			e.Command = m.hex(x.command[:5]) + strings.Repeat("*", 2*(len(x.command)-5))
		}
		if x.failed != "" {
			e.Answer = x.failed
		}
		out = append(out, e)
	}
	return out
}

func (m *masker) hex(b []byte) string { return m.text(strings.ToUpper(hex.EncodeToString(b))) }
