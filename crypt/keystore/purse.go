package keystore

import (
	"fmt"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/epurse"
)

// PurseNames names the masters of a purse's issuer, for one algorithm: of the purchase
// keys DPK, the TAC keys DTK, the load keys DLK and the unload keys DULK of its cards.
type PurseNames struct{ Purchase, TAC, Load, Unload string }

// PurseMasters names the development masters of all purses for one algorithm, e.g.
// "purse/3des/tac". They are those of the development cards of both networks.
func PurseMasters(alg epurse.Alg) PurseNames {
	a := "3des"
	if alg == epurse.SM4 {
		a = "sm4"
	}
	name := func(use string) string { return fmt.Sprintf("purse/%s/%s", a, use) }
	return PurseNames{Purchase: name("purchase"), TAC: name("tac"), Load: name("load"), Unload: name("unload")}
}

// purseUsages are the usages of the names above, in their order.
var purseUsages = [...]Usage{PursePurchase, PurseTAC, PurseLoad, PurseUnload}

func (n PurseNames) list() [4]string { return [...]string{n.Purchase, n.TAC, n.Load, n.Unload} }

func cipherAlg(a epurse.Alg) cryptogram.Alg {
	if a == epurse.SM4 {
		return cryptogram.SM4
	}
	return cryptogram.TDES
}

// purseMaster finds the master of one use and diversifies it by the issuer's factor.
func (s *Store) purseMaster(name string, usage Usage, alg epurse.Alg, issuer epurse.Factor) (epurse.Key, error) {
	k, err := s.master(name, usage, cipherAlg(alg))
	if err != nil {
		return epurse.Key{}, err
	}
	return epurse.Diversify(alg, epurse.Key(k.secret), issuer), nil
}

// PurseVerifier checks purchases from purses of one issuer under one algorithm. It
// judges and gives nothing away. It keeps the keys of the last card, so rows of one
// card that follow each other are cheaper: one goroutine each.
type PurseVerifier struct {
	alg      epurse.Alg
	dpk, dtk epurse.Key // of the issuer

	known   bool
	serial  epurse.Factor // whose keys are below
	cardDPK epurse.Key
	tac     epurse.Session
}

// PurseVerifier makes a verifier for the cards of an issuer, whose factor is bytes 0 to
// 7 of their file 15, under the masters Purchase and TAC. Both must be of alg, else the
// error is ErrUsage.
func (s *Store) PurseVerifier(masters PurseNames, alg epurse.Alg, issuer epurse.Factor) (*PurseVerifier, error) {
	v := &PurseVerifier{alg: alg}
	var err error
	if v.dpk, err = s.purseMaster(masters.Purchase, PursePurchase, alg, issuer); err != nil {
		return nil, err
	}
	v.dtk, err = s.purseMaster(masters.TAC, PurseTAC, alg, issuer)
	return v, err
}

// Format answers every verb of fmt with a fixed text.
func (PurseVerifier) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

func (v *PurseVerifier) card(serial epurse.Factor) {
	if v.known && v.serial == serial {
		return
	}
	v.known, v.serial = true, serial
	v.cardDPK = epurse.Diversify(v.alg, v.dpk, serial)
	v.tac = epurse.TACSession(v.alg, epurse.Diversify(v.alg, v.dtk, serial))
}

// TAC tells whether a code is the TAC of the card with a serial number (bytes 12 to 19
// of file 15) for a purchase, of which all but AuthCode counts: the card itself has
// taken this amount at this terminal and time. Constant time.
func (v *PurseVerifier) TAC(serial epurse.Factor, t *epurse.Trade, tac epurse.MAC) bool {
	v.card(serial)
	return epurse.Equal(epurse.PurchaseTAC(v.tac, t), tac[:])
}

// MAC2 tells whether a code is the card's MAC2 for a purchase with a random number and
// the offline number before it, of which Amount and TerminalSeq count: so the number is
// the card's word. Constant time.
func (v *PurseVerifier) MAC2(serial epurse.Factor, random [4]byte, offline uint16, t *epurse.Trade, mac2 epurse.MAC) bool {
	v.card(serial)
	s := epurse.PurchaseSession(v.alg, v.cardDPK, random, offline, t.TerminalSeq)
	return epurse.Equal(epurse.PurchaseMAC2(s, t.Amount), mac2[:])
}

// PurseHost does the issuer's part of loads and unloads for the cards of one issuer
// under one algorithm.
type PurseHost struct {
	alg               epurse.Alg
	load, unload, dtk epurse.Key // of the issuer
}

// PurseHost makes the host for an issuer under the masters Load, Unload and TAC, with
// errors as PurseVerifier.
func (s *Store) PurseHost(masters PurseNames, alg epurse.Alg, issuer epurse.Factor) (*PurseHost, error) {
	h := &PurseHost{alg: alg}
	for _, m := range []struct {
		name  string
		usage Usage
		to    *epurse.Key
	}{{masters.Load, PurseLoad, &h.load}, {masters.Unload, PurseUnload, &h.unload}, {masters.TAC, PurseTAC, &h.dtk}} {
		k, err := s.purseMaster(m.name, m.usage, alg, issuer)
		if err != nil {
			return nil, err
		}
		*m.to = k
	}
	return h, nil
}

// Format answers every verb of fmt with a fixed text.
func (PurseHost) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

func (h *PurseHost) session(serial epurse.Factor, random [4]byte, online uint16, t epurse.Type) epurse.Session {
	key := h.load
	if t == epurse.Unload {
		key = h.unload
	}
	return epurse.LoadSession(h.alg, epurse.Diversify(h.alg, key, serial), random, online)
}

// Open judges the card's MAC1 of INITIALIZE FOR LOAD or, by t.Type, FOR UNLOAD: balance,
// random number and the online number before the trade are the card's word then. t
// counts without Stamp. Constant time.
func (h *PurseHost) Open(serial epurse.Factor, random [4]byte, online uint16, balance uint32, t *epurse.Trade, mac1 epurse.MAC) bool {
	return epurse.Equal(epurse.LoadMAC1(h.session(serial, random, online, t.Type), balance, t), mac1[:])
}

// Grant makes the MAC2 with which the card carries out the trade. Only after Open, and
// of a load after the books have taken the money from the account; that of an unload is
// given to it only after Done. Of one card and online number only one trade is granted,
// and that as often as it is asked for: the card takes at most one of them. A second
// Open over the same number is no proof that the first was not done, since it holds
// nothing fresh of the host.
func (h *PurseHost) Grant(serial epurse.Factor, random [4]byte, online uint16, t *epurse.Trade) epurse.MAC {
	return epurse.LoadMAC2(h.session(serial, random, online, t.Type), t)
}

// Done judges the card's last word: the TAC of a load, MAC3 of an unload. balance is the
// one after the trade, online the number before it. Constant time.
func (h *PurseHost) Done(serial epurse.Factor, random [4]byte, online uint16, balance uint32, t *epurse.Trade, code epurse.MAC) bool {
	if t.Type == epurse.Unload {
		return epurse.Equal(epurse.UnloadMAC3(h.session(serial, random, online, t.Type), balance, online, t), code[:])
	}
	tac := epurse.TACSession(h.alg, epurse.Diversify(h.alg, h.dtk, serial))
	return epurse.Equal(epurse.LoadTAC(tac, balance, online, t), code[:])
}
