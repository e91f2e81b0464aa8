package terminal

import (
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

const recordClause = "EMV Book 3, 10.2"

// ends wants a transaction that came to an end without a cryptogram.
func ends(v *verdict) {
	v.count(insGAC, 0)
	v.asked(0)
}

// badRecord is a contact case whose records or locator cannot be worked with.
func badRecord(id string, name, purpose [2]string, card func(*spec)) Case {
	return Case{"record-" + id, text(name[0], name[1]), recordClause, text(purpose[0], purpose[1]), end(failed, declined), 0, plan{face: Contact, card: card}, ends}
}

func withAFL(afl ...byte) func(*spec) {
	return func(s *spec) { s.afl = append([]byte{}, afl...) }
}

func onRecord(sfi, number int, f func(*edit) *edit) func(*spec) {
	return func(s *spec) { s.edits = append(s.edits, f(atRecord(sfi, number))) }
}

var recordCases = []Case{
	{"record-all", text("All records", "读取全部记录"), recordClause,
		text("The records of the locator are read, each once and in its order.", "按文件定位器顺序读取每条记录一次。"), end(offline), 0, plan{face: Contact}, func(v *verdict) {
			v.reads()
			v.asked(0)
		}},
	{"record-unknown", text("Unknown objects", "未知对象"), "EMV Book 3, 7.5",
		text("Unknown objects in a record are passed over, in the static data too.", "忽略记录中的未知对象，仍计入静态数据。"), end(offline), needDDA,
		plan{face: Contact, card: func(s *spec) { s.records[0].objects.add(0xDF7E, 1, 2, 3) }}, func(v *verdict) {
			v.tvr(false, bitDDA, bitNoODA)
			v.asked(0)
		}},
	{"record-padding", text("Padding between objects", "对象间填充"), "EMV Book 3, annex B1",
		text("Zero bytes between the objects of a record are padding.", "对象之间的零字节为填充。"), end(offline), 0,
		plan{face: Contact, card: spoiled(func(s *spec) {
			b := append([]byte{0, 0}, s.records[1].objects.append(nil)...)
			s.records[1].raw = tlv.Append(nil, tlv.TagRecordTemplate, append(b, 0))
		})}, func(v *verdict) { v.asked(0) }},
	{"record-long-form", text("Long length form", "长长度形式"), "EMV Book 3, annex B2",
		text("Lengths written in two bytes though one would do are understood.", "可用一字节而写成两字节的长度也应接受。"), end(offline), 0,
		plan{face: Contact, card: spoiled(func(s *spec) {
			b := s.records[1].objects.append(nil)
			s.records[1].raw = append([]byte{0x70, 0x81, byte(len(b))}, b...)
		})}, func(v *verdict) { v.asked(0) }},
	{"record-cardholder-absent", text("Optional objects absent", "缺少可选对象"), "EMV Book 3, 7.2",
		text("Optional objects may be missing.", "可选对象可以缺少。"), end(offline), 0,
		plan{face: Contact, card: func(s *spec) {
			s.drop(tlv.TagCardholderName)
			s.drop(tlv.TagEffectiveDate)
			s.drop(tlv.TagAUC)
		}}, func(v *verdict) { v.asked(0) }},
	badRecord("no-number", [2]string{"No account number", "缺少卡号"}, [2]string{"Without 5A there is no transaction.", "缺少 5A 时终止交易。"}, func(s *spec) { s.drop(tlv.TagPAN) }),
	badRecord("no-expiry", [2]string{"No expiry date", "缺少失效日期"}, [2]string{"Without 5F24 there is no transaction.", "缺少 5F24 时终止交易。"}, func(s *spec) { s.drop(tlv.TagExpirationDate) }),
	badRecord("no-cdol1", [2]string{"No CDOL1", "缺少 CDOL1"}, [2]string{"Without 8C there is no transaction.", "缺少 8C 时终止交易。"}, func(s *spec) { s.drop(tlv.TagCDOL1) }),
	badRecord("no-cdol2", [2]string{"No CDOL2", "缺少 CDOL2"}, [2]string{"Without 8D there is no transaction.", "缺少 8D 时终止交易。"}, func(s *spec) { s.drop(tlv.TagCDOL2) }),
	badRecord("twice", [2]string{"Object twice", "对象重复"}, [2]string{"An object that comes in two records makes no transaction.", "同一对象出现在两条记录时终止交易。"}, func(s *spec) { s.records[1].objects.set(tlv.TagExpirationDate, 0x49, 0x12, 0x30) }),
	badRecord("template", [2]string{"No template 70", "缺少模板 70"}, [2]string{"A record of files 1 to 10 that is no template 70 ends the transaction.", "文件 1 至 10 的记录不是模板 70 时终止交易。"},
		onRecord(2, 1, func(e *edit) *edit { return e.data(0x71, 0x00) })),
	badRecord("cut", [2]string{"Cut off", "记录截断"}, [2]string{"A record that ends inside an object ends the transaction.", "记录在对象中间结束时终止交易。"},
		onRecord(2, 1, func(e *edit) *edit { return e.change(func(b []byte) []byte { return b[:len(b)-3] }) })),
	badRecord("status", [2]string{"Not to be read", "读取失败"}, [2]string{"A record of the locator that cannot be read ends the transaction.", "定位器所列记录读取失败时终止交易。"},
		onRecord(2, 1, func(e *edit) *edit { return e.status(apdu.SWRecordNotFound) })),
	badRecord("empty", [2]string{"Empty answer", "空应答"}, [2]string{"9000 without data is no record.", "仅 9000 而无数据不是记录。"},
		onRecord(2, 1, func(e *edit) *edit { return e.status(apdu.SWOK) })),
	badRecord("cdol-malformed", [2]string{"Malformed CDOL1", "CDOL1 格式错误"}, [2]string{"A list that ends inside an entry ends the transaction.", "列表在表项中间结束时终止交易。"}, func(s *spec) { s.change(tlv.TagCDOL1, 0x9F, 0x02) }),
	badRecord("afl-length", [2]string{"Locator of five bytes", "定位器五字节"}, [2]string{"The locator has a multiple of four bytes.", "定位器长度须为四的倍数。"}, withAFL(0x08, 0x01, 0x02, 0x01, 0x10)),
	badRecord("afl-empty", [2]string{"Empty locator", "空定位器"}, [2]string{"A locator without entries leaves mandatory objects missing.", "定位器为空时缺少必备对象。"}, withAFL()),
	badRecord("afl-file", [2]string{"File 0", "文件号 0"}, [2]string{"File 0 does not exist.", "文件号 0 无效。"}, withAFL(0x00, 0x01, 0x02, 0x01)),
	badRecord("afl-record", [2]string{"Record 0", "记录号 0"}, [2]string{"Record 0 does not exist.", "记录号 0 无效。"}, withAFL(0x08, 0x00, 0x02, 0x01)),
	badRecord("afl-order", [2]string{"Last before first", "末记录小于首记录"}, [2]string{"The last record is not before the first.", "末记录号不得小于首记录号。"}, withAFL(0x08, 0x02, 0x01, 0x00)),
	badRecord("afl-signed", [2]string{"More signed than there are", "签名记录数过多"}, [2]string{"No more records are signed than an entry has.", "签名记录数不得超过表项记录数。"}, withAFL(0x08, 0x01, 0x02, 0x03)),
}
