package page

import (
	"strings"

	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/txn"
)

// fault is the reason in words.
func (p *Printer) fault(f kernel.Fault) string {
	switch f.Code {
	case kernel.HostLost, kernel.HostRefused:
		f.Tag = 0 // the issuer's code, which has a row of its own
	case kernel.BadStatus:
		sw := f.SW.String()
		return strings.Replace(f.Text(p.o.Lang), sw, strings.TrimSpace(sw+" "+f.SW.Meaning(p.o.Lang)), 1)
	}
	return f.Text(p.o.Lang)
}

var kindsZH = map[txn.Kind]string{
	txn.Purchase: "消费", txn.Entry: "进站", txn.Exit: "出站", txn.Single: "单次扣费", txn.Hold: "预授权", txn.Completion: "预授权完成",
	txn.Doubt: "可疑记录", txn.Declined: "拒绝记录",
}

// RowKind is the kind of a row in words; lang is "en" or "zh".
func RowKind(lang string, k txn.Kind) string {
	if lang == "zh" {
		return kindsZH[k]
	}
	return k.String()
}

func (p *Printer) rowKind(k txn.Kind) string { return RowKind(p.o.Lang, k) }

var doubtsZH = map[txn.DoubtReason]string{
	txn.LeftBeforeLast: "卡在读取末条记录前离场", txn.LastAnswerLost: "末条记录的应答丢失", txn.ODAFailed: "脱机数据认证失败", txn.DenyListed: "在黑名单中",
	txn.GateFault: "闸机故障", txn.CardDeclined: "卡片拒绝", txn.OnlineAsked: "卡片要求联机", txn.NotYetValid: "尚未生效", txn.Expired: "已过期",
	txn.MissingCardData: "卡片数据缺失", txn.FareNotComputed: "无法计算票价",
}

// Doubt is the reason of doubt, or why a tap was declined, in words; lang is "en" or "zh".
func Doubt(lang string, r txn.DoubtReason) string {
	if lang == "zh" {
		return doubtsZH[r]
	}
	return r.String()
}

func (p *Printer) doubt(r txn.DoubtReason) string { return Doubt(p.o.Lang, r) }
