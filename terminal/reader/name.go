package reader

import (
	"fmt"
	"strconv"
	"strings"
)

// Door is one of the ways to a card.
type Door byte

// Doors.
const (
	// Sim is a card made in this process: "sim:PROFILE".
	Sim Door = iota + 1
	// PCSC is a card in a reader of pcscd: "pcsc:NAME".
	PCSC
	// VPCD is a card that connects to us by the protocol of virtual readers:
	// "vpcd:PORT".
	VPCD
	// Recording is a card that answers as a recorded one did: "replay:FILE".
	Recording
)

var doorNames = map[Door]string{Sim: "sim", PCSC: "pcsc", VPCD: "vpcd", Recording: "replay"}

// String gives the part of a name before the colon.
func (d Door) String() string { return doorNames[d] }

// DefaultPort is the port on which the first virtual reader of vpcd listens, and
// the one that "vpcd:" stands for.
const DefaultPort = 35963

// Name is a parsed name of a reader.
type Name struct {
	Door Door
	// Rest is what follows the colon: the profile, the reader's name, or the file.
	Rest string
	// Port of a virtual reader, 1 to 65535.
	Port uint16
}

// String gives the name in its full form.
func (n Name) String() string {
	if n.Door == VPCD {
		return fmt.Sprintf("vpcd:%d", n.Port)
	}
	return n.Door.String() + ":" + n.Rest
}

// ParseName reads the name of a reader:
//
//	sim:PROFILE   a card of this profile, in this process
//	pcsc:         the first reader of pcscd that has a card
//	pcsc:2        reader 2 of pcscd's list, counted from 0
//	pcsc:NAME     the reader of this name, or whose name begins so; of several
//	              the first that has a card
//	vpcd:PORT     wait on this port of 127.0.0.1 for a virtual card; 35963 if left out
//	replay:FILE   the card of a recorded conversation; FILE#SESSION if the file has several
//
// The error is of kind [ErrName].
func ParseName(s string) (Name, error) {
	bad := func(format string, args ...any) (Name, error) {
		return Name{}, &Error{
			Doing: fmt.Sprintf("reading the name %q", s), Kind: ErrName, Cause: fmt.Errorf(format, args...),
			Hint: "write sim:PROFILE, pcsc:NAME, vpcd:PORT or replay:FILE",
		}
	}
	door, rest, ok := strings.Cut(s, ":")
	if !ok {
		return bad("it has no colon")
	}
	switch door {
	case "sim":
		if rest == "" {
			return bad("the profile is missing")
		}
		return Name{Door: Sim, Rest: rest}, nil
	case "pcsc":
		return Name{Door: PCSC, Rest: rest}, nil
	case "replay":
		if rest == "" {
			return bad("the file is missing")
		}
		return Name{Door: Recording, Rest: rest}, nil
	case "vpcd":
		if rest == "" {
			return Name{Door: VPCD, Port: DefaultPort}, nil
		}
		port, err := strconv.ParseUint(rest, 10, 16)
		if err != nil || port == 0 {
			return bad("%q is not a port from 1 to 65535", rest)
		}
		return Name{Door: VPCD, Port: uint16(port)}, nil
	}
	return bad("there is no door %q", door)
}
