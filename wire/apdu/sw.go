package apdu

import "fmt"

// SW is a status word, SW1 in the high byte.
type SW uint16

// Status words that programs compare with. [SW.Meaning] knows more.
const (
	SWOK                SW = 0x9000
	SWInvalidated       SW = 0x6283 // selected application is blocked, or its file is invalid
	SWFailed            SW = 0x6300 // authentication failed
	SWMemory            SW = 0x6581
	SWWrongLength       SW = 0x6700
	SWClassLine         SW = 0x6900
	SWWrongState        SW = 0x6901 // electronic purse: command out of its state
	SWCAPPTooManyHolds  SW = 0x6971 // a fourth pre-authorisation
	SWCAPPHoldOpen      SW = 0x6972 // a pre-authorisation for the same SFI and ID is open
	SWCAPPNoHold        SW = 0x6973 // completion without a pre-authorisation
	SWCAPPOtherRecord   SW = 0x6974 // the record read last is not the one updated
	SWFileType          SW = 0x6981
	SWSecurity          SW = 0x6982
	SWBlocked           SW = 0x6983
	SWDataInvalidated   SW = 0x6984
	SWConditions        SW = 0x6985
	SWNoFile            SW = 0x6986
	SWMACMissing        SW = 0x6987
	SWMACWrong          SW = 0x6988
	SWWrongData         SW = 0x6A80
	SWNotSupported      SW = 0x6A81
	SWFileNotFound      SW = 0x6A82
	SWRecordNotFound    SW = 0x6A83
	SWNoSpace           SW = 0x6A84
	SWWrongP1P2         SW = 0x6A86
	SWDataNotFound      SW = 0x6A88
	SWWrongOffset       SW = 0x6B00
	SWUnknownINS        SW = 0x6D00
	SWUnknownCLA        SW = 0x6E00
	SWUnknown           SW = 0x6F00
	SWPurseMAC          SW = 0x9302 // MAC1 or MAC2 is wrong
	SWPurseLocked       SW = 0x9303 // application locked for good
	SWPurseFunds        SW = 0x9401 // not enough money
	SWPurseCounter      SW = 0x9402 // transaction counter at its maximum
	SWPurseKeyIndex     SW = 0x9403 // key index not supported
	SWProofNotAvailable SW = 0x9406 // GET TRANS PROVE: no committed transaction with this counter
)

// Remaining returns the tries that are left when s is 63Cx.
func (s SW) Remaining() (tries int, ok bool) {
	if s&0xFFF0 != 0x63C0 {
		return 0, false
	}
	return int(s & 0xF), true
}

// More returns how many bytes GET RESPONSE can fetch when s is 61xx; 6100
// means 256 or more.
func (s SW) More() (n int, ok bool) {
	if s>>8 != 0x61 {
		return 0, false
	}
	return shortLe(byte(s)), true
}

// CorrectLe returns the Le with which to send the command again when s is 6Cxx.
func (s SW) CorrectLe() (le int, ok bool) {
	if s>>8 != 0x6C {
		return 0, false
	}
	return shortLe(byte(s)), true
}

// OK reports whether the command was carried out: 9000 or 61xx.
func (s SW) OK() bool {
	return s == SWOK || s>>8 == 0x61
}

// Warning reports 62xx and 63xx: the command was carried out with a remark.
func (s SW) Warning() bool {
	return s>>8 == 0x62 || s>>8 == 0x63
}

// String gives the four hexadecimal digits: "6A82".
func (s SW) String() string {
	return fmt.Sprintf("%04X", uint16(s))
}
