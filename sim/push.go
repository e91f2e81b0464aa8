package sim

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/gp"
	"github.com/citycard/citycard/crypt/scp"
	"github.com/citycard/citycard/issuer/quota"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
)

// pushRounds is how often in a closing a push is sent that was not answered: the same
// bytes, an hour after the time before.
const pushRounds = 3

// roundTime is when a round's pushes go out.
func (c *City) roundTime(day, round int) int64 {
	return c.closeTime(int32(day)) + 60 + int64(round-1)*quotaTerms.Retry
}

// reachable says whether a push can be brought to a rider's card on a day: to a phone
// unless it is switched off, to a card of plastic when its rider puts it on a reader in
// the evening.
func (c *City) reachable(rider uint32, day int) bool {
	if c.isPhone(rider) {
		return !c.oneIn(50, forReach, uint64(rider), uint64(day))
	}
	return c.oneIn(2, forReach, uint64(rider), uint64(day))
}

// pushLoss is what happens to a session on its way.
type pushLoss uint8

const (
	pushWhole   pushLoss = iota
	pushNotSent          // the client goes away before the last command
	pushNoReply          // the card takes the push, and its answer is lost
)

func (c *City) lossOf(s *sqlite.QuotaSend, rider uint32) pushLoss {
	switch c.below(20, forPush, uint64(rider), uint64(s.PushATC), uint64(s.Sends)) {
	case 0:
		return pushNotSent
	case 1, 2:
		return pushNoReply
	}
	return pushWhole
}

// plan notes the pushes of a round, before their bytes leave.
func (t *quotaTurn) plan(round int) error {
	q := t.quota
	if round > pushRounds {
		return nil
	}
	for i := range q.services {
		s, rider := &q.services[i].Service, q.services[i].rider
		if s.State == 0 || !t.reachable(rider, t.day) {
			continue
		}
		p, due := s.Outgoing()
		if !due {
			continue
		}
		if err := q.machine(rider).Sent(s, p.ATC, t.roundTime(t.day, round)); err != nil {
			return err
		}
		q.tally.Repeated++
		if p.Sends == 0 {
			q.tally.Pushes++
			q.tally.Repeated--
		}
		if err := t.tx.PutQuotaSend(t.vault, &sqlite.QuotaSend{Window: t.City.day + int32(t.day), Round: round, Card: s.Card,
			PushATC: p.ATC, After: p.After, Sends: p.Sends + 1, Command: p.Command}); err != nil {
			return err
		}
		if err := q.save(t.tx, rider); err != nil {
			return err
		}
	}
	return q.saveTally(t.tx)
}

// pushQuotas brings the pushes of a day to their cards, round after round. A run that
// goes on does so again for days that are closed: the cards must have what they had,
// while the services know the answers.
func (r *Run) pushQuotas(day int) error {
	if r.road.quota == nil {
		return nil
	}
	for round := 1; round <= pushRounds; round++ {
		var sends []sqlite.QuotaSend
		err := r.road.db.Read(context.Background(), func(rd *sqlite.Reader) error {
			return rd.QuotaSends(r.road.vault, r.world.day+int32(day), round, func(s sqlite.QuotaSend) error {
				sends = append(sends, s)
				return nil
			})
		})
		if err != nil {
			return err
		}
		if len(sends) == 0 {
			break
		}
		came := make([]pushAnswer, len(sends))
		if err := r.world.parallel(len(sends), func(i int, k *worker) (err error) {
			came[i], err = k.push(r.road.quota, &sends[i], r.road.Push)
			return err
		}); err != nil {
			return err
		}
		for i := range sends {
			r.road.quota.note(&sends[i], came[i], r.world.roundTime(day, round))
		}
		if done := 8*day + round; r.road.quota.tally.Rounds < done {
			if err := r.road.answered(day, round, sends, came); err != nil {
				return fmt.Errorf("pushes of day D+%d, round %d: %w", day, round, err)
			}
		}
	}
	return nil
}

// note enters a push into the log.
func (q *quotas) note(s *sqlite.QuotaSend, came pushAnswer, at int64) {
	rider, known := q.city.riderOf(s.Card)
	if !known {
		return
	}
	list := q.sent[rider]
	if n := len(list); n == 0 || list[n-1].number != s.PushATC {
		list = append(list, sentPush{number: s.PushATC, after: s.After, at: at})
	}
	last := &list[len(list)-1]
	last.executed = last.executed || came.reached == quota.Answered && quota.After(came.status) == quota.Done
	q.sent[rider] = list
}

// answered takes the answers of a round and notes the pushes of the next.
func (r *road) answered(day, round int, sends []sqlite.QuotaSend, came []pushAnswer) error {
	return r.db.Write(context.Background(), func(tx *sqlite.Tx) error {
		t := &quotaTurn{road: r, tx: tx, day: day, now: r.roundTime(day, round)}
		for i := range sends {
			rider, known := r.riderOf(sends[i].Card)
			if !known || came[i].reached != quota.Answered {
				continue
			}
			e, err := r.quota.machine(rider).Answered(r.quota.of(rider), sends[i].PushATC, came[i].status, t.now)
			if err != nil {
				return err
			}
			switch quota.After(came[i].status) {
			case quota.Done:
				r.quota.tally.Restored++
				if r.quota.waits[rider] == (waitingPush{sends[i].PushATC, day}) {
					r.quota.tally.SameClosing++
				}
			case quota.Stop:
				r.quota.tally.Refused++
			}
			if err := t.effects(rider, e); err != nil {
				return err
			}
		}
		r.quota.tally.Rounds = 8*day + round
		if err := t.finish(); err != nil {
			return err
		}
		return t.plan(round + 1)
	})
}

// pushAnswer is how far a session came.
type pushAnswer struct {
	reached quota.Reached
	status  apdu.SW
}

// push takes a session to a rider's card: SELECT of its security domain, INITIALIZE
// UPDATE, EXTERNAL AUTHENTICATE, SELECT of the finance application and the push. Card
// and client part between the lists of pending commands.
func (k *worker) push(q *quotas, s *sqlite.QuotaSend, alter func(txn.CardKey, money.Fen, []byte) []byte) (out pushAnswer, err error) {
	rider, known := k.riderOf(s.Card)
	if !known {
		return out, fmt.Errorf("push to %s: the card belongs to no rider", s.Card)
	}
	img, err := k.issuing.image(rider)
	if err != nil {
		return out, err
	}
	if err := k.chip.Insert(img, k.cards[rider]); err != nil {
		return out, err
	}
	k.taps[rider]++ // so that the card is read again in the evening
	rand := k.stream(forPush, uint64(rider), uint64(s.PushATC), uint64(s.Sends), 1)
	var challenge [8]byte
	binary.BigEndian.PutUint64(challenge[:], k.draw(forPush, uint64(rider), uint64(s.PushATC), uint64(s.Sends), 2))
	channel, data := k.domainOf(rider)
	target := quota.Target{Application: k.profileOf(rider).Product().AID, Domain: gp.AIDGlobalPlatform, Level: scp.CMAC,
		Protocol: channel.Protocol, Variant: channel.Variant, FirstVersion: domainVersion, Diversification: data}
	x := quota.NewSession(s.Card, &target, challenge, &quota.Push{ATC: s.PushATC, Command: alter(s.Card, k.state(img).balance, s.Command)})
	keys, loss := q.domains[int(rider)%len(issuers)], k.lossOf(s, rider)
	for x.Step != quota.StepOver {
		if err := k.chip.PowerOn(rand); err != nil {
			return out, err
		}
		list, err := x.Pending(keys)
		if err != nil {
			return out, err
		}
		answers, err := client(k.chip, list, loss)
		if err != nil {
			return out, err
		}
		k.chip.PowerOff()
		if err := x.Feed(keys, answers); err != nil {
			return out, fmt.Errorf("push session with card of rider %d: %w", rider, err)
		}
	}
	k.cards[rider] = k.chip.Snapshot(k.cards[rider][:0])
	return pushAnswer{x.Reached, x.Status}, nil
}

// client sends pending commands to a card, as the app of a phone or a reader does.
func client(chip *card.Chip, list []quota.Pending, loss pushLoss) (answers [][]byte, err error) {
	for i, p := range list {
		last := p.Name == quota.NamePush
		if last && loss == pushNotSent {
			return answers, nil
		}
		answer, err := chip.Transmit(nil, p.Command)
		if err != nil {
			return nil, fmt.Errorf("pending command %d, %s: %w", i+1, p.Name, err)
		}
		if last && loss == pushNoReply {
			return answers, nil
		}
		answers = append(answers, answer)
		if _, sw, err := apdu.ParseResponse(answer); err != nil || sw != apdu.SWOK && !p.Optional {
			return answers, err
		}
	}
	return answers, nil
}
