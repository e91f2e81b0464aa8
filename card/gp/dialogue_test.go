package gp_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/citycard/citycard/card/gp"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/scp"
	"github.com/cockroachdb/datadriven"
)

// TestDialogues plays testdata/*.txt: commands, one a line, and what the card
// answers. Text after # is for the reader; (AABB) stands for 02AABB.
//
//	send      commands as they go over the line
//	open      a channel: version=, level= (hexadecimal)
//	secure    commands that the host protects; the answers are shown without protection
//	store     STORE DATA of groupings under the DEK: the lines are plain groupings, last on the final one
//	putkey    PUT KEY old= new= first= (identifier, or 81 for a set) protocol=2|3, key bytes from seed=
//	reset     power off and on
func TestDialogues(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		if !strings.HasSuffix(path, ".txt") {
			return
		}
		r := newRig(t, profile(), nil)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			r.t = t
			switch d.Cmd {
			case "send", "secure":
				return r.lines(d)
			case "open":
				var version, level string
				d.ScanArgs(t, "version", &version)
				d.ScanArgs(t, "level", &level)
				sw, err := r.tryOpen(unhex(t, version)[0], scp.Level(unhex(t, level)[0]))
				check(t, err)
				return fmt.Sprintf("%v %v\n", sw, r.host.Protocol())
			case "putkey":
				return r.putKey(d)
			case "store":
				return r.store(d)
			case "reset":
				check(t, r.chip.PowerOn(random(2)))
				r.host = nil
				return ""
			}
			t.Fatalf("unknown command %s", d.Cmd)
			return ""
		})
	})
}

func answerText(data []byte, sw fmt.Stringer) string {
	if len(data) == 0 {
		return sw.String() + "\n"
	}
	return fmt.Sprintf("%X %v\n", data, sw)
}

// counted writes the length in front of what stands in parentheses.
func counted(t testing.TB, line string) string {
	for {
		end := strings.IndexByte(line, ')')
		if end < 0 {
			return line
		}
		start := strings.LastIndexByte(line[:end], '(')
		if start < 0 {
			t.Fatalf("%s: parentheses", line)
		}
		line = line[:start] + field(unhex(t, line[start+1:end])) + line[end+1:]
	}
}

func (r *rig) lines(d *datadriven.TestData) string {
	var out strings.Builder
	for _, line := range strings.Split(d.Input, "\n") {
		line, _, _ = strings.Cut(line, "#")
		send := r.send
		if d.Cmd == "secure" {
			send = r.secure
		}
		data, sw := send(counted(r.t, line))
		out.WriteString(answerText(data, sw))
	}
	return out.String()
}

func (r *rig) putKey(d *datadriven.TestData) string {
	var old, version, first, seed string
	protocol := 2
	d.ScanArgs(r.t, "old", &old)
	d.ScanArgs(r.t, "new", &version)
	d.ScanArgs(r.t, "first", &first)
	d.ScanArgs(r.t, "seed", &seed)
	d.MaybeScanArgs(r.t, "protocol", &protocol)
	s := keySet(unhex(r.t, version)[0], unhex(r.t, seed)[0])
	keys := []cryptogram.Key{s.ENC, s.MAC, s.DEK}
	if first != "81" {
		keys = keys[unhex(r.t, first)[0]-1:][:1]
	}
	data, sw := r.secure("80D8" + old + first + r.putKeyData(s.Version, scp.Protocol(protocol), keys...) + "00")
	if sw.OK() {
		r.keys[s.Version] = s
	}
	return answerText(data, sw)
}

// store sends each line as a block of its own.
func (r *rig) store(d *datadriven.TestData) string {
	var out strings.Builder
	lines := strings.Split(d.Input, "\n")
	for i, line := range lines {
		b := unhex(r.t, line)
		sealed, err := r.host.EncryptDEK(nil, b[3:])
		check(r.t, err)
		p1 := byte(0x60)
		if i == len(lines)-1 {
			p1 |= 0x80
		}
		block := append(bytes.Clone(b[:3]), sealed...)
		data, sw := r.secure(fmt.Sprintf("80E2%02X%02X%s", p1, i, field(block)))
		out.WriteString(answerText(data, sw))
	}
	return out.String()
}

// TestPublishedSessions plays the SCP02 and SCP03 sessions of pySim's tests with a
// chip in the loop, whose counters and challenges stand where theirs stood.
func TestPublishedSessions(t *testing.T) {
	t.Run("SCP02", func(t *testing.T) {
		set := scp.KeySet{Version: 0x70,
			ENC: cryptogram.Key(unhex(t, "100102030405060708090A0B0C0D0E0F")),
			MAC: cryptogram.Key(unhex(t, "101102030405060708090A0B0C0D0E0F")),
			DEK: cryptogram.Key(unhex(t, "102102030405060708090A0B0C0D0E0F"))}
		r := newRig(t, gp.Profile{
			Channels: []gp.Channel{{Protocol: scp.SCP02, Variant: scp.SCP02Random}},
			Keys:     []gp.Keys{{Protocol: scp.SCP02, Set: set}},
		}, nil)
		r.send(selectDomain)
		r.open(0x70, scp.CMAC) // the counter is 1 now
		check(t, r.chip.PowerOn(bytes.NewReader(unhex(t, "6B4524ABEE7C0000"))))
		r.send(selectDomain)
		r.play([]exchange{
			{"805000000840A62C37FA6304F800", "00000000000000000000700200016B4524ABEE7CF32EA3838BC148F39000"},
			{"8482010010BA6961667737C5BCEBECE14C7D6A4376", "9000"},
			{"84F220020814DB34FA4341DCA8", "6A80"}, // GET STATUS without data
			{"84CA00660855ED7C5FF069512B00", "6630" + recognition("0215") + "9000"},
			{"84F22002124F0212345C054F9F70C58FC1B380C4228AF8", "6A80"}, // its list of tags is one byte short
			{"84F280020A4F003B95F09317DE6A4E00", "E3134F08A0000001510000009F700101C503985C009000"},
		})
	})
	t.Run("SCP03", func(t *testing.T) {
		set := keySet(0x30, 0x00)
		r := newRig(t, gp.Profile{
			AID:      unhex(t, "A0000005591010FFFFFFFF8900000100"),
			Channels: []gp.Channel{{Protocol: scp.SCP03, Variant: scp.SCP03Full}},
			Keys:     []gp.Keys{{Protocol: scp.SCP03, Set: set}},
		}, nil)
		r.send("00A4040010 A0000005591010FFFFFFFF8900000100 00")
		for range 2 { // the counter is 2 now
			r.send("8050300008 0000000000000000 00")
		}
		r.play([]exchange{
			{"8050300008B13E5F938FC108C400", "000000000000000000003003703EB51047495B249F66C484C1D2EF19480000029000"},
			{"84821100107D5F5826A993EBC89EEA24957FA0B3CE", "9000"},
			{"84E291000EBF3E035C015A558D036518A2829700", "6A86"}, // STORE DATA of an eUICC
			{"84F220020863A63F8959827FB2", "6A80"},
		})
		data, sw := r.send("84CA006608A0C6A4A74166F7CE00")
		if plain := unhex(t, "6630"+recognition("0370")); sw != 0x9000 || !bytes.HasPrefix(data, plain) || len(data) != len(plain)+8 {
			t.Errorf("GET DATA 66: %X %v", data, sw)
		}
	})
}

type exchange struct{ cmd, answer string }

func (r *rig) play(dialogue []exchange) {
	r.t.Helper()
	for _, x := range dialogue {
		r.send(x.cmd)
		if want := unhex(r.t, x.answer); !bytes.Equal(r.last, want) {
			r.t.Errorf("%s: %X, want %X", x.cmd, r.last, want)
		}
	}
}

// recognition is card recognition data with one protocol and its i.
func recognition(protocol string) string {
	return "732E" + "06072A864886FC6B01" + "600B06092A864886FC6B020202" + "630906072A864886FC6B03" + "640B06092A864886FC6B04" + protocol
}
