package pboc

import (
	"fmt"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/pin"
)

// checkContact checks what a card has beside qPBOC: the second set of algorithms
// and the contact side.
func (c *Card) checkContact() error {
	p := c.Product
	if (p.Alternative == nil) != (c.Alternative == nil) {
		return fmt.Errorf("second set of algorithms: product and card do not both have one")
	}
	if c.Alternative != nil {
		if c.Alternative.Signer == nil {
			return fmt.Errorf("card without a private key for 9F4B of the second set of algorithms")
		}
		if err := checkSignature(c.Alternative.Signer); err != nil {
			return fmt.Errorf("second set of algorithms: %w", err)
		}
		if err := c.checkRecords("second set of algorithms, qPBOC", p.Alternative.Contactless.AFL); err != nil {
			return err
		}
	}
	k := p.Contact
	if k == nil {
		return nil
	}
	if c.PIN != (oda.PINBlock{}) {
		if _, format, err := pin.Decode([8]byte(c.PIN), [10]byte{}); err != nil || format != pin.Format2 {
			return fmt.Errorf("reference PIN is no block of ISO 9564 format 2")
		}
		if k.PINLimit == 0 {
			return fmt.Errorf("a reference PIN without tries after a right one (9010, second byte)")
		}
	}
	if s := k.Second; s == nil && c.SecondOpening != 0 || s != nil && (c.SecondOpening < 0 || c.SecondOpening > s.Balance) {
		return fmt.Errorf("opening balance of the second currency (DF79) is outside 0 to its limit (DF77)")
	}
	if err := c.checkStripe(); err != nil {
		return err
	}
	if err := c.checkPath("debit/credit", k.Debit, c.Signer); err != nil {
		return err
	}
	if err := c.checkPath("electronic cash over the contacts", k.Cash, c.Signer); err != nil {
		return err
	}
	if c.Alternative == nil {
		return nil
	}
	if err := c.checkPath("second debit/credit", p.Alternative.Debit, c.Alternative.Signer); err != nil {
		return err
	}
	return c.checkPath("second electronic cash over the contacts", p.Alternative.Cash, c.Alternative.Signer)
}

// checkSignature makes sure that a signature of qPBOC fits its answer; the one of
// GENERATE AC, which holds less beside it, then does too.
func checkSignature(s oda.DynamicSigner) error {
	if rsa, ok := s.(*oda.RSAPrivate); ok && rsa.Size() > MaxSDAD {
		return fmt.Errorf("9F4B of %d bytes, the answer to GET PROCESSING OPTIONS has room for %d (RSA 1024)", rsa.Size(), MaxSDAD)
	}
	return nil
}

// checkPath makes sure that the records of an AFL are there and that the key can do
// what the AIP promises.
func (c *Card) checkPath(name string, path Path, signer oda.DynamicSigner) error {
	if err := c.checkRecords(name, path.AFL); err != nil {
		return err
	}
	if path.AIP[0]&aipCDA == 0 {
		return nil
	}
	if _, ok := signer.(oda.CombinedSigner); !ok {
		return fmt.Errorf("%s: AIP %X promises CDA, which the private key cannot do", name, path.AIP)
	}
	return nil
}

// checkRecords makes sure that READ RECORD answers the records of an AFL as they were
// personalised.
func (c *Card) checkRecords(name string, afl []byte) error {
	p := c.Product
	for ; len(afl) >= 4; afl = afl[4:] {
		sfi := afl[0] >> 3
		for n := int(afl[1]); n <= int(afl[2]); n++ {
			want := Record{SFI: sfi, Number: byte(n)}
			switch r, _ := c.record(want); {
			case r == nil:
				return fmt.Errorf("%s: record %d of file %d is in the AFL and missing", name, n, sfi)
			case sfi == p.LogSFI || p.Contact != nil && sfi == p.Contact.LoadLogSFI:
				return fmt.Errorf("%s: the AFL names the log file %d", name, sfi)
			case p.isMSDRecord(want):
				return fmt.Errorf("%s: record %d of file %d is that of magnetic stripe data", name, n, sfi)
			}
		}
	}
	return nil
}
