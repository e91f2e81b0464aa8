package sim

import (
	"fmt"
	"maps"
	"slices"

	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
)

// enterRegisters writes down who is who, so that whoever opens the database later can
// check terminals and cards without knowing the simulation.
func (r *road) enterRegisters(tx *sqlite.Tx) error {
	if err := tx.PutRunState(policyState, r.policy); err != nil {
		return err
	}
	for _, id := range append(slices.Sorted(maps.Keys(r.terminals)), shopTerminals+1) {
		at := txn.TerminalID(id)
		t, _ := r.Terminal(at)
		e := sqlite.Terminal{ID: at, Key: r.terminalKey(at).Public(), Acquirer: uint16(t.Acquirer), Operator: uint16(t.Operator), Waited: id != shopTerminals+1, Place: r.placeOf(id)}
		if err := tx.PutTerminal(&e); err != nil {
			return err
		}
	}
	for i, is := range issuers {
		if err := tx.PutRange(&sqlite.Range{BIN: is.bin, Participant: uint16(is.id), Masters: uint16(i)}); err != nil {
			return err
		}
	}
	if r.purses == nil {
		return nil
	}
	factor := epurse.Factor(r.purses.Spec(r.purses.Card()).Files[0].Content)
	return tx.PutRange(&sqlite.Range{BIN: cardCompany.bin, Participant: uint16(cardCompany.id), Factor: factor[:]})
}

// placeOf is where a terminal stands, in words.
func (c *City) placeOf(id uint32) string {
	t, known := c.terminals[id]
	switch {
	case !known:
		return "商户"
	case t.place.station == 0:
		return fmt.Sprintf("%s%d路", busName, t.place.route+1)
	}
	return c.book.Name(t.place.station)
}
