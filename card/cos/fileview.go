package cos

import (
	"bytes"
	"iter"
)

// FileView is a look at a file system that was checked: as it is between two
// changes. It is valid until the next Commit.
type FileView struct{ m []byte }

func (v FileView) slots() int { return int(v.m[3]) }

func (v FileView) used(slot int) bool {
	return slot < v.slots() && v.m[headSize+slot/8]>>(slot%8)&1 == 1
}

// File gives the file in a slot; false if there is none.
func (v FileView) File(slot byte) (File, bool) {
	if !v.used(int(slot)) {
		return File{}, false
	}
	return v.file(int(slot)), true
}

func (v FileView) file(slot int) File {
	return decodeHeader(v.m[tableStart(v.slots())+slot*fileHeader:][:fileHeader], slot)
}

// MF is the master file.
func (v FileView) MF() File { return v.file(0) }

// Files walks all files in the order of their slots.
func (v FileView) Files() iter.Seq[File] {
	return func(yield func(File) bool) {
		for slot := range v.slots() {
			if v.used(slot) && !yield(v.file(slot)) {
				return
			}
		}
	}
}

// Children walks the files right below a DF.
func (v FileView) Children(df byte) iter.Seq[File] {
	return func(yield func(File) bool) {
		for slot := 1; slot < v.slots(); slot++ {
			if !v.used(slot) {
				continue
			}
			if f := v.file(slot); f.Parent == df && !yield(f) {
				return
			}
		}
	}
}

// Child finds a file right below a DF by its identifier.
func (v FileView) Child(df byte, id uint16) (File, bool) {
	for f := range v.Children(df) {
		if f.ID == id {
			return f, true
		}
	}
	return File{}, false
}

// ByShortID finds an EF right below a DF by its short identifier.
func (v FileView) ByShortID(df, sfi byte) (File, bool) {
	for f := range v.Children(df) {
		if sfi != 0 && f.SFI == sfi {
			return f, true
		}
	}
	return File{}, false
}

// ByName finds the first ADF in a slot of at least from whose name begins with
// name.
func (v FileView) ByName(name []byte, from int) (File, bool) {
	for slot := from; slot < v.slots(); slot++ {
		if !v.used(slot) {
			continue
		}
		if f := v.file(slot); f.IsADF() && bytes.HasPrefix(f.Name, name) {
			return f, true
		}
	}
	return File{}, false
}

// Holds tells whether DF outer is inner or lies on the way from inner to the MF.
func (v FileView) Holds(outer, inner byte) bool {
	for inner != outer {
		if inner == 0 {
			return false
		}
		f := v.file(int(inner))
		inner = f.Parent
	}
	return true
}

// Usable tells whether a file and all directories above it are neither
// deactivated nor terminated.
func (v FileView) Usable(f File) bool {
	for {
		if f.State == Deactivated || f.State == Terminated {
			return false
		}
		if f.Slot == 0 {
			return true
		}
		f = v.file(int(f.Parent))
	}
}

// Body is the content of a transparent file, or the proprietary information of a
// DF; for files of records all their space.
func (v FileView) Body(f File) []byte { return v.m[f.at : f.at+f.Size : f.at+f.Size] }

// Record is record n of a file, counted from 1; in a cyclic file 1 is the newest.
// False if there is no such record.
func (v FileView) Record(f File, n int) ([]byte, bool) {
	if !f.Kind.Records() || n < 1 || n > f.Count {
		return nil, false
	}
	b := v.Body(f)[f.slotOf(n)*f.slotLength():][:f.slotLength()]
	if f.Kind == Variable {
		return b[1 : 1+b[0] : 1+b[0]], true
	}
	return b, true
}

// Free is the number of bytes that bodies of new files can take: together, and
// the longest piece of them in a row.
func (v FileView) Free() (total, longest int) {
	at := bodyStart(v.slots())
	for at < len(v.m) {
		next, end := len(v.m), len(v.m)
		for f := range v.Files() {
			if f.Size > 0 && f.at >= at && f.at < next {
				next, end = f.at, f.at+f.Size
			}
		}
		total, longest = total+next-at, max(longest, next-at)
		at = end
	}
	return total, longest
}

// place finds room for a body and a header: the first that fits.
func (v FileView) place(size int) (slot, at int, ok bool) {
	for slot = 1; slot < v.slots() && v.used(slot); slot++ {
	}
	if slot == v.slots() {
		return 0, 0, false
	}
	at = bodyStart(v.slots())
	if size == 0 {
		return slot, at, true
	}
	for moved := true; moved; {
		moved = false
		for f := range v.Files() {
			if f.Size > 0 && at < f.at+f.Size && f.at < at+size {
				at, moved = f.at+f.Size, true
			}
		}
	}
	return slot, at, at+size <= len(v.m)
}
