package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/citycard/citycard/role/clerk"
)

const reconCardHelp = `Shows the timeline of one card: every tap with the value before and after it, what
is missing and where, what is on the card now (at most, at least, certain on which
day), each break with its verdict in a sentence, refunds, and what happens next and
when. Every record is found in its block and checked again on the spot: block and
chain, the terminal's signature, cryptogram, balance MAC, the card's own signature.

The card is named by its number, or by its token (see recon breaks) or the
beginning of that. With - or without a name it is read from standard input, so that
no card number is left in the history of the shell. It is masked in every output.

The exit code is 1 if a record does not verify.`

func newReconCard(env *environment) *cobra.Command {
	var f officeFlags
	var page string
	cmd := &cobra.Command{
		Use: "card [TOKEN|PAN|-]", Short: "Answer a customer's question about one card", Long: reconCardHelp,
		Example: "  citycard recon card 3f0a91 --city city\n" +
			"  citycard recon card - --city city --html card.html --lang zh",
		Args: arguments(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := "-"
			if len(args) == 1 {
				name = args[0]
			}
			return showReconCard(cmd.Context(), env, &f, name, page)
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&page, "html", "", "also write a page to this `file`")
	return cmd
}

// maxCardName is the longest line that is read as the name of a card.
const maxCardName = 200

// cardName is the name given, or a line of standard input: asked for if a person sits
// there.
func (e *environment) cardName(name string) (string, error) {
	if name != "-" {
		return name, nil
	}
	var line string
	var err error
	if in, ok := e.stdin.(*os.File); ok && !e.noInput && term.IsTerminal(int(in.Fd())) {
		fmt.Fprint(e.stderr, e.say("card number or token: ", "卡号或令牌："))
		line, err = bufio.NewReaderSize(in, maxCardName).ReadString('\n')
	} else {
		line, err = firstLine(e.stdin, maxCardName)
	}
	if err != nil || strings.TrimSpace(line) == "" {
		return "", fail(exitUsage, errors.Join(errors.New("no card on standard input"), err), "give a card number or a token on one line")
	}
	return line, nil
}

func showReconCard(ctx context.Context, env *environment, f *officeFlags, name, page string) error {
	name, err := env.cardName(name)
	if err != nil {
		return err
	}
	office, err := f.open(ctx, env)
	if err != nil {
		return err
	}
	card, err := office.Look(ctx, name)
	if err = errors.Join(err, office.Close()); err != nil {
		return officeError(err)
	}
	if page != "" {
		if err := writeCardPage(page, card, env.lang); err != nil {
			return err
		}
	}
	if env.json {
		err = env.printJSON(cardObject(card))
	} else {
		w := cardWriter{lang: env.lang}
		w.card(card)
		err = env.printText(w.String())
	}
	if err != nil {
		return err
	}
	if _, _, failed := verifiedOf(card); failed > 0 {
		what := fmt.Errorf("%d records of the card do not verify", failed)
		if failed == 1 {
			what = errors.New("1 record of the card does not verify")
		}
		return fail(exitFailed, what, "what is marked FAILED was altered, or its key is another one; keep the folder as it is")
	}
	return nil
}

// verifiedOf counts the records by the result of their checks. What issuer and host wrote
// down themselves has no record of a terminal behind it, and is not counted as lacking one.
func verifiedOf(c *clerk.Card) (verified, absent, failed int) {
	for i := range c.Rows {
		switch c.Rows[i].Evidence.Result {
		case clerk.Verified:
			verified++
		case clerk.Failed:
			failed++
		case clerk.NotAvailable:
			if s := sourceName(&c.Rows[i]); s != "issuer" && s != "host" {
				absent++
			}
		}
	}
	return verified, absent, failed
}
