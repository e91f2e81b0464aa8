package gp_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/crypt/scp"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/google/go-cmp/cmp"
)

var tears = []cos.Tear{cos.TearNone, cos.TearFirst, cos.TearLast}

// change is one command that changes the card, and what comes before it.
type change struct {
	name   string
	before func(r *rig)        // with an open channel, once
	ready  func(r *rig)        // with an open channel, before every try
	cmd    func(r *rig) string // through an open channel
}

func send(cmds ...string) func(r *rig) {
	return func(r *rig) {
		r.t.Helper()
		for _, c := range cmds {
			r.wantSecure(counted(r.t, c), apdu.SWOK)
		}
	}
}

func fixed(cmd string) func(r *rig) string {
	return func(r *rig) string { return counted(r.t, cmd) }
}

const (
	installNote  = "80E60C00 ((" + fileAID + ")(A000000333010100)(" + noteAID + ")(00)(C9(04))()) 00"
	installDiary = "80E60C00 ((" + fileAID + ")(A000000333010200)(" + diaryAID + ")(00)()()) 00"
	installBook  = "80E60400 ((" + otherFileAID + ")(A000000632010100)(" + bookAID + ")(10)(C9(05))()) 00"
	personalise  = "80E62000 (()()(" + noteAID + ")()()()) 00"
)

var changes = []change{
	{name: "INSTALL for install", before: send(installNote), cmd: fixed(installBook)},
	{name: "INSTALL into a gap", before: send(installNote, installDiary, "80E40000 (4F("+noteAID+")) 00"), cmd: fixed(installNote)},
	{name: "INSTALL for make selectable", before: send(installBook), cmd: fixed("80E60800 (()()(" + bookAID + ")(08)()()) 00")},
	{name: "INSTALL for registry update", before: send(installBook), cmd: fixed("80E64000 (()()(" + bookAID + ")(08)()()) 00")},
	{name: "DELETE of an instance", before: send(installNote, installDiary), cmd: fixed("80E40000 (4F(" + noteAID + ")) 00")},
	{name: "DELETE of a key set", cmd: fixed("80E40000 (D2(30)) 00")},
	{name: "SET STATUS of the card", cmd: fixed("80F0800700")},
	{name: "SET STATUS of an instance", before: send(installNote), cmd: fixed("80F04080 (" + noteAID + ")")},
	{name: "STORE DATA, one grouping", before: send(installNote), ready: send(personalise),
		cmd: fixed("80E20000 (0001(00112233445566778899AABBCCDDEEFF0011223344556677))")},
	{name: "STORE DATA, last", before: send(installNote, personalise, "80E20000 (0001(AA))"), ready: send(personalise), cmd: fixed("80E2800000")},
	{name: "STORE DATA for the domain", cmd: fixed("80E29000 (42(11223344)45(5566778899))")},
	{name: "PUT KEY, new set", cmd: func(r *rig) string { return r.putSet(0, scp.SCP02, newKeys) }},
	{name: "PUT KEY, other version", cmd: func(r *rig) string { return r.putSet(0x30, scp.SCP03, newKeys) }},
	{name: "PUT KEY, same version", cmd: func(r *rig) string { return r.putSet(0x30, scp.SCP02, otherKeys) }},
	{name: "PUT KEY, last of three", before: func(r *rig) {
		r.wantSecure("80D80102"+r.putKeyData(newKeys.Version, scp.SCP02, newKeys.MAC)+"00", apdu.SWOK)
		r.wantSecure("80D80101"+r.putKeyData(newKeys.Version, scp.SCP02, newKeys.ENC)+"00", apdu.SWOK)
	}, cmd: func(r *rig) string {
		return "80D80103" + r.putKeyData(newKeys.Version, scp.SCP02, newKeys.DEK) + "00"
	}},
}

var (
	newKeys   = keySet(0x11, 0xA0)
	otherKeys = keySet(0x30, 0xB0)
)

// truth is the content of the memory without the counters that every session moves
// and without what is to be wiped.
func (r *rig) truth() string {
	r.t.Helper()
	r.register()
	b := r.chip.Memory().Settled(nil)
	b[2] = 0
	for at := 84; at < 304; at += 56 {
		clear(b[at : at+3])
	}
	if b[6] != 0 || b[7] != 0 {
		start, size := int(b[4])<<8|int(b[5]), int(b[6])<<8|int(b[7])
		clear(b[4:8])
		clear(b[560+start : 560+start+size])
	}
	return string(b)
}

// TestTears cuts the power at every write of every change, in every way, and once
// more during recovery: the card is as before or as after, the host gets in with
// the keys that the register shows, and the change can be made again.
func TestTears(t *testing.T) {
	cuts := 0
	for _, c := range changes {
		t.Run(c.name, func(t *testing.T) { cuts += c.tear(t) })
	}
	t.Logf("%d power cuts", cuts)
	if cuts < 500 {
		t.Errorf("only %d power cuts", cuts)
	}
}

// arrive selects the domain and opens channels with every whole key set that the
// register shows, the default one last; it then makes ready.
func (r *rig) arrive(c change) {
	r.t.Helper()
	r.send(selectDomain)
	sets := r.register().Keys
	for i := len(sets) - 1; i >= 0; i-- {
		if !sets[i].Whole {
			continue
		}
		r.keys[sets[i].Version] = map[string]scp.KeySet{
			"01 80": desKeys, "30 88": aesKeys, "30 80": otherKeys, "11 80": newKeys, "11 88": newKeys,
		}[fmt.Sprintf("%02X %02X", sets[i].Version, sets[i].Type)]
		r.open(sets[i].Version, scp.CMAC|scp.CDEC)
	}
	if c.ready != nil {
		c.ready(r)
	}
}

func (c change) tear(t *testing.T) int {
	r := newRig(t, profile(), nil)
	r.send(selectDomain)
	r.open(1, scp.CMAC)
	if c.before != nil {
		c.before(r)
	}
	before := r.truth()
	nvm := r.chip.Snapshot(nil)

	r.insert(nvm)
	r.arrive(c)
	start := r.chip.Memory().Writes()
	r.wantSecure(c.cmd(r), apdu.SWOK)
	writes := r.chip.Memory().Writes() - start
	after := r.truth()
	if before == after || writes < 3 {
		t.Fatalf("the change does %d writes and nothing else", writes)
	}
	cuts := 0
	for n := 1; n <= writes; n++ {
		for _, tear := range tears {
			for again := range 3 { // not again, at the first and at the second write of recovery
				cuts++
				c.cut(t, r, nvm, n, tear, again, before, after)
			}
		}
	}
	return cuts
}

// cut does one experiment.
func (c change) cut(t *testing.T, r *rig, nvm []byte, n int, tear cos.Tear, again int, before, after string) {
	t.Helper()
	where := fmt.Sprintf("write %d, tear %d, again %d", n, tear, again)
	r.insert(nvm)
	r.arrive(c)
	cmd := c.cmd(r)
	memory := r.chip.Memory()
	memory.CutAt(memory.Writes()+n, tear)
	if _, sw, err := r.trySecure(cmd); !errors.Is(err, card.ErrPowerCut) {
		t.Fatalf("%s: %v %v", where, sw, err)
	}
	if again > 0 {
		memory.CutAt(memory.Writes()+again, tear)
		if err := r.chip.PowerOn(random(3)); err != nil && !errors.Is(err, card.ErrPowerCut) {
			t.Fatalf("%s: %v", where, err)
		}
		memory.CutAt(0, cos.TearNone)
	}
	got := r.truth()
	if got != before && got != after {
		t.Fatalf("%s: half a change:\n%s", where, cmp.Diff([]byte(after), []byte(got)))
	}
	check(t, r.chip.PowerOn(random(4)))
	if got == after {
		c.ready = nil
	}
	r.arrive(c)
	if got == before {
		r.wantSecure(c.cmd(r), apdu.SWOK)
	}
	if now := r.truth(); now != after {
		t.Fatalf("%s: after another try:\n%s", where, cmp.Diff([]byte(after), []byte(now)))
	}
	if b := memory.Settled(nil); b[6] != 0 || b[7] != 0 {
		t.Fatalf("%s: something is still to be wiped", where)
	}
}

// TestCountersTorn cuts the power during INITIALIZE UPDATE and EXTERNAL
// AUTHENTICATE: no counter that a host has seen at work comes back, and a failed
// attempt whose outcome a host has seen is counted.
func TestCountersTorn(t *testing.T) {
	for version, set := range map[byte]int{0x01: 0, 0x30: 1} {
		for _, tear := range tears {
			for n := 1; ; n++ {
				r := newRig(t, profile(), nil)
				r.send(selectDomain)
				r.chip.Memory().CutAt(n, tear)
				sw, err := r.tryOpen(version, scp.CMAC)
				got := r.register()
				if err == nil {
					if sw != apdu.SWOK || got.Keys[set].Sequence != 1 || got.Failed != 0 {
						t.Fatalf("version %02X: %v %+v", version, sw, got)
					}
					break
				}
				answered := r.last[len(r.last)-2] == 0x90 && len(r.last) == 34 // SCP03 INITIALIZE UPDATE
				if answered && got.Keys[set].Sequence != 1 {
					t.Fatalf("version %02X, write %d: a counter was used and is free again", version, n)
				}
				check(t, r.chip.PowerOn(random(5)))
				r.send(selectDomain)
				r.open(version, scp.CMAC)
				if next := r.register(); next.Failed != 0 || next.Keys[set].Sequence <= got.Keys[set].Sequence {
					t.Fatalf("version %02X, write %d: %+v after %+v", version, n, next, got)
				}
			}
		}
	}
}

// TestFailedAttempts: every wrong cryptogram is counted before it is answered, a
// right one clears the count, and at 255 no channel opens any more.
func TestFailedAttempts(t *testing.T) {
	r := newRig(t, profile(), nil)
	r.send(selectDomain)
	wrong := func() {
		r.t.Helper()
		if _, sw := r.send("8050000008 0102030405060708 00"); sw != apdu.SWOK {
			t.Fatalf("INITIALIZE UPDATE: %v", sw)
		}
		r.want("8482010010 00000000000000000000000000000000", apdu.SWFailed)
	}
	wrong()
	wrong()
	r.want("8482010010 00000000000000000000000000000000", apdu.SWConditions) // no session: not counted
	if got := r.register(); got.Failed != 2 {
		t.Fatalf("%d failures are counted, want 2", got.Failed)
	}
	for n := 1; ; n++ {
		nvm := r.chip.Snapshot(nil)
		r.send("8050000008 0102030405060708 00")
		r.chip.Memory().CutAt(r.chip.Memory().Writes()+n, cos.TearNone)
		_, _, err := r.transmit(unhex(t, "8482010010 00000000000000000000000000000000"))
		got := r.register().Failed
		if err == nil && got != 3 {
			t.Fatalf("an answer was given and %d failures are counted", got)
		}
		r.insert(nvm)
		r.send(selectDomain)
		if err == nil {
			break
		}
	}
	r.open(1, scp.CMAC)
	if got := r.register(); got.Failed != 0 {
		t.Fatalf("%d failures are counted after a success", got.Failed)
	}
	nvm := r.chip.Snapshot(nil)
	nvm[1+2] = 254
	r.insert(nvm)
	r.send(selectDomain)
	wrong()
	r.want("8050000008 0102030405060708 00", apdu.SWBlocked)
	r.want("8050300008 0102030405060708 00", apdu.SWBlocked)
	r.want("80CA004200", apdu.SWOK)
}
