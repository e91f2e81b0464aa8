package emv_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/citycard/citycard/card/pboc"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/terminal/kernel/emv"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

// ask is the issuer: it recomputes the ARQC from field 55 alone, and answers as the
// script of the test says.
func (s *shop) ask(o *emv.Online) emv.Event {
	s.t.Helper()
	s.online = &emv.Online{ICC: slices.Clone(o.ICC), PIN: o.PIN, Track2: slices.Clone(o.Track2), Referral: o.Referral}
	good := s.verify(o.ICC)
	s.say("? ask the issuer: field 55 of %d bytes, ARQC good %v, PIN %v, referral %v\n", len(o.ICC), good, o.PIN.Len() > 0, o.Referral)
	if len(s.host) == 0 || s.host[0] == "unreachable" {
		s.say("  the issuer is not reached\n")
		return emv.Event{Kind: emv.HostUnreachable}
	}
	switch s.host[0] {
	case "cancel":
		return emv.Event{Kind: emv.Cancelled}
	case "pull":
		s.say("  the card is gone\n")
		return emv.Event{Kind: emv.CardLeft}
	}
	a := &txn.OnlineAnswer{Code: [2]byte([]byte(s.host[0]))}
	arpc := true
	for _, w := range s.host[1:] {
		switch {
		case w == "no-arpc":
			arpc = false
		case strings.HasPrefix(w, "raw="):
			a.ICC, arpc = unhex(s.t, w[4:]), false
		case w == "bad-arpc":
			a.ICC = append(a.ICC, unhex(s.t, "910A 0102030405060708 3030")...)
			arpc = false
		}
	}
	if arpc {
		v := cryptogram.ARPC(s.alg, s.session(func(k pboc.Keys) cryptogram.Key { return k.AC }), s.arqc, a.Code)
		a.ICC = tlv.Append(a.ICC, tlv.TagIssuerAuthenticationData, append(v[:], a.Code[:]...))
	}
	for _, w := range s.host[1:] {
		a.ICC = append(a.ICC, s.script(w)...)
	}
	s.say("! issuer %s: field 55 of %d bytes\n", a.Code, len(a.ICC))
	return emv.Event{Kind: emv.HostAnswered, Host: a}
}

// keys are the card's keys for the algorithm of its 9F10.
func (s *shop) keys() pboc.Keys {
	k, ok := devcard.Keys(s.alg, s.request.PAN, s.request.PSN)
	if !ok {
		s.t.Fatalf("no keys for %v", s.alg)
	}
	return k
}

func (s *shop) session(pick func(pboc.Keys) cryptogram.Key) cryptogram.Key {
	return cryptogram.DeriveSessionKey(s.alg, pick(s.keys()), s.atc)
}

// verify recomputes the ARQC from field 55.
func (s *shop) verify(icc []byte) bool {
	s.t.Helper()
	get := func(tag tlv.Tag) []byte { return find(s.t, icc, tag) }
	iad, err := cryptogram.ParseIAD(get(tlv.TagIAD))
	noError(s.t, err)
	atc := get(tlv.TagATC)
	s.alg, s.atc, s.arqc = iad.Alg, uint16(atc[0])<<8|uint16(atc[1]), [8]byte(get(tlv.TagAC))
	in := cryptogram.TerminalInput{
		Amount: [6]byte(get(tlv.TagAmountAuthorised)), Other: [6]byte(get(tlv.TagAmountOther)), Country: [2]byte(get(tlv.TagTerminalCountry)),
		TVR: [5]byte(get(tlv.TagTVR)), Currency: [2]byte(get(tlv.TagTransactionCurrency)), Date: [3]byte(get(tlv.TagTransactionDate)),
		Type: get(tlv.TagTransactionType)[0], UN: [4]byte(get(tlv.TagUN)),
	}
	covered := cryptogram.ACData(nil, iad.CVN, &in, &cryptogram.CardInput{AIP: [2]byte(get(tlv.TagAIP)), ATC: s.atc, CVR: iad.CVR})
	return cryptogram.MAC(s.alg, s.session(func(k pboc.Keys) cryptogram.Key { return k.AC }), covered) == s.arqc
}

// script makes a script of a word: 72-load=30000 sets 9F79, 72-limit=5 sets 9F58,
// 72-wrong has a MAC that is wrong, 71-raw=HEX is these commands.
func (s *shop) script(w string) []byte {
	s.t.Helper()
	template, rest, ok := strings.Cut(w, "-")
	if !ok || template != "71" && template != "72" {
		return nil
	}
	what, value, _ := strings.Cut(rest, "=")
	var body []byte
	body = tlv.Append(body, tlv.TagIssuerScriptID, []byte{0, 0, 0, 1})
	switch what {
	case "load":
		body = append(body, s.command([4]byte{0x04, 0xDA, 0x9F, 0x79}, amount(s.t, value), false)...)
	case "limit":
		body = append(body, s.command([4]byte{0x04, 0xDA, 0x9F, 0x58}, unhex(s.t, value), false)...)
	case "wrong":
		body = append(body, s.command([4]byte{0x04, 0xDA, 0x9F, 0x58}, []byte{5}, true)...)
	case "block":
		body = append(body, s.command([4]byte{0x84, 0x1E, 0, 0}, nil, false)...)
	case "raw":
		body = tlv.Append(body, tlv.TagIssuerScriptCommand, unhex(s.t, value))
	default:
		s.t.Fatalf("script %q", w)
	}
	tag := tlv.Tag(tlv.TagIssuerScript1)
	if template == "72" {
		tag = tlv.TagIssuerScript2
	}
	return tlv.Append(nil, tag, body)
}

func (s *shop) command(header [4]byte, data []byte, wrong bool) []byte {
	mac, err := cryptogram.ScriptMAC(s.alg, s.session(func(k pboc.Keys) cryptogram.Key { return k.MAC }), header, s.atc, s.arqc, data)
	noError(s.t, err)
	if wrong {
		mac[0] ^= 1
	}
	b := append(header[:], byte(len(data)+len(mac)))
	b = append(append(b, data...), mac[:]...)
	return tlv.Append(nil, tlv.TagIssuerScriptCommand, b)
}

func amount(t testing.TB, digits string) []byte {
	t.Helper()
	var v money.Fen
	_, err := fmt.Sscan(digits, &v)
	noError(t, err)
	b, err := v.N12()
	noError(t, err)
	return b[:]
}
