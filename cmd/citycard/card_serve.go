package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/fault"
	"github.com/citycard/citycard/role/cardstate"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/role/virtualcard"
	"github.com/citycard/citycard/terminal/reader"
)

// serveFlags are the flags of `citycard card serve`.
type serveFlags struct {
	which      whichCard
	vpcd       string
	state      string
	side       string
	faults     string
	reconnect  time.Duration
	once       bool
	profileSet bool // --profile was given
	cardSet    bool // one of the flags was given that say which card is made
}

const serveHelp = `Puts a card into a virtual reader, vpcd of the vsmartcard project, or a program of
ours with --reader vpcd:PORT. Every PC/SC program then meets it like a real card.

Without --state every start is a new card. With it the card lives in a file, which is
made if it is missing: each change of the card's memory is on the disk before the
answer leaves, so the process may be killed at any moment, which is to the card what a
loss of power is. One process at a time has the file.

--interface auto answers with the contactless side after the PPSE was selected, and
with the contact side after a reset or after the PSE.

--fault FILE makes the card misbehave as a script says; docs/guides/fault-doors.md
explains scripts, examples/faults has some.

The card looks for a reader that is not there until --reconnect is over. --once ends the
program when the first reader has closed the connection. Interrupt and termination end it
in order.`

func newCardServe(env *environment) *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use: "serve", Short: "Put a card into a virtual PC/SC reader", Long: serveHelp,
		Example: "  citycard card serve --vpcd 127.0.0.1:35963 --profile dev-sm\n" +
			"  citycard card serve --vpcd 127.0.0.1:35963 --state my.card --fault examples/faults/torn-commit.yaml",
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.profileSet, f.cardSet = cmd.Flags().Changed("profile"), f.which.given(cmd)
			if err := f.which.blankWith(cmd); err != nil {
				return err
			}
			return f.run(cmd.Context(), env)
		},
	}
	f.which.add(cmd, "dev-sm")
	flags := cmd.Flags()
	flags.StringVar(&f.vpcd, "vpcd", net.JoinHostPort("127.0.0.1", fmt.Sprint(reader.DefaultPort)), "`host:port` of the virtual reader")
	flags.StringVar(&f.state, "state", "", "`file` that keeps the card; made if it is missing")
	flags.StringVar(&f.side, "interface", "auto", "side of the card: auto, contact or contactless")
	flags.StringVar(&f.faults, "fault", "", "YAML `file` that says how the card misbehaves")
	flags.DurationVar(&f.reconnect, "reconnect", time.Minute, "look so long for a reader that is not there")
	flags.BoolVar(&f.once, "once", false, "end when the first reader has closed the connection")
	return cmd
}

// sides are the values of --interface.
var sides = map[string]card.Interface{"auto": card.Auto, "contact": card.Contact, "contactless": card.Contactless}

func (f *serveFlags) run(ctx context.Context, env *environment) error {
	side, ok := sides[f.side]
	if !ok {
		return fail(exitUsage, fmt.Errorf("--interface %s: want auto, contact or contactless", f.side), "see citycard card serve --help")
	}
	if _, _, err := net.SplitHostPort(f.vpcd); err != nil {
		return fail(exitUsage, fmt.Errorf("--vpcd %s: want host:port", f.vpcd), "pcscd with vpcd listens on 127.0.0.1:35963 and 35964")
	}
	if f.reconnect < 0 {
		return fail(exitUsage, fmt.Errorf("--reconnect %v: want a time such as 10s, or 0", f.reconnect), "see citycard card serve --help")
	}
	script, err := readFaults(f.faults)
	if err != nil {
		return err
	}
	s := &server{env: env, flags: f}
	c, err := s.card(virtualcard.Config{Interface: side, Faults: script, Rand: rand.Reader, Note: s.note})
	if err != nil {
		return err
	}
	defer s.close()
	err = virtualcard.Serve(ctx, c, virtualcard.Slot{Address: f.vpcd, Reconnect: f.reconnect, Once: f.once, Connected: s.connected, Gone: s.gone})
	var r *reader.Error
	if errors.As(err, &r) {
		return readerError(err)
	}
	return errors.Join(err, s.close())
}

// readFaults reads a fault script; nil without a file.
func readFaults(path string) (*fault.Script, error) {
	if path == "" {
		return nil, nil
	}
	b, err := readSmall(path, fault.MaxScript)
	if err != nil {
		return nil, cannotRead(err)
	}
	if len(b) > fault.MaxScript {
		return nil, fail(exitUsage, fmt.Errorf("--fault %s: at most %d bytes are possible", path, fault.MaxScript), "split it")
	}
	s, err := fault.Parse(b)
	if err != nil {
		return nil, fail(exitUsage, fmt.Errorf("--fault %s: %w", path, err), "docs/guides/fault-doors.md lists what a script can say")
	}
	return s, nil
}

// server is a card that is being served.
type server struct {
	env   *environment
	flags *serveFlags
	file  *cardstate.File
	who   string
}

// card makes the card, or takes it from its file.
func (s *server) card(c virtualcard.Config) (*virtualcard.Card, error) {
	r, err := s.flags.which.request()
	if err != nil {
		return nil, err
	}
	if s.flags.state != "" {
		if s.file, err = cardstate.Open(s.flags.state, cardFile); err != nil {
			return nil, stateError(err)
		}
		if r, err = s.fromFile(r, &c); err != nil {
			return nil, errors.Join(err, s.close())
		}
	}
	s.env.developmentBanner()
	if c.Image, err = devcard.Issue(r); err != nil {
		return nil, errors.Join(profileError(err), s.close())
	}
	v, err := virtualcard.New(c)
	if err != nil {
		return nil, errors.Join(fail(exitFailed, err, "the card in the file is of another version of its profile; make a new card"), s.close())
	}
	s.who = fmt.Sprintf("%s-%02x, %s", r.PAN.Masked(), r.PSN, r.Profile)
	if withoutNumber(r.Profile) {
		s.who = r.Profile
	}
	return v, nil
}

// fromFile takes the card of the file, or prepares the file for the one that is
// asked for.
func (s *server) fromFile(r devcard.Request, c *virtualcard.Config) (devcard.Request, error) {
	c.Store = s.file.Store
	if s.file.Fresh() {
		description, err := r.Describe()
		if err != nil {
			return r, err
		}
		return r, s.file.Describe(description)
	}
	kept, err := restored(s.file, s.flags.state)
	if err != nil {
		return r, err
	}
	if s.flags.cardSet || s.flags.profileSet && r.Profile != kept.Profile {
		return r, fail(exitRefused, fmt.Errorf("%s holds a card already, of profile %s", s.flags.state, kept.Profile), "leave out --profile, --pan, --psn, --pin and --balance, or name another file")
	}
	c.Memory = s.file.Memory()
	return kept, nil
}

func (s *server) close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}

// serveEvent is a line of `citycard card serve --json`.
type serveEvent struct {
	Event string `json:"event"` // connected, gone or fault
	Text  string `json:"text"`
}

// tell prints what happened: a line of talk, or an object.
func (s *server) tell(event, text string) {
	if !s.env.json {
		fmt.Fprintln(s.env.stderr, text)
		return
	}
	enc := json.NewEncoder(s.env.stdout)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(serveEvent{event, text}) // who listens no more shall not end the card
}

func (s *server) connected() {
	text := fmt.Sprintf(s.env.say("card %s is in the reader at %s", "卡 %s 已放入读卡器 %s"), s.who, s.flags.vpcd)
	if s.flags.state != "" {
		text += s.env.say(", kept in ", "，保存于 ") + s.flags.state
	}
	s.tell("connected", text)
}

func (s *server) gone(why error) {
	text := s.env.say("the reader has closed the connection", "读卡器已断开")
	if why != nil {
		text = strings.TrimPrefix(why.Error(), "reader: ")
	}
	s.tell("gone", text)
}

func (s *server) note(text string) { s.tell("fault", text) }
