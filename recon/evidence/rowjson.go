package evidence

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/block"
)

// rowText is a row for people. The account number is masked; in a redacted pack it is
// left out.
type rowText struct {
	Kind       string    `json:"kind"`
	Card       string    `json:"card,omitempty"`
	ATC        uint16    `json:"atc_9F36"`
	AC         string    `json:"cryptogram_9F26"`
	IAD        string    `json:"issuer_application_data_9F10"`
	Amount     money.Fen `json:"amount_9F02_fen"`
	UN         string    `json:"unpredictable_number_9F37"`
	TVR        string    `json:"tvr_95"`
	AIP        string    `json:"aip_82"`
	Time       int64     `json:"time"`
	LocalTime  string    `json:"local_time"`
	Type       string    `json:"transaction_type_9C"`
	Tag9F69    string    `json:"card_authentication_data_9F69"`
	Terminal   uint32    `json:"terminal"`
	Sequence   uint32    `json:"sequence"`
	Flags      string    `json:"flags"`
	LastRecord bool      `json:"last_record_read"`
	Service    bool      `json:"service_given"`
	Doubt      string    `json:"doubt,omitempty"`
}

// describeRow is row.json of a row.
func describeRow(r *txn.Row, open bool) ([]byte, error) {
	h := func(b []byte) string { return strings.ToUpper(hex.EncodeToString(b)) }
	t := rowText{Kind: r.Kind.String(), ATC: r.ATC, AC: h(r.AC[:]), IAD: h(r.IssuerData()), Amount: r.Amount, UN: h(r.UN[:]), TVR: h(r.TVR[:]),
		AIP: h(r.AIP[:]), Time: r.Time, LocalTime: time.Unix(r.Time, 0).In(txn.CityTime).Format(time.RFC3339), Type: h([]byte{r.Type}), Tag9F69: h(r.Tag9F69[:]),
		Terminal: uint32(r.Terminal), Sequence: r.Sequence, Flags: fmt.Sprintf("%04X", uint16(r.Flags)), LastRecord: r.Flags.Has(txn.LastRecordRead),
		Service: r.Flags.Has(txn.ServiceGiven), Doubt: r.Flags.Reason().String()}
	if open {
		t.Card = r.Card.String()
	}
	b, err := json.MarshalIndent(&t, "", " ")
	return append(b, '\n'), err
}

const openSize = txn.RowSize - (block.CardEnd - block.CardStart)

// withoutCard cuts the account and sequence number out of a row.
func withoutCard(row []byte) []byte {
	return append(append(make([]byte, 0, openSize), row[:block.CardStart]...), row[block.CardEnd:]...)
}

// nobody and no purse stand in a row without its card, so that it can be read: purses
// have 19 digits and sequence number 01.
var (
	nobody  = txn.CardKey{PAN: txn.PAN{0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF}}
	noPurse = txn.CardKey{PAN: txn.PAN{9: 0x0F}, PSN: 1}
)

// withNobody puts a row without its card together again.
func withNobody(open []byte) []byte {
	card := nobody.Bytes()
	if open[0] == txn.PurseFormat {
		card = noPurse.Bytes()
	}
	row := append(make([]byte, 0, txn.RowSize), open[:block.CardStart]...)
	return append(append(row, card[:]...), open[block.CardStart:]...)
}
