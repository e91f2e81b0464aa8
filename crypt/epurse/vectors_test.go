package epurse_test

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/citycard/citycard/crypt/epurse"
)

// vector is one case of testdata/vectors.json: its inputs, and what must
// come out by name. What a source does not tell is not expected.
type vector struct {
	Name, Source, Operation, Algorithm string
	Key                                text
	TACKey                             text `json:"tac_key"`
	Factors                            []text
	Random, Seq, Balance, Amount       text
	Type, Terminal, Stamp              text
	TerminalSeq                        text `json:"terminal_seq"`
	OldLimit                           text `json:"old_limit"`
	AuthCode                           text `json:"auth_code"`
	Challenge, Header, Data            text
	Enciphered                         bool
	Expected                           map[string]text
}

type text []byte

func (x *text) UnmarshalText(b []byte) (err error) {
	*x, err = hex.DecodeString(string(b))
	return err
}

func (v *vector) alg() epurse.Alg {
	if v.Algorithm == "SM4" {
		return epurse.SM4
	}
	return epurse.TDES
}

func (v *vector) trade() *epurse.Trade {
	tr := &epurse.Trade{Type: epurse.Type(v.Type[0]), Amount: binary.BigEndian.Uint32(v.Amount),
		Terminal: epurse.Terminal(v.Terminal), Stamp: epurse.Stamp(v.Stamp), AuthCode: v.AuthCode}
	if len(v.TerminalSeq) > 0 {
		tr.TerminalSeq = binary.BigEndian.Uint32(v.TerminalSeq)
	}
	return tr
}

// run computes everything that the operation gives.
func (v *vector) run(t *testing.T) map[string][]byte {
	out := map[string][]byte{}
	put := func(name string, m epurse.MAC) { out[name] = m[:] }
	alg := v.alg()
	switch v.Operation {
	case "diversify":
		var f []epurse.Factor
		for _, x := range v.Factors {
			f = append(f, epurse.Factor(x))
		}
		k := epurse.Diversify(alg, epurse.Key(v.Key), f...)
		out["key"] = k[:]
	case "line":
		v.line(t, out)
	case "authenticate":
		x := epurse.Authentication(alg, epurse.Key(v.Key), v.Data)
		out["field"] = x[:]
	case "reload":
		put("field", epurse.ReloadMAC(alg, epurse.Key(v.Key), v.Data))
	default:
		v.runTrade(t, put, out)
	}
	return out
}

func (v *vector) line(t *testing.T, out map[string][]byte) {
	l := epurse.NewLine(v.alg(), epurse.Key(v.Key), v.Challenge)
	field, err := l.Protect(nil, epurse.Header(v.Header), v.Data, v.Enciphered)
	if err != nil {
		t.Fatal(err)
	}
	back, err := l.Open(epurse.Header(v.Header), field, v.Enciphered)
	if err != nil || string(back) != string(v.Data) {
		t.Fatalf("opened %X, %v", back, err)
	}
	if !v.Enciphered {
		field = field[len(v.Data):]
	}
	out["field"] = field
}

func (v *vector) runTrade(t *testing.T, put func(string, epurse.MAC), out map[string][]byte) {
	alg, tr, seq := v.alg(), v.trade(), binary.BigEndian.Uint16(v.Seq)
	var tac epurse.Session
	if len(v.TACKey) > 0 {
		tac = epurse.TACSession(alg, epurse.Key(v.TACKey))
		out["tac_session"] = tac.Bytes(nil)
	}
	var s epurse.Session
	if v.Operation == "purchase" {
		s = epurse.PurchaseSession(alg, epurse.Key(v.Key), [4]byte(v.Random), seq, tr.TerminalSeq)
		put("mac1", epurse.PurchaseMAC1(s, tr))
		put("mac2", epurse.PurchaseMAC2(s, tr.Amount))
		if len(v.TACKey) > 0 {
			put("tac", epurse.PurchaseTAC(tac, tr))
		}
		out["session"] = s.Bytes(nil)
		return
	}
	s = epurse.LoadSession(alg, epurse.Key(v.Key), [4]byte(v.Random), seq)
	out["session"] = s.Bytes(nil)
	balance := binary.BigEndian.Uint32(v.Balance)
	switch v.Operation {
	case "load":
		put("mac1", epurse.LoadMAC1(s, balance, tr))
		put("mac2", epurse.LoadMAC2(s, tr))
		if len(v.TACKey) > 0 {
			put("tac", epurse.LoadTAC(tac, balance+tr.Amount, seq, tr))
		}
	case "unload":
		put("mac1", epurse.LoadMAC1(s, balance, tr))
		put("mac2", epurse.LoadMAC2(s, tr))
		put("mac3", epurse.UnloadMAC3(s, balance-tr.Amount, seq, tr))
	case "overdraft":
		old := binary.BigEndian.Uint32(append([]byte{0}, v.OldLimit...))
		put("mac1", epurse.OverdraftMAC1(s, balance, old, tr))
		put("mac2", epurse.OverdraftMAC2(s, tr))
		put("tac", epurse.OverdraftTAC(tac, balance+tr.Amount-old, seq, tr))
	default:
		t.Fatalf("operation %q is not known", v.Operation)
	}
}

func TestVectors(t *testing.T) {
	raw, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []vector
	if err := json.Unmarshal(raw, &list); err != nil {
		t.Fatal(err)
	}
	if len(list) < 30 {
		t.Fatalf("%d vectors, more were written", len(list))
	}
	for _, v := range list {
		t.Run(v.Algorithm+" "+v.Name, func(t *testing.T) {
			got := v.run(t)
			if len(v.Expected) == 0 || v.Source == "" {
				t.Fatal("nothing is expected, or no source is named")
			}
			for name, want := range v.Expected {
				if strings.Compare(string(got[name]), string(want)) != 0 {
					t.Errorf("%s is %X, want %X", name, got[name], []byte(want))
				}
			}
		})
	}
}
