package authorise_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/issuer/authorise"
	"github.com/citycard/citycard/wire/tlv"
)

func flip(b *[16]byte) {
	for i := range b {
		b[i] ^= 0x5A
	}
}

// orders of every kind of command.
func someOrders(t testing.TB) []authorise.Order {
	t.Helper()
	p, err := pin.New("123456")
	noError(t, err)
	return []authorise.Order{
		{Template: tlv.TagIssuerScript1, ID: [4]byte{1, 2, 3, 4}, Commands: []authorise.Command{authorise.BlockApplication(), authorise.Raw([]byte{0, 0xA4, 4, 0})}},
		{Template: tlv.TagIssuerScript2, ID: [4]byte{5}, Commands: []authorise.Command{authorise.ChangePIN(p, nil), authorise.ChangePIN(p, &p)}},
		{Template: tlv.TagIssuerScript2, Commands: []authorise.Command{authorise.PutData(tlv.TagECBalance, []byte{0, 0, 0, 0, 1, 0}), authorise.UpdateRecord(1, 2, []byte{7})}},
	}
}

// TestOrdersAreKept: what is stored comes back and makes the same scripts; no PIN lies in
// the stored form.
func TestOrdersAreKept(t *testing.T) {
	for _, orders := range [][]authorise.Order{nil, someOrders(t)} {
		b, err := authorise.AppendOrders(nil, orders, flip)
		noError(t, err)
		if bytes.Contains(b, []byte("123456")) {
			t.Error("a PIN lies in clear in the stored form")
		}
		back, err := authorise.DecodeOrders(b, flip)
		noError(t, err)
		again, err := authorise.AppendOrders(nil, back, flip)
		noError(t, err)
		if !bytes.Equal(b, again) || len(back) != len(orders) {
			t.Errorf("%d orders became %d", len(orders), len(back))
		}
		for n := range b {
			if _, err := authorise.DecodeOrders(b[:n], flip); !errors.Is(err, authorise.ErrKept) {
				t.Errorf("%d of %d bytes: %v", n, len(b), err)
			}
		}
		if _, err := authorise.DecodeOrders(append(b, 0), flip); !errors.Is(err, authorise.ErrKept) {
			t.Errorf("a byte too many: %v", err)
		}
	}
	for i, bad := range [][]authorise.Order{{{}}, make([]authorise.Order, 256)} {
		if _, err := authorise.AppendOrders(nil, bad, flip); !errors.Is(err, authorise.ErrOrder) {
			t.Errorf("orders %d: %v", i, err)
		}
	}
}

func FuzzDecodeOrders(f *testing.F) {
	b, err := authorise.AppendOrders(nil, someOrders(f), flip)
	noError(f, err)
	f.Add(b)
	f.Add([]byte{1, 0})
	f.Add([]byte{2})
	f.Fuzz(func(t *testing.T, b []byte) {
		orders, err := authorise.DecodeOrders(b, flip)
		if err != nil {
			return
		}
		back, err := authorise.AppendOrders(nil, orders, flip)
		if err != nil || !bytes.Equal(back, b) {
			t.Fatal(fmt.Errorf("read %X, written %X: %w", b, back, err))
		}
	})
}
