package report

import (
	"errors"
	"io"
	"strconv"

	"github.com/citycard/citycard/certify"
	"github.com/citycard/citycard/certify/report"
	"github.com/citycard/citycard/certify/terminal"
)

// Write writes the page of a run against a terminal. It fails if there is no report, or
// if w does; nothing is written before the whole page has been made.
func Write(w io.Writer, r *terminal.Report) error {
	if r == nil {
		return errors.New("write terminal conformance page: no report")
	}
	p := &report.Page{
		Title: certify.Text{EN: "CityCard terminal conformance", ZH: "终端符合性检测"}, Kicker: certify.Text{EN: "Conformance run against one terminal", ZH: "终端符合性检测报告"},
		Heading: r.Terminal, Subject: r.Terminal, Conforms: r.Conforms(), Cases: r.Cases,
		Head: []report.Fact{{Name: certify.Text{EN: "Time", ZH: "时间"}, Value: certify.Text{EN: r.Time}}},
		Tile: report.Tile{Figure: strconv.Itoa(len(r.Cases)), Label: certify.Text{EN: "cases", ZH: "案例"}},
		Foot: certify.Text{EN: "Account numbers are masked and PINs are left out. A passed case says that the terminal did right here, not that it always will.",
			ZH: "账号已屏蔽，密码不予显示。案例通过仅说明终端在本次检测中行为正确。"},
	}
	if r.Incomplete != "" {
		p.Facts = append(p.Facts, report.Fact{Name: certify.Text{EN: "The run ended early at", ZH: "检测提前结束于"}, Value: certify.Text{EN: r.Incomplete}, Code: true})
	}
	for _, g := range terminal.Groups() {
		p.Groups = append(p.Groups, report.Group{Key: g.Key, Name: g.Name, Cases: len(g.Cases)})
	}
	return p.Write(w)
}
