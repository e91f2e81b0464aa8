package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/citycard/citycard/recon/desk"
	"github.com/citycard/citycard/recon/dispute"
	"github.com/citycard/citycard/role/clerk"
)

const reconClerkHelp = `Enters the people who may propose and approve refunds. add makes a key of the clerk's
own in --key FILE, sealed with the passphrase in CITYCARD_PASSPHRASE or in
--key-passphrase-file, and enters its public half; a key file that is there is used as
it is. Names and keys are used once.

The first two clerks are entered by whoever sets up the desk. As soon as two are there,
a further one is proposed by one of them (--by, --by-key) and approved by the other
(recon clerk approve); so nobody makes himself a second person. In the same way a
clerk leaves. Enter three, so that one may be missing. Each entry stands in the audit
chain.`

func newReconClerk(env *environment) *cobra.Command {
	cmd := &cobra.Command{
		Use: "clerk", Short: "Enter clerks, and audit what they did", Long: reconClerkHelp,
		Args: noSuchCommand, RunE: showHelp,
	}
	cmd.AddCommand(newClerkAdd(env), newClerkEnd(env), newApprove(env, desk.Admit, desk.Dismiss), newReject(env, desk.Admit, desk.Dismiss), newClerkList(env), newClerkAudit(env))
	return cmd
}

// addFlags are the flags of `citycard recon clerk add`.
type addFlags struct {
	officeFlags
	key, keyPassphrase string
	by                 signFlags
}

func newClerkAdd(env *environment) *cobra.Command {
	var f addFlags
	cmd := &cobra.Command{
		Use: "add NAME", Short: "Enter a clerk, with a key file", Long: reconClerkHelp,
		Example: "  citycard recon clerk add wang --city city --key wang.keys\n" +
			"  citycard recon clerk add zhao --city city --key zhao.keys --by wang --by-key wang.keys",
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return addClerk(cmd.Context(), env, &f, args[0]) },
	}
	f.add(cmd)
	s := cmd.Flags()
	s.StringVar(&f.key, "key", "", "key `file` of the clerk: made if it is not there")
	s.StringVar(&f.keyPassphrase, "key-passphrase-file", "", "`file` that holds the passphrase of --key; else "+passphraseVariable)
	s.StringVar(&f.by.by, "by", "", "`name` of the clerk who proposes this, if two are there already")
	s.StringVar(&f.by.key, "by-key", "", "key `file` of --by")
	s.StringVar(&f.by.keyPassphrase, "by-key-passphrase-file", "", "`file` that holds the passphrase of --by-key; else "+passphraseVariable)
	return cmd
}

func addClerk(ctx context.Context, env *environment, f *addFlags, name string) error {
	if err := desk.CheckName(name); err != nil {
		return officeError(err)
	}
	if f.key == "" {
		return fail(exitUsage, errors.New("--key is missing"), "name the key file of the clerk; it is made if it is not there")
	}
	var sign desk.Signer
	if f.by.by != "" || f.by.key != "" {
		var err error
		if sign, err = f.by.signer(); err != nil {
			return err
		}
	}
	office, err := f.open(ctx, env)
	if err != nil {
		return err
	}
	p, public, err := enterClerk(ctx, office, f, name, sign)
	if err = errors.Join(err, office.Close()); err != nil {
		return officeError(err)
	}
	switch {
	case p != nil:
		return env.printProposal(p)
	case env.json:
		return env.printJSON(clerkObject(&desk.Clerk{Name: name, Key: public, Added: office.Now()}))
	}
	return env.printText(fmt.Sprintf(env.say("clerk %s is at the desk; key file %s\n", "经办人%s已登记；密钥文件 %s\n"), name, f.key))
}

// enterClerk enters a founder, or proposes a further clerk. No key is made for nothing.
func enterClerk(ctx context.Context, office *clerk.Office, f *addFlags, name string, sign desk.Signer) (p *clerk.Proposal, public [64]byte, err error) {
	if err := office.NewName(ctx, name, sign != nil); err != nil {
		return nil, public, err
	}
	if public, err = clerkPublic(name, f.key, f.keyPassphrase); err != nil {
		return nil, public, err
	}
	if sign == nil {
		return nil, public, office.AddClerk(ctx, name, public)
	}
	p, err = office.ProposeClerk(ctx, desk.Admit, name, public, clerk.Person{Name: f.by.by, Sign: sign}, "enter "+name)
	return p, public, err
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
	Key   string `json:"key"`   // SM2 public key X || Y, hexadecimal
	Added string `json:"added"` // empty while a second person has not approved
	Ended string `json:"ended,omitempty"`
}

func clerkObject(c *desk.Clerk) clerkJSON {
	return clerkJSON{Name: c.Name, Key: fmt.Sprintf("%X", c.Key[:]), Added: momentText(c.Added), Ended: momentText(c.Ended)}
}

func newClerkEnd(env *environment) *cobra.Command {
	var f officeFlags
	var by signFlags
	var reason string
	cmd := &cobra.Command{
		Use: "end NAME", Short: "Propose that a clerk leaves: what he signed stays valid",
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return endClerk(cmd.Context(), env, &f, &by, args[0], reason)
		},
	}
	f.add(cmd)
	by.add(cmd)
	cmd.Flags().StringVar(&reason, "reason", "left", "why, on one line: it is signed and kept")
	return cmd
}

func endClerk(ctx context.Context, env *environment, f *officeFlags, by *signFlags, name, reason string) error {
	sign, err := by.signer()
	if err != nil {
		return err
	}
	office, err := f.open(ctx, env)
	if err != nil {
		return err
	}
	p, err := office.ProposeClerk(ctx, desk.Dismiss, name, [64]byte{}, clerk.Person{Name: by.by, Sign: sign}, reason)
	if err = errors.Join(err, office.Close()); err != nil {
		return officeError(err)
	}
	return env.printProposal(p)
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
		since := env.say("waits for a second person", "待第二人批准")
		if c.Added != 0 {
			since = clockText(c.Added)
		}
		text += fmt.Sprintf("%s  %s  %X…  %s\n", c.Name, since, c.Key[:4], momentText(c.Ended))
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

// actNames are the acts of the audit chain in Chinese.
var actNames = map[desk.Act]string{desk.ClerkAdded: "登记经办人", desk.ClerkEnded: "注销经办人", desk.WasProposed: "申请", desk.WasApproved: "批准",
	desk.WasRejected: "驳回", desk.WasWithdrawn: "撤回", desk.DisputeStep: "争议"}

// auditText is a line of the audit chain for people.
func auditText(l *desk.Line, lang language) string {
	w := cardWriter{lang: lang}
	who := l.Who
	if l.Did == desk.DisputeStep {
		who = dispute.Party(l.Who).Text(string(lang))
	}
	fmt.Fprintf(&w, "%d  %s  %s  %s", l.Number, l.At, who, w.say(string(l.Did), actNames[l.Did]))
	switch kind := proposalKindText(l.Kind, lang); {
	case l.Request == 0:
	case l.Kind == "":
		fmt.Fprintf(&w, "  (%d)", l.Request)
	case l.Did == desk.DisputeStep:
		fmt.Fprintf(&w, "  %d: %s %.8s… %s %s", l.Request, dispute.Step(l.Kind).Text(string(lang)), l.Card, l.P, l.Moved)
	case l.Kind == desk.Admit.String() || l.Kind == desk.Dismiss.String():
		fmt.Fprintf(&w, "  %d: %s", l.Request, kind)
	default:
		fmt.Fprintf(&w, "  %d: %s %.8s… %s-%s %s", l.Request, kind, l.Card, l.P, l.Q, l.Amount)
	}
	if l.Reason != "" {
		fmt.Fprintf(&w, "  %s", l.Reason)
	}
	return w.String()
}

// proposalKindText is the word of the audit chain for the kind of a proposal.
func proposalKindText(kind string, lang language) string {
	names := map[string]string{desk.Refund.String(): "退款", desk.Close.String(): "结案", desk.Admit.String(): "登记经办人", desk.Dismiss.String(): "注销经办人", desk.Dispute.String(): "争议"}
	if zh := names[kind]; zh != "" && lang == "zh" {
		return zh
	}
	return kind
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
		l.Card = strings.ToLower(l.Card) // the chain has it in capitals
		if env.json {
			return enc.Encode(l)
		}
		_, err := fmt.Fprintln(out, auditText(&l, env.lang))
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
