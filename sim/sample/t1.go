package sample

import (
	"bytes"
	"encoding/hex"
	"fmt"

	"github.com/citycard/citycard/wire/files"
)

// Institution codes of the sample: the railway's acquirer, the issuer, the network.
const (
	railCode    = "48021000"
	issuerCode  = "03080000"
	networkCode = "00010000"
)

// t1 writes the issuer's transaction file of a day and the chip data behind it.
func (w *writer) t1(day int32, list []*line) error {
	if len(list) == 0 {
		return nil
	}
	var transactions, chips bytes.Buffer
	h := files.Header{Content: files.IssuerTransactions, Participant: issuerCode, Network: networkCode, Day: day, Batch: 1, Session: 1, Currency: "156"}
	com, err := files.NewWriter(&transactions, h)
	if err != nil {
		return err
	}
	comName := h.FileName()
	h.Content = files.IssuerChip
	ic, err := files.NewWriter(&chips, h)
	if err != nil {
		return err
	}
	n := int64(0)
	for _, x := range list {
		for range 1 + x.copies {
			if err := com.Write(x.transaction()); err != nil {
				return fmt.Errorf("write %s: %w", comName, err)
			}
			if err := ic.Write(x.chipData()); err != nil {
				return fmt.Errorf("write %s: %w", h.FileName(), err)
			}
			n++
		}
	}
	if err := com.Close(); err != nil {
		return err
	}
	if err := ic.Close(); err != nil {
		return err
	}
	text := transactions.Bytes()
	if !coderOf(w.encoding, "t1").gbk {
		text, _ = files.AppendUTF8(nil, text)
	}
	w.files = append(w.files, written{File{comName, text}, n}, written{File{h.FileName(), chips.Bytes()}, n})
	if day == w.again.rail {
		w.files = append(w.files, written{File{comName + ".again", text}, n}, written{File{h.FileName() + ".again", chips.Bytes()}, n})
	}
	return nil
}

func text(s string) files.Value { return files.TextValue([]byte(s)) }

// sentAt is when the acquirer sent the line: before midnight of the day of arrival.
func (x *line) sentAt() files.Value { return text(stamp(dayEnd(x.day)-3600, "0102150405")) }

// transaction fills the columns of a general transaction line.
func (x *line) transaction() []files.Value {
	v := make([]files.Value, len(files.Transaction.Columns))
	trace := hex.EncodeToString(x.trace[:])
	for column, s := range map[int]string{
		files.ColAcquirer: railCode, files.ColSender: railCode, files.ColReceiver: issuerCode, files.ColIssuer: issuerCode,
		files.ColCardNumber: x.card.PAN.Digits(), files.ColMessageType: "0220", files.ColProcessingCode: "000000", files.ColMerchantType: "4111",
		files.ColTerminal: fmt.Sprintf("%08d", x.terminal), files.ColMerchant: "308110041110001", files.ColRetrieval: trace[:12], files.ColOtherData: trace[12:26],
		files.ColCondition: "00", files.ColResponse: "00", files.ColEntryMode: "072", files.ColConversion: "1", files.ColCardSequence: fmt.Sprintf("%03d", x.card.PSN),
		files.ColReadAbility: "6", files.ColChipCondition: "0", files.ColOriginalTime: stamp(x.time, "0102150405"), files.ColRegion: "0", files.ColTerminalType: "03",
		files.ColSenderClearing: networkCode, files.ColReceiverClearing: networkCode, files.ColReversalFlag: "0", files.ColVoidFlag: "0",
		files.ColClearDate: dateOf(x.day, "0102"), files.ColMerchantName: "轨道交通" + string([]rune("一二三四五六七八")[int(x.terminal)%8]) + "号线", files.ColCurrency: "156",
	} {
		v[column] = text(s)
	}
	v[files.ColSentAt] = x.sentAt()
	v[files.ColTraceNumber] = files.NumberValue(int64(x.sequence % 1_000_000))
	v[files.ColTransactionAmount] = files.FenValue(x.amount)
	v[files.ColSession] = files.NumberValue(1)
	return v
}

// chipData fills the columns of a chip data line.
func (x *line) chipData() []files.Value {
	v := make([]files.Value, len(files.Chip.Columns))
	v[files.ChipAcquirer], v[files.ChipSender], v[files.ChipSentAt] = text(railCode), text(railCode), x.sentAt()
	v[files.ChipTraceNumber] = files.NumberValue(int64(x.sequence % 1_000_000))
	v[files.ChipAmount] = files.FenValue(x.amount)
	v[files.ChipTraceID] = text(hex.EncodeToString(x.trace[:]))
	v[files.ChipData] = text(fmt.Sprintf("%X", x.field55))
	return v
}
