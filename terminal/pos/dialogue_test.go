package pos_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/pos"
	"github.com/citycard/citycard/terminal/row"
	"github.com/citycard/citycard/terminal/stripe"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
)

// TestDialogues plays whole sales between a real card, a real till and the development
// issuer; testdata/dialogues/README.md explains the commands. Run with -rewrite after a
// wanted change, and read the difference.
func TestDialogues(t *testing.T) {
	datadriven.Walk(t, "testdata/dialogues", func(t *testing.T, path string) {
		if !strings.HasSuffix(path, ".txt") {
			return
		}
		w := newWorld(t)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			w.t = t
			switch d.Cmd {
			case "card":
				return w.cmdCard(t, d)
			case "till":
				return w.cmdTill(t, d)
			case "sale":
				return w.cmdSale(t, d)
			case "answer":
				return w.cmdAnswer(t, d)
			case "deny":
				w.denied[w.holder(t, d).key] = true
				return "ok\n"
			case "clock":
				w.now += int64(fen(t, d, "days", "0")) * 86400
				return time.Unix(w.now, 0).UTC().Format("2006-01-02") + "\n"
			case "truth":
				s := w.holder(t, d).chip.Inspect()
				return fmt.Sprintf("the card has %v yuan, ATC %04X\n", s.Balance, s.ATC)
			case "account":
				return fmt.Sprintf("the account has %v yuan\n", w.issuer.Available(w.holder(t, d).key))
			}
			t.Fatalf("%s: no command %q", d.Pos, d.Cmd)
			return ""
		})
	})
}

// arg reads key=value, or the default.
func arg(t *testing.T, d *datadriven.TestData, key, otherwise string) string {
	if d.HasArg(key) {
		d.ScanArgs(t, key, &otherwise)
	}
	return otherwise
}

func fen(t *testing.T, d *datadriven.TestData, key, otherwise string) money.Fen {
	var v int64
	if _, err := fmt.Sscan(arg(t, d, key, otherwise), &v); err != nil {
		t.Fatalf("%s: %s: %v", d.Pos, key, err)
	}
	return money.Fen(v)
}

func (w *world) holder(t *testing.T, d *datadriven.TestData) *holder {
	h := w.cards[arg(t, d, "card", "card")]
	if h == nil {
		t.Fatalf("%s: there is no such card", d.Pos)
	}
	return h
}

func (w *world) cmdCard(t *testing.T, d *datadriven.TestData) string {
	h := w.addCard(arg(t, d, "name", "card"), arg(t, d, "profile", "dev-full"), fen(t, d, "balance", "10000"))
	return fmt.Sprintf("%v of profile %s\n", h.key, h.profile)
}

func (w *world) cmdTill(t *testing.T, d *datadriven.TestData) string {
	modes := map[string]pos.Mode{"qpboc": pos.QPBOC, "debit-credit": pos.DebitCredit, "msd": pos.MSD}
	c := w.config(modes[arg(t, d, "mode", "qpboc")])
	c.Kernel.SM = !d.HasArg("rsa")
	c.EMV.SM = c.Kernel.SM
	c.Kernel.FloorLimit, c.Kernel.ContactlessLimit, c.Kernel.CVMLimit = fen(t, d, "floor", "0"), fen(t, d, "limit", "0"), fen(t, d, "cvm", "0")
	if d.HasArg("offline") {
		c.Kernel.TTQ[0] |= kernel.TTQ1OfflineOnly
	}
	if d.HasArg("fdda-00") {
		c.Kernel.TTQ[3], c.Kernel.RequireFDDA01 = 0, false
	}
	if d.HasArg("no-cash") {
		c.EMV.ElectronicCash = false
	}
	if d.HasArg("strict") { // exception file and dates decline at once
		for i := range c.EMV.Applications {
			c.EMV.Applications[i].Actions.Denial = [5]byte{0x10, 0x70, 0, 0, 0}
		}
	}
	switch arg(t, d, "oda", "") {
	case "dda":
		c.EMV.Capabilities[2] = 0x40
	case "sda":
		c.EMV.Capabilities[2] = 0x80
	case "none":
		c.EMV.Capabilities[2] = 0
	}
	w.setTill(c)
	return "ok\n"
}

// cmdAnswer makes the card say something else from now on: replace old by new, or the
// whole answer.
func (w *world) cmdAnswer(t *testing.T, d *datadriven.TestData) string {
	bytesOf := func(key string) []byte {
		b, err := hex.DecodeString(arg(t, d, key, ""))
		w.must(err)
		return b
	}
	h := w.holder(t, d)
	if d.HasArg("right") {
		h.edits = nil
		return "ok\n"
	}
	h.edits = append(h.edits, edit{arg(t, d, "to", "gpo-1"), bytesOf("old"), bytesOf("new")})
	return "ok\n"
}

func (w *world) cmdSale(t *testing.T, d *datadriven.TestData) string {
	kinds := map[string]pos.Kind{"purchase": pos.Purchase, "balance": pos.Balance, "inquiry": pos.Inquiry, "load": pos.Load, "unload": pos.Unload}
	faces := map[string]pos.Interface{"contactless": pos.Contactless, "contact": pos.Contact, "stripe": pos.Stripe}
	w.now += 60
	s := story{
		sale: w.newSale(kinds[arg(t, d, "kind", "purchase")], faces[arg(t, d, "over", "contactless")], fen(t, d, "amount", "0")),
		host: arg(t, d, "host", ""), pin: arg(t, d, "pin", ""), lose: map[string]cut{},
	}
	s.sale.ForceOnline = d.HasArg("force-online")
	if s.sale.Interface == pos.Stripe {
		s.sale.Track2 = []byte(strings.TrimSpace(d.Input))
		s.sale.Chip, s.sale.Mute = stripe.ChipTry(fen(t, d, "chip", "0")), int(fen(t, d, "mute", "0"))
	} else {
		s.card = w.holder(t, d)
	}
	for key, c := range map[string]cut{"lose": answerLost, "unheard": unheard, "power-cut": powerCut} {
		if name := arg(t, d, key, ""); name != "" {
			s.lose[name] = c
		}
	}
	if d.HasArg("again") {
		for _, name := range strings.Split(arg(t, d, "again", ""), "+") {
			if w.cards[name] == nil {
				t.Fatalf("%s: there is no card %q", d.Pos, name)
			}
			s.again = append(s.again, w.cards[name])
		}
	}
	var b strings.Builder
	silent := d.HasArg("quiet")
	res := w.play(s, func(format string, args ...any) {
		line := fmt.Sprintf(format, args...)
		// What is the same in every sale is shown in the first one only.
		if silent = silent && !strings.HasPrefix(line, "GENERATE") && !strings.HasPrefix(line, "PIN ") && !strings.Contains(line, "the card has left"); !silent {
			b.WriteString(line + "\n")
		}
	})
	w.describeResult(&b, res)
	return b.String()
}

var flagNames = []struct {
	bit  txn.Flags
	name string
}{
	{txn.LastRecordRead, "last-record"}, {txn.ODAVerified, "oda"}, {txn.Tag9F69Checked, "9F69"}, {txn.ServiceGiven, "service"},
	{txn.ClosedByRetap, "closed-by-retap"}, {txn.EvidenceKept, "evidence"},
}

func (w *world) describe(rec *row.Record) string {
	row := &rec.Row
	var b strings.Builder
	fmt.Fprintf(&b, "row: %v", row.Kind)
	if r := row.Flags.Reason(); r != txn.NoDoubt {
		fmt.Fprintf(&b, " (%v)", r)
	}
	fmt.Fprintf(&b, " ATC %04X, %v yuan", row.ATC, row.Amount)
	for _, f := range flagNames {
		if row.Flags.Has(f.bit) {
			b.WriteString(" +" + f.name)
		}
	}
	return b.String() + "; " + w.check(rec)
}

func (w *world) describeResult(b *strings.Builder, res *pos.Result) {
	for i := range res.Records {
		b.WriteString(w.describe(&res.Records[i]) + "\n")
	}
	fmt.Fprintf(b, "%v: %s %s", res.Outcome, res.Display.EN(), res.Display.ZH())
	if res.Fault.Code != kernel.NoFault {
		fmt.Fprintf(b, " [%v]", res.Fault)
	}
	fmt.Fprintf(b, "\noda %v, tvr %X, tsi %X, cvm %X", res.ODA, res.TVR, res.TSI, res.CVMResults)
	if res.HasCryptogram {
		fmt.Fprintf(b, ", cid %02X", res.CID)
	}
	for _, f := range []struct {
		on   bool
		name string
	}{{res.Cash, "electronic cash"}, {res.MSD, "msd"}, {res.Signature, "signature"}, {res.OnlinePIN, "online PIN"}} {
		if f.on {
			b.WriteString(", " + f.name)
		}
	}
	for _, v := range []struct {
		name   string
		amount money.Fen
	}{{"balance", res.Balance}, {"second balance", res.SecondBalance}, {"may spend", res.SpendingLimit}, {"account", res.Available}} {
		if v.amount >= 0 {
			fmt.Fprintf(b, ", %s %v", v.name, v.amount)
		}
	}
	if res.Amount > 0 {
		fmt.Fprintf(b, ", amount %v", res.Amount)
	}
	if res.HostCode != [2]byte{} {
		fmt.Fprintf(b, ", host code %s", res.HostCode)
	}
	if res.AuthCode != "" {
		fmt.Fprintf(b, ", authorisation %s", res.AuthCode)
	}
	for _, s := range res.Scripts {
		fmt.Fprintf(b, ", script %02X outcome %d", s.Template, s.Outcome)
	}
	b.WriteString("\n")
}

func describeCommand(cmd []byte) string {
	c, err := apdu.ParseCommand(cmd)
	if err != nil {
		return fmt.Sprintf("%X (%v)", cmd, err)
	}
	switch c.INS {
	case 0xA4:
		if len(c.Data) == 14 {
			return "SELECT " + string(c.Data)
		}
		return fmt.Sprintf("SELECT %X", c.Data)
	case 0xA8:
		return "GET PROCESSING OPTIONS"
	case 0xB2:
		return fmt.Sprintf("READ RECORD %d of file %d", c.P1, c.P2>>3)
	case 0xCA:
		return fmt.Sprintf("GET DATA %X", cmd[2:4])
	case 0xAE:
		return "GENERATE AC for " + map[byte]string{0: "AAC", 0x40: "TC", 0x80: "ARQC"}[c.P1&0xC0] + map[byte]string{0: "", 0x10: " with CDA"}[c.P1&0x10]
	case 0x82:
		return "EXTERNAL AUTHENTICATE"
	case 0x88:
		return "INTERNAL AUTHENTICATE"
	case 0x20:
		return fmt.Sprintf("VERIFY %02X", c.P2)
	case 0x84:
		return "GET CHALLENGE"
	case 0xDA:
		return fmt.Sprintf("script: PUT DATA %X", cmd[2:4])
	}
	return fmt.Sprintf("%X", cmd[:4])
}
