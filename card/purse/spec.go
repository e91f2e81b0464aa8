package purse

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/crypt/epurse"
)

// ErrSpec says that the description of a purse contradicts itself.
var ErrSpec = errors.New("not a possible purse")

// Limits of a description.
const (
	maxSFI       = 30
	infoSFI      = 0x15
	infoLength   = 30 // of file 15 that is in the FCI
	logLength    = 23
	authLength   = 9
	minPIN       = 2
	maxPIN       = 6
	maxTries     = 15
	maxFiles     = 30
	maxKeys      = 64
	maxPINs      = 4
	maxRecord    = 200
	maxRecords   = 100
	maxBinary    = 4096
	maxAmount    = 0x7FFFFFFF // the top bit of a balance is not money
	maxOverdraft = 0xFFFFFF
)

// Spec describes the purse of one card as it is issued.
type Spec struct {
	AID     []byte // 5 to 16 bytes
	ID      uint16 // file identifier of the ADF, 1001 or 3F01; 0 for none
	Version byte   // 9F08
	Files   []File
	Keys    []Key
	PINs    []PIN
	// ED and EP are the electronic deposit and the electronic purse; nil if the
	// card has none.
	ED, EP *Account
	// Log is the short identifier of the cyclic file of trades, LoadLog that of the
	// file for loads; 0 puts loads into Log too.
	Log, LoadLog byte
	// AuthCode is what GET AUTH CODE answers and MAC1 of purchases includes, nine
	// bytes; nil for a card without.
	AuthCode []byte
	// ProofBefore asks that GET TRANSACTION PROVE names a trade by its counter before
	// it, else by the counter as logged, one more.
	ProofBefore bool
	// BalanceForms adds the forms of GET BALANCE that T-Union readers send.
	BalanceForms bool
	// Invalidated makes SELECT of a blocked purse answer 6283 (JR/T 0025), else
	// 6A81 as City Union cards do.
	Invalidated bool
}

// Account is a store of money, in fen.
type Account struct {
	Opening, Max uint32
	// Limit is the overdraft limit, which Opening and every stored balance include.
	Limit uint32
	// Who may begin a trade. An overdraft update is under the rule of Load. What has
	// no key is refused anyway.
	Load, Purchase, Cash, Unload cos.Access
}

// File is an elementary file.
type File struct {
	SFI byte
	// Kind is Transparent, Variable (records, each of its own unchanging length)
	// or Cyclic.
	Kind    cos.FileKind
	Content []byte   // of a transparent file; its length is the file's
	Records [][]byte // of a file of records; the lengths stay
	// RecordLength and Capacity of a cyclic file, which is empty at first.
	RecordLength, Capacity int
	Read, Update           cos.Access
	Line                   byte // index of the maintenance key for line protection
	// Compound lets a compound purchase write the file. TagBytes, 1 or 2, is the
	// length of a record's identifier, which the length byte follows; 0 for none.
	// With Lock the byte after the length is a flag, and only 00 lets it write.
	Compound bool
	TagBytes int
	Lock     bool
}

// Use is what a key is for; it serves for nothing else. The values up to 09 are key
// types that card makers of the family use; the others are ours.
type Use byte

// The uses.
const (
	UsePurchase    Use = 0x00 // DPK
	UseLoad        Use = 0x01 // DLK
	UseTAC         Use = 0x02 // DTK
	UseMaintenance Use = 0x05 // DAMK: line protection of files and management
	UseUnblockPIN  Use = 0x06 // DPUK
	UseReloadPIN   Use = 0x07 // DPRK
	UseExternal    Use = 0x08 // EXTERNAL AUTHENTICATE
	UseInternal    Use = 0x09 // INTERNAL AUTHENTICATE
	UseUnload      Use = 0x10 // DULK
	UseOverdraft   Use = 0x11 // DUK
	UseBlock       Use = 0x12 // APPLICATION BLOCK; without it the maintenance key
	UseUnblock     Use = 0x13 // APPLICATION UNBLOCK; without it the maintenance key
	UseCardBlock   Use = 0x14 // CARD BLOCK; without it the card cannot be blocked here
)

// uses are their names in a profile.
var uses = map[string]Use{
	"purchase": UsePurchase, "load": UseLoad, "tac": UseTAC, "maintenance": UseMaintenance, "unblock-pin": UseUnblockPIN,
	"reload-pin": UseReloadPIN, "external": UseExternal, "internal": UseInternal, "unload": UseUnload, "overdraft": UseOverdraft,
	"block": UseBlock, "unblock": UseUnblock, "card-block": UseCardBlock,
}

// trades tells a key under which MACs of trades are made: wrong ones lock the purse.
func (u Use) trades() bool {
	return u == UsePurchase || u == UseLoad || u == UseUnload || u == UseOverdraft
}

// Key is a key of the purse.
type Key struct {
	Use     Use
	Index   byte // by which commands name it; 41 and above are usual for SM4
	Version byte // which INITIALIZE answers
	Alg     epurse.Alg
	// Tries is how often in a row a wrong MAC or cryptogram may come, 1 to 15; 0 is
	// without limit.
	Tries byte
	Value epurse.Key
}

// PIN is a PIN of two to six bytes, BCD. Its value prints as a fixed text.
type PIN struct {
	Number byte // 0 to 31
	Tries  byte // 1 to 15
	Value  cos.Secret
}

// Check fails with ErrSpec if the description contradicts itself.
func (s *Spec) Check() error {
	switch {
	case len(s.AID) < 5 || len(s.AID) > 16:
		return fmt.Errorf("name of %d bytes, want 5 to 16: %w", len(s.AID), ErrSpec)
	case s.ED == nil && s.EP == nil:
		return fmt.Errorf("there is neither ED nor EP: %w", ErrSpec)
	case s.AuthCode != nil && len(s.AuthCode) != authLength:
		return fmt.Errorf("authentication code of %d bytes, want %d: %w", len(s.AuthCode), authLength, ErrSpec)
	case len(s.Files) > maxFiles || len(s.Keys) > maxKeys || len(s.PINs) > maxPINs:
		return fmt.Errorf("%d files, %d keys and %d PINs, at most %d, %d and %d are possible: %w", len(s.Files), len(s.Keys), len(s.PINs), maxFiles, maxKeys, maxPINs, ErrSpec)
	}
	for _, a := range []*Account{s.ED, s.EP} {
		if a != nil && (a.Max > maxAmount || a.Opening > a.Max || a.Limit > a.Opening || a.Limit > maxOverdraft || !rules(a.Load, a.Purchase, a.Cash, a.Unload)) {
			return fmt.Errorf("account with balance %d of at most %d and overdraft %d: %w", a.Opening, a.Max, a.Limit, ErrSpec)
		}
	}
	if err := s.checkFiles(); err != nil {
		return err
	}
	return s.checkSecrets()
}

// rules tells whether all are valid rules without protection.
func rules(list ...cos.Access) bool {
	for _, r := range list {
		if !r.Valid() || r.Protection() != cos.Plain {
			return false
		}
	}
	return true
}

func (s *Spec) checkFiles() error {
	for i := range s.Files {
		f := &s.Files[i]
		if err := f.check(); err != nil {
			return fmt.Errorf("file %02X: %w", f.SFI, err)
		}
		for _, o := range s.Files[:i] {
			if o.SFI == f.SFI {
				return fmt.Errorf("file %02X is there twice: %w", f.SFI, ErrSpec)
			}
		}
	}
	if f := s.file(infoSFI); f == nil || f.Kind != cos.Transparent || len(f.Content) < infoLength {
		return fmt.Errorf("file %02X has to be there with %d bytes or more: %w", infoSFI, infoLength, ErrSpec)
	}
	for _, sfi := range []byte{s.Log, s.LoadLog} {
		if f := s.file(sfi); sfi != 0 && (f == nil || f.Kind != cos.Cyclic || f.RecordLength != logLength) || s.Log == 0 {
			return fmt.Errorf("log %02X has to be a cyclic file of records of %d bytes: %w", sfi, logLength, ErrSpec)
		}
	}
	return nil
}

func (s *Spec) file(sfi byte) *File {
	for i := range s.Files {
		if s.Files[i].SFI == sfi {
			return &s.Files[i]
		}
	}
	return nil
}

func (f *File) check() error {
	if f.SFI < 1 || f.SFI > maxSFI {
		return fmt.Errorf("want a short identifier of 1 to %d: %w", maxSFI, ErrSpec)
	}
	if !f.Read.Valid() || !f.Update.Valid() || f.TagBytes < 0 || f.TagBytes > 2 || f.Lock && f.TagBytes == 0 {
		return fmt.Errorf("rules or layout of records are not valid: %w", ErrSpec)
	}
	wrong := false
	switch f.Kind {
	case cos.Transparent:
		wrong = len(f.Content) == 0 || len(f.Content) > maxBinary || len(f.Records) > 0 || f.Capacity+f.RecordLength != 0 || f.Compound
	case cos.Variable:
		wrong = len(f.Records) == 0 || len(f.Records) > maxRecords || len(f.Content) > 0 || f.Capacity+f.RecordLength != 0
		for _, r := range f.Records {
			wrong = wrong || !f.fits(r)
		}
	case cos.Cyclic:
		wrong = f.Capacity < 1 || f.Capacity > maxRecords || f.RecordLength < 1 || f.RecordLength > maxRecord || len(f.Content)+len(f.Records) > 0 || f.TagBytes != 0
	default:
		wrong = true
	}
	if wrong {
		return fmt.Errorf("kind, size and content (%v, %d bytes, %d records) do not fit each other: %w", f.Kind, len(f.Content), len(f.Records), ErrSpec)
	}
	return nil
}

// fits tells whether a first record is long enough and its length byte is right.
func (f *File) fits(r []byte) bool {
	if len(r) == 0 || len(r) > maxRecord || f.TagBytes == 0 {
		return len(r) > 0 && len(r) <= maxRecord
	}
	return len(r) > f.TagBytes+1 && int(r[f.TagBytes]) == len(r)-f.TagBytes-1
}

func (s *Spec) checkSecrets() error {
	for i, k := range s.Keys {
		if !k.Alg.Valid() || k.Tries > maxTries || k.Use > UseCardBlock || k.Use == UseExternal && k.Index > cos.MaxReference {
			return fmt.Errorf("key %02X of use %02X: its algorithm, tries or index is not possible: %w", k.Index, byte(k.Use), ErrSpec)
		}
		for _, o := range s.Keys[:i] {
			if o.Use == k.Use && o.Index == k.Index {
				return fmt.Errorf("key %02X of use %02X is there twice: %w", k.Index, byte(k.Use), ErrSpec)
			}
		}
		if k.Use.trades() && s.tacKey(k.Alg) < 0 {
			return fmt.Errorf("key %02X of use %02X: there is no TAC key for %v: %w", k.Index, byte(k.Use), k.Alg, ErrSpec)
		}
	}
	for i, p := range s.PINs {
		if p.Number > cos.MaxReference || p.Tries < 1 || p.Tries > maxTries || !goodPIN(p.Value) {
			return fmt.Errorf("PIN %d: want a number up to %d, 1 to %d tries and %d to %d bytes without FF: %w", p.Number, cos.MaxReference, maxTries, minPIN, maxPIN, ErrSpec)
		}
		for _, o := range s.PINs[:i] {
			if o.Number == p.Number {
				return fmt.Errorf("PIN %d is there twice: %w", p.Number, ErrSpec)
			}
		}
	}
	return nil
}

// goodPIN tells whether bytes can be a PIN.
func goodPIN(pin []byte) bool {
	return len(pin) >= minPIN && len(pin) <= maxPIN && !bytes.Contains(pin, []byte{pinSeparator})
}

// key finds a key by its index, -1 if there is none.
func (s *Spec) key(use Use, index byte) int {
	for i := range s.Keys {
		if s.Keys[i].Use == use && s.Keys[i].Index == index {
			return i
		}
	}
	return -1
}

// tacKey finds the TAC key that goes with an algorithm, -1 if there is none.
func (s *Spec) tacKey(alg epurse.Alg) int {
	for i := range s.Keys {
		if s.Keys[i].Use == UseTAC && s.Keys[i].Alg == alg {
			return i
		}
	}
	return -1
}

// anyKey finds the first key of a use, or of a second one if there is none; -1
// without both.
func (s *Spec) anyKey(use, other Use) int {
	for _, u := range []Use{use, other} {
		for i := range s.Keys {
			if s.Keys[i].Use == u {
				return i
			}
		}
	}
	return -1
}
