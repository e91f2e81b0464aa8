package emv

// Findings of the flow.
const (
	NoteDirectory       NoteCode = 100 // Tag: 88 over the contacts
	NoteNoDirectory     NoteCode = 101
	NoteBlocked         NoteCode = 102 // Tag: 4F
	NoteDropped         NoteCode = 103 // Tag: 4F
	NoteUnconfirmed     NoteCode = 104 // Tag: 4F
	NoteSelected        NoteCode = 105 // Tag: 84
	NoteProfile         NoteCode = 106 // Tag: 82
	NoteCash            NoteCode = 107 // Tag: 9F74
	NotePINTries        NoteCode = 108 // Tag: 9F17
	NotePINWrong        NoteCode = 109
	NotePINRight        NoteCode = 110
	NoteForcedOnline    NoteCode = 111
	NoteCryptogram      NoteCode = 112 // Tag: 9F27
	NoteAdvice          NoteCode = 113 // Tag: 9F27
	NoteHostAnswer      NoteCode = 114 // Tag: 8A
	NoteHostLost        NoteCode = 115
	NoteHostMalformed   NoteCode = 116
	NoteUnableOnline    NoteCode = 117 // Tag: 8A
	NoteScriptDone      NoteCode = 118 // Value: template, number of commands
	NoteScriptStopped   NoteCode = 119 // Value: template, number of the command, its status word, 0000 if none came
	NoteScriptHeldBack  NoteCode = 120
	NoteCashNotDebited  NoteCode = 121
	NoteCombinedRefused NoteCode = 122
)

// flowTexts are the sentences of the flow's findings, English and Chinese.
var flowTexts = map[NoteCode][2]string{
	NoteDirectory:       {"the card has a payment directory", "卡片有支付系统目录"},
	NoteNoDirectory:     {"no usable payment directory: the terminal tries its own list", "没有可用的支付系统目录，改用终端 AID 列表"},
	NoteBlocked:         {"the application is blocked", "应用已锁定"},
	NoteDropped:         {"the application cannot be used; the next one is tried", "该应用不可用，尝试下一个"},
	NoteUnconfirmed:     {"the application wants to be confirmed, and nobody can", "应用要求持卡人确认，而终端不支持"},
	NoteSelected:        {"application selected", "已选择应用"},
	NoteProfile:         {"the transaction has begun, the card wants or supports", "交易已启动，卡片要求或支持"},
	NoteCash:            {"the card goes the way of electronic cash", "卡片按电子现金流程处理"},
	NotePINTries:        {"PIN tries left", "PIN 剩余次数"},
	NotePINWrong:        {"the PIN is wrong", "PIN 错误"},
	NotePINRight:        {"the card has accepted the PIN", "卡片已验证 PIN"},
	NoteForcedOnline:    {"a load or unload always goes online", "圈存、圈提必须联机"},
	NoteCryptogram:      {"the card has given a cryptogram", "卡片已返回应用密文"},
	NoteAdvice:          {"the card wants the issuer to be told", "卡片要求发送通知"},
	NoteHostAnswer:      {"the issuer has answered", "发卡行已应答"},
	NoteHostLost:        {"the issuer was not reached", "无法联系发卡行"},
	NoteHostMalformed:   {"field 55 of the issuer's answer cannot be read; an approval counts as no answer", "发卡行应答的 55 域格式错误，批准视为无应答"},
	NoteUnableOnline:    {"the transaction cannot go online", "无法联机"},
	NoteScriptDone:      {"script carried out", "脚本执行成功"},
	NoteScriptStopped:   {"script stopped", "脚本执行中止"},
	NoteScriptHeldBack:  {"the card has declined: the load script is not sent", "卡片拒绝，不发送圈存脚本"},
	NoteCashNotDebited:  {"the account pays, not the electronic cash", "由账户付款，不扣电子现金"},
	NoteCombinedRefused: {"a cryptogram without a good combined signature counts for nothing", "复合签名不正确，密文无效"},
}
