package shard

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/store/sqlite"
)

// write makes the shard's new files. They are valid once the manifest names them.
func (d *shardDay) write() error {
	i, generation := d.was.Shard, d.was.Generation+1
	head, err := createRun(d.headPath(i, generation))
	if err != nil {
		return err
	}
	past, err := createRun(d.pastPath(i, generation))
	if err != nil {
		return errors.Join(err, head.f.Close())
	}
	d.writeRecords(head, past)
	if err := errors.Join(head.finish(), past.finish()); err != nil {
		return fmt.Errorf("write generation %d: %w", generation, err)
	}
	d.next = manifest{Shard: i, Generation: generation, At: d.in.Now, Head: true, Cards: int64(head.records), Open: d.result.open, Provisional: d.result.provisional}
	for _, p := range d.was.Past {
		if p.At >= d.in.Now-d.opt.Keep {
			d.next.Past = append(d.next.Past, p)
		}
	}
	if past.records > 0 {
		d.next.Past = append(d.next.Past, pastRun{Generation: generation, At: d.in.Now})
		d.result.pastBytes = past.place
	} else if err := os.Remove(past.f.Name()); err != nil {
		return err
	}
	d.result.cards, d.result.headBytes = int64(head.records), head.place
	return syncFolder(d.dir)
}

// writeRecords writes the cards that the day did not look at as they were, the others
// without what they can shed.
func (d *shardDay) writeRecords(head, past *runWriter) {
	cards := d.state.cards
	var c, off timeline.Card
	var line, form, shed []byte
	count := func(h *headLine) {
		if h.open {
			d.result.open++
		}
		d.result.provisional += h.provisional
	}
	for at := 0; at < d.table.len() || len(cards) > 0; {
		if at < d.table.len() && (len(cards) == 0 || bytes.Compare(d.table.tokens[at][:], cards[0].token[:]) < 0) {
			payload := d.table.payload(at)
			head.add(&d.table.tokens[at], payload)
			if h, _, err := parseHead(payload); err == nil {
				count(&h)
			}
			at++
			continue
		}
		k := &cards[0]
		cards = cards[1:]
		if at < d.table.len() && d.table.tokens[at] == k.token {
			at++
		}
		if k.blob == nil {
			continue
		}
		count(&k.headLine)
		line = k.headLine.append(line[:0])
		if k.spoiled || c.Decode(k.blob) != nil {
			head.add(&k.token, line, k.blob)
			continue
		}
		if c.Shed(d.in.Now-d.opt.Hot, &d.in.Params, &off) {
			shed = off.Append(shed[:0])
			past.add(&k.token, shed)
		}
		form = c.Append(form[:0])
		head.add(&k.token, line, form)
	}
}

// ErrOvertaken says that somebody else works on the same shards.
var ErrOvertaken = errors.New("another process has begun a day, or changed a card, meanwhile: run the day again when it is done")

// commit makes the new files valid, with everything that the day found in the shard.
func (d *shardDay) commit(ctx context.Context) error {
	change := &d.change
	return d.db.Write(ctx, func(tx *sqlite.Tx) error {
		c, err := d.readCity(&tx.Reader)
		if err != nil {
			return err
		}
		m, err := readManifest(&tx.Reader, d.was.Shard)
		if err != nil {
			return err
		}
		rows, err := d.readAbove(&tx.Reader)
		if err != nil {
			return err
		}
		if c != *d.city || m.Generation != d.was.Generation || !sameAbove(rows, d.rows) {
			return ErrOvertaken
		}
		from, to := d.rangeOf(d.was.Shard)
		if _, err := tx.Exec(`DELETE FROM recon_card WHERE token BETWEEN ? AND ?`, from[:], to[:]); err != nil {
			return err
		}
		for _, g := range change.gone {
			if _, err := tx.Exec(`DELETE FROM recon_break WHERE token = ? AND p >= ?`, g.token[:], g.from); err != nil {
				return err
			}
		}
		post := func(p []recon.Posting) error { return d.opt.Post(tx, p) }
		if err := tx.Recon(d.vault, post).Save(ctx, &change.batch); err != nil {
			return err
		}
		return tx.PutRunState(shardName(d.was.Shard), encode(d.next))
	})
}

// readAbove reads the cards of the shard that the database holds.
func (d *shardDay) readAbove(r *sqlite.Reader) (rows []above, err error) {
	from, to := d.rangeOf(d.was.Shard)
	err = r.Query(`SELECT token, state, open, due, provisional FROM recon_card WHERE token BETWEEN ? AND ? ORDER BY token`, func(row *sqlite.Row) error {
		a := above{blob: row.Blob(1), headLine: headLine{open: row.Bool(2), due: row.Int64(3), provisional: row.Fen(4)}}
		rows = append(rows, a)
		return row.Fill(0, rows[len(rows)-1].token[:])
	}, from[:], to[:])
	return rows, err
}

func sameAbove(a, b []above) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].token != b[i].token || a[i].headLine != b[i].headLine || !bytes.Equal(a[i].blob, b[i].blob) {
			return false
		}
	}
	return true
}

// syncFolder makes the names in a folder durable.
func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
