package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/sim"
)

// dayFlags are the flags of `citycard day`.
type dayFlags struct {
	riders  string
	seed    uint64
	date    string
	profile string
	mix     string
	out     string
	resume  bool
	data    string
	refit   bool
	quiet   bool
}

const dayHelp = `Simulates a business day D of a city and closes the books on D+1 to D+25.

Riders travel by metro and bus with real cards: every tap runs the chip and the
terminal's kernel with real keys. Terminals seal their rows in blocks; acquirer,
clearing, issuers, ledger and reconciliation work on them as in a real city. On
the way things go wrong as they do outside: cards torn out of the field, blocks
lost, late, repeated or forged, cards cloned. In the end the figures must say
that nothing is unexplained; the exit code is 1 if they do not.

With --mix riders have cards of several kinds, by chance of these weights: bank
(electronic cash; nine of ten such cards carry their own journeys), quota (spent
at gates, paid from the account the next day) and tunion (purse of the card
company). Without it all have bank cards that the stations' records know.

Files of --data DIR replace embedded ones of the same name: lines.csv,
stations.csv, segments.csv, transfers.csv, virtual-transfers.csv, operators.csv,
tariff.json, journeys.json, cn-holidays.csv, model.bin (demand), policy.json (rules
of reconciliation), and the cards sm.yaml, 3des.yaml, transit-sm.yaml, transit-3des.yaml, quota-sm.yaml and
quota-3des.yaml.`

const dayExample = `  citycard day                        20,000 riders, a summary
  citycard day --riders 800 --json    a small city, figures as JSON
  citycard day --out city             leaves database, blocks, T+1 files and report.html
  citycard day --mix bank=50,quota=30,tunion=20`

func newDayCommand(env *environment) *cobra.Command {
	var f dayFlags
	cmd := &cobra.Command{
		Use: "day", Short: "Simulate a city's business day and close it",
		Long: dayHelp, Example: dayExample, Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runDay(cmd.Context(), env, &f, cmd.Flags().Changed("data"))
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.riders, "riders", "20000", "number of riders, or all of the day")
	flags.Uint64Var(&f.seed, "seed", 1, "the same seed gives the same city, byte for byte")
	flags.StringVar(&f.date, "date", "2026-11-18", "business day D")
	flags.StringVar(&f.profile, "profile", "sm", "cards: sm (SM2, SM4), 3des (RSA, triple DES) or mix")
	flags.StringVar(&f.mix, "mix", "", "kinds of cards with their weights, such as bank=50,quota=30,tunion=20")
	flags.StringVar(&f.out, "out", "", "folder for database, blocks, T+1 files and report; must be empty")
	flags.BoolVar(&f.resume, "resume", false, "go on with an interrupted run in --out")
	flags.StringVar(&f.data, "data", "", "folder with files that replace embedded ones")
	flags.BoolVar(&f.refit, "refit", false, "fit the demand anew from the station counts first")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "no progress bar and no summary")
	return cmd
}

// options checks the flags.
func (f *dayFlags) options() (sim.Options, error) {
	opt := sim.Options{Seed: f.seed, Profile: f.profile, Workers: runtime.GOMAXPROCS(0), Refit: f.refit}
	bad := func(flag, value, want string) error {
		return fail(exitUsage, fmt.Errorf("--%s %s: %s", flag, value, want), "see citycard day --help")
	}
	if f.riders != "all" {
		n, err := strconv.Atoi(f.riders)
		if err != nil || n < 1 {
			return opt, bad("riders", f.riders, "want a number from 1, or all")
		}
		opt.Riders = n
	}
	var err error
	if opt.Date, err = fare.ParseDate(f.date); err != nil {
		return opt, bad("date", f.date, "want a date such as 2026-11-18")
	}
	known := false
	for _, p := range sim.Profiles {
		known = known || p == f.profile
	}
	if !known {
		return opt, bad("profile", f.profile, "want sm, 3des or mix")
	}
	if f.mix != "" {
		if opt.Mix, err = sim.ParseMix(f.mix); err != nil {
			return opt, bad("mix", f.mix, err.Error())
		}
	}
	if f.resume && f.out == "" {
		return opt, fail(exitUsage, errors.New("--resume: there is nothing to go on with: name the folder of the interrupted run with --out"), "see citycard day --help")
	}
	return opt, nil
}

func runDay(ctx context.Context, env *environment, f *dayFlags, replaces bool) error {
	opt, err := f.options()
	if err != nil {
		return err
	}
	if replaces {
		if opt.Files, err = readDataFolder(f.data); err != nil {
			return err
		}
	}
	city, err := sim.NewCity(opt)
	switch {
	case errors.Is(err, sim.ErrTooManyRiders):
		return fail(exitUsage, fmt.Errorf("--%w", err), "see citycard day --help")
	case err != nil:
		return fail(exitFailed, err, "check --date, --data and the files in it")
	}
	debug.SetMemoryLimit(memoryLimit)
	run := &sim.Run{Options: opt, Progress: env.progress("day", f.quiet)}
	done, err := f.prepare(run)
	if err != nil {
		return err
	}
	defer done()
	res, err := run.Do(ctx, city)
	switch {
	case errors.Is(err, context.Canceled):
		return fail(exitFailed, errors.New("interrupted"), "a run with --out can go on: add --resume")
	case errors.Is(err, sim.ErrOtherRun):
		return fail(exitRefused, fmt.Errorf("--resume: %w", err), "citycard day --out another-folder begins a run of its own")
	case errors.Is(err, sim.ErrShards):
		return fail(exitRefused, fmt.Errorf("--resume: %w", err), "the run has ended: citycard recon run --city "+f.out+" goes on with it")
	case err != nil && f.out == "":
		return fail(exitFailed, err, "")
	case err != nil:
		return fail(exitFailed, err, "the run can go on: add --resume")
	}
	if err := env.showDay(f, res); err != nil {
		return err
	}
	for _, row := range res.Unreadable {
		fmt.Fprintln(env.stderr, row)
	}
	if !res.Closed() {
		return fail(exitFailed, fmt.Errorf("the day does not close: look at %s", strings.Join(res.Open(), ", ")), "run again with --out and look at exceptions.csv and report.html")
	}
	return nil
}

// memoryLimit makes the collector work harder before the heap, beside which the
// database has its caches, takes more than a small machine has.
const memoryLimit = 2500 << 20

// prepare makes the folders of a run: those of --out, or temporary ones that
// done removes.
func (f *dayFlags) prepare(run *sim.Run) (done func(), err error) {
	if f.out == "" {
		run.Dir, err = os.MkdirTemp("", "citycard-day-")
		return func() { _ = os.RemoveAll(run.Dir) }, err
	}
	entries, err := os.ReadDir(f.out)
	if err != nil && !os.IsNotExist(err) {
		return nil, fail(exitFailed, fmt.Errorf("--out: %w", err), "name a folder that is empty or does not exist")
	}
	if len(entries) > 0 && !f.resume {
		return nil, fail(exitRefused, fmt.Errorf("--out %s: the folder is not empty", f.out), "name another folder, or add --resume to go on with an interrupted run")
	}
	run.Dir, run.Out, run.Files = f.out, f.out, filepath.Join(f.out, "files")
	return func() {}, nil
}

// maxDataFile bounds what is read from --data.
const maxDataFile = 64 << 20

// readDataFolder reads the files that replace embedded ones.
func readDataFolder(dir string) (map[string][]byte, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fail(exitNotFound, fmt.Errorf("--data: %w", err), "name a folder with files such as tariff.json")
	}
	files := map[string][]byte{}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return nil, fail(exitFailed, fmt.Errorf("--data: %w", err), "")
		}
		if !info.Mode().IsRegular() || info.Size() > maxDataFile {
			return nil, fail(exitUsage, fmt.Errorf("--data: %s is no file of at most %d MB", e.Name(), maxDataFile>>20), "keep only data files in the folder")
		}
		if files[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			return nil, fail(exitFailed, fmt.Errorf("--data: %w", err), "")
		}
	}
	return files, nil
}

// progress gives the progress bar of a long run: on standard error, and only
// where a person looks.
func (e *environment) progress(what string, quiet bool) func(done, total float64) {
	f, isFile := e.stderr.(*os.File)
	if quiet || !isFile {
		return nil
	}
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return nil
	}
	bar := progressbar.NewOptions(1000, progressbar.OptionSetWriter(f), progressbar.OptionSetDescription(what), progressbar.OptionClearOnFinish(),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionSetPredictTime(true))
	return func(done, total float64) { _ = bar.Set(int(1000 * done / total)) }
}
