package psam

import (
	"fmt"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/crypt/epurse"
)

// Short identifiers with a meaning of their own.
const (
	sfiSerial   = 0x15 // of the MF: serial number, version, type; in its FCI
	sfiTerminal = 0x16 // of the MF: the terminal number, six bytes
	sfiPublic   = 0x17 // of an application: key index and validity; in its FCI
	sfiCounter  = 0x18 // of an application: its counter, no file of its own
)

const (
	maxDirectories = 8
	maxFiles       = 16 // of one directory
	maxFileSize    = 256
	maxInfo        = 30 // bytes of a file in an FCI
	maxIDs         = 0x1E
	// Tries is how many wrong MACs in a row an application and its maintenance
	// stand.
	Tries = 3
)

// FileSpec is a transparent file. Everybody may read it.
type FileSpec struct {
	// SFI is the short identifier, 1 to 30; the identifier is 00 and the same.
	SFI     byte
	Size    int    // 1 to 256
	Content []byte // the rest is 00
	// Protected lets UPDATE BINARY change the file, with a MAC under the
	// directory's key of type TypeModule. Else nothing changes it.
	Protected bool
}

// Directory is the MF or an application.
type Directory struct {
	ID   uint16 // 3F00 for the MF
	Name []byte // of an application, 5 to 16 bytes; nil for none
	// Counter is the last terminal transaction number that was used.
	Counter uint32
	// AuthCode wants the card's authentication code before each purchase, and adds
	// it to MAC1 (City Union).
	AuthCode bool
	Files    []FileSpec
	Keys     []KeySpec
}

// Spec is a whole module.
type Spec struct {
	Name []byte // by which SELECT finds the module, 5 to 16 bytes
	// Serial is the content of file 15 of the MF, at most 30 bytes: serial number
	// (10), version, type.
	Serial   []byte
	Terminal epurse.Terminal // file 16 of the MF
	// Key protects changes of the MF's files; nil if nothing changes them.
	Key *KeySpec
	// Applications are the directories below the MF.
	Applications []Directory
}

// root makes the MF.
func (s *Spec) root() Directory {
	d := Directory{ID: cos.MasterFile, Files: []FileSpec{
		{SFI: sfiSerial, Size: max(len(s.Serial), 1), Content: s.Serial},
		{SFI: sfiTerminal, Size: len(s.Terminal), Content: s.Terminal[:], Protected: s.Key != nil},
	}}
	if s.Key != nil {
		d.Keys = []KeySpec{*s.Key}
	}
	return d
}

func (s *Spec) check() error {
	if n := len(s.Name); n < 5 || n > 16 {
		return fmt.Errorf("name of %d bytes, want 5 to 16: %w", n, ErrSpec)
	}
	if len(s.Serial) > maxInfo {
		return fmt.Errorf("serial number of %d bytes, at most %d are possible: %w", len(s.Serial), maxInfo, ErrSpec)
	}
	if n := len(s.Applications); n < 1 || n > maxDirectories {
		return fmt.Errorf("%d applications, want 1 to %d: %w", n, maxDirectories, ErrSpec)
	}
	if s.Key != nil && s.Key.Type != TypeModule {
		return fmt.Errorf("the key of the MF has type %d, want %d: %w", s.Key.Type, TypeModule, ErrSpec)
	}
	for i := range s.Applications {
		d := &s.Applications[i]
		if d.ID <= maxIDs || d.ID == cos.MasterFile || d.ID == 0x3FFF || d.ID == 0xFFFF {
			return fmt.Errorf("application %04X: the identifier is reserved: %w", d.ID, ErrSpec)
		}
		if n := len(d.Name); n != 0 && (n < 5 || n > 16) {
			return fmt.Errorf("application %04X: name of %d bytes, want 5 to 16: %w", d.ID, n, ErrSpec)
		}
		for j := range s.Applications[:i] {
			o := &s.Applications[j]
			if o.ID == d.ID || len(d.Name) > 0 && string(o.Name) == string(d.Name) {
				return fmt.Errorf("application %04X, name %X, is there twice: %w", d.ID, d.Name, ErrSpec)
			}
		}
		if len(d.Name) > 0 && string(d.Name) == string(s.Name) {
			return fmt.Errorf("application %04X has the name of the module: %w", d.ID, ErrSpec)
		}
	}
	return nil
}

func (d *Directory) check() error {
	if len(d.Files) > maxFiles || len(d.Keys) > maxKeys {
		return fmt.Errorf("directory %04X: %d files and %d keys, at most %d and %d are possible: %w", d.ID, len(d.Files), len(d.Keys), maxFiles, maxKeys, ErrSpec)
	}
	for i, f := range d.Files {
		switch {
		case f.SFI < 1 || f.SFI > maxIDs || f.SFI == sfiCounter:
			return fmt.Errorf("directory %04X: short identifier %02X, want 01 to 1E and not %02X: %w", d.ID, f.SFI, sfiCounter, ErrSpec)
		case f.Size < 1 || f.Size > maxFileSize || len(f.Content) > f.Size:
			return fmt.Errorf("directory %04X: file %02X has %d bytes of content for a size of %d, want a size of 1 to %d: %w", d.ID, f.SFI, len(f.Content), f.Size, maxFileSize, ErrSpec)
		case f.Protected && d.key(TypeModule) == nil:
			return fmt.Errorf("directory %04X: file %02X can be changed under a key of type %d, which is missing: %w", d.ID, f.SFI, TypeModule, ErrSpec)
		}
		for _, o := range d.Files[:i] {
			if o.SFI == f.SFI {
				return fmt.Errorf("directory %04X: file %02X is there twice: %w", d.ID, f.SFI, ErrSpec)
			}
		}
	}
	for i := range d.Keys {
		k := &d.Keys[i]
		if err := k.check(); err != nil {
			return fmt.Errorf("directory %04X: %w", d.ID, err)
		}
		for j := range d.Keys[:i] {
			if o := &d.Keys[j]; o.Type == k.Type && (o.Index == k.Index && (o.Alg == k.Alg || k.Type != TypePurchase) || k.Type == TypeModule) {
				return fmt.Errorf("directory %04X: key %02X of type %d is there twice: %w", d.ID, k.Index, k.Type, ErrSpec)
			}
		}
	}
	return nil
}

// key is the only key of a type.
func (d *Directory) key(t KeyType) *KeySpec {
	for i := range d.Keys {
		if d.Keys[i].Type == t {
			return &d.Keys[i]
		}
	}
	return nil
}

// find is the key of a type and index for DES CRYPT; nil if there is none.
func (d *Directory) find(t KeyType, index byte) *KeySpec {
	for i := range d.Keys {
		if k := &d.Keys[i]; k.Type == t && k.Index == index {
			return k
		}
	}
	return nil
}

// purchaseKey is the purchase key that a card's answer names by index and
// algorithm; nil if there is none.
func (d *Directory) purchaseKey(index, alg byte) *KeySpec {
	for i := range d.Keys {
		if k := &d.Keys[i]; k.Type == TypePurchase && k.Index == index && byte(k.Alg) == alg {
			return k
		}
	}
	return nil
}

// checkShared refuses a value that DES CRYPT works with if it is also a key of
// another type, number of levels or form: what the terminal has enciphered under
// the one would give away session keys or keys of cards of the other.
func checkShared(dirs []Directory) error {
	type use struct {
		kind   KeyType
		levels int
		form   KeyForm
	}
	uses := map[epurse.Key]use{}
	for i := range dirs {
		for _, k := range dirs[i].Keys {
			value := k.Value
			for j := range value {
				value[j] &^= 1 // parity makes no other key of triple DES
			}
			now := use{k.Type, k.Levels, k.Form}
			before, known := uses[value]
			if known && before != now && (before.kind.crypts() || k.Type.crypts()) {
				return fmt.Errorf("directory %04X: key %02X of type %d is also a key of type %d with %d levels: a key for DES CRYPT needs a value of its own: %w", dirs[i].ID, k.Index, k.Type, before.kind, before.levels, ErrSpec)
			}
			uses[value] = now
		}
	}
	return nil
}
