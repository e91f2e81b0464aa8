package authorise_test

import (
	"fmt"
	"testing"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/pin"
)

// Values of the formulas of JR/T 0025.5 and 0025.17 for the card 6228000100001117/01,
// counter 1, worked out apart from this program; no published values were found.
func TestTheIssuersAnswersHaveTheValuesOfTheWorkedExamples(t *testing.T) {
	for _, c := range []struct {
		alg                 cryptogram.Alg
		arqc, arpc, putData string
	}{
		{cryptogram.TDES, "D702BF5A6D7A8C7E", "DB40AA52E705DA3D", "C2C918CF"},
		{cryptogram.SM4, "0E76869470BF3653", "DA434F0189AA8428", "B0938ECD"},
	} {
		t.Run(c.alg.String(), func(t *testing.T) {
			m, arqc := masters(t, c.alg), [8]byte(unhex(c.arqc))
			in := cryptogram.TerminalInput{Amount: [6]byte(unhex("000000000100")), Country: [2]byte{1, 0x56}, Currency: [2]byte{1, 0x56},
				Date: [3]byte{0x25, 0x11, 0x20}, UN: [4]byte{0x11, 0x22, 0x33, 0x44}}
			own := cryptogram.CardInput{AIP: [2]byte{0x7C}, ATC: 1, CVR: [3]byte{0xA0}}
			iad := cryptogram.IAD{DKI: 1, CVN: cryptogram.CVN01, CVR: own.CVR, Alg: c.alg}.Append(nil)
			if v := m.Check(devKey(), &in, &own, iad, arqc); v != cryptogram.OK {
				t.Errorf("ARQC %X: %v", arqc, v)
			}
			if got := fmt.Sprintf("%X", m.ARPC(devKey(), 1, arqc, [2]byte{'0', '0'})); got != c.arpc {
				t.Errorf("ARPC %s, want %s", got, c.arpc)
			}
			mac, err := m.ScriptMAC(devKey(), [4]byte{0x04, 0xDA, 0x9F, 0x79}, 1, arqc, unhex("000000019900"))
			noError(t, err)
			if fmt.Sprintf("%X", mac) != c.putData {
				t.Errorf("MAC of PUT DATA %X, want %s", mac, c.putData)
			}
		})
	}
	next, err := pin.New("123456")
	noError(t, err)
	block, err := masters(t, cryptogram.TDES).ChangePIN(devKey(), 1, next, nil)
	noError(t, err)
	if got := fmt.Sprintf("%X", block); got != "2EDCEDD0A4892BA791AD0F43393CFA08" {
		t.Errorf("PIN block %s", got)
	}
}
