package foreign

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// Gap is a day on which a series of files, one for nearly every day, has no file: it may
// never have been given, and what it presents then seems missing.
type Gap struct {
	Pattern string `json:"pattern"` // name of the series' files, "yyyymmdd" or "yymmdd" in place of the date
	Kind    string `json:"kind"`    // "clearing" or "chip"
	Date    string `json:"date"`
	Before  string `json:"before"` // the file of the series before that day
	After   string `json:"after"`  // and the one behind it
	// MayBeEmpty says that the files hold so few lines that the day may have had none:
	// such a gap is told and changes no finding.
	MayBeEmpty bool `json:"may_be_empty"`

	day int32
}

const (
	// seriesFiles is the least number of days with a file that make a series.
	seriesFiles = 3
	// busyLines is how many lines a quarter at most of the files of a series may fall short of for a
	// day without any line to be out of the question.
	busyLines = 10
)

// datePlace finds where the clearing date stands in the base name of a file, as dayInName
// reads it; the length is 0 if there is none.
func datePlace(base string) (at, length int) {
	if len(base) >= 9 && strings.EqualFold(base[:3], "IND") && decimal(base[3:9]) {
		if _, bad := parseDate(fArrived, "20"+base[3:9], "yyyymmdd", 0); bad == nil {
			return 3, 6
		}
	}
	for i := range len(base) {
		if i > 0 && base[i-1] >= '0' && base[i-1] <= '9' {
			continue
		}
		for _, f := range []string{"yyyymmdd", "yyyy-mm-dd"} {
			if i+len(f) <= len(base) {
				if _, bad := parseDate(fArrived, base[i:i+len(f)], f, 0); bad == nil {
					return i, len(f)
				}
			}
		}
	}
	return 0, 0
}

// dated is a file with a date in its name.
type dated struct {
	day    int32
	name   string
	lines  int64
	suffix string // behind the date, a time of day cut off
}

// series are the files whose names differ in the date only.
type series struct {
	pattern, suffix string
	files           []dated
}

// gaps finds the days without a file in the series of clearing and chip files, by pattern
// and day.
func (im *Importer) gaps() []Gap {
	type group struct {
		prefix string
		kind   string
	}
	groups := map[group][]dated{}
	all := map[group]map[string]*series{}
	for i := range im.files {
		f := &im.files[i]
		base := path.Base(f.Name)
		at, n := datePlace(base)
		if n == 0 || f.Kind != Clearing.String() && f.Kind != Chip.String() {
			continue
		}
		rest := base[at+n:]
		clock := ""
		if n == 8 && len(rest) >= 4 && decimal(rest[:4]) {
			rest, clock = strings.TrimLeft(rest, "0123456789"), "*"
		}
		d := dated{dayInName(base), base, f.Lines - f.Headers - f.Trailers - f.Blank, strings.ToUpper(rest)}
		g := group{strings.ToUpper(base[:at]), f.Kind}
		groups[g] = append(groups[g], d)
		if all[g] == nil {
			all[g] = map[string]*series{}
		}
		s := all[g][d.suffix]
		if s == nil {
			s = &series{pattern: base[:at] + map[int]string{6: "yymmdd", 8: "yyyymmdd", 10: "yyyy-mm-dd"}[n] + clock + rest, suffix: d.suffix}
			all[g][d.suffix] = s
		}
		s.files = append(s.files, d)
	}
	out := []Gap{}
	for g, list := range all {
		for _, s := range list {
			out = append(out, s.gaps(g.kind, groups[g])...)
		}
	}
	slices.SortFunc(out, func(a, b Gap) int { return cmp.Or(strings.Compare(a.Pattern, b.Pattern), cmp.Compare(a.day, b.day)) })
	return out
}

// gaps are the days between the first and the last file of a series without a file. A
// file with more behind the same name, a second delivery, stands for its day too.
func (s *series) gaps(kind string, group []dated) (out []Gap) {
	slices.SortStableFunc(s.files, func(a, b dated) int { return cmp.Compare(a.day, b.day) })
	first, last := s.files[0].day, s.files[len(s.files)-1].day
	stem := strings.TrimSuffix(s.suffix, path.Ext(s.suffix))
	there := map[int32]bool{}
	for _, d := range group {
		if d.day >= first && d.day <= last && strings.HasPrefix(d.suffix, stem) {
			there[d.day] = true
		}
	}
	if days := int(last-first) + 1; len(s.files) < seriesFiles || len(there) < seriesFiles || 3*len(there) < 2*days {
		return nil
	}
	var lines []int64
	for _, d := range s.files {
		lines = append(lines, d.lines)
	}
	slices.Sort(lines)
	quiet := lines[len(lines)/4] < busyLines
	for day, i := first, 0; day <= last; day++ {
		for i+1 < len(s.files) && s.files[i+1].day < day {
			i++
		}
		if there[day] || restDay(day, first, last, there) {
			continue
		}
		out = append(out, Gap{Pattern: s.pattern, Kind: kind, Date: dayText(day), Before: s.files[i].name, After: s.files[i+1].name, MayBeEmpty: quiet, day: day})
	}
	return out
}

// restDay reports whether a day is of a weekend on which the series never has a file.
func restDay(day, first, last int32, there map[int32]bool) bool {
	weekday := func(d int32) time.Weekday { return time.Unix(int64(d)*86400, 0).UTC().Weekday() }
	own := weekday(day)
	if own != time.Saturday && own != time.Sunday {
		return false
	}
	absent, weekend := 0, false
	for d := first; d <= last; d++ {
		switch w := weekday(d); {
		case there[d] && w == own:
			return false
		case there[d]:
			weekend = weekend || w == time.Saturday || w == time.Sunday
		case w == own:
			absent++
		}
	}
	return absent > 1 || !weekend
}

// absent lists the days between two moments on which a clearing file seems absent.
func (im *Importer) absent(from, to int64) (days []int32) {
	for i := range im.holes {
		if g := &im.holes[i]; g.Kind == Clearing.String() && !g.MayBeEmpty && g.day >= dayOf(from) && g.day <= dayOf(to) && !slices.Contains(days, g.day) {
			days = append(days, g.day)
		}
	}
	slices.Sort(days)
	return days
}

// absentSize is how many days a sentence names.
const absentSize = 3

// dayList names days.
func dayList(days []int32) words {
	var names []string
	for _, d := range days[:min(len(days), absentSize)] {
		names = append(names, dayText(d))
	}
	more := words{}
	if n := len(days) - absentSize; n > 0 {
		more = words{fmt.Sprintf(" and %d more days", n), fmt.Sprintf("等 %d 日", len(days))}
	}
	return words{strings.Join(names, ", ") + more.en, strings.Join(names, "、") + more.zh}
}

// absentWords end the sentence of what rests on files that are not there.
func absentWords(days []int32) words {
	if len(days) == 0 {
		return words{}
	}
	d := dayList(days)
	return words{" But the clearing file of " + d.en + " is not there and may present it.", "但缺少 " + d.zh + " 的清算文件，其中可能有上送记录。"}
}

// missingFiles warns of gaps in the meaning of certainty.
func (r *Result) missingFiles() words {
	var days []int32
	for i := range r.Gaps {
		if g := &r.Gaps[i]; !g.MayBeEmpty && !slices.Contains(days, g.day) {
			days = append(days, g.day)
		}
	}
	if len(days) == 0 {
		return words{}
	}
	slices.Sort(days)
	d := dayList(days)
	return words{
		" Series of daily files have no file of " + d.en + ": missing counters that may be presented there are held as undecided, unfinished taps are soft. Give these files before money moves.",
		"按日文件序列缺少 " + d.zh + " 的文件：可能在其中上送的缺失计数器列为待定，未完成交易列为“软”结论。付款前请补齐。",
	}
}
