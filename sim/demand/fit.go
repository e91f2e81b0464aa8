package demand

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"
)

// fitRounds is the number of balancing rounds.
const fitRounds = 200

// pullUnit is the largest balancing factor. With deterUnit, lagUnit and maxStations*lagSlots terms a row's weight stays below 2^63.
const pullUnit = 1 << 23

// Refit makes the model again from the embedded inputs. The result equals the embedded model on every machine.
// progress, when not nil, is called after every balancing round, from one goroutine.
func Refit(ctx context.Context, progress func(done, total int)) (*Model, FitReport, error) {
	in, err := LoadInputs()
	if err != nil {
		return nil, FitReport{}, err
	}
	m, err := Fit(ctx, in, progress)
	if err != nil {
		return nil, FitReport{}, err
	}
	return m, m.Error(), nil
}

// Fit balances the gravity seed to the observed margins and measures the error after rounding to whole journeys.
func Fit(ctx context.Context, in *Inputs, progress func(done, total int)) (*Model, error) {
	m, err := unfitted(in)
	if err != nil {
		return nil, fmt.Errorf("preparing the fit: %w", err)
	}
	f := newFit(m)
	for round := range fitRounds {
		if err := f.round(ctx); err != nil {
			return nil, fmt.Errorf("fitting the demand: %w", err)
		}
		if progress != nil {
			progress(round+1, fitRounds)
		}
	}
	m.pull = f.pulls()
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("checking the fit: %w", err)
	}
	m.report.Rounds = fitRounds
	m.report.RealPerMillion = f.perMillion()
	m.measure(m.Expand())
	return m, nil
}

// unfitted fills everything but the balancing factors.
func unfitted(in *Inputs) (*Model, error) {
	n := len(in.Observed) * Slots
	if n == 0 || len(in.Entries) != n || len(in.Exits) != n {
		return nil, errors.New("inputs: entries and exits must have a count for every station and slot")
	}
	mg, err := merge(in)
	if err != nil {
		return nil, err
	}
	minutes, err := newNetwork(in.Segments).minutes(mg.names)
	if err != nil {
		return nil, err
	}
	longest := 0
	for _, v := range minutes {
		longest = max(longest, int(v))
	}
	total := 0
	for _, e := range mg.entries {
		total += int(e)
	}
	m := &Model{
		names: mg.names, entries: mg.entries, exits: mg.exits, minutes: minutes, bus: in.Bus, inputs: in.hash(),
		deter: deterrence(longest+1, deterPower, deterDecay), lags: lagTable(longest + 1),
		report: FitReport{Source: in.Source, Stations: len(mg.names), Journeys: total, Moves: mg.moves},
	}
	return m, nil
}

// fit is iterative proportional fitting of
//
//	journeys(o,t,d,u) = push(o,t) * seed(o,d) * lag(o,d,u-t) * pull(d,u)
//
// to entries(o,t) and exits(d,u). Every product goes through an explicit float64, which forbids the compiler to fuse it with
// the addition, and every sum has a fixed order; so all machines and all numbers of processors agree.
type fit struct {
	m          *Model
	push, pull []float64
	got        []float64 // exits given by the last push and pull
}

func newFit(m *Model) *fit {
	f := &fit{m: m, push: make([]float64, len(m.entries)), pull: make([]float64, len(m.exits)), got: make([]float64, len(m.exits))}
	for i, x := range m.exits {
		if x > 0 {
			f.pull[i] = 1
		}
	}
	return f
}

// round scales pushes to the entries, then pulls to the exits.
func (f *fit) round(ctx context.Context) error {
	if err := f.each(ctx, f.scalePush); err != nil {
		return err
	}
	return f.each(ctx, f.scalePull)
}

// each runs do for every station on all processors; do touches only its own station's factors.
func (f *fit) each(ctx context.Context, do func(station int)) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for s := range f.m.names {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			do(s)
			return nil
		})
	}
	return g.Wait()
}

func (f *fit) scalePush(o int) {
	var sum [Slots]float64
	for d := range f.m.names {
		willing, l := f.m.trip(o, d)
		if willing == 0 {
			continue
		}
		for k, w := range l.w {
			u0 := int(l.first) + k
			if w == 0 || u0 >= Slots {
				continue
			}
			g := float64(willing) * float64(w)
			pull := f.pull[d*Slots+u0 : (d+1)*Slots]
			for t, p := range pull {
				sum[t] += float64(g * p)
			}
		}
	}
	scale(f.push[o*Slots:(o+1)*Slots], f.m.entries[o*Slots:(o+1)*Slots], sum[:])
}

func (f *fit) scalePull(d int) {
	sum := f.exitSums(d)
	scale(f.pull[d*Slots:(d+1)*Slots], f.m.exits[d*Slots:(d+1)*Slots], sum[:])
}

// exitSums adds up what reaches station d in each slot, with pull left out.
func (f *fit) exitSums(d int) (sum [Slots]float64) {
	for o := range f.m.names {
		willing, l := f.m.trip(o, d)
		if willing == 0 {
			continue
		}
		for k, w := range l.w {
			u0 := int(l.first) + k
			if w == 0 || u0 >= Slots {
				continue
			}
			g := float64(willing) * float64(w)
			push := f.push[o*Slots : (o+1)*Slots-u0]
			for t, p := range push {
				sum[t+u0] += float64(g * p)
			}
		}
	}
	return sum
}

// scale sets each factor to want/sum, 0 where nothing is wanted or reachable.
func scale(factor []float64, want []uint32, sum []float64) {
	for i := range factor {
		factor[i] = 0
		if want[i] > 0 && sum[i] > 0 {
			factor[i] = float64(want[i]) / sum[i]
		}
	}
}

// perMillion is the error of the real-valued fit when its entries are exact.
func (f *fit) perMillion() int {
	for o := range f.m.names {
		f.scalePush(o)
	}
	off, total := 0.0, 0.0
	for d := range f.m.names {
		sum := f.exitSums(d)
		for u := range Slots {
			x := float64(f.m.exits[d*Slots+u])
			got := float64(sum[u] * f.pull[d*Slots+u])
			off += max(x-got, got-x)
			total += x
		}
	}
	if total == 0 {
		return 0
	}
	return int(float64(off/(2*total)) * 1e6)
}

// pulls turns the factors into integers up to pullUnit. Factors that differ by more than that range are cut at 1.
func (f *fit) pulls() []uint32 {
	top := 0.0
	for _, p := range f.pull {
		top = max(top, p)
	}
	out := make([]uint32, len(f.pull))
	for i, p := range f.pull {
		if p > 0 {
			out[i] = max(1, uint32(float64(p/top)*pullUnit))
		}
	}
	return out
}
