package authorise

import (
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/tlv"
)

// Limits of field 55 (GB/T 15150: binary, up to 255 bytes; a reversal may hold the
// results of many scripts, up to the three digits of its length).
const (
	MaxICC         = 255
	MaxReversalICC = 999
)

// ErrICC says that field 55 of a request or reversal cannot be worked with.
var ErrICC = errors.New("field 55 cannot be read")

// ICC is field 55 of a request: what terminal and card said to each other.
type ICC struct {
	Terminal cryptogram.TerminalInput
	Card     cryptogram.CardInput // CVR from IAD
	IAD      cryptogram.IAD
	RawIAD   []byte // 9F10; part of the input
	AC       [8]byte
	// CID is 9F27, absent in qPBOC, where HasCID is false.
	CID    byte
	HasCID bool
}

// signsAll tells whether the cryptogram covers currency and transaction type, which
// version 17 does not.
func (x *ICC) signsAll() bool { return x.IAD.CVN == cryptogram.CVN01 }

// asks tells whether the card asked for its issuer: the CVR says ARQC first and no
// second decision yet (JR/T 0025.5), and 9F27, which no cryptogram covers, says ARQC
// too. The TC or AAC after an ARQC that never came here has the same first decision.
func (x *ICC) asks() bool {
	return x.IAD.CVR[0]&0xF0 == 0xA0 && (!x.HasCID || x.CID&0xC0 == 0x80)
}

// field is one data element of fixed length that ParseICC takes.
type field struct {
	tag  tlv.Tag
	to   func(*ICC) []byte
	only cryptogram.CVN // needed for this version only; 0: for all
}

var fields = [...]field{
	{tlv.TagAmountAuthorised, func(x *ICC) []byte { return x.Terminal.Amount[:] }, 0},
	{tlv.TagUN, func(x *ICC) []byte { return x.Terminal.UN[:] }, 0},
	{tlv.TagAC, func(x *ICC) []byte { return x.AC[:] }, 0},
	{tlv.TagAmountOther, func(x *ICC) []byte { return x.Terminal.Other[:] }, cryptogram.CVN01},
	{tlv.TagTerminalCountry, func(x *ICC) []byte { return x.Terminal.Country[:] }, cryptogram.CVN01},
	{tlv.TagTVR, func(x *ICC) []byte { return x.Terminal.TVR[:] }, cryptogram.CVN01},
	{tlv.TagTransactionCurrency, func(x *ICC) []byte { return x.Terminal.Currency[:] }, cryptogram.CVN01},
	{tlv.TagTransactionDate, func(x *ICC) []byte { return x.Terminal.Date[:] }, cryptogram.CVN01},
	{tlv.TagAIP, func(x *ICC) []byte { return x.Card.AIP[:] }, cryptogram.CVN01},
}

// maxObjects is more than any terminal sends.
const maxObjects = 64

// objects reads field 55 as data objects, each there once, none inside another.
func objects(b []byte, most int) (map[tlv.Tag][]byte, error) {
	if len(b) > most {
		return nil, fmt.Errorf("%d bytes, at most %d are possible: %w", len(b), most, ErrICC)
	}
	out := make(map[tlv.Tag][]byte, 24)
	it := tlv.Iterate(b)
	for it.Next() {
		if _, twice := out[it.Tag]; twice {
			return nil, fmt.Errorf("%v is there twice: %w", it.Tag, ErrICC)
		}
		if len(out) == maxObjects {
			return nil, fmt.Errorf("more than %d data objects: %w", maxObjects, ErrICC)
		}
		out[it.Tag] = it.Value
	}
	if err := it.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", err, ErrICC)
	}
	return out, nil
}

// ParseICC reads field 55 of a request (GB/T 15150; JR/T 0025.5): 9F26 9F10 9F36 9F37
// 9F02, with cryptogram version 01 also 9F03 9F1A 95 5F2A 9A 9C 82, and whatever else.
// It refuses, with ErrICC: an object that is missing, of another length or there twice,
// 9F10 of another layout, an amount that is not decimal, more than MaxICC bytes.
func ParseICC(b []byte) (*ICC, error) {
	all, err := objects(b, MaxICC)
	if err != nil {
		return nil, err
	}
	x := &ICC{RawIAD: all[tlv.TagIAD]}
	if x.RawIAD == nil {
		return nil, missing(tlv.TagIAD)
	}
	if x.IAD, err = cryptogram.ParseIAD(x.RawIAD); err != nil {
		return nil, fmt.Errorf("9F10: %w: %w", err, ErrICC)
	}
	x.Card.CVR = x.IAD.CVR
	for i := range fields {
		f := &fields[i]
		if err := fill(f.to(x), f.tag, all, f.only == 0 || f.only == x.IAD.CVN); err != nil {
			return nil, err
		}
	}
	var atc [2]byte
	if err := fill(atc[:], tlv.TagATC, all, true); err != nil {
		return nil, err
	}
	x.Card.ATC = uint16(atc[0])<<8 | uint16(atc[1])
	var one [1]byte
	if err := fill(one[:], tlv.TagTransactionType, all, x.IAD.CVN == cryptogram.CVN01); err != nil {
		return nil, err
	}
	x.Terminal.Type = one[0]
	one[0] = 0
	if err := fill(one[:], tlv.TagCID, all, false); err != nil {
		return nil, err
	}
	_, x.HasCID = all[tlv.TagCID]
	x.CID = one[0]
	if _, err := money.FromN12(x.Terminal.Amount[:]); err != nil {
		return nil, fmt.Errorf("9F02: %w: %w", err, ErrICC)
	}
	return x, nil
}

func missing(tag tlv.Tag) error {
	return fmt.Errorf("%v is missing, the cryptogram cannot be checked without it: %w", tag, ErrICC)
}

func fill(dst []byte, tag tlv.Tag, all map[tlv.Tag][]byte, needed bool) error {
	v, there := all[tag]
	switch {
	case !there && needed:
		return missing(tag)
	case there && len(v) != len(dst):
		return fmt.Errorf("%v has %d bytes, want %d: %w", tag, len(v), len(dst), ErrICC)
	}
	copy(dst, v)
	return nil
}

// ScriptResult is what a terminal says about one script, five bytes of DF31 (EMV Book
// 4, annex A5).
type ScriptResult struct {
	// Outcome: 0 not performed, 1 failed at command Number, 2 successful.
	Outcome byte
	Number  byte // 15 for 15 and more
	ID      [4]byte
}

// ParseResults reads the script results out of field 55 of a reversal: DF31, or 9F5B
// of older terminals. The error is ErrICC; field 55 may be empty, and the results too.
func ParseResults(b []byte) ([]ScriptResult, error) {
	all, err := objects(b, MaxReversalICC)
	if err != nil {
		return nil, err
	}
	tag := tlv.TagIssuerScriptResult
	v, there := all[tag]
	if !there {
		tag = tlv.TagScriptResults
		v = all[tag]
	}
	if len(v)%5 != 0 {
		return nil, fmt.Errorf("%v has %d bytes, want 5 for each script: %w", tag, len(v), ErrICC)
	}
	var out []ScriptResult
	for ; len(v) > 0; v = v[5:] {
		r := ScriptResult{Outcome: v[0] >> 4, Number: v[0] & 15, ID: [4]byte(v[1:5])}
		if r.Outcome > 2 {
			return nil, fmt.Errorf("%v has a script result %s, want 0, 1 or 2: %w", tag, hex.EncodeToString(v[:1]), ErrICC)
		}
		out = append(out, r)
	}
	return out, nil
}
