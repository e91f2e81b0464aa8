package pos_test

import (
	"encoding/hex"
	"testing"

	"github.com/citycard/citycard/terminal/pos"
	"github.com/citycard/citycard/terminal/row"
	"github.com/citycard/citycard/txn"
)

// cashSale is an electronic cash purchase over the contacts whose first GENERATE AC is
// answered with this CID. It gives the pending rows before each action.
func cashSale(t *testing.T, cid, issuer string, lose map[string]cut) (*pos.Result, [][]row.Record) {
	t.Helper()
	w := newWorld(t)
	cfg := w.config(pos.QPBOC)
	cfg.EMV.Capabilities[2] = 0xC0 // SDA and DDA: the answer below is not signed
	w.setTill(cfg)
	h := w.addCard("card", "dev-sm", 10_000)
	answer, err := hex.DecodeString("8013" + cid + "0001" + "1122334455667788" + "07010103800000049000")
	w.must(err)
	h.edits = []edit{{command: "generate-1", new: answer}}
	st := story{sale: w.newSale(pos.Purchase, pos.Contact, 1000), card: h, lose: lose, host: issuer}
	r := w.begin(st, nil)
	var pending [][]row.Record
	a := w.till.Begin(st.sale)
	for ; a.Done == nil; a = w.till.Step(r.event(a)) {
		pending = append(pending, w.till.Pending(nil))
	}
	r.remove()
	return a.Done, pending
}

// TestCashDeclined: an AAC for electronic cash is known to have paid nothing, before
// the card is let go as well as after.
func TestCashDeclined(t *testing.T) {
	res, pending := cashSale(t, "00", "", map[string]cut{})
	last := pending[len(pending)-1]
	if len(last) != 1 || last[0].Row.Kind != txn.Declined || last[0].Row.Flags.Reason() != txn.CardDeclined {
		t.Errorf("while the card is let go: %+v", last)
	}
	before := pending[len(pending)-2]
	if len(before) != 1 || before[0].Row.Kind != txn.Doubt || before[0].Row.Flags.Reason() != txn.LastAnswerLost || before[0].Row.AC != [8]byte{} {
		t.Errorf("while GENERATE AC is answered: %+v", before)
	}
	if res.Outcome != pos.Declined || len(res.Records) != 1 || res.Records[0].Row != last[0].Row {
		t.Errorf("%v with %+v", res.Outcome, res.Records)
	}
}

// TestCashThatWentOnline: an ARQC is the issuer's to record. If he is not reached and
// the answer to the second GENERATE AC is lost, the row has no cryptogram: that of the
// first would say that nothing was to be paid.
func TestCashThatWentOnline(t *testing.T) {
	res, pending := cashSale(t, "80", "decline", map[string]cut{})
	if last := pending[len(pending)-1]; len(last) != 0 || len(res.Records) != 0 || res.Outcome == pos.OfflineApproved {
		t.Errorf("declined by the issuer: pending %+v, %v with %+v", last, res.Outcome, res.Records)
	}
	res, pending = cashSale(t, "80", "down", map[string]cut{"generate-2": answerLost})
	last := pending[len(pending)-1]
	if res.Outcome != pos.Doubt || len(res.Records) != 1 {
		t.Fatalf("%v [%v] with %+v", res.Outcome, res.Fault, res.Records)
	}
	row := res.Records[0].Row
	if row.Flags.Reason() != txn.LastAnswerLost || row.AC != [8]byte{} || row.IAD != [24]byte{} || len(last) != 1 || last[0].Row != row {
		t.Errorf("row %+v, pending %+v", row, last)
	}
	if res.Reversal == nil {
		t.Error("the issuer may have approved: no reversal")
	}
}
