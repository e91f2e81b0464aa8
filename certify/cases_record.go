package certify

import (
	"bytes"
	"github.com/citycard/citycard/crypt/cryptogram"
	"slices"

	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

const (
	emvAFL    = "EMV Book 3, 10.2"
	emvRecord = "EMV Book 3, 6.5.11"
	emvFiles  = "EMV Book 3, 7.2"
)

var recordCases = []Case{
	{"afl-format", Text{"File locator format", "文件定位器格式"}, emvAFL,
		Text{"The AFL has four bytes an entry: file, first and last record in order, and no more signed records than records.", "AFL 每项四字节：文件、首末记录按序、签名记录数不超过记录数。"}, needApplication, func(s *session) {
			s.eachAFL(func(afl []byte) {
				s.must(len(afl) > 0 && len(afl)%4 == 0, "expected four bytes an entry, got %X", afl)
				for i := 0; i < len(afl); i += 4 {
					e := afl[i : i+4]
					s.must(e[0]&7 == 0 && e[0] != 0 && e[1] != 0 && e[2] >= e[1] && int(e[3]) <= int(e[2])-int(e[1])+1, "expected a possible AFL entry, got %X", e)
				}
			})
		}},
	{"afl-files", Text{"File locator names payment files", "文件定位器指向支付文件"}, "EMV Book 3, 5.3.2.2",
		Text{"Files named by the AFL have short identifiers from 1 to 10.", "AFL 所指文件的短文件标识符为 1 至 10。"}, needApplication, func(s *session) {
			s.eachAFL(func(afl []byte) {
				for i := 0; i+4 <= len(afl); i += 4 {
					s.must(afl[i]>>3 >= 1 && afl[i]>>3 <= 10, "expected a file of 1 to 10 in AFL entry %X", afl[i:i+4])
				}
			})
		}},
	{"afl-no-overlap", Text{"No record twice in the file locator", "文件定位器不重复记录"}, emvAFL,
		Text{"The AFL names each record once.", "AFL 中每条记录只出现一次。"}, needApplication, func(s *session) {
			s.eachAFL(func(afl []byte) {
				seen := map[[2]byte]bool{}
				for _, p := range s.places(afl) {
					k := [2]byte{p.sfi, p.number}
					s.must(!seen[k], "expected each record once, record %d of file %d is there twice", p.number, p.sfi)
					seen[k] = true
				}
			})
		}},
	{"afl-signed", Text{"Some record is signed", "存在签名记录"}, "EMV Book 3, 10.3",
		Text{"At least one record takes part in offline data authentication.", "至少一条记录参与脱机数据认证。"}, needApplication, func(s *session) {
			s.eachAFL(func(afl []byte) {
				s.must(slices.ContainsFunc(s.places(afl), func(p place) bool { return p.signed }), "expected a signed record in AFL %X", afl)
			})
		}},
	{"record-readable", Text{"All records can be read", "全部记录可读"}, emvAFL,
		Text{"Every record that the AFL names is answered with 9000.", "AFL 所指的每条记录均以 9000 应答。"}, needApplication, func(s *session) {
			s.eachRecords(func(*records) {})
		}},
	{"record-template", Text{"Records are template 70", "记录为模板 70"}, emvRecord + ".4",
		Text{"Each record is one template 70 with nothing behind it.", "每条记录为一个模板 70，其后无数据。"}, needApplication, func(s *session) {
			s.eachRecords(func(r *records) {
				for _, rec := range r.list {
					nodes, err := tlv.Parse(rec.raw)
					s.must(err == nil && len(nodes) == 1 && nodes[0].Tag == tlv.TagRecordTemplate, "expected one template 70, got %X", rec.raw)
				}
			})
		}},
	{"record-size", Text{"Records fit one message", "记录不超过一条报文"}, "EMV Book 3, 5.3.2.2",
		Text{"A record has at most 254 bytes.", "记录至多 254 字节。"}, needApplication, func(s *session) {
			s.eachRecords(func(r *records) {
				for _, rec := range r.list {
					s.must(len(rec.raw) <= 254, "expected at most 254 bytes in record %d of file %d, got %d", rec.number, rec.sfi, len(rec.raw))
				}
			})
		}},
	{"record-no-repeats", Text{"No object in two records", "数据对象不重复出现"}, "EMV Book 3, 7.5",
		Text{"No data object comes twice in all records together.", "全部记录中数据对象不重复。"}, needApplication, func(s *session) {
			s.eachRecords(func(r *records) {
				for _, tag := range sortedTags(r.count) {
					s.must(r.count[tag] == 1, "expected each object once in the records, %X is there %d times", uint32(tag), r.count[tag])
				}
			})
		}},
	{"record-lengths", Text{"Lengths of record objects", "记录数据对象长度"}, "EMV Book 3, annex A",
		Text{"Every object in a record has a length that its standard allows.", "记录中每个数据对象长度均在允许范围内。"}, needApplication, func(s *session) {
			s.eachRecords(func(r *records) {
				for _, rec := range r.list {
					s.lengthsAllowed("a record", rec.raw)
				}
			})
		}},
	{"record-mandatory", Text{"Mandatory objects", "必备数据对象"}, emvFiles + ", table 26",
		Text{"The records hold the account number 5A and the expiry date 5F24.", "记录含账号 5A 与失效日期 5F24。"}, needApplication, func(s *session) {
			s.eachRecords(func(r *records) { s.wants("the records", r.values, tlv.TagPAN, tlv.TagExpirationDate) })
		}},
	{"record-certificates", Text{"Objects of dynamic authentication", "动态数据认证数据对象"}, emvFiles + ", table 29",
		Text{"Records behind an approval hold CA index, issuer certificate and card certificate.", "脱机批准所指记录含 CA 公钥索引、发卡行证书与卡片证书。"}, needContactless | needCash, func(s *session) {
			_, r := s.approvalRecords()
			s.wants("the records", r.values, tlv.TagCAKeyIndex, tlv.TagIssuerCertificate, tlv.TagICCCertificate)
		}},
	{"record-expiry-not-last", Text{"Expiry is not in the last record", "失效日期不在末条记录"}, "JR/T 0025.12, records of qPBOC",
		Text{"5F24 is not in the last record of the AFL, so that a reader can decide before the card pays.", "5F24 不在 AFL 末条记录中，使终端在卡片扣款前即可判断。"}, needContactless | needCash, func(s *session) {
			p := s.approval()
			r, _ := s.readButLast(p.afl)
			s.wants("the records before the last", r.values, tlv.TagExpirationDate)
		}},
	{"record-pan-not-last", Text{"Number and issuer come before the last record", "账号与发卡行证书先于末条记录"}, "JR/T 0025.12, records of qPBOC",
		Text{"Account number, CA index and issuer certificate stand before the last record, at which the card pays.", "账号、CA 公钥索引与发卡行证书位于卡片扣款的末条记录之前。"}, needContactless | needCash, func(s *session) {
			p := s.approval()
			r, _ := s.readButLast(p.afl)
			s.wants("the records before the last", r.values, tlv.TagPAN, tlv.TagCAKeyIndex, tlv.TagIssuerCertificate)
		}},
	{"record-code-last", Text{"Authorisation code in the last record", "授权码在末条记录"}, "JR/T 0025.12, 9F74",
		Text{"The offline authorisation code 9F74, six characters, comes with the last record, after the money is gone.", "脱机授权码 9F74（六字符）随末条记录给出，此时已扣款。"}, needContactless | needCash, func(s *session) {
			p := s.approval()
			r, last := s.readButLast(p.afl)
			_, early := r.values[tlv.TagECAuthorisationCode]
			s.must(!early, "expected 9F74 in the last record only")
			s.mayPay(1)
			s.spent++
			s.addRecord(r, last, s.ok(readRecord(last.sfi, last.number)))
			v := r.values[tlv.TagECAuthorisationCode]
			s.must(len(v) == 6 && printable(v), "expected six characters in 9F74, got %X", v)
		}},
	{"record-not-found", Text{"Record that is not there", "不存在的记录"}, emvRecord + ".5",
		Text{"A record behind the last of a file is answered with 6A83.", "超出文件末尾的记录应答 6A83。"}, needApplication, func(s *session) {
			s.eachAFL(func(afl []byte) {
				s.refused(readRecord(s.places(afl)[0].sfi, 0xF0), apdu.SWRecordNotFound)
			})
		}},
	{"record-file-not-found", Text{"File that is not there", "不存在的文件"}, emvRecord + ".5",
		Text{"A file that the application does not have is answered with 6A82.", "应用不存在的文件应答 6A82。"}, needApplication, func(s *session) {
			s.selectAny()
			for sfi := byte(1); sfi <= 10; sfi++ {
				_, sw := s.send(readRecord(sfi, 1))
				s.must(sw == apdu.SWOK || slices.Contains(notFound, sw) || sw == apdu.SWConditions, "expected 9000, 6A82, 6A83 or 6985 for file %d, got %v", sfi, sw)
			}
		}},
	{"record-number-0", Text{"Record number zero", "记录号为零"}, isoRecords,
		Text{"Record number 0, the current record, is refused.", "记录号 0（当前记录）被拒绝。"}, needApplication, func(s *session) {
			s.selectAny()
			s.refused(readRecord(1, 0), apdu.SWWrongP1P2, apdu.SWRecordNotFound, apdu.SWNotSupported)
		}},
	{"record-p2", Text{"Other ways of reading", "其他读取方式"}, isoRecords,
		Text{"Reading by identifier or up to the last record (P2 bits 3 to 1 other than 4) is refused.", "以标识符或读至末条方式（P2 低三位非 4）被拒绝。"}, needApplication, func(s *session) {
			s.selectAny()
			for _, low := range []byte{0, 5} {
				s.refused(command(0x00, 0xB2, 1, 1<<3|low, nil, 256), apdu.SWWrongP1P2, apdu.SWNotSupported)
			}
		}},
	{"record-file-31", Text{"File identifier out of range", "文件标识符越界"}, isoRecords,
		Text{"File 31, which is reserved, is refused.", "保留的文件 31 被拒绝。"}, needApplication, func(s *session) {
			s.selectAny()
			s.refused(command(0x00, 0xB2, 1, 31<<3|4, nil, 256), apdu.SWWrongP1P2, apdu.SWFileNotFound, apdu.SWNotSupported)
		}},
	{"record-data", Text{"READ RECORD with data", "带数据的读记录"}, emvRecord + ".3",
		Text{"READ RECORD has no data field; one with data is refused.", "读记录命令无数据域，带数据时拒绝。"}, needApplication, func(s *session) {
			s.selectAny()
			s.denied(command(0x00, 0xB2, 1, 1<<3|4, []byte{1, 2, 3}, 256))
		}},
	{"record-stable", Text{"Records do not change", "记录保持不变"}, emvAFL,
		Text{"Signed records read the same in two transactions.", "两次交易中签名记录内容相同。"}, needApplication, func(s *session) {
			var first []byte
			s.eachRecords(func(r *records) { first = r.static })
			s.again()
			s.eachRecords(func(r *records) {
				s.must(bytes.Equal(first, r.static), "expected signed records %X again, got %X", first, r.static)
			})
		}},
	{"record-last-alone", Text{"Last record without a transaction", "无交易时读末条记录"}, "JR/T 0025.12, last record",
		Text{"Reading the last record without processing options pays nothing.", "未取处理选项时读末条记录不扣款。"}, needContactless | needCash, func(s *session) {
			last := s.places(s.approval().afl)
			s.again()
			s.selectAir()
			before := s.standing()
			p := last[len(last)-1]
			s.send(readRecord(p.sfi, p.number))
			s.unchanged(before, "the last record without a transaction")
		}},
}

func sortedTags(m map[tlv.Tag]int) []tlv.Tag {
	tags := make([]tlv.Tag, 0, len(m))
	for t := range m {
		tags = append(tags, t)
	}
	slices.Sort(tags)
	return tags
}

// approvalRecords is approval with all records but the last, so nothing is paid.
func (s *session) approvalRecords() (*processing, *records) {
	p := s.approval()
	r, _ := s.readButLast(p.afl)
	if _, ok := r.values[tlv.TagICCCertificate]; ok {
		return p, r
	}
	// It may come with the last record, since the signature is judged when the card
	// has left: a payment of nothing gives all of them.
	s.selectAir()
	whole := s.qpbocHere(s.reader(readerGate, 0))
	if whole.iad.Result() != cryptogram.TC {
		return p, r
	}
	return whole, s.readRecords(whole.afl)
}

// eachAFL hands over the AFL of every side of the card.
func (s *session) eachAFL(f func(afl []byte)) {
	if s.contact != nil {
		s.selectContact()
		f(s.contactGPO(s.reader(readerContact, 0)).afl)
	}
	if s.air != nil {
		s.selectAir()
		p := s.qpbocHere(s.reader(readerGate, 0))
		if p.afl == nil {
			s.skip("the card does not approve offline", "卡片不脱机批准")
		}
		f(p.afl)
	}
}

// eachRecords hands over the records of every side. The last record over the air
// commits a payment of nothing.
func (s *session) eachRecords(f func(*records)) {
	s.eachAFL(func(afl []byte) { f(s.readRecords(afl)) })
}
