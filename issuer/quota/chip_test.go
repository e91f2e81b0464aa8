package quota_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	mathrand "math/rand/v2"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/capp"
	"github.com/citycard/citycard/card/gp"
	"github.com/citycard/citycard/card/perso"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/crypt/scp"
	"github.com/citycard/citycard/issuer"
	"github.com/citycard/citycard/issuer/quota"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// channel is one way to a card.
type channel struct {
	name     string
	set      gp.Channel
	level    scp.Level
	blind    bool // the issuer does not know the domain beforehand
	version  byte // asked for; 0: the first set
	noDomain bool
	rounds   int // lists of pending commands
}

var ways = []channel{
	{name: "SCP02 i=55", set: gp.Channel{Protocol: scp.SCP02, Variant: scp.SCP02Pseudo}, level: scp.CMAC, rounds: 2},
	{name: "SCP02 i=15", set: gp.Channel{Protocol: scp.SCP02, Variant: scp.SCP02Random}, level: scp.CMAC, rounds: 3},
	{name: "SCP02 i=55, unknown", set: gp.Channel{Protocol: scp.SCP02, Variant: scp.SCP02Pseudo}, level: scp.CMAC | scp.CDEC, blind: true, rounds: 3},
	{name: "SCP02 i=55, by version", set: gp.Channel{Protocol: scp.SCP02, Variant: scp.SCP02Pseudo}, level: scp.CMAC, version: firstSet, rounds: 2},
	{name: "SCP03 i=10", set: gp.Channel{Protocol: scp.SCP03, Variant: scp.SCP03NoRMAC}, level: scp.CMAC, rounds: 2},
	{name: "SCP03 i=70", set: gp.Channel{Protocol: scp.SCP03, Variant: scp.SCP03Full}, level: scp.CMAC | scp.CDEC | scp.RMAC | scp.RENC, rounds: 2},
	{name: "no domain", set: gp.Channel{Protocol: scp.SCP02, Variant: scp.SCP02Pseudo}, noDomain: true, rounds: 1},
}

const firstSet = 0x21

var domainKeys = scp.KeySet{Version: firstSet, ENC: cryptogram.Key{1}, MAC: cryptogram.Key{2}, DEK: cryptogram.Key{3}}

// rider is a real card of profile dev-quota, personalised over its security domain, with
// the issuer's knowledge of it.
type rider struct {
	t       testing.TB
	chip    *card.Chip
	m       *quota.Machine
	s       quota.Service
	target  quota.Target
	domains *quota.DomainKeys
	number  byte // of the next host challenge
	alg     cryptogram.Alg
}

// chipTerms fit the profile: a limit of 50 yuan, a deposit of 10.
var chipTerms = quota.Terms{Quota: 5000, Deposit: 500, Threshold: 500, Cap: 8000, Window: 20 * day, Retry: 3600, MaxSends: 5}

func newRider(t testing.TB, way *channel) *rider {
	t.Helper()
	source, err := perso.EmbeddedSource("dev-quota")
	noError(t, err)
	profile, err := perso.Parse(source)
	noError(t, err)
	img, err := profile.Blank(gp.Profile{Channels: []gp.Channel{way.set}, Keys: []gp.Keys{{Protocol: way.set.Protocol, Set: domainKeys}}, Heap: 16 << 10})
	noError(t, err)
	k := &rider{t: t, chip: card.New(), domains: quota.NewDomainKeys(domainKeys, 0), alg: cryptogram.SM4}
	k.chip.UseInterface(card.Contactless)
	noError(t, k.chip.Insert(img, nil))
	k.again()
	request, err := devcard.Default("dev-quota")
	noError(t, err)
	request.Balance = 0
	o, err := devcard.Order(request, way.set.Protocol, [8]byte{9})
	noError(t, err)
	o.Keys, o.Level = domainKeys, scp.CMAC
	p, answer := perso.NewPersonaliser(o), []byte(nil)
	for {
		command, done, err := p.Next(answer)
		noError(t, err)
		if done {
			break
		}
		answer = k.transmit(command)
	}
	k.target = quota.Target{Application: profile.Product().AID, Domain: gp.AIDGlobalPlatform, Level: way.level, KeyVersion: way.version}
	if !way.blind {
		k.target.Protocol, k.target.Variant, k.target.FirstVersion = way.set.Protocol, way.set.Variant, firstSet
	}
	if way.noDomain {
		k.target.Domain = nil
	}
	keys, err := quota.NewMasters(cryptogram.SM4, keystore.DevelopmentKey(keystore.IssuerMasters(0, cryptogram.SM4).MAC))
	noError(t, err)
	k.m, err = quota.New(quota.Config{Terms: quota.Schedule{chipTerms}, Keys: keys, Tokens: tokens{}, Settlement: settlement})
	noError(t, err)
	k.s, _, err = k.m.Open(&quota.Request{Card: cardKey(t), Deposit: 1000}, start)
	noError(t, err)
	return k
}

func (k *rider) again() {
	k.t.Helper()
	k.chip.PowerOff()
	noError(k.t, k.chip.PowerOn(mathrand.NewChaCha8([32]byte{k.number})))
}

func (k *rider) transmit(command []byte) []byte {
	k.t.Helper()
	b, err := k.chip.Transmit(nil, command)
	noError(k.t, err)
	return b
}

func (k *rider) ok(command ...byte) []byte {
	k.t.Helper()
	data, sw, err := apdu.ParseResponse(k.transmit(command))
	noError(k.t, err)
	if sw != apdu.SWOK {
		k.t.Fatalf("command %X: %v", command, sw)
	}
	return data
}

// client is the app or the reader: it sends pending commands in their order and stops as
// it is told.
func (k *rider) client(list []quota.Pending) (answers [][]byte) {
	for _, p := range list {
		b := k.transmit(p.Command)
		answers = append(answers, b)
		if !p.Optional && !bytes.HasSuffix(b, []byte{0x90, 0x00}) {
			break
		}
	}
	return answers
}

func (k *rider) session() quota.Session {
	k.t.Helper()
	p, ok := k.s.Outgoing()
	if !ok {
		k.t.Fatal("no push waits")
	}
	noError(k.t, k.m.Sent(&k.s, p.ATC, start))
	k.number++
	return quota.NewSession(k.s.Card, &k.target, [8]byte{k.number}, &p)
}

// play takes a session to its end; between the lists it is stored, and the card leaves the
// field where it can.
func (k *rider) play(x *quota.Session) (rounds int) {
	k.t.Helper()
	for x.Step != quota.StepOver {
		list, err := x.Pending(k.domains)
		noError(k.t, err)
		noError(k.t, x.Feed(k.domains, k.client(list)))
		rounds++
		if x.Step == quota.StepOpen {
			k.again()
		}
		k.reload(x)
	}
	return rounds
}

func (k *rider) reload(x *quota.Session) {
	k.t.Helper()
	b, err := json.Marshal(x)
	noError(k.t, err)
	again := quota.Session{Card: x.Card}
	noError(k.t, json.Unmarshal(b, &again))
	*x = again
}

// restore pushes what waits, and expects the card to take it.
func (k *rider) restore() {
	k.t.Helper()
	x := k.session()
	k.play(&x)
	if x.Reached != quota.Answered || x.Status != apdu.SWOK {
		k.t.Fatalf("push %d: %d %v", x.PushATC, x.Reached, x.Status)
	}
	_, err := k.m.Answered(&k.s, x.PushATC, x.Status, start)
	noError(k.t, err)
}

// balance is 9F79 on the card.
func (k *rider) balance() money.Fen {
	k.t.Helper()
	k.again()
	k.ok(append(append([]byte{0, 0xA4, 4, 0, byte(len(k.target.Application))}, k.target.Application...), 0)...)
	v, ok := tlv.Find(k.ok(0x80, 0xCA, 0x9F, 0x79, 0), tlv.TagECBalance)
	if !ok {
		k.t.Fatal("no 9F79")
	}
	b, err := money.FromN12(v)
	noError(k.t, err)
	return b
}

// ride is a trip with an exit at a gate that knows the extension; the row is what the gate
// presents.
func (k *rider) ride(fare money.Fen) txn.Presented {
	k.t.Helper()
	return k.rideAt(fare, start)
}

func (k *rider) rideAt(fare money.Fen, at int64) txn.Presented {
	k.t.Helper()
	k.again()
	k.ok(append(append([]byte{0, 0xA4, 4, 0, byte(len(k.target.Application))}, k.target.Application...), 0)...)
	journey := k.ok(0x80, 0xB4, 0x00, 0x15<<3, 2, 0x01, 0x10, 0)
	amount, err := fare.N12()
	noError(k.t, err)
	r := txn.Row{Kind: txn.Exit, Card: k.s.Card, Amount: fare, UN: [4]byte{0x11, 0x22, 0x33, 0x44}, Time: at, DF60: 1}
	date := txn.DateBCD(at)
	v := append([]byte{0x28, 0, 0, 0x80}, amount[:]...)
	if k.alg == cryptogram.TDES { // a shorter PDOL: number, currency, the extension
		v = append(append(v, r.UN[:]...), 0x01, 0x56, 1)
	} else {
		v = append(v, make([]byte, 6)...)
		v = append(v, 0x01, 0x56, 0, 0, 0, 0, 0, 0x01, 0x56)
		v = append(append(append(v, date[:]...), 0), r.UN[:]...)
		v = append(v, 1, 1) // Chinese algorithms, the extension
	}
	answer := k.ok(append(append([]byte{0x80, 0xA8, 0, 0, byte(len(v) + 2), 0x83, byte(len(v))}, v...), 0)...)
	find := func(tag tlv.Tag) []byte {
		v, ok := tlv.Find(answer, tlv.TagResponseFormat2, tag)
		if !ok {
			k.t.Fatalf("no %v in %X", tag, answer)
		}
		return v
	}
	copy(r.AC[:], find(tlv.TagAC))
	copy(r.IAD[:], find(tlv.TagIAD))
	copy(r.AIP[:], find(tlv.TagAIP))
	r.ATC = binary.BigEndian.Uint16(find(tlv.TagATC))
	k.ok(k.update(r.ATC, journey)...)
	for afl := find(tlv.TagAFL); len(afl) >= 4; afl = afl[4:] {
		for n := afl[1]; n <= afl[2]; n++ {
			k.ok(0, 0xB2, n, afl[0]|4, 0)
		}
	}
	return txn.Presented{Row: r}
}

// update is UPDATE CAPP DATA CACHE with the record of the journey.
func (k *rider) update(atc uint16, record []byte) []byte {
	k.t.Helper()
	master, err := cryptogram.NewBlock(k.alg, devcard.RecordMaster(0x15))
	noError(k.t, err)
	key := cryptogram.DeriveCardKey(k.alg, master, k.s.Card.PAN, k.s.Card.PSN)
	c := append([]byte{0x84, 0xDE, 0, 0x15 << 3, byte(len(record) + 4)}, record...)
	mac := capp.UpdateMAC(k.alg, key, atc, [5]byte(c), record)
	return append(c, mac[:]...)
}

// verify is the issuer's check of the row.
func verify(t testing.TB, p txn.Presented) txn.Verdict {
	t.Helper()
	store := keystore.Development(1)
	v := issuer.NewVerifier(func(_ string, alg cryptogram.Alg) *cryptogram.Verifier {
		c, err := store.Verifier(keystore.IssuerMasters(0, alg), alg)
		noError(t, err)
		return c
	})
	var out [1]txn.Verdict
	noError(t, v.Verify([]txn.Presented{p}, out[:]))
	return out[0]
}

// A quota day with a real card, over each way to it: opened, ridden, cleared a day later,
// restored; then the push is lost on its way back and sent again.
func TestQuotaDayOfARealCard(t *testing.T) {
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			k := newRider(t, &way)
			b := newBooks(t, 100_000)
			x := k.session() // the deposit
			if n := k.play(&x); n != way.rounds || x.Reached != quota.Answered || x.Status != apdu.SWOK {
				t.Fatalf("%d lists, %d %v, want %d lists and 9000", n, x.Reached, x.Status, way.rounds)
			}
			_, err := k.m.Answered(&k.s, x.PushATC, x.Status, start)
			noError(t, err)
			k.restore()
			if k.s.State != quota.Active || k.balance() != chipTerms.Quota {
				t.Fatalf("%v, card has %v", k.s.State, k.balance())
			}
			for _, p := range []txn.Presented{k.ride(2000), k.ride(2700)} {
				verdict := verify(t, p)
				taken, e, err := k.m.Present(&k.s, &p, verdict, 1, start+day)
				noError(t, err)
				if taken != quota.Debited || len(e.Transfers) != 1 {
					t.Fatalf("row: %v %d", verdict, taken)
				}
				_, err = k.m.Booked(&k.s, &e.Transfers[0], b.book(e.Transfers[0]), start+day)
				noError(t, err)
			}
			if b.net(settlement) != 4700 || k.s.Shadow() != 300 {
				t.Fatalf("settled %v, shadow %v", b.net(settlement), k.s.Shadow())
			}
			lost := k.session()
			for lost.Step != quota.StepOver {
				list, err := lost.Pending(k.domains)
				noError(t, err)
				answers := k.client(list)
				if list[len(list)-1].Name == "PUSH PUT DATA" {
					answers = answers[:len(answers)-1]
				}
				noError(t, lost.Feed(k.domains, answers))
			}
			if lost.Reached != quota.Unanswered || k.balance() != chipTerms.Quota {
				t.Fatalf("lost answer: %d, card has %v", lost.Reached, k.balance())
			}
			again := k.session()
			k.play(&again)
			if again.Status != apdu.SWSecurity || !bytes.Equal(again.Push, lost.Push) {
				t.Fatalf("the same bytes again: %v", again.Status)
			}
			_, err = k.m.Answered(&k.s, again.PushATC, again.Status, start+day)
			noError(t, err)
			if _, waits := k.s.Outgoing(); waits || k.s.Shadow() != chipTerms.Quota {
				t.Errorf("after 6982: waits %t, shadow %v", waits, k.s.Shadow())
			}
			if m := k.m.Exposure(&k.s, start+day); m != 300+5000+1000 {
				t.Errorf("exposure %v", m)
			}
		})
	}
}

// The card refuses what is not for it, or was changed, and says so.
func TestRealCardRefuses(t *testing.T) {
	k := newRider(t, &ways[0])
	p, _ := k.s.Outgoing()
	for name, c := range map[string]struct {
		edit func([]byte) []byte
		sw   apdu.SW
	}{
		"a changed value":  {func(b []byte) []byte { b[14] ^= 0x10; return b }, apdu.SWMACWrong},
		"a changed number": {func(b []byte) []byte { b[6]++; return b }, apdu.SWMACWrong},
		"a MAC of 3 bytes": {func(b []byte) []byte { b[4] -= 5; return b[:len(b)-5] }, 0x6A85},
		"no MAC":           {func(b []byte) []byte { b[4] -= 8; return b[:len(b)-8] }, apdu.SWMACMissing},
	} {
		k.number++
		bad := p
		bad.Command = c.edit(bytes.Clone(p.Command))
		x := quota.NewSession(k.s.Card, &k.target, [8]byte{k.number}, &bad)
		k.play(&x)
		if x.Reached != quota.Answered || x.Status != c.sw {
			t.Errorf("%s: %d %v, want %v", name, x.Reached, x.Status, c.sw)
		}
	}
	k.restore()
}

// Another card than the issuer's does not get a push, or is not believed.
func TestNotTheIssuersCard(t *testing.T) {
	for _, way := range ways[:2] {
		k := newRider(t, &way)
		other := domainKeys
		other.MAC[0] ^= 4
		other.ENC[0] ^= 4
		k.domains = quota.NewDomainKeys(other, 0)
		x := k.session()
		var err error
		for x.Step != quota.StepOver {
			var list []quota.Pending
			list, err = x.Pending(k.domains)
			noError(t, err)
			err = x.Feed(k.domains, k.client(list))
		}
		if !errors.Is(err, quota.ErrProof) || x.Reached == quota.Answered {
			t.Errorf("%s: %v, %d", way.name, err, x.Reached)
		}
		if k.balance() != 0 {
			t.Errorf("%s: the card was changed", way.name)
		}
	}
}

// A counter that has gone on since it was read: the card refuses the foreseen EXTERNAL
// AUTHENTICATE, nothing happens, and the next session works.
func TestForeseenTooEarly(t *testing.T) {
	for _, i := range []int{0, 4, 5} {
		k := newRider(t, &ways[i])
		late := k.session()
		list, err := late.Pending(k.domains)
		noError(t, err)
		noError(t, late.Feed(k.domains, k.client(list)))
		k.restore()
		list, err = late.Pending(k.domains)
		noError(t, err)
		noError(t, late.Feed(k.domains, k.client(list)))
		if late.Reached != quota.NotReached {
			t.Errorf("%s: %d %v", ways[i].name, late.Reached, late.Status)
		}
		k.restore()
	}
}

// The applications and domains that a session does not find.
func TestSessionStops(t *testing.T) {
	k := newRider(t, &ways[0])
	k.target.Domain = []byte{0xA0, 0, 0, 0, 9}
	x := k.session()
	if k.play(&x); x.Reached != quota.NotReached || x.Status != apdu.SWFileNotFound {
		t.Errorf("no such domain: %d %v", x.Reached, x.Status)
	}
	if _, err := x.Pending(k.domains); !errors.Is(err, quota.ErrOver) {
		t.Errorf("pending after the end: %v", err)
	}
	if err := x.Feed(k.domains, nil); !errors.Is(err, quota.ErrOver) {
		t.Errorf("answers after the end: %v", err)
	}
	k.target.Domain = gp.AIDGlobalPlatform
	x = k.session()
	x.Target.Application = []byte{0xA0, 0, 0, 0, 9}
	if k.play(&x); x.Reached != quota.NotReached || x.Status != apdu.SWFileNotFound {
		t.Errorf("no such application: %d %v", x.Reached, x.Status)
	}
	for name, answers := range map[string][][]byte{
		"too many":        {{0x90, 0}, {0x90, 0}, {0x90, 0}},
		"after a refusal": {{0x6A, 0x82}, {0x90, 0}},
	} {
		x = k.session()
		if err := x.Feed(k.domains, answers); !errors.Is(err, quota.ErrAnswers) || x.Step != quota.StepOver || x.Reached != quota.NotReached {
			t.Errorf("%s: %v, %d %d", name, err, x.Step, x.Reached)
		}
	}
	x = k.session()
	if err := x.Feed(k.domains, [][]byte{{0x90}}); err == nil || x.Step != quota.StepOver {
		t.Errorf("half a status word: %v", err)
	}
}
