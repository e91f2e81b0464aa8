package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/perso"
	"github.com/citycard/citycard/crypt/scp"
	"github.com/citycard/citycard/role/cardstate"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/role/virtualcard"
	"github.com/citycard/citycard/terminal/reader"
)

// persoFlags are the flags of `citycard card perso`.
type persoFlags struct {
	which  whichCard
	reader readerFlags
	state  string
	scp    string
}

const persoHelp = `Personalises a blank card: opens a secure channel to its security domain, installs the
finance application and sends it its data with STORE DATA. The card is one behind a
reader, or one in a file, made by card new --profile blank.

The secure channel is SCP03 (AES) or SCP02 (triple DES), with the key 40..4F that blank
cards are delivered with. A personalisation that broke off is begun again: the card
takes it up where it can, and is never left half usable.`

func newCardPerso(env *environment) *cobra.Command {
	var f persoFlags
	cmd := &cobra.Command{
		Use: "perso", Short: "Personalise a blank card", Long: persoHelp,
		Example: "  citycard card new --profile blank --state my.card\n" +
			"  citycard card perso --profile dev-sm --pan 6228000100001125 --state my.card",
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context(), env) },
	}
	f.which.add(cmd, "dev-sm")
	f.reader.add(cmd)
	cmd.Flags().StringVar(&f.state, "state", "", "`file` of a blank card, instead of a reader")
	cmd.Flags().StringVar(&f.scp, "scp", "03", "secure channel protocol, 02 or 03")
	return cmd
}

// personalised is what `citycard card perso --json` prints.
type personalised struct {
	Profile  string `json:"profile"`
	PAN      string `json:"pan"`
	PSN      string `json:"psn"`
	Commands int    `json:"commands"` // APDUs that were sent
}

func (f *persoFlags) run(ctx context.Context, env *environment) error {
	r, err := f.which.request()
	if err != nil {
		return err
	}
	protocol, ok := map[string]scp.Protocol{"02": scp.SCP02, "03": scp.SCP03}[f.scp]
	if !ok {
		return fail(exitUsage, fmt.Errorf("--scp %s: want 02 or 03", f.scp), "see citycard card perso --help")
	}
	var challenge [8]byte
	if _, err := rand.Read(challenge[:]); err != nil {
		return err
	}
	order, err := devcard.Order(r, protocol, challenge)
	if err != nil {
		return profileError(err)
	}
	c, done, err := f.open(ctx, env)
	if err != nil {
		return err
	}
	out := personalised{Profile: r.Profile, PAN: r.PAN.Masked(), PSN: fmt.Sprintf("%02x", r.PSN)}
	out.Commands, err = personalise(ctx, env, c, order)
	closed := errors.Join(c.Close(), done())
	switch {
	case err != nil:
		return persoError(err)
	case closed != nil:
		return closed
	case env.json:
		return env.printJSON(out)
	}
	return env.printText(fmt.Sprintf(env.say("card %s-%s of profile %s is personalised: %d commands\n", "卡 %s-%s（模板 %s）个人化完成：%d 条指令\n"),
		out.PAN, out.PSN, out.Profile, out.Commands))
}

// open gives the card in the reader or in the file, and what to do in the end.
func (f *persoFlags) open(ctx context.Context, env *environment) (reader.Card, func() error, error) {
	switch {
	case f.state != "" && f.reader.name != "":
		return nil, nil, fail(exitUsage, errors.New("--state and --reader exclude each other"), "give one of them")
	case f.state == "":
		if f.reader.sim() == "" { // which has a banner of its own
			env.developmentBanner()
		}
		c, err := f.reader.open(ctx, env)
		return c, func() error { return nil }, err
	}
	env.developmentBanner()
	file, err := cardstate.Open(f.state, cardFile)
	if err != nil {
		return nil, nil, stateError(err)
	}
	c, err := f.inFile(file)
	if err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	return c, file.Close, nil
}

func (f *persoFlags) inFile(file *cardstate.File) (reader.Card, error) {
	if file.Fresh() {
		return nil, fail(exitNotFound, fmt.Errorf("%s does not exist", f.state), "make a blank card: citycard card new --profile blank --state "+f.state)
	}
	r, err := restored(file, f.state)
	if err != nil {
		return nil, err
	}
	if r.Profile != devcard.Blank {
		return nil, fail(exitRefused, fmt.Errorf("%s holds a card of profile %s, which is personalised already", f.state, r.Profile), "make a blank card with citycard card new --profile blank")
	}
	img, err := devcard.Issue(r)
	if err != nil {
		return nil, err
	}
	v, err := virtualcard.New(virtualcard.Config{Image: img, Memory: file.Memory(), Interface: card.Contact, Store: file.Store, Rand: rand.Reader})
	if err != nil {
		return nil, err
	}
	return virtualcard.Reader(v)
}

// errPersonalised: the card has its data; nothing was changed.
var errPersonalised = errors.New("the card is personalised already, perhaps as another card; nothing was changed")

// personalise runs the machine against the card.
func personalise(ctx context.Context, env *environment, c reader.Card, order perso.Order) (commands int, err error) {
	machine := perso.NewPersonaliser(order)
	show := env.progress("perso", env.json)
	var answer []byte
	for {
		cmd, done, err := machine.Next(answer)
		if sent, _ := machine.Progress(); done && sent == 0 {
			return commands, errPersonalised
		}
		if err != nil || done {
			return commands, err
		}
		if answer, err = c.Transmit(ctx, answer[:0], cmd); err != nil {
			return commands, err
		}
		commands++
		if sent, all := machine.Progress(); show != nil && all > 0 {
			show(float64(sent), float64(all))
		}
	}
}

// persoError gives an error of a personalisation its exit code and hint.
func persoError(err error) error {
	var r *reader.Error
	switch {
	case errors.As(err, &r):
		return readerError(err)
	case errors.Is(err, errPersonalised):
		return fail(exitRefused, err, "see which card it is with citycard card show, or use a blank one")
	case errors.Is(err, perso.ErrLocked):
		return fail(exitRefused, err, "use a blank card")
	case errors.Is(err, perso.ErrRefused):
		return fail(exitFailed, err, "only blank cards can be personalised; check the card with citycard card show")
	}
	return fail(exitFailed, err, "does the card have the keys of blank cards?")
}
