package files

import (
	"crypto/subtle"
	"io"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/wire/apdu"
)

// factorLength is the length of a process factor and of what goes with it.
const factorLength = 8

// getChallenge is GET CHALLENGE, 00840000 04, 08 or 10 (ISO/IEC 7816-4, 7.5.3). Le 00
// gives eight bytes.
func (a *App) getChallenge(r *request) (apdu.SW, error) {
	n := r.Le
	if n == apdu.MaxShortLe {
		n = 8
	}
	switch {
	case r.P1 != 0 || r.P2 != 0:
		return apdu.SWWrongP1P2, nil
	case len(r.data) != 0 || n != 4 && n != 8 && n != 16:
		return apdu.SWWrongLength, nil
	}
	c := challenge{length: n}
	if a.rand == nil {
		return apdu.SWUnknown, nil
	}
	if _, err := io.ReadFull(a.rand, c.bytes()); err != nil {
		return apdu.SWUnknown, nil
	}
	a.challenge = c
	r.reply = append(a.scratch[:0], c.bytes()...)
	return apdu.SWOK, nil
}

// cipherText enciphers data, padded with 00 to whole blocks, block by block. Of an
// SM4 block its left half plus its right half are given, so that a cryptogram has
// eight bytes with either algorithm.
func cipherText(alg cryptogram.Alg, key cryptogram.Key, data []byte) []byte {
	b := block(alg, key)
	size := b.BlockSize()
	out := make([]byte, (len(data)+size-1)/size*size)
	copy(out, data)
	for i := 0; i < len(out); i += size {
		b.Encrypt(out[i:i+size], out[i:i+size])
	}
	if alg == cryptogram.SM4 {
		subtle.XORBytes(out[:8], out[:8], out[8:16])
		out = out[:8]
	}
	return out
}

// factorText is the cryptogram with a process factor: a session key is made of the
// factor and the key, and enciphers the data. With triple DES the session key is
// single DES, eight bytes; with SM4 it is the block of the factor filled up with
// zeros.
func factorText(alg cryptogram.Alg, key cryptogram.Key, factor, data []byte) []byte {
	var in, session cryptogram.Key
	copy(in[:], factor)
	b := block(alg, key)
	size := b.BlockSize()
	b.Encrypt(session[:size], in[:size])
	if alg == cryptogram.TDES {
		copy(session[8:], session[:8])
	}
	return cipherText(alg, session, data)
}

// externalAuthenticate is EXTERNAL AUTHENTICATE, 0082 00 key (ISO/IEC 7816-4,
// 7.5.4). The data is the enciphered challenge; with a key of form FormFactor, the
// cryptogram and then the eight bytes in it, the challenge being the factor. 6984:
// no challenge was taken just before.
func (a *App) externalAuthenticate(r *request) (apdu.SW, error) {
	switch {
	case r.P1 != 0:
		return apdu.SWWrongP1P2, nil
	case r.Le != apdu.NoLe || len(r.data) == 0:
		return apdu.SWWrongLength, nil
	}
	k, sw := a.usable(r.P2, cos.UseExternal)
	switch {
	case sw != apdu.SWOK:
		return sw, nil
	case r.challenge.length == 0:
		return apdu.SWDataInvalidated, nil
	case k.Form == cos.FormFactor && r.challenge.length != factorLength:
		return apdu.SWDataInvalidated, nil
	}
	want, got := a.cryptogram(&k, r)
	if len(want) != len(got) {
		return apdu.SWWrongLength, nil
	}
	a.revoke(&k)
	sw, err := a.attempt(k, func() bool { return subtle.ConstantTimeCompare(want, got) == 1 })
	if err == nil && sw == apdu.SWOK {
		a.allow(&k)
	}
	return sw, err
}

// cryptogram gives what the terminal should have sent and what it has sent.
func (a *App) cryptogram(k *cos.KeyEntry, r *request) (want, got []byte) {
	key := cryptogram.Key(k.Value)
	if k.Form == cos.FormChallenge {
		return cipherText(k.Alg, key, r.challenge.bytes()), r.data
	}
	if len(r.data) != 2*factorLength {
		return nil, r.data
	}
	return factorText(k.Alg, key, r.challenge.bytes(), r.data[factorLength:]), r.data[:factorLength]
}

// internalAuthenticate is INTERNAL AUTHENTICATE, 0088 00 key (ISO/IEC 7816-4,
// 7.5.2): the card enciphers eight bytes, or with a key of form FormFactor the
// first eight of sixteen under a session key of the other eight.
func (a *App) internalAuthenticate(r *request) (apdu.SW, error) {
	if r.P1 != 0 {
		return apdu.SWWrongP1P2, nil
	}
	k, sw := a.usable(r.P2, cos.UseInternal)
	if sw != apdu.SWOK {
		return sw, nil
	}
	key := cryptogram.Key(k.Value)
	switch {
	case k.Form == cos.FormChallenge && len(r.data) == factorLength:
		return r.answer(cipherText(k.Alg, key, r.data)), nil
	case k.Form == cos.FormFactor && len(r.data) == 2*factorLength:
		return r.answer(factorText(k.Alg, key, r.data[factorLength:], r.data[:factorLength])), nil
	}
	return apdu.SWWrongLength, nil
}

// Header of a key in WRITE KEY: version, algorithm, tries, form.
const keyHeader = 4

// writeKey is WRITE KEY, 84D4 usage number, enciphered: version, algorithm (00
// triple DES or PIN, 04 SM4), tries (at most, left: two equal halves), form, value.
// It puts a PIN or key into the current DF, in place of that of the same usage and
// number under the key file's rule for UPDATE, or beside it under that for APPEND.
// The command is the card makers'; what its header says is our reading of one
// trace. 6A88: the DF has no key file; 6A84: the file is full.
func (a *App) writeKey(r *request) (apdu.SW, error) {
	if r.Le != apdu.NoLe {
		return apdu.SWWrongLength, nil
	}
	f, ok := a.view.KeyFile(a.df)
	if !ok {
		return apdu.SWDataNotFound, nil
	}
	old, exists := a.view.OwnKey(a.df, cos.KeyUsage(r.P1), r.P2)
	op := cos.OpAppend
	if exists {
		op = cos.OpUpdate
	}
	rule, owner := a.rule(f, op)
	if sw, err := a.permit(r, f, op, rule.With(cos.Enciphered), owner); err != nil || sw != apdu.SWOK {
		return sw, err
	}
	spec, ok := keySpec(r)
	if !ok {
		return apdu.SWWrongData, nil
	}
	if exists {
		spec.Use = old.Use
	}
	sw, err := a.refused(a.fs.WriteKey(f, spec))
	if err == nil && sw == apdu.SWOK {
		a.revoke(&cos.KeyEntry{KeySpec: spec, DF: a.df})
	}
	return sw, err
}

// keySpec reads the data of WRITE KEY.
func keySpec(r *request) (cos.KeySpec, bool) {
	if len(r.data) < keyHeader {
		return cos.KeySpec{}, false
	}
	h, value := r.data[:keyHeader], r.data[keyHeader:]
	spec := cos.KeySpec{
		Usage: cos.KeyUsage(r.P1), Number: r.P2, Version: h[0], Tries: h[2] >> 4,
		Form: cos.KeyForm(h[3]), Value: value,
	}
	switch {
	case h[2]>>4 != h[2]&0x0F:
		return spec, false
	case spec.Usage == cos.UsePIN:
		return spec, h[1] == 0 && goodPIN(value)
	case h[1] == 0:
		spec.Alg = cryptogram.TDES
	case h[1] == byte(cryptogram.SM4):
		spec.Alg = cryptogram.SM4
	}
	return spec, spec.Check() == nil
}
