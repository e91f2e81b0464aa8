package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/citycard/citycard/recon/pages"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/sim/trial"
)

// trialFlags are the flags of `citycard recon trial`.
type trialFlags struct {
	cards int
	seed  uint64
	rates string
	late  string
	html  string
	quiet bool
}

// maxTrialCards bounds a trial by what one machine holds in memory.
const maxTrialCards = 200_000

func newReconTrial(env *environment) *cobra.Command {
	var f trialFlags
	cmd := &cobra.Command{
		Use: "trial", Short: "Put reconciliation to the proof against a simulated truth",
		Long: "Lets cards live 24 days in which taps, loads, uploads, clocks and cards go wrong, and for 45\n" +
			"nights reconciles what reached the issuer. A naive solver that plays every history\n" +
			"is asked the same each night, and both are compared with what really happened. The method\n" +
			"of the papers, which compares two loads, is shown beside it.\n\n" +
			"--rates takes names, comma separated: default, x10, x100, everything, or a fault that then\n" +
			"is the only one, such as flash_doubt; all runs all of them. flash_doubt=100,left=50 sets\n" +
			"rates by hand, in ten-thousandths.\n\n" +
			"The exit code is 1 if a verdict, a date or a refund is not what it must be.",
		Example: "  citycard recon trial\n" +
			"  citycard recon trial --rates all --cards 200 --html trial.html\n" +
			"  citycard recon trial --rates flash_doubt=500,too_late=200 --json",
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd, env) },
	}
	flags := cmd.Flags()
	flags.IntVar(&f.cards, "cards", 1000, "number of cards for each set of rates")
	flags.Uint64Var(&f.seed, "seed", 1, "the same seed gives the same lives")
	flags.StringVar(&f.rates, "rates", "default", "names of rates, all, or faults with rates in ten-thousandths")
	flags.StringVar(&f.late, "late", "accept", "rows that come when the window is over: accept or refuse")
	flags.StringVar(&f.html, "html", "", "file for a report page")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "no progress bar")
	return cmd
}

// options checks the flags.
func (f *trialFlags) options() ([]trial.Options, error) {
	bad := func(err error) error { return fail(exitUsage, err, "see citycard recon trial --help") }
	if f.cards < 1 || f.cards > maxTrialCards {
		return nil, bad(fmt.Errorf("--cards %d: want a number from 1 to %d", f.cards, maxTrialCards))
	}
	rates, err := trial.ParseRates(f.rates)
	if err != nil {
		return nil, bad(fmt.Errorf("--rates: %w", err))
	}
	policies := map[string]timeline.LatePolicy{"accept": timeline.AcceptLate, "refuse": timeline.RefuseLate}
	late, ok := policies[f.late]
	if !ok {
		return nil, bad(fmt.Errorf("--late %s: want accept or refuse", f.late))
	}
	var all []trial.Options
	for _, r := range rates {
		all = append(all, trial.Options{Cards: f.cards, Seed: f.seed, Rate: r, Late: late})
	}
	return all, nil
}

func (f *trialFlags) run(cmd *cobra.Command, env *environment) error {
	all, err := f.options()
	if err != nil {
		return err
	}
	outcomes, err := trial.RunAll(cmd.Context(), all, runtime.GOMAXPROCS(0), env.progress("trial", f.quiet))
	switch {
	case errors.Is(err, context.Canceled):
		return fail(exitFailed, errors.New("interrupted"), "")
	case err != nil:
		return fail(exitFailed, err, "")
	}
	if f.html != "" {
		if err := f.page(env, outcomes); err != nil {
			return err
		}
	}
	var failed []string
	for _, o := range outcomes {
		if len(o.Failed) > 0 {
			failed = append(failed, fmt.Sprintf("%s (%s)", o.Name, strings.Join(o.Failed, ", ")))
		}
	}
	if env.json {
		err = env.printJSON(map[string]any{"seed": f.seed, "cards": f.cards, "late": f.late, "outcomes": outcomes, "ok": len(failed) == 0})
	} else {
		err = env.printText(trialTable(outcomes, string(env.lang)))
	}
	if err == nil && len(failed) > 0 {
		err = fail(exitFailed, errors.New("not as it must be: "+strings.Join(failed, "; ")), "--json lists the first disagreements of each rate")
	}
	return err
}

func (f *trialFlags) page(env *environment, outcomes []*trial.Outcome) error {
	file, err := os.Create(f.html)
	if err != nil {
		return fail(exitFailed, fmt.Errorf("--html: %w", err), "name a file in a folder that can be written")
	}
	if err := errors.Join(pages.WriteTrial(file, trial.Page(outcomes, f.seed), string(env.lang)), file.Close()); err != nil {
		return fail(exitFailed, fmt.Errorf("--html: %w", err), "")
	}
	return nil
}
