package pboc_test

import (
	"bytes"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"testing"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/card/gp"
	"github.com/citycard/citycard/card/pboc"
	"github.com/citycard/citycard/wire/apdu"
)

// instance is an installed finance application and its memory, without the domain.
type instance struct {
	t      testing.TB
	params []byte
	memory *cos.Memory
	gp.Instance
}

func newInstance(t testing.TB, params []byte) *instance {
	t.Helper()
	size, err := (pboc.Module{}).MemorySize(params)
	if err != nil {
		t.Fatal(err)
	}
	i := &instance{t: t, params: params, memory: new(cos.Memory)}
	if err := i.memory.FormatWith(size, cos.MaxJournal); err != nil {
		t.Fatal(err)
	}
	i.memory.Fill(0, pboc.Module{}.Format(nil, debit, params))
	i.Instance = pboc.Module{}.Place(debit, params, i.memory.Partition(0, size), nil)
	i.on()
	return i
}

// on takes the power away and gives it back.
func (i *instance) on() {
	i.t.Helper()
	i.PowerOff()
	i.memory.PowerOff()
	if err := i.memory.PowerOn(); err != nil {
		i.t.Fatal(err)
	}
	i.PowerOn(mathrand.NewChaCha8([32]byte{7}))
}

func (i *instance) store(list []pboc.DGI) {
	i.t.Helper()
	for _, d := range list {
		if sw, err := i.StoreData(d.ID, d.Data); err != nil || sw != apdu.SWOK {
			i.t.Fatalf("%v: %v, %v", d, sw, err)
		}
	}
}

func (i *instance) complete(want apdu.SW) {
	i.t.Helper()
	sw, err := i.Complete()
	if err != nil || sw != want {
		i.t.Fatalf("complete: %v, %v, want %v", sw, err, want)
	}
	if i.Personalised() != (want == apdu.SWOK) {
		i.t.Fatalf("after %v the instance says personalised: %v", want, i.Personalised())
	}
}

func TestInstanceMemory(t *testing.T) {
	for params, want := range map[string]int{"": 6144, "0200": 512, "4000": 16384} {
		if n, err := (pboc.Module{}).MemorySize(hexBytes(t, params)); n != want || err != nil {
			t.Errorf("parameters %s: %d bytes, %v", params, n, err)
		}
	}
	for _, params := range []string{"00", "01FF", "4001", "000200"} {
		if _, err := (pboc.Module{}).MemorySize(hexBytes(t, params)); err == nil {
			t.Errorf("parameters %s are taken", params)
		}
	}
	i := newInstance(t, nil)
	i.store(groupings("dev-sm"))
	blank := i.memory.Settled(nil)
	i.complete(apdu.SWOK)
	whole := i.memory.Settled(nil)
	for _, good := range [][]byte{blank, whole, append(pboc.Module{}.Format(nil, debit, nil), make([]byte, 6144-24)...)} {
		if err := (pboc.Module{}).CheckMemory(nil, good); err != nil {
			t.Error(err)
		}
	}
	for name, bad := range map[string]func(b []byte){
		"format": func(b []byte) { b[0] = 2 }, "state": func(b []byte) { b[1] = 2 }, "groupings too long": func(b []byte) { b[2] = 0xFF },
		"groupings cut": func(b []byte) { b[3]-- }, "short AID": func(b []byte) { b[4] = 4 }, "long AID": func(b []byte) { b[4] = 17 },
		"spare": func(b []byte) { b[23] = 1 }, "no groupings": func(b []byte) { b[2], b[3] = 0, 0 },
	} {
		b := bytes.Clone(whole)
		bad(b)
		if err := (pboc.Module{}).CheckMemory(nil, b); !errors.Is(err, cos.ErrMemory) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := (pboc.Module{}).CheckMemory(nil, whole[:512]); !errors.Is(err, cos.ErrMemory) {
		t.Errorf("another length: %v", err)
	}
}

// TestInstanceStoreData: what a grouping answers, before, again and after.
func TestInstanceStoreData(t *testing.T) {
	i := newInstance(t, nil)
	list := groupings("dev-3des")
	send := func(id uint16, data []byte, want apdu.SW) {
		t.Helper()
		if sw, err := i.StoreData(id, data); sw != want || err != nil {
			t.Errorf("grouping %04X: %v, %v, want %v", id, sw, err, want)
		}
	}
	send(0x7000, []byte{1}, apdu.SWDataNotFound)
	send(0x9010, []byte{1}, apdu.SWWrongData)
	send(0x0101, []byte{0x71, 0}, apdu.SWWrongData)
	i.complete(apdu.SWDataNotFound)
	// Any order will do, and what comes again takes the place of the old.
	send(0x9010, []byte{1, 1}, apdu.SWOK)
	send(0x0101, []byte{0x70, 0x01, 0x00}, apdu.SWOK)
	send(0x9000, make([]byte, 9), apdu.SWOK)
	keys := list[0]
	for _, d := range list {
		if d.ID == 0x8000 {
			keys = d
		}
	}
	send(0x8000, keys.Data, apdu.SWOK)
	send(0x9000, make([]byte, 9), apdu.SWWrongData) // now there are keys to compare
	i.complete(apdu.SWDataNotFound)
	i.on()
	i.store(list)
	used := i.memory.Writes()
	i.store(list)
	if i.memory.Writes() != used {
		t.Errorf("the same groupings again took %d writes", i.memory.Writes()-used)
	}
	i.complete(apdu.SWOK)
	send(0x9010, []byte{1, 1}, apdu.SWConditions)
	if sw, err := i.Complete(); sw != apdu.SWConditions || err != nil {
		t.Errorf("complete again: %v, %v", sw, err)
	}
	whole := newInstance(t, nil)
	whole.store(list)
	whole.complete(apdu.SWOK)
	for _, cmd := range []string{"80CA9F1700", "00B2010C00", "00B2011400", "80CA9F7900"} {
		c := must(apdu.ParseCommand(hexBytes(t, cmd)))
		if a, b := must(i.Do(nil, &c)), must(whole.Do(nil, &c)); !bytes.Equal(a, b) {
			t.Errorf("%s: %X, want %X", cmd, a, b)
		}
	}
}

// TestInstanceFull: no room for a grouping, or for the state behind them.
func TestInstanceFull(t *testing.T) {
	list := groupings("dev-3des")
	size := 24
	for _, d := range list {
		size += 4 + len(d.Data)
	}
	i := newInstance(t, []byte{0x04, 0x00})
	sw := apdu.SWOK
	for _, d := range list {
		if sw, _ = i.StoreData(d.ID, d.Data); sw != apdu.SWOK {
			break
		}
	}
	if sw != apdu.SWNoSpace {
		t.Errorf("1024 bytes were enough for groupings of %d: %v", size, sw)
	}
	i = newInstance(t, []byte{byte(size >> 8), byte(size)})
	i.store(list)
	i.complete(apdu.SWNoSpace)
	size += must(pboc.ParseDGIs(debit, list)).MemorySize()
	i = newInstance(t, []byte{byte(size >> 8), byte(size)})
	i.store(list)
	i.complete(apdu.SWOK)
	drive(t, i)
}

// TestInstanceTears cuts the power before every write of StoreData and Complete:
// a grouping is there or it is not, and the instance is blank or a card.
func TestInstanceTears(t *testing.T) {
	list := groupings("dev-dual")
	whole := newInstance(t, nil)
	whole.store(list)
	whole.complete(apdu.SWOK)
	total, cuts := whole.memory.Writes(), 0
	want := whole.memory.Settled(nil)
	for n := 1; n <= total; n++ {
		for _, tear := range []cos.Tear{cos.TearNone, cos.TearFirst, cos.TearLast} {
			i := newInstance(t, nil)
			i.memory.CutAt(n, tear)
			at := 0
			var err error
			for ; at < len(list) && err == nil; at++ {
				_, err = i.StoreData(list[at].ID, list[at].Data)
			}
			if err == nil {
				_, err = i.Complete()
			}
			if !errors.Is(err, cos.ErrPowerCut) {
				t.Fatalf("write %d: %v", n, err)
			}
			cuts++
			if i.Personalised() || i.AID() == nil {
				t.Fatalf("write %d: without power the instance says it is personalised, or has no name", n)
			}
			i.on()
			if err := (pboc.Module{}).CheckMemory(nil, i.memory.Settled(nil)); err != nil {
				t.Fatalf("write %d: %v", n, err)
			}
			if !i.Personalised() {
				i.store(list[at-1:])
				i.complete(apdu.SWOK)
			}
			if got := i.memory.Settled(nil); !bytes.Equal(got, want) {
				t.Fatalf("write %d: the resumed card has another memory", n)
			}
		}
	}
	t.Logf("%d power cuts", cuts)
}

// FuzzInstance feeds an instance hostile groupings, in between power cuts: it
// answers with status words, its memory is always possible, and a card that comes
// of it answers commands.
func FuzzInstance(f *testing.F) {
	for _, name := range everyProfile {
		f.Add(stream(groupings(name)), byte(0))
		f.Add(stream(groupings(name)), byte(77))
	}
	f.Fuzz(func(t *testing.T, b []byte, cut byte) {
		i := newInstance(t, nil)
		i.memory.CutAt(int(cut), cos.TearFirst)
		for _, d := range split(b) {
			if _, err := i.StoreData(d.ID, d.Data); err != nil {
				i.on()
			}
		}
		if _, err := i.Complete(); err != nil {
			i.on()
		}
		if err := (pboc.Module{}).CheckMemory(nil, i.memory.Settled(nil)); err != nil {
			t.Fatal(err)
		}
		drive(t, i)
	})
}

// FuzzInstanceMemory feeds hostile memory: it is refused, or the instance runs.
func FuzzInstanceMemory(f *testing.F) {
	for _, name := range everyProfile[:5] { // the others do not fit the default size
		i := newInstance(f, nil)
		i.store(groupings(name))
		f.Add(i.memory.Settled(nil))
		i.complete(apdu.SWOK)
		f.Add(i.memory.Settled(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > pboc.DefaultInstance {
			return
		}
		b = append(bytes.Clone(b), make([]byte, pboc.DefaultInstance-len(b))...)
		if (pboc.Module{}).CheckMemory(nil, b) != nil {
			return
		}
		i := newInstance(t, nil)
		i.memory.PowerOff()
		i.memory.Fill(0, b)
		i.on()
		drive(t, i)
	})
}

// ExampleModule installs the finance application in a security domain.
func ExampleModule() {
	size, err := pboc.Module{}.MemorySize(nil)
	fmt.Printf("%X, module %X: %d bytes, %v\n", pboc.LoadFileAID, pboc.ModuleAID, size, err)
	// Output: A000000333434301, module A00000033343430101: 6144 bytes, <nil>
}
