package host_test

import (
	"context"
	"encoding/hex"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/issuer/authorise/cardtest"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/role/host"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// now is 2026-11-20 12:00:00 at UTC+8.
const now int64 = 1795147200

func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// desk is a terminal with a development card and a host.
type desk struct {
	*cardtest.Terminal
	t    testing.TB
	chip *card.Chip
	key  txn.CardKey
	host host.Host
}

func newDesk(t testing.TB, profile string, h host.Host) *desk {
	t.Helper()
	return newCard(t, profile, devcard.DefaultPSN, h)
}

// newCard is newDesk for a card with another sequence number.
func newCard(t testing.TB, profile string, psn byte, h host.Host) *desk {
	t.Helper()
	r, err := devcard.Default(profile)
	noError(t, err)
	r.PSN = psn
	img, err := devcard.Issue(r)
	noError(t, err)
	d := &desk{t: t, chip: card.New(), host: h, key: txn.CardKey{PAN: r.PAN, PSN: r.PSN}}
	d.chip.UseInterface(card.Contact)
	noError(t, d.chip.Insert(img, nil))
	noError(t, d.chip.PowerOn(mathrand.NewChaCha8([32]byte{7})))
	d.Terminal = cardtest.New(d.chip, txn.EntryChip, now)
	return d
}

// script is a scripted host of a file in examples/hosts.
func script(t testing.TB, name string) host.Host {
	t.Helper()
	h, err := host.Parse(filepath.Join("..", "..", "examples", "hosts", name))
	noError(t, err)
	return h
}

// ask resets the card, brings it to its ARQC and asks the host.
func (d *desk) ask(kind txn.OnlineKind, amount money.Fen) (txn.OnlineRequest, txn.OnlineAnswer, error) {
	d.t.Helper()
	d.chip.PowerOff()
	noError(d.t, d.chip.PowerOn(mathrand.NewChaCha8([32]byte{8})))
	transaction := byte(0)
	if kind == txn.OnlineLoad {
		transaction = 0x60
	}
	noError(d.t, d.Start(amount, transaction))
	cid, err := d.Generate(0x80, "")
	noError(d.t, err)
	if cid != 0x80 {
		d.t.Fatalf("9F27 is %02X, want an ARQC", cid)
	}
	q := d.Request(kind, d.key, amount)
	a, err := d.host.Authorise(context.Background(), q)
	return q, a, err
}

// talk is ask, and what the card says to the answer: the status word of EXTERNAL
// AUTHENTICATE (0 without 91), 9F27 of the second cryptogram and those of the scripts.
func (d *desk) talk(kind txn.OnlineKind, amount money.Fen) (a txn.OnlineAnswer, auth apdu.SW, cid byte, scripts []apdu.SW) {
	d.t.Helper()
	_, a, err := d.ask(kind, amount)
	noError(d.t, err)
	auth, err = d.Authenticate(a.ICC)
	noError(d.t, err)
	early, err := d.Scripts(a.ICC, tlv.TagIssuerScript1)
	noError(d.t, err)
	p1 := byte(0x00)
	if a.Approved() {
		p1 = 0x40
	}
	cid, err = d.Generate(p1, string(a.Code[:]))
	noError(d.t, err)
	late, err := d.Scripts(a.ICC, tlv.TagIssuerScript2)
	noError(d.t, err)
	return a, auth, cid, append(early, late...)
}

// data is one object by GET DATA.
func (d *desk) data(command string, tag tlv.Tag) string {
	d.t.Helper()
	out, sw, err := d.Send(unhex(command))
	noError(d.t, err)
	v, ok := tlv.Find(out, tag)
	if sw != apdu.SWOK || !ok {
		d.t.Fatalf("GET DATA %v: %v", tag, sw)
	}
	return hex.EncodeToString(v)
}

// exampleFiles are the files of examples/hosts.
func exampleFiles(t testing.TB) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("..", "..", "examples", "hosts", "*.yaml"))
	noError(t, err)
	out := map[string][]byte{}
	for _, p := range paths {
		b, err := os.ReadFile(p)
		noError(t, err)
		out[filepath.Base(p)] = b
	}
	return out
}
