package emv

import (
	"bytes"

	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// Names of the payment directories (EMV Book 1, 12.2.2; EMV Book B for the air).
var (
	pseName  = []byte("1PAY.SYS.DDF01")
	ppseName = []byte("2PAY.SYS.DDF01")
)

// What is looked at of a card's directories; entries beyond are passed over.
const (
	maxCandidates  = 16
	maxDirectories = 8
	maxOccurrences = 16 // of one partial name
)

// candidate is an application that card and terminal have in common.
type candidate struct {
	aid       []byte
	priority  byte // low nibble of 87; 16 for none
	confirm   bool // 87 b8
	label     []byte
	preferred []byte // 9F12, if the terminal has its code table
	latin1    bool   // which is that of ISO/IEC 8859-1
}

// selection is the search for an application.
type selection struct {
	directories [][]byte // names, the first is the PSE
	at          int      // directory that is being read
	sfi, record byte
	app         int // of the list of applications
	occurrence  int
	candidates  []candidate
	choice      Choice
	pdol        tlv.DOL
	fci         []object
	why         kernel.Fault // why the last candidate was dropped
}

func (s *selection) clear() {
	*s = selection{directories: s.directories[:0], candidates: s.candidates[:0], choice: Choice{Names: s.choice.Names[:0]}, fci: s.fci[:0]}
}

// start begins the conversation: with the payment directory, or with the
// applications that the terminal knows (EMV Book 1, 12.3.1).
func (m *Machine) start() Ready {
	m.sel.why = kernel.Fault{Code: kernel.NoApplication}
	if !m.cfg.Directory {
		return m.probeNext()
	}
	name := pseName
	if m.in.Contactless {
		name = ppseName
	}
	m.sel.directories = append(m.sel.directories, name)
	return m.selectName(stDirectory, name, 0)
}

func (m *Machine) selectName(next state, name []byte, p2 byte) Ready {
	return m.send(next, apdu.Command{INS: 0xA4, P1: 0x04, P2: p2, Data: name, Le: apdu.MaxShortLe})
}

// directorySelected reads the answer to SELECT of a directory. A card without one is
// asked for the applications one by one; 6A81 says that the card is blocked (EMV
// Book 1, 12.3.2).
func (m *Machine) directorySelected(data []byte, sw apdu.SW) Ready {
	first := m.sel.at == 0
	switch {
	case first && sw == apdu.SWNotSupported:
		return m.unusable(kernel.Fault{Code: kernel.BadStatus, SW: sw, Tag: tlv.TagDFName})
	case first && m.in.Contactless:
		return m.contactlessDirectory(data, sw)
	case sw == apdu.SWOK:
		if sfi, ok := tlv.Find(data, tlv.TagFCITemplate, tlv.TagFCIProprietary, tlv.TagSFI); ok && len(sfi) == 1 && sfi[0] >= 1 && sfi[0] <= 10 {
			m.sel.sfi, m.sel.record = sfi[0], 0
			m.note(Selection, NoteDirectory, tlv.TagSFI, sfi)
			return m.nextDirectoryRecord()
		}
	}
	if first {
		return m.withoutDirectory()
	}
	return m.nextDirectory()
}

// contactlessDirectory reads the PPSE: all entries are in its FCI (EMV Book B).
func (m *Machine) contactlessDirectory(data []byte, sw apdu.SW) Ready {
	if sw != apdu.SWOK {
		return m.unusable(kernel.Fault{Code: kernel.BadStatus, SW: sw, Tag: tlv.TagDFName})
	}
	entries, ok := tlv.Find(data, tlv.TagFCITemplate, tlv.TagFCIProprietary, tlv.TagFCIIssuerDiscretionary)
	if !ok {
		return m.unusable(fault(kernel.Missing, tlv.TagFCIIssuerDiscretionary))
	}
	it := tlv.Iterate(entries)
	for it.Next() {
		if it.Tag == tlv.TagApplicationTemplate {
			m.addEntry(it.Value)
		}
	}
	if it.Err() != nil {
		return m.unusable(fault(kernel.BadTLV, tlv.TagFCIIssuerDiscretionary))
	}
	m.note(Selection, NoteDirectory, 0, nil)
	return m.choose()
}

// withoutDirectory forgets what a faulty directory said and asks for the terminal's
// applications one by one.
func (m *Machine) withoutDirectory() Ready {
	m.note(Selection, NoteNoDirectory, 0, nil)
	m.sel.candidates = m.sel.candidates[:0]
	return m.probeNext()
}

func (m *Machine) nextDirectoryRecord() Ready {
	m.sel.record++
	if m.sel.record == 0 {
		return m.nextDirectory()
	}
	return m.send(stDirectoryRecord, apdu.Command{INS: 0xB2, P1: m.sel.record, P2: m.sel.sfi<<3 | 4, Le: apdu.MaxShortLe})
}

// directoryRecord reads a record of a directory: template 70 with entries 61 (EMV
// Book 1, 12.2.3). 6A83 ends the directory.
func (m *Machine) directoryRecord(data []byte, sw apdu.SW) Ready {
	switch {
	case sw == apdu.SWRecordNotFound:
		return m.nextDirectory()
	case sw != apdu.SWOK:
		return m.withoutDirectory()
	}
	it := tlv.Iterate(data)
	if !it.Next() || it.Tag != tlv.TagRecordTemplate {
		return m.withoutDirectory()
	}
	entry := it.Enter()
	for entry.Next() {
		if entry.Tag == tlv.TagApplicationTemplate {
			m.addEntry(entry.Value)
		}
	}
	if entry.Err() != nil || it.Next() || it.Err() != nil {
		return m.withoutDirectory()
	}
	return m.nextDirectoryRecord()
}

// nextDirectory goes on with the next directory that an entry has named. If the
// directories have nothing for the terminal, its list is tried (EMV Book 1, 12.3.2).
func (m *Machine) nextDirectory() Ready {
	m.sel.at++
	if m.sel.at < len(m.sel.directories) {
		return m.selectName(stDirectory, m.sel.directories[m.sel.at], 0)
	}
	if len(m.sel.candidates) == 0 {
		return m.withoutDirectory()
	}
	return m.choose()
}

// addEntry keeps an entry of a directory: an application that the terminal takes,
// or a further directory.
func (m *Machine) addEntry(entry []byte) {
	if ddf, ok := tlv.Find(entry, tlv.TagDDFName); ok && !m.in.Contactless {
		if nameOK(ddf) && len(m.sel.directories) < maxDirectories && !contains(m.sel.directories, ddf) {
			m.sel.directories = append(m.sel.directories, ddf)
		}
		return
	}
	if aid, ok := tlv.Find(entry, tlv.TagADFName); ok {
		m.addCandidate(aid, entry)
	}
}

func contains(list [][]byte, name []byte) bool {
	for _, n := range list {
		if bytes.Equal(n, name) {
			return true
		}
	}
	return false
}

// nameOK says that a DF name can be selected.
func nameOK(name []byte) bool { return len(name) >= 5 && len(name) <= 16 }

// probeNext asks for the next application of the terminal's list (EMV Book 1,
// 12.3.3).
func (m *Machine) probeNext() Ready {
	if m.sel.app == len(m.cfg.Applications) {
		return m.choose()
	}
	p2 := byte(0x00)
	if m.sel.occurrence > 0 {
		p2 = 0x02
	}
	return m.selectName(stProbe, m.cfg.Applications[m.sel.app].Name, p2)
}

// probed reads the answer to SELECT of an application of the list. A card may have
// several whose names begin alike: they are asked for with next occurrence.
func (m *Machine) probed(data []byte, sw apdu.SW) Ready {
	s := &m.sel
	if sw == apdu.SWNotSupported && s.app == 0 && s.occurrence == 0 {
		return m.unusable(kernel.Fault{Code: kernel.BadStatus, SW: sw, Tag: tlv.TagDFName})
	}
	app := &m.cfg.Applications[s.app]
	name, ok := tlv.Find(data, tlv.TagFCITemplate, tlv.TagDFName)
	more := false
	if (sw == apdu.SWOK || sw == apdu.SWInvalidated) && ok && nameOK(name) && bytes.HasPrefix(name, app.Name) {
		more = len(name) > len(app.Name)
		switch {
		case more && !app.Partial:
		case sw == apdu.SWInvalidated:
			m.sel.why = kernel.Fault{Code: kernel.BadStatus, SW: sw, Tag: tlv.TagADFName}
			m.note(Selection, NoteBlocked, tlv.TagADFName, name)
		default:
			proprietary, _ := tlv.Find(data, tlv.TagFCITemplate, tlv.TagFCIProprietary)
			m.addCandidate(name, proprietary)
		}
	}
	if s.occurrence++; !more || s.occurrence == maxOccurrences {
		s.app, s.occurrence = s.app+1, 0
	}
	return m.probeNext()
}
