package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/foreign"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/role/reconimport"
)

// importFlags are the flags of `citycard recon import`.
type importFlags struct {
	mapping, asOf, out   string
	keys, passphraseFile string
	policy               string
	devKeys, printMap    bool
}

func newReconImport(env *environment) *cobra.Command {
	var f importFlags
	cmd := &cobra.Command{
		Use: "import DIR", Short: "Find flash cards and flash loads in a bank's own files",
		Long: "Reads every file of a folder: clearing files (general transaction file with chip data, or\n" +
			"CSV), the host's journal of loads, dumps of field 55, lists of unfinished taps. Prints what\n" +
			"the cards' counters and balances prove, and since which day: flash cards, flash loads,\n" +
			"clones, duplicates, and what is still open. No platform and no database is needed.\n\n" +
			"Without keys nobody can tell genuine lines from forged ones: every finding is soft and says\n" +
			"so. With --keys cryptograms and balance MACs are checked and findings are hard. Each line is\n" +
			"accepted, or refused for a reason; refused lines do not change the exit code.\n\n" +
			"--map names a file that says where the fields stand in your files; --print-map prints the\n" +
			"built-in one to start from.",
		Example: "  citycard recon sample --out bank --truth truth.json\n" +
			"  citycard recon import bank\n" +
			"  citycard recon import bank --dev-keys --json\n" +
			"  citycard recon import bank --out result --as-of 2026-10-01",
		Args: arguments(cobra.MaximumNArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error { return f.run(env, args) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.mapping, "map", "", "mapping `file` (YAML)")
	flags.BoolVar(&f.printMap, "print-map", false, "print the built-in mapping and stop")
	flags.StringVar(&f.asOf, "as-of", "", "`day` of the judgement, for example 2026-10-01; the latest day in the files if left out")
	flags.StringVar(&f.out, "out", "", "`folder` for lists as CSV, result.json and report.html; it must be empty or new")
	flags.StringVar(&f.keys, "keys", "", "keystore `file` with issuer masters")
	flags.StringVar(&f.passphraseFile, "passphrase-file", "", "`file` that holds the passphrase of the keystore")
	flags.BoolVar(&f.devKeys, "dev-keys", false, "use the development keys, which are no secret")
	flags.StringVar(&f.policy, "policy", "", "policy `file` (JSON) with limit and window")
	return cmd
}

func (f *importFlags) run(env *environment, args []string) error {
	if f.printMap {
		if len(args) > 0 {
			return fail(exitUsage, errors.New("--print-map reads no folder"), "leave the folder out")
		}
		return env.printText(string(foreign.DefaultMappingText()))
	}
	if len(args) == 0 {
		return fail(exitUsage, errors.New("no folder is named"), "for example citycard recon import bank")
	}
	mapping, o, err := f.options(env)
	if err != nil {
		return err
	}
	if err := readableFolder(args[0]); err != nil {
		return err
	}
	var out *importOutput
	if f.out != "" {
		if out, err = newImportOutput(args[0], f.out); err != nil {
			return err
		}
		defer out.abandon()
		o.Refused = out.refused
	}
	im := foreign.New(mapping, o)
	if err := reconimport.Folder(args[0], im); err != nil {
		return fail(exitFailed, err, "check the folder, or import a part of it")
	}
	res := im.Finish()
	res.Localise(string(env.lang))
	if out != nil {
		if err := out.finish(args[0], string(env.lang), res); err != nil {
			return fail(exitFailed, err, "make room on the disk, or name another folder")
		}
	}
	if env.json {
		return env.printJSON(res)
	}
	return env.printText(env.importText(args[0], f.out, res))
}

// options turn the flags into what the import goes by.
func (f *importFlags) options(env *environment) (*foreign.Mapping, foreign.Options, error) {
	o := foreign.Options{Params: timeline.DefaultParams()}
	mapping := foreign.DefaultMapping()
	if f.mapping != "" {
		text, err := readSmall(f.mapping, foreign.MaxMapping)
		if err != nil {
			return nil, o, cannotRead(err)
		}
		if mapping, err = foreign.ParseMapping(text); err != nil {
			return nil, o, fail(exitUsage, fmt.Errorf("--map %s: %w", f.mapping, err), "citycard recon import --print-map shows a mapping; docs/reference/recon-import.md explains it")
		}
	}
	if f.policy != "" {
		b, err := readSmall(f.policy, 1<<20)
		if err != nil {
			return nil, o, cannotRead(err)
		}
		if o.Params, err = recon.DecodePolicy(b); err != nil {
			return nil, o, fail(exitUsage, fmt.Errorf("--policy %s: %w", f.policy, err), "docs/reference/recon-import.md shows the form")
		}
	}
	if f.asOf != "" {
		day, err := time.Parse(time.DateOnly, f.asOf)
		if err != nil || day.Year() < 2000 || day.Year() > 2099 {
			return nil, o, fail(exitUsage, fmt.Errorf("--as-of %q is no day of the years 2000 to 2099", f.asOf), "for example --as-of 2026-10-01")
		}
		o.AsOf = int32(day.Unix() / 86400)
	}
	var err error
	o.Checkers, err = f.checkers(env)
	return mapping, o, err
}

// checkers finds the keys that the flags name; nil without keys.
func (f *importFlags) checkers(env *environment) (foreign.Checkers, error) {
	switch {
	case f.devKeys && f.keys != "":
		return nil, fail(exitUsage, errors.New("--dev-keys and --keys exclude each other"), "give one of them")
	case f.devKeys:
		env.developmentBanner()
		return reconimport.Development()
	case f.keys == "":
		if f.passphraseFile != "" {
			return nil, fail(exitUsage, errors.New("--passphrase-file without --keys"), "name the keystore with --keys")
		}
		return nil, nil
	}
	store, err := f.keystore()
	if err != nil {
		return nil, err
	}
	if store.IsDevelopment() {
		env.developmentBanner()
	}
	c, err := reconimport.Checkers(store)
	if err != nil {
		return nil, fail(exitUsage, fmt.Errorf("--keys %s: %w", f.keys, err), "the keystore must hold issuer masters; docs/reference/recon-import.md says how they are named")
	}
	return c, nil
}

func (f *importFlags) keystore() (*keystore.Store, error) {
	passphrase := []byte(os.Getenv(passphraseVariable))
	if f.passphraseFile != "" {
		b, err := readSmall(f.passphraseFile, 1<<16)
		if err != nil {
			return nil, cannotRead(err)
		}
		passphrase = bytes.TrimRight(b, "\r\n")
	}
	if len(passphrase) == 0 {
		return nil, fail(exitUsage, fmt.Errorf("no passphrase for keystore %s", f.keys), "set "+passphraseVariable+" or give --passphrase-file")
	}
	b, err := readSmall(f.keys, 64<<20)
	if err != nil {
		return nil, cannotRead(err)
	}
	store, err := keystore.Open(b, passphrase)
	if err != nil {
		return nil, fail(exitFailed, fmt.Errorf("%s: %w", f.keys, err), "check the passphrase and the file")
	}
	return store, nil
}

// readableFolder refuses what is no folder.
func readableFolder(dir string) error {
	at, err := os.Stat(dir)
	if err != nil {
		return cannotRead(err)
	}
	if !at.IsDir() {
		return fail(exitUsage, fmt.Errorf("%s is a file", dir), "name the folder that holds the files")
	}
	return nil
}
