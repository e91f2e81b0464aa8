package sim

import (
	"encoding/hex"
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
	list := r.tableFiles(rd)
	t1, err := r.t1Files(rd)
	if err != nil {
		return err
	}
	list = append(list, t1...)
	if err := rd.BlockCounts(func(window int32, blocks int64) error {
		p := r.road.segments.Path(window)
		list = append(list, listedFile{path: p, File: report.File{Name: path.Join("blocks", filepath.Base(p)), Records: blocks,
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
		File: report.File{Name: openBreaksFile, Records: LastDay + 1, Content: report.Text{EN: "Open breaks by day", ZH: "逐日未结差错"}}})
}
