package psam_test

import (
	"bytes"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/psam"
	"github.com/citycard/citycard/wire/apdu"
)

// sequence puts commands behind each other, each after its length.
func sequence(t testing.TB, hexes ...string) []byte {
	var out []byte
	for _, h := range hexes {
		b := unhex(t, h)
		out = append(append(out, byte(len(b))), b...)
	}
	return out
}

func seeds(f *testing.F) [][]byte {
	return [][]byte{
		sequence(f, "00A4000C028011", initPurchase, wrongMAC2, initPurchase, rightMAC2),
		sequence(f, "00A4000C021001", "80CA000009851122334455667788", initPurchase, rightMAC2, "00B0980004"),
		sequence(f, "00A4000C028011", "801A450110"+bothFactors, "80FA000008"+cardFactor+"00", "80FA070010"+bothFactors, "80FA010008"+cardFactor),
		sequence(f, "00A4040C06D15600000590", "801A480718"+bothFactors+cardFactor, "80FA000008"+cardFactor),
		sequence(f, "0084000004", "04D696000A112233445566DDDDDDDD", "00B0960000", "00A4000000", "00A4000002001600"),
		sequence(f, "00", "8070000008"+cardFactor, "8072000004", "80FA05000800", "801AFF0000", "BFDE480700"),
	}
}

// secretValues are the keys of the development module.
func secretValues(s psam.Spec) [][]byte {
	out := [][]byte{s.Key.Value[:]}
	for i := range s.Applications {
		for j := range s.Applications[i].Keys {
			out = append(out, s.Applications[i].Keys[j].Value[:])
		}
	}
	return out
}

// FuzzCommands plays random commands to the module: every answer is one, the
// memory stays possible, no key comes out, numbers never come twice, and who does
// not know the module's keys changes no file.
func FuzzCommands(f *testing.F) {
	for _, b := range seeds(f) {
		f.Add(b)
	}
	module := spec(f, 0)
	secrets := secretValues(module)
	template, err := psam.New(module)
	if err != nil {
		f.Fatal(err)
	}
	img, err := psam.Image(module, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, commands []byte) {
		s := place(t, img, nil)
		bodies := s.settled()[4+8*5:]
		seen := map[string]bool{}
		for len(commands) > 0 {
			n := min(int(commands[0]), len(commands)-1)
			cmd := commands[1 : 1+n]
			commands = commands[1+n:]
			data, sw, err := s.send(cmd)
			if err != nil || len(data) > apdu.MaxShortLe {
				t.Fatalf("%X: %d bytes, %v", cmd, len(data), err)
			}
			for _, k := range secrets {
				if bytes.Contains(data, k[:8]) {
					t.Fatalf("%X gives a key away: %X", cmd, data)
				}
			}
			if len(cmd) > 1 && cmd[1] == 0x70 && sw == apdu.SWOK {
				if seen[string(data)] {
					t.Fatalf("%X twice", data)
				}
				seen[string(data)] = true
			}
			if err := template.CheckMemory(s.settled()); err != nil {
				t.Fatalf("after %X: %v", cmd, err)
			}
		}
		if !bytes.Equal(bodies, s.settled()[4+8*5:]) {
			t.Fatal("a file has changed")
		}
	})
}

// FuzzMemory puts any memory content into a chip and plays commands to it.
func FuzzMemory(f *testing.F) {
	img, err := psam.Image(spec(f, 0), nil)
	if err != nil {
		f.Fatal(err)
	}
	s := place(f, img, nil)
	good := s.chip.Snapshot(nil)
	f.Add(good, []byte{})
	f.Add(good, []byte{0, 15, 0x00})
	f.Add(good, []byte{0, 17, 0x04})
	f.Add(good[:len(good)-1], []byte{})
	commands := sequence(f, "00A4000C028011", initPurchase, rightMAC2, "0084000004", "04D69900050033333333", "00B0980004")
	f.Fuzz(func(t *testing.T, nvm, patches []byte) {
		nvm = bytes.Clone(nvm)
		for ; len(patches) >= 3 && len(nvm) > 0; patches = patches[3:] {
			nvm[(int(patches[0])<<8|int(patches[1]))%len(nvm)] = patches[2]
		}
		c := card.New()
		if c.Insert(img, nvm) != nil || c.PowerOn(new(counter)) != nil {
			return
		}
		for rest := commands; len(rest) > 0; rest = rest[1+rest[0]:] {
			if _, err := c.Transmit(nil, rest[1:1+rest[0]]); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// FuzzParse reads any text as a profile: what is accepted makes a module.
func FuzzParse(f *testing.F) {
	f.Add([]byte("name: a\napplication: A000000353414D31\n"))
	f.Add(source(f))
	f.Add(bytes.ReplaceAll(source(f), []byte("8011"), []byte("3F00")))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := psam.Parse(text)
		if err != nil {
			return
		}
		if _, err := p.Default(); err != nil {
			t.Fatal(err)
		}
	})
}
