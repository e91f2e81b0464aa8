package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/citycard/citycard/sim/demand"
)

func main() {
	in := flag.String("in", "", "folder with the source tables; empty means the embedded inputs")
	out := flag.String("out", "model.bin", "model file to write")
	flag.Parse()
	if err := run(*in, *out); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(dir, out string) error {
	inputs, err := load(dir, filepath.Join(filepath.Dir(out), "inputs.bin"))
	if err != nil {
		return err
	}
	m, err := demand.Fit(context.Background(), inputs, func(done, total int) {
		fmt.Fprintf(os.Stderr, "\rbalancing %d/%d", done, total)
	})
	fmt.Fprintln(os.Stderr)
	if err != nil {
		return err
	}
	r := m.Error()
	fmt.Printf("%d journeys, %d stations: entries off by %d, exits by %d, %d of a million; before rounding %d of a million\n",
		r.Journeys, r.Stations, r.EntryError, r.ExitError, r.PerMillion, r.RealPerMillion)
	fmt.Printf("mean %d s between gates by the counts, %d s riding by the fit\n", r.ObservedMean, r.RidingMean)
	if err := os.WriteFile(out, m.Encode(), 0o644); err != nil {
		return fmt.Errorf("writing the model: %w", err)
	}
	return nil
}

// load reads the source tables and writes them in compact form, or takes the embedded ones when dir is empty.
func load(dir, keep string) (*demand.Inputs, error) {
	if dir == "" {
		return demand.LoadInputs()
	}
	in := &demand.Inputs{Source: source}
	err := errors.Join(
		readStations(filepath.Join(dir, "afc-real", "beijing-2016-stations.csv"), in),
		readFlows(filepath.Join(dir, "afc-real", "beijing-2016-flow-15min-day3.csv"), in),
		readSegments(filepath.Join(dir, "beijing-subway"), in),
		readBus(filepath.Join(dir, "afc-real", "shenzhen-2018-09-01-taps.csv.gz"), in),
	)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(keep, in.Encode(), 0o644); err != nil {
		return nil, fmt.Errorf("writing the inputs: %w", err)
	}
	return in, nil
}

const source = "Beijing subway, third weekday, entries and exits of 276 stations by quarter hour (GitHub JinleiZhangBJTU/ResNet-LSTM-GCN, " +
	"commit 78b257bb362d1d0b48bce6fda6250ed67b2e8381, IEEE TITS doi 10.1109/TITS.2020.3000761; station names inferred from the order of lines); " +
	"network of 2026 (GitHub Mick235711/Beijing-Subway-Tools, commit f1ac527531c63c96a5026aaf266b60f2e1d413a3); " +
	"popularity of bus routes from taps of 2018-09-01 (Shenzhen open data 29200_00403601)"
