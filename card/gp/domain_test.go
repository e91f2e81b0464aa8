package gp_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/card/gp"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/scp"
	"github.com/citycard/citycard/wire/apdu"
	"pgregory.net/rapid"
)

// TestProfileErrors: every mistake is found and the text says where.
func TestProfileErrors(t *testing.T) {
	for _, c := range []struct {
		want string
		edit func(p *gp.Profile)
	}{
		{"AID has 3 bytes", func(p *gp.Profile) { p.AID = []byte{1, 2, 3} }},
		{"IIN has 11 bytes", func(p *gp.Profile) { p.IIN = make([]byte, 11) }},
		{"0 key sets", func(p *gp.Profile) { p.Keys = nil }},
		{"heap of -1 bytes", func(p *gp.Profile) { p.Heap = -1 }},
		{"9 modules", func(p *gp.Profile) { p.Modules = make([]gp.Module, 9) }},
		{"i=16 is not known", func(p *gp.Profile) { p.Channels[0].Variant = 0x16 }},
		{"SCP02 is there twice", func(p *gp.Profile) { p.Channels = append(p.Channels, p.Channels[0]) }},
		{"module 1: load file AID", func(p *gp.Profile) { p.Modules[0] = note{nil, unhex(t, noteAID)} }},
		{"module A000000333010100 is there twice", func(p *gp.Profile) { p.Modules[2] = p.Modules[0] }},
		{"key version 80", func(p *gp.Profile) { p.Keys[0].Set.Version = 0x80 }},
		{"key set 30 is there twice", func(p *gp.Profile) { p.Keys[0].Set.Version = 0x30 }},
		{"no channel uses", func(p *gp.Profile) { p.Channels = p.Channels[1:] }},
		{"life cycle 02", func(p *gp.Profile) { p.Life = 2 }},
	} {
		p := profile()
		c.edit(&p)
		if _, err := gp.New(p); !errors.Is(err, gp.ErrProfile) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("want %q, got %v", c.want, err)
		}
	}
}

// TestDamagedMemory changes bytes of a memory with two instances one after the
// other: Decode never panics, and what it accepts has other contents, not other
// bounds.
func TestDamagedMemory(t *testing.T) {
	r := newRig(t, profile(), nil)
	r.send(selectDomain)
	r.open(0x30, scp.CMAC)
	send(installNote, installBook)(r)
	good := r.chip.Memory().Settled(nil)
	refused := 0
	for at := range good {
		for _, x := range []byte{0x00, 0x01, 0x7F, 0x80, 0xFF, good[at] + 1} {
			bad := bytes.Clone(good)
			bad[at] = x
			_, err := r.domain.Decode(bad)
			switch {
			case err == nil:
			case !errors.Is(err, cos.ErrMemory):
				t.Fatalf("byte %d: %v", at, err)
			default:
				refused++
			}
		}
	}
	left := bytes.Clone(good)
	left[len(left)-1] = 0x5E
	if _, err := r.domain.Decode(left); err == nil || !strings.Contains(err.Error(), "nobody owns") {
		t.Errorf("a byte in the free heap: %v", err)
	}
	if refused < 1000 {
		t.Errorf("only %d damages were found", refused)
	}
	for _, b := range [][]byte{nil, good[1:], append(bytes.Clone(good), 0)} {
		if _, err := r.domain.Decode(b); !errors.Is(err, cos.ErrMemory) {
			t.Errorf("%d bytes: %v", len(b), err)
		}
	}
}

// TestSecretsDoNotPrint: no verb, no encoder shows keys.
func TestSecretsDoNotPrint(t *testing.T) {
	p := profile()
	r := newRig(t, p, nil)
	app := r.domain.Place(new(cos.Memory).Partition(0, 0), nil)
	for _, x := range []any{r.domain, *r.domain, app, p} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%s", "%d"} {
			text := fmt.Sprintf(verb, x)
			if strings.Contains(strings.ToUpper(text), "41424344") || strings.Contains(text, "65 66 67 68") || strings.Contains(text, "0x41, 0x42") {
				t.Errorf("%s shows a key: %s", verb, text)
			}
		}
	}
	if b, err := json.Marshal(r.domain); err != nil || string(b) != `"[security domain, data withheld]"` {
		t.Errorf("JSON %s %v", b, err)
	}
}

// TestLockedCard: nothing but the domain can be selected until it is unlocked.
func TestLockedCard(t *testing.T) {
	r := newRig(t, profile(), nil)
	r.send(selectDomain)
	r.open(1, scp.CMAC)
	send(installNote, "80F0800700", "80F0800F00", "80F0807F00")(r)
	selectNote := counted(t, "00A40400 ("+noteAID+") 00")
	r.want(selectNote, 0x6A81)
	check(t, r.chip.PowerOn(random(2)))
	r.want(selectNote, 0x6A81)
	r.want(selectDomain, 0x6283)
	r.open(1, scp.CMAC)
	r.wantSecure("80E40000 09 4F07A0000003330101 00", apdu.SWConditions)
	r.wantSecure("80F0800F00", apdu.SWOK)
	r.want(selectNote, apdu.SWOK)
}

// TestChannelEnds: the channel does not outlive power, SELECT, a wrong MAC or a
// repeated command.
func TestChannelEnds(t *testing.T) {
	list := "80F28000024F0000"
	for name, end := range map[string]func(r *rig){
		"power":        func(r *rig) { check(t, r.chip.PowerOn(random(8))); r.send(selectDomain) },
		"SELECT":       func(r *rig) { r.send(selectDomain) },
		"instance":     func(r *rig) { r.send(counted(t, "00A40400 ("+noteAID+") 00")); r.send(selectDomain) },
		"no MAC":       func(r *rig) { r.want("80F28000024F0000", apdu.SWSecurity) },
		"wrong MAC":    func(r *rig) { r.want("84F280000A4F00000000000000000000", apdu.SWSecurity) },
		"other class":  func(r *rig) { r.want("0CF280000A4F00000000000000000000", apdu.SWSecurity) },
		"new session":  func(r *rig) { r.want("8050000008 0102030405060708 00", apdu.SWOK) },
		"wrong update": func(r *rig) { r.want("8050770008 0102030405060708 00", apdu.SWDataNotFound) },
		"second authentication": func(r *rig) {
			r.want("8482010010 00000000000000000000000000000000", apdu.SWConditions)
		},
		"repeated command": func(r *rig) {
			c, err := apdu.ParseCommand(unhex(t, list))
			check(t, err)
			wrapped, err := r.host.Wrap(c)
			check(t, err)
			r.transmit(raw(t, wrapped))
			if _, sw, _ := r.transmit(raw(t, wrapped)); sw != apdu.SWSecurity {
				t.Errorf("a repeated command: %v", sw)
			}
		},
	} {
		for version, level := range map[byte]scp.Level{0x01: 0x03, 0x30: 0x33} {
			r := newRig(t, profile(), nil)
			r.send(selectDomain)
			r.open(version, level)
			send(installNote)(r)
			end(r)
			if _, sw, _ := r.transmit(raw(t, wrap(t, r.host, list))); sw != apdu.SWSecurity {
				t.Errorf("%s: the channel is still open: %v", name, sw)
			}
		}
	}
}

func wrap(t *testing.T, h *scp.Host, cmd string) apdu.Command {
	t.Helper()
	c, err := apdu.ParseCommand(unhex(t, cmd))
	check(t, err)
	c, err = h.Wrap(c)
	check(t, err)
	return c
}

// TestLevels: every level of both protocols carries a change and a long list.
func TestLevels(t *testing.T) {
	for version, levels := range map[byte][]scp.Level{0x01: {1, 3}, 0x30: {1, 3, 0x11, 0x13, 0x33}} {
		for _, level := range levels {
			r := newRig(t, profile(), nil)
			r.send(selectDomain)
			r.open(version, level)
			for i := range gp.MaxInstances {
				aid := fmt.Sprintf("A0000003330101AABBCCDDEEFF%02X", i)
				r.wantSecure(installCommand(t, 0x0C, fileAID, "A000000333010100", aid, "01"), apdu.SWOK)
			}
			r.wantSecure(installCommand(t, 0x0C, fileAID, "A000000333010100", "A000000333010199", "01"), apdu.SWNoSpace)
			first := r.wantSecure("80F24002024F0000", 0x6310)
			all := append(bytes.Clone(first), r.wantSecure("80F24003024F0000", apdu.SWOK)...)
			r.wantSecure("80F24003024F0000", apdu.SWConditions)
			if n := bytes.Count(all, unhex(t, "4F0EA0000003330101AABBCCDDEEFF")); n != gp.MaxInstances {
				t.Errorf("version %02X, level %02X: %d instances in %X", version, byte(level), n, all)
			}
		}
	}
}

// TestIsolation: what one instance stores reaches no byte of another, and the place
// of a deleted one is blank for the next.
func TestIsolation(t *testing.T) {
	r := newRig(t, profile(), nil)
	r.send(selectDomain)
	r.open(1, scp.CMAC)
	secret := strings.Repeat("5EC2E7", 13)
	send(installNote, installDiary, personalise, "80E28000 (0001("+secret+"))")(r)
	note, diary := r.register().Instances[0], r.register().Instances[1]
	if !bytes.Contains(note.Memory, unhex(t, secret)) || bytes.Contains(diary.Memory, unhex(t, "5EC2E7")) {
		t.Fatalf("memory of both: %X, %X", note.Memory, diary.Memory)
	}
	r.send(counted(t, "00A40400 ("+diaryAID+") 00"))
	if data, sw := r.send("00B0000100"); sw != apdu.SWOK || len(data) != 0 {
		t.Fatalf("the other instance gives %X %v", data, sw)
	}
	r.send(selectDomain)
	r.open(1, scp.CMAC)
	send("80E40000 (4F(" + noteAID + ")) 00")(r)
	if bytes.Contains(r.chip.Memory().Settled(nil), unhex(t, "5EC2E7")) {
		t.Fatal("DELETE leaves the data of the instance in memory")
	}
	send(installBook, personaliseBook)(r)
	if got := r.register().Instances; !bytes.Equal(got[1].Memory, diary.Memory) || bytes.Contains(got[0].Memory, unhex(t, "5EC2E7")) {
		t.Fatalf("%+v", got)
	}
}

const personaliseBook = "80E60800 (()()(" + bookAID + ")(00)()()) 00"

// TestRandomSourceFails: INITIALIZE UPDATE takes random bytes whatever the variant,
// and an error of their source is a status word.
func TestRandomSourceFails(t *testing.T) {
	r := newRig(t, profile(), nil)
	check(t, r.chip.PowerOn(io.LimitReader(random(1), 3)))
	r.send(selectDomain)
	r.want("8050000008 0102030405060708 00", apdu.SWUnknown)
}

// TestReservedNames: an instance cannot take the name of another application of
// the image.
func TestReservedNames(t *testing.T) {
	p := profile()
	p.Reserved = [][]byte{unhex(t, noteAID)}
	r := newRig(t, p, nil)
	r.send(selectDomain)
	r.open(1, scp.CMAC)
	r.wantSecure(counted(t, installNote), apdu.SWConditions)
	// It is in the register, for good.
	if list := r.wantSecure("80F2400002 4F00 00", apdu.SWOK); !bytes.Contains(list, append(unhex(t, noteAID), 0x0F, 0x00)) {
		t.Errorf("the list %X has no application of the image", list)
	}
	r.wantSecure(counted(t, "80E40000 (4F("+noteAID+")) 00"), apdu.SWDataNotFound)
	send(installDiary)(r)
}

// TestGroupingOfManyBlocks: a grouping of many blocks reaches the instance whole, and one
// beyond the limit is refused at its header.
func TestGroupingOfManyBlocks(t *testing.T) {
	var got []int
	p := profile()
	p.Modules = append(p.Modules, recorder{note{unhex(t, fileAID), unhex(t, "A000000333010300")}, &got})
	r := newRig(t, p, nil)
	r.send(selectDomain)
	r.open(0x30, scp.CMAC|scp.CDEC)
	r.wantSecure(installCommand(t, 0x0C, fileAID, "A000000333010300", noteAID, ""), apdu.SWOK)
	r.wantSecure(forPersonalisation(t, noteAID), apdu.SWOK)
	stream := append([]byte{0x82, 0x01, 0xFF, 0x08, 0x00}, make([]byte, gp.MaxGrouping)...)
	stream = append(stream, 0x82, 0x02, 0x00, 0x82, 0x03, 0x02, 1, 2)
	for n := 0; len(stream) > 0; n++ {
		size := min(100, len(stream))
		p1 := 0
		if size == len(stream) {
			p1 = 0x80
		}
		r.wantSecure(fmt.Sprintf("80E2%02X%02X%s", p1, n, field(stream[:size])), apdu.SWOK)
		stream = stream[size:]
	}
	if fmt.Sprint(got) != fmt.Sprint([]int{0x8201, gp.MaxGrouping, 0x8202, 0, 0x8203, 2}) {
		t.Errorf("the instance got %v", got)
	}
	r.wantSecure(forPersonalisation(t, noteAID), apdu.SWOK)
	r.wantSecure("80E20000 05 8201FF0801", apdu.SWNoSpace)
	r.wantSecure(forPersonalisation(t, noteAID), apdu.SWOK)
	r.wantSecure("80E20000 05 8201FF0007", apdu.SWOK)
	r.wantSecure("80E26001 03 AABBCC", apdu.SWWrongData) // not enciphered before
	r.wantSecure(forPersonalisation(t, noteAID), apdu.SWOK)
	r.wantSecure("80E28000 03 820105", apdu.SWWrongData) // the last block ends too early
}

// recorder makes instances that note the identifiers and lengths of groupings.
type recorder struct {
	note
	got *[]int
}

func (m recorder) Place(aid, params []byte, p cos.Partition, _ gp.Instance) gp.Instance {
	return &recording{notes{aid: aid, p: p}, m.got}
}

type recording struct {
	notes
	got *[]int
}

func (n *recording) StoreData(dgi uint16, data []byte) (apdu.SW, error) {
	*n.got = append(*n.got, int(dgi), len(data))
	return apdu.SWOK, nil
}

func (n *recording) Complete() (apdu.SW, error) { return apdu.SWOK, nil }

// TestRegisterModel compares the register with a naive twin over random changes,
// with a reset or a move to another chip now and then.
func TestRegisterModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := newRig(t, profile(), nil)
		enter := func() { r.send(selectDomain); r.open(0x30, scp.CMAC|scp.RMAC) }
		enter()
		type twin struct{ size, state int }
		twins := map[string]twin{}
		used := func() (n int) {
			for _, w := range twins {
				n += w.size
			}
			return n
		}
		aids := []string{noteAID, diaryAID, bookAID, "A0000003330103", "A000000333010403"}
		for range rapid.IntRange(1, 25).Draw(rt, "steps") {
			aid := rapid.SampledFrom(aids).Draw(rt, "aid")
			w, there := twins[aid]
			switch rapid.IntRange(0, 4).Draw(rt, "what") {
			case 0:
				n := rapid.IntRange(1, 8).Draw(rt, "slots")
				size := 2 + n*slotSize
				_, sw := r.secure(installCommand(t, 0x0C, fileAID, "A000000333010100", aid, fmt.Sprintf("%02X", n)))
				switch {
				case there && sw != apdu.SWConditions, !there && sw == apdu.SWOK && used()+size > 600, !there && sw != apdu.SWOK && sw != apdu.SWNoSpace,
					!there && sw == apdu.SWNoSpace && len(twins) == 0:
					rt.Fatalf("install %s of %d bytes over %v: %v", aid, size, twins, sw)
				}
				if sw == apdu.SWOK {
					twins[aid] = twin{size, 7}
				}
			case 1:
				_, sw := r.secure("80E40000" + field(unhex(t, "4F"+field(unhex(t, aid)))) + "00")
				if there != (sw == apdu.SWOK) {
					rt.Fatalf("delete %s of %v: %v", aid, twins, sw)
				}
				delete(twins, aid)
			case 2:
				lock := rapid.SampledFrom([]int{0x80, 0x00}).Draw(rt, "lock")
				_, sw := r.secure(fmt.Sprintf("80F040%02X%s", lock, field(unhex(t, aid))))
				if (sw == apdu.SWOK) != (there && w.state&0x80 != lock) {
					rt.Fatalf("lock %02X %s of %v: %v", lock, aid, twins, sw)
				}
				if sw == apdu.SWOK {
					twins[aid] = twin{w.size, w.state ^ 0x80}
				}
			case 3:
				r.insert(r.chip.Snapshot(nil))
				enter()
			case 4:
				_, sw := r.send("00A40400" + field(unhex(t, aid)) + "00")
				if (sw == apdu.SWOK) != (there && w.state == 7) {
					rt.Fatalf("select %s of %v: %v", aid, twins, sw)
				}
				enter()
			}
			got := r.register().Instances
			for _, i := range got {
				w, ok := twins[fmt.Sprintf("%X", i.AID)]
				if !ok || i.Locked != (w.state&0x80 != 0) || len(i.Params)+len(i.Memory) != w.size {
					rt.Fatalf("register %+v, want %v", got, twins)
				}
			}
			if len(got) != len(twins) {
				rt.Fatalf("register %+v, want %v", got, twins)
			}
		}
	})
}

// TestSmallJournal: the smallest journal is enough for the domain itself.
func TestSmallJournal(t *testing.T) {
	d, err := gp.New(profile())
	check(t, err)
	img, err := card.Assemble(card.Parts{Applications: []cos.Template{d}})
	check(t, err)
	r := newRig(t, profile(), nil)
	r.image, r.domain = img, d
	r.insert(nil)
	r.send(selectDomain)
	r.open(1, scp.CMAC)
	send(installNote, installDiary, "80E40000 (4F("+noteAID+")) 00", "80E29000 (42(00112233445566778899)45(00112233445566778899)9F7F("+strings.Repeat("AB", 42)+"))")(r)
	r.wantSecure(r.putSet(0, scp.SCP02, newKeys), apdu.SWOK)
}

// TestDefaultKeys: what replaces the default key set is the default, whether it
// came at once or key by key.
func TestDefaultKeys(t *testing.T) {
	for _, single := range []bool{false, true} {
		r := newRig(t, profile(), nil)
		r.send(selectDomain)
		r.open(1, scp.CMAC)
		if single {
			for i, k := range []cryptogram.Key{newKeys.ENC, newKeys.MAC, newKeys.DEK} {
				r.wantSecure(fmt.Sprintf("80D801%02X%s00", i+1, r.putKeyData(newKeys.Version, scp.SCP02, k)), apdu.SWOK)
			}
		} else {
			r.wantSecure(r.putSet(1, scp.SCP02, newKeys), apdu.SWOK)
		}
		data, sw := r.send("8050000008 0102030405060708 00")
		if sw != apdu.SWOK || data[10] != newKeys.Version {
			t.Errorf("single %v: the default is %02X, %v", single, data[10], sw)
		}
		r.want("8050010008 0102030405060708 00", apdu.SWDataNotFound)
	}
}

// guarding is an instance that closes the card once it is personalised, as CARD
// BLOCK does.
type guarding struct{ notes }

func (n *guarding) Blocks(cos.Application) (bool, error) { return n.Personalised(), nil }

type guardModule struct{ note }

func (m guardModule) Place(aid, params []byte, p cos.Partition, _ gp.Instance) gp.Instance {
	return &guarding{notes{aid: aid, p: p}}
}

// TestInstanceGuards: an installed instance can close the card like one of the
// image.
func TestInstanceGuards(t *testing.T) {
	p := profile()
	p.Modules[0] = guardModule{p.Modules[0].(note)}
	r := newRig(t, p, nil)
	r.send(selectDomain)
	r.open(1, scp.CMAC)
	send(installNote, personalise, "80E28000 (0001(AA))")(r)
	r.want(selectDomain, 0x6A81)
	r.want(counted(t, "00A40400 ("+noteAID+") 00"), 0x6A81)
}
