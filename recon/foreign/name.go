package foreign

import (
	"path"
	"strings"
)

// dayInName finds the clearing date in the name of a file: IND and yymmdd as T+1 files
// have it, else the first run of digits that begins with a date yyyymmdd, with or
// without hyphens. It is 0 if there is none.
func dayInName(name string) int32 {
	base := strings.ToUpper(path.Base(name))
	if rest, ok := strings.CutPrefix(base, "IND"); ok && len(rest) >= 6 && decimal(rest[:6]) {
		if day, bad := parseDate(fArrived, "20"+rest[:6], "yyyymmdd", 0); bad == nil {
			return day
		}
	}
	for i := 0; i < len(base); i++ {
		if i > 0 && base[i-1] >= '0' && base[i-1] <= '9' {
			continue
		}
		for _, f := range []string{"yyyymmdd", "yyyy-mm-dd"} {
			if i+len(f) <= len(base) {
				if day, bad := parseDate(fArrived, base[i:i+len(f)], f, 0); bad == nil {
					return day
				}
			}
		}
	}
	return 0
}
