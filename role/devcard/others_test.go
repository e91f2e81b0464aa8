package devcard_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/crypt/scp"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/role/virtualcard"
)

// TestOthersInAReader: purses and security modules answer with their own commands,
// new and when they are taken up again by their description and memory.
func TestOthersInAReader(t *testing.T) {
	balance, terminal := []byte{0x80, 0x5C, 0, 2, 4}, []byte{0, 0xB0, 0x96, 0, 6}
	for _, c := range []struct {
		profile, kind, aid string
		cmd                []byte
		want               string
	}{
		{"dev-cityunion", devcard.KindPurse, "A00000000386980701", balance, "000013889000"},
		{"dev-psam", devcard.KindModule, "A000000353414D31", terminal, "1122334455669000"},
		{"dev-tunion", devcard.KindPurse, "A000000632010105", balance, "000027109000"},
	} {
		r := request(t, c.profile)
		var memory []byte
		for range 2 {
			text, err := r.Describe()
			check(t, err)
			r, err = devcard.ParseDescription(text)
			check(t, err)
			img, err := devcard.Issue(r)
			check(t, err)
			v, err := virtualcard.New(virtualcard.Config{Image: img, Memory: memory, Interface: card.Auto, Rand: random(1)})
			check(t, err)
			door, err := virtualcard.Reader(v)
			check(t, err)
			aid := img.Templates()[0].AID()
			selected, err := door.Transmit(context.Background(), nil, append([]byte{0, 0xA4, 4, 0, byte(len(aid))}, aid...))
			check(t, err)
			got, err := door.Transmit(context.Background(), nil, c.cmd)
			check(t, err)
			if fmt.Sprintf("%X", aid) != c.aid || len(selected) < 2 || selected[len(selected)-2] == 0x6A || fmt.Sprintf("%X", got) != c.want {
				t.Errorf("%s %X: selected %X, %X answers %X, want %s", c.profile, aid, selected, c.cmd, got, c.want)
			}
			memory = v.Snapshot()
		}
	}
}

// TestOthersAreDescribed beside the bank cards, and are none of them.
func TestOthersAreDescribed(t *testing.T) {
	list, err := devcard.OtherProfiles()
	check(t, err)
	var got []string
	for _, p := range list {
		got = append(got, fmt.Sprintf("%s %s %s %d %d", p.Name, p.Kind, p.AIDs, p.Opening, p.Limit))
		if slices.Contains(devcard.Names(), p.Name) || !devcard.IsOther(p.Name) || p.ATR == "" || (p.ATS == "") != (p.Kind == devcard.KindModule) {
			t.Errorf("%+v", p)
		}
	}
	want := []string{"dev-cityunion purse [A00000000386980701] 5000 100000", "dev-psam security_module [A000000353414D31] 0 0", "dev-tunion purse [A000000632010105] 10000 500000"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	bank, err := devcard.Profiles()
	check(t, err)
	for _, p := range bank {
		if p.Kind != devcard.KindBank || devcard.IsOther(p.Name) {
			t.Errorf("%s is of kind %s", p.Name, p.Kind)
		}
	}
}

// TestOthersHaveNoNumber: nothing of a bank card can be asked for.
func TestOthersHaveNoNumber(t *testing.T) {
	bank := request(t, "dev-sm")
	code, err := pin.New("2468")
	check(t, err)
	for _, name := range devcard.Others() {
		for _, r := range []devcard.Request{
			{Profile: name, PAN: bank.PAN}, {Profile: name, PSN: 1}, {Profile: name, Balance: 1}, {Profile: name, PIN: code},
		} {
			if _, err := devcard.Issue(r); !errors.Is(err, devcard.ErrRequest) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := devcard.Order(devcard.Request{Profile: name}, scp.SCP03, [8]byte{}); !errors.Is(err, devcard.ErrRequest) {
			t.Errorf("%s from a blank card: %v", name, err)
		}
		if p, err := devcard.PIN(name); err != nil || p.Len() != 0 {
			t.Errorf("%s: PIN of %d digits, %v", name, p.Len(), err)
		}
		text := fmt.Appendf(nil, `{"profile":%q,"pan":"6228000100001117","psn":"01"}`, name)
		if _, err := devcard.ParseDescription(text); !errors.Is(err, devcard.ErrRequest) {
			t.Errorf("%s with a number: %v", name, err)
		}
	}
}
