package sim

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"iter"

	"github.com/citycard/citycard/acquirer"
	"github.com/citycard/citycard/clearing"
	"github.com/citycard/citycard/clearing/spool"
	"github.com/citycard/citycard/clearing/t1"
	"github.com/citycard/citycard/crypt/seal"
	"github.com/citycard/citycard/issuer"
	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/block"
)

// closeTime is when the books of a day after D are closed.
func (c *City) closeTime(day int32) int64 { return c.slotTime(slotClose + int(day)) }

// closeWindow clears what was accepted on a day after D, posts it, reconciles
// and judges, all in one transaction. It does nothing if the window is closed.
func (r *road) closeWindow(day int32, workers int) error {
	if day <= r.closed {
		return r.publish(day)
	}
	ctx := context.Background()
	rows, err := r.gather(ctx, r.day+day, workers)
	if err != nil {
		return fmt.Errorf("gather rows of window %d: %w", r.day+day, err)
	}
	defer rows.Close()
	var set *t1.Set
	if r.filesDir != "" && rows.Rows() > 0 {
		if set, err = t1.NewSet(r.t1Config(day)); err != nil {
			return err
		}
		defer set.Abort() // after Finish this does nothing
	}
	w := &closing{road: r, day: day, rows: rows, files: set, workers: workers, window: clearing.NewWindow(r.day + day)}
	if err := r.db.Write(ctx, w.run); err != nil {
		return fmt.Errorf("close window %d: %w", r.day+day, err)
	}
	r.closed = day
	return r.publish(day)
}

// publish gives the T+1 files of a closed window their names; after a crash
// between commit and rename it is done again.
func (r *road) publish(day int32) error {
	if r.filesDir == "" {
		return nil
	}
	var wrote []byte
	err := r.db.Read(context.Background(), func(rd *sqlite.Reader) (err error) {
		wrote, err = rd.RunState(filesState(day))
		return err
	})
	if err != nil || wrote == nil {
		return err
	}
	c := r.t1Config(day)
	return t1.Commit(r.filesDir, c.Names())
}

// filesState is the name under which the database notes that a window has T+1
// files.
func filesState(day int32) string { return fmt.Sprintf("files %02d", day) }

// gather opens the blocks of a window and spools their rows by card.
func (r *road) gather(ctx context.Context, window int32, workers int) (*spool.Spool, error) {
	defer r.clock("open")()
	var blocks []sqlite.Block
	if err := r.db.Read(ctx, func(rd *sqlite.Reader) (err error) {
		blocks, err = rd.Blocks(window)
		return err
	}); err != nil {
		return nil, err
	}
	var key [16]byte // of this window alone: its files are encrypted by position
	if _, err := rand.Read(key[:]); err != nil {
		return nil, fmt.Errorf("key for temporary files: %w", err)
	}
	rows := spool.New(r.dir, 256<<20, func(card txn.CardKey) uint8 { return r.vault.Token(card)[0] }, key)
	const chunk = 64
	for from := 0; from < len(blocks); from += chunk {
		part := blocks[from:min(from+chunk, len(blocks))]
		opened := make([][]txn.Presented, len(part))
		errs := make([]error, len(part))
		parallel(workers, len(part), func(i int) { opened[i], errs[i] = r.openBlock(&part[i]) })
		for i := range part {
			if errs[i] != nil {
				return nil, fmt.Errorf("block %d: %w", part[i].ID, errs[i])
			}
			for n := range opened[i] {
				if err := rows.Add(&opened[i][n]); err != nil {
					return nil, err
				}
			}
		}
	}
	return rows, nil
}

func (r *road) openBlock(b *sqlite.Block) ([]txn.Presented, error) {
	raw, err := r.segments.Read(b.Window, b.Place, b.Length)
	if err != nil {
		return nil, err
	}
	sealed, err := block.Parse(raw)
	if err != nil {
		return nil, err
	}
	rows, _, err := seal.Reopen(&sealed, r.acquirer) // admitted: Prepare has opened it
	if err != nil {
		return nil, err
	}
	return acquirer.Mark(rows, b.ID, b.Start, b.Arrived, r.LateLimit, r.Deny)
}

// closing is one window in the making.
type closing struct {
	*road
	tx      *sqlite.Tx
	day     int32
	rows    *spool.Spool
	files   *t1.Set
	workers int
	window  *clearing.Window
	posts   []ledger.Transfer
	bad     unreadable
}

func (w *closing) run(tx *sqlite.Tx) error {
	w.tx = tx
	ctx := context.Background()
	store := tx.Recon(w.vault, w.postCorrections)
	marks, err := w.marks(tx)
	if err != nil {
		return err
	}
	if w.bad, err = readUnreadable(tx); err != nil {
		return err
	}
	report, err := recon.Day(ctx, store, recon.Input{Now: w.closeTime(w.day), Params: w.Recon, Events: w.events(), Marks: func(txn.CardKey) timeline.Watermarks { return marks }})
	if err != nil && !errors.Is(err, recon.ErrDamaged) { // of which the report tells, everything else was done
		return err
	}
	for _, err := range report.Rejected {
		w.bad.add(err)
	}
	for _, card := range report.Damaged {
		w.bad.damaged(w.vault.Token(card))
	}
	if err := w.bad.write(tx); err != nil {
		return err
	}
	posts, err := w.window.Close(w.closeTime(w.day), network, accounts{})
	if err != nil {
		return err
	}
	if err := w.book(tx, nil, posts); err != nil {
		return err
	}
	if w.quota != nil {
		if err := w.quotaDay(); err != nil {
			return err
		}
	}
	if err := tx.PutWindow(w.window, w.closeTime(w.day)); err != nil {
		return err
	}
	if err := w.finishFiles(tx); err != nil {
		return err
	}
	if err := w.noteOpenBreaks(tx); err != nil {
		return err
	}
	return tx.PutRunState("closed", binary.BigEndian.AppendUint64(nil, uint64(w.day)))
}

// marks is how far the terminals' gapless sequences reach together.
func (r *road) marks(tx *sqlite.Tx) (*timeline.Marks, error) {
	through, err := tx.Watermark(len(r.terminals), func(id txn.TerminalID) bool { return r.terminals[uint32(id)] != nil })
	return &timeline.Marks{Through: through}, err
}

func (w *closing) finishFiles(tx *sqlite.Tx) error {
	if w.files == nil {
		return nil
	}
	if err := w.files.Finish(); err != nil {
		return err
	}
	totals := w.files.Totals()
	if err := totals.Check(w.window.Nets, network); err != nil {
		return err
	}
	return tx.PutRunState(filesState(w.day), []byte{1})
}

// events clears the window, partition by partition, and yields what
// reconciliation is to know of each row. Partitions are worked at the same time
// and taken in their order.
func (w *closing) events() iter.Seq2[recon.Event, error] {
	return func(yield func(recon.Event, error) bool) {
		rule := *w.fees
		cl := &clearing.Clearer{Register: w.City, Issuers: w.City, Fares: w.Fares, Workdays: w.City, Fees: &rule, Network: network, Counters: w.Counters}
		for from := 0; from < spool.Partitions; from += clearedAtOnce {
			results := make([]*clearing.Result, clearedAtOnce)
			errs := make([]error, clearedAtOnce)
			stop := w.clock("clear")
			parallelWith(w.workers, clearedAtOnce, w.Verifier, func(i int, v clearing.Verifier) {
				results[i], errs[i] = w.partition(cl, from+i, v)
			})
			stop()
			for i, res := range results {
				if errs[i] != nil {
					yield(recon.Event{}, fmt.Errorf("partition %d: %w", from+i, errs[i]))
					return
				}
				if res != nil && !w.take(res, yield) {
					return
				}
			}
		}
		if err := w.flush(0); err != nil {
			yield(recon.Event{}, err)
		}
	}
}

// clearedAtOnce is how many partitions are in memory at a time.
const clearedAtOnce = 8

func (w *closing) partition(cl *clearing.Clearer, part int, v clearing.Verifier) (*clearing.Result, error) {
	rows, err := w.rows.Read(part)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	var res *clearing.Result
	err = w.db.Read(context.Background(), func(rd *sqlite.Reader) (err error) {
		res, err = cl.Partition(rows, rd.ClearingStates(w.vault), v)
		return err
	})
	return res, err
}

// take stores a partition's result, posts its fares and yields its events.
func (w *closing) take(res *clearing.Result, yield func(recon.Event, error) bool) bool {
	stop := w.clock("post")
	err := w.store(res)
	stop()
	if err != nil {
		return yield(recon.Event{}, err) && false
	}
	defer w.clock("recon")()
	var last txn.CardKey
	for i := range res.Items {
		it := &res.Items[i]
		if it.Row.Card != last {
			last = it.Row.Card
			for _, e := range w.opening(last) {
				if !yield(e, nil) {
					return false
				}
			}
		}
		switch it.Verdict {
		case txn.BadCryptogram, txn.BadBalanceMAC, txn.BadCardData, txn.Duplicate:
			continue
		}
		e, err := w.Observe(&it.Row, it.Verdict)
		switch {
		case errors.Is(err, timeline.ErrSilent):
			continue
		case err != nil:
			w.bad.add(err)
			continue
		}
		if !yield(e, nil) {
			return false
		}
	}
	return true
}

// opening is what the issuer knows of a card beside its rows: its personalisation, and
// the pushes of a quota.
func (w *closing) opening(card txn.CardKey) []recon.Event {
	rider, known := w.riderOf(card)
	if !known {
		return nil
	}
	if w.hasQuota(rider) {
		return w.quota.pushed(rider)
	}
	return []recon.Event{{Card: card, Obs: timeline.Observation{Kind: timeline.Opening, B: w.openingBalance(rider), Time: w.midnight - secondsPerDay}}}
}

func (w *closing) store(res *clearing.Result) error {
	w.window.Add(res)
	if err := w.tx.PutClearing(w.window.Number, res, w.vault); err != nil {
		return err
	}
	for _, card := range res.Damaged {
		w.bad.damaged(w.vault.Token(card))
	}
	at := w.closeTime(w.day)
	var fares []issuer.Fare
	for i := range res.Items {
		it := &res.Items[i]
		if it.Verdict == txn.Cleared {
			fares = append(fares, issuer.Fare{ATC: it.Row.ATC, Amount: it.Row.Amount, Ref: it.Ref})
			if w.files != nil {
				if err := w.files.Add(it); err != nil {
					return err
				}
			}
		}
		if last := i+1 == len(res.Items) || res.Items[i+1].Row.Card != it.Row.Card; last && len(fares) > 0 && w.isQuota(it.Row.Card) {
			fares = fares[:0] // row by row from the account: presentQuota
		} else if last && len(fares) > 0 {
			w.posts = append(w.posts, w.books.Fares(it.Row.Card, accounts{}.Settlement(it.Issuer), w.window.Number, at, fares))
			fares = fares[:0]
		}
	}
	for i := range res.Rebates {
		w.rebate(&res.Rebates[i], at)
	}
	if w.quota != nil {
		if err := w.presentQuota(res.Items); err != nil {
			return err
		}
	}
	return w.flush(8000)
}

// rebate posts one: the operator of the exit pays the card, and the others make
// good their parts to it, or get from it what they lack. So each operator moves by
// its debit, and there is one posting for each of them.
func (w *closing) rebate(b *clearing.Rebate, at int64) {
	exit := accounts{}.Operator(b.Operator)
	if b.Amount() > 0 {
		w.posts = append(w.posts, w.books.Rebate(b.Card, exit, b.ATC, b.Amount(), w.window.Number, at))
	}
	for n, d := range b.Debits {
		from, to, amount := accounts{}.Operator(d.Operator), exit, d.Fen
		if amount < 0 {
			from, to, amount = to, from, -amount
		}
		if d.Operator != b.Operator {
			w.posts = append(w.posts, w.books.Reshare(b.Card, from, to, b.ATC, uint16(n), amount, w.window.Number, at))
		}
	}
}

// flush posts the collected transfers when there are more than a number of them.
func (w *closing) flush(over int) error {
	if len(w.posts) <= over {
		return nil
	}
	err := w.book(w.tx, nil, w.posts)
	w.posts = w.posts[:0]
	return err
}

// postCorrections books what reconciliation asks for.
func (w *closing) postCorrections(postings []recon.Posting) error {
	return w.poster.Correct(w.tx, w.window.Number, postings)
}

// t1Config describes the files of a window: they are dated the next day.
func (r *road) t1Config(day int32) t1.Config {
	c := t1.Config{Dir: r.filesDir, Window: r.day + day, Batch: 1, Session: 1, Signer: t1.DevelopmentNetworkKey(), Rand: r.fileRandomness}
	for _, p := range r.participants() {
		if p.ID == network {
			c.Network = p.Code
			continue
		}
		c.Members = append(c.Members, t1.Member{ID: p.ID, Code: p.Code, Key: t1.DevelopmentKey(p.ID).Public(), KeyID: 1, Issuer: p.Role == "issuer", Acquirer: p.Role == "acquirer"})
	}
	return c
}

// fileRandomness is the randomness of one T+1 file.
func (r *road) fileRandomness(name string) io.Reader {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // a hash never fails
	return r.stream(forFiles, h.Sum64())
}
