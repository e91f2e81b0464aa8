package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/role/cardstate"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/txn"
)

// whichCard are the flags that say which card is wanted.
type whichCard struct {
	profile, pan, psn, pin string
	balance                int64
}

// noBalance stands for a balance that was not given.
const noBalance = math.MinInt64

func (w *whichCard) add(cmd *cobra.Command, profile string) {
	f := cmd.Flags()
	f.StringVar(&w.profile, "profile", profile, "kind of card, see citycard card profiles")
	f.StringVar(&w.pan, "pan", devcard.DefaultPAN, "card number, 12 to 19 `digits`")
	f.StringVar(&w.psn, "psn", fmt.Sprintf("%02x", devcard.DefaultPSN), "sequence number, two `digits`")
	f.StringVar(&w.pin, "pin", "", "reference PIN, 4 to 12 `digits` (default that of the profile)")
	f.Int64Var(&w.balance, "balance", noBalance, "electronic cash in `fen` (default that of the profile)")
	f.Lookup("balance").DefValue = "0" // which --help does not show
	_ = cmd.RegisterFlagCompletionFunc("profile", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return cardProfileNames(), cobra.ShellCompDirectiveNoFileComp
	})
}

// request turns the flags into a request for a card.
func (w *whichCard) request() (devcard.Request, error) {
	r, err := devcard.Default(w.profile)
	if err != nil {
		return r, profileError(err)
	}
	if devcard.IsOther(w.profile) {
		return r, nil
	}
	bad := func(flag string, err error) (devcard.Request, error) {
		return r, fail(exitUsage, fmt.Errorf("--%s: %w", flag, err), "see citycard card new --help")
	}
	if r.PAN, err = txn.ParsePAN(w.pan); err != nil {
		return bad("pan", err)
	}
	if r.PSN, err = devcard.ParsePSN([]byte(w.psn)); err != nil {
		return bad("psn", err)
	}
	if w.pin != "" {
		if r.PIN, err = pin.New(w.pin); err != nil {
			return bad("pin", err)
		}
	}
	if w.balance != noBalance {
		if w.balance < 0 || money.Fen(w.balance) > money.MaxN12 {
			return bad("balance", fmt.Errorf("%d fen, want 0 to %d", w.balance, money.MaxN12))
		}
		r.Balance = money.Fen(w.balance)
	}
	return r, nil
}

// given tells whether a card other than the profile's default was asked for.
func (w *whichCard) given(cmd *cobra.Command) bool {
	for _, name := range []string{"pan", "psn", "pin", "balance"} {
		if cmd.Flags().Changed(name) {
			return true
		}
	}
	return false
}

// cardProfileNames are all that --profile takes.
func cardProfileNames() []string {
	names := append(devcard.Names(), devcard.Others()...)
	slices.Sort(names)
	return names
}

// withoutNumber tells whether cards of a profile have no card number of a bank.
func withoutNumber(profile string) bool { return profile == devcard.Blank || devcard.IsOther(profile) }

// blankWith refuses data of the finance application for a card that has none.
func (w *whichCard) blankWith(cmd *cobra.Command) error {
	if !withoutNumber(w.profile) || !w.given(cmd) {
		return nil
	}
	if w.profile != devcard.Blank {
		return fail(exitUsage, fmt.Errorf("a card of profile %s is always as its profile says", w.profile), "leave out --pan, --psn, --pin and --balance")
	}
	return fail(exitUsage, errors.New("a blank card has no number, PIN or balance"), "give --pan, --psn, --pin and --balance to citycard card perso")
}

func newCardNew(env *environment) *cobra.Command {
	var w whichCard
	var state string
	cmd := &cobra.Command{
		Use: "new", Short: "Make a card and keep it in a file",
		Long: "Make a personalised card, or a blank one with --profile blank, and keep it in a file that\n" +
			"card serve and card perso take. The file must not exist. It holds the card's memory, which\n" +
			"only its owner can read.",
		Example: "  citycard card new --profile dev-sm --state my.card\n" +
			"  citycard card new --profile dev-dual --pan 6228000100001125 --balance 5000 --state poor.card",
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if state == "" {
				return fail(exitUsage, errors.New("no file is named"), "add --state FILE")
			}
			if err := w.blankWith(cmd); err != nil {
				return err
			}
			r, err := w.request()
			if err != nil {
				return err
			}
			return env.cardNew(r, state)
		},
	}
	w.add(cmd, "dev-sm")
	cmd.Flags().StringVar(&state, "state", "", "`file` to make")
	return cmd
}

// newCard is what `citycard card new --json` prints.
type newCard struct {
	Profile string `json:"profile"`
	PAN     string `json:"pan"`
	PSN     string `json:"psn"`
	Balance int64  `json:"balance_fen"`
	State   string `json:"state"`
}

func (e *environment) cardNew(r devcard.Request, state string) error {
	e.developmentBanner()
	img, err := devcard.Issue(r)
	if err != nil {
		return profileError(err)
	}
	chip := card.New()
	if err := chip.Insert(img, nil); err != nil {
		return err
	}
	description, err := r.Describe()
	if err != nil {
		return err
	}
	if err := cardstate.Create(state, cardFile, description, chip.Snapshot(nil)); err != nil {
		return stateError(err)
	}
	out := newCard{Profile: r.Profile, PAN: r.PAN.Masked(), PSN: fmt.Sprintf("%02x", r.PSN), Balance: int64(r.Balance), State: state}
	if withoutNumber(r.Profile) {
		out.PAN, out.PSN, out.Balance = "", "", 0
	}
	if e.json {
		return e.printJSON(out)
	}
	switch {
	case r.Profile == devcard.Blank:
		return e.printText(fmt.Sprintf(e.say("blank card: %s\n", "空白卡：%s\n"), state))
	case withoutNumber(r.Profile):
		return e.printText(fmt.Sprintf(e.say("card of profile %s: %s\n", "模板 %s 的卡：%s\n"), r.Profile, state))
	}
	return e.printText(fmt.Sprintf(e.say("card %s-%s of profile %s with %s yuan: %s\n", "卡 %s-%s，模板 %s，余额 %s 元：%s\n"),
		out.PAN, out.PSN, out.Profile, r.Balance, state))
}

// cardFile says in errors what the file of --state is.
const cardFile = "card state"

// stateError gives an error of a card's file its exit code and hint.
func stateError(err error) error {
	switch {
	case errors.Is(err, cardstate.ErrLocked):
		return fail(exitUnavailable, err, "end the other process; two cannot be the same card")
	case errors.Is(err, cardstate.ErrExists):
		return fail(exitRefused, err, "choose another name, or delete the file if its card may be lost")
	case errors.Is(err, cardstate.ErrState):
		return fail(exitFailed, err, "the file was not changed; take a copy of it if there is one, or make a new card")
	case errors.Is(err, os.ErrNotExist):
		return fail(exitNotFound, err, "check the folder's name")
	}
	return fail(exitFailed, err, "")
}

// restored gives the request behind a card's file.
func restored(f *cardstate.File, path string) (devcard.Request, error) {
	r, err := devcard.ParseDescription(f.Description())
	if err != nil {
		return r, fail(exitFailed, fmt.Errorf("%s %s: %w", cardFile, path, err), "the file is from another version of this program; profiles now are "+strings.Join(cardProfileNames(), ", "))
	}
	return r, nil
}
