package sim

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/citycard/citycard/store/sqlite"
)

// unreadable are the rows that clearing let through and reconciliation cannot read,
// and the cards whose stored state clearing or reconciliation cannot read.
// None should exist; one must not keep a window from closing, since then it would
// keep back the money of everybody. The database has them, so that a run that goes
// on knows those of the windows before.
type unreadable struct {
	Rows  int64    `json:"rows"`
	First []string `json:"first"` // what was wrong with the first of them
	Cards []string `json:"cards"` // tokens of the cards, in hexadecimal
}

// keptUnreadable is how many are described.
const keptUnreadable = 10

const unreadableState = "unreadable rows"

func (u *unreadable) add(err error) {
	u.Rows++
	if len(u.First) < keptUnreadable {
		u.First = append(u.First, err.Error())
	}
}

// damaged notes a card by its token, once.
func (u *unreadable) damaged(token [16]byte) {
	if t := hex.EncodeToString(token[:]); !slices.Contains(u.Cards, t) {
		u.Cards = append(u.Cards, t)
	}
}

func readUnreadable(rd interface {
	RunState(name string) ([]byte, error)
}) (u unreadable, err error) {
	v, err := rd.RunState(unreadableState)
	if err != nil || v == nil {
		return u, err
	}
	if err := json.Unmarshal(v, &u); err != nil {
		return u, fmt.Errorf("rows that could not be read: %w", err)
	}
	return u, nil
}

func (u *unreadable) write(tx *sqlite.Tx) error {
	if u.Rows == 0 && len(u.Cards) == 0 {
		return nil
	}
	v, err := json.Marshal(u)
	if err != nil {
		return err
	}
	return tx.PutRunState(unreadableState, v)
}
