package certify

import (
	"bytes"
	"slices"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

const needOpening = needRead | needSecrets | needDestructive

var updateCases = []Case{
	{"update-capp-early", Text{"Update without a payment", "无交易时更新"}, updateClause,
		Text{"UPDATE CAPP DATA CACHE before GET PROCESSING OPTIONS is answered with 6985.", "取处理选项之前更新扩展缓存应答 6985。"}, needRead, func(s *session) {
			s.selectAir()
			now := s.journeyNow(s.journey(0))
			s.refused(s.updateUnder(cryptogram.Key{}, s.journey(0).sfi, s.atcNow(), now), apdu.SWConditions)
		}},
	{"update-capp-plain-payment", Text{"Update in another payment", "普通交易中更新"}, updateClause,
		Text{"In a payment with DF60 00 an update is answered with 6985.", "DF60 为 00 的交易中更新应答 6985。"}, needRead, func(s *session) {
			s.selectAir()
			now := s.journeyNow(s.journey(0))
			p := s.qpbocHere(s.tripReader(tradeNone, 0))
			s.refused(s.updateUnder(cryptogram.Key{}, s.journey(0).sfi, p.atc, now), apdu.SWConditions)
		}},
	{"update-capp-sequence", Text{"Update right after the answer", "更新须紧随应答"}, updateClause,
		Text{"Another command between the answer and the update closes the way: 6985.", "应答与更新之间插入其他命令后，更新应答 6985。"}, needUpdate, func(s *session) {
			s.selectAir()
			j := s.journey(0)
			now := s.journeyNow(j)
			p := s.trip(tradeFare, 0)
			s.send(getData(tlv.TagATC))
			s.refused(s.updateJourney(j.sfi, p.atc, now), apdu.SWConditions)
		}},
	{"update-capp-mac", Text{"Update with a wrong code", "校验码错误的更新"}, updateClause,
		Text{"A wrong code is answered with 6988, and nothing is paid at the last record.", "校验码错误应答 6988，末条记录不提交。"}, needUpdate, func(s *session) {
			s.selectAir()
			j := s.journey(0)
			now, before := s.journeyNow(j), s.balanceNow()
			p := s.trip(tradeFare, 0)
			c := s.updateJourney(j.sfi, p.atc, altered(now))
			c.Data[len(c.Data)-1] ^= 1
			s.refused(c, apdu.SWMACWrong)
			s.mustOtherRecord(p, before)
			s.must(bytes.Equal(s.journeyNow(j), now), "expected the record as it was")
		}},
	{"update-capp-counter", Text{"The code has the counter in it", "校验码含交易计数器"}, updateClause,
		Text{"A code made for another counter is answered with 6988.", "以其他计数器计算的校验码应答 6988。"}, needUpdate, func(s *session) {
			s.selectAir()
			j := s.journey(0)
			now := s.journeyNow(j)
			p := s.trip(tradeFare, 0)
			s.refused(s.updateJourney(j.sfi, p.atc-1, now), apdu.SWMACWrong)
		}},
	{"update-capp-key", Text{"The key of the file", "文件各有密钥"}, updateClause,
		Text{"A code under another file's key is answered with 6988.", "以其他文件密钥计算的校验码应答 6988。"}, needUpdate, func(s *session) {
			j, other := s.journey(0), s.journey(1)
			if j.sfi == other.sfi {
				s.skip("both records are of one file", "两条记录属同一文件")
			}
			key := s.journeyKey("record", other.sfi)
			s.must(key != s.journeyKey("record", j.sfi), "expected two files to have two keys")
			s.selectAir()
			now := s.journeyNow(j)
			p := s.trip(tradeFare, 0)
			s.refused(s.updateUnder(key, j.sfi, p.atc, now), apdu.SWMACWrong)
		}},
	{"update-capp-longer", Text{"Record too long", "记录过长"}, updateClause,
		Text{"A record longer than the one it replaces is answered with 6A84.", "比原记录长的更新应答 6A84。"}, needUpdate, func(s *session) {
			s.wrongUpdate(apdu.SWNoSpace, func(_ journeyRecord, now []byte) []byte { return append(now, 0) })
		}},
	{"update-capp-shorter", Text{"Record too short", "记录过短"}, updateClause,
		Text{"A record shorter than the one it replaces is answered with 6A80.", "比原记录短的更新应答 6A80。"}, needUpdate, func(s *session) {
			s.wrongUpdate(apdu.SWWrongData, func(_ journeyRecord, now []byte) []byte { return now[:len(now)-1] })
		}},
	{"update-capp-length-byte", Text{"Length byte of a record", "记录长度字节"}, updateClause,
		Text{"A record whose length byte does not count its body is answered with 6A80.", "长度字节与内容不符的记录应答 6A80。"}, needUpdate, func(s *session) {
			s.wrongUpdate(apdu.SWWrongData, func(_ journeyRecord, now []byte) []byte { now[2]--; return now })
		}},
	{"update-capp-no-record", Text{"Update of a record that is not there", "更新不存在的记录"}, updateClause,
		Text{"An identifier that the file does not have is answered with 6A83.", "文件中不存在的标识应答 6A83。"}, needUpdate, func(s *session) {
			s.wrongUpdate(apdu.SWRecordNotFound, func(_ journeyRecord, now []byte) []byte { now[0], now[1] = 0xFF, 0xFE; return now })
		}},
	{"update-capp-no-file", Text{"Update of a file that is not there", "更新不存在的文件"}, updateClause,
		Text{"A file that the card does not have is answered with 6A82.", "卡片没有的文件应答 6A82。"}, needUpdate, func(s *session) {
			if s.transit.missing == 0 {
				s.skip("the card has all files from 15 to 1D", "卡片具有 15 至 1D 的全部文件")
			}
			s.selectAir()
			now := s.journeyNow(s.journey(0))
			p := s.trip(tradeFare, 0)
			s.refused(s.updateUnder(cryptogram.Key{}, s.transit.missing, p.atc, now), apdu.SWFileNotFound)
		}},
	{"update-capp-short", Text{"Update without a record", "更新无数据"}, updateClause,
		Text{"Four bytes, a code alone, are answered with 6700.", "仅有四字节校验码时应答 6700。"}, needUpdate, func(s *session) {
			s.selectAir()
			s.journeyNow(s.journey(0))
			p := s.trip(tradeFare, 0)
			s.refused(s.updateJourney(s.journey(0).sfi, p.atc, nil), apdu.SWWrongLength)
		}},
	{"update-capp-answer", Text{"Code of the answer", "应答校验码"}, updateClause,
		Text{"If the record was read with a random number, the update answers a code over 9000 that starts from the command's.", "附随机数读取后，更新应答以命令校验码为初值、对 9000 计算的校验码。"}, needUpdate, func(s *session) {
			s.selectAir()
			j := s.journey(0)
			data := s.ok(j.read(s.random(8)))
			s.must(len(data) == j.length+4, "expected the record and four bytes, got %X", data)
			p := s.trip(tradeFare, 0)
			c := s.updateJourney(j.sfi, p.atc, data[:j.length])
			got := s.ok(c)
			var start [8]byte
			copy(start[4:], c.Data[len(c.Data)-4:])
			want := journeyMAC(s.alg(), s.journeyKey("record", j.sfi), start, []byte{0x90, 0x00})
			s.must(bytes.Equal(got, want[:]), "expected the code %X in the answer, got %X", want, got)
		}},
	{"update-capp-no-answer", Text{"No code without a random number", "无随机数则无应答校验码"}, updateClause,
		Text{"If the record was read without a random number, the update answers 9000 alone.", "未附随机数读取时，更新仅应答 9000。"}, needUpdate, func(s *session) {
			s.selectAir()
			j := s.journey(0)
			now := s.journeyNow(j)
			p := s.trip(tradeFare, 0)
			got := s.ok(s.updateJourney(j.sfi, p.atc, now))
			s.must(len(got) == 0, "expected no data, got %X", got)
		}},
	{"update-capp-full", Text{"The cache has an end", "缓存容量有限"}, updateClause,
		Text{"Updates without end are answered with 6581 at some time.", "不断更新最终应答 6581。"}, needUpdate, func(s *session) {
			s.selectAir()
			j := s.journey(0)
			now := s.journeyNow(j)
			p := s.trip(tradeFare, 0)
			for range 200 {
				switch _, sw := s.send(s.updateJourney(j.sfi, p.atc, now)); {
				case sw == apdu.SWMemory:
					return
				case sw != apdu.SWOK:
					s.fail("expected 9000 or 6581 to an update, got %v", sw)
				}
			}
			s.fail("expected 6581 in the end, got 9000 to 200 updates")
		}},
	{"update-capp-class", Text{"Class of the update", "更新命令的类别"}, updateClause,
		Text{"An update with class 80, that of purses, is refused.", "以电子钱包类别 80 发出的更新被拒绝。"}, needUpdate, func(s *session) {
			s.selectAir()
			j := s.journey(0)
			now := s.journeyNow(j)
			p := s.trip(tradeFare, 0)
			c := s.updateJourney(j.sfi, p.atc, now)
			c.CLA = 0x80
			s.denied(c)
		}},
	{"append-mac", Text{"New record with a wrong code", "校验码错误的新记录"}, appendClause,
		Text{"APPEND RECORD with a wrong code is answered with 6988.", "校验码错误的追加记录应答 6988。"}, needRead, func(s *session) {
			s.selectAir()
			j := s.journey(0)
			s.refused(command(0x04, 0xE2, 0, j.sfi<<3, s.random(16+8+4), apdu.NoLe), apdu.SWMACWrong)
			s.refused(readJourney(j.sfi, 0xFFFE, false, nil), apdu.SWRecordNotFound)
		}},
	{"append-short", Text{"New record without a record", "追加记录无数据"}, appendClause,
		Text{"Key and code alone are answered with 6700.", "仅有密钥与校验码时应答 6700。"}, needRead, func(s *session) {
			s.selectAir()
			s.refused(command(0x04, 0xE2, 0, s.journey(0).sfi<<3, make([]byte, 20), apdu.NoLe), apdu.SWWrongLength)
		}},
	{"append-no-file", Text{"New record for no file", "向不存在的文件追加"}, appendClause,
		Text{"A file that the card does not have is answered with 6A82.", "卡片没有的文件应答 6A82。"}, needTransit, func(s *session) {
			if s.transit.missing == 0 {
				s.skip("the card has all files from 15 to 1D", "卡片具有 15 至 1D 的全部文件")
			}
			s.selectAir()
			s.refused(command(0x04, 0xE2, 0, s.transit.missing<<3, make([]byte, 16+8+4), apdu.NoLe), apdu.SWFileNotFound)
		}},
	{"append-in-payment", Text{"No new record in a payment", "交易中不可追加"}, appendClause,
		Text{"While a payment waits for its last record, APPEND RECORD is refused.", "交易等待末条记录时，追加记录被拒绝。"}, needOpening, func(s *session) {
			s.selectAir()
			j := s.journey(0)
			s.journeyNow(j)
			p := s.trip(tradeFare, 0)
			s.denied(s.appends(j.sfi, p.atc, []byte{0x7E, 0x02, 1, 0}))
			s.again()
			s.selectAir()
			s.refused(readJourney(j.sfi, 0x7E02, false, nil), apdu.SWRecordNotFound)
		}},
	{"append-record", Text{"New record", "追加记录"}, appendClause,
		Text{"A record that was opened is there after a reset, and its own key protects it. It stays on the card.", "追加的记录在复位后存在，并由其自身密钥保护。该记录留在卡上。"}, needOpening, func(s *session) {
			j := s.addedRecord()
			s.again()
			s.selectAir()
			s.journeyNow(j)
			random := [8]byte(s.random(8))
			data := s.ok(j.read(random[:]))
			s.must(len(data) == j.length+4, "expected the record and four bytes, got %X", data)
			want := journeyMAC(s.alg(), s.journeyKey("record", j.sfi), random, data[:len(data)-4])
			s.must(bytes.Equal(want[:], data[len(data)-4:]), "expected the code %X under the new record's key, got %X", want, data[len(data)-4:])
		}},
	{"append-too-long", Text{"New record too long", "追加的记录过长"}, appendClause,
		Text{"A record longer than those of the file is refused though its code is right.", "超过文件记录长度的追加即使校验码正确也被拒绝。"}, needOpening, func(s *session) {
			j := s.journey(0)
			s.selectAir()
			record := make([]byte, 230)
			record[0], record[1], record[2] = 0x7E, 0x03, byte(len(record)-3)
			s.denied(s.appends(j.sfi, s.atcNow(), record))
			s.refused(readJourney(j.sfi, 0x7E03, false, nil), apdu.SWRecordNotFound)
		}},
	{"append-trip-once", Text{"The cyclic file is opened once", "循环文件仅开通一次"}, appendClause,
		Text{"File 1E, which has its key, is not opened again.", "已有密钥的文件 1E 不可再次开通。"}, needOpening, func(s *session) {
			s.selectAir()
			if data, sw := s.send(readRecord(tripFile, 1)); sw != apdu.SWOK || len(data) == 0 {
				s.skip("file 1E is not open yet", "文件 1E 尚未开通")
			}
			s.denied(s.appends(tripFile, s.atcNow(), s.random(48)))
		}},
}

// wrongUpdate sends an update whose record was altered and whose code is right.
func (s *session) wrongUpdate(want apdu.SW, alter func(journeyRecord, []byte) []byte) {
	s.selectAir()
	j := s.journey(0)
	record := alter(j, slices.Clone(s.journeyNow(j)))
	p := s.trip(tradeFare, 0)
	s.refused(s.updateJourney(j.sfi, p.atc, record), want)
}

// appends is APPEND RECORD with the key that cases give to records of the file.
func (s *session) appends(sfi byte, atc uint16, record []byte) apdu.Command {
	alg, opening := s.alg(), s.journeyKey("opening", sfi)
	key := s.journeyKey("record", sfi)
	cipher := blockOf(alg, opening)
	data := make([]byte, len(key), len(key)+len(record)+4)
	for i := 0; i < len(key); i += cipher.BlockSize() {
		cipher.Encrypt(data[i:], key[i:])
	}
	data = append(data, record...)
	head := []byte{0x04, 0xE2, 0, sfi << 3, byte(len(data) + 4)}
	code := journeyMAC(alg, opening, startOf(atc), head, data)
	return command(head[0], head[1], head[2], head[3], append(data, code[:]...), apdu.NoLe)
}

// addedRecord is a record that the cases have opened, now or in an earlier run.
func (s *session) addedRecord() journeyRecord {
	s.selectAir()
	j := journeyRecord{s.journey(0).sfi, addedID, 12}
	if data, sw := s.send(j.read(nil)); sw == apdu.SWOK && len(data) == j.length {
		return j
	}
	record := []byte{addedID >> 8, addedID & 0xFF, 9, 1, 1, 0, 0, 0, 0, 0, 0, 0}
	c := s.appends(j.sfi, s.atcNow(), record)
	_, sw := s.send(c)
	if sw == apdu.SWNoSpace {
		s.skip("the file has no room for another record", "文件已无空间追加记录")
	}
	s.mustOK(c, sw)
	data := s.journeyNow(j)
	s.must(bytes.Equal(data, record), "expected the record %X that was opened, got %X", record, data)
	return j
}
