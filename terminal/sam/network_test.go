package sam_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/citycard/citycard/card/psam"
	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/terminal/sam"
)

// without is the development module at counter n without the TAC keys of some directories.
func without(t *testing.T, n uint32, dirs ...uint16) *slot {
	t.Helper()
	s := spec(t)
	for i := range s.Applications {
		d := &s.Applications[i]
		d.Counter = n
		kept := d.Keys[:0:0]
		for _, k := range d.Keys {
			gone := false
			for _, id := range dirs {
				gone = gone || d.ID == id && k.Type == psam.TypeMAC
			}
			if !gone {
				kept = append(kept, k)
			}
		}
		d.Keys = kept
	}
	x := insert(t, s, sam.Usual)
	x.must(x.module.Start())
	return x
}

func cityPurchase(t *testing.T) *sam.Purchase {
	p := purchase()
	p.Card.Network, p.AuthCode = sam.CityUnion, unhex(t, "851122334455667788")
	return p
}

// The networks count their purchases on their own: a MAC2 of one is never handed to the
// purchase of the other that happens to have the same number.
func TestNumbersOfTwoNetworks(t *testing.T) {
	x := without(t, 0x122, 0x8011, 0x1001)
	x.must(x.module.InitPurchase(cityPurchase(t)))
	if sent, err := x.do(x.module.Credit(sam.TUnion, 0x123, mac(t, "75D66360"))); sent != 0 || !errors.Is(err, sam.ErrNoPurchase) {
		t.Errorf("a MAC2 of T-Union goes to City Union's purchase: %d commands, %v", sent, err)
	}
	if !x.module.Open(sam.CityUnion, 0x123) || x.module.Open(sam.TUnion, 0x123) {
		t.Error("the purchase of City Union is no longer open")
	}
}

// A key that one network's directory has not says nothing of the other's, and one that a
// module seemed to have not, since it had lost its power unseen, is asked for again.
func TestMissingKeyOfOneNetwork(t *testing.T) {
	x := without(t, 0, 0x8011)
	x.must(x.module.CheckTAC(card1, epurse.TDES, trade(), [4]byte{}))
	city := sam.Card{Network: sam.CityUnion, Issuer: card1.Issuer, Serial: card1.Serial}
	if j := x.must(x.module.CheckTAC(city, epurse.TDES, trade(), [4]byte{})); j.Check() != sam.Wrong {
		t.Errorf("City Union's TAC is not checked: %d", j.Check())
	}
	z := without(t, 0, 0x1001)
	z.must(z.module.CheckTAC(city, epurse.TDES, trade(), [4]byte{}))
	if j := z.must(z.module.CheckTAC(card1, epurse.TDES, trade(), [4]byte{})); j.Check() != sam.Wrong {
		t.Errorf("T-Union's TAC is not checked: %d", j.Check())
	}
	y := ready(t, 0x122)
	n := y.must(y.module.InitPurchase(purchase())).Number()
	y.chip.PowerOff()
	if err := y.chip.PowerOn(new(counter)); err != nil {
		t.Fatal(err)
	}
	if j := y.must(y.module.CheckTAC(card1, epurse.TDES, trade(), mac(t, "676AED93"))); j.Check() != sam.Unchecked {
		t.Fatalf("a module at its MF knows a TAC: %d", j.Check())
	}
	if _, err := y.do(y.module.Credit(sam.TUnion, n, mac(t, "75D66360"))); !errors.Is(err, sam.ErrAnswer) {
		t.Fatalf("no purchase is open: %v", err)
	}
	if j := y.must(y.module.CheckTAC(card1, epurse.TDES, trade(), mac(t, "676AED93"))); j.Check() != sam.Genuine {
		t.Errorf("after it was read anew: %d", j.Check())
	}
}

// Selecting a directory ends what the module had under way in it, and a key that it has
// not takes the one away that was prepared: neither is relied upon afterwards.
func TestWhatSelectEnds(t *testing.T) {
	x := ready(t, 0x122)
	record := sam.RecordKey{File: 0x15, Factor: card1.Serial}
	n := x.must(x.module.InitPurchase(purchase())).Number()
	x.must(x.module.Code(record, 1, []byte{1}))
	x.must(x.module.CheckTAC(card1, epurse.TDES, trade(), mac(t, "676AED93"))) // back in the purse's directory
	if sent, err := x.do(x.module.Credit(sam.TUnion, n, mac(t, "75D66360"))); sent != 0 || !errors.Is(err, sam.ErrNoPurchase) {
		t.Errorf("the purchase was given up: %d commands, %v", sent, err)
	}
	if sent, err := x.do(x.module.Code(record, 1, []byte{1})); sent != 3 || err != nil {
		t.Errorf("the record key has to be prepared again: %d commands, %v", sent, err)
	}
	s := spec(t)
	for i := range s.Applications {
		d := &s.Applications[i]
		kept := d.Keys[:0:0]
		for _, k := range d.Keys {
			if d.ID != 0xDF14 || k.Alg != epurse.SM4 {
				kept = append(kept, k)
			}
		}
		d.Keys = kept
	}
	y := insert(t, s, sam.Usual)
	y.must(y.module.Start())
	for i := range 2 {
		if j := y.must(y.module.CheckRecord(record, [8]byte{}, []byte{1}, [4]byte{})); j.Check() != sam.Wrong {
			t.Errorf("check %d: %d", i, j.Check())
		}
	}
}

// What a log or a JSON file would show of a card is its network.
func TestNoNumberInJSON(t *testing.T) {
	p := purchase()
	for _, v := range []any{p, *p, card1, sam.RecordKey{File: 0x15, Factor: card1.Serial}} {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if s := strings.ReplaceAll(string(b), ",", " "); strings.Contains(s, "49 4 129") || strings.Contains(s, "3104") {
			t.Errorf("%s", s)
		}
	}
}
