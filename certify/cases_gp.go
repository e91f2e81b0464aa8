package certify

import (
	"bytes"

	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

const gpClause = "GlobalPlatform Card Specification 2.3, "

var gpCases = []Case{
	{"gp-select", Text{"Card manager can be selected", "可选择卡片管理器"}, gpClause + "11.9.3",
		Text{"SELECT of the card manager answers 6F with its name.", "选择卡片管理器的应答为含其名称的 6F。"}, needManager, func(s *session) {
			fci := s.ok(selectName(s.manager))
			df, ok := tlv.Find(fci, tlv.TagFCITemplate, tlv.TagDFName)
			s.must(ok && bytes.HasPrefix(df, s.manager), "expected 6F with a name beginning with %X in 84, got %X", s.manager, fci)
		}},
	{"gp-recognition", Text{"Card recognition data", "卡片识别数据"}, gpClause + "H.2",
		Text{"GET DATA 66 gives template 66 with 73 and the object identifier of GlobalPlatform.", "GET DATA 66 返回含 73 及 GlobalPlatform 对象标识的模板 66。"}, needManager, func(s *session) {
			s.ok(selectName(s.manager))
			data := s.ok(getData(0x66))
			inner, ok := tlv.Find(data, 0x66, 0x73)
			s.must(ok && bytes.Contains(inner, []byte{0x2A, 0x86, 0x48, 0x86, 0xFC, 0x6B}), "expected 66 with 73 and the identifier 1.2.840.114283, got %X", data)
		}},
	{"gp-keys", Text{"Key information template", "密钥信息模板"}, gpClause + "11.3.3.1",
		Text{"GET DATA E0 lists keys as C0 with identifier, version, type and length.", "GET DATA E0 以 C0 列出密钥标识、版本、类型与长度。"}, needManager, func(s *session) {
			s.ok(selectName(s.manager))
			data := s.ok(getData(0xE0))
			list, ok := tlv.Find(data, 0xE0)
			s.must(ok && len(list) > 0, "expected template E0, got %X", data)
			for it := tlv.Iterate(list); it.Next(); {
				s.must(it.Tag == 0xC0 && len(it.Value) >= 4, "expected C0 with four bytes or more, got %X", data)
			}
		}},
	{"gp-initialize", Text{"INITIALIZE UPDATE", "初始化更新"}, gpClause + "E.5.1; Amendment D, 7.1.1",
		Text{"The answer has the length and protocol number of SCP02 or SCP03.", "应答长度与协议号符合 SCP02 或 SCP03。"}, needManager, func(s *session) {
			s.initializeUpdate()
		}},
	{"gp-initialize-fresh", Text{"Card challenges differ", "卡片随机数不重复"}, gpClause + "E.4.2; Amendment D, 6.2.2",
		Text{"Four secure channels begun with the same host challenge get four different answers.", "以同一主机随机数四次发起安全通道，应答各不相同。"}, needManager, func(s *session) {
			var all [][]byte
			for range 4 {
				a := s.initializeUpdate()
				for _, b := range all {
					s.must(!bytes.Equal(a[12:], b[12:]), "expected a new challenge and cryptogram, got %X again", a[12:])
				}
				all = append(all, a)
				s.again()
			}
		}},
	{"gp-locked", Text{"Management needs a secure channel", "管理命令须有安全通道"}, gpClause + "10.2",
		Text{"INSTALL, DELETE, PUT KEY, STORE DATA, SET STATUS and GET STATUS are refused without authentication.", "未认证时 INSTALL、DELETE、PUT KEY、STORE DATA、SET STATUS、GET STATUS 均被拒绝。"}, needManager, func(s *session) {
			s.ok(selectName(s.manager))
			for _, c := range []apdu.Command{
				command(0x80, 0xE6, 0x0C, 0x00, make([]byte, 12), 256), command(0x80, 0xE4, 0, 0, append([]byte{0x4F, byte(len(s.aid))}, s.aid...), 256),
				command(0x80, 0xD8, 1, 0x81, make([]byte, 20), 256), command(0x80, 0xE2, 0x80, 0, []byte{0x9F, 0x70, 0}, apdu.NoLe),
				command(0x80, 0xF0, 0x80, 0x7F, s.manager, apdu.NoLe), command(0x80, 0xF2, 0x40, 0, []byte{0x4F, 0}, 256),
			} {
				s.denied(c)
			}
		}},
	{"gp-no-payment", Text{"Card manager does not pay", "卡片管理器不支付"}, gpClause + "6.4",
		Text{"The card manager has no processing options and no balance.", "卡片管理器无处理选项与余额。"}, needManager, func(s *session) {
			s.ok(selectName(s.manager))
			s.denied(processingOptions(nil))
			s.denied(getData(tlv.TagECBalance))
		}},
	{"gp-no-keys", Text{"Keys cannot be read", "密钥不可读取"}, gpClause + "11.3",
		Text{"No GET DATA of the card manager gives more than 16 bytes beside what GlobalPlatform defines.", "卡片管理器除规范定义外不返回超过 16 字节的数据。"}, needManager, func(s *session) {
			s.ok(selectName(s.manager))
			for _, tag := range []tlv.Tag{0x8000, 0x8001, 0x00B9, 0x00C0, 0x00D8} {
				data, sw := s.send(getData(tag))
				s.must(sw != apdu.SWOK || len(data) <= 16, "expected %X not to be answered, got %d bytes", uint32(tag), len(data))
			}
		}},
}

// initializeUpdate begins a secure channel, which no case ever finishes: the wrong
// keys would use up tries.
func (s *session) initializeUpdate() []byte {
	s.ok(selectName(s.manager))
	a := s.ok(command(0x80, 0x50, 0, 0, []byte{1, 2, 3, 4, 5, 6, 7, 8}, 256))
	ok := len(a) == 28 && a[11] == 0x02 || (len(a) == 29 || len(a) == 32) && a[11] == 0x03
	s.must(ok, "expected 28 bytes with protocol 02, or 29 or 32 with 03, got %X", a)
	return a
}
