package certify

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// purse is an electronic purse that was found.
type purse struct {
	aid     []byte
	info    [30]byte // file 15
	code    []byte   // GET AUTH CODE; nil for none
	log     byte     // short identifier of the log of loads
	record  compoundRecord
	balance uint32 // after the run
	opening uint32
	spent   int64 // by purchases that were completed
}

// compoundRecord is a record that a compound purchase may write.
type compoundRecord struct {
	sfi, id byte // id is the record's identifier, or the lower byte of it
	head    int  // identifier and length
}

// Names of purses (JT/T 978; City Union).
var (
	nameTUnion    = []byte{0xA0, 0, 0, 0x06, 0x32, 0x01, 0x01, 0x05}
	nameCityUnion = []byte{0xA0, 0, 0, 0, 0x03, 0x86, 0x98, 0x07, 0x01}
)

const (
	tagInfoHead tlv.Tag = 0x9F0C // the first 30 bytes of file 15
	accountEP           = 2      // P2 for the electronic purse
	purseAnswer         = 15     // bytes of the answer to INITIALIZE FOR PURCHASE
)

// probePurse looks for a purse, T-Union first.
func probePurse(s *session) {
	for _, aid := range [][]byte{nameTUnion, nameCityUnion} {
		fci, sw := s.send(selectName(aid))
		head, ok := tlv.Find(fci, tlv.TagFCITemplate, tlv.TagFCIProprietary, tagInfoHead)
		if !selected(sw) && sw != apdu.SWNotSupported || !ok || len(head) < 30 {
			continue
		}
		p := &purse{aid: aid, info: [30]byte(head), log: 0x18, record: compoundRecord{0x1A, 0x02, 3}}
		if bytes.Equal(aid, nameCityUnion) {
			p.log, p.record = 0x1A, compoundRecord{0x17, 0x02, 2}
		}
		s.mask.pan(string(bytes.TrimLeft(fmt.Appendf(nil, "%X", p.info[10:20]), "0")))
		if code, sw := s.send(command(0x80, 0xCA, 0, 0, nil, 9)); sw == apdu.SWOK && len(code) == 9 {
			p.code = bytes.Clone(code)
		}
		if b, sw := s.send(getBalance); sw == apdu.SWOK && len(b) == 4 {
			p.balance = binary.BigEndian.Uint32(b)
		}
		p.opening = p.balance
		s.purse = p
		return
	}
}

// getBalance is GET BALANCE of the electronic purse.
var getBalance = command(0x80, 0x5C, 0, accountEP, nil, 4)

// factors are those of the purse's keys: the issuer's, then the card's.
func (p *purse) factors() []epurse.Factor {
	return []epurse.Factor{epurse.Factor(p.info[:8]), epurse.Factor(p.info[12:20])}
}

// purseKey gives a key of the purse, or skips the case.
func (s *session) purseKey(alg epurse.Alg, use string, index byte) epurse.Key {
	return s.diversified(knownAlg(alg), purseKeyName(use, index), s.purse.factors()...)
}

func purseKeyName(use string, index byte) string { return fmt.Sprintf("purse-%s-%02X", use, index) }

func (s *session) selectPurse() []byte { return s.ok(selectName(s.purse.aid)) }

func (s *session) purseBalance() uint32 {
	b := s.ok(getBalance)
	s.must(len(b) == 4, "expected four bytes from GET BALANCE, got %X", b)
	s.purse.balance = binary.BigEndian.Uint32(b)
	return s.purse.balance
}

func (s *session) mustPurse(want uint32) {
	got := s.purseBalance()
	s.must(got == want, "expected %v yuan in the purse, got %v", money.Fen(want), money.Fen(got))
}

// mayBuy skips the case if a purchase of 1 fen is beyond what the run may spend.
func (s *session) mayBuy() {
	if money.Fen(s.purse.spent)+1 > s.opts.MaxSpend {
		s.skip("the run has spent what it may", "本次运行已达允许消费的上限")
	}
	if s.purseBalance() < 1 {
		s.skip("the purse is empty", "电子钱包余额为零")
	}
}

// purseTerminal is the number of the terminal that the cases play.
var purseTerminal = epurse.Terminal{0x99, 0x99, 0x99, 0x00, 0x00, 0x01}

// purseTrade is a trade on its way.
type purseTrade struct {
	what    epurse.Trade
	kind    byte // P1 of INITIALIZE
	key     byte // index
	raw     []byte
	balance uint32
	seq     uint16
	limit   uint32
	alg     epurse.Alg
	random  [4]byte
	mac1    [4]byte // of trades with the host
}

// P1 of INITIALIZE.
const (
	initLoad      = 0
	initPurchase  = 1
	initCompound  = 3
	initOverdraft = 4
	initUnload    = 5
)

// initialize is INITIALIZE of a trade of the electronic purse.
func initialize(kind, key byte, amount uint32) apdu.Command {
	data := []byte{key}
	if kind != initOverdraft {
		data = binary.BigEndian.AppendUint32(data, amount)
	}
	return command(0x80, 0x50, kind, accountEP, append(data, purseTerminal[:]...), 256)
}

// begins sends INITIALIZE, which must be answered.
func (s *session) begins(kind, key byte, amount uint32) *purseTrade {
	return s.opened(kind, key, amount, s.ok(initialize(kind, key, amount)))
}

// opened reads the answer to INITIALIZE.
func (s *session) opened(kind, key byte, amount uint32, b []byte) *purseTrade {
	types := map[byte]epurse.Type{initLoad: epurse.LoadEP, initPurchase: epurse.PurchaseEP, initCompound: epurse.Compound,
		initOverdraft: epurse.Overdraft, initUnload: epurse.Unload}
	want := map[byte]int{initLoad: 16, initPurchase: purseAnswer, initCompound: purseAnswer, initOverdraft: 19, initUnload: 16}[kind]
	s.must(len(b) == want, "expected %d bytes in answer to INITIALIZE 8050%02X, got %X", want, kind, b)
	at := s.opts.At
	t := &purseTrade{kind: kind, key: key, raw: b, balance: binary.BigEndian.Uint32(b), seq: number16(b[4:]), what: epurse.Trade{
		Type: types[kind], Amount: amount, Terminal: purseTerminal, AuthCode: s.purse.code, TerminalSeq: 1 + uint32(s.purse.spent),
		Stamp: epurse.Stamp{bcd(at.Year() / 100), bcd(at.Year() % 100), bcd(int(at.Month())), bcd(at.Day()), bcd(at.Hour()), bcd(at.Minute()), bcd(at.Second())},
	}}
	rest := b[6:]
	if kind != initLoad && kind != initUnload {
		t.limit = uint32(rest[0])<<16 | uint32(rest[1])<<8 | uint32(rest[2])
		rest = rest[3:]
	}
	var known bool
	t.alg, known = epurse.AlgOf(rest[1])
	s.must(known, "expected algorithm 00 or 04 in answer to INITIALIZE, got %02X", rest[1])
	t.random = [4]byte(rest[2:])
	copy(t.mac1[:], rest[6:])
	return t
}

// purchaseSession is the session key of a purchase.
func (s *session) purchaseSession(t *purseTrade) epurse.Session {
	return epurse.PurchaseSession(t.alg, s.purseKey(t.alg, "purchase", t.key), t.random, t.seq, t.what.TerminalSeq)
}

// hostSession is the session key of a trade with the host.
func (s *session) hostSession(t *purseTrade) epurse.Session {
	return epurse.LoadSession(t.alg, s.purseKey(t.alg, hostUses[t.kind], t.key), t.random, t.seq)
}

// hostUses are the keys of trades with the host.
var hostUses = map[byte]string{initLoad: "load", initUnload: "unload", initOverdraft: "overdraft"}

// mustMAC1 judges MAC1 of a trade with the host, before anything is sent under the key.
func (s *session) mustMAC1(t *purseTrade) {
	want := epurse.LoadMAC1(s.hostSession(t), t.balance, &t.what)
	if t.kind == initOverdraft {
		want = epurse.OverdraftMAC1(s.hostSession(t), t.balance, t.limit, &t.what)
	}
	s.agrees(want, t.mac1[:], purseKeyName(hostUses[t.kind], t.key), "MAC1")
}

// tacSession is the key of a trade's authentication code, whose index goes with the
// trade's algorithm.
func (s *session) tacSession(t *purseTrade) epurse.Session {
	index := byte(1)
	if t.alg == epurse.SM4 {
		index = 0x41
	}
	return epurse.TACSession(t.alg, s.purseKey(t.alg, "tac", index))
}

// debits is DEBIT FOR PURCHASE.
func debits(t *purseTrade, mac1 epurse.MAC) apdu.Command {
	data := binary.BigEndian.AppendUint32(nil, t.what.TerminalSeq)
	data = append(append(data, t.what.Stamp[:]...), mac1[:]...)
	return command(0x80, 0x54, 1, 0, data, 8)
}

// settles ends a purchase as the security module lets it; the answer is TAC and MAC2.
func (s *session) settles(t *purseTrade) []byte {
	mac1 := epurse.PurchaseMAC1(s.purchaseSession(t), &t.what)
	data := s.taken(debits(t, mac1), purseKeyName("purchase", t.key))
	s.purse.spent += int64(t.what.Amount)
	s.must(len(data) == 8, "expected TAC and MAC2 in answer to DEBIT FOR PURCHASE, got %X", data)
	return data
}

// buys makes a whole purchase of 1 fen.
func (s *session) buys() (*purseTrade, []byte) {
	s.selectPurse()
	s.mayBuy()
	t := s.begins(initPurchase, 1, 1)
	return t, s.settles(t)
}

// credits is the command with which the host ends a load or an unload.
func credits(cla, ins, p1 byte, t *purseTrade, mac2 epurse.MAC) apdu.Command {
	return command(cla, ins, p1, 0, append(bytes.Clone(t.what.Stamp[:]), mac2[:]...), 4)
}

// cityPIN is VERIFY of the PIN of purses and partitions: digits alone.
func (s *session) cityPIN() []byte {
	s.trusted(cityPINName)
	b := s.pinBlock(s.opts.CityPIN)
	return b[1 : 1+s.opts.CityPIN.Len()/2]
}

func verifyCity(number byte, digits []byte) apdu.Command {
	return command(0x00, 0x20, 0, number, digits, apdu.NoLe)
}

// mayLoad verifies the PIN, which loads of many purses want.
func (s *session) mayLoad() {
	if s.opts.CityPIN.Len() == 0 {
		s.skip("the PIN of purse and partitions is not known", "电子钱包及分区的个人密码未知")
	}
	s.shows(0)
}

// shows verifies the PIN of purses and partitions.
func (s *session) shows(number byte) {
	s.taken(verifyCity(number, s.cityPIN()), cityPINName)
}

// spareCity skips the case if a wrong PIN would be the last try. Nothing may be verified
// yet.
func (s *session) spareCity(number byte) {
	_, sw := s.send(verifyCity(number, nil))
	if n, ok := sw.Remaining(); ok && n < 2 || sw == apdu.SWBlocked {
		s.skip("no more than one PIN try is left", "密码剩余次数不多于一次")
	}
}

// cityPINName stands for the PIN among the names of keys.
const cityPINName = "PIN of purse and partitions"

// loads puts an amount into the purse.
func (s *session) loads(amount uint32) (*purseTrade, []byte) {
	s.selectPurse()
	s.mayLoad()
	t := s.begins(initLoad, 1, amount)
	s.mustMAC1(t)
	data := s.taken(credits(0x80, 0x52, 0, t, epurse.LoadMAC2(s.hostSession(t), &t.what)), purseKeyName("load", 1))
	return t, data
}

// unloads takes out again what a case has loaded, by a purchase.
func (s *session) unloads() {
	s.aside(func(s *session) {
		s.selectPurse()
		t := s.begins(initPurchase, 1, 1)
		s.settles(t)
		s.purse.spent--
	})
}

// purseRecord reads the compound record.
func (s *session) purseRecord() []byte {
	r := s.purse.record
	c := command(0x00, 0xB2, r.id, r.sfi<<3, nil, 256)
	data, sw := s.send(c)
	if slices.Contains(notFound, sw) {
		s.skip("the purse has no record of metro trips", "电子钱包无地铁行程记录")
	}
	s.mustOK(c, sw)
	s.must(len(data) > r.head && int(data[r.head-1]) == len(data)-r.head, "expected a record with its length before the body, got %X", data)
	return data
}

// caches is UPDATE CAPP DATA CACHE of a purse.
func (s *session) caches(record []byte) apdu.Command {
	r := s.purse.record
	return command(0x80, 0xDC, r.id, r.sfi<<3, record, apdu.NoLe)
}

// nonce is GET CHALLENGE of n bytes.
func (s *session) nonce(n int) []byte {
	b := s.ok(command(0x00, 0x84, 0, 0, nil, n))
	s.must(len(b) == n, "expected a challenge of %d bytes, got %X", n, b)
	return b
}

// protected is a command under line protection with a challenge.
func (s *session) protected(alg epurse.Alg, key epurse.Key, challenge []byte, h epurse.Header, data []byte) apdu.Command {
	l := epurse.NewLine(alg, key, challenge)
	field, err := l.Protect(nil, h, data, false)
	s.must(err == nil, "expected data that fit a protected command: %v", err)
	return command(h[0], h[1], h[2], h[3], field, apdu.NoLe)
}
