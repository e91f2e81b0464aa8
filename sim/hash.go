package sim

import (
	"encoding/binary"
	"math/rand/v2"
)

// purpose separates the uses of the seed, so that a new use never changes the
// numbers of an old one.
type purpose uint64

const (
	forPhone purpose = iota + 1
	forBalance
	forMonthSum
	forGate
	forUN
	forTear
	forCard
	forSeal
	forTerminalKey
	forCarrier
	forUnreachable
	forInject
	forReturn
	forEmptyCard
	forFiles
	forUID
	forIssuer
	forCardKey
	forKind
	forFunds
	forPush
	forReach
	forDomain
	forModule
)

// draw is a number for one use: a hash of seed, purpose and key.
func (c *City) draw(p purpose, key ...uint64) uint64 {
	h := mix(c.seed ^ uint64(p)*0x9E3779B97F4A7C15)
	for _, k := range key {
		h = mix(h ^ k)
	}
	return h
}

// below is a draw in [0, n).
func (c *City) below(n int, p purpose, key ...uint64) int {
	return int((c.draw(p, key...) >> 11) % uint64(n))
}

// oneIn reports an event that happens once in n draws.
func (c *City) oneIn(n int, p purpose, key ...uint64) bool { return c.below(n, p, key...) == 0 }

// stream is a reader of random bytes for one use.
func (c *City) stream(p purpose, key ...uint64) *rand.ChaCha8 {
	var s [32]byte
	h := c.draw(p, key...)
	for i := range 4 {
		h = mix(h + uint64(i))
		binary.LittleEndian.PutUint64(s[8*i:], h)
	}
	return rand.NewChaCha8(s)
}

// mix is the finalizer of splitmix64.
func mix(z uint64) uint64 {
	z += 0x9E3779B97F4A7C15
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}
