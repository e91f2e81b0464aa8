package fault

import (
	"errors"
	"time"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// ErrScript says that a script cannot be used.
var ErrScript = errors.New("not a fault script")

// Limits of a script.
const (
	MaxScript = 64 << 10        // bytes of YAML
	MaxFaults = 64              // faults of a script
	MaxSteps  = 16              // alterations of a fault
	MaxDelay  = 5 * time.Minute // longest delay of an answer
	maxWrite  = 1 << 16         // greatest number of a write
	maxTimes  = 1 << 20         // greatest nth and times
)

// Script is a list of faults. It is immutable and may be shared by doors.
type Script struct {
	Name   string // what the script is called
	About  string // what it is for, may be empty
	Faults []Fault
}

// Fault is one kind of misbehaviour.
type Fault struct {
	Name string // for the notes
	Line int    // of the script, from 1
	When When
	Then Then
}

// When says which commands a fault is for: those that fit every condition. The
// zero value fits all.
type When struct {
	CLA, INS, P1, P2 *byte
	Data             []byte // the data field begins with this
	AID              []byte // the name of the selected application, or the name that the command selects, begins with this
	// Nth is which of the fitting commands is meant, from 1, counted since the door
	// was made; 0: all of them.
	Nth int
	// Times is how often the fault happens at most; 0: as often as it fits.
	Times int
}

// Then says what happens: any of these, in this order.
type Then struct {
	Tear   *Tear         // the power fails during the command
	Alter  []Alteration  // changes of the answer's data
	SW     *apdu.SW      // replaces the status word
	NoData bool          // the answer's data are left out
	Silent bool          // the command is carried out, and no answer comes
	Delay  time.Duration // the answer comes so much later
}

// Tear is a failure of power at a write of the card's memory.
type Tear struct {
	Write int      // which write of the command, from 1
	Half  cos.Tear // what is left of that write
}

// How is a kind of alteration. The text is its name in a script.
type How string

// Kinds of alteration. The first group is legal and a terminal must take it; the
// second is data that are wrong in content; the third is malformed.
const (
	LongLengths How = "long-lengths" // every length field in its form 81, or 82
	Padding     How = "padding"      // 00 before, between and after the objects of the template
	Reorder     How = "reorder"      // the objects of each template in reverse order
	Extra       How = "extra"        // an unknown private object is added: Value, or DF7F 01 00
	LongName    How = "long-name"    // the DF name 84, filled up to 16 bytes with FF
	Format77    How = "format-77"    // template 80 of GET PROCESSING OPTIONS becomes 77 { 82 94 }
	Format80    How = "format-80"    // template 77 with 82 and 94 becomes 80

	Flip    How = "flip"     // a bit of the object Tag is turned over: Byte from 0, or the last one
	FlipMAC How = "flip-mac" // a bit of the MAC is turned over: last byte of 9F10 if it is there, else of the data
	Set     How = "set"      // the object Tag gets the value Value

	Truncate    How = "truncate"     // the last Count bytes of the data are missing
	WrongLength How = "wrong-length" // the template's length field says Count too much
	Remove      How = "remove"       // the object Tag is missing
	Duplicate   How = "duplicate"    // the object Tag is there twice
)

// Alteration is one change of the data of an answer.
type Alteration struct {
	How   How
	Tag   tlv.Tag // of Flip, Set, Remove and Duplicate
	Byte  int     // of Flip: which byte of the value, -1 the last
	Bits  byte    // of Flip: which bits
	Count int     // of Truncate and WrongLength
	Value []byte  // of Set and Extra
}
