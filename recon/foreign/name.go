package foreign

import "path"

// dayInName finds the clearing date in the name of a file: IND and yymmdd as T+1 files
// have it, else the first run of digits that begins with a date yyyymmdd, with or
// without hyphens. It is 0 if there is none.
func dayInName(name string) int32 {
	base := path.Base(name)
	at, n := datePlace(base)
	if n == 0 {
		return 0
	}
	day, _ := parseDate(fArrived, map[int]string{6: "20"}[n]+base[at:at+n], map[int]string{6: "yyyymmdd", 8: "yyyymmdd", 10: "yyyy-mm-dd"}[n], 0)
	return day
}
