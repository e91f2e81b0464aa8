package t1

import (
	"encoding/hex"
	"testing"

	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

// The chip data of a purse's row are what TAC and MAC2 are made of, and nothing of a
// bank card.
func TestChipDataOfAPurse(t *testing.T) {
	card, err := txn.PurseCard(txn.PSNTUnion, [10]byte{0x03, 0x10, 0x31, 0x04, 0x81, 0x00, 0x10, 0x00, 0x00, 0x01})
	if err != nil {
		t.Fatal(err)
	}
	r := txn.Row{Kind: txn.Exit, Card: card, Amount: 400, Time: 1_795_000_000, Terminal: 7, Type: txn.PurseCompound}
	p := txn.PurseData{Sequence: 0x2A, TAC: [4]byte{1, 2, 3, 4}, MAC2: [4]byte{5, 6, 7, 8}, KeyVersion: 1, Random: [4]byte{9, 9, 9, 9}, Before: 10_000,
		MAC1: [4]byte{0xA, 0xB, 0xC, 0xD}, Terminal: [6]byte{0x11, 0x22, 0x33, 0x44, 0x55, 0x66}, TerminalSequence: 0x01020304}
	if err := p.Put(&r); err != nil {
		t.Fatal(err)
	}
	b := appendChipData(nil, &r)
	for tag, want := range map[tlv.Tag]string{tagTAC: "01020304", tagMAC2: "05060708", tagMAC1: "0a0b0c0d", tagPurseKey: "0001", tagPurseRandom: "09090909",
		tagModule: "112233445566", tagModuleTrade: "01020304", tagPurseTime: "20261118190640", tlv.TagATC: "002a", tlv.TagTransactionType: "09",
		tlv.TagAmountAuthorised: "000000000400", tlv.TagPANSequence: "01"} {
		if got, found := tlv.Find(b, tag); !found || hex.EncodeToString(got) != want {
			t.Errorf("tag %s: %x, want %s", tag, got, want)
		}
	}
	for _, tag := range []tlv.Tag{tlv.TagPAN, tlv.TagIAD, tlv.TagAC, tlv.TagARC} {
		if _, found := tlv.Find(b, tag); found {
			t.Errorf("tag %s is there", tag)
		}
	}
}
