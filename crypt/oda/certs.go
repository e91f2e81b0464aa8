package oda

// issuer checks tag 90 under a CA key.
func (ca *publicKey) issuer(c *CardData) (*issuerKey, Reason) {
	if ca.sm2 != nil {
		return ca.sm2.issuer(c.IssuerCert)
	}
	if len(c.IssuerExponent) == 0 {
		return nil, MissingData
	}
	block, ok := ca.rsa.open(c.IssuerCert, formatIssuer, c.IssuerRest, c.IssuerExponent)
	if !ok {
		return nil, IssuerCertBad
	}
	key, ok := certifiedKey(block, 2+4, issuerOverhead, c.IssuerRest, c.IssuerExponent)
	expiry, okDate := parseMMYY(block[6:8])
	if !ok || !okDate {
		return nil, IssuerCertBad
	}
	return &issuerKey{publicKey: publicKey{rsa: key}, id: [4]byte(block[2:6]), expiry: expiry}, OK
}

// issuer checks an SM2 tag 90.
func (ca *SM2Public) issuer(b []byte) (*issuerKey, Reason) {
	if len(b) != sm2IssuerSize || b[0] != formatSM2|formatIssuer || b[13] != 64 {
		return nil, Format
	}
	end := len(b) - signatureSize
	if !ca.Verify(b[end:], b[:end]) {
		return nil, IssuerCertBad
	}
	key, err := NewSM2Public([64]byte(b[end-64 : end]))
	expiry, ok := parseMMYY(b[5:7])
	if err != nil || !ok {
		return nil, IssuerCertBad
	}
	return &issuerKey{publicKey: publicKey{sm2: key}, id: [4]byte(b[1:5]), expiry: expiry}, OK
}

// card checks tag 9F46 with the static data under the issuer key, and gives the
// certified key and PAN.
func (k *issuerKey) card(c *CardData, aip []byte) (*CardKey, [10]byte, Reason) {
	none := [10]byte{}
	switch {
	case len(c.CardCert) == 0 || k.rsa != nil && len(c.CardExponent) == 0:
		return nil, none, MissingData
	case len(c.CardCert) > maxModulus || len(c.CardRest) > maxModulus:
		return nil, none, Format
	case k.sm2 != nil:
		return k.sm2.card(c, aip)
	}
	block, ok := k.rsa.open(c.CardCert, formatCard, c.CardRest, c.CardExponent, c.StaticData, aip)
	if !ok {
		return nil, none, k.whyBad(c)
	}
	key, ok := certifiedKey(block, 2+10, cardOverhead, c.CardRest, c.CardExponent)
	expiry, okDate := parseMMYY(block[12:14])
	if !ok || !okDate {
		return nil, none, CardCertBad
	}
	return &CardKey{rsa: key, expiry: expiry}, [10]byte(block[2:12]), OK
}

// whyBad tells a certificate of this issuer whose hash is over other data
// (StaticDataBad) from one that is none (CardCertBad): RSA shows the block even
// if the hash is wrong. The remainder or the exponent may be what was changed.
func (k *issuerKey) whyBad(c *CardData) Reason {
	block, ok := k.rsa.recover(c.CardCert)
	if ok && block[0] == rsaHeader && block[1] == formatCard && block[len(block)-1] == rsaTrailer {
		return StaticDataBad
	}
	return CardCertBad
}

// card checks an SM2 tag 9F46. A wrong signature cannot tell whether the
// certificate or the static data was changed: CardCertBad.
func (k *SM2Public) card(c *CardData, aip []byte) (*CardKey, [10]byte, Reason) {
	b := c.CardCert
	if len(b) != sm2CardSize || b[0] != formatSM2|formatCard || b[19] != 64 {
		return nil, [10]byte{}, Format
	}
	end := len(b) - signatureSize
	if !k.Verify(b[end:], b[:end], c.StaticData, aip) {
		return nil, [10]byte{}, CardCertBad
	}
	key, err := NewSM2Public([64]byte(b[end-64 : end]))
	expiry, ok := parseMMYY(b[11:13])
	if err != nil || !ok {
		return nil, [10]byte{}, CardCertBad
	}
	return &CardKey{sm2: key, expiry: expiry}, [10]byte(b[1:11]), OK
}

// certifiedKey puts a key together from a recovered block whose expiry starts at
// byte at, and the remainder and exponent beside it.
func certifiedKey(block []byte, at, overhead int, rest, exponent []byte) (*rsaPublic, bool) {
	at += 2 + 3 // expiry, serial
	n, room := int(block[at+2]), len(block)-overhead
	if block[at] != sha1Code || block[at+1] != rsaCode || int(block[at+3]) != len(exponent) || len(rest) != max(0, n-room) {
		return nil, false
	}
	e, ok := parseExponent(exponent)
	if !ok {
		return nil, false
	}
	modulus := make([]byte, 0, maxModulus)
	modulus = append(modulus, block[at+4:at+4+min(n, room)]...)
	key, err := RSAPublic{Modulus: append(modulus, rest...), Exponent: e}.prepare()
	return key, err == nil
}
