package gate

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/txn"
)

// ErrState says that bytes are no state of an array.
var ErrState = errors.New("not the memory of a gate array")

// MaxState is the greatest length of an encoded State.
const MaxState = 16 << 20

// Place is where an array of gates is: a metro station, or a bus route.
type Place struct {
	Station fare.StationID
	Route   uint16 // where Station is 0
}

// State is what the gates of a city remember between two runs of a program.
type State struct {
	Records *Records // of cards that carry no journeys
	Rows    uint32   // rows given so far: the sequence number of the last one
	arrays  map[Place]*gate.Array
}

// NewState is that of a city where nobody has ever tapped.
func NewState() *State { return &State{Records: NewRecords(), arrays: map[Place]*gate.Array{}} }

// Array is the memory of the gates at a place: torn taps, and cards that have just paid.
func (s *State) Array(p Place) *gate.Array {
	if s.arrays[p] == nil {
		s.arrays[p] = gate.NewArray()
	}
	return s.arrays[p]
}

// The encoded form. It holds account numbers and card data in the clear.
type (
	storedState struct {
		Format  int           `json:"format"` // 1
		Rows    uint32        `json:"rows"`
		Arrays  []storedArray `json:"arrays"`
		Entries []storedEntry `json:"entries"`
		Months  []storedMonth `json:"months"`
	}
	storedArray struct {
		Station uint16 `json:"station"`
		Route   uint16 `json:"route"`
		Memory  string `json:"memory"` // gate.Array.Export, hexadecimal
	}
	storedEntry struct {
		PAN      string `json:"pan"`
		PSN      byte   `json:"psn"`
		UID      string `json:"uid,omitempty"`
		Station  uint16 `json:"station"`
		Terminal uint32 `json:"terminal"`
		Time     int64  `json:"time"`
		ATC      uint16 `json:"atc"`
	}
	storedMonth struct {
		PAN   string `json:"pan"`
		PSN   byte   `json:"psn"`
		Month string `json:"month"` // YYMM
		Sum   int64  `json:"sum_fen"`
	}
)

const stateFormat = 1

// Append appends the encoded state, as JSON in one form only: arrays in the order of their
// places, entries and months in that of their cards. The error is that of
// gate.Array.Export.
func (s *State) Append(dst []byte) ([]byte, error) {
	out := storedState{Format: stateFormat, Rows: s.Rows, Arrays: []storedArray{}, Entries: []storedEntry{}, Months: []storedMonth{}}
	for p, a := range s.arrays {
		memory, err := a.Export(nil)
		if err != nil {
			return nil, fmt.Errorf("store the array: %w", err)
		}
		out.Arrays = append(out.Arrays, storedArray{uint16(p.Station), p.Route, hex.EncodeToString(memory)})
	}
	slices.SortFunc(out.Arrays, func(a, b storedArray) int {
		return cmp.Or(cmp.Compare(a.Station, b.Station), cmp.Compare(a.Route, b.Route))
	})
	for _, e := range s.Records.entries {
		out.Entries = append(out.Entries, storedEntry{e.Card.PAN.Digits(), e.Card.PSN, e.UID.String(), uint16(e.Station), uint32(e.Terminal), e.Time, e.ATC})
	}
	for m, sum := range s.Records.months {
		out.Months = append(out.Months, storedMonth{m.card.PAN.Digits(), m.card.PSN, fmt.Sprintf("%X", m.month), int64(sum)})
	}
	slices.SortFunc(out.Entries, func(a, b storedEntry) int { return cmp.Or(cmp.Compare(a.PAN, b.PAN), cmp.Compare(a.PSN, b.PSN)) })
	slices.SortFunc(out.Months, func(a, b storedMonth) int {
		return cmp.Or(cmp.Compare(a.PAN, b.PAN), cmp.Compare(a.PSN, b.PSN), cmp.Compare(a.Month, b.Month))
	})
	b, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("store the array: %w", err)
	}
	return append(dst, b...), nil
}

// ParseState reads what Append wrote, and nothing else. The error is ErrState.
func ParseState(b []byte) (*State, error) {
	if len(b) > MaxState {
		return nil, fmt.Errorf("%d bytes, at most %d are read: %w", len(b), MaxState, ErrState)
	}
	var in storedState
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrState, err)
	}
	if in.Format != stateFormat {
		return nil, fmt.Errorf("format %d, want %d: %w", in.Format, stateFormat, ErrState)
	}
	s := NewState()
	s.Rows = in.Rows
	for i := range in.Arrays {
		a := &in.Arrays[i]
		memory, err := hex.DecodeString(a.Memory)
		if err == nil {
			err = s.Array(Place{fare.StationID(a.Station), a.Route}).Restore(memory)
		}
		if err != nil {
			return nil, fmt.Errorf("array %d: %w: %w", i+1, err, ErrState)
		}
	}
	for i := range in.Entries {
		if err := s.Records.restoreEntry(&in.Entries[i]); err != nil {
			return nil, fmt.Errorf("entry %d: %w: %w", i+1, err, ErrState)
		}
	}
	for i := range in.Months {
		if err := s.Records.restoreMonth(&in.Months[i]); err != nil {
			return nil, fmt.Errorf("month %d: %w: %w", i+1, err, ErrState)
		}
	}
	if again, err := s.Append(nil); err != nil || !bytes.Equal(again, b) {
		return nil, fmt.Errorf("not in the one form that it has: %w", ErrState)
	}
	return s, nil
}

func (r *Records) restoreEntry(e *storedEntry) error {
	pan, err := txn.ParsePAN(e.PAN)
	if err != nil {
		return err
	}
	entry := gate.EntryRecord{
		Card: txn.CardKey{PAN: pan, PSN: e.PSN}, Station: fare.StationID(e.Station), Terminal: txn.TerminalID(e.Terminal), Time: e.Time, ATC: e.ATC,
	}
	if e.UID != "" {
		if entry.UID, err = gate.ParseUID(e.UID); err != nil {
			return err
		}
	}
	return r.PutEntry(entry)
}

func (r *Records) restoreMonth(m *storedMonth) error {
	pan, err := txn.ParsePAN(m.PAN)
	if err != nil {
		return err
	}
	month, err := hex.DecodeString(m.Month)
	if err != nil || len(month) != 2 || m.Sum < 0 {
		return fmt.Errorf("month %q of %d fen: want YYMM and a sum", m.Month, m.Sum)
	}
	r.months[monthOf{txn.CardKey{PAN: pan, PSN: m.PSN}, [2]byte(month)}] = money.Fen(m.Sum)
	return nil
}
