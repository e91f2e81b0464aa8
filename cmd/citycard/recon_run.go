package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/role/clerk"
	"github.com/citycard/citycard/role/host"
)

const reconRunHelp = `Judges every card that is open in the folder of a host that keeps its books (citycard tap
--host-data), or of a city whose timelines lie in shards (citycard recon shard): pays
refunds that are due, takes back what late rows disprove, and says what waits and until
when. It may be run as often as you like; nothing is paid twice. Without --at it is done
now, in a simulated city at its last closing. A city of citycard day that is not in shards
is judged in the course of the day.`

// hostFlags say which host's folder is worked on, and when.
type hostFlags struct{ city, at string }

func (f *hostFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.city, "city", "", "`folder` of a host that keeps its books (citycard tap --host-data)")
	cmd.Flags().StringVar(&f.at, "at", "", "moment of the work at UTC+8, such as 2026-11-05 or 2026-11-05T10:00 (default now)")
}

// open opens the folder, which must be there, and gives the moment of the work.
func (f *hostFlags) open(ctx context.Context, env *environment) (h *host.Kept, at int64, err error) {
	if f.city == "" {
		return nil, 0, fail(exitUsage, errors.New("which host? --city is missing"), "give the folder of citycard tap --host-data")
	}
	at = time.Now().Unix()
	if f.at != "" {
		if at, err = parseMoment(f.at); err != nil {
			return nil, 0, fail(exitUsage, fmt.Errorf("--at %s: want a day or a moment", f.at), "such as 2026-11-05 or 2026-11-05T10:00, at UTC+8")
		}
	}
	if _, err := os.Stat(filepath.Join(f.city, "city.db")); err != nil {
		return nil, 0, fail(exitNotFound, fmt.Errorf("no city.db in %s", f.city), "give the folder of citycard tap --host-data")
	}
	env.developmentBanner()
	h, err = openKept(ctx, f.city, func() int64 { return at })
	return h, at, err
}

func newReconRun(env *environment) *cobra.Command {
	var f officeFlags
	cmd := &cobra.Command{
		Use: "run", Short: "Judge all open cards of a host, or of a city in shards", Long: reconRunHelp,
		Example: "  citycard recon run --city bank\n  citycard recon run --city bank --at 2026-11-05",
		Args:    arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := os.Stat(filepath.Join(f.city, clerk.ShardsFolder)); f.city != "" && err == nil {
				return runShards(cmd.Context(), env, &f)
			}
			return runRecon(cmd.Context(), env, &hostFlags{f.city, f.at})
		},
	}
	s := cmd.Flags()
	s.StringVar(&f.city, "city", "", "`folder` of a host that keeps its books (citycard tap --host-data), or of a city in shards")
	s.StringVar(&f.at, "at", "", "moment of the work at UTC+8, such as 2026-11-05 or 2026-11-05T10:00")
	s.StringVar(&f.keys, "keys", "", "of a city in shards: keystore `file` with its token key; without it the development keys")
	s.StringVar(&f.passphraseFile, "passphrase-file", "", "`file` that holds the passphrase of --keys")
	return cmd
}

// reconRun is `citycard recon run --json`.
type reconRun struct {
	At      string      `json:"at"` // date at UTC+8
	Judged  int         `json:"judged"`
	Open    int         `json:"open"`
	Actions []reconMove `json:"actions"`
	Damaged int         `json:"damaged"` // cards whose stored timeline cannot be read
}

// reconMove is what a run did for one purpose.
type reconMove struct {
	Purpose string `json:"purpose"` // timeline.Purpose in words
	Count   int    `json:"count"`
	Amount  int64  `json:"amount_fen"`
}

func runRecon(ctx context.Context, env *environment, f *hostFlags) error {
	h, at, err := f.open(ctx, env)
	if errors.Is(err, host.ErrCity) {
		return fail(exitRefused, err, "a city of citycard day is judged in the course of its days; after citycard recon shard, recon run goes on with it")
	}
	if err != nil {
		return err
	}
	if clerk.Ahead(at, time.Now().Unix()) {
		return officeError(errors.Join(fmt.Errorf("--at %s: %w", f.at, clerk.ErrAhead), h.Close()))
	}
	report, err := h.Reconcile(ctx, at)
	if err = errors.Join(err, h.Close()); err != nil {
		return fail(exitFailed, err, "nothing of this run was kept; check the folder and run it again")
	}
	return env.printRun(at, report)
}

// printRun says what a run has done.
func (env *environment) printRun(at int64, report *recon.Report) error {
	out := reconRun{At: dayOnly(at), Judged: report.Judged, Open: report.Open, Actions: reconMoves(report), Damaged: len(report.Damaged)}
	if env.json {
		return env.printJSON(out)
	}
	text := fmt.Sprintf(env.say("%s: %d cards judged, %d wait\n", "%s：判定%d张卡，%d张待定\n"), out.At, out.Judged, out.Open)
	for p := range report.Actions {
		if a := report.Actions[p]; a.Count > 0 {
			text += fmt.Sprintf("  %s  %d  %v\n", timeline.Purpose(p), a.Count, a.Amount)
		}
	}
	return env.printText(text)
}

func reconMoves(r *recon.Report) []reconMove {
	out := []reconMove{}
	for p := range r.Actions {
		if a := r.Actions[p]; a.Count > 0 {
			out = append(out, reconMove{Purpose: timeline.Purpose(p).String(), Count: a.Count, Amount: int64(a.Amount)})
		}
	}
	return out
}
