package fare

import (
	"fmt"
	"slices"
)

// Books is the sequence of rule books of one city, each in force from its date
// until the next one's.
type Books struct {
	byDate []*Book
}

// NewBooks orders books by date. Two with the same date or the same version are
// an error: a row that names a version must lead to one book.
func NewBooks(books ...*Book) (*Books, error) {
	if len(books) == 0 {
		return nil, fmt.Errorf("gather rule books: give at least one: %w", ErrNotCovered)
	}
	sorted := slices.Clone(books)
	slices.SortFunc(sorted, func(x, y *Book) int {
		if x.validFrom.Before(y.validFrom) {
			return -1
		}
		if y.validFrom.Before(x.validFrom) {
			return 1
		}
		return int(x.version) - int(y.version)
	})
	for i, b := range sorted {
		for _, earlier := range sorted[:i] {
			if earlier.validFrom == b.validFrom || earlier.version == b.version {
				return nil, fmt.Errorf("gather rule books: versions %d (from %s) and %d (from %s) share date or version, change one in %s",
					earlier.version, earlier.validFrom, b.version, b.validFrom, TariffFile)
			}
		}
	}
	return &Books{sorted}, nil
}

// At is the book in force on a day, that of the entry; ErrNotCovered before the
// first.
func (s *Books) At(d Date) (*Book, error) {
	for _, b := range slices.Backward(s.byDate) {
		if !d.Before(b.validFrom) {
			return b, nil
		}
	}
	return nil, fmt.Errorf("find the rule book of %s: the first is valid from %s: %w", d, s.byDate[0].validFrom, ErrNotCovered)
}

// Version is the book with a version number, as an offline row carries it.
func (s *Books) Version(v uint16) (*Book, bool) {
	i := slices.IndexFunc(s.byDate, func(b *Book) bool { return b.version == v })
	if i < 0 {
		return nil, false
	}
	return s.byDate[i], true
}
