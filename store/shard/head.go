package shard

import (
	"encoding/binary"
	"fmt"

	"github.com/citycard/citycard/money"
)

// A record of the head is what is known of one card:
//
//	flags 1: 01 open, 02 the rest of this line is there; due 4, provisional credit 6, mark of the rows 8
//	timeline.Card.Append
//
// The mark names the rows of the table of breaks that the last judgement wrote for the
// card, so that they are written again only when they change; 0 if there are none.
const (
	headOpen = 1 << 0
	headMore = 1 << 1
	moreSize = 18
)

// headLine is a record without its timeline.
type headLine struct {
	open        bool
	due         int64
	provisional money.Fen
	rows        uint64
}

func (h *headLine) append(dst []byte) []byte {
	flags := byte(0)
	if h.open {
		flags = headOpen
	}
	if h.due == 0 && h.provisional == 0 && h.rows == 0 {
		return append(dst, flags)
	}
	be := binary.BigEndian
	dst = be.AppendUint32(append(dst, flags|headMore), uint32(h.due))
	dst = be.AppendUint16(dst, uint16(h.provisional>>32))
	dst = be.AppendUint32(dst, uint32(h.provisional))
	return be.AppendUint64(dst, h.rows)
}

// parseHead takes exactly what append makes; blob is the timeline behind it.
func parseHead(b []byte) (h headLine, blob []byte, err error) {
	if len(b) == 0 || b[0]&^(headOpen|headMore) != 0 {
		return headLine{}, nil, fmt.Errorf("head record with other flags: %w", ErrDamaged)
	}
	h.open = b[0]&headOpen != 0
	if b[0]&headMore == 0 {
		return h, b[1:], nil
	}
	if len(b) < 1+moreSize {
		return headLine{}, nil, fmt.Errorf("head record of %d bytes: %w", len(b), ErrDamaged)
	}
	be := binary.BigEndian
	h.due = int64(be.Uint32(b[1:]))
	h.provisional = money.Fen(be.Uint16(b[5:]))<<32 | money.Fen(be.Uint32(b[7:]))
	h.rows = be.Uint64(b[11:])
	if h.due == 0 && h.provisional == 0 && h.rows == 0 {
		return headLine{}, nil, fmt.Errorf("head record longer than it must be: %w", ErrDamaged)
	}
	return h, b[1+moreSize:], nil
}
