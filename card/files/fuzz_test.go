package files_test

import (
	"bytes"
	"testing"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/card/files"
	"github.com/citycard/citycard/crypt/cryptogram"
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

// play sends a sequence and checks after every command that memory holds a file
// system and that the answer is one.
func (s *session) play(commands []byte) {
	for len(commands) > 0 {
		n := min(int(commands[0]), len(commands)-1)
		c, err := apdu.ParseCommand(commands[1 : 1+n])
		commands = commands[1+n:]
		if err != nil {
			continue
		}
		data, _, err := s.send(c)
		if err != nil {
			s.t.Fatal(err)
		}
		if len(data) > apdu.MaxShortLe {
			s.t.Fatalf("an answer of %d bytes", len(data))
		}
		if err := cos.CheckFiles(s.memory.Settled(nil)); err != nil {
			s.t.Fatalf("after %+v: %v", c, err)
		}
	}
}

// FuzzCommands plays random commands to the test card, once after DF02's PIN and
// key were used and once as a stranger, who cannot have changed any key.
func FuzzCommands(f *testing.F) {
	f.Add(sequence(f, "00A4040C0C4349545943415244"+"2E4F4E45", "0020000103123456", "00B201B400", "00DC01B40401020304"))
	f.Add(sequence(f, "0084000008", "00820002080000000000000000", "0084000004", "04D69500060102EF1AE1A9"))
	f.Add(sequence(f, "00A4080C02DF02", "00B200BD00", "00E200C003010203", "00DC00C303040506", "0024000107654321FF111213"))
	f.Add(sequence(f, "00E000002B6229820101", "00E4000002EF15", "00440000", "00040000", "00E60000", "00E80000", "84D4390204"+"00000000"))
	f.Add(sequence(f, "00", "00A4", "00B0950000", "FFFFFFFF"))
	f.Add(sequence(f, "84D40000", "84D40001", "84D4FF00"))
	f.Fuzz(func(t *testing.T, commands []byte) {
		owner := insert(t, rootName, city())
		owner.enterTwo()
		owner.want(apdu.SWOK, "0020000103654321")
		if sw := owner.authenticate(cryptogram.TDES, 0x90); sw != apdu.SWOK {
			t.Fatal(sw)
		}
		owner.play(commands)

		s := insert(t, rootName, city())
		before := s.memory.Settled(nil)
		s.play(commands)
		after := s.memory.Settled(nil)
		for _, p := range directories {
			k := key(p.first + 0x10)
			if p.pin != "" && bytes.Count(before, k) != bytes.Count(after, k) {
				t.Fatalf("the key of %s has changed", p.name)
			}
		}
	})
}

// FuzzImage plays commands to any memory content that CheckMemory accepts, changed
// by patches of three bytes: place and value.
func FuzzImage(f *testing.F) {
	image, err := cos.FormatFiles(open())
	if err != nil {
		f.Fatal(err)
	}
	commands := sequence(f, "00B0810000", "00E2001003010203", "00DC00230301"+"0203", "00B2012500", "0020000103111111", "00A4000402000100", "00E4000002"+"0001")
	f.Add(image, []byte{0, 0x48, 0x04}, commands)
	big, err := cos.FormatFiles(city())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(big, []byte{}, commands)
	f.Add(image[:len(image)-1], []byte{}, commands)
	f.Fuzz(func(t *testing.T, image, patches, commands []byte) {
		image = bytes.Clone(image)
		for ; len(patches) >= 3 && len(image) > 0; patches = patches[3:] {
			image[(int(patches[0])<<8|int(patches[1]))%len(image)] = patches[2]
		}
		if cos.CheckFiles(image) != nil {
			return
		}
		template, err := files.NewTemplate(rootName, open())
		if err != nil {
			t.Fatal(err)
		}
		s := &session{t: t, memory: new(cos.Memory), rand: new(counter)}
		if err := s.memory.FormatWith(len(image), cos.FilesJournal); err != nil {
			t.Fatal(err)
		}
		s.memory.Fill(0, image)
		s.app = template.Place(s.memory.Partition(0, len(image)), nil)
		s.powerOn()
		s.play(commands)
	})
}
