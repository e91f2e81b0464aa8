package pcsc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// all gives one empty message of each kind.
func all() []Message {
	return []Message{
		&Version{}, &Establish{}, &Release{}, &Connect{}, &Reconnect{}, &Disconnect{},
		&Begin{}, &End{}, &Status{}, &Transmit{}, &Wait{},
	}
}

// words writes numbers in the machine's byte order.
func words(list ...uint32) []byte {
	var b []byte
	for _, w := range list {
		b = binary.NativeEndian.AppendUint32(b, w)
	}
	return b
}

// TestLayout holds requests against the bytes that libpcsclite 1.9.9 sends; the
// numbers of the columns are those of winscard_msg.h.
func TestLayout(t *testing.T) {
	name := append([]byte("Virtual PCD 00 01"), make([]byte, NameSize-17)...)
	for _, c := range []struct {
		m    Message
		want []byte
	}{
		{&Version{Major: 4, Minor: 4}, words(12, 0x11, 4, 4, 0)},
		{&Establish{Scope: ScopeSystem}, words(12, 1, 2, 0, 0)},
		{&Release{Context: 7}, words(8, 2, 7, 0)},
		{&Connect{Context: 7, Reader: "Virtual PCD 00 01", Share: ShareShared, Wanted: ProtocolAny},
			append(append(words(152, 4, 7), name...), words(2, 3, 0, 0, 0)...)},
		{&Reconnect{Handle: 9, Share: ShareExclusive, Wanted: ProtocolT1, Reset: UnpowerCard}, words(24, 5, 9, 1, 2, 2, 0, 0)},
		{&Disconnect{Handle: 9, Then: ResetCard}, words(12, 6, 9, 1, 0)},
		{&Begin{Handle: 9}, words(8, 7, 9, 0)},
		{&End{Handle: 9, Then: LeaveCard}, words(12, 8, 9, 0, 0)},
		{&Transmit{Handle: 9, Protocol: ProtocolT0, Send: 5, Receive: 258}, words(32, 9, 9, 1, 16, 5, 1, 16, 258, 0)},
		{&Status{Handle: -1, Result: CardReset}, words(8, 0x0B, 0xFFFFFFFF, 0x80100068)},
		{&Wait{Result: Cancelled}, words(8, 0x14, 0, 0x80100002)},
	} {
		if got := Append([]byte{0xAA}, c.m)[1:]; !bytes.Equal(got, c.want) {
			t.Errorf("%s is\n%X, want\n%X", c.m.Command(), got, c.want)
		}
	}
}

// TestRoundTrip: whatever the numbers of a message, decoding gives them back, and
// a body of another size is refused.
func TestRoundTrip(t *testing.T) {
	for i, kind := range all() {
		t.Run(kind.Command().String(), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				m := all()[i]
				v := reflect.ValueOf(m).Elem()
				for f := range v.NumField() {
					switch field := v.Field(f); field.Kind() {
					case reflect.String:
						field.SetString(rapid.StringMatching(`[ -~]{0,127}`).Draw(t, "name"))
					case reflect.Int32:
						field.SetInt(int64(rapid.Int32().Draw(t, "number")))
					case reflect.Uint32:
						field.SetUint(uint64(rapid.Uint32().Draw(t, "number")))
					default:
						t.Fatalf("field %d is a %v", f, field.Kind())
					}
				}
				body := m.AppendBody(nil)
				if len(body) != m.Size() {
					t.Fatalf("%d bytes, Size says %d", len(body), m.Size())
				}
				back := all()[i]
				if err := back.Decode(body); err != nil || !reflect.DeepEqual(back, m) {
					t.Fatalf("%+v came back as %+v, %v", m, back, err)
				}
				if back.Outcome() != Outcome(v.FieldByName("Result").Uint()) {
					t.Fatalf("outcome %v of %+v", back.Outcome(), m)
				}
				for _, bad := range [][]byte{nil, body[1:], append(body, 0)} {
					if err := back.Decode(bad); err == nil {
						t.Fatalf("%d bytes of %d taken", len(bad), m.Size())
					}
				}
			})
		})
	}
}

func TestHeader(t *testing.T) {
	c, n, err := ParseHeader(AppendHeader(nil, CommandConnect, 152))
	if c != CommandConnect || n != 152 || err != nil {
		t.Errorf("%v, %d, %v", c, n, err)
	}
	for _, bad := range [][]byte{nil, make([]byte, 7), make([]byte, 9), words(MaxAPDU+1, 1), words(1<<31, 1)} {
		if _, _, err := ParseHeader(bad); err == nil {
			t.Errorf("header %X taken", bad)
		}
	}
}

func TestNameTooLong(t *testing.T) {
	var m Connect
	long := strings.Repeat("x", 200)
	if err := m.Decode((&Connect{Reader: long}).AppendBody(nil)); err != nil || m.Reader != long[:NameSize-1] {
		t.Errorf("%q, %v", m.Reader, err)
	}
}

func TestReaders(t *testing.T) {
	if ReadersSize != 16*184 {
		t.Fatalf("the table has %d bytes, want 16 rows of 184", ReadersSize)
	}
	list := []Reader{
		{Name: "Virtual PCD 00 00", Events: 3, State: StatePresent | StatePowered | StateNegotiable, Sharing: -1,
			ATR: bytes.Repeat([]byte{0x3B}, 33), Active: ProtocolT0},
		{Name: "Virtual PCD 00 01", State: StateAbsent},
	}
	b, err := AppendReaders(nil, list)
	if err != nil {
		t.Fatal(err)
	}
	if got := word(b[176:], 0); got != 33 {
		t.Errorf("bytes of the ATR at 176: %d, want 33", got)
	}
	got, err := ParseReaders(b)
	if err != nil || fmt.Sprint(got) != fmt.Sprint(list) {
		t.Errorf("%+v came back as %+v, %v", list, got, err)
	}
	if !got[0].Present() || got[1].Present() {
		t.Errorf("present: %v and %v", got[0].Present(), got[1].Present())
	}
	if _, err := ParseReaders(b[1:]); err == nil {
		t.Error("a short table taken")
	}
	copy(b[184+176:], words(34))
	if _, err := ParseReaders(b); err == nil {
		t.Error("an ATR of 34 bytes taken")
	}
	if _, err := AppendReaders(nil, []Reader{{Name: "a", ATR: make([]byte, 34)}}); err == nil {
		t.Error("an ATR of 34 bytes written")
	}
	if _, err := AppendReaders(nil, make([]Reader, 17)); err == nil {
		t.Error("17 readers written")
	}
}

func TestOutcome(t *testing.T) {
	if Success.Err() != nil {
		t.Error("success is an error")
	}
	err := fmt.Errorf("connecting: %w", NoSmartCard.Err())
	if !errors.Is(err, NoSmartCard) || errors.Is(err, CardRemoved) {
		t.Errorf("%v is not what it is", err)
	}
	if got := err.Error(); got != "connecting: no card in the reader (8010000C)" {
		t.Error(got)
	}
	if got := Outcome(0x80109999).Error(); got != "outcome 80109999" {
		t.Error(got)
	}
	if got := Command(99).String(); got != "command 99" {
		t.Error(got)
	}
}

func FuzzDecode(f *testing.F) {
	for _, m := range all() {
		f.Add(m.AppendBody(nil))
		f.Add(Append(nil, m))
	}
	table, err := AppendReaders(nil, []Reader{{Name: "r", State: StatePresent, ATR: []byte{0x3B, 0}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(table)
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, m := range all() {
			if m.Decode(b) != nil {
				continue
			}
			once := m.AppendBody(nil)
			if err := m.Decode(once); err != nil || !bytes.Equal(m.AppendBody(nil), once) {
				t.Errorf("%s: %X is not stable, %v", m.Command(), b, err)
			}
		}
		if c, n, err := ParseHeader(b); err == nil && !bytes.Equal(AppendHeader(nil, c, n), b) {
			t.Errorf("header %X is not stable", b)
		}
		if list, err := ParseReaders(b); err == nil {
			if _, err := AppendReaders(nil, list); err != nil {
				t.Errorf("a table that was read cannot be written: %v", err)
			}
		}
	})
}

func BenchmarkTransmit(b *testing.B) {
	m := &Transmit{Handle: 9, Protocol: ProtocolT0, Send: 5, Receive: 258}
	buf := make([]byte, 0, 64)
	b.ReportAllocs()
	for b.Loop() {
		buf = Append(buf[:0], m)
		if err := m.Decode(buf[HeaderSize:]); err != nil {
			b.Fatal(err)
		}
	}
}
