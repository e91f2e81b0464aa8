package psam_test

import (
	"fmt"
	"testing"

	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/wire/apdu"
)

// TestJourneyRecords reads journey records of bank cards with a random number
// (JR/T 0025.14, READ CAPP DATA) and checks the card's MAC with the module: the key
// of the record follows from the industry's master and the factor in the record.
func TestJourneyRecords(t *testing.T) {
	for _, c := range []struct {
		profile, before string // zeros before the initial value
		size            int
		more            byte
	}{{"dev-transit-3des", "", 8, 0}, {"dev-transit-sm", "0000000000000000", 16, 0x40}} {
		for sfi, id := range map[byte]string{0x15: "0110", 0x17: "0710", 0x1A: "2701"} {
			t.Run(fmt.Sprintf("%s file %02X", c.profile, sfi), func(t *testing.T) {
				r, err := devcard.Default(c.profile)
				if err != nil {
					t.Fatal(err)
				}
				img, err := devcard.Issue(r)
				if err != nil {
					t.Fatal(err)
				}
				bank, sam := place(t, img, nil), insert(t, spec(t, 0))
				bank.want(apdu.SWOK, "00A4040007A000000333010100")
				got := bank.want(apdu.SWOK, fmt.Sprintf("80B400%02X0A%s1122334455667788%02X", sfi<<3, id, 0))
				record, mac := got[:len(got)-4], got[len(got)-4:]

				sam.want(apdu.SWOK, "00A4000C02DF14")
				sam.want(apdu.SWOK, fmt.Sprintf("801A26%02X%s", sfi|c.more, lc(fmt.Sprintf("%X", record[6:14]))))
				message := append(record[:len(record):len(record)], 0x80)
				for len(message)%c.size != 0 {
					message = append(message, 0)
				}
				sam.gives(fmt.Sprintf("%X", mac), "80FA0500"+lc(fmt.Sprintf("%s1122334455667788%X", c.before, message))+"04")
			})
		}
	}
}
