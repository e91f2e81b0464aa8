package main

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/role/cardview"
)

func newCardShow(env *environment) *cobra.Command {
	var f readerFlags
	var passive bool
	cmd := &cobra.Command{
		Use: "show", Short: "Read a card: applications, balances, limits, logs, certificates",
		Long: "Read any bank card and say in words what it shows: applications, balances, limits, logs,\n" +
			"validity, and whether it is genuine under the development CA keys. Nothing is paid. To\n" +
			"authenticate the card a transaction counter is used up for each application; --passive\n" +
			"leaves that out. Card numbers are masked.",
		Example: "  citycard card show --reader sim:dev-dual\n" +
			"  citycard card show --reader pcsc: --lang zh",
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			v, err := env.readCard(cmd.Context(), &f, cardview.Options{Passive: passive})
			if err != nil {
				return err
			}
			if env.json {
				return env.printJSON(v)
			}
			return env.printText(env.viewText(v))
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&passive, "passive", false, "use up no transaction counter; the card is not authenticated")
	return cmd
}

func newCardLog(env *environment) *cobra.Command {
	var f readerFlags
	cmd := &cobra.Command{
		Use: "log", Short: "Read the logs of a card: payments and loads",
		Long:    "Read the payments and loads that a card remembers, the newest first. Nothing is written to\nthe card.",
		Example: "  citycard card log --reader pcsc:",
		Args:    arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			v, err := env.readCard(cmd.Context(), &f, cardview.Options{LogsOnly: true})
			if err != nil {
				return err
			}
			if env.json {
				return env.printJSON(logsOf(v))
			}
			return env.printText(env.logText(v))
		},
	}
	f.add(cmd)
	return cmd
}

// readCard reads the card in the reader that the flags name.
func (e *environment) readCard(ctx context.Context, f *readerFlags, o cardview.Options) (*cardview.View, error) {
	c, err := f.open(ctx, e)
	if err != nil {
		return nil, err
	}
	if o.CAKeys, err = devkeys.CAKeys(); err != nil {
		return nil, err
	}
	o.Rand, o.At, o.Station = rand.Reader, time.Now(), stationName
	v, err := cardview.Read(ctx, c, o)
	kind := otherCard
	if err == nil && len(v.Applications) == 0 {
		kind = kindOf(ctx, c)
	}
	closed := c.Close()
	if err != nil {
		return nil, readerError(err)
	}
	if closed != nil {
		return nil, readerError(closed)
	}
	if len(v.Applications) == 0 {
		return nil, fail(exitNotFound, errors.New("the card has no bank application that this program finds"), hintsNoBank[kind])
	}
	return v, nil
}

// hintsNoBank say where to go with a card that is no bank card.
var hintsNoBank = [...]string{
	otherCard:  "try it with citycard certify card, which says how the card answers",
	purseCard:  "this card is an electronic purse: citycard gate --mode inspect reads it",
	moduleCard: "this is a security module: citycard gate uses it with --sam",
}

// logList is what `citycard card log --json` prints.
type logList struct {
	Applications []logEntry `json:"applications"`
	Notes        []string   `json:"notes"`
}

type logEntry struct {
	AID     string             `json:"aid"`
	Label   string             `json:"label"`
	PAN     string             `json:"pan"`
	Log     []cardview.Payment `json:"log"`
	LoadLog []cardview.Load    `json:"load_log"`
	Trips   []cardview.Trip    `json:"trips"`
}

func logsOf(v *cardview.View) logList {
	list := logList{Applications: []logEntry{}, Notes: v.Notes}
	for i := range v.Applications {
		a := &v.Applications[i]
		list.Applications = append(list.Applications, logEntry{a.AID, a.Label, a.PAN, a.Log, a.LoadLog, a.Trips})
	}
	return list
}
