package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/role/devcard"
)

func newCardProfiles(env *environment) *cobra.Command {
	return &cobra.Command{
		Use: "profiles", Short: "List the kinds of card and the development CA keys",
		Long: "List the profiles of cards, with their applications and algorithms, and the public keys\n" +
			"of the development certification authorities, which a terminal under test must trust.",
		Args: arguments(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error { return env.cardProfiles() },
	}
}

// profileList is what `citycard card profiles --json` prints.
type profileList struct {
	Profiles []devcard.Profile `json:"profiles"`
	CAKeys   []devcard.CAKey   `json:"ca_keys"`
}

func (e *environment) cardProfiles() error {
	var list profileList
	var err error
	if list.Profiles, err = devcard.Profiles(); err != nil {
		return err
	}
	others, err := devcard.OtherProfiles()
	if err != nil {
		return err
	}
	list.Profiles = append(list.Profiles, others...)
	if list.CAKeys, err = devcard.CAKeys(); err != nil {
		return err
	}
	e.developmentBanner()
	if e.json {
		return e.printJSON(list)
	}
	return e.printText(e.profileText(&list))
}

func (e *environment) profileText(list *profileList) string {
	var b strings.Builder
	rows := [][]string{{
		e.say("PROFILE", "模板"), "AID", e.say("ALGORITHMS (CA KEY)", "算法（CA 公钥）"), e.say("SIDES", "界面"),
		e.say("BALANCE", "初始余额"), e.say("LIMIT", "余额上限"), e.say("LOGS", "日志"), "PIN",
	}}
	for _, p := range list.Profiles {
		var suites []string
		for _, s := range p.Algorithms {
			suites = append(suites, fmt.Sprintf("%s+%s (%s)", s.Cryptogram, s.Signature, s.CAIndex))
		}
		row := []string{
			p.Name, p.AID, strings.Join(suites, " "), e.say("contactless", "非接触"), money.Fen(p.Opening).String(), money.Fen(p.Limit).String(),
			fmt.Sprintf("%d/%d", p.Log, p.LoadLog), e.say("no", "无"),
		}
		if p.Contact {
			row[3] = e.say("dual", "双界面")
		}
		if p.PIN {
			row[7] = e.say("yes", "有")
		}
		switch p.Kind {
		case devcard.KindPurse:
			row[2], row[3], row[6], row[7] = e.say("electronic purse", "电子钱包"), e.say("dual", "双界面"), "-", "-"
		case devcard.KindModule:
			row = []string{p.Name, p.AID, e.say("security module", "安全模块"), e.say("contact", "接触"), "-", "-", "-", "-"}
		}
		if p.Blank {
			row[2], row[4] = e.say("any: not personalised", "任意：未个人化"), "-"
		}
		rows = append(rows, row)
	}
	columns(&b, "", rows, 4, 5, 6)
	b.WriteString(e.say("\nCertification authority public keys\n", "\n认证中心公钥\n"))
	for _, k := range list.CAKeys {
		fmt.Fprintf(&b, "%s %s %s", k.RID, k.Index, k.Kind)
		if k.Exponent != 0 {
			fmt.Fprintf(&b, e.say(", exponent %d", "，指数 %d"), k.Exponent)
		}
		text := strings.ToUpper(k.Point + k.Modulus)
		for ; len(text) > 64; text = text[64:] {
			b.WriteString("\n  " + text[:64])
		}
		b.WriteString("\n  " + text + "\n")
	}
	return b.String()
}
