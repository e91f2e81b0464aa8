package evidence

// EncodeZip packs members as they come, allowed or not.
func EncodeZip(names []string, data [][]byte) []byte {
	var m []member
	for i := range names {
		m = append(m, member{names[i], data[i]})
	}
	return encodeZip(m)
}
