package livelihood_test

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// TestOnlyTheSelectedChanges: whatever is sent, right commands and nonsense, the
// memory of nothing but the selected application changes, and there is an answer.
func TestOnlyTheSelectedChanges(t *testing.T) {
	img := image(t)
	list := sides(t, img)
	// Commands that can change something: verification, records, trades, blocks.
	instructions := []byte{0x20, 0x24, 0x2C, 0x82, 0x84, 0x88, 0xB0, 0xB2, 0xD6, 0xDC, 0xE2, 0x04, 0x44, 0xD4, 0xE0, 0xE4,
		0x50, 0x52, 0x54, 0x5C, 0x5E, 0xA8, 0xAE, 0xCA, 0x1E, 0x18, 0x16}
	rapid.Check(t, func(rt *rapid.T) {
		s := insert(t, img, nil)
		for range rapid.IntRange(1, 4).Draw(rt, "selections") {
			x := list[rapid.IntRange(0, len(list)-1).Draw(rt, "side")]
			if _, sw := s.send(selecting(x.aid)); sw>>8 != 0x90 && sw>>8 != 0x62 {
				rt.Fatalf("%s cannot be selected: %v", x.name, sw)
			}
			if x.prepare != nil && rapid.Bool().Draw(rt, "prepared") {
				s.prepareIfOpen(x)
			}
			var own [][]byte
			for _, cmd := range x.own {
				own = append(own, unhex(t, cmd))
			}
			before := make([][]byte, len(list))
			for i, o := range list {
				before[i] = bytes.Clone(s.memory(img, o))
			}
			for range rapid.IntRange(1, 12).Draw(rt, "commands") {
				cmd := drawCommand(rt, instructions, own)
				if _, _, err := s.try(cmd); err != nil {
					rt.Fatalf("%X: %v", cmd, err)
				}
			}
			for i, o := range list {
				if o.name != x.name && !bytes.Equal(before[i], s.memory(img, o)) {
					rt.Fatalf("%s was selected and %s has changed", x.name, o.name)
				}
			}
		}
	})
}

// prepareIfOpen proves what a side wants where nothing before has blocked it.
func (s *session) prepareIfOpen(x side) {
	s.t.Helper()
	for _, cmd := range []string{"0020000003123456", "0020000103123456", "0084000008"} {
		s.send(cmd)
	}
	for _, k := range x.keys {
		if _, sw := s.send("0084000008"); sw>>8 == 0x90 {
			_, _, err := s.try(s.authentication(k.name, k.number))
			check(s.t, err)
		}
	}
	s.send("0084000008")
}

// drawCommand draws anything but a SELECT.
func drawCommand(rt *rapid.T, instructions []byte, own [][]byte) []byte {
	if len(own) > 0 && rapid.IntRange(0, 3).Draw(rt, "kind") == 0 {
		return bytes.Clone(rapid.SampledFrom(own).Draw(rt, "own"))
	}
	cmd := []byte{
		rapid.SampledFrom([]byte{0x00, 0x04, 0x80, 0x84}).Draw(rt, "class"), rapid.SampledFrom(instructions).Draw(rt, "instruction"),
		rapid.Byte().Draw(rt, "P1"), rapid.Byte().Draw(rt, "P2"),
	}
	data := rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(rt, "data")
	if len(data) > 0 {
		cmd = append(append(cmd, byte(len(data))), data...)
	}
	if rapid.Bool().Draw(rt, "Le") {
		cmd = append(cmd, 0)
	}
	return cmd
}
