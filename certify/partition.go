package certify

import (
	"bytes"
	"fmt"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// partition is a public service application that was found.
type partition struct {
	name   string
	aid    []byte
	pin    byte   // number of its PIN
	key    byte   // of the key that lets its files be changed
	closed []byte // a file or record that wants PIN or key: command
	change byte   // short identifier of a transparent file that may be changed
	social bool
}

// partitions that are known. The names of all but social security are no standard's.
var knownPartitions = []partition{
	{name: "social-security", aid: []byte("sx1.sh.\xC9\xE7\xBB\xE1\xB1\xA3\xD5\xCF"), pin: 0, key: 7, closed: []byte{0x00, 0xB0, 0x87, 0x00, 0x10}, change: 7, social: true},
	{name: "beijing-tong", aid: []byte{0xF0, 'B', 'J', 'T', 1}, pin: 1, key: 3, closed: []byte{0x00, 0xB0, 0x96, 0x00, 0x10}, change: 0x16},
	{name: "civil-affairs", aid: []byte{0xF0, 'C', 'I', 'V', 'I', 'L', 1}, pin: 1, key: 3, closed: []byte{0x00, 0xB2, 0x01, 0xB4, 0x00}},
	{name: "disabled-persons", aid: []byte{0xF0, 'C', 'D', 'P', 'F', 1}, pin: 1, key: 3, closed: []byte{0x00, 0xB2, 0x01, 0xB4, 0x00}, change: 0x19},
}

// probePartitions looks for public service applications.
func probePartitions(s *session) {
	for i := range knownPartitions {
		p := &knownPartitions[i]
		if _, sw := s.send(selectName(p.aid)); selected(sw) {
			s.partitions = append(s.partitions, p)
		}
	}
}

// civic gives a partition, nil if the card does not have it.
func (r *run) civic(name string) *partition {
	for _, p := range r.partitions {
		if p.name == name {
			return p
		}
	}
	return nil
}

// readClosed is the command that reads what a partition gives only to those who have
// shown PIN or key.
func (p *partition) readClosed() apdu.Command {
	le := int(p.closed[4])
	if le == 0 {
		le = 256
	}
	return command(p.closed[0], p.closed[1], p.closed[2], p.closed[3], nil, le)
}

// selectSocial selects the social security application.
func (s *session) selectSocial() *partition {
	p := s.civic("social-security")
	s.ok(selectName(p.aid))
	return p
}

// personal sends a command that reads personal data, and hides them in the report.
func (s *session) personal(c apdu.Command) []byte {
	data, sw := s.send(c)
	if len(data) > 6 {
		s.mask.private = append(s.mask.private, fmt.Sprintf("%X", data[2:]))
	}
	s.mustOK(c, sw)
	return data
}

// partitionFactors are those of a partition's keys: area and the end of the answer to
// reset for social security (LD/T 32), else issuer and number of its file 15.
func (s *session) partitionFactors(p *partition) []epurse.Factor {
	if p.social {
		code := s.ok(readRecord(5, 1))
		s.must(len(code) >= 5, "expected the card's identification code, got %X", code)
		area := epurse.Factor([]byte(fmt.Sprintf("%Xsx", code[2:5])))
		atr := historical(s.card.ATR())
		s.must(len(atr) >= 8, "expected historical bytes in the answer to reset, got %X", s.card.ATR())
		return []epurse.Factor{area, epurse.Factor(atr[len(atr)-8:])}
	}
	info := s.ok(readBinary(0x15, 30))
	s.must(len(info) == 30, "expected 30 bytes of file 15, got %X", info)
	return []epurse.Factor{epurse.Factor(info[:8]), epurse.Factor(info[12:20])}
}

// historical are the historical bytes of an answer to reset.
func historical(atr []byte) []byte {
	if len(atr) < 2 {
		return nil
	}
	n, at := int(atr[1]&15), 2
	for td := atr[1]; ; {
		next := -1
		for bit := byte(0x10); bit != 0; bit <<= 1 {
			if td&bit != 0 {
				if bit == 0x80 {
					next = at
				}
				at++
			}
		}
		if next < 0 || next >= len(atr) {
			break
		}
		td = atr[next]
	}
	if at+n > len(atr) {
		return nil
	}
	return atr[at : at+n]
}

// partitionKey is a key of a partition and its algorithm: SM4, or triple DES if that
// is the one known.
func (s *session) partitionKey(p *partition, use string) (cryptogram.Alg, epurse.Key) {
	name := p.name + "-" + use
	alg := cryptogram.SM4
	if s.opts.Secrets != nil {
		if _, ok := s.opts.Secrets(alg, name); !ok {
			alg = cryptogram.TDES
		}
	}
	s.secret(alg, name)
	return alg, s.diversified(alg, name, s.partitionFactors(p)...)
}

// answerTo is the data of EXTERNAL AUTHENTICATE for a challenge: the enciphered
// challenge, for social security eight random bytes under a key made of it, and those
// bytes.
func (s *session) answerTo(p *partition, alg cryptogram.Alg, key epurse.Key, challenge []byte) []byte {
	if !p.social {
		x := epurse.Authentication(epurseAlg(alg), key, challenge)
		return x[:]
	}
	raw := s.random(8)
	x := epurse.Authentication(epurseAlg(alg), sessionOf(alg, key, challenge), raw)
	return append(x[:], raw...)
}

// sessionOf makes the working key of a process factor: the factor enciphered, single
// DES of eight bytes or SM4 of a block.
func sessionOf(alg cryptogram.Alg, key epurse.Key, factor []byte) epurse.Key {
	var out epurse.Key
	copy(out[:], factor)
	cipher := blockOf(alg, key)
	cipher.Encrypt(out[:cipher.BlockSize()], out[:cipher.BlockSize()])
	if alg == cryptogram.TDES {
		copy(out[8:], out[:8])
	}
	return out
}

func authenticates(number byte, data []byte) apdu.Command {
	return command(0x00, 0x82, 0, number, data, apdu.NoLe)
}

// proves authenticates the terminal with the key by which files are changed.
func (s *session) proves(p *partition) {
	alg, key := s.partitionKey(p, fmt.Sprintf("%02X", p.key))
	s.taken(authenticates(p.key, s.answerTo(p, alg, key, s.nonce(8))), fmt.Sprintf("%s-%02X", p.name, p.key))
}

// ldRecord reads a record of LD/T 32, tag, length and value, and gives the value.
func (s *session) ldRecord(sfi, n, tag byte) []byte {
	data := s.personal(readRecord(sfi, n))
	s.must(len(data) >= 2 && data[0] == tag && int(data[1]) == len(data)-2, "expected tag %02X, length and value, got %X", tag, data)
	return data[2:]
}

// nameIn is what SELECT says of an application's name.
func (s *session) nameIn(fci []byte) []byte {
	name, _ := tlv.Find(fci, tlv.TagFCITemplate, tlv.TagDFName)
	return bytes.Clone(name)
}
