package certify

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/wire/tlv"
)

const emvAnnexA = "EMV Book 3, annex A"

var elementCases = []Case{
	{"element-pan", Text{"Account number", "账号格式"}, emvAnnexA,
		Text{"5A is decimal, filled up with F at the right, with a right check digit (ISO/IEC 7812-1).", "5A 为十进制数，右补 F，校验位正确（ISO/IEC 7812-1）。"}, needApplication, func(s *session) {
			s.eachRecords(func(r *records) {
				digits := strings.TrimRight(fmt.Sprintf("%X", r.values[tlv.TagPAN]), "F")
				s.must(len(digits) >= 12 && len(digits) <= 19 && strings.Trim(digits, "0123456789") == "" && luhn(digits), "expected 12 to 19 digits with a right check digit in 5A, got %s", digits)
			})
		}},
	{"element-pan-track2", Text{"Account number equals track 2", "账号与二磁道一致"}, "JR/T 0025.4, account data",
		Text{"5A and the number in 57 are the same.", "5A 与 57 中账号相同。"}, needApplication, func(s *session) {
			s.eachTrack(func(r *records, track []byte) {
				s.must(trimF(r.values[tlv.TagPAN]) == trimF(track2PAN(track)), "expected 5A to be the number in 57, got %X and %X", r.values[tlv.TagPAN], track)
			})
		}},
	{"element-expiry-track2", Text{"Expiry equals track 2", "失效日期与二磁道一致"}, "JR/T 0025.4, account data",
		Text{"5F24 begins with the year and month in 57.", "5F24 的年月与 57 一致。"}, needApplication, func(s *session) {
			s.eachTrack(func(r *records, track []byte) {
				_, rest, _ := strings.Cut(fmt.Sprintf("%X", track), "D")
				got := fmt.Sprintf("%X", r.values[tlv.TagExpirationDate])
				s.must(len(got) == 6 && strings.HasPrefix(rest, got[:4]), "expected 5F24 to begin as the date in 57, got %s and %s", got, rest)
			})
		}},
	{"element-service-track2", Text{"Service code equals track 2", "服务码与二磁道一致"}, "JR/T 0025.4, account data",
		Text{"5F30, where it is there, is the service code of 57.", "如有 5F30，其值为 57 中的服务码。"}, needApplication, func(s *session) {
			found := false
			s.eachTrack(func(r *records, track []byte) {
				v, ok := r.values[tlv.TagServiceCode]
				if !ok {
					return
				}
				found = true
				_, rest, _ := strings.Cut(fmt.Sprintf("%X", track), "D")
				s.must(len(rest) >= 7 && len(v) == 2 && fmt.Sprintf("%X", v)[1:] == rest[4:7], "expected 5F30 to be the service code in 57, got %X and %s", v, rest)
			})
			if !found {
				s.skip("the records have no 5F30", "记录中无 5F30")
			}
		}},
	{"element-sequence", Text{"Sequence number agrees", "账号序列号一致"}, "EMV Book 3, 7.5",
		Text{"5F34 in the records is that of the answer to processing options.", "记录中的 5F34 与处理选项应答一致。"}, needContactless | needCash, func(s *session) {
			p, r := s.approvalRecords()
			v, ok := r.values[tlv.TagPANSequence]
			if !ok {
				s.skip("the records have no 5F34", "记录中无 5F34")
			}
			s.must(bytes.Equal(v, p.fields[tlv.TagPANSequence]), "expected 5F34 %X as in the answer, got %X", p.fields[tlv.TagPANSequence], v)
		}},
	{"element-expiry", Text{"Card has not expired", "卡片未过期"}, "EMV Book 3, 10.4.3",
		Text{"5F24 is a date that has not passed.", "5F24 为尚未到达的有效日期。"}, needApplication, func(s *session) {
			s.eachRecords(func(r *records) {
				v := r.values[tlv.TagExpirationDate]
				s.must(dateOK(v), "expected a date YYMMDD in 5F24, got %X", v)
				s.must(compareDates(v, s.today()) >= 0, "expected 5F24 not before %X, got %X", s.today(), v)
			})
		}},
	{"element-effective", Text{"Card is effective", "卡片已生效"}, "EMV Book 3, 10.4.3",
		Text{"5F25, where it is there, is a date that has come.", "如有 5F25，应为已到达的日期。"}, needApplication, func(s *session) {
			s.optionalElement(tlv.TagEffectiveDate, func(v []byte) bool { return dateOK(v) && compareDates(v, s.today()) <= 0 }, "a date that has come")
		}},
	{"element-country", Text{"Issuer country", "发卡行国家代码"}, emvAnnexA,
		Text{"5F28 is a code of three digits.", "5F28 为三位数字代码。"}, needApplication, func(s *session) {
			s.optionalElement(tlv.TagIssuerCountry, func(v []byte) bool { return len(v) == 2 && decimal(v) && v[0] <= 9 }, "three digits")
		}},
	{"element-usage", Text{"Usage control", "应用用途控制"}, emvAnnexA + ", C2",
		Text{"9F07 has two bytes, the reserved bits of the second zero.", "9F07 为两字节，次字节保留位为零。"}, needApplication, func(s *session) {
			s.optionalElement(tlv.TagAUC, func(v []byte) bool { return len(v) == 2 && v[1]&0x3F == 0 }, "two bytes with reserved bits zero")
		}},
	{"element-static-tags", Text{"Static data tag list", "静态数据认证标签列表"}, "EMV Book 3, 10.3",
		Text{"9F4A, where it is there, names the interchange profile 82 and nothing else.", "如有 9F4A，仅含应用交互特征 82。"}, needApplication, func(s *session) {
			s.optionalElement(tlv.TagSDATagList, func(v []byte) bool { return bytes.Equal(v, []byte{0x82}) }, "82 alone")
		}},
	{"element-version", Text{"Application version", "应用版本号"}, "JR/T 0025.12, fDDA",
		Text{"A card that uses fDDA version 01 says so with application version 0030.", "采用 fDDA 版本 01 的卡应用版本号为 0030。"}, needContactless | needCash, func(s *session) {
			_, r := s.pay()
			if _, ok := r.values[tlv.TagCardAuthenticationData]; !ok {
				s.skip("the card does not use fDDA version 01", "卡片未采用 fDDA 版本 01")
			}
			s.must(bytes.Equal(r.values[tlv.TagVersionCard], []byte{0x00, 0x30}), "expected 9F08 0030, got %X", r.values[tlv.TagVersionCard])
		}},
	{"element-9f69", Text{"Card authentication data", "卡片认证相关数据"}, "JR/T 0025.12, 9F69",
		Text{"9F69 is version 01, a random number of four bytes, the 9F6C of the answer and a byte of the transit extension.", "9F69 为版本 01、四字节随机数、应答中的 9F6C 及一字节扩展应用指示。"}, needContactless | needCash, func(s *session) {
			p, r := s.pay()
			v, ok := r.values[tlv.TagCardAuthenticationData]
			if !ok {
				s.skip("the card does not use fDDA version 01", "卡片未采用 fDDA 版本 01")
			}
			s.must(len(v) == 8 && v[0] == 1, "expected eight bytes beginning with 01, got %X", v)
			s.must(bytes.Equal(v[5:7], p.fields[tlv.TagCTQ]), "expected the qualifiers %X in 9F69, got %X", p.fields[tlv.TagCTQ], v)
		}},
	{"element-9f69-last", Text{"Card authentication data in the last record", "卡片认证相关数据在末条记录"}, "JR/T 0025.12, 9F69",
		Text{"9F69 is given with the last record and not before.", "9F69 仅随末条记录给出。"}, needContactless | needCash, func(s *session) {
			_, r := s.pay()
			if _, ok := r.values[tlv.TagCardAuthenticationData]; !ok {
				s.skip("the card does not use fDDA version 01", "卡片未采用 fDDA 版本 01")
			}
			home := r.home[tlv.TagCardAuthenticationData]
			s.must(home == len(r.list)-1, "expected 9F69 in the last record, found it in record %d of %d", home+1, len(r.list))
		}},
	{"element-9f69-fresh", Text{"Card random number is fresh", "卡片随机数不重复"}, "JR/T 0025.12, 9F69",
		Text{"The card's random number in 9F69 differs in every transaction.", "9F69 中卡片随机数每次交易不同。"}, needContactless | needCash, func(s *session) {
			seen := map[string]bool{}
			for range 3 {
				_, r := s.pay()
				v := r.values[tlv.TagCardAuthenticationData]
				if len(v) != 8 {
					s.skip("the card does not use fDDA version 01", "卡片未采用 fDDA 版本 01")
				}
				s.must(!seen[string(v[1:5])], "expected a new random number in 9F69, got %X again", v[1:5])
				seen[string(v[1:5])] = true
			}
		}},
	{"element-9f69-only-01", Text{"No card authentication data for version 00", "版本 00 不返回 9F69"}, "JR/T 0025.12, 9F69",
		Text{"A reader that knows only fDDA version 00 gets no 9F69.", "仅支持 fDDA 版本 00 的终端不会收到 9F69。"}, needContactless | needCash, func(s *session) {
			s.selectAir()
			s.mayPay(1)
			p := s.qpbocHere(s.reader(readerGate00, 1))
			s.mustResult(p, cryptogram.TC)
			s.must(p.afl != nil, "expected an approval for 1 fen")
			s.spent++
			_, ok := s.readRecords(p.afl).values[tlv.TagCardAuthenticationData]
			s.must(!ok, "expected no 9F69 for a reader with version 00")
		}},
	{"element-cvm-list", Text{"Cardholder verification list", "持卡人验证方法列表"}, "EMV Book 3, 10.5, annex C3",
		Text{"8E has two amounts and at least one rule of two bytes.", "8E 含两个金额与至少一条两字节规则。"}, needApplication, func(s *session) {
			s.optionalElement(tlv.TagCVMList, func(v []byte) bool { return len(v) >= 10 && len(v)%2 == 0 }, "eight bytes and rules of two")
		}},
	{"element-action-codes", Text{"Issuer action codes", "发卡行行为代码"}, "EMV Book 3, 10.7",
		Text{"9F0D, 9F0E and 9F0F come together, five bytes each.", "9F0D、9F0E、9F0F 同时出现，各五字节。"}, needContact, func(s *session) {
			s.selectContact()
			r := s.readRecords(s.contactGPO(s.reader(readerContact, 0)).afl)
			for _, tag := range []tlv.Tag{tlv.TagIACDefault, tlv.TagIACDenial, tlv.TagIACOnline} {
				s.must(len(r.values[tag]) == 5, "expected %X with five bytes in the contact records, got %X", uint32(tag), r.values[tag])
			}
		}},
	{"element-cdols", Text{"Data object lists of risk management", "卡片风险管理数据对象列表"}, "EMV Book 3, 7.2, table 26",
		Text{"8C and 8D are in the contact records and can be read as lists.", "接触记录含 8C 与 8D，且可解析为列表。"}, needContact, func(s *session) {
			s.selectContact()
			r := s.readRecords(s.contactGPO(s.reader(readerContact, 0)).afl)
			for _, tag := range []tlv.Tag{tlv.TagCDOL1, tlv.TagCDOL2} {
				d, err := tlv.ParseDOL(r.values[tag])
				s.must(err == nil && len(d) > 0, "expected a data object list in %X, got %X", uint32(tag), r.values[tag])
			}
		}},
}

// eachTrack hands over the records and track 2 data of every side.
func (s *session) eachTrack(f func(r *records, track []byte)) {
	if s.contact != nil {
		s.selectContact()
		r := s.readRecords(s.contactGPO(s.reader(readerContact, 0)).afl)
		s.wants("the contact records", r.values, tlv.TagTrack2Equivalent, tlv.TagPAN, tlv.TagExpirationDate)
		f(r, r.values[tlv.TagTrack2Equivalent])
	}
	if s.air != nil {
		s.selectAir()
		p := s.qpbocHere(s.reader(readerGate, 0))
		if p.afl == nil {
			s.skip("the card does not approve offline", "卡片不脱机批准")
		}
		r := s.readRecords(p.afl)
		s.wants("the records", r.values, tlv.TagPAN, tlv.TagExpirationDate)
		f(r, p.fields[tlv.TagTrack2Equivalent])
	}
}

// optionalElement judges an object of the records where it is there.
func (s *session) optionalElement(tag tlv.Tag, good func([]byte) bool, want string) {
	found := false
	s.eachRecords(func(r *records) {
		v, ok := r.values[tag]
		found = found || ok
		s.must(!ok || good(v), "expected %X with %s, got %X", uint32(tag), want, v)
	})
	if !found {
		s.skip("the records do not have this object", "记录中无此数据对象")
	}
}

func (s *session) today() []byte {
	at := s.opts.At
	return []byte{bcd(at.Year() % 100), bcd(int(at.Month())), bcd(at.Day())}
}

// dateOK judges a date YYMMDD.
func dateOK(b []byte) bool {
	return len(b) == 3 && decimal(b) && b[1] >= 1 && b[1] <= 0x12 && b[2] >= 1 && b[2] <= 0x31
}

// compareDates orders dates YYMMDD, years 50 to 99 being in the 1900s (EMV Book 4,
// 6.7.3).
func compareDates(a, b []byte) int {
	century := func(d []byte) []byte {
		if d[0] >= 0x50 {
			return append([]byte{0x19}, d...)
		}
		return append([]byte{0x20}, d...)
	}
	return bytes.Compare(century(a), century(b))
}

func trimF(b []byte) string { return strings.TrimRight(fmt.Sprintf("%X", b), "F") }

// luhn checks the check digit of an account number (ISO/IEC 7812-1, annex B).
func luhn(digits string) bool {
	sum := 0
	for i := range digits {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}
