package foreign_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/foreign"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/wire/tlv"
)

// worked are the cryptograms of the worked example (docs/reference/card-timeline.md,
// section 13): PAN 6228000100001117, sequence number 01, CVN 17, 9F37 = 112233 and the
// low byte of the counter; 9F10 behind 07011103.
var worked = map[string]struct {
	atc, amount int
	iad, ac     string
}{
	"0010": {0x10, 10000, "A00000010A0100000020004E7FA7D6", "3F62D0EB2935FAD2"},
	"0011": {0x11, 0, "900000010A01000001200098043D37", "8C517585C79A19AA"},
	"0012": {0x12, 400, "900000010A010000011600AE047B27", "BE3A851BD64361D3"},
	"0014": {0x14, 300, "900000010A010000011300500C3916", "1AA1C7FA45EF31DF"},
	"0015": {0x15, 200, "900000010A0100000111002244ADE3", "5D2FC3DA6B10AFB2"},
	"0016": {0x16, 500, "900000010A010000010600E16034C5", "62CA1068CCB889C7"},
	"0017": {0x17, 600, "900000010A010000010000B8BB8B27", "49961E347C5ECF58"},
	"copy": {0x17, 200, "900000010A010000010400DFA68B96", "3555F2BDB7D3491F"},
}

const workedCard = "6228000100001117"

// field55 is field 55 of a line of the worked example. No time is under these
// cryptograms, so it may be any.
func field55(name string) string {
	w := worked[name]
	var b []byte
	put := func(tag tlv.Tag, value string) {
		v, err := hex.DecodeString(value)
		if err != nil {
			panic(err)
		}
		b = tlv.Append(b, tag, v)
	}
	put(tlv.TagAC, w.ac)
	put(tlv.TagIAD, "07011103"+w.iad)
	put(tlv.TagUN, fmt.Sprintf("112233%02X", w.atc))
	put(tlv.TagATC, fmt.Sprintf("%04X", w.atc))
	put(tlv.TagTVR, "0000000000")
	put(tlv.TagTransactionDate, "261105")
	put(tlv.TagTransactionType, "00")
	put(tlv.TagAmountAuthorised, fmt.Sprintf("%012d", w.amount))
	put(tlv.TagAIP, "7C00")
	return strings.ToUpper(hex.EncodeToString(b))
}

// clearing is a line of a clearing CSV.
func clearing(name, time, date string) string {
	return fmt.Sprintf("%s,01,%s,%s,%d,00004711,东风路,%06d,00,%s\n", workedCard, time, date, worked[name].amount, worked[name].atc, field55(name))
}

const (
	clearingHead = "card,psn,time,clearing_date,amount_fen,terminal,merchant,trace,response,f55\n"
	loadsHead    = "time,card,psn,atc,balance_before,amount,result,terminal,f55\n"
	doubtsHead   = "reported,time,card,psn,amount_fen,terminal,merchant,trace,service,last_record,f55\n"
)

type textFile struct{ name, text string }

// keys are the development masters of issuer 0.
func keys(_ string, alg cryptogram.Alg) *cryptogram.Verifier {
	v, err := keystore.Development(1).Verifier(keystore.IssuerMasters(0, alg), alg)
	if err != nil {
		panic(err)
	}
	return v
}

func run(t testing.TB, o foreign.Options, files ...textFile) *foreign.Result {
	t.Helper()
	if o.Params.Window == 0 {
		o.Params = timeline.DefaultParams()
	}
	im := foreign.New(foreign.DefaultMapping(), o)
	for _, f := range files {
		if err := im.Add(f.name, strings.NewReader(f.text)); err != nil {
			t.Fatal(err)
		}
	}
	r := im.Finish()
	r.Localise("en")
	for _, f := range r.Files {
		if f.Lines != f.Headers+f.Trailers+f.Blank+f.Accepted+f.Refused {
			t.Errorf("%s: a line has no fate, or two: %+v", f.Name, f)
		}
	}
	return r
}

func fenOf(name string) money.Fen { return money.Fen(worked[name].amount) }
