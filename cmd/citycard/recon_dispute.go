package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/citycard/citycard/recon/desk"
	"github.com/citycard/citycard/recon/dispute"
	"github.com/citycard/citycard/role/clerk"
)

func newReconDispute(env *environment) *cobra.Command {
	cmd := &cobra.Command{
		Use: "dispute", Short: "Disputes with an acquirer about a row: query, credit adjustment, chargeback",
		Long: "Disputes between the card's issuer and the acquirer about one presented row. Each step has a\n" +
			"deadline and a coded reason; what a trade allows is data (docs/reference/disputes.md). An\n" +
			"electronic cash row allows query, credit adjustment and first chargeback. A step that moves\n" +
			"money is proposed by one clerk and approved by another.",
		Args: noSuchCommand, RunE: showHelp,
	}
	cmd.AddCommand(newDisputeOpen(env), newDisputeStep(env), newDisputeList(env), newDisputeLapse(env), newDisputeReasons(env),
		newApprove(env, desk.Dispute), newReject(env, desk.Dispute))
	return cmd
}

func newDisputeOpen(env *environment) *cobra.Command {
	var f officeFlags
	trade, why := string(dispute.ECash), ""
	cmd := &cobra.Command{
		Use: "open CARD COUNTER", Short: "Open a dispute about the row at a counter",
		Long: "Open a dispute about the presented row at a counter (four hexadecimal digits). If\n" +
			"reconciliation found that the card never paid the row, its amount is claimed from the\n" +
			"acquirer already, and what comes back settles the claim; else it goes to the customer.",
		Example: "  citycard recon dispute open 7f3a91 0004 --city city",
		Args:    arguments(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			atc, q, err := parsePair(args[1])
			if err != nil || q != 0 {
				return fail(exitUsage, fmt.Errorf("counter %q: want one of four hexadecimal digits", args[1]), "such as 0004")
			}
			card, err := env.cardName(args[0])
			if err != nil {
				return err
			}
			return f.disputeDo(cmd.Context(), env, func(o *clerk.Office) ([]*dispute.Case, error) {
				c, err := o.OpenDispute(cmd.Context(), clerk.DisputeRequest{Card: card, ATC: atc, Trade: dispute.Trade(trade), Why: why})
				return []*dispute.Case{c}, err
			})
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&trade, "trade", trade, "ecash, debit or credit")
	cmd.Flags().StringVar(&why, "why", "", "what the customer says")
	return cmd
}

func newDisputeStep(env *environment) *cobra.Command {
	var f officeFlags
	var s signFlags
	var e dispute.Event
	amount := ""
	cmd := &cobra.Command{
		Use: "step CASE STEP", Short: "Take a step: one's own, or one that the acquirer has sent",
		Long: "Take a step of a case. recon dispute list shows which steps are possible, by whom and until\n" +
			"when. A step that comes too late, that the trade does not allow, or whose reason the evidence\n" +
			"contradicts, is refused (exit code 3). A step that moves money is only proposed, by the clerk\n" +
			"named with --by and --key; it is taken when another clerk approves it (recon dispute approve),\n" +
			"within seven days and if nothing has changed about the case. A step that moves none is taken\n" +
			"at once and unsigned.",
		Example: "  citycard recon dispute step 1 query --reason Q2 --city city\n  citycard recon dispute step 1 chargeback --reason C5 --city city --by wang --key wang.keys",
		Args:    arguments(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil || id < 1 {
				return fail(exitUsage, fmt.Errorf("case %q: want its number", args[0]), "citycard recon dispute list shows the cases")
			}
			if amount != "" {
				if e.Amount, err = parseYuan(amount); err != nil || e.Amount <= 0 {
					return fail(exitUsage, fmt.Errorf("--amount %s: want yuan above 0", amount), "such as 3.50")
				}
			}
			if e.Step = dispute.Step(strings.ReplaceAll(args[1], "-", "_")); !e.Step.Known() {
				return fail(exitUsage, fmt.Errorf("step %.40q: there is none of this name", args[1]), "citycard recon dispute list shows what may be done next")
			}
			who := clerk.Proposer{By: s.by}
			if s.by != "" || s.key != "" {
				if who.Sign, err = s.signer(); err != nil {
					return err
				}
			}
			office, err := f.open(cmd.Context(), env)
			if err != nil {
				return err
			}
			defer office.Close()
			c, p, done, err := office.StepDispute(cmd.Context(), id, e, who)
			switch {
			case err != nil:
				return officeError(err)
			case p != nil:
				return env.printProposal(p)
			case !done:
				fmt.Fprintln(env.stderr, env.say("this step has been taken before; nothing was done", "该步骤此前已完成，未重复执行"))
			}
			return env.showChanged(cmd.Context(), office, []*dispute.Case{c})
		},
	}
	f.add(cmd)
	s.add(cmd)
	cmd.Flags().StringVar(&e.Reason, "reason", "", "code of the reason; recon dispute reasons lists them")
	cmd.Flags().StringVar(&amount, "amount", "", "yuan that the step moves, if less than all")
	cmd.Flags().StringVar(&e.Note, "note", "", "text that is kept with the step")
	return cmd
}

func newDisputeLapse(env *environment) *cobra.Command {
	var f officeFlags
	cmd := &cobra.Command{
		Use: "lapse", Short: "Do what follows from deadlines that have passed",
		Long: "Do what follows from the deadlines that have passed by now (--at): a query that was not\n" +
			"answered lets the issuer go on, a case that nobody went on with is lost, a chargeback that\n" +
			"was not presented again is won. Cases about rows that reconciliation has claimed since, or\n" +
			"claims no longer, are brought into line with it. Run it every day after the closing. Cases\n" +
			"that changed are listed.",
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.disputeDo(cmd.Context(), env, func(o *clerk.Office) ([]*dispute.Case, error) { return o.LapseDisputes(cmd.Context()) })
		},
	}
	f.add(cmd)
	return cmd
}

func newDisputeList(env *environment) *cobra.Command {
	var f officeFlags
	open, table := false, ""
	cmd := &cobra.Command{
		Use: "list", Short: "List the cases, their deadlines and what may be done next",
		Long: "List the cases. --csv writes their steps as records for the other side, as the error files\n" +
			"of a network (IERR, AERR) carry them.",
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			office, err := f.open(cmd.Context(), env)
			if err != nil {
				return err
			}
			defer office.Close()
			var cases []disputeObject
			if err := office.Disputes(cmd.Context(), func(c *dispute.Case, next []dispute.Next) error {
				if !open || !c.State.Closed() {
					cases = append(cases, disputeObject{c, next})
				}
				return nil
			}); err != nil {
				return officeError(err)
			}
			if table != "" {
				return writeDisputes(table, cases)
			}
			return env.showDisputes(cases)
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&open, "open", false, "open cases only")
	cmd.Flags().StringVar(&table, "csv", "", "`file` to write the steps to; it must not be there")
	return cmd
}

func newDisputeReasons(env *environment) *cobra.Command {
	return &cobra.Command{
		Use: "reasons", Short: "List the codes of reasons",
		Args: arguments(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			rules, err := dispute.DefaultRules(nil)
			if err != nil {
				return err
			}
			list := rules.All()
			if env.json {
				return env.printJSON(list)
			}
			var b strings.Builder
			for _, r := range list {
				fmt.Fprintf(&b, "%s  %s  (%s)\n", r.Code, r.Text(string(env.lang)), joinSteps(r.Steps))
			}
			return env.printText(b.String())
		},
	}
}

func joinSteps(steps []dispute.Step) string {
	words := make([]string, len(steps))
	for i, s := range steps {
		words[i] = string(s)
	}
	return strings.Join(words, ", ")
}

// disputeDo opens the office, does something and shows the cases that come out.
func (f *officeFlags) disputeDo(ctx context.Context, env *environment, do func(*clerk.Office) ([]*dispute.Case, error)) error {
	office, err := f.open(ctx, env)
	if err != nil {
		return err
	}
	defer office.Close()
	cases, err := do(office)
	if err != nil {
		return officeError(err)
	}
	return env.showChanged(ctx, office, cases)
}

// showChanged shows cases with what may be done next.
func (e *environment) showChanged(ctx context.Context, office *clerk.Office, cases []*dispute.Case) error {
	next := map[int64][]dispute.Next{}
	if err := office.Disputes(ctx, func(c *dispute.Case, n []dispute.Next) error {
		next[c.ID] = n
		return nil
	}); err != nil {
		return officeError(err)
	}
	var out []disputeObject
	for _, c := range cases {
		out = append(out, disputeObject{c, next[c.ID]})
	}
	return e.showDisputes(out)
}

// disputeObject is a case with what may be done next.
type disputeObject struct {
	*dispute.Case
	Next []dispute.Next
}

func (e *environment) showDisputes(cases []disputeObject) error {
	if e.json {
		out := []disputeJSON{}
		for i := range cases {
			out = append(out, cases[i].object())
		}
		return e.printJSON(map[string]any{"cases": out})
	}
	var b strings.Builder
	for _, o := range cases {
		s := &o.Subject
		fmt.Fprintf(&b, e.say("case %d: card %s, counter %04X, %s yuan of %s, terminal %d of acquirer %d: %s\n", "案件 %d：卡片 %s，计数器 %04X，%s 元（%s），终端 %d，收单方 %d：%s\n"),
			o.ID, s.Card, s.ATC, s.Amount, dispute.Day(s.TradeAt), s.Terminal, s.Acquirer, o.State.Text(string(e.lang)))
		for _, ev := range o.Events {
			fmt.Fprintf(&b, "  %s  %s", dispute.Day(ev.At), ev.Step.Text(string(e.lang)))
			if ev.Amount > 0 {
				fmt.Fprintf(&b, e.say("  %s yuan", "  %s 元"), ev.Amount)
			}
			if text := clerk.DisputeReason(ev.Reason, string(e.lang)); text != "" {
				fmt.Fprintf(&b, "  %s %s", ev.Reason, text)
			}
			fmt.Fprintln(&b)
		}
		for _, n := range o.Next {
			fmt.Fprintf(&b, e.say("  next: %s by the %s until %s\n", "  可办：%s（%s），截止 %s\n"), n.Step.Text(string(e.lang)), n.By.Text(string(e.lang)), dispute.Day(n.Deadline))
		}
	}
	if len(cases) == 0 {
		b.WriteString(e.say("no cases\n", "无案件\n"))
	}
	return e.printText(b.String())
}

// writeDisputes writes one line for each step.
func writeDisputes(path string, cases []disputeObject) error {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	lines := [][]string{{"case", "number", "date", "step", "from", "to", "card", "atc", "terminal", "sequence", "trade_date", "dispute_amount_fen", "reason", "moved_fen", "sign", "state", "due"}}
	for _, o := range cases {
		s := &o.Subject
		for i, ev := range o.Events {
			by := ev.Step.By()
			from, to := strconv.Itoa(int(s.Issuer)), strconv.Itoa(int(s.Acquirer))
			if by == dispute.Acquirer {
				from, to = to, from
			}
			lines = append(lines, []string{strconv.FormatInt(o.ID, 10), strconv.Itoa(i + 1), dispute.Day(ev.At), string(ev.Step), from, to, s.Card,
				fmt.Sprintf("%04X", s.ATC), strconv.Itoa(int(s.Terminal)), strconv.Itoa(int(s.Sequence)), dispute.Day(s.TradeAt), strconv.FormatInt(int64(s.Amount), 10),
				ev.Reason, strconv.FormatInt(int64(ev.Amount), 10), ev.Sign(), string(o.State), dispute.Day(o.Due)})
		}
	}
	if err := errors.Join(w.WriteAll(lines), w.Error()); err != nil {
		return fail(exitFailed, err, "")
	}
	return writeNew(path, b.Bytes())
}
