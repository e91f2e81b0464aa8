package sim

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/emmansun/gmsm/sm3"

	"github.com/citycard/citycard/sim/report"
	"github.com/citycard/citycard/store/sqlite"
)

// listedFile is a file whose size and digest are to be found.
type listedFile struct {
	report.File
	path string
}

// fileData lists what the day left behind, the page itself and the database
// excepted: the order of a database's pages is no part of its content.
func (r *Run) fileData(d *report.Data, rd *sqlite.Reader) error {
	list := r.tableFiles()
	t1, err := r.t1Files(rd)
	if err != nil {
		return err
	}
	list = append(list, t1...)
	if err := rd.BlockCounts(func(window int32, blocks int64) error {
		p := r.road.segments.Path(window)
		list = append(list, listedFile{path: p, File: report.File{Name: path.Join("blocks", filepath.Base(p)), Records: blocks, Later: window > r.world.day,
			Content: report.Text{EN: "Sealed blocks of " + dayText(window), ZH: dayText(window) + " 密封数据块"}}})
		return nil
	}); err != nil {
		return err
	}
	errs := make([]error, len(list))
	parallel(r.Workers, len(list), func(i int) { errs[i] = list[i].measure() })
	for i := range list {
		if errs[i] != nil {
			return errs[i]
		}
		d.Files = append(d.Files, list[i].File)
	}
	return nil
}

// tableFiles are those that output has written before the page.
func (r *Run) tableFiles() []listedFile {
	var list []listedFile
	for _, f := range []report.File{
		{Name: "summary.json", Content: report.Text{EN: "Figures of the day", ZH: "全天数据"}},
		{Name: "nets.csv", Content: report.Text{EN: "Bilateral nets", ZH: "双边净额"}},
		{Name: "exceptions.csv", Content: report.Text{EN: "Refused rows", ZH: "拒绝流水"}},
		{Name: "breaks.csv", Content: report.Text{EN: "Breaks and verdicts", ZH: "差错与判定"}},
	} {
		list = append(list, listedFile{File: f, path: filepath.Join(r.Out, f.Name)})
	}
	return append(list, listedFile{path: filepath.Join(r.Dir, openBreaksFile),
		File: report.File{Name: openBreaksFile, Content: report.Text{EN: "Open breaks by day", ZH: "逐日未结差错"}}})
}

// t1Contents are the contents of the T+1 files by the end of their names.
var t1Contents = []struct {
	end     string
	content report.Text
}{
	{"ICOM", report.Text{EN: "T+1 transactions, issuer's side", ZH: "T+1 发卡侧交易流水"}}, {"IIC", report.Text{EN: "T+1 chip data, issuer's side", ZH: "T+1 发卡侧 IC 卡数据"}},
	{"ACOM", report.Text{EN: "T+1 transactions, acquirer's side", ZH: "T+1 收单侧交易流水"}}, {"AIC", report.Text{EN: "T+1 chip data, acquirer's side", ZH: "T+1 收单侧 IC 卡数据"}},
}

// t1Files lists the T+1 files of all windows that have some. They are sealed, so
// the number of their lines comes from the nets of their window.
func (r *Run) t1Files(rd *sqlite.Reader) ([]listedFile, error) {
	if r.Files == "" {
		return nil, nil
	}
	lines := map[string]int64{} // by window and institution code
	codes := map[uint16]string{}
	for _, p := range r.world.participants() {
		codes[uint16(p.ID)] = p.Code
	}
	key := func(window int32, code string) string { return fmt.Sprint(window, " ", code) }
	if err := rd.Nets(func(n sqlite.Net) error {
		if n.Debtor != uint16(network) && n.Creditor != uint16(network) {
			lines[key(n.Window, codes[n.Debtor])] += n.Items
			lines[key(n.Window, codes[n.Creditor])] += n.Items
		}
		return nil
	}); err != nil {
		return nil, err
	}
	var list []listedFile
	for day := int32(0); day <= LastDay; day++ {
		wrote, err := rd.RunState(filesState(day))
		if err != nil {
			return nil, err
		}
		if wrote == nil {
			continue
		}
		c := r.road.t1Config(day)
		for _, name := range c.Names() {
			f := listedFile{path: filepath.Join(r.Files, name), File: report.File{Name: path.Join("files", filepath.ToSlash(name)),
				Later:   day > 0,
				Records: lines[key(c.Window, filepath.Dir(name))]}}
			for _, t := range t1Contents {
				if strings.HasSuffix(name, t.end) {
					f.Content = t.content
				}
			}
			list = append(list, f)
		}
	}
	return list, nil
}

// measure reads the file: its length, its digest and, of a table without a count,
// its lines below the heading.
func (l *listedFile) measure() error {
	f, err := os.Open(l.path)
	if err != nil {
		return err
	}
	h, n := sm3.New(), lineCounter(-1)
	size, err := io.Copy(io.MultiWriter(h, &n), f)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("digest of %s: %w", l.Name, err)
	}
	l.Bytes, l.Digest = size, hex.EncodeToString(h.Sum(nil))
	if strings.HasSuffix(l.Name, ".csv") {
		l.Records = int64(n)
	}
	return nil
}

// lineCounter counts the ends of lines that are written to it.
type lineCounter int64

// Write implements io.Writer.
func (c *lineCounter) Write(b []byte) (int, error) {
	*c += lineCounter(bytes.Count(b, []byte{'\n'}))
	return len(b), nil
}
