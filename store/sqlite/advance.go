package sqlite

import (
	"fmt"

	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/txn"
)

// payFromAdvances takes from postings of reconciliation what the issuer's host has given
// already on a terminal's word about the same load or unload: a refund is paid out of the
// advance first, so that both never give the same money. Postings of which nothing is
// left are dropped.
func (s *ReconStore) payFromAdvances(postings []recon.Posting) ([]recon.Posting, error) {
	var out []recon.Posting
	for _, p := range postings {
		if purpose := p.Key.Purpose; purpose != timeline.Refund && purpose != timeline.ProvisionalCredit {
			out = append(out, p)
			continue
		}
		a, found, err := s.tx.Advance(s.vault, p.Key.Card, p.Key.P)
		if err != nil {
			return nil, err
		}
		if used := min(a.Stands, p.Amount); found && used > 0 {
			a.Stands -= used
			p.Amount -= used
			if err := s.tx.PutAdvance(s.vault, &a); err != nil {
				return nil, err
			}
		}
		if p.Amount > 0 {
			out = append(out, p)
		}
	}
	return out, nil
}

// BreaksAt gives the breaks of a card that begin at a counter, by their part.
func (r *Reader) BreaksAt(vault *Vault, card txn.CardKey, p uint16, each func(*recon.Break) error) error {
	t := vault.Token(card)
	return r.Query(breakColumns+` WHERE token = ? AND p = ? ORDER BY q, part`, func(row *Row) error { return readBreak(row, vault, each) }, t[:], p)
}

// ofUnload is true for rows of a table about a counter, named in its column, at which an
// unload was approved.
const ofUnload = `EXISTS (SELECT 1 FROM authorise_decision d WHERE d.token = %[1]s.token AND d.by_counter = 1 AND d.counter = %[1]s.%[2]s AND d.kind = ?)`

var (
	dropUnloadFlash = "DELETE FROM recon_flash WHERE " + fmt.Sprintf(ofUnload, "recon_flash", "atc")
	dropUnloadBreak = "DELETE FROM recon_break WHERE part = ? AND state = ? AND held = 0 AND waits = 0 AND " + fmt.Sprintf(ofUnload, "recon_break", "p")
)

// ofCard narrows those down to one card.
const ofCard = " AND token = ?"

// DropUnloads takes unloads that are proved and paid out of the flash cards and breaks, of
// one card or, if that is nil, of all. A timeline has them as debits without service,
// which are found in the same way; but nothing about them is amiss.
func (tx *Tx) DropUnloads(vault *Vault, card *txn.CardKey) error {
	flash, flashOf := dropUnloadFlash, []any{uint8(txn.OnlineUnload)}
	brk, breakOf := dropUnloadBreak, []any{uint8(timeline.PartDoubt), uint8(timeline.Proven), uint8(txn.OnlineUnload)}
	if card != nil {
		t := vault.Token(*card)
		flash, flashOf = flash+ofCard, append(flashOf, t[:])
		brk, breakOf = brk+ofCard, append(breakOf, t[:])
	}
	if _, err := tx.Exec(flash, flashOf...); err != nil {
		return err
	}
	_, err := tx.Exec(brk, breakOf...)
	return err
}
