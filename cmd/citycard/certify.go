package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/citycard/citycard/certify"
	certifypage "github.com/citycard/citycard/certify/report"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/terminal/reader"
	"github.com/citycard/citycard/txn"
)

func newCertifyCommand(env *environment) *cobra.Command {
	cmd := &cobra.Command{
		Use: "certify", Short: "Test a card against the standards, case by case",
		Args: noSuchCommand, RunE: showHelp,
	}
	cmd.AddCommand(newCertifyCard(env), newCertifyTerminal(env))
	return cmd
}

// certifyFlags are the flags of `citycard certify card`.
type certifyFlags struct {
	reader      readerFlags
	profile     string
	keys        string
	pin         string
	out         string
	destructive bool
	sacrifice   bool
	quota       bool
	cityPIN     string
	list        bool
	only        []string
}

const certifyHelp = `Tests any card behind a reader, ours or another maker's: bank cards with and without the
low-value extension or a quota, purses of JT/T 978 and City Union, security modules of
terminals, and the public service applications of a livelihood card. There are more than six
hundred cases, each with the clause that it tests; --list names them, and those that are not
for the card are skipped.

Without keys a cryptogram is looked at for its form only, and cases that need more are
skipped. For a simulated card, and with --profile for a card that was made here, the
development keys and PIN are used. --keys FILE gives keys of other cards, one a line:

  3des master ac 0123456789ABCDEFFEDCBA9876543210
  sm4 card mac 00112233445566778899AABBCCDDEEFF

master is an issuer's key, from which card keys are derived, card a key of the card
itself; the uses are ac, mac, enc and dcvn, and for what is beside the finance application:

  record-15 opening-15              file 15 of the low-value extension, and so on to 1E
  purse-purchase-01 purse-tac-01    a purse: purchase, load, tac, unload, overdraft,
                                    maintenance, external, block, unblock
  module-8011-purchase-01           a security module: directory 8011, 1001, DF90 or DF14,
                                    type purchase, mac, encipher or both
  social-security-07                key of a public service application, or -line
                                    (beijing-tong, civil-affairs, disabled-persons)

A run uses up some hundreds of transaction counters and pays at most 2.00 yuan. Cases
that change or block the card run with --destructive only and put back what they change, but
for one journey record that stays; with --sacrifice cases run too that lock a module for good.
The exit code is 0 only if no case fails. If the card goes midway the report has what
was done till then, and the exit code is 5.`

func newCertifyCard(env *environment) *cobra.Command {
	f := certifyFlags{reader: readerFlags{raw: true}}
	cmd := &cobra.Command{
		Use: "card", Short: "Test a card", Long: certifyHelp,
		Example: "  citycard certify card --reader sim:dev-sm --out report.html\n" +
			"  citycard certify card --reader pcsc: --keys issuer.keys --pin 123456",
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context(), env) },
	}
	f.reader.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.profile, "profile", "", "the card was made here from this profile: use the development keys")
	flags.StringVar(&f.keys, "keys", "", "`file` with keys of the card or its issuer")
	flags.StringVar(&f.pin, "pin", "", "PIN of the card, 4 to 12 `digits`")
	flags.StringVar(&f.out, "out", "", "`file` for the report as a page, FILE.html")
	flags.BoolVar(&f.destructive, "destructive", false, "run also cases that change or block the card")
	flags.BoolVar(&f.sacrifice, "sacrifice", false, "with --destructive: run also cases that lock an application for good")
	flags.BoolVar(&f.quota, "quota", false, "the balance of the card may be spent on fares alone")
	flags.StringVar(&f.cityPIN, "city-pin", "", "PIN of purse and public service applications, 4 to 12 `digits`")
	flags.BoolVar(&f.list, "list", false, "list the cases and do nothing")
	flags.StringSliceVar(&f.only, "only", nil, "run only these cases or groups")
	return cmd
}

func (f *certifyFlags) run(ctx context.Context, env *environment) error {
	if f.list {
		return env.cardCases()
	}
	if err := f.check(); err != nil {
		return err
	}
	o, err := f.options(env)
	if err != nil {
		return err
	}
	show := env.progress("certify", env.json)
	if show != nil {
		o.Progress = func(done, total int, _ *certify.CaseResult) { show(float64(done), float64(total)) }
	}
	c, err := f.reader.open(ctx, env)
	if err != nil {
		return err
	}
	result, err := f.test(ctx, c, o)
	closed := c.Close()
	if result == nil || errors.Is(err, certify.ErrStopped) {
		return readerError(err)
	}
	if err := f.tell(env, result, err); err != nil {
		return err
	}
	return readerError(closed)
}

// check refuses flags that would spoil the run, before a command goes to the card.
func (f *certifyFlags) check() error {
	if f.sacrifice && !f.destructive {
		return fail(exitUsage, errors.New("--sacrifice: it goes with --destructive"), "give both, or neither")
	}
	if f.reader.wait < 0 {
		return fail(exitUsage, fmt.Errorf("--wait %v: a time cannot be negative", f.reader.wait), "for example --wait 30s")
	}
	if sim := f.reader.sim(); sim != "" && f.profile != "" && f.profile != sim {
		return fail(exitUsage, fmt.Errorf("--profile %s: the card in reader sim:%s is another", f.profile, sim), "leave out --profile, a simulated card names its own")
	}
	return pageFile{"--out", f.out}.check()
}

// tell gives the report to the user, a part of one too if the card went (gone).
func (f *certifyFlags) tell(env *environment, result *certify.Report, gone error) error {
	if gone == nil && len(result.Cases) == 0 {
		return fail(exitNotFound, fmt.Errorf("--only %s: there is no such case or group", strings.Join(f.only, ",")), "citycard certify card --list names all of them")
	}
	err := pageFile{"--out", f.out}.write(func(w io.Writer) error { return certifypage.Write(w, result) })
	if err != nil {
		return err
	}
	if env.json {
		err = env.printJSON(result)
	} else {
		err = env.printText(env.certifyText(result, f.out))
	}
	if err != nil {
		return err
	}
	if gone != nil {
		return fail(exitUnavailable, fmt.Errorf("the card went at case %s: %w", result.Incomplete, gone),
			fmt.Sprintf("the report has the %d cases before it; put the card back and run again", len(result.Cases)))
	}
	if !result.Conforms() {
		return fail(exitFailed, fmt.Errorf("%d of %d cases failed", result.Failed, len(result.Cases)), "the failed cases are listed with what was expected; --out FILE.html shows their commands too")
	}
	return nil
}

// test runs the cases. An interrupt ends the run after the case that is at work, so
// that the card is not left blocked or with another PIN.
func (f *certifyFlags) test(ctx context.Context, c reader.Card, o certify.Options) (*certify.Report, error) {
	lasting, done := outlive(ctx, caseGrace)
	defer done()
	o.Stop = func() bool { return ctx.Err() != nil }
	result, err := certify.Run(&port{ctx: lasting, card: c}, o)
	if err != nil && result != nil && ctx.Err() != nil && !errors.Is(err, certify.ErrStopped) {
		err = fmt.Errorf("%w: %w", certify.ErrStopped, err) // it went in the grace of an interrupt
	}
	if errors.Is(err, certify.ErrStopped) {
		err = fail(exitFailed, fmt.Errorf("%w: %w, with %d cases done and %d of them failed", context.Cause(ctx), err, len(result.Cases), result.Failed),
			stoppedHint(lasting.Err() != nil))
	}
	return result, err
}

// stoppedHint says in which state a stopped run left the card.
func stoppedHint(cutOff bool) string {
	if cutOff {
		return "the card did not answer in time; it may be blocked or have another PIN or balance: look with citycard card show"
	}
	return "the card was left in order; there is no report"
}

// caseGrace is how long a case may go on after an interrupt: the longest takes some
// two hundred commands, of at most 0.1 s each in a contactless reader.
const caseGrace = 20 * time.Second

// outlive gives a context that ends a while after ctx does, or with done.
func outlive(ctx context.Context, grace time.Duration) (lasting context.Context, done func()) {
	lasting, end := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		late := time.AfterFunc(grace, func() { end(context.Cause(ctx)) })
		context.AfterFunc(lasting, func() { late.Stop() })
	})
	return lasting, func() {
		stop()
		end(nil)
	}
}

// options turns the flags into those of a run.
func (f *certifyFlags) options(env *environment) (certify.Options, error) {
	o := certify.Options{Profile: f.profile, Destructive: f.destructive, Only: f.only, At: time.Now(), Rand: rand.Reader}
	var err error
	if o.CAKeys, err = devkeys.CAKeys(); err != nil {
		return o, err
	}
	if o.Profile == "" {
		o.Profile = f.reader.sim()
	}
	switch {
	case f.keys != "" && f.profile != "":
		return o, fail(exitUsage, errors.New("--keys and --profile exclude each other"), "give one of them")
	case f.keys != "":
		k, err := readCardKeys(f.keys)
		if err != nil {
			return o, err
		}
		o.Keys, o.Secrets = k.of, k.secret
	case o.Profile != "":
		if f.reader.sim() == "" { // which has a banner of its own
			env.developmentBanner()
		}
		if o.PIN, err = devcard.PIN(o.Profile); err != nil {
			return o, profileError(err)
		}
		o.Keys, o.Secrets = developmentKeys, developmentSecrets
		if o.CityPIN, err = pin.New(devcard.CityPIN); err != nil {
			return o, err
		}
		if o.Quota, err = devcard.Quota(o.Profile); err != nil {
			return o, profileError(err)
		}
	}
	o.Quota, o.Sacrifice = o.Quota || f.quota, f.sacrifice
	if f.cityPIN != "" {
		if o.CityPIN, err = pin.New(f.cityPIN); err != nil {
			return o, fail(exitUsage, fmt.Errorf("--city-pin: %w", err), "see citycard certify card --help")
		}
	}
	if f.pin != "" {
		if o.PIN, err = pin.New(f.pin); err != nil {
			return o, fail(exitUsage, fmt.Errorf("--pin: %w", err), "see citycard certify card --help")
		}
	}
	return o, nil
}

func developmentKeys(alg cryptogram.Alg, pan txn.PAN, psn byte) (certify.CardKeys, bool) {
	k, ok := devcard.Keys(alg, pan, psn)
	return certify.CardKeys{AC: k.AC, MAC: k.MAC, ENC: k.ENC, DCVN: k.DCVN}, ok
}

func developmentSecrets(alg cryptogram.Alg, name string) (certify.Secret, bool) {
	k, ok := devcard.Secret(alg, name)
	return certify.Secret{Value: k}, ok
}

// port is a card in a reader as a run wants it.
type port struct {
	ctx  context.Context
	card reader.Card
}

func (p *port) ATR() []byte { return p.card.ATR() }

func (p *port) Reset() ([]byte, error) { return p.card.Reset(p.ctx, reader.Cold) }

func (p *port) Transmit(dst, cmd []byte) ([]byte, error) { return p.card.Transmit(p.ctx, dst, cmd) }
