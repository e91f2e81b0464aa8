package files_test

import (
	"bytes"
	"crypto/cipher"
	"crypto/des"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/emmansun/gmsm/sm4"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/card/files"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/wire/apdu"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return b
}

// key is sixteen bytes that count up from a first one.
func key(first byte) cos.Secret {
	k := make(cos.Secret, 16)
	for i := range k {
		k[i] = first + byte(i)
	}
	return k
}

// Names of the test card's directories; the first twelve bytes agree.
var (
	rootName = []byte("TEST.SYS.DDF")
	nameOne  = []byte("CITYCARD.ONE")
	nameTwo  = []byte("CITYCARD.TWO")
)

// keysOf are the PINs and keys of a directory. first tells them apart: the line
// key begins with it, the others 10, 20.. above.
func keysOf(first byte, alg cryptogram.Alg, pin ...byte) cos.FileSpec {
	return cos.FileSpec{
		Kind: cos.Keys, ID: 0x0008, Capacity: 8,
		Rules: cos.Rules{cos.OpUpdate: cos.AllOf(cos.Key(2)), cos.OpAppend: cos.AllOf(cos.Key(2)), cos.OpDelete: cos.AllOf(cos.Key(2))},
		Keys: []cos.KeySpec{
			{Usage: cos.UseLine, Number: 0, Version: 1, Alg: alg, Value: key(first)},
			{Usage: cos.UseExternal, Number: 2, Version: 1, Alg: alg, Tries: 3, Value: key(first + 0x10)},
			{Usage: cos.UsePIN, Number: 1, Tries: 3, Value: pin},
			{Usage: cos.UseUnblock, Number: 1, Alg: alg, Value: key(first + 0x20)},
			{Usage: cos.UseReload, Number: 1, Alg: alg, Value: key(first + 0x30)},
			{Usage: cos.UseInternal, Number: 3, Alg: alg, Value: key(first + 0x40)},
			{Usage: cos.UseExternal, Number: 7, Alg: alg, Tries: 5, Form: cos.FormFactor, Value: key(first + 0x50)},
		},
	}
}

var (
	pin1 = cos.AllOf(cos.PIN(1))
	key2 = cos.AllOf(cos.Key(2))
)

// partition is a directory with files of every kind.
func partition(id uint16, name []byte, first byte, alg cryptogram.Alg, pin ...byte) cos.FileSpec {
	return cos.FileSpec{
		Kind: cos.DF, ID: id, Name: name, Info: []byte{0x9F, 0x08, 0x01, first},
		Rules: cos.Rules{cos.OpCreate: key2, cos.OpDelete: cos.Never, cos.OpActivate: key2},
		Children: []cos.FileSpec{
			keysOf(first, alg, pin...),
			{Kind: cos.Transparent, ID: 0xEF15, SFI: 0x15, Size: 30, Content: []byte{first, 9, 8, 7, 6, 5, 4, 3},
				Rules: cos.Rules{cos.OpUpdate: cos.Always.With(cos.MAC), cos.OpDelete: key2, cos.OpActivate: key2}},
			{Kind: cos.Fixed, ID: 0xEF16, SFI: 0x16, RecordLength: 4, Capacity: 4, Records: [][]byte{{0xA1, first, 0, 1}, {0xA2, first, 0, 2}},
				Rules: cos.Rules{cos.OpRead: pin1, cos.OpUpdate: pin1, cos.OpAppend: cos.AllOf(cos.PIN(1), cos.Key(2)), cos.OpDelete: cos.Never}},
			{Kind: cos.Variable, ID: 0xEF17, SFI: 0x17, RecordLength: 6, Capacity: 4, Records: [][]byte{{0x08, 2, 'a', 'b'}, {0x09, 1, 'c'}, {0x08, 0}},
				Rules: cos.Rules{cos.OpDelete: cos.Never}},
			{Kind: cos.Cyclic, ID: 0xEF18, SFI: 0x18, RecordLength: 3, Capacity: 3, Records: [][]byte{{1, 1, 1}, {2, 2, 2}},
				Rules: cos.Rules{cos.OpUpdate: cos.Never, cos.OpDelete: cos.Never}},
			{Kind: cos.Transparent, ID: 0xEF19, SFI: 0x19, Size: 300, Content: []byte{0x19, first},
				Rules: cos.Rules{cos.OpRead: cos.Always.With(cos.Enciphered), cos.OpUpdate: cos.AnyOf(cos.PIN(1), cos.Key(2)).With(cos.Enciphered), cos.OpDelete: cos.Never}},
			{Kind: cos.Fixed, ID: 0xEF1A, SFI: 0x1A, RecordLength: 4, Capacity: 2, Records: [][]byte{{7, 7, 7, first}},
				Rules: cos.Rules{cos.OpRead: cos.Always.With(cos.MAC), cos.OpUpdate: cos.Always.With(cos.Enciphered), cos.OpDelete: key2}},
		},
	}
}

// city is the test card.
func city() cos.FileSystemSpec {
	mf := partition(cos.MasterFile, rootName, 0x00, cryptogram.TDES, 0x11, 0x11, 0x11)
	one := partition(0xDF01, nameOne, 0x60, cryptogram.SM4, 0x12, 0x34, 0x56)
	one.Children = append(one.Children, cos.FileSpec{Kind: cos.DF, ID: 0xDF11, Rules: cos.Rules{cos.OpDelete: key2}, Children: []cos.FileSpec{
		{Kind: cos.Transparent, ID: 0xEF01, SFI: 1, Size: 4, Rules: cos.Rules{cos.OpRead: pin1}},
	}})
	mf.Children = append(mf.Children, one, partition(0xDF02, nameTwo, 0x80, cryptogram.TDES, 0x65, 0x43, 0x21))
	return cos.FileSystemSpec{MF: mf, SpareFiles: 3, SpareBytes: 200}
}

// counter is a random source that gives 01 02 03.., or what a test has set.
type counter struct {
	next byte
	set  []byte
}

func (c *counter) Read(p []byte) (int, error) {
	for i := range p {
		if len(c.set) > 0 {
			p[i], c.set = c.set[0], c.set[1:]
			continue
		}
		c.next++
		p[i] = c.next
	}
	return len(p), nil
}

// session is a card with power.
type session struct {
	t        testing.TB
	memory   *cos.Memory
	template *files.Template
	app      cos.Application
	rand     *counter
}

func insert(t testing.TB, aid []byte, spec cos.FileSystemSpec) *session {
	t.Helper()
	template, err := files.NewTemplate(aid, spec)
	if err != nil {
		t.Fatal(err)
	}
	return place(t, template, template.Personalise(nil))
}

func place(t testing.TB, template *files.Template, image []byte) *session {
	t.Helper()
	if err := template.CheckMemory(image); err != nil {
		t.Fatal(err)
	}
	s := &session{t: t, memory: new(cos.Memory), template: template, rand: new(counter)}
	if err := s.memory.FormatWith(template.MemorySize(), cos.FilesJournal); err != nil {
		t.Fatal(err)
	}
	s.memory.Fill(0, image)
	s.app = template.Place(s.memory.Partition(0, template.MemorySize()), nil)
	s.powerOn()
	return s
}

func (s *session) powerOn() {
	s.t.Helper()
	if err := s.memory.PowerOn(); err != nil {
		s.t.Fatal(err)
	}
	s.app.PowerOn(s.rand)
}

// send gives the card a command.
func (s *session) send(c apdu.Command) ([]byte, apdu.SW, error) {
	s.t.Helper()
	out, err := s.app.Do(nil, &c)
	if err != nil {
		if len(out) != 0 {
			s.t.Fatalf("an answer %X beside the error %v", out, err)
		}
		s.app.PowerOff()
		return nil, 0, err
	}
	data, sw, err := apdu.ParseResponse(out)
	if err != nil {
		s.t.Fatalf("%X: %v", out, err)
	}
	return data, sw, nil
}

func parse(t testing.TB, hexes string) apdu.Command {
	t.Helper()
	c, err := apdu.ParseCommand(unhex(t, hexes))
	if err != nil {
		t.Fatalf("%s: %v", hexes, err)
	}
	return c
}

// do gives the card a command and fails the test if the power does.
func (s *session) do(hexes string) ([]byte, apdu.SW) {
	s.t.Helper()
	data, sw, err := s.send(parse(s.t, hexes))
	if err != nil {
		s.t.Fatalf("%s: %v", hexes, err)
	}
	return data, sw
}

func (s *session) want(sw apdu.SW, hexes string) []byte {
	s.t.Helper()
	data, got := s.do(hexes)
	if got != sw {
		s.t.Fatalf("%s: %v, want %v", hexes, got, sw)
	}
	return data
}

// host is the other end of the line: another implementation of line protection and
// authentication, from the ciphers of the libraries.
type host struct {
	alg cryptogram.Alg
	key []byte
	iv  []byte // the challenge
}

func single(key []byte) cipher.Block {
	b, err := des.NewCipher(key)
	if err != nil {
		panic(err)
	}
	return b
}

func (h host) block() cipher.Block {
	if h.alg == cryptogram.SM4 {
		b, err := sm4.NewCipher(h.key)
		if err != nil {
			panic(err)
		}
		return b
	}
	b, err := des.NewTripleDESCipher(append(bytes.Clone(h.key), h.key[:8]...))
	if err != nil {
		panic(err)
	}
	return b
}

func pad(b []byte, size int) []byte {
	b = append(bytes.Clone(b), 0x80)
	return append(b, make([]byte, (size-len(b)%size)%size)...)
}

func (h host) mac(message []byte) []byte {
	size := h.alg.BlockSize()
	iv := append(bytes.Clone(h.iv), make([]byte, size)...)[:size]
	out := pad(message, size)
	if h.alg == cryptogram.SM4 {
		cipher.NewCBCEncrypter(h.block(), iv).CryptBlocks(out, out)
		return out[len(out)-size:][:4]
	}
	cipher.NewCBCEncrypter(single(h.key[:8]), iv).CryptBlocks(out, out)
	x := out[len(out)-size:]
	single(h.key[8:]).Decrypt(x, x)
	single(h.key[:8]).Encrypt(x, x)
	return x[:4]
}

func (h host) ecb(data []byte) []byte {
	b := h.block()
	out := make([]byte, len(data))
	for i := 0; i < len(data); i += b.BlockSize() {
		b.Encrypt(out[i:], data[i:])
	}
	return out
}

func (h host) encipher(data []byte) []byte {
	in := append([]byte{byte(len(data))}, data...)
	if len(in)%h.alg.BlockSize() != 0 {
		in = pad(in, h.alg.BlockSize())
	}
	return h.ecb(in)
}

// protect makes a protected command of a plain one.
func (h host) protect(c apdu.Command, enciphered bool) apdu.Command {
	data := c.Data
	if enciphered && len(data) > 0 {
		data = h.encipher(data)
	}
	header := []byte{c.CLA, c.INS, c.P1, c.P2, byte(len(data) + 4)}
	c.Data = append(bytes.Clone(data), h.mac(append(header, data...))...)
	return c
}

// open checks and opens a protected answer.
func (h host) open(answer []byte, enciphered bool) ([]byte, bool) {
	if len(answer) < 4 {
		return nil, false
	}
	data, mac := answer[:len(answer)-4], answer[len(answer)-4:]
	if !bytes.Equal(h.mac(data), mac) {
		return nil, false
	}
	if !enciphered {
		return data, true
	}
	b := h.block()
	out := bytes.Clone(data)
	for i := 0; i < len(out); i += b.BlockSize() {
		b.Decrypt(out[i:], out[i:])
	}
	return out[1 : 1+out[0]], true
}

// authentication is the cryptogram for EXTERNAL AUTHENTICATE.
func (h host) authentication() []byte {
	size := h.alg.BlockSize()
	in := append(bytes.Clone(h.iv), make([]byte, (size-len(h.iv)%size)%size)...)
	out := h.ecb(in)
	if h.alg == cryptogram.SM4 {
		for i := range 8 {
			out[i] ^= out[8+i]
		}
		out = out[:8]
	}
	return out
}

// authenticate proves to the card that the host has external key 2 beginning with
// first.
func (s *session) authenticate(alg cryptogram.Alg, first byte) apdu.SW {
	s.t.Helper()
	h := host{alg, key(first), s.want(apdu.SWOK, "0084000008")}
	_, sw, err := s.send(apdu.Command{INS: 0x82, P2: 2, Data: h.authentication(), Le: apdu.NoLe})
	if err != nil {
		s.t.Fatal(err)
	}
	return sw
}
