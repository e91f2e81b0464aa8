package rf

import (
	"time"

	"github.com/citycard/citycard/wire/tlv"
)

// Card is how long a card works on its commands.
type Card struct {
	// Crypto is what a command takes longer because the card makes a cryptogram or a
	// signature for it, or deciphers a PIN.
	Crypto Time
	// Commit is what the READ RECORD takes longer that completes a purchase: the card
	// writes balance, counters and log in one go.
	Commit Time
	// Base is the work of a command without that, by INS; Other of all not listed.
	Base  map[byte]Time
	Other Time

	last    [2]byte // P1 and P2 of the record with which the card pays
	hasLast bool
}

// Command codes (ISO/IEC 7816-4; EMV Book 3, 6.5; JR/T 0025.4 and .14).
const (
	insSelect       = 0xA4
	insGPO          = 0xA8
	insReadRecord   = 0xB2
	insGetData      = 0xCA
	insGenerateAC   = 0xAE
	insInternal     = 0x88
	insExternal     = 0x82
	insVerify       = 0x20
	insPutData      = 0xDA
	insUpdateRecord = 0xDC
	insChallenge    = 0x84
	insGetResponse  = 0xC0
	insReadCAPP     = 0xB4
	insUpdateCAPP   = 0xDE
	insTransProve   = 0x5A
	insInitialize   = 0x50 // of a purse
	insDebit        = 0x54
	insCreditLoad   = 0x52

	encipheredPIN = 0x88 // P2 of VERIFY
	headerLength  = 4
	statusLength  = 2
	statusDone    = 0x90
	entryLength   = 4 // of the file locator, tag 94
)

// DefaultCard is a dual-interface card of the middle of the 2010s, with the given
// time for its cryptography. The times are our choice; no standard has any.
func DefaultCard(crypto time.Duration) *Card {
	ms := func(n int64) Time { return Time(n * Carrier / 1000) }
	return &Card{
		Crypto: Of(crypto),
		Commit: ms(6),
		Other:  ms(3),
		Base: map[byte]Time{
			insSelect: ms(4), insGPO: ms(8), insReadRecord: ms(2), insGetData: ms(2), insGenerateAC: ms(8),
			insInternal: ms(4), insExternal: ms(6), insVerify: ms(6), insPutData: ms(8), insUpdateRecord: ms(8),
			insChallenge: ms(2), insGetResponse: 0, insReadCAPP: ms(3), insUpdateCAPP: ms(5), insTransProve: ms(2),
			insInitialize: ms(6), insDebit: ms(12), insCreditLoad: ms(12),
		},
	}
}

// Processing is how long the card works between a command and its answer. Give it
// the commands of a conversation in order: which record is the last, with which the
// card pays, it learns from the answer to GET PROCESSING OPTIONS.
func (c *Card) Processing(cmd, answer []byte) Time {
	if len(cmd) < headerLength {
		return c.Other
	}
	t, ok := c.Base[cmd[1]]
	if !ok {
		t = c.Other
	}
	switch {
	case cmd[1] == insSelect:
		c.hasLast = false
	case cmd[1] == insVerify && cmd[3] == encipheredPIN:
		return t + c.Crypto
	}
	if len(answer) < statusLength || answer[len(answer)-statusLength] != statusDone {
		return t
	}
	body := answer[:len(answer)-statusLength]
	switch cmd[1] {
	case insGPO:
		_, ac := tlv.Find(body, tlv.TagResponseFormat2, tlv.TagAC)
		// A pre-authorisation keeps its cryptogram on the card (JR/T 0025.14).
		if _, signed := tlv.Find(body, tlv.TagResponseFormat2, tlv.TagSDAD); ac || signed {
			t += c.Crypto
			c.locate(body)
		}
	case insGenerateAC, insInternal:
		t += c.Crypto
	case insReadRecord:
		if c.hasLast && c.last == [2]byte{cmd[2], cmd[3]} {
			t += c.Commit
		}
	}
	return t
}

// locate keeps which record of the file locator comes last, as READ RECORD names it
// (EMV Book 3, 6.5.11.2 and 10.2).
func (c *Card) locate(body []byte) {
	afl, ok := tlv.Find(body, tlv.TagResponseFormat2, tlv.TagAFL)
	c.hasLast = ok && len(afl) >= entryLength
	if c.hasLast {
		entry := afl[len(afl)-entryLength:]
		c.last = [2]byte{entry[2], entry[0]&0xF8 | 0x04}
	}
}
