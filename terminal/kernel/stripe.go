package kernel

import (
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// Magnetic stripe data over the air (JR/T 0025.12, edition of 2010) comes in two ways.
// A card answers GET PROCESSING OPTIONS with template 77: track 2 and an ARQC of
// cryptogram version 17; it is read as in qPBOC (options). Or it answers template 80 with
// AIP and file locator, and a record holds a track 2 whose discretionary data are the
// counter and a dynamic check value. Nothing is paid in either: the issuer decides.

// takesStripe says that an answer of format 1 is one for magnetic stripe data: a
// terminal that has told the card of full debit/credit too must run that.
func (m *Machine) takesStripe() bool {
	return m.data.TTQ[0]&TTQ1MSD != 0 && m.data.TTQ[0]&TTQ1Debit == 0
}

// stripeOptions reads AIP and file locator of template 80.
func (m *Machine) stripeOptions(value []byte) Ready {
	if len(value) < 2 {
		return m.unusable(Fault{Code: BadValue, Tag: tlv.TagResponseFormat1})
	}
	m.out.MSD = true
	d := &m.data
	copy(d.AIP[:], value)
	for _, o := range [...]struct {
		tag   tlv.Tag
		value []byte
	}{{tlv.TagAIP, value[:2]}, {tlv.TagAFL, value[2:]}} {
		if f := d.put(o.tag, o.value); f.Code != NoFault {
			return m.unusable(f)
		}
	}
	if f := m.parseAFL(value[2:]); f.Code != NoFault {
		return m.unusable(f)
	}
	d.last = recordRef{} // no record of these commits anything
	return m.readStripe()
}

func (m *Machine) readStripe() Ready { return m.sendReadRecord(stStripe, m.records[m.recordAt]) }

// stripeRecord reads one record of the file locator; after the last the terminal goes
// online with the track 2 that was among them.
func (m *Machine) stripeRecord(data []byte, sw apdu.SW) Ready {
	if sw != apdu.SWOK {
		return m.unusable(Fault{Code: BadStatus, SW: sw, Tag: tlv.TagRecordTemplate})
	}
	if f := m.takeRecord(data, m.records[m.recordAt], false); f.Code != NoFault {
		return m.unusable(f)
	}
	if m.recordAt++; m.recordAt < m.recordN {
		return m.readStripe()
	}
	d := &m.data
	if d.objects[objTrack2] == nil {
		return m.unusable(Fault{Code: Missing, Tag: tlv.TagTrack2Equivalent})
	}
	var ok bool
	if d.Card.PAN, d.Expiry, _, ok = parseTrack2(d.objects[objTrack2]); !ok {
		return m.unusable(Fault{Code: BadValue, Tag: tlv.TagTrack2Equivalent})
	}
	if psn := d.objects[objPSN]; psn != nil {
		d.Card.PSN = psn[0]
	}
	m.out.Identified = true
	if r := m.refuse(NotCommitted); r.Outcome != nil {
		return r
	}
	switch {
	case m.denied():
		return m.end(Declined, NotCommitted, txn.DenyListed, Fault{Code: OnDenyList, Tag: tlv.TagPAN})
	case m.expired():
		return m.end(Declined, NotCommitted, txn.Expired, Fault{Code: Restricted, Tag: tlv.TagTrack2Equivalent})
	}
	return m.end(OnlineRequired, NotCommitted, txn.OnlineAsked, Fault{Code: CardAsksOnline, Tag: tlv.TagTrack2Equivalent})
}
