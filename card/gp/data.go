package gp

// object takes a BER-TLV object with a tag of one or two bytes and a length of one
// or two bytes from the front of b.
func object(b []byte) (tag uint16, value, rest []byte, ok bool) {
	if len(b) < 2 {
		return 0, nil, nil, false
	}
	tag, b = uint16(b[0]), b[1:]
	if tag&0x1F == 0x1F {
		tag, b = tag<<8|uint16(b[0]), b[1:]
	}
	if len(b) > 1 && b[0] == 0x81 {
		b = b[1:]
	} else if len(b) > 0 && b[0] > 0x7F {
		return 0, nil, nil, false
	}
	value, rest, ok = counted(b)
	return tag, value, rest, ok
}

// counted takes a length byte and as many bytes from the front of b.
func counted(b []byte) (value, rest []byte, ok bool) {
	if len(b) == 0 || int(b[0]) > len(b)-1 {
		return nil, nil, false
	}
	n := int(b[0])
	return b[1 : 1+n : 1+n], b[1+n:], true
}
