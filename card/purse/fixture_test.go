package purse_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/card/ppse"
	"github.com/citycard/citycard/card/purse"
	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/wire/apdu"
)

// script is a random source that gives what is set, then bytes that count up.
type script struct {
	set  []byte
	next byte
}

func (s *script) Read(b []byte) (int, error) {
	n := copy(b, s.set)
	s.set = s.set[n:]
	for i := n; i < len(b); i++ {
		s.next++
		b[i] = s.next
	}
	return len(b), nil
}

// reader is a chip with purses and who talks to it.
type reader struct {
	t     testing.TB
	chip  *card.Chip
	image *card.Image
	rand  *script
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func profile(t testing.TB, name string) *purse.Profile {
	t.Helper()
	p, err := purse.Embedded(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func template(t testing.TB, s purse.Spec) *purse.Template {
	t.Helper()
	out, err := purse.NewTemplate(s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// insert puts a card with purses into a new chip under power.
func insert(t testing.TB, list ...*purse.Template) *reader {
	t.Helper()
	parts := card.Parts{}
	for _, p := range list {
		parts.Applications = append(parts.Applications, p)
	}
	directory, err := ppse.New(ppse.Entry{AID: list[0].AID(), Label: "MOT_T_EP", Priority: 1})
	if err != nil {
		t.Fatal(err)
	}
	parts.Directory = directory
	img, err := card.Assemble(parts)
	if err != nil {
		t.Fatal(err)
	}
	r := &reader{t: t, chip: card.New(), image: img, rand: &script{}}
	r.load(nil)
	return r
}

// load inserts the card with another content and turns the power on.
func (r *reader) load(nvm []byte) {
	r.t.Helper()
	if err := r.chip.Insert(r.image, nvm); err != nil {
		r.t.Fatal(err)
	}
	if err := r.chip.PowerOn(r.rand); err != nil {
		r.t.Fatal(err)
	}
}

// Offsets of the layout for tests that set counters.
const (
	atEP      = 13
	atOnline  = 4
	atOffline = 6
)

// counters sets balance and counters of EP of the first purse, and resets the card.
func (r *reader) counters(balance uint32, online, offline uint16) {
	r.t.Helper()
	nvm := r.chip.Snapshot(nil)
	b := nvm[1+atEP:]
	binary.BigEndian.PutUint32(b, balance)
	binary.BigEndian.PutUint16(b[atOnline:], online)
	binary.BigEndian.PutUint16(b[atOffline:], offline)
	r.load(nvm)
}

// send gives the card a command in hexadecimal.
func (r *reader) send(text string) ([]byte, apdu.SW) {
	r.t.Helper()
	data, sw, err := r.try(unhex(r.t, text))
	if err != nil {
		r.t.Fatal(err)
	}
	return data, sw
}

func (r *reader) try(cmd []byte) ([]byte, apdu.SW, error) {
	out, err := r.chip.Transmit(nil, cmd)
	if err != nil {
		return nil, 0, err
	}
	return apdu.ParseResponse(out)
}

// want sends a command and compares the whole answer, hexadecimal with status word.
func (r *reader) want(cmd, answer string) {
	r.t.Helper()
	data, sw := r.send(cmd)
	if got := fmt.Sprintf("%X%v", data, sw); got != strings.ReplaceAll(answer, " ", "") {
		r.t.Errorf("%s gives %s, want %s", cmd, got, answer)
	}
}

func (r *reader) choose(aid []byte) {
	r.t.Helper()
	if _, sw := r.send(fmt.Sprintf("00A40400%02X%X00", len(aid), aid)); sw != apdu.SWOK {
		r.t.Fatalf("SELECT %X: %v", aid, sw)
	}
}

// state is the truth about the first purse, with the memory as the next power on
// leaves it.
func (r *reader) state() purse.State {
	t := r.image.Templates()[0].(*purse.Template)
	return t.Inspect(r.chip.Memory().Settled(nil)[:t.MemorySize()])
}

const (
	tunionAID = "A000000632010105"
	cityAID   = "A00000000386980701"
	terminal  = "112233445566"
)

// tunion is the default card of dev-tunion, selected.
func tunion(t testing.TB) *reader {
	t.Helper()
	p := profile(t, "dev-tunion")
	r := insert(t, p.Template(p.Card()))
	r.choose(p.AID())
	return r
}

func city(t testing.TB) *reader {
	t.Helper()
	p := profile(t, "dev-cityunion")
	r := insert(t, p.Template(p.Card()))
	r.choose(p.AID())
	return r
}

// host knows the keys of a card as its issuer and a PSAM do.
type host struct{ spec purse.Spec }

func (h host) key(use purse.Use, index byte) purse.Key {
	for _, k := range h.spec.Keys {
		if k.Use == use && k.Index == index {
			return k
		}
	}
	panic("the test asks for a key that the card does not have")
}

// debit makes the data of DEBIT FOR PURCHASE from the answer of INITIALIZE, and the
// TAC and MAC2 that the card must give.
func (h host) debit(k purse.Key, answer []byte, tr *epurse.Trade) (data, want []byte) {
	s := epurse.PurchaseSession(k.Alg, k.Value, [4]byte(answer[11:]), binary.BigEndian.Uint16(answer[4:]), tr.TerminalSeq)
	mac1 := epurse.PurchaseMAC1(s, tr)
	data = binary.BigEndian.AppendUint32(nil, tr.TerminalSeq)
	data = append(append(data, tr.Stamp[:]...), mac1[:]...)
	tac := epurse.PurchaseTAC(epurse.TACSession(k.Alg, h.tac(k.Alg)), tr)
	mac2 := epurse.PurchaseMAC2(s, tr.Amount)
	return data, append(tac[:], mac2[:]...)
}

func (h host) tac(alg epurse.Alg) epurse.Key {
	for _, k := range h.spec.Keys {
		if k.Use == purse.UseTAC && k.Alg == alg {
			return k.Value
		}
	}
	panic("the test asks for a TAC key that the card does not have")
}

// credit makes the data of CREDIT FOR LOAD or DEBIT FOR UNLOAD from the answer of
// INITIALIZE; false if its MAC1 is wrong.
func (h host) credit(k purse.Key, answer []byte, tr *epurse.Trade) ([]byte, bool) {
	s := epurse.LoadSession(k.Alg, k.Value, [4]byte(answer[8:]), binary.BigEndian.Uint16(answer[4:]))
	mac1 := epurse.LoadMAC1(s, binary.BigEndian.Uint32(answer), tr)
	mac2 := epurse.LoadMAC2(s, tr)
	return append(append([]byte(nil), tr.Stamp[:]...), mac2[:]...), bytes.Equal(mac1[:], answer[12:])
}

func trade(kind epurse.Type, amount uint32) *epurse.Trade {
	return &epurse.Trade{Type: kind, Amount: amount, Terminal: epurse.Terminal{0x11, 0x22, 0x33, 0x44, 0x55, 0x66},
		Stamp: epurse.Stamp{0x20, 0x26, 0x01, 0x15, 0x10, 0x11, 0x12}, TerminalSeq: 0x123}
}

var _ cos.Template = (*purse.Template)(nil)
