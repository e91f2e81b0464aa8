package cos

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/crypt/cryptogram"
)

// tree is a small file system with a file of every kind.
func tree() FileSystemSpec {
	pin := KeySpec{Usage: UsePIN, Number: 1, Tries: 3, Value: Secret{1, 2, 3}}
	line := KeySpec{Usage: UseLine, Number: 0, Alg: cryptogram.TDES, Value: make(Secret, 16)}
	return FileSystemSpec{SpareFiles: 4, SpareBytes: 100, MF: FileSpec{Kind: DF, ID: MasterFile, Info: []byte{0x88, 1, 1}, Children: []FileSpec{
		{Kind: Keys, ID: 0x0008, Capacity: 3, Keys: []KeySpec{pin, line}},
		{Kind: Transparent, ID: 0xEF01, SFI: 1, Size: 10, Content: []byte("abc"), Rules: Rules{OpUpdate: Never}},
		{Kind: Fixed, ID: 0xEF02, SFI: 2, RecordLength: 2, Capacity: 3, Records: [][]byte{{1, 1}, {2, 2}}},
		{Kind: DF, ID: 0xDF01, Name: []byte("one"), Children: []FileSpec{
			{Kind: Variable, ID: 0xEF01, SFI: 1, RecordLength: 4, Capacity: 2, Records: [][]byte{{1}, {2, 2, 2, 2}}},
			{Kind: Cyclic, ID: 0xEF02, SFI: 2, RecordLength: 2, Capacity: 2, Records: [][]byte{{1, 1}, {2, 2}}},
		}},
	}}}
}

func formatted(t testing.TB, spec FileSystemSpec) []byte {
	t.Helper()
	image, err := FormatFiles(spec)
	if err != nil {
		t.Fatal(err)
	}
	if err := CheckFiles(image); err != nil {
		t.Fatal(err)
	}
	return image
}

// mounted is the image in a memory with power.
func mounted(t testing.TB, image []byte) (*Memory, FileSystem) {
	t.Helper()
	m := new(Memory)
	if err := m.FormatWith(len(image), FilesJournal); err != nil {
		t.Fatal(err)
	}
	m.Fill(0, image)
	if err := m.PowerOn(); err != nil {
		t.Fatal(err)
	}
	return m, NewFileSystem(m.Partition(0, len(image)))
}

func TestFormatFiles(t *testing.T) {
	v := FileView{formatted(t, tree())}
	var lines []string
	for f := range v.Files() {
		lines = append(lines, fmt.Sprintf("%04X in %d: %v, SFI %d, %d of %d records of %d, %d bytes %X", f.ID, f.Parent, f.Kind, f.SFI, f.Count, f.Capacity, f.RecordLength, f.Size, v.Body(f)))
	}
	want := []string{
		"3F00 in 0: DF, SFI 0, 0 of 0 records of 0, 3 bytes 880101",
		"0008 in 0: key EF, SFI 0, 0 of 3 records of 0, 96 bytes " +
			"3A010000030303000000000000000000" + "01020300000000000000000000000000" +
			"36000001000010000000000000000000" + strings.Repeat("00", 16) + strings.Repeat("00", 32),
		"EF01 in 0: transparent EF, SFI 1, 0 of 0 records of 0, 10 bytes 61626300000000000000",
		"EF02 in 0: linear fixed EF, SFI 2, 2 of 3 records of 2, 6 bytes 010102020000",
		"DF01 in 0: DF, SFI 0, 0 of 0 records of 0, 0 bytes ",
		"EF01 in 4: linear variable EF, SFI 1, 2 of 2 records of 4, 10 bytes 01010000000402020202",
		"EF02 in 4: cyclic EF, SFI 2, 2 of 2 records of 2, 4 bytes 01010202",
	}
	if got := strings.Join(lines, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("files:\n%s", got)
	}
	if total, longest := v.Free(); total != 100 || longest != 100 {
		t.Errorf("%d bytes free, %d in a row", total, longest)
	}
	if r, ok := v.Record(must(v.ByShortID(4, 2)), 1); !ok || !bytes.Equal(r, []byte{2, 2}) {
		t.Errorf("newest record %X", r)
	}
}

func must(f File, ok bool) File {
	if !ok {
		panic("cos: the file is not there")
	}
	return f
}

// TestSpecErrors: what contradicts itself is refused, with the file's name.
func TestSpecErrors(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(s *FileSystemSpec)
		want   error
	}{
		{"MF with another identifier", func(s *FileSystemSpec) { s.MF.ID = 0x3F01 }, ErrFile},
		{"MF is no DF", func(s *FileSystemSpec) { s.MF = FileSpec{Kind: Transparent, ID: MasterFile, Size: 1} }, ErrFile},
		{"too many spare files", func(s *FileSystemSpec) { s.SpareFiles = 250 }, ErrNoSpace},
		{"spare files without end", func(s *FileSystemSpec) { s.SpareFiles = math.MaxInt }, ErrNoSpace},
		{"spare bytes without end", func(s *FileSystemSpec) { s.SpareBytes = math.MaxInt }, ErrNoSpace},
		{"negative space", func(s *FileSystemSpec) { s.SpareBytes = -1 }, ErrNoSpace},
		{"larger than a chip", func(s *FileSystemSpec) { s.SpareBytes = 65000 }, ErrNoSpace},
		{"unknown kind", func(s *FileSystemSpec) { s.MF.Children[1].Kind = 0x03 }, ErrFile},
		{"unknown state", func(s *FileSystemSpec) { s.MF.Children[1].State = 0x02 }, ErrFile},
		{"reserved identifier", func(s *FileSystemSpec) { s.MF.Children[1].ID = 0xFFFF }, ErrFile},
		{"identifier of the DF", func(s *FileSystemSpec) { s.MF.Children[3].Children[0].ID = 0xDF01 }, ErrFileExists},
		{"identifier twice", func(s *FileSystemSpec) { s.MF.Children[2].ID = 0xEF01 }, ErrFileExists},
		{"short identifier twice", func(s *FileSystemSpec) { s.MF.Children[2].SFI = 1 }, ErrFileExists},
		{"short identifier 31", func(s *FileSystemSpec) { s.MF.Children[2].SFI = 31 }, ErrFile},
		{"short identifier of a DF", func(s *FileSystemSpec) { s.MF.Children[3].SFI = 7 }, ErrFile},
		{"two key files", func(s *FileSystemSpec) {
			s.MF.Children = append(s.MF.Children, FileSpec{Kind: Keys, ID: 9, Capacity: 1})
		}, ErrFileExists},
		{"name twice", func(s *FileSystemSpec) {
			s.MF.Children = append(s.MF.Children, FileSpec{Kind: DF, ID: 9, Name: []byte("one")})
		}, ErrFileExists},
		{"name of 17 bytes", func(s *FileSystemSpec) { s.MF.Children[3].Name = make([]byte, 17) }, ErrFile},
		{"name of an EF", func(s *FileSystemSpec) { s.MF.Children[1].Name = []byte("x") }, ErrFile},
		{"file below an EF", func(s *FileSystemSpec) {
			s.MF.Children[1].Children = []FileSpec{{Kind: Transparent, ID: 9, Size: 1}}
		}, ErrFile},
		{"no size", func(s *FileSystemSpec) { s.MF.Children[1].Size = 0 }, ErrFile},
		{"more content than size", func(s *FileSystemSpec) { s.MF.Children[1].Content = make([]byte, 11) }, ErrFile},
		{"content of a record file", func(s *FileSystemSpec) { s.MF.Children[2].Content = []byte{1} }, ErrFile},
		{"records of a transparent file", func(s *FileSystemSpec) { s.MF.Children[1].Capacity = 1 }, ErrFile},
		{"keys outside a key file", func(s *FileSystemSpec) { s.MF.Children[1].Keys = make([]KeySpec, 1) }, ErrFile},
		{"no records", func(s *FileSystemSpec) { s.MF.Children[2].Capacity = 0 }, ErrFile},
		{"records of 252", func(s *FileSystemSpec) { s.MF.Children[2].RecordLength = 252 }, ErrFile},
		{"record of another length", func(s *FileSystemSpec) { s.MF.Children[2].Records[1] = []byte{1} }, ErrFile},
		{"empty record", func(s *FileSystemSpec) { s.MF.Children[3].Children[0].Records[0] = nil }, ErrFile},
		{"more records than room", func(s *FileSystemSpec) { s.MF.Children[2].Capacity = 1 }, ErrFile},
		{"rule", func(s *FileSystemSpec) { s.MF.Children[2].Rules[OpRead] = Access{1} }, ErrFile},
		{"line key", func(s *FileSystemSpec) { s.MF.Children[2].LineKey = 32 }, ErrFile},
		{"key file out of use", func(s *FileSystemSpec) { s.MF.Children[0].State = Deactivated }, ErrFile},
		{"more keys than room", func(s *FileSystemSpec) { s.MF.Children[0].Capacity = 1 }, ErrFile},
		{"key twice", func(s *FileSystemSpec) { s.MF.Children[0].Keys[1] = s.MF.Children[0].Keys[0] }, ErrFile},
		{"key usage", func(s *FileSystemSpec) { s.MF.Children[0].Keys[1].Usage = 0x40 }, ErrFile},
		{"key number", func(s *FileSystemSpec) { s.MF.Children[0].Keys[1].Number = 32 }, ErrFile},
		{"tries", func(s *FileSystemSpec) { s.MF.Children[0].Keys[1].Tries = 16 }, ErrFile},
		{"key without algorithm", func(s *FileSystemSpec) { s.MF.Children[0].Keys[1].Alg = 0 }, ErrFile},
		{"short key", func(s *FileSystemSpec) { s.MF.Children[0].Keys[1].Value = make(Secret, 8) }, ErrFile},
		{"key form", func(s *FileSystemSpec) { s.MF.Children[0].Keys[1].Form = FormFactor }, ErrFile},
		{"key rule", func(s *FileSystemSpec) { s.MF.Children[0].Keys[1].Use = Always.With(MAC) }, ErrFile},
		{"PIN without a limit", func(s *FileSystemSpec) { s.MF.Children[0].Keys[0].Tries = 0 }, ErrFile},
		{"PIN of a byte", func(s *FileSystemSpec) { s.MF.Children[0].Keys[0].Value = Secret{1} }, ErrFile},
	} {
		s := tree()
		c.change(&s)
		if _, err := FormatFiles(s); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	s := tree()
	s.MF.Children[3].Children[1].RecordLength = 0
	if _, err := FormatFiles(s); err == nil || !strings.Contains(err.Error(), "file 3F00, file DF01, file EF02: ") {
		t.Errorf("error without the way to the file: %v", err)
	}
}

// TestCheckFiles: damage to a header, the head or the structure of a body is found.
func TestCheckFiles(t *testing.T) {
	image := formatted(t, tree())
	table := tableStart(int(image[3]))
	header := func(slot, at int) int { return table + slot*fileHeader + at }
	v := FileView{image}
	keys, fixed, variable := v.file(1), v.file(3), v.file(5)
	for name, c := range map[string]struct {
		at    int
		value byte
	}{
		"magic":                   {0, 'G'},
		"version":                 {2, 2},
		"no headers":              {3, 0},
		"more headers":            {3, 12},
		"size":                    {5, image[5] + 1},
		"spare of the head":       {7, 1},
		"no MF":                   {8, image[8] &^ 1},
		"header beyond":           {9, 0x80},
		"parent is gone":          {8, image[8] &^ 0x10},
		"MF's kind":               {header(0, atKind), byte(Transparent)},
		"parent is no DF":         {header(5, atParent), 2},
		"parent is itself":        {header(4, atParent), 4},
		"identifier twice":        {header(3, atID+1), 1},
		"name twice, length":      {header(4, atNameLength), 17},
		"body outside":            {header(3, atBody), 0xFF},
		"body shared":             {header(3, atBody+1), image[header(3, atBody+1)] - 1},
		"size of records":         {header(3, atSize+1), 5},
		"more records than room":  {header(3, atCount), 4},
		"records of a binary":     {header(2, atCount), 1},
		"newest outside":          {header(6, atNewest), 2},
		"newest of a linear file": {header(3, atNewest), 1},
		"rule":                    {header(3, atRules), 7},
		"spare of a header":       {header(3, 60), 1},
		"behind the name":         {header(4, atName+5), 1},
		"state":                   {header(3, atState), 0},
		"behind the records":      {fixed.at + 5, 1},
		"length of a record":      {variable.at, 5},
		"behind a short record":   {variable.at + 3, 1},
		"no length of a record":   {variable.at, 0},
		"tries above the limit":   {keys.at + atTriesLeft, 4},
		"rubbish in a free entry": {keys.at + 2*keyEntry + 9, 1},
		"behind a PIN":            {keys.at + atKeyValue + 3, 1},
		"length of a PIN":         {keys.at + 6, 17},
	} {
		bad := bytes.Clone(image)
		bad[c.at] = c.value
		if err := CheckFiles(bad); !errors.Is(err, ErrFile) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for n := range image {
		if CheckFiles(image[:n]) == nil {
			t.Fatalf("the first %d bytes pass", n)
		}
	}
	loop := bytes.Clone(image)
	loop[header(4, atParent)] = 4
	if err := CheckFiles(loop); !errors.Is(err, ErrFile) {
		t.Errorf("a DF in itself: %v", err)
	}
}

// TestCreateDelete compares the file system with a map over random creations and
// deletions: contents stay with their files, and space comes back.
func TestCreateDelete(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m, fs := mounted(t, formatted(t, FileSystemSpec{MF: FileSpec{Kind: DF, ID: MasterFile}, SpareFiles: 6, SpareBytes: 120}))
		model := map[uint16][]byte{}
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			v, err := fs.View()
			if err != nil {
				rt.Fatal(err)
			}
			id := rapid.Uint16Range(1, 9).Draw(rt, "id")
			f, there := v.Child(0, id)
			if there != (model[id] != nil) {
				rt.Fatalf("file %d: %v", id, there)
			}
			if there && rapid.Bool().Draw(rt, "delete") {
				if err := fs.Delete(f); err != nil {
					rt.Fatal(err)
				}
				delete(model, id)
				continue
			}
			content := bytes.Repeat([]byte{byte(id)}, rapid.IntRange(1, 60).Draw(rt, "size"))
			total, longest := v.Free()
			err = fs.Create(v.MF(), FileSpec{Kind: Transparent, ID: id, Size: len(content), Content: content})
			switch {
			case there && !errors.Is(err, ErrFileExists):
				rt.Fatalf("again: %v", err)
			case !there && (len(model) == 6 || len(content) > longest) && !errors.Is(err, ErrNoSpace):
				rt.Fatalf("%d files, %d bytes for %d in a row: %v", len(model), len(content), longest, err)
			case !there && err == nil:
				model[id] = content
				if after, _ := view(rt, fs).Free(); after != total-len(content) {
					rt.Fatalf("%d bytes free before, %d after %d were taken", total, after, len(content))
				}
			case !there && !errors.Is(err, ErrNoSpace):
				rt.Fatal(err)
			}
		}
		v := view(rt, fs)
		for id, want := range model {
			if f, ok := v.Child(0, id); !ok || !bytes.Equal(v.Body(f), want) {
				rt.Fatalf("file %d: %X", id, v.Body(f))
			}
		}
		if err := CheckFiles(m.Settled(nil)); err != nil {
			rt.Fatal(err)
		}
	})
}

func view(t interface{ Fatal(...any) }, fs FileSystem) FileView {
	v, err := fs.View()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestDeleteTree: a DF goes with all below it, in one step.
func TestDeleteTree(t *testing.T) {
	m, fs := mounted(t, formatted(t, tree()))
	v := view(t, fs)
	df, _ := v.Child(0, 0xDF01)
	if err := fs.Delete(df); err != nil {
		t.Fatal(err)
	}
	n := 0
	for range view(t, fs).Files() {
		n++
	}
	if n != 4 {
		t.Errorf("%d files are left", n)
	}
	if err := fs.Delete(v.MF()); !errors.Is(err, ErrFile) {
		t.Errorf("delete the MF: %v", err)
	}
	if err := CheckFiles(m.Settled(nil)); err != nil {
		t.Error(err)
	}
	total, _ := view(t, fs).Free()
	if total != 100+10+4 {
		t.Errorf("%d bytes free", total)
	}
}

// TestDeleteKeys: nothing of a key is left in memory once its file is gone.
func TestDeleteKeys(t *testing.T) {
	spec := tree()
	spec.MF.Children[3].Children = append(spec.MF.Children[3].Children, FileSpec{Kind: Keys, ID: 8, Capacity: 2, Keys: []KeySpec{
		{Usage: UseLine, Alg: cryptogram.SM4, Value: bytes.Repeat(Secret{0xC5}, 16)},
	}})
	m, fs := mounted(t, formatted(t, spec))
	v := view(t, fs)
	df, _ := v.Child(0, 0xDF01)
	if !bytes.Contains(m.Settled(nil), []byte{0xC5, 0xC5}) {
		t.Fatal("the key is not in memory")
	}
	if err := fs.Delete(df); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(m.Settled(nil), []byte{0xC5}) {
		t.Error("the key is still in memory")
	}
}

// TestPowerless: nothing of a file system can be used without power.
func TestPowerless(t *testing.T) {
	m, fs := mounted(t, formatted(t, tree()))
	v := view(t, fs)
	ef, _ := v.Child(0, 0xEF02)
	k, _ := v.OwnKey(0, UsePIN, 1)
	binary, _ := v.Child(0, 0xEF01)
	keys, _ := v.KeyFile(0)
	m.PowerOff()
	for name, err := range map[string]error{
		"Update":       fs.Update(binary, 0, []byte{1}),
		"UpdateRecord": fs.UpdateRecord(ef, 1, []byte{1, 1}),
		"AppendRecord": fs.AppendRecord(ef, []byte{1, 1}),
		"SetState":     fs.SetState(ef, Deactivated),
		"Create":       fs.Create(v.MF(), FileSpec{Kind: Transparent, ID: 5, Size: 1}),
		"Delete":       fs.Delete(ef),
		"SetTries":     fs.SetTries(k, 1),
		"SetValue":     fs.SetValue(k, Secret{1, 2}),
		"WriteKey":     fs.WriteKey(keys, k.KeySpec),
	} {
		if !errors.Is(err, ErrPowerCut) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAccessText: every valid rule has a text, and reading it gives the rule.
func TestAccessText(t *testing.T) {
	for text, want := range map[string]Access{
		"":                         Always,
		"never":                    Never,
		"always, mac":              Always.With(MAC),
		"pin 1":                    AllOf(PIN(1)),
		"pin 1 or key 2":           AnyOf(PIN(1), Key(2)),
		"pin 0 and key 31, mac":    AllOf(PIN(0), Key(31)).With(MAC),
		"key 1 or key 2 or pin 3 ": AnyOf(Key(1), Key(2), PIN(3)),
		"pin 1, enciphered":        AnyOf(PIN(1)).With(Enciphered),
	} {
		got, err := AccessFrom(text)
		if err != nil || got != want {
			t.Errorf("%q: %v %v", text, got, err)
		}
		if again, err := AccessFrom(got.String()); err != nil || again != got {
			t.Errorf("%q says %q: %v", text, got, err)
		}
	}
	for _, text := range []string{"sometimes", "pin", "pin 32", "pin -1", "key", "pin 1 and key 2 or key 3", "pin 1 and pin 2 and pin 3 and pin 4", "never, mac", "pin 1, MAC", "pin 1,"} {
		if a, err := AccessFrom(text); !errors.Is(err, ErrAccess) {
			t.Errorf("%q: %v %v", text, a, err)
		}
	}
}

// TestAccessValid: of all rules of four random bytes those are valid that their
// text brings back, and no other.
func TestAccessValid(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	bytesOf := []byte{0, 1, 2, 0x0F, 0x10, 0x11, 0x12, 0x1F, 0x20, 0x30, 0x31, 0x32, 0x40, 0x41, 0x82, 0xC1}
	valid := 0
	for range 60000 {
		var a Access
		for i := range a {
			a[i] = bytesOf[r.IntN(len(bytesOf))]
		}
		back, err := AccessFrom(a.String())
		if got := err == nil && back == a; got != a.Valid() {
			t.Fatalf("%X is valid: %v; as text %q it is %X", a[:], a.Valid(), a, back[:])
		}
		if a.Valid() {
			valid++
		}
	}
	if valid < 100 {
		t.Errorf("only %d valid rules were tried", valid)
	}
}

// TestAllows is the truth table of rules.
func TestAllows(t *testing.T) {
	one := func(c Condition) bool { return c == PIN(1) }
	for _, c := range []struct {
		rule Access
		want bool
	}{
		{Always, true}, {Never, false}, {AllOf(PIN(1)), true}, {AllOf(Key(1)), false}, {AllOf(PIN(1), Key(1)), false},
		{AnyOf(PIN(1), Key(1)), true}, {AnyOf(Key(1), Key(2)), false}, {Access{7}, false}, {AllOf(PIN(1)).With(MAC), true},
	} {
		if got := c.rule.Allows(one); got != c.want {
			t.Errorf("%v: %v", c.rule, got)
		}
	}
}

// TestSecrets: no way of printing shows a key.
func TestSecrets(t *testing.T) {
	s := tree()
	v := FileView{formatted(t, s)}
	k, _ := v.OwnKey(0, UsePIN, 1)
	for _, text := range []string{fmt.Sprint(s.MF.Children[0]), fmt.Sprintf("%#v", k), fmt.Sprintf("%x", k.Value), k.Value.LogValue().String()} {
		if !strings.Contains(text, withheldSecret) || strings.Contains(text, "1 2 3") || strings.Contains(text, "010203") {
			t.Errorf("%s", text)
		}
	}
	if b, err := k.Value.MarshalText(); err != nil || string(b) != withheldSecret {
		t.Errorf("%s %v", b, err)
	}
}

// patched is a copy of the image with bytes changed: three bytes for each, the
// place and what is there instead. Most images that pass look much like others.
func patched(image, patches []byte) []byte {
	image = bytes.Clone(image)
	for ; len(patches) >= 3 && len(image) > 0; patches = patches[3:] {
		image[(int(patches[0])<<8|int(patches[1]))%len(image)] = patches[2]
	}
	return image
}

// FuzzCheckFiles: whatever passes can be walked without a panic, has sound keys and
// takes a new file or says why not.
func FuzzCheckFiles(f *testing.F) {
	image := formatted(f, tree())
	f.Add(image, []byte{})
	f.Add(image, []byte{0, 8, 0x6F, 0, 0x51, 0x04})
	f.Add(image[:40], []byte{0, 4, 0})
	f.Add([]byte("FS\x01\x01"), []byte{})
	small, err := FormatFiles(FileSystemSpec{MF: FileSpec{Kind: DF, ID: MasterFile}, SpareFiles: 2, SpareBytes: 30})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(small, []byte{0, 8, 3})
	f.Fuzz(func(t *testing.T, image, patches []byte) { tryImage(t, patched(image, patches)) })
}

// TestEveryByte changes every byte of an image to several values; what passes can
// be used.
func TestEveryByte(t *testing.T) {
	image := formatted(t, tree())
	passed := 0
	for at, b := range image {
		for _, value := range []byte{0, 1, 2, 3, 4, 5, 0x0F, 0x40, 0xFF, b + 1, b - 1, b ^ 0x80} {
			if tryImage(t, patched(image, []byte{byte(at >> 8), byte(at), value})) {
				passed++
			}
		}
	}
	t.Logf("%d of %d changed images pass", passed, 12*len(image))
}

// tryImage uses a file system if it passes.
func tryImage(t *testing.T, image []byte) bool {
	t.Helper()
	if err := CheckFiles(image); err != nil {
		if !errors.Is(err, ErrFile) {
			t.Fatal(err)
		}
		return false
	}
	v := FileView{image}
	for x := range v.Files() {
		_ = v.Body(x)
		for n := 0; n <= x.Count+1; n++ {
			if b, ok := v.Record(x, n); ok != (x.Kind.Records() && n >= 1 && n <= x.Count) || ok && len(b) == 0 {
				t.Fatalf("record %d of %d: %v", n, x.Count, ok)
			}
		}
		if !v.Holds(0, x.Slot) || v.Usable(x) && x.State == Terminated {
			t.Fatal("a file is not in the tree")
		}
		for _, u := range []KeyUsage{UsePIN, UseLine, UseExternal} {
			if k, ok := v.Key(x.Slot, u, 1); ok && k.Check() != nil {
				t.Fatal("a key is not sound")
			}
		}
	}
	m, fs := mounted(t, image)
	err := fs.Create(v.MF(), FileSpec{Kind: Transparent, ID: 0x7777, Size: 5})
	if err != nil && !errors.Is(err, ErrNoSpace) && !errors.Is(err, ErrFileExists) {
		t.Fatal(err)
	}
	if err := CheckFiles(m.Settled(nil)); err != nil {
		t.Fatal(err)
	}
	return true
}
