package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/role/virtualcard"
	"github.com/citycard/citycard/terminal/reader"
)

// readerFlags are the flags of every command that talks to a card.
type readerFlags struct {
	name string
	wait time.Duration
	raw  bool // the command wants the card's own 61xx and 6Cxx
}

// defaultWait is how long a virtual reader waits for its card.
const defaultWait = time.Minute

func (f *readerFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.name, "reader", "", "sim:PROFILE, pcsc:NAME or vpcd:PORT")
	cmd.Flags().DurationVar(&f.wait, "wait", 0, "wait so long for a card; vpcd: waits a minute if not told otherwise")
	_ = cmd.RegisterFlagCompletionFunc("reader", completeReader)
}

// completeReader offers the simulated cards and the other kinds of reader.
func completeReader(_ *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	var list []string
	for _, p := range cardProfileNames() {
		list = append(list, "sim:"+p)
	}
	return append(list, "pcsc:", "vpcd:"), cobra.ShellCompDirectiveNoFileComp
}

// sim is the profile of a simulated card; empty for other readers.
func (f *readerFlags) sim() string {
	n, err := reader.ParseName(f.name)
	if err != nil || n.Door != reader.Sim {
		return ""
	}
	return n.Rest
}

// open opens the reader that the flags name.
func (f *readerFlags) open(ctx context.Context, env *environment) (reader.Card, error) {
	if f.name == "" {
		return nil, fail(exitUsage, errors.New("no reader is named"), "add --reader sim:dev-sm, --reader pcsc: or --reader vpcd:PORT")
	}
	wait := f.wait
	if wait == 0 {
		wait = defaultWait
	}
	ctx, stop := context.WithTimeoutCause(ctx, wait, &reader.Error{
		Doing: "waiting for a card", Kind: reader.ErrNoCard, Cause: fmt.Errorf("none within %v", wait), Hint: "put a card in, or wait longer with --wait",
	})
	defer stop()
	c, err := reader.Open(ctx, f.name, reader.Doors{
		Sim: env.simulated, Wait: f.wait > 0, Cooked: !f.raw,
		Listening: func(address string) {
			fmt.Fprintf(env.stderr, env.say("waiting for a card on %s\n", "在 %s 等待卡片\n"), address)
		},
	})
	if err != nil {
		return nil, readerError(err)
	}
	return c, nil
}

// simulated makes the card behind sim:PROFILE.
func (e *environment) simulated(_ context.Context, profile string) (reader.Card, error) {
	r, err := devcard.Default(profile)
	if err != nil {
		return nil, err
	}
	e.developmentBanner()
	img, err := devcard.Issue(r)
	if err != nil {
		return nil, err
	}
	v, err := virtualcard.New(virtualcard.Config{Image: img, Interface: card.Auto, Rand: rand.Reader})
	if err != nil {
		return nil, err
	}
	return virtualcard.Reader(v)
}

// readerError gives an error on the way to or with a card its exit code and hint.
func readerError(err error) error {
	if errors.Is(err, devcard.ErrProfile) || errors.Is(err, devcard.ErrRequest) {
		return profileError(err)
	}
	var r *reader.Error
	if !errors.As(err, &r) {
		return err
	}
	code := exitUnavailable
	switch r.Kind {
	case reader.ErrName, reader.ErrCommand:
		code = exitUsage
	case reader.ErrNoReader, reader.ErrNoCard:
		code = exitNotFound
	}
	plain := *r
	plain.Hint = ""
	return fail(code, &plain, r.Hint)
}

// profileError names the profiles that there are.
func profileError(err error) error {
	if errors.Is(err, devcard.ErrProfile) {
		return fail(exitNotFound, err, "there are "+strings.Join(cardProfileNames(), ", "))
	}
	return fail(exitUsage, err, "citycard card profiles says what the profiles allow")
}
