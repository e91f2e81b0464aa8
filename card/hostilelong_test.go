package card_test

import (
	"testing"
	"time"
)

// longHostile is how long TestLongHostile goes on without -timeout; with it, a
// twentieth of the time that is left.
const longHostile = 10 * time.Minute

// TestLongHostile is TestHostile with other lives each time, for ten minutes. The log
// says which, for -hostile.seed.
func TestLongHostile(t *testing.T) {
	length := longHostile
	if limit, ok := t.Deadline(); ok {
		length = min(length, time.Until(limit)/20)
	}
	end := time.Now().Add(length)
	list := targets(t)
	first := uint64(time.Now().UnixNano())
	last := first
	var sum tally
	for ; time.Now().Before(end); last++ {
		sum.live(t, list, last)
	}
	t.Logf("seeds %d to %d: %v", first, last-1, &sum)
	if sum.commands == 0 {
		t.Error("there was no time for a single command")
	}
}
