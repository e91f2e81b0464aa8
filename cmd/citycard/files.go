package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/citycard/citycard/crypt/sealfile"
	"github.com/citycard/citycard/store/sqlite"
)

func newFilesCommand(env *environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "files",
		Short: "Look into the files of the road: T+1 files, block files, databases",
		Args:  noSuchCommand,
		RunE:  showHelp,
	}
	cmd.AddCommand(newFilesOpen(env), newFilesDump(env))
	return cmd
}

// openOptions are the flags of `citycard files open`.
type openOptions struct {
	keys, passphraseFile, networkKey string
	devKeys, showPAN                 bool
}

func newFilesOpen(env *environment) *cobra.Command {
	var o openOptions
	cmd := &cobra.Command{
		Use:   "open FILE",
		Short: "Check a T+1 file or a file of sealed blocks and list what is in it",
		Long: "Open a T+1 file, which is sealed for one participant, or a file of the blocks that\n" +
			"terminals sent. A T+1 file is checked as a whole, with the network's signature and its\n" +
			"trailer, before anything of it is printed. Of blocks, the headers are listed without a\n" +
			"key, and the rows with --dev-keys. Card numbers are masked.\n\n" +
			"A keystore is opened with the passphrase in CITYCARD_PASSPHRASE or in a file.\n" +
			"With --json each line of the output is one object.",
		Example: "  citycard files open --dev-keys 00000001/IND26112101ICOM\n" +
			"  citycard files open --keys bank.keys --network-key network.hex IND26112101ICOM",
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return openFile(cmd.Context(), env, o, args[0]) },
	}
	f := cmd.Flags()
	f.StringVar(&o.keys, "keys", "", "keystore `file` of the participant")
	f.StringVar(&o.passphraseFile, "passphrase-file", "", "`file` that holds the passphrase of the keystore")
	f.StringVar(&o.networkKey, "network-key", "", "`file` with the network's SM2 public key, 128 hexadecimal digits")
	f.BoolVar(&o.devKeys, "dev-keys", false, "use the development keys, which are no secret")
	f.BoolVar(&o.showPAN, "show-pan", false, "show card numbers whole")
	return cmd
}

// openFile tells the two kinds of files apart by their first bytes.
func openFile(ctx context.Context, env *environment, o openOptions, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return cannotRead(err)
	}
	defer f.Close()
	magic := make([]byte, 4)
	n, err := io.ReadFull(f, magic)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fail(exitFailed, fmt.Errorf("%s has only %d bytes", path, n), "it holds nothing; ask for the file again")
	} else if err != nil {
		return cannotRead(err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return fail(exitUsage, fmt.Errorf("%s: %w", path, err), "the file is read twice; save it to disk first")
	}
	out := bufio.NewWriterSize(env.stdout, 64<<10)
	l := &lister{ctx: ctx, env: env, o: o, path: path, out: out}
	switch string(magic) {
	case sealfile.Magic:
		err = l.sealed(f)
	case "CCB1":
		err = l.blocks(f)
	default:
		return fail(exitFailed, fmt.Errorf("%s begins with %X: it is neither a T+1 file (CCSF) nor a file of sealed blocks (CCB1)", path, magic), "check the name; was the file changed in a transfer?")
	}
	if flushed := out.Flush(); err == nil && flushed != nil {
		err = fmt.Errorf("write the result: %w", flushed)
	}
	return err
}

// readSmall reads a file to one byte past limit, so that a device without an end is
// not read for ever.
func readSmall(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit+1))
}

func cannotRead(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fail(exitNotFound, err, "check the name of the file")
	}
	return fail(exitFailed, err, "")
}

func newFilesDump(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:   "dump DATABASE",
		Short: "Print every table of a database as sorted text",
		Long: "Print every table of a database as text: a line \"# table columns\", then its rows, sorted,\n" +
			"with tabs between the fields. Two databases with the same content give the same text.",
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return dumpDatabase(cmd.Context(), env, args[0]) },
	}
}

// dumpDatabase opens only what is there and up to date: to look must change
// nothing.
func dumpDatabase(ctx context.Context, env *environment, path string) error {
	if env.json {
		return fail(exitUsage, errors.New("a dump has no JSON form"), "leave --json away; the text is made to be compared")
	}
	if _, err := os.Stat(path); err != nil {
		return cannotRead(err)
	}
	missing, err := sqlite.Plan(path)
	if err != nil {
		return cannotOpen(err)
	}
	if len(missing) > 0 {
		return fail(exitRefused, fmt.Errorf("%s lacks %d changes of this program's tables; a dump would have to make them", path, len(missing)), "check the path, or dump it with the program that wrote it")
	}
	db, err := sqlite.Open(path, sqlite.Options{})
	if err != nil {
		return cannotOpen(err)
	}
	out := bufio.NewWriterSize(env.stdout, 64<<10)
	err = db.Read(ctx, func(r *sqlite.Reader) error { return r.Dump(out) })
	return errors.Join(err, out.Flush(), db.Close())
}

// cannotOpen gives a database that another process holds an exit code of its own.
func cannotOpen(err error) error {
	if errors.Is(err, sqlite.ErrLocked) {
		return fail(exitUnavailable, err, "")
	}
	return err
}
