package psam_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/wire/apdu"
)

// clinic is a terminal with a module and a livelihood card, whose social security
// environment is selected.
type clinic struct {
	t         testing.TB
	card, sam *session
	factors   string
}

func open(t testing.TB) *clinic {
	t.Helper()
	r, err := devcard.Default("livelihood")
	if err != nil {
		t.Fatal(err)
	}
	img, err := devcard.Issue(r)
	if err != nil {
		t.Fatal(err)
	}
	c := &clinic{t: t, card: place(t, img, nil), sam: insert(t, spec(t, 0))}
	c.card.chip.UseInterface(card.Contact)
	c.card.powerOn()
	c.card.want(apdu.SWOK, "00A404000F7378312E73682EC9E7BBE1B1A3D5CF00")
	atr := img.ATR()
	historical := atr[len(atr)-14 : len(atr)-1] // the last byte is the check
	c.factors = fmt.Sprintf("%X%X", historical[5:], "110000sx")
	c.sam.want(apdu.SWOK, "00A4040C06D15600000590")
	return c
}

// prove is EXTERNAL AUTHENTICATE under a key of the card with the module's key of an
// index.
func (c *clinic) prove(cardKey, index byte) apdu.SW {
	c.t.Helper()
	challenge := c.card.want(apdu.SWOK, "0084000008")
	c.sam.want(apdu.SWOK, fmt.Sprintf("801A48%02X", index)+lc(c.factors+fmt.Sprintf("%X", challenge)))
	data := "A1A2A3A4A5A6A7A8"
	cryptogram := c.sam.want(apdu.SWOK, "80FA000008"+data+"00")
	_, sw := c.card.do(fmt.Sprintf("008200%02X10%X%s", cardKey, cryptogram, data))
	return sw
}

// TestSocialSecurityCard reads and writes what a social security card protects, with
// the keys of the module alone.
func TestSocialSecurityCard(t *testing.T) {
	c := open(t)
	c.card.want(apdu.SWSecurity, "00B0870008")
	if sw := c.prove(0x02, 0x02); sw != apdu.SWOK {
		t.Fatalf("read key: %v", sw)
	}
	c.card.want(apdu.SWOK, "00B0870008")

	if sw := c.prove(0x07, 0x07); sw != apdu.SWOK {
		t.Fatalf("update key: %v", sw)
	}
	challenge := c.card.want(apdu.SWOK, "0084000008")
	c.sam.want(apdu.SWOK, "801A4500"+lc(c.factors))
	mac := c.sam.want(apdu.SWOK, "80FA0500"+lc(fmt.Sprintf("%X0000000000000000 04D687000C 0102030405060708 80 0000", challenge))+"04")
	c.card.want(apdu.SWOK, fmt.Sprintf("04D687000C0102030405060708%X", mac))
	if got := c.card.want(apdu.SWOK, "00B0870008"); !bytes.Equal(got, unhex(t, "0102030405060708")) {
		t.Errorf("%X was written", got)
	}
}

// TestSocialSecurityDirectories proves the terminal to every directory with that
// directory's keys, and with no other's.
func TestSocialSecurityDirectories(t *testing.T) {
	for i := range 5 {
		c := open(t)
		if i > 0 {
			c.card.want(apdu.SWOK, fmt.Sprintf("00A4000C02DF%02X", i))
		}
		for _, key := range []byte{0x02, 0x07} {
			for j := range byte(5) {
				sw := c.prove(key, key|j<<4)
				if right := int(j) == i; right != (sw == apdu.SWOK) {
					t.Errorf("directory %d, key %d of %d: %v", i, key, j, sw)
				}
			}
		}
	}
}
