package crypt_test

import (
	"encoding/json"
	"math/big"
	"os"
	"strings"
	"testing"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/money"
)

// own is one value of testdata/pboc_ours.json. Label says whether it was ever
// published or only follows from the formulas.
type own struct {
	Name, Kind, Label, Source string
	Inputs, Expected          fields
}

var ownChecks = map[string]check{
	"card_key":        checkOwnCardKey,
	"session_key":     checkOwnSessionKey,
	"emv_session_key": checkCommonSessionKey,
	"mac":             checkOwnMAC,
	"arpc":            checkOwnARPC,
	"ac":              checkOwnAC,
	"balance_mac":     checkOwnBalanceMAC,
	"script_mac":      checkOwnScriptMAC,
	"sm2_issuer":      checkSM2IssuerCert,
	"sm2_card":        checkSM2CardCert,
	"sm2_dynamic":     checkSM2Dynamic,
}

func TestPBOCValues(t *testing.T) {
	for _, v := range load[own](t, "testdata/pboc_ours.json") {
		if v.Label != "ours" && v.Label != "published" || v.Source == "" {
			t.Errorf("%s: label %q, source %q: each value says whose it is", v.Name, v.Label, v.Source)
		}
		if strings.HasPrefix(v.Kind, "rsa_") {
			continue // checked inside package oda: their static data are unknown
		}
		run := ownChecks[v.Kind]
		if run == nil {
			t.Errorf("%s: nobody checks kind %q", v.Name, v.Kind)
			continue
		}
		t.Run(v.Name, func(t *testing.T) { run(t, v.Inputs, v.Expected) })
	}
}

func (f fields) alg(t *testing.T) cryptogram.Alg {
	t.Helper()
	return cryptogram.Alg(f.bytes(t, "alg")[0])
}

func (f fields) number(t *testing.T, name string) uint16 {
	t.Helper()
	b := f.bytes(t, name)
	return uint16(b[0])<<8 | uint16(b[1])
}

func checkOwnCardKey(t *testing.T, in, want fields) {
	got := cardKey(t, in.alg(t), in.key(t, "master"), in.text(t, "pan"), in.text(t, "psn"))
	if want.text(t, "parity") == "odd" {
		got = oddParity(got)
	}
	same(t, "card key", got[:], want.bytes(t, "key"))
}

func checkOwnSessionKey(t *testing.T, in, want fields) {
	card := cardKey(t, in.alg(t), in.key(t, "master"), in.text(t, "pan"), in.text(t, "psn"))
	got := cryptogram.DeriveSessionKey(in.alg(t), card, in.number(t, "atc"))
	same(t, "session key", got[:], want.bytes(t, "key"))
}

func checkCommonSessionKey(t *testing.T, in, want fields) {
	got := emvCommonSessionKey(t, in.key(t, "key"), in.bytes(t, "r"))
	pboc := cryptogram.DeriveSessionKey(cryptogram.TDES, in.key(t, "key"), 0x001C)
	if got.Equal(pboc) {
		t.Error("the PBOC session key must not be the EMV common one")
	}
	got = oddParity(got)
	same(t, "EMV common session key", got[:], want.bytes(t, "key"))
}

func checkOwnMAC(t *testing.T, in, want fields) {
	got := cryptogram.MAC(in.alg(t), in.key(t, "key"), in.bytes(t, "data"))
	same(t, "MAC", got[:], want.bytes(t, "mac"))
}

func checkOwnARPC(t *testing.T, in, want fields) {
	got := cryptogram.ARPC(in.alg(t), in.key(t, "key"), [8]byte(in.bytes(t, "arqc")), [2]byte(in.bytes(t, "arc")))
	same(t, "ARPC", got[:], want.bytes(t, "arpc"))
}

func checkOwnAC(t *testing.T, in, want fields) {
	term := cryptogram.TerminalInput{
		Amount: [6]byte(in.bytes(t, "amount")), Other: [6]byte(in.bytes(t, "other")), Country: [2]byte(in.bytes(t, "country")),
		TVR: [5]byte(in.bytes(t, "tvr")), Currency: [2]byte(in.bytes(t, "currency")), Date: [3]byte(in.bytes(t, "date")),
		Type: in.bytes(t, "type")[0], UN: [4]byte(in.bytes(t, "un")),
	}
	card := cryptogram.CardInput{AIP: [2]byte(in.bytes(t, "aip")), ATC: in.number(t, "atc"), CVR: [3]byte(in.bytes(t, "cvr"))}
	data := cryptogram.ACData(nil, cryptogram.CVN(in.bytes(t, "cvn")[0]), &term, &card)
	same(t, "cryptogram input", data, want.bytes(t, "data"))
	ac := cryptogram.MAC(in.alg(t), in.key(t, "key"), data)
	same(t, "cryptogram", ac[:], want.bytes(t, "ac"))
}

func checkOwnBalanceMAC(t *testing.T, in, want fields) {
	a1, a2 := [5]byte(in.bytes(t, "amount1")), [5]byte(in.bytes(t, "amount2"))
	mac := cryptogram.BalanceMAC(in.alg(t), in.key(t, "key"), in.number(t, "atc"), in.bytes(t, "idd")[0], a1, a2)
	same(t, "balance MAC", mac[:], want.bytes(t, "mac"))
	if _, ok := want["unpadded"]; !ok {
		return
	}
	// What a source that does not pad ids 03 and 04 would make; ours differs on purpose.
	data := append(append(in.bytes(t, "atc"), a1[:]...), a2[:]...)
	unpadded := retailMAC(t, in.key(t, "key"), append(data, 0, 0, 0, 0))
	same(t, "MAC without padding", unpadded[:4], want.bytes(t, "unpadded"))
}

func checkOwnScriptMAC(t *testing.T, in, want fields) {
	mac, err := cryptogram.ScriptMAC(in.alg(t), in.key(t, "key"), [4]byte(in.bytes(t, "header")), in.number(t, "atc"), [8]byte(in.bytes(t, "ac")), in.bytes(t, "data"))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "script MAC", mac[:], want.bytes(t, "mac"))
	direct := cryptogram.MAC(in.alg(t), in.key(t, "key"), want.bytes(t, "input"))
	same(t, "MAC over the input as written", direct[:4], mac[:])
}

// sm2Parties gives the verifier of the CA of pboc_ours.json, and the twin that
// signs for a party with the fixed k of the values.
func sm2Parties(t *testing.T, in fields) (signer *sm2Twin, k *big.Int) {
	t.Helper()
	return newSM2Twin(in.bytes(t, "signer")), new(big.Int).SetBytes(in.bytes(t, "k"))
}

const sm2Index = 0x57

func sm2Verifier(t *testing.T, ca [64]byte) *oda.Verifier {
	t.Helper()
	v, err := oda.NewVerifier([]oda.CAKey{{RID: unionPay, Index: sm2Index, SM2: &ca}}, 1)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// checkSM2IssuerCert: our verifier takes the value, our maker makes the same
// clear bytes, and the twin with the same k makes the same signature.
func checkSM2IssuerCert(t *testing.T, in, want fields) {
	cert := want.bytes(t, "certificate")
	signer, k := sm2Parties(t, in)
	ca, err := oda.NewSM2Private([32]byte(in.bytes(t, "signer")))
	if err != nil {
		t.Fatal(err)
	}
	c := oda.IssuerCert{IssuerID: [4]byte(in.bytes(t, "issuer_id")), Expiry: [2]byte(in.bytes(t, "expiry")), Serial: [3]byte(in.bytes(t, "serial"))}
	made, err := ca.CertifyIssuer(strings.NewReader(strings.Repeat("r", 32)), c, newSM2Twin(in.bytes(t, "subject")).public())
	if err != nil {
		t.Fatal(err)
	}
	same(t, "clear part", made[:78], cert[:78])
	same(t, "signature with the fixed k", signer.sign(k, made[:78]), cert[78:])
	card := oda.CardData{RID: unionPay, CAIndex: sm2Index, PAN: pan10(t, "6228000100001117"), IssuerCert: cert}
	if _, r := sm2Verifier(t, ca.Public()).VerifyCardCert(&card, oda.MonthOf(2025, 1)); r != oda.MissingData {
		t.Errorf("reason %v, want missing data (9F46)", r)
	}
}

func checkSM2CardCert(t *testing.T, in, want fields) {
	cert, static := want.bytes(t, "certificate"), in.bytes(t, "static_data")
	signer, k := sm2Parties(t, in)
	issuer, err := oda.NewSM2Private([32]byte(in.bytes(t, "signer")))
	if err != nil {
		t.Fatal(err)
	}
	c := oda.CardCert{PAN: [10]byte(in.bytes(t, "pan")), Expiry: [2]byte(in.bytes(t, "expiry")), Serial: [3]byte(in.bytes(t, "serial")), StaticData: static}
	subject := newSM2Twin(in.bytes(t, "subject")).public()
	made, err := issuer.CertifyCard(strings.NewReader(strings.Repeat("r", 32)), c, subject)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "clear part", made[:84], cert[:84])
	same(t, "signature with the fixed k", signer.sign(k, append(made[:84:84], static...)), cert[84:])
	key := sm2Card(t)
	if got := key.SM2().XY(); got != subject {
		t.Errorf("certified key %X, want %X", got, subject)
	}
}

// sm2Card verifies the two certificates of pboc_ours.json and gives the card key.
func sm2Card(t *testing.T) *oda.CardKey {
	t.Helper()
	values := map[string]own{}
	for _, v := range load[own](t, "testdata/pboc_ours.json") {
		values[v.Kind] = v
	}
	issuer, card := values["sm2_issuer"], values["sm2_card"]
	v := sm2Verifier(t, newSM2Twin(issuer.Inputs.bytes(t, "signer")).public())
	data := oda.CardData{
		RID: unionPay, CAIndex: sm2Index, PAN: [10]byte(card.Inputs.bytes(t, "pan")), StaticData: card.Inputs.bytes(t, "static_data"),
		IssuerCert: issuer.Expected.bytes(t, "certificate"), CardCert: card.Expected.bytes(t, "certificate"),
	}
	key, r := v.VerifyCardCert(&data, oda.MonthOf(2025, 1))
	if r != oda.OK {
		t.Fatalf("card certificate: %v", r)
	}
	return key
}

func checkSM2Dynamic(t *testing.T, in, want fields) {
	sdad := want.bytes(t, "signature")
	term := oda.FDDATerminalData(nil, in.bytes(t, "version")[0], [4]byte(in.bytes(t, "un")), [6]byte(in.bytes(t, "amount")), [2]byte(in.bytes(t, "currency")), in.bytes(t, "tag_9f69"))
	signer, k := sm2Parties(t, in)
	same(t, "signature with the fixed k", signer.sign(k, append(sdad[:5:5], term...)), sdad[5:])
	key := sm2Card(t)
	if r := key.VerifyDynamic(sdad, in.number(t, "atc"), term); r != oda.OK {
		t.Errorf("reason %v, want ok", r)
	}
	if r := key.VerifyDynamic(sdad, in.number(t, "atc")+1, term); r != oda.ATCMismatch {
		t.Errorf("next counter: %v, want ATC mismatch", r)
	}
	term[3] ^= 1
	if r := key.VerifyDynamic(sdad, in.number(t, "atc"), term); r != oda.SDADBad {
		t.Errorf("another unpredictable number: %v, want dynamic signature bad", r)
	}
}

// TestTimelineExample checks every row of a card's life in bulk, and that the
// balance which a row states is what the story says.
func TestTimelineExample(t *testing.T) {
	raw, err := os.ReadFile("testdata/timeline.json")
	if err != nil {
		t.Fatal(err)
	}
	var life struct {
		PAN       string
		MasterAC  string `json:"master_ac"`
		MasterMAC string `json:"master_mac"`
		Rows      []struct {
			ATC, What, Amount, UN, IAD, AC string
			Balance                        money.Fen
		}
	}
	if err := json.Unmarshal(raw, &life); err != nil {
		t.Fatal(err)
	}
	block := func(hex string) cryptogram.Block {
		b, err := cryptogram.NewBlock(cryptogram.TDES, cryptogram.Key(unhex(t, hex)))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	v := cryptogram.NewVerifier(cryptogram.TDES, block(life.MasterAC), block(life.MasterMAC))
	if len(life.Rows) != 8 {
		t.Fatalf("%d rows, want 8", len(life.Rows))
	}
	for _, r := range life.Rows {
		in := fields{"atc": r.ATC}
		iad, err := cryptogram.ParseIAD(unhex(t, r.IAD))
		if err != nil {
			t.Fatalf("%s: %v", r.What, err)
		}
		term := cryptogram.TerminalInput{Amount: [6]byte(unhex(t, r.Amount)), UN: [4]byte(unhex(t, r.UN))}
		card := cryptogram.CardInput{ATC: in.number(t, "atc"), CVR: iad.CVR}
		if got := v.Check([10]byte(unhex(t, life.PAN)), 1, &term, &card, unhex(t, r.IAD), [8]byte(unhex(t, r.AC)), true); got != cryptogram.OK {
			t.Errorf("%s %s: %v", r.ATC, r.What, got)
		}
		want := r.Balance
		if iad.Result() == cryptogram.TC {
			amount, err := money.FromN12(term.Amount[:])
			if err != nil {
				t.Fatal(err)
			}
			want -= amount
		}
		if got, stated := iad.Balance(); !stated || got != want {
			t.Errorf("%s %s: states %v, want %v", r.ATC, r.What, got, want)
		}
		term.Amount[5]++
		if got := v.Check([10]byte(unhex(t, life.PAN)), 1, &term, &card, unhex(t, r.IAD), [8]byte(unhex(t, r.AC)), true); got != cryptogram.BadAC {
			t.Errorf("%s with another amount: %v", r.ATC, got)
		}
	}
}
