package rf

// Lengths of the frames that wake a card, CRC included (ISO/IEC 14443-3 and -4).
const (
	reqaBits     = 7 // REQA is a short frame of seven bits
	atqaSize     = 2 // no CRC
	anticollSize = 2 // SEL NVB, no CRC
	uidSize      = 5 // part of the identifier and check byte, no CRC
	selectSize   = 9 // SEL NVB, part of the identifier, check byte
	sakSize      = 3
	ratsSize     = 4  // E0, parameter
	atsSize      = 12 // TL T0 TA TB TC, five historical bytes
	ppsSize      = 5  // PPSS PPS0 PPS1
	ppsAnswer    = 3  // PPSS
	reqbSize     = 5  // 05 AFI PARAM
	atqbSize     = 14 // 50, identifier 4, application data 4, protocol info 3
	attribSize   = 11 // 1D, identifier 4, parameters 4
	attribAnswer = 3  // MBLI and CID
)

// wake is what a card needs to answer RATS or ATTRIB: our choice.
const wake Time = Carrier / 1000

// Activation implements [Medium]: the field is up, the card is found, told apart
// from others of which there are none, selected and brought to the protocol of
// ISO/IEC 14443-4. All frames run at 106 kbit/s; a rate that is higher is for the
// blocks that follow. Type A sets it with PPS, type B in ATTRIB.
func (l *Link) Activation() Time {
	if l.Type == TypeB {
		return l.Field + l.slow(reqbSize, atqbSize, 0) + l.ToReader + l.slow(attribSize, attribAnswer, wake)
	}
	t := l.Field
	t += Time(reqaBits+edgesDownA)*Rate106.etu() + l.ToCard + l.upAt(Rate106, atqaSize)
	for range l.Cascade {
		t += l.ToReader + l.slow(anticollSize, uidSize, 0)
		t += l.ToReader + l.slow(selectSize, sakSize, 0)
	}
	t += l.ToReader + l.slow(ratsSize, atsSize, wake)
	if l.Down != Rate106 || l.Up != Rate106 {
		t += l.ToReader + l.slow(ppsSize, ppsAnswer, 0)
	}
	return t
}

// slow is a pair of frames at 106 kbit/s.
func (l *Link) slow(down, up int, work Time) Time {
	return l.downAt(Rate106, down) + max(work, l.ToCard) + l.upAt(Rate106, up)
}
