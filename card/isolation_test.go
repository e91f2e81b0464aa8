package card_test

import (
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/pboc"
	"github.com/citycard/citycard/card/ppse"
	"github.com/citycard/citycard/wire/apdu"
)

const secondAID = "A000000333010101"

// twoApplications is a chip with two finance applications of different products.
func twoApplications(t testing.TB) (a, b *sample, img *card.Image) {
	a = newSample(t, "sm", 5000)
	b = newSample(t, "3des", 7000, "A000000333010106", secondAID, "file: 3, record: 1", "file: 4, record: 1",
		"9F74: \"454343303031\"", "9F74: \"454343303032\"", "file: 11", "file: 12")
	dir, err := ppse.New(ppse.Entry{AID: unhex(t, "A000000333010106"), Label: "A", Priority: 1},
		ppse.Entry{AID: unhex(t, secondAID), Label: "B", Priority: 2})
	check(t, err)
	img, err = card.NewImage(dir, a.image.Cards()[0], b.image.Cards()[0])
	check(t, err)
	return a, b, img
}

// TestIsolation tries every ordered pair of what is on the chip: while one
// application is selected, nothing of the other can be read or changed, and a
// payment of one ends when the other is selected.
func TestIsolation(t *testing.T) {
	a, b, img := twoApplications(t)
	type side struct {
		name, sel, last string
		k               *sample
		index           int
		own             []string // commands that only this application answers
	}
	selectB := "00A4040008" + secondAID + "00"
	sides := []side{
		{"directory", selectPPSE, "", nil, -1, nil},
		{"A", selectApp, readLast, a, 0, []string{readRecord(1, 3), readRecord(1, 11)}},
		{"B", selectB, readRecord(1, 4), b, 1, []string{readRecord(1, 4), readRecord(1, 12)}},
	}
	pairs := 0
	for _, from := range sides {
		for _, to := range sides {
			if from.name == to.name {
				continue
			}
			pairs++
			chip := card.New()
			check(t, chip.Insert(img, nil))
			check(t, chip.PowerOn(random(7)))
			s := &session{t: t, chip: chip, k: to.k}
			other := chip.InspectApplication(to.index)
			// The other application has paid: its log and last answer are there.
			if to.k != nil {
				s.ok(to.sel)
				s.ok(s.gpo(gate(100)))
				s.ok(to.last)
				other = chip.InspectApplication(to.index)
				s.ok(to.sel)
				s.ok(s.gpo(gate(50))) // under way when from is selected
			}
			s.ok(from.sel)
			for _, cmd := range to.own {
				if _, sw := s.send(cmd); sw == apdu.SWOK {
					t.Errorf("%s selected: %s of %s answered 9000", from.name, cmd, to.name)
				}
			}
			if from.k != nil {
				s.k = from.k
				s.ok(s.gpo(gate(200)))
				s.ok(from.last)
				if st := chip.InspectApplication(from.index); st.Balance != from.k.image.Cards()[0].Opening-200 {
					t.Errorf("%s paid: %+v", from.name, st)
				}
			}
			other.ATC++
			other.LastAnswer = false
			if to.k == nil {
				other = pboc.State{}
			}
			if st := chip.InspectApplication(to.index); st != other {
				t.Errorf("%s worked and %s is %+v, want %+v", from.name, to.name, st, other)
			}
			if to.k != nil {
				s.ok(to.sel)
				s.want(to.last, apdu.SWConditions)
			}
		}
	}
	if pairs != 6 {
		t.Errorf("%d ordered pairs, want 6", pairs)
	}
}

// TestNextOccurrence: a reader that knows only the beginning of the name finds
// both applications in order.
func TestNextOccurrence(t *testing.T) {
	a, b, img := twoApplications(t)
	chip := card.New()
	check(t, chip.Insert(img, nil))
	check(t, chip.PowerOn(random(7)))
	s := &session{t: t, chip: chip}
	first := s.ok("00A4040005 A000000333 00")
	second := s.ok("00A4040205 A000000333 00")
	if !contains(first, a.profile.Product().AID) || !contains(second, b.profile.Product().AID) {
		t.Errorf("first %X, second %X", first, second)
	}
	s.want("00A4040205 A000000333 00", apdu.SWFileNotFound)
}

// TestSnapshotOfTwo: a snapshot brings both applications back.
func TestSnapshotOfTwo(t *testing.T) {
	_, b, img := twoApplications(t)
	chip := card.New()
	check(t, chip.Insert(img, nil))
	check(t, chip.PowerOn(random(7)))
	s := &session{t: t, chip: chip, k: b}
	s.ok("00A4040008" + secondAID + "00")
	s.ok(s.gpo(gate(100)))
	s.ok(readRecord(1, 4))
	first, second := chip.InspectApplication(0), chip.InspectApplication(1)
	nvm := chip.Snapshot(nil)
	check(t, chip.Insert(img, nvm))
	if chip.Inspect() != first || chip.InspectApplication(1) != second || second.Balance != 6900 {
		t.Errorf("%+v %+v, want %+v %+v", chip.Inspect(), chip.InspectApplication(1), first, second)
	}
}
