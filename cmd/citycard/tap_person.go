package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/term"

	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/role/tap"
	"github.com/citycard/citycard/terminal/kernel/emv"
	"github.com/citycard/citycard/terminal/pos"
)

// cardholder answers for the person at the terminal: from flags, or by asking.
type cardholder struct {
	env    *environment
	pin    pin.PIN
	given  bool // pin was given with a flag
	used   bool // it was entered once
	choose int
	retap  bool
	asks   *os.File // terminal that can be asked, nil if there is none
}

// maxPINLine is more than any PIN and its line end have, in bytes.
const maxPINLine = 64

// person takes the cardholder's part from the flags.
func (f *tapFlags) person(env *environment) (tap.Person, error) {
	c := &cardholder{env: env, choose: f.choose, retap: f.retap > 0}
	var err error
	switch {
	case f.pin != "":
		c.pin, err = parsePIN("--pin", f.pin)
		c.given = true
	case f.pinStdin:
		var digits string
		if digits, err = firstLine(env.stdin, maxPINLine); err == nil {
			c.pin, err = parsePIN("--pin-stdin", digits)
		}
		c.given = true
	default:
		if in, ok := env.stdin.(*os.File); ok && !env.noInput && term.IsTerminal(int(in.Fd())) {
			c.asks = in
		}
	}
	return c, err
}

// Choose implements tap.Person: the flag, a question, or the first application.
func (c *cardholder) Choose(ctx context.Context, list *emv.Choice) emv.Event {
	if c.choose > 0 {
		if c.choose > len(list.Names) {
			fmt.Fprintf(c.env.stderr, c.env.say("--choose %d: the card has %d applications\n", "--choose %d：卡上有%d个应用\n"), c.choose, len(list.Names))
			return emv.Event{Kind: emv.Cancelled}
		}
		return emv.Event{Kind: emv.Chosen, Choice: c.choose - 1}
	}
	if c.asks == nil {
		return c.unasked(list)
	}
	for i, name := range list.Names {
		fmt.Fprintf(c.env.stderr, "  %d  %s\n", i+1, strings.Map(printable, name))
	}
	fmt.Fprint(c.env.stderr, c.env.say("which application? [1] ", "请选择应用 [1] "))
	line, ok := await(ctx, func() (string, error) { return bufio.NewReader(c.asks).ReadString('\n') })
	if !ok {
		return emv.Event{Kind: emv.Cancelled}
	}
	line = strings.TrimSpace(line)
	if line == "" {
		return emv.Event{Kind: emv.Chosen}
	}
	n, err := strconv.Atoi(line)
	if err != nil || n < 1 || n > len(list.Names) {
		return emv.Event{Kind: emv.Cancelled}
	}
	return emv.Event{Kind: emv.Chosen, Choice: n - 1}
}

// unasked takes the first application where there is nobody to ask, but confirms none
// that the card wants to have confirmed.
func (c *cardholder) unasked(list *emv.Choice) emv.Event {
	if list.Confirm {
		fmt.Fprintln(c.env.stderr, c.env.say("the card wants its application confirmed, and nobody is here to ask: add --choose 1", "卡片要求确认应用，但无人可询问：请加 --choose 1"))
		return emv.Event{Kind: emv.Cancelled}
	}
	return emv.Event{Kind: emv.Chosen}
}

// await reads what a person enters, until ctx ends; ok is false then, and after an
// error.
func await[T any](ctx context.Context, read func() (T, error)) (v T, ok bool) {
	type entry struct {
		v   T
		err error
	}
	done := make(chan entry, 1)
	go func() {
		v, err := read()
		done <- entry{v, err}
	}()
	select {
	case e := <-done:
		return e.v, e.err == nil
	case <-ctx.Done():
		return v, false
	}
}

// printable keeps what a card says from controlling the terminal.
func printable(r rune) rune {
	if strconv.IsPrint(r) {
		return r
	}
	return '?'
}

// PIN implements tap.Person. A PIN of a flag is entered once for each question, but
// not again after it was wrong: that would only block the card.
func (c *cardholder) PIN(ctx context.Context, r *emv.PINRequest) emv.Event {
	if c.given {
		if r.Again && c.used {
			return emv.Event{Kind: emv.PINBypassed}
		}
		c.used = true
		return emv.Event{Kind: emv.PINEntered, PIN: c.pin}
	}
	if c.asks == nil {
		return emv.Event{Kind: emv.PINBypassed}
	}
	if r.Again {
		fmt.Fprintln(c.env.stderr, c.env.say("the PIN was wrong", "密码错误"))
	}
	if r.Tries >= 0 {
		fmt.Fprintf(c.env.stderr, c.env.say("PIN (%d tries left, empty for none): ", "请输入密码（剩余%d次，直接回车表示不输入）："), r.Tries)
	} else {
		fmt.Fprint(c.env.stderr, c.env.say("PIN (empty for none): ", "请输入密码（直接回车表示不输入）："))
	}
	fd := int(c.asks.Fd())
	state, _ := term.GetState(fd)
	digits, ok := await(ctx, func() ([]byte, error) { return term.ReadPassword(fd) })
	fmt.Fprintln(c.env.stderr)
	if ctx.Err() != nil {
		if state != nil {
			_ = term.Restore(fd, state) // what reads goes on without an end, and nobody will see it
		}
		return emv.Event{Kind: emv.Cancelled}
	}
	if !ok {
		return emv.Event{Kind: emv.PINPadFailed}
	}
	defer clear(digits)
	if len(digits) == 0 {
		return emv.Event{Kind: emv.PINBypassed}
	}
	p, err := pin.New(string(digits))
	if err != nil {
		fmt.Fprintln(c.env.stderr, c.env.say("a PIN has 4 to 12 digits", "密码为4至12位数字"))
		return emv.Event{Kind: emv.PINBypassed}
	}
	return emv.Event{Kind: emv.PINEntered, PIN: p}
}

// Again implements tap.Person.
func (c *cardholder) Again(_ context.Context, torn *pos.TornSale) bool {
	if c.retap {
		fmt.Fprintln(c.env.stderr, c.env.say("hold the same card to the reader again", "请将同一张卡再次放到读卡器上"))
	}
	return c.retap && !torn.Other
}

// defaultWidth is the page's width where there is no terminal to ask.
const defaultWidth = 100

// pageWidth is the width of the terminal, or of the variable COLUMNS.
func (e *environment) pageWidth() int {
	if f, ok := e.stdout.(*os.File); ok {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			return min(w, maxWidth)
		}
	}
	if w, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && w > 0 {
		return min(w, maxWidth)
	}
	return defaultWidth
}

// maxWidth is the widest page: longer lines are hard to read.
const maxWidth = 132

// colour says whether the output goes to a terminal that may be coloured; see
// no-color.org.
func (e *environment) colour() bool {
	f, ok := e.stdout.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
