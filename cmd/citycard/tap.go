package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/citycard/citycard/role/tap"
	"github.com/citycard/citycard/role/tap/page"
	"github.com/citycard/citycard/terminal/pos"
	"github.com/citycard/citycard/terminal/reader"
	"github.com/citycard/citycard/wire/apdu"
)

// tapFlags are the flags of `citycard tap`.
type tapFlags struct {
	reader     readerFlags
	amount     int64
	kind       string
	side       string
	mode       string
	cryptoMS   int
	bitrate    int
	host       string
	pin        string
	pinStdin   bool
	choose     int
	force      bool
	sm         bool
	time       string
	random     string
	record     string
	recordPANs bool
	retap      time.Duration
	answer     time.Duration
	faults     string
	ca         string
	showPAN    bool
	trackStdin bool
	chipMute   int
	books      string
	state      string
}

const tapHelp = `Takes one card behind a reader through one sale, as a shop's terminal does, and explains
each step: the bytes both ways, what they mean, the time that each took and would take on
the air, what the terminal concluded, and how the sale ended.

A reader is named
  sim:PROFILE   a new card in this process
  pcsc:NAME     a reader of pcscd: the beginning of its name, its number from 0,
                or nothing for the first one with a card
  vpcd:PORT     a card that connects to this program as to a virtual reader
  replay:FILE   a recorded session

The kinds of sale
  purchase      pay; offline where the card allows it, else online
  balance       read the electronic cash; nothing is paid, no counter is used up
  inquiry       ask the issuer what the account holds
  load, unload  move money between the account and the card

With --interface stripe the magnetic stripe is read instead: track 2, from ; to ?, comes
from standard input (--track2-stdin). A card with a chip must use it, unless the chip was
mute three times (--chip-mute 3).

The issuer (--host) is the development issuer in this process, nobody (none), a script
(FILE.yaml) or a program behind tcp:HOST:PORT. Certificates are trusted if they lead to the
development CA keys or to those of --ca FILE.

With --host-data the development issuer keeps its books in a folder: what a load left open
is finished by the card's next tap there, rows of offline payments are presented, and each
load gets one of three words: loaded, not loaded and the money back, or being checked. A
simulated card lives on in --state FILE. recon run, recon loads and recon card work on the
folder.

The exit code is 0 if the sale came about, 3 if it was refused or another interface is
needed, 5 if the card was lost and nothing was paid, and 1 if the outcome is in doubt or the
card makes no sense.`

const tapExample = `  citycard tap --reader sim:dev-sm --amount 100
  citycard tap --reader sim:dev-3des --amount 5000 --interface contact --pin 123456
  citycard tap --reader pcsc: --kind balance
  echo ';6228000100001117=35121010000000000?' | citycard tap --interface stripe --track2-stdin --amount 100
  citycard tap --reader sim:dev-sm --amount 5000 --kind load --interface contact
  citycard tap --reader sim:dev-sm --state my.card --host-data bank --kind load --amount 5000 --interface contact
  citycard tap --reader sim:dev-sm --amount 100 --fault examples/faults/torn-commit.yaml --retap 5s`

func newTapCommand(env *environment) *cobra.Command {
	var f tapFlags
	cmd := &cobra.Command{
		Use: "tap", Short: "Take a card through a sale and explain each step", Long: tapHelp, Example: tapExample,
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd, env) },
	}
	f.reader.add(cmd)
	cmd.Flags().Lookup("reader").Usage = "sim:PROFILE, pcsc:NAME, vpcd:PORT or replay:FILE"
	flags := cmd.Flags()
	flags.Int64Var(&f.amount, "amount", 0, "amount in `fen`")
	flags.StringVar(&f.kind, "kind", "purchase", "purchase, balance, inquiry, load or unload")
	flags.StringVar(&f.side, "interface", "contactless", "contactless, contact or stripe")
	flags.StringVar(&f.mode, "mode", "qpboc", "over the air: qpboc, debit-credit or msd")
	flags.IntVar(&f.cryptoMS, "card-crypto-ms", 60, "time model: `ms` that the card takes for a cryptogram or signature")
	flags.IntVar(&f.bitrate, "bitrate", 106, "time model: 106, 212, 424 or 848 `kbit/s` on the air")
	flags.StringVar(&f.host, "host", "", "issuer, none, FILE.yaml or tcp:HOST:PORT (default issuer; none for replay:)")
	flags.StringVar(&f.pin, "pin", "", "PIN that the cardholder enters, 4 to 12 `digits`; not for pcsc:")
	flags.BoolVar(&f.pinStdin, "pin-stdin", false, "read the PIN from the first line of standard input")
	flags.IntVar(&f.choose, "choose", 0, "the cardholder chooses application `n`, counted from 1")
	flags.BoolVar(&f.force, "force-online", false, "the merchant wants the issuer to decide")
	flags.BoolVar(&f.sm, "sm", true, "offer SM2 and SM4 to cards that have them")
	flags.StringVar(&f.time, "time", "", "the terminal's time as `RFC 3339` (default now)")
	flags.StringVar(&f.random, "random", "", "16 random bytes of the terminal in `hex`; a simulated card follows from them too")
	flags.StringVar(&f.record, "record", "", "`file` that gets the session, for replay:")
	flags.BoolVar(&f.recordPANs, "record-pan", false, "leave card numbers whole in the recorded session")
	flags.DurationVar(&f.retap, "retap", 0, "wait so long, for example 5s, for the card of a torn sale to come back")
	flags.DurationVar(&f.answer, "answer-timeout", 10*time.Second, "a card that takes longer for an answer counts as one that left")
	flags.StringVar(&f.faults, "fault", "", "YAML `file` that says how a simulated card misbehaves")
	flags.StringVar(&f.ca, "ca", "", "`file` with CA public keys to trust besides those of development, JSON")
	flags.BoolVar(&f.showPAN, "show-pan", false, "show card numbers and track data whole")
	flags.BoolVar(&f.trackStdin, "track2-stdin", false, "read track 2 of a magnetic stripe from the first line of standard input")
	flags.StringVar(&f.books, "host-data", "", "`folder` in which the development issuer keeps its books, made if it is missing")
	flags.StringVar(&f.state, "state", "", "`file` that keeps the card of sim:PROFILE, made if it is missing")
	flags.IntVar(&f.chipMute, "chip-mute", 0, "the chip of a swiped card gave no answer to reset `n` times")
	f.complete(cmd)
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		hint := helpHint(cmd)
		if strings.Contains(err.Error(), `"--amount"`) {
			hint = "amounts are whole fen: for example --amount 250 for 2.50 yuan"
		}
		return fail(exitUsage, err, hint)
	})
	return cmd
}

// complete offers the words that flags take.
func (f *tapFlags) complete(cmd *cobra.Command) {
	for flag, words := range map[string][]string{
		"kind": names(kinds), "interface": names(interfaces), "mode": names(modes), "bitrate": {"106", "212", "424", "848"},
	} {
		_ = cmd.RegisterFlagCompletionFunc(flag, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return words, cobra.ShellCompDirectiveNoFileComp
		})
	}
}

// run makes the sale and prints it.
func (f *tapFlags) run(cmd *cobra.Command, env *environment) error {
	ctx := cmd.Context()
	p, err := f.prepare(cmd, env)
	if err != nil {
		return err
	}
	var out *page.Printer
	if !env.json {
		out = page.New(env.stdout, page.Options{Lang: string(env.lang), Width: env.pageWidth(), Colour: env.colour()})
		p.config.Step = out.Step
		p.config.Started = func() { out.Head(p.title(env), p.details(env)) }
	}
	f.warn(env, p)
	defer p.release()
	trace, err := tap.Run(ctx, p.config, p.sale)
	recorded := p.closeRecord()
	if err != nil {
		return errors.Join(tapReaderError(err), recorded)
	}
	if err := p.keepBooks(ctx, trace); err != nil {
		return err
	}
	p.judge(trace)
	if trace.Broken == nil && noApplication(&trace.Result) {
		trace.Purse = f.reader.look(ctx, p.side.again) == purseCard
	}
	if env.json {
		err = env.printJSON(trace.Report(string(env.lang)))
	} else {
		out.Summary(trace)
		if err = out.Err(); err != nil {
			err = fmt.Errorf("write the result: %w", err)
		}
	}
	for _, e := range []error{err, outcomeError(trace, string(env.lang)), recorded} {
		if e != nil {
			return e
		}
	}
	return nil
}

// warn says which flags make no difference to this sale.
func (f *tapFlags) warn(env *environment, p *prepared) {
	if f.retap > 0 && (p.sale.Interface != pos.Contactless || p.sale.Kind != pos.Purchase || p.config.Mode != pos.QPBOC) {
		fmt.Fprintln(env.stderr, env.say("--retap makes no difference here: only a qPBOC purchase over the air can be finished by a second tap",
			"--retap在此不起作用：只有非接触qPBOC消费可由再次刷卡完成"))
	}
	if p.books != nil && f.state == "" && f.reader.sim() != "" {
		fmt.Fprintln(env.stderr, env.say("without --state this is a new card with an old number: books that know the number take it for a clone and stop it",
			"未给--state，每次都是同号新卡：账册已有此卡号时会视为克隆卡并止付"))
	}
}

// noApplication says that the terminal found nothing on the card that it takes.
func noApplication(r *pos.Result) bool {
	return r.Display == pos.ShowNotAccepted || r.Fault.SW == apdu.SWFileNotFound
}

// judge asks the issuer's keys about the cryptogram.
func (p *prepared) judge(t *tap.Trace) {
	if p.check == nil {
		return
	}
	t.Verified = p.check.Check(&t.Result)
	if !p.sim && t.Verified == tap.Forged {
		t.Verified = tap.NotChecked // a card of another issuer, whose keys nobody has here
	}
}

// outcomeError gives an outcome its exit code; nil if the sale came about.
func outcomeError(t *tap.Trace, lang string) error {
	var e *exitError
	switch err := tapReaderError(t.Broken); {
	case t.Broken == nil:
	case errors.Is(err, reader.ErrMute) && errors.As(err, &e): // the reader cannot know which way the card goes in
		return fail(e.code, e.err, page.Hint(t, lang))
	default:
		return err
	}
	r := &t.Result
	text := strings.ReplaceAll(r.Outcome.String(), "_", " ")
	if why := t.Fault(r.Fault.String()); why != "" {
		text += ": " + why
	}
	code := exitFailed
	switch r.Outcome {
	case pos.OfflineApproved, pos.OnlineApproved:
		return nil
	case pos.Declined, pos.OtherInterface:
		code = exitRefused
	case pos.CardLost:
		code = exitUnavailable
	}
	return fail(code, errors.New(text), page.Hint(t, lang))
}
