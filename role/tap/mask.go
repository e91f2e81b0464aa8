package tap

import (
	"encoding/hex"
	"strings"

	"github.com/citycard/citycard/wire/tlv/describe"
)

// masked is a message in upper-case hexadecimal with the digits that items, its own
// description, does not show.
func masked(b []byte, items []describe.Item) string {
	out := []byte(strings.ToUpper(hex.EncodeToString(b)))
	cover(out, b, items)
	return string(out)
}

func cover(out, b []byte, items []describe.Item) {
	for i := range items {
		it := &items[i]
		if it.Masked {
			at := valueAt(b, it)
			if end := at + it.Length; at >= 0 && end <= len(b) && len(it.Value) == 2*it.Length {
				copy(out[2*at:2*end], it.Value)
			}
		}
		cover(out, b, it.Fields)
	}
}

// valueAt is where the value of an item begins: at its offset, or for a data object
// behind tag and length. -1 for an item that is not in b.
func valueAt(b []byte, it *describe.Item) int {
	if it.Tag == "" {
		return it.Offset
	}
	at := it.Offset + len(it.Tag)/2
	if at >= len(b) || at <= it.Offset {
		return -1
	}
	if b[at] < 0x80 {
		return at + 1
	}
	return at + 1 + int(b[at]&0x7F)
}
