package party

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/big"
	"regexp"
	"slices"
	"time"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/sm3"
	"github.com/emmansun/gmsm/smx509"

	"github.com/citycard/citycard/crypt/oda"
)

// Authority is a key that signs certificates, with its own certificate.
type Authority struct {
	Certificate *Certificate
	key         *oda.SM2Private
}

// NewRoot makes a root that signs itself, valid between two unix times.
func NewRoot(institution string, key *oda.SM2Private, from, to int64, rand io.Reader) (*Authority, error) {
	s := Subject{Role: Root, Institution: institution}
	t, err := template(&s, key.Public(), from, to)
	if err != nil {
		return nil, err
	}
	return sign(t, t, key.Public(), key, key, rand)
}

// Sub makes an authority below this one: an acquirer below the root.
func (a *Authority) Sub(s Subject, key *oda.SM2Private, from, to int64, rand io.Reader) (*Authority, error) {
	c, err := a.Issue(s, key.Public(), from, to, rand)
	if err != nil {
		return nil, err
	}
	return &Authority{Certificate: c, key: key}, nil
}

// Issue signs a certificate over a public key X || Y, valid between two unix times. The
// serial number follows from subject, key and times: the same request gives the same
// certificate. 32 bytes are read from rand for the signature.
func (a *Authority) Issue(s Subject, key [64]byte, from, to int64, rand io.Reader) (*Certificate, error) {
	if mayIssue[s.Role] != a.Certificate.Subject.Role || s.Role == Root {
		return nil, fmt.Errorf("issue certificate for %s: %s may not", s, a.Certificate.Subject)
	}
	if s.Role == Terminal && s.Institution != a.Certificate.Subject.Institution {
		return nil, fmt.Errorf("issue certificate for %s: its acquirer is not %s", s, a.Certificate.Subject)
	}
	t, err := template(&s, key, from, to)
	if err != nil {
		return nil, err
	}
	signed, err := sign(t, a.Certificate.x, key, a.key, nil, rand)
	if err != nil {
		return nil, err
	}
	return signed.Certificate, nil
}

func sign(t, parent *smx509.Certificate, subjectKey [64]byte, by, own *oda.SM2Private, rand io.Reader) (*Authority, error) {
	der, err := smx509.CreateCertificate(rand, t, parent, publicKey(subjectKey), signer{by})
	if err != nil {
		return nil, fmt.Errorf("issue certificate for %s: %w", t.Subject, err)
	}
	c, err := Parse(der)
	if err != nil {
		return nil, fmt.Errorf("issue certificate for %s: %w", t.Subject, err)
	}
	return &Authority{Certificate: c, key: own}, nil
}

func template(s *Subject, key [64]byte, from, to int64) (*smx509.Certificate, error) {
	if !institutionCode.MatchString(s.Institution) || s.Role < Root || s.Role > Statement || from < 0 || to < from {
		return nil, fmt.Errorf("issue certificate for %q, role %d, from %d to %d: want an institution code, a role and a span of time", s.Institution, s.Role, from, to)
	}
	if _, err := oda.NewSM2Public(key); err != nil {
		return nil, fmt.Errorf("issue certificate for %s: %w", s, err)
	}
	ca := s.Role == Root || s.Role == Acquirer
	serial := sm3.Sum(fmt.Appendf(key[:], "%s|%d|%d", s, from, to))
	serial[0] &= 0x7F
	t := &smx509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial[:16]),
		Subject:      pkix.Name{Organization: []string{s.Institution}, OrganizationalUnit: []string{s.Role.String()}, CommonName: s.name()},
		NotBefore:    time.Unix(from, 0).UTC(), NotAfter: time.Unix(to, 0).UTC(),
		BasicConstraintsValid: true, IsCA: ca, KeyUsage: smx509.KeyUsageDigitalSignature, SignatureAlgorithm: smx509.SM2WithSM3,
	}
	if ca {
		t.KeyUsage = smx509.KeyUsageCertSign
	}
	id := sm3.Sum(key[:])
	t.SubjectKeyId = id[:20]
	return t, nil
}

var institutionCode = regexp.MustCompile(`^[0-9A-Za-z]{1,32}$`)

func subjectOf(n *pkix.Name) (Subject, error) {
	if len(n.Names) != 3 || len(n.Organization) != 1 || len(n.OrganizationalUnit) != 1 {
		return Subject{}, bad("name %.60q: want organisation, unit and common name", n.String())
	}
	role := slices.Index(roleNames[:], n.OrganizationalUnit[0])
	if role < int(Root) {
		return Subject{}, bad("role %.20q is not known", n.OrganizationalUnit[0])
	}
	s := Subject{Role: Role(role), Institution: n.Organization[0]}
	if !institutionCode.MatchString(s.Institution) { // it is printed for people
		return s, bad("institution %.40q is not 1 to 32 letters and digits", s.Institution)
	}
	if s.Role == Terminal {
		var err error
		if s.Terminal, err = terminalNumber(n.CommonName); err != nil {
			return s, err
		}
	}
	if s.name() != n.CommonName {
		return s, bad("common name %.20q is not that of %s", n.CommonName, s)
	}
	return s, nil
}

func keyOf(x *smx509.Certificate) (key [64]byte, err error) {
	p, ok := x.PublicKey.(*ecdsa.PublicKey)
	if !ok || p.Curve != sm2.P256() {
		return key, bad("its key is not an SM2 key")
	}
	p.X.FillBytes(key[:32])
	p.Y.FillBytes(key[32:])
	if _, err := oda.NewSM2Public(key); err != nil {
		return key, bad("its key is no point of the SM2 curve")
	}
	return key, nil
}

func publicKey(xy [64]byte) *ecdsa.PublicKey {
	return &ecdsa.PublicKey{Curve: sm2.P256(), X: new(big.Int).SetBytes(xy[:32]), Y: new(big.Int).SetBytes(xy[32:])}
}

// signer lets the X.509 library sign with a key that stays hidden.
type signer struct{ key *oda.SM2Private }

// Public implements crypto.Signer.
func (s signer) Public() crypto.PublicKey { return publicKey(s.key.Public()) }

// messageOpts says that a message is signed and no hash of it.
type messageOpts struct{}

// HashFunc implements crypto.SignerOpts.
func (messageOpts) HashFunc() crypto.Hash { return 0 }

// Sign implements crypto.Signer for whole messages, which is how SM2 signs.
func (s signer) Sign(rand io.Reader, message []byte, opts crypto.SignerOpts) ([]byte, error) {
	if opts.HashFunc() != 0 {
		return nil, errors.New("sign with SM2: a hash was given where the message is wanted")
	}
	raw, err := s.key.Sign(nil, rand, message)
	if err != nil {
		return nil, err
	}
	r, t := new(big.Int).SetBytes(raw[:32]), new(big.Int).SetBytes(raw[32:])
	return asn1.Marshal([]*big.Int{r, t})
}
