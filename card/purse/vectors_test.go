package purse_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/card/purse"
	"github.com/citycard/citycard/crypt/epurse"
)

// TestOurVectors runs the trades marked ours of the vectors of crypt/epurse through a
// card of dev-tunion, byte for byte, one after the other.
func TestOurVectors(t *testing.T) {
	r := tunion(t)
	r.counters(0x64, 5, 0x10)
	r.choose(unhex(t, tunionAID))
	r.want("0020000003123456", "9000")
	r.rand.set = unhex(t, "A1B2C3D4")
	r.want("805000020B01 00002710 112233445566 10", "00000064 0005 01 00 A1B2C3D4 4EBB4180 9000")
	r.want("805200000B 20260115093000 15D1C907 04", "48222248 9000")
	r.want("805C000204", "00002774 9000")
	r.want("00B201C417", "0006 000000 00002710 02 112233445566 20260115093000 9000")

	r.rand.set = unhex(t, "55667788")
	r.want("805001020B01 000000C8 112233445566 0F", "00002774 0010 000000 01 00 55667788 9000")
	r.want("805401000F 00000123 20260115101112 29763771 08", "676AED93 75D66360 9000")
	r.want("00B201C417", "0011 000000 000000C8 06 112233445566 20260115101112 9000")
	r.want("805A000602001108", "75D66360 676AED93 9000")
	r.want("805A000602001008", "9406")

	r.rand.set = unhex(t, "99AABBCC")
	r.want("805003020B01 0000012C 112233445566 0F", "000026AC 0011 000000 01 00 99AABBCC 9000")
	record := append([]byte{0x27, 0x12, 0x7D}, bytes.Repeat([]byte{0x5A}, 125)...)
	r.want("80DC12D080"+hexOf(record), "9000")
	r.want("805401000F 00000124 20260115103000 71E8D69A 08", "1C7E0698 1BEC3D80 9000")
	r.want("805C000204", "00002580 9000")
	r.want("00B212D080", hexOf(record)+"9000")
	r.want("805A000902001208", "1BEC3D80 1C7E0698 9000")

	r.rand.set = unhex(t, "0A0B0C0D")
	r.want("805005020B01 00000064 112233445566 10", "00002580 0006 01 00 0A0B0C0D 9685DB88 9000")
	r.want("805403000B 20260115110000 6A1B4957 04", "4AC32DC0 9000")
	r.want("805C000204", "0000251C 9000")
	r.want("805A000302000708", "4AC32DC0 00000000 9000")
}

func hexOf(b []byte) string {
	const digits = "0123456789ABCDEF"
	out := make([]byte, 0, 2*len(b))
	for _, x := range b {
		out = append(out, digits[x>>4], digits[x&15])
	}
	return string(out)
}

func TestOverdraftVector(t *testing.T) {
	r := tunion(t)
	r.counters(0, 1, 0)
	r.choose(unhex(t, tunionAID))
	r.want("0020000003123456", "9000")
	r.rand.set = unhex(t, "01020304")
	r.want("805004020701 112233445566 13", "00000000 0001 000000 01 00 01020304 82DA8EDA 9000")
	r.want("805800000E 0003E8 20260115110000 B3564C5B 04", "75E66EA9 9000")
	r.want("805C000204", "000003E8 9000")
	r.want("805C010204", "000003E8 9000")
	r.want("805C030204", "00000000 9000")
	r.want("805C050210", "000003E8 0007A120 0000000000000000 9000")
	// What is lent can be spent, and not be taken out.
	r.want("805005020B01 00000001 112233445566 10", "9401")
	r.rand.set = unhex(t, "01020304")
	r.want("805001020B01 000003E8 112233445566 0F", "000003E8 0000 0003E8 01 00 01020304 9000")
}

func TestSM4Vectors(t *testing.T) {
	r := tunion(t)
	r.counters(0x64, 5, 0x10)
	r.choose(unhex(t, tunionAID))
	r.want("0020000003123456", "9000")
	r.rand.set = unhex(t, "A1B2C3D4")
	r.want("805000020B41 00002710 112233445566 10", "00000064 0005 01 04 A1B2C3D4 F2452377 9000")
	r.want("805200000B 20260115093000 D398177B 04", "156F0C6F 9000")
	r.rand.set = unhex(t, "55667788")
	r.want("805001020B41 000000C8 112233445566 0F", "00002774 0010 000000 01 04 55667788 9000")
	r.want("805401000F 00000123 20260115101112 4E243E16 08", "BD48FFF0 CAA5A982 9000")
}

func TestLineVectors(t *testing.T) {
	r := tunion(t)
	r.rand.set = unhex(t, "12345678")
	r.want("0084000004", "12345678 9000")
	r.want("04D6951C06 0102 EF1AE1A9", "9000")
	r.want("00B0951C02", "0102 9000")
	r.rand.set = unhex(t, "12345678")
	r.want("0084000004", "12345678 9000")
	r.want("841E000004 6DED48C5", "9000")
	data, sw := r.send("00A4040008" + tunionAID + "00")
	if sw != 0x6A81 || len(data) == 0 {
		t.Errorf("SELECT of a blocked purse gives %X %v", data, sw)
	}
	r.want("805C000204", "6985")
	r = tunion(t)
	r.want("805E000007 123456 BB7B9239", "9000")
}

// labCard is the card of the published conversations: its keys were published with
// them.
func labCard(t *testing.T) purse.Spec {
	t.Helper()
	key := func(use purse.Use, index byte, text string) purse.Key {
		return purse.Key{Use: use, Index: index, Version: 1, Alg: epurse.TDES, Tries: 3, Value: epurse.Key(unhex(t, text))}
	}
	control := append(unhex(t, "1116"), make([]byte, 22)...)
	metro := append(unhex(t, "022E"), make([]byte, 46)...)
	var records [][]byte
	for i := byte(1); i <= 6; i++ {
		r := append([]byte(nil), metro...)
		r[0] = i
		records = append(records, r)
	}
	mac := cos.Always.With(cos.MAC)
	return purse.Spec{
		AID: unhex(t, cityAID), ID: 0x1001, Version: 1, Log: 0x18, LoadLog: 0x1A,
		AuthCode: unhex(t, "8588D32B7688D32B76"),
		EP:       &purse.Account{Max: 100000, Load: cos.AllOf(cos.PIN(0))},
		PINs:     []purse.PIN{{Number: 0, Tries: 3, Value: cos.Secret(unhex(t, "123456"))}},
		Files: []purse.File{
			{SFI: 0x15, Kind: cos.Transparent, Content: unhex(t, "073141000000000001010000410000008999998520150605203808080000"), Update: mac},
			{SFI: 0x17, Kind: cos.Variable, Records: append(records, control), Update: mac, Line: 2, Compound: true, TagBytes: 1, Lock: true},
			{SFI: 0x18, Kind: cos.Cyclic, RecordLength: 23, Capacity: 10, Update: cos.Never},
			{SFI: 0x1A, Kind: cos.Cyclic, RecordLength: 23, Capacity: 10, Update: cos.Never},
		},
		Keys: []purse.Key{
			key(purse.UseLoad, 1, "374598B5C0B0EAE1E1D06609AC5BB369"),
			key(purse.UsePurchase, 1, "A338D92A10C8285411E761445C831C22"),
			key(purse.UseTAC, 1, "CAA6025290114BFCC3C9043F70F7A07A"),
			key(purse.UseBlock, 1, "6474215EF549707831BB8DB9895FD48A"),
			key(purse.UseMaintenance, 2, "78BBDFD3CECA48FD7BD5F6AE69882C60"),
			key(purse.UseExternal, 0, "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"),
		},
	}
}

// TestLoadTrace replays the session cs-t2_load, a load of a real card, and wants the
// same bytes. Its first SELECT names a directory of the real card that holds no
// purse; ours does not have it.
func TestLoadTrace(t *testing.T) {
	f, err := os.Open("../../testdata/card-traces/traces.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := insert(t, template(t, labCard(t)))
	r.chip.UseInterface(card.Contact)
	r.load(nil)
	r.rand.set = unhex(t, "CDEF4F20")
	n := 0
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var x struct {
			Session           string
			Seq               int
			Command, Response string
		}
		if err := json.Unmarshal(lines.Bytes(), &x); err != nil {
			t.Fatal(err)
		}
		if x.Session != "cs-t2_load" || x.Seq < 3 {
			continue
		}
		n++
		r.want(x.Command, x.Response)
	}
	if n != 9 {
		t.Errorf("the session has %d exchanges, want 9", n)
	}
	r.want("00B201D417", "0001 000000 00001C37 02 000001000050 20140825103100 9000")
}

// TestLabCard runs the other published exchanges of that card.
func TestLabCard(t *testing.T) {
	r := insert(t, template(t, labCard(t)))
	r.counters(0x1C37, 1, 0)
	r.choose(unhex(t, cityAID))
	r.rand.set = unhex(t, "9AC87503")
	r.want("80CA000009", "8588D32B7688D32B76 9000")
	r.want("805003020B01 00001C37 000000000001 0F", "00001C37 0000 000000 01 00 9AC87503 9000")
	record := append(unhex(t, "022E00007A"), make([]byte, 43)...)
	r.want("80DC02B830"+hexOf(record), "9000")
	r.want("805401000F 00000001 20110919204812 303D735D 08", "44A8E04A 350AC480 9000")
	r.want("00B202BC30", hexOf(record)+"9000")
	r.rand.set = unhex(t, "FCF30477")
	r.want("0084000004", "FCF30477 9000")
	r.want("04DC07BC1C 11160100201508271724230000000000000000000000 0000 8A0981B8", "9000")
	r.rand.set = unhex(t, "DCE8F511")
	r.want("0084000004", "DCE8F511 9000")
	r.want("0082000008 CB1693339A342336", "9000")
	r.rand.set = unhex(t, "1EA2B2E6")
	r.want("0084000004", "1EA2B2E6 9000")
	r.want("841E000004 A86CC6A8", "9000")
	r.want("00A4040009 A00000000386980701 00", "6F328409A00000000386980701A5259F0801019F0C1E0731410000000000010100004100000089999985201506052038080800006A81")
}

// TestRecordedShape: a recorded card whose keys are not known answers INITIALIZE FOR
// CAPP PURCHASE with an overdraft limit inside its balance; ours gives the same bytes.
func TestRecordedShape(t *testing.T) {
	s := labCard(t)
	s.EP = &purse.Account{Opening: 0x162AF, Limit: 0x3200, Max: 100000}
	r := insert(t, template(t, s))
	r.counters(0x162AF, 0, 0x36)
	r.choose(unhex(t, cityAID))
	r.rand.set = unhex(t, "84176AD7")
	r.want("805003020B01 000000C8 200041599997 0F", "000162AF 0036 003200 01 00 84176AD7 9000")
}
