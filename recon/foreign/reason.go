package foreign

// Reason says why a line was refused. Numbers are for ever.
type Reason uint8

// The reasons.
const (
	NoPattern    Reason = 1  // no rule of the mapping fits the file's name
	NotRead      Reason = 2  // a link, a device or an unreadable file
	Sealed       Reason = 3  // a sealed T+1 file
	WideText     Reason = 4  // UTF-16
	TooLong      Reason = 5  // longer than MaxLine
	BadEncoding  Reason = 6  // neither UTF-8 nor GBK, or a zero byte
	BadColumns   Reason = 7  // another number of columns, a quotation mark out of place, another length
	NoColumn     Reason = 8  // the header line lacks a column, or has it twice
	BadField     Reason = 9  // a field cannot be read
	NoDate       Reason = 10 // a time without a year and no clearing date anywhere
	NoChipData   Reason = 11 // a clearing line without chip data: its counter is unknown
	NoLine       Reason = 12 // chip data without a clearing line
	Ambiguous    Reason = 13 // several chip data fit one clearing line
	Contradicted Reason = 14 // the line and its chip data do not agree
	NoBalance    Reason = 15 // 9F10 states no balance (discretionary data 01)
	WrongType    Reason = 16 // the cryptogram is not of the type that such a line has
	Reversed     Reason = 17 // a reversal or a void
	Forged       Reason = 18 // cryptogram or balance MAC is wrong
	WhichCard    Reason = 19 // no sequence number, and the number has several cards
	NotPresented Reason = 20 // field 55 of an approved payment that no clearing line and no list of unfinished taps holds
)

type words struct{ en, zh string }

var reasonWords = [...]words{
	NoPattern:    {"no rule of the mapping fits the name of the file", "映射文件中没有适用于此文件名的规则"},
	NotRead:      {"the file was not read", "文件未读取"},
	Sealed:       {"a sealed T+1 file: give the opened text", "加密的 T+1 文件，请提供解密后的文本"},
	WideText:     {"UTF-16: save the file as UTF-8 or GBK", "UTF-16 编码，请另存为 UTF-8 或 GBK"},
	TooLong:      {"longer than 1 MiB", "行长超过 1 MiB"},
	BadEncoding:  {"neither UTF-8 nor GBK", "既非 UTF-8 也非 GBK"},
	BadColumns:   {"not the columns of such a line", "列数或长度不符"},
	NoColumn:     {"the header line of the file lacks a column or has it twice", "表头缺列或列重复"},
	BadField:     {"a field cannot be read", "字段无法识别"},
	NoDate:       {"the year is unknown: put the clearing date into the name of the file", "年份未知，请在文件名中写明清算日期"},
	NoChipData:   {"no chip data for this line, so its counter is unknown", "无 IC 卡数据，计数器未知"},
	NoLine:       {"chip data without a clearing line", "IC 卡数据无对应清算记录"},
	Ambiguous:    {"several chip data fit the clearing line", "多条 IC 卡数据对应同一清算记录"},
	Contradicted: {"the line and its chip data do not agree", "记录与其 IC 卡数据不一致"},
	NoBalance:    {"9F10 states no electronic cash balance", "9F10 中无电子现金余额"},
	WrongType:    {"not the type of cryptogram that such a line has", "应用密文类型不符"},
	Reversed:     {"a reversal or a void: for a clerk", "冲正或撤销，需人工处理"},
	Forged:       {"the cryptogram or the balance MAC is wrong", "应用密文或余额 MAC 错误"},
	WhichCard:    {"no card sequence number, and the number has several cards", "无卡序号，且该卡号对应多张卡"},
	NotPresented: {"an approved payment that no clearing line and no list of unfinished taps holds", "已批准的消费，但清算文件和未完成交易清单均无此笔"},
}

// In is the reason in words, in Chinese for "zh", else in English.
func (r Reason) In(lang string) string {
	if int(r) >= len(reasonWords) || r == 0 {
		return "unknown"
	}
	if lang == "zh" {
		return reasonWords[r].zh
	}
	return reasonWords[r].en
}

// refusal is why a line is refused, with what exactly is wrong.
type refusal struct {
	reason Reason
	detail string
}
