package cardstate

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/citycard/citycard/card/cos"
)

// ErrState says that bytes are not a file of this package, or that they were damaged.
var ErrState = errors.New("not a usable state")

const (
	magic      = "CCVCARD\x01"
	headerSize = 22
	sumSize    = sha256.Size

	// MaxDescription is the longest description in bytes.
	MaxDescription = 1 << 15
	// MaxMemory is the longest snapshot in bytes.
	MaxMemory = cos.MaxSize + 1
	maxFile   = headerSize + MaxDescription + MaxMemory + sumSize
)

// State is a card at one moment.
type State struct {
	// Number of the state, counted from 1 since the card was made.
	Number uint64
	// Description says which card it is, in a form that the owner chooses.
	Description []byte
	// Memory is the snapshot of the card's memory.
	Memory []byte
}

// Append appends the file's content. It fails with ErrState if a part is too long
// or the number is 0.
func (s *State) Append(dst []byte) ([]byte, error) {
	if s.Number == 0 || len(s.Description) > MaxDescription || len(s.Memory) > MaxMemory {
		return dst, fmt.Errorf("state %d of %d and %d bytes, at most %d and %d are possible: %w",
			s.Number, len(s.Description), len(s.Memory), MaxDescription, MaxMemory, ErrState)
	}
	start := len(dst)
	dst = append(dst, magic...)
	dst = binary.BigEndian.AppendUint64(dst, s.Number)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(s.Description)))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(s.Memory)))
	dst = append(dst, s.Description...)
	dst = append(dst, s.Memory...)
	sum := sha256.Sum256(dst[start:])
	return append(dst, sum[:]...), nil
}

// Parse reads a file's content. It fails with ErrState. The slices of the State
// are parts of b.
func Parse(b []byte) (*State, error) {
	bad := func(format string, args ...any) (*State, error) {
		return nil, fmt.Errorf(format+": %w", append(args, ErrState)...)
	}
	switch {
	case len(b) > maxFile:
		return bad("%d bytes, at most %d are possible", len(b), maxFile)
	case len(b) < headerSize+sumSize:
		return bad("%d bytes are too few", len(b))
	case !bytes.HasPrefix(b, []byte(magic[:7])):
		return bad("it does not begin with %q", magic[:7])
	case b[7] != magic[7]:
		return bad("version %d, this program knows version %d", b[7], magic[7])
	}
	description, memory := int(binary.BigEndian.Uint16(b[16:])), int(binary.BigEndian.Uint32(b[18:]))
	if description > MaxDescription || memory > MaxMemory || len(b) != headerSize+description+memory+sumSize {
		return bad("%d bytes, the header speaks of %d and %d", len(b), description, memory)
	}
	end := len(b) - sumSize
	if sum := sha256.Sum256(b[:end]); !bytes.Equal(sum[:], b[end:]) {
		return bad("the checksum is wrong, so it was altered or damaged")
	}
	s := &State{Number: binary.BigEndian.Uint64(b[8:]), Description: b[headerSize : headerSize+description], Memory: b[headerSize+description : end]}
	if s.Number == 0 {
		return bad("it has the number 0")
	}
	return s, nil
}
