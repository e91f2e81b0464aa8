package pboc_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/card/pboc"
	"github.com/citycard/citycard/wire/apdu"
)

// TestTransitTable is what the groupings of the extension hold.
func TestTransitTable(t *testing.T) {
	want := map[uint16]string{
		0xA001: "15010000800200 1A010000830200 1E020000300A30",
		0x8020: "50000000000000000000000000000000" + "50010000000000000000000000000000" + "50020000000000000000000000000000",
		0x8021: "15 40000000000000000000000000000000 01107D 010100 2800010000111701 000000",
		0x8023: "1E 40020000000000000000000000000000 000000",
	}
	found := 0
	for _, d := range groupings("dev-quota") {
		switch {
		case d.ID == 0x9208 && !bytes.HasSuffix(d.Data, []byte{0xC2, 1, 1}):
			t.Errorf("9208 is %X, want C2 at its end", d.Data)
		case d.ID == 0x0E01 && !bytes.HasSuffix(d.Data, hexBytes(t, "DF61 01 01 DF62 06 000000001000 DF63 06 000000000000")):
			t.Errorf("0E01 is %X", d.Data)
		case d.ID == 0x8021 || d.ID == 0x8023:
			if !d.Secret() || len(d.Data)%16 != 0 {
				t.Errorf("%v: secret %v, %d bytes", d, d.Secret(), len(d.Data))
			}
		}
		if text := strings.ReplaceAll(want[d.ID], " ", ""); text != "" {
			found++
			if !strings.HasPrefix(fmt.Sprintf("%X", d.Data), text) {
				t.Errorf("%v is %X, want %s", d, d.Data, text)
			}
		}
	}
	if found != len(want) {
		t.Errorf("%d groupings of %d", found, len(want))
	}
}

// TestTransitDGIsRefused: what is missing or wrong is named by its identifier.
func TestTransitDGIsRefused(t *testing.T) {
	for _, c := range []struct {
		id    uint16
		named string
		to    func(b []byte) []byte // nil: left out
		err   error
	}{
		{0x8020, "8020", nil, pboc.ErrDGIMissing}, {0x9020, "9020", nil, pboc.ErrDGIMissing}, {0xA001, "A001", nil, pboc.ErrDGI},
		{0x8020, "8020", func(b []byte) []byte { return b[:16] }, pboc.ErrDGI},
		{0x9020, "9020", func(b []byte) []byte { b[8] ^= 1; return b }, pboc.ErrDGI},
		{0xA001, "A001", func(b []byte) []byte { b[1] = 7; return b }, pboc.ErrDGI},
		{0xA001, "8020", func(b []byte) []byte { return b[:14] }, pboc.ErrDGI},
		{0x8021, "8021", func(b []byte) []byte { return make([]byte, 48) }, pboc.ErrDGI},
		{0x8021, "file 14", func(b []byte) []byte { b[0] = 0x14; return b }, pboc.ErrDGI},
		{0x9208, "C2", func(b []byte) []byte { b[len(b)-1] = 2; return b }, pboc.ErrDGI},
		{0x0E01, "DF63", func(b []byte) []byte { b[len(b)-1] = 1; return b }, pboc.ErrDGI},
		{0x0E01, "DF62", func(b []byte) []byte { b[len(b)-10] = 0xAA; return b }, pboc.ErrDGI},
	} {
		list := groupings("dev-quota")
		i := slices.IndexFunc(list, func(d pboc.DGI) bool { return d.ID == c.id })
		if c.to == nil {
			list = slices.Delete(list, i, i+1)
		} else {
			list[i].Data = c.to(bytes.Clone(list[i].Data))
		}
		if _, err := pboc.ParseDGIs(debit, list); !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.named) {
			t.Errorf("%04X: %v, want %v about %s", c.id, err, c.err, c.named)
		}
	}
	list := groupings("dev-sm")
	for i := range list {
		if list[i].ID == 0x9208 {
			list[i].Data = append(list[i].Data, 0xC2, 1, 1)
		}
	}
	if _, err := pboc.ParseDGIs(debit, list); !errors.Is(err, pboc.ErrDGI) {
		t.Errorf("a quota without the extension: %v", err)
	}
}

// TestTransitInstance: an instance with the extension, personalised grouping by
// grouping, answers its commands.
func TestTransitInstance(t *testing.T) {
	for _, name := range []string{"dev-transit-3des", "dev-transit-sm", "dev-quota"} {
		if name == "dev-transit-3des" { // RSA numbers and three files: more than the default
			small := newInstance(t, nil)
			small.store(groupings(name))
			small.complete(apdu.SWNoSpace)
		}
		i := newInstance(t, []byte{0x28, 0x00})
		i.store(groupings(name))
		i.complete(apdu.SWOK)
		i.on()
		if out, err := i.Select(nil, cos.Selection{Contactless: true}); err != nil || !bytes.HasSuffix(out, []byte{0x90, 0}) {
			t.Fatalf("%s: %X, %v", name, out, err)
		}
		for _, c := range []struct {
			cmd  string
			want int // bytes of data
		}{{"80B400A802 0110 00", 128}, {"80B400D002 2701 00", 128}, {"00B201F400", 48}, {"80CADF6100", 4}} {
			cmd, err := apdu.ParseCommand(hexBytes(t, c.cmd))
			noError(t, err)
			out, err := i.Do(nil, &cmd)
			if err != nil || len(out) != c.want+2 || !bytes.HasSuffix(out, []byte{0x90, 0}) {
				t.Errorf("%s, %s: %X, %v", name, c.cmd, out, err)
			}
		}
	}
}
