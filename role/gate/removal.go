package gate

import (
	"context"
	"strconv"
	"strings"

	"github.com/citycard/citycard/terminal/reader"
)

// Removed waits until no card is in a reader of pcscd, named as for reader.Open behind
// "pcsc:": by its number, its name, or the beginning of the names of several. Errors are
// those of reader.Watch.
func Removed(ctx context.Context, name string) error {
	return reader.Watch(ctx, "", func(list []reader.State) bool { return occupied(list, name) })
}

// occupied says whether a card is in the reader.
func occupied(list []reader.State, name string) bool {
	if n, err := strconv.Atoi(name); err == nil {
		return n >= 0 && n < len(list) && list[n].Present
	}
	found := false
	for i := range list {
		s := &list[i]
		if s.Name == name {
			return s.Present
		}
		found = found || s.Present && strings.HasPrefix(s.Name, name)
	}
	return found
}
