package main

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/role/clerk"
)

// packFlags are the flags of `citycard recon pack`.
type packFlags struct {
	city, out string
	redact    bool
}

func newReconPack(env *environment) *cobra.Command {
	var f packFlags
	cmd := &cobra.Command{
		Use:   "pack CARD ATC|P-Q",
		Short: "Make an evidence pack that anybody can verify",
		Long: "Make an evidence pack: one file with the rows of a card between two counters, the proof\n" +
			"that its terminals signed them, the card's own signatures, and the issuer's signed statement\n" +
			"about cryptograms, balances and what follows. One counter brings its neighbours with it.\n" +
			"CARD is a card number, its token or the beginning of that; - reads it from standard input,\n" +
			"so that it does not stay in the shell's history. Counters are decimal, or hexadecimal after\n" +
			"0x.\n\n" +
			"The rows in a pack hold the whole account number, since the card's certificate is over it.\n" +
			"--redact leaves out everything that discloses it; then the card's own signatures cannot be\n" +
			"checked, and all the rest can.\n\n" +
			"citycard verify checks the pack, with public keys only.",
		Example: "  citycard recon pack 7f3a 17-21 --city city --out case.zip\n" +
			"  citycard recon pack - 0x14 --city city --out case.zip --redact",
		Args: arguments(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, env, args[0], args[1]) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.city, "city", "", "folder that citycard day --out has left")
	flags.StringVar(&f.out, "out", "", "file to write; it must not be there")
	flags.BoolVar(&f.redact, "redact", false, "leave out what discloses the account number")
	return cmd
}

// packResult is what --json prints.
type packResult struct {
	File     string `json:"file"`
	Bytes    int    `json:"bytes"`
	Redacted bool   `json:"redacted"`
}

func (f *packFlags) run(cmd *cobra.Command, env *environment, card, counters string) error {
	if f.city == "" || f.out == "" {
		return fail(exitUsage, errors.New("--city and --out are needed"), helpHint(cmd))
	}
	from, to, err := parseCounters(counters)
	if err != nil {
		return fail(exitUsage, err, "for example 17, 17-21 or 0x11-0x15")
	}
	if card == "-" {
		line, err := bufio.NewReader(io.LimitReader(env.stdin, 64)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return fail(exitFailed, fmt.Errorf("read the card number: %w", err), "")
		}
		card = strings.TrimSpace(line)
	}
	pack, err := f.make(cmd, env, &clerk.PackRequest{Card: card, P: from, Q: to, Redact: f.redact, Rand: rand.Reader})
	if err != nil {
		return err
	}
	if err := writeNew(f.out, pack); err != nil {
		return err
	}
	if env.json {
		return env.printJSON(packResult{f.out, len(pack), f.redact})
	}
	return env.printText(fmt.Sprintf(env.say("%s: %d bytes; check it with citycard verify %s --dev-keys\n", "%s：%d 字节；可用 citycard verify %s --dev-keys 验证\n"), f.out, len(pack), f.out))
}

func (f *packFlags) make(cmd *cobra.Command, env *environment, q *clerk.PackRequest) ([]byte, error) {
	env.developmentBanner()
	cas, err := devkeys.CAKeys()
	if err != nil {
		return nil, err
	}
	parties, err := clerk.DevelopmentParties()
	if err != nil {
		return nil, err
	}
	q.Parties = parties
	office, err := clerk.Open(cmd.Context(), clerk.Options{Dir: f.city, Keys: clerk.Development(cas), Wall: time.Now().Unix()})
	if errors.Is(err, clerk.ErrNoCity) {
		return nil, fail(exitNotFound, err, "name the folder that citycard day --out has left")
	}
	if err != nil {
		return nil, fail(exitFailed, err, "")
	}
	defer office.Close()
	pack, err := office.Pack(cmd.Context(), q)
	switch {
	case errors.Is(err, clerk.ErrCardName):
		return nil, fail(exitUsage, err, "give a card number, or its token as citycard recon card shows it")
	case errors.Is(err, clerk.ErrAmbiguous):
		return nil, fail(exitUsage, err, "give more of the token")
	case errors.Is(err, clerk.ErrNoCard):
		return nil, fail(exitNotFound, err, "citycard recon breaks lists cards with something open")
	case errors.Is(err, clerk.ErrNothingToPack):
		return nil, fail(exitNotFound, err, "citycard recon card shows the counters of the card")
	case err != nil:
		return nil, fail(exitFailed, err, "")
	}
	return pack, nil
}

// parseCounters reads "17", "17-21" or the same in hexadecimal.
func parseCounters(s string) (from, to uint16, err error) {
	a, b, two := strings.Cut(s, "-")
	if !two {
		b = a
	}
	p, errP := strconv.ParseUint(a, 0, 16)
	q, errQ := strconv.ParseUint(b, 0, 16)
	if err := errors.Join(errP, errQ); err != nil || q < p {
		return 0, 0, fmt.Errorf("counters %q: want one counter or two, the smaller one first, 0 to 65535", s)
	}
	return uint16(p), uint16(q), nil
}

// writeNew writes a file that is not there yet, under its name only when it is whole.
func writeNew(path string, b []byte) error {
	if _, err := os.Lstat(path); err == nil {
		return fail(exitRefused, fmt.Errorf("%s: the file is there", path), "name another file")
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".citycard-*")
	if err != nil {
		return fail(exitFailed, err, "name a file in a folder that can be written to")
	}
	_, err = tmp.Write(b)
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Link(tmp.Name(), path) // refuses to replace a file
	}
	if err = errors.Join(err, os.Remove(tmp.Name())); err != nil {
		return fail(exitFailed, fmt.Errorf("write %s: %w", path, err), "name another file")
	}
	return nil
}
