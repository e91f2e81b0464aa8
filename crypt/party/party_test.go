package party_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emmansun/gmsm/sm3"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/crypt/party"
)

type stream struct{ n byte }

// Read fills p with repeatable bytes.
func (s *stream) Read(p []byte) (int, error) {
	for i := range p {
		s.n = s.n*31 + 7
		p[i] = s.n
	}
	return len(p), nil
}

// must gives the value of a call that may not fail.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func dev(t testing.TB) *party.Dev { return must(party.NewDev(devkeys.SM2Key))(t) }

const now = 1_795_000_000

type family struct {
	dev       *party.Dev
	acquirer  *party.Authority
	terminal  *party.Certificate
	key       *oda.SM2Private // of the terminal
	statement *party.Certificate
	issuer    *oda.SM2Private
}

func newFamily(t testing.TB) family {
	f := family{dev: dev(t), key: must(oda.NewSM2Private(devkeys.SM2Key("terminal")))(t)}
	f.acquirer = must(f.dev.Acquirer("00000011"))(t)
	f.terminal = must(f.dev.Terminal(f.acquirer, 0x124F81, f.key.Public()))(t)
	var err error
	if f.issuer, f.statement, err = f.dev.Statement("00000001"); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestChainsVerify(t *testing.T) {
	f := newFamily(t)
	root := f.dev.Root()
	c, err := party.Verify(root, now, f.terminal, f.acquirer.Certificate)
	if err != nil || c.Key != f.key.Public() || c.Subject != (party.Subject{Role: party.Terminal, Institution: "00000011", Terminal: 0x124F81}) {
		t.Fatalf("terminal: %+v, %v", c, err)
	}
	if c, err = party.Verify(root, now, f.statement); err != nil || c.Key != f.issuer.Public() {
		t.Fatalf("statement: %v", err)
	}
	again := must(party.Parse(f.terminal.DER()))(t)
	if again.Subject != f.terminal.Subject || again.Serial != f.terminal.Serial || again.NotAfter != f.terminal.NotAfter {
		t.Error("a certificate did not come back")
	}
	if !bytes.Equal(must(f.dev.Terminal(f.acquirer, 0x124F81, f.key.Public()))(t).DER(), f.terminal.DER()) {
		t.Error("the same request gave another certificate")
	}
}

func TestChainsThatAreNone(t *testing.T) {
	f := newFamily(t)
	root := f.dev.Root()
	strange := must(party.NewDev(func(label string) [32]byte { return sm3.Sum([]byte(label)) }))(t)
	other := must(f.dev.Acquirer("00000012"))(t)
	short := must(f.acquirer.Issue(party.Subject{Role: party.Terminal, Institution: "00000011", Terminal: 5}, f.key.Public(), now-100, now-50, &stream{}))(t)
	for _, c := range []struct {
		name  string
		root  *party.Certificate
		at    int64
		chain []*party.Certificate
		want  string
	}{
		{"nothing", root, now, nil, "empty"},
		{"without the acquirer", root, now, []*party.Certificate{f.terminal}, "want a acquirer above"},
		{"another acquirer", root, now, []*party.Certificate{f.terminal, other.Certificate}, "names acquirer"},
		{"another root", strange.Root(), now, []*party.Certificate{f.statement}, "signature"},
		{"not the root", f.statement, now, []*party.Certificate{f.statement}, "given as root"},
		{"root below root", root, now, []*party.Certificate{root}, "signed by"},
		{"acquirer by acquirer", root, now, []*party.Certificate{f.acquirer.Certificate, other.Certificate}, "signed by"},
		{"statement below acquirer", root, now, []*party.Certificate{f.statement, f.acquirer.Certificate}, "signed by"},
		{"expired", root, now, []*party.Certificate{short, f.acquirer.Certificate}, "not on"},
		{"too early", root, 1_500_000_000, []*party.Certificate{f.statement}, "not on"},
	} {
		if _, err := party.Verify(c.root, c.at, c.chain...); !errors.Is(err, party.ErrCertificate) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	if _, err := f.acquirer.Issue(party.Subject{Role: party.Statement, Institution: "1"}, f.key.Public(), 0, 1, &stream{}); err == nil {
		t.Error("an acquirer signed a statement key")
	}
	if _, err := f.acquirer.Issue(party.Subject{Role: party.Terminal, Institution: "2"}, f.key.Public(), 0, 1, &stream{}); err == nil {
		t.Error("an acquirer signed another acquirer's terminal")
	}
}

func TestEveryAlteredByteOfACertificateIsNoticed(t *testing.T) {
	f := newFamily(t)
	der := f.terminal.DER()
	for i := range der {
		altered := bytes.Clone(der)
		altered[i] ^= 1 << (i % 8)
		c, err := party.Parse(altered)
		if err != nil {
			continue
		}
		if _, err := party.Verify(f.dev.Root(), now, c, f.acquirer.Certificate); err == nil {
			t.Fatalf("byte %d of %d altered: still verifies", i, len(der))
		}
	}
}

func TestDocuments(t *testing.T) {
	f := newFamily(t)
	doc := []byte("what the issuer says\n")
	sig := must(party.Sign(f.issuer, doc, &stream{}))(t)
	if !f.statement.Signed(doc, sig) {
		t.Fatal("signature does not verify")
	}
	if f.terminal.Signed(doc, sig) || f.statement.Signed(doc[1:], sig) {
		t.Error("it verifies for another key or document")
	}
	for i := range sig {
		altered := bytes.Clone(sig)
		altered[i] ^= 1 << (i % 8)
		if f.statement.Signed(doc, altered) {
			t.Fatalf("byte %d of the signature altered: still verifies", i)
		}
	}
	if f.statement.Signed(doc, append(bytes.Clone(sig), 0)) || f.statement.Signed(doc, nil) {
		t.Error("a longer or empty signature verifies")
	}
}

// openssl shares no code with the library.
func TestAgainstOpenSSL(t *testing.T) {
	path, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("the openssl program is not installed: nothing compares certificates with another implementation")
	}
	f := newFamily(t)
	dir := t.TempDir()
	write := func(name string, b []byte) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	run := func(args ...string) string {
		ctx, stop := context.WithTimeout(context.Background(), 20*time.Second)
		defer stop()
		out, err := exec.CommandContext(ctx, path, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("openssl %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	pem := func(name string, c *party.Certificate) string {
		der := write(name+".der", c.DER())
		out := filepath.Join(dir, name+".pem")
		run("x509", "-inform", "DER", "-in", der, "-out", out)
		return out
	}
	root, acquirer := pem("root", f.dev.Root()), pem("acquirer", f.acquirer.Certificate)
	// The program uses the identity for the certificate asked about only: one step at a time.
	for _, c := range [][2]string{{root, acquirer}, {acquirer, pem("terminal", f.terminal)}} {
		if out := run("verify", "-vfyopt", "distid:1234567812345678", "-partial_chain", "-trusted", c[0], c[1]); !strings.Contains(out, "OK") {
			t.Errorf("chain: %s", out)
		}
	}
	statement := pem("statement", f.statement)
	run("verify", "-vfyopt", "distid:1234567812345678", "-CAfile", root, statement)
	key := write("key.pem", []byte(run("x509", "-in", statement, "-pubkey", "-noout")))
	doc := []byte("what the issuer says\n")
	args := []string{"pkeyutl", "-verify", "-rawin", "-digest", "sm3", "-pubin", "-inkey", key, "-pkeyopt", "distid:1234567812345678",
		"-in", write("doc", doc), "-sigfile", write("sig", must(party.Sign(f.issuer, doc, &stream{}))(t))}
	if out := run(args...); !strings.Contains(out, "Verified Successfully") {
		t.Errorf("signature: %s", out)
	}
}

func FuzzParse(f *testing.F) {
	fam := newFamily(f)
	for _, c := range []*party.Certificate{fam.dev.Root(), fam.acquirer.Certificate, fam.terminal, fam.statement} {
		f.Add(c.DER())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := party.Parse(b)
		if err == nil && !bytes.Equal(c.DER(), b) {
			t.Fatal("a certificate has other bytes than those read")
		}
		if err != nil && !errors.Is(err, party.ErrCertificate) {
			t.Fatal(err)
		}
	})
}
