package certify_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/perso"
	"github.com/citycard/citycard/certify"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/crypt/scp"
	"github.com/citycard/citycard/role/devcard"
)

// variants are products that decide otherwise than the development profiles, as
// edits of dev-sm (old text, new text), and cases that only they can pass.
var variants = []struct {
	name  string
	edits []string
	pass  []string
}{
	{"hides the balance", []string{`options: "81109000"`, `options: "80109000"`}, []string{"gpo-hidden"}},
	{"no signature", []string{`options: "81109000"`, `options: "81108000"`}, []string{"decision-signature-unknown"}},
	{"refuses other currencies", []string{`options: "81109000"`, `options: "81509000"`}, []string{"decision-foreign-refused"}},
	{"new card refused by gates", []string{`options: "81109000"`, `options: "81309000"`}, []string{"decision-online-asked", "gac-logged"}},
	{"no funds test", []string{`options: "81109000"`, `options: "01109000"`}, []string{"cvr-online", "gac-logged"}},
	{"no single payment", []string{"single: 50000", "single: 0"}, []string{"decision-online-asked", "gac-logged"}},
	{"verifies every payment, by signature", []string{"cvm: 50000", "cvm: 0"}, []string{"decision-zero", "gac-logged"}},
	{"verifies every payment, and cannot", []string{"cvm: 50000", "cvm: 0", `options: "81109000"`, `options: "81100000"`}, []string{"decision-zero", "gac-logged"}},
	{"knows no verification", []string{`options: "81109000"`, `options: "81100000"`}, []string{"decision-approve", "decision-cvm-limit-equal"}},
	{"new card goes online", []string{`options: "81109000"`, `options: "91109000"`}, []string{"decision-new-card", "decision-approve"}},
	{"prefers its contacts", []string{`options: "81109000"`, `options: "83109000"`}, []string{"decision-prefer-contact"}},
	{"threshold", []string{"opening: 100000", "opening: 30000", "threshold: 0", "threshold: 10000"}, []string{"decision-threshold", "decision-exact-balance"}},
	{"poor", []string{"opening: 100000", "opening: 60"}, []string{"decision-exact-balance", "cash-deducts"}},
	{"empty", []string{"opening: 100000", "opening: 0"}, []string{"decision-zero", "script-load"}},
	{"stripe with cryptogram", []string{"  updatable: 256\n", "  updatable: 256\n  msd: {aip: \"0000\"}\n"},
		[]string{"msd-answer", "msd-track2", "msd-fresh", "msd-cryptogram"}},
	{"stripe with dynamic value", []string{"  updatable: 256\n", "  updatable: 256\n  msd: {aip: \"0000\", afl: \"28010100\"}\n"},
		[]string{"msd-answer", "msd-track2", "msd-fresh", "msd-dynamic-value"}},
	{"second currency", []string{"  updatable: 256\n", "  updatable: 256\n  second_currency: {currency: \"0344\", balance: 200000, single: 30000, threshold: 100, cvm: 20000, opening: 7700}\n"},
		[]string{"data-df71", "data-df72", "data-df76", "data-df77", "data-df78", "data-df79",
			"second-deducts", "second-shown", "second-torn", "second-above-balance", "second-signed", "second-limit", "second-logged"}},
	{"dual currency", []string{"  updatable: 256\n", "  updatable: 256\n  dual_currency: {currency: \"0840\", factor: \"20070000\"}\n", "  foreign: 3 ", "  ctta_dual: 90000\n  foreign: 3 "},
		[]string{"data-9f73", "data-9f75", "data-9f76"}},
}

func TestVariants(t *testing.T) {
	for _, v := range variants {
		t.Run(v.name, func(t *testing.T) {
			r := runAll(t, v.name, issueSM(t, edited(t, v.edits)))
			t.Logf("%d passed, %d skipped", r.Passed, r.Skipped)
			showFailures(t, r)
			got := map[string]certify.CaseResult{}
			for _, c := range r.Cases {
				got[c.ID] = c
			}
			for _, id := range v.pass {
				if got[id].Result != certify.Pass {
					t.Errorf("%s: %s %s", id, got[id].Result, got[id].Reason)
				}
			}
		})
	}
}

// TestSentAway: what the card's parameters make it refuse is skipped, and with other
// parameters the same answer is a failure.
func TestSentAway(t *testing.T) {
	o := options(t, "dev-sm")
	o.Only = []string{"decision-above-single-shop", "decision-approve"}
	run := func(c certify.Card) map[string]certify.CaseResult {
		r, err := certify.Run(c, o)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]certify.CaseResult{}
		for _, c := range r.Cases {
			got[c.ID] = c
		}
		return got
	}
	none := []string{`options: "81109000"`, `options: "81100000"`}
	if c := run(issueSM(t, edited(t, none)))["decision-above-single-shop"]; c.Result != certify.Skip || c.ReasonZH == "" {
		t.Errorf("no verification known: %s %s", c.Result, c.Detail)
	}
	if c := run(issueSM(t, edited(t, append(none, "cvm: 50000", "cvm: 0"))))["decision-approve"]; c.Result != certify.Skip || c.ReasonZH == "" {
		t.Errorf("9F6B is 0: %s %s", c.Result, c.Detail)
	}
	refusing := &brokenCard{good: newCard(t, "dev-sm"), fault: each(ins(0xA8), status(0x6985))}
	if c := run(refusing)["decision-approve"]; c.Result != certify.Fail {
		t.Errorf("a card that refuses without need: %s %s", c.Result, c.Reason)
	}
}

// edited is the text of dev-sm with changes.
func edited(t *testing.T, edits []string) string {
	t.Helper()
	text, err := perso.EmbeddedSource("dev-sm")
	if err != nil {
		t.Fatal(err)
	}
	out := string(text)
	for i := 0; i < len(edits); i += 2 {
		if !strings.Contains(out, edits[i]) {
			t.Fatalf("the profile does not contain %q", edits[i])
		}
		out = strings.Replace(out, edits[i], edits[i+1], 1)
	}
	return out
}

// runAll runs every case.
func runAll(t *testing.T, profile string, c certify.Card) *certify.Report {
	t.Helper()
	o := options(t, profile)
	o.Destructive, o.Sacrifice = true, true
	r, err := certify.Run(c, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestEveryCasePasses: there is a card for every case, so that none is skipped for
// ever.
func TestEveryCasePasses(t *testing.T) {
	passed := map[string]bool{}
	note := func(r *certify.Report) {
		for _, c := range r.Cases {
			passed[c.ID] = passed[c.ID] || c.Result == certify.Pass
		}
	}
	for _, name := range append([]string{"dev-dual", devcard.Blank}, cityProfiles...) {
		note(runAll(t, name, newCard(t, name)))
	}
	for _, v := range variants {
		note(runAll(t, v.name, issueSM(t, edited(t, v.edits))))
	}
	for _, g := range certify.Groups() {
		for _, c := range g.Cases {
			if !passed[c.ID] {
				t.Errorf("%s passes on no card", c.ID)
			}
		}
	}
}

// issueSM makes a card with SM algorithms from the text of a profile.
func issueSM(t *testing.T, text string) *chipCard {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	random := rand.NewChaCha8([32]byte{3})
	request, err := devcard.Default("dev-sm")
	check(err)
	issuer, err := oda.NewSM2Private(devkeys.SM2Issuer(0))
	check(err)
	in := &perso.Issue{Identity: perso.Identity{PAN: request.PAN, PSN: request.PSN, Effective: [3]byte{0x24, 1, 1}, Expiry: [3]byte{0x35, 0x12, 0x31}}}
	profile, err := perso.Parse([]byte(text))
	check(err)
	static, err := perso.StaticData(profile, in.Identity)
	check(err)
	in.First.Certs.SignedStatic, err = issuer.SignStatic(random, [2]byte{1, 2}, static)
	check(err)
	in.Opening, in.SecondOpening = profile.Opening(), profile.SecondOpening()

	ca, err := oda.NewSM2Private(devkeys.SM2CA())
	check(err)
	own, err := oda.NewSM2Private(devkeys.SM2Card(request.PAN, request.PSN))
	check(err)
	in.First.Signer, in.First.Certs.CAIndex = own, devkeys.SM2CAIndex
	in.First.Certs.IssuerCert, err = ca.CertifyIssuer(random, oda.IssuerCert{IssuerID: [4]byte{0x62, 0x28, 0x00, 0xFF}, Expiry: [2]byte{0x12, 0x40}}, issuer.Public())
	check(err)
	in.First.Certs.CardCert, err = issuer.CertifyCard(random, oda.CardCert{PAN: request.PAN, Expiry: [2]byte{0x12, 0x35}, StaticData: static}, own.Public())
	check(err)
	var known bool
	if in.First.Keys, known = devcard.Keys(cryptogram.SM4, request.PAN, request.PSN); !known {
		t.Fatal("no development keys")
	}
	image, err := profile.Image(in)
	check(err)
	return put(t, image, card.Auto)
}

// TestInterfaces: a reader that sees one side of a card tests that side.
func TestInterfaces(t *testing.T) {
	for _, c := range []struct {
		side    card.Interface
		air, on bool
		passed  int
	}{{card.Contactless, true, false, 200}, {card.Contact, false, true, 150}} {
		good := newCard(t, "dev-dual")
		good.chip.UseInterface(c.side)
		o := options(t, "dev-dual")
		o.Destructive = true
		r, err := certify.Run(good, o)
		if err != nil {
			t.Fatal(err)
		}
		showFailures(t, r)
		if r.Card.Contactless != c.air || r.Card.Contact != c.on || r.Passed < c.passed || len(r.Card.Algorithms) == 0 || r.Card.PAN == "" {
			t.Errorf("interface %d: %d passed, %+v", c.side, r.Passed, r.Card)
		}
		t.Logf("interface %d: %d passed, %d skipped", c.side, r.Passed, r.Skipped)
	}
}

// TestPersonalised: a blank card that was personalised over its interface passes what
// a finished one passes, and the cases of the card manager beside.
func TestPersonalised(t *testing.T) {
	for name, protocol := range map[string]scp.Protocol{"dev-3des": scp.SCP02, "dev-dual": scp.SCP03} {
		blank := newCard(t, devcard.Blank)
		request, err := devcard.Default(name)
		if err != nil {
			t.Fatal(err)
		}
		order, err := devcard.Order(request, protocol, [8]byte{1, 2, 3, 4, 5, 6, 7, 8})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := blank.Reset(); err != nil {
			t.Fatal(err)
		}
		p := perso.NewPersonaliser(order)
		var answer []byte
		for {
			cmd, done, err := p.Next(answer)
			if err != nil {
				t.Fatal(err)
			}
			if done {
				break
			}
			if answer, err = blank.Transmit(nil, cmd); err != nil {
				t.Fatal(err)
			}
		}
		o := options(t, name)
		o.Destructive = true
		r, err := certify.Run(blank, o)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d passed, %d skipped", name, r.Passed, r.Skipped)
		showFailures(t, r)
		if r.Passed < 300 {
			t.Errorf("%s: %d cases passed", name, r.Passed)
		}
		for _, c := range r.Cases {
			if c.Group == "gp" && c.Result != certify.Pass {
				t.Errorf("%s: %s: %s %s", name, c.ID, c.Result, c.Reason)
			}
		}
	}
}
