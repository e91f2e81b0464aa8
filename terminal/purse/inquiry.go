package purse

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/sam"
	"github.com/citycard/citycard/wire/apdu"
)

// LogSize is the length of a record of file 18, the log of trades.
const LogSize = 23

// MaxLog is how many trades a log keeps.
const MaxLog = 10

// LogEntry is one trade in a card's log, the newest first. It is under no MAC.
type LogEntry struct {
	Sequence uint16 // after the trade: offline of purchases, online of loads
	Limit    money.Fen
	Amount   money.Fen
	Type     epurse.Type
	Terminal epurse.Terminal
	Stamp    epurse.Stamp
}

// ErrLog says that bytes are no record of file 18.
var ErrLog = errors.New("not a record of the log of trades")

// DecodeLog reads a record of file 18: number 2, overdraft limit 3, amount 4, type 1,
// terminal 6, date 4, time 3. It fails with ErrLog for another length, and for date or
// time that is not BCD.
func DecodeLog(b []byte) (LogEntry, error) {
	if len(b) != LogSize {
		return LogEntry{}, fmt.Errorf("%d bytes, want %d: %w", len(b), LogSize, ErrLog)
	}
	be := binary.BigEndian
	e := LogEntry{Sequence: be.Uint16(b), Limit: money.Fen(b[2])<<16 | money.Fen(b[3])<<8 | money.Fen(b[4]), Amount: money.Fen(be.Uint32(b[5:])),
		Type: epurse.Type(b[9]), Terminal: epurse.Terminal(b[10:]), Stamp: epurse.Stamp(b[16:])}
	for i, v := range e.Stamp {
		if v>>4 > 9 || v&15 > 9 {
			return LogEntry{}, fmt.Errorf("date and time, byte %d is %02X: %w", i+1, v, ErrLog)
		}
	}
	return e, nil
}

// Statement is what a card tells without a trade. Nothing of it is under a MAC.
type Statement struct {
	Card    Card
	Blocked bool // the application is blocked; nothing else was asked then
	// Balance is what can be spent, in fen: with a T-Union card less what is lent.
	Balance money.Fen
	Log     []LogEntry // the newest first
	Fault   Fault      // why not all was read
	Left    bool       // the card left before all was read
}

// InquiryReady says what the host has to do next: send Send and call Answer or Left, or
// take Statement.
type InquiryReady struct {
	Send      []byte
	Statement *Statement // belongs to the Inquiry until the next Begin
}

// Inquiry reads balance and log of a purse, for a till or an inspector.
type Inquiry struct {
	state   inquiryState
	network sam.Network
	next    byte // record of the log
	out     Statement
	room    [MaxLog]LogEntry
	cmd     [32]byte
}

type inquiryState uint8

const (
	inIdle inquiryState = iota
	inSelect
	inInfo
	inBalance
	inLent
	inLog
	inDone
)

// Begin selects the card's application. It fails with ErrConfig.
func (q *Inquiry) Begin(aid []byte, network sam.Network) (InquiryReady, error) {
	if len(aid) < 5 || len(aid) > 16 || network != sam.TUnion && network != sam.CityUnion {
		return InquiryReady{}, fmt.Errorf("begin inquiry: AID of %d bytes, %v: %w", len(aid), network, ErrConfig)
	}
	q.network, q.next, q.out = network, 1, Statement{Card: Card{Network: network}, Log: q.room[:0]}
	return q.send(inSelect, apdu.Command{INS: 0xA4, P1: 0x04, Data: aid, Le: apdu.MaxShortLe}), nil
}

func (q *Inquiry) send(next inquiryState, c apdu.Command) InquiryReady {
	b, err := c.Append(q.cmd[:0])
	if err != nil {
		panic("purse: built an impossible command: " + err.Error())
	}
	q.state = next
	return InquiryReady{Send: b}
}

func (q *Inquiry) end(f Fault) InquiryReady {
	q.state, q.out.Fault = inDone, f
	return InquiryReady{Statement: &q.out}
}

// Left says that the card is gone.
func (q *Inquiry) Left() InquiryReady {
	q.out.Left = true
	return q.end(Fault{})
}

// Answer takes what the card answered, status word included.
func (q *Inquiry) Answer(b []byte) InquiryReady {
	data, sw, err := apdu.ParseResponse(b)
	if err != nil {
		return q.end(Fault{Code: BadAnswer})
	}
	switch q.state {
	case inSelect:
		return q.selected(data, sw)
	case inInfo:
		return q.identified(data, sw)
	case inBalance, inLent:
		return q.balance(data, sw)
	case inLog:
		return q.logged(data, sw)
	}
	panic("purse: an answer to an inquiry that asks for nothing")
}

func (q *Inquiry) selected(data []byte, sw apdu.SW) InquiryReady {
	info := infoOf(data)
	if q.out.Blocked = sw == apdu.SWNotSupported || sw == apdu.SWInvalidated; q.out.Blocked {
		q.out.Card.read(q.network, info)
		return q.end(Fault{Code: Blocked, SW: sw})
	}
	if sw != apdu.SWOK {
		return q.end(status(sw))
	}
	if len(info) >= InfoSize {
		return q.identified(info, sw)
	}
	return q.send(inInfo, apdu.Command{INS: 0xB0, P1: 0x95, Le: InfoSize})
}

func (q *Inquiry) identified(info []byte, sw apdu.SW) InquiryReady {
	if sw != apdu.SWOK || !q.out.Card.read(q.network, info) {
		return q.end(Fault{Code: BadInfo, SW: sw})
	}
	return q.send(inBalance, apdu.Command{CLA: 0x80, INS: 0x5C, P2: 2, Le: 4})
}

// balance takes GET BALANCE, of whose four bytes the top bit is not money. T-Union cards
// tell by P1 01 how much of that is lent; a card that does not know the form has lent
// nothing.
func (q *Inquiry) balance(data []byte, sw apdu.SW) InquiryReady {
	lent := q.state == inLent
	switch {
	case lent && sw != apdu.SWOK:
		return q.readLog()
	case sw != apdu.SWOK:
		return q.end(status(sw))
	case len(data) != 4:
		return q.end(Fault{Code: BadAnswer})
	}
	v := money.Fen(binary.BigEndian.Uint32(data) & maxBalance)
	if lent {
		q.out.Balance -= v
		return q.readLog()
	}
	q.out.Balance = v
	if q.network == sam.TUnion {
		return q.send(inLent, apdu.Command{CLA: 0x80, INS: 0x5C, P1: 1, P2: 2, Le: 4})
	}
	return q.readLog()
}

const logFile = 0x18

func (q *Inquiry) readLog() InquiryReady {
	return q.send(inLog, apdu.Command{INS: 0xB2, P1: q.next, P2: logFile<<3 | 4, Le: LogSize})
}

// logged takes one record; the log ends with 6A83, or where it is not for everybody.
func (q *Inquiry) logged(data []byte, sw apdu.SW) InquiryReady {
	switch sw {
	case apdu.SWOK:
	case apdu.SWRecordNotFound, apdu.SWFileNotFound, apdu.SWSecurity:
		return q.end(Fault{})
	default:
		return q.end(status(sw))
	}
	e, err := DecodeLog(data)
	if err != nil {
		return q.end(Fault{Code: BadAnswer})
	}
	q.out.Log = append(q.out.Log, e)
	if q.next++; q.next > MaxLog {
		return q.end(Fault{})
	}
	return q.readLog()
}
