package emv

import (
	"fmt"
	"log/slog"

	"github.com/citycard/citycard/wire/tlv"
)

// Phase is a part of a transaction, in the order of EMV Book 3, figure 7. Numbers
// are for ever.
type Phase uint8

// The phases.
const (
	Selection        Phase = 1
	Initiation       Phase = 2 // GET PROCESSING OPTIONS
	ReadData         Phase = 3 // READ RECORD
	Authentication   Phase = 4 // offline data authentication
	Restrictions     Phase = 5
	Verification     Phase = 6 // of the cardholder
	RiskManagement   Phase = 7
	ActionAnalysis   Phase = 8
	FirstCryptogram  Phase = 9
	OnlineProcessing Phase = 10
	IssuerScript     Phase = 11
	SecondCryptogram Phase = 12
	Completion       Phase = 13
)

var phaseNames = [...][2]string{
	{"invalid", "无效"}, {"application selection", "应用选择"}, {"initiate application processing", "应用初始化"},
	{"read application data", "读应用数据"}, {"offline data authentication", "脱机数据认证"}, {"processing restrictions", "处理限制"},
	{"cardholder verification", "持卡人验证"}, {"terminal risk management", "终端风险管理"}, {"terminal action analysis", "终端行为分析"},
	{"first cryptogram", "第一个应用密文"}, {"online processing", "联机处理"}, {"issuer script processing", "发卡行脚本处理"},
	{"second cryptogram", "第二个应用密文"}, {"completion", "交易结束"},
}

// Name is the phase in Chinese for lang "zh" and in English for any other.
func (p Phase) Name(lang string) string {
	if int(p) >= len(phaseNames) {
		p = 0
	}
	return pick(phaseNames[p], lang)
}

// String is the phase in English.
func (p Phase) String() string { return p.Name("en") }

func pick(pair [2]string, lang string) string {
	if lang == "zh" {
		return pair[1]
	}
	return pair[0]
}

// Note is one finding of the terminal: why a bit of TVR or TSI was set, which method
// or action was chosen, and why. Every bit that is set has a note.
type Note struct {
	Phase Phase
	Code  NoteCode
	Tag   tlv.Tag // the object that the finding is about, 0 if none
	Value []byte  // its value, or the detail that the NoteCode names; belongs to the Machine
}

// Notes are the findings so far, in their order. They belong to the machine and are
// valid until the next Reset.
func (m *Machine) Notes() []Note { return m.found.notes }

// note keeps a finding; the value is copied.
func (m *Machine) note(p Phase, c NoteCode, tag tlv.Tag, value []byte) {
	s := &m.found
	at := len(s.values)
	s.values = append(s.values, value...)
	s.notes = append(s.notes, Note{Phase: p, Code: c, Tag: tag, Value: s.values[at:len(s.values):len(s.values)]})
}

// raise sets a bit of the TVR and says why; a bit that is set already is explained
// again only for another object.
func (m *Machine) raise(p Phase, c NoteCode, tag tlv.Tag, value []byte) {
	i, mask := c.bit()
	if m.data.TVR[i]&mask != 0 {
		for _, n := range m.found.notes {
			if n.Code == c && n.Tag == tag {
				return
			}
		}
	}
	m.data.TVR[i] |= mask
	m.note(p, c, tag, value)
}

// perform sets a bit of the TSI.
func (m *Machine) perform(p Phase, c NoteCode) {
	i, mask := c.bit()
	if m.data.TSI[i]&mask == 0 {
		m.data.TSI[i] |= mask
		m.note(p, c, 0, nil)
	}
}

// Format writes Text for every verb: the value may hold an account number.
func (n Note) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(n.Text("en"))) }

// MarshalText gives the English text.
func (n Note) MarshalText() ([]byte, error) { return []byte(n.Text("en")), nil }

// LogValue gives the English text to slog.
func (n Note) LogValue() slog.Value { return slog.StringValue(n.Text("en")) }
