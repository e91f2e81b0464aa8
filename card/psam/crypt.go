package psam

import (
	"crypto/subtle"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/wire/apdu"
)

// work is what INIT_FOR_DESCRYPT has prepared.
type work struct {
	ready    bool
	mac      bool // the key makes MACs
	encipher bool // the key enciphers
	alg      epurse.Alg
	key      epurse.Key
	chained  bool     // a MAC is under way
	chain    [16]byte // its last block
}

// Bits of P1 of DES CRYPT.
const (
	cryptMAC   = 0x01
	cryptMore  = 0x02 // more blocks follow
	cryptStart = 0x04 // the data begins with the initial value
)

// initCrypt is INIT_FOR_DESCRYPT, 801A usage index: the upper three bits of usage
// say how many factors there are, the others the key's type; the data are the
// factors, the card's first, and with a key of FormFactor eight bytes more, the
// process factor. It prepares the working key for DES CRYPT, until a directory is
// selected or another key is prepared.
//
// 6985: a key of this type, or with this number of levels, is not to be used so;
// 6A86: the type is not known; 6A88: there is no such key; 9303: the application is
// locked.
func (a *App) initCrypt(r *request) (apdu.SW, error) {
	return a.prepare(r, false), nil
}

// deliverKey is DELIVERY KEY, BFDE usage index, of the modules for social security
// cards (LD/T 32): INIT_FOR_DESCRYPT for keys of FormFactor alone.
func (a *App) deliverKey(r *request) (apdu.SW, error) {
	return a.prepare(r, true), nil
}

func (a *App) prepare(r *request, factorOnly bool) apdu.SW {
	a.work = work{}
	levels, kind := int(r.P1>>5), KeyType(r.P1&0x1F)
	switch {
	case a.locked():
		return apdu.SWPurseLocked
	case r.Le != apdu.NoLe:
		return apdu.SWWrongLength
	case kind < TypeUnblock:
		return apdu.SWConditions
	case !kind.crypts():
		return apdu.SWWrongP1P2
	}
	k := a.current().find(kind, r.P2)
	switch {
	case k == nil:
		return apdu.SWDataNotFound
	case k.Levels != levels, factorOnly && k.Form != FormFactor:
		return apdu.SWConditions
	}
	own := factorSize * levels
	want := own
	if k.Form == FormFactor {
		want += factorSize
	}
	if len(r.Data) != want {
		return apdu.SWWrongLength
	}
	list, _ := factors(r.Data[:own])
	key := epurse.Diversify(k.Alg, k.Value, list[:levels]...)
	a.work = work{ready: true, alg: k.Alg, key: k.working(key, r.Data[own:]),
		mac: kind != TypeEncipher, encipher: kind != TypeMAC && kind != TypeReload}
	return apdu.SWOK
}

// crypt is DES CRYPT, 80FA, with the prepared key. The terminal pads: data are whole
// blocks, of eight bytes or with SM4 of sixteen.
//
//   - P1 00 enciphers block by block. With SM4 eight bytes are taken too: they are
//     filled up with 00 and the left half xor the right half is answered, as
//     EXTERNAL AUTHENTICATE wants it (our choice).
//   - P1 05 answers the MAC (4) over the data after their first block, which is
//     the initial value: ISO 9797-1 algorithm 3 for triple DES, CBC-MAC for SM4.
//     P1 07 is the same for a message whose first part this is, 03 a part in the
//     middle, and 01 the last, which answers the MAC.
//
// 6901: no key is prepared, or no MAC is under way; 6985: the key is not for this;
// 6A86: P1 or P2 is another.
func (a *App) crypt(r *request) (apdu.SW, error) {
	w := &a.work
	chained := w.chained
	w.chained = false
	first := r.P1&cryptStart != 0
	if r.P2 != 0 || r.P1 > cryptMAC|cryptMore|cryptStart || r.P1 != 0 && r.P1&cryptMAC == 0 {
		return apdu.SWWrongP1P2, nil
	}
	switch {
	case a.locked():
		return apdu.SWPurseLocked, nil
	case !w.ready:
		return apdu.SWWrongState, nil
	case r.P1 == 0 && !w.encipher, r.P1 != 0 && !w.mac:
		return apdu.SWConditions, nil
	case r.P1 == 0:
		return a.encipher(r), nil
	case !first && !chained:
		return apdu.SWWrongState, nil
	}
	size := w.alg.BlockSize()
	data := r.Data
	least := size
	if first {
		least += size
	}
	if len(data)%size != 0 || len(data) < least {
		return apdu.SWWrongLength, nil
	}
	if r.P1&cryptMore != 0 && r.Le != apdu.NoLe {
		return apdu.SWWrongLength, nil
	}
	if sw, ok := r.expects(macSize); !ok && r.P1&cryptMore == 0 {
		w.chained = chained
		return sw, nil
	}
	if first {
		copy(w.chain[:size], data)
		data = data[size:]
	}
	w.add(data, r.P1&cryptMore == 0)
	if r.P1&cryptMore != 0 {
		w.chained = true
		return apdu.SWOK, nil
	}
	return r.answer(append(a.scratch[:0], w.chain[:macSize]...)), nil
}

// add takes whole blocks into the MAC. Triple DES chains with its left half alone
// but for the very last block.
func (w *work) add(data []byte, last bool) {
	whole := cipherOf(w.alg, w.key)
	part := whole
	if w.alg == epurse.TDES {
		part = cipherOf(w.alg, single(w.key))
	}
	size := whole.BlockSize()
	x := w.chain[:size]
	for ; len(data) > 0; data = data[size:] {
		subtle.XORBytes(x, x, data[:size])
		var b cryptogram.Block = part
		if last && len(data) == size {
			b = whole
		}
		b.Encrypt(x, x)
	}
}

func (a *App) encipher(r *request) apdu.SW {
	w := &a.work
	size := w.alg.BlockSize()
	if w.alg == epurse.SM4 && len(r.Data) == factorSize {
		folded := epurse.Authentication(w.alg, w.key, r.Data)
		return r.answer(append(a.scratch[:0], folded[:]...))
	}
	if len(r.Data) == 0 || len(r.Data)%size != 0 {
		return apdu.SWWrongLength
	}
	b := cipherOf(w.alg, w.key)
	out := append(a.scratch[:0], r.Data...)
	for i := 0; i < len(out); i += size {
		b.Encrypt(out[i:i+size], out[i:i+size])
	}
	return r.answer(out)
}
