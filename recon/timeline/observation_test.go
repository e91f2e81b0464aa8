package timeline_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/txn"
)

// stated is a 9F10 with a balance of 700 fen and the given type of cryptogram.
func stated(r cryptogram.Result) cryptogram.IAD {
	return cryptogram.IAD{CVN: cryptogram.CVN17, CVR: [3]byte{byte(r) << 4}, Alg: cryptogram.SM4, IDD: cryptogram.IDDBalance, Amount1: [5]byte{3: 0x07}}
}

func TestSection1ProofOfCommit(t *testing.T) {
	for _, c := range []struct {
		name   string
		kind   txn.Kind
		flags  txn.Flags
		reason txn.DoubtReason
		want   timeline.Certainty
	}{
		{"a TC alone is no proof", txn.Purchase, 0, 0, open},
		{"an SDAD without 9F69 is no proof", txn.Purchase, txn.ODAVerified, 0, open},
		{"an SDAD over the 9F69 of the last record", txn.Purchase, txn.ODAVerified | txn.Tag9F69Checked, 0, yes},
		{"the last record answered", txn.Exit, txn.LastRecordRead, 0, yes},
		{"GET TRANS PROVE", txn.Single, txn.ClosedByProve, 0, yes},
		{"a re-tap", txn.Exit, txn.ClosedByRetap, 0, yes},
		{"doubt: the card left before the last record", txn.Doubt, 0, txn.LeftBeforeLast, no},
		{"doubt: the last answer was lost", txn.Doubt, 0, txn.LastAnswerLost, open},
		{"doubt: authentication failed after the last record", txn.Doubt, txn.LastRecordRead, txn.ODAFailed, yes},
		{"doubt: authentication failed", txn.Doubt, 0, txn.ODAFailed, open},
		{"doubt: on the deny list after the last record", txn.Doubt, txn.LastRecordRead, txn.DenyListed, yes},
		{"declined after the last record", txn.Declined, txn.LastRecordRead, txn.Expired, yes},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := txn.Row{Kind: c.kind, Flags: c.flags.WithReason(c.reason), ATC: 1, Amount: 300}
			o, err := timeline.FromRow(&r, stated(cryptogram.TC), false)
			if err != nil || o.Commit != c.want || o.B != 1000 || o.Debit != 300 {
				t.Errorf("got %+v, %v, want commit %s over 1000", o, err, c.want)
			}
		})
	}
}

func TestSection1OnlyATCStatesTheValueAfterTheDebit(t *testing.T) {
	r := txn.Row{Kind: txn.Declined, ATC: 1, Amount: 300, Flags: txn.Flags(0).WithReason(txn.CardDeclined)}
	o, err := timeline.FromRow(&r, stated(cryptogram.AAC), false)
	if err != nil || o.Kind != declined || o.B != 700 || o.Debit != 0 {
		t.Errorf("AAC: %+v, %v", o, err)
	}
	r = txn.Row{Kind: txn.Entry, ATC: 1}
	if o, err = timeline.FromRow(&r, stated(cryptogram.TC), false); err != nil || o.Kind != zero || o.B != 700 {
		t.Errorf("entry: %+v, %v", o, err)
	}
	r = txn.Row{Kind: txn.Exit, ATC: 1}
	if o, err = timeline.FromRow(&r, stated(cryptogram.TC), true); err != nil || o.Kind != zero || o.Refused {
		t.Errorf("free ride: %+v, %v", o, err)
	}
}

func TestFromHost(t *testing.T) {
	m := timeline.HostMessage{ATC: 4, IAD: stated(cryptogram.ARQC), ARQC: [8]byte{7: 9}, Time: 5}
	if o, err := timeline.FromHost(m); err != nil || o.Kind != online || o.B != 700 || o.Content != 9 {
		t.Errorf("online question: %+v, %v", o, err)
	}
	m.Load = 5000
	if o, err := timeline.FromHost(m); err != nil || o.Kind != load || o.Debit != 5000 || o.Commit != open {
		t.Errorf("load: %+v, %v", o, err)
	}
	m.Load = -1
	if _, err := timeline.FromHost(m); !errors.Is(err, timeline.ErrValue) {
		t.Errorf("load below zero: %v", err)
	}
	m.Load, m.IAD = 0, stated(cryptogram.TC)
	if _, err := timeline.FromHost(m); !errors.Is(err, timeline.ErrKind) {
		t.Errorf("a TC in the host log: %v", err)
	}
	m.IAD = cryptogram.IAD{IDD: cryptogram.IDDCTTA}
	if _, err := timeline.FromHost(m); !errors.Is(err, timeline.ErrBalance) {
		t.Errorf("no balance: %v", err)
	}
}

func TestObservationsOutsideTheCardsRangeAreRefused(t *testing.T) {
	for name, o := range map[string]timeline.Observation{
		"kind":                 {Kind: 99},
		"balance":              {Kind: zero, B: 10_000_000_000},
		"balance below zero":   {Kind: zero, B: -1},
		"debit above balance":  {Kind: paid, B: 5, Debit: 6},
		"paid over 0":          {Kind: paid, B: 5},
		"load of 0":            {Kind: load, B: 5},
		"entry with an amount": {Kind: zero, B: 5, Debit: 1},
		"commit":               {Kind: paid, B: 5, Debit: 1, Commit: 3},
		"time":                 {Kind: zero, Time: -1},
		"amount of 33 bits":    {Kind: load, Debit: 1 << 32},
	} {
		if o.Validate() == nil {
			t.Errorf("%s: taken", name)
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: Add took it", name)
				}
			}()
			card().Add(o)
		}()
	}
}

func ExampleCard_Judge() {
	var c timeline.Card
	// A gate lost the last answer for 3.00 yuan and stayed shut; the card's next tap
	// states the value before it.
	c.Add(
		timeline.Observation{Kind: timeline.Doubt, ATC: 0x14, B: 11600, Debit: 300, Content: 1, Terminal: 23},
		timeline.Observation{Kind: timeline.Zero, ATC: 0x15, B: 11300, Content: 2, Time: 600, Terminal: 24},
	)
	j := c.Judge(3600, timeline.DefaultParams(), nil)
	for _, b := range j.Breaks {
		fmt.Printf("%s: %s at %04X, %s yuan\n", b.State, b.Part, b.P, b.Amount)
	}
	for _, a := range j.Actions {
		fmt.Printf("%s %s yuan\n", a.Key.Purpose, a.Amount)
	}
	// Output:
	// proven: doubt at 0014, 3.00 yuan
	// refund 3.00 yuan
}
