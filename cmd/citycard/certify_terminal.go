package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/citycard/citycard/certify"
	"github.com/citycard/citycard/certify/terminal"
	terminalpage "github.com/citycard/citycard/certify/terminal/report"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/role/terminaltest"
	"github.com/citycard/citycard/terminal/reader"
)

// terminalFlags are the flags of `citycard certify terminal`.
type terminalFlags struct {
	vpcd    string
	run     string
	host    string
	setup   string
	name    string
	pin     string
	out     string
	only    []string
	wait    time.Duration
	list    bool
	verbose bool
}

const terminalHelp = `Tests any terminal that reads its cards through PC/SC, a shop's or a gate: some four
hundred scripted cards, good ones and bad ones, are put into a virtual reader one after
the other, and what the terminal sends to them is judged, each case by its clause.

The card goes into the slot of a virtual reader: vpcd of a running pcscd, or a terminal of
ours with --reader vpcd:PORT. With --run the program CMD makes each transaction; what it
prints as JSON (outcome, tvr, tsi, balance_fen, as citycard tap --json) is judged too.
CMD is split at spaces and line ends, without quoting, and these words in it are filled in:

  {amount_fen} {kind} {interface} {host} {mode} {online} {choice} {again} {case}

and the PIN comes as its first line of standard input. Without --run a person is asked to
make the transaction and to press Enter, or to type how it ended.

--host-listen opens a port on which terminals reach the issuer of the run, one JSON object
a line, as citycard tap --host tcp:HOST:PORT speaks it. Without it cases that need an
issuer are skipped.

--setup FILE says how the terminal is set and what it has; the cases foresee from that
what it must do. examples/terminals/citycard-tap.yaml is the file for citycard tap, to be
copied for another terminal. The cards are signed with the development keys: the terminal
must trust CA keys 57 (SM2) and 80 (RSA) of A000000333, see citycard card profiles --json.
For a gate or a bus examples/terminals/citycard-gate.yaml is the file; CMD is then started
once for each tap, with entry, exit, bus, board or alight as its {kind}.

The exit code is 0 only if no case fails.`

const terminalExample = `  citycard certify terminal --vpcd 127.0.0.1:35963 --setup my-terminal.yaml --html report.html
  citycard certify terminal --vpcd 127.0.0.1:36001 --host-listen 127.0.0.1:0 \
    --setup examples/terminals/citycard-tap.yaml \
    --run 'citycard tap --json --reader vpcd:36001 --amount {amount_fen} --kind {kind}
      --interface {interface} --mode {mode} --host {host} --choose {choice} --pin-stdin
      --retap {again} --force-online={online}'`

func newCertifyTerminal(env *environment) *cobra.Command {
	var f terminalFlags
	cmd := &cobra.Command{
		Use: "terminal", Short: "Test a terminal with scripted cards", Long: terminalHelp,
		Example: terminalExample,
		Args:    arguments(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return f.runAll(cmd.Context(), env) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.vpcd, "vpcd", net.JoinHostPort("127.0.0.1", fmt.Sprint(reader.DefaultPort)), "`host:port` of the virtual reader")
	flags.StringVar(&f.run, "run", "", "program that makes one transaction, `CMD` with words filled in")
	flags.StringVar(&f.host, "host-listen", "", "`host:port` at which the terminal reaches the issuer of the run")
	flags.StringVar(&f.setup, "setup", "", "YAML `file` that says how the terminal is set")
	flags.StringVar(&f.name, "name", "", "name of the terminal for the report")
	flags.StringVar(&f.pin, "pin", "123456", "PIN of the cards, 4 to 12 `digits`")
	flags.StringVar(&f.out, "html", "", "`file` for the report as a page, FILE.html")
	flags.StringSliceVar(&f.only, "only", nil, "run only these cases or groups")
	flags.DurationVar(&f.wait, "wait", terminaltest.DefaultWait, "a transaction may take so long")
	flags.BoolVar(&f.list, "list", false, "list the cases and do nothing")
	flags.BoolVar(&f.verbose, "verbose", false, "show what CMD writes to standard error")
	return cmd
}

func (f *terminalFlags) runAll(ctx context.Context, env *environment) error {
	if f.list {
		return env.terminalCases()
	}
	o, b, err := f.prepare(env)
	if err != nil {
		return err
	}
	env.developmentBanner()
	if err := (pageFile{"--html", f.out}).check(); err != nil {
		return err
	}
	if f.host != "" {
		stop, err := b.ServeHost(ctx, f.host)
		if err != nil {
			return fail(exitUnavailable, fmt.Errorf("--host-listen: %w", err), "name a free port on this machine, for example 127.0.0.1:0")
		}
		defer stop()
	}
	if show := env.progress("certify", env.json); show != nil {
		o.Progress = func(done, total int, _ *certify.CaseResult) { show(float64(done), float64(total)) }
	}
	result, err := terminal.Run(ctx, b, o)
	if result == nil {
		return err
	}
	return f.tell(env, result, err)
}

// prepare turns the flags into the options of a run and its bench.
func (f *terminalFlags) prepare(env *environment) (terminal.Options, *terminaltest.Bench, error) {
	o := terminal.Options{Name: f.name, Only: f.only, At: time.Now(), Rand: rand.Reader, Setup: terminal.Everything()}
	if _, _, err := net.SplitHostPort(f.vpcd); err != nil {
		return o, nil, fail(exitUsage, fmt.Errorf("--vpcd %s: want host:port", f.vpcd), "pcscd with vpcd listens on 127.0.0.1:35963 and 35964")
	}
	if f.wait <= 0 {
		return o, nil, fail(exitUsage, fmt.Errorf("--wait %v: want a time such as 20s", f.wait), "see citycard certify terminal --help")
	}
	if f.run == "" && env.noInput {
		return o, nil, fail(exitUsage, errors.New("--no-input without --run: somebody must make the transactions"), "add --run 'CMD ...'")
	}
	command := strings.Fields(f.run)
	for _, word := range command {
		if unknown := placeholder.FindString(strings.NewReplacer(pairs(terminaltest.Placeholders())...).Replace(word)); unknown != "" {
			return o, nil, fail(exitUsage, fmt.Errorf("--run: %s is not known", unknown), "the words are "+strings.Join(terminaltest.Placeholders(), " "))
		}
	}
	if len(command) > 0 {
		if _, err := exec.LookPath(command[0]); err != nil {
			return o, nil, fail(exitNotFound, fmt.Errorf("--run: %w", err), "name a program that is there, by its path if need be")
		}
	}
	if f.setup != "" {
		text, err := readSmall(f.setup, terminaltest.MaxSetup)
		if err != nil {
			return o, nil, cannotRead(err)
		}
		if o.Setup, err = terminaltest.ParseSetup(text); err != nil {
			return o, nil, fail(exitUsage, fmt.Errorf("--setup %s: %w", f.setup, err), "the words are "+strings.Join(terminaltest.Abilities(), ", "))
		}
	}
	code, err := pin.New(f.pin)
	if err != nil {
		return o, nil, fail(exitUsage, fmt.Errorf("--pin: %w", err), "see citycard certify terminal --help")
	}
	o.Setup.PIN = code
	o.Setup.Host = o.Setup.Host && f.host != ""
	o.Setup.Person = o.Setup.Person && f.run == "" // a program enters the right PIN only
	if o.RSA, o.SM2, err = terminaltest.Keys(); err != nil {
		return o, nil, err
	}
	o.Records, o.Purse = terminaltest.RecordKeys(), terminaltest.PurseKeys()
	if o.Name == "" {
		o.Name = programName(f.run)
	}
	b := &terminaltest.Bench{VPCD: f.vpcd, Command: command, Wait: f.wait, PIN: f.pin}
	b.Ask = (&operator{env: env}).ask
	if f.verbose {
		b.Log = func(text string) { fmt.Fprint(env.stderr, text) }
	}
	return o, b, nil
}

// placeholder is what looks like a word that is filled in.
var placeholder = regexp.MustCompile(`\{[a-z_]*\}`)

// pairs has each of the words replaced by nothing.
func pairs(words []string) []string {
	var out []string
	for _, w := range words {
		out = append(out, w, "")
	}
	return out
}

// programName is a command line up to its first flag, the program without its folder.
func programName(run string) string {
	before, _, _ := strings.Cut(" "+run, " -")
	words := strings.Fields(before)
	if len(words) > 0 {
		words[0] = filepath.Base(words[0])
	}
	return strings.Join(words, " ")
}

// tell gives the report to the user, a part of one too if the run ended early.
func (f *terminalFlags) tell(env *environment, result *terminal.Report, early error) error {
	if early == nil && len(result.Cases) == 0 {
		return fail(exitNotFound, fmt.Errorf("--only %s: there is no such case or group", strings.Join(f.only, ",")), "citycard certify terminal --list names all of them")
	}
	err := pageFile{"--html", f.out}.write(func(w io.Writer) error { return terminalpage.Write(w, result) })
	if err != nil {
		return err
	}
	if env.json {
		err = result.WriteJSON(env.stdout)
	} else {
		err = env.printText(env.terminalText(result, f.out))
	}
	switch {
	case err != nil:
		return err
	case early != nil:
		return fail(exitUnavailable, early, fmt.Sprintf("the report has the %d cases before it", len(result.Cases)))
	case !result.Conforms():
		return fail(exitFailed, fmt.Errorf("%d of %d cases failed", result.Failed, len(result.Cases)), "the failed cases are listed with what was expected; --html FILE.html shows their commands too")
	}
	return nil
}
