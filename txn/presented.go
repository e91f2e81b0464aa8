package txn

import "fmt"

// Ref says where a row lies: the acquirer's number of the accepted block and
// the index of the row in it. It is the retrievable reference behind a posting.
type Ref struct {
	Block uint32
	Index uint16
}

// String is "block:index".
func (r Ref) String() string { return fmt.Sprintf("%d:%d", r.Block, r.Index) }

// Mark is what the acquirer's own rules say about a row. Numbers are for ever.
type Mark uint8

// The marks.
const (
	Unmarked   Mark = 0
	MarkDenied Mark = 1 // the card was on the deny list when it was tapped
	MarkLate   Mark = 2 // it arrived after the time limit for offline rows
)

// Presented is a row that an acquirer presents for clearing.
type Presented struct {
	Row     Row
	Ref     Ref
	Start   uint32 // start count of the terminal, for the trace id
	Arrived int64  // unix time of acceptance of its block
	Mark    Mark
}
