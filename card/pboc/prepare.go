package pboc

import (
	"fmt"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/tlv"
)

// maxPINTries is what fits 63Cx and 9F17.
const maxPINTries = 15

// prepareAlternative checks the second set of algorithms.
func (p *Product) prepareAlternative() error {
	t := p.Alternative
	if t == nil {
		return nil
	}
	if !t.Alg.Valid() || t.Alg == p.Alg {
		return fmt.Errorf("second set of algorithms is %v beside %v", t.Alg, p.Alg)
	}
	if p.pdol.at[inSM] < 0 {
		return fmt.Errorf("PDOL does not ask for %v, by which the reader chooses among two sets of algorithms", tlv.TagSMSupport)
	}
	var err error
	if p.last[1], err = checkAFL(t.Contactless.AFL); err != nil {
		return fmt.Errorf("second set of algorithms, qPBOC: %w", err)
	}
	return nil
}

// prepareContact checks the contact side and finds the inputs of its lists.
func (p *Product) prepareContact() error {
	k := p.Contact
	if k == nil {
		return nil
	}
	if n := len(k.FCI); n == 0 || n > MaxAnswer {
		return fmt.Errorf("contact FCI of %d bytes, want 1 to %d", n, MaxAnswer)
	}
	if err := p.prepareDOLs(); err != nil {
		return err
	}
	debit, cash := [2][]byte{k.Debit.AFL}, [2][]byte{k.Cash.AFL}
	if p.Alternative != nil {
		debit[1], cash[1] = p.Alternative.Debit.AFL, p.Alternative.Cash.AFL
	}
	for i := range debit {
		if i == 1 && p.Alternative == nil {
			continue
		}
		if _, err := checkAFL(debit[i]); err != nil {
			return fmt.Errorf("debit/credit, set of algorithms %d: %w", i+1, err)
		}
		if len(cash[i]) == 0 {
			continue
		}
		if _, err := checkAFL(cash[i]); err != nil {
			return fmt.Errorf("electronic cash over the contacts, set of algorithms %d: %w", i+1, err)
		}
		for _, in := range [...]int{inECSupport, inAmount, inCurrency} {
			if k.pdol.at[in] < 0 {
				return fmt.Errorf("contact PDOL does not ask for %v, which electronic cash needs", inputTags[in].tag)
			}
		}
	}
	if k.PINLimit > maxPINTries || p.PINTries > maxPINTries {
		return fmt.Errorf("%d PIN tries of %d, at most %d are possible", p.PINTries, k.PINLimit, maxPINTries)
	}
	if err := p.checkContactData(); err != nil {
		return err
	}
	return p.checkIssuerSide()
}

func (p *Product) prepareDOLs() error {
	k := p.Contact
	var err error
	if k.pdol, err = newLayout("contact PDOL", k.PDOL, tlv.MaxDOLData-3, nil, ""); err != nil {
		return err
	}
	need := []int{inAmount, inOther, inCountry, inTVR, inCurrency, inDate, inType, inUN}
	if k.cdol1, err = newLayout("CDOL1", k.CDOL1, tlv.MaxDOLData, need, "GENERATE AC"); err != nil {
		return err
	}
	if k.cdol2, err = newLayout("CDOL2", k.CDOL2, tlv.MaxDOLData, append(need, inARC), "the second GENERATE AC"); err != nil {
		return err
	}
	if n := k.DDOL.Len(); n > tlv.MaxDOLData || len(k.DDOL) > 0 && !k.DDOL.Has(tlv.TagUN) {
		return fmt.Errorf("DDOL asks for %d bytes, want at most %d with %v among them (EMV Book 2, 6.5.1)", n, tlv.MaxDOLData, tlv.TagUN)
	}
	return nil
}

// checkContactData checks what the contact side has beside paths and lists.
func (p *Product) checkContactData() error {
	k := p.Contact
	switch {
	case k.LoadLogSFI == 0 && k.LoadLogCount == 0:
	case k.LoadLogSFI < 11 || k.LoadLogSFI > 30 || k.LoadLogSFI == p.LogSFI || k.LoadLogCount == 0 || k.LoadLogCount > MaxLog:
		return fmt.Errorf("load log entry DF4D %02X%02X: want a free SFI 0B to 1E and 1 to %d records", k.LoadLogSFI, k.LoadLogCount, MaxLog)
	}
	if n := p.loadLen(); n > MaxLogRecord {
		return fmt.Errorf("load log format makes records of %d bytes, at most %d are possible", n, MaxLogRecord)
	}
	if !decimal(p.Limits.CurrencyFactor[:]) {
		return fmt.Errorf("9F73 %X is not decimal", p.Limits.CurrencyFactor)
	}
	if s := k.Second; s != nil {
		for _, v := range [...]money.Fen{s.Balance, s.Single, s.Threshold, s.CVM} {
			if v < 0 || v > money.MaxN12 {
				return fmt.Errorf("second currency has an amount of %v, want 0 to %v", v, money.MaxN12)
			}
		}
		if err := p.checkStated(tlv.TagSecondECBalanceLimit, s.Balance); err != nil {
			return err
		}
		if s.Currency == p.Currency {
			return fmt.Errorf("DF71 is %X like 9F51", s.Currency)
		}
	}
	return nil
}
