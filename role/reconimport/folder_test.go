//go:build !windows

package reconimport_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/recon/foreign"
	"github.com/citycard/citycard/role/reconimport"
)

// Links, devices and what lies outside are not read; names in any bytes are.
func TestFolder(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "secret.csv")
	dir := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.WriteFile(outside, []byte("a\nb\n"), 0o644))
	must(os.MkdirAll(filepath.Join(dir, "a", "b"), 0o755))
	must(os.WriteFile(filepath.Join(dir, "a", "b", "x.txt"), []byte("1\n2\n"), 0o644))
	must(os.WriteFile(filepath.Join(dir, "a", "\xC7\xE5\xCB\xE3.csv"), []byte("1"), 0o644))
	must(os.Symlink(outside, filepath.Join(dir, "link.csv")))
	must(os.Symlink(filepath.Dir(outside), filepath.Join(dir, "linked")))
	must(os.Symlink("a/b/x.txt", filepath.Join(dir, "same.txt")))
	must(syscall.Mkfifo(filepath.Join(dir, "pipe.csv"), 0o644))
	im := foreign.New(foreign.DefaultMapping(), foreign.Options{})
	must(reconimport.Folder(dir, im))
	r := im.Finish()
	got := map[string]string{}
	for _, f := range r.Files {
		got[f.Name] = fmt.Sprintf("%d %s", f.Lines, f.Note)
	}
	const link, pattern = "0 the file was not read: a link or a device, not a file", "no rule of the mapping fits the name of the file"
	want := map[string]string{"a/b/x.txt": "2 " + pattern, "a/?.csv": "1 " + pattern, "link.csv": link, "linked": link, "same.txt": link, "pipe.csv": link}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if r.Lines.Refused != 3 || r.Lines.Accepted != 0 {
		t.Errorf("%+v", r.Lines)
	}
	if err := reconimport.Folder(filepath.Join(dir, "nowhere"), im); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// Masters are found by usage, algorithm and BIN.
func TestCheckers(t *testing.T) {
	store := keystore.New()
	add := func(name string, usage keystore.Usage, alg cryptogram.Alg) {
		t.Helper()
		if err := store.AddSymmetric(name, usage, alg, keystore.DevelopmentKey(name)); err != nil {
			t.Fatal(err)
		}
	}
	add("bank/622848/sm4/ac", keystore.IssuerAC, cryptogram.SM4)
	if _, err := reconimport.Checkers(store); !errors.Is(err, reconimport.ErrNoMasters) {
		t.Errorf("half a pair: %v", err)
	}
	add("bank/622848/sm4/mac", keystore.IssuerMAC, cryptogram.SM4)
	add("other/3des/ac", keystore.IssuerAC, cryptogram.TDES)
	add("other/3des/mac", keystore.IssuerMAC, cryptogram.TDES)
	c, err := reconimport.Checkers(store)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		bin  string
		alg  cryptogram.Alg
		have bool
	}{{"622848", cryptogram.SM4, true}, {"622849", cryptogram.SM4, false}, {"622849", cryptogram.TDES, true}, {"622848", cryptogram.TDES, true}} {
		if got := c(x.bin, x.alg); (got != nil) != x.have {
			t.Errorf("%s %v: %v", x.bin, x.alg, got != nil)
		}
	}
}
