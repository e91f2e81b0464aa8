package tlv_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"strconv"
	"testing"

	"github.com/citycard/citycard/wire/tlv"
)

// exchange is a line of testdata/responses.jsonl; testdata/SOURCE.md says where
// each comes from.
type exchange struct {
	Session           string
	Seq               int
	Command, Response string
}

func exchanges(t testing.TB) []exchange {
	t.Helper()
	f, err := os.Open("testdata/responses.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []exchange
	sc := bufio.NewScanner(f)
	for sc.Scan() {
		var x exchange
		if err := json.Unmarshal(sc.Bytes(), &x); err != nil {
			t.Fatal(err)
		}
		all = append(all, x)
	}
	if err := sc.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// notTLV are the answers whose data field is a plain file or torn.
var notTLV = map[string]bool{
	"nfsee-BJ 1": true, "nfsee-CU 3": true, "nfsee-SZ 2": true, "nfsee-TU 2": true,
	"tec-connection_lost_during_PPSE_response 1": true,
}

func TestCardAnswersReadAndWriteBack(t *testing.T) {
	read := 0
	for _, x := range exchanges(t) {
		name := x.Session + " " + strconv.Itoa(x.Seq)
		b := unhex(t, x.Response)
		b = b[:len(b)-2]
		nodes, err := tlv.Parse(b)
		if notTLV[name] {
			if err == nil {
				t.Errorf("%s: read as %s", name, shape(nodes))
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(nodes) == 0 {
			continue
		}
		read++
		var again []byte
		for i := range nodes {
			again = nodes[i].Append(again)
		}
		if !bytes.Equal(again, b) {
			t.Errorf("%s: written again %X, was %X", name, again, b)
		}
	}
	if read < 60 {
		t.Errorf("only %d answers were data objects", read)
	}
}

// The data that a terminal sent with GET PROCESSING OPTIONS have the length
// that the card's PDOL asks for.
func TestPDOLsOfCardsFitTheCommandsSent(t *testing.T) {
	fitted := 0
	var pdol []byte
	for _, x := range exchanges(t) {
		if x.Seq == 1 {
			pdol = nil
		}
		r := unhex(t, x.Response)
		if v, ok := tlv.Find(r, tlv.TagFCITemplate, tlv.TagFCIProprietary, tlv.TagPDOL); ok {
			pdol = v
		}
		c := unhex(t, x.Command)
		if pdol == nil || len(c) < 7 || c[1] != 0xA8 {
			continue
		}
		d, err := tlv.ParseDOL(pdol)
		if err != nil {
			t.Errorf("%s: %v", x.Session, err)
			continue
		}
		if sent, ok := tlv.Find(c[5:], tlv.TagCommandTemplate); !ok || len(sent) != d.Len() {
			t.Errorf("%s: PDOL asks for %d bytes, the terminal sent %X", x.Session, d.Len(), sent)
		}
		fitted++
	}
	if fitted < 3 {
		t.Errorf("only %d commands compared", fitted)
	}
}
