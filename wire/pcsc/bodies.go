package pcsc

// Version is the first message of a connection. The answer holds the daemon's
// version, also when it refuses ours.
//
//	0 major, 4 minor, 8 outcome
type Version struct {
	Major, Minor int32
	Result       Outcome
}

// Establish gets a context, which a connection needs for everything else.
//
//	0 scope, 4 context, 8 outcome
type Establish struct {
	Scope   uint32
	Context uint32 // in the answer
	Result  Outcome
}

// Release gives a context back.
//
//	0 context, 4 outcome
type Release struct {
	Context uint32
	Result  Outcome
}

// Connect gets a handle on the card in a reader.
//
//	0 context, 4 reader's name (128), 132 share, 136 protocols wanted,
//	140 handle, 144 protocol in use, 148 outcome
type Connect struct {
	Context uint32
	Reader  string // at most 127 bytes
	Share   Share
	Wanted  Protocol
	Handle  int32    // in the answer
	Active  Protocol // in the answer
	Result  Outcome
}

// Reconnect resets a card and keeps its handle, also when another program has
// reset it.
//
//	0 handle, 4 share, 8 protocols wanted, 12 what to do with the card,
//	16 protocol in use, 20 outcome
type Reconnect struct {
	Handle int32
	Share  Share
	Wanted Protocol
	Reset  Disposition
	Active Protocol // in the answer
	Result Outcome
}

// Disconnect gives a handle back.
//
//	0 handle, 4 what to do with the card, 8 outcome
type Disconnect struct {
	Handle int32
	Then   Disposition
	Result Outcome
}

// Begin keeps all other programs from the card until End. While another has it
// the outcome is [SharingViolation]; ask again.
//
//	0 handle, 4 outcome
type Begin struct {
	Handle int32
	Result Outcome
}

// End lets others at the card again.
//
//	0 handle, 4 what to do with the card, 8 outcome
type End struct {
	Handle int32
	Then   Disposition
	Result Outcome
}

// Status asks whether a handle is still good.
//
//	0 handle, 4 outcome
type Status struct {
	Handle int32
	Result Outcome
}

// Transmit carries one APDU, whose bytes follow the body.
//
//	0 handle, 4 protocol, 8 size of the protocol's header, 12 bytes of the
//	command, 16 and 20 the same two for the answer, 24 space for the answer and,
//	in the answer, its bytes, 28 outcome
type Transmit struct {
	Handle   int32
	Protocol Protocol
	Send     uint32 // bytes of the command APDU
	Receive  uint32 // request: space for the response APDU; answer: its bytes
	Result   Outcome
}

// protocolHeader is the size of the header of a protocol in the C interface on
// machines of 64 bits: two long numbers. The daemon hands it on and no more.
const protocolHeader = 16

// Wait says that a reader or card has changed, or that waiting has stopped.
//
//	0 time limit in ms, not used any more, 4 outcome
type Wait struct {
	Result Outcome
}

// Command implements [Message].
func (*Version) Command() Command { return CommandVersion }

// Command implements [Message].
func (*Establish) Command() Command { return CommandEstablish }

// Command implements [Message].
func (*Release) Command() Command { return CommandRelease }

// Command implements [Message].
func (*Connect) Command() Command { return CommandConnect }

// Command implements [Message].
func (*Reconnect) Command() Command { return CommandReconnect }

// Command implements [Message].
func (*Disconnect) Command() Command { return CommandDisconnect }

// Command implements [Message].
func (*Begin) Command() Command { return CommandBegin }

// Command implements [Message].
func (*End) Command() Command { return CommandEnd }

// Command implements [Message].
func (*Status) Command() Command { return CommandStatus }

// Command implements [Message].
func (*Transmit) Command() Command { return CommandTransmit }

// Command implements [Message]; the daemon sends it without being asked.
func (*Wait) Command() Command { return CommandStopWaiting }

// Size implements [Message].
func (*Version) Size() int { return 12 }

// Size implements [Message].
func (*Establish) Size() int { return 12 }

// Size implements [Message].
func (*Release) Size() int { return 8 }

// Size implements [Message].
func (*Connect) Size() int { return 24 + NameSize }

// Size implements [Message].
func (*Reconnect) Size() int { return 24 }

// Size implements [Message].
func (*Disconnect) Size() int { return 12 }

// Size implements [Message].
func (*Begin) Size() int { return 8 }

// Size implements [Message].
func (*End) Size() int { return 12 }

// Size implements [Message].
func (*Status) Size() int { return 8 }

// Size implements [Message].
func (*Transmit) Size() int { return 32 }

// Size implements [Message].
func (*Wait) Size() int { return 8 }

// Outcome implements [Message].
func (m *Version) Outcome() Outcome { return m.Result }

// Outcome implements [Message].
func (m *Establish) Outcome() Outcome { return m.Result }

// Outcome implements [Message].
func (m *Release) Outcome() Outcome { return m.Result }

// Outcome implements [Message].
func (m *Connect) Outcome() Outcome { return m.Result }

// Outcome implements [Message].
func (m *Reconnect) Outcome() Outcome { return m.Result }

// Outcome implements [Message].
func (m *Disconnect) Outcome() Outcome { return m.Result }

// Outcome implements [Message].
func (m *Begin) Outcome() Outcome { return m.Result }

// Outcome implements [Message].
func (m *End) Outcome() Outcome { return m.Result }

// Outcome implements [Message].
func (m *Status) Outcome() Outcome { return m.Result }

// Outcome implements [Message].
func (m *Transmit) Outcome() Outcome { return m.Result }

// Outcome implements [Message].
func (m *Wait) Outcome() Outcome { return m.Result }
