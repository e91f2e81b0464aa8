package apdu

import "fmt"

// meaning is a status word in words.
type meaning struct {
	sw     SW
	en, zh string
}

// meanings are in the order of the status words. Sources: ISO/IEC 7816-4, table 6; JR/T
// 0025.5; for 697x and 9406 JR/T 0025.14; for 6901, 93xx and 94xx the
// electronic purse of JR/T 0025.
var meanings = [...]meaning{
	{0x6281, "part of the returned data may be corrupted", "返回的数据可能有错"},
	{0x6282, "end of file or record reached before Le bytes", "读到文件或记录末尾，不足Le字节"},
	{0x6283, "selected file or application is blocked (invalidated)", "选择的文件或应用已锁定（无效）"},
	{0x6284, "file control information not in the expected format", "文件控制信息格式不正确"},
	{0x6285, "selected file is in termination state", "选择的文件已终止"},
	{0x6300, "authentication failed", "认证失败"},
	{0x6381, "file filled up by the last write", "最后一次写入使文件已满"},
	{0x6581, "memory failure, or the CAPP cache is full", "写存储器失败，或扩展应用缓存已满"},
	{0x6700, "wrong length", "长度错误"},
	{0x6881, "logical channel not supported", "不支持逻辑通道"},
	{0x6882, "secure messaging not supported", "不支持安全报文"},
	{0x6883, "last command of the chain expected", "应为命令链的最后一条"},
	{0x6884, "command chaining not supported", "不支持命令链"},
	{0x6900, "command not allowed; class does not fit the line protocol", "命令不允许：类别与线路保护不符"},
	{0x6901, "command not accepted in this state", "命令在当前状态下不接受"},
	{0x6971, "too many pre-authorisations are open (at most three)", "预授权交易数超限（最多三笔）"},
	{0x6972, "a pre-authorisation for this SFI and ID is already open", "同一文件和标识的预授权尚未完成"},
	{0x6973, "no pre-authorisation to complete", "没有对应的预授权，不能完成"},
	{0x6974, "the record read last is not the one that was updated", "最后读取的记录与更新的记录不一致"},
	{0x6981, "command incompatible with the file structure", "命令与文件结构不相容"},
	{0x6982, "security status not satisfied", "不满足安全状态"},
	{0x6983, "authentication method blocked", "认证方法锁定"},
	{0x6984, "referenced data invalidated, or no challenge was taken", "引用的数据无效，或未取随机数"},
	{0x6985, "conditions of use not satisfied", "使用条件不满足"},
	{0x6986, "command not allowed: no current file", "不满足命令执行条件：无当前文件"},
	{0x6987, "secure messaging data missing (MAC)", "安全报文数据项丢失（MAC）"},
	{0x6988, "secure messaging data wrong (MAC)", "安全报文数据项不正确（MAC）"},
	{0x6A80, "wrong parameters in the data field", "数据域参数不正确"},
	{0x6A81, "function not supported, or card or application blocked", "功能不支持，或卡片、应用已锁定"},
	{0x6A82, "file or application not found", "未找到文件或应用"},
	{0x6A83, "record not found", "未找到记录"},
	{0x6A84, "not enough space in the file", "文件中存储空间不足"},
	{0x6A85, "Lc inconsistent with the TLV structure", "Lc与TLV结构不一致"},
	{0x6A86, "wrong parameters P1 P2", "参数P1、P2不正确"},
	{0x6A87, "Lc inconsistent with P1 P2", "Lc与P1、P2不一致"},
	{0x6A88, "referenced data or key not found", "未找到引用的数据或密钥"},
	{0x6A89, "file already exists", "文件已存在"},
	{0x6A8A, "DF name already exists", "专用文件名已存在"},
	{0x6B00, "wrong parameters: offset outside the file", "参数错误：偏移超出文件"},
	{0x6D00, "instruction not supported or invalid", "指令不支持或无效"},
	{0x6E00, "class not supported", "类别不支持"},
	{0x6F00, "no precise diagnosis", "数据无效，无确切诊断"},
	{0x9000, "normal processing", "正常处理"},
	{0x9301, "not enough money", "资金不足"},
	{0x9302, "MAC wrong", "MAC无效"},
	{0x9303, "application locked for good", "应用被永久锁定"},
	{0x9401, "not enough money", "金额不足"},
	{0x9402, "transaction counter at its maximum", "交易计数器达到最大值"},
	{0x9403, "key index not supported", "密钥索引不支持"},
	{0x9406, "proof (MAC or TAC) not available", "所需的MAC或TAC不可用"},
}

// classes are the meanings of SW1 alone, for status words not in meanings.
var classes = [...]meaning{
	{0x6200, "warning, memory unchanged", "警告：存储器未改变"},
	{0x6300, "warning, memory changed", "警告：存储器已改变"},
	{0x6400, "execution error, memory unchanged", "执行错误：存储器未改变"},
	{0x6500, "execution error, memory changed", "执行错误：存储器已改变"},
	{0x6600, "security problem", "安全问题"},
	{0x6700, "wrong length", "长度错误"},
	{0x6800, "function of the class byte not supported", "不支持类别字节中的功能"},
	{0x6900, "command not allowed", "命令不允许"},
	{0x6A00, "wrong parameters", "参数错误"},
	{0x6B00, "wrong parameters P1 P2", "参数P1、P2错误"},
	{0x6D00, "instruction not supported or invalid", "指令不支持或无效"},
	{0x6E00, "class not supported", "类别不支持"},
	{0x6F00, "no precise diagnosis", "无确切诊断"},
}

// Meaning says in words what s means, in Chinese for lang "zh" and in English
// for any other. A status word that is not in the tables gets the meaning of
// its first byte, or "not defined".
func (s SW) Meaning(lang string) string {
	m := s.meaning()
	if lang == "zh" {
		return m.zh
	}
	return m.en
}

func (s SW) meaning() meaning {
	if n, ok := s.Remaining(); ok {
		return meaning{s, fmt.Sprintf("verification failed, %d tries left", n), fmt.Sprintf("认证失败，剩余%d次尝试", n)}
	}
	if n, ok := s.More(); ok {
		return meaning{s, fmt.Sprintf("%d bytes available by GET RESPONSE", n), fmt.Sprintf("还有%d字节可用GET RESPONSE取回", n)}
	}
	if n, ok := s.CorrectLe(); ok {
		return meaning{s, fmt.Sprintf("wrong Le, send again with %d", n), fmt.Sprintf("长度Le错误，应为%d", n)}
	}
	for _, m := range meanings {
		if m.sw == s {
			return m
		}
	}
	for _, m := range classes {
		if m.sw == s&0xFF00 {
			return m
		}
	}
	return meaning{s, "not defined", "未定义"}
}
