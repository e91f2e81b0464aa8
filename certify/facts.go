package certify

import (
	"fmt"

	"github.com/citycard/citycard/wire/tlv"
)

// known is the shown form of what was learned.
func (r *run) known() CardFacts {
	f := CardFacts{ATR: r.mask.hex(r.card.ATR()), AID: fmt.Sprintf("%X", r.aid), Contactless: r.air != nil, Contact: r.contact != nil,
		PINTries: -1, ATCBefore: r.atcBefore, ATCAfter: r.atcAfter, Balance: r.balance, Spent: max(r.spent, r.opening-r.balance), SpentSecond: r.spentSecond, Algorithms: []string{}}
	for _, s := range []*side{r.contact, r.air} {
		if s == nil {
			continue
		}
		if label, ok := tlv.Find(s.fci, tlv.TagFCITemplate, tlv.TagFCIProprietary, tlv.TagApplicationLabel); ok && printable(label) {
			f.Label = string(label)
		}
	}
	if v := r.objects[tlv.TagPINTryCounter]; len(v) == 1 {
		f.PINTries = int(v[0])
	}
	if r.panSeen {
		f.PAN = r.pan.Masked()
	}
	r.cityFacts(&f)
	for _, a := range r.algs {
		f.Algorithms = append(f.Algorithms, a.String())
	}
	return f
}

// noApplication is why nearly everything is skipped on a card without one.
var noApplication = Text{"no application can be selected on the card", "卡上没有可选择的应用"}

// noBankCard is the reason on a purse or a module alone.
var noBankCard = Text{"the card is no bank card", "该卡不是银行卡"}

// missing says what a case needs and this run does not have; empty if nothing.
func (r *run) missing(n need) Text {
	_, options := r.limits()
	if r.other() && n&(needApplication|needContactless|needContact|needCash|needOptions|needCA|needPIN|needTransit|needQuota) != 0 {
		return noBankCard
	}
	tries := r.objects[tlv.TagPINTryCounter]
	_, cash := r.objects[tlv.TagECBalance]
	for _, m := range []struct {
		need need
		have bool
		why  Text
	}{
		{needApplication | needContactless | needContact | needCash | needOptions | needCA | needPIN | needTransit | needJourney | needQuota, r.found, noApplication},
		{needContactless, r.air != nil, Text{"the card shows no qPBOC application through this reader", "通过该读卡器未见 qPBOC 应用"}},
		{needContact, r.contact != nil, Text{"the card shows no contact side through this reader", "通过该读卡器未见接触应用"}},
		{needCash, cash, Text{"the card has no electronic cash (9F79)", "卡片无电子现金（9F79）"}},
		{needOptions, options, Text{"the card does not tell its limits, so decisions cannot be foreseen", "卡片未给出限额参数，无法预知其决策"}},
		{needCA, r.oda != nil, Text{"no CA public keys were given", "未提供 CA 公钥"}},
		{needKeys, r.opts.Keys != nil, Text{"the issuer's keys are not known", "发卡行密钥未知"}},
		{needPIN, r.opts.PIN.Len() != 0, Text{"the PIN is not known", "个人密码未知"}},
		{needPIN, len(tries) == 1 && tries[0] > 1, Text{"no more than one PIN try is left, or the card does not tell", "密码剩余次数不多于一次或未知"}},
		{needDestructive, r.opts.Destructive, Text{"changes the card: not allowed in this run", "会改变卡片：本次运行未允许"}},
		{needTransit, r.transit.support != 0 && r.air.pdol.Has(tlv.TagCAPPIndicator), Text{"the card does not have the low-value extension (DF61, DF60)", "卡片不支持小额扩展应用（DF61、DF60）"}},
		{needJourney, len(r.transit.records) > 0, Text{"no journey record of a known file and identifier was found", "未找到已知文件与标识的行程记录"}},
		{needQuota, r.transit.quota, Text{"the card's balance is no quota", "卡片余额不是额度"}},
		{needSecrets, r.opts.Secrets != nil, Text{"the keys of this application are not known", "该应用的密钥未知"}},
		{needPurse, r.purse != nil, Text{"the card has no electronic purse of JT/T 978 or City Union", "卡上没有 JT/T 978 或城市通电子钱包"}},
		{needPursePIN, r.opts.CityPIN.Len() != 0, Text{"the PIN of purse and partitions is not known", "电子钱包及分区的个人密码未知"}},
		{needModule, r.module != nil, Text{"the card is no purchase secure access module", "该卡不是消费安全存取模块"}},
		{needCivic, r.civic("social-security") != nil, Text{"the card has no social security application", "卡上没有社会保障应用"}},
		{needSeveral, len(r.names()) > 1, Text{"the card has one application alone", "卡上仅有一个应用"}},
		{needSacrifice, r.opts.Sacrifice, Text{"leaves an application locked for good: not allowed in this run", "会永久锁定应用：本次运行未允许"}},
		{needManager, r.manager != nil, Text{"no card manager can be selected", "无法选择卡片管理器"}},
	} {
		if n&m.need != 0 && !m.have {
			return m.why
		}
	}
	return Text{}
}
