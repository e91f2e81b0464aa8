package certify

import (
	"bytes"
	"slices"

	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

const (
	isoATR     = "ISO/IEC 7816-3, 8.2"
	isoClass   = "ISO/IEC 7816-4, 5.1.1"
	isoINS     = "ISO/IEC 7816-4, 5.1.2"
	isoStatus  = "ISO/IEC 7816-4, 5.1.3"
	isoRecords = "ISO/IEC 7816-4, 7.3.3"
)

// unknownINS is an instruction that no standard gives a meaning.
const unknownINS = 0x02

var resetCases = []Case{
	{"reset-atr-start", Text{"ATR begins with TS", "复位应答以 TS 开始"}, isoATR + ".1",
		Text{"The first byte of the answer to reset tells the coding convention, 3B or 3F.", "复位应答首字节表明编码约定，为 3B 或 3F。"}, 0, func(s *session) {
			atr := s.card.ATR()
			s.must(len(atr) >= 2 && len(atr) <= 33 && (atr[0] == 0x3B || atr[0] == 0x3F), "expected 2 to 33 bytes beginning with 3B or 3F, got %X", atr)
		}},
	{"reset-atr-layout", Text{"ATR has the length that it tells", "复位应答长度与其声明一致"}, isoATR + ".2",
		Text{"Interface bytes and historical bytes are as many as T0 and the TD bytes say.", "接口字节与历史字节的数目与 T0、TD 所示一致。"}, 0, func(s *session) {
			atr := s.card.ATR()
			n, check := atrLength(atr)
			if check {
				n++
			}
			s.must(n == len(atr), "expected %d bytes, got %X", n, atr)
		}},
	{"reset-atr-check", Text{"ATR check byte", "复位应答校验字节"}, isoATR + ".5",
		Text{"TCK makes the exclusive-or of T0 to TCK zero; it is absent only where T=0 alone is offered.", "TCK 使 T0 至 TCK 的异或为零；仅提供 T=0 时没有 TCK。"}, 0, func(s *session) {
			atr := s.card.ATR()
			if _, check := atrLength(atr); !check {
				s.skip("T=0 alone: there is no check byte", "仅 T=0：无校验字节")
			}
			var x byte
			for _, b := range atr[min(1, len(atr)):] {
				x ^= b
			}
			s.must(x == 0, "expected T0 to TCK to add to zero, got %02X over %X", x, atr)
		}},
	{"reset-atr-same", Text{"Every reset gives the same ATR", "每次复位应答相同"}, isoATR,
		Text{"Nothing that the card went through changes its answer to reset.", "复位应答不随卡片经历而变化。"}, 0, func(s *session) {
			first := slices.Clone(s.card.ATR())
			s.send(selectName(s.aid))
			s.again()
			s.must(bytes.Equal(first, s.card.ATR()), "expected the answer to reset %X again, got %X", first, s.card.ATR())
		}},
	{"reset-forgets-selection", Text{"A reset ends the selection", "复位后选择失效"}, "ISO/IEC 7816-4, 7.1.1",
		Text{"After a reset the payment application is not selected any more.", "复位后支付应用不再处于选中状态。"}, needApplication, func(s *session) {
			s.selectAny()
			s.again()
			s.denied(getData(tlv.TagATC))
		}},
	{"reset-gpo-needs-selection", Text{"No processing options without selection", "未选择应用不得取处理选项"}, "EMV Book 3, 6.5.8.2",
		Text{"GET PROCESSING OPTIONS right after a reset is refused.", "复位后直接取处理选项应被拒绝。"}, 0, func(s *session) {
			s.denied(processingOptions(nil))
		}},
	{"apdu-status-form", Text{"Status words are well formed", "状态字格式正确"}, isoStatus,
		Text{"Every answer ends with a status word whose first byte is 61 to 6F (not 60) or 90 to 9F.", "每个应答均以状态字结束，首字节为 61 至 6F 或 90 至 9F。"}, 0, func(s *session) {
			for _, c := range habitCommands(s.aid) {
				_, sw := s.send(c)
				hi := byte(sw >> 8)
				s.must(hi > 0x60 && hi <= 0x6F || hi >= 0x90 && hi <= 0x9F, "expected a status word 61xx to 6Fxx or 9xxx to %s, got %v", name(bytesOf(c)), sw)
			}
		}},
	{"apdu-error-no-data", Text{"Errors carry no data", "错误应答不带数据"}, isoStatus,
		Text{"An answer with a checking or execution error is the status word alone.", "校验或执行错误的应答只有状态字。"}, 0, func(s *session) {
			for _, c := range habitCommands(s.aid) {
				data, sw := s.send(c)
				s.must(sw.OK() || sw.Warning() || len(data) == 0, "expected %v alone to %s, got data %X", sw, name(bytesOf(c)), data)
			}
		}},
	{"apdu-class-unknown", Text{"Unknown class", "未知类别"}, isoClass,
		Text{"A class that no standard assigns to this card is refused with 6E00.", "未定义的类别以 6E00 拒绝。"}, needApplication, func(s *session) {
			s.selectAny()
			s.refused(command(0xE0, 0xB2, 1, 0x0C, nil, 256), apdu.SWUnknownCLA)
		}},
	{"apdu-channel", Text{"Logical channels", "逻辑通道"}, isoClass,
		Text{"A command on a channel that is not open is refused.", "未打开的逻辑通道上的命令被拒绝。"}, needApplication, func(s *session) {
			s.selectAny()
			s.refused(command(0x03, 0xB2, 1, 0x0C, nil, 256), 0x6881, apdu.SWUnknownCLA)
		}},
	{"apdu-messaging", Text{"Secure messaging on a plain command", "对普通命令使用安全报文"}, isoClass,
		Text{"READ RECORD of a payment file with a class of secure messaging is refused.", "以安全报文类别读支付文件记录被拒绝。"}, needApplication, func(s *session) {
			s.selectAny()
			s.refused(command(0x0C, 0xB2, 1, 0x0C, nil, 256), 0x6882, apdu.SWUnknownCLA, apdu.SWMACMissing, apdu.SWMACWrong, apdu.SWConditions, apdu.SWSecurity)
		}},
	{"apdu-instruction-unknown", Text{"Unknown instruction", "未知命令"}, isoINS,
		Text{"An instruction that the application does not have is refused with 6D00.", "应用不支持的命令以 6D00 拒绝。"}, needApplication, func(s *session) {
			s.selectAny()
			s.refused(command(0x00, unknownINS, 0, 0, nil, 256), apdu.SWUnknownINS)
			s.refused(command(0x80, unknownINS, 0, 0, nil, 256), apdu.SWUnknownINS)
		}},
	{"apdu-class-of-gpo", Text{"Class of GET PROCESSING OPTIONS", "取处理选项的类别"}, "EMV Book 3, 6.5.8.2",
		Text{"GET PROCESSING OPTIONS has class 80 and is refused with 00.", "取处理选项的类别为 80，以 00 发送则拒绝。"}, needApplication, func(s *session) {
			s.selectAny()
			c := processingOptions(nil)
			c.CLA = 0
			s.refused(c, apdu.SWUnknownCLA, apdu.SWUnknownINS)
		}},
	{"apdu-le-short", Text{"Le smaller than the answer", "Le 小于应答长度"}, isoStatus,
		Text{"When Le is too small the card tells the right length (6Cxx) and that length then works.", "Le 过小时卡片以 6Cxx 告知正确长度，按该长度可取得数据。"}, needApplication, func(s *session) {
			s.selectAny()
			whole := s.ok(getData(tlv.TagATC))
			c := getData(tlv.TagATC)
			c.Le = 1
			data, sw := s.send(c)
			if sw == apdu.SWOK && bytes.Equal(data, whole) || sw == apdu.SWWrongLength {
				return // the reader fetched the rest, or the card wants Le 00 only
			}
			le, ok := sw.CorrectLe()
			s.must(ok && le == len(whole), "expected 6C%02X, got %v", len(whole), sw)
			c.Le = le
			s.must(bytes.Equal(s.ok(c), whole), "expected %X with the length that the card told", whole)
		}},
	{"apdu-get-response", Text{"GET RESPONSE with nothing waiting", "无数据时取响应"}, "ISO/IEC 7816-4, 7.6.1",
		Text{"GET RESPONSE after a command that left nothing is refused.", "前一命令未留下数据时取响应被拒绝。"}, needApplication, func(s *session) {
			s.selectAny()
			s.denied(command(0x00, 0xC0, 0, 0, nil, 256))
		}},
}

// atrLength reads an answer to reset up to the historical bytes and says whether a
// check byte follows (ISO/IEC 7816-3, 8.2).
func atrLength(atr []byte) (n int, check bool) {
	if len(atr) < 2 {
		return 2, false
	}
	history := int(atr[1] & 0x0F)
	n = 2
	for td := atr[1]; ; {
		for bit := byte(0x10); bit <= 0x40; bit <<= 1 {
			if td&bit != 0 {
				n++
			}
		}
		if td&0x80 == 0 || n >= len(atr) {
			break
		}
		td = atr[n]
		n++
		check = check || td&0x0F != 0
	}
	return n + history, check
}

// habitCommands are commands of every kind of outcome; none changes anything.
func habitCommands(aid []byte) []apdu.Command {
	return []apdu.Command{
		selectName(aid), getData(tlv.TagATC), getData(0x9F1E), readRecord(1, 1), readRecord(1, 0x7F), readRecord(30, 1),
		command(0x00, unknownINS, 0, 0, nil, 256), command(0xE0, 0xB2, 1, 0x0C, nil, 256), command(0x00, 0xB2, 1, 0x0F, nil, 256),
		command(0x00, 0xA4, 0x04, 0x00, []byte("CITYCARD NOBODY"), 256), command(0x80, 0xA8, 0x11, 0x22, []byte{0x83, 0}, 256),
	}
}
