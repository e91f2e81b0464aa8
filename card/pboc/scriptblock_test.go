package pboc_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// TestBlocks: APPLICATION BLOCK, its end, CARD BLOCK.
func TestBlocks(t *testing.T) {
	for _, alg := range scriptAlgs {
		i := newIssuer(t, alg)
		noError(t, i.online())
		i.ok(i.script("841E0000", nil))
		i.want(selectDC, apdu.SWInvalidated)
		// The way to the unblock: SELECT 6283, GPO, an AAC, the script.
		i.ok(scriptGPO)
		data := i.ok(generateAC(t, 0x80, ""))
		if data[2]&0xC0 != 0 {
			t.Fatalf("%v: a blocked application gives 9F27 %02X", alg, data[2])
		}
		i.atc, i.ac = uint16(data[3])<<8|uint16(data[4]), [8]byte(data[5:])
		i.ok(i.script("84180000", nil))
		i.ok(selectDC)
		if st := i.state(); st.Invalidated {
			t.Fatalf("%v: %+v", alg, st)
		}
		noError(t, i.online())
		i.ok(i.script("84160000", nil))
		for range 2 {
			for _, cmd := range []string{selectDC, selectDirectory} {
				if _, sw := i.send(cmd); sw != apdu.SWNotSupported {
					t.Errorf("%v: a blocked card answers %s with %v", alg, cmd, sw)
				}
			}
			i = i.insert(i.chip.Snapshot(nil))
		}
		if st := i.state(); !st.CardBlocked || st.Balance != 10000 {
			t.Errorf("%v: %+v", alg, st)
		}
	}
}

// TestCardBlockAtOnce: CARD BLOCK before the second GENERATE AC, which then declines.
func TestCardBlockAtOnce(t *testing.T) {
	i := newIssuer(t, cryptogram.TDES)
	noError(t, i.first())
	i.ok(i.script("84160000", nil))
	if data := i.ok(generateAC(t, 0x40, "00")); data[2]&0xC0 != 0 {
		t.Errorf("9F27 %02X after CARD BLOCK", data[2])
	}
}

// TestRecordRoom: the memory for changed records is used to its last byte.
func TestRecordRoom(t *testing.T) {
	i := newIssuer(t, cryptogram.TDES)
	noError(t, i.online())
	const room = scriptRoom - 2 - 3 // counts in use, header of the record
	body := func(n int) []byte {    // with 5B of n bytes, two lengths of two bytes
		v := tlv.Append(nil, tlv.TagRecordTemplate, tlv.Append(nil, 0x5B, make([]byte, n-6)))
		if len(v) != n {
			t.Fatalf("record of %d bytes, want %d", len(v), n)
		}
		return v
	}
	i.want(i.script("04DC0224", body(room+1)), apdu.SWNoSpace)
	i.ok(i.script("04DC0224", body(room)))
	i.want(i.script("04DC010C", hexBytes(t, "7000")), apdu.SWNoSpace)
	if got := i.ok("00B2022400"); !bytes.Equal(got, body(room)) {
		t.Errorf("record is %X", got)
	}
}

// TestBlockedOverTheAir: a blocked application pays nothing over the air.
func TestBlockedOverTheAir(t *testing.T) {
	i := newIssuer(t, cryptogram.TDES)
	noError(t, i.online())
	i.ok(i.script("841E0000", nil))
	i.chip.UseInterface(card.Contactless)
	noError(t, i.chip.PowerOn(randomFrom(4)))
	i.want(selectDC, apdu.SWInvalidated)
	i.want(fmt.Sprintf("80A8000023 8321 %s 00", "28000000 000000000100 000000000000 0156 0000000000 0156 251120 00 11223344"), apdu.SWConditions)
}

// TestScriptMemoryRefused: memory that no card of the product can have.
func TestScriptMemoryRefused(t *testing.T) {
	c := scriptCard(t, cryptogram.TDES)
	p := c.Product
	p.Limits.HasCTTAUpper, p.Limits.CTTAUpper = false, 0
	noError(t, p.Prepare())
	good := append(c.Personalise(nil), make([]byte, p.MemorySize())...)[:p.MemorySize()]
	noError(t, c.CheckMemory(good))
	find := func(value string) int {
		at := bytes.Index(good, hexBytes(t, value))
		if at < 0 {
			t.Fatalf("%s is not in the memory of a new card", value)
		}
		return at
	}
	region := len(good) - p.Contact.Updatable
	for what, edit := range map[string]func(b []byte){
		"9F77 is":           func(b []byte) { b[find("000000500000")] = 0xA0 },
		"9F73 is":           func(b []byte) { b[find("20000092")+3] = 0x9F },
		"9F5C is":           func(b []byte) { b[find("000000100000000000000000000000100000")+11] = 1 },
		"there is room for": func(b []byte) { b[region] = 1 },
		"cut short":         func(b []byte) { copy(b[region:], []byte{0, 4, 4, 2, 2, 0}) },
		"is cut short":      func(b []byte) { copy(b[region:], []byte{0, 2, 4, 2}) },
		"load log records":  func(b []byte) { b[region-3*(14+10)-1] = 9 },
	} {
		b := bytes.Clone(good)
		edit(b)
		if err := c.CheckMemory(b); !errors.Is(err, cos.ErrMemory) || !strings.Contains(err.Error(), what) {
			t.Errorf("want %q, error %v", what, err)
		}
	}
}
