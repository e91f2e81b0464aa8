package pcsctest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/citycard/citycard/terminal/reader"
	"github.com/citycard/citycard/wire/vpcd"
)

// ATRs of the test card, with the historical bytes "CityCard" (ISO/IEC 7816-3, 8).
var (
	atrT0   = unhex("3B68000043697479 43617264")
	atrWarm = unhex("3B6000 00")
	atrT1   = unhex("3B888001 4369747943617264 69")
)

// testAID is the application of the test card.
var testAID = unhex("A000000333010106")

// fixed are the test card's answers. It has the directories, balance and log of a
// bank card, and a few answers in the manner of T=0.
var fixed = func() map[string]string {
	aid := tlv("4F", "A000000333010106") + tlv("50", "43697479")
	log := tlv("9F4D", "0B0A")
	format := tlv("9F4F", "9A039F2103")
	return map[string]string{
		"00A404000E325041592E5359532E444446303100": tlv("6F", tlv("84", "325041592E5359532E4444463031"), tlv("A5", tlv("BF0C", tlv("61", aid)))) + "9000",
		"00A404000E315041592E5359532E444446303100": tlv("6F", tlv("84", "315041592E5359532E4444463031"), tlv("A5", tlv("88", "01"))) + "9000",
		"00B2010C00":                   tlv("70", tlv("61", aid)) + "9000",
		"00A4040008A00000033301010600": tlv("6F", tlv("84", "A000000333010106"), tlv("A5", tlv("50", "43697479"), tlv("BF0C", log))) + "9000",
		"80CA9F7900":                   tlv("9F79", "000000012345") + "9000",
		"80CA9F3600":                   tlv("9F36", "0007") + "9000",
		"80CA9F4D00":                   log + "9000",
		"80CA9F4F00":                   format + "9000",
		"00B2015C00":                   "261122083000 9000",
		"00B2025C00":                   "261121181500 9000",
		"80A8000002830000":             tlv("77", tlv("82", "7C00"), tlv("94", "08010100")) + "9000",
		"00B2040C00":                   "6C05",
		"00B2040C05":                   "7003800142 9000",
		"0088000000":                   "6105",
		"00C0000005":                   "0102030405 9000",
		"00A4040003AABBCC":             "6A82",
		"00B0000000":                   strings.Repeat("5A", 256) + "9000",
		"00B00000000FA0":               strings.Repeat("A5", 4000) + "9000",
	}
}()

// tlv makes a short data object in hexadecimal digits.
func tlv(tag string, value ...string) string {
	v := strings.Join(value, "")
	return fmt.Sprintf("%s%02X%s", tag, len(v)/2, v)
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(string(bytes.ReplaceAll([]byte(s), []byte(" "), nil)))
	if err != nil {
		panic("pcsctest: " + err.Error())
	}
	return b
}

// testCard is a card that answers fixed bytes, and 6D00 to all else.
type testCard struct {
	cold, warm []byte // ATRs
	conn       net.Conn
	done       chan struct{}

	mu   sync.Mutex
	seen []vpcd.Kind // all but the ATR and APDU, which come over and over
}

// insert puts a card into a slot. It leaves at the end of the test, or on eject.
func insert(tb testing.TB, d *Daemon, slot int, cold, warm []byte) *testCard {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	conn, err := reader.DialSlot(ctx, d.Slot(slot))
	if err != nil {
		tb.Fatal(err)
	}
	return serveAt(tb, conn, cold, warm)
}

// serveAt is a card at the end of a connection.
func serveAt(tb testing.TB, conn net.Conn, cold, warm []byte) *testCard {
	c := &testCard{cold: cold, warm: warm, conn: conn, done: make(chan struct{})}
	go c.serve()
	tb.Cleanup(c.eject)
	return c
}

func (c *testCard) eject() {
	c.conn.Close()
	<-c.done
}

// kinds gives what the reader has asked for since the last call, polls left out.
func (c *testCard) kinds() []vpcd.Kind {
	c.mu.Lock()
	defer c.mu.Unlock()
	seen := c.seen
	c.seen = nil
	return seen
}

func (c *testCard) serve() {
	defer close(c.done)
	in, out := vpcd.NewReader(bufio.NewReader(c.conn), vpcd.MaxBody), vpcd.NewWriter(c.conn)
	answers := map[string][]byte{}
	for cmd, answer := range fixed {
		answers[string(unhex(cmd))] = unhex(answer)
	}
	atr := c.cold
	for {
		r, err := in.Request()
		if err != nil {
			return // ejected, or pcscd has stopped
		}
		switch r.Kind {
		case vpcd.GetATR:
			err = out.ATR(atr)
		case vpcd.APDU:
			answer, ok := answers[string(r.Command)]
			if !ok { // some clients leave Le out under T=0, as that protocol would
				answer, ok = answers[string(r.Command)+"\x00"]
			}
			if !ok {
				answer = []byte{0x6D, 0x00}
			}
			err = out.Response(answer)
		case vpcd.Reset:
			atr = c.warm
		case vpcd.PowerOn, vpcd.PowerOff:
			atr = c.cold
		}
		if err != nil {
			return
		}
		if !r.Kind.Answered() {
			c.mu.Lock()
			c.seen = append(c.seen, r.Kind)
			c.mu.Unlock()
		}
	}
}

// soon gives a context that ends long after anything that works.
func soon(tb testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	tb.Cleanup(cancel)
	return ctx
}
