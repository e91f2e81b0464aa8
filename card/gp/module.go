package gp

import (
	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/wire/apdu"
)

// Module is code on the card that INSTALL [for install] makes instances of: one
// executable module in an executable load file. Modules with the same load file
// AID are in one load file. A Module is immutable; many chips share it.
type Module interface {
	// LoadFileAID is the name of the load file, 5 to 16 bytes.
	LoadFileAID() []byte
	// ModuleAID is the name of the module, 5 to 16 bytes.
	ModuleAID() []byte
	// MemorySize is how many bytes of memory an instance needs that is installed
	// with these parameters: the value of tag C9, at most 247 bytes and often
	// empty. Any error makes the card answer 6A80. Equal parameters must always
	// give the same size.
	MemorySize(params []byte) (int, error)
	// JournalSize is how many bytes the greatest change of an instance's memory
	// takes in the journal of the chip's.
	JournalSize() int
	// Format appends the first content of the memory of the instance aid. It may
	// leave out zeros at the end. MemorySize has accepted the parameters before.
	Format(dst, aid, params []byte) []byte
	// CheckMemory fails with cos.ErrMemory if b is not a possible content of the
	// memory. params are such as
	// MemorySize has accepted, and b has the length that it gave.
	CheckMemory(params, b []byte) error
	// Place gives the running instance over its memory, which may have no power yet.
	// aid and params belong to the instance. old is an instance that stood there
	// before, or nil; one of another module must not be used again. The domain
	// calls PowerOn before anything else.
	Place(aid, params []byte, p cos.Partition, old Instance) Instance
}

// Instance is an application that was installed from a Module. SELECT finds it
// once it is selectable; blank ones decide themselves how they answer (6A82, 6985
// or an FCI). Its memory changes only through transactions of its own.
type Instance interface {
	cos.Application
	// StoreData takes one whole data grouping of STORE DATA, already deciphered if
	// the command said that it was enciphered. The data are valid until it
	// returns. What it answers with 9000 must be in memory, altogether or not at
	// all. Any status word but 9000 ends the personalisation; the host may begin
	// again with INSTALL [for personalisation]. The only error is cos.ErrPowerCut.
	StoreData(dgi uint16, data []byte) (apdu.SW, error)
	// Complete is called after the groupings of the last STORE DATA. It makes the
	// instance personalised, in one transaction, or says with a status word what is
	// missing. The only error is cos.ErrPowerCut.
	Complete() (apdu.SW, error)
	// Personalised tells whether Complete has succeeded. It reads the memory and
	// is false without power. A personalised instance gets no more StoreData.
	Personalised() bool
}
