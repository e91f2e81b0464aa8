package page

import (
	"errors"

	"github.com/citycard/citycard/role/tap"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/kernel/emv"
	"github.com/citycard/citycard/terminal/pos"
	"github.com/citycard/citycard/terminal/reader"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// text is a sentence in both languages.
type text struct{ en, zh string }

// shown are the hints that follow from what the terminal shows.
var shown = map[pos.Display]text{
	pos.ShowSign:         {"let the cardholder sign the receipt and compare the signature", "请持卡人签名并核对"},
	pos.ShowBalanceLow:   {"load the card (--kind load) or ask for less", "请先圈存（--kind load）或减少金额"},
	pos.ShowDenied:       {"take the card to its issuer", "请联系发卡行"},
	pos.ShowExpired:      {"the card has expired: its issuer gives a new one", "卡已过期，请联系发卡行换卡"},
	pos.ShowNotYetValid:  {"the card is not valid yet; check the terminal's date (--time)", "卡尚未生效；请检查终端日期（--time）"},
	pos.ShowNotAccepted:  {"the card has no application that this terminal takes: citycard card show lists what it has", "卡上没有本终端受理的应用，可用 citycard card show 查看"},
	pos.ShowNotGenuine:   {"do not hand over goods; if the card is real, its CA key may be missing (--ca FILE)", "请勿交付商品；如为真卡，可能缺少认证中心公钥（--ca FILE）"},
	pos.ShowUseOther:     {"run it again with --interface contact", "请加 --interface contact 再试"},
	pos.ShowTryAgain:     {"hold the card longer and try again: nothing was paid", "未扣款，请持卡稍久一些再试"},
	pos.ShowNoIssuer:     {"check the line to the issuer (--host) and try again", "请检查与发卡行的连接（--host）后重试"},
	pos.ShowHostDeclined: {"the issuer says no: its code is above", "发卡行拒绝，代码见上"},
	pos.ShowCancelled:    {"nothing was paid; start again", "未扣款，可重新开始"},
	pos.ShowInsert:       {"the card has a chip: use it", "此卡有芯片，请使用芯片"},
}

// Hint says what to do after a sale, in a language, "en" or "zh".
func Hint(t *tap.Trace, lang string) string {
	r := &t.Result
	pick := func(h text) string {
		if lang == "zh" {
			return h.zh
		}
		return h.en
	}
	switch {
	case errors.Is(t.Broken, reader.ErrRecording):
		return pick(text{"sell as in the recording: the same kind, amount, --choose and answers of the issuer (--host)", "请与录制时一致：交易类型、金额、--choose 及发卡行应答（--host）"})
	case errors.Is(t.Broken, reader.ErrMute) && t.Sale.Interface == pos.Contact:
		return pick(text{"take the card out and put it in again, chip first and facing the contacts", "请取出卡片重新插入，芯片朝前并对准触点"})
	case errors.Is(t.Broken, reader.ErrMute):
		return pick(text{"take the card away and hold it to the reader again, flat and by itself", "请移开卡片，单独平放后重新刷卡"})
	case t.Broken != nil:
		return pick(text{"the reader failed: the message below says why", "读卡器故障，原因见下"})
	case r.Reversal != nil && !undone(t):
		return pick(text{"check the line to the issuer (--host); the reversal has not arrived and must be sent again, since the issuer may hold money", "请检查与发卡行的连接（--host）；冲正未送达，须重发，发卡行可能仍占用金额"})
	case r.Display == pos.ShowNotGenuine:
		return pick(shown[r.Display])
	case r.Outcome == pos.Doubt && notGenuine(r.ODA):
		return pick(text{"do not hand over goods, but keep the receipt: the card may have paid; if it is real, its CA key may be missing (--ca FILE)",
			"请勿交付商品，但请保留凭条：卡片可能已扣款；如为真卡，可能缺少认证中心公钥（--ca FILE）"})
	case r.Outcome == pos.Doubt && r.Commit == kernel.CommitUnknown:
		return pick(text{"keep the receipt: the card's next tap anywhere shows whether it has paid, and the doubt row gets the money back",
			"请保留凭条：该卡下次使用即可查明是否扣款，并按可疑记录处理"})
	case r.Outcome == pos.Doubt && unsettled(r):
		return pick(text{"keep the receipt and do not repeat it: the card's next request to the issuer shows whether its balance has changed, and the account follows",
			"请保留凭条，勿重复操作：卡片下次联机时发卡行即可查明余额是否已变，并据此处理账户"})
	case r.Outcome == pos.Doubt:
		return pick(text{"the doubt row accounts for the counter; a new sale may be made", "可疑记录已登记该计数器，可重新交易"})
	}
	switch {
	case t.Purse:
		return pick(text{"this card is an electronic purse, which a till does not take: citycard gate does", "此卡是电子钱包，商户终端不受理，请用 citycard gate"})
	case r.Fault.Code == kernel.BadStatus && r.Fault.SW == apdu.SWInvalidated:
		return pick(text{"the application is blocked: its issuer can unblock it", "应用已锁定，请联系发卡行解锁"})
	case r.Fault.Code == kernel.BadStatus && r.Fault.SW == apdu.SWFileNotFound && r.Fault.Tag == tlv.TagADFName:
		return pick(shown[pos.ShowNotAccepted])
	case t.Verified == tap.Forged && (r.Outcome == pos.OfflineApproved || r.Outcome == pos.OnlineApproved):
		return pick(text{"the terminal cannot see it, but the cryptogram is wrong: the issuer will not honour this sale", "终端无法识别，但应用密文错误：发卡行不会承兑此交易"})
	case r.Outcome == pos.Declined && withoutPIN(t):
		return pick(text{"the PIN is wanted: give it with --pin or --pin-stdin, or when asked", "需要密码：请用 --pin、--pin-stdin 提供，或在提示时输入"})
	case t.Sale.Kind == pos.Balance && r.Outcome == pos.OfflineApproved:
		return pick(text{"nothing was paid and no counter was used up", "未扣款，未占用计数器"})
	}
	if h, ok := shown[r.Display]; ok {
		return pick(h)
	}
	switch r.Outcome {
	case pos.OfflineApproved, pos.OnlineApproved:
		return pick(text{"take the card away", "请取走卡片"})
	case pos.Declined:
		return pick(text{"pay in another way; the bits above say who refused and why", "请换其他方式支付；拒绝原因见上"})
	case pos.OtherInterface:
		return pick(text{"insert the card or use another way to pay", "请插卡或换其他方式支付"})
	}
	return pick(text{"try another card; if it happens again, the trace above shows what this one answered", "请换卡重试；如再次发生，请查看上面的记录"})
}

// unsettled says that nobody knows yet whether a script has changed the card's balance.
func unsettled(r *pos.Result) bool {
	return r.Reversal != nil && r.Reversal.Reason == emv.ScriptUnknown
}

// notGenuine says that offline data authentication has failed.
func notGenuine(o pos.ODA) bool {
	return o == pos.SDAFailed || o == pos.DDAFailed || o == pos.CDAFailed || o == pos.FDDAFailed
}

// withoutPIN says that a PIN was asked for and none was entered.
func withoutPIN(t *tap.Trace) bool {
	for i := range t.Steps {
		if s := &t.Steps[i]; s.Kind == tap.PIN && !s.Entered {
			return true
		}
	}
	return false
}

// undone says that the issuer has confirmed the reversal.
func undone(t *tap.Trace) bool {
	for i := range t.Steps {
		if s := &t.Steps[i]; s.Kind == tap.Reversal && s.Lost == nil {
			return true
		}
	}
	return false
}
