package txn

import (
	"encoding/binary"
	"fmt"

	"github.com/citycard/citycard/money"
)

// RowSize is the length of an encoded Row.
const RowSize = 128

// The first byte of a row. In both formats 9F03 is 0 and 9F1A and 5F2A are 0156.
const (
	RowFormat   = 0x01 // Scheme Finance
	PurseFormat = 0x02 // Scheme Purse
)

// DF63Unread is the value of Row.DF63 where the terminal did not read it.
const DF63Unread = 0xFFFFFFFF

// TerminalID is the number of a terminal in the acquirer's register.
type TerminalID uint32

// Row is the record of one tap. All integers are big-endian; amounts are fen in
// binary; times are unix seconds, and 9A is their date at UTC+8.
//
//	off len field                     off len field
//	  0   1 format 01 or 02            78   4 terminal
//	  1   1 kind                       82   4 sequence (gapless, all kinds)
//	  2   2 flags                      86   4 entry terminal, 4 entry time, 2 entry ATC
//	  4  10 PAN                        96   3 fare before discounts
//	 14   1 PSN (5F34)                 99   2 fare rule version
//	 15   2 ATC (9F36)                101   1 concession code
//	 17   8 cryptogram (9F26)         102   3 month sum before this trip, 2 month YYMM (BCD)
//	 25  24 9F10, zero-padded         107   4 DF63, FFFFFFFF if not read
//	 49   4 amount (9F02)             111   4 amount held
//	 53   4 9F37                      115   1 CAPP SFI, 2 record ID
//	 57   5 TVR (95)                  118   2 route, 1 stop, 1 direction
//	 62   2 AIP (82)                  122   2 9F6C
//	 64   4 time                      124   2 5F24 as YYMM (BCD)
//	 68   1 type (9C)                 126   2 zero
//	 69   8 9F69                       77   1 DF60
//
// In format 02, of purses, PAN and PSN are those of PurseCard, counter, cryptogram,
// 9F10 and 9F37 hold PurseData, and 57, 62, 69 and 122 are zero.
type Row struct {
	Scheme        Scheme
	Kind          Kind
	Flags         Flags
	Card          CardKey
	ATC           uint16
	AC            [8]byte
	IAD           [24]byte
	Amount        money.Fen
	UN            [4]byte
	TVR           [5]byte
	AIP           [2]byte
	Time          int64
	Type          byte
	Tag9F69       [8]byte
	DF60          byte
	Terminal      TerminalID
	Sequence      uint32
	EntryTerminal TerminalID
	EntryTime     int64
	EntryATC      uint16
	FullFare      money.Fen
	FareRule      uint16
	Concession    byte
	MonthSum      money.Fen
	Month         [2]byte
	DF63          uint32
	Held          money.Fen
	CAPPFile      byte
	CAPPRecord    uint16
	Route         uint16
	Stop          byte
	Direction     byte
	Tag9F6C       [2]byte
	Expiry        [2]byte
}

// Encode writes the 128 bytes. It fails when a value does not fit its field or a
// code is not defined, so that nothing is ever stored that Decode would refuse.
func (r *Row) Encode(dst *[RowSize]byte) error {
	if err := r.check(); err != nil {
		return fmt.Errorf("encode row: %w", err)
	}
	be := binary.BigEndian
	dst[0], dst[1] = RowFormat+byte(r.Scheme), byte(r.Kind)
	be.PutUint16(dst[2:], uint16(r.Flags))
	copy(dst[4:], r.Card.PAN[:])
	dst[14] = r.Card.PSN
	be.PutUint16(dst[15:], r.ATC)
	copy(dst[17:], r.AC[:])
	copy(dst[25:], r.IAD[:])
	be.PutUint32(dst[49:], uint32(r.Amount))
	copy(dst[53:], r.UN[:])
	copy(dst[57:], r.TVR[:])
	copy(dst[62:], r.AIP[:])
	be.PutUint32(dst[64:], uint32(r.Time))
	dst[68] = r.Type
	copy(dst[69:], r.Tag9F69[:])
	dst[77] = r.DF60
	be.PutUint32(dst[78:], uint32(r.Terminal))
	be.PutUint32(dst[82:], r.Sequence)
	be.PutUint32(dst[86:], uint32(r.EntryTerminal))
	be.PutUint32(dst[90:], uint32(r.EntryTime))
	be.PutUint16(dst[94:], r.EntryATC)
	put24(dst[96:], uint32(r.FullFare))
	be.PutUint16(dst[99:], r.FareRule)
	dst[101] = r.Concession
	put24(dst[102:], uint32(r.MonthSum))
	copy(dst[105:], r.Month[:])
	be.PutUint32(dst[107:], r.DF63)
	be.PutUint32(dst[111:], uint32(r.Held))
	dst[115] = r.CAPPFile
	be.PutUint16(dst[116:], r.CAPPRecord)
	be.PutUint16(dst[118:], r.Route)
	dst[120], dst[121] = r.Stop, r.Direction
	copy(dst[122:], r.Tag9F6C[:])
	copy(dst[124:], r.Expiry[:])
	dst[126], dst[127] = 0, 0
	return nil
}

// Decode reads 128 bytes into r and applies the same checks as Encode.
func (r *Row) Decode(b []byte) error {
	if len(b) != RowSize {
		return fmt.Errorf("decode row: %d bytes, want %d", len(b), RowSize)
	}
	if b[0] != RowFormat && b[0] != PurseFormat {
		return fmt.Errorf("decode row: format byte is %02X, want %02X or %02X", b[0], RowFormat, PurseFormat)
	}
	if b[126]|b[127] != 0 {
		return fmt.Errorf("decode row: bytes 126 and 127 are %02X%02X, want zero", b[126], b[127])
	}
	be := binary.BigEndian
	r.Scheme, r.Kind, r.Flags = Scheme(b[0]-RowFormat), Kind(b[1]), Flags(be.Uint16(b[2:]))
	r.Card.PAN, r.Card.PSN = PAN(b[4:14]), b[14]
	r.ATC = be.Uint16(b[15:])
	r.AC, r.IAD = [8]byte(b[17:25]), [24]byte(b[25:49])
	r.Amount = money.Fen(be.Uint32(b[49:]))
	r.UN, r.TVR, r.AIP = [4]byte(b[53:57]), [5]byte(b[57:62]), [2]byte(b[62:64])
	r.Time, r.Type = int64(be.Uint32(b[64:])), b[68]
	r.Tag9F69, r.DF60 = [8]byte(b[69:77]), b[77]
	r.Terminal, r.Sequence = TerminalID(be.Uint32(b[78:])), be.Uint32(b[82:])
	r.EntryTerminal, r.EntryTime, r.EntryATC = TerminalID(be.Uint32(b[86:])), int64(be.Uint32(b[90:])), be.Uint16(b[94:])
	r.FullFare, r.FareRule, r.Concession = money.Fen(get24(b[96:])), be.Uint16(b[99:]), b[101]
	r.MonthSum, r.Month = money.Fen(get24(b[102:])), [2]byte(b[105:107])
	r.DF63, r.Held = be.Uint32(b[107:]), money.Fen(be.Uint32(b[111:]))
	r.CAPPFile, r.CAPPRecord = b[115], be.Uint16(b[116:])
	r.Route, r.Stop, r.Direction = be.Uint16(b[118:]), b[120], b[121]
	r.Tag9F6C, r.Expiry = [2]byte(b[122:124]), [2]byte(b[124:126])
	if err := r.check(); err != nil {
		return fmt.Errorf("decode row: %w", err)
	}
	return nil
}

func put24(b []byte, v uint32) { b[0], b[1], b[2] = byte(v>>16), byte(v>>8), byte(v) }
func get24(b []byte) uint32    { return uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2]) }
