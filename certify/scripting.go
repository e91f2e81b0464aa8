package certify

import (
	"slices"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// script makes a command of the issuer: data, enciphered where they must be, and the
// MAC over them (EMV Book 2, 9.2; JR/T 0025.5).
func (s *session) script(d *dialogue, cla, ins, p1, p2 byte, data []byte) apdu.Command {
	alg := d.first.iad.Alg
	sk := cryptogram.DeriveSessionKey(alg, s.keys(alg).MAC, d.first.atc)
	mac, err := cryptogram.ScriptMAC(alg, sk, [4]byte{cla, ins, p1, p2}, d.first.atc, d.first.ac, data)
	s.must(err == nil, "expected a script command that fits: %v", err)
	return command(cla, ins, p1, p2, append(slices.Clone(data), mac[:]...), apdu.NoLe)
}

// putData is PUT DATA of one object.
func (s *session) putData(d *dialogue, tag tlv.Tag, value []byte) apdu.Command {
	return s.script(d, 0x04, 0xDA, byte(tag>>8), byte(tag), value)
}

// open begins an online transaction that scripts can follow.
func (s *session) open() *dialogue {
	d := s.debit(0)
	s.askIssuer(d)
	return d
}

// authenticated is open with the issuer authenticated.
func (s *session) authenticated() *dialogue {
	d := s.open()
	s.ok(externalAuthenticate(s.arpc(d.first.iad.Alg, d.first.ac, d.first.atc, arcApproved)))
	return d
}

// setBalance puts a balance on the card in a transaction of its own.
func (s *session) setBalance(value money.Fen) {
	s.aside(func(s *session) {
		d := s.authenticated()
		s.ok(s.putData(d, tlv.TagECBalance, n12(value)))
		s.generate2(d, askTC, arcApproved)
	})
}

// n12 codes an amount that is known to be possible.
func n12(f money.Fen) []byte {
	b, err := f.N12()
	if err != nil {
		return make([]byte, 6)
	}
	return b[:]
}

// unblock frees the application again, whatever state a case left it in.
func (s *session) unblock() {
	s.aside(func(s *session) {
		if _, sw := s.send(selectName(s.aid)); sw != apdu.SWInvalidated {
			return
		}
		s.send(s.script(s.blockedDialogue(), 0x84, 0x18, 0, 0, nil))
	})
}

// blockedDialogue is a transaction of a blocked application, selected already, which
// gives an AAC that scripts can follow.
func (s *session) blockedDialogue() *dialogue {
	d := s.readDialogue(s.contactGPO(s.reader(readerContact, 0)))
	s.generate1(d, askARQC)
	return d
}

// changePIN is PIN CHANGE with P2 01 or 02.
func (s *session) changePIN(d *dialogue, p2 byte, current, next pin.PIN) apdu.Command {
	alg := d.first.iad.Alg
	k := s.keys(alg)
	var now *pin.PIN
	if p2 == 0x01 {
		now = &current
	}
	enc := pin.ChangeKeys{Alg: alg, Card: k.ENC, Session: cryptogram.DeriveSessionKey(alg, k.ENC, d.first.atc)}
	block, err := pin.ChangeBlock(enc, next, now)
	s.must(err == nil, "expected a PIN that can be enciphered: %v", err)
	return s.script(d, 0x84, 0x24, 0, p2, block[:])
}

// changesPIN changes the PIN, proves the new one and changes it back.
func (s *session) changesPIN(p2 byte) {
	next, err := pin.New("2468")
	if err == nil && next.Equal(s.opts.PIN) {
		next, err = pin.New("8642")
	}
	s.must(err == nil, "expected another PIN: %v", err)
	d := s.authenticated()
	s.spareTries()
	s.ok(s.changePIN(d, p2, s.opts.PIN, next))
	defer s.aside(func(s *session) {
		d := s.authenticated()
		s.send(s.changePIN(d, 0x02, next, s.opts.PIN))
		s.generate2(d, askTC, arcApproved)
	})
	s.generate2(d, askTC, arcApproved)
	s.again()
	d = s.debit(0)
	s.ok(s.verify(next))
	s.refused(s.verify(s.opts.PIN), 0x63C0|apdu.SW(s.tries()-1), 0x63C0|apdu.SW(s.tries()))
	s.ok(s.verify(next))
	s.generate1(d, askAAC)
}

// pinBlock is the clear PIN block of VERIFY.
func (s *session) pinBlock(p pin.PIN) []byte {
	b, err := pin.Encode(pin.Format2, p, [10]byte{}, nil)
	if err != nil {
		s.fail("the PIN cannot be encoded: %v", err)
	}
	return b[:]
}
