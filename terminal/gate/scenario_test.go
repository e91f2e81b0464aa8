package gate_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// TestScenarios plays whole conversations between a real card and a real gate;
// testdata/scenarios/README.md explains the commands. Run with -rewrite after a
// wanted change, and read the difference.
func TestScenarios(t *testing.T) {
	datadriven.Walk(t, "../../testdata/scenarios", func(t *testing.T, path string) {
		if !strings.HasSuffix(path, ".txt") {
			return
		}
		w := newWorld(t)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			w.t = t
			command, ok := scenarioCommands[d.Cmd]
			if !ok {
				t.Fatalf("%s: no command %q", d.Pos, d.Cmd)
			}
			return command(w, d)
		})
	})
}

// scenarioCommands are the words of a scenario.
var scenarioCommands = map[string]func(*world, *datadriven.TestData) string{
	"card": cmdCard, "gate": cmdGate, "bus": cmdBus, "tap": cmdTap, "clock": cmdClock, "records": cmdRecords, "month": cmdMonth,
	"deny": cmdDeny, "answer": cmdAnswer, "truth": cmdTruth, "expire": cmdExpire, "passage": cmdPassage, "broken": cmdBroken,
	"record": cmdRecord, "log": cmdLog, "rules": cmdRules, "module": cmdModule,
}

// arg reads key=value, or the default.
func arg(w *world, d *datadriven.TestData, key, otherwise string) string {
	if d.HasArg(key) {
		d.ScanArgs(w.t.(*testing.T), key, &otherwise)
	}
	return otherwise
}

func (w *world) station(d *datadriven.TestData) *station {
	name := arg(w, d, "gate", "gate")
	st := w.gates[name]
	if st == nil {
		w.t.Fatalf("%s: there is no gate %q", d.Pos, name)
	}
	return st
}

func (w *world) rider(d *datadriven.TestData) *rider {
	name := arg(w, d, "card", "rider")
	r := w.cards[name]
	if r == nil {
		w.t.Fatalf("%s: there is no card %q", d.Pos, name)
	}
	return r
}

func cmdCard(w *world, d *datadriven.TestData) string {
	name := arg(w, d, "name", "rider")
	balance := money.Fen(0)
	_, err := fmt.Sscan(arg(w, d, "balance", "10000"), (*int64)(&balance))
	w.must(err)
	date := func(key, otherwise string) [3]byte {
		b, err := hex.DecodeString(arg(w, d, key, otherwise))
		w.must(err)
		return [3]byte(b)
	}
	r := w.makeCard(name, cardSpec{
		profile: arg(w, d, "profile", "sm"), balance: balance, uid: arg(w, d, "uid", ""), forged: arg(w, d, "forged", ""),
		expiry: date("expiry", "301231"), effective: date("effective", "250101"),
	})
	return fmt.Sprintf("%v, UID %v, %v yuan\n", r.key, r.uid, balance)
}

func cmdGate(w *world, d *datadriven.TestData) string {
	modes := map[string]gate.Mode{"entry": gate.Entry, "exit": gate.Exit, "bus": gate.Bus, "board": gate.Board, "alight": gate.Alight}
	cfg := gate.Config{
		Mode: modes[arg(w, d, "mode", "entry")], Medium: fare.MunicipalCard, LookUpByCard: d.HasArg("look-up-by-card"),
		RetapWindow: gate.DefaultRetapWindow, PassWindow: gate.DefaultPassWindow, AllowFDDA00: d.HasArg("fdda-00"),
	}
	if cfg.Mode >= gate.Bus {
		cfg.PassWindow = gate.DefaultBusPassWindow
	}
	if d.HasArg("transit") {
		cfg.Transit = &gate.Transit{AllowHold: d.HasArg("hold"), Applications: applications(w, arg(w, d, "order", ""))}
	}
	for key, to := range map[string]any{"terminal": &cfg.Terminal, "min-balance": &cfg.MinEntryBalance, "route": &cfg.Route} {
		if s := arg(w, d, key, ""); s != "" {
			_, err := fmt.Sscan(s, to)
			w.must(err)
		}
	}
	if s := arg(w, d, "station", ""); s != "" {
		id, ok := w.book.StationByName(s)
		if !ok {
			w.t.Fatalf("%s: no station %q", d.Pos, s)
		}
		cfg.Station = id
	}
	w.addGate(arg(w, d, "name", "gate"), arg(w, d, "array", "array"), cfg)
	return "ok\n"
}

func cmdBus(w *world, d *datadriven.TestData) string {
	var stop, direction byte
	var metres int
	_, err := fmt.Sscan(arg(w, d, "stop", "0")+" "+arg(w, d, "direction", "0")+" "+arg(w, d, "metres", "0"), &stop, &direction, &metres)
	w.must(err)
	w.must(w.station(d).gate.SetStop(stop, direction, metres))
	return "ok\n"
}

func cmdTap(w *world, d *datadriven.TestData) string {
	st := w.station(d)
	if n := arg(w, d, "cards", "1"); n != "1" {
		a := st.gate.Begin(w.now, gate.Field{Cards: 2}, w.nextUN())
		if a.Done == nil {
			w.t.Fatalf("%s: the gate talks to one of several cards", d.Pos)
		}
		return w.describeResult(a.Done)
	}
	var b strings.Builder
	show := arg(w, d, "show", "short")
	w.rider(d).relay, w.rider(d).forgetful = arg(w, d, "relay", ""), d.HasArg("forgetful")
	res := w.tap(st, w.rider(d), cut(arg(w, d, "cut", "")), func(cmd, answer []byte) {
		switch show {
		case "full":
			printFull(&b, cmd, answer)
		case "short":
			printShort(&b, cmd, answer)
		}
	})
	b.WriteString(w.describeResult(res))
	return b.String()
}

func cmdClock(w *world, d *datadriven.TestData) string {
	step, err := time.ParseDuration(arg(w, d, "forward", "0s"))
	w.must(err)
	w.now += int64(step / time.Second)
	return time.Unix(w.now+8*3600, 0).UTC().Format("2006-01-02 15:04:05") + "\n"
}

func cmdRecords(w *world, d *datadriven.TestData) string {
	w.records.down, w.records.monthsDown = d.HasArg("down"), d.HasArg("months-down")
	return fmt.Sprintf("%d open entries, %d journeys closed\n", len(w.records.open), len(w.records.closed))
}

func cmdMonth(w *world, d *datadriven.TestData) string {
	key := monthKey{w.rider(d).key, [2]byte{0x26, 0x03}}
	if s := arg(w, d, "set", ""); s != "" {
		var sum money.Fen
		_, err := fmt.Sscan(s, (*int64)(&sum))
		w.must(err)
		w.records.months[key] = sum
	}
	return w.records.months[key].String() + " yuan in March 2026\n"
}

func cmdDeny(w *world, d *datadriven.TestData) string {
	w.denied[w.rider(d).key] = true
	return "ok\n"
}

// cmdAnswer makes the card say something else from now on.
func cmdAnswer(w *world, d *datadriven.TestData) string {
	b, err := hex.DecodeString(strings.Join(strings.Fields(d.Input), ""))
	w.must(err)
	w.rider(d).answers[arg(w, d, "to", "select")] = b
	return "ok\n"
}

func cmdTruth(w *world, d *datadriven.TestData) string {
	if r := w.rider(d); purseProfile(r.profile) {
		balance, last := r.purseState(w)
		return fmt.Sprintf("the purse has %v yuan, its last purchase is number %d\n", money.Fen(balance), last)
	}
	s := w.rider(d).chip.Inspect()
	if s.Deposit > 0 || s.Holds[0].Amount > 0 {
		return fmt.Sprintf("the card has %v yuan, %v of the deposit of %v used, holds %v, ATC %04X\n", s.Balance, s.Used, s.Deposit, s.Holds[0].Amount, s.ATC)
	}
	return fmt.Sprintf("the card has %v yuan, ATC %04X\n", s.Balance, s.ATC)
}

func cmdExpire(w *world, d *datadriven.TestData) string {
	array := w.arrays[arg(w, d, "array", "array")]
	var b strings.Builder
	records := array.Expire(w.now)
	for i := range records {
		b.WriteString(w.describe(&records[i]) + "\n")
	}
	fmt.Fprintf(&b, "%d torn taps are waiting\n", array.Waiting())
	return b.String()
}

func cmdPassage(w *world, d *datadriven.TestData) string {
	w.station(d).gate.Passage(w.rider(d).key)
	return "ok\n"
}

func cmdBroken(w *world, d *datadriven.TestData) string {
	w.station(d).gate.SetBroken(!d.HasArg("repaired"))
	return "ok\n"
}

// printShort is one line an exchange.
func printShort(b *strings.Builder, cmd, answer []byte) {
	fmt.Fprintf(b, "%s -> %s\n", describeCommand(cmd), describeStatus(answer))
}

// printFull shows bytes and data objects.
func printFull(b *strings.Builder, cmd, answer []byte) {
	fmt.Fprintf(b, "%s\n  > %X\n", describeCommand(cmd), cmd)
	if answer == nil {
		b.WriteString("  < (no answer)\n")
		return
	}
	fmt.Fprintf(b, "  < %X\n", answer)
	data, _, err := apdu.ParseResponse(answer)
	if err != nil {
		return
	}
	nodes, err := tlv.Parse(data)
	if err != nil {
		fmt.Fprintf(b, "    %v\n", err)
		return
	}
	printNodes(b, nodes, "    ")
}

func printNodes(b *strings.Builder, nodes []tlv.Node, indent string) {
	for i := range nodes {
		n := &nodes[i]
		name := ""
		if info, ok := tlv.Lookup(n.Tag); ok {
			name = " " + info.Name + " " + info.NameZH
		}
		if n.Tag.Constructed() {
			fmt.Fprintf(b, "%s%v%s\n", indent, n.Tag, name)
			printNodes(b, n.Children, indent+"  ")
			continue
		}
		fmt.Fprintf(b, "%s%v%s: %X\n", indent, n.Tag, name, n.Value)
	}
}

func describeCommand(cmd []byte) string {
	name := commandName(cmd)
	switch name {
	case "PPSE":
		return "SELECT 2PAY.SYS.DDF01"
	case "SELECT":
		return fmt.Sprintf("SELECT %X", cmd[5:5+cmd[4]])
	case "READ RECORD":
		return fmt.Sprintf("READ RECORD %d of file %d", cmd[2], cmd[3]>>3)
	case "READ CAPP DATA", "UPDATE CAPP DATA CACHE":
		return fmt.Sprintf("%s of file %02X", name, cmd[3]>>3)
	case "GET DATA":
		return fmt.Sprintf("GET DATA %X", cmd[2:4])
	}
	return name
}

func describeStatus(answer []byte) string {
	if answer == nil {
		return "no answer, the card has left"
	}
	_, sw, err := apdu.ParseResponse(answer)
	if err != nil {
		return err.Error()
	}
	return sw.String()
}
