package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/citycard/citycard/role/host"
	"github.com/citycard/citycard/role/tap"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
)

// keptIssuer is the development issuer that keeps its books in the folder of --host-data.
// Its clock is that of the sale, and the sale takes the next number of its terminal.
func (f *tapFlags) keptIssuer(ctx context.Context, p *prepared) (host.Host, error) {
	at := p.sale.Time
	h, err := openKept(ctx, f.books, func() int64 { return at })
	if err != nil {
		return nil, err
	}
	p.books = h
	p.sale.Sequence, err = h.Sequence(ctx, 1)
	return h, err
}

// openKept opens the folder of a host that keeps its books.
func openKept(ctx context.Context, dir string, now func() int64) (*host.Kept, error) {
	h, err := host.OpenKept(ctx, host.KeptConfig{Dir: dir, Opening: host.OpeningAccount, Now: now})
	switch {
	case errors.Is(err, host.ErrCity):
		return nil, fail(exitRefused, err, "name a new folder, or one that citycard tap --host-data has made")
	case errors.Is(err, sqlite.ErrLocked):
		return nil, fail(exitUnavailable, err, "try again when the other program has ended")
	case err != nil:
		return nil, fail(exitFailed, err, "check the folder's name and whether files may be made in it")
	}
	return h, nil
}

// keepBooks presents the rows of a sale to the issuer that keeps its books, and asks it
// what became of the card's loads.
func (p *prepared) keepBooks(ctx context.Context, t *tap.Trace) error {
	if p.books == nil {
		return nil
	}
	var rows []txn.Row
	for i := range t.Result.Records {
		r := t.Result.Records[i].Row
		r.Sequence = p.sale.Sequence
		rows = append(rows, r)
	}
	ctx = context.WithoutCancel(ctx)
	if len(rows) > 0 {
		if _, err := p.books.Present(ctx, rows); err != nil {
			return fail(exitFailed, err, "the sale stands; its row is not in the books of --host-data")
		}
	}
	if !t.Result.Identified {
		return nil
	}
	var err error
	if t.Loads, err = p.books.Loads(ctx, t.Result.Card); err != nil {
		err = fail(exitFailed, fmt.Errorf("loads of the card: %w", err), "check the folder of --host-data")
	}
	return err
}

// release ends the use of card file and books.
func (p *prepared) release() {
	if p.books != nil {
		_ = p.books.Close() // every answer is on the disk already
	}
	if p.side != nil && p.side.file != nil {
		_ = p.side.file.Close() // and so is every change of the card
	}
}
