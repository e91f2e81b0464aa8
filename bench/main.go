package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

func main() {
	var o options
	flag.StringVar(&o.targets, "targets", "bench/targets.txt", "file of targets")
	flag.StringVar(&o.results, "results", "bench/results", "folder for the results; empty writes none")
	flag.StringVar(&o.only, "only", "", "measure only where the package or the benchmark fits this pattern")
	flag.IntVar(&o.count, "count", 5, "runs of each benchmark")
	flag.BoolVar(&o.strict, "strict", false, "a missed target is an error")
	flag.Parse()
	if err := run(o, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type options struct {
	targets, results, only string
	count                  int
	strict                 bool
}

func run(o options, stdout, stderr io.Writer) error {
	list, err := readTargets(o)
	if err != nil {
		return err
	}
	now, version := time.Now(), commit()
	facts := machineFacts(now, version)
	fmt.Fprint(stdout, facts, "\n")
	var raw bytes.Buffer
	var all []series
	var output string
	for i, t := range list {
		if i == 0 || !t.sameRun(list[i-1]) { // else another metric of the same benchmark
			fmt.Fprintf(stderr, "measuring %s %s\n", t.pkg, t.benchmark)
			if output, err = measure(t, o.count, stderr); err != nil {
				return err
			}
			raw.WriteString(output)
		}
		found := collect(t, output)
		if len(found) == 0 {
			return fmt.Errorf("%s: no benchmark %s printed %s; has it been renamed?", t.pkg, t.benchmark, t.metric)
		}
		all = append(all, found...)
	}
	var table bytes.Buffer
	missed, err := writeTable(&table, all)
	if err != nil {
		return err
	}
	fmt.Fprint(stdout, table.String())
	if o.results != "" {
		name := filepath.Join(o.results, now.UTC().Format("2006-01-02")+"-"+version+".txt")
		if err := save(name, facts+"\n"+table.String()+"\n"+raw.String()); err != nil {
			return err
		}
		fmt.Fprintln(stderr, "written to", name)
	}
	if missed > 0 {
		fmt.Fprintf(stderr, "%d targets missed\n", missed)
		if o.strict {
			return errors.New("targets were missed")
		}
	}
	return nil
}

func readTargets(o options) ([]target, error) {
	text, err := os.ReadFile(o.targets)
	if err != nil {
		return nil, fmt.Errorf("reading the targets: %w", err)
	}
	list, err := parseTargets(string(text))
	if err != nil {
		return nil, err
	}
	only, err := regexp.Compile(o.only)
	if err != nil {
		return nil, fmt.Errorf("-only %q: %w", o.only, err)
	}
	var chosen []target
	for _, t := range list {
		if t.named && o.only == "" {
			continue
		}
		if only.MatchString(t.pkg) || only.MatchString(t.benchmark) {
			chosen = append(chosen, t)
		}
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("-only %q fits none of %d targets", o.only, len(list))
	}
	return chosen, nil
}

// sameRun reports whether two targets are metrics of one run of one benchmark.
func (t target) sameRun(o target) bool {
	return t.pkg == o.pkg && t.benchmark == o.benchmark && t.benchtime == o.benchtime
}

// measure runs one benchmark and gives what it printed.
func measure(t target, count int, stderr io.Writer) (string, error) {
	args := []string{"test", "-run", "^$", "-bench", t.flag(), "-benchtime", t.benchtime}
	if t.named {
		args = append(args, "-timeout", "0")
	} else {
		args = append(args, "-count", strconv.Itoa(count))
	}
	cmd := exec.Command("go", append(args, t.pkg)...)
	cmd.Stderr = stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("running %s %s: %w\n%s", t.pkg, t.benchmark, err, out)
	}
	return string(out), nil
}

func save(name, text string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return fmt.Errorf("making the folder for results: %w", err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		return fmt.Errorf("writing the results: %w", err)
	}
	return nil
}
