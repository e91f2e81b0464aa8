package report

import "html/template"

// lineView is one line of the diagram.
type lineView struct {
	Name    Text
	Color   template.CSS // passed by safeColor
	Ink     template.CSS // of text on Color
	Metres  int64
	Loop    bool
	Cells   []cellView
	Busiest section
}

type cellView struct {
	Name   Text
	Change bool
	Svg    template.HTML
}

// section is the stretch between two neighbours.
type section struct {
	From, To Text
	Riders   int64
}

// diagram lays out all lines. The thickness of a band means the same on each.
func diagram(lines []Line) []lineView {
	var busiest int64
	for i := range lines {
		for j := range lines[i].Stops {
			busiest = max(busiest, lines[i].next(j))
		}
	}
	at := interchanges(lines)
	out := make([]lineView, len(lines))
	for i := range lines {
		l := &lines[i]
		color := safeColor(l.Color)
		v := lineView{Name: l.Name, Color: template.CSS(color), Ink: template.CSS(ink(color)), Metres: l.Metres, Loop: l.Loop}
		for j, s := range l.Stops {
			var others []string
			for _, k := range at[s.Name] {
				if k != i {
					others = append(others, lines[k].Color)
				}
			}
			before, behind := l.halves(j, busiest)
			v.Cells = append(v.Cells, cellView{Name: s.Name, Change: len(others) > 0, Svg: cell(before, behind, others)})
			if n := l.next(j); n > v.Busiest.Riders {
				v.Busiest = section{From: s.Name, To: l.Stops[(j+1)%len(l.Stops)].Name, Riders: n}
			}
		}
		out[i] = v
	}
	return out
}

// interchanges lists, for each name, the lines that stop there, in page order.
func interchanges(lines []Line) map[Text][]int {
	at := map[Text][]int{}
	for i := range lines {
		for _, s := range lines[i].Stops {
			if l := at[s.Name]; len(l) == 0 || l[len(l)-1] != i {
				at[s.Name] = append(l, i)
			}
		}
	}
	return at
}

// next is the riders carried from stop j onwards; 0 behind the end of the line.
func (l *Line) next(j int) int64 {
	if j == len(l.Stops)-1 && !l.Loop {
		return 0
	}
	return l.Stops[j].Next
}

// halves gives the thickness of the sections on both sides of stop j, 0 at an end.
func (l *Line) halves(j int, busiest int64) (before, behind int64) {
	last := len(l.Stops) - 1
	switch {
	case j > 0:
		before = band(l.next(j-1), busiest)
	case l.Loop:
		before = band(l.next(last), busiest)
	}
	if j < last || l.Loop {
		behind = band(l.next(j), busiest)
	}
	return before, behind
}
