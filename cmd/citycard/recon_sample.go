package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/citycard/citycard/sim/sample"
)

// sampleFlags are the flags of `citycard recon sample`.
type sampleFlags struct {
	out, truth, encoding string
	seed                 uint64
	cards, days          int
}

func newReconSample(env *environment) *cobra.Command {
	var f sampleFlags
	cmd := &cobra.Command{
		Use: "sample --out DIR --truth FILE", Short: "Make files as a bank has them, with faults of which the truth is known",
		Long: "Writes clearing files, a load journal, lists of unfinished taps and dumps of field 55 of\n" +
			"some hundred cards, for citycard recon import. Cryptograms and MACs are real, under the\n" +
			"development keys. --truth gets what can be decided from these files and on which day, in\n" +
			"the form of the import's --json; it must lie outside --out, where the import cannot see it.",
		Example: "  citycard recon sample --out bank --truth truth.json\n" +
			"  citycard recon sample --out bank --truth truth.json --seed 7 --cards 2000 --encoding gbk",
		Args: arguments(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error { return f.run(env) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.out, "out", "", "`folder` for the files; it must be empty or new")
	flags.StringVar(&f.truth, "truth", "", "`file` for the truth, outside --out")
	flags.Uint64Var(&f.seed, "seed", 1, "the same seed gives the same files")
	flags.IntVar(&f.cards, "cards", 400, "number of cards")
	flags.IntVar(&f.days, "days", 45, "number of days")
	flags.StringVar(&f.encoding, "encoding", "mixed", "mixed, gbk or utf-8")
	return cmd
}

// sampleResult is what the command says.
type sampleResult struct {
	Out   string `json:"out"`
	Truth string `json:"truth"`
	Seed  uint64 `json:"seed"`
	Cards int    `json:"cards"`
	Days  int    `json:"days"`
	Files int    `json:"files"`
	Lines int64  `json:"lines"`
}

func (f *sampleFlags) run(env *environment) error {
	if f.out == "" || f.truth == "" {
		return fail(exitUsage, errors.New("--out and --truth are both needed"), "for example citycard recon sample --out bank --truth truth.json")
	}
	if f.cards < 1 || f.days < 1 {
		return fail(exitUsage, fmt.Errorf("--cards %d, --days %d: want at least 1", f.cards, f.days), "leave them out for 400 cards over 45 days")
	}
	out, truth, err := apart(f.out, f.truth)
	if err != nil {
		return err
	}
	if err := emptyFolder("--out", out); err != nil {
		return err
	}
	if at, err := os.Stat(truth); err == nil && at.IsDir() {
		return fail(exitUsage, fmt.Errorf("--truth %s is a folder", f.truth), "name a file")
	} else if _, err := os.Stat(filepath.Dir(truth)); err != nil {
		return fail(exitNotFound, fmt.Errorf("--truth: %w", err), "make the folder first, or check its name")
	}
	files, facts, err := sample.Make(sample.Options{Seed: f.seed, Cards: f.cards, Days: f.days, Encoding: f.encoding})
	if errors.Is(err, sample.ErrOptions) {
		return fail(exitUsage, err, "see citycard recon sample --help")
	} else if err != nil {
		return err
	}
	if err := writeSample(out, files, truth, facts); err != nil {
		return fail(exitFailed, err, "make room on the disk, or name another folder")
	}
	res := sampleResult{Out: f.out, Truth: f.truth, Seed: f.seed, Cards: f.cards, Days: f.days, Files: len(files), Lines: facts.Lines}
	if env.json {
		return env.printJSON(&res)
	}
	return env.printText(fmt.Sprintf(env.say(
		"%s: %d files with %d lines of %d cards over %d days\n%s: the truth about them\n",
		"%s：%d 个文件，%d 行，%d 张卡，%d 天\n%s：真相\n"), res.Out, res.Files, res.Lines, res.Cards, res.Days, res.Truth))
}

func writeSample(out string, files []sample.File, truth string, facts *sample.Truth) error {
	b, err := json.MarshalIndent(facts, "", "  ")
	if err != nil {
		return fmt.Errorf("write the truth: %w", err)
	}
	// The truth first: a folder without it would have to be emptied by hand.
	if err := os.WriteFile(truth, append(b, '\n'), 0o644); err != nil {
		return fmt.Errorf("--truth: %w", err)
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(out, f.Name), f.Data, 0o644); err != nil {
			return fmt.Errorf("--out: %w", err)
		}
	}
	return nil
}

// apart resolves both paths and refuses a truth inside the folder.
func apart(dir, file string) (out, truth string, err error) {
	if out, err = realPath(dir); err != nil {
		return "", "", fail(exitFailed, fmt.Errorf("--out: %w", err), "name another folder")
	}
	if truth, err = realPath(file); err != nil {
		return "", "", fail(exitFailed, fmt.Errorf("--truth: %w", err), "name another file")
	}
	if inside(truth, out) {
		return "", "", fail(exitRefused, fmt.Errorf("--truth %s lies inside --out %s: whoever imports the folder could read the answers", file, dir), "name a file elsewhere")
	}
	return out, truth, nil
}

// inside reports whether a resolved path is a folder or lies below it.
func inside(path, folder string) bool {
	rel, err := filepath.Rel(folder, path)
	return err == nil && filepath.IsLocal(rel)
}

// emptyFolder refuses a folder that holds something.
func emptyFolder(flag, dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fail(exitFailed, fmt.Errorf("%s: %w", flag, err), "name a folder that is empty or does not exist")
	case len(entries) > 0:
		return fail(exitRefused, fmt.Errorf("%s %s: the folder is not empty", flag, dir), "name a folder that is empty or does not exist")
	}
	return nil
}

// maxLinks is how many links a path may lead through.
const maxLinks = 40

// realPath follows every link of a path, as opening it would, also where its end does
// not exist yet.
func realPath(path string) (string, error) {
	if path == "" {
		return "", errors.New("an empty path")
	}
	if !filepath.IsAbs(path) {
		here, err := os.Getwd()
		if err != nil {
			return "", err
		}
		path = here + string(filepath.Separator) + path
	}
	at := filepath.VolumeName(path) + string(filepath.Separator)
	rest := splitPath(path[len(filepath.VolumeName(path)):])
	for links := 0; len(rest) > 0; {
		part := rest[0]
		rest = rest[1:]
		if part == ".." {
			at = filepath.Dir(at)
			continue
		}
		next := filepath.Join(at, part)
		info, err := os.Lstat(next)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		if err != nil || info.Mode()&fs.ModeSymlink == 0 {
			at = next
			continue
		}
		if links++; links > maxLinks {
			return "", fmt.Errorf("%s leads through more than %d links", path, maxLinks)
		}
		target, err := os.Readlink(next)
		if err != nil {
			return "", err
		}
		if filepath.IsAbs(target) {
			at = filepath.VolumeName(target) + string(filepath.Separator)
			target = target[len(filepath.VolumeName(target)):]
		}
		rest = append(splitPath(target), rest...)
	}
	return at, nil
}

// splitPath gives the parts of a path, without ".".
func splitPath(path string) []string {
	var out []string
	for _, part := range strings.FieldsFunc(path, func(r rune) bool { return r < utf8.RuneSelf && os.IsPathSeparator(uint8(r)) }) {
		if part != "." {
			out = append(out, part)
		}
	}
	return out
}
