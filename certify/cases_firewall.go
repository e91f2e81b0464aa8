package certify

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

const (
	firewallClause = "ISO/IEC 7816-4, 7.1.1"
	domainClause   = "GlobalPlatform Card Specification 2.3, separation of applications"
)

var firewallCases = []Case{
	{"firewall-files", Text{"Files of another application", "不可读其他应用文件"}, domainClause,
		Text{"For every ordered pair: what PIN opens in one is not answered while the other is selected.", "对每一有序应用对：一应用经密码开放的内容，在选择另一应用时不可读出。"}, needSeveral | needCivicPIN, func(s *session) {
			s.eachPair(func(p *partition, other []byte) {
				truth := s.opensByPIN(p)
				s.ok(selectName(other))
				data, sw := s.send(p.readClosed())
				s.must(sw != apdu.SWOK || !bytes.Equal(data, truth), "expected nothing of %s while %X is selected, got its data", p.name, other)
			})
		}},
	{"firewall-rights", Text{"Rights end with another selection", "切换应用撤销权限"}, firewallClause,
		Text{"For every ordered pair: what PIN opened is closed after another application was selected in between.", "对每一有序应用对：其间选择其他应用后，密码所开放的权限失效。"}, needSeveral | needCivicPIN, func(s *session) {
			s.eachPair(func(p *partition, other []byte) {
				s.opensByPIN(p)
				s.ok(selectName(other))
				s.ok(selectName(p.aid))
				s.refused(p.readClosed(), apdu.SWSecurity)
			})
		}},
	{"firewall-pin", Text{"A PIN serves one application", "密码仅对本应用有效"}, domainClause,
		Text{"For every ordered pair: the PIN of one opens nothing in the other.", "对每一有序应用对：一应用的密码不开放另一应用。"}, needSeveral | needCivicPIN, func(s *session) {
			for _, p := range s.partitions {
				for _, q := range s.partitions {
					if p == q {
						continue
					}
					s.opensByPIN(p)
					s.ok(selectName(q.aid))
					s.refused(q.readClosed(), apdu.SWSecurity)
				}
			}
		}},
	{"firewall-challenge", Text{"A challenge serves one application", "随机数仅对本应用有效"}, domainClause,
		Text{"For every ordered pair: a challenge taken in one cannot be answered in the other, nor after a return.", "对每一有序应用对：一应用取得的随机数不可用于另一应用，返回后亦不可用。"}, needSeveral | needCivic, func(s *session) {
			s.eachPair(func(p *partition, other []byte) {
				s.ok(selectName(p.aid))
				s.nonce(8)
				s.ok(selectName(other))
				s.ok(selectName(p.aid))
				s.refused(authenticates(p.key, make([]byte, p.proofLength())), apdu.SWDataInvalidated)
			})
		}},
	{"firewall-keys", Text{"A key serves one application", "密钥仅对本应用有效"}, domainClause,
		Text{"For every ordered pair: a cryptogram under the key of one is wrong in the other; the right one follows.", "对每一有序应用对：以一应用密钥计算的密文在另一应用中无效，随后以正确密钥恢复。"}, needSeveral | needCivicKeys, func(s *session) {
			for _, p := range s.partitions {
				for _, q := range s.partitions {
					if p == q {
						continue
					}
					s.ok(selectName(p.aid))
					alg, key := s.partitionKey(p, fmt.Sprintf("%02X", p.key))
					s.ok(selectName(q.aid))
					s.proves(q)
					_, sw := s.send(authenticates(q.key, s.answerTo(q, alg, key, s.nonce(8))))
					s.proves(q)
					s.must(!sw.OK(), "expected the key of %s to be wrong in %s, got %v", p.name, q.name, sw)
				}
			}
		}},
	{"firewall-tries", Text{"Tries of one application", "密码次数互不影响"}, domainClause,
		Text{"A wrong PIN in one application leaves the tries of all others.", "一应用密码错误不影响其他应用的剩余次数。"}, needSeveral | needCivicPIN, func(s *session) {
			right := s.cityPIN()
			wrong := bytes.Clone(right)
			wrong[0] ^= 0x11
			before := s.allTries()
			p := s.partitions[0]
			s.ok(selectName(p.aid))
			s.spareCity(p.pin)
			s.opensByPIN(p)
			defer s.aside(func(s *session) { s.ok(selectName(p.aid)); s.ok(verifyCity(p.pin, right)) })
			s.denied(verifyCity(p.pin, wrong))
			after := s.allTries()
			s.must(slices.Equal(before[1:], after[1:]), "expected the tries %v of the others, got %v", before[1:], after[1:])
		}},
	{"firewall-trade", Text{"A trade ends with another selection", "切换应用终止钱包交易"}, purseState,
		Text{"A purchase that was begun is over after any other application was selected: 6901.", "选择任一其他应用后，已初始化的消费终止，应答 6901。"}, needSeveral | needPurchases, func(s *session) {
			for _, other := range s.names() {
				if !bytes.Equal(other, s.purse.aid) {
					s.brokenOff(func() { s.ok(selectName(other)); s.selectPurse() })
				}
			}
		}},
	{"firewall-payment", Text{"A payment ends with another selection", "切换应用终止支付"}, tearClause,
		Text{"An approved payment is not taken when another application is selected before the last record.", "末条记录之前选择其他应用，已批准的支付不扣款。"}, needSeveral | needPay, func(s *session) {
			for _, other := range s.names() {
				if bytes.Equal(other, s.aid) {
					continue
				}
				s.again()
				s.selectAir()
				before := s.balanceNow()
				at := s.last(s.approval())
				s.ok(selectName(other))
				s.selectAir()
				s.send(readRecord(at.sfi, at.number))
				s.mustBalance(before)
			}
		}},
	{"firewall-commands", Text{"Commands of another application", "其他应用的命令"}, domainClause,
		Text{"GET BALANCE and INITIALIZE work in the purse alone, GET DATA and processing options in the finance application alone.", "GET BALANCE 与初始化仅在电子钱包可用，GET DATA 与取处理选项仅在金融应用可用。"}, needSeveral, func(s *session) {
			for _, aid := range s.names() {
				s.ok(selectName(aid))
				if s.purse == nil || !bytes.Equal(aid, s.purse.aid) {
					s.denied(getBalance)
					s.denied(initialize(initPurchase, 1, 1))
				}
				if !s.found || !bytes.Equal(aid, s.aid) {
					s.denied(getData(tlv.TagECBalance))
					s.denied(processingOptions(nil))
				}
			}
		}},
	{"firewall-purse-key", Text{"The purse's key is its own", "电子钱包密钥不通用"}, domainClause,
		Text{"The purse's key for EXTERNAL AUTHENTICATE is wrong in every other application; the right one follows.", "电子钱包外部认证密钥在其他应用中无效，随后以正确密钥恢复。"}, needSeveral | needPurchases | needCivic, func(s *session) {
			key := s.purseKey(epurse.TDES, "external", 1)
			for _, p := range s.partitions {
				s.ok(selectName(p.aid))
				s.proves(p)
				data := s.answerTo(p, knownAlg(epurse.TDES), key, s.nonce(8))
				_, sw := s.send(authenticates(p.key, data))
				s.proves(p)
				s.must(!sw.OK(), "expected the purse's key to be wrong in %s, got %v", p.name, sw)
			}
		}},
}

// eachPair does something for every public service application and every other one
// on the card.
func (s *session) eachPair(do func(p *partition, other []byte)) {
	for _, p := range s.partitions {
		for _, other := range s.names() {
			if !bytes.Equal(other, p.aid) {
				do(p, other)
			}
		}
	}
}

// allTries asks each public service application how many tries its PIN has.
func (s *session) allTries() []apdu.SW {
	var out []apdu.SW
	for _, p := range s.partitions {
		s.ok(selectName(p.aid))
		_, sw := s.send(verifyCity(p.pin, nil))
		out = append(out, sw)
	}
	return out
}
