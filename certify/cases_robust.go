package certify

import (
	"slices"

	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// active are the instructions that a card may know and that may have an effect;
// sweeps leave them out (ISO/IEC 7816-4, table 4; JR/T 0025.5; GlobalPlatform 11).
var active = []byte{0x04, 0x0E, 0x0F, 0x10, 0x12, 0x14, 0x16, 0x18, 0x1E, 0x20, 0x22, 0x24, 0x26, 0x28, 0x2A, 0x2C, 0x44, 0x46, 0x50, 0x52, 0x54,
	0x56, 0x58, 0x5A, 0x5C, 0x70, 0x78, 0x7A, 0x82, 0x84, 0x86, 0x88, 0x8A, 0xA0, 0xA2, 0xA4, 0xA8, 0xAE, 0xB0, 0xB2, 0xB4, 0xC0, 0xC2, 0xCA,
	0xCB, 0xD0, 0xD2, 0xD4, 0xD6, 0xD8, 0xDA, 0xDC, 0xDE, 0xE0, 0xE2, 0xE4, 0xE6, 0xE8, 0xF0, 0xF2, 0xFE}

const robustClause = "ISO/IEC 7816-4, 5.1; EMV Book 3, 6.3.5"

var robustCases = []Case{
	{"robust-instructions", Text{"All unknown instructions", "遍历未知命令"}, isoINS,
		Text{"No instruction outside the standards succeeds or changes the card; those of class 80 are tried where changing the card is allowed.", "标准之外的命令均不成功，也不改变卡片；允许改变卡片时才试类别 80。"}, needApplication, func(s *session) {
			s.selectAny()
			before := s.standing()
			classes := []byte{0x00}
			if s.opts.Destructive {
				// A maker's own commands may lie in this class.
				classes = append(classes, 0x80)
			}
			for _, cla := range classes {
				for ins := 0x02; ins <= 0xFC; ins += 2 {
					if ins>>4 == 6 || ins>>4 == 9 || slices.Contains(active, byte(ins)) {
						continue
					}
					s.denied(command(cla, byte(ins), 0, 0, nil, 256))
				}
			}
			s.unchanged(before, "unknown instructions")
		}},
	{"robust-classes", Text{"All unknown classes", "遍历未知类别"}, isoClass,
		Text{"GET PROCESSING OPTIONS and READ RECORD in other classes never succeed.", "以其他类别发送取处理选项与读记录均不成功。"}, needApplication, func(s *session) {
			s.selectAny()
			before := s.standing()
			for _, cla := range []byte{0x10, 0x20, 0x30, 0x40, 0x60, 0x90, 0xA0, 0xB0, 0xC0, 0xD0, 0xE0, 0xF0} {
				gpo := processingOptions(nil)
				gpo.CLA = cla
				s.denied(gpo)
				s.denied(command(cla, 0xB2, 1, 1<<3|4, nil, 256))
			}
			s.unchanged(before, "unknown classes")
		}},
	{"robust-data-tags", Text{"GET DATA of many tags", "遍历取数据标签"}, getDataClause,
		Text{"Whatever GET DATA answers begins with the tag that was asked for, and changes nothing.", "取数据的应答以所请求标签开头，且不改变卡片。"}, needApplication, func(s *session) {
			s.selectAny()
			before := s.standing()
			for _, p1 := range []int{0x9F, 0xDF, 0x00, 0x5F} {
				for p2 := range 0x80 {
					tag := tlv.Tag(p1<<8 | p2)
					data, sw := s.send(getData(tag))
					s.must(sw != apdu.SWOK || len(data) > 1 && (data[0] == byte(p1) && data[1] == byte(p2) || p1 == 0 && data[0] == byte(p2)), "expected data beginning with %X, got %X", uint32(tag), data)
				}
			}
			s.unchanged(before, "GET DATA")
		}},
	{"robust-records", Text{"READ RECORD of many records", "遍历读记录"}, isoRecords,
		Text{"Reading records of every file outside a transaction changes nothing.", "交易之外遍历各文件的记录不改变卡片。"}, needApplication, func(s *session) {
			s.selectAny()
			before := s.standing()
			for sfi := byte(1); sfi <= 30; sfi++ {
				for n := byte(1); n <= 3; n++ {
					s.send(readRecord(sfi, n))
				}
			}
			s.unchanged(before, "READ RECORD outside a transaction")
		}},
	{"robust-long", Text{"Longest commands", "最长命令"}, robustClause,
		Text{"Commands with 255 bytes of data are refused and leave the card usable.", "数据域 255 字节的命令被拒绝，卡片仍可用。"}, needApplication, func(s *session) {
			s.selectAny()
			before := s.standing()
			junk := make([]byte, 255)
			s.denied(command(0x80, 0xA8, 0, 0, junk, 256))
			s.denied(command(0x00, 0xA4, 4, 0, junk, 256))
			s.denied(command(0x80, 0xAE, 0, 0, junk, 256))
			s.selectAny()
			s.unchanged(before, "the longest commands")
		}},
	{"robust-empty", Text{"Commands without data", "缺少数据的命令"}, robustClause,
		Text{"Commands that need data are refused without.", "需要数据的命令缺少数据时被拒绝。"}, needApplication, func(s *session) {
			s.selectAny()
			before := s.standing()
			for _, ins := range []byte{0xA8, 0xAE} {
				s.denied(command(0x80, ins, 0, 0, nil, 256))
			}
			s.denied(command(0x00, 0x82, 0, 0, nil, apdu.NoLe))
			s.unchanged(before, "commands without data")
		}},
	{"robust-random", Text{"Random commands", "随机命令"}, robustClause,
		Text{"Two hundred random commands outside the standards' instructions change nothing.", "两百条标准命令之外的随机命令不改变卡片。"}, needDestructive | needApplication, func(s *session) {
			s.selectAny()
			before := s.standing()
			for range 200 {
				b := s.random(40)
				if slices.Contains(active, b[1]) || b[1]&1 != 0 || b[1]>>4 == 6 || b[1]>>4 == 9 || b[0] == 0xFF {
					continue
				}
				_, sw := s.send(command(b[0], b[1], b[2], b[3], b[8:8+int(b[4])%32], 256))
				s.must(!sw.OK(), "expected a random command to be refused, got %v to %X", sw, b[:4])
			}
			s.unchanged(before, "random commands")
		}},
	{"robust-within-payment", Text{"Malformed commands within a payment", "支付过程中的异常命令"}, robustClause,
		Text{"Malformed commands between answer and last record neither pay nor break the payment.", "应答与末条记录之间的异常命令既不扣款也不破坏支付。"}, needPay, func(s *session) {
			s.selectAir()
			s.mayPay(1)
			before := s.balanceNow()
			p := s.approval()
			_, last := s.readButLast(p.afl)
			s.denied(command(0x00, unknownINS, 0, 0, nil, 256))
			s.denied(command(0x00, 0xB2, last.number, last.sfi<<3|4, []byte{1}, 256))
			s.denied(command(0x80, 0xB2, last.number, last.sfi<<3|4, nil, 256))
			s.mustBalance(before)
			s.spent++
			s.ok(readRecord(last.sfi, last.number))
			s.mustBalance(before - 1)
		}},
	{"robust-then-pays", Text{"The card still pays", "异常之后仍可支付"}, robustClause,
		Text{"After malformed commands of every kind a payment works and is signed.", "各类异常命令之后支付与签名正常。"}, needPay, func(s *session) {
			for _, c := range habitCommands(s.aid) {
				s.send(c)
			}
			p, r := s.pay()
			if s.oda != nil {
				s.verifySignature(p, r)
			}
		}},
	{"robust-write", Text{"No writing without a script", "无脚本不得写入"}, robustClause,
		Text{"UPDATE BINARY, WRITE RECORD, APPEND RECORD and ERASE are refused by the payment application.", "支付应用拒绝修改二进制、写记录、追加记录与擦除命令。"}, needApplication, func(s *session) {
			s.selectAny()
			before := s.standing()
			for _, ins := range []byte{0xD6, 0xD2, 0xE2, 0x0E, 0xD0} {
				s.denied(command(0x00, ins, 0, 1<<3, []byte{1, 2, 3}, apdu.NoLe))
			}
			s.unchanged(before, "writing commands")
		}},
}
