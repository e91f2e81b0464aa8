package psam

import (
	"errors"
	"fmt"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/epurse"
)

// ErrSpec says that the description of a module contradicts itself.
var ErrSpec = errors.New("not a possible security module")

// KeyType says what a key is for; it stands in the lower five bits of the usage
// byte of INIT_FOR_DESCRYPT.
type KeyType byte

// The types that a module can hold. There is none for loading keys: a module is
// issued with all that it needs.
const (
	TypeModule      KeyType = 1 // protects changes of the module's own files
	TypePurchase    KeyType = 2 // purchase, cash and compound purchase (DPK)
	TypeUnblock     KeyType = 3 // PIN UNBLOCK of a card (DPUK)
	TypeReload      KeyType = 4 // RELOAD PIN of a card (DPRK)
	TypeMaintenance KeyType = 5 // line protection of a card (DAMK)
	TypeMAC         KeyType = 6 // MAC only: records of CAPP, TAC
	TypeEncipher    KeyType = 7 // enciphering only: EXTERNAL AUTHENTICATE
	TypeBoth        KeyType = 8 // MAC and enciphering
)

// crypts tells whether INIT_FOR_DESCRYPT may prepare keys of the type.
func (t KeyType) crypts() bool { return t >= TypeUnblock && t <= TypeBoth }

// KeyForm is how a working key is made from the diversified key.
type KeyForm byte

// The forms.
const (
	// FormDirect: the diversified key is the working key.
	FormDirect KeyForm = iota
	// FormHalves: the left half xor the right half, single DES, as the TAC and
	// RELOAD PIN take it; with SM4 as FormDirect (our choice).
	FormHalves
	// FormFactor: the diversified key enciphers a process factor of eight bytes,
	// and the result is the working key: single DES, or with SM4 the block of the
	// factor filled up with 00 (LD/T 32; our choice).
	FormFactor
)

// KeySpec is one key of an application.
type KeySpec struct {
	Type KeyType
	// Index is the key index or version by which commands name it. Purchase keys of
	// one index may differ in their algorithm, which the card says too.
	Index byte
	Alg   epurse.Alg
	// Levels is how many factors diversify the key, 0 to 3, at least 1 for a
	// purchase key: no more and no fewer, for the key of one level lower is a
	// secret of the issuer.
	Levels int
	Form   KeyForm
	// Value of a key that DES CRYPT works with is that of no key of another type,
	// number of levels or form in the whole module.
	Value epurse.Key
}

const (
	maxLevels = 3
	maxKeys   = 64 // of one application
)

func (k *KeySpec) check() error {
	switch {
	case k.Type != TypeModule && k.Type != TypePurchase && !k.Type.crypts():
		return fmt.Errorf("key %02X: type %d is not known: %w", k.Index, k.Type, ErrSpec)
	case !k.Alg.Valid():
		return fmt.Errorf("key %02X of type %d: %v is neither 3DES nor SM4: %w", k.Index, k.Type, k.Alg, ErrSpec)
	case k.Levels < 0 || k.Levels > maxLevels:
		return fmt.Errorf("key %02X of type %d: %d levels, want 0 to %d: %w", k.Index, k.Type, k.Levels, maxLevels, ErrSpec)
	case k.Form > FormFactor || !k.Type.crypts() && k.Form != FormDirect:
		return fmt.Errorf("key %02X of type %d cannot have form %d: %w", k.Index, k.Type, k.Form, ErrSpec)
	case k.Form == FormFactor && k.Type != TypeEncipher && k.Type != TypeBoth:
		return fmt.Errorf("key %02X of type %d: a process factor belongs to keys that encipher: %w", k.Index, k.Type, ErrSpec)
	case k.Type == TypePurchase && k.Levels == 0:
		return fmt.Errorf("purchase key %02X: it needs a level of diversification: %w", k.Index, ErrSpec)
	case k.Type == TypeModule && k.Levels != 0:
		return fmt.Errorf("key %02X protects the module itself, it cannot be diversified: %w", k.Index, ErrSpec)
	}
	return nil
}

// cipherOf prepares a key as a block cipher.
func cipherOf(alg epurse.Alg, key epurse.Key) cryptogram.Block {
	a := cryptogram.TDES
	if alg == epurse.SM4 {
		a = cryptogram.SM4
	}
	b, err := cryptogram.NewBlock(a, key)
	if err != nil {
		panic("psam: a key that was checked was refused: " + err.Error())
	}
	return b
}

// single is a triple DES key that works as single DES under its left half.
func single(key epurse.Key) epurse.Key {
	copy(key[8:], key[:8])
	return key
}

// working makes the working key of a diversified one. factor is the process factor
// of FormFactor.
func (k *KeySpec) working(key epurse.Key, factor []byte) epurse.Key {
	switch {
	case k.Form == FormHalves && k.Alg == epurse.TDES:
		var half epurse.Key
		epurse.TACSession(k.Alg, key).Bytes(half[:0])
		return single(half)
	case k.Form == FormFactor:
		b := cipherOf(k.Alg, key)
		var x epurse.Key
		copy(x[:], factor)
		b.Encrypt(x[:b.BlockSize()], x[:b.BlockSize()])
		if k.Alg == epurse.TDES {
			x = single(x)
		}
		return x
	}
	return key
}

// factors reads diversification factors from a command, where the card's comes
// first and the issuer's, which is applied first, last. More than a key can have
// are left.
func factors(b []byte) (list [maxLevels]epurse.Factor, n int) {
	for n = 0; len(b) >= factorSize && n < maxLevels; n++ {
		list[n] = epurse.Factor(b[len(b)-factorSize:])
		b = b[:len(b)-factorSize]
	}
	return list, n
}

const factorSize = 8
