package party

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/emmansun/gmsm/smx509"

	"github.com/citycard/citycard/crypt/oda"
)

// Role is what a certified key may sign.
type Role uint8

// The roles.
const (
	Root      Role = 1 // certificates of acquirers and statement keys
	Acquirer  Role = 2 // certificates of terminals
	Terminal  Role = 3 // blocks
	Statement Role = 4 // an issuer's statements
)

var roleNames = [...]string{Root: "root", Acquirer: "acquirer", Terminal: "terminal", Statement: "statement"}

// String is the role in one English word, as it stands in a certificate.
func (r Role) String() string {
	if r < Root || r > Statement {
		return "invalid"
	}
	return roleNames[r]
}

// Subject is whom a certificate is about.
type Subject struct {
	Role        Role
	Institution string // code of 8 digits; of a terminal its acquirer's
	Terminal    uint32 // of a terminal
}

func (s *Subject) name() string {
	if s.Role == Terminal {
		return fmt.Sprintf("%08X", s.Terminal)
	}
	return s.Institution
}

// String is for people: "terminal 12345 of 48021001".
func (s Subject) String() string {
	if s.Role == Terminal {
		return fmt.Sprintf("terminal %d of %s", s.Terminal, s.Institution)
	}
	return s.Role.String() + " " + s.Institution
}

// Certificate is a parsed certificate. It has not been verified.
type Certificate struct {
	Subject             Subject
	Issuer              Subject // as far as the certificate says it
	Serial              string  // hexadecimal
	NotBefore, NotAfter int64   // unix, both included
	Key                 [64]byte

	x *smx509.Certificate
}

// MaxSize is the longest certificate that Parse reads, in bytes.
const MaxSize = 2048

// ErrCertificate is what Parse and Verify wrap.
var ErrCertificate = errors.New("certificate of a party is not good")

func bad(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrCertificate, fmt.Sprintf(format, args...))
}

// Parse reads one DER certificate and refuses whatever Issue would not make. It checks
// no signature: see Verify.
func Parse(der []byte) (*Certificate, error) {
	if len(der) > MaxSize {
		return nil, bad("%d bytes, at most %d", len(der), MaxSize)
	}
	x, err := smx509.ParseCertificate(der)
	if err != nil {
		return nil, bad("not X.509: %v", err)
	}
	c := &Certificate{x: x, NotBefore: x.NotBefore.Unix(), NotAfter: x.NotAfter.Unix(), Serial: x.SerialNumber.Text(16)}
	if x.Version != 3 || x.SignatureAlgorithm != smx509.SM2WithSM3 {
		return nil, bad("version %d with algorithm %s, want version 3 with SM2-SM3", x.Version, x.SignatureAlgorithm)
	}
	if c.Subject, err = subjectOf(&x.Subject); err != nil {
		return nil, err
	}
	if c.Issuer, err = subjectOf(&x.Issuer); err != nil {
		return nil, err
	}
	if c.Key, err = keyOf(x); err != nil {
		return nil, err
	}
	ca := c.Subject.Role == Root || c.Subject.Role == Acquirer
	usage := smx509.KeyUsageDigitalSignature
	if ca {
		usage = smx509.KeyUsageCertSign
	}
	if !x.BasicConstraintsValid || x.IsCA != ca || x.KeyUsage != usage || len(x.UnhandledCriticalExtensions) > 0 {
		return nil, bad("basic constraints or key usage are not those of a %s", c.Subject.Role)
	}
	return c, nil
}

// mayIssue says which role signs which.
var mayIssue = map[Role]Role{Root: Root, Acquirer: Root, Terminal: Acquirer, Statement: Root}

// Verify checks a chain at a moment (unix seconds). chain begins with the certificate
// that is wanted and goes up; the root stands apart, because it is the one that the
// caller trusts. The result is the first of the chain.
func Verify(root *Certificate, at int64, chain ...*Certificate) (*Certificate, error) {
	if root.Subject.Role != Root {
		return nil, bad("%s was given as root", root.Subject)
	}
	if len(chain) == 0 {
		return nil, bad("the chain is empty")
	}
	for i, c := range chain {
		up := root
		if i+1 < len(chain) {
			up = chain[i+1]
		}
		switch {
		case mayIssue[c.Subject.Role] != up.Subject.Role || c.Subject.Role == Root:
			return nil, bad("%s signed by %s, want a %s above it", c.Subject, up.Subject, mayIssue[c.Subject.Role])
		case c.Issuer != up.Subject || c.Subject.Role == Terminal && c.Subject.Institution != up.Subject.Institution:
			return nil, bad("%s names %s as issuer, above it is %s", c.Subject, c.Issuer, up.Subject)
		case at < c.NotBefore || at > c.NotAfter:
			return nil, bad("%s is valid from %s to %s, not on %s", c.Subject, day(c.NotBefore), day(c.NotAfter), day(at))
		}
		if err := c.x.CheckSignatureFrom(up.x); err != nil {
			return nil, bad("signature of %s on the certificate of %s: %v", up.Subject, c.Subject, err)
		}
	}
	if at < root.NotBefore || at > root.NotAfter {
		return nil, bad("%s is valid from %s to %s, not on %s", root.Subject, day(root.NotBefore), day(root.NotAfter), day(at))
	}
	return chain[0], nil
}

func day(unix int64) string { return time.Unix(unix, 0).UTC().Format(time.DateOnly) }

// PublicKey makes the certified key ready for verification.
func (c *Certificate) PublicKey() (*oda.SM2Public, error) {
	k, err := oda.NewSM2Public(c.Key)
	if err != nil {
		return nil, bad("key of %s: %v", c.Subject, err)
	}
	return k, nil
}

// DER is the certificate's bytes.
func (c *Certificate) DER() []byte { return c.x.Raw }

func terminalNumber(name string) (uint32, error) {
	n, err := strconv.ParseUint(name, 16, 32)
	if err != nil || fmt.Sprintf("%08X", n) != name {
		return 0, bad("terminal is called %.20q, want 8 hexadecimal digits", name)
	}
	return uint32(n), nil
}
