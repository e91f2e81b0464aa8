package t1

import (
	"encoding/hex"
	"time"

	"github.com/citycard/citycard/clearing"
	"github.com/citycard/citycard/crypt/seal"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/files"
)

// Merchant categories (ISO 18245) of items without a Place.
const (
	categoryRail = "4111" // local and suburban passenger transport
	categoryBus  = "4131" // bus lines
)

// record holds the values of one item, and the bytes that they point to.
type record struct {
	transaction, chip []files.Value

	pan      [20]byte
	terminal [8]byte
	trace    [32]byte
	sent     [10]byte
	tapped   [10]byte
	psn      [3]byte
	data     [256]byte
	hexData  [512]byte
	place    Place // whose values the columns have
}

// newRecord fills the columns that are the same in every line of a window.
func newRecord(c *Config) *record {
	r := &record{transaction: make([]files.Value, len(files.Transaction.Columns)), chip: make([]files.Value, len(files.Chip.Columns))}
	text := func(column int, s string) { r.transaction[column] = files.TextValue([]byte(s)) }
	text(files.ColMessageType, "0220") // offline purchase, host side
	text(files.ColProcessingCode, "000000")
	text(files.ColCondition, "00")
	text(files.ColResponse, "00")
	text(files.ColEntryMode, "072") // contactless chip, no PIN
	text(files.ColConversion, "1")  // single message
	text(files.ColReadAbility, "6") // contactless
	text(files.ColChipCondition, "0")
	text(files.ColRegion, "0")
	text(files.ColTerminalType, "03") // as a POS
	text(files.ColSenderClearing, c.Network)
	text(files.ColReceiverClearing, c.Network)
	text(files.ColReversalFlag, "0")
	text(files.ColVoidFlag, "0")
	text(files.ColClearDate, time.Unix(int64(c.Window)*86400, 0).UTC().Format("0102"))
	text(files.ColCurrency, "156")
	r.transaction[files.ColSession] = files.NumberValue(int64(c.Session))
	return r
}

// fill takes an item over, but for the fees, which depend on the side.
func (r *record) fill(it *clearing.Item, issuer, acquirer files.Value, place Place) {
	row := &it.Row
	trace := seal.TraceOf(txn.TraceInput(row.Terminal, it.Start, row.Sequence))
	hex.Encode(r.trace[:], trace[:])
	number := files.NumberValue(int64(row.Sequence % 1_000_000))
	amount := files.FenValue(row.Amount)
	sent := files.TextValue(clock(&r.sent, it.Arrived))

	t := r.transaction
	t[files.ColAcquirer], t[files.ColSender], t[files.ColReceiver], t[files.ColIssuer] = acquirer, acquirer, issuer, issuer
	t[files.ColTraceNumber], t[files.ColTransactionAmount] = number, amount
	t[files.ColSentAt], t[files.ColOriginalTime] = sent, files.TextValue(clock(&r.tapped, row.Time))
	t[files.ColCardNumber] = files.TextValue(digits(&r.pan, row.Card.PAN))
	t[files.ColTerminal] = files.TextValue(terminalText(&r.terminal, row.Terminal))
	t[files.ColRetrieval], t[files.ColOtherData] = files.TextValue(r.trace[:12]), files.TextValue(r.trace[12:26])
	t[files.ColCardSequence] = files.TextValue(append(r.psn[:0], '0', upper[row.Card.PSN>>4], upper[row.Card.PSN&15]))
	if place != r.place {
		r.moveTo(place)
	}

	data := appendChipData(r.data[:0], row)
	c := r.chip
	c[files.ChipAcquirer], c[files.ChipSender], c[files.ChipTraceNumber], c[files.ChipSentAt], c[files.ChipAmount] = acquirer, acquirer, number, sent, amount
	c[files.ChipTraceID] = files.TextValue(r.trace[:])
	c[files.ChipData] = files.TextValue(appendUpperHex(r.hexData[:0], data))
}

// moveTo fills the columns that describe a merchant.
func (r *record) moveTo(p Place) {
	r.place = p
	r.transaction[files.ColMerchantType] = files.TextValue([]byte(p.Category))
	r.transaction[files.ColMerchant] = files.TextValue([]byte(p.Merchant))
	r.transaction[files.ColMerchantName] = files.TextValue(files.FitGBK(p.Name, files.Transaction.Columns[files.ColMerchantName].Width))
}

// issuerSide and acquirerSide set the fees of the line. Rates belong to the rules
// of the window; here only directions are decided.
func (r *record) issuerSide(f *clearing.Fees) {
	t := r.transaction
	t[files.ColFeeReceivable], t[files.ColFeePayable] = files.FenValue(f.Issuer), files.FenValue(0)
	t[files.ColSwitchFee], t[files.ColMerchantFee] = files.FenValue(-f.NetworkIssuer), files.FenValue(0)
}

func (r *record) acquirerSide(f *clearing.Fees) {
	t := r.transaction
	t[files.ColFeeReceivable], t[files.ColFeePayable] = files.FenValue(0), files.FenValue(-f.Issuer)
	t[files.ColSwitchFee], t[files.ColMerchantFee] = files.FenValue(-f.NetworkAcquirer), files.FenValue(f.Merchant)
}

func defaultPlace(it *clearing.Item) Place {
	if it.Row.Route != 0 {
		return Place{Category: categoryBus}
	}
	return Place{Category: categoryRail}
}

// clock writes MMDDhhmmss.
func clock(dst *[10]byte, at int64) []byte {
	t := time.Unix(at, 0).In(txn.CityTime)
	_, month, day := t.Date()
	hour, minute, second := t.Clock()
	for i, n := range [...]int{int(month), day, hour, minute, second} {
		dst[2*i], dst[2*i+1] = byte('0'+n/10), byte('0'+n%10)
	}
	return dst[:]
}

// digits writes the clear card number: the file is sealed for its issuer or for
// the acquirer that read it.
func digits(dst *[20]byte, pan txn.PAN) []byte {
	n := pan.Len()
	for i := range n {
		d := pan[i/2]
		if i%2 == 0 {
			d >>= 4
		}
		dst[i] = '0' + d&15
	}
	return dst[:n]
}

const upper = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

// terminalText is the number in decimal, or, where eight digits do not hold it, X
// and the number in base 36.
func terminalText(dst *[8]byte, id txn.TerminalID) []byte {
	base, first := txn.TerminalID(10), 0
	if id > 99_999_999 {
		dst[0] = 'X'
		base, first = 36, 1
	}
	for i := len(dst) - 1; i >= first; i-- {
		dst[i] = upper[id%base]
		id /= base
	}
	return dst[:]
}

func appendUpperHex(dst, b []byte) []byte {
	for _, c := range b {
		dst = append(dst, upper[c>>4], upper[c&15])
	}
	return dst
}
