package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/recon/desk"
	"github.com/citycard/citycard/recon/dispute"
	"github.com/citycard/citycard/role/clerk"
)

// signFlags say who signs.
type signFlags struct {
	by, key, keyPassphrase string
}

func (f *signFlags) add(cmd *cobra.Command) {
	s := cmd.Flags()
	s.StringVar(&f.by, "by", "", "`name` of the clerk who does this")
	s.StringVar(&f.key, "key", "", "key `file` of the clerk, from citycard recon clerk add")
	s.StringVar(&f.keyPassphrase, "key-passphrase-file", "", "`file` that holds the passphrase of the key file; else "+passphraseVariable)
}

// clerkKey names the key of a clerk in its file.
func clerkKey(name string) string { return "clerk/" + name }

// signer opens the key file.
func (f *signFlags) signer() (desk.Signer, error) {
	if f.by == "" || f.key == "" {
		return nil, fail(exitUsage, errors.New("who does this? --by or --key is missing"), "give the name of a clerk and his key file; citycard recon clerk add makes both")
	}
	store, err := openKeystore(f.key, f.keyPassphrase)
	if err != nil {
		return nil, err
	}
	if _, err := store.Lookup(clerkKey(f.by)); err != nil {
		return nil, fail(exitRefused, fmt.Errorf("%s: %w", f.key, err), "give the key file of the clerk named by --by")
	}
	return func(parts ...[]byte) ([]byte, error) { return store.Sign(nil, clerkKey(f.by), rand.Reader, parts...) }, nil
}

const reconRefundHelp = `Pays what the evidence alone does not move: a refund above the limit of the policy,
or money that is still waited for (as a provisional credit, which is taken back if a
row comes after all). One clerk proposes it, another one approves it; each signs with
a key of his own. The approval judges the card, posts to the books and writes the
audit line in one step: it is done once, however often it is repeated. Whoever
proposed cannot approve. A proposal can be approved for seven days, and only as long
as nothing has changed about it.`

func newReconRefund(env *environment) *cobra.Command {
	cmd := &cobra.Command{
		Use: "refund", Short: "Refund with a second person's approval", Long: reconRefundHelp,
		Args: noSuchCommand, RunE: showHelp,
	}
	cmd.AddCommand(newRefundPropose(env), newApprove(env, desk.Refund), newReject(env, desk.Refund), newRefundList(env))
	return cmd
}

func newRefundPropose(env *environment) *cobra.Command {
	var f officeFlags
	var s signFlags
	var reason string
	cmd := &cobra.Command{
		Use: "propose CARD P-Q", Short: "Propose a refund between two counters",
		Example: "  citycard recon refund propose 3f0a91 0005-0007 --city city --by wang --key wang.keys --reason 'gate 3 stayed shut, seen on video'",
		Args:    arguments(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return propose(cmd.Context(), env, &f, &s, clerk.Ask{Kind: desk.Refund, Card: args[0], Reason: reason}, args[1])
		},
	}
	f.add(cmd)
	s.add(cmd)
	cmd.Flags().StringVar(&reason, "reason", "", "why, on one line: it is signed and kept")
	return cmd
}

func newBreaksResolve(env *environment) *cobra.Command {
	var f officeFlags
	var s signFlags
	var reason, part string
	cmd := &cobra.Command{
		Use: "resolve CARD P-Q", Short: "Propose to close a break that evidence does not decide",
		Long: "Proposes to take a break off the list of work: one that no evidence will ever decide, or\n" +
			"that was settled outside. Another clerk approves it (recon breaks approve). Evidence is not\n" +
			"changed, and no money moves; if more becomes known about the break, it is open again.",
		Example: "  citycard recon breaks resolve 3f0a91 0012 --city city --by wang --key wang.keys --reason 'card returned and destroyed'",
		Args:    arguments(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			a := clerk.Ask{Kind: desk.Close, Card: args[0], Reason: reason}
			if part != "" {
				if a.Part = partOf(part); a.Part == 0 {
					return fail(exitUsage, fmt.Errorf("--part %s: no such part", part), "see citycard recon breaks --help")
				}
			}
			return propose(cmd.Context(), env, &f, &s, a, args[1])
		},
	}
	f.add(cmd)
	s.add(cmd)
	cmd.Flags().StringVar(&reason, "reason", "", "why, on one line: it is signed and kept")
	cmd.Flags().StringVar(&part, "part", "", "which of several breaks between the counters")
	return cmd
}

func propose(ctx context.Context, env *environment, f *officeFlags, s *signFlags, a clerk.Ask, pair string) error {
	var err error
	if a.P, a.Q, err = parsePair(pair); err != nil {
		return err
	}
	if a.Card, err = env.cardName(a.Card); err != nil {
		return err
	}
	if a.Sign, err = s.signer(); err != nil {
		return err
	}
	a.By = s.by
	office, err := f.open(ctx, env)
	if err != nil {
		return err
	}
	p, err := office.Propose(ctx, a)
	if err = errors.Join(err, office.Close()); err != nil {
		return officeError(err)
	}
	return env.printProposal(p)
}

// printProposal says that a proposal has been made.
func (env *environment) printProposal(p *clerk.Proposal) error {
	if env.json {
		return env.printJSON(proposalObject(p))
	}
	return env.printText(fmt.Sprintf(env.say("proposal %d: %s; another clerk approves it before %s\n", "申请 %d 号：%s；须另一人在 %s 前批准\n"), p.ID, proposalText(p, env.lang), clockText(p.Expires)))
}

// proposalText says what a proposal asks for.
func proposalText(p *clerk.Proposal, lang language) string {
	say := func(en, zh string) string { return bothTexts{en, zh}.in(lang) }
	at := fmt.Sprintf("%s %s", p.Card, pairText(p.P, p.Q))
	switch {
	case p.Kind == desk.Admit:
		return fmt.Sprintf(say("enter clerk %s", "登记经办人%s"), p.Clerk)
	case p.Kind == desk.Dismiss:
		return fmt.Sprintf(say("clerk %s leaves", "经办人%s离任"), p.Clerk)
	case p.Kind == desk.Dispute:
		return fmt.Sprintf(say("%s %s of case %d, %s yuan, %s", "%s %s，案件 %d，%s 元，%s"), dispute.Step(p.Step.Step).Text(string(lang)), p.Step.Code, p.Step.Case, p.Amount, at)
	case p.Kind == desk.Close:
		return fmt.Sprintf(say("close %s, %s, %s yuan", "结案 %s，%s，%s 元"), at, say(p.State.String(), stateNames[p.State]), p.Amount)
	case p.Credit == 0:
		return fmt.Sprintf(say("refund %s yuan, %s", "退款 %s 元，%s"), p.Amount, at)
	case p.Amount == 0:
		return fmt.Sprintf(say("credit %s yuan provisionally, %s", "垫付 %s 元，%s"), p.Credit, at)
	}
	return fmt.Sprintf(say("refund %s and credit %s yuan provisionally, %s", "退款 %s 元并垫付 %s 元，%s"), p.Amount, p.Credit, at)
}

func newApprove(env *environment, kinds ...desk.Kind) *cobra.Command {
	return newDecision(env, kinds, true, &cobra.Command{Use: "approve ID", Short: "Approve a proposal of another clerk, and do what it asks for"})
}

func newReject(env *environment, kinds ...desk.Kind) *cobra.Command {
	return newDecision(env, kinds, false, &cobra.Command{Use: "reject ID", Short: "Reject a proposal, or withdraw one's own"})
}

func newDecision(env *environment, kinds []desk.Kind, approve bool, cmd *cobra.Command) *cobra.Command {
	var f officeFlags
	var s signFlags
	var reason string
	cmd.Args = arguments(cobra.ExactArgs(1))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id, err := strconv.ParseInt(args[0], 10, 63)
		if err != nil || id < 1 {
			return fail(exitUsage, fmt.Errorf("proposal %q: want its number", args[0]), "citycard recon refund list shows the proposals")
		}
		return decide(cmd.Context(), env, &f, &s, clerk.Verdict{ID: id, Kinds: kinds, Approve: approve, Reason: reason})
	}
	f.add(cmd)
	s.add(cmd)
	cmd.Flags().StringVar(&reason, "reason", "", "why, on one line; may be left out")
	return cmd
}

func decide(ctx context.Context, env *environment, f *officeFlags, s *signFlags, v clerk.Verdict) error {
	var err error
	if v.Sign, err = s.signer(); err != nil {
		return err
	}
	v.By = s.by
	office, err := f.open(ctx, env)
	if err != nil {
		return err
	}
	p, done, err := office.Decide(ctx, v)
	if err = errors.Join(err, office.Close()); err != nil {
		return officeError(err)
	}
	if env.json {
		return env.printJSON(struct {
			proposalJSON
			Repeated bool `json:"repeated"` // it had been decided so before: nothing was done now
		}{proposalObject(p), !done})
	}
	text := fmt.Sprintf("%d: %s: %s\n", p.ID, proposalStates[p.Status].in(env.lang), proposalText(p, env.lang))
	if !done {
		text += env.say("it had been decided so before; nothing was done now\n", "此前已作此决定；本次未作改动\n")
	}
	return env.printText(text)
}

func newRefundList(env *environment) *cobra.Command {
	var f officeFlags
	var open bool
	cmd := &cobra.Command{
		Use: "list", Short: "List the proposals of the desk, with what became of them",
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return listProposals(cmd.Context(), env, &f, open) },
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&open, "open", false, "only those that wait for a second person")
	return cmd
}

func listProposals(ctx context.Context, env *environment, f *officeFlags, open bool) error {
	office, err := f.open(ctx, env)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(env.stdout)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	err = office.Proposals(ctx, func(p *clerk.Proposal) error {
		switch {
		case open && p.Status != desk.Proposed:
			return nil
		case env.json:
			return enc.Encode(proposalObject(p))
		}
		_, err := fmt.Fprintf(out, "%d  %s  %s\n    %s  %s: %s\n", p.ID, proposalStates[p.Status].in(env.lang), proposalText(p, env.lang), clockText(p.At), p.By, p.Reason)
		if err == nil && p.DecidedBy != "" {
			_, err = fmt.Fprintf(out, "    %s  %s %s\n", clockText(p.DecidedAt), p.DecidedBy, p.Why)
		}
		return err
	})
	return officeError(errors.Join(err, out.Flush(), office.Close()))
}

// newClerkStore makes a key file's content: one key, sealed with a passphrase.
func newClerkStore(name string, passphrase []byte) (file []byte, public [64]byte, err error) {
	store := keystore.New()
	for {
		var d [32]byte
		if _, err := rand.Read(d[:]); err != nil {
			return nil, public, fmt.Errorf("make a key: %w", err)
		}
		err := store.AddSM2(clerkKey(name), keystore.ClerkSign, d)
		if err == nil {
			break
		}
		if !errors.Is(err, keystore.ErrKey) {
			return nil, public, fmt.Errorf("make a key: %w", err)
		}
	}
	info, err := store.Lookup(clerkKey(name))
	if err != nil {
		return nil, public, err
	}
	file, err = store.Seal(rand.Reader, passphrase)
	return file, info.Public, err
}
