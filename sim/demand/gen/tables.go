package main

import (
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/citycard/citycard/sim/demand"
)

// readTable calls row for each data row of a CSV file, gzipped when its name ends in .gz, with the named columns in that order.
func readTable(path string, columns []string, row func(v []string) error) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("opening a source table: %w", err)
	}
	defer f.Close()
	var src io.Reader = f
	if filepath.Ext(path) == ".gz" {
		z, err := gzip.NewReader(f)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		src = z
	}
	r := csv.NewReader(src)
	r.ReuseRecord = true
	head, err := r.Read()
	if err != nil {
		return fmt.Errorf("%s: reading the heading: %w", path, err)
	}
	index := make([]int, len(columns))
	for i, c := range columns {
		if index[i] = slices.Index(head, c); index[i] < 0 {
			return fmt.Errorf("%s: no column %q", path, c)
		}
	}
	v := make([]string, len(columns))
	for {
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		for i, at := range index {
			v[i] = rec[at]
		}
		if err := row(v); err != nil {
			line, _ := r.FieldPos(0)
			return fmt.Errorf("%s, line %d: %w", path, line, err)
		}
	}
}

func readStations(path string, in *demand.Inputs) error {
	return readTable(path, []string{"station_no", "name_inferred"}, func(v []string) error {
		if v[0] != strconv.Itoa(len(in.Observed)) {
			return fmt.Errorf("station %q out of order", v[0])
		}
		in.Observed = append(in.Observed, v[1])
		return nil
	})
}

func readFlows(path string, in *demand.Inputs) error {
	n := len(in.Observed) * demand.Slots
	in.Entries, in.Exits = make([]uint32, n), make([]uint32, n)
	return readTable(path, []string{"slot_start", "station_no", "in", "out"}, func(v []string) error {
		at, err := time.Parse("15:04", v[0])
		if err != nil {
			return err
		}
		slot := (at.Hour()*3600 + at.Minute()*60 - demand.FirstSlot) / demand.SlotSeconds
		station, err := number(v[1], len(in.Observed)-1)
		if err != nil {
			return err
		}
		if slot < 0 || slot >= demand.Slots {
			return fmt.Errorf("time %q is outside the day", v[0])
		}
		i := station*demand.Slots + slot
		entries, err1 := number(v[2], 1<<20)
		exits, err2 := number(v[3], 1<<20)
		in.Entries[i], in.Exits[i] = uint32(entries), uint32(exits)
		return errors.Join(err1, err2)
	})
}

func number(s string, limit int) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > limit {
		return 0, fmt.Errorf("%q is not a number from 0 to %d", s, limit)
	}
	return n, nil
}

// readSegments keeps the lines on which one ticket of the main fare network rides through; the airport lines and trams have their own fares.
func readSegments(dir string, in *demand.Inputs) error {
	main := map[string]bool{}
	err := readTable(filepath.Join(dir, "lines.csv"), []string{"line", "fare_network"}, func(v []string) error {
		main[v[0]] = v[1] == "main"
		return nil
	})
	if err != nil {
		return err
	}
	return readTable(filepath.Join(dir, "segments.csv"), []string{"line", "from", "to", "metres"}, func(v []string) error {
		if !main[v[0]] {
			return nil
		}
		metres, err := number(v[3], 100_000)
		in.Segments = append(in.Segments, demand.Segment{Line: v[0], From: v[1], To: v[2], Metres: metres})
		return err
	})
}

// readBus keeps how many taps each route had, most first, and nothing else of the records.
func readBus(path string, in *demand.Inputs) error {
	taps := map[string]uint32{}
	err := readTable(path, []string{"deal_type", "station_or_route"}, func(v []string) error {
		if v[0] == "bus" {
			taps[v[1]]++
		}
		return nil
	})
	for _, n := range taps {
		in.Bus = append(in.Bus, n)
	}
	slices.SortFunc(in.Bus, func(a, b uint32) int { return int(b) - int(a) })
	return err
}
