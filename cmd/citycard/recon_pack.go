package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/citycard/citycard/role/clerk"
)

// packFlags are the flags of `citycard recon pack`.
type packFlags struct {
	officeFlags
	out    string
	redact bool
	rows   []string
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
			"so that it does not stay in the shell's history. Counters have four hexadecimal digits, as\n" +
			"recon card shows them.\n\n" +
			"The rows in a pack hold the whole account number, since the card's certificate is over it.\n" +
			"--redact leaves out everything that discloses it; then the card's own signatures cannot be\n" +
			"checked, and all the rest can.\n\n" +
			"Certificates and the statement's signature are those of development: see\n" +
			"docs/reference/evidence-pack.md. citycard verify checks the pack, with public keys only.",
		Example: "  citycard recon pack 7f3a91 0004-0005 --city city --out case.zip\n" +
			"  citycard recon pack - 0014 --city city --out case.zip --redact",
		Args: arguments(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, env, args[0], args[1]) },
	}
	f.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.out, "out", "", "`file` to write; it must not be there")
	flags.StringArrayVar(&f.rows, "row", nil, "one more row, as `TERMINAL/SEQUENCE`: also one that proves nothing, such as a forged one")
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
	if f.out == "" {
		return fail(exitUsage, errors.New("--out is missing"), "name the file to write")
	}
	q := clerk.PackRequest{Redact: f.redact, Rand: rand.Reader}
	var err error
	if q.P, q.Q, err = parsePair(counters); err != nil {
		return err
	}
	if q.Q == 0 {
		q.Q = q.P
	}
	if q.Q < q.P {
		return fail(exitUsage, fmt.Errorf("counters %s: the smaller one comes first", counters), "such as 0005-0007")
	}
	for _, r := range f.rows {
		var n clerk.RowName
		if _, err := fmt.Sscanf(r, "%d/%d", &n.Terminal, &n.Sequence); err != nil || fmt.Sprintf("%d/%d", n.Terminal, n.Sequence) != r {
			return fail(exitUsage, fmt.Errorf("--row %s: want terminal and sequence", r), "such as 1200031/4, see citycard files open")
		}
		q.Rows = append(q.Rows, n)
	}
	if q.Card, err = env.cardName(card); err != nil {
		return err
	}
	if f.keys != "" { // else the folder's keys bring the banner
		env.developmentBanner()
	}
	parties, err := clerk.DevelopmentParties()
	if err != nil {
		return err
	}
	q.Parties = parties
	office, err := f.open(cmd.Context(), env)
	if err != nil {
		return err
	}
	defer office.Close()
	pack, err := office.Pack(cmd.Context(), &q)
	if err != nil {
		return officeError(err)
	}
	if err := writeNew(f.out, pack); err != nil {
		return err
	}
	if env.json {
		return env.printJSON(packResult{f.out, len(pack), f.redact})
	}
	return env.printText(fmt.Sprintf(env.say("%s: %d bytes; check it with citycard verify %s --dev-keys\n", "%s：%d 字节；可用 citycard verify %s --dev-keys 验证\n"), f.out, len(pack), f.out))
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
