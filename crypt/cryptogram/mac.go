package cryptogram

import "crypto/subtle"

// MAC is the message authentication code of PBOC over data padded with 80 00..
// (always, even at a block boundary), zero start value, left eight bytes:
// ISO 9797-1 algorithm 3 for triple DES (EMV Book 2, A1.2.1), CBC-MAC for SM4
// (JR/T 0025.17).
func MAC(alg Alg, key Key, data []byte) [8]byte {
	s := newSchedule(alg, &key)
	var m macState
	return m.sum(&s, data)
}

// macState is the chaining value; it lives outside the computation so that bulk
// work can keep it in one place on the heap.
type macState struct{ x [16]byte }

func (m *macState) sum(s *schedule, data []byte) [8]byte {
	size := 16
	if s.right != nil {
		size = 8
	}
	x := m.x[:size]
	clear(x)
	for len(data) >= size {
		subtle.XORBytes(x, x, data[:size])
		s.left.Encrypt(x, x)
		data = data[size:]
	}
	for i, b := range data {
		x[i] ^= b
	}
	x[len(data)] ^= 0x80
	s.left.Encrypt(x, x)
	if s.right != nil {
		s.finish(x)
	}
	return [8]byte(m.x[:8])
}
