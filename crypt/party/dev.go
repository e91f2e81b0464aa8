package party

import (
	"fmt"
	"io"
	"time"

	"github.com/citycard/citycard/crypt/oda"
)

// DevelopmentInstitution is the code of the development root.
const DevelopmentInstitution = "48020000"

// Names of the development keys of the hierarchy, whose scalars devkeys.SM2Key gives.
const (
	DevRootName      = "party root"
	DevAcquirerName  = "party acquirer "  // with the institution code
	DevStatementName = "party statement " // with the institution code
)

// Development times of validity: 2020-01-01 to 2049-12-31.
var (
	devFrom = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	devTo   = time.Date(2049, 12, 31, 23, 59, 59, 0, time.UTC).Unix()
)

// Dev is the development hierarchy. Everybody has its private keys.
type Dev struct {
	key  func(label string) [32]byte
	root *Authority
}

// NewDev makes the hierarchy from a function that gives the scalar of a label
// (devkeys.SM2Key). It is the same every time.
func NewDev(key func(label string) [32]byte) (*Dev, error) {
	d := &Dev{key: key}
	k, err := oda.NewSM2Private(key(DevRootName))
	if err != nil {
		return nil, fmt.Errorf("development root of the parties: %w", err)
	}
	d.root, err = NewRoot(DevelopmentInstitution, k, devFrom, devTo, constant{})
	return d, err
}

// Root is the certificate to trust.
func (d *Dev) Root() *Certificate { return d.root.Certificate }

// Acquirer is the authority of an acquirer.
func (d *Dev) Acquirer(institution string) (*Authority, error) {
	k, err := oda.NewSM2Private(d.key(DevAcquirerName + institution))
	if err != nil {
		return nil, fmt.Errorf("development key of acquirer %s: %w", institution, err)
	}
	return d.root.Sub(Subject{Role: Acquirer, Institution: institution}, k, devFrom, devTo, constant{})
}

// Terminal makes the certificate of a terminal from its entry in the register.
func (d *Dev) Terminal(by *Authority, terminal uint32, key [64]byte) (*Certificate, error) {
	return by.Issue(Subject{Role: Terminal, Institution: by.Certificate.Subject.Institution, Terminal: terminal}, key, devFrom, devTo, constant{})
}

// Statement gives an issuer's statement key and its certificate.
func (d *Dev) Statement(institution string) (*oda.SM2Private, *Certificate, error) {
	k, err := oda.NewSM2Private(d.key(DevStatementName + institution))
	if err != nil {
		return nil, nil, fmt.Errorf("development statement key of issuer %s: %w", institution, err)
	}
	c, err := d.root.Issue(Subject{Role: Statement, Institution: institution}, k.Public(), devFrom, devTo, constant{})
	return k, c, err
}

// constant stands in for randomness: signatures of oda.SM2Private mix the message
// into the nonce, so that no nonce comes twice, and the keys are public anyway.
type constant struct{}

// Read fills p with one byte.
func (constant) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 0x5A
	}
	return len(p), nil
}

var _ io.Reader = constant{}
