package page

import (
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

// faultsZH are the codes of kernel.Fault in Chinese; the English ones are the
// kernel's own.
var faultsZH = map[kernel.FaultCode]string{
	kernel.BadAnswer: "应答不是响应APDU", kernel.BadStatus: "状态字", kernel.BadTLV: "数据格式有错", kernel.Missing: "缺少数据",
	kernel.BadValue: "数据值有错", kernel.Repeated: "数据重复", kernel.Mismatch: "数据相互矛盾", kernel.NoApplication: "没有共同的应用",
	kernel.NotQPBOC: "不是qPBOC应用", kernel.TooMuchData: "数据过多", kernel.LimitReached: "达到终端限额", kernel.OnDenyList: "在黑名单中",
	kernel.Restricted: "处理限制", kernel.CardRefused: "卡片拒绝", kernel.CardAsksOnline: "卡片要求联机", kernel.NotGenuine: "脱机数据认证失败",
	kernel.TerminalRefused: "终端行为分析拒绝", kernel.HostRefused: "发卡行拒绝", kernel.HostLost: "无法联系发卡行", kernel.GaveUp: "已取消",
	kernel.WrongOrder: "卡片应答不合顺序",
}

// fault is the reason in words.
func (p *Printer) fault(f kernel.Fault) string {
	name, ok := faultsZH[f.Code]
	if p.o.Lang != "zh" || !ok {
		return f.String()
	}
	switch {
	case f.Code == kernel.NotGenuine:
		name += "：" + f.ODA.String()
	case f.Code == kernel.BadStatus:
		name += " " + f.SW.String() + " " + f.SW.Meaning("zh")
	}
	if f.Tag == 0 {
		return name
	}
	name += "：" + f.Tag.String()
	if info, ok := tlv.Lookup(f.Tag); ok {
		name += " " + info.NameIn("zh")
	}
	return name
}

var kindsZH = map[txn.Kind]string{
	txn.Purchase: "消费", txn.Entry: "进站", txn.Exit: "出站", txn.Single: "单次扣费", txn.Hold: "预授权", txn.Completion: "预授权完成",
	txn.Doubt: "可疑记录", txn.Declined: "拒绝记录",
}

func (p *Printer) rowKind(k txn.Kind) string { return p.say(k.String(), kindsZH[k]) }

var doubtsZH = map[txn.DoubtReason]string{
	txn.LeftBeforeLast: "卡在读取末条记录前离场", txn.LastAnswerLost: "末条记录的应答丢失", txn.ODAFailed: "脱机数据认证失败", txn.DenyListed: "在黑名单中",
	txn.GateFault: "闸机故障", txn.CardDeclined: "卡片拒绝", txn.OnlineAsked: "卡片要求联机", txn.NotYetValid: "尚未生效", txn.Expired: "已过期",
	txn.MissingCardData: "卡片数据缺失", txn.FareNotComputed: "无法计算票价",
}

func (p *Printer) doubt(r txn.DoubtReason) string { return p.say(r.String(), doubtsZH[r]) }
