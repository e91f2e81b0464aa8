package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// huge is a script command: "huge file size" makes a file with nothing in it.
func huge(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: huge file size")
	}
	size, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	path := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(filepath.Dir(path), 0o755))
	ts.Check(os.WriteFile(path, nil, 0o644))
	ts.Check(os.Truncate(path, size))
}

// faultKeys are the closed set of keys under which faults are counted.
const faultKeys = "bad_signature broken_chain sequence_gap replayed_block unknown_terminal bad_cryptogram bad_balance_mac duplicate " +
	"conflicting_counter denied_card late_over_limit"

// promisedKeys are those that scripts may rely on.
const promisedKeys = "seed riders taps offline_txns verified rejected injected torn_after_commit recovered_at_gate flash_card nets_sum_fen postings " +
	"ledger_balanced float_identity_gap_fen unexplained_fen elapsed_ms stages"

// onlyFigures is a script command: "onlyfigures file" checks that a file is
// exactly the one JSON object of a run.
func onlyFigures(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: onlyfigures file")
	}
	ts.Check(checkFigures(ts.ReadFile(args[0])))
}

func checkFigures(text string) error {
	d := json.NewDecoder(strings.NewReader(text))
	values := map[string]json.RawMessage{}
	keys, err := object(d, values)
	if err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("there is something behind the object: %v", err)
	}
	for _, k := range strings.Fields(promisedKeys) {
		if !slices.Contains(keys, k) {
			return fmt.Errorf("%s is missing among %v", k, keys)
		}
	}
	for _, k := range []string{"rejected", "injected"} {
		inner, err := object(json.NewDecoder(strings.NewReader(string(values[k]))), values)
		if err != nil {
			return fmt.Errorf("%s: %w", k, err)
		}
		if got := strings.Join(inner, " "); got != faultKeys {
			return fmt.Errorf("%s has the keys %s, want %s", k, got, faultKeys)
		}
	}
	return nil
}

// object reads one object and gives its keys in their order.
func object(d *json.Decoder, values map[string]json.RawMessage) (keys []string, err error) {
	t, err := d.Token()
	if err != nil || t != json.Delim('{') {
		return nil, fmt.Errorf("begins with %v (%v), want an object", t, err)
	}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		key := t.(string) // within an object every other token is a string
		if slices.Contains(keys, key) {
			return nil, fmt.Errorf("key %s is there twice", key)
		}
		keys = append(keys, key)
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		values[key] = v
	}
	_, err = d.Token()
	return keys, err
}
