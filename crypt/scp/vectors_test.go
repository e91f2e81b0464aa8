package scp

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/wire/apdu"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatalf("%q is not hexadecimal: %v", s, err)
	}
	return b
}

func key(t testing.TB, s string) cryptogram.Key { return cryptogram.Key(unhex(t, s)) }

func same(t testing.TB, what string, got []byte, want string) {
	t.Helper()
	if !bytes.Equal(got, unhex(t, want)) {
		t.Errorf("%s is %X, want %s", what, got, want)
	}
}

func command(t testing.TB, s string) apdu.Command {
	t.Helper()
	c, err := apdu.ParseCommand(unhex(t, s))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func raw(t testing.TB, c apdu.Command) []byte {
	t.Helper()
	b, err := c.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// sameKey compares a session's prepared cipher with a published session key by
// what it makes of one block.
func sameKey(t *testing.T, what string, p Protocol, got interface{ Encrypt(dst, src []byte) }, want string) {
	t.Helper()
	block := newTDES(key(t, want))
	if p == SCP03 {
		block = newAES(key(t, want))
	}
	a, b := make([]byte, p.BlockSize()), make([]byte, p.BlockSize())
	got.Encrypt(a, a)
	block.Encrypt(b, b)
	if !bytes.Equal(a, b) {
		t.Errorf("%s is not %s", what, want)
	}
}

// sameMAC compares the halves of S-MAC of SCP02.
func sameMAC(t *testing.T, s *session, want string) {
	t.Helper()
	mac := key(t, want)
	s.iv = [16]byte{}
	got := s.retail(pad(nil, 0, 8))
	if got != cryptogram.MAC(cryptogram.TDES, mac, nil) {
		t.Errorf("S-MAC is not %s", want)
	}
}

type published struct {
	Name, Enc, Mac, Dek, Kvn, Aid string
	HostChallenge                 string `json:"host_challenge"`
	Answer                        string
	SENC                          string `json:"s_enc"`
	SMAC                          string `json:"s_mac"`
	SDEK                          string `json:"dek_session"`
	ExternalAuthenticate          string `json:"external_authenticate"`
	Commands                      []struct {
		Plain, Wrapped, Answer string
		PlainAnswer            string `json:"plain_answer"`
	}
}

func load[T any](t *testing.T, file string) []T {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out []T
	if err := json.Unmarshal(b, &out); err != nil || len(out) == 0 {
		t.Fatalf("%s: %d entries, %v", file, len(out), err)
	}
	return out
}

// replayCard makes the card's side of a published session and wants the published
// answer from it. With an AID the challenge is computed, without one it is put in
// as a random one.
func replayCard(t *testing.T, keys KeySet, host [8]byte, answer []byte, aid string) *Card {
	t.Helper()
	p, v, err := parseAnswer(answer)
	if err != nil {
		t.Fatal(err)
	}
	keys.Version = answer[10]
	params := Params{Protocol: p, Variant: v, Keys: keys, Diversification: [10]byte(answer), AID: unhex(t, aid)}
	if p == SCP02 {
		params.Sequence = uint32(answer[12])<<8 | uint32(answer[13])
		copy(params.Random[:], answer[14:20])
		if aid != "" {
			params.Variant, params.Random = SCP02Pseudo, [8]byte{}
		}
	} else {
		params.Sequence = uint32(answer[29])<<16 | uint32(answer[30])<<8 | uint32(answer[31])
	}
	c := new(Card)
	got, err := c.InitializeUpdate(nil, params, host)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "answer to INITIALIZE UPDATE", got, hex.EncodeToString(answer))
	return c
}

func TestPublishedSessions(t *testing.T) {
	for _, v := range load[published](t, "testdata/sessions.json") {
		t.Run(v.Name, func(t *testing.T) {
			keys := KeySet{ENC: key(t, v.Enc), MAC: key(t, v.Mac), DEK: key(t, v.Dek)}
			host := NewHost(keys, [8]byte(unhex(t, v.HostChallenge)))
			same(t, "INITIALIZE UPDATE", raw(t, host.InitializeUpdate(unhex(t, v.Kvn)[0])), "8050"+v.Kvn+"0008"+v.HostChallenge+"00")
			external := command(t, v.ExternalAuthenticate)
			if v.Aid != "" {
				host.ExpectChallenge(unhex(t, v.Aid))
			}
			got, err := host.Open(unhex(t, v.Answer), Level(external.P1))
			if err != nil {
				t.Fatal(err)
			}
			same(t, "EXTERNAL AUTHENTICATE", raw(t, got), v.ExternalAuthenticate)
			card := replayCard(t, keys, host.challenge, unhex(t, v.Answer), v.Aid)
			if v.SENC != "" {
				sameKey(t, "S-ENC", SCP02, card.enc, v.SENC)
				sameKey(t, "S-DEK", SCP02, card.dek, v.SDEK)
				sameMAC(t, &card.session, v.SMAC)
			}
			if sw := card.ExternalAuthenticate(&external); sw != apdu.SWOK {
				t.Fatalf("the card answers %v to EXTERNAL AUTHENTICATE", sw)
			}
			for _, c := range v.Commands {
				wrapped, err := host.Wrap(command(t, c.Plain))
				if err != nil {
					t.Fatal(err)
				}
				same(t, "wrapped "+c.Plain, raw(t, wrapped), c.Wrapped)
				plain, sw := card.Unwrap(&wrapped, nil)
				if sw != apdu.SWOK {
					t.Fatalf("the card answers %v to %s", sw, c.Wrapped)
				}
				same(t, "unwrapped "+c.Wrapped, raw(t, plain), c.Plain)
				checkAnswer(t, host, card, c.Answer, c.PlainAnswer)
			}
		})
	}
}

// checkAnswer compares a published answer on both sides; without one, the answer
// is an empty 9000.
func checkAnswer(t *testing.T, host *Host, card *Card, protected, plain string) {
	t.Helper()
	if protected == "" {
		answer := card.Wrap(nil, nil, apdu.SWOK)
		if _, err := host.Unwrap(answer, apdu.SWOK); err != nil {
			t.Fatal(err)
		}
		return
	}
	data, sw, err := apdu.ParseResponse(unhex(t, plain))
	if err != nil {
		t.Fatal(err)
	}
	answer := apdu.AppendResponse(nil, card.Wrap(nil, data, sw), sw)
	same(t, "answer", answer, protected)
	got, err := host.Unwrap(answer[:len(answer)-2], sw)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "plain answer", got, plain[:len(plain)-4])
}

type vector struct {
	Name, Family     string
	Inputs, Expected map[string]string
}

func TestVectorFile(t *testing.T) {
	checks := map[string]func(*testing.T, vector){
		"scp02-changsha":           checkChangsha,
		"scp03-mutual_auth":        checkSCP03Session,
		"scp03-delete_application": checkSCP03Session,
		"scp03-channel-mac":        checkChannelMAC,
		"scp03-response-mac":       checkResponseMAC,
	}
	for _, v := range load[vector](t, "../../testdata/vectors/scp.json") {
		check := checks[v.Name]
		if check == nil {
			t.Errorf("vector %q is not checked", v.Name)
			continue
		}
		delete(checks, v.Name)
		t.Run(v.Name, func(t *testing.T) { check(t, v) })
	}
	for name := range checks {
		t.Errorf("vector %q is in no file", name)
	}
}

func checkChangsha(t *testing.T, v vector) {
	k := key(t, v.Inputs["static_key"])
	keys := KeySet{ENC: k, MAC: k, DEK: k}
	host := NewHost(keys, [8]byte(unhex(t, v.Inputs["host_challenge"])))
	answer := unhex(t, strings.Repeat("00", 10)+"2002"+v.Inputs["sequence"]+v.Inputs["card_challenge"]+v.Expected["card_cryptogram"])
	cmd, err := host.Open(answer, CMAC)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "EXTERNAL AUTHENTICATE", raw(t, cmd), v.Inputs["external_authenticate_header"]+v.Expected["host_cryptogram"]+v.Expected["c_mac"])
	sameKey(t, "S-ENC", SCP02, host.enc, v.Expected["s_enc"])
	sameKey(t, "S-DEK", SCP02, host.dek, v.Expected["s_dek"])
	sameMAC(t, &host.session, v.Expected["s_mac"])
}

// issuerDomain is the standard AID of an issuer security domain: the challenges
// of the recorded sessions are those of this AID.
const issuerDomain = "A000000151000000"

func checkSCP03Session(t *testing.T, v vector) {
	keys := KeySet{ENC: key(t, v.Inputs["k_enc"]), MAC: key(t, v.Inputs["k_mac"])}
	host := NewHost(keys, [8]byte(unhex(t, v.Inputs["host_challenge"])))
	answer := unhex(t, strings.TrimSuffix(v.Inputs["initialize_update_response"], "9000"))
	host.ExpectChallenge(unhex(t, issuerDomain))
	header := v.Inputs["external_authenticate_header"]
	cmd, err := host.Open(answer, Level(unhex(t, header)[2]))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "card challenge", answer[13:21], v.Expected["card_challenge"])
	same(t, "card cryptogram", answer[21:29], v.Expected["card_cryptogram"])
	sameKey(t, "S-ENC", SCP03, host.enc, v.Expected["s_enc"])
	sameKey(t, "S-MAC", SCP03, host.mac.block, v.Expected["s_mac"])
	sameKey(t, "S-RMAC", SCP03, host.rmac.block, v.Expected["s_rmac"])
	same(t, "EXTERNAL AUTHENTICATE", raw(t, cmd), header+v.Expected["host_cryptogram"]+v.Expected["c_mac"])
	same(t, "chaining value", host.chain[:], v.Expected["mac_chaining_value"])
	card := replayCard(t, keys, host.challenge, answer, issuerDomain)
	if sw := card.ExternalAuthenticate(&cmd); sw != apdu.SWOK {
		t.Fatalf("the card answers %v", sw)
	}
	if v.Expected["wrapped_command"] == "" {
		return
	}
	wrapped, err := host.Wrap(command(t, v.Inputs["plain_command"]+"00"))
	if err != nil {
		t.Fatal(err)
	}
	wrapped.Le = apdu.NoLe
	same(t, "wrapped", raw(t, wrapped), v.Expected["wrapped_command"])
	plain, sw := card.Unwrap(&wrapped, nil)
	if sw != apdu.SWOK {
		t.Fatalf("the card answers %v to DELETE", sw)
	}
	same(t, "unwrapped", raw(t, plain), v.Inputs["plain_command"])
}

func checkChannelMAC(t *testing.T, v vector) {
	s := session{protocol: SCP03, mac: newCMAC(key(t, v.Inputs["key"])), chain: [16]byte(unhex(t, v.Inputs["mac_chaining_value"]))}
	h := unhex(t, v.Inputs["header"])
	m := append(append(s.text[:0], s.chain[:]...), h...)
	mac := s.mac.sum(m)
	same(t, "MAC", mac[:8], v.Expected["mac8"])
}

func checkResponseMAC(t *testing.T, v vector) {
	s := session{protocol: SCP03, rmac: newCMAC(key(t, v.Inputs["key"])), chain: [16]byte(unhex(t, v.Inputs["mac_chaining_value"]))}
	sw := unhex(t, v.Inputs["sw"])
	mac := s.answerMAC(unhex(t, v.Inputs["response_data"]), uint16(sw[0])<<8|uint16(sw[1]))
	same(t, "R-MAC", mac[:], v.Expected["mac8"])
}

// TestCMAC checks the MAC underneath with the vectors of RFC 4493.
func TestCMAC(t *testing.T) {
	found := 0
	for _, v := range load[vector](t, "../../testdata/vectors/mac.json") {
		if v.Family != "CMAC" {
			continue
		}
		found++
		c := newCMAC(key(t, v.Inputs["key"]))
		sum := c.sum(unhex(t, v.Inputs["message"]))
		same(t, v.Name, sum[:], v.Expected["mac"])
	}
	if found < 3 {
		t.Errorf("%d vectors of AES-CMAC, want 3", found)
	}
}

type exchange struct{ Command, Response string }

// TestRealCard follows a session with a real card, which turns out to be of i=55:
// its challenge is that of the selected AID. The card side has to make the same
// answer, the host side the same commands.
func TestRealCard(t *testing.T) {
	f, err := os.Open("testdata/changsha_install.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var log []exchange
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var e exchange
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		log = append(log, e)
	}
	if len(log) != 8 {
		t.Fatalf("%d exchanges, want 8", len(log))
	}
	k := key(t, "404142434445464748494A4B4C4D4E4F")
	keys := KeySet{Version: 0x20, ENC: k, MAC: k, DEK: k}
	initialize := command(t, log[3].Command)
	host := NewHost(keys, [8]byte(initialize.Data))
	same(t, "INITIALIZE UPDATE", raw(t, host.InitializeUpdate(0x20))[:13], log[3].Command)
	answer := unhex(t, strings.TrimSuffix(log[4].Response, "9000"))
	domain := command(t, log[1].Command).Data
	host.ExpectChallenge(domain)
	external, err := host.Open(answer, CMAC)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "EXTERNAL AUTHENTICATE", raw(t, external), log[5].Command)
	card := replayCard(t, keys, host.challenge, answer, hex.EncodeToString(domain))
	if sw := card.ExternalAuthenticate(&external); sw != apdu.SWOK || card.NextSequence() != 8 {
		t.Fatalf("the card answers %v, next counter %d", sw, card.NextSequence())
	}
	install := command(t, log[6].Command)
	plain, sw := card.Unwrap(&install, nil)
	if sw != apdu.SWOK {
		t.Fatalf("the card answers %v to INSTALL", sw)
	}
	if plain.CLA != 0x80 || plain.INS != 0xE6 || len(plain.Data) != 0x23 {
		t.Errorf("INSTALL is %X", raw(t, plain))
	}
	wrapped, err := host.Wrap(plain)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "INSTALL", raw(t, wrapped), log[6].Command)
}

func TestKeyCheckValues(t *testing.T) {
	for k, want := range map[string]string{
		"000102030405060708090A0B0C0D0E0F": "C35280",
		"101112131415161718191A1B1C1D1E1F": "013808",
		"202122232425262728292A2B2C2D2E2F": "840DE5",
	} {
		kcv := SCP03.KCV(key(t, k))
		same(t, "KCV of "+k, kcv[:], want)
	}
	kcv := SCP02.KCV(key(t, "404142434445464748494A4B4C4D4E4F"))
	same(t, "KCV of the test key", kcv[:], "8BAF47")
}
