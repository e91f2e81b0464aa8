package foreign

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/txn"
)

// cardLines are the accepted lines of one card.
type cardLines struct {
	key   txn.CardKey
	items []item
}

// item is one accepted line as an observation.
type item struct {
	*record
	obs   timeline.Observation
	aside bool // a payment in a dump of field 55: what became of it another line says
}

// resolve gives lines that do not know their card's sequence number that of the only card
// of their number; if no line knows it, it is 0.
func (im *Importer) resolve() {
	known := map[txn.PAN]int16{}
	const several = -2
	for _, r := range im.records {
		if r.unsure() {
			continue
		}
		if was, there := known[r.pan]; there && was != r.psn {
			known[r.pan] = several
		} else {
			known[r.pan] = r.psn
		}
	}
	im.records = slices.DeleteFunc(im.records, func(r *record) bool {
		if !r.unsure() {
			return false
		}
		if r.psn = known[r.pan]; r.psn == several {
			im.refuse(r.at, &refusal{WhichCard, ""}, nil)
			r.psn = unknownPSN
			im.claim(r.at, r, WhichCard)
			return true
		}
		return false
	})
}

// unsure reports whether neither the line nor its chip data say which card of the number
// it is.
func (r *record) unsure() bool { return !r.namesCard() && r.chip.psn == unknownPSN }

// cards groups the lines by card, checks them with keys where there are any, and makes
// the observations.
func (im *Importer) cards() []cardLines {
	im.join()
	im.resolve()
	slices.SortFunc(im.records, func(a, b *record) int {
		return cmp.Or(slices.Compare(a.pan[:], b.pan[:]), cmp.Compare(a.psn, b.psn), cmp.Compare(a.arrived, b.arrived),
			cmp.Compare(a.at.file, b.at.file), cmp.Compare(a.at.line, b.at.line))
	})
	var out []cardLines
	check := newKeyring(im.o.Checkers)
	for from := 0; from < len(im.records); {
		key, to := im.records[from].cardOf(), from+1
		for to < len(im.records) && im.records[to].cardOf() == key {
			to++
		}
		if c := im.card(key, im.records[from:to], check); len(c.items) > 0 {
			out = append(out, c)
		}
		from = to
	}
	im.records = nil
	return out
}

func (im *Importer) card(key txn.CardKey, records []*record, check *keyring) cardLines {
	c := cardLines{key: key}
	adoptCryptograms(records)
	presented := im.presented(records)
	best := map[identity]item{}
	for _, r := range records {
		why := check.verify(r)
		var obs timeline.Observation
		if why == nil {
			obs, why = r.observation()
		}
		if why == nil && r.kind == Field55 && obs.Kind == timeline.Doubt && !presented[identityOf(&obs)] {
			why = &refusal{NotPresented, ""}
		}
		if why != nil {
			im.refuse(r.at, why, nil)
			im.claim(r.at, r, why.reason)
			continue
		}
		it := item{r, obs, r.kind == Field55 && obs.Kind == timeline.Doubt}
		if was, there := best[identityOf(&obs)]; !there || it.weight() > was.weight() {
			best[identityOf(&obs)] = it
		}
		c.items = append(c.items, it)
	}
	c.items = slices.DeleteFunc(c.items, func(it item) bool {
		if o := best[identityOf(&it.obs)]; it.weight() < o.weight() && !it.agrees(&o.obs) {
			im.refuse(it.at, &refusal{Contradicted, "another line with this cryptogram has the chip data themselves, or keys have checked it"}, nil)
			return true
		}
		im.files[it.at.file].Accepted++
		return false
	})
	return c
}

// weight orders lines with one cryptogram: checked with keys, with field 55, without.
func (it *item) weight() int {
	switch {
	case it.verified:
		return 2
	case !it.chip.stated:
		return 1
	}
	return 0
}

// agrees reports whether balance and amount are those of another line. An ARQC says
// nothing of the amount of its load.
func (it *item) agrees(o *timeline.Observation) bool {
	return it.obs.B == o.B && (it.obs.Debit == o.Debit || it.chip.result == cryptogram.ARQC)
}

// identity names one transaction of a card.
type identity struct {
	atc     uint16
	result  cryptogram.Result
	content uint64
}

func identityOf(o *timeline.Observation) identity {
	result := cryptogram.TC
	switch o.Kind {
	case timeline.Declined:
		result = cryptogram.AAC
	case timeline.Online, timeline.Load:
		result = cryptogram.ARQC
	}
	return identity{o.ATC, result, o.Content}
}

// presented are the payments that a clearing line or a list of unfinished taps holds. A
// dump of field 55 alone does not say what became of a payment.
func (im *Importer) presented(records []*record) map[identity]bool {
	out := map[identity]bool{}
	for _, r := range records {
		if r.kind == Clearing || r.kind == Doubts {
			out[identity{r.chip.atc, r.chip.result, content(r.chip.ac)}] = true
		}
	}
	return out
}

// adoptCryptograms gives a line without cryptogram, because it states counter and balance
// in columns or its field 55 lacks 9F26, the one that another line of the same counter,
// type, balance and amount has: they are one transaction. Where no line has one, the
// amount stands in its place, which tells two transactions of a counter apart.
func adoptCryptograms(records []*record) {
	type spot struct {
		atc           uint16
		result        cryptogram.Result
		before, debit int64
	}
	at := func(r *record) spot {
		before := r.chip.before
		if !r.chip.stated {
			before += r.debit()
		}
		return spot{r.chip.atc, r.chip.result, int64(before), int64(r.debit())}
	}
	if !slices.ContainsFunc(records, func(r *record) bool { return r.chip.ac == [8]byte{} }) {
		return
	}
	known := map[spot][8]byte{}
	for _, r := range records {
		if r.chip.ac != [8]byte{} {
			known[at(r)] = r.chip.ac
		}
	}
	for _, r := range records {
		if r.chip.ac != [8]byte{} {
			continue
		}
		var there bool
		if r.chip.ac, there = known[at(r)]; !there {
			binary.BigEndian.PutUint64(r.chip.ac[:], uint64(r.debit()))
		}
	}
}

// keyring keeps the verifiers of an import.
type keyring struct {
	checkers Checkers
	ready    map[keyName]*cryptogram.Verifier
}

type keyName struct {
	bin string
	alg cryptogram.Alg
}

func newKeyring(c Checkers) *keyring {
	return &keyring{checkers: c, ready: map[keyName]*cryptogram.Verifier{}}
}

// verify checks cryptogram and balance MAC of a line. A line that cannot be checked,
// because it has no cryptogram, lacks an object or is of an issuer without keys, stays
// as it is: soft.
func (k *keyring) verify(r *record) *refusal {
	c := r.chip
	if k.checkers == nil || c.stated || c.lacks != 0 {
		return nil
	}
	iad, err := cryptogram.ParseIAD(c.iad[:c.iadLen])
	if err != nil {
		return &refusal{BadField, err.Error()}
	}
	name := keyName{r.pan.BIN(), iad.Alg}
	v, asked := k.ready[name]
	if !asked {
		v = k.checkers(name.bin, name.alg)
		k.ready[name] = v
	}
	if v == nil {
		return nil
	}
	if verdict := c.check(v, r.pan, byte(r.psn)); verdict != cryptogram.OK {
		return &refusal{Forged, verdict.String()}
	}
	r.verified = true
	return nil
}
