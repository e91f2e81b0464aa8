package pboc

import (
	"fmt"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/wire/tlv"
)

// checkIssuerSide checks what scripts, the load log and magnetic stripe data need of
// a product with a contact side.
func (p *Product) checkIssuerSide() error {
	k := p.Contact
	if k.Updatable < 0 || k.Updatable > MaxUpdatable {
		return fmt.Errorf("%d bytes for changed records, want 0 to %d", k.Updatable, MaxUpdatable)
	}
	if k.LoadLogCount != 0 {
		for _, want := range loadSummaryTags {
			if !asks(k.LoadLogFormat, want) {
				return fmt.Errorf("load log format DF4F is without %v of %d bytes, which the summary gives (JR/T 0025.13)", want.Tag, want.Len)
			}
		}
	}
	if k.MSD == nil || len(k.MSD.Path.AFL) == 0 {
		return nil
	}
	if _, err := checkAFL(k.MSD.Path.AFL); err != nil {
		return fmt.Errorf("magnetic stripe data: %w", err)
	}
	switch r := k.MSD.record(); {
	case p.commits(r):
		return fmt.Errorf("record %d of file %d is both track 2 and the last of qPBOC", r.Number, r.SFI)
	case r.SFI == p.LogSFI || r.SFI == k.LoadLogSFI:
		return fmt.Errorf("track 2 lies in the log file %d", r.SFI)
	}
	return nil
}

func asks(d tlv.DOL, want tlv.DOLEntry) bool {
	for _, e := range d {
		if e == want {
			return true
		}
	}
	return false
}

// checkStripe makes sure that a card with magnetic stripe data has a track 2 out of
// which the dynamic one can be made, and the key for it.
func (c *Card) checkStripe() error {
	d := c.Product.msd()
	if d == nil {
		return nil
	}
	if _, ok := parseStripe(c.Track2); !ok {
		return fmt.Errorf("57 is not PAN, D, expiry, service code (ISO/IEC 7813), which magnetic stripe data need")
	}
	if len(d.Path.AFL) == 0 {
		return nil
	}
	none := cryptogram.Key{}
	if c.Keys.DCVN.Equal(none) || c.Alternative != nil && c.Alternative.Keys.DCVN.Equal(none) {
		return fmt.Errorf("card without a key for the dynamic check value of magnetic stripe data (DGI 8001)")
	}
	return nil
}
