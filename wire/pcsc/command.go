package pcsc

import "strconv"

// Command is the number in the header of a request.
type Command uint32

// Commands that are used here.
const (
	CommandEstablish   Command = 0x01 // get a context; body Establish
	CommandRelease     Command = 0x02 // give it back; body Release
	CommandConnect     Command = 0x04 // get a handle on a card; body Connect
	CommandReconnect   Command = 0x05 // reset the card, keep the handle; body Reconnect
	CommandDisconnect  Command = 0x06 // give the handle back; body Disconnect
	CommandBegin       Command = 0x07 // keep others from the card; body Begin
	CommandEnd         Command = 0x08 // let others at it again; body End
	CommandTransmit    Command = 0x09 // one APDU; body Transmit
	CommandStatus      Command = 0x0B // is the handle still good; body Status
	CommandVersion     Command = 0x11 // first message of a connection; body Version
	CommandReaders     Command = 0x12 // the table of readers; no body
	CommandWait        Command = 0x13 // the table, and to be told of a change; no body
	CommandStopWaiting Command = 0x14 // not to be told any more; no body
)

var commandNames = map[Command]string{
	CommandEstablish: "ESTABLISH CONTEXT", CommandRelease: "RELEASE CONTEXT", CommandConnect: "CONNECT",
	CommandReconnect: "RECONNECT", CommandDisconnect: "DISCONNECT", CommandBegin: "BEGIN TRANSACTION",
	CommandEnd: "END TRANSACTION", CommandTransmit: "TRANSMIT", CommandStatus: "STATUS", CommandVersion: "VERSION",
	CommandReaders: "GET READERS STATE", CommandWait: "WAIT READER STATE CHANGE",
	CommandStopWaiting: "STOP WAITING READER STATE CHANGE",
}

// String gives the command's name, or "command 99" for one that is not used here.
func (c Command) String() string {
	if name, ok := commandNames[c]; ok {
		return name
	}
	return "command " + strconv.FormatUint(uint64(c), 10)
}

// Scope of a context; the daemon keeps it and does nothing with it.
const ScopeSystem uint32 = 2

// Share says who else may use a card.
type Share uint32

// Ways to share a card.
const (
	ShareExclusive Share = 1 // nobody else
	ShareShared    Share = 2 // others who share
)

// Protocol is a set of transmission protocols, bit by bit.
type Protocol uint32

// Transmission protocols (ISO/IEC 7816-3).
const (
	ProtocolT0  Protocol = 1
	ProtocolT1  Protocol = 2
	ProtocolAny Protocol = ProtocolT0 | ProtocolT1 // the daemon chooses by the ATR
)

// Disposition says what happens to a card when a handle or a transaction ends,
// or at the beginning of a new one.
type Disposition uint32

// Dispositions.
const (
	LeaveCard   Disposition = 0
	ResetCard   Disposition = 1 // warm reset
	UnpowerCard Disposition = 2 // cold reset, or power off at the end
)
