package perso

import (
	"fmt"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/card/files"
	"github.com/citycard/citycard/card/gp"
	"github.com/citycard/citycard/card/pboc"
	"github.com/citycard/citycard/card/ppse"
	"github.com/citycard/citycard/wire/tlv"
)

// RootAID is the name of the application that holds the files of a whole chip,
// the payment system environment of the contacts among them: a proprietary name
// (ISO/IEC 7816-5, category F) around CITYCARD.
var RootAID = []byte{0xF0, 'C', 'I', 'T', 'Y', 'C', 'A', 'R', 'D'}

// Identifiers of the files of the PSE.
const (
	fileDF        = 0x7F01
	fileDirectory = 0x0001
	sfiDirectory  = 1
	maxDirectory  = 4 // records that the directory has room for
)

// Image personalises one card as a whole chip: finance application, directory of
// the contactless side, if the profile has "chip" the files of the contact side
// and historical bytes, and the security domain if there is to be one. The errors
// are those of Card, gp.New and card.Assemble.
func (p *Profile) Image(in *Issue) (*card.Image, error) {
	parts, err := p.Parts(in, p.ownNames()...)
	if err != nil {
		return nil, err
	}
	return p.assemble(parts.Applications...)
}

// Parts personalises one card for a chip with more on it than the profile
// describes: Image without the files of the contact side and historical bytes.
// taken are names that the security domain must leave to the rest of the chip. The
// errors are those of Card and gp.New.
func (p *Profile) Parts(in *Issue, taken ...[]byte) (card.Parts, error) {
	c, err := p.Card(in)
	if err != nil {
		return card.Parts{}, err
	}
	if err := c.Check(); err != nil {
		return card.Parts{}, fmt.Errorf("personalise card: %w", err)
	}
	parts := card.Parts{Directory: p.directory, Applications: []cos.Template{c}}
	if in.Domain == nil {
		return parts, nil
	}
	d, err := domain(*in.Domain, append([][]byte{c.AID()}, taken...)...)
	if err != nil {
		return card.Parts{}, fmt.Errorf("personalise card: %w", err)
	}
	parts.Applications = append(parts.Applications, d)
	return parts, nil
}

// Directory is the PPSE of the profile with further applications behind its own, each
// with a priority that no other has. It fails if they have not, or do not fit.
func (p *Profile) Directory(more ...ppse.Entry) (*ppse.Directory, error) {
	entries := append([]ppse.Entry{p.entry}, more...)
	for i, e := range entries[1:] {
		for _, before := range entries[:i+1] {
			if e.Priority == 0 || e.Priority == before.Priority {
				return nil, fmt.Errorf("directory entry %X: priority %d, want one of 1 to 15 that no other entry has", e.AID, e.Priority)
			}
		}
	}
	return ppse.New(entries...)
}

// domain makes a security domain that can install the finance application beside
// those of the image, whose names stay theirs.
func domain(domain gp.Profile, taken ...[]byte) (*gp.Domain, error) {
	domain.Modules = []gp.Module{pboc.Module{}}
	domain.Reserved = taken
	return gp.New(domain)
}

// ownNames are the names that the files of the chip need.
func (p *Profile) ownNames() [][]byte {
	if !p.pse {
		return nil
	}
	return [][]byte{RootAID}
}

// Blank makes a chip that is not personalised: the directories of the profile, and
// a security domain that can install the finance application (pboc.Module) under
// the profile's name. The modules and reserved names of the domain are set here.
func (p *Profile) Blank(profile gp.Profile) (*card.Image, error) {
	d, err := domain(profile, p.ownNames()...)
	if err != nil {
		return nil, fmt.Errorf("make blank card: %w", err)
	}
	return p.assemble(d)
}

// assemble puts the files and directories around the applications.
func (p *Profile) assemble(applications ...cos.Template) (*card.Image, error) {
	parts := card.Parts{Directory: p.directory, Applications: applications, Historical: p.historical}
	if p.pse {
		root, err := p.root()
		if err != nil {
			return nil, err
		}
		parts.Applications, parts.Root = append(parts.Applications, root), RootAID
	}
	return card.Assemble(parts)
}

// Whole tells whether the profile describes a whole chip, with the files of the
// contact side.
func (p *Profile) Whole() bool { return p.pse }

// root makes the file system of a chip: the MF with the PSE.
func (p *Profile) root() (*files.Template, error) { return p.environment(RootAID) }

// Environment makes the PSE as an application of its own, for a chip that has
// another file system as its root.
func (p *Profile) Environment() (*files.Template, error) {
	return p.environment([]byte(ppse.ContactName))
}

// environment makes the PSE, a DF with a directory of one record that everybody
// may read and nobody change, as an application of a name.
func (p *Profile) environment(name []byte) (*files.Template, error) {
	entry := tlv.Append(nil, tlv.TagADFName, p.entry.AID)
	entry = tlv.Append(entry, tlv.TagApplicationLabel, []byte(p.entry.Label))
	if p.entry.Priority > 0 {
		entry = tlv.Append(entry, tlv.TagApplicationPriority, []byte{p.entry.Priority})
	}
	record := tlv.Append(nil, tlv.TagRecordTemplate, tlv.Append(nil, tlv.TagApplicationTemplate, entry))
	info := tlv.Append(nil, tlv.TagSFI, []byte{sfiDirectory})
	if p.language != "" {
		info = tlv.Append(info, tlv.TagLanguagePreference, []byte(p.language))
	}
	locked := cos.Rules{}
	for i := range locked {
		locked[i] = cos.Never
	}
	readable := locked
	readable[cos.OpRead] = cos.Always
	directory := cos.FileSpec{Kind: cos.Variable, ID: fileDirectory, SFI: sfiDirectory, Rules: readable,
		RecordLength: len(record), Capacity: maxDirectory, Records: [][]byte{record}}
	pse := cos.FileSpec{Kind: cos.DF, ID: fileDF, Name: []byte(ppse.ContactName), Rules: locked, Info: info, Children: []cos.FileSpec{directory}}
	return files.NewTemplate(name, cos.FileSystemSpec{MF: cos.FileSpec{Kind: cos.DF, ID: cos.MasterFile, Rules: locked, Children: []cos.FileSpec{pse}}})
}
