package card

import (
	"bytes"
	"fmt"

	"github.com/citycard/citycard/card/pboc"
	"github.com/citycard/citycard/card/ppse"
)

// MaxApplications is how many applications one chip can hold beside the
// directory.
const MaxApplications = 4

// Image is the personalised, immutable part of a chip. Any number of chips may
// share it.
type Image struct {
	directory *ppse.Directory
	cards     []*pboc.Card
	size      int // bytes of memory
}

// NewImage puts a directory and applications together; applications are found by
// SELECT in the order given here. It fails if an application's parts do not fit
// each other, a name comes twice or there are more than MaxApplications.
func NewImage(directory *ppse.Directory, cards ...*pboc.Card) (*Image, error) {
	if directory == nil {
		return nil, fmt.Errorf("make card image: there is no directory of applications")
	}
	if n := len(cards); n == 0 || n > MaxApplications {
		return nil, fmt.Errorf("make card image: %d applications, want 1 to %d", n, MaxApplications)
	}
	img := &Image{directory: directory, cards: cards}
	for i, c := range cards {
		if err := c.Check(); err != nil {
			return nil, fmt.Errorf("make card image, application %d: %w", i+1, err)
		}
		for _, other := range cards[:i] {
			if bytes.Equal(other.Product.AID, c.Product.AID) {
				return nil, fmt.Errorf("make card image: application %X is there twice", c.Product.AID)
			}
		}
		img.size += c.Product.MemorySize()
	}
	return img, nil
}

// Format answers every verb of fmt with a fixed text: an image holds keys.
func (Image) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[card image, data withheld]")) }

// Cards are the applications of the image in the order of selection.
func (img *Image) Cards() []*pboc.Card { return img.cards }
