package apdu

// instruction names a command by its INS and, where two standards use the same
// INS, by the bits of CLA in mask.
type instruction struct {
	ins, mask, class byte
	name             string
}

// instructions: a row with a mask stands before the general row of the same
// INS. Sources: ISO/IEC 7816-4; EMV Book 3, 6.5; JR/T 0025.5 and .14; JR/T 0025
// electronic purse; GlobalPlatform Card Specification, 11.
var instructions = [...]instruction{
	{0x16, 0, 0, "CARD BLOCK"},
	{0x18, 0, 0, "APPLICATION UNBLOCK"},
	{0x1E, 0, 0, "APPLICATION BLOCK"},
	{0x20, 0, 0, "VERIFY"},
	{0x24, 0, 0, "PIN CHANGE/UNBLOCK"},
	{0x2C, 0, 0, "RESET RETRY COUNTER"},
	{0x50, 0, 0, "INITIALIZE (electronic purse) or INITIALIZE UPDATE"},
	{0x52, 0, 0, "CREDIT FOR LOAD"},
	{0x54, 0, 0, "DEBIT FOR PURCHASE"},
	{0x58, 0, 0, "UPDATE OVERDRAW LIMIT"},
	{0x5A, 0, 0, "GET TRANSACTION PROVE"},
	{0x5C, 0, 0, "GET BALANCE"},
	{0x5E, 0, 0, "RELOAD PIN or CHANGE PIN"},
	{0x70, 0, 0, "MANAGE CHANNEL"},
	{0x82, 0, 0, "EXTERNAL AUTHENTICATE"},
	{0x84, 0, 0, "GET CHALLENGE"},
	{0x88, 0, 0, "INTERNAL AUTHENTICATE"},
	{0xA4, 0, 0, "SELECT"},
	{0xA8, 0, 0, "GET PROCESSING OPTIONS"},
	{0xAE, 0, 0, "GENERATE AC"},
	{0xB0, 0, 0, "READ BINARY"},
	{0xB2, 0, 0, "READ RECORD"},
	{0xB4, 0, 0, "READ CAPP DATA"},
	{0xC0, 0, 0, "GET RESPONSE"},
	{0xCA, 0, 0, "GET DATA"},
	{0xD6, 0, 0, "UPDATE BINARY"},
	{0xD8, 0, 0, "PUT KEY"},
	{0xDA, 0, 0, "PUT DATA"},
	{0xDC, 0x80, 0x80, "UPDATE CAPP DATA CACHE (electronic purse)"},
	{0xDC, 0, 0, "UPDATE RECORD"},
	{0xDE, 0, 0, "UPDATE CAPP DATA CACHE"},
	{0xE2, 0x80, 0x80, "STORE DATA"},
	{0xE2, 0, 0, "APPEND RECORD"},
	{0xE4, 0, 0, "DELETE"},
	{0xE6, 0, 0, "INSTALL"},
	{0xE8, 0, 0, "LOAD"},
	{0xF0, 0, 0, "SET STATUS"},
	{0xF2, 0, 0, "GET STATUS"},
}

// The authentication code of City Union purses is read by the INS of GET DATA with the
// tag 0000, which no object has, and taken to the PSAM by the same command with data.
const (
	classPurse  = 0x80
	insAuthCode = 0xCA
)

// Name is the standards' name of the command, or "" when CLA and INS are not
// in the table. Standards use the English names in Chinese text too.
func (c Command) Name() string {
	if c.CLA == classPurse && c.INS == insAuthCode && c.P1 == 0 && c.P2 == 0 {
		if len(c.Data) > 0 {
			return "AUTH MESSAGE"
		}
		return "GET AUTH CODE"
	}
	for _, i := range instructions {
		if c.INS == i.ins && c.CLA&i.mask == i.class {
			return i.name
		}
	}
	return ""
}

// CarriesPIN reports whether the data field is a PIN, clear or enciphered, so
// that it must never be shown: VERIFY, PIN CHANGE/UNBLOCK, RESET RETRY COUNTER
// and the PIN commands of the electronic purse.
func (c Command) CarriesPIN() bool {
	switch c.INS {
	case 0x20, 0x24, 0x2C, 0x5E:
		return true
	}
	return false
}
