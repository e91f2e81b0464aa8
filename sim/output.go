package sim

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/sim/report"
	"github.com/citycard/citycard/store/shard"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
)

// ErrShards says that the timelines of an ended run lie in shards, where they are judged on.
var ErrShards = errors.New("the folder's timelines have been moved into shards")

// ErrOtherRun says that a folder holds a run with other options.
var ErrOtherRun = errors.New("the folder holds another run")

// checkRun makes sure that a database is continued with the options it was
// started with, and clears what a killed run may have left lying about.
func (r *Run) checkRun() error {
	mine, err := json.Marshal(struct {
		Riders        int
		Seed          uint64
		Date, Profile string
		Files         map[string][]byte
		Refit         bool
		Mix           string `json:",omitempty"`
	}{r.Riders, r.Seed, r.Date.String(), r.Profile, r.Options.Files, r.Refit, r.Options.Mix.String()})
	if err != nil {
		return err
	}
	left, err := os.ReadDir(r.Dir)
	for _, f := range left {
		if strings.HasPrefix(f.Name(), "spool-") && strings.HasSuffix(f.Name(), ".tmp") {
			err = errors.Join(err, os.Remove(filepath.Join(r.Dir, f.Name())))
		}
	}
	if err != nil {
		return fmt.Errorf("remove what an interrupted run left: %w", err)
	}
	return r.road.db.Write(context.Background(), func(tx *sqlite.Tx) error {
		known, err := tx.RunState("options")
		if err != nil {
			return err
		}
		shards, _, err := shard.Of(&tx.Reader)
		if err != nil {
			return err
		}
		host, err := tx.RunState("host") // of citycard tap --host-data
		switch {
		case err != nil:
			return err
		case host != nil:
			return fmt.Errorf("%w: the books of a host; name another folder", ErrOtherRun)
		case shards > 0:
			return ErrShards
		case known == nil:
			return tx.PutRunState("options", mine)
		case !bytes.Equal(known, mine):
			return fmt.Errorf("%w: continue it with the same riders, seed, date, profile, mix and data files, or name another folder", ErrOtherRun)
		}
		return nil
	})
}

// ended gives the figures of a run that had come to its end, nil if it had not or
// if a file of Out is missing.
func (r *Run) ended() (*Result, error) {
	var stored []byte
	err := r.road.db.Read(context.Background(), func(rd *sqlite.Reader) (err error) {
		stored, err = rd.RunState("figures")
		return err
	})
	if err != nil || stored == nil {
		return nil, err
	}
	for _, name := range outputNames {
		if r.Out == "" {
			break
		}
		if _, err := os.Stat(filepath.Join(r.Out, name)); err != nil {
			return nil, nil // write it again
		}
	}
	res := &Result{Stages: map[string]int64{}}
	if err := json.Unmarshal(stored, res); err != nil {
		return nil, fmt.Errorf("figures of the ended run: %w", err)
	}
	return res, nil
}

// end notes that everything has been written.
func (r *Run) end(res *Result) error {
	stored, err := json.Marshal(res)
	if err != nil {
		return err
	}
	return r.road.db.Write(context.Background(), func(tx *sqlite.Tx) error { return tx.PutRunState("figures", stored) })
}

var outputNames = [...]string{"summary.json", "nets.csv", "exceptions.csv", "breaks.csv", "report.html"}

// output writes tables and report to Out, each under its name only when it is
// whole.
func (r *Run) output(res *Result) error {
	if r.Out == "" {
		return nil
	}
	defer r.clock("report")()
	return r.road.db.Read(context.Background(), func(rd *sqlite.Reader) error {
		var data *report.Data
		for _, f := range []struct {
			name  string
			write func(w *bufio.Writer) error
		}{
			{outputNames[0], func(w *bufio.Writer) error { return writeSummary(w, res) }},
			{outputNames[1], func(w *bufio.Writer) error { return r.writeNets(w, rd) }},
			{outputNames[2], func(w *bufio.Writer) error { return r.writeExceptions(w, rd) }},
			{outputNames[3], func(w *bufio.Writer) error { return r.writeBreaks(w, rd) }},
			{outputNames[4], func(w *bufio.Writer) (err error) {
				if data, err = r.reportData(rd, res); err != nil {
					return err
				}
				return report.Write(w, data)
			}},
		} {
			if err := writeWhole(filepath.Join(r.Out, f.name), f.write); err != nil {
				return fmt.Errorf("write %s: %w", f.name, err)
			}
		}
		return nil
	})
}

// writeWhole writes a file beside its name, syncs it and renames it.
func writeWhole(path string, write func(w *bufio.Writer) error) (err error) {
	f, err := os.Create(path + ".tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close(), os.Remove(path+".tmp"))
		}
	}()
	w := bufio.NewWriter(f)
	if err := write(w); err != nil {
		return err
	}
	if err := errors.Join(w.Flush(), f.Sync()); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(path+".tmp", path)
}

// writeSummary writes the figures that follow from the options alone.
func writeSummary(w *bufio.Writer, res *Result) error {
	same := *res
	same.ElapsedMS, same.Stages = 0, nil
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(&same)
}

func writeTable(w *bufio.Writer, head []string, rows func(put func(...string) error) error) error {
	c := csv.NewWriter(w)
	if err := c.Write(head); err != nil {
		return err
	}
	if err := rows(func(row ...string) error { return c.Write(row) }); err != nil {
		return err
	}
	c.Flush()
	return c.Error()
}

func (r *Run) writeNets(w *bufio.Writer, rd *sqlite.Reader) error {
	codes := map[uint16]Participant{}
	for _, p := range r.world.participants() {
		codes[uint16(p.ID)] = p
	}
	return writeTable(w, []string{"window", "debtor", "debtor_name", "creditor", "creditor_name", "amount_fen", "items"}, func(put func(...string) error) error {
		return rd.Nets(func(n sqlite.Net) error {
			from, to := codes[n.Debtor], codes[n.Creditor]
			return put(dayText(n.Window), from.Code, from.ZH, to.Code, to.ZH, strconv.FormatInt(int64(n.Amount), 10), strconv.FormatInt(n.Items, 10))
		})
	})
}

func (r *Run) writeExceptions(w *bufio.Writer, rd *sqlite.Reader) error {
	head := []string{"window", "verdict", "trace", "card", "atc", "amount_fen", "terminal", "sequence", "block", "row"}
	return writeTable(w, head, func(put func(...string) error) error {
		return rd.Exceptions(func(e sqlite.Exception) error {
			return put(dayText(e.Window), e.Verdict.String(), e.Trace.String(), e.Card, fmt.Sprintf("%04X", e.ATC), strconv.FormatInt(int64(e.Amount), 10),
				strconv.FormatUint(uint64(e.Terminal), 10), strconv.FormatUint(uint64(e.Sequence), 10), strconv.FormatUint(uint64(e.Ref.Block), 10), strconv.Itoa(int(e.Ref.Index)))
		})
	})
}

func (r *Run) writeBreaks(w *bufio.Writer, rd *sqlite.Reader) error {
	head := []string{"card", "p", "q", "state", "amount_fen", "terminal", "verdict", "结论"}
	return writeTable(w, head, func(put func(...string) error) error {
		return rd.Breaks(r.road.vault, func(b *recon.Break) error {
			return put(b.Card.String(), fmt.Sprintf("%04X", b.P), fmt.Sprintf("%04X", b.Q), b.State.String(), strconv.FormatInt(int64(b.Amount), 10),
				terminalText(b.Terminal), b.Sentence(recon.EN), b.Sentence(recon.ZH))
		})
	})
}

func terminalText(id txn.TerminalID) string {
	if id == 0 {
		return ""
	}
	return strconv.FormatUint(uint64(id), 10)
}

// dayText is a business window as a date.
func dayText(window int32) string {
	return time.Unix(int64(window)*secondsPerDay, 0).UTC().Format(time.DateOnly)
}
