package emv

// NoteCode says what a Note is about. Numbers are for ever: 1 to 40 are the bits of
// the TVR (byte 1 b8 is 1, byte 5 b1 is 40), 41 to 56 those of the TSI, from 60 on
// come choices, from 100 on what card, cardholder and issuer did.
type NoteCode uint8

// Bits of the TVR (tag 95; EMV Book 3, annex C5). Byte 1 b2 (SDA selected) is
// reserved in JR/T 0025.5 and never set.
const (
	NoteODANotPerformed  NoteCode = 1
	NoteSDAFailed        NoteCode = 2 // Value: the oda.Reason
	NoteDataMissing      NoteCode = 3 // Tag: the object that is missing
	NoteExceptionFile    NoteCode = 4
	NoteDDAFailed        NoteCode = 5 // Value: the oda.Reason
	NoteCDAFailed        NoteCode = 6 // Value: the oda.Reason
	NoteVersionsDiffer   NoteCode = 9
	NoteExpired          NoteCode = 10
	NoteNotYetEffective  NoteCode = 11
	NoteServiceRefused   NoteCode = 12
	NoteNewCard          NoteCode = 13
	NoteCVMFailed        NoteCode = 17
	NoteCVMUnknown       NoteCode = 18 // Value: the rule
	NotePINTriesExceeded NoteCode = 19
	NotePINPadMissing    NoteCode = 20 // Value: the rule
	NotePINNotEntered    NoteCode = 21
	NoteOnlinePIN        NoteCode = 22
	NoteFloorLimit       NoteCode = 25
	NoteLowerLimit       NoteCode = 26
	NoteUpperLimit       NoteCode = 27
	NoteRandomlySelected NoteCode = 28 // Value: the number drawn, the target per cent
	NoteMerchantOnline   NoteCode = 29
	NoteDefaultTDOL      NoteCode = 33
	NoteIssuerAuthFailed NoteCode = 34
	NoteScriptFailed71   NoteCode = 35
	NoteScriptFailed72   NoteCode = 36
)

// Bits of the TSI (tag 9B; EMV Book 3, annex C6).
const (
	NoteODAPerformed        NoteCode = 41
	NoteCVMPerformed        NoteCode = 42
	NoteCardRiskPerformed   NoteCode = 43
	NoteIssuerAuthPerformed NoteCode = 44
	NoteRiskPerformed       NoteCode = 45
	NoteScriptPerformed     NoteCode = 46
)

// Choices and findings that set no bit.
const (
	NoteODAMethod       NoteCode = 60 // Value: 00 none, 01 SDA, 02 DDA, 03 CDA
	NoteGenuine         NoteCode = 61 // Tag: the object whose signature verified
	NotePINKeyBad       NoteCode = 62 // Value: the oda.Reason
	NoteRulePassedOver  NoteCode = 63 // Value: the rule; its condition does not hold
	NoteRuleApplies     NoteCode = 64 // Value: the rule
	NoteRuleUnsupported NoteCode = 65 // Value: the rule
	NoteRuleFailed      NoteCode = 66 // Value: the rule
	NoteRuleMet         NoteCode = 67 // Value: the rule
	NoteNoVerification  NoteCode = 68 // the AIP does not ask for it
	NoteCVMResults      NoteCode = 69 // Tag: 9F34
	NoteNotSelected     NoteCode = 70 // Value: the number drawn, the target per cent
	NoteDenialCodes     NoteCode = 71 // Value: the five bytes of TVR bits that met the codes
	NoteOnlineCodes     NoteCode = 72 // the same
	NoteDefaultCodes    NoteCode = 73 // the same
	NoteOnlineOnly      NoteCode = 74
	NoteAskTC           NoteCode = 75
	NoteAskARQC         NoteCode = 76
	NoteAskAAC          NoteCode = 77
	NoteCashEnough      NoteCode = 78 // Value: 9F79 and 9F6D, six bytes each
	NoteCashLow         NoteCode = 79 // the same
	NoteCashUnknown     NoteCode = 80
	NoteScriptsLong     NoteCode = 81 // Value: the length of all scripts, two bytes
)

// What card, cardholder and issuer did.
const (
	NoteDirectory       NoteCode = 100 // Tag: 88 over the contacts
	NoteNoDirectory     NoteCode = 101
	NoteBlocked         NoteCode = 102 // Tag: 4F
	NoteDropped         NoteCode = 103 // Tag: 4F
	NoteUnconfirmed     NoteCode = 104 // Tag: 4F
	NoteSelected        NoteCode = 105 // Tag: 84
	NoteProfile         NoteCode = 106 // Tag: 82
	NoteCash            NoteCode = 107 // Tag: 9F74
	NotePINTries        NoteCode = 108 // Tag: 9F17
	NotePINWrong        NoteCode = 109
	NotePINRight        NoteCode = 110
	NoteForcedOnline    NoteCode = 111
	NoteCryptogram      NoteCode = 112 // Tag: 9F27
	NoteAdvice          NoteCode = 113 // Tag: 9F27
	NoteHostAnswer      NoteCode = 114 // Tag: 8A
	NoteHostLost        NoteCode = 115
	NoteHostMalformed   NoteCode = 116
	NoteUnableOnline    NoteCode = 117 // Tag: 8A
	NoteScriptDone      NoteCode = 118 // Value: template, number of commands
	NoteScriptStopped   NoteCode = 119 // Value: template, number of the command, its status word, 0000 if none came
	NoteScriptHeldBack  NoteCode = 120
	NoteCashNotDebited  NoteCode = 121
	NoteCombinedRefused NoteCode = 122
)

// bit is where a code of a TVR or TSI bit has its bit.
func (c NoteCode) bit() (index int, mask byte) {
	n := int(c) - 1
	if c >= NoteODAPerformed {
		n = int(c - NoteODAPerformed)
	}
	return n / 8, 0x80 >> (n % 8)
}

// TVRBit says which bit of the TVR (tag 95) the code stands for: byte from 1 to 5,
// bit from 8 to 1. ok is false for other codes.
func (c NoteCode) TVRBit() (byteNumber, bitNumber int, ok bool) {
	if c < 1 || c > 40 {
		return 0, 0, false
	}
	return int(c-1)/8 + 1, 8 - int(c-1)%8, true
}

// TSIBit is TVRBit for the TSI (tag 9B): byte 1 or 2.
func (c NoteCode) TSIBit() (byteNumber, bitNumber int, ok bool) {
	if c < 41 || c > 56 {
		return 0, 0, false
	}
	return int(c-41)/8 + 1, 8 - int(c-41)%8, true
}
