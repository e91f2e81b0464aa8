package reader_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"maps"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/terminal/reader/recording"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
	"github.com/citycard/citycard/wire/tlv/describe"
)

const traces = "../../testdata/card-traces/"

// recorded are the published conversations; testdata/card-traces/SOURCE.md says
// where they come from.
func recorded(t testing.TB) []recording.Session {
	t.Helper()
	b, err := os.ReadFile(traces + "traces.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	list, err := recording.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func session(t testing.TB, name string) *recording.Session {
	t.Helper()
	s, err := recording.Find(recorded(t), name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// unionPay are the published CA keys of RID A000000333.
func unionPay(t testing.TB) []oda.CAKey {
	t.Helper()
	b, err := os.ReadFile(traces + "capk-A000000333.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []struct {
		RID, Index, Algorithm, Modulus, Exponent string
		Point                                    string `json:"public_key_xy"`
	}
	if err := json.Unmarshal(b, &list); err != nil {
		t.Fatal(err)
	}
	var keys []oda.CAKey
	for _, k := range list {
		key := oda.CAKey{RID: [5]byte(unhex(t, k.RID)), Index: unhex(t, k.Index)[0]}
		if k.Algorithm == "SM2" {
			point := [64]byte(unhex(t, k.Point))
			key.SM2 = &point
		} else {
			exponent, err := strconv.ParseUint(k.Exponent, 16, 32)
			if err != nil {
				t.Fatal(err)
			}
			key.RSA = &oda.RSAPublic{Modulus: unhex(t, k.Modulus), Exponent: uint32(exponent)}
		}
		keys = append(keys, key)
	}
	return keys
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// purse says that a session is of no EMV or PBOC application but of an electronic
// purse, and felica that its answers are no response APDUs.
func purse(name string) bool {
	switch name {
	case "nfsee-BJ", "nfsee-Wuhan", "nfsee-CU", "nfsee-SZ", "nfsee-common", "nfsee-THU", "nfsee-TMoney", "nfsee-TU":
		return true
	}
	return strings.HasPrefix(name, "cs-")
}

func felica(name string) bool { return name == "nfsee-Octo" }

// TestRecordingsReadAndWriteBack: the file itself, line by line.
func TestRecordingsReadAndWriteBack(t *testing.T) {
	want, err := os.ReadFile(traces + "traces.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var got []byte
	lines := 0
	list := recorded(t)
	for i := range list {
		got = list[i].Append(got)
		lines += len(list[i].Exchanges)
	}
	if !bytes.Equal(got, want) {
		t.Error("the file is not as Append writes it")
	}
	if len(list) != 47 || lines != 649 {
		t.Errorf("%d sessions, %d lines; want 47 and 649", len(list), lines)
	}
}

// notDecoded are the answers of EMV and PBOC sessions that are neither data objects
// nor records of a log with a format, each with the reason.
var notDecoded = map[string]string{
	"bf-contact-visa 3":  "blanked by the publisher, status word included",
	"dn-GeldKartePpse 4": "a file of the GeldKarte, which is no EMV application: bare bytes",
	"dn-GeldKartePpse 5": "the same",
	"dn-GeldKartePpse 6": "the same",
}

// TestEveryAnswerReadsAndWritesBack: every answer of every EMV and PBOC session is
// decoded, as data objects or as a log record by the card's log format (9F4F), and
// encoded again byte for byte.
func TestEveryAnswerReadsAndWritesBack(t *testing.T) {
	var objects, logs, statuses int
	unused := maps.Clone(notDecoded)
	for _, s := range recorded(t) {
		if purse(s.Name) || felica(s.Name) {
			continue
		}
		var file byte // of the log
		var format []byte
		for _, x := range s.Exchanges {
			name := s.Name + " " + strconv.Itoa(x.Seq)
			if x.Reset() || x.Lost() {
				continue
			}
			b, _, err := apdu.ParseResponse(x.Response)
			if _, ok := notDecoded[name]; ok {
				delete(unused, name)
				if nodes, bad := tlv.Parse(b); err == nil && bad == nil {
					t.Errorf("%s: read as %d objects, and is listed as unreadable", name, len(nodes))
				}
				continue
			}
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if entry, ok := findDeep(b, tlv.TagLogEntry); ok {
				file = entry[0]
			}
			if v, ok := findDeep(b, tlv.TagLogFormat); ok {
				format = v
			}
			switch {
			case len(b) == 0:
				statuses++
			case file != 0 && x.Command[1] == 0xB2 && x.Command[3]>>3 == file:
				logs++
				if again := logRecord(t, format, b); !bytes.Equal(again, b) {
					t.Errorf("%s: log record %X by %X gives %X", name, b, format, again)
				}
			default:
				objects++
				nodes, err := tlv.Parse(b)
				var again []byte
				for i := range nodes {
					again = nodes[i].Append(again)
				}
				if err != nil || !bytes.Equal(again, b) {
					t.Errorf("%s: %X gives %X, %v", name, b, again, err)
				}
			}
		}
	}
	for name := range unused {
		t.Errorf("%s is listed as unreadable and is not there", name)
	}
	t.Logf("%d answers of data objects, %d log records, %d status words alone, %d not decoded", objects, logs, statuses, len(notDecoded))
}

// findDeep finds an object at any depth.
func findDeep(b []byte, tag tlv.Tag) ([]byte, bool) {
	for it := tlv.Iterate(b); it.Next(); {
		if it.Tag == tag && len(it.Value) > 0 {
			return it.Value, true
		}
		if it.Tag.Constructed() {
			if v, ok := findDeep(it.Value, tag); ok {
				return v, true
			}
		}
	}
	return nil, false
}

// logRecord reads a log record by the log format and writes it again.
func logRecord(t *testing.T, format, record []byte) []byte {
	t.Helper()
	dol, err := tlv.ParseDOL(format)
	if err != nil {
		t.Errorf("log format %X: %v", format, err)
		return nil
	}
	values := map[tlv.Tag][]byte{}
	for _, e := range dol {
		if len(record) < e.Len {
			return nil
		}
		values[e.Tag], record = record[:e.Len], record[e.Len:]
	}
	again, err := dol.Append(nil, func(tag tlv.Tag) []byte { return values[tag] })
	if err != nil {
		t.Error(err)
	}
	return again
}

// TestPursesAreShown: answers of purses are described, FeliCa frames are whole.
func TestPursesAreShown(t *testing.T) {
	for _, s := range recorded(t) {
		for _, x := range s.Exchanges {
			if x.Reset() || !purse(s.Name) && !felica(s.Name) {
				continue
			}
			items, err := describe.Response(x.Response, describe.Options{})
			switch {
			case felica(s.Name): // length, response code, identifier (JIS X 6319-4): shown raw
				if int(x.Response[0]) != len(x.Response) || x.Response[1]%2 != 1 {
					t.Errorf("%s %d: no FeliCa frame: %X", s.Name, x.Seq, x.Response)
				}
			case err != nil:
				t.Errorf("%s %d: %v", s.Name, x.Seq, err)
			case describe.Text(items, describe.Options{}) == "":
				t.Errorf("%s %d: nothing to show", s.Name, x.Seq)
			}
		}
	}
}
