package gp_test

import (
	"bytes"
	"testing"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/crypt/scp"
	"github.com/citycard/citycard/wire/apdu"
)

// Steps of a fuzzed dialogue: a byte that says what, a length, and as many bytes.
const (
	stepSend   = iota // the bytes as they are
	stepSecure        // the bytes as a command that the host protects
	stepOpen          // open a channel: key version and level
	stepReset         // power off and on
	stepTear          // the same as stepSecure, and the power fails at the write with the number of the first byte
	stepKinds
)

func dialogue(t testing.TB, steps ...any) []byte {
	var out []byte
	for i := 0; i < len(steps); i += 2 {
		b := unhex(t, counted(t, steps[i+1].(string)))
		out = append(append(out, byte(steps[i].(int)), byte(len(b))), b...)
	}
	return out
}

// FuzzCommands plays hostile dialogues, with and without an open channel. The card
// answers everything, shows no key, and its memory can always be read and put into
// another chip.
func FuzzCommands(f *testing.F) {
	f.Add(dialogue(f, stepSend, selectDomain, stepOpen, "0101", stepSecure, installNote, stepSecure, personalise,
		stepSecure, "80E20000 (0001(AABB))", stepSecure, "80E28001 (0002(CCDD))", stepSend, "00A40400 ("+noteAID+") 00", stepSend, "00B0000100"))
	f.Add(dialogue(f, stepSend, selectDomain, stepOpen, "3033", stepSecure, installBook, stepTear, "01"+installDiary, stepSend, selectDomain,
		stepOpen, "0103", stepSecure, "80F24002 (4F00) 00", stepSecure, "80E40000 (4F("+bookAID+")) 00"))
	f.Add(dialogue(f, stepSend, selectDomain, stepOpen, "3013", stepSecure, "80D80001 (11 80(00000000000000000000000000000000)(8CA64D)) 00",
		stepSecure, "80D80081 (11)", stepSecure, "80F0800700", stepSecure, "80F0800F00", stepSecure, "80F0807F00", stepSend, "80CA00E000"))
	f.Add(dialogue(f, stepSend, selectDomain, stepOpen, "0100", stepSecure, "80F28002 (4F00 5C(9F)) 00", stepSend, "0070000001",
		stepSend, "84820100 (00000000000000000000000000000000)", stepReset, "", stepSend, "80E2880000"))
	f.Add(dialogue(f, stepSend, selectDomain, stepOpen, "0103", stepSecure, installNote, stepSecure, personalise,
		stepSecure, "80E26000 (0001FF07FF00112233)", stepSecure, "80E26001 (0011223344)", stepSecure, "80E2E002 ()"))
	f.Fuzz(func(t *testing.T, steps []byte) {
		r := newRig(t, profile(), nil)
		for n := 0; len(steps) > 1 && n < 24; n++ {
			size := min(int(steps[1]), len(steps)-2)
			r.step(steps[0]%stepKinds, steps[2:2+size])
			steps = steps[2+size:]
			r.register()
		}
		before := r.register()
		r.insert(r.chip.Snapshot(nil))
		if after := r.register(); len(after.Instances) != len(before.Instances) || after.Life != before.Life {
			t.Fatalf("the snapshot brought back %+v, want %+v", after, before)
		}
		for _, i := range before.Instances {
			r.send("00A40400" + field(i.AID) + "00")
		}
	})
}

// step does one step and looks at the answer.
func (r *rig) step(kind byte, b []byte) {
	r.t.Helper()
	switch {
	case kind == stepOpen && len(b) == 2:
		if !r.attempt(b[0], scp.Level(b[1])) {
			r.host = nil
		}
		return
	case kind == stepReset:
		check(r.t, r.chip.PowerOn(random(6)))
		r.host = nil
		return
	case kind == stepTear && len(b) > 0:
		memory := r.chip.Memory()
		memory.CutAt(memory.Writes()+int(b[0]), cos.Tear(b[0]%3))
		b = b[1:]
	}
	if c, err := apdu.ParseCommand(b); kind != stepSend && err == nil && r.host != nil {
		if wrapped, err := r.host.Wrap(c); err == nil {
			b = raw(r.t, wrapped)
		}
	}
	data, sw, err := r.transmit(b)
	if err != nil {
		check(r.t, r.chip.PowerOn(random(7)))
		r.host = nil
		return
	}
	r.noKeys(data)
	if len(data) > 256 {
		r.t.Fatalf("%X: answer of %d bytes", b, len(data))
	}
	if r.host != nil {
		if plain, err := r.host.Unwrap(data, sw); err == nil {
			r.noKeys(plain)
		}
	}
}

// attempt is tryOpen without opinions.
func (r *rig) attempt(version byte, level scp.Level) bool {
	r.turn++
	set, ok := r.keys[version]
	if !ok {
		set = desKeys
	}
	r.host = scp.NewHost(set, [8]byte{r.turn})
	data, sw, err := r.transmit(raw(r.t, r.host.InitializeUpdate(version)))
	if err != nil || sw != apdu.SWOK {
		return false
	}
	external, err := r.host.Open(data, level)
	if err != nil {
		return false
	}
	_, sw, err = r.transmit(raw(r.t, external))
	return err == nil && sw == apdu.SWOK
}

// FuzzDecode gives a chip hostile memory: what Decode accepts runs, and is the same
// afterwards.
func FuzzDecode(f *testing.F) {
	r := newRig(f, profile(), nil)
	f.Add(r.chip.Snapshot(nil)[1:])
	r.send(selectDomain)
	r.open(0x30, scp.CMAC)
	send(installNote, installDiary, installBook, "80E40000 (4F("+diaryAID+")) 00", personalise, "80E28000 (0001(AABB))")(r)
	r.wantSecure("80D80001"+r.putKeyData(0x20, scp.SCP02, desKeys.ENC)+"00", apdu.SWOK)
	f.Add(r.chip.Snapshot(nil)[1:])
	damaged := r.chip.Snapshot(nil)[1:]
	damaged[5], damaged[7] = 0x80, 0x10
	f.Add(damaged)
	f.Fuzz(func(t *testing.T, b []byte) {
		r := newRig(t, profile(), nil)
		content := make([]byte, r.domain.MemorySize())
		copy(content, b)
		before, err := r.domain.Decode(content)
		if err != nil {
			return
		}
		r.insert(append([]byte{1}, bytes.TrimRight(content, "\x00")...))
		r.send(selectDomain)
		for _, i := range before.Instances {
			r.send("00A40400" + field(i.AID) + "00")
		}
		r.send("80CA00E000")
		after := r.register()
		if len(after.Instances) != len(before.Instances) || len(after.Keys) != len(before.Keys) {
			t.Fatalf("%+v became %+v", before, after)
		}
	})
}
