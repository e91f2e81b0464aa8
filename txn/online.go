package txn

import (
	"fmt"
	"log/slog"

	"github.com/citycard/citycard/money"
)

// OnlineKind says what an issuer is asked. Numbers are for ever.
type OnlineKind uint8

// The kinds.
const (
	OnlinePurchase OnlineKind = 1
	OnlineInquiry  OnlineKind = 2 // available balance of the account; amount 0
	OnlineLoad     OnlineKind = 3 // electronic cash up, account down (9C = 60)
	OnlineUnload   OnlineKind = 4 // electronic cash to zero, account up
)

var onlineKindNames = [...]string{"invalid", "purchase", "inquiry", "load", "unload"}

// String is the kind in words.
func (k OnlineKind) String() string {
	if int(k) >= len(onlineKindNames) {
		return onlineKindNames[0]
	}
	return onlineKindNames[k]
}

// EntryMode says how the account number came into the terminal (ISO 8583 field
// 22, first two digits). Numbers are those of the field.
type EntryMode uint8

// The modes that this program uses.
const (
	EntryStripe      EntryMode = 2  // magnetic stripe
	EntryChip        EntryMode = 5  // chip over the contacts
	EntryContactless EntryMode = 7  // chip over the air
	EntryFallback    EntryMode = 80 // magnetic stripe because the chip could not be read
	EntryMSD         EntryMode = 91 // magnetic stripe data over the air
)

// OnlineRequest is what a terminal asks an issuer, before any message format.
type OnlineRequest struct {
	Kind     OnlineKind
	Card     CardKey
	Expiry   [2]byte // YYMM, BCD
	Amount   money.Fen
	Currency [2]byte // n3
	Time     int64   // unix seconds
	Terminal TerminalID
	Sequence uint32 // of the terminal, gapless
	Entry    EntryMode
	// ICC is field 55: data objects of the transaction as TLV; empty for a stripe.
	ICC []byte
	// Track2 is the digits of track 2 as in tag 57; empty if it was not read.
	Track2 []byte
	// PINBlock is an enciphered PIN block; HasPIN says that there is one.
	PINBlock [8]byte
	HasPIN   bool
}

// OnlineAnswer is what the issuer answers.
type OnlineAnswer struct {
	// Code is field 39, two characters: "00" approved; also authorisation response
	// code 8A for the card.
	Code [2]byte
	// ICC is field 55 of the answer: 91, 71 and 72 as TLV; may be empty.
	ICC []byte
	// AuthCode is field 38, empty if the issuer gave none.
	AuthCode string
	// Available is the account's balance, if Known.
	Available money.Fen
	Known     bool
}

// Approved says that the issuer agrees: codes 00, 10 and 11 (ISO 8583 field 39).
func (a *OnlineAnswer) Approved() bool {
	switch string(a.Code[:]) {
	case "00", "10", "11":
		return true
	}
	return false
}

// String names the request by kind, masked card, amount and terminal; track, PIN
// block and field 55 are left out.
func (r OnlineRequest) String() string {
	return fmt.Sprintf("%v of %v, card %v, terminal %d/%d", r.Kind, r.Amount, r.Card, r.Terminal, r.Sequence)
}

// Format writes String for every verb: track 2 and field 55 hold the account number.
func (r OnlineRequest) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(r.String())) }

// MarshalText gives String to encoding/json and others.
func (r OnlineRequest) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// LogValue gives String to slog.
func (r OnlineRequest) LogValue() slog.Value { return slog.StringValue(r.String()) }
