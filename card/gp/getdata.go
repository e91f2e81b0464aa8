package gp

import (
	"github.com/citycard/citycard/crypt/scp"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// Tags of GET DATA, STORE DATA, GET STATUS and the FCI.
const (
	tagIIN              = 0x42
	tagCIN              = 0x45
	tagAID              = 0x4F
	tagTagList          = 0x5C
	tagCardData         = 0x66
	tagRecognition      = 0x73
	tagName             = 0x84
	tagProprietary      = 0xA5
	tagKeyInformation   = 0xC0
	tagSequence         = 0xC1
	tagLoadFile         = 0xC4
	tagPrivileges       = 0xC5
	tagParameters       = 0xC9
	tagDomain           = 0xCC
	tagDiversification  = 0xCF
	tagKey              = 0xD0
	tagKeyVersion       = 0xD2
	tagKeyInformations  = 0xE0
	tagRegistry         = 0xE3
	tagSystemParameters = 0xEF
	tagMaxLength        = 0x9F65
	tagState            = 0x9F70
	tagCPLC             = 0x9F7F
)

// globalPlatform is the object identifier {1 2 840 114283}.
var globalPlatform = []byte{0x2A, 0x86, 0x48, 0x86, 0xFC, 0x6B}

func appendOID(dst []byte, arcs ...byte) []byte {
	return tlv.Append(dst, 0x06, append(append([]byte(nil), globalPlatform...), arcs...))
}

// recognition is the card recognition data (GP Card Specification 2.2, annex H.2):
//
//	73 { 06 GlobalPlatform, 60 { 06 version 2.2 }, 63 { 06 card identification },
//	     64 { 06 SCP and i } for each channel }
func (d *Domain) recognition() []byte {
	b := appendOID(nil, 1)
	b = tlv.Append(b, 0x60, appendOID(nil, 2, 2, 2))
	b = tlv.Append(b, 0x63, appendOID(nil, 3))
	for _, c := range d.profile.Channels {
		b = tlv.Append(b, 0x64, appendOID(nil, 4, byte(c.Protocol), byte(c.Variant)))
	}
	return tlv.Append(nil, tagRecognition, b)
}

// control is the FCI.
func (d *Domain) control() []byte {
	own := tlv.Append(d.recognition(), tagMaxLength, []byte{0xFF})
	return tlv.Append(nil, tlv.TagFCITemplate, tlv.Append(tlv.Append(nil, tagName, d.aid), tagProprietary, own))
}

// getData is 80 CA tag 00, also in class 00 (GP Card Specification 2.2, 11.3):
//
//	42 IIN   45 CIN   66 card recognition data   E0 key information template
//	C1 sequence counter of the default key set   CF key diversification data
//	9F7F card production life cycle data
//
// 6A88 for all others and for what is empty. 6Cxx when Le is shorter than the
// answer and no channel protects it.
func (a *App) getData(r *request) apdu.SW {
	if len(r.Data) != 0 {
		return apdu.SWWrongLength
	}
	tag := tlv.Tag(r.P1)<<8 | tlv.Tag(r.P2)
	value := a.data(tag, r.memory)
	if len(value) == 0 {
		return apdu.SWDataNotFound
	}
	r.reply = tlv.Append(r.reply, tag, value)
	if n := len(r.reply); !a.channel.Open() && r.Le != apdu.NoLe && r.Le < n {
		r.reply = r.reply[:0]
		return 0x6C00 | apdu.SW(n)
	}
	return apdu.SWOK
}

func (a *App) data(tag tlv.Tag, m memory) []byte {
	switch tag {
	case tagIIN:
		return m.number(offIIN)
	case tagCIN:
		return m.number(offCIN)
	case tagCPLC:
		if !zero(m.cplc()) {
			return m.cplc()
		}
	case tagCardData:
		return a.domain.recognition()
	case tagDiversification:
		return a.domain.profile.Diversification[:]
	case tagKeyInformations:
		return keyInformation(m)
	case tagSequence:
		k := m.keys(m.defaultKeys())
		if k.kind() == keyTDES {
			return []byte{k[5], k[6]}
		}
		return []byte{k[4], k[5], k[6]}
	}
	return nil
}

// keyInformation lists the keys that are there (GP Card Specification 2.2, table
// 11-28): C0 04 identifier, version, type, length.
func keyInformation(m memory) []byte {
	var b []byte
	for i := range keyPlaces {
		k := m.keys(i)
		for n := range keyCount {
			if k.mask()&(1<<n) != 0 {
				b = tlv.Append(b, tagKeyInformation, []byte{byte(n + 1), k.version(), k.kind(), keySize})
			}
		}
	}
	return b
}

// protocolOf is the protocol that uses keys of a type.
func protocolOf(keyType byte) scp.Protocol {
	if keyType == keyAES {
		return scp.SCP03
	}
	return scp.SCP02
}
