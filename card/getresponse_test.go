package card_test

import (
	"bytes"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/wire/apdu"
)

// overContacts puts the sample into a chip that is reached over its contacts.
func (k *sample) overContacts(t testing.TB) *session {
	t.Helper()
	s := &session{t: t, chip: card.New(), k: k}
	s.chip.UseInterface(card.Contact)
	check(t, s.chip.Insert(k.image, nil))
	check(t, s.chip.PowerOn(random(3)))
	return s
}

// TestGetResponse: over T=0 a command with data and without Le is answered 61xx;
// GET RESPONSE gives the data in as many parts as the reader likes.
func TestGetResponse(t *testing.T) {
	k := newSample(t, "sm", 10000)
	s := k.overContacts(t)
	whole := s.ok(selectApp)
	length := apdu.SW(len(whole))
	noLe := selectApp[:len(selectApp)-3]

	s.want(noLe, 0x6100|length)
	if got := s.ok("00C0000000"); !bytes.Equal(got, whole) {
		t.Errorf("GET RESPONSE gave %X, want %X", got, whole)
	}
	s.want("00C0000000", apdu.SWUnknownINS) // nothing waits any more

	s.want(noLe, 0x6100|length)
	first, sw := s.send("00C0000010")
	if sw != 0x6100|(length-0x10) {
		t.Fatalf("after 16 bytes: %v", sw)
	}
	s.want("00C00000FF", 0x6C00|(length-0x10))
	rest := s.ok("00C0000000")
	if !bytes.Equal(append(first, rest...), whole) {
		t.Errorf("two parts gave %X, want %X", append(first, rest...), whole)
	}

	for _, c := range []struct {
		cmd  string
		want apdu.SW
	}{
		{"04C0000000", apdu.SWUnknownCLA},
		{"00C0010000", apdu.SWWrongP1P2},
		{"00C00000", apdu.SWWrongLength},
		{"00C0000001AA00", apdu.SWWrongLength},
	} {
		s.want(noLe, 0x6100|length)
		s.want(c.cmd, c.want)
	}
	s.want(noLe, 0x6100|length)
	s.ok("80CA9F3600") // another command: the data is gone
	s.want("00C0000000", apdu.SWUnknownINS)
}

// TestNoGetResponseOverTheAir: a contactless reader always gets the data at once.
func TestNoGetResponseOverTheAir(t *testing.T) {
	s := newSample(t, "sm", 10000).insert(t, nil)
	s.ok(selectApp[:len(selectApp)-3])
}

// TestAnswerToReset: direct convention, and the check byte that T=1 asks for.
func TestAnswerToReset(t *testing.T) {
	k := newSample(t, "sm", 0)
	if card.New().ATR() != nil {
		t.Error("an empty chip has an answer to reset")
	}
	s := k.overContacts(t)
	atr := s.chip.ATR()
	var check byte
	for _, b := range atr[1:] {
		check ^= b
	}
	if atr[0] != 0x3B || check != 0 {
		t.Errorf("ATR %X: direct convention and a check byte are wanted", atr)
	}
	// Both answers end with the same historical bytes; the first byte of the ATS
	// is its length.
	whole := embedded(t, "dev-sm")
	img, err := whole.Image(developmentCard(t, whole))
	if err != nil {
		t.Fatal(err)
	}
	if atr, ats := img.ATR(), img.ATS(); !bytes.Contains(atr, []byte("CITYCARD")) || !bytes.HasSuffix(ats, []byte("CITYCARD")) || int(ats[0]) != len(ats) {
		t.Errorf("ATR %X, ATS %X", atr, ats)
	}
}
