package sqlite

import (
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

// DropFlash takes a flash finding back that was none: the debit of an unload.
func (tx *Tx) DropFlash(vault *Vault, card txn.CardKey, atc uint16) error {
	t := vault.Token(card)
	_, err := tx.Exec(`DELETE FROM recon_flash WHERE token = ? AND atc = ?`, t[:], atc)
	return err
}
