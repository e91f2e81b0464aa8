package desk_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/recon/desk"
	"github.com/citycard/citycard/recon/timeline"
)

const day = 86400

// person is a clerk with his private key.
type person struct {
	desk.Clerk
	sign desk.Signer
}

func newPerson(t testing.TB, name string, d byte) *person {
	t.Helper()
	key, err := oda.NewSM2Private([32]byte{31: d})
	if err != nil {
		t.Fatal(err)
	}
	random := bytes.Repeat([]byte{0x5A}, 64)
	return &person{desk.Clerk{Name: name, Key: key.Public(), Added: 1}, func(parts ...[]byte) ([]byte, error) {
		return key.Sign(nil, bytes.NewReader(random), parts...)
	}}
}

func subject() desk.Subject { return desk.Subject{Amount: 300, Credit: 200} }

// proposed is a proposal of a person with its signature.
func proposed(t testing.TB, by *person, at int64) (desk.Request, []byte) {
	t.Helper()
	r, err := desk.Propose(desk.Refund, desk.Token{1, 2}, 5, 7, subject(), &by.Clerk, "gate stayed shut", at)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := r.Sign(by.sign)
	if err != nil {
		t.Fatal(err)
	}
	return r, sig
}

func TestDecisions(t *testing.T) {
	wang, li := newPerson(t, "wang", 1), newPerson(t, "li", 2)
	double := newPerson(t, "double", 1) // another name with the key of wang
	gone := newPerson(t, "gone", 3)
	gone.Ended = 5 * day
	r, sig := proposed(t, wang, 10*day)
	other := subject()
	other.Amount++
	bad := bytes.Clone(sig)
	bad[9] ^= 1
	for _, c := range []struct {
		name    string
		stored  desk.Status
		sig     []byte
		by      *person
		approve bool
		s       desk.Subject
		at      int64
		want    desk.Status
		err     error
	}{
		{"another one approves", desk.Proposed, sig, li, true, subject(), 11 * day, desk.Approved, nil},
		{"at the same second", desk.Proposed, sig, li, true, subject(), 10 * day, desk.Approved, nil},
		{"in the last second", desk.Proposed, sig, li, true, subject(), 17*day - 1, desk.Approved, nil},
		{"too late", desk.Proposed, sig, li, true, subject(), 17 * day, 0, desk.ErrExpired},
		{"too late to reject", desk.Proposed, sig, li, false, subject(), 17 * day, 0, desk.ErrExpired},
		{"before it was made", desk.Proposed, sig, li, true, subject(), 10*day - 1, 0, desk.ErrBackwards},
		{"the same person", desk.Proposed, sig, wang, true, subject(), 11 * day, 0, desk.ErrSamePerson},
		{"the same key under another name", desk.Proposed, sig, double, true, subject(), 11 * day, 0, desk.ErrSamePerson},
		{"one who has left", desk.Proposed, sig, gone, true, subject(), 11 * day, 0, desk.ErrInactive},
		{"the amount has changed", desk.Proposed, sig, li, true, other, 11 * day, 0, desk.ErrChanged},
		{"rejected although it has changed", desk.Proposed, sig, li, false, other, 11 * day, desk.Rejected, nil},
		{"withdrawn", desk.Proposed, sig, wang, false, subject(), 11 * day, desk.Withdrawn, nil},
		{"approved before", desk.Approved, sig, li, true, subject(), 11 * day, 0, desk.ErrDecided},
		{"rejected before", desk.Rejected, sig, li, true, subject(), 11 * day, 0, desk.ErrDecided},
		{"withdrawn before", desk.Withdrawn, sig, li, false, subject(), 11 * day, 0, desk.ErrDecided},
		{"forged proposal", desk.Proposed, bad, li, true, subject(), 11 * day, 0, desk.ErrSignature},
		{"no signature", desk.Proposed, nil, li, true, subject(), 11 * day, 0, desk.ErrSignature},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, status, err := desk.Decide(&r, c.stored, c.sig, &wang.Clerk, &c.by.Clerk, c.approve, c.s, "", c.at)
			if c.err != nil {
				if !errors.Is(err, c.err) || status != c.stored || d != (desk.Decision{}) {
					t.Fatalf("%+v, %s, %v; want %v", d, status, err, c.err)
				}
				return
			}
			if err != nil || status != c.want || d.Status != c.want || d.By != c.by.Name || d.At != c.at || d.Request != r.Digest(c.sig) {
				t.Fatalf("%+v, %s, %v; want %s", d, status, err, c.want)
			}
		})
	}
	if _, _, err := desk.Decide(&r, desk.Proposed, sig, &li.Clerk, &double.Clerk, true, subject(), "", 11*day); !errors.Is(err, desk.ErrSignature) {
		t.Errorf("a proposer who is not the one named: %v", err)
	}
}

func TestProposals(t *testing.T) {
	wang := newPerson(t, "wang", 1)
	gone := newPerson(t, "gone", 3)
	gone.Ended = 5 * day
	for _, c := range []struct {
		name   string
		s      desk.Subject
		by     *person
		reason string
		at     int64
		err    error
	}{
		{"due and pending", subject(), wang, "x", day, nil},
		{"pending alone", desk.Subject{Credit: 1}, wang, "x", day, nil},
		{"nothing", desk.Subject{}, wang, "x", day, desk.ErrNothing},
		{"less than nothing", desk.Subject{Amount: -1, Credit: 2}, wang, "x", day, desk.ErrNothing},
		{"no reason", subject(), wang, "", day, desk.ErrReason},
		{"two lines", subject(), wang, "a\nb", day, desk.ErrReason},
		{"turned round", subject(), wang, "a\u202Eb", day, desk.ErrReason},
		{"a card number", subject(), wang, "card 6228 0000 0000 0003, gate 3", day, desk.ErrReason},
		{"some other number", subject(), wang, "order 6228000000000002", day, nil},
		{"endless", subject(), wang, strings.Repeat("长", 501), day, desk.ErrReason},
		{"long", subject(), wang, strings.Repeat("长", 500), day, nil},
		{"left", subject(), gone, "x", 5 * day, desk.ErrInactive},
		{"about to leave", subject(), gone, "x", 5*day - 1, nil},
		{"not there yet", subject(), wang, "x", 0, desk.ErrInactive},
	} {
		r, err := desk.Propose(desk.Refund, desk.Token{9}, 1, 2, c.s, &c.by.Clerk, c.reason, c.at)
		if !errors.Is(err, c.err) || (c.err == nil) != (err == nil) {
			t.Errorf("%s: %v, want %v", c.name, err, c.err)
		}
		if err == nil && (r.Expires != c.at+desk.Validity || r.StatusAt(desk.Proposed, r.Expires-1) != desk.Proposed || r.StatusAt(desk.Proposed, r.Expires) != desk.Expired || r.StatusAt(desk.Approved, r.Expires) != desk.Approved) {
			t.Errorf("%s: %+v", c.name, r)
		}
	}
	if _, err := desk.RefundSubject(0, 0); !errors.Is(err, desk.ErrNothing) {
		t.Errorf("a refund of nothing: %v", err)
	}
}

// What may be closed by hand: what no evidence has settled.
func TestClosings(t *testing.T) {
	for state, want := range map[timeline.State]bool{timeline.Suspected: true, timeline.Expected: true, timeline.Provisional: true, timeline.LostUpload: true,
		timeline.Impossible: true, timeline.Unbacked: true, timeline.Proven: false, timeline.Collectable: false, timeline.Late: false, timeline.Disproved: false} {
		s, err := desk.CloseSubject(&timeline.Break{Part: timeline.PartGap, State: state, Amount: 200, Contested: 100})
		if (err == nil) != want || want && s != (desk.Subject{Part: timeline.PartGap, State: state, Amount: 300}) {
			t.Errorf("%s: %+v, %v", state, s, err)
		}
	}
	if _, err := desk.CloseSubject(&timeline.Break{Part: timeline.PartDoubt, State: timeline.Proven, Amount: 300, Held: true}); err != nil {
		t.Errorf("withheld: %v", err)
	}
	if _, err := desk.CloseSubject(&timeline.Break{Part: timeline.PartDoubt, State: timeline.Proven, Amount: 300, Waits: true}); !errors.Is(err, desk.ErrNothing) {
		t.Errorf("due, and waiting for two people: %v", err)
	}
}

func TestNames(t *testing.T) {
	for name, ok := range map[string]bool{"wang": true, "王小明": true, "a.b-c_9": true, "": false, "a b": false, "a/b": false, "../x": false, "x\x00": false, "\xff": false,
		strings.Repeat("a", 40): true, strings.Repeat("a", 41): false} {
		if err := desk.CheckName(name); (err == nil) != ok || err != nil && !errors.Is(err, desk.ErrName) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// Every single bit of a proposal and of a decision is signed.
func TestEveryBitIsSigned(t *testing.T) {
	wang, li := newPerson(t, "wang", 1), newPerson(t, "li", 2)
	r, sig := proposed(t, wang, 10*day)
	d, _, err := desk.Decide(&r, desk.Proposed, sig, &wang.Clerk, &li.Clerk, true, subject(), "seen", 11*day)
	if err != nil {
		t.Fatal(err)
	}
	approval, err := d.Sign(li.sign)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Signed(sig, &wang.Clerk) || !d.Signed(approval, &li.Clerk) || r.Signed(sig, &li.Clerk) || d.Signed(approval, &wang.Clerk) || d.Signed(sig, &li.Clerk) {
		t.Fatal("signatures")
	}
	whole, said := r.Append(nil), d.Append(nil)
	for i := range 8 * len(whole) {
		b := bytes.Clone(whole)
		b[i/8] ^= 1 << (i % 8)
		if x, err := desk.DecodeRequest(b); err == nil && (x.Signed(sig, &wang.Clerk) || x.Digest(sig) == r.Digest(sig)) {
			t.Fatalf("proposal, bit %d", i)
		}
	}
	for i := range 8 * len(said) {
		b := bytes.Clone(said)
		b[i/8] ^= 1 << (i % 8)
		if x, err := desk.DecodeDecision(b); err == nil && x.Signed(approval, &li.Clerk) {
			t.Fatalf("decision, bit %d", i)
		}
	}
}

// Whatever is done at a desk, in any order: a proposal is decided at most once, and
// approved by two different people with two different keys only.
func TestDeskProperties(t *testing.T) {
	people := []*person{newPerson(t, "wang", 1), newPerson(t, "li", 2), newPerson(t, "zhao", 1)} // zhao has the key of wang
	rapid.Check(t, func(t *rapid.T) {
		by := people[rapid.IntRange(0, 2).Draw(t, "proposer")]
		at := rapid.Int64Range(1, 100*day).Draw(t, "at")
		r, err := desk.Propose(desk.Refund, desk.Token{7}, 1, 2, subject(), &by.Clerk, "x", at)
		if err != nil {
			t.Fatal(err)
		}
		sig, err := r.Sign(by.sign)
		if err != nil {
			t.Fatal(err)
		}
		status, decisions := desk.Proposed, 0
		for range rapid.IntRange(1, 6).Draw(t, "acts") {
			who := people[rapid.IntRange(0, 2).Draw(t, "who")]
			approve := rapid.Bool().Draw(t, "approve")
			now := at + rapid.Int64Range(-day, 9*day).Draw(t, "later")
			s := subject()
			if rapid.Bool().Draw(t, "changed") {
				s.Amount++
			}
			_, next, err := desk.Decide(&r, status, sig, &by.Clerk, &who.Clerk, approve, s, "", now)
			allowed := status == desk.Proposed && now >= at && now < r.Expires && (!approve || who.Key != by.Key && s == subject())
			if (err == nil) != allowed {
				t.Fatalf("%s by %s at %d: %v", status, who.Name, now-at, err)
			}
			if err != nil {
				continue
			}
			if approve != (next == desk.Approved) || !approve && (next == desk.Withdrawn) != (who.Key == by.Key) {
				t.Fatalf("approve %v by %s: %s", approve, who.Name, next)
			}
			status = next
			decisions++
		}
		if decisions > 1 {
			t.Fatalf("%d decisions", decisions)
		}
	})
}

func TestChainShowsEveryChange(t *testing.T) {
	type kept struct {
		line []byte
		hash [32]byte
	}
	var end desk.Chain
	var all []kept
	for i := range 5 {
		line, err := end.Add(desk.Line{At: desk.Time(int64(i + 1)), Who: "wang", Did: desk.WasProposed, Request: int64(i)})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, kept{line, end.Hash})
	}
	check := func(list []kept, first uint64) (desk.Chain, error) {
		var c desk.Chain
		for i, k := range list {
			if _, err := c.Check(first+uint64(i), k.line, k.hash); err != nil {
				return c, err
			}
		}
		return c, nil
	}
	if c, err := check(all, 1); err != nil || c != end {
		t.Fatalf("%+v, %v", c, err)
	}
	for i := range all {
		for at := range all[i].line {
			list := append([]kept(nil), all...)
			list[i].line = bytes.Clone(list[i].line)
			list[i].line[at] ^= 1
			if _, err := check(list, 1); !errors.Is(err, desk.ErrChain) {
				t.Fatalf("line %d, byte %d: %v", i+1, at, err)
			}
		}
		left := append(append([]kept(nil), all[:i]...), all[i+1:]...)
		if _, err := check(left, 1); i < 4 && !errors.Is(err, desk.ErrChain) {
			t.Errorf("line %d left out: %v", i+1, err)
		}
	}
	if _, err := check(all[1:], 2); !errors.Is(err, desk.ErrChain) {
		t.Errorf("without its beginning: %v", err)
	}
	if c, err := check(all[:4], 1); err != nil || c == end {
		t.Errorf("cut off, it has another end: %+v, %v", c, err)
	}
}

func FuzzDecodeRequest(f *testing.F) {
	wang := newPerson(f, "wang", 1)
	r, _ := proposed(f, wang, 10*day)
	f.Add(r.Append(nil))
	closing, err := desk.Propose(desk.Close, desk.Token{3}, 9, 0, desk.Subject{Part: timeline.PartDoubt, State: timeline.Suspected, Amount: 5}, &wang.Clerk, "废卡", day)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(closing.Append(nil))
	step := desk.Subject{Amount: 300, Step: desk.CaseStep{Case: 7, Head: [32]byte{1}, Step: "chargeback", Code: "C5", Note: "x"}}
	charged, err := desk.Propose(desk.Dispute, desk.Token{4}, 5, 0, step, &wang.Clerk, "C5", day)
	if err != nil {
		f.Fatal(err)
	}
	if again, err := desk.DecodeRequest(charged.Append(nil)); err != nil || again != charged {
		f.Fatalf("%+v reads as %+v, %v", charged, again, err)
	}
	f.Add(charged.Append(nil))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := desk.DecodeRequest(b)
		if err == nil && !bytes.Equal(r.Append(nil), b) {
			t.Fatalf("%x reads as %+v", b, r)
		}
	})
}

func FuzzDecodeDecision(f *testing.F) {
	f.Add((&desk.Decision{Status: desk.Approved, By: "li", At: 5}).Append(nil))
	f.Add((&desk.Decision{Request: [32]byte{1}, Status: desk.Withdrawn, By: "王", At: 1 << 33, Reason: "x"}).Append(nil))
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := desk.DecodeDecision(b)
		if err == nil && !bytes.Equal(d.Append(nil), b) {
			t.Fatalf("%x reads as %+v", b, d)
		}
	})
}
