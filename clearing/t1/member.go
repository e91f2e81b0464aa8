package t1

import (
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/citycard/citycard/clearing"
	"github.com/citycard/citycard/crypt/sealfile"
	"github.com/citycard/citycard/wire/files"
)

// Member is a participant that gets files.
type Member struct {
	ID               clearing.Participant
	Code             string   // institution code, 8 to 11 digits; also the name of its folder
	Key              [64]byte // SM2 public key X || Y for which its files are sealed
	KeyID            uint32
	Issuer, Acquirer bool // which files it gets; it gets them even if they have no lines
}

// Place is what an acquirer knows about the merchant behind a terminal.
type Place struct {
	Category string // merchant category, 4 digits
	Merchant string // at most 15 characters of ASCII
	Name     string // cut to 40 bytes of GBK
}

// Config says what to write and where.
type Config struct {
	Dir     string // one folder below for each member
	Window  int32  // days since 1970-01-01
	Batch   int    // number of the set on that day, 1 to 99
	Session int    // clearing session, 1 to 99
	Network string // institution code of the network
	Members []Member
	Signer  sealfile.Signer // the network's
	// Rand gives the randomness of one file. Each name must get its own, never
	// used before: a data key may encrypt one file only.
	Rand func(name string) io.Reader
	// Place describes an item's merchant; nil leaves merchant and name empty and
	// gives the category of a bus line for rows with a route, else of a railway.
	Place func(it *clearing.Item) Place
}

// fileID names one file of a set.
type fileID struct {
	member  *Member
	content files.Content
}

func (c *Config) header(id fileID) files.Header {
	return files.Header{Content: id.content, Participant: id.member.Code, Network: c.Network, Day: c.Window, Batch: c.Batch, Session: c.Session, Currency: "156"}
}

// name is where the file lies below Dir.
func (c *Config) name(id fileID) string {
	h := c.header(id)
	return filepath.Join(id.member.Code, h.FileName())
}

// files lists the files of the set by member and content.
func (c *Config) files() []fileID {
	var list []fileID
	for i := range c.Members {
		m := &c.Members[i]
		if m.Issuer {
			list = append(list, fileID{m, files.IssuerTransactions}, fileID{m, files.IssuerChip})
		}
		if m.Acquirer {
			list = append(list, fileID{m, files.AcquirerTransactions}, fileID{m, files.AcquirerChip})
		}
	}
	slices.SortFunc(list, func(a, b fileID) int {
		return cmp.Or(cmp.Compare(a.member.ID, b.member.ID), cmp.Compare(a.content, b.content))
	})
	return list
}

// Names lists the files of the set, relative to Dir, in order.
func (c *Config) Names() []string {
	var names []string
	for _, id := range c.files() {
		names = append(names, c.name(id))
	}
	return names
}

func (c *Config) validate() error {
	ids, codes := map[clearing.Participant]bool{}, map[string]bool{}
	for i := range c.Members {
		m := &c.Members[i]
		if !isCode(m.Code) {
			return fmt.Errorf("participant %d: institution code %q, want 8 to 11 digits", m.ID, m.Code)
		}
		if ids[m.ID] || codes[m.Code] {
			return fmt.Errorf("participant %d with institution code %s is listed twice", m.ID, m.Code)
		}
		ids[m.ID], codes[m.Code] = true, true
	}
	switch {
	case !isCode(c.Network):
		return fmt.Errorf("network: institution code %q, want 8 to 11 digits", c.Network)
	case c.Batch < 1 || c.Batch > 99 || c.Session < 1 || c.Session > 99:
		return fmt.Errorf("batch %d and session %d, want 1 to 99", c.Batch, c.Session)
	case c.Signer == nil || c.Rand == nil:
		return fmt.Errorf("signer and randomness must be given")
	}
	return nil
}

func isCode(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return len(s) >= 8 && len(s) <= 11
}
