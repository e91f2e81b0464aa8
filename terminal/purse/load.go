package purse

import (
	"encoding/binary"
	"fmt"

	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/sam"
	"github.com/citycard/citycard/wire/apdu"
)

// LoadInput is a load or an unload that a cardholder wants.
type LoadInput struct {
	AID      []byte
	Network  sam.Network
	Unload   bool
	Amount   money.Fen // at least 1 fen
	KeyIndex byte      // of the load or unload key
	Terminal epurse.Terminal
	// PIN is presented first, PIN number 0; nil if the card wants none. BCD, 2 to 6
	// bytes.
	PIN  []byte
	Time int64
}

// Format answers every verb with kind and amount alone: there may be a PIN.
func (l LoadInput) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "[%v, amount %v, unload %t]", l.Network, l.Amount, l.Unload)
}

// Request is what the host must decide: the card's answer to INITIALIZE FOR LOAD or FOR
// UNLOAD. MAC1 covers Balance, Trade and, by its key, Sequence and Random: with it the
// host knows the card's online number and balance for certain.
type Request struct {
	Card     Card
	Trade    epurse.Trade // without Stamp
	Balance  uint32
	Sequence uint16 // online number before the trade
	Version  byte   // of the key
	Alg      epurse.Alg
	Random   [4]byte
	MAC1     epurse.MAC
}

// Format answers every verb with card and amount alone.
func (r Request) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "[%v %d of %d fen, card %v]", r.Trade.Type, r.Sequence, r.Trade.Amount, r.Card.Key)
}

// Grant is the host's answer.
type Grant struct {
	Approved bool
	Stamp    epurse.Stamp // date and time of the trade, the host's
	MAC2     epurse.MAC
}

// LoadReady says what the host has to do next, exactly one of these: send Send to the
// card and call Answer or Left; ask the issuer about Host and call Granted or Refused;
// take Outcome or Probe, after which only Begin or Prove is possible.
type LoadReady struct {
	Send    []byte
	Host    *Request
	Outcome *LoadOutcome
	Probe   *LoadProbe
}

// LoadOutcome is the end of a load or unload. The issuer takes the money of a load from
// the account before it grants, and gives that of an unload to it only for a MAC3 that it
// has judged: so a trade that is torn leaves nothing twice. While Commit is
// CommitUnknown that stays so, and Prove finds out; where it is NotCommitted after a
// grant, the issuer takes the grant back.
type LoadOutcome struct {
	Result  kernel.Result
	Commit  kernel.Commit
	Fault   Fault
	Granted bool // the issuer has agreed, or may have: it must hear of this end
	// Code is the TAC of a load or MAC3 of an unload. Committed is the card's word until
	// the issuer has judged it.
	Code epurse.MAC
	Data LoadData
}

// LoadData is a load or unload that was begun, kept of a torn one.
type LoadData struct {
	Request Request
	Grant   Grant
}

// After is the balance after the trade by the card's word, in fen.
func (d *LoadData) After() money.Fen {
	amount := money.Fen(d.Request.Trade.Amount)
	if d.Request.Trade.Type == epurse.Unload {
		amount = -amount
	}
	return money.Fen(d.Request.Balance) + amount
}

// LoadProbe is the end of Loader.Prove.
type LoadProbe struct {
	// Verdict: Unverified says that the card gives a proof, Code and MAC2, which the
	// issuer judges: the trade was done. NotPaid is only the card's word that it was not.
	// Again has a MAC1 over the same online number as before, but INITIALIZE holds
	// nothing fresh of the issuer: who has collected such answers before a load can show
	// one after it. So the issuer gives nothing back for NotPaid. It grants the same
	// trade under the same number once more (Begin anew) without booking it again: a card
	// takes at most one trade under a number. Unclear with Again has another number,
	// which only the card can have reached: the trade was done if it was the only one
	// granted under its number.
	Verdict Verdict
	Left    bool
	Fault   Fault
	Code    epurse.MAC // TAC of a load, MAC3 of an unload
	Again   *Request
}

// Loader loads and unloads purses with a host (JR/T 0025, electronic purse; of the
// unload no public text gives the codes, our choice). It is not safe for concurrent use.
// The account is EP, the purse.
type Loader struct {
	state loadState
	in    LoadInput
	pin   [6]byte
	aid   [16]byte
	torn  *LoadData
	out   LoadOutcome
	probe LoadProbe
	again Request
	cmd   [64]byte
	body  [24]byte
}

type loadState uint8

const (
	ldIdle loadState = iota
	ldSelect
	ldInfo
	ldPIN
	ldInit
	ldHost
	ldCredit
	ldProve
	ldDone
)

// Begin selects the card's application for a load. It fails with ErrConfig or
// money.ErrRange for what no card can do.
func (l *Loader) Begin(in *LoadInput) (LoadReady, error) {
	switch {
	case len(in.AID) < 5 || len(in.AID) > 16 || in.Network != sam.TUnion && in.Network != sam.CityUnion:
		return LoadReady{}, fmt.Errorf("begin load: AID of %d bytes, %v: %w", len(in.AID), in.Network, ErrConfig)
	case in.PIN != nil && (len(in.PIN) < 2 || len(in.PIN) > len(l.pin)):
		return LoadReady{}, fmt.Errorf("begin load: PIN of %d bytes, want 2 to %d: %w", len(in.PIN), len(l.pin), ErrConfig)
	case in.Amount < 1 || in.Amount > maxBalance:
		return LoadReady{}, fmt.Errorf("begin load: amount %d: %w", int64(in.Amount), money.ErrRange)
	case in.Time < 0 || in.Time > 1<<32-1:
		return LoadReady{}, fmt.Errorf("begin load: time %d: %w", in.Time, ErrConfig)
	}
	l.in, l.torn = *in, nil
	l.in.PIN = append(l.pin[:0], in.PIN...)
	l.in.AID = append(l.aid[:0], in.AID...)
	l.out, l.probe = LoadOutcome{}, LoadProbe{}
	l.out.Data.Request = Request{Card: Card{Network: in.Network}, Trade: epurse.Trade{Type: epurse.LoadEP, Amount: uint32(in.Amount), Terminal: in.Terminal}}
	if in.Unload {
		l.out.Data.Request.Trade.Type = epurse.Unload
	}
	return l.send(ldSelect, apdu.Command{INS: 0xA4, P1: 0x04, Data: l.in.AID, Le: apdu.MaxShortLe}), nil
}

// Prove asks a card that came back what became of a torn load or unload; in is as for
// Begin, torn a copy of the Outcome's Data. First GET TRANSACTION PROVE; if the card has
// no proof, INITIALIZE once more, which tells the online number (LoadProbe). It fails as
// Begin does.
func (l *Loader) Prove(in *LoadInput, torn *LoadData) (LoadReady, error) {
	ready, err := l.Begin(in)
	kept := *torn
	l.torn = &kept
	return ready, err
}

func (l *Loader) send(next loadState, c apdu.Command) LoadReady {
	b, err := c.Append(l.cmd[:0])
	if err != nil {
		panic("purse: built an impossible command: " + err.Error())
	}
	l.state = next
	return LoadReady{Send: b}
}

func (l *Loader) expect(s loadState) {
	if l.state != s {
		panic(fmt.Sprintf("purse: the host did not do what LoadReady asked for in state %d", l.state))
	}
}

func (l *Loader) end(r kernel.Result, c kernel.Commit, f Fault) LoadReady {
	if l.torn != nil {
		return l.probed(Unclear, f)
	}
	l.state = ldDone
	clear(l.pin[:])
	l.out.Result, l.out.Commit, l.out.Fault = r, c, f
	return LoadReady{Outcome: &l.out}
}

func (l *Loader) probed(v Verdict, f Fault) LoadReady {
	l.state = ldDone
	clear(l.pin[:])
	l.probe.Verdict, l.probe.Fault = v, f
	return LoadReady{Probe: &l.probe}
}

// Left says that the card is gone. After CREDIT or DEBIT was sent it may have done the
// trade.
func (l *Loader) Left() LoadReady {
	switch {
	case l.state == ldIdle || l.state == ldDone:
		l.expect(ldSelect)
	case l.torn != nil:
		l.probe.Left = true
		return l.probed(Unclear, Fault{})
	case l.state == ldCredit:
		return l.end(kernel.Torn, kernel.CommitUnknown, Fault{})
	}
	l.out.Granted = l.state == ldHost // it was asked and may have booked
	return l.end(kernel.Torn, kernel.NotCommitted, Fault{})
}

// Granted takes the issuer's answer to LoadReady.Host.
func (l *Loader) Granted(g Grant) LoadReady {
	l.expect(ldHost)
	if !g.Approved {
		return l.end(kernel.Declined, kernel.NotCommitted, Fault{Code: HostRefused})
	}
	l.out.Granted, l.out.Data.Grant = true, g
	b := append(append(l.body[:0], g.Stamp[:]...), g.MAC2[:]...)
	c := apdu.Command{CLA: 0x80, INS: 0x52, Data: b, Le: 4}
	if l.in.Unload {
		c.INS, c.P1 = 0x54, 3
	}
	return l.send(ldCredit, c)
}

// Refused says that the issuer could not be asked, or that its answer did not come. The
// card has not been changed; the issuer may have booked, so it must hear of that.
func (l *Loader) Refused() LoadReady {
	l.expect(ldHost)
	l.out.Granted = true
	return l.end(kernel.Failed, kernel.NotCommitted, Fault{Code: HostLost})
}

// Answer takes what the card answered to LoadReady.Send, status word included.
func (l *Loader) Answer(b []byte) LoadReady {
	data, sw, err := apdu.ParseResponse(b)
	if err != nil {
		return l.unusable(Fault{Code: BadAnswer})
	}
	switch l.state {
	case ldSelect:
		return l.selected(data, sw)
	case ldInfo:
		return l.identified(data, sw)
	case ldPIN:
		if sw != apdu.SWOK {
			return l.end(kernel.Declined, kernel.NotCommitted, Fault{Code: WrongPIN, SW: sw})
		}
		return l.initialize()
	case ldInit:
		return l.opened(data, sw)
	case ldCredit:
		return l.credited(data, sw)
	}
	l.expect(ldProve)
	return l.proved(data, sw)
}

func (l *Loader) unusable(f Fault) LoadReady {
	if l.state == ldCredit {
		return l.end(kernel.Failed, kernel.CommitUnknown, f)
	}
	return l.end(kernel.Failed, kernel.NotCommitted, f)
}

func (l *Loader) selected(data []byte, sw apdu.SW) LoadReady {
	switch sw {
	case apdu.SWOK:
	case apdu.SWNotSupported, apdu.SWInvalidated:
		return l.end(kernel.Declined, kernel.NotCommitted, Fault{Code: Blocked, SW: sw})
	default:
		return l.end(kernel.Failed, kernel.NotCommitted, status(sw))
	}
	if info := infoOf(data); len(info) >= InfoSize {
		return l.identified(info, apdu.SWOK)
	}
	return l.send(ldInfo, apdu.Command{INS: 0xB0, P1: 0x95, Le: InfoSize})
}

func (l *Loader) identified(info []byte, sw apdu.SW) LoadReady {
	c := &l.out.Data.Request.Card
	if sw != apdu.SWOK || !c.read(l.in.Network, info) {
		return l.end(kernel.Failed, kernel.NotCommitted, Fault{Code: BadInfo, SW: sw})
	}
	if l.torn != nil {
		if l.torn.Request.Card.Key != c.Key {
			return l.probed(OtherCard, Fault{})
		}
		n := l.torn.Request.Sequence + 1
		return l.send(ldProve, apdu.Command{CLA: 0x80, INS: 0x5A, P2: byte(l.torn.Request.Trade.Type), Data: append(l.body[:0], byte(n>>8), byte(n)), Le: 8})
	}
	if code := c.valid(l.in.Time); code != NoFault {
		return l.end(kernel.Declined, kernel.NotCommitted, Fault{Code: code})
	}
	return l.present()
}

// present presents the PIN, if there is one.
func (l *Loader) present() LoadReady {
	if len(l.in.PIN) == 0 {
		return l.initialize()
	}
	return l.send(ldPIN, apdu.Command{INS: 0x20, Data: l.in.PIN, Le: apdu.NoLe})
}

func (l *Loader) initialize() LoadReady {
	t := &l.out.Data.Request.Trade
	b := append(l.body[:0], l.in.KeyIndex)
	b = binary.BigEndian.AppendUint32(b, t.Amount)
	b = append(b, t.Terminal[:]...)
	c := apdu.Command{CLA: 0x80, INS: 0x50, P2: 2, Data: b, Le: 16}
	if l.in.Unload {
		c.P1 = 5
	}
	return l.send(ldInit, c)
}

// opened takes the answer to INITIALIZE FOR LOAD or FOR UNLOAD: balance 4, online number
// 2, key version, algorithm, random 4, MAC1 4.
func (l *Loader) opened(data []byte, sw apdu.SW) LoadReady {
	if sw != apdu.SWOK {
		return l.end(kernel.Declined, kernel.NotCommitted, status(sw))
	}
	if len(data) != 16 {
		return l.unusable(Fault{Code: BadAnswer})
	}
	be, r := binary.BigEndian, &l.out.Data.Request
	alg, known := epurse.AlgOf(data[7])
	r.Balance, r.Sequence, r.Version, r.Alg = be.Uint32(data)&maxBalance, be.Uint16(data[4:]), data[6], alg
	r.Random, r.MAC1 = [4]byte(data[8:]), epurse.MAC(data[12:])
	switch {
	case !known:
		return l.unusable(Fault{Code: NoKey})
	case r.Sequence == maxSequence:
		return l.unusable(Fault{Code: CounterSpent})
	case l.torn != nil:
		return l.counted()
	}
	l.state = ldHost
	return LoadReady{Host: r}
}

func (l *Loader) credited(data []byte, sw apdu.SW) LoadReady {
	switch {
	case sw != apdu.SWOK:
		return l.unusable(status(sw))
	case len(data) != 4:
		return l.unusable(Fault{Code: BadAnswer})
	}
	l.out.Code = epurse.MAC(data)
	return l.end(kernel.Approved, kernel.Committed, Fault{})
}

// proved takes the answer to GET TRANSACTION PROVE: MAC2 or MAC3 4, TAC 4.
func (l *Loader) proved(data []byte, sw apdu.SW) LoadReady {
	switch {
	case sw == apdu.SWProofNotAvailable && len(data) == 0:
		return l.present()
	case sw != apdu.SWOK:
		return l.probed(Unclear, status(sw))
	case len(data) != 8:
		return l.probed(Unclear, Fault{Code: BadAnswer})
	}
	l.probe.Code = epurse.MAC(data[4:])
	if l.torn.Request.Trade.Type == epurse.Unload {
		l.probe.Code = epurse.MAC(data)
	}
	return l.probed(Unverified, Fault{})
}

// counted has the online number under a MAC.
func (l *Loader) counted() LoadReady {
	l.again = l.out.Data.Request
	l.probe.Again = &l.again
	if l.again.Sequence == l.torn.Request.Sequence {
		return l.probed(NotPaid, Fault{})
	}
	return l.probed(Unclear, Fault{})
}
