package malformed

import (
	"fmt"
	"strings"

	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// Meddler stands between a card and a terminal and edits the answers of a case. It
// is not safe for concurrent use.
type Meddler struct {
	edits    []Edit
	reached  []bool
	seen     map[string]int
	selected bool // an application is selected: READ RECORD is no longer of the directory
}

// NewMeddler makes a Meddler for one conversation of a case.
func NewMeddler(c *Case) *Meddler {
	return &Meddler{edits: c.Edits, reached: make([]bool, len(c.Edits)), seen: map[string]int{}}
}

// Exchange carries one command to the card and gives what the terminal gets to see.
// left says that the card has gone. The error is an edit that finds nothing to edit,
// or that of the card.
func (m *Meddler) Exchange(cmd []byte, card func(cmd []byte) ([]byte, error)) (answer []byte, left bool, err error) {
	where := m.where(cmd)
	m.seen[where]++
	var edits []*Edit
	fake := false
	for i := range m.edits {
		e := &m.edits[i]
		if e.Where == where && (e.Nth == 0 || e.Nth == m.seen[where]) {
			m.reached[i] = true
			if e.Op == "gone" {
				return nil, true, nil
			}
			edits, fake = append(edits, e), fake || e.Op == "fake"
		}
	}
	if !fake {
		if answer, err = card(cmd); err != nil {
			return nil, false, fmt.Errorf("%s: %w", where, err)
		}
	}
	for _, e := range edits {
		if answer, left, err = e.Apply(answer); err != nil || left {
			return nil, left, err
		}
	}
	return answer, false, nil
}

// Unreached is the edits that no command came by, in words; "" if there are none.
func (m *Meddler) Unreached() string {
	var out []string
	for i, ok := range m.reached {
		if !ok {
			out = append(out, m.edits[i].String())
		}
	}
	return strings.Join(out, "; ")
}

// names are the commands that need no closer look, by INS.
var names = map[byte]string{0xA8: "gpo", 0x88: "internal", 0x84: "challenge", 0x20: "verify", 0xAE: "generate", 0x82: "external"}

// where names a command as Edit.Where does.
func (m *Meddler) where(cmd []byte) string {
	c, err := apdu.ParseCommand(cmd)
	if err != nil {
		return "script"
	}
	switch c.INS {
	case 0xA4:
		switch {
		case string(c.Data) == "1PAY.SYS.DDF01":
			return "pse"
		case string(c.Data) == "2PAY.SYS.DDF01":
			return "ppse"
		}
		m.selected = true
		return "select"
	case 0xB2:
		if !m.selected {
			return fmt.Sprintf("dir %d", c.P1)
		}
		return fmt.Sprintf("read %d.%d", c.P2>>3, c.P1)
	case 0xCA:
		return "get " + tlv.Tag(uint32(c.P1)<<8|uint32(c.P2)).String()
	}
	if name, ok := names[c.INS]; ok && c.CLA&0x04 == 0 {
		return name
	}
	return "script"
}
