package files

import (
	"slices"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/wire/apdu"
)

// met judges a condition of a rule in a DF: whether its PIN or key, or that of the
// MF if the DF has none of the number, was used in this session.
func (a *App) met(df byte) func(cos.Condition) bool {
	return func(c cos.Condition) bool {
		usage := cos.UseExternal
		if c.IsPIN() {
			usage = cos.UsePIN
		}
		k, ok := a.view.Key(df, usage, c.Number())
		return ok && slices.Contains(a.granted, grant{k.DF, c})
	}
}

// condition is what the use of a PIN or key satisfies.
func condition(k *cos.KeyEntry) cos.Condition {
	if k.Usage == cos.UsePIN {
		return cos.PIN(k.Number)
	}
	return cos.Key(k.Number)
}

func (a *App) allow(k *cos.KeyEntry) {
	if g := (grant{k.DF, condition(k)}); !slices.Contains(a.granted, g) {
		a.granted = append(a.granted, g)
	}
}

func (a *App) revoke(k *cos.KeyEntry) {
	a.granted = slices.DeleteFunc(a.granted, func(g grant) bool { return g == grant{k.DF, condition(k)} })
}

// authorise decides whether a command may do an operation on a file and takes off
// its protection. 6985: the file or a DF above is not in use; 6982: the rule is
// not satisfied; 6900: the class says plain and the rule wants protection.
//
// A file in creation or initialisation state is open to whoever may create files
// in its DF (our choice).
func (a *App) authorise(r *request, f cos.File, op cos.Operation) (apdu.SW, error) {
	rule, owner := a.rule(f, op)
	return a.permit(r, f, op, rule, owner)
}

// rule is what an operation on a file needs, and the DF whose PINs and keys are
// meant: that of the file, and of a DF itself only for new files in it, for what
// ends or revives a DF is up to the one above.
func (a *App) rule(f cos.File, op cos.Operation) (rule cos.Access, owner byte) {
	parent, _ := a.view.File(f.Parent)
	switch {
	case op == cos.OpCreate:
		return f.Rules[op], f.Slot
	case f.State == cos.Creation || f.State == cos.Initialisation:
		return parent.Rules[cos.OpCreate], parent.Slot
	}
	return f.Rules[op], f.Parent
}

// permit is authorise under a rule that was found.
func (a *App) permit(r *request, f cos.File, op cos.Operation, rule cos.Access, owner byte) (apdu.SW, error) {
	if !a.inUse(f, op) {
		return apdu.SWConditions, nil
	}
	if !rule.Allows(a.met(owner)) {
		return apdu.SWSecurity, nil
	}
	if !r.protected() {
		if rule.Protection() != cos.Plain {
			return apdu.SWClassLine, nil
		}
		return apdu.SWOK, nil
	}
	return a.unprotect(r, owner, cos.UseLine, f.LineKey, rule.Protection() == cos.Enciphered)
}

// inUse: the operations that change the life cycle, and DELETE, work on a file
// that is deactivated; DELETE on a terminated one.
func (a *App) inUse(f cos.File, op cos.Operation) bool {
	switch {
	case op == cos.OpDelete, op == cos.OpActivate && f.State != cos.Terminated:
		parent, _ := a.view.File(f.Parent)
		return f.Slot == 0 || a.view.Usable(parent)
	}
	return a.view.Usable(f)
}

// unprotect checks a protected command and leaves its data in r. 6A88: there is
// no such key; 6984: no challenge was taken; 6983: the key is blocked; 6987,
// 6988: no MAC, a wrong one. A wrong MAC costs a try of the key if its tries are
// counted.
func (a *App) unprotect(r *request, df byte, usage cos.KeyUsage, number byte, enciphered bool) (apdu.SW, error) {
	k, ok := a.view.Key(df, usage, number)
	switch {
	case !ok:
		return apdu.SWDataNotFound, nil
	case !k.Use.Allows(a.met(k.DF)):
		return apdu.SWSecurity, nil
	case r.challenge.length == 0:
		return apdu.SWDataInvalidated, nil
	case len(r.Data) < lineMAC:
		return apdu.SWMACMissing, nil
	}
	l := newLine(&k, &r.challenge, enciphered)
	var data []byte
	wrong := apdu.SWOK
	sw, err := a.attempt(k, func() bool {
		data, wrong = l.open(r.Command)
		return wrong == apdu.SWOK
	})
	switch {
	case err != nil:
		return 0, err
	case wrong != apdu.SWOK:
		return wrong, nil
	case sw != apdu.SWOK:
		return sw, nil
	}
	r.data, r.line = data, l
	return apdu.SWOK, nil
}

// attempt lets right judge a PIN, cryptogram or MAC. The try is taken off in
// memory before that, and given back after. 6983: no try was left; 63Cx: wrong, x
// tries are left; 6300: wrong, tries are not counted.
func (a *App) attempt(k cos.KeyEntry, right func() bool) (apdu.SW, error) {
	if k.Tries == 0 {
		if right() {
			return apdu.SWOK, nil
		}
		return apdu.SWFailed, nil
	}
	if k.Blocked() {
		return apdu.SWBlocked, nil
	}
	left := k.TriesLeft - 1
	if err := a.changed(a.fs.SetTries(k, left)); err != nil {
		return 0, err
	}
	if !right() {
		return triesLeft(left), nil
	}
	return apdu.SWOK, a.changed(a.fs.SetTries(k, k.Tries))
}

// triesLeft is 63Cx.
func triesLeft(n byte) apdu.SW { return 0x63C0 | apdu.SW(n) }
