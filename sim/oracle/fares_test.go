package oracle_test

import (
	"errors"
	"testing"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/fare/beijing"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/sim/oracle"
)

// Both ways to the price agree for every pair of stations and every discount.
func TestFaresAgreeWithTheBook(t *testing.T) {
	book, err := beijing.Book()
	if err != nil {
		t.Fatal(err)
	}
	fares, err := oracle.NewFares(beijing.Files())
	if err != nil {
		t.Fatal(err)
	}
	const midnight = 20_776*86_400 - 8*3600 // 2026-11-19 at UTC+8
	cases := []struct {
		entered, exited int32
		workday         bool
		month           money.Fen
	}{
		{8 * 3600, 9 * 3600, true, 0}, {7*3600 - 1, 8 * 3600, true, 99_99}, {7 * 3600, 11 * 3600, true, 100_00},
		{6 * 3600, 10*3600 + 1, true, 149_99}, {6 * 3600, 10 * 3600, false, 150_00}, {9 * 3600, 20 * 3600, false, 399_99}, {5 * 3600, 6 * 3600, true, 400_00},
	}
	stations := book.Stations()
	n := 0
	for _, from := range stations {
		a, known := fares.Station(from.Name)
		if !known {
			t.Fatalf("%s is missing", from.Name)
		}
		for _, to := range stations {
			b, _ := fares.Station(to.Name)
			c := cases[n%len(cases)]
			n++
			q, err := book.Price(fare.Trip{Entry: from.ID, Exit: to.ID, EnterAt: midnight + int64(c.entered), ExitAt: midnight + int64(c.exited),
				Medium: fare.MunicipalCard, MonthPaid: c.month, Workday: c.workday})
			if err != nil {
				t.Fatal(err)
			}
			pay, counted := fares.Price(oracle.Ride{From: a, To: b, Entered: c.entered, Exited: c.exited, Workday: c.workday, Month: c.month})
			if pay != q.Pay || counted != q.Counted {
				t.Fatalf("%s to %s, %+v: %s and %s, the book says %s and %s", from.Name, to.Name, c, pay, counted, q.Pay, q.Counted)
			}
		}
	}
	for m := 0; m < 66_000; m += 250 {
		q, err := book.BusPrice(m, true)
		if err != nil || q.Pay != oracle.Bus(m) {
			t.Errorf("bus of %d m: %s, the book says %s, %v", m, oracle.Bus(m), q.Pay, err)
		}
	}
}

// Prices as the operator publishes them.
func TestFaresByHand(t *testing.T) {
	fares, err := oracle.NewFares(beijing.Files())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		from, to string
		want     money.Fen
	}{{"苹果园", "古城", 3_00}, {"东直门", "3号航站楼", 25_00}, {"草桥", "大兴机场", 35_00}} {
		a, ok := fares.Station(c.from)
		b, also := fares.Station(c.to)
		if !ok || !also {
			t.Errorf("%s or %s is not in the network", c.from, c.to)
			continue
		}
		if pay, _ := fares.Price(oracle.Ride{From: a, To: b, Entered: 9 * 3600, Exited: 10 * 3600}); pay != c.want {
			t.Errorf("%s to %s: %s, want %s", c.from, c.to, pay, c.want)
		}
	}
}

func TestFaresRefuseBrokenNetworks(t *testing.T) {
	for name, text := range map[string]string{
		"lines.csv": "line,fare_network\nX,ferry\n", "stations.csv": "line,station\n1,a\n", "segments.csv": "line,from,to,metres\n1号线,苹果园,古城,none\n", "operators.csv": "",
	} {
		files := beijing.Files()
		files[name] = []byte(text)
		if _, err := oracle.NewFares(files); !errors.Is(err, oracle.ErrNetwork) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Wherever there is one shortest way, both find the same shares.
func TestSplitAgreesWithTheBook(t *testing.T) {
	book, err := beijing.Book()
	if err != nil {
		t.Fatal(err)
	}
	fares, err := oracle.NewFares(beijing.Files())
	if err != nil {
		t.Fatal(err)
	}
	names := map[fare.OperatorID]string{}
	for _, o := range book.Operators() {
		names[o.ID] = o.Name
	}
	unsure, n := 0, 0
	stations := book.Stations()
	for i, from := range stations {
		for j, to := range stations {
			if (i+j)%3 != 0 {
				continue
			}
			n++
			a, _ := fares.Station(from.Name)
			b, _ := fares.Station(to.Name)
			amount := money.Fen(200 + (i*7+j)%900)
			got, sure, err := fares.Split(a, b, amount)
			if err != nil {
				t.Fatal(err)
			}
			if !sure {
				unsure++
				continue
			}
			want, err := book.SplitByOperator(from.ID, to.ID, amount)
			if err != nil {
				t.Fatal(err)
			}
			sum := money.Fen(0)
			for _, s := range want {
				sum += s.Fen
				if got[names[s.Operator]] != s.Fen {
					t.Fatalf("%s to %s: %v, the book says %+v", from.Name, to.Name, got, want)
				}
			}
			if sum != amount {
				t.Fatalf("%s to %s: shares of %s add up to %s", from.Name, to.Name, amount, sum)
			}
		}
	}
	if 20*unsure > n {
		t.Errorf("%d of %d pairs have two shortest ways", unsure, n)
	}
	t.Logf("%d of %d pairs have two shortest ways", unsure, n)
}
