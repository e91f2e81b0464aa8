package t1

import (
	"fmt"
	"maps"
	"slices"

	"github.com/citycard/citycard/clearing"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/files"
)

// Totals are what the trailers of a set say.
type Totals struct {
	Members []MemberTotals // by participant
	// NetworkFees is what all members together pay to the network.
	NetworkFees money.Fen
}

// MemberTotals are the sums of a member's two transaction files.
type MemberTotals struct {
	Participant      clearing.Participant
	Issuer, Acquirer files.Totals
}

// Net is what the member receives less what it pays.
func (m *MemberTotals) Net() money.Fen { return m.Issuer.Net + m.Acquirer.Net }

// feeSums are added up from the items and not from the lines, so that the two
// can be compared.
type feeSums struct{ network money.Fen }

func (s *feeSums) add(f *clearing.Fees) { s.network += f.NetworkIssuer + f.NetworkAcquirer }

// Totals gives the sums of the lines so far.
func (s *Set) Totals() Totals {
	t := Totals{NetworkFees: s.fees.network}
	for _, id := range slices.Sorted(maps.Keys(s.sides)) {
		m := MemberTotals{Participant: id}
		if side := s.sides[id]; side.issuer != nil {
			m.Issuer = side.issuer.text.Totals()
		}
		if side := s.sides[id]; side.acquirer != nil {
			m.Acquirer = side.acquirer.text.Totals()
		}
		t.Members = append(t.Members, m)
	}
	return t
}

// Check compares the totals with the nets of the window: each member's net, and
// for the network its fees on top, must be the position. A difference means that
// items were left out or given twice; the set must not be published then.
func (t *Totals) Check(nets *clearing.Nets, network clearing.Participant) error {
	positions := nets.Positions()
	found := map[clearing.Participant]money.Fen{network: t.NetworkFees}
	for i := range t.Members {
		found[t.Members[i].Participant] += t.Members[i].Net()
	}
	for p := range positions {
		found[p] += 0
	}
	for _, p := range slices.Sorted(maps.Keys(found)) {
		if found[p] != positions[p] {
			return fmt.Errorf("T+1 files: the lines of participant %d add up to %s yuan, its position in the window's nets is %s", p, found[p], positions[p])
		}
	}
	return nil
}
