package gate_test

import (
	"fmt"
	"strings"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/psam"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/txn"
)

// transitProfile tells the cards that carry their own journeys.
func transitProfile(name string) bool {
	return strings.HasPrefix(name, "transit-") || strings.HasPrefix(name, "quota-") || strings.HasPrefix(name, "dev-") || name == "livelihood"
}

// makeTransitCard makes a card of a profile with the low-value extension.
func (w *world) makeTransitCard(name string, s cardSpec) *rider {
	w.t.Helper()
	w.issued++
	digits := fmt.Sprintf("622800%09d", 100000+w.issued)
	pan, err := txn.ParsePAN(digits + string(txn.Luhn(digits)))
	w.must(err)
	request, err := devcard.Default(s.profile)
	w.must(err)
	request.PAN, request.PSN, request.Balance = pan, 1, s.balance
	image, err := devcard.Issue(request)
	w.must(err)
	r := &rider{key: txn.CardKey{PAN: pan, PSN: 1}, chip: card.New(), image: image, random: &stream{name: name}, answers: map[string][]byte{}, profile: s.profile}
	r.chip.UseInterface(card.Contactless)
	w.must(r.chip.Insert(image, nil))
	r.phone = s.uid == "random"
	if s.uid == "" {
		r.uid, err = gate.NewUID([]byte{0x04, 0xC1, 0, 0, 1, byte(w.issued >> 8), byte(w.issued)})
		w.must(err)
	} else if !r.phone {
		r.uid, err = gate.ParseUID(s.uid)
		w.must(err)
	}
	w.cards[name] = r
	return r
}

// newModule makes the security module of a terminal and switches it on.
func (w *world) newModule() *card.Chip {
	w.t.Helper()
	return w.moduleOf(nil)
}

// moduleOf makes one that is changed from the usual.
func (w *world) moduleOf(change func(*psam.Spec)) *card.Chip {
	w.t.Helper()
	profile, err := psam.Embedded("dev-psam")
	w.must(err)
	spec := profile.Spec()
	if change != nil {
		change(&spec)
	}
	image, err := psam.Image(spec, nil)
	w.must(err)
	chip := card.New()
	w.must(chip.Insert(image, nil))
	w.must(chip.PowerOn(&stream{name: "module"}))
	return chip
}

// module takes a command to the security module of a gate.
func (w *world) module(st *station, cmd []byte, where cut, log func(cmd, answer []byte)) []byte {
	if w.silent || where == cutModule && len(st.gate.Pending(nil)) > 0 {
		return nil
	}
	answer, err := st.sam.Transmit(nil, cmd)
	w.must(err)
	return answer
}
