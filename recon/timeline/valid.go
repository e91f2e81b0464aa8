package timeline

import "fmt"

// valid checks that the bits are those that sources of this class can set: what Decode
// takes is what Add can have made.
func (e *entry) valid() error {
	if e.b > maxBalance {
		return fmt.Errorf("balance %s: %w", e.b, ErrValue)
	}
	var allowed uint8
	switch {
	case e.debit > 0 && (e.class == classTC || e.class == classPurse || e.class == classTry):
		allowed = bitYes | bitNo | bitService | bitPaid | bitRefused | bitDoubt | bitReplay
		if e.class == classTry {
			allowed &^= bitPaid | bitRefused | bitReplay
		}
		if e.bits&(bitPaid|bitRefused|bitDoubt) == 0 || e.debit > e.b || e.bits&bitService != 0 && e.bits&bitDoubt == 0 {
			return fmt.Errorf("payment with bits %02X and debit %s of %s", e.bits, e.debit, e.b)
		}
	case e.more&(moreHold|moreCompletes) != 0:
		allowed = bitYes | bitNo | bitReplay
	case e.class == classTC, e.class == classPurse:
		allowed = bitReplay
	case e.class == classARQC && e.debit > 0:
		allowed = bitLoad | bitYes | bitNo
		if e.bits&bitLoad == 0 {
			return fmt.Errorf("amount %s without a load", e.debit)
		}
	case e.class == classTry, e.class == classPush && e.debit == 0 && e.content > 0 && e.content <= 0xFFFF:
		allowed = bitYes | bitNo
	case e.class == classCredit && e.content > 0 && e.content <= 0xFFFF && (e.debit > 0) == (e.bits&bitLoad != 0):
		allowed = bitLoad | bitYes | bitNo
	case e.class >= classPush:
		return fmt.Errorf("class %d, content %d, amount %s", e.class, e.content, e.debit)
	case e.debit > 0:
		return fmt.Errorf("amount %s in class %d", e.debit, e.class)
	}
	if e.bits&^allowed != 0 {
		return fmt.Errorf("bits %02X do not fit class %d", e.bits, e.class)
	}
	return nil
}

// validMore checks what only entries of the transit extension and of a push have.
func (e *entry) validMore() error {
	var allowed uint8
	switch e.class {
	case classTC:
		allowed = moreHold | moreCompletes | moreUsed
	case classARQC, classAAC:
		allowed = moreUsed
	case classPush:
		allowed = morePlaced
	}
	switch {
	case e.more&moreHold != 0 && e.debit > 0:
		return fmt.Errorf("hold with debit %s", e.debit)
	case e.more&^allowed != 0 || e.more&(moreHold|moreCompletes) == moreHold|moreCompletes:
		return fmt.Errorf("flags %02X do not fit class %d", e.more, e.class)
	case e.held != 0 && e.more&(moreHold|moreCompletes) == 0, e.used != 0 && e.more&moreUsed == 0:
		return fmt.Errorf("amount held %d, deposit used %d with flags %02X", e.held, e.used, e.more)
	case e.hold != 0 && (e.more&moreCompletes == 0 || e.hold >= e.atc):
		return fmt.Errorf("hold at %04X of ATC %04X with flags %02X", e.hold, e.atc, e.more)
	}
	return nil
}
