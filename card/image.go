package card

import (
	"bytes"
	"fmt"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/card/pboc"
	"github.com/citycard/citycard/card/ppse"
)

// MaxApplications is how many applications an image can hold beside the
// directory; those that a security domain installs later do not count.
const MaxApplications = 8

// maxHistorical is the most historical bytes in an answer to reset (ISO/IEC
// 7816-3, 8.2.2).
const maxHistorical = 15

// Image is the personalised, immutable part of a chip. Any number of chips may
// share it.
type Image struct {
	directory *ppse.Directory
	templates []cos.Template
	root      int // index of the application that a reset selects, or -1
	size      int // bytes of memory
	journal   int // bytes of the memory's journal
	atr, ats  []byte
}

// NewImage puts a directory and finance applications together, as a city's
// simulation needs them by the million; applications are found by SELECT in the
// order given here. It fails if an application's parts do not fit each other, a
// name comes twice or there are more than MaxApplications.
func NewImage(directory *ppse.Directory, cards ...*pboc.Card) (*Image, error) {
	if directory == nil {
		return nil, fmt.Errorf("make card image: there is no directory of applications")
	}
	templates := make([]cos.Template, len(cards))
	for i, c := range cards {
		if err := c.Check(); err != nil {
			return nil, fmt.Errorf("make card image, application %d: %w", i+1, err)
		}
		templates[i] = c
	}
	return Assemble(Parts{Directory: directory, Applications: templates})
}

// Parts is what a whole chip is made of.
type Parts struct {
	// Directory is the PPSE; nil for a card without a contactless side.
	Directory *ppse.Directory
	// Applications in the order in which SELECT finds them.
	Applications []cos.Template
	// Root is the name of the application that is selected after a reset, the
	// file system of the card; empty for none.
	Root []byte
	// Historical are the historical bytes of the answer to reset, at most 15.
	Historical []byte
}

// Assemble makes the image of a chip. It fails if a name comes twice, the root is
// not there, or the parts need more memory than a chip has.
func Assemble(p Parts) (*Image, error) {
	if n := len(p.Applications); n == 0 || n > MaxApplications {
		return nil, fmt.Errorf("make card image: %d applications, want 1 to %d", n, MaxApplications)
	}
	if len(p.Historical) > maxHistorical {
		return nil, fmt.Errorf("make card image: %d historical bytes, at most %d are possible (ISO/IEC 7816-3, 8.2)", len(p.Historical), maxHistorical)
	}
	img := &Image{directory: p.Directory, templates: p.Applications, root: selectedNone, atr: answerToReset(p.Historical), ats: answerToSelect(p.Historical)}
	for i, t := range p.Applications {
		for _, other := range p.Applications[:i] {
			if bytes.Equal(other.AID(), t.AID()) {
				return nil, fmt.Errorf("make card image: application %X is there twice", t.AID())
			}
		}
		if len(p.Root) > 0 && bytes.Equal(t.AID(), p.Root) {
			img.root = i
		}
		img.size += t.MemorySize()
		img.journal = max(img.journal, t.JournalSize())
	}
	if img.size > cos.MaxSize {
		return nil, fmt.Errorf("make card image: the applications need %d bytes of memory, a chip has %d", img.size, cos.MaxSize)
	}
	if len(p.Root) > 0 && img.root == selectedNone {
		return nil, fmt.Errorf("make card image: the root %X is none of its applications", p.Root)
	}
	return img, nil
}

// answerToReset is the one answer to reset of all applications (ISO/IEC 7816-3,
// 8.2; EMV Book 1, 8): direct convention, TB1 and TC1 00, T=0 and T=1 offered,
// IFSC 254, BWI 4 and CWI 5, then the historical bytes.
func answerToReset(historical []byte) []byte {
	atr := []byte{0x3B, 0xE0 | byte(len(historical)), 0x00, 0x00, 0x80, 0x31, 0xFE, 0x45}
	atr = append(atr, historical...)
	check := byte(0)
	for _, b := range atr[1:] {
		check ^= b
	}
	return append(atr, check)
}

// answerToSelect is the one answer to select of all applications (ISO/IEC 14443-4,
// 5.2): frames of 256 bytes (FSCI 8), 106 kbit/s in both directions, FWI 8, SFGI 0,
// CID supported, then the historical bytes.
func answerToSelect(historical []byte) []byte {
	return append([]byte{byte(5 + len(historical)), 0x78, 0x00, 0x80, 0x02}, historical...)
}

// ATR is the answer to reset of the contact side (ISO/IEC 7816-3, 8.2).
func (img *Image) ATR() []byte { return img.atr }

// ATS is the answer to select of the contactless side (ISO/IEC 14443-4, 5.2),
// without its CRC.
func (img *Image) ATS() []byte { return img.ats }

// Format answers every verb of fmt with a fixed text: an image holds keys.
func (Image) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[card image, data withheld]")) }

// Templates are the applications of the image in the order of selection.
func (img *Image) Templates() []cos.Template { return img.templates }

// Cards are the finance applications among them.
func (img *Image) Cards() []*pboc.Card {
	var cards []*pboc.Card
	for _, t := range img.templates {
		if c, ok := t.(*pboc.Card); ok {
			cards = append(cards, c)
		}
	}
	return cards
}
