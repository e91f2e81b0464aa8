package clerk

import (
	"context"

	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/store/sqlite"
)

// Differs says in what a row differs from its observation.
var Differs = differs

// Write lets a test change the folder's database.
func Write(f *Office, do func(*sqlite.Tx) error) error { return f.db.Write(context.Background(), do) }

// Arrive adds observations and judges, as a day's closing does.
func Arrive(f *Office, events []recon.Event) error {
	ctx := context.Background()
	return f.db.Write(ctx, func(tx *sqlite.Tx) error {
		in, err := f.input(tx)
		if err != nil {
			return err
		}
		in.Events = func(yield func(recon.Event, error) bool) {
			for _, e := range events {
				if !yield(e, nil) {
					return
				}
			}
		}
		poster := *f.poster
		poster.Ends = registered(tx)
		_, err = recon.Day(ctx, tx.Recon(f.vault, func(p []recon.Posting) error { return poster.Correct(tx, window(f.now), p) }), in)
		return err
	})
}
