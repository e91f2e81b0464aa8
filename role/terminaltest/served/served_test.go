package served

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/citycard/citycard/certify/terminal"
	"github.com/citycard/citycard/internal/pcsctest"
)

var all = flag.Bool("all", false, "run every case, which takes minutes")

func TestMain(m *testing.M) { os.Exit(pcsctest.Main(m)) }

// chosen are cases of every group; each takes about two seconds, since pcscd has to see
// one card leave and the next come.
var chosen = []string{
	"ppse-priority", "ppse-blocked-next", "pse-missing", "list-next", "pdol-none", "qpboc-approved", "qpboc-declined", "qpboc-online",
	"qpboc-pin-online", "qpboc-other-interface", "fdda-rsa", "fdda-sm2", "fdda-signature", "torn-air-options", "torn-air-last-answer",
	"again-finished", "dda-good", "cda-good", "restrict-expired", "cvm-plain", "cvm-enciphered", "action-denial", "gac-card-declines",
	"online-approved", "online-wrong-answer", "script-both", "cash-paid", "load-good", "pulled-second", "debit-air", "stripe-air", "stripe-air-record",
	"t0-response", "t0-length", "transit-shop", "quota-online", "apps-tunion",
}

// cases are the chosen ones, or all.
func cases() []string {
	if !*all {
		return chosen
	}
	var list []string
	for _, g := range terminal.Groups() {
		for _, c := range g.Cases {
			list = append(list, c.ID)
		}
	}
	return list
}

// gateCases are those of gates that are run here.
var gateCases = []string{"gate-exit", "gate-completion", "gate-locked", "gate-serial", "gate-bus", "purse-exit", "gate-torn-proved"}

// build makes the program.
func build(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "citycard")
	if out, err := exec.Command("go", "build", "-o", program, "github.com/citycard/citycard/cmd/citycard").CombinedOutput(); err != nil {
		t.Fatalf("build citycard: %v\n%s", err, out)
	}
	return program
}

// passes runs citycard certify terminal and wants every case to pass; skips says that some
// may be skipped.
func passes(t *testing.T, program, setup, run string, list []string, skips bool, more ...string) {
	t.Helper()
	setup, err := filepath.Abs("../../../examples/terminals/" + setup)
	if err != nil {
		t.Fatal(err)
	}
	args := append([]string{"certify", "terminal", "--json", "--setup", setup, "--run", run, "--only", strings.Join(list, ",")}, more...)
	cmd := exec.Command(program, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	var report terminal.Report
	if json.Unmarshal(stdout.Bytes(), &report) != nil {
		t.Fatalf("citycard certify terminal: %v\n%s", err, stderr.String())
	}
	for _, c := range report.Cases {
		if c.Result == "fail" {
			t.Errorf("%s: %s %s", c.ID, c.Detail, c.Reason)
			for _, x := range c.APDUs {
				t.Logf("    %s -> %s", x.Command, x.Answer)
			}
		}
	}
	if report.Passed+report.Skipped != len(list) || report.Skipped > 0 && !skips {
		t.Errorf("%d of %d cases passed, %d skipped, %v", report.Passed, len(list), report.Skipped, err)
	}
}

// TestThroughPCSC: citycard tap passes behind pcscd and vpcd, driven by citycard certify
// terminal.
func TestThroughPCSC(t *testing.T) {
	d := pcsctest.Start(t)
	program := build(t)
	run := program + " tap --json --reader pcsc:0 --wait 10s --amount {amount_fen} --kind {kind} --interface {interface} --mode {mode}" +
		" --host {host} --pin-stdin --retap {again} --force-online={online} --choose {choice}"
	passes(t, program, "citycard-tap.yaml", run, cases(), *all, "--vpcd", d.Slot(0), "--host-listen", "127.0.0.1:0")
}

// TestGatesThroughPCSC: so does citycard gate.
func TestGatesThroughPCSC(t *testing.T) {
	d := pcsctest.Start(t)
	program := build(t)
	run := program + " gate --json --reader pcsc:0 --wait 10s --mode {kind} --station 3号航站楼 --metres 4000 --hold --array " + filepath.Join(t.TempDir(), "gates.state")
	passes(t, program, "citycard-gate.yaml", run, gateCases, false, "--vpcd", d.Slot(0))
}
