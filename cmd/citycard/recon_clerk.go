package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/citycard/citycard/recon/desk"
)

const reconClerkHelp = `Enters the people who may propose and approve refunds. add makes a key of the clerk's
own in --key FILE, sealed with the passphrase in CITYCARD_PASSPHRASE or in
--key-passphrase-file, and enters its public half; a key file that is there is used as
it is. Names and keys are used once. Whoever may write the folder may enter clerks: the
rule of two persons is as good as the care with which this right is given, and each
entry stands in the audit chain.`

func newReconClerk(env *environment) *cobra.Command {
	cmd := &cobra.Command{
		Use: "clerk", Short: "Enter clerks, and audit what they did", Long: reconClerkHelp,
		Args: noSuchCommand, RunE: showHelp,
	}
	cmd.AddCommand(newClerkAdd(env), newClerkEnd(env), newClerkList(env), newClerkAudit(env))
	return cmd
}

func newClerkAdd(env *environment) *cobra.Command {
	var f officeFlags
	var key, keyPassphrase string
	cmd := &cobra.Command{
		Use: "add NAME", Short: "Enter a clerk, with a key file", Long: reconClerkHelp,
		Example: "  citycard recon clerk add wang --city city --key wang.keys",
		Args:    arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return addClerk(cmd.Context(), env, &f, args[0], key, keyPassphrase)
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&key, "key", "", "key `file` of the clerk: made if it is not there")
	cmd.Flags().StringVar(&keyPassphrase, "key-passphrase-file", "", "`file` that holds the passphrase of the key file; else "+passphraseVariable)
	return cmd
}

func addClerk(ctx context.Context, env *environment, f *officeFlags, name, key, keyPassphrase string) error {
	if err := desk.CheckName(name); err != nil {
		return officeError(err)
	}
	if key == "" {
		return fail(exitUsage, errors.New("--key is missing"), "name the key file of the clerk; it is made if it is not there")
	}
	office, err := f.open(ctx, env)
	if err != nil {
		return err
	}
	err = office.NewName(ctx, name) // before a key is made for nothing
	var public [64]byte
	if err == nil {
		public, err = clerkPublic(name, key, keyPassphrase)
	}
	if err == nil {
		err = office.AddClerk(ctx, name, public)
	}
	if err = errors.Join(err, office.Close()); err != nil {
		return officeError(err)
	}
	if env.json {
		return env.printJSON(clerkObject(&desk.Clerk{Name: name, Key: public, Added: office.Now()}))
	}
	return env.printText(fmt.Sprintf(env.say("clerk %s is at the desk; key file %s\n", "经办人%s已登记；密钥文件 %s\n"), name, key))
}

// clerkPublic is the public key in a clerk's file, which is made if it is not there.
func clerkPublic(name, path, passphraseFile string) (public [64]byte, err error) {
	if _, err := os.Lstat(path); err == nil {
		store, err := openKeystore(path, passphraseFile)
		if err != nil {
			return public, err
		}
		info, err := store.Lookup(clerkKey(name))
		if err != nil {
			return public, fail(exitRefused, fmt.Errorf("%s: %w", path, err), "the file is that of another clerk; name one that is not there yet")
		}
		return info.Public, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return public, fail(exitFailed, err, "name a file in a folder that can be written")
	}
	secret, err := passphrase(path, passphraseFile)
	if err != nil {
		return public, err
	}
	file, public, err := newClerkStore(name, secret)
	if err != nil {
		return public, fail(exitFailed, err, "")
	}
	return public, writeNew(path, file)
}

type clerkJSON struct {
	Name  string `json:"name"`
	Key   string `json:"key"` // SM2 public key X || Y, hexadecimal
	Added string `json:"added"`
	Ended string `json:"ended,omitempty"`
}

func clerkObject(c *desk.Clerk) clerkJSON {
	return clerkJSON{Name: c.Name, Key: fmt.Sprintf("%X", c.Key[:]), Added: clockText(c.Added), Ended: momentText(c.Ended)}
}

func newClerkEnd(env *environment) *cobra.Command {
	var f officeFlags
	cmd := &cobra.Command{
		Use: "end NAME", Short: "Note that a clerk has left: what he signed stays valid",
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			office, err := f.open(cmd.Context(), env)
			if err != nil {
				return err
			}
			return officeError(errors.Join(office.EndClerk(cmd.Context(), args[0]), office.Close()))
		},
	}
	f.add(cmd)
	return cmd
}

func newClerkList(env *environment) *cobra.Command {
	var f officeFlags
	cmd := &cobra.Command{
		Use: "list", Short: "List the clerks",
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return listClerks(cmd.Context(), env, &f) },
	}
	f.add(cmd)
	return cmd
}

func listClerks(ctx context.Context, env *environment, f *officeFlags) error {
	office, err := f.open(ctx, env)
	if err != nil {
		return err
	}
	list, err := office.Clerks(ctx)
	if err = errors.Join(err, office.Close()); err != nil {
		return officeError(err)
	}
	if env.json {
		out := make([]clerkJSON, len(list))
		for i := range list {
			out[i] = clerkObject(&list[i])
		}
		return env.printJSON(out)
	}
	text := ""
	for i := range list {
		c := &list[i]
		text += fmt.Sprintf("%s  %s  %X…  %s\n", c.Name, clockText(c.Added), c.Key[:4], momentText(c.Ended))
	}
	return env.printText(text)
}

func newClerkAudit(env *environment) *cobra.Command {
	var f officeFlags
	cmd := &cobra.Command{
		Use: "audit", Short: "Check the audit chain, all signatures and the books",
		Long: "Prints the audit chain line by line and checks it: every hash, both signatures of every\n" +
			"proposal, that each has its line, and the books from their rows. The last line has the\n" +
			"hash of the chain's end: note it, and a later audit shows whether lines were cut off.",
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return auditDesk(cmd.Context(), env, &f) },
	}
	f.add(cmd)
	return cmd
}

func auditDesk(ctx context.Context, env *environment, f *officeFlags) error {
	office, err := f.open(ctx, env)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(env.stdout)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	a, err := office.Audit(ctx, func(l desk.Line) error {
		if env.json {
			return enc.Encode(l)
		}
		_, err := fmt.Fprintf(out, "%d  %s  %s  %s", l.Number, l.At, l.Who, l.Did)
		if err == nil && l.Request != 0 {
			_, err = fmt.Fprintf(out, "  %d: %s %s… %s-%s %s", l.Request, l.Kind, l.Card[:8], l.P, l.Q, l.Amount)
		}
		if err == nil && l.Reason != "" {
			_, err = fmt.Fprintf(out, "  %s", l.Reason)
		}
		if err == nil {
			_, err = fmt.Fprintln(out)
		}
		return err
	})
	if err = errors.Join(err, office.Close()); err != nil {
		return errors.Join(officeError(err), out.Flush())
	}
	if env.json {
		err = enc.Encode(struct {
			Lines     uint64 `json:"lines"`
			Proposals int    `json:"proposals"`
			End       string `json:"end"`
		}{a.End.Number, a.Proposals, fmt.Sprintf("%X", a.End.Hash[:])})
	} else {
		_, err = fmt.Fprintf(out, env.say("%d lines, %d proposals: chain, signatures and books are right; end %X\n", "共%d行，%d份申请：链、签名与账务无误；末端 %X\n"), a.End.Number, a.Proposals, a.End.Hash[:])
	}
	if err = errors.Join(err, out.Flush()); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}
