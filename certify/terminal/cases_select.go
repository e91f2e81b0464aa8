package terminal

import (
	"bytes"

	"github.com/citycard/citycard/certify"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// text is a text in both languages.
func text(en, zh string) certify.Text { return certify.Text{EN: en, ZH: zh} }

const (
	ppseClause   = "EMV Contactless Book B, 3.3"
	pseClause    = "EMV Book 1, 12.3.2"
	listClause   = "EMV Book 1, 12.3.3"
	chooseClause = "EMV Book 1, 12.4"
)

// two gives a card a second application, and lets the case say which comes first.
func two(priority1, priority2 byte) func(*spec) {
	return func(s *spec) {
		s.entries = []entry{{aid: debit, label: "PBOC DEBIT", priority: priority1}, {aid: credit, label: "PBOC CREDIT", priority: priority2}}
	}
}

// long is an application name with four bytes behind a known one.
var long = append(bytes.Clone(debit), 0x01, 0x02, 0x03, 0x04)

var selectAirCases = []Case{
	{"ppse-first", text("Directory first", "先选目录"), ppseClause,
		text("Over the air the terminal selects the PPSE before anything else.", "非接触时终端首先选择 PPSE。"), end(offline), 0, plan{face: Contactless}, func(v *verdict) {
			x := v.first(insSelect)
			v.must(bytes.Equal(x.cmd.Data, namePPSE), "expected SELECT of 2PAY.SYS.DDF01 first, got %X", x.cmd.Data)
			v.must(len(v.card.seen) > 0 && v.card.seen[0] == x, "expected no command before SELECT of the directory")
			v.asked(0)
		}},
	{"ppse-priority", text("Highest priority is taken", "取最高优先级"), ppseClause,
		text("Of two applications the one with the lower number in 87 is selected.", "两个应用中选择 87 数值较小者。"), end(offline), 0, plan{face: Contactless, card: two(2, 1)}, func(v *verdict) {
			v.selected(credit)
			v.asked(0)
		}},
	{"ppse-no-priority", text("Application without priority comes last", "无优先级者排后"), ppseClause,
		text("An application without 87 comes behind one that has it.", "没有 87 的应用排在有 87 的之后。"), end(offline), 0, plan{face: Contactless, card: two(0, 5)}, func(v *verdict) {
			v.selected(credit)
			v.asked(0)
		}},
	{"ppse-foreign", text("Foreign applications are passed over", "忽略不支持的应用"), ppseClause,
		text("Applications that the terminal does not know are not selected, whatever their priority.", "终端不支持的应用即使优先级高也不选择。"), end(offline), 0,
		plan{face: Contactless, card: func(s *spec) {
			s.entries = []entry{{aid: foreign, label: "OTHER", priority: 1}, {aid: debit, label: "PBOC DEBIT", priority: 2}}
		}}, func(v *verdict) {
			v.selected(debit)
			for _, x := range v.all(insSelect) {
				v.must(!bytes.Equal(x.cmd.Data, foreign), "expected no SELECT of application %X", foreign)
			}
			v.asked(0)
		}},
	{"ppse-not-listed", text("Application outside the directory", "目录之外的应用"), ppseClause,
		text("An application that the directory does not name is not used.", "目录未列出的应用不使用。"), end(offline), 0,
		plan{face: Contactless, card: func(s *spec) { two(2, 1)(s); s.entries[1].hidden = true }}, func(v *verdict) {
			v.selected(debit)
			v.asked(0)
		}},
	{"ppse-nothing-common", text("No application in common", "无共同应用"), ppseClause,
		text("Without an application in common the terminal ends before processing options.", "没有共同应用时终端在取处理选项前结束。"), end(failed, other, declined), 0,
		plan{face: Contactless, card: func(s *spec) { s.entries = []entry{{aid: foreign, label: "OTHER", priority: 1}} }}, func(v *verdict) {
			v.count(insGPO, 0)
		}},
	{"ppse-longer-name", text("Longer name in the directory", "目录中的长应用名"), ppseClause,
		text("A name that begins with a known one is selected in full.", "以已知名称开头的应用按完整名称选择。"), end(offline), 0,
		plan{face: Contactless, card: func(s *spec) { s.entries = []entry{{aid: long, label: "PBOC DEBIT", priority: 1}} }}, func(v *verdict) {
			v.selected(long)
			v.asked(0)
		}},
	{"ppse-refused-next", text("Application refused, next one taken", "应用被拒后取下一个"), ppseClause,
		text("If SELECT of the best application fails the next one is tried.", "最优应用选择失败时尝试下一个。"), end(offline), 0,
		plan{face: Contactless, card: func(s *spec) { two(1, 2)(s); s.entries[0].status = apdu.SWFileNotFound }}, func(v *verdict) {
			v.selected(credit)
			v.asked(0)
		}},
	{"ppse-blocked-next", text("Blocked application, next one taken", "应用锁定后取下一个"), chooseClause,
		text("An application that answers 6283 is not used; the next one is tried.", "应答 6283 的应用不使用，尝试下一个。"), end(offline), 0,
		plan{face: Contactless, card: func(s *spec) { two(1, 2)(s); s.entries[0].status = apdu.SWInvalidated }}, func(v *verdict) {
			v.count(insGPO, 1)
			v.selected(credit)
			v.asked(0)
		}},
	{"ppse-blocked-only", text("Only a blocked application", "唯一应用已锁定"), chooseClause,
		text("With nothing but a blocked application there is no transaction.", "只有锁定的应用时不进行交易。"), end(failed, other, declined), 0,
		plan{face: Contactless, card: func(s *spec) { s.entries[0].status = apdu.SWInvalidated }}, func(v *verdict) {
			v.count(insGPO, 0)
		}},
	{"ppse-odd-lengths", text("Long length form in the directory", "目录采用长长度形式"), "EMV Book 3, annex B2",
		text("A length of one byte written in two (81 nn) is understood.", "终端接受以 81 开头的两字节长度。"), end(offline), 0,
		plan{face: Contactless, card: func(s *spec) {
			inner := s.entries[0].template()[2:]
			s.directory = [][]byte{append([]byte{0x61, 0x81, byte(len(inner))}, inner...)}
		}}, func(v *verdict) {
			v.selected(debit)
			v.asked(0)
		}},
	{"ppse-unknown-object", text("Unknown objects in the directory", "目录中的未知对象"), "EMV Book 3, 7.5",
		text("Objects that the terminal does not know are passed over.", "终端忽略未知数据对象。"), end(offline), 0,
		plan{face: Contactless, card: func(s *spec) {
			t := objects{{tlv.TagADFName, debit}, {tlv.TagApplicationLabel, []byte("PBOC DEBIT")}, {tlv.TagApplicationPriority, []byte{1}}, {0x9F2A, []byte{0x07}}, {0xDF7F, []byte{1, 2, 3}}}
			s.directory = [][]byte{t.wrap(tlv.TagApplicationTemplate)}
		}}, func(v *verdict) {
			v.selected(debit)
			v.asked(0)
		}},
	{"ppse-name-differs", text("Another name in the FCI", "FCI 中名称不符"), "EMV Book 1, 12.4",
		text("An application whose 84 is another than the name selected is not used.", "84 与所选名称不符的应用不使用。"), end(failed, other, declined), 0,
		plan{face: Contactless, card: func(s *spec) {
			s.entries[0].fci = (&Card{spec: s}).control(&entry{aid: foreign, label: "PBOC DEBIT", priority: 1})
		}}, func(v *verdict) {
			v.count(insGPO, 0)
		}},
	{"ppse-malformed", text("Malformed directory", "目录格式错误"), ppseClause,
		text("A directory that is no TLV does not lead to an approval.", "目录不是有效 TLV 时不得批准。"), end(failed, other, declined), 0,
		plan{face: Contactless, card: func(s *spec) {
			s.edits = append(s.edits, at(insSelect, 1).data(0x6F, 0x10, 0x84, 0x0E, 0x32))
		}}, func(*verdict) {}},
}

var selectContactCases = []Case{
	{"pse-first", text("Directory first", "先选目录"), pseClause,
		text("A terminal that uses the directory selects 1PAY.SYS.DDF01 and reads its records until 6A83.", "使用目录的终端选择 1PAY.SYS.DDF01 并读记录直到 6A83。"), end(offline), 0, plan{face: Contact}, func(v *verdict) {
			v.selected(debit)
			x := v.first(insSelect)
			if bytes.Equal(x.cmd.Data, namePSE) {
				r := v.nth(insRead, 1)
				v.must(r.sw() == apdu.SWRecordNotFound, "expected the directory to be read until 6A83, got %v", r.sw())
			}
			v.asked(0)
		}},
	{"pse-missing", text("Card without a directory", "卡片无目录"), listClause,
		text("If the directory answers 6A82 the terminal tries its own list of applications.", "目录应答 6A82 时终端按自身应用列表选择。"), end(offline), 0,
		plan{face: Contact, card: func(s *spec) { s.noDirectory = apdu.SWFileNotFound }}, func(v *verdict) {
			v.selected(debit)
			v.asked(0)
		}},
	{"pse-blocked", text("Blocked directory", "目录锁定"), pseClause,
		text("If the directory answers 6283 the terminal tries its own list of applications.", "目录应答 6283 时终端按自身应用列表选择。"), end(offline), 0,
		plan{face: Contact, card: func(s *spec) { s.noDirectory = apdu.SWInvalidated }}, func(v *verdict) {
			v.selected(debit)
			v.asked(0)
		}},
	{"pse-card-blocked", text("Blocked card", "卡片锁定"), pseClause,
		text("If the first SELECT answers 6A81 the card is blocked and the session ends.", "首条 SELECT 应答 6A81 表示卡片锁定，结束。"), end(failed, declined), 0,
		plan{face: Contact, card: func(s *spec) {
			s.noDirectory = apdu.SWNotSupported
			s.entries[0].status = apdu.SWNotSupported
		}}, func(v *verdict) {
			v.count(insGPO, 0)
			v.count(insSelect, 1)
		}},
	{"pse-priority", text("Highest priority is taken", "取最高优先级"), chooseClause,
		text("Without a choice of the cardholder the application with the best priority is selected.", "持卡人未选择时取优先级最高的应用。"), end(offline), 0, plan{face: Contact, card: two(2, 1)}, func(v *verdict) {
			v.selected(credit)
			v.asked(0)
		}},
	{"pse-choice", text("Cardholder chooses", "持卡人选择"), chooseClause,
		text("The application that the cardholder chooses is selected.", "选择持卡人选定的应用。"), end(offline), needChoice, plan{face: Contact, card: two(1, 2), choice: 1}, func(v *verdict) {
			v.selected(credit)
			v.asked(0)
		}},
	{"pse-confirm", text("Confirmation wanted", "需要确认"), chooseClause,
		text("An application whose 87 has bit 8 set is used after the cardholder's confirmation.", "87 的 b8 置位的应用经持卡人确认后使用。"), end(offline), needChoice, plan{face: Contact, card: func(s *spec) { s.entries[0].priority = 0x81 }}, func(v *verdict) {
			v.selected(debit)
			v.asked(0)
		}},
	{"pse-refused-next", text("Application refused, next one taken", "应用被拒后取下一个"), chooseClause,
		text("If SELECT of the chosen application fails the terminal goes back to the others.", "所选应用选择失败时退回其余应用。"), end(offline), 0,
		plan{face: Contact, card: func(s *spec) { two(1, 2)(s); s.entries[0].status = apdu.SWFileNotFound }}, func(v *verdict) {
			v.selected(credit)
			v.asked(0)
		}},
	{"pse-blocked-application", text("Blocked application, next one taken", "应用锁定后取下一个"), chooseClause,
		text("An application that answers 6283 is taken off the list.", "应答 6283 的应用从列表移除。"), end(offline), 0,
		plan{face: Contact, card: func(s *spec) { two(1, 2)(s); s.entries[0].status = apdu.SWInvalidated }}, func(v *verdict) {
			v.count(insGPO, 1)
			v.selected(credit)
			v.asked(0)
		}},
	{"pse-options-refused", text("Processing options refused, next one taken", "取处理选项被拒后取下一个"), "EMV Book 3, 10.1",
		text("If GET PROCESSING OPTIONS answers 6985 the terminal returns to selection.", "取处理选项应答 6985 时终端返回应用选择。"), end(offline), 0,
		plan{face: Contact, card: func(s *spec) {
			two(1, 2)(s)
			s.edits = append(s.edits, refuseFirstOptions())
		}}, func(v *verdict) {
			v.count(insGPO, 2)
			v.selected(credit)
			v.asked(0)
		}},
	{"pse-two-in-record", text("Two applications in one record", "一条记录两个应用"), pseClause,
		text("A directory record may hold several application templates.", "一条目录记录可含多个应用模板。"), end(offline), 0,
		plan{face: Contact, card: func(s *spec) {
			two(2, 1)(s)
			both := append(s.entries[0].template(), s.entries[1].template()...)
			s.directory = [][]byte{tlv.Append(nil, tlv.TagRecordTemplate, both)}
		}}, func(v *verdict) {
			v.selected(credit)
			v.asked(0)
		}},
	{"pse-malformed-record", text("Malformed directory record", "目录记录格式错误"), pseClause,
		text("With a directory that cannot be read the terminal uses its own list, or ends.", "目录无法解析时按自身列表选择或结束。"), end(offline, failed), 0,
		plan{face: Contact, card: func(s *spec) { s.directory = [][]byte{{0x70, 0x20, 0x61, 0x05, 0x4F}} }}, func(*verdict) {}},
	{"list-partial", text("Partial name from the list", "列表部分名选择"), listClause,
		text("Without a directory a longer name is found by its beginning.", "无目录时以名称前部找到较长的应用名。"), end(offline), 0,
		plan{face: Contact, card: func(s *spec) {
			s.noDirectory = apdu.SWFileNotFound
			s.entries = []entry{{aid: long, label: "PBOC DEBIT", priority: 1}}
		}}, func(v *verdict) {
			v.selected(long)
			v.asked(0)
		}},
	{"list-next", text("Next occurrence", "下一个同名应用"), listClause,
		text("Several applications under one partial name are found with SELECT next (P2 = 02).", "同一部分名下的多个应用以 P2=02 逐个找到。"), end(offline), 0,
		plan{face: Contact, card: func(s *spec) {
			s.noDirectory = apdu.SWFileNotFound
			other := append(bytes.Clone(debit), 0x09)
			s.entries = []entry{{aid: long, label: "PBOC ONE", priority: 2}, {aid: other, label: "PBOC TWO", priority: 1}}
		}}, func(v *verdict) {
			next := false
			for _, x := range v.all(insSelect) {
				next = next || x.cmd.P2 == 0x02
			}
			v.must(next, "expected SELECT of the next occurrence (P2 = 02), it did not come")
			v.selected(append(bytes.Clone(debit), 0x09))
			v.asked(0)
		}},
	{"list-all", text("Every application of the list is tried", "逐个尝试列表应用"), listClause,
		text("Without a directory each application of the terminal's list is tried, the missing ones too.", "无目录时逐个尝试列表中的应用。"), end(offline), 0,
		plan{face: Contact, card: func(s *spec) {
			s.noDirectory = apdu.SWFileNotFound
			s.entries = []entry{{aid: quasi, label: "PBOC QUASI", priority: 1}}
		}}, func(v *verdict) {
			v.selected(quasi)
			v.asked(0)
		}},
	{"list-nothing", text("Nothing in common", "无共同应用"), chooseClause,
		text("Without an application in common there is no transaction.", "没有共同应用时不进行交易。"), end(failed, declined), 0,
		plan{face: Contact, card: func(s *spec) {
			s.noDirectory = apdu.SWFileNotFound
			s.entries = []entry{{aid: foreign, label: "OTHER"}}
		}}, func(v *verdict) {
			v.count(insGPO, 0)
		}},
}

// refuseFirstOptions answers the first GET PROCESSING OPTIONS with 6985, without a
// transaction on the card.
func refuseFirstOptions() *edit {
	e := at(insGPO, 1)
	e.do = func(x *exchange) { x.answer = status(apdu.SWConditions) }
	return e
}
