package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/citycard/citycard/role/host"
	"github.com/citycard/citycard/role/tap"
	"github.com/citycard/citycard/txn"
)

const reconLoadsHelp = `Answers "my load is not on the card" in one of three words for each load and unload of a
card: loaded, not loaded and the money back, or being checked, until which day at the
latest and what decides it. It works on the folder of a host that keeps its books.

The card is named by its number; with - or without one it is read from standard input, so
that no card number is left in the history of the shell. --psn is its sequence number.`

func newReconLoads(env *environment) *cobra.Command {
	var f hostFlags
	var psn string
	cmd := &cobra.Command{
		Use: "loads [PAN|-]", Short: "Say what became of the loads of a card", Long: reconLoadsHelp,
		Example: "  citycard recon loads - --city bank\n  citycard recon loads 6228000100001117 --city bank --lang zh",
		Args:    arguments(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := "-"
			if len(args) == 1 {
				name = args[0]
			}
			return showLoads(cmd.Context(), env, &f, name, psn)
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&psn, "psn", "01", "sequence number of the card, two `digits`")
	return cmd
}

// cardLoads is `citycard recon loads --json`.
type cardLoads struct {
	Card  string         `json:"card"`
	Loads []tap.LoadWord `json:"loads"`
}

func showLoads(ctx context.Context, env *environment, f *hostFlags, name, psn string) error {
	card, err := namedCard(env, name, psn)
	if err != nil {
		return err
	}
	h, _, err := f.open(ctx, env)
	if err != nil {
		return err
	}
	loads, err := h.Loads(ctx, card)
	if err = errors.Join(err, h.Close()); err != nil {
		return fail(exitFailed, err, "check the folder")
	}
	if len(loads) == 0 {
		return fail(exitNotFound, fmt.Errorf("no load or unload of card %v", card), "check number, --psn and folder")
	}
	return printLoads(env, card, loads)
}

// namedCard is the card of a number that is given or read from standard input.
func namedCard(env *environment, name, psn string) (txn.CardKey, error) {
	digits, err := env.cardName(name)
	if err != nil {
		return txn.CardKey{}, err
	}
	pan, err := txn.ParsePAN(digits)
	if err != nil {
		return txn.CardKey{}, fail(exitUsage, err, "give the number that stands on the card")
	}
	if len(psn) != 2 || psn[0] < '0' || psn[0] > '9' || psn[1] < '0' || psn[1] > '9' {
		return txn.CardKey{}, fail(exitUsage, fmt.Errorf("--psn %s: want two digits", psn), "development cards have 01")
	}
	return txn.CardKey{PAN: pan, PSN: (psn[0]-'0')<<4 | psn[1] - '0'}, nil
}

func printLoads(env *environment, card txn.CardKey, loads []host.Load) error {
	if env.json {
		return env.printJSON(cardLoads{Card: card.String(), Loads: tap.LoadWords(loads)})
	}
	text := card.String() + "\n"
	for i := range loads {
		text += fmt.Sprintf("  %04X  %s  %s\n", loads[i].ATC, momentText(loads[i].Time), loads[i].Answer.Text(string(env.lang)))
	}
	return env.printText(text)
}
