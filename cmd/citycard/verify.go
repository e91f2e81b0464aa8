package main

import (
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/crypt/party"
	"github.com/citycard/citycard/recon/evidence"
	"github.com/citycard/citycard/role/clerk"
	"github.com/citycard/citycard/txn"
)

// verifyFlags are the flags of `citycard verify`.
type verifyFlags struct {
	ca, root string
	devKeys  bool
}

func newVerifyCommand(env *environment) *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use:   "verify PACK",
		Short: "Check an evidence pack, with public keys only",
		Long: "Check an evidence pack of citycard recon pack. Nothing is needed but the pack, the payment\n" +
			"system's CA public keys (--ca, a JSON file as for citycard tap) and the certificate of the\n" +
			"city's root (--root, DER or PEM). Every signature, hash and proof in the pack is checked and\n" +
			"the conclusion is worked out again from the values. What only the issuer's own keys can\n" +
			"check is printed as said by the issuer, whose signature is checked.\n\n" +
			"Exit code 0: all that is in the pack verifies. 1: something does not; the message names the\n" +
			"member of the pack. 2: wrong command line or key file. 4: a file is not there.",
		Example: "  citycard verify case.zip --dev-keys\n" +
			"  citycard verify case.zip --ca unionpay.json --root city-root.cer --lang zh",
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error { return f.verify(env, args[0]) },
	}
	cmd.Flags().StringVar(&f.ca, "ca", "", "`file` with CA public keys of the cards, JSON")
	cmd.Flags().StringVar(&f.root, "root", "", "`file` with the certificate of the city's root, DER or PEM")
	cmd.Flags().BoolVar(&f.devKeys, "dev-keys", false, "trust the development keys, which are no secret")
	return cmd
}

// verifyResult is what --json prints.
type verifyResult struct {
	*evidence.Report
	AsOf     string        `json:"as_of"` // in place of the report's seconds
	Breaks   []verifyBreak `json:"breaks"`
	Verified bool          `json:"verified"`
	Error    string        `json:"error,omitempty"`
}

// verifyBreak is a break of the statement with its times as text.
type verifyBreak struct {
	evidence.Break
	Since string `json:"since"`
	Final string `json:"final"` // day, empty if it needs no time
}

func verifiedObject(r *evidence.Report, failed error) verifyResult {
	out := verifyResult{Report: r, AsOf: momentText(r.AsOf), Breaks: []verifyBreak{}, Verified: failed == nil}
	for _, b := range r.Breaks {
		out.Breaks = append(out.Breaks, verifyBreak{b, momentText(b.Since), dayOnly(b.Final)})
	}
	if failed != nil {
		out.Error = failed.Error()
	}
	return out
}

func (f *verifyFlags) verify(env *environment, path string) error {
	roots, err := f.roots(env)
	if err != nil {
		return err
	}
	pack, err := readSmall(path, evidence.MaxPack)
	if err != nil {
		return cannotRead(err)
	}
	report, failed := evidence.Verify(pack, roots)
	if failed != nil && !errors.Is(failed, evidence.ErrPack) {
		return fail(exitUsage, failed, "look into the file of --ca")
	}
	if env.json {
		err = env.printJSON(verifiedObject(report, failed))
	} else {
		err = env.printText(env.verifiedText(report, failed))
	}
	if err != nil || failed == nil {
		return err
	}
	return fail(exitFailed, failed, "do not rely on this pack; ask the issuer for a new one")
}

// roots collects the keys to trust.
func (f *verifyFlags) roots(env *environment) (*evidence.Roots, error) {
	var roots evidence.Roots
	var err error
	if roots.CA, err = caKeys(f.ca); err != nil {
		return nil, err
	}
	if f.root != "" {
		if roots.Party, err = partyRoot(f.root); err != nil {
			return nil, err
		}
	}
	if !f.devKeys {
		if f.ca == "" || f.root == "" {
			return nil, fail(exitUsage, errors.New("nothing to trust: --ca and --root are needed"), "name both files, or add --dev-keys for a pack of a simulated city")
		}
		return &roots, nil
	}
	env.developmentBanner()
	if f.ca == "" {
		if roots.CA, err = devkeys.CAKeys(); err != nil {
			return nil, err
		}
	}
	if f.root == "" {
		dev, err := clerk.DevelopmentParties()
		if err != nil {
			return nil, err
		}
		roots.Party = dev.Root()
	}
	return &roots, nil
}

func partyRoot(path string) (*party.Certificate, error) {
	b, err := readSmall(path, 64<<10)
	if err != nil {
		return nil, cannotRead(err)
	}
	if p, _ := pem.Decode(b); p != nil && p.Type == "CERTIFICATE" {
		b = p.Bytes
	}
	c, err := party.Parse(b)
	if err == nil && c.Subject.Role != party.Root {
		err = fmt.Errorf("it is the certificate of %s, not of a root", c.Subject)
	}
	if err != nil {
		return nil, fail(exitUsage, fmt.Errorf("--root %s: %w", path, err), "docs/reference/evidence-pack.md says what a root certificate is")
	}
	return c, nil
}

// verifiedText is the report for people.
func (e *environment) verifiedText(r *evidence.Report, failed error) string {
	var b strings.Builder
	if r.Card != "" {
		fmt.Fprintf(&b, e.say("evidence pack: card %s, issuer %s, as of %s\n", "证据包：卡片 %s，发卡方 %s，截至 %s\n"),
			r.Card, r.Issuer, time.Unix(r.AsOf, 0).In(txn.CityTime).Format("2006-01-02 15:04"))
	}
	for i := range r.Lines {
		l := &r.Lines[i]
		fmt.Fprintf(&b, "  %-9s  %s\n", l.ResultText(string(e.lang)), l.Text(string(e.lang)))
	}
	if failed != nil {
		fmt.Fprintf(&b, e.say("NOT VERIFIED: %v\n", "验证失败：%v\n"), failed)
		return b.String()
	}
	b.WriteString(e.say("all that is in the pack verifies\n", "证据包内全部内容验证通过\n"))
	if r.Redacted {
		b.WriteString(e.say("redacted: without account number the card's own signatures cannot be checked\n", "已脱敏：不含卡号，卡片自身签名无法验证\n"))
	}
	b.WriteString(e.say("\"said\" is the issuer's word under its signature: only its keys can check it. A TC is no proof of payment; the next balance is.\n",
		"“声明”为发卡方签名担保的陈述，仅其密钥可验证。TC 不等于已扣款，下一笔余额才是证明。\n"))
	return b.String()
}
