package pos

import (
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/kernel/emv"
	"github.com/citycard/citycard/wire/tlv"
)

// setsBalance says that a command is PUT DATA of the balance 9F79, or of that of the
// second currency, DF79 (JR/T 0025.13 and .15).
func setsBalance(cmd []byte) bool {
	if len(cmd) < 4 || cmd[1] != 0xDA {
		return false
	}
	tag := tlv.Tag(cmd[2])<<8 | tlv.Tag(cmd[3])
	return tag == tlv.TagECBalance || tag == tlv.TagSecondECBalance
}

// signedBalance is the balance that 9F10 among the data objects of field 55 states; -1
// if it states none.
func signedBalance(icc []byte) money.Fen {
	v, ok := tlv.Find(icc, tlv.TagIAD)
	if !ok {
		return -1
	}
	iad, err := cryptogram.ParseIAD(v)
	if err != nil {
		return -1
	}
	balance, ok := iad.Balance()
	if !ok {
		return -1
	}
	return balance
}

// reversalOf is why the issuer must undo a transaction. A status word is not signed: a
// command that sets the balance and was sent may have been carried out, whatever the
// answer to it says. A load or unload that failed by the card's word stays in doubt
// unless the balance read afterwards is the old one, and one that came about by its
// word is in doubt if the balance is still the old one.
func (t *Till) reversalOf(out *emv.Outcome) emv.Reversal {
	r := &t.result
	if !t.put || t.sale.Kind != Load && t.sale.Kind != Unload {
		return out.Reversal
	}
	known := r.Before >= 0 && r.Balance >= 0
	same := known && r.Before == r.Balance
	approved := out.Result == kernel.Approved
	switch {
	case approved && same && t.target() != r.Before, !approved && out.Reversal != emv.NoReversal && known && !same:
		r.Fault = kernel.Fault{Code: kernel.Mismatch, Tag: tlv.TagECBalance}
		return emv.ScriptUnknown
	case !approved && out.Reversal != emv.NoReversal && !same:
		return emv.ScriptUnknown
	}
	return out.Reversal
}

// target is the balance that the issuer's script sets if all is well.
func (t *Till) target() money.Fen {
	if t.sale.Kind == Unload {
		return 0
	}
	return t.result.Before + t.sale.Amount
}
