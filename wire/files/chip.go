package files

// Columns of a Chip line.
const (
	ChipAcquirer = iota
	ChipSender
	ChipTraceNumber
	ChipSentAt
	ChipAmount
	ChipTraceID
	ChipData
	chipColumns
)

// Chip is the line of the chip data file (our choice): the fields by which it
// belongs to a line of the general transaction file (the same acquirer, sender,
// trace number, time and amount at the same place), the whole trace id, and the
// card's data objects as BER-TLV (EMV Book 3, annex B).
var Chip = &Format{Name: "IC", NameZH: "IC 卡数据", Columns: chipTable[:]}

var chipTable = [chipColumns]Column{
	ChipAcquirer:    {"acquirer", "受理机构代码", 11, Code},
	ChipSender:      {"sender", "发送机构代码", 11, Code},
	ChipTraceNumber: {"trace number", "系统跟踪号", 6, Number},
	ChipSentAt:      {"transmission time", "交易传输时间", 10, Date},
	ChipAmount:      {"amount", "交易金额", 12, Amount},
	ChipTraceID:     {"trace id", "追踪号", 32, Trace},
	ChipData:        {"chip data", "IC 卡数据", 0, Hex},
}
