package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/emmansun/gmsm/sm3"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/citycard/citycard/clearing"
	"github.com/citycard/citycard/clearing/t1"
	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/crypt/seal"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/block"
)

// fileSamples is a script command: it writes, into the working folder,
//
//	t1/          the T+1 files of a window with two items, sealed with development keys
//	day.blocks   three sealed blocks of two terminals
//	bank.keys    a keystore (passphrase "open sesame") with the key of participant 1
//	network.hex  the network's public key
//	day.db       a database
func fileSamples(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: filesamples")
	}
	ts.Check(sampleSet(ts.MkAbs("t1")))
	ts.Check(sampleBlocks(ts.MkAbs("day.blocks")))
	ts.Check(sampleKeys(ts.MkAbs("bank.keys"), ts.MkAbs("network.hex")))
	db, err := sqlite.Open(ts.MkAbs("day.db"), sqlite.Options{})
	ts.Check(err)
	ts.Check(db.Write(context.Background(), func(tx *sqlite.Tx) error { return tx.PutRunState("day", []byte{0xD1}) }))
	ts.Check(db.Close())
}

func sampleRow(n uint32) txn.Row {
	pan, err := txn.ParsePAN(fmt.Sprintf("62284800000000004%02d", n))
	if err != nil {
		panic(err)
	}
	return txn.Row{Kind: txn.Exit, Card: txn.CardKey{PAN: pan, PSN: 1}, ATC: uint16(n), AC: [8]byte{0xAC}, Amount: money.Fen(100 * n), IAD: [24]byte{7, 1, 1, 3, 0xA0, 0, 0, 4},
		Time: 1_795_226_399, Terminal: 4711, Sequence: n, Tag9F6C: [2]byte{0x80}}
}

func sampleSet(dir string) error {
	s, err := t1.NewSet(t1.Config{Dir: dir, Window: 20_778, Batch: 1, Session: 1, Network: t1.DevelopmentNetworkCode, Signer: t1.DevelopmentNetworkKey(),
		Members: []t1.Member{t1.DevelopmentMember(1, true, false), t1.DevelopmentMember(5, false, true)},
		Rand:    func(name string) io.Reader { return rand.NewChaCha8(sm3.Sum([]byte(name))) },
		Place:   func(*clearing.Item) t1.Place { return t1.Place{Category: "4111", Name: "北京地铁 西直门站"} }})
	if err != nil {
		return err
	}
	for n := uint32(3); n < 5; n++ {
		it := &clearing.Item{Presented: &txn.Presented{Row: sampleRow(n), Start: 1, Arrived: 1_795_226_400}, Issuer: 1, Acquirer: 5, Fees: clearing.Fees{Issuer: 2, NetworkIssuer: 1, NetworkAcquirer: 1}}
		if err := s.Add(it); err != nil {
			return err
		}
	}
	if err := s.Finish(); err != nil {
		return err
	}
	return s.Commit()
}

func sampleBlocks(path string) error {
	acquirer, err := oda.NewSM2Private(devkeys.SM2Key(keystore.AcquirerWrapName))
	if err != nil {
		return err
	}
	public, err := oda.NewSM2Public(acquirer.Public())
	if err != nil {
		return err
	}
	terminal, err := oda.NewSM2Private(devkeys.SM2Key("terminal 4711"))
	if err != nil {
		return err
	}
	source := rand.NewChaCha8([32]byte{1})
	var file []byte
	var last seal.Hash
	for n, id := range []uint32{4711, 4711, 4712} {
		h := block.Header{Suite: block.SM4GCM, Terminal: id, Start: 1, Number: uint32(n + 1), FirstSequence: uint32(n + 1), From: 1_795_226_000, Until: 1_795_226_400, KeyID: 1, Previous: last}
		row := sampleRow(uint32(n + 1))
		var raw [txn.RowSize]byte
		if err := row.Encode(&raw); err != nil {
			return err
		}
		if file, last, err = seal.Seal(file, h, raw[:], &block.Evidence{Proofs: []block.Proof{{Card: block.NoCard}}}, public, terminal, source); err != nil {
			return err
		}
	}
	return os.WriteFile(path, file, 0o600)
}

func sampleKeys(keys, network string) error {
	store := keystore.New()
	if err := store.AddSM2(t1.KeyName(1, 1), keystore.AcquirerWrap, devkeys.SM2Key("files participant 1")); err != nil {
		return err
	}
	sealed, err := store.Seal(rand.NewChaCha8([32]byte{2}), []byte("open sesame"))
	if err != nil {
		return err
	}
	public := t1.DevelopmentNetworkKey().Public()
	return errors.Join(os.WriteFile(keys, sealed, 0o600), os.WriteFile(network, []byte(hex.EncodeToString(public[:])+"\n"), 0o600))
}

// spoil is a script command that writes a changed copy of a file: "spoil in out
// cut N" without the last N bytes, "spoil in out flip N" with a bit of byte N
// changed, "spoil in out append text".
func spoil(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: spoil in out cut|flip|rest|append argument")
	}
	b, err := os.ReadFile(ts.MkAbs(filepath.FromSlash(args[0])))
	ts.Check(err)
	b = bytes.Clone(b)
	switch args[2] {
	case "append":
		b = append(b, args[3]...)
	default:
		n, err := strconv.Atoi(args[3])
		ts.Check(err)
		switch args[2] {
		case "cut":
			b = b[:len(b)-n]
		case "rest":
			for i := range b[n:] {
				b[n+i] ^= 1
			}
		default:
			b[n] ^= 1
		}
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), b, 0o600))
}

// Whatever a file of blocks holds, listing it ends with an answer.
func FuzzBlocks(f *testing.F) {
	path := filepath.Join(f.TempDir(), "day.blocks")
	if err := sampleBlocks(path); err != nil {
		f.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:500])
	f.Fuzz(func(t *testing.T, b []byte) {
		var out bytes.Buffer
		env := &environment{stdout: &out, stderr: io.Discard, lang: "en"}
		l := &lister{ctx: context.Background(), env: env, o: openOptions{devKeys: true}, path: "fuzz", out: bufio.NewWriter(&out)}
		err := l.blocks(bytes.NewReader(b))
		if err == nil && len(b) > 0 && !bytes.Contains(b, []byte("CCB1")) {
			t.Fatal("bytes without a block were listed as blocks")
		}
		if err := l.out.Flush(); err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(out.Bytes(), []byte("622848000000000040")) {
			t.Fatal("a whole card number was printed")
		}
	})
}
