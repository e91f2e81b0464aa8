package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/role/host"
	"github.com/citycard/citycard/role/tap"
	"github.com/citycard/citycard/terminal/pos"
	"github.com/citycard/citycard/terminal/reader"
	"github.com/citycard/citycard/terminal/rf"
	"github.com/citycard/citycard/txn"
)

// Words of the flags.
var (
	kinds = map[string]pos.Kind{
		"purchase": pos.Purchase, "balance": pos.Balance, "inquiry": pos.Inquiry, "load": pos.Load, "unload": pos.Unload,
	}
	interfaces = map[string]pos.Interface{"contactless": pos.Contactless, "contact": pos.Contact, "stripe": pos.Stripe}
	modes      = map[string]pos.Mode{"qpboc": pos.QPBOC, "debit-credit": pos.DebitCredit, "msd": pos.MSD}
)

func names[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// word looks up the word of a flag.
func word[V any](flag, value string, m map[string]V) (V, error) {
	v, ok := m[value]
	if !ok {
		return v, fail(exitUsage, fmt.Errorf("--%s %q: want %s", flag, value, strings.Join(names(m), ", ")), "see citycard tap --help")
	}
	return v, nil
}

// prepared is everything that a run needs.
type prepared struct {
	config tap.Config
	sale   pos.Sale
	sim    bool
	check  *tap.Issuance
	side   *cardSide
	books  *host.Kept // nil without --host-data
}

// prepare checks all flags before a card sees a command.
func (f *tapFlags) prepare(cmd *cobra.Command, env *environment) (*prepared, error) {
	p := &prepared{sim: f.reader.sim() != ""}
	if err := f.checkFlags(); err != nil {
		return nil, err
	}
	mode, err := word("mode", f.mode, modes)
	if err != nil {
		return nil, err
	}
	cas, err := caKeys(f.ca)
	if err != nil {
		return nil, err
	}
	cfg, err := tap.Shop(tap.Setup{Mode: mode, SM: f.sm, CAKeys: cas, Retap: f.retap, ForceOnline: f.force})
	if err != nil {
		return nil, fail(exitUsage, err, "look into the file of --ca")
	}
	if err := f.imitate(cmd, &cfg, &p.sale); err != nil {
		return nil, err
	}
	if err := f.makeSale(cmd, &p.sale); err != nil {
		return nil, err
	}
	if err := f.swipe(env, &p.sale); err != nil {
		return nil, err
	}
	till, err := pos.New(cfg)
	if err != nil {
		return nil, err
	}
	p.config = tap.Config{Till: till, Mode: mode, AnswerTime: f.answer, Seal: host.EncipherPIN, Explain: tap.NewExplainer(string(env.lang), f.showPAN)}
	started := time.Now()
	p.config.Elapsed = func() time.Duration { return time.Since(started) }
	return p, f.partners(cmd.Context(), env, p)
}

// partners are the others who take part: air, cardholder, issuer, card.
func (f *tapFlags) partners(ctx context.Context, env *environment, p *prepared) (err error) {
	if err = f.timeModel(p); err != nil {
		return err
	}
	if p.config.Person, err = f.person(env); err != nil {
		return err
	}
	if p.config.Host, err = f.issuer(ctx, p); err != nil {
		return err
	}
	if !f.replays() {
		if p.check, err = tap.NewIssuance(); err != nil {
			return err
		}
	}
	return f.cardSide(env, p)
}

// checkFlags refuses what makes no sense by itself.
func (f *tapFlags) checkFlags() error {
	bad := func(err error, hint string) error { return fail(exitUsage, err, hint) }
	switch {
	case f.reader.wait < 0:
		return bad(fmt.Errorf("--wait %v: a time cannot be negative", f.reader.wait), "for example --wait 30s")
	case f.retap < 0 || f.retap > time.Hour:
		return bad(fmt.Errorf("--retap %v: want 0 to 1h", f.retap), "for example --retap 5s")
	case f.answer <= 0 || f.answer > time.Hour:
		return bad(fmt.Errorf("--answer-timeout %v: want more than 0, at most 1h", f.answer), "for example --answer-timeout 10s")
	case f.books != "" && f.host != "" && f.host != "issuer":
		return bad(fmt.Errorf("--host-data keeps the books of the development issuer, not of --host %s", f.host), "leave out one of them")
	case f.books != "" && f.replays():
		return bad(errors.New("a recorded session cannot be booked"), "leave out --host-data")
	case f.pin != "" && f.pinStdin:
		return bad(errors.New("--pin and --pin-stdin are both given"), "give one of them")
	case f.choose < 0:
		return bad(fmt.Errorf("--choose %d: applications are counted from 1", f.choose), "leave it out to be asked")
	case f.cryptoMS < 0 || f.cryptoMS > 10_000:
		return bad(fmt.Errorf("--card-crypto-ms %d: want 0 to 10000", f.cryptoMS), "60 is a usual card, 150 a slow one")
	}
	if f.side == stripeSide {
		return f.checkStripe(bad)
	}
	return f.checkReader(bad)
}

// checkReader refuses what does not fit the reader.
func (f *tapFlags) checkReader(bad func(error, string) error) error {
	door, err := reader.ParseName(f.reader.name)
	switch {
	case f.reader.name == "":
		return bad(errors.New("no reader is named"), "add --reader sim:dev-sm, --reader pcsc:, --reader vpcd:PORT or --reader replay:FILE")
	case err != nil:
		return readerError(err)
	case f.trackStdin || f.chipMute != 0:
		return bad(errors.New("--track2-stdin and --chip-mute are for the magnetic stripe"), "add --interface stripe")
	case f.state != "" && door.Door != reader.Sim:
		return bad(errors.New("--state keeps a simulated card"), "use --reader sim:PROFILE; other cards keep themselves")
	case f.faults != "" && door.Door != reader.Sim:
		return bad(errors.New("--fault is for a simulated card"), "use --reader sim:PROFILE, or citycard card serve --fault")
	case f.pin != "" && door.Door == reader.PCSC:
		return bad(errors.New("--pin shows the PIN of a real card to everybody on this machine"), "use --pin-stdin, or enter it when asked")
	}
	return nil
}

// makeSale fills in the sale. What a recording has told stays where no flag says
// otherwise.
func (f *tapFlags) makeSale(cmd *cobra.Command, s *pos.Sale) error {
	var err error
	if s.Kind, err = word("kind", f.kind, kinds); err != nil {
		return err
	}
	if s.Interface, err = word("interface", f.side, interfaces); err != nil {
		return err
	}
	if f.mode == pos.MSD.String() && (s.Kind != pos.Purchase || s.Interface != pos.Contactless) {
		return fail(exitUsage, errors.New("--mode msd is for a purchase over the air alone"), "leave out --mode, or take --kind purchase and --interface contactless")
	}
	s.ForceOnline, s.Sequence = f.force, 1
	if err := f.setAmount(cmd, s); err != nil {
		return err
	}
	switch {
	case f.time != "":
		at, err := time.Parse(time.RFC3339, f.time)
		if err != nil {
			return fail(exitUsage, fmt.Errorf("--time %q is no time by RFC 3339", f.time), "for example --time 2026-11-22T12:00:00+08:00")
		}
		s.Time = at.Unix()
	case s.Time == 0:
		s.Time = time.Now().Unix()
	}
	return f.draw(s)
}

// setAmount checks the amount against the kind of sale.
func (f *tapFlags) setAmount(cmd *cobra.Command, s *pos.Sale) error {
	pays := s.Kind == pos.Purchase || s.Kind == pos.Load
	given := cmd.Flags().Changed("amount")
	switch {
	case f.amount < 0 || money.Fen(f.amount) > pos.MaxAmount:
		return fail(exitUsage, fmt.Errorf("--amount %d: want 0 to %d fen", f.amount, int64(pos.MaxAmount)), "for example --amount 250 for 2.50 yuan")
	case pays && !given && !f.replays(), s.Kind == pos.Load && given && f.amount == 0:
		return fail(exitUsage, fmt.Errorf("--kind %s needs an amount", f.kind), "for example --amount 250 for 2.50 yuan")
	case !pays && f.amount != 0:
		return fail(exitUsage, fmt.Errorf("--kind %s takes no amount", f.kind), "leave out --amount")
	}
	if given || !pays {
		s.Amount = money.Fen(f.amount)
	}
	return nil
}

// draw takes the terminal's random bytes, unless a recording has told them.
func (f *tapFlags) draw(s *pos.Sale) error {
	switch {
	case f.random == "" && f.replays():
		return nil
	case f.random == "":
		return fillRandom(s.Random[:])
	}
	b, err := hex.DecodeString(f.random)
	if err != nil || len(b) != len(s.Random) {
		return fail(exitUsage, fmt.Errorf("--random: want %d hexadecimal digits", 2*len(s.Random)), "leave it out to draw fresh ones")
	}
	copy(s.Random[:], b)
	return nil
}

func (f *tapFlags) timeModel(p *prepared) error {
	rate, ok := rf.RateOf(f.bitrate)
	if !ok {
		return fail(exitUsage, fmt.Errorf("--bitrate %d: want 106, 212, 424 or 848", f.bitrate), "106 is what every card can")
	}
	p.config.Card = rf.DefaultCard(time.Duration(f.cryptoMS) * time.Millisecond)
	switch p.sale.Interface {
	case pos.Contactless:
		p.config.Medium = rf.NewLink(rf.TypeA, rate)
	case pos.Contact:
		p.config.Medium = rf.NewContact()
	}
	return nil
}

// caKeys reads the file of --ca.
func caKeys(path string) ([]oda.CAKey, error) {
	if path == "" {
		return nil, nil
	}
	b, err := readSmall(path, tap.MaxCAFile)
	if err != nil {
		return nil, cannotRead(err)
	}
	keys, err := tap.ParseCAKeys(b)
	if err != nil {
		return nil, fail(exitUsage, fmt.Errorf("--ca %s: %w", path, err), "docs/reference/tap.md shows what the file looks like")
	}
	return keys, nil
}

// issuer is what --host names.
func (f *tapFlags) issuer(ctx context.Context, p *prepared) (host.Host, error) {
	if f.books != "" {
		return f.keptIssuer(ctx, p)
	}
	name := f.host
	if name == "" {
		name = "issuer"
		if f.replays() {
			name = "none"
		}
	}
	h, err := host.Parse(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, cannotRead(fmt.Errorf("--host: %w", err))
	}
	if err != nil {
		return nil, fail(exitUsage, fmt.Errorf("--host %s: %w", name, err), "write issuer, none, FILE.yaml or tcp:HOST:PORT; docs/reference/tap.md shows the files")
	}
	return h, nil
}

// parsePIN reads the PIN of a flag or of standard input.
func parsePIN(from, digits string) (pin.PIN, error) {
	p, err := pin.New(digits)
	if err != nil {
		return p, fail(exitUsage, fmt.Errorf("%s: %w", from, err), "the development cards have 123456")
	}
	return p, nil
}

// title says what is about to happen.
func (p *prepared) title(env *environment) string {
	s := &p.sale
	kind := map[pos.Kind]string{
		pos.Purchase: env.say("Purchase of %v yuan", "消费 %v 元"), pos.Balance: env.say("Balance of the electronic cash", "查询电子现金余额"),
		pos.Inquiry: env.say("Inquiry at the issuer", "查询账户余额"), pos.Load: env.say("Load of %v yuan", "圈存 %v 元"), pos.Unload: env.say("Unload", "圈提"),
	}[s.Kind]
	if s.Kind == pos.Purchase || s.Kind == pos.Load {
		kind = fmt.Sprintf(kind, s.Amount)
	}
	switch s.Interface {
	case pos.Stripe:
		return kind + env.say(" with the magnetic stripe", "，磁条")
	case pos.Contact:
		return kind + env.say(" over the contacts", "，接触界面")
	}
	return kind + env.say(" over the air", "，非接触界面")
}

// details says how and when.
func (p *prepared) details(env *environment) string {
	words := []string{time.Unix(p.sale.Time, 0).In(txn.CityTime).Format("2006-01-02 15:04:05")}
	if link, ok := p.config.Medium.(*rf.Link); ok {
		words = append(words, link.Down.String())
		if p.sale.Kind == pos.Purchase {
			words = append(words, p.config.Mode.String())
		}
	}
	return strings.Join(append(words, env.say("issuer: ", "发卡行：")+tap.HostName(p.config.Host, string(env.lang))), env.say(", ", "，"))
}
