package card_test

import (
	"strings"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/pboc"
	"github.com/citycard/citycard/card/ppse"
)

func TestNewImageRefuses(t *testing.T) {
	k := newSample(t, "3des", 0)
	c := k.image.Cards()[0]
	dir, err := ppse.New(ppse.Entry{AID: c.Product.AID, Label: "A"})
	check(t, err)
	for _, x := range []struct {
		want  string
		dir   *ppse.Directory
		cards []*pboc.Card
	}{
		{"no directory", nil, []*pboc.Card{c}},
		{"0 applications", dir, nil},
		{"9 applications", dir, []*pboc.Card{c, c, c, c, c, c, c, c, c}},
		{"there twice", dir, []*pboc.Card{c, c}},
		{"application 1: card without", dir, []*pboc.Card{{}}},
	} {
		if _, err := card.NewImage(x.dir, x.cards...); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("want %q, error %v", x.want, err)
		}
	}
}
