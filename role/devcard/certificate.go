package devcard

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/citycard/citycard/card/pboc"
	"github.com/citycard/citycard/card/perso"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/txn"
)

// Ends of the certificates, MMYY, and their serial number.
var (
	cardEnd    = [2]byte{0x12, 0x35}
	issuerEnd  = [2]byte{0x12, 0x40}
	certSerial = [3]byte{0x00, 0x00, 0x01}
)

// authenticationCode is what the issuer states in 93, and a reader takes into 9F45;
// the same for all cards.
var authenticationCode = [2]byte{0xDA, 0xC0}

// issuerCert is what the CA certifies: the beginning of the card number.
func issuerCert(pan txn.PAN) oda.IssuerCert {
	return oda.IssuerCert{IssuerID: [4]byte{pan[0], pan[1], pan[2], 0xFF}, Expiry: issuerEnd, Serial: certSerial}
}

func certifySM2(rand io.Reader, cert oda.CardCert, r Request) (perso.Secrets, error) {
	s := perso.Secrets{Certs: perso.Certs{CAIndex: devkeys.SM2CAIndex}, Private: pboc.PrivateKey{SM2: devkeys.SM2Card(r.PAN, r.PSN)}}
	ca, err := oda.NewSM2Private(devkeys.SM2CA())
	if err != nil {
		return s, fmt.Errorf("SM2 CA key: %w", err)
	}
	own, err := oda.NewSM2Private(devkeys.SM2Issuer(issuer))
	if err != nil {
		return s, fmt.Errorf("SM2 issuer key: %w", err)
	}
	signer, err := oda.NewSM2Private(s.Private.SM2)
	if err != nil {
		return s, fmt.Errorf("SM2 card key: %w", err)
	}
	s.Signer = signer
	if s.Certs.IssuerCert, err = ca.CertifyIssuer(rand, issuerCert(r.PAN), own.Public()); err != nil {
		return s, fmt.Errorf("certify issuer: %w", err)
	}
	if s.Certs.CardCert, err = own.CertifyCard(rand, cert, signer.Public()); err != nil {
		return s, fmt.Errorf("certify card: %w", err)
	}
	if s.Certs.SignedStatic, err = own.SignStatic(rand, authenticationCode, cert.StaticData); err != nil {
		return s, fmt.Errorf("sign static data: %w", err)
	}
	return s, nil
}

func certifyRSA(rand io.Reader, cert oda.CardCert, r Request) (perso.Secrets, error) {
	s := perso.Secrets{Private: pboc.PrivateKey{RSA: devkeys.RSACard(rsaKey(r))}}
	ca, err := oda.NewRSAPrivate(devkeys.RSACA())
	if err != nil {
		return s, fmt.Errorf("RSA CA key: %w", err)
	}
	own, err := oda.NewRSAPrivate(devkeys.RSAIssuer(issuer))
	if err != nil {
		return s, fmt.Errorf("RSA issuer key: %w", err)
	}
	signer, err := oda.NewRSAPrivate(s.Private.RSA)
	if err != nil {
		return s, fmt.Errorf("RSA card key: %w", err)
	}
	s.Signer = signer
	up, err := ca.CertifyIssuer(rand, issuerCert(r.PAN), own.Public())
	if err != nil {
		return s, fmt.Errorf("certify issuer: %w", err)
	}
	down, err := own.CertifyCard(rand, cert, signer.Public())
	if err != nil {
		return s, fmt.Errorf("certify card: %w", err)
	}
	signed, err := own.SignStatic(rand, authenticationCode, cert.StaticData)
	if err != nil {
		return s, fmt.Errorf("sign static data: %w", err)
	}
	s.Certs = perso.Certs{
		CAIndex: devkeys.RSACAIndex, IssuerCert: up.Certificate, IssuerRest: up.Remainder, IssuerExponent: up.Exponent,
		CardCert: down.Certificate, CardRest: down.Remainder, CardExponent: down.Exponent, SignedStatic: signed,
	}
	return s, nil
}

// rsaKey chooses a key of the pool by the card's number: RSA keys take too long to
// make to have one for every card.
func rsaKey(r Request) uint {
	sum := sha256.Sum256(append(append([]byte{}, r.PAN[:]...), r.PSN))
	return uint(binary.BigEndian.Uint32(sum[:]) % devkeys.RSACards)
}
