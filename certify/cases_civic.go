package certify

import (
	"bytes"
	"fmt"

	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

const (
	ldFiles  = "LD/T 32, files"
	ldAccess = "LD/T 32, access rules"
	ldAuth   = "LD/T 32, external authentication"
	ldReset  = "LD/T 32, answer to reset"

	needCivicPIN  = needCivic | needPursePIN
	needCivicKeys = needCivic | needSecrets
)

var civicCases = []Case{
	{"civic-select", Text{"Selection by name", "以名称选择"}, "LD/T 32, selection",
		Text{"The social security application is found by its name, and each other one that is on the card by its own.", "以名称可选择社会保障应用及卡上其他民生应用。"}, needCivic, func(s *session) {
			for _, p := range s.partitions {
				name := s.nameIn(s.ok(selectName(p.aid)))
				s.must(bytes.Equal(name, p.aid), "expected the name %X in 84, got %X", p.aid, name)
			}
		}},
	{"civic-atr", Text{"Thirteen historical bytes", "十三字节历史字节"}, ldReset,
		Text{"The answer to reset has the thirteen historical bytes of a social security card.", "复位应答含社会保障卡的十三字节历史字节。"}, needCivic, func(s *session) {
			h := historical(s.card.ATR())
			s.must(len(h) == 13, "expected 13 historical bytes in %X, got %X", s.card.ATR(), h)
		}},
	{"civic-card-data", Text{"Data of the issuer", "发卡机构基本数据"}, ldFiles,
		Text{"The records of EF05 are free, each tag, length and value: code of the card, class, version, issuer, dates, number.", "EF05 各记录可自由读取，均为标签、长度、值：卡识别码、类别、版本、机构、日期、卡号。"}, needCivic, func(s *session) {
			s.selectSocial()
			for n, length := range []int{16, 1, 4, 12, 4, 4, 9} {
				v := s.ldRecord(5, byte(n+1), byte(n+1))
				s.must(len(v) == length, "expected %d bytes of tag %02X, got %d", length, n+1, len(v))
			}
		}},
	{"civic-card-code", Text{"Identification code of the card", "卡的识别码"}, ldFiles,
		Text{"The code begins with an area in BCD and the provider identifier D156000005.", "识别码以 BCD 地区代码与 D156000005 开头。"}, needCivic, func(s *session) {
			s.selectSocial()
			v := s.ldRecord(5, 1, 1)
			s.must(len(v) == 16 && decimal(v[:3]) && bytes.Equal(v[3:8], []byte{0xD1, 0x56, 0, 0, 5}), "expected an area and D156000005, got %d bytes", len(v))
		}},
	{"civic-version", Text{"Version of the card", "规范版本"}, ldFiles,
		Text{"Tag 03 has the version as four characters such as 3.00.", "标签 03 为四字符版本号，如 3.00。"}, needCivic, func(s *session) {
			s.selectSocial()
			v := s.ldRecord(5, 3, 3)
			s.must(len(v) == 4 && v[1] == '.' && printable(v), "expected a version such as 3.00, got %q", v)
		}},
	{"civic-holder", Text{"Data of the holder", "持卡人基本数据"}, ldFiles,
		Text{"The records of EF06 are free: number, name, name continued, sex, nation, birthplace, birth date.", "EF06 各记录可自由读取：社会保障号码、姓名、姓名扩展、性别、民族、出生地、出生日期。"}, needCivic, func(s *session) {
			s.selectSocial()
			for n, tag := range []byte{0x08, 0x09, 0x4E, 0x0A, 0x0B, 0x0C, 0x0D} {
				s.ldRecord(6, byte(n+1), tag)
			}
		}},
	{"civic-by-tag", Text{"Record by its tag", "以标签读记录"}, "LD/T 32, READ RECORD",
		Text{"A record of EF06 can be read by its tag, and is the one with its number.", "EF06 的记录可以标签读取，与以编号读取一致。"}, needCivic, func(s *session) {
			s.selectSocial()
			want := s.personal(readRecord(6, 1))
			got := s.personal(command(0x00, 0xB2, 0x08, 6<<3, nil, 256))
			s.must(bytes.Equal(got, want), "expected the record with tag 08")
		}},
	{"civic-no-record", Text{"Record that the card does not have", "不存在的记录"}, "LD/T 32, READ RECORD",
		Text{"A record that is not there is answered with 6A83, a file that is not there with 6A82.", "不存在的记录应答 6A83，不存在的文件应答 6A82。"}, needCivic, func(s *session) {
			s.selectSocial()
			s.refused(readRecord(5, 99), apdu.SWRecordNotFound)
			s.refused(readRecord(0x1D, 1), apdu.SWFileNotFound)
		}},
	{"civic-closed", Text{"What is not for everybody", "受保护文件"}, ldAccess,
		Text{"Without PIN and key the protected file of each application is answered with 6982.", "未验证密码与密钥时，各应用受保护文件应答 6982。"}, needCivic, func(s *session) {
			for _, p := range s.partitions {
				s.ok(selectName(p.aid))
				s.refused(p.readClosed(), apdu.SWSecurity)
			}
		}},
	{"civic-pin", Text{"PIN opens files", "密码开放读取"}, ldAccess,
		Text{"After VERIFY the protected file of each application can be read.", "验证密码后各应用受保护文件可读。"}, needCivicPIN, func(s *session) {
			for _, p := range s.partitions {
				s.opensByPIN(p)
			}
		}},
	{"civic-pin-wrong", Text{"Wrong PIN of an application", "应用密码错误"}, ldAccess,
		Text{"A wrong PIN is answered with 63Cx, opens nothing and closes what was open; the right one follows.", "密码错误应答 63Cx，不开放读取并撤销已有权限，随后以正确密码恢复。"}, needCivicPIN, func(s *session) {
			right := s.cityPIN()
			wrong := bytes.Clone(right)
			wrong[0] ^= 0x11
			for _, p := range s.partitions {
				s.ok(selectName(p.aid))
				s.spareCity(p.pin)
				s.opensByPIN(p)
				s.atEnd = append(s.atEnd, func(s *session) { s.opensByPIN(p) })
				_, sw := s.send(verifyCity(p.pin, wrong))
				tries, ok := sw.Remaining()
				s.must(ok && tries > 0, "expected 63Cx with tries left to a wrong PIN, got %v", sw)
				_, closed := s.send(p.readClosed())
				s.ok(verifyCity(p.pin, right))
				s.must(closed == apdu.SWSecurity, "expected 6982 after a wrong PIN, got %v", closed)
			}
		}},
	{"civic-rights-reset", Text{"Reset ends rights", "复位撤销权限"}, ldAccess,
		Text{"What a PIN opened is closed after a reset.", "复位后密码所开放的权限失效。"}, needCivicPIN, func(s *session) {
			for _, p := range s.partitions {
				s.opensByPIN(p)
				s.again()
				s.ok(selectName(p.aid))
				s.refused(p.readClosed(), apdu.SWSecurity)
			}
		}},
	{"civic-rights-select", Text{"Selection ends rights", "选择撤销权限"}, ldAccess,
		Text{"What a PIN opened is closed after the application was selected again.", "重新选择应用后密码所开放的权限失效。"}, needCivicPIN, func(s *session) {
			for _, p := range s.partitions {
				s.opensByPIN(p)
				s.ok(selectName(p.aid))
				s.refused(p.readClosed(), apdu.SWSecurity)
			}
		}},
	{"civic-challenge", Text{"Authentication without a challenge", "无随机数的认证"}, ldAuth,
		Text{"EXTERNAL AUTHENTICATE without GET CHALLENGE right before it is answered with 6984.", "未先取随机数的外部认证应答 6984。"}, needCivic, func(s *session) {
			for _, p := range s.partitions {
				s.ok(selectName(p.aid))
				s.refused(authenticates(p.key, make([]byte, p.proofLength())), apdu.SWDataInvalidated)
			}
		}},
	{"civic-key", Text{"A key opens files", "密钥认证"}, ldAuth,
		Text{"EXTERNAL AUTHENTICATE with the right key is taken, once for a challenge.", "以正确密钥的外部认证被接受，随机数仅可使用一次。"}, needCivicKeys, func(s *session) {
			for _, p := range s.partitions {
				s.ok(selectName(p.aid))
				alg, key := s.partitionKey(p, fmt.Sprintf("%02X", p.key))
				data := s.answerTo(p, alg, key, s.nonce(8))
				s.taken(authenticates(p.key, data), fmt.Sprintf("%s-%02X", p.name, p.key))
				s.refused(authenticates(p.key, data), apdu.SWDataInvalidated)
			}
		}},
	{"civic-key-read", Text{"The reading key", "读控制密钥"}, ldAccess,
		Text{"EXTERNAL AUTHENTICATE with the reading key 02 opens the protected file of social security, and no change of it.", "以读控制密钥 02 认证后可读受保护文件，但不可修改。"}, needCivicKeys, func(s *session) {
			p := s.selectSocial()
			alg, key := s.partitionKey(p, "02")
			s.taken(authenticates(2, s.answerTo(p, alg, key, s.nonce(8))), p.name+"-02")
			content := s.personal(p.readClosed())
			line, lineKey := s.partitionKey(p, "line")
			s.refused(s.changes(p, epurseAlg(line), lineKey, content), apdu.SWSecurity)
		}},
	{"civic-key-wrong", Text{"A wrong key", "密钥错误"}, ldAuth,
		Text{"A wrong cryptogram is answered with 63Cx and opens nothing; the right one follows.", "密文错误应答 63Cx 且不开放权限，随后以正确密钥恢复。"}, needCivicKeys, func(s *session) {
			for _, p := range s.partitions {
				s.ok(selectName(p.aid))
				s.proves(p)
				s.ok(selectName(p.aid))
				alg, key := s.partitionKey(p, fmt.Sprintf("%02X", p.key))
				data := s.answerTo(p, alg, key, s.nonce(8))
				data[0] ^= 1
				s.atEnd = append(s.atEnd, func(s *session) { s.ok(selectName(p.aid)); s.proves(p) })
				_, sw := s.send(authenticates(p.key, data))
				tries, ok := sw.Remaining()
				s.must(ok && tries > 0 || sw == apdu.SWFailed, "expected 63Cx with tries left, got %v", sw)
				s.refused(p.readClosed(), apdu.SWSecurity)
			}
		}},
	{"civic-write-plain", Text{"Change without rights", "无权限修改"}, ldAccess,
		Text{"Without key and MAC nothing is changed: the command is refused, after PIN too.", "无密钥与 MAC 时修改命令被拒绝，验证密码后亦然。"}, needCivicPIN, func(s *session) {
			for _, p := range s.partitions {
				s.opensByPIN(p)
				before := s.ok(p.readClosed())
				s.denied(command(0x00, 0xD6, 0x80|p.change, 0, []byte{1, 2, 3, 4}, apdu.NoLe))
				s.denied(command(0x00, 0xDC, 1, 0x16<<3|4, before[:min(len(before), 6)], apdu.NoLe))
				after := s.ok(p.readClosed())
				s.must(bytes.Equal(before, after), "expected the file as it was")
			}
		}},
	{"civic-write", Text{"Protected change", "保护修改"}, ldAccess,
		Text{"With key and MAC a file is changed, here to its own content; with a wrong MAC the command is answered with 6988.", "经密钥认证并附 MAC 可修改文件（写入原内容），MAC 错误应答 6988。"}, needCivicKeys | needCivicPIN | needDestructive, func(s *session) {
			p := s.civic("social-security")
			content := s.opensByPIN(p)
			line, key := s.partitionKey(p, "line")
			s.proves(p)
			c := s.changes(p, epurseAlg(line), key, content)
			c.Data[len(c.Data)-1] ^= 1
			s.atEnd = append(s.atEnd, func(s *session) {
				s.selectSocial()
				s.proves(p)
				s.ok(s.changes(p, epurseAlg(line), key, content))
			})
			s.refused(c, apdu.SWMACWrong)
			s.ok(s.changes(p, epurseAlg(line), key, content))
			after := s.personal(p.readClosed())
			s.must(bytes.Equal(after, content), "expected the file as it was")
		}},
	{"civic-directories", Text{"Directories below social security", "社会保障下级目录"}, "LD/T 32, selection",
		Text{"The directories are found by their names D15600000500 to 03, and their files are not for everybody.", "可以名称 D15600000500 至 03 选择下级目录，其文件受保护。"}, needCivic, func(s *session) {
			found := 0
			for n := byte(0); n < 4; n++ {
				s.selectSocial()
				if _, sw := s.send(selectName([]byte{0xD1, 0x56, 0, 0, 5, n})); sw != apdu.SWOK {
					continue
				}
				found++
				_, sw := s.send(readRecord(5, 1))
				s.must(sw != apdu.SWOK, "expected EF05 of directory %02X to be protected, got 9000", n)
			}
			if found == 0 {
				s.skip("the card has no directories of social security", "卡上无社会保障下级目录")
			}
		}},
	{"civic-information", Text{"Information of the other applications", "其他民生应用信息"}, "DB11/T 1179, files of an application",
		Text{"File 15 of each other application is free, and 9F0C shows its first 30 bytes.", "其他民生应用的文件 15 可自由读取，9F0C 为其前 30 字节。"}, needCivic, func(s *session) {
			if len(s.partitions) < 2 {
				s.skip("social security is alone", "卡上仅有社会保障应用")
			}
			for _, p := range s.partitions {
				if p.social {
					continue
				}
				head, ok := tlv.Find(s.ok(selectName(p.aid)), tlv.TagFCITemplate, tlv.TagFCIProprietary, tagInfoHead)
				info := s.ok(readBinary(0x15, 30))
				s.must(ok && bytes.Equal(head, info), "expected 9F0C of %s to be the head of its file 15", p.name)
			}
		}},
}

// proofLength is the length of EXTERNAL AUTHENTICATE's data.
func (p *partition) proofLength() int {
	if p.social {
		return 16
	}
	return 8
}

// opensByPIN selects a partition, verifies its PIN and reads its protected file.
func (s *session) opensByPIN(p *partition) []byte {
	s.ok(selectName(p.aid))
	s.shows(p.pin)
	return s.personal(p.readClosed())
}

// changes is a protected UPDATE BINARY of the partition's file that may be changed,
// with the first bytes that it has.
func (s *session) changes(p *partition, alg epurse.Alg, key epurse.Key, content []byte) apdu.Command {
	return s.protected(alg, key, s.nonce(8), epurse.Header{0x04, 0xD6, 0x80 | p.change, 0}, content[:min(8, len(content))])
}
