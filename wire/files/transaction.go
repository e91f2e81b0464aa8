package files

// Columns of a Transaction line. Up to ColOtherData they are those of the general
// transaction file (COM); the rest is what we take from its extended form (COMA).
const (
	ColAcquirer = iota
	ColSender
	ColTraceNumber
	ColSentAt
	ColCardNumber
	ColTransactionAmount
	ColPartialAmount
	ColCardholderFee
	ColMessageType
	ColProcessingCode
	ColMerchantType
	ColTerminal
	ColMerchant
	ColRetrieval
	ColCondition
	ColAuthorisation
	ColReceiver
	ColOriginalTrace
	ColResponse
	ColEntryMode
	ColFeeReceivable
	ColFeePayable
	ColSwitchFee
	ColConversion
	ColCardSequence
	ColReadAbility
	ColChipCondition
	ColOriginalTime
	ColIssuer
	ColRegion
	ColTerminalType
	ColECI
	ColInstalmentFee
	ColOtherData
	ColSenderClearing
	ColReceiverClearing
	ColReversalFlag
	ColVoidFlag
	ColClearDate
	ColSession
	ColMerchantName
	ColCurrency
	ColMerchantFee
	transactionColumns
)

// Transaction is the line of the general transaction file, 390 characters.
//
// The fees are those of the participant whose file it is: what it receives from
// the other side, what it pays to it, and what it pays to the network. The
// amount is what the cardholder paid; so a line is worth amount + receivable +
// payable + switch fee to an acquirer, and -amount + receivable + payable +
// switch fee to an issuer, with the signs that the fields carry.
var Transaction = &Format{Name: "COM", NameZH: "一般交易流水", Columns: transactionTable[:]}

var transactionTable = [transactionColumns]Column{
	ColAcquirer:          {"acquirer", "受理机构代码", 11, Code},
	ColSender:            {"sender", "发送机构代码", 11, Code},
	ColTraceNumber:       {"trace number", "系统跟踪号", 6, Number},
	ColSentAt:            {"transmission time", "交易传输时间", 10, Date},
	ColCardNumber:        {"card number", "主账号", 19, Account},
	ColTransactionAmount: {"amount", "交易金额", 12, Amount},
	ColPartialAmount:     {"partial amount", "部分代收时的承兑金额", 12, Amount},
	ColCardholderFee:     {"cardholder fee", "持卡人交易手续费", 12, Amount},
	ColMessageType:       {"message type", "报文类型", 4, Digits},
	ColProcessingCode:    {"processing code", "交易类型码", 6, Digits},
	ColMerchantType:      {"merchant category", "商户类型", 4, Digits},
	ColTerminal:          {"terminal", "受卡机终端标识码", 8, Text},
	ColMerchant:          {"merchant", "受卡方标识码", 15, Text},
	ColRetrieval:         {"retrieval reference", "检索参考号", 12, Text},
	ColCondition:         {"condition code", "服务点条件码", 2, Digits},
	ColAuthorisation:     {"authorisation code", "授权应答码", 6, Text},
	ColReceiver:          {"receiver", "接收机构代码", 11, Code},
	ColOriginalTrace:     {"original trace number", "原始交易的系统跟踪号", 6, Number},
	ColResponse:          {"response code", "交易返回码", 2, Text},
	ColEntryMode:         {"entry mode", "服务点输入方式", 3, Digits},
	ColFeeReceivable:     {"fee receivable", "应收手续费", 12, Signed},
	ColFeePayable:        {"fee payable", "应付手续费", 12, Signed},
	ColSwitchFee:         {"switch fee", "转接服务费", 12, Signed},
	ColConversion:        {"single or dual message", "单双转换标志", 1, Text},
	ColCardSequence:      {"card sequence number", "卡片序列号", 3, Text},
	ColReadAbility:       {"terminal read ability", "终端读取能力", 1, Text},
	ColChipCondition:     {"chip condition code", "IC 卡条件代码", 1, Text},
	ColOriginalTime:      {"original transaction time", "原始交易日期时间", 10, Date},
	ColIssuer:            {"issuer", "发卡机构标识码", 11, Code},
	ColRegion:            {"region flag", "交易地域标志", 1, Text},
	ColTerminalType:      {"terminal type", "终端类型", 2, Text},
	ColECI:               {"electronic commerce indicator", "ECI 标志", 2, Text},
	ColInstalmentFee:     {"instalment fee", "分期付款附加手续费", 12, Signed},
	ColOtherData:         {"other data", "其他信息", 14, Text},
	ColSenderClearing:    {"sender's clearing body", "发送方清算机构", 11, Code},
	ColReceiverClearing:  {"receiver's clearing body", "接收方清算机构", 11, Code},
	ColReversalFlag:      {"reversal flag", "冲正标志", 1, Text},
	ColVoidFlag:          {"void flag", "撤销标志", 1, Text},
	ColClearDate:         {"clearing date", "清算日期", 4, Date},
	ColSession:           {"clearing session", "清算场次", 2, Number},
	ColMerchantName:      {"merchant name", "受卡方名称地址", 40, Name},
	ColCurrency:          {"currency", "交易货币代码", 3, Digits},
	ColMerchantFee:       {"merchant fee", "商户手续费", 9, Amount},
}
