package livelihood_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/card/ppse"
	"github.com/citycard/citycard/wire/apdu"
)

// side is something on the card that can be selected.
type side struct {
	name  string
	aid   []byte
	index int // of its template in the image; -1 for the directory
	// own are commands that read of it what is its own, private those among them
	// that need what prepare does.
	own, private []string
	// prepare verifies a PIN and a key and leaves a challenge open.
	prepare func(*session)
	// stale is a command that only the open challenge would allow.
	stale func(*session) []byte
	// change is a command that changes its memory after prepare.
	change func(*session) []byte
	files  bool // it is one of card/civic
	// block is the command that blocks it after prepare; nil if the card has none that
	// needs no counter of the issuer.
	block func(*session) []byte
	keys  []keyName // for EXTERNAL AUTHENTICATE
}

type keyName struct {
	name   string
	number byte
}

// authenticated takes a challenge, proves a key, and takes another challenge.
func authenticated(pin string, k keyName) func(*session) {
	return func(s *session) {
		s.t.Helper()
		s.want(apdu.SWOK, pin)
		s.want(apdu.SWOK, "0084000008")
		_, sw, err := s.try(s.authentication(k.name, k.number))
		check(s.t, err)
		if sw != apdu.SWOK {
			s.t.Fatalf("authentication with %s: %v", k.name, sw)
		}
		s.want(apdu.SWOK, "0084000008")
	}
}

// partition is the side of one that has an information file and PIN 1.
func partition(name string, aid []byte, update string, private ...string) side {
	key := keyName{name + "/UK", 3}
	return side{
		name: name, aid: aid, own: append([]string{"00B0950000"}, private...), private: private,
		prepare: authenticated("0020000103123456", key),
		stale:   func(s *session) []byte { return s.authentication(key.name, key.number) },
		change:  func(s *session) []byte { return s.protected(name+"/DAMK", unhex(s.t, update)) },
		files:   true,
		block:   func(s *session) []byte { return s.protected(name+"/DAMK", unhex(s.t, "00040000")) },
		keys:    []keyName{key},
	}
}

// sides are all of the development card.
func sides(t testing.TB, img *card.Image) []side {
	t.Helper()
	uk := keyName{"social-security/UK", 7}
	trips, load := keyName{purseKey, 1}, "805000020B0100001C3700000100005010"
	photo := []string{"00B0870010", "00B0880010"}
	list := []side{
		{name: "directory", aid: []byte(ppse.Name), index: -1},
		{name: "environment", aid: []byte(ppse.ContactName), own: []string{"00B2010C00"}},
		{name: "finance", aid: unhex(t, "A000000333010101"),
			own:    []string{"80CA9F7900", "00B2010C00", "00B2011400"},
			change: func(s *session) []byte { return unhex(s.t, "80A800000F 830D 00 000000000100 0156 0156 00 01") }}, // GET PROCESSING OPTIONS counts
		{name: "domain", aid: unhex(t, "A000000151000000"),
			own: []string{"80CA006600", "80CA00E000"}},
		{name: "social-security", aid: unhex(t, "7378312E73682EC9E7BBE1B1A3D5CF"),
			own: append([]string{"00B2012C00", "00B2013400"}, photo...), private: photo,
			prepare: authenticated("0020000003123456", uk),
			stale:   func(s *session) []byte { return s.authentication(uk.name, uk.number) },
			change: func(s *session) []byte {
				return s.protected("social-security/STK", unhex(s.t, "00D6870004 01020304"))
			},
			files: true,
			block: func(s *session) []byte { return s.protected("social-security/STK", unhex(s.t, "00040000")) },
			keys:  []keyName{uk, {"social-security/RK", 2}}},
		{name: "transport", aid: unhex(t, "A000000632010105"),
			own: []string{"00B0950000", "805C000204", load}, private: []string{load},
			prepare: authenticated("0020000003123456", trips),
			stale:   func(s *session) []byte { return s.authentication(trips.name, trips.number) },
			change:  func(s *session) []byte { return unhex(s.t, "0020000003654321") }, // costs a try
			block:   (*session).purseBlock,
			keys:    []keyName{trips}},
		partition("beijing-tong", unhex(t, "F0424A5401"), "00D6960002 0202", "00B0960000"),
		partition("civil-affairs", unhex(t, "F0434956494C01"), "00DC01BC06 100430313032", "00B201B400"),
		partition("disabled-persons", unhex(t, "F04344504601"), "00DC01BC03 100135", "00B201B400", "00B0990010"),
	}
	for i := range list {
		if list[i].index < 0 {
			continue
		}
		for j, template := range img.Templates() {
			if bytes.Equal(template.AID(), list[i].aid) {
				list[i].index = j
			}
		}
	}
	if n := len(img.Templates()); n != len(list)-1 {
		t.Fatalf("%d applications are on the card, %d are tried", n, len(list)-1)
	}
	return list
}

// memory is what a side has in the card's memory.
func (s *session) memory(img *card.Image, x side) []byte {
	if x.index < 0 {
		return nil
	}
	start := 0
	for _, t := range img.Templates()[:x.index] {
		start += t.MemorySize()
	}
	all := s.chip.Memory().Settled(nil)
	return all[start : start+img.Templates()[x.index].MemorySize()]
}

func (s *session) selects(x side) []byte { s.t.Helper(); return s.want(apdu.SWOK, selecting(x.aid)) }

// TestIsolation tries every ordered pair of what is on the card: while one is
// selected, nothing of the other can be read or changed, its keys do not serve,
// and what was verified for the other is gone when it is selected again.
func TestIsolation(t *testing.T) {
	img := image(t)
	list := sides(t, img)
	pairs := 0
	for _, from := range list {
		for _, to := range list {
			if from.name == to.name {
				continue
			}
			pairs++
			t.Run(from.name+" against "+to.name, func(t *testing.T) { isolated(t, img, from, to) })
		}
	}
	if want := len(list) * (len(list) - 1); pairs != want {
		t.Errorf("%d ordered pairs, want %d", pairs, want)
	}
}

func isolated(t *testing.T, img *card.Image, from, to side) {
	s := insert(t, img, nil)
	s.selects(to)
	if to.prepare != nil {
		to.prepare(s)
	}
	open := bytes.Clone(s.challenge)
	truth := map[string][]byte{}
	for _, cmd := range to.own {
		truth[cmd] = bytes.Clone(s.want(apdu.SWOK, cmd))
	}
	if to.prepare != nil {
		to.prepare(s) // the challenge was used up by reading
		open = bytes.Clone(s.challenge)
	}
	before := bytes.Clone(s.memory(img, to))
	s.selects(from)
	if from.prepare != nil {
		from.prepare(s)
	}
	for cmd, want := range truth {
		if got, sw := s.send(cmd); sw == apdu.SWOK && bytes.Equal(got, want) {
			t.Errorf("%s was answered with what belongs to %s", cmd, to.name)
		}
	}
	for _, k := range to.keys {
		if _, sw := s.send("0084000008"); sw != apdu.SWOK {
			continue
		}
		if _, sw, err := s.try(s.authentication(k.name, k.number)); err != nil || sw == apdu.SWOK {
			t.Errorf("key %s was accepted: %v, %v", k.name, sw, err)
		}
	}
	if to.change != nil {
		s.challenge = open
		if _, _, err := s.try(to.change(s)); err != nil {
			t.Fatal(err)
		}
	}
	if from.change != nil {
		s.selects(from)
		if from.prepare != nil {
			from.prepare(s)
		}
		mine := bytes.Clone(s.memory(img, from))
		if _, _, err := s.try(from.change(s)); err != nil {
			t.Fatal(err)
		}
		if bytes.Equal(mine, s.memory(img, from)) {
			t.Error("the change has changed nothing, so the test shows nothing")
		}
	}
	if !bytes.Equal(before, s.memory(img, to)) {
		t.Errorf("the memory of %s has changed", to.name)
	}
	s.selects(to)
	for _, cmd := range to.private {
		s.want(apdu.SWSecurity, cmd)
	}
	if to.stale != nil {
		s.challenge = open
		if _, sw, err := s.try(to.stale(s)); err != nil || sw != apdu.SWDataInvalidated {
			t.Errorf("the challenge of the last session: %v, %v", sw, err)
		}
	}
}

// TestBlockOfOneLeavesTheOthers: each partition is blocked in turn, and its PIN too.
func TestBlockOfOneLeavesTheOthers(t *testing.T) {
	img := image(t)
	list := sides(t, img)
	for _, blocked := range list {
		if blocked.block == nil {
			continue
		}
		s := insert(t, img, nil)
		s.selects(blocked)
		blocked.prepare(s)
		if _, sw, err := s.try(blocked.block(s)); err != nil || sw != apdu.SWOK {
			t.Fatalf("block of %s: %v, %v", blocked.name, sw, err)
		}
		if _, sw := s.send(selecting(blocked.aid)); sw == apdu.SWOK {
			t.Errorf("%s is blocked and was selected", blocked.name)
		}
		for _, cmd := range blocked.own {
			if _, sw := s.send(cmd); sw == apdu.SWOK {
				t.Errorf("%s is blocked and answered %s", blocked.name, cmd)
			}
		}
		for _, other := range list {
			if other.name == blocked.name {
				continue
			}
			s.selects(other)
			if other.prepare != nil {
				other.prepare(s)
			}
			for _, cmd := range other.own {
				s.want(apdu.SWOK, cmd)
			}
		}
	}
}

// TestTornChangeTouchesNoOther cuts the power at every write of a change in each
// partition, with the write not done, half done, or half done from its end. The
// partition is as before or as after, all others as before.
func TestTornChangeTouchesNoOther(t *testing.T) {
	img := image(t)
	list := sides(t, img)
	cuts := 0
	for _, x := range list {
		if !x.files {
			continue
		}
		// start is a card that has done all but the change.
		prepared := func() *session {
			s := insert(t, img, nil)
			s.selects(x)
			x.prepare(s)
			return s
		}
		s := prepared()
		first := s.chip.Memory().Writes()
		before := bytes.Clone(s.chip.Memory().Settled(nil))
		cmd := x.change(s)
		_, sw, err := s.try(cmd)
		check(t, err)
		if sw != apdu.SWOK {
			t.Fatalf("change of %s: %v", x.name, sw)
		}
		last := s.chip.Memory().Writes()
		after := bytes.Clone(s.memory(img, x))
		for n := first + 1; n <= last; n++ {
			for _, tear := range []cos.Tear{cos.TearNone, cos.TearFirst, cos.TearLast} {
				cuts++
				s := prepared()
				old := bytes.Clone(s.memory(img, x))
				s.chip.Memory().CutAt(n, tear)
				if _, _, err := s.try(cmd); !errors.Is(err, card.ErrPowerCut) {
					t.Fatalf("%s, write %d: error %v, want a power cut", x.name, n, err)
				}
				check(t, s.chip.PowerOn(random(3)))
				now := s.memory(img, x)
				if !bytes.Equal(now, after) && !sameButTries(now, old) {
					t.Errorf("%s, write %d: half a change", x.name, n)
				}
				start := bytes.Index(s.chip.Memory().Settled(nil), now)
				all := s.chip.Memory().Settled(nil)
				if !bytes.Equal(all[:start], before[:start]) || !bytes.Equal(all[start+len(now):], before[start+len(now):]) {
					t.Errorf("%s, write %d: another partition has changed", x.name, n)
				}
			}
		}
	}
	if cuts < 12 {
		t.Errorf("%d cuts", cuts)
	}
}

// sameButTries compares memories that may differ in one byte, the tries left of the
// key whose MAC was being checked.
func sameButTries(a, b []byte) bool {
	different := 0
	for i := range a {
		if a[i] != b[i] {
			different++
		}
	}
	return different <= 1
}

// TestHistoricalBytes: one answer to reset and one to select for all, in the social
// layout, and the identification code that goes with them.
func TestHistoricalBytes(t *testing.T) {
	img := image(t)
	historical := unhex(t, "0085543101 8660 1100 00001117")
	if !bytes.Contains(img.ATR(), historical) || !bytes.HasSuffix(img.ATS(), historical) || img.ATR()[1]&0x0F != 13 {
		t.Errorf("ATR %X, ATS %X", img.ATR(), img.ATS())
	}
	s := insert(t, img, nil)
	s.want(apdu.SWOK, selecting(unhex(t, "7378312E73682EC9E7BBE1B1A3D5CF")))
	code := s.want(apdu.SWOK, "00B2012C00")
	if !strings.HasPrefix(fmt.Sprintf("%X", code), "0110"+"110000"+"D156000005"+"00001117") || len(code) != 18 {
		t.Errorf("identification code %X", code)
	}
}

// TestSelectionEndsATrade of the purse and a payment of the finance application: the
// second command comes too late when another was selected between.
func TestSelectionEndsATrade(t *testing.T) {
	img := image(t)
	generate := "80AE800034" + strings.Repeat("00", 53)
	alone := insert(t, img, nil)
	alone.want(apdu.SWOK, selecting(unhex(t, "A000000333010101")))
	alone.want(apdu.SWOK, "80A800000F 830D 00 000000000100 0156 0156 00 01 00")
	alone.want(apdu.SWOK, generate)
	list := sides(t, img)
	for _, other := range list {
		s := insert(t, img, nil)
		purse := selecting(unhex(t, "A000000632010105"))
		s.want(apdu.SWOK, purse)
		s.want(apdu.SWOK, "0020000003123456")
		s.want(apdu.SWOK, "805000020B0100001C3700000100005010")
		s.selects(other)
		s.want(apdu.SWOK, purse)
		s.want(0x6901, "805200000B 20261122093000 00000000")
		finance := selecting(unhex(t, "A000000333010101"))
		s.want(apdu.SWOK, finance)
		s.want(apdu.SWOK, "80A800000F 830D 00 000000000100 0156 0156 00 01 00")
		s.selects(other)
		s.want(apdu.SWOK, finance)
		if _, sw := s.send(generate); sw == apdu.SWOK {
			t.Errorf("%s between GPO and GENERATE AC: it was answered", other.name)
		}
	}
}
