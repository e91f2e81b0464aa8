package shard_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/role/clerk"
	"github.com/citycard/citycard/store/shard"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
)

// TestMain lets a clerk look at cards of the cities that the tests inside the package make.
func TestMain(m *testing.M) {
	shard.AskOffice = askOffice
	os.Exit(m.Run())
}

// askOffice gives the 99th percentile of an answer to a clerk in an open folder, and of a
// process of citycard that answers one question, if that is wanted, too.
func askOffice(t testing.TB, dir string, at int64, keys []txn.CardKey, withProcess bool) (look, process time.Duration) {
	t.Helper()
	office, err := clerk.Open(context.Background(), clerk.Options{Dir: dir, Keys: clerk.Development(nil), At: at, Wall: at})
	if err != nil {
		t.Fatal(err)
	}
	seal, open, err := keystore.Development(1).TokenCipher(keystore.TokenName)
	if err != nil {
		t.Fatal(err)
	}
	vault := sqlite.NewVault(seal, open)
	var looks, processes, cpu []time.Duration
	rows := 0
	for i, k := range keys {
		token := vault.Token(k)
		name := fmt.Sprintf("%x", token[:])
		if i%2 == 1 {
			name = k.PAN.Digits()
		}
		start := time.Now()
		c, err := office.Look(context.Background(), name)
		if err != nil {
			t.Fatal(err)
		}
		looks = append(looks, time.Since(start))
		rows += len(c.Rows)
	}
	if err := office.Close(); err != nil {
		t.Fatal(err)
	}
	if rows < len(keys) {
		t.Errorf("%d rows of %d cards", rows, len(keys))
	}
	look = shard.Percentile(t, "recon card, an answer", looks)
	if !withProcess {
		return look, 0
	}
	program := filepath.Join(t.TempDir(), "citycard")
	if out, err := exec.Command("go", "build", "-o", program, "../../cmd/citycard").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, k := range keys[:min(100, len(keys))] {
		token := vault.Token(k)
		moment := time.Unix(at, 0).In(txn.CityTime).Format("2006-01-02T15:04:05")
		start := time.Now()
		cmd := exec.Command(program, "recon", "card", fmt.Sprintf("%x", token[:]), "--city", dir, "--at", moment, "--json")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		processes = append(processes, time.Since(start))
		cpu = append(cpu, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
	}
	shard.Percentile(t, "recon card, processor time of a process", cpu)
	return look, shard.Percentile(t, "recon card, a process", processes)
}
