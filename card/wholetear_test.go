package card_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/card/pboc"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/crypt/scp"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// desk is a reader with the issuer behind it, at a whole chip that may lose its power.
type desk struct {
	t    testing.TB
	tg   *target
	chip *card.Chip
	side card.Interface

	suite  cryptoSuite // with SM4, if the card has it: DF69 is 1
	atc    uint16
	ac     [8]byte
	host   *scp.Host
	answer []byte // of the last command
	told   int    // commands that were answered
}

// step makes the next command out of what the reader has seen.
type step func(d *desk) string

func fixed(cmd string) step { return func(*desk) string { return cmd } }

// terminal is a command of a sale, see transaction; p1 replaces P1 if it is not FF.
func terminal(amount int64, which int, p1 byte) step {
	return func(d *desk) string {
		list := transaction(d.t, d.tg.profile, d.side == card.Contactless, amount, "0156", "28000080", 1)
		b := unhex(d.t, list[which])
		if p1 != 0xFF {
			b[2] = p1
		}
		return fmt.Sprintf("%X", b)
	}
}

// Amounts of the sales here, fen; bigDebit is above 9F78 and goes online.
const (
	smallSale = 300
	bigDebit  = 60000
)

// approveOnline is EXTERNAL AUTHENTICATE with the issuer's approval.
func approveOnline(d *desk) string {
	sk := cryptogram.DeriveSessionKey(d.suite.alg, d.suite.keys.AC, d.atc)
	return fmt.Sprintf("008200000A%X3030", cryptogram.ARPC(d.suite.alg, sk, d.ac, [2]byte{'0', '0'}))
}

// scripted is a script command with its MAC.
func scripted(header string, data func(d *desk) []byte) step {
	return func(d *desk) string {
		var b []byte
		if data != nil {
			b = data(d)
		}
		h := [4]byte(unhex(d.t, header))
		sk := cryptogram.DeriveSessionKey(d.suite.alg, d.suite.keys.MAC, d.atc)
		mac, err := cryptogram.ScriptMAC(d.suite.alg, sk, h, d.atc, d.ac, b)
		check(d.t, err)
		return fmt.Sprintf("%X%02X%X%X", h, len(b)+len(mac), b, mac)
	}
}

func plain(text string) func(d *desk) []byte {
	return func(d *desk) []byte { return unhex(d.t, text) }
}

// newPIN is the enciphered block that makes the PIN 97531.
func newPIN(d *desk) []byte {
	next, err := pin.New("97531")
	check(d.t, err)
	enc := d.suite.keys.ENC
	b, err := pin.ChangeBlock(pin.ChangeKeys{Alg: d.suite.alg, Card: enc, Session: cryptogram.DeriveSessionKey(d.suite.alg, enc, d.atc)}, next, nil)
	check(d.t, err)
	return b[:]
}

// online is a debit as far as the issuer's approval, then the scripts.
func online(scripts ...step) []step {
	return append([]step{fixed(selectDebit), terminal(bigDebit, 1, 0xFF), terminal(bigDebit, 7, 0x80), approveOnline, terminal(bigDebit, 9, 0x40)}, scripts...)
}

// blockedOnline is the same for an application that is blocked: it gives an AAC.
func blockedOnline(script step) []step {
	return []step{fixed(selectDebit), terminal(bigDebit, 1, 0xFF), terminal(bigDebit, 7, 0x80), script}
}

func wrongPINs() []step {
	wrong := fixed("0020008008 26000000FFFFFFFF")
	return []step{fixed(selectDebit), terminal(bigDebit, 1, 0xFF), wrong, wrong, wrong}
}

// The way to a channel with the keys 30, and the keys that come in their place.
var (
	domainChannel = []step{fixed("00A4040008 A000000151000000 00"), initializeUpdate(0x30), openChannel}
	replacedKeys  = cryptogram.Key{0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68}
)

func initializeUpdate(version byte) step {
	return func(d *desk) string {
		keys := domainKeys(d.t, version)
		if version == 0x31 {
			keys.ENC, keys.MAC, keys.DEK = replacedKeys, replacedKeys, replacedKeys
		}
		d.host = scp.NewHost(keys, [8]byte{1, 2, 3, 4, 5, 6, 7, byte(d.told)})
		return d.text(d.host.InitializeUpdate(version))
	}
}

func (d *desk) text(c apdu.Command) string {
	b, err := c.Append(nil)
	check(d.t, err)
	return hex.EncodeToString(b)
}

func openChannel(d *desk) string {
	c, err := d.host.Open(d.answer, scp.CMAC|scp.CDEC)
	check(d.t, err)
	return d.text(c)
}

// putKeys replaces the keys 30 by the keys 31.
func putKeys(d *desk) string {
	data := []byte{0x31}
	for range 3 {
		sealed, err := d.host.EncryptDEK(nil, replacedKeys[:])
		check(d.t, err)
		kcv := scp.SCP03.KCV(replacedKeys)
		data = append(append(append(data, 0x88, 0x11, 0x10), sealed...), 3)
		data = append(data, kcv[:]...)
	}
	c, err := d.host.Wrap(apdu.Command{CLA: 0x80, INS: 0xD8, P1: 0x30, P2: 0x81, Data: data, Le: 256})
	check(d.t, err)
	return d.text(c)
}

// wholeCase is something that changes a card.
type wholeCase struct {
	name    string
	air     bool
	past    []step // before, without cuts
	steps   []step // cut at every place
	look    []string
	spends  money.Fen // what the card pays
	loads   bool      // the load log says something
	keys    bool      // for cards with a security domain
	several bool      // several steps change what is seen
}

const (
	readBalance = "80CA9F7900"
	readLog     = "00B2015C00"
	readLoadLog = "00B2016400"
)

var wholeCases = []wholeCase{
	{name: "purchase over the air", air: true, steps: []step{fixed(selectDebit), terminal(smallSale, 1, 0xFF), terminal(smallSale, 2, 0xFF)},
		look: []string{readBalance, readLog}, spends: smallSale},
	{name: "purchase over the contacts", steps: []step{fixed(selectDebit), terminal(smallSale, 1, 0xFF), terminal(smallSale, 7, 0x40)},
		look: []string{readBalance, readLog}, spends: smallSale},
	{name: "purchase with a combined signature", steps: []step{fixed(selectDebit), terminal(smallSale, 1, 0xFF), terminal(smallSale, 7, 0x50)},
		look: []string{readBalance, readLog}, spends: smallSale},
	{name: "load", steps: online(scripted("04DA9F79", plain("000000200000"))), look: []string{readBalance, readLoadLog}, loads: true},
	{name: "unload", steps: online(scripted("04DA9F79", plain("000000000000"))), look: []string{readBalance, readLoadLog}, loads: true},
	{name: "PIN change", steps: online(scripted("84240002", newPIN)), look: []string{"GPO", "0020008008 2597531FFFFFFFFF"}},
	{name: "PIN unblock", past: wrongPINs(), steps: online(scripted("84240000", nil)), look: []string{"80CA9F1700"}},
	{name: "PUT DATA", steps: online(scripted("04DA9F78", plain("000000040000"))), look: []string{"80CA9F7800"}},
	{name: "UPDATE RECORD", steps: online(scripted("04DC010C", plain("7003 8F0199"))), look: []string{"00B2010C00"}},
	{name: "UPDATE RECORD again", past: online(scripted("04DC010C", plain("7003 8F0199"))), steps: online(scripted("04DC010C", plain("7005 9F32020177"))),
		look: []string{"00B2010C00"}},
	{name: "three scripts", steps: online(scripted("04DA9F77", plain("000000600000")), scripted("04DA9F79", plain("000000550000")), scripted("84240000", nil)),
		look: []string{"80CA9F7700", readBalance, readLoadLog}, loads: true, several: true},
	{name: "APPLICATION BLOCK", steps: online(scripted("841E0000", nil)), look: []string{readBalance}},
	{name: "APPLICATION UNBLOCK", past: online(scripted("841E0000", nil)), steps: blockedOnline(scripted("84180000", nil)), look: []string{readBalance}},
	{name: "CARD BLOCK", steps: online(scripted("84160000", nil)), look: []string{readBalance, selectPPSE, "00A404000E 315041592E5359532E4444463031 00"}},
	{name: "PUT KEY", steps: append(domainChannel[:3:3], putKeys), look: []string{readBalance}, keys: true},
}

// TestWholeChipTears cuts the power of whole chips, built and personalised through
// their security domain, before every numbered write of everything that changes
// them, with the write not done or half done, and before and after every answer. Each time the
// card is as before or as after the command that was cut, down to the last byte,
// what the reader was told is there, and the next sale works.
func TestWholeChipTears(t *testing.T) {
	cuts := 0
	for _, tg := range targets(t) {
		name, kind, _ := strings.Cut(tg.name, ", ")
		if name != "dev-3des" && name != "dev-sm" {
			continue
		}
		for i := range wholeCases {
			k := &wholeCases[i]
			if tg.at < 0 || k.keys && tg.domain == nil {
				continue
			}
			t.Run(tg.name+", "+k.name, func(t *testing.T) { cuts += k.cut(t, tg) })
		}
		if kind == "blank" {
			t.Run(tg.name+", personalisation", func(t *testing.T) { cuts += cutWholePersonalisation(t, tg) })
		}
	}
	t.Logf("%d power cuts", cuts)
	if cuts < 2000 || !testing.Short() && cuts < 5000 {
		t.Errorf("only %d power cuts", cuts)
	}
}

// tearsOf are the ways in which write n is cut: in a short run only one.
func tearsOf(n int) []cos.Tear {
	if testing.Short() {
		return tears[n%len(tears):][:1]
	}
	return tears
}

// sit puts a card with this memory before a reader and switches it on.
func sit(t testing.TB, tg *target, chip *card.Chip, side card.Interface, nvm []byte) *desk {
	t.Helper()
	d := &desk{t: t, tg: tg, chip: chip, side: side, suite: tg.suites[len(tg.suites)-1]}
	chip.UseInterface(side)
	check(t, chip.Insert(tg.image, nvm))
	check(t, chip.PowerOn(random(5)))
	return d
}

// do sends one command and reads what the answer says.
func (d *desk) do(s step) error {
	d.t.Helper()
	cmd := unhex(d.t, s(d))
	out, err := d.chip.Transmit(nil, cmd)
	if err != nil {
		return err
	}
	data, sw, err := apdu.ParseResponse(out)
	check(d.t, err)
	warning := sw == apdu.SWInvalidated && cmd[1] == 0xA4 || cmd[1] == 0x20 && sw>>8 == 0x63
	if sw != apdu.SWOK && !warning {
		d.t.Fatalf("%X: %v", cmd, sw)
	}
	d.answer = data
	d.told++
	if cmd[1] == 0xAE {
		if v, ok := tlv.Find(data, tlv.TagResponseFormat1); ok && len(v) > 10 {
			d.atc = uint16(v[1])<<8 | uint16(v[2])
			if d.told == 3 {
				d.ac = [8]byte(v[3:]) // scripts and the issuer's answer go by the first
			}
		}
	}
	return nil
}

// run sends steps until the power fails.
func (d *desk) run(steps []step) error {
	for _, s := range steps {
		if err := d.do(s); err != nil {
			return err
		}
	}
	return nil
}

// seen is what a fresh session sees of the card.
func (k *wholeCase) seen(d *desk) string {
	d.t.Helper()
	d.chip.UseInterface(card.Contact)
	d.side = card.Contact
	check(d.t, d.chip.PowerOn(random(6)))
	var b strings.Builder
	for _, cmd := range append([]string{selectDebit}, k.look...) {
		if cmd == "GPO" {
			cmd = terminal(bigDebit, 1, 0xFF)(d)
		}
		out, err := d.chip.Transmit(nil, unhex(d.t, cmd))
		check(d.t, err)
		fmt.Fprintf(&b, "%X ", out)
	}
	return b.String()
}

// cut does all cuts of a case on a kind of card and counts them.
func (k *wholeCase) cut(t *testing.T, tg *target) (cuts int) {
	side := card.Contact
	if k.air {
		side = card.Contactless
	}
	chip := card.New()
	d := sit(t, tg, chip, card.Contact, tg.start)
	check(t, d.run(k.past))
	start := chip.Snapshot(nil)

	// Without cuts: the memory after each command.
	d = sit(t, tg, chip, side, start)
	passed := [][]byte{start}
	for _, s := range k.steps {
		check(t, d.do(s))
		passed = append(passed, chip.Snapshot(nil))
	}
	total := chip.Memory().Writes()
	last := passed[len(passed)-1]
	first, final := k.seen(sit(t, tg, chip, side, start)), k.seen(sit(t, tg, chip, side, last))
	if total == 0 || first == final && !k.keys {
		t.Fatalf("%d writes, and a reader sees %s before and %s after", total, first, final)
	}
	j := &wholeJudge{k, start, last, first, final}
	for n := range len(k.steps) {
		for _, lost := range []int{0, 1} { // the answer arrives, or the power fails before
			d := sit(t, tg, chip, side, start)
			check(t, d.run(k.steps[:n+1]))
			chip.PowerOff()
			d.told -= lost
			j.judge(d, passed[n+1:n+2], cuts)
			cuts++
		}
	}
	outcomes := map[bool]int{}
	for n := 1; n <= total; n++ {
		for _, tear := range tearsOf(n) {
			d := sit(t, tg, chip, side, start)
			chip.Memory().CutAt(n, tear)
			if err := d.run(k.steps); !errors.Is(err, card.ErrPowerCut) {
				t.Fatalf("write %d: %v", n, err)
			}
			allowed := passed[d.told : d.told+2 : d.told+2]
			if k.keys && d.told == 2 {
				allowed = append(allowed, suspected(passed[2]))
			}
			outcomes[j.judge(d, allowed, cuts)]++
			cuts++
		}
	}
	if len(outcomes) != 2 {
		t.Errorf("only %v was seen after the cuts", outcomes)
	}
	return cuts
}

// suspected is a snapshot with one failed attempt at the security domain more: EXTERNAL
// AUTHENTICATE counts before it looks, and takes that back after a right cryptogram.
func suspected(snapshot []byte) []byte {
	const failedAttempts = 1 + 2 // format byte, then offset 2 of the domain's memory
	b := bytes.Clone(snapshot)
	b[failedAttempts]++
	return b
}

// wholeJudge knows the card before and after a case.
type wholeJudge struct {
	*wholeCase
	start, last  []byte
	first, final string
}

// judge switches a torn card on. Its memory must be one of two; it tells whether all
// of the case has been done.
func (j *wholeJudge) judge(d *desk, allowed [][]byte, turn int) bool {
	d.t.Helper()
	got := d.chip.Snapshot(nil)
	check(d.t, d.chip.PowerOn(random(7)))
	if !bytes.Equal(d.chip.Snapshot(nil), got) {
		d.t.Fatal("the memory was another with power than without")
	}
	known := false
	for _, b := range allowed {
		known = known || bytes.Equal(got, b)
	}
	if !known {
		d.t.Fatalf("after %d answers: the card is neither as before nor as after the command that was cut", d.told)
	}
	done := bytes.Equal(got, j.last)
	if d.told == len(j.steps) && !done {
		d.t.Fatal("everything was answered and not everything was done")
	}
	j.value(d, got)
	want := j.first
	if done {
		want = j.final
	}
	if seen := j.seen(d); seen != want && (done || !j.several) {
		d.t.Fatalf("done %v: a reader sees\n%s, want\n%s", done, seen, want)
	}
	if j.keys {
		d.rekeyed(done)
	}
	d.nextSale(turn)
	return done
}

// value compares the balance with that before, and both logs with it.
func (j *wholeJudge) value(d *desk, now []byte) {
	d.t.Helper()
	spare := card.New()
	var states [3]pboc.State
	for i, nvm := range [][]byte{j.start, now, j.last} {
		check(d.t, spare.Insert(d.tg.image, nvm))
		var err error
		states[i], err = d.tg.state(spare)
		check(d.t, err)
	}
	before, st, after := states[0], states[1], states[2]
	if j.spends != 0 && after.Balance != before.Balance-j.spends {
		d.t.Fatalf("uncut, %v became %v", before.Balance, after.Balance)
	}
	switch {
	case st.Balance != before.Balance && st.Balance != after.Balance:
		d.t.Fatalf("the balance is %v, neither %v nor %v", st.Balance, before.Balance, after.Balance)
	case j.spends != 0 && st.LogRecords-before.LogRecords != int((before.Balance-st.Balance)/j.spends):
		d.t.Fatalf("balance %v of %v and %d log records of %d", st.Balance, before.Balance, st.LogRecords, before.LogRecords)
	case j.loads && (st.Balance != before.Balance) != (st.LoadRecords == before.LoadRecords+1):
		d.t.Fatalf("balance %v of %v and %d load records of %d", st.Balance, before.Balance, st.LoadRecords, before.LoadRecords)
	case st.ATC < before.ATC || st.ATC > after.ATC:
		d.t.Fatalf("counter %d, between %d and %d", st.ATC, before.ATC, after.ATC)
	}
}

// nextSale buys something for a fen on a fresh session, over the air at every other
// turn.
func (d *desk) nextSale(turn int) {
	d.t.Helper()
	before, err := d.tg.state(d.chip)
	check(d.t, err)
	if before.CardBlocked {
		return // seen has found it closed
	}
	d.side = [...]card.Interface{card.Contact, card.Contactless}[turn%2]
	d.chip.UseInterface(d.side)
	d.chip.PowerOff()
	check(d.t, d.chip.PowerOn(random(8)))
	pays := !before.Invalidated && before.Balance > 0 && (d.side == card.Contactless || before.PINTries > 0)
	steps := []step{fixed(selectDebit), terminal(1, 1, 0xFF), terminal(1, 7, 0x40)}
	if d.side == card.Contactless {
		steps[2] = terminal(1, 2, 0xFF)
		if !pays {
			return // it answers 6985 or an AAC without a record
		}
	}
	check(d.t, d.run(steps))
	after, err := d.tg.state(d.chip)
	check(d.t, err)
	want := before.Balance
	if pays {
		want--
	}
	if after.Balance != want || after.ATC != before.ATC+1 {
		d.t.Fatalf("the next sale, side %d: balance %v, want %v; counter %d after %d", d.side, after.Balance, want, after.ATC, before.ATC)
	}
}

// rekeyed lets the host in with the new keys if they are there, else with the old
// ones, with which it then sets the new ones.
func (d *desk) rekeyed(done bool) {
	d.t.Helper()
	right, wrong := byte(0x30), "8050310008 0102030405060708 00"
	if done {
		right, wrong = 0x31, "8050300008 0102030405060708 00"
	}
	check(d.t, d.do(domainChannel[0]))
	if out, err := d.chip.Transmit(nil, unhex(d.t, wrong)); err != nil || !bytes.Equal(out, []byte{0x6A, 0x88}) {
		d.t.Fatalf("done %v, INITIALIZE UPDATE with the other keys: %X %v", done, out, err)
	}
	steps := []step{initializeUpdate(right), openChannel}
	if !done {
		steps = append(steps, putKeys, domainChannel[0], initializeUpdate(0x31), openChannel)
	}
	check(d.t, d.run(steps))
}

// cutWholePersonalisation cuts a personalisation before every write; the order is
// given again, and the card sells.
func cutWholePersonalisation(t *testing.T, tg *target) (cuts int) {
	built, err := tg.profile.Card(developmentCard(t, tg.profile))
	check(t, err)
	fresh := bytes.TrimRight(built.Personalise(nil), "\x00")
	o := order(t, tg.profile, channels[3].version, channels[3].level)
	chip := powered(t, tg.image, card.Contact)
	check(t, personalise(chip, o))
	total := chip.Memory().Writes()
	for n := 1; n <= total; n++ {
		for _, tear := range tearsOf(n) {
			cutPersonalisation(t, tg.image, chip, o, n, tear)
			personalised := *tg
			memory := chip.Memory().Settled(nil)
			if personalised.at = bytes.Index(memory, fresh); personalised.at < 0 {
				t.Fatalf("write %d: the card is not as new", n)
			}
			if at := bytes.LastIndex(memory, fresh); at != personalised.at {
				t.Fatalf("write %d: a second purse lies at %d", n, at)
			}
			d := &desk{t: t, tg: &personalised, chip: chip}
			d.nextSale(cuts)
			cuts++
		}
	}
	return cuts
}
