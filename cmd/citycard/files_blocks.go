package main

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/crypt/seal"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/block"
)

// States of the chain of a terminal's blocks. Signatures are not checked here:
// the public keys of terminals are in the acquirer's register.
const (
	chainStart = "start" // first block of the terminal in this file
	chainOK    = "ok"    // names the terminal's previous block in this file
	chainOther = "other" // names another block
)

// blockLister lists a file of sealed blocks.
type blockLister struct {
	*lister
	acquirer *oda.SM2Private // nil: headers only
	last     map[uint32]seal.Hash
	blocks   int
	rows     int64
	refusals int
	first    error
}

// blocks lists a file of sealed blocks, as package segment writes it.
func (l *lister) blocks(f io.Reader) error {
	if l.o.keys != "" {
		return fail(exitUsage, fmt.Errorf("%s is a file of sealed blocks, --keys is for T+1 files", l.path), "leave --keys away to list headers; --dev-keys shows the rows of a simulated city")
	}
	b := &blockLister{lister: l, last: map[uint32]seal.Hash{}}
	if l.o.devKeys {
		l.banner()
		var err error
		if b.acquirer, err = oda.NewSM2Private(devkeys.SM2Key(keystore.AcquirerWrapName)); err != nil {
			return err
		}
	}
	if err := b.heads(blockHeads, blockWidths); err != nil {
		return err
	}
	in := bufio.NewReaderSize(f, 1<<20)
	for offset := int64(0); ; {
		raw, err := nextBlock(in)
		if errors.Is(err, io.EOF) {
			return b.end()
		}
		var sealed block.Sealed
		if err == nil {
			sealed, err = block.Parse(raw)
		}
		if err == nil {
			err = b.block(offset, raw, &sealed)
		}
		if err != nil {
			return fail(exitFailed, fmt.Errorf("%s, block %d at byte %d: %w", l.path, b.blocks+1, offset, err),
				"what is behind this place cannot be read; restore the file from a copy")
		}
		if err := l.interrupted("block", b.blocks); err != nil {
			return err
		}
		offset += int64(len(raw))
	}
}

// nextBlock reads one block; the header and the length of the wrapped key say how
// long it is. io.EOF says that the file ends between blocks.
func nextBlock(in *bufio.Reader) ([]byte, error) {
	const lengthAt, front = 36, block.HeaderSize + 2
	head, err := in.Peek(front)
	if len(head) == 0 && errors.Is(err, io.EOF) {
		return nil, io.EOF
	}
	if len(head) < front {
		return nil, fmt.Errorf("the file ends inside a header, which has %d bytes and begins %X", front, head)
	}
	size := uint64(front) + uint64(binary.BigEndian.Uint16(head[block.HeaderSize:])) + block.NonceSize + uint64(binary.BigEndian.Uint32(head[lengthAt:])) + block.SignatureSize
	if size > block.MaxSize {
		return nil, fmt.Errorf("header %X announces %d bytes, a block has at most %d", head[:8], size, block.MaxSize)
	}
	raw := make([]byte, size)
	if n, err := io.ReadFull(in, raw); err != nil {
		return nil, fmt.Errorf("the block has %d bytes, the file ends after %d of them", size, n)
	}
	return raw, nil
}

var blockWidths = []int{-6, -12, -10, -8, -6, -5, -10, 19, 19, -8, 5}

var blockHeads = []struct{ en, zh string }{{"BLOCK", "块"}, {"OFFSET", "位置"}, {"TERMINAL", "终端"}, {"NUMBER", "块号"}, {"START", "启动"}, {"ROWS", "行数"}, {"SEQUENCE", "首序号"},
	{"FROM", "起"}, {"UNTIL", "止"}, {"BYTES", "字节"}, {"CHAIN", "链"}}

var rowWidths = []int{6, -10, 10, 19, -5, -10, 19, 32, 0}

func (b *blockLister) heads(heads []struct{ en, zh string }, widths []int) error {
	if b.env.json {
		return nil
	}
	cells := make([]string, len(heads))
	for i, h := range heads {
		cells[i] = b.say(h.en, h.zh)
	}
	return b.row(widths, cells)
}

type blockObject struct {
	Type          string `json:"type"` // block
	Offset        int64  `json:"offset"`
	Bytes         int    `json:"bytes"`
	Terminal      uint32 `json:"terminal"`
	Number        uint32 `json:"number"`
	Start         uint32 `json:"start"`
	Rows          uint16 `json:"rows"`
	FirstSequence uint32 `json:"first_sequence"`
	From          string `json:"from"`
	Until         string `json:"until"`
	Suite         uint8  `json:"suite"`
	KeyID         uint32 `json:"key_id"`
	Hash          string `json:"hash"`
	Chain         string `json:"chain"`
	Error         string `json:"error,omitempty"` // why the rows cannot be read
}

func (b *blockLister) block(offset int64, raw []byte, s *block.Sealed) error {
	h := &s.Header
	hash, chain := seal.HashOf(s.Signed), chainStart
	if last, found := b.last[h.Terminal]; found {
		chain = chainOther
		if last == h.Previous {
			chain = chainOK
		}
	}
	b.last[h.Terminal] = hash
	b.blocks++
	b.rows += int64(h.Rows)
	var rows []byte
	var unread error
	if b.acquirer != nil {
		if rows, _, unread = seal.Open(s, b.acquirer); unread != nil {
			b.refusals++
			if b.first == nil {
				b.first = fmt.Errorf("block %d of terminal %d, at byte %d: %w", h.Number, h.Terminal, offset, unread)
			}
		}
	}
	if b.env.json {
		o := blockObject{"block", offset, len(raw), h.Terminal, h.Number, h.Start, h.Rows, h.FirstSequence, clockText(int64(h.From)), clockText(int64(h.Until)),
			uint8(h.Suite), h.KeyID, hex.EncodeToString(hash[:]), chain, ""}
		if unread != nil {
			o.Error = unread.Error()
		}
		if err := b.object(o); err != nil {
			return err
		}
	} else {
		n := func(v any) string { return fmt.Sprint(v) }
		if err := b.row(blockWidths, []string{n(b.blocks), n(offset), n(h.Terminal), n(h.Number), n(h.Start), n(h.Rows), n(h.FirstSequence),
			clockText(int64(h.From)), clockText(int64(h.Until)), n(len(raw)), chain}); err != nil {
			return err
		}
		if unread != nil {
			b.line("        %s: %v", b.say("rows cannot be read", "记录无法读取"), unread)
		}
	}
	return b.blockRows(h, rows)
}

type rowObject struct {
	Type     string      `json:"type"` // row
	Terminal uint32      `json:"terminal"`
	Sequence uint32      `json:"sequence"`
	Trace    txn.TraceID `json:"trace"`
	Kind     string      `json:"kind"`
	Card     string      `json:"card"`
	PSN      string      `json:"psn"`
	ATC      uint16      `json:"atc"`
	Amount   money.Fen   `json:"amount"` // fen
	Time     string      `json:"time"`
	Flags    uint16      `json:"flags"`
	Doubt    string      `json:"doubt,omitempty"`
	AC       string      `json:"cryptogram"`
}

func (b *blockLister) blockRows(h *block.Header, rows []byte) error {
	for at := 0; at < len(rows); at += txn.RowSize {
		var r txn.Row
		if err := r.Decode(rows[at : at+txn.RowSize]); err != nil {
			return fmt.Errorf("row %d: %w", at/txn.RowSize, err)
		}
		card := r.Card.PAN.Masked()
		if b.o.showPAN {
			card = r.Card.PAN.Digits()
		}
		trace := txn.TraceID(seal.TraceOf(txn.TraceInput(r.Terminal, h.Start, r.Sequence)))
		doubt := r.Flags.Reason().String()
		var err error
		if b.env.json {
			err = b.object(rowObject{"row", uint32(r.Terminal), r.Sequence, trace, r.Kind.String(), card, fmt.Sprintf("%02X", r.Card.PSN), r.ATC, r.Amount,
				clockText(r.Time), uint16(r.Flags), doubt, hex.EncodeToString(r.AC[:])})
		} else {
			err = b.row(rowWidths, []string{"", fmt.Sprint(r.Sequence), r.Kind.String(), card, fmt.Sprint(r.ATC), r.Amount.String(), clockText(r.Time), trace.String(), doubt})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *blockLister) end() error {
	b.line(b.say("%d blocks with %d rows; signatures of terminals are not checked here", "%d 块，%d 行；此处不验证终端签名"), b.blocks, b.rows)
	if b.refusals > 0 {
		return fail(exitFailed, fmt.Errorf("%s: the rows of %d of %d blocks cannot be read, first of all %w", b.path, b.refusals, b.blocks, b.first),
			"they were altered, or sealed for another acquirer than that of the development keys")
	}
	return nil
}
