package certify_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/citycard/citycard/certify"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/money"
)

// profiles of our own cards and how many cases must pass on each at least.
var profiles = []struct {
	name   string
	passed int
}{{"sm", 200}, {"3des", 200}, {"dev-3des", 300}, {"dev-sm", 300}, {"dev-dual", 300}, {"dev-full", 370},
	{"dev-transit-sm", 440}, {"dev-transit-3des", 440}, {"dev-quota", 350}, {"livelihood", 440},
	{"transit-sm", 290}, {"transit-3des", 290}, {"quota-sm", 215}, {"quota-3des", 215}}

// TestProfiles runs everything, destructive cases included, against our own cards.
func TestProfiles(t *testing.T) {
	for _, c := range profiles {
		t.Run(c.name, func(t *testing.T) {
			o := options(t, c.name)
			o.Destructive = true
			card := newCard(t, c.name)
			before := card.chip.Inspect()
			r, err := certify.Run(card, o)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d passed, %d failed, %d skipped; %+v", r.Passed, r.Failed, r.Skipped, r.Card)
			showFailures(t, r)
			static := slices.IndexFunc(r.Cases, func(x certify.CaseResult) bool { return x.ID == "oda-static" })
			if has93 := strings.HasPrefix(c.name, "dev-") || c.name == "livelihood"; (r.Cases[static].Result == certify.Pass) != has93 {
				t.Errorf("oda-static: %s %s", r.Cases[static].Result, r.Cases[static].Reason)
			}
			if r.Passed < c.passed || !r.Conforms() != (r.Failed > 0) {
				t.Errorf("%d cases passed, want at least %d; conforms: %t", r.Passed, c.passed, r.Conforms())
			}
			after := card.chip.Inspect()
			if spent := before.Balance - after.Balance; spent != r.Card.Spent || spent <= 0 || spent > certify.DefaultMaxSpend {
				t.Errorf("%d fen are gone, the report says %d", spent, r.Card.Spent)
			}
			if after.Blocked || after.PINTries != before.PINTries || int(after.ATC) != r.Card.ATCAfter {
				t.Errorf("the card was left as %+v, it was %+v; the report says %+v", after, before, r.Card)
			}
		})
	}
}

func showFailures(t *testing.T, r *certify.Report) {
	t.Helper()
	for _, x := range r.Cases {
		if x.Result == certify.Fail {
			t.Errorf("%s: %s", x.ID, x.Detail)
			for _, e := range x.APDUs[max(0, len(x.APDUs)-4):] {
				t.Logf("    %s\n        %s", e.Command, e.Answer)
			}
		}
	}
}

// TestManager tests the card manager of a card that is not personalised yet.
func TestManager(t *testing.T) {
	o := options(t, "blank")
	o.Only = []string{"gp", "reset-atr-start", "reset-atr-layout", "reset-atr-check"}
	r, err := certify.Run(newCard(t, "blank"), o)
	if err != nil {
		t.Fatal(err)
	}
	showFailures(t, r)
	if r.Passed != len(r.Cases) || r.Passed != 11 {
		t.Errorf("%d of %d cases passed, want all 11", r.Passed, len(r.Cases))
	}
}

// TestBlank: a card without application fails in one case, and what needs the
// application is skipped.
func TestBlank(t *testing.T) {
	r := runAll(t, "blank", newCard(t, "blank"))
	for _, c := range r.Cases {
		if (c.Result == certify.Fail) != (c.ID == "select-application") {
			t.Errorf("%s: %s: %s", c.ID, c.Result, c.Detail)
		}
		if c.Result == certify.Pass && c.Group != "reset" && c.Group != "gp" && c.ID != "select-unknown" {
			t.Errorf("%s passed on a card without application", c.ID)
		}
		beside := slices.Contains([]string{"purse", "compound", "issuer", "module", "civic", "firewall"}, c.Group)
		if c.Result == certify.Skip && !beside && c.Reason != "no application can be selected on the card" {
			t.Errorf("%s: %s", c.ID, c.Reason)
		}
	}
	if r.Failed != 1 || r.Skipped < 300 {
		t.Errorf("%d failed, %d skipped", r.Failed, r.Skipped)
	}
}

// TestWholeNames: a card that selects by whole names only skips the cases of partial
// selection.
func TestWholeNames(t *testing.T) {
	o := options(t, "dev-sm")
	o.Only = []string{"select-partial", "select-provider", "select-next"}
	r, err := certify.Run(&brokenCard{good: newCard(t, "dev-sm"), fault: each(func(cmd []byte) bool {
		return named(application[:5])(cmd) && cmd[4] < 8
	}, status(0x6A82))}, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range r.Cases {
		if c.Reason != "partial selection is not supported" || c.ReasonZH == "" {
			t.Errorf("%s: %s %q %s", c.ID, c.Result, c.Reason, c.Detail)
		}
	}
}

// TestAlone: every case gives alone what it gives among the others.
func TestAlone(t *testing.T) {
	o := options(t, "dev-sm")
	o.Destructive = true
	all, err := certify.Run(newCard(t, "dev-sm"), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range all.Cases {
		o := options(t, "dev-sm")
		o.Destructive = true
		o.Only = []string{want.ID}
		r, err := certify.Run(newCard(t, "dev-sm"), o)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Cases) != 1 || r.Cases[0].Result != want.Result {
			t.Errorf("%s: %s among others, alone %+v", want.ID, want.Result, r.Cases)
		}
	}
}

// TestWithoutSecrets: a card of which nothing is known is tested as far as one can
// see; nothing is changed on it that costs more than 1 fen a payment.
func TestWithoutSecrets(t *testing.T) {
	o := options(t, "dev-3des")
	o.Keys, o.CAKeys, o.PIN = nil, nil, pin.PIN{}
	r, err := certify.Run(newCard(t, "dev-3des"), o)
	if err != nil {
		t.Fatal(err)
	}
	showFailures(t, r)
	if r.Passed < 200 {
		t.Errorf("%d cases passed", r.Passed)
	}
	for _, c := range r.Cases {
		if (c.Result == certify.Skip) != (c.Reason != "" && c.ReasonZH != "") || (c.Result == certify.Fail) != (c.Detail != "") {
			t.Errorf("%s: %s with reason %q %q and detail %q", c.ID, c.Result, c.Reason, c.ReasonZH, c.Detail)
		}
		if c.Group == "script" && c.Result != certify.Skip {
			t.Errorf("%s ran without leave: %s", c.ID, c.Result)
		}
	}
}

// TestMaxSpend: no more is spent than allowed.
func TestMaxSpend(t *testing.T) {
	for _, limit := range []money.Fen{-1, 1, 3} {
		o := options(t, "dev-sm")
		o.MaxSpend = limit
		card := newCard(t, "dev-sm")
		before := card.chip.Inspect().Balance
		r, err := certify.Run(card, o)
		if err != nil {
			t.Fatal(err)
		}
		if spent := before - card.chip.Inspect().Balance; spent > max(limit, 0) || spent != r.Card.Spent {
			t.Errorf("limit %d: %d fen are gone, the report says %d", limit, spent, r.Card.Spent)
		}
		showFailures(t, r)
	}
}

// TestJSON: the form of the report, the same for the same card, without account
// number and PIN.
func TestJSON(t *testing.T) {
	var first []byte
	for range 2 {
		o := options(t, "dev-3des")
		o.Destructive = true
		b := &brokenCard{good: newCard(t, "dev-3des"), fault: each(ins(0x20), turn(0x63C2, 0x63C3))}
		r, err := certify.Run(b, o)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := r.WriteJSON(&out); err != nil {
			t.Fatal(err)
		}
		if first != nil && !bytes.Equal(first, out.Bytes()) {
			t.Error("two runs on equal cards give two reports")
		}
		first = out.Bytes()
	}
	var m struct {
		Profile                 string
		Passed, Failed, Skipped int
		Cases                   []struct{ ID, Name, Group, Clause, Purpose, Result string }
	}
	if err := json.Unmarshal(first, &m); err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, c := range m.Cases {
		count[c.Result]++
	}
	if m.Profile != "dev-3des" || m.Failed == 0 || count["pass"] != m.Passed || count["fail"] != m.Failed || count["skip"] != m.Skipped || len(count) != 3 {
		t.Errorf("report %s: %d %d %d, cases %v", m.Profile, m.Passed, m.Failed, m.Skipped, count)
	}
	for what, secret := range map[string]string{"account number": "6228000100001117", "PIN block": "26123456FFFFFFFF"} {
		if bytes.Contains(first, []byte(secret)) {
			t.Errorf("the report has the %s in it", what)
		}
	}
	if !strings.Contains(string(first), "622800******1117") {
		t.Error("the report does not show the masked account number")
	}
}

// TestOptions: a run that cannot be made says so.
func TestOptions(t *testing.T) {
	good := options(t, "sm")
	for name, change := range map[string]func(*certify.Options){
		"no random source": func(o *certify.Options) { o.Rand = nil },
		"no time":          func(o *certify.Options) { o.At = time.Time{} },
		"short AID":        func(o *certify.Options) { o.AID = []byte{0xA0, 0, 0} },
		"CA key twice":     func(o *certify.Options) { o.CAKeys = append(o.CAKeys, o.CAKeys...) },
	} {
		o := good
		change(&o)
		if _, err := certify.Run(newCard(t, "sm"), o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := certify.Run(nil, good); err == nil {
		t.Error("no card: no error")
	}
	told := 0
	good.Only = []string{"log"}
	good.Progress = func(done, total int, c *certify.CaseResult) {
		if told++; done != told || c.Group != "log" || total != 15 {
			t.Errorf("progress %d of %d: %s", done, total, c.ID)
		}
	}
	if _, err := certify.Run(newCard(t, "sm"), good); err != nil || told != 15 {
		t.Errorf("%d cases told, %v", told, err)
	}
}

// leaving is a card that is taken out after some resets.
type leaving struct {
	*chipCard
	resets int
}

func (c *leaving) Reset() ([]byte, error) {
	if c.resets--; c.resets < 0 {
		return nil, errGone
	}
	return c.chipCard.Reset()
}

var errGone = errors.New("the card is gone")

// TestCardLeaves: what was found before the card left is reported with the error.
func TestCardLeaves(t *testing.T) {
	o := options(t, "sm")
	if r, err := certify.Run(&leaving{newCard(t, "sm"), 0}, o); !errors.Is(err, errGone) || r != nil {
		t.Errorf("a card that cannot be reset: report %v, %v", r, err)
	}
	r, err := certify.Run(&leaving{newCard(t, "sm"), 40}, o)
	if !errors.Is(err, errGone) || r == nil || r.Passed < 20 || r.Card.AID == "" {
		t.Errorf("a card that leaves midway: report %+v, %v", r, err)
	}
}

// pulled is a card that is taken out at a command.
type pulled struct {
	*chipCard
	left int
	back bool // it is only mute, a reset wakes it
}

func (c *pulled) Reset() ([]byte, error) {
	if c.left < 0 && !c.back {
		return nil, errGone
	}
	return c.chipCard.Reset()
}

func (c *pulled) Transmit(dst, cmd []byte) ([]byte, error) {
	if c.left--; c.left == -1 || c.left < 0 && !c.back {
		return dst, errGone
	}
	return c.chipCard.Transmit(dst, cmd)
}

// TestCardPulled: a card that is pulled within a case is no fault of that case, which
// has no verdict; one that falls silent fails the case, and the run goes on.
func TestCardPulled(t *testing.T) {
	whole, err := certify.Run(newCard(t, "sm"), options(t, "sm"))
	if err != nil || whole.Incomplete != "" {
		t.Fatalf("incomplete %q, %v", whole.Incomplete, err)
	}
	for _, after := range []int{3, 600} {
		r, err := certify.Run(&pulled{chipCard: newCard(t, "sm"), left: after}, options(t, "sm"))
		if !errors.Is(err, errGone) || r == nil || r.Failed != 0 || r.Conforms() {
			t.Fatalf("after %d commands: %+v, %v", after, r, err)
		}
		if at := whole.Cases[len(r.Cases)].ID; r.Incomplete != at || !strings.Contains(err.Error(), at) {
			t.Errorf("after %d commands: incomplete %q, error %v; want case %s", after, r.Incomplete, err, at)
		}
		if r.Card.ATCAfter != -1 || r.Card.Spent > 0 && r.Card.Balance >= whole.Card.Balance+whole.Card.Spent {
			t.Errorf("after %d commands: the card is reported as %+v", after, r.Card)
		}
	}
	r, err := certify.Run(&pulled{chipCard: newCard(t, "sm"), left: 600, back: true}, options(t, "sm"))
	if err != nil || len(r.Cases) != len(whole.Cases) || r.Failed != 1 || r.Incomplete != "" {
		t.Errorf("a card that is mute once: %d failed, incomplete %q, %v", r.Failed, r.Incomplete, err)
	}
}

// stranger answers what a stream of bytes says.
type stranger struct {
	good *chipCard
	data []byte
	at   int
}

func (c *stranger) next() byte {
	if len(c.data) == 0 {
		return 0
	}
	c.at++
	return c.data[c.at%len(c.data)]
}

func (c *stranger) ATR() []byte            { return c.data[:min(len(c.data), 40)] }
func (c *stranger) Reset() ([]byte, error) { return c.good.Reset() }

// Transmit takes the answer of a good card and, now and then, spoils it.
func (c *stranger) Transmit(dst, cmd []byte) ([]byte, error) {
	out, err := c.good.Transmit(nil, cmd)
	if err != nil {
		return dst, err
	}
	switch how := c.next(); {
	case how < 200:
	case how < 220 && len(out) > 0:
		out[int(c.next())%len(out)] ^= 1 << (c.next() % 8)
	case how < 230:
		out = out[:int(c.next())%(len(out)+1)]
	case how < 240:
		out = append(out[:max(0, len(out)-2)], c.next(), c.next(), 0x90, 0)
	case how < 250:
		out = []byte{0x90, 0}
	default:
		out = []byte{0x61, c.next()}
	}
	return append(dst, out...), nil
}

// FuzzRun: nothing that a card answers makes the run panic or go on for ever, and
// every case has a verdict.
func FuzzRun(f *testing.F) {
	f.Add([]byte{0})
	f.Add([]byte{255, 0x10})
	f.Add([]byte{210, 3, 1, 0, 0, 0, 0, 0, 225, 5, 0, 0, 245})
	seed := make([]byte, 997)
	r := rand.NewChaCha8([32]byte{9})
	for range 8 {
		_, _ = r.Read(seed)
		f.Add(bytes.Clone(seed))
	}
	for i := range cityProfiles {
		f.Add(append(bytes.Clone(seed), make([]byte, i)...))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		profile := append([]string{"dev-sm"}, cityProfiles...)[len(data)%(1+len(cityProfiles))]
		o := options(t, profile)
		o.Destructive, o.Sacrifice = true, true
		report, err := certify.Run(&stranger{good: newCard(t, profile), data: data}, o)
		if err != nil {
			t.Fatal(err)
		}
		if report.Passed+report.Failed+report.Skipped != len(report.Cases) {
			t.Fatalf("%d + %d + %d cases, there are %d", report.Passed, report.Failed, report.Skipped, len(report.Cases))
		}
	})
}
