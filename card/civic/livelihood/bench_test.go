package livelihood_test

import "testing"

// BenchmarkRead is what a counter does most: select social security and read the
// holder's number.
func BenchmarkRead(b *testing.B) {
	s := insert(b, image(b), nil)
	commands := [][]byte{unhex(b, selecting(unhex(b, "7378312E73682EC9E7BBE1B1A3D5CF"))), unhex(b, "00B2013400")}
	var answer []byte
	b.ReportAllocs()
	for b.Loop() {
		for _, cmd := range commands {
			var err error
			answer, err = s.chip.Transmit(answer[:0], cmd)
			check(b, err)
		}
	}
}

// BenchmarkImage is the personalisation of the partitions and of the rest.
func BenchmarkImage(b *testing.B) {
	for b.Loop() {
		image(b)
	}
}
