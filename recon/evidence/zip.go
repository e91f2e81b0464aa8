package evidence

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"regexp"
	"slices"
	"strings"
)

// Limits of a pack. What goes beyond is refused before it is read.
const (
	MaxPack    = 4 << 20  // bytes
	MaxMembers = 2048     //
	maxMember  = 64 << 10 // bytes of one member
)

// ErrPack is what every refusal of a pack wraps. Its text names the member.
var ErrPack = errors.New("evidence pack does not verify")

func refuse(member, format string, args ...any) error {
	return fmt.Errorf("%w: %s: %s", ErrPack, member, fmt.Sprintf(format, args...))
}

// member is one file of a pack.
type member struct {
	name string
	data []byte
}

var memberName = regexp.MustCompile(`^[A-Za-z0-9]+([.-][A-Za-z0-9]+)*(/[A-Za-z0-9]+([.-][A-Za-z0-9]+)*){0,2}$`)

// compareNames puts the README first and sorts the rest.
func compareNames(a, b string) int {
	switch {
	case a == b:
		return 0
	case a == readmeName:
		return -1
	case b == readmeName:
		return 1
	}
	return strings.Compare(a, b)
}

// ZIP structures (APPNOTE 6.3.3): signatures, and the sizes of their fixed parts.
const (
	localMagic, localSize     = 0x04034B50, 30
	centralMagic, centralSize = 0x02014B50, 46
	endMagic, endSize         = 0x06054B50, 22
	zipVersion                = 20
	zipDate                   = 0x0021 // 1980-01-01
)

// encodeZip writes members in order, not compressed, dated 1980-01-01.
func encodeZip(members []member) []byte {
	le := binary.LittleEndian
	var out, central []byte
	for _, m := range members {
		var common []byte // version to extract, flags, method, time, date, CRC, sizes, length of the name, no extra
		for _, v := range [...]uint16{zipVersion, 0, 0, 0, zipDate} {
			common = le.AppendUint16(common, v)
		}
		common = le.AppendUint32(common, crc32.ChecksumIEEE(m.data))
		common = le.AppendUint32(common, uint32(len(m.data)))
		common = le.AppendUint32(common, uint32(len(m.data)))
		common = le.AppendUint16(common, uint16(len(m.name)))
		common = le.AppendUint16(common, 0)
		central = le.AppendUint32(central, centralMagic)
		central = append(le.AppendUint16(central, zipVersion), common...)
		central = append(central, make([]byte, 10)...) // comment, disk, attributes
		central = append(le.AppendUint32(central, uint32(len(out))), m.name...)
		out = append(le.AppendUint32(out, localMagic), common...)
		out = append(append(out, m.name...), m.data...)
	}
	start := len(out)
	out = append(out, central...)
	out = le.AppendUint32(out, endMagic)
	out = le.AppendUint32(out, 0) // disks
	out = le.AppendUint16(out, uint16(len(members)))
	out = le.AppendUint16(out, uint16(len(members)))
	out = le.AppendUint32(out, uint32(len(central)))
	out = le.AppendUint32(out, uint32(start))
	return le.AppendUint16(out, 0) // comment
}

// parseZip reads what encodeZip writes and refuses every other file, ZIP or not.
func parseZip(b []byte) ([]member, error) {
	if len(b) > MaxPack {
		return nil, refuse("file", "%d bytes, at most %d", len(b), MaxPack)
	}
	le := binary.LittleEndian
	var members []member
	at := 0
	for len(b)-at >= localSize && le.Uint32(b[at:]) == localMagic {
		size, nameLen := int(le.Uint32(b[at+18:])), int(le.Uint16(b[at+26:]))
		name := at + localSize
		if nameLen > 64 || len(b)-name < nameLen {
			return nil, refuse("file", "member name of %d bytes at offset %d", nameLen, at)
		}
		m := member{name: string(b[name : name+nameLen])}
		if !memberName.MatchString(m.name) {
			return nil, refuse("file", "member name %q at offset %d is not allowed", m.name, at)
		}
		data := name + nameLen
		switch {
		case size > maxMember || len(b)-data < size:
			return nil, refuse(m.name, "%d bytes announced, at most %d, %d are left in the file", size, maxMember, len(b)-data)
		case len(members) == MaxMembers:
			return nil, refuse(m.name, "more than %d members", MaxMembers)
		case len(members) > 0 && compareNames(members[len(members)-1].name, m.name) >= 0:
			return nil, refuse(m.name, "comes twice or out of order")
		}
		m.data = b[data : data+size]
		if crc32.ChecksumIEEE(m.data) != le.Uint32(b[at+14:]) {
			return nil, refuse(m.name, "content and checksum do not agree: altered on the way")
		}
		members = append(members, m)
		at = data + size
	}
	if len(members) == 0 {
		return nil, refuse("file", "not an evidence pack: it does not begin as a ZIP file does")
	}
	return members, checkFrame(b, members)
}

// checkFrame makes sure that nothing but the members is in a file.
func checkFrame(b []byte, members []member) error {
	want := encodeZip(members)
	if bytes.Equal(b, want) {
		return nil
	}
	at := 0
	for at < len(b) && at < len(want) && b[at] == want[at] {
		at++
	}
	end := 0
	for _, m := range members {
		end += localSize + len(m.name) + len(m.data)
		if at < end {
			return refuse(m.name, "byte %d of the file is not as a pack has it", at)
		}
	}
	return refuse("file", "directory at the end: byte %d of the file is not as a pack has it", at)
}

// sortMembers puts members into the order of the file.
func sortMembers(m []member) {
	slices.SortFunc(m, func(a, b member) int { return compareNames(a.name, b.name) })
}
