package cos

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"
)

func fresh(t testing.TB, size int) *Memory {
	t.Helper()
	m := new(Memory)
	if err := m.Format(size); err != nil {
		t.Fatal(err)
	}
	if err := m.PowerOn(); err != nil {
		t.Fatal(err)
	}
	return m
}

// put is one staged change of a test's transaction.
type put struct {
	at int
	b  []byte
}

func run(m *Memory, puts []put) error {
	if err := m.Begin(); err != nil {
		return err
	}
	p := m.Partition(0, m.Size())
	for _, x := range puts {
		p.Put(x.at, x.b)
	}
	return m.Commit()
}

// TestAtomic compares the memory with a plain byte slice over random
// transactions, power cuts at random writes in every manner, and further cuts
// while recovering: it is always wholly before or wholly after.
func TestAtomic(t *testing.T) {
	cuts := 0
	rapid.Check(t, func(t *rapid.T) {
		const size = 100
		m := new(Memory)
		if err := m.Format(size); err != nil {
			t.Fatal(err)
		}
		if err := m.PowerOn(); err != nil {
			t.Fatal(err)
		}
		model := make([]byte, size)
		for range rapid.IntRange(1, 6).Draw(t, "transactions") {
			before := bytes.Clone(model)
			var puts []put
			for range rapid.IntRange(0, 4).Draw(t, "puts") {
				at := rapid.IntRange(0, size-1).Draw(t, "at")
				b := rapid.SliceOfN(rapid.Byte(), 0, min(size-at, 50)).Draw(t, "bytes")
				puts = append(puts, put{at, b})
				copy(model[at:], b)
			}
			tear := Tear(rapid.IntRange(0, 2).Draw(t, "tear"))
			if n := rapid.IntRange(0, 14).Draw(t, "cut"); n > 0 {
				m.CutAt(m.Writes()+n, tear)
			}
			err := run(m, puts)
			for err != nil {
				cuts++
				if !errors.Is(err, ErrPowerCut) {
					t.Fatal(err)
				}
				if n := rapid.IntRange(0, 5).Draw(t, "cut in recovery"); n > 0 {
					m.CutAt(m.Writes()+n, tear)
				}
				settled := m.Settled(nil)
				if err = m.PowerOn(); err != nil {
					continue
				}
				p, errRead := m.Partition(0, size).Read()
				if errRead != nil || !bytes.Equal(p, settled) {
					t.Fatalf("Settled said %X, PowerOn left %X", settled, p)
				}
				if bytes.Equal(p, before) {
					copy(model, before)
				}
			}
			m.CutAt(0, TearNone)
			if got := m.Settled(nil); !bytes.Equal(got, model) {
				t.Fatalf("memory %X, want %X", got, model)
			}
		}
	})
	t.Logf("%d power cuts", cuts)
}

func TestCutBeforeWrite(t *testing.T) {
	m := fresh(t, 64)
	m.CutAt(m.Writes()+1, TearNone)
	if err := run(m, []put{{0, []byte{1}}}); !errors.Is(err, ErrPowerCut) {
		t.Fatalf("error %v", err)
	}
	if m.Writes() != 0 {
		t.Errorf("%d writes happened", m.Writes())
	}
	if _, err := m.Partition(0, 64).Read(); !errors.Is(err, ErrPowerCut) {
		t.Errorf("Read without power: %v", err)
	}
	if err := m.Begin(); !errors.Is(err, ErrPowerCut) {
		t.Errorf("Begin without power: %v", err)
	}
}

func TestSnapshot(t *testing.T) {
	m := fresh(t, 64)
	if got := m.Snapshot(nil); !bytes.Equal(got, []byte{1}) {
		t.Errorf("empty memory: %X", got)
	}
	if err := run(m, []put{{3, []byte{7, 0}}}); err != nil {
		t.Fatal(err)
	}
	want := []byte{1, 0, 0, 0, 7}
	if got := m.Snapshot([]byte{9})[1:]; !bytes.Equal(got, want) {
		t.Errorf("snapshot %X, want %X", got, want)
	}
	n := new(Memory)
	if err := n.Format(64); err != nil {
		t.Fatal(err)
	}
	for _, bad := range [][]byte{nil, {2, 1}, {1, 0}, append([]byte{1}, bytes.Repeat([]byte{1}, 65)...)} {
		if err := n.Restore(bad); !errors.Is(err, ErrMemory) {
			t.Errorf("Restore(%X): %v", bad, err)
		}
	}
	if err := n.Restore(want); err != nil || !bytes.Equal(n.Settled(nil), m.Settled(nil)) {
		t.Errorf("Restore: %v", err)
	}
}

// TestSnapshotOfTorn: a snapshot taken without power holds what the journal will
// bring.
func TestSnapshotOfTorn(t *testing.T) {
	m := fresh(t, 64)
	m.CutAt(3, TearNone) // journal and header are written, nothing is applied
	if err := run(m, []put{{0, []byte{5}}}); !errors.Is(err, ErrPowerCut) {
		t.Fatal(err)
	}
	if got := m.Snapshot(nil); !bytes.Equal(got, []byte{1, 5}) {
		t.Errorf("snapshot %X", got)
	}
}

func TestFormat(t *testing.T) {
	m := fresh(t, 10)
	if err := run(m, []put{{0, []byte{1}}}); err != nil {
		t.Fatal(err)
	}
	if err := m.Format(40); err != nil || m.Powered() || m.Writes() != 0 || !bytes.Equal(m.Settled(nil), make([]byte, 40)) {
		t.Errorf("Format left something behind: %v", err)
	}
	for _, n := range []int{-1, MaxSize + 1} {
		if err := m.Format(n); !errors.Is(err, ErrMemory) {
			t.Errorf("Format(%d): %v", n, err)
		}
	}
}

// TestMisuse: what only a fault in the program can ask for panics.
func TestMisuse(t *testing.T) {
	for name, f := range map[string]func(m *Memory){
		"partition outside":   func(m *Memory) { m.Partition(60, 5) },
		"put outside":         func(m *Memory) { begun(m).Put(8, []byte{1}) },
		"put before":          func(m *Memory) { begun(m).Put(-1, []byte{1}) },
		"put without begin":   func(m *Memory) { m.Partition(0, 8).Put(0, []byte{1}) },
		"commit without":      func(m *Memory) { _ = m.Commit() },
		"two transactions":    func(m *Memory) { begun(m); begun(m) },
		"journal overflow":    func(m *Memory) { p := begun(m); fillJournal(p) },
		"fill under power":    func(m *Memory) { m.Fill(0, []byte{1}) },
		"fill outside memory": func(m *Memory) { m.PowerOff(); m.Fill(63, []byte{1, 2}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s did not panic", name)
				}
			}()
			f(fresh(t, 64))
		}()
	}
}

func begun(m *Memory) Partition {
	if err := m.Begin(); err != nil {
		panic(err)
	}
	return m.Partition(0, 8)
}

func fillJournal(p Partition) {
	for range JournalSize {
		p.Put(0, []byte{1, 2, 3})
	}
}

// TestPartitionView: a partition's bytes cannot be appended to or sliced beyond
// its end.
func TestPartitionView(t *testing.T) {
	m := fresh(t, 64)
	b, err := m.Partition(8, 8).Read()
	if err != nil || len(b) != 8 || cap(b) != 8 {
		t.Errorf("%d bytes, room for %d: %v", len(b), cap(b), err)
	}
}

// TestDamagedJournal: a journal with a right CRC that leaves the memory is
// refused, not followed.
func TestDamagedJournal(t *testing.T) {
	m := fresh(t, 64)
	if err := m.Begin(); err != nil {
		t.Fatal(err)
	}
	m.put(60, []byte{1, 2, 3, 4, 5, 6})
	m.CutAt(m.Writes()+3, TearNone)
	if err := m.Commit(); !errors.Is(err, ErrPowerCut) {
		t.Fatal(err)
	}
	if err := m.PowerOn(); !errors.Is(err, ErrMemory) || m.Powered() {
		t.Errorf("PowerOn: %v", err)
	}
	if got := m.Settled(nil); !bytes.Equal(got, make([]byte, 64)) {
		t.Errorf("memory %X", got)
	}
}
