package keystore

import (
	"errors"
	"fmt"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/oda"
)

// Usage is the one thing a key may be used for. Numbers stand in sealed files:
// none is ever reused.
type Usage byte

const (
	IssuerAC     Usage = 1 // master of the card keys for application cryptograms
	IssuerMAC    Usage = 2 // master of the card keys for balance and script MACs
	IssuerENC    Usage = 3 // master of the card keys for script encipherment
	TransportKEK Usage = 4 // wraps card keys on their way to personalisation
	TerminalSign Usage = 5 // SM2: a terminal signs its blocks
	AcquirerWrap Usage = 6 // SM2: data keys of blocks are wrapped for the acquirer
	AcquirerSign Usage = 7 // SM2: the acquirer signs receipts and downloads
	IssuerSign   Usage = 8 // SM2: an issuer signs card certificates (9F46)
	CASign       Usage = 9 // SM2: a certification authority signs issuer certificates (90)

	PursePurchase Usage = 10 // master of the purchase keys (DPK) of purses
	PurseTAC      Usage = 11 // master of their TAC keys (DTK)
	PurseLoad     Usage = 12 // master of their load keys (DLK)
	PurseUnload   Usage = 13 // master of their unload keys (DULK)
	StoreToken    Usage = 14 // names cards in a database, see TokenCipher
	ClerkSign     Usage = 15 // SM2: a clerk signs what he proposes or approves
	usageEnd      Usage = 16 // first unknown usage
)

var usageNames = [usageEnd]string{
	IssuerAC: "issuer-ac", IssuerMAC: "issuer-mac", IssuerENC: "issuer-enc", TransportKEK: "transport-kek",
	TerminalSign: "terminal-sign", AcquirerWrap: "acquirer-wrap", AcquirerSign: "acquirer-sign",
	IssuerSign: "issuer-sign", CASign: "ca-sign",
	PursePurchase: "purse-purchase", PurseTAC: "purse-tac", PurseLoad: "purse-load", PurseUnload: "purse-unload",
	StoreToken: "store-token", ClerkSign: "clerk-sign",
}

// String gives a word with hyphens, e.g. "issuer-ac".
func (u Usage) String() string {
	if u > 0 && u < usageEnd {
		return usageNames[u]
	}
	return fmt.Sprintf("usage %d", byte(u))
}

// symmetric tells whether keys of this usage are block cipher keys.
func (u Usage) symmetric() bool {
	return u >= IssuerAC && u <= TransportKEK || u >= PursePurchase && u <= StoreToken
}

// Algorithm is what kind of key it is. The symmetric ones have the numbers of
// cryptogram.Alg.
type Algorithm byte

const (
	TDES Algorithm = 0x01 // double length triple DES
	SM4  Algorithm = 0x04
	SM2  Algorithm = 0x12
)

// String names the algorithm.
func (a Algorithm) String() string {
	if a == SM2 {
		return "SM2"
	}
	return cryptogram.Alg(a).String()
}

// Errors that a caller may ask for with errors.Is.
var (
	ErrNotFound   = errors.New("no key of this name in the keystore")
	ErrUsage      = errors.New("the key is not for this use")
	ErrKey        = errors.New("unusable key")
	ErrExists     = errors.New("the keystore has a key of this name already")
	ErrKCV        = errors.New("check value does not match: wrong transport key, or the wrapped key was changed")
	ErrPassphrase = errors.New("wrong passphrase, or the keystore file was changed")
	ErrFormat     = errors.New("not a keystore file")
)

// Info is what may be known about a key.
type Info struct {
	Name      string
	Usage     Usage
	Algorithm Algorithm
	KCV       [3]byte  // see cryptogram.KCV; zero for SM2
	Public    [64]byte // X || Y of an SM2 key; zero otherwise
}

// key is one entry. secret is the only copy besides the prepared forms.
type key struct {
	info   Info
	secret []byte           // 16 bytes symmetric, 32 bytes SM2
	block  cryptogram.Block // symmetric keys
	sm2    *oda.SM2Private
}

const redacted = "[keys withheld]"
