package sqlite_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/citycard/citycard/recon/desk"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/store/sqlite"
)

// request is a proposal about a card.
func request(t *testing.T, token desk.Token, kind desk.Kind, at int64) *desk.Request {
	t.Helper()
	s := desk.Subject{Amount: 300}
	if kind == desk.Close {
		s = desk.Subject{Part: timeline.PartGap, State: timeline.Expected, Amount: 300}
	}
	r, err := desk.Propose(kind, token, 1, 3, s, &desk.Clerk{Name: "wang", Added: 1}, "seen", at)
	if err != nil {
		t.Fatal(err)
	}
	return &r
}

func inTx(t *testing.T, db *sqlite.DB, do func(tx *sqlite.Tx) error) {
	t.Helper()
	if err := db.Write(context.Background(), do); err != nil {
		t.Fatal(err)
	}
}

func TestClerksAreEnteredOnce(t *testing.T) {
	db, err := sqlite.Open(filepath.Join(t.TempDir(), "a.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	inTx(t, db, func(tx *sqlite.Tx) error {
		if err := tx.AddClerk(&desk.Clerk{Name: "wang", Key: [64]byte{1}, Added: 5}); err != nil {
			return err
		}
		for _, c := range []desk.Clerk{{Name: "wang", Key: [64]byte{2}}, {Name: "li", Key: [64]byte{1}}} {
			if err := tx.AddClerk(&c); !errors.Is(err, sqlite.ErrClerkExists) {
				t.Errorf("%s: %v", c.Name, err)
			}
		}
		if err := tx.EndClerk("wang", 9); err != nil {
			return err
		}
		if err := tx.EndClerk("wang", 10); !errors.Is(err, sqlite.ErrNoClerk) {
			t.Errorf("left twice: %v", err)
		}
		c, err := tx.Clerk("wang")
		if err != nil || c != (desk.Clerk{Name: "wang", Key: [64]byte{1}, Added: 5, Ended: 9}) {
			t.Errorf("%+v, %v", c, err)
		}
		if _, err := tx.Clerk("li"); !errors.Is(err, sqlite.ErrNoClerk) {
			t.Errorf("a stranger: %v", err)
		}
		all, err := tx.Clerks()
		if err != nil || len(all) != 1 || all[0] != c {
			t.Errorf("%+v, %v", all, err)
		}
		return nil
	})
}

func TestOneOpenProposalForABreak(t *testing.T) {
	db, err := sqlite.Open(filepath.Join(t.TempDir(), "a.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	a, b := desk.Token{1}, desk.Token{2}
	sig := make([]byte, 64)
	inTx(t, db, func(tx *sqlite.Tx) error {
		propose := func(r *desk.Request) (int64, error) { return tx.Propose(r, sig) }
		for i, r := range []*desk.Request{request(t, a, desk.Refund, 100), request(t, a, desk.Close, 100), request(t, b, desk.Refund, 100)} {
			if id, err := propose(r); err != nil || id != int64(i+1) {
				t.Fatalf("%d, %v", id, err)
			}
		}
		if id, err := propose(request(t, a, desk.Refund, 200)); !errors.Is(err, desk.ErrOpen) || id != 1 {
			t.Errorf("a second one: %d, %v", id, err)
		}
		if id, err := propose(request(t, a, desk.Refund, 100+desk.Validity)); err != nil || id != 4 {
			t.Errorf("after the first has expired: %d, %v", id, err)
		}
		d := desk.Decision{Status: desk.Approved, By: "li", At: 300}
		if err := tx.Decide(2, &d, sig); err != nil {
			return err
		}
		if err := tx.Decide(2, &d, sig); !errors.Is(err, desk.ErrDecided) {
			t.Errorf("decided twice: %v", err)
		}
		p, err := tx.Proposal(2)
		if err != nil || p.Status != desk.Approved || p.Decision != d || p.Request != *request(t, a, desk.Close, 100) {
			t.Errorf("%+v, %v", p, err)
		}
		if _, err := tx.Proposal(5); !errors.Is(err, sqlite.ErrNoProposal) {
			t.Errorf("none: %v", err)
		}
		var of []int64
		if err := tx.ProposalsOf(sqlite.Token(a), func(p *sqlite.Proposal) error { of = append(of, p.ID); return nil }); err != nil || len(of) != 3 {
			t.Errorf("%v, %v", of, err)
		}
		closed, err := tx.Closed()
		key := sqlite.BreakKey{Token: sqlite.Token(a), P: 1, Q: 3, Part: timeline.PartGap}
		if err != nil || len(closed) != 1 || closed[key] != p.Request.Subject {
			t.Errorf("%+v, %v", closed, err)
		}
		if _, err := tx.Exec("UPDATE desk_request SET body = x'01' WHERE id = 1"); err != nil {
			return err
		}
		if _, err := tx.Proposal(1); !errors.Is(err, sqlite.ErrDamaged) {
			t.Errorf("damaged: %v", err)
		}
		return nil
	})
}

func TestAuditLinesAreAChain(t *testing.T) {
	db, err := sqlite.Open(filepath.Join(t.TempDir(), "a.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, who := range []string{"wang", "li", "zhao"} {
		inTx(t, db, func(tx *sqlite.Tx) error {
			return tx.AddAudit(desk.Line{At: desk.Time(1), Who: who, Did: desk.ClerkAdded})
		})
	}
	check := func() error {
		return db.Read(context.Background(), func(r *sqlite.Reader) error {
			var all []string
			end, err := r.AuditLines(func(l desk.Line) error { all = append(all, l.Who); return nil })
			if err != nil {
				return err
			}
			kept, err := r.AuditEnd()
			if err != nil || kept != end || strings.Join(all, " ") != "wang li zhao" {
				t.Errorf("%v: %+v, %+v, %v", all, end, kept, err)
			}
			return nil
		})
	}
	if err := check(); err != nil {
		t.Fatal(err)
	}
	inTx(t, db, func(tx *sqlite.Tx) error {
		_, err := tx.Exec(`UPDATE desk_audit SET line = replace(line, 'li"', 'le"') WHERE number = 2`)
		return err
	})
	if err := check(); !errors.Is(err, desk.ErrChain) {
		t.Errorf("an altered line: %v", err)
	}
}

// Looking up a card must not read whole tables: each of its questions has an index.
func TestLookUpsUseIndexes(t *testing.T) {
	db, err := sqlite.Open(filepath.Join(t.TempDir(), "a.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, query := range []string{
		`SELECT id, start, window_no, arrived_at, place, length, hash, number, first_sequence FROM acquirer_block
		WHERE terminal = 1 AND first_sequence <= 5 AND first_sequence + row_count > 5 ORDER BY first_sequence DESC LIMIT 1`,
		`SELECT hash FROM acquirer_block WHERE terminal = 1 AND number = 2`,
		`SELECT state FROM recon_card WHERE token = x'01'`,
		`SELECT token FROM recon_card WHERE token BETWEEN x'01' AND x'02' ORDER BY token LIMIT 2`,
		`SELECT token FROM recon_break WHERE token = x'01' ORDER BY p, q, part`,
		`SELECT token FROM recon_break WHERE token > x'01' ORDER BY token, p, q, part`,
		`SELECT id FROM desk_request WHERE token = x'01' ORDER BY id`,
		`SELECT coalesce(sum(provisional), 0) FROM recon_card WHERE provisional <> 0`,
		`SELECT key FROM acquirer_terminal WHERE terminal = 1`,
		`SELECT participant FROM issuer_range WHERE bin = '621226'`,
	} {
		if err := db.Read(context.Background(), func(r *sqlite.Reader) error {
			return r.Query("EXPLAIN QUERY PLAN "+query, func(row *sqlite.Row) error {
				plan := row.Text(3)
				if strings.HasPrefix(plan, "SCAN") && !strings.Contains(plan, "INDEX") || strings.Contains(plan, "TEMP B-TREE") {
					t.Errorf("%s: %s", query, plan)
				}
				return nil
			})
		}); err != nil {
			t.Fatal(err)
		}
	}
}
