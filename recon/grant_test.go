package recon_test

import (
	"context"
	"errors"
	"testing"

	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/txn"
)

// limited are rules under which a refund of more than 2 yuan waits for two people.
func limited() timeline.Params {
	p := params()
	p.ApproveAbove, p.ProvisionalPerCard = 200, 0
	return p
}

// waiting is a card with a flash card of 3 yuan that waits, and a missing counter of 2.50
// behind it that is still waited for.
func waiting(t *testing.T) (*memory, txn.CardKey, recon.Input) {
	t.Helper()
	m, k := newMemory(), cardKey(t, 1)
	in := recon.Input{Now: 2 * day, Params: limited(), Events: source([]recon.Event{{Card: k, Obs: obs(timeline.Opening, 0, 5000, 0)}, {Card: k, Obs: obs(timeline.Doubt, 1, 5000, 300)},
		{Card: k, Obs: obs(timeline.Paid, 2, 4700, 200)}, {Card: k, Obs: obs(timeline.Paid, 4, 4250, 100)}})}
	if _, err := recon.Day(context.Background(), m, in); err != nil {
		t.Fatal(err)
	}
	if len(m.postings) != 0 {
		t.Fatalf("%d postings before anybody has approved", len(m.postings))
	}
	in.Events = nil
	return m, k, in
}

func TestApprovalMovesWhatWaitsOnce(t *testing.T) {
	ctx := context.Background()
	m, k, in := waiting(t)
	for _, c := range []struct {
		p, q uint16
		want recon.Granted
	}{{1, 2, recon.Granted{Refund: 300}}, {2, 4, recon.Granted{Credit: 250}}} {
		got, err := recon.Weigh(ctx, m, in, k, c.p, c.q)
		if err != nil || got != c.want {
			t.Fatalf("%04X-%04X weighs %+v, %v", c.p, c.q, got, err)
		}
		before := len(m.postings)
		more := c.want
		more.Refund++
		if _, err := recon.Grant(ctx, m, in, k, c.p, c.q, more); !errors.Is(err, recon.ErrOtherAmount) || len(m.postings) != before {
			t.Fatalf("another amount: %v", err)
		}
		report, err := recon.Grant(ctx, m, in, k, c.p, c.q, c.want)
		if err != nil || len(m.postings) != before+1 || report.Judged != 1 {
			t.Fatalf("%04X-%04X: %v, %d postings, %+v", c.p, c.q, err, len(m.postings), report)
		}
		if _, err := recon.Grant(ctx, m, in, k, c.p, c.q, c.want); !errors.Is(err, timeline.ErrNothingDue) || len(m.postings) != before+1 {
			t.Fatalf("twice: %v", err)
		}
	}
	// What follows is as after every credit: the row comes, and it is taken back.
	in.Events = source([]recon.Event{{Card: k, Obs: obs(timeline.Paid, 3, 4500, 250)}})
	in.Now++
	if _, err := recon.Day(ctx, m, in); err != nil {
		t.Fatal(err)
	}
	back := 0
	for key := range m.postings {
		if key.Purpose == timeline.ReverseProvisional {
			back++
		}
	}
	if len(m.postings) != 3 || back != 1 {
		t.Errorf("%d postings, %d credits taken back", len(m.postings), back)
	}
}

func TestApprovalsThatAreRefused(t *testing.T) {
	ctx := context.Background()
	m, k, in := waiting(t)
	if _, err := recon.Weigh(ctx, m, in, cardKey(t, 2), 1, 2); !errors.Is(err, recon.ErrUnknownCard) {
		t.Errorf("unknown card: %v", err)
	}
	if _, err := recon.Weigh(ctx, m, in, k, 0, 1); !errors.Is(err, timeline.ErrNothingDue) {
		t.Errorf("a clean pair: %v", err)
	}
	in.Events = source([]recon.Event{{Card: k, Obs: obs(timeline.Paid, 4, 4250, 120)}}) // a second cryptogram
	if _, err := recon.Day(ctx, m, in); err != nil {
		t.Fatal(err)
	}
	in.Events = nil
	if _, err := recon.Grant(ctx, m, in, k, 1, 2, recon.Granted{Refund: 300}); !errors.Is(err, recon.ErrFrozen) || len(m.postings) != 0 {
		t.Errorf("frozen: %v, %d postings", err, len(m.postings))
	}
	c := m.cards[k]
	c.Blob = []byte{1}
	m.cards[k] = c
	if _, err := recon.Weigh(ctx, m, in, k, 1, 2); !errors.Is(err, recon.ErrDamaged) {
		t.Errorf("damaged: %v", err)
	}
}

// A process that is killed while it saves has approved or not; repeating it makes it
// whole and moves nothing twice.
func TestApprovalSurvivesACrash(t *testing.T) {
	ctx := context.Background()
	for _, after := range []bool{false, true} {
		m, k, in := waiting(t)
		m.fuse, m.after = 1, after
		want := recon.Granted{Refund: 300}
		if _, err := recon.Grant(ctx, m, in, k, 1, 2, want); !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
		m.fuse = -1
		_, err := recon.Grant(ctx, m, in, k, 1, 2, want)
		if after != errors.Is(err, timeline.ErrNothingDue) || !after && err != nil || len(m.postings) != 1 {
			t.Errorf("killed after saving %v: %v, %d postings", after, err, len(m.postings))
		}
	}
}
