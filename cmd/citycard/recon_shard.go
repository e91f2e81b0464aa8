package main

import (
	"context"
	"errors"
	"fmt"
	"math/bits"

	"github.com/spf13/cobra"

	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/store/shard"
)

const reconShardHelp = `Moves the timelines of a city's cards out of city.db into a folder "shards" beside it, dealt
out to files by the cards' tokens: where a city of millions of cards keeps them. Nothing is
judged, no money moves, and every command of recon answers as before. Breaks, refunds and
books stay in city.db. If it is interrupted, the same command goes on.

It is done once, and there is no way back: keep a copy of the folder. From then on the
city's cards are judged with citycard recon run. The folder of a host that keeps its books
is refused, for the host writes to its timelines itself.`

// defaultShards is for millions of cards; maxShards is what there can be.
const defaultShards, maxShards = 64, 256

func newReconShard(env *environment) *cobra.Command {
	var f officeFlags
	var shards int
	var quiet bool
	cmd := &cobra.Command{
		Use: "shard", Short: "Move the cards' timelines of a large city into shards", Long: reconShardHelp,
		Example: "  citycard recon shard --city city\n  citycard recon shard --city city --shards 8",
		Args:    arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if shards < 1 || shards > maxShards || bits.OnesCount(uint(shards)) != 1 {
				return fail(exitUsage, fmt.Errorf("--shards %d: want a power of two up to %d", shards, maxShards), "64 is right for millions of cards")
			}
			return shardCity(cmd.Context(), env, &f, shards, quiet)
		},
	}
	f.add(cmd)
	cmd.Flags().IntVar(&shards, "shards", defaultShards, "`number` of shards, a power of two up to 256")
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "no progress bar")
	return cmd
}

// reconShard is `citycard recon shard --json`.
type reconShard struct {
	Cards  int64 `json:"cards"`
	Shards int   `json:"shards"`
}

func shardCity(ctx context.Context, env *environment, f *officeFlags, shards int, quiet bool) error {
	office, err := f.open(ctx, env)
	if err != nil {
		return err
	}
	var progress func(done, total int)
	if show := env.progress("shard", quiet || env.json); show != nil {
		progress = func(done, total int) { show(float64(done), float64(total)) }
	}
	out := reconShard{}
	out.Cards, err = office.Shard(ctx, shards, progress)
	if err == nil {
		out.Shards, err = office.Shards(ctx)
	}
	err = errors.Join(err, office.Close())
	switch {
	case errors.Is(err, context.Canceled):
		return fail(exitFailed, errors.New("interrupted"), "the folder is good as it is; the same command goes on")
	case err != nil:
		return officeError(err)
	case env.json:
		return env.printJSON(out)
	}
	return env.printText(fmt.Sprintf(env.say("%d cards in %d shards\n", "%d 张卡已分入 %d 个分片\n"), out.Cards, out.Shards))
}

// runShards is citycard recon run for a city whose timelines lie in shards.
func runShards(ctx context.Context, env *environment, f *officeFlags) error {
	office, err := f.open(ctx, env)
	if err != nil {
		return err
	}
	at := office.Now()
	report, err := office.Run(ctx)
	err = errors.Join(err, office.Close())
	damaged := errors.Is(err, shard.ErrDamaged) || errors.Is(err, recon.ErrDamaged)
	if err != nil && !damaged {
		return officeError(err)
	}
	if e := env.printRun(at, &report.Report); e != nil {
		return e
	}
	return officeError(err)
}
