package pboc_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// scriptModel is what the issuer believes the card holds, kept the simplest way.
type scriptModel struct {
	values  map[string]string // by tag, hex
	records map[string][]byte // by P1 P2 of READ RECORD
	loads   []string          // newest last
}

var putLengths = map[string]int{
	"9F53": 1, "9F54": 6, "9F58": 1, "9F59": 1, "9F5C": 6, "9F6B": 6, "9F6D": 6, "9F72": 1, "9F73": 4, "9F75": 6,
	"9F77": 6, "9F78": 6, "9F79": 6, "DF72": 6, "DF76": 6, "DF77": 6, "DF78": 6, "DF79": 6,
}

var limitOf = map[string]string{"9F79": "9F77", "DF79": "DF77"}

func digits(hexValue string) bool {
	for _, r := range hexValue {
		if r > '9' {
			return false
		}
	}
	return true
}

// put is what PUT DATA should answer; it changes the model when that is 9000.
func (m *scriptModel) put(tag, value string) apdu.SW {
	n, known := putLengths[tag]
	switch {
	case !known:
		return apdu.SWWrongData
	case len(value) != 2*n:
		return apdu.SWWrongLength
	case n > 1 && !digits(value):
		return apdu.SWWrongData
	case limitOf[tag] != "" && value > m.values[limitOf[tag]]:
		return apdu.SWWrongData
	case (tag == "9F77" || tag == "DF77") && !strings.HasPrefix(value, "00"): // ten digits in 9F10
		return apdu.SWWrongData
	}
	if limitOf[tag] != "" {
		m.loads = append(m.loads, tag+m.values[tag]+value)
	}
	m.values[tag] = value
	return apdu.SWOK
}

// room is what the memory for changed records takes at most.
const scriptRoom = 160

func (m *scriptModel) update(at string, body []byte) apdu.SW {
	used := 2
	for other, b := range m.records {
		if other != at {
			used += 3 + len(b)
		}
	}
	if old, ok := m.records[at]; (!ok || len(old) != len(body)) && used+3+len(body) > scriptRoom {
		return apdu.SWNoSpace
	}
	m.records[at] = body
	return apdu.SWOK
}

// TestScriptsAgainstModel gives the card any sequence of PUT DATA and UPDATE RECORD,
// with the power failing between commands, and compares it with the model.
func TestScriptsAgainstModel(t *testing.T) {
	c := scriptCard(t, cryptogram.TDES)
	img := scriptImage(t, c)
	tags := append(slices.Sorted(maps.Keys(putLengths)), "9F36", "9F51")
	rapid.Check(t, func(rt *rapid.T) {
		i := (&issuer{t: t, card: c, image: img}).insert(nil)
		m := &scriptModel{values: map[string]string{}, records: map[string][]byte{}}
		noError(t, i.online())
		for tag := range putLengths {
			m.values[tag] = fmt.Sprintf("%X", i.data(tag))
		}
		for range rapid.IntRange(1, 30).Draw(rt, "commands") {
			var cmd string
			var want apdu.SW
			switch rapid.IntRange(0, 9).Draw(rt, "kind") {
			case 0:
				i.powerOn(card.Contact)
				noError(t, i.online())
				continue
			case 1, 2, 3:
				at := rapid.SampledFrom([]string{"0224", "010C"}).Draw(rt, "record")
				body := tlv.Append(nil, tlv.TagRecordTemplate, tlv.Append(nil, 0x57, rapid.SliceOfN(rapid.Byte(), 0, 120).Draw(rt, "body")))
				cmd, want = i.script("04DC"+at, body), m.update(at, body)
			default:
				tag := rapid.SampledFrom(tags).Draw(rt, "tag")
				value := drawValue(rt, putLengths[tag])
				cmd, want = i.putData(tag, value), m.put(tag, value)
			}
			if _, sw := i.send(cmd); sw != want {
				rt.Fatalf("%s: %v, want %v", cmd, sw, want)
			}
		}
		i.sameAs(rt, m)
	})
}

// drawValue draws mostly values that the card takes.
func drawValue(rt *rapid.T, n int) string {
	switch rapid.IntRange(0, 9).Draw(rt, "value") {
	case 0:
		return fmt.Sprintf("%X", rapid.SliceOfN(rapid.Byte(), 0, 8).Draw(rt, "bytes"))
	case 1:
		return fmt.Sprintf("%X", rapid.SliceOfN(rapid.Byte(), n, n).Draw(rt, "bytes"))
	case 2:
		return strings.Repeat("00", n)
	case 3:
		return strings.Repeat("99", n)
	case 4:
		return "00" + strings.Repeat("99", max(n-1, 0))
	}
	return fmt.Sprintf("%012d", rapid.Int64Range(0, 1000000).Draw(rt, "number"))[12-min(2*n, 12):]
}

func (i *issuer) sameAs(rt *rapid.T, m *scriptModel) {
	for tag, want := range m.values {
		if got := fmt.Sprintf("%X", i.data(tag)); got != want {
			rt.Fatalf("%s is %s, want %s", tag, got, want)
		}
	}
	for at, want := range m.records {
		if got := i.ok("00B2" + at + "00"); !bytes.Equal(got, want) {
			rt.Fatalf("record %s is %X, want %X", at, got, want)
		}
	}
	for n := range min(len(m.loads), 3) {
		got := i.ok(fmt.Sprintf("00B2%02X6400", n+1))
		if want := m.loads[len(m.loads)-1-n]; fmt.Sprintf("%X", got[:14]) != want {
			rt.Fatalf("load record %d is %X, want %s", n+1, got, want)
		}
	}
	st := i.state()
	if b, err := money.FromN12(hexBytes(i.t, m.values["9F79"])); err != nil || b != st.Balance || st.LoadRecords != min(len(m.loads), 3) {
		rt.Fatalf("%+v, the model has %s after %d loads", st, m.values["9F79"], len(m.loads))
	}
}

// FuzzScript gives the card any command with a right MAC of the issuer: it answers
// every one with a status word, and its memory stays one that Insert takes.
func FuzzScript(f *testing.F) {
	for _, s := range []string{"04DA9F79 000000030000", "04DA9F73 10000007", "04DADF79 00", "04DC0224 70059F08020031", "04DC010C 7003570130", "04DC0124 70FF", "84240002 00112233445566778899AABBCCDDEEFF", "841E0000", "84180000 00", "84160000"} {
		f.Add(hexBytes(f, s))
	}
	c := scriptCard(f, cryptogram.SM4)
	img := scriptImage(f, c)
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < 4 || len(b) > 4+cryptogram.MaxScriptData {
			t.Skip()
		}
		i := (&issuer{t: t, card: c, image: img}).insert(nil)
		noError(t, i.online())
		before := i.state()
		_, sw := i.send(i.script(hex.EncodeToString(b[:4]), b[4:]))
		after := i.state()
		if sw != apdu.SWOK && (after.Balance != before.Balance || after.Second != before.Second || after.LoadRecords != before.LoadRecords) {
			t.Fatalf("%X: %v and yet %+v became %+v", b, sw, before, after)
		}
		i.insert(i.chip.Snapshot(nil))
	})
}

// FuzzScriptMemory puts cards with any memory into a chip: Insert refuses it, or the
// card answers the commands that read it and takes scripts.
func FuzzScriptMemory(f *testing.F) {
	c := scriptCard(f, cryptogram.TDES)
	img := scriptImage(f, c)
	used := (&issuer{t: f, card: c, image: img}).insert(nil)
	f.Add(used.chip.Snapshot(nil))
	changedRecord(used)
	used.ok(used.load(30000))
	f.Add(used.chip.Snapshot(nil))
	f.Fuzz(func(t *testing.T, nvm []byte) {
		chip := card.New()
		chip.UseInterface(card.Contact)
		if chip.Insert(img, nvm) != nil {
			return
		}
		noError(t, chip.PowerOn(randomFrom(3)))
		i := &issuer{t: t, card: c, image: img, chip: chip}
		for _, cmd := range []string{selectDC, "80CA9F7900", "80CADF7800", "80CA9F5D00", "00B2016400", "00B2006400", "00B2022400", "00B2010C00", scriptGPO} {
			i.send(cmd)
		}
		data, sw := i.send(generateAC(t, 0x80, ""))
		if sw != apdu.SWOK {
			return
		}
		i.atc, i.ac = uint16(data[3])<<8|uint16(data[4]), [8]byte(data[5:])
		for _, cmd := range []string{i.load(1), i.script("84240001", make([]byte, 16)), i.script("04DC0224", hexBytes(t, "7003570130")), i.script("84180000", nil)} {
			i.send(cmd)
		}
		i.insert(i.chip.Snapshot(nil))
	})
}
