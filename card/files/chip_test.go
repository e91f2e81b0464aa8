package files_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/card/files"
	"github.com/citycard/citycard/wire/apdu"
)

// TestTwoApplications: two file systems in one chip. Selecting one ends what was
// allowed in the other; the root's directories are found by name from anywhere.
func TestTwoApplications(t *testing.T) {
	other := []byte("CIVIC.TEST")
	root, err := files.NewTemplate(rootName, city())
	if err != nil {
		t.Fatal(err)
	}
	second, err := files.NewTemplate(other, city())
	if err != nil {
		t.Fatal(err)
	}
	img, err := card.Assemble(card.Parts{Applications: []cos.Template{root, second}, Root: rootName})
	if err != nil {
		t.Fatal(err)
	}
	chip := card.New()
	if err := chip.Insert(img, nil); err != nil {
		t.Fatal(err)
	}
	if err := chip.PowerOn(bytes.NewReader(make([]byte, 64))); err != nil {
		t.Fatal(err)
	}
	byName := func(name []byte) string { return fmt.Sprintf("00A4040C%02X%X", len(name), name) }
	for _, c := range []struct {
		command string
		want    apdu.SW
	}{
		{byName(nameTwo), apdu.SWOK},
		{"0020000103654321", apdu.SWOK},
		{"00B201B400", apdu.SWOK},
		{byName(other), apdu.SWOK},
		{"00B201B400", apdu.SWSecurity},
		{"00200001", 0x63C3},
		{"0020000103654321", 0x63C2}, // the other's MF has another PIN
		{byName(nameTwo), apdu.SWOK}, // the root's, as before
		{"00B201B400", apdu.SWSecurity},
		{"00200001", 0x63C3},
	} {
		out, err := chip.Transmit(nil, unhex(t, c.command))
		if err != nil {
			t.Fatal(err)
		}
		if _, sw, err := apdu.ParseResponse(out); err != nil || sw != c.want {
			t.Errorf("%s: %v %v, want %v", c.command, sw, err, c.want)
		}
	}
	content := chip.Snapshot(nil)
	if err := chip.Insert(img, content); err != nil {
		t.Errorf("a card with its own content is refused: %v", err)
	}
}
