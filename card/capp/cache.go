package capp

// CacheSize is how many bytes the records that wait for the end of a transaction can
// have together (our choice: the public sources name 512).
const CacheSize = 512

// MaxUpdates is how many records can wait.
const MaxUpdates = 8

// Cache keeps the records of UPDATE CAPP DATA CACHE until the last record of the AFL
// is read.
type Cache struct {
	data    [CacheSize]byte
	used    int
	entries [MaxUpdates]entry
	count   int
}

type entry struct {
	sfi        byte
	place      Place
	start, end int
}

// Add keeps a record for a file, and for files 15 to 1D the place that it is to
// take. It gives false if there is no room.
func (c *Cache) Add(sfi byte, place Place, data []byte) bool {
	if c.count == MaxUpdates || len(data) > CacheSize-c.used {
		return false
	}
	end := c.used + copy(c.data[c.used:], data)
	c.entries[c.count] = entry{sfi, place, c.used, end}
	c.used, c.count = end, c.count+1
	return true
}

// Has tells whether a record is to take a place.
func (c *Cache) Has(sfi byte, place Place) bool {
	for i := range c.count {
		if e := &c.entries[i]; e.sfi == sfi && e.place == place {
			return true
		}
	}
	return false
}

// Clear forgets all records.
func (c *Cache) Clear() {
	clear(c.data[:c.used])
	c.used, c.count = 0, 0
}

// Commit gives every change that the records make in m, the memory of all files, in
// the order in which they came, and at last the new head of the cyclic file.
func (c *Cache) Commit(files []File, m []byte, put func(at int, b []byte)) {
	var ring Ring
	var ringAt int
	for i := range c.count {
		e := &c.entries[i]
		n, at, ok := Find(files, e.sfi)
		if !ok {
			panic("capp: a record waits for a file that is not there")
		}
		b := c.data[e.start:e.end]
		f := &files[n]
		if !f.Cyclic() {
			put(at+e.place.DataAt(), b)
			continue
		}
		if ring.file == nil {
			ring, ringAt = f.Ring(m[at:]), at
		}
		slot := at + ring.Put()
		put(slot, []byte{byte(len(b))})
		put(slot+1, b)
	}
	if ring.file != nil {
		head := ring.Head()
		put(ringAt, head[:])
	}
}
