package money_test

import (
	"errors"
	"fmt"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/money"
)

func ExampleFen_String() {
	fmt.Println(money.Fen(1234), money.Fen(-5), money.Fen(0))
	// Output: 12.34 -0.05 0.00
}

func ExampleSplit() {
	shares, err := money.Split(500, []int64{3874, 2569, 1479})
	fmt.Println(shares, err)
	// Output: [2.45 1.62 0.93] <nil>
}

func TestN12RoundTripsEveryAmountInRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := money.Fen(rapid.Int64Range(0, int64(money.MaxN12)).Draw(t, "fen"))
		packed, err := f.N12()
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("%012d", int64(f)); fmt.Sprintf("%x", packed) != want {
			t.Fatalf("packed %x, want %s", packed, want)
		}
		back, err := money.FromN12(packed[:])
		if err != nil || back != f {
			t.Fatalf("read back %v, %v", back, err)
		}
	})
}

func TestN12RefusesWhatTwelveDigitsCannotHold(t *testing.T) {
	for _, f := range []money.Fen{-1, money.MaxN12 + 1} {
		if _, err := f.N12(); !errors.Is(err, money.ErrRange) {
			t.Errorf("%d: error %v, want ErrRange", int64(f), err)
		}
	}
	for _, b := range [][]byte{nil, {0x0A}, {0xA0}, make([]byte, 7)} {
		if _, err := money.FromN12(b); !errors.Is(err, money.ErrRange) {
			t.Errorf("% X: error %v, want ErrRange", b, err)
		}
	}
}

func TestRateRoundsHalfAwayFromZero(t *testing.T) {
	for _, c := range []struct{ amount, perMillion, want int64 }{
		{300, 3500, 1}, {100, 5000, 1}, {100, 4999, 0}, {-100, 5000, -1}, {1_000_000, 325, 325}, {0, 9, 0},
	} {
		if got := money.Rate(money.Fen(c.amount), c.perMillion); got != money.Fen(c.want) {
			t.Errorf("Rate(%d, %d) = %d, want %d", c.amount, c.perMillion, got, c.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.Int64Range(-1e14, 1e14).Draw(t, "amount")
		r := rapid.Int64Range(0, 2_000_000).Draw(t, "rate")
		twice := new(big.Int).Mul(big.NewInt(2*max(a, -a)), big.NewInt(r))
		twice.Add(twice, big.NewInt(1_000_000)).Quo(twice, big.NewInt(2_000_000))
		want := twice.Int64()
		if a < 0 {
			want = -want
		}
		if got := money.Rate(money.Fen(a), r); int64(got) != want {
			t.Fatalf("Rate = %d, want %d", got, want)
		}
	})
}

func TestSplitIsExactAndFair(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total := rapid.Int64Range(-1e9, 1e9).Draw(t, "total")
		weights := rapid.SliceOfN(rapid.Int64Range(0, 60_000), 1, 8).Draw(t, "weights")
		var sum int64
		for _, w := range weights {
			sum += w
		}
		shares, err := money.Split(money.Fen(total), weights)
		if sum == 0 {
			if err == nil {
				t.Fatal("all-zero weights were accepted")
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		var got int64
		for i, s := range shares {
			got += int64(s)
			if d := int64(s)*sum - total*weights[i]; d >= sum || d <= -sum {
				t.Fatalf("share %d is %d: a fen or more away from its quota", i, s)
			}
		}
		if got != total {
			t.Fatalf("shares add to %d, want %d", got, total)
		}
	})
	if _, err := money.Split(1, []int64{1, -1}); err == nil {
		t.Error("a negative weight was accepted")
	}
}
