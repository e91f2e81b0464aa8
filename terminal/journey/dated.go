package journey

import (
	"fmt"

	"github.com/citycard/citycard/fare"
)

// DecideDated decides by the rule book that counts for the journey: at an exit and at
// alighting the one in force at its beginning, otherwise the one in force now. t.Station
// is a number of the book in force now, a station in the record one of the book that
// the record names; where the books number them otherwise, stations are found by name,
// and a station by the numbers of an unknown book is none.
// If a station did not exist in the book of the beginning, the book in force now counts.
// Errors are those of Decide, and fare.ErrNotCovered where no book is in force.
func DecideDated(books *fare.Books, c *Card, t *Tap) (Decision, error) {
	now, err := books.At(fare.DateOf(t.Now))
	if err != nil {
		return Decision{}, fmt.Errorf("decide %s at terminal %d: %w", t.Mode, t.Terminal, err)
	}
	rec := &c.Record
	if (t.Mode == Exit || t.Mode == Alight) && begun(rec, t.Now) {
		then, err := books.At(fare.DateOf(rec.Entry.Time))
		if err == nil && then != now {
			if card, tap, ok := inBook(books, then, now, c, t); ok {
				return Decide(then, then.Journeys(), &card, &tap)
			}
		}
	}
	card, tap, _ := inBook(books, now, now, c, t)
	return Decide(now, now.Journeys(), &card, &tap)
}

// inBook gives card and tap with their stations as a book numbers them; false if it
// does not have one of them: the card's is then no station.
func inBook(books *fare.Books, book, now *fare.Book, c *Card, t *Tap) (Card, Tap, bool) {
	card, tap := *c, *t
	if t.Mode.OnBus() {
		return card, tap, true
	}
	entry := card.Record.Entry.Station
	switch named, known := books.Version(c.Record.Rule); {
	case !known:
		card.Record.Entry.Station = 0
	case named != book && entry != 0:
		id, _ := book.StationByName(named.Name(fare.StationID(entry)))
		card.Record.Entry.Station, card.Record.Rule = uint16(id), book.Version()
	}
	ok := true
	if book != now {
		tap.Station, ok = book.StationByName(now.Name(t.Station))
	}
	return card, tap, ok && (entry == 0 || card.Record.Entry.Station != 0)
}
