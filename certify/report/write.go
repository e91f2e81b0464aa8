package report

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/citycard/citycard/certify"
)

// Write writes the page of a run against a card. It fails if there is no report, or if w
// does; nothing is written before the whole page has been made.
func Write(w io.Writer, r *certify.Report) error {
	if r == nil {
		return errors.New("write conformance page: no report")
	}
	return cardPage(r).Write(w)
}

func cardPage(r *certify.Report) *Page {
	c := &r.Card
	p := &Page{
		Title: certify.Text{EN: "CityCard conformance", ZH: "符合性检测"}, Kicker: certify.Text{EN: "Conformance run against one card", ZH: "卡片符合性检测报告"},
		Heading: c.Label, Subject: r.Profile, Conforms: r.Conforms(), Cases: r.Cases,
		Head: []Fact{
			{Name: certify.Text{EN: "Profile", ZH: "卡片规格"}, Value: same(r.Profile)},
			{Name: certify.Text{EN: "Application", ZH: "应用"}, Value: same(c.AID), Code: true},
			{Name: certify.Text{EN: "Account", ZH: "账号"}, Value: same(c.PAN), Code: true},
			{Name: certify.Text{EN: "Algorithms", ZH: "算法"}, Value: same(strings.Join(c.Algorithms, ", "))},
			{Name: certify.Text{EN: "Interfaces", ZH: "界面"}, Value: interfaces(c)},
			{Name: certify.Text{EN: "Time", ZH: "时间"}, Value: same(r.Time)},
		},
		Tile: Tile{strconv.FormatInt(int64(c.Spent+c.PurseSpent), 10), spent(c)},
		Facts: []Fact{
			{Name: certify.Text{EN: "Answer to reset", ZH: "复位应答"}, Value: same(c.ATR), Code: true},
			{Name: certify.Text{EN: "Transaction counter", ZH: "交易计数器"}, Value: same(counted(c.ATCBefore) + " → " + counted(c.ATCAfter))},
			{Name: certify.Text{EN: "PIN tries before the run", ZH: "检测前密码剩余次数"}, Value: same(counted(c.PINTries))},
			{Name: certify.Text{EN: "Electronic cash after the run, in yuan", ZH: "检测后电子现金余额（元）"}, Value: same(c.Balance.String())},
			{Name: certify.Text{EN: "Cases that change the card", ZH: "改变卡片的案例"}, Value: certify.Text{EN: "left out", ZH: "未运行"}},
		},
		Foot: certify.Text{EN: "Account numbers are masked and PINs are left out. A passed case says that the card did right here, not that it always will.",
			ZH: "账号已屏蔽，密码不予显示。案例通过仅说明卡片在本次检测中行为正确。"},
	}
	if p.Heading == "" {
		p.Heading = r.Profile
	}
	if r.Destructive {
		p.Facts[len(p.Facts)-1].Value = certify.Text{EN: "run", ZH: "已运行"}
	}
	beside(p, c)
	for _, g := range certify.Groups() {
		p.Groups = append(p.Groups, Group{g.Key, g.Name, len(g.Cases)})
	}
	return p
}

// beside adds what the card has beside the finance application.
func beside(p *Page, c *certify.CardFacts) {
	if c.Extension != "" {
		kind := certify.Text{EN: c.Extension + ", section fare", ZH: c.Extension + "，分段扣费"}
		if c.Extension == "02" {
			kind = certify.Text{EN: kind.EN + " and pre-authorisation", ZH: kind.ZH + "与预授权"}
		}
		if c.Quota {
			kind = certify.Text{EN: kind.EN + "; the balance is a quota", ZH: kind.ZH + "；余额为额度"}
		}
		p.Facts = append(p.Facts, Fact{Name: certify.Text{EN: "Low-value extension (DF61)", ZH: "小额扩展应用（DF61）"}, Value: kind})
	}
	if c.Purse != "" {
		p.Facts = append(p.Facts, Fact{Name: certify.Text{EN: "Electronic purse", ZH: "电子钱包"}, Value: same(c.Purse), Code: true},
			Fact{Name: certify.Text{EN: "Purse after the run, in yuan", ZH: "检测后钱包余额（元）"}, Value: certify.Text{
				EN: fmt.Sprintf("%v, %v spent", c.PurseBalance, c.PurseSpent), ZH: fmt.Sprintf("%v，消费 %v", c.PurseBalance, c.PurseSpent)}})
	}
	if c.Terminal != "" {
		p.Facts = append(p.Facts, Fact{Name: certify.Text{EN: "Terminal of the security module", ZH: "安全模块终端机编号"}, Value: same(c.Terminal), Code: true})
	}
	if len(c.Partitions) > 0 {
		p.Facts = append(p.Facts, Fact{Name: certify.Text{EN: "Public service applications", ZH: "民生应用"}, Value: same(strings.Join(c.Partitions, ", "))})
	}
}

// same is a text that both languages write alike.
func same(s string) certify.Text { return certify.Text{EN: s} }

func interfaces(c *certify.CardFacts) certify.Text {
	var en, zh []string
	if c.Contact {
		en, zh = append(en, "contact"), append(zh, "接触")
	}
	if c.Contactless {
		en, zh = append(en, "contactless"), append(zh, "非接触")
	}
	return certify.Text{EN: strings.Join(en, " + "), ZH: strings.Join(zh, " + ")}
}

// spent says what the figure of the tile counts.
func spent(c *certify.CardFacts) certify.Text {
	t := certify.Text{EN: "fen spent", ZH: "消费金额（分）"}
	if n := int64(c.SpentSecond); n != 0 {
		t.EN += fmt.Sprintf(" · %d of the second currency", n)
		t.ZH += fmt.Sprintf(" · 第二币种 %d", n)
	}
	return t
}

// counted is a number of the card; -1 is not known.
func counted(n int) string {
	if n < 0 {
		return "–"
	}
	return strconv.Itoa(n)
}
