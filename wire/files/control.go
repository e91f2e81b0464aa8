package files

// Columns of a HeaderLine.
const (
	HeaderMark = iota
	HeaderVersion
	HeaderContent
	HeaderParticipant
	HeaderNetwork
	HeaderDate
	HeaderBatch
	HeaderSession
	HeaderCurrency
	headerColumns
)

// HeaderLine is the first line of every file (our choice).
var HeaderLine = &Format{Name: "header", NameZH: "文件头", Columns: headerTable[:]}

var headerTable = [headerColumns]Column{
	HeaderMark:        {"mark", "行标识", 1, Text},
	HeaderVersion:     {"version", "格式版本", 2, Number},
	HeaderContent:     {"content", "文件类型", 4, Text},
	HeaderParticipant: {"participant", "机构代码", 11, Code},
	HeaderNetwork:     {"network", "清算机构代码", 11, Code},
	HeaderDate:        {"clearing date", "清算日期", 8, Date},
	HeaderBatch:       {"batch", "批次号", 2, Number},
	HeaderSession:     {"clearing session", "清算场次", 2, Number},
	HeaderCurrency:    {"currency", "货币代码", 3, Digits},
}

// Columns of a TrailerLine.
const (
	TrailerMark = iota
	TrailerLines
	TrailerAmount
	TrailerFeeReceivable
	TrailerFeePayable
	TrailerSwitchFee
	TrailerNet
	trailerColumns
)

// TrailerLine is the last line of every file (our choice). In a chip data file
// the fees and the net are zero.
var TrailerLine = &Format{Name: "trailer", NameZH: "文件尾", Columns: trailerTable[:]}

var trailerTable = [trailerColumns]Column{
	TrailerMark:          {"mark", "行标识", 1, Text},
	TrailerLines:         {"lines", "笔数", 10, Number},
	TrailerAmount:        {"amount", "交易金额合计", 16, Amount},
	TrailerFeeReceivable: {"fee receivable", "应收手续费合计", 16, Signed},
	TrailerFeePayable:    {"fee payable", "应付手续费合计", 16, Signed},
	TrailerSwitchFee:     {"switch fee", "转接服务费合计", 16, Signed},
	TrailerNet:           {"net", "净额", 16, Signed},
}
