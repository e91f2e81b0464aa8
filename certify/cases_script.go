package certify

import (
	"bytes"
	"fmt"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

const (
	scriptClause = "JR/T 0025.5, issuer scripts; EMV Book 2, 9.2"
	loadScript   = "JR/T 0025.13, load"
)

const (
	needScript = needContact | needKeys | needDestructive
	needLoad   = needScript | needCash
)

var scriptCases = []Case{
	{"script-early", Text{"Script before the cryptogram", "生成密文前的脚本"}, scriptClause,
		Text{"A script before the first cryptogram is refused and changes nothing.", "首次密文之前的脚本被拒绝且不改变卡片。"}, needLoad, func(s *session) {
			d := s.debit(0)
			before := s.standing()
			d.first.iad.Alg = s.alg()
			s.denied(s.putData(d, tlv.TagECBalance, n12(0)))
			s.unchanged(before, "a script before the cryptogram")
		}},
	{"script-wrong-mac", Text{"Script with a wrong MAC", "MAC 错误的脚本"}, scriptClause,
		Text{"A wrong MAC is answered with 6988, and no script is taken any more in the transaction.", "MAC 错误应答 6988，本次交易不再接受脚本。"}, needLoad, func(s *session) {
			d := s.open()
			before := s.standing()
			bad := s.putData(d, tlv.TagECBalance, n12(before.balance+1))
			bad.Data[len(bad.Data)-1] ^= 1
			s.refused(bad, apdu.SWMACWrong)
			s.refused(s.putData(d, tlv.TagECBalance, n12(before.balance+1)), apdu.SWConditions)
			s.unchanged(before, "a script with a wrong MAC")
			s.again()
			s.settled()
		}},
	{"script-altered", Text{"Script with altered data", "数据被篡改的脚本"}, scriptClause,
		Text{"The MAC covers header and data: an altered tag or value is refused with 6988.", "MAC 覆盖命令头与数据，标签或值被篡改时应答 6988。"}, needLoad, func(s *session) {
			d := s.open()
			before := s.standing()
			c := s.putData(d, tlv.TagECBalance, n12(before.balance))
			c.P2 ^= 1
			s.refused(c, apdu.SWMACWrong)
			s.again()
			d = s.open()
			c = s.putData(d, tlv.TagECBalance, n12(before.balance))
			c.Data[5] ^= 1
			s.refused(c, apdu.SWMACWrong)
			s.again()
			s.settled()
		}},
	{"script-replayed", Text{"Script of an earlier transaction", "重放先前交易的脚本"}, scriptClause,
		Text{"A script that was good in one transaction is refused in the next.", "某交易中有效的脚本在下一交易中被拒绝。"}, needLoad, func(s *session) {
			d := s.authenticated()
			c := s.putData(d, tlv.TagECBalance, n12(s.balanceNow()))
			s.ok(c)
			s.generate2(d, askTC, arcApproved)
			s.again()
			s.open()
			s.refused(c, apdu.SWMACWrong)
			s.again()
			s.settled()
		}},
	{"script-load", Text{"Load", "圈存"}, loadScript,
		Text{"PUT DATA 9F79 sets the balance to its value, here 1 fen more, which a second load takes back.", "PUT DATA 9F79 将余额置为新值（加 1 分），随后恢复。"}, needLoad, func(s *session) {
			before, after := s.load()
			s.mustBalance(after)
			s.again()
			s.setBalance(before)
			s.again()
			s.selectContact()
			s.mustBalance(before)
		}},
	{"script-load-online", Text{"Loaded balance is stated", "圈存后余额在 9F10 中体现"}, loadScript,
		Text{"9F10 of the second cryptogram states the balance after the load, under MAC.", "第二次密文的 9F10 给出圈存后余额并附 MAC。"}, needLoad, func(s *session) {
			d := s.authenticated()
			before := s.balanceNow()
			defer s.setBalance(before)
			s.ok(s.putData(d, tlv.TagECBalance, n12(before+1)))
			g := s.generate2(d, askTC, arcApproved)
			got, ok := g.iad.Balance()
			if !ok {
				s.skip("9F10 does not state the balance", "9F10 不含余额")
			}
			s.must(got == before+1, "expected the balance %v in 9F10, got %v", before+1, got)
			s.checkBalanceMAC(&g.iad, g.atc)
		}},
	{"script-load-limit", Text{"Load above the limit", "圈存超过上限"}, loadScript,
		Text{"A balance one fen above 9F77 is refused with 6A80.", "余额超过 9F77 一分时以 6A80 拒绝。"}, needLoad, func(s *session) {
			d := s.authenticated()
			limit, err := money.FromN12(s.object(tlv.TagECBalanceLimit))
			s.must(err == nil && limit < money.MaxN12, "expected a limit 9F77 that can be passed, got %v", limit)
			before := s.standing()
			s.refused(s.putData(d, tlv.TagECBalance, n12(limit+1)), apdu.SWWrongData)
			s.unchanged(before, "a load above the limit")
			s.generate2(d, askTC, arcApproved)
			s.again()
			s.settled()
		}},
	{"script-load-digits", Text{"Load of a value that is not decimal", "圈存非十进制金额"}, loadScript,
		Text{"A balance that is not n12 is refused.", "非 n12 格式的余额被拒绝。"}, needLoad, func(s *session) {
			d := s.authenticated()
			before := s.standing()
			s.denied(s.putData(d, tlv.TagECBalance, []byte{0, 0, 0, 0, 0, 0x0A}))
			s.unchanged(before, "a load that is not decimal")
			s.again()
			s.settled()
		}},
	{"script-load-log", Text{"Load is logged", "圈存记日志"}, loadClause,
		Text{"The newest load log record has 9F79, the balance before and after, and the counter.", "圈存日志最新记录含 9F79、前后余额与计数器。"}, needLoad, func(s *session) {
			b := s.loadLog()
			s.again()
			before, after := s.load()
			raw := s.ok(readRecord(b.sfi, 1))
			defer s.setBalance(before)
			want := append(append([]byte{0x9F, 0x79}, n12(before)...), n12(after)...)
			s.must(len(raw) == 14+b.format.Len() && bytes.Equal(raw[:14], want), "expected a record beginning with %X, got %X", want, raw)
		}},
	{"script-load-summary", Text{"Load log under MAC", "带 MAC 的圈存日志"}, loadClause,
		Text{"READ RECORD 0 of the load log gives counter, number and records with a right MAC.", "读圈存日志记录 0 返回计数器、条数、记录及正确的 MAC。"}, needLoad, func(s *session) {
			b := s.loadLog()
			s.again()
			before, _ := s.load()
			defer s.setBalance(before)
			raw, sw := s.send(readRecord(b.sfi, 0))
			if sw != apdu.SWOK {
				s.skip("the card does not give its load log under MAC", "卡片不提供带 MAC 的圈存日志")
			}
			s.must(len(raw) >= 7 && len(raw) == 7+22*int(raw[2]), "expected counter, number and 22 bytes a record, got %X", raw)
			alg := s.alg()
			sk := cryptogram.DeriveSessionKey(alg, s.keys(alg).MAC, number16(raw))
			mac := cryptogram.MAC(alg, sk, raw[:len(raw)-4])
			s.must(bytes.Equal(mac[:4], raw[len(raw)-4:]), "expected a MAC under the key of counter %X, got %X", raw[:2], raw[len(raw)-4:])
		}},
	{"script-parameters", Text{"Parameters can be set", "参数可更新"}, "JR/T 0025.5, PUT DATA",
		Text{"Each limit that the card has takes its present value by PUT DATA and keeps it.", "卡片具有的各限额可由 PUT DATA 写入当前值并保持。"}, needScript, func(s *session) {
			d := s.authenticated()
			for _, tag := range settable {
				value, ok := s.objects[tag]
				if !ok {
					continue
				}
				s.ok(s.putData(d, tag, value))
				s.must(bytes.Equal(s.object(tag), value), "expected %X in %X, got %X", value, uint32(tag), s.object(tag))
			}
			s.generate2(d, askTC, arcApproved)
		}},
	{"script-parameter-works", Text{"A parameter takes effect", "参数更新生效"}, "JR/T 0025.5, PUT DATA",
		Text{"A single limit 9F78 of 0 keeps the card from paying 1 fen as electronic cash until it is put back.", "将 9F78 置为 0 后电子现金不可支付 1 分，恢复后可用。"}, needLoad | needOptions, func(s *session) {
			value, ok := s.objects[tlv.TagECSingleLimit]
			s.must(ok, "expected 9F78 from GET DATA")
			d := s.authenticated()
			s.ok(s.putData(d, tlv.TagECSingleLimit, n12(0)))
			defer s.aside(func(s *session) {
				d := s.authenticated()
				s.ok(s.putData(d, tlv.TagECSingleLimit, value))
				s.generate2(d, askTC, arcApproved)
			})
			s.generate2(d, askTC, arcApproved)
			s.again()
			s.must(!s.cash(1).isCash(), "expected the records of debit/credit with 9F78 0, got 9F74")
		}},
	{"script-put-unknown", Text{"Data that no issuer may set", "不可更新的数据"}, "JR/T 0025.5, PUT DATA",
		Text{"PUT DATA of counters and unknown tags is refused.", "对计数器与未知标签的 PUT DATA 被拒绝。"}, needScript, func(s *session) {
			d := s.authenticated()
			s.denied(s.putData(d, tlv.TagATC, []byte{0, 1}))
			s.denied(s.putData(d, 0x9F1E, []byte{1}))
			s.again()
			s.settled()
		}},
	{"script-put-length", Text{"Wrong length of data", "数据长度错误"}, "JR/T 0025.5, PUT DATA",
		Text{"PUT DATA 9F78 with five bytes is refused.", "以五字节更新 9F78 被拒绝。"}, needLoad, func(s *session) {
			d := s.authenticated()
			s.denied(s.putData(d, tlv.TagECSingleLimit, make([]byte, 5)))
			s.again()
			s.settled()
		}},
	{"script-counted", Text{"Scripts are counted", "脚本计数"}, cvrClause,
		Text{"A script after the second cryptogram is counted in the CVR of the next transaction.", "第二次密文之后的脚本计入下一交易的 CVR。"}, needLoad, func(s *session) {
			d := s.authenticated()
			s.generate2(d, askTC, arcApproved)
			s.ok(s.putData(d, tlv.TagECBalance, n12(s.balanceNow())))
			s.again()
			g := s.generate1(s.debit(0), askAAC)
			s.must(g.iad.CVR[2]>>4 == 1, "expected one script in the third byte of the CVR, got %X", g.iad.CVR)
			s.again()
			s.settled()
		}},
	{"script-failure-remembered", Text{"Failed script is remembered", "脚本失败被记录"}, cvrClause,
		Text{"A script that failed is told in the CVR of the next transaction, and a good one clears it.", "脚本失败在下一交易 CVR 中标明，正常交易后清除。"}, needLoad, func(s *session) {
			d := s.authenticated()
			bad := s.putData(d, tlv.TagECBalance, n12(0))
			bad.Data[len(bad.Data)-1] ^= 1
			s.denied(bad)
			s.generate2(d, askTC, arcApproved)
			s.again()
			d = s.debit(0)
			g := s.askIssuer(d)
			s.must(g.iad.CVR[2]&0x08 != 0, "expected the bit for a failed script in the CVR, got %X", g.iad.CVR)
			s.approveOnline(d)
			s.again()
			g = s.generate1(s.debit(0), askAAC)
			s.must(g.iad.CVR[2]&0x08 == 0, "expected the bit to be cleared after a good transaction, got %X", g.iad.CVR)
		}},
	{"script-block", Text{"APPLICATION BLOCK and UNBLOCK", "应用锁定与解锁"}, "EMV Book 3, 6.5.1 and 6.5.2",
		Text{"A blocked application answers SELECT with 6283 and gives an AAC only, until it is unblocked.", "锁定的应用以 6283 应答选择且只返回 AAC，解锁后恢复。"}, needScript, func(s *session) {
			d := s.authenticated()
			s.ok(s.script(d, 0x84, 0x1E, 0, 0, nil))
			defer s.unblock()
			s.again()
			_, sw := s.send(selectName(s.aid))
			s.must(sw == apdu.SWInvalidated, "expected 6283 to SELECT, got %v", sw)
			d = s.blockedDialogue()
			s.must(d.first.cid&0xC0 == askAAC, "expected an AAC from a blocked application, got %02X", d.first.cid)
			s.ok(s.script(d, 0x84, 0x18, 0, 0, nil))
			s.again()
			s.selectContact()
			s.again()
			s.settled()
		}},
	{"script-block-pays-nothing", Text{"A blocked application does not pay", "锁定的应用不支付"}, "EMV Book 3, 6.5.1",
		Text{"A blocked application approves nothing over the air.", "锁定的应用在非接触方式下不予批准。"}, needScript | needPay, func(s *session) {
			d := s.authenticated()
			s.ok(s.script(d, 0x84, 0x1E, 0, 0, nil))
			defer s.unblock()
			s.again()
			s.send(selectName([]byte(ppseName)))
			s.send(selectName(s.aid))
			data, sw := s.gpo(s.air, s.reader(readerGate, 1))
			iad, _ := tlv.Find(data, tlv.TagResponseFormat2, tlv.TagIAD)
			s.must(sw != apdu.SWOK || len(iad) > 4 && iad[4]&0x30 == 0, "expected a refusal or an AAC, got %X %v", data, sw)
		}},
	{"script-pin-unblock", Text{"PIN UNBLOCK", "密码解锁"}, "EMV Book 3, 6.5.10",
		Text{"PIN UNBLOCK gives back a try that a wrong PIN used.", "密码解锁恢复错误密码消耗的次数。"}, needScript | needPIN, func(s *session) {
			d := s.debit(0)
			tries := s.spareTries()
			defer s.restoreTries()
			s.wrongPIN(tries)
			s.askIssuer(d)
			s.ok(s.script(d, 0x84, 0x24, 0, 0, nil))
			s.must(s.tries() >= tries, "expected at least %d tries, got %d", tries, s.tries())
		}},
	{"script-pin-change", Text{"PIN CHANGE", "密码修改"}, "EMV Book 3, 6.5.10; JR/T 0025.5",
		Text{"A new PIN takes the place of the old one and is changed back.", "新密码取代旧密码，随后改回。"}, needScript | needPIN, func(s *session) {
			s.changesPIN(0x02)
		}},
	{"script-pin-change-current", Text{"PIN CHANGE with the current PIN", "以原密码修改密码"}, "EMV Book 3, 6.5.10; JR/T 0025.5",
		Text{"A new PIN enciphered with the help of the current one takes its place and is changed back.", "借助原密码加密的新密码取代旧密码，随后改回。"}, needScript | needPIN, func(s *session) {
			s.changesPIN(0x01)
		}},
	{"script-update-record", Text{"UPDATE RECORD", "修改记录"}, "JR/T 0025.5, UPDATE RECORD",
		Text{"UPDATE RECORD of a record with its own content is taken, and the record reads the same.", "以原内容修改记录被接受，读出内容不变。"}, needScript, func(s *session) {
			d := s.authenticated()
			r := d.records.list[0]
			c := s.script(d, 0x04, 0xDC, r.number, r.sfi<<3|4, r.raw)
			if _, sw := s.send(c); sw != apdu.SWOK {
				s.skip(fmt.Sprintf("the card refuses to update this record with %v", sw), fmt.Sprintf("卡片以 %v 拒绝修改该记录", sw))
			}
			s.must(bytes.Equal(s.ok(readRecord(r.sfi, r.number)), r.raw), "expected record %d of file %d to be the same", r.number, r.sfi)
			s.generate2(d, askTC, arcApproved)
		}},
	{"script-update-log", Text{"Log cannot be written by a script", "脚本不可写日志"}, "JR/T 0025.5, UPDATE RECORD",
		Text{"UPDATE RECORD of the transaction log is refused though its MAC is right.", "即使 MAC 正确，修改交易日志仍被拒绝。"}, needScript, func(s *session) {
			s.selectContact()
			b := s.transactionLog()
			s.again()
			d := s.authenticated()
			s.denied(s.script(d, 0x04, 0xDC, 1, b.sfi<<3|4, make([]byte, b.format.Len())))
			s.again()
			s.settled()
		}},
}

// settable are the objects that PUT DATA may change, without balances.
var settable = []tlv.Tag{tlv.TagOfflineLimitCurrency, tlv.TagCTTAL, tlv.TagLowerOfflineLimit, tlv.TagUpperOfflineLimit, tlv.TagCTTAUpper,
	tlv.TagCardCVMLimit, tlv.TagECResetThreshold, tlv.TagOfflineLimitCountry, tlv.TagCurrencyConversionFactor, tlv.TagCTTALDual,
	tlv.TagECBalanceLimit, tlv.TagECSingleLimit}

// load puts 1 fen more on the card.
func (s *session) load() (before, after money.Fen) {
	d := s.authenticated()
	before = s.balanceNow()
	after = before + 1
	s.ok(s.putData(d, tlv.TagECBalance, n12(after)))
	s.generate2(d, askTC, arcApproved)
	return before, after
}
