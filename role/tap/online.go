package tap

import (
	"fmt"
	"strings"

	"github.com/citycard/citycard/role/host"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
	"github.com/citycard/citycard/wire/tlv/describe"
)

// HostName is what an issuer's end is called in a language, "en" or "zh".
func HostName(h host.Host, lang string) string {
	if lang == "zh" {
		switch h.(type) {
		case *host.InProcess:
			return "开发用发卡行"
		case host.None:
			return "无"
		}
	}
	return h.Name()
}

// request explains what the issuer is asked.
func (x *Explainer) request(h host.Host, q *txn.OnlineRequest) Side {
	kind := q.Kind.String()
	if x.o.Lang == "zh" {
		kind = map[txn.OnlineKind]string{
			txn.OnlinePurchase: "消费", txn.OnlineInquiry: "查询余额", txn.OnlineLoad: "圈存", txn.OnlineUnload: "圈提",
		}[q.Kind]
	}
	s := Side{Title: fmt.Sprintf(x.say("ask %s: %s of %v", "询问%s：%s %v"), HostName(h, x.o.Lang), kind, q.Amount)}
	s.Hex, s.Facts = x.field55(q.ICC)
	if q.HasPIN {
		s.Facts = append(s.Facts, Fact{Name: x.say("enciphered PIN, never shown", "密文PIN，不显示")})
	}
	return s
}

// reply explains what the issuer answers.
func (x *Explainer) reply(a *txn.OnlineAnswer) Side {
	verdict := x.say("declined", "拒绝")
	if a.Approved() {
		verdict = x.say("approved", "批准")
	}
	title := fmt.Sprintf(x.say("%s %s", "%s %s"), code(a.Code), verdict)
	if a.AuthCode != "" {
		title += x.say(", authorisation code ", "，授权码 ") + a.AuthCode
	}
	if a.Known {
		title += x.say(", account holds ", "，账户余额 ") + a.Available.String()
	}
	s := Side{Title: title}
	s.Hex, s.Facts = x.field55(a.ICC)
	return s
}

// code is field 39, which a host may fill with anything.
func code(c [2]byte) string {
	if c[0] < 0x21 || c[0] > 0x7E || c[1] < 0x21 || c[1] > 0x7E {
		return fmt.Sprintf("%X", c)
	}
	return string(c[:])
}

// field55 explains data objects on the line to the issuer. Such as cannot be read are
// hidden: a card number could stand anywhere in them.
func (x *Explainer) field55(b []byte) (string, []Fact) {
	if len(b) == 0 {
		return "", nil
	}
	nodes, err := tlv.Parse(b)
	if err != nil {
		return strings.Repeat("**", len(b)), []Fact{{Name: x.say("malformed data objects", "数据对象有错"), Note: err.Error()}}
	}
	items := describe.Nodes(nodes, x.o)
	return masked(b, items), x.facts(items, 0)
}
