package describe_test

import (
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"pgregory.net/rapid"

	"github.com/citycard/citycard/wire/tlv"
	"github.com/citycard/citycard/wire/tlv/describe"
)

// TestTrees reads testdata: a kind, options, the bytes, and the tree that people see.
func TestTrees(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd == "exchange" {
				return exchangeText(t, d)
			}
			b, err := hex.DecodeString(strings.Join(strings.Fields(d.Input), ""))
			if err != nil {
				d.Fatalf(t, "bad hexadecimal: %v", err)
			}
			var o describe.Options
			d.MaybeScanArgs(t, "lang", &o.Lang)
			o.ShowPAN = d.HasArg("show-pan")
			items, err := describeKind(t, d, b, o)
			if err != nil {
				return err.Error()
			}
			if d.HasArg("json") {
				out, err := json.MarshalIndent(items, "", " ")
				if err != nil {
					t.Fatal(err)
				}
				return string(out)
			}
			return describe.Text(items, o)
		})
	})
}

func describeKind(t *testing.T, d *datadriven.TestData, b []byte, o describe.Options) ([]describe.Item, error) {
	switch d.Cmd {
	case "tlv":
		return describe.TLV(b, o)
	case "dol":
		return describe.DOL(b, o)
	case "command":
		return describe.Command(b, o)
	case "response":
		return describe.Response(b, o)
	case "iad":
		it, err := describe.IAD(b, o)
		return []describe.Item{it}, err
	case "journey":
		return describe.Journey(b, o)
	case "value":
		var text string
		d.ScanArgs(t, "tag", &text)
		n, err := strconv.ParseUint(text, 16, 32)
		if err != nil {
			t.Fatal(err)
		}
		it, err := describe.Value(tlv.Tag(n), b, o)
		return []describe.Item{it}, err
	}
	d.Fatalf(t, "unknown kind %s", d.Cmd)
	return nil, nil
}

// exchangeText describes a command and its answer, one a line.
func exchangeText(t *testing.T, d *datadriven.TestData) string {
	var o describe.Options
	d.MaybeScanArgs(t, "lang", &o.Lang)
	o.ShowPAN = d.HasArg("show-pan")
	var both [2][]byte
	for i, line := range strings.Split(d.Input, "\n") {
		b, err := hex.DecodeString(strings.ReplaceAll(line, " ", ""))
		if err != nil || i > 1 {
			d.Fatalf(t, "bad hexadecimal, or more than two lines: %v", err)
		}
		both[i] = b
	}
	asked, answered, err := describe.Exchange(both[0], both[1], o)
	if err != nil {
		return err.Error()
	}
	return describe.Text(asked, o) + "->\n" + describe.Text(answered, o)
}

// Whatever card number is drawn and in whatever element it stands, its middle
// digits are in neither the text nor the JSON.
func TestCardNumbersDoNotLeak(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pan := rapid.StringMatching(`[1-9][0-9]{12,18}`).Draw(t, "PAN")
		padded := pan + strings.Repeat("F", 20-len(pan))
		track := pan + "D30122010123456789"
		track += strings.Repeat("F", len(track)%2)
		certificate := "14" + padded + "1230000002040411"
		var field []byte
		for tag, h := range map[tlv.Tag]string{tlv.TagPAN: padded, tlv.TagTrack2Equivalent: track, tlv.TagICCCertificate: certificate,
			tlv.TagTrack1Discretionary: hex.EncodeToString([]byte(pan)), tlv.TagTrack1Equivalent: hex.EncodeToString([]byte("B" + pan + "^X"))} {
			v, err := hex.DecodeString(h)
			if err != nil {
				t.Fatal(err)
			}
			field = tlv.Append(field, tag, v)
		}
		record := tlv.Append(nil, tlv.TagRecordTemplate, field)
		secret := pan[6 : len(pan)-4]
		ascii := strings.ToUpper(hex.EncodeToString([]byte(secret)))
		items, err := describe.TLV(record, describe.Options{})
		if err != nil {
			t.Fatal(err)
		}
		response, err := describe.Response(append(record, 0x90, 0x00), describe.Options{})
		if err != nil {
			t.Fatal(err)
		}
		cut := rapid.IntRange(1, len(record)-1).Draw(t, "cut")
		torn, err := describe.Response(append(record[:cut:cut], 0x90, 0x00), describe.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, tree := range [][]describe.Item{items, response, torn} {
			j, err := json.Marshal(tree)
			if err != nil {
				t.Fatal(err)
			}
			for _, out := range []string{describe.Text(tree, describe.Options{}), string(j)} {
				if len(secret) >= 5 && strings.Contains(out, secret) || len(secret) >= 3 && strings.Contains(out, ascii) {
					t.Fatalf("%s can be read in\n%s", pan, out)
				}
				if strings.Contains(out, "0123456789") {
					t.Fatalf("discretionary data can be read in\n%s", out)
				}
			}
		}
	})
}

// FuzzExchange: whatever command and answer parse, together they can be described as
// they can apart.
func FuzzExchange(f *testing.F) {
	for _, s := range [][2]string{
		{"805000020B0100001C3700000100005010", "0000000000000100CDEF4F2006B1BEF59000"}, {"805401000F000000012011091920481230" + "3D735D08", "44A8E04A350AC4809000"},
		{"805A00000200" + "0A08", "00000000000000009000"}, {"80B400A802011000", "6A83"}, {"00B201F400", strings.Repeat("00", 48) + "9000"},
		{"84DE00F004" + "01020304", "9000"}, {"00B201C417", strings.Repeat("00", 23) + "9000"},
	} {
		command, err := hex.DecodeString(s[0])
		if err != nil {
			f.Fatal(err)
		}
		response, err := hex.DecodeString(s[1])
		if err != nil {
			f.Fatal(err)
		}
		f.Add(command, response)
	}
	f.Fuzz(func(t *testing.T, command, response []byte) {
		_, bad := describe.Command(command, describe.Options{})
		_, wrong := describe.Response(response, describe.Options{})
		for _, lang := range []string{"en", "zh"} {
			o := describe.Options{Lang: lang}
			asked, answered, err := describe.Exchange(command, response, o)
			if (err == nil) != (bad == nil && wrong == nil) {
				t.Fatalf("%v; apart %v, %v", err, bad, wrong)
			}
			for i := range asked {
				checkOffsets(t, &asked[i], len(command))
			}
			for i := range answered {
				checkOffsets(t, &answered[i], len(response))
			}
		}
	})
}

// FuzzTLV checks that whatever parses can be described in both languages and
// that the tree has the shape of the parse.
func FuzzTLV(f *testing.F) {
	for _, s := range []string{"774F82027C009F36020ADC5F34010" + "0", "9F101307010103A00000010A010000038787868FD1FC", "8E0E000000000000000042031E031F03",
		"940808010100100102 01", "DF3105200000000A", "860D04DA9F790A00000000990011223344", "9F690801112233440000 01", "5F24033013FF", "9F3803 9F6604"} {
		b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		nodes, err := tlv.Parse(b)
		for _, lang := range []string{"en", "zh"} {
			items, derr := describe.TLV(b, describe.Options{Lang: lang})
			if (err == nil) != (derr == nil) {
				t.Fatalf("Parse: %v; TLV: %v", err, derr)
			}
			if len(items) != len(nodes) {
				t.Fatalf("%d objects, %d items", len(nodes), len(items))
			}
			for i := range items {
				checkOffsets(t, &items[i], len(b))
			}
			if lines := strings.Count(describe.Text(items, describe.Options{Lang: lang}), "\n"); lines < len(nodes) {
				t.Fatalf("%d lines for %d objects", lines, len(nodes))
			}
		}
	})
}

func checkOffsets(t *testing.T, it *describe.Item, end int) {
	if it.Offset < 0 || it.Offset > end {
		t.Fatalf("offset %d of %s outside the input of %d bytes", it.Offset, it.Tag, end)
	}
	for i := range it.Fields {
		if it.Fields[i].Offset < it.Offset {
			t.Fatalf("field %+v stands in front of %s", it.Fields[i], it.Tag)
		}
		checkOffsets(t, &it.Fields[i], end)
	}
}

// Every tag of the dictionary can be described with any value of a legal
// length, and refuses one of an illegal length.
func TestEveryTagCanBeDescribed(t *testing.T) {
	all := tlv.Dictionary()
	rapid.Check(t, func(t *rapid.T) {
		info := rapid.SampledFrom(all).Draw(t, "info")
		b := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "value")
		it, err := describe.Value(info.Tag, b, describe.Options{Lang: "zh"})
		if info.Tag == tlv.TagIAD || info.Format == tlv.FormatTemplate {
			return // these may refuse a legal length: their content has a form
		}
		if (err == nil) != info.LengthOK(len(b)) {
			t.Fatalf("%d bytes: %v", len(b), err)
		}
		if err == nil && it.Name != info.NameZH {
			t.Fatalf("name %s, want %s", it.Name, info.NameZH)
		}
	})
}
