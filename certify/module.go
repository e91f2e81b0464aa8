package certify

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/wire/apdu"
)

// module is a purchase secure access module that was found.
type module struct {
	terminal epurse.Terminal
	dirs     []uint16
}

// Directories of modules: T-Union, City Union, social security, low-value extension.
const (
	dirTUnion  = 0x8011
	dirCity    = 0x1001
	dirSocial  = 0xDF90
	dirTransit = 0xDF14
)

func selectID(id uint16) apdu.Command {
	return command(0x00, 0xA4, 0, 0, []byte{byte(id >> 8), byte(id)}, 256)
}

func readBinary(sfi byte, n int) apdu.Command { return command(0x00, 0xB0, 0x80|sfi, 0, nil, n) }

// probeModule looks for the terminal number and the directories of a module.
func probeModule(s *session) {
	if _, sw := s.send(selectID(0x3F00)); sw != apdu.SWOK {
		return
	}
	b, sw := s.send(readBinary(0x16, 6))
	if sw != apdu.SWOK || len(b) != 6 {
		return
	}
	m := &module{terminal: epurse.Terminal(b)}
	for _, id := range []uint16{dirTUnion, dirCity, dirSocial, dirTransit} {
		s.send(selectID(0x3F00))
		if _, sw := s.send(selectID(id)); selected(sw) {
			m.dirs = append(m.dirs, id)
		}
	}
	if len(m.dirs) > 0 {
		s.module = m
	}
}

// enter selects a directory of the module, or skips the case.
func (s *session) enter(dir uint16) {
	if !slices.Contains(s.module.dirs, dir) {
		s.skip(fmt.Sprintf("the module has no directory %04X", dir), fmt.Sprintf("模块无目录 %04X", dir))
	}
	s.ok(selectID(0x3F00))
	s.ok(selectID(dir))
}

// moduleFactors are made up: a card and its issuer.
var moduleFactors = []epurse.Factor{{0x01, 0x01, 0x10, 0x00, 0x01, 0x01, 0x10, 0x00}, {0x31, 0x04, 0x81, 0x00, 0x10, 0x00, 0x00, 0x01}}

// wire puts factors as commands have them, the card's first.
func wireFactors(list []epurse.Factor) []byte {
	var out []byte
	for i := len(list) - 1; i >= 0; i-- {
		out = append(out, list[i][:]...)
	}
	return out
}

// moduleKey is the key that the module makes of a master and the factors.
func (s *session) moduleKey(alg epurse.Alg, dir uint16, kind string, index byte, list []epurse.Factor) epurse.Key {
	return s.diversified(knownAlg(alg), moduleKeyName(dir, kind, index), list...)
}

func moduleKeyName(dir uint16, kind string, index byte) string {
	return fmt.Sprintf("module-%04X-%s-%02X", dir, kind, index)
}

// sale is a purchase for the module: what a card has answered to INITIALIZE.
type sale struct {
	random [4]byte
	seq    uint16
	index  byte
	alg    epurse.Alg
	what   epurse.Trade
	list   []epurse.Factor
}

// sale makes one of 1 fen with a random number of its own.
func (s *session) sale() *sale {
	at := s.opts.At
	return &sale{random: [4]byte(s.random(4)), seq: 7, index: 1, alg: epurse.TDES, list: moduleFactors, what: epurse.Trade{
		Type: epurse.PurchaseEP, Amount: 1, Terminal: s.module.terminal,
		Stamp: epurse.Stamp{bcd(at.Year() / 100), bcd(at.Year() % 100), bcd(int(at.Month())), bcd(at.Day()), bcd(at.Hour()), bcd(at.Minute()), bcd(at.Second())}}}
}

// command is INIT_SAM_FOR_PURCHASE.
func (x *sale) command() apdu.Command {
	data := binary.BigEndian.AppendUint16(bytes.Clone(x.random[:]), x.seq)
	data = binary.BigEndian.AppendUint32(data, x.what.Amount)
	data = append(append(data, byte(x.what.Type)), x.what.Stamp[:]...)
	data = append(append(data, x.index, byte(x.alg)), wireFactors(x.list)...)
	return command(0x80, 0x70, 0, 0, data, 8)
}

// starts sends it: the number of the transaction and MAC1.
func (s *session) starts(x *sale) (seq uint32, mac1 []byte) {
	b := s.ok(x.command())
	s.must(len(b) == 8, "expected a transaction number and MAC1, got %X", b)
	x.what.TerminalSeq = binary.BigEndian.Uint32(b)
	return x.what.TerminalSeq, b[4:]
}

// startsSound is starts with a MAC1 that must be that of the purchase: only then a MAC2
// may be sent, of which three wrong ones lock the module.
func (s *session) startsSound(dir uint16, x *sale) {
	s.moduleKey(x.alg, dir, "purchase", x.index, x.list)
	_, mac1 := s.starts(x)
	s.agrees(epurse.PurchaseMAC1(s.saleSession(dir, x), &x.what), mac1, moduleKeyName(dir, "purchase", x.index), "MAC1")
}

// saleSession is the session key that card and module share.
func (s *session) saleSession(dir uint16, x *sale) epurse.Session {
	return epurse.PurchaseSession(x.alg, s.moduleKey(x.alg, dir, "purchase", x.index, x.list), x.random, x.seq, x.what.TerminalSeq)
}

// finishes is CREDIT_SAM_FOR_PURCHASE.
func finishes(mac2 []byte) apdu.Command { return command(0x80, 0x72, 0, 0, mac2, apdu.NoLe) }

// prepares is INIT_FOR_DESCRYPT.
func prepares(levels int, kind, index byte, data []byte) apdu.Command {
	return command(0x80, 0x1A, byte(levels)<<5|kind, index, data, apdu.NoLe)
}

// crypts is DES CRYPT.
func crypts(p1 byte, data []byte) apdu.Command { return command(0x80, 0xFA, p1, 0, data, 256) }

// Types of keys, and P1 of DES CRYPT.
const (
	typePurchase = 2
	typeMAC      = 6
	typeEncipher = 7
	typeBoth     = 8

	cryptEncipher = 0x00
	cryptWhole    = 0x05
	cryptFirst    = 0x07
	cryptMiddle   = 0x03
	cryptLast     = 0x01
)
