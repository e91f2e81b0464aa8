package card_test

import (
	"bytes"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/pboc"
	"github.com/citycard/citycard/wire/apdu"
)

// scripts are length-prefixed commands: what FuzzTransmit takes apart.
func script(t testing.TB, cmds ...string) []byte {
	var out []byte
	for _, c := range cmds {
		b := unhex(t, c)
		out = append(append(out, byte(len(b))), b...)
	}
	return out
}

// FuzzTransmit sends hostile commands. The card must answer each with a status
// word, must not show a key, and may change its balance only at the record that
// commits a payment.
func FuzzTransmit(f *testing.F) {
	kinds := []*sample{newSample(f, "sm", 5000), newSample(f, "3des", 5000)}
	for i, k := range kinds {
		s := k.insert(f, nil)
		foreign := gate(9)
		foreign.currency = "0840"
		f.Add(byte(i), script(f, selectPPSE, selectApp, s.gpo(gate(300)), "00B2010C00", "00B2020C00", "00B2011400", readLast))
		f.Add(byte(i), script(f, selectApp, s.gpo(gate(300)), readLast, readLast, selectApp, readLast, "80CA9F7900", s.gpo(foreign)))
		f.Add(byte(i), script(f, selectApp, "80CA9F3600", "00B2015C00", "80A8000002830000", "00A4040000", "84DA000000"))
	}
	f.Fuzz(func(t *testing.T, which byte, commands []byte) {
		k := kinds[int(which)%len(kinds)]
		chip := card.New()
		check(t, chip.Insert(k.image, nil))
		check(t, chip.PowerOn(random(which)))
		state := chip.Inspect()
		var out []byte
		for n := 0; len(commands) > 0 && n < 32; n++ {
			size := min(int(commands[0]), len(commands)-1)
			cmd := commands[1 : 1+size]
			commands = commands[1+size:]
			var err error
			if out, err = chip.Transmit(out[:0], cmd); err != nil {
				t.Fatalf("%X: %v", cmd, err)
			}
			data, sw, err := apdu.ParseResponse(out)
			if err != nil || len(data) > 256 {
				t.Fatalf("%X: answer %X: %v", cmd, out, err)
			}
			noKeys(t, k, out)
			next := chip.Inspect()
			judge(t, cmd, sw, state, next)
			state = next
		}
		check(t, chip.Insert(k.image, chip.Snapshot(nil)))
		if got := chip.Inspect(); got != state {
			t.Fatalf("snapshot brought back %+v, want %+v", got, state)
		}
	})
}

// noKeys looks for any half of a secret in an answer.
func noKeys(t *testing.T, k *sample, out []byte) {
	for _, key := range [][16]byte{k.keys.AC, k.keys.MAC, k.keys.ENC} {
		if bytes.Contains(out, key[:8]) || bytes.Contains(out, key[8:]) {
			t.Fatalf("answer %X holds key bytes", out)
		}
	}
}

// judge checks what one command may change.
func judge(t *testing.T, cmd []byte, sw apdu.SW, before, after pboc.State) {
	if after.Balance > before.Balance {
		t.Fatalf("%X made the balance rise: %+v, %+v", cmd, before, after)
	}
	if after.Balance != before.Balance && (sw != apdu.SWOK || len(cmd) < 2 || cmd[1] != 0xB2 || after.LastATC != after.ATC || after.LastATC == before.LastATC) {
		t.Fatalf("%X, %v: balance changed without a commit: %+v, %+v", cmd, sw, before, after)
	}
	if after.ATC != before.ATC && (after.ATC != before.ATC+1 || cmd[1] != 0xA8) {
		t.Fatalf("%X: ATC went from %d to %d", cmd, before.ATC, after.ATC)
	}
}

// FuzzInsert gives a chip hostile snapshots: each is refused or a state that the
// card can work from.
func FuzzInsert(f *testing.F) {
	k := newSample(f, "3des", 5000)
	s := k.insert(f, nil)
	f.Add(s.chip.Snapshot(nil))
	s.pay(gate(300))
	f.Add(s.chip.Snapshot(nil))
	f.Add([]byte{})
	f.Add([]byte{1})
	f.Add(unhex(f, "01 FFFF 00 03 0000 00 00 00 00 0000000001"))
	f.Fuzz(func(t *testing.T, nvm []byte) {
		chip := card.New()
		if nvm == nil {
			nvm = []byte{}
		}
		if err := chip.Insert(k.image, nvm); err != nil {
			if _, err := chip.Transmit(nil, []byte{0, 0xA4, 4, 0}); err == nil {
				t.Fatal("a chip without a card answered")
			}
			return
		}
		if got := chip.Snapshot(nil); !bytes.Equal(got, nvm) {
			t.Fatalf("snapshot %X of a card restored from %X", got, nvm)
		}
		check(t, chip.PowerOn(random(1)))
		s := &session{t: t, chip: chip, k: k}
		before := chip.Inspect()
		s.send(selectApp)
		s.send(s.gpo(gate(1)))
		s.send(readLast)
		s.send(readRecord(1, 11))
		if after := chip.Inspect(); after.Balance > before.Balance || !before.Blocked && after.ATC != before.ATC+1 {
			t.Fatalf("%+v became %+v", before, after)
		}
	})
}
