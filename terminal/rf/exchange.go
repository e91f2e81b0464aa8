package rf

// Parts are the times of one exchange.
type Parts struct {
	Pause Time // of the reader, before it sends
	Down  Time // frames to the card
	Card  Time // until the card answers
	Up    Time // frames from the card
	// Extra are acknowledgements of chained blocks and extensions of the waiting time,
	// both ways, with their pauses.
	Extra Time
	// Blocks counts the frames of both sides, acknowledgements and extensions included.
	Blocks int
}

// Total is the sum of all times.
func (p Parts) Total() Time { return p.Pause + p.Down + p.Card + p.Up + p.Extra }

// Exchange implements [Medium].
func (l *Link) Exchange(cmd, answer int, processing Time) Time {
	return l.Split(cmd, answer, processing).Total()
}

// Split is Exchange in its parts: the reader's pause, the command in blocks of at
// most FSC bytes, the card's work, the answer in blocks of at most FSD bytes
// (ISO/IEC 14443-4, 7.5). A card that gives no answer (0 bytes) takes the frame
// waiting time.
func (l *Link) Split(cmd, answer int, processing Time) Parts {
	over := l.overhead()
	p := Parts{Pause: l.ToReader, Card: max(processing, l.ToCard)}

	n := blocks(cmd, l.FSC-over)
	p.Blocks += n
	p.Down = l.frames(l.down, cmd, n, l.FSC)
	p.Extra += Time(n-1) * (l.ToCard + l.up(over) + l.ToReader)
	p.Blocks += n - 1

	if answer <= 0 {
		p.Card = max(p.Card, l.FrameWaitingTime())
		return p
	}
	if extensions := l.extensions(processing); extensions > 0 {
		p.Extra += Time(extensions) * (l.up(over+wtxmSize) + l.ToReader + l.down(over+wtxmSize) + l.ToCard)
		p.Blocks += 2 * extensions
	}
	n = blocks(answer, l.FSD-over)
	p.Blocks += n
	p.Up = l.frames(l.up, answer, n, l.FSD)
	p.Extra += Time(n-1) * (l.ToReader + l.down(over) + l.ToCard)
	p.Blocks += n - 1
	return p
}

// overhead is what a block has besides its information field.
func (l *Link) overhead() int {
	if l.CID {
		return pcbSize + cidSize + crcSize
	}
	return pcbSize + crcSize
}

// blocks is how many blocks carry n bytes; an empty message is a block, too.
func blocks(n, most int) int { return max(1, (n+most-1)/most) }

// frames is the time of n bytes in a number of blocks, all but the last of the
// greatest size.
func (l *Link) frames(time func(int) Time, n, count, size int) Time {
	over := l.overhead()
	full := count - 1
	return Time(full)*time(size) + time(n-full*(size-over)+over)
}

// extensions is how many times a card has to ask for more time. It goes on working
// only when it has got it.
func (l *Link) extensions(processing Time) int {
	late := processing - l.FrameWaitingTime()
	if late <= 0 {
		return 0
	}
	more := l.FrameWaitingTime() * Time(l.WTXM)
	return int((late + more - 1) / more)
}
