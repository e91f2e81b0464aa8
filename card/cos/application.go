package cos

import (
	"io"

	"github.com/citycard/citycard/wire/apdu"
)

// Application is one selectable application of a chip. It belongs to the
// goroutine of its chip. Commands reach it only while it is selected; its bytes
// lie in a [Partition] of its own.
type Application interface {
	// AID is the name by which SELECT finds the application, 5 to 16 bytes.
	AID() []byte
	// Select starts a session and appends FCI and status word. The only error is
	// ErrPowerCut; dst is then returned as it was.
	Select(dst []byte, s Selection) ([]byte, error)
	// Do carries out one command, SELECT by file identifier included, and appends
	// data and status word. The only error is ErrPowerCut.
	Do(dst []byte, c *apdu.Command) ([]byte, error)
	// Deselect ends the session: what was not committed is gone.
	Deselect()
	// PowerOn gives the application its random source, which must last until
	// PowerOff. The memory has recovered before.
	PowerOn(rand io.Reader)
	// PowerOff forgets everything that is in RAM.
	PowerOff()
}

// Selection says how an application was selected.
type Selection struct {
	// Contactless tells that the answer and the transaction are those of the
	// contactless interface (JR/T 0025.12), else of the contact one (JR/T 0025.5).
	Contactless bool
}

// Template is an application that an image holds: what all chips with the image
// share, and how a chip's memory looks before first use.
type Template interface {
	// AID is the name that the application will have.
	AID() []byte
	// MemorySize is how many bytes of memory the application needs.
	MemorySize() int
	// JournalSize is how many bytes its greatest change of the memory takes in the
	// journal, at least JournalSize.
	JournalSize() int
	// Personalise appends the content of its memory when the card is issued. It
	// may leave out zeros at the end.
	Personalise(dst []byte) []byte
	// CheckMemory fails with ErrMemory if b is not a possible content.
	CheckMemory(b []byte) error
	// Place gives the running application over its memory. old is what stood at
	// the same place of the chip before, or nil; it may be used again.
	Place(p Partition, old Application) Application
}

// Host is an application that holds others, as a security domain holds those
// that it has installed. SELECT finds them after the image's own.
type Host interface {
	Application
	// Hosted gives the applications in the order of selection. The slice is valid
	// until the next command to the host.
	Hosted() []Application
}

// Proprietary is an application that has commands of classes other than those that
// a chip lets through, 00 and 80 and these with secure messaging. While it is
// selected, commands of such a class reach it, and its answer says which of them it
// knows.
type Proprietary interface {
	Application
	// TakesClass tells whether there are commands of this class.
	TakesClass(cla byte) bool
}

// Guard is an application that can close the card for others: a blocked card
// (JR/T 0025.5, CARD BLOCK) or a locked one (GlobalPlatform CARD_LOCKED).
type Guard interface {
	Application
	// Blocks tells whether other must not be selected. other is nil for what
	// is no application, the directory of the contactless side. The error is
	// ErrPowerCut.
	Blocks(other Application) (bool, error)
}
