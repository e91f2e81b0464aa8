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
	for _, a := range r.algs {
		f.Algorithms = append(f.Algorithms, a.String())
	}
	return f
}

// noApplication is why nearly everything is skipped on a card without one.
var noApplication = Text{"no application can be selected on the card", "卡上没有可选择的应用"}

// missing says what a case needs and this run does not have; empty if nothing.
func (r *run) missing(n need) Text {
	_, options := r.limits()
	tries := r.objects[tlv.TagPINTryCounter]
	_, cash := r.objects[tlv.TagECBalance]
	for _, m := range []struct {
		need need
		have bool
		why  Text
	}{
		{needApplication | needContactless | needContact | needCash | needOptions | needCA | needPIN, r.found, noApplication},
		{needContactless, r.air != nil, Text{"the card shows no qPBOC application through this reader", "通过该读卡器未见 qPBOC 应用"}},
		{needContact, r.contact != nil, Text{"the card shows no contact side through this reader", "通过该读卡器未见接触应用"}},
		{needCash, cash, Text{"the card has no electronic cash (9F79)", "卡片无电子现金（9F79）"}},
		{needOptions, options, Text{"the card does not tell its limits, so decisions cannot be foreseen", "卡片未给出限额参数，无法预知其决策"}},
		{needCA, r.oda != nil, Text{"no CA public keys were given", "未提供 CA 公钥"}},
		{needKeys, r.opts.Keys != nil, Text{"the issuer's keys are not known", "发卡行密钥未知"}},
		{needPIN, r.opts.PIN.Len() != 0, Text{"the PIN is not known", "个人密码未知"}},
		{needPIN, len(tries) == 1 && tries[0] > 1, Text{"no more than one PIN try is left, or the card does not tell", "密码剩余次数不多于一次或未知"}},
		{needDestructive, r.opts.Destructive, Text{"changes the card: not allowed in this run", "会改变卡片：本次运行未允许"}},
		{needManager, r.manager != nil, Text{"no card manager can be selected", "无法选择卡片管理器"}},
	} {
		if n&m.need != 0 && !m.have {
			return m.why
		}
	}
	return Text{}
}
