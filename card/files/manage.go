package files

import (
	"encoding/binary"
	"errors"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// Status words of CREATE FILE.
const (
	swFileExists apdu.SW = 0x6A89
	swNameExists apdu.SW = 0x6A8A
)

// refused turns what a change of the file system says into a status word. The
// error left over is cos.ErrPowerCut.
func (a *App) refused(err error) (apdu.SW, error) {
	switch {
	case errors.Is(err, cos.ErrFile):
		return apdu.SWWrongData, nil
	case errors.Is(err, cos.ErrFileExists):
		return swFileExists, nil
	case errors.Is(err, cos.ErrNoSpace):
		return apdu.SWNoSpace, nil
	}
	return apdu.SWOK, a.changed(err)
}

// createFile is CREATE FILE, E0 0000, with a FCP template 62 (ISO/IEC 7816-9,
// 6.1) for a file in the current DF, which becomes the current file. See newFile
// for the template. 6A89, 6A8A: the identifier or the name is in use; 6A84: no
// space is left.
func (a *App) createFile(r *request) (apdu.SW, error) {
	switch {
	case r.P1 != 0 || r.P2 != 0:
		return apdu.SWWrongP1P2, nil
	case r.Le != apdu.NoLe || len(r.data) == 0:
		return apdu.SWWrongLength, nil
	}
	df, _ := a.view.File(a.df)
	if sw, err := a.authorise(r, df, cos.OpCreate); err != nil || sw != apdu.SWOK {
		return sw, err
	}
	spec, ok := newFile(r.data)
	if !ok {
		return apdu.SWWrongData, nil
	}
	if f, ok := a.view.ByName(spec.Name, 0); ok && len(spec.Name) > 0 && len(f.Name) == len(spec.Name) {
		return swNameExists, nil
	}
	sw, err := a.refused(a.fs.Create(df, spec))
	if err != nil || sw != apdu.SWOK {
		return sw, err
	}
	f, ok := a.view.Child(a.df, spec.ID)
	if !ok {
		panic("files: a file that was made is not there")
	}
	if !f.Kind.Internal() {
		a.enter(f, false)
	}
	return apdu.SWOK, nil
}

// newFile reads a FCP template. 82, 83 and 86 must be there; each object once:
//
//	80  size of a transparent file, 2 bytes
//	82  kind; for records and keys then 21, record length (2 bytes; 0 for keys), capacity
//	83  identifier, 2 bytes         84  name of an ADF
//	86  six access rules of 4 bytes in the order of cos.Operation, number of the
//	    line protection key (our choice: rules of proprietary form)
//	88  short identifier in the upper five bits
//	8A  life cycle status; activated if it is not there
//	A5  proprietary information of a DF
func newFile(b []byte) (cos.FileSpec, bool) {
	var s cos.FileSpec
	outer := tlv.Iterate(b)
	if !outer.Next() || outer.Tag != tagFCP || outer.Offset != 0 || outer.ValueOffset()+len(outer.Value) != len(b) {
		return s, false
	}
	seen := map[tlv.Tag]bool{}
	in := outer.Enter()
	for in.Next() {
		if seen[in.Tag] || !setParameter(&s, in.Tag, in.Value) {
			return s, false
		}
		seen[in.Tag] = true
	}
	return s, in.Err() == nil && seen[tagDescriptor] && seen[tagFileID] && seen[tagRules]
}

// setParameter reads one object of a FCP template.
func setParameter(s *cos.FileSpec, tag tlv.Tag, v []byte) bool {
	switch {
	case tag == tagFileSize && len(v) == 2:
		s.Size = int(binary.BigEndian.Uint16(v))
	case tag == tagDescriptor && (len(v) == 1 || len(v) == 5 && v[1] == dataCoding):
		s.Kind = cos.FileKind(v[0])
		if len(v) == 5 {
			s.RecordLength, s.Capacity = int(binary.BigEndian.Uint16(v[2:])), int(v[4])
		}
	case tag == tagFileID && len(v) == 2:
		s.ID = binary.BigEndian.Uint16(v)
	case tag == tagName && len(v) > 0:
		s.Name = v
	case tag == tagRules && len(v) == 4*len(s.Rules)+1:
		for i := range s.Rules {
			s.Rules[i] = cos.Access(v[4*i:])
		}
		s.LineKey = v[4*len(s.Rules)]
	case tag == tagShortID && len(v) == 1 && v[0]&7 == 0:
		s.SFI = v[0] >> 3
	case tag == tagLifeCycle && len(v) == 1 && v[0] != 0:
		s.State = cos.FileState(v[0])
	case tag == tagInfo:
		s.Info = v
	default:
		return false
	}
	return true
}

// object finds the file of a command that changes its life cycle: the current EF
// or else the current DF when there are no data, a file below the current DF by
// its identifier otherwise. Data stand behind protection, so the file is found
// first by what is not enciphered: protected commands on a file below name it in
// plain, under a MAC.
func (a *App) object(r *request) (cos.File, apdu.SW) {
	d := r.Data
	if r.protected() {
		if len(d) < lineMAC {
			return cos.File{}, apdu.SWMACMissing
		}
		d = d[:len(d)-lineMAC]
	}
	switch {
	case r.P1 != 0 || r.P2 != 0:
		return cos.File{}, apdu.SWWrongP1P2
	case r.Le != apdu.NoLe || len(d) != 0 && len(d) != 2:
		return cos.File{}, apdu.SWWrongLength
	case len(d) == 2:
		f, ok := a.view.Child(a.df, binary.BigEndian.Uint16(d))
		if !ok {
			return f, apdu.SWFileNotFound
		}
		return f, apdu.SWOK
	case a.ef != noEF:
		f, _ := a.view.File(byte(a.ef))
		return f, apdu.SWOK
	}
	f, _ := a.view.File(a.df)
	return f, apdu.SWOK
}

// authoriseObject is authorise for a command that has nothing to hide: a MAC is
// enough where the rule wants encipherment.
func (a *App) authoriseObject(r *request, f cos.File, op cos.Operation) (apdu.SW, error) {
	rule, owner := a.rule(f, op)
	if rule.Protection() == cos.Enciphered {
		rule = rule.With(cos.MAC)
	}
	return a.permit(r, f, op, rule, owner)
}

// deleteFile is DELETE FILE, E4 0000 (ISO/IEC 7816-9, 6.2): the current EF, or a file
// below the current DF with everything in it. 6985: the current DF itself is
// meant.
func (a *App) deleteFile(r *request) (apdu.SW, error) {
	f, sw := a.object(r)
	if sw != apdu.SWOK {
		return sw, nil
	}
	if f.Slot == a.df {
		return apdu.SWConditions, nil
	}
	if sw, err := a.authoriseObject(r, f, cos.OpDelete); err != nil || sw != apdu.SWOK {
		return sw, err
	}
	if err := a.changed(a.fs.Delete(f)); err != nil {
		return 0, err
	}
	if _, there := a.view.File(byte(a.ef)); a.ef != noEF && !there {
		a.ef, a.record = noEF, 0
	}
	// A key file may have gone, and with it what its keys had allowed; the numbers
	// of directories may be given again.
	a.granted = a.granted[:0]
	return apdu.SWOK, nil
}

// activate is ACTIVATE FILE, 44 0000 (ISO/IEC 7816-9, 6.4).
func (a *App) activate(r *request) (apdu.SW, error) {
	return a.changeState(r, cos.Activated, false)
}

// deactivate is DEACTIVATE FILE, 04 0000 (ISO/IEC 7816-9, 6.3).
func (a *App) deactivate(r *request) (apdu.SW, error) {
	return a.changeState(r, cos.Deactivated, false)
}

// terminateDF is TERMINATE DF, E6 0000 (ISO/IEC 7816-9, 6.5). There is no way back.
func (a *App) terminateDF(r *request) (apdu.SW, error) {
	return a.changeState(r, cos.Terminated, true)
}

// terminateEF is TERMINATE EF, E8 0000 (ISO/IEC 7816-9, 6.6). There is no way back.
func (a *App) terminateEF(r *request) (apdu.SW, error) {
	return a.changeState(r, cos.Terminated, false)
}

// changeState gives a file another life cycle status under its rule OpActivate.
// 6985: the status does not lead there; 6981: DF and EF were mistaken, or a
// key file should go out of use: the MF's keys would take the place of its own.
func (a *App) changeState(r *request, to cos.FileState, dfWanted bool) (apdu.SW, error) {
	f, sw := a.object(r)
	switch {
	case sw != apdu.SWOK:
		return sw, nil
	case to == cos.Terminated && dfWanted != (f.Kind == cos.DF), to != cos.Activated && f.Kind.Internal():
		return apdu.SWFileType, nil
	}
	if sw, err := a.authoriseObject(r, f, cos.OpActivate); err != nil || sw != apdu.SWOK {
		return sw, err
	}
	if to == cos.Deactivated && f.State != cos.Activated && f.State != cos.Deactivated {
		return apdu.SWConditions, nil
	}
	return apdu.SWOK, a.changed(a.fs.SetState(f, to))
}
