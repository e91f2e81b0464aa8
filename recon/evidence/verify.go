package evidence

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/emmansun/gmsm/sm3"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/party"
	"github.com/citycard/citycard/txn"
)

// Roots are what the verifier trusts: nothing in a pack is believed for its own sake.
type Roots struct {
	CA    []oda.CAKey        // payment system's keys for card certificates
	Party *party.Certificate // the city's root
}

// Report says what a pack shows.
type Report struct {
	Card     string      `json:"card"` // masked
	Issuer   string      `json:"issuer"`
	AsOf     int64       `json:"as_of"`
	Redacted bool        `json:"redacted"`
	Rows     int         `json:"rows"`
	Lines    []Line      `json:"lines"`
	Breaks   []Break     `json:"breaks"`
	opened   []openedRow // by number - 1
}

// openedRow is a row that has been read.
type openedRow struct {
	row  txn.Row
	leaf [32]byte
}

// verification is one call of Verify.
type verification struct {
	roots     *Roots
	cards     *oda.Verifier
	members   map[string][]byte
	used      map[string]bool
	manifest  manifest
	issuer    *party.Certificate
	statement *Statement
	report    Report
}

// Verify checks everything that is in a pack. The error wraps ErrPack, names the member
// that is wrong, and is nil only if all verifies; the report holds what had been shown
// until then.
func Verify(pack []byte, roots *Roots) (*Report, error) {
	v := verification{roots: roots, used: map[string]bool{}}
	var err error
	if v.cards, err = oda.NewVerifier(roots.CA, 8); err != nil {
		return &v.report, fmt.Errorf("verify evidence pack: %w", err)
	}
	for _, step := range []func() error{
		func() error { return v.open(pack) }, v.readStatement, v.readManifest, v.rows, v.neighbours, v.conclusion, v.nothingElse,
	} {
		if err := step(); err != nil {
			return &v.report, err
		}
	}
	return &v.report, nil
}

func (v *verification) open(pack []byte) error {
	members, err := parseZip(pack)
	if err != nil {
		return err
	}
	v.members = make(map[string][]byte, len(members))
	for _, m := range members {
		v.members[m.name] = m.data
	}
	if members[0].name != readmeName {
		return refuse(readmeName, "is not there")
	}
	v.used[readmeName] = true
	return nil
}

// need gives a member and notes that it has been looked at.
func (v *verification) need(name string) ([]byte, error) {
	b, found := v.members[name]
	if !found {
		return nil, refuse(name, "is not there")
	}
	v.used[name] = true
	return b, nil
}

// maybe gives a member that need not be there.
func (v *verification) maybe(name string) []byte {
	b, found := v.members[name]
	if found {
		v.used[name] = true
	}
	return b
}

// exactly gives a member of a known length.
func (v *verification) exactly(name string, size int) ([]byte, error) {
	b, err := v.need(name)
	if err == nil && len(b) != size {
		err = refuse(name, "%d bytes, want %d", len(b), size)
	}
	return b, err
}

func (v *verification) certificate(name string) (*party.Certificate, error) {
	der, err := v.need(name)
	if err != nil {
		return nil, err
	}
	c, err := party.Parse(der)
	if err == nil && certName(&c.Subject) != name {
		err = fmt.Errorf("it is of %s", c.Subject)
	}
	if err != nil {
		return nil, refuse(name, "%v", err)
	}
	return c, nil
}

// readStatement checks the issuer's certificate and signature.
func (v *verification) readStatement() error {
	text, err := v.need(statementName)
	if err != nil {
		return err
	}
	if v.statement, err = DecodeStatement(text); err != nil {
		return err
	}
	c, err := v.certificate(statementCert)
	if err != nil {
		return err
	}
	if v.issuer, err = party.Verify(v.roots.Party, v.statement.AsOf, c); err != nil {
		return refuse(statementCert, "%v", err)
	}
	if c.Subject.Role != party.Statement || c.Subject.Institution != v.statement.Issuer {
		return refuse(statementCert, "it is of %s, the statement is of issuer %.20q", c.Subject, v.statement.Issuer)
	}
	sig, err := v.need(statementSigName)
	if err != nil {
		return err
	}
	if !v.issuer.Signed(text, sig) {
		return refuse(statementSigName, "is no signature of issuer %s over %s", v.statement.Issuer, statementName)
	}
	s := v.statement
	v.report.Card, v.report.Issuer, v.report.AsOf, v.report.Breaks = s.Card, s.Issuer, s.AsOf, s.Breaks
	v.show(statementName, checkStatement, byIssuer, verified, s.Issuer)
	return nil
}

// readManifest checks the list of members: its signature, and each hash.
func (v *verification) readManifest() error {
	text, err := v.need(manifestName)
	if err != nil {
		return err
	}
	sig, err := v.need(manifestSigName)
	if err != nil {
		return err
	}
	if err := decodeStrictly(text, &v.manifest); err != nil {
		return refuse(manifestName, "%v", err)
	}
	if again, err := v.manifest.encode(); err != nil || !bytes.Equal(again, text) || v.manifest.Format != manifestFormat {
		return refuse(manifestName, "is not in the one form that is signed, or not of format %q", manifestFormat)
	}
	if !v.issuer.Signed(text, sig) {
		return refuse(manifestSigName, "is no signature of issuer %s over %s", v.statement.Issuer, manifestName)
	}
	listed := map[string]bool{}
	for _, e := range v.manifest.Members {
		data, found := v.members[e.Name]
		switch {
		case !found:
			return refuse(e.Name, "is in the manifest and not in the file")
		case listed[e.Name]:
			return refuse(e.Name, "is in the manifest twice")
		case len(data) != e.Size || fmt.Sprintf("%x", sm3.Sum(data)) != e.SM3:
			return refuse(e.Name, "does not have the hash in the manifest: altered")
		}
		listed[e.Name] = true
	}
	for name := range v.members {
		if !listed[name] && name != manifestName && name != manifestSigName {
			return refuse(name, "is not in the manifest")
		}
	}
	if v.manifest.Rows < 1 || v.manifest.Rows > MaxRows {
		return refuse(manifestName, "%d rows, want 1 to %d", v.manifest.Rows, MaxRows)
	}
	v.report.Redacted, v.report.Rows = v.manifest.Redacted, v.manifest.Rows
	v.show(manifestName, checkManifest, byIssuer, verified, len(listed))
	if !bytes.Equal(v.members[readmeName], readme) {
		v.show(readmeName, checkReadme, byIssuer, itsWord)
	}
	if v.report.Redacted {
		v.show(statementName, checkOneCard, byIssuer, itsWord, v.statement.Card)
	}
	return nil
}

// nothingElse refuses members that nothing has looked at.
func (v *verification) nothingElse() error {
	var names []string
	for name := range v.members {
		if !v.used[name] {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		return refuse(slices.Min(names), "belongs to nothing in the pack")
	}
	return nil
}
