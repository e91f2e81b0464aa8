package emv

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/citycard/citycard/wire/tlv"
)

// script is one issuer script (EMV Book 3, 10.10).
type script struct {
	template byte // 71 or 72
	id       [4]byte
	commands [][]byte
}

// Limits of field 55 of an answer. The standard limits the scripts to 128 bytes in
// all; issuers exceed it, and no card minds.
const (
	maxHostICC     = 1024
	maxScripts     = 16
	maxCommandSize = 261 // header, Lc, 255 bytes, Le
	emvScriptBytes = 128
)

var errHostICC = errors.New("field 55 of the issuer's answer cannot be used")

func hostError(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errHostICC, fmt.Sprintf(format, args...))
}

// parseHostICC takes field 55 of the issuer's answer: issuer authentication data 91,
// 8 to 16 bytes, and the scripts 71 and 72 in their order. Other objects are passed
// over. The slices belong to b.
func parseHostICC(b []byte) (auth []byte, scripts []script, err error) {
	if len(b) > maxHostICC {
		return nil, nil, hostError("%d bytes, want at most %d", len(b), maxHostICC)
	}
	it := tlv.Iterate(b)
	for it.Next() {
		switch it.Tag {
		case tlv.TagIssuerAuthenticationData:
			if auth != nil {
				return nil, nil, hostError("tag 91 comes twice")
			}
			if len(it.Value) < 8 || len(it.Value) > 16 {
				return nil, nil, hostError("tag 91 has %d bytes, want 8 to 16", len(it.Value))
			}
			auth = it.Value
		case tlv.TagIssuerScript1, tlv.TagIssuerScript2:
			if len(scripts) == maxScripts {
				return nil, nil, hostError("more than %d scripts", maxScripts)
			}
			s, err := parseScript(byte(it.Tag), it.Enter())
			if err != nil {
				return nil, nil, err
			}
			scripts = append(scripts, s)
		}
	}
	if err := it.Err(); err != nil {
		return nil, nil, hostError("%v", err)
	}
	return auth, scripts, nil
}

func parseScript(template byte, it tlv.Iter) (script, error) {
	s := script{template: template}
	named := false
	for it.Next() {
		switch it.Tag {
		case tlv.TagIssuerScriptID:
			if named || len(it.Value) != len(s.id) {
				return s, hostError("script %02X: tag 9F18 must be there once, with 4 bytes", template)
			}
			named = true
			copy(s.id[:], it.Value)
		case tlv.TagIssuerScriptCommand:
			if len(it.Value) < 4 || len(it.Value) > maxCommandSize {
				return s, hostError("script %02X: command %d of %d bytes, want 4 to %d", template, len(s.commands)+1, len(it.Value), maxCommandSize)
			}
			s.commands = append(s.commands, it.Value)
		}
	}
	if err := it.Err(); err != nil {
		return s, hostError("script %02X: %v", template, err)
	}
	return s, nil
}

// noteScripts remarks on scripts that together are longer than the standard allows.
func (m *Machine) noteScripts(scripts []script) {
	n := 0
	for _, s := range scripts {
		for _, c := range s.commands {
			n += len(c)
		}
	}
	if n > emvScriptBytes {
		m.note(IssuerScript, NoteScriptsLong, 0, binary.BigEndian.AppendUint16(nil, uint16(n)))
	}
}
