package gp_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"strings"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/card/gp"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/scp"
	"github.com/citycard/citycard/wire/apdu"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatalf("hex in the test: %v", err)
	}
	return b
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// random is a repeatable stream of random bytes.
func random(seed byte) io.Reader { return mathrand.NewChaCha8([32]byte{seed}) }

// Names on the test cards.
const (
	selectDomain = "00A4040008 A000000151000000 00"
	fileAID      = "A00000033301"
	otherFileAID = "A00000063201"
	noteAID      = "A0000003330101"
	diaryAID     = "A0000003330102"
	bookAID      = "A0000006320101"
)

// note is the module of these tests: it keeps data groupings of at most 40 bytes
// with the identifiers 0001 to 00nn, nn being its one parameter, 02 without. Its
// memory: personalised (1), then for each grouping length (1) and data (40).
// Grouping 0001 must be there before it is complete.
type note struct{ file, module []byte }

const slotSize = 41

func (n note) LoadFileAID() []byte { return n.file }
func (n note) ModuleAID() []byte   { return n.module }

func slots(params []byte) (int, error) {
	switch {
	case len(params) == 0:
		return 2, nil
	case len(params) == 1 && params[0] > 0:
		return int(params[0]), nil
	}
	return 0, fmt.Errorf("parameters %X", params)
}

func (n note) JournalSize() int { return cos.JournalSize }

func (n note) MemorySize(params []byte) (int, error) {
	s, err := slots(params)
	return 1 + s*slotSize, err
}

// Format puts a mark behind the length of each grouping, so that blank memory is
// not all zeros.
func (n note) Format(dst, aid, params []byte) []byte {
	s, _ := slots(params)
	b := make([]byte, 1+s*slotSize)
	for i := range s {
		b[2+i*slotSize] = 0xEE
	}
	return append(dst, b...)
}

func (n note) CheckMemory(params, b []byte) error {
	if b[0] > 1 {
		return fmt.Errorf("flag %02X: %w", b[0], cos.ErrMemory)
	}
	for at := 1; at < len(b); at += slotSize {
		if b[at] > 40 || b[at] == 0 && b[at+1] != 0xEE {
			return fmt.Errorf("grouping at %d has %d bytes: %w", at, b[at], cos.ErrMemory)
		}
	}
	return nil
}

func (n note) Place(aid, params []byte, p cos.Partition, old gp.Instance) gp.Instance {
	return &notes{aid: aid, p: p}
}

// notes is an instance. READ BINARY with the grouping in P2 gives its data.
type notes struct {
	aid     []byte
	p       cos.Partition
	powered bool
	chosen  bool
}

func (n *notes) AID() []byte            { return n.aid }
func (n *notes) PowerOn(rand io.Reader) { n.powered = rand != nil }
func (n *notes) PowerOff()              { n.powered, n.chosen = false, false }
func (n *notes) Deselect()              { n.chosen = false }

func (n *notes) Select(dst []byte, _ cos.Selection) ([]byte, error) {
	if !n.powered {
		panic("an instance was selected without PowerOn")
	}
	n.chosen = true
	fci := append([]byte{0x6F, byte(len(n.aid) + 2), 0x84, byte(len(n.aid))}, n.aid...)
	return apdu.AppendResponse(dst, fci, apdu.SWOK), nil
}

func (n *notes) Do(dst []byte, c *apdu.Command) ([]byte, error) {
	b, err := n.p.Read()
	if err != nil {
		return dst, err
	}
	at := 1 + (int(c.P2)-1)*slotSize
	if !n.chosen || c.INS != 0xB0 || at < 1 || at >= len(b) {
		return apdu.AppendResponse(dst, nil, apdu.SWConditions), nil
	}
	return apdu.AppendResponse(dst, b[at+1:][:b[at]], apdu.SWOK), nil
}

func (n *notes) StoreData(dgi uint16, data []byte) (apdu.SW, error) {
	at := 1 + (int(dgi)-1)*slotSize
	switch {
	case at < 1 || at >= n.p.Size():
		return apdu.SWDataNotFound, nil
	case len(data) == 0 || len(data) > 40:
		return apdu.SWWrongData, nil
	}
	if err := n.p.Begin(); err != nil {
		return 0, err
	}
	n.p.Put(at, append([]byte{byte(len(data))}, data...))
	return apdu.SWOK, n.p.Commit()
}

func (n *notes) Complete() (apdu.SW, error) {
	b, err := n.p.Read()
	if err != nil {
		return 0, err
	}
	if b[1] == 0 {
		return apdu.SWConditions, nil
	}
	if err := n.p.Begin(); err != nil {
		return 0, err
	}
	n.p.Put(0, []byte{1})
	return apdu.SWOK, n.p.Commit()
}

func (n *notes) Personalised() bool {
	b, err := n.p.Read()
	return err == nil && b[0] == 1
}

// sequenceKey is a key with bytes first, first+1 and so on.
func sequenceKey(first byte) (k cryptogram.Key) {
	for i := range k {
		k[i] = first + byte(i)
	}
	return k
}

func keySet(version, first byte) scp.KeySet {
	return scp.KeySet{Version: version, ENC: sequenceKey(first), MAC: sequenceKey(first + 0x10), DEK: sequenceKey(first + 0x20)}
}

// The key sets of the test cards.
var (
	desKeys = keySet(0x01, 0x40)
	aesKeys = keySet(0x30, 0x80)
)

// profile has both protocols, SCP02 being the default.
func profile() gp.Profile {
	return gp.Profile{
		IIN: []byte{0x62, 0x28, 0x00, 0x0F}, Diversification: [10]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10},
		CPLC:     [42]byte{0x47, 0x90, 0x50, 0x40},
		Channels: []gp.Channel{{Protocol: scp.SCP02, Variant: scp.SCP02Pseudo}, {Protocol: scp.SCP03, Variant: scp.SCP03Full}},
		Keys:     []gp.Keys{{Protocol: scp.SCP02, Set: desKeys}, {Protocol: scp.SCP03, Set: aesKeys}},
		Heap:     600,
		Modules:  modules(),
	}
}

func modules() []gp.Module {
	h := func(s string) []byte { b, _ := hex.DecodeString(s); return b }
	return []gp.Module{
		note{h(fileAID), h("A000000333010100")}, note{h(otherFileAID), h("A000000632010100")}, note{h(fileAID), h("A000000333010200")},
	}
}

// rig is a chip with a security domain and a host that talks to it.
type rig struct {
	t      testing.TB
	domain *gp.Domain
	image  *card.Image
	chip   *card.Chip
	host   *scp.Host
	keys   map[byte]scp.KeySet
	turn   byte // makes host challenges differ
	last   []byte
}

func newRig(t testing.TB, p gp.Profile, nvm []byte) *rig {
	t.Helper()
	d, err := gp.New(p)
	check(t, err)
	img, err := card.Assemble(card.Parts{Applications: []cos.Template{d}})
	check(t, err)
	r := &rig{t: t, domain: d, image: img, chip: card.New(), keys: map[byte]scp.KeySet{}}
	for _, k := range p.Keys {
		r.keys[k.Set.Version] = k.Set
	}
	r.insert(nvm)
	return r
}

// insert puts the card in again with a content of its memory, and powers it.
func (r *rig) insert(nvm []byte) {
	r.t.Helper()
	r.host = nil
	check(r.t, r.chip.Insert(r.image, nvm))
	check(r.t, r.chip.PowerOn(random(1)))
}

// transmit gives data, status word, and the error of a power cut.
func (r *rig) transmit(cmd []byte) ([]byte, apdu.SW, error) {
	r.t.Helper()
	out, err := r.chip.Transmit(nil, cmd)
	if err != nil {
		return nil, 0, err
	}
	data, sw, err := apdu.ParseResponse(out)
	if err != nil {
		r.t.Fatalf("%X: answer %X: %v", cmd, out, err)
	}
	r.last = out
	return data, sw, nil
}

func (r *rig) send(cmd string) ([]byte, apdu.SW) {
	r.t.Helper()
	data, sw, err := r.transmit(unhex(r.t, cmd))
	check(r.t, err)
	return data, sw
}

func (r *rig) want(cmd string, sw apdu.SW) {
	r.t.Helper()
	if _, got := r.send(cmd); got != sw {
		r.t.Fatalf("%s: %v, want %v", cmd, got, sw)
	}
}

func raw(t testing.TB, c apdu.Command) []byte {
	t.Helper()
	b, err := c.Append(nil)
	check(t, err)
	return b
}

// tryOpen opens a channel with a key set of the card.
func (r *rig) tryOpen(version byte, level scp.Level) (apdu.SW, error) {
	r.t.Helper()
	r.turn++
	r.host = scp.NewHost(r.keys[version], [8]byte{r.turn, 0xC0, 0xFF, 0xEE})
	data, sw, err := r.transmit(raw(r.t, r.host.InitializeUpdate(version)))
	if err != nil || sw != apdu.SWOK {
		return sw, err
	}
	external, err := r.host.Open(data, level)
	check(r.t, err)
	_, sw, err = r.transmit(raw(r.t, external))
	return sw, err
}

func (r *rig) open(version byte, level scp.Level) {
	r.t.Helper()
	if sw, err := r.tryOpen(version, level); sw != apdu.SWOK || err != nil {
		r.t.Fatalf("open channel with key version %02X: %v, %v", version, sw, err)
	}
}

// trySecure sends a command through the open channel and gives the plain answer.
func (r *rig) trySecure(cmd string) ([]byte, apdu.SW, error) {
	r.t.Helper()
	c, err := apdu.ParseCommand(unhex(r.t, cmd))
	check(r.t, err)
	wrapped, err := r.host.Wrap(c)
	check(r.t, err)
	data, sw, err := r.transmit(raw(r.t, wrapped))
	if err != nil {
		return nil, 0, err
	}
	plain, err := r.host.Unwrap(data, sw)
	if err != nil {
		r.t.Fatalf("%s: answer %X %v: %v", cmd, data, sw, err)
	}
	return plain, sw, nil
}

func (r *rig) secure(cmd string) ([]byte, apdu.SW) {
	r.t.Helper()
	data, sw, err := r.trySecure(cmd)
	check(r.t, err)
	return data, sw
}

func (r *rig) wantSecure(cmd string, sw apdu.SW) []byte {
	r.t.Helper()
	data, got := r.secure(cmd)
	if got != sw {
		r.t.Fatalf("%s: %v, want %v", cmd, got, sw)
	}
	return data
}

// register reads the domain's memory from inside.
func (r *rig) register() gp.Register {
	r.t.Helper()
	reg, err := r.domain.Decode(r.chip.Memory().Settled(nil))
	check(r.t, err)
	return reg
}

func field(b []byte) string { return fmt.Sprintf("%02X%X", len(b), b) }

// installCommand makes INSTALL [for install and make selectable].
func installCommand(t testing.TB, p1 byte, file, module, aid, params string) string {
	c9 := ""
	if params != "none" {
		c9 = "C9" + field(unhex(t, params))
	}
	data := field(unhex(t, file)) + field(unhex(t, module)) + field(unhex(t, aid)) + "0100" + field(unhex(t, c9)) + "00"
	return fmt.Sprintf("80E6%02X00%s00", p1, field(unhex(t, data)))
}

func forPersonalisation(t testing.TB, aid string) string {
	return "80E62000" + field(unhex(t, "0000"+field(unhex(t, aid))+"000000")) + "00"
}

// putKeyData is the data of PUT KEY for keys enciphered in the open session.
func (r *rig) putKeyData(version byte, p scp.Protocol, keys ...cryptogram.Key) string {
	r.t.Helper()
	out := []byte{version}
	for _, k := range keys {
		sealed, err := r.host.EncryptDEK(nil, k[:])
		check(r.t, err)
		if p == scp.SCP03 {
			out = append(append(out, 0x88, 0x11, 0x10), sealed...)
		} else {
			out = append(append(out, 0x80, 0x10), sealed...)
		}
		kcv := p.KCV(k)
		out = append(append(out, 3), kcv[:]...)
	}
	return field(out)
}

// putSet is PUT KEY of a whole set.
func (r *rig) putSet(old byte, p scp.Protocol, s scp.KeySet) string {
	r.t.Helper()
	return fmt.Sprintf("80D8%02X81%s00", old, r.putKeyData(s.Version, p, s.ENC, s.MAC, s.DEK))
}

// noKeys looks for any half of a key of the card in an answer.
func (r *rig) noKeys(answer []byte) {
	r.t.Helper()
	for _, s := range r.keys {
		for _, k := range [...]cryptogram.Key{s.ENC, s.MAC, s.DEK} {
			if bytes.Contains(answer, k[:8]) || bytes.Contains(answer, k[8:]) {
				r.t.Fatalf("answer %X holds key bytes", answer)
			}
		}
	}
}
