package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/citycard/citycard/money"
)

const cardHelp = `Plays a bank card, makes one, or reads one.

"serve" puts a card into a virtual reader, where any PC/SC program meets it as if it
were plastic; "new" and "perso" make cards; "show" and "log" read any card behind a
reader, ours or another maker's. "profiles" lists the kinds of card.

A reader is named
  sim:PROFILE   a new card in this process
  pcsc:NAME     a reader of pcscd: the beginning of its name, its number from 0,
                or nothing for the first one with a card
  vpcd:PORT     a card that connects to this program as to a virtual reader

All keys of these cards are development keys: everybody has them.`

func newCardCommand(env *environment) *cobra.Command {
	cmd := &cobra.Command{
		Use: "card", Short: "Play a bank card, make one, or read one", Long: cardHelp,
		Args: noSuchCommand, RunE: showHelp,
	}
	cmd.AddCommand(newCardServe(env), newCardProfiles(env), newCardNew(env), newCardPerso(env), newCardShow(env), newCardLog(env))
	return cmd
}

// say picks the language.
func (e *environment) say(en, zh string) string {
	if e.lang == "zh" {
		return zh
	}
	return en
}

// developmentBanner warns, on standard error, that keys without secrecy are in use.
func (e *environment) developmentBanner() {
	stars := strings.Repeat("*", 70)
	fmt.Fprintf(e.stderr, "%s\n* %s *\n%s\n", stars, e.say(
		"DEVELOPMENT KEYS: everyone has them. Never use them for real data.",
		"开发密钥：人人皆知。严禁用于真实数据。                            "), stars)
}

// columns prints a table: the first row is the heading, columns are as wide as
// their widest cell, and numbers says which are aligned to the right.
func columns(b *strings.Builder, indent string, rows [][]string, numbers ...int) {
	widths := make([]int, len(rows[0]))
	for _, r := range rows {
		for i, c := range r {
			widths[i] = max(widths[i], displayWidth(c))
		}
	}
	right := make([]bool, len(widths))
	for _, n := range numbers {
		right[n] = true
	}
	for _, r := range rows {
		line := indent
		for i, c := range r {
			fill := strings.Repeat(" ", widths[i]-displayWidth(c))
			if right[i] {
				line += fill + c + "  "
			} else {
				line += c + fill + "  "
			}
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
}

// yuan gives an amount of fen for people, or a dash for none.
func yuan(f *int64) string {
	if f == nil {
		return "-"
	}
	return money.Fen(*f).String()
}
