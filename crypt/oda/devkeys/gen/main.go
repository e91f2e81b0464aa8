// Command gen makes the embedded development RSA keys of package devkeys. It is
// run by hand (go generate) when the list of keys changes; a new run makes new
// keys, and every certificate made from the old ones is then worthless.
package main

import (
	"crypto/rand"
	"flag"
	"fmt"
	"io"
	"math/big"
	"os"
)

const head = `# DEVELOPMENT KEYS - THESE PRIVATE KEYS ARE PUBLIC. NEVER USE THEM FOR A REAL CARD, ISSUER OR CA.
# Made by crypt/oda/devkeys/gen. One key a line: name, prime P, prime Q (hexadecimal); public exponent 3.
`

// keys is what package devkeys expects, in this order.
var keys = []struct {
	name  string
	count int
	bits  int
}{
	{"ca", 1, 1408},
	{"issuer", 4, 1280},
	{"card", 32, 1024},
}

func main() {
	out := flag.String("o", "rsa.txt", "file to write")
	flag.Parse()
	if err := run(*out); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}

func write(w io.Writer) error {
	if _, err := io.WriteString(w, head); err != nil {
		return err
	}
	for _, k := range keys {
		for i := range k.count {
			p, q, err := primes(k.bits)
			if err != nil {
				return fmt.Errorf("make %s key %d: %w", k.name, i, err)
			}
			if _, err := fmt.Fprintf(w, "%s%d %X %X\n", k.name, i, p, q); err != nil {
				return err
			}
		}
	}
	return nil
}

// primes makes two different primes of half the size whose product has its top
// bit set and whose predecessors are not divisible by the exponent 3.
func primes(bits int) (p, q *big.Int, err error) {
	three := big.NewInt(3)
	next := func() (*big.Int, error) {
		for {
			p, err := rand.Prime(rand.Reader, bits/2)
			if err != nil || new(big.Int).Mod(p, three).Int64() == 2 {
				return p, err
			}
		}
	}
	if p, err = next(); err != nil {
		return nil, nil, err
	}
	for {
		if q, err = next(); err != nil {
			return nil, nil, err
		}
		if p.Cmp(q) != 0 && new(big.Int).Mul(p, q).BitLen() == bits {
			return p, q, nil
		}
	}
}
