package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/desk"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/role/clerk"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
)

const reconBreaksHelp = `Lists what is not clean on the cards, as reconciliation last left it: by card and
counters, with what is due or open, how long it has been there, and the verdict in a
sentence; then the totals by state and by age.

States: suspected, expected, provisional, proven, collectable, late, disproved,
unbacked, impossible, lost upload. Parts: doubt, load, row, gap, pair, past, stands,
hold. --work shows only what somebody has to do something about or to wait for.

With --limit a page ends behind the card with which it is full, and its last line
says how the next page begins (--after). With --json each line is one object: the
breaks, then the totals.`

// breakFlags are the flags of `citycard recon breaks`.
type breakFlags struct {
	states, parts []string
	older, min    string
	terminal      uint32
	card, after   string
	limit         int
	work          bool
	csv           string
}

func newReconBreaks(env *environment) *cobra.Command {
	var f officeFlags
	var b breakFlags
	cmd := &cobra.Command{
		Use: "breaks", Short: "List, export and close what is not clean", Long: reconBreaksHelp,
		Example: "  citycard recon breaks --city city --state expected,'lost upload' --older-than 7d\n" +
			"  citycard recon breaks --city city --work --csv breaks.csv",
		Args: noSuchCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return showBreaks(cmd.Context(), env, &f, &b) },
	}
	f.add(cmd)
	s := cmd.Flags()
	s.StringSliceVar(&b.states, "state", nil, "only these `states`")
	s.StringSliceVar(&b.parts, "part", nil, "only these `parts`")
	s.StringVar(&b.older, "older-than", "", "only what arose so long ago, such as 7d or 36h")
	s.StringVar(&b.min, "min", "", "only from this amount on, in `yuan`")
	s.Uint32Var(&b.terminal, "terminal", 0, "only of this terminal")
	s.StringVar(&b.card, "card", "", "only of this card: token, its beginning, or number")
	s.BoolVar(&b.work, "work", false, "only what asks for somebody or is waited for")
	s.StringVar(&b.csv, "csv", "", "write the list as CSV to this `file` (UTF-8 with a byte order mark)")
	s.IntVar(&b.limit, "limit", 0, "end the page behind the card with which it has so many breaks")
	s.StringVar(&b.after, "after", "", "begin behind this token")
	cmd.AddCommand(newBreaksResolve(env), newApprove(env, desk.Close), newReject(env, desk.Close))
	return cmd
}

// filter checks the flags.
func (b *breakFlags) filter() (clerk.Filter, error) {
	q := clerk.Filter{Terminal: txn.TerminalID(b.terminal), Card: b.card, Work: b.work, After: b.after, Limit: b.limit}
	bad := func(flag, value, want string) error {
		return fail(exitUsage, fmt.Errorf("--%s %s: %s", flag, value, want), "see citycard recon breaks --help")
	}
	for _, name := range b.states {
		s := stateOf(name)
		if s == 0 {
			return q, bad("state", name, "no such state")
		}
		q.States = append(q.States, s)
	}
	for _, name := range b.parts {
		p := partOf(name)
		if p == 0 {
			return q, bad("part", name, "no such part")
		}
		q.Parts = append(q.Parts, p)
	}
	var err error
	if b.older != "" {
		if q.OlderThan, err = parseAge(b.older); err != nil {
			return q, bad("older-than", b.older, "want a time such as 7d or 36h")
		}
	}
	if b.min != "" {
		if q.Min, err = parseYuan(b.min); err != nil {
			return q, bad("min", b.min, "want an amount in yuan, such as 3.00")
		}
	}
	if b.limit < 0 {
		return q, bad("limit", strconv.Itoa(b.limit), "want a number from 1, or 0 for all")
	}
	return q, nil
}

func stateOf(name string) timeline.State {
	for s := timeline.Suspected; s.Valid(); s++ {
		if s.String() == strings.TrimSpace(name) {
			return s
		}
	}
	return 0
}

func partOf(name string) timeline.Part {
	for p := timeline.PartDoubt; p <= timeline.PartHold; p++ {
		if p.String() == strings.TrimSpace(name) {
			return p
		}
	}
	return 0
}

// parseAge reads days ("7d") or hours ("36h") and gives seconds.
func parseAge(s string) (int64, error) {
	unit := int64(0)
	switch {
	case strings.HasSuffix(s, "d"):
		unit = 86400
	case strings.HasSuffix(s, "h"):
		unit = 3600
	default:
		return 0, errors.New("no unit")
	}
	n, err := strconv.ParseUint(s[:len(s)-1], 10, 16)
	return int64(n) * unit, err
}

func showBreaks(ctx context.Context, env *environment, f *officeFlags, b *breakFlags) error {
	q, err := b.filter()
	if err != nil {
		return err
	}
	if b.csv != "" && env.json {
		return fail(exitUsage, errors.New("--csv and --json exclude each other"), "give one of them")
	}
	office, err := f.open(ctx, env)
	if err != nil {
		return err
	}
	err = listBreaks(ctx, env, office, q, b.csv)
	if closed := office.Close(); err == nil {
		err = closed
	}
	return officeError(err)
}

// listBreaks writes the breaks as they come.
func listBreaks(ctx context.Context, env *environment, office *clerk.Office, q clerk.Filter, file string) error {
	if file != "" {
		return exportBreaks(ctx, env, office, q, file)
	}
	out := bufio.NewWriterSize(env.stdout, 64<<10)
	each := func(b *clerk.Break, t sqlite.Token) error { return breakLine(out, b, t, office.Now(), env.lang) }
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	if env.json {
		each = func(b *clerk.Break, t sqlite.Token) error { return enc.Encode(breakObject(b, t, office.Now())) }
	}
	totals, err := office.Breaks(ctx, q, each)
	if err != nil {
		return errors.Join(err, out.Flush())
	}
	if env.json {
		err = enc.Encode(struct {
			Totals clerk.Totals `json:"totals"`
		}{totals})
	} else {
		_, err = io.WriteString(out, totalsText(&totals, env.lang))
	}
	if err = errors.Join(err, out.Flush()); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

func breakLine(out io.Writer, b *clerk.Break, t sqlite.Token, now int64, lang language) error {
	w := cardWriter{lang: lang}
	fmt.Fprintf(&w, "%x  %s  %s  %s  %s  %s  %s%s\n", t[:6], b.Card, pairText(b.P, b.Q), partNames[b.Part].in(lang), w.say(b.State.String(), stateNames[b.State]), b.Amount+b.Contested,
		fmt.Sprintf(w.say("%d days", "%d 天"), b.Days(now)), w.flags(b))
	fmt.Fprintf(&w, "    %s\n", breakSentence(b).in(lang))
	_, err := io.WriteString(out, w.String())
	return err
}

// totalsText is the foot of a list.
func totalsText(t *clerk.Totals, lang language) string {
	w := cardWriter{lang: lang}
	if t.Count == 0 {
		w.line("no breaks", "无差错")
		return w.String()
	}
	breaks := "breaks"
	if t.Count == 1 {
		breaks = "break"
	}
	fmt.Fprintf(&w, w.say("\n%[1]d %[3]s, %[2]s yuan\n", "\n共 %[1]d 项，%[2]s 元\n"), t.Count, t.Amount, breaks)
	rows := [][]string{{w.say("state", "状态"), w.say("number", "笔数"), w.say("yuan", "金额")}}
	for s := timeline.Suspected; s.Valid(); s++ {
		if n, found := t.States[s.String()]; found {
			rows = append(rows, []string{w.say(s.String(), stateNames[s]), strconv.FormatInt(n.Count, 10), n.Amount.String()})
		}
	}
	columns(&w.Builder, "  ", rows, 1, 2)
	rows = [][]string{{w.say("days", "账龄"), w.say("number", "笔数"), w.say("yuan", "金额")}}
	for a := timeline.Age0To1; a <= timeline.AgeOver20; a++ {
		n := t.Ages[a.String()]
		name := a.String()
		if a == timeline.AgeOver20 {
			name = w.say(name, "20 以上")
		}
		rows = append(rows, []string{name, strconv.FormatInt(n.Count, 10), n.Amount.String()})
	}
	columns(&w.Builder, "  ", rows, 1, 2)
	if t.Next != "" {
		w.line("next page: --after %s", "下一页：--after %s", t.Next)
	}
	return w.String()
}

// breakHeads are the columns of the CSV.
var breakHeads = []string{"token", "card", "p", "q", "part", "state", "amount_fen", "contested_fen", "missing", "named", "certainty", "held", "waits", "closed",
	"arose", "since", "final", "days", "age", "terminal", "verdict", "结论"}

// byteOrderMark makes spreadsheets read the file as UTF-8.
const byteOrderMark = "\ufeff"

// exportBreaks writes a CSV file: complete, or not under its name.
func exportBreaks(ctx context.Context, env *environment, office *clerk.Office, q clerk.Filter, file string) (err error) {
	tmp, err := os.CreateTemp(filepath.Dir(file), ".breaks-*.csv")
	if err != nil {
		return fail(exitFailed, fmt.Errorf("--csv: %w", err), "name a file in a folder that can be written")
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(tmp.Name()))
		}
	}()
	out := bufio.NewWriterSize(tmp, 64<<10)
	_, err = out.WriteString(byteOrderMark)
	c := csv.NewWriter(out)
	if err = errors.Join(err, c.Write(breakHeads)); err != nil {
		return errors.Join(fmt.Errorf("--csv: %w", err), tmp.Close())
	}
	totals, err := office.Breaks(ctx, q, func(b *clerk.Break, t sqlite.Token) error { return c.Write(breakCells(b, t, office.Now())) })
	c.Flush()
	if err = errors.Join(err, c.Error(), out.Flush(), tmp.Sync(), tmp.Close()); err != nil {
		return fmt.Errorf("--csv: %w", err)
	}
	if err = os.Rename(tmp.Name(), file); err != nil {
		return fail(exitFailed, fmt.Errorf("--csv: %w", err), "name a file in a folder that can be written")
	}
	return env.printText(totalsText(&totals, env.lang))
}

func breakCells(b *clerk.Break, t sqlite.Token, now int64) []string {
	o := breakObject(b, t, now)
	fen := func(f money.Fen) string { return strconv.FormatInt(int64(f), 10) }
	return []string{o.Token, o.Card, fmt.Sprintf("%04X", o.P), fmt.Sprintf("%04X", o.Q), o.Part, o.State, fen(o.Amount), fen(o.Contested), strconv.Itoa(o.Missing),
		strconv.FormatBool(o.Named), o.Certainty, strconv.FormatBool(o.Held), strconv.FormatBool(o.Waits), strconv.FormatBool(o.Closed), o.Arose, o.Since, o.Final,
		strconv.FormatInt(o.Days, 10), o.Age, strconv.FormatUint(uint64(o.Terminal), 10), o.Sentence.EN, o.Sentence.ZH}
}

// parseYuan reads an amount such as 3, 3.5 or 3.00.
func parseYuan(s string) (money.Fen, error) {
	whole, part, _ := strings.Cut(s, ".")
	y, err := strconv.ParseUint(whole, 10, 32)
	if err != nil || len(part) > 2 {
		return 0, errors.New("no amount in yuan")
	}
	fen, err := strconv.ParseUint((part + "00")[:2], 10, 8)
	return money.Fen(y*100 + fen), err
}
