package certify

import (
	"bytes"
	"slices"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

const (
	logClause  = "EMV Book 3, annex D; JR/T 0025.5, transaction log"
	loadClause = "JR/T 0025.13, load log"
)

// book is a log: where it is and what its records hold.
type book struct {
	sfi, count byte
	format     tlv.DOL
}

var logCases = []Case{
	{"log-record-length", Text{"Log records fit their format", "日志记录与格式相符"}, logClause,
		Text{"A log record is as long as the format 9F4F says.", "日志记录长度与格式 9F4F 一致。"}, needPay, func(s *session) {
			s.pay()
			b := s.transactionLog()
			raw := s.ok(readRecord(b.sfi, 1))
			s.must(len(raw) == b.format.Len(), "expected %d bytes in a log record, got %X", b.format.Len(), raw)
		}},
	{"log-format-elements", Text{"Log format names the essentials", "日志格式含必要数据元"}, logClause,
		Text{"The log holds at least date 9A and amount 9F02 of a transaction.", "日志至少含交易日期 9A 与金额 9F02。"}, needApplication, func(s *session) {
			s.selectAny()
			b := s.transactionLog()
			for _, tag := range []tlv.Tag{tlv.TagTransactionDate, tlv.TagAmountAuthorised} {
				s.must(b.format.Has(tag), "expected %X in the log format, got %v", uint32(tag), b.format)
			}
		}},
	{"log-newest-first", Text{"Newest record first", "最新记录在前"}, logClause,
		Text{"After a payment record 1 is new and record 2 is what record 1 was.", "支付后记录 1 为新记录，原记录 1 成为记录 2。"}, needPay, func(s *session) {
			s.pay()
			b := s.transactionLog()
			before := s.ok(readRecord(b.sfi, 1))
			if b.count < 2 {
				s.skip("the log has one record only", "日志仅一条记录")
			}
			s.pay()
			s.must(bytes.Equal(s.ok(readRecord(b.sfi, 2)), before), "expected record 2 to be %X", before)
			s.must(!b.format.Has(tlv.TagATC) || !bytes.Equal(s.ok(readRecord(b.sfi, 1)), before), "expected a new record 1, got %X again", before)
		}},
	{"log-amount", Text{"Log holds the amount", "日志记录金额"}, logClause,
		Text{"Record 1 after a payment has its amount and currency.", "支付后记录 1 含其金额与货币。"}, needPay, func(s *session) {
			p, _ := s.pay()
			s.logged(p, tlv.TagAmountAuthorised, p.reader.amount)
			s.logged(p, tlv.TagTransactionCurrency, p.reader.currency[:])
		}},
	{"log-counter", Text{"Log holds the counter", "日志记录计数器"}, logClause,
		Text{"Record 1 after a payment has its counter.", "支付后记录 1 含其交易计数器。"}, needPay, func(s *session) {
			p, _ := s.pay()
			s.logged(p, tlv.TagATC, []byte{byte(p.atc >> 8), byte(p.atc)})
		}},
	{"log-date", Text{"Log holds the date", "日志记录日期"}, logClause,
		Text{"Record 1 after a payment has the date that the reader gave.", "支付后记录 1 含终端给出的日期。"}, needPay, func(s *session) {
			p, _ := s.pay()
			if !p.side.pdol.Has(tlv.TagTransactionDate) {
				s.skip("the PDOL does not ask for the date", "PDOL 未要求日期")
			}
			s.logged(p, tlv.TagTransactionDate, p.reader.date[:])
		}},
	{"log-torn", Text{"A torn payment is not logged", "中断支付不记日志"}, logClause,
		Text{"Without the last record the log stays as it was.", "未读末条记录则日志不变。"}, needPay, func(s *session) {
			s.pay()
			b := s.transactionLog()
			before := s.ok(readRecord(b.sfi, 1))
			p := s.approval()
			s.readButLast(p.afl)
			s.again()
			s.selectAir()
			s.must(bytes.Equal(s.ok(readRecord(b.sfi, 1)), before), "expected record 1 to stay %X", before)
		}},
	{"log-declined", Text{"A decline is not logged", "拒绝不记日志"}, logClause,
		Text{"After an online request that was not completed the log stays as it was.", "未完成的联机请求之后日志不变。"}, needPay, func(s *session) {
			s.pay()
			b := s.transactionLog()
			before := s.ok(readRecord(b.sfi, 1))
			if s.qpboc(s.reader(readerOnlineAsked, 1)).iad.Result() == cryptogram.TC {
				s.skip("this card does not go online here", "该卡此处不联机")
			}
			s.must(bytes.Equal(s.ok(readRecord(b.sfi, 1)), before), "expected record 1 to stay %X", before)
		}},
	{"log-end", Text{"End of the log", "日志末尾"}, logClause,
		Text{"A record behind the last that the log can hold is answered with 6A83.", "超出日志容量的记录应答 6A83。"}, needApplication, func(s *session) {
			s.selectAny()
			b := s.transactionLog()
			s.refused(readRecord(b.sfi, b.count+1), apdu.SWRecordNotFound)
		}},
	{"log-filled", Text{"Log fills and goes round", "日志循环写入"}, logClause,
		Text{"All records that are there have the length of the format, none after the first that is missing.", "已有日志记录长度均与格式相符，缺失之后不再有记录。"}, needApplication, func(s *session) {
			s.selectAny()
			b := s.transactionLog()
			missing := false
			for n := byte(1); n <= b.count && n != 0; n++ {
				raw, sw := s.send(readRecord(b.sfi, n))
				s.must(sw == apdu.SWOK && !missing || sw == apdu.SWRecordNotFound, "expected 9000 or 6A83 for log record %d, got %v", n, sw)
				s.must(sw != apdu.SWOK || len(raw) == b.format.Len(), "expected %d bytes in log record %d, got %X", b.format.Len(), n, raw)
				missing = missing || sw != apdu.SWOK
			}
		}},
	{"log-after-reset", Text{"Log can be read after a reset", "复位后可读日志"}, logClause,
		Text{"The log can be read right after selection and is the same after a reset.", "选择应用后即可读日志，复位后内容不变。"}, needPay, func(s *session) {
			s.pay()
			b := s.transactionLog()
			before := s.ok(readRecord(b.sfi, 1))
			s.again()
			s.selectAny()
			s.must(bytes.Equal(s.ok(readRecord(b.sfi, 1)), before), "expected record 1 to stay %X", before)
		}},
	{"log-update-refused", Text{"Log cannot be written", "日志不可写"}, logClause,
		Text{"UPDATE RECORD and APPEND RECORD of the log are refused.", "对日志的修改与追加记录命令被拒绝。"}, needApplication, func(s *session) {
			s.selectAny()
			b := s.transactionLog()
			data := make([]byte, min(b.format.Len(), 200))
			s.denied(command(0x00, 0xDC, 1, b.sfi<<3|4, data, -1))
			s.denied(command(0x00, 0xE2, 0, b.sfi<<3, data, -1))
		}},
	{"load-log-format", Text{"Load log format", "圈存日志格式"}, loadClause,
		Text{"DF4F is a list with date, time and counter.", "DF4F 为含日期、时间与计数器的列表。"}, needCash, func(s *session) {
			b := s.loadLog()
			for _, tag := range []tlv.Tag{tlv.TagTransactionDate, tlv.TagTransactionTime, tlv.TagATC} {
				s.must(b.format.Has(tag), "expected %X in the load log format, got %v", uint32(tag), b.format)
			}
		}},
	{"load-log-records", Text{"Load log records", "圈存日志记录"}, loadClause,
		Text{"Load log records have the object's tag, the value before and after, and the values of DF4F.", "圈存日志记录含数据对象标签、前后值及 DF4F 的各值。"}, needCash, func(s *session) {
			b := s.loadLog()
			for n := byte(1); n <= b.count && n != 0; n++ {
				raw, sw := s.send(readRecord(b.sfi, n))
				if sw == apdu.SWRecordNotFound {
					break
				}
				s.must(sw == apdu.SWOK && len(raw) == 14+b.format.Len(), "expected %d bytes or 6A83 for load log record %d, got %X %v", 14+b.format.Len(), n, raw, sw)
				s.must(raw[1] == 0x79 && (raw[0] == 0x9F || raw[0] == 0xDF) && decimal(raw[2:14]), "expected 9F79 or DF79 and two amounts, got %X", raw)
			}
			s.refused(readRecord(b.sfi, b.count+1), apdu.SWRecordNotFound)
		}},
	{"load-log-entry", Text{"Load log entry", "圈存日志入口"}, loadClause,
		Text{"DF4D in the FCI names a file of 11 to 30 that is not the transaction log.", "FCI 中的 DF4D 指明 11 至 30 的文件，且不同于交易日志。"}, needCash, func(s *session) {
			b := s.loadLog()
			s.must(b.sfi >= 11 && b.sfi <= 30 && b.count > 0, "expected DF4D with a file of 0B to 1E and a count, got %02X %02X", b.sfi, b.count)
			s.selectAny()
			s.must(b.sfi != s.transactionLog().sfi, "expected another file than the transaction log, got %d", b.sfi)
		}},
}

// transactionLog finds the log of the selected application.
func (s *session) transactionLog() book {
	return s.book(tlv.TagLogEntry, tlv.TagLogFormat)
}

// loadLog selects the application on the side whose FCI names a load log, or skips.
func (s *session) loadLog() book {
	for _, d := range []*side{s.contact, s.air} {
		if d == nil {
			continue
		}
		if _, ok := tlv.Find(d.fci, tlv.TagFCITemplate, tlv.TagFCIProprietary, tlv.TagFCIIssuerDiscretionary, tlv.TagLoadLogEntry); ok {
			s.selectAny()
			return s.book(tlv.TagLoadLogEntry, tlv.TagLoadLogFormat)
		}
	}
	s.skip("the FCI names no load log", "FCI 未给出圈存日志入口")
	return book{}
}

func (s *session) book(entry, format tlv.Tag) book {
	for _, d := range []*side{s.contact, s.air} {
		if d == nil {
			continue
		}
		v, ok := tlv.Find(d.fci, tlv.TagFCITemplate, tlv.TagFCIProprietary, tlv.TagFCIIssuerDiscretionary, entry)
		if !ok || len(v) != 2 {
			continue
		}
		list, err := tlv.ParseDOL(s.object(format))
		s.must(err == nil && len(list) > 0, "expected a data object list in %X", uint32(format))
		return book{v[0], v[1], list}
	}
	s.skip("the FCI names no log", "FCI 未给出日志入口")
	return book{}
}

// logged finds a value in the newest log record; logs without the element skip.
func (s *session) logged(p *processing, tag tlv.Tag, want []byte) {
	b := s.transactionLog()
	at := 0
	i := slices.IndexFunc(b.format, func(e tlv.DOLEntry) bool { at += e.Len; return e.Tag == tag })
	if i < 0 {
		s.skip("the log format does not have this element", "日志格式无此数据元")
	}
	raw := s.ok(readRecord(b.sfi, 1))
	s.must(len(raw) == b.format.Len(), "expected %d bytes in a log record, got %X", b.format.Len(), raw)
	got := raw[at-b.format[i].Len : at]
	s.must(bytes.Equal(got, want), "expected %X %X in the log record of counter %04X, got %X", uint32(tag), want, p.atc, got)
}
