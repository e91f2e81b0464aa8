package pcsc

// AppendBody implements [Message].
func (m *Version) AppendBody(dst []byte) []byte {
	return appendWords(dst, uint32(m.Major), uint32(m.Minor), uint32(m.Result))
}

// Decode implements [Message].
func (m *Version) Decode(b []byte) error {
	if err := checkSize(m, b); err != nil {
		return err
	}
	*m = Version{int32(word(b, 0)), int32(word(b, 1)), Outcome(word(b, 2))}
	return nil
}

// AppendBody implements [Message].
func (m *Establish) AppendBody(dst []byte) []byte {
	return appendWords(dst, m.Scope, m.Context, uint32(m.Result))
}

// Decode implements [Message].
func (m *Establish) Decode(b []byte) error {
	if err := checkSize(m, b); err != nil {
		return err
	}
	*m = Establish{word(b, 0), word(b, 1), Outcome(word(b, 2))}
	return nil
}

// AppendBody implements [Message].
func (m *Release) AppendBody(dst []byte) []byte {
	return appendWords(dst, m.Context, uint32(m.Result))
}

// Decode implements [Message].
func (m *Release) Decode(b []byte) error {
	if err := checkSize(m, b); err != nil {
		return err
	}
	*m = Release{word(b, 0), Outcome(word(b, 1))}
	return nil
}

// AppendBody implements [Message].
func (m *Connect) AppendBody(dst []byte) []byte {
	dst = appendName(appendWords(dst, m.Context), m.Reader)
	return appendWords(dst, uint32(m.Share), uint32(m.Wanted), uint32(m.Handle), uint32(m.Active), uint32(m.Result))
}

// Decode implements [Message].
func (m *Connect) Decode(b []byte) error {
	if err := checkSize(m, b); err != nil {
		return err
	}
	rest := b[4+NameSize:]
	*m = Connect{
		Context: word(b, 0), Reader: name(b[4 : 4+NameSize]),
		Share: Share(word(rest, 0)), Wanted: Protocol(word(rest, 1)), Handle: int32(word(rest, 2)),
		Active: Protocol(word(rest, 3)), Result: Outcome(word(rest, 4)),
	}
	return nil
}

// AppendBody implements [Message].
func (m *Reconnect) AppendBody(dst []byte) []byte {
	return appendWords(dst, uint32(m.Handle), uint32(m.Share), uint32(m.Wanted), uint32(m.Reset), uint32(m.Active), uint32(m.Result))
}

// Decode implements [Message].
func (m *Reconnect) Decode(b []byte) error {
	if err := checkSize(m, b); err != nil {
		return err
	}
	*m = Reconnect{
		int32(word(b, 0)), Share(word(b, 1)), Protocol(word(b, 2)),
		Disposition(word(b, 3)), Protocol(word(b, 4)), Outcome(word(b, 5)),
	}
	return nil
}

// AppendBody implements [Message].
func (m *Disconnect) AppendBody(dst []byte) []byte {
	return appendWords(dst, uint32(m.Handle), uint32(m.Then), uint32(m.Result))
}

// Decode implements [Message].
func (m *Disconnect) Decode(b []byte) error {
	if err := checkSize(m, b); err != nil {
		return err
	}
	*m = Disconnect{int32(word(b, 0)), Disposition(word(b, 1)), Outcome(word(b, 2))}
	return nil
}

// AppendBody implements [Message].
func (m *Begin) AppendBody(dst []byte) []byte {
	return appendWords(dst, uint32(m.Handle), uint32(m.Result))
}

// Decode implements [Message].
func (m *Begin) Decode(b []byte) error {
	if err := checkSize(m, b); err != nil {
		return err
	}
	*m = Begin{int32(word(b, 0)), Outcome(word(b, 1))}
	return nil
}

// AppendBody implements [Message].
func (m *End) AppendBody(dst []byte) []byte {
	return appendWords(dst, uint32(m.Handle), uint32(m.Then), uint32(m.Result))
}

// Decode implements [Message].
func (m *End) Decode(b []byte) error {
	if err := checkSize(m, b); err != nil {
		return err
	}
	*m = End{int32(word(b, 0)), Disposition(word(b, 1)), Outcome(word(b, 2))}
	return nil
}

// AppendBody implements [Message].
func (m *Status) AppendBody(dst []byte) []byte {
	return appendWords(dst, uint32(m.Handle), uint32(m.Result))
}

// Decode implements [Message].
func (m *Status) Decode(b []byte) error {
	if err := checkSize(m, b); err != nil {
		return err
	}
	*m = Status{int32(word(b, 0)), Outcome(word(b, 1))}
	return nil
}

// AppendBody implements [Message]. The APDU is appended by the caller.
func (m *Transmit) AppendBody(dst []byte) []byte {
	return appendWords(dst, uint32(m.Handle), uint32(m.Protocol), protocolHeader, m.Send,
		uint32(m.Protocol), protocolHeader, m.Receive, uint32(m.Result))
}

// Decode implements [Message]. The APDU follows and is not part of b.
func (m *Transmit) Decode(b []byte) error {
	if err := checkSize(m, b); err != nil {
		return err
	}
	*m = Transmit{int32(word(b, 0)), Protocol(word(b, 1)), word(b, 3), word(b, 6), Outcome(word(b, 7))}
	return nil
}

// AppendBody implements [Message].
func (m *Wait) AppendBody(dst []byte) []byte {
	return appendWords(dst, 0, uint32(m.Result))
}

// Decode implements [Message].
func (m *Wait) Decode(b []byte) error {
	if err := checkSize(m, b); err != nil {
		return err
	}
	*m = Wait{Outcome(word(b, 1))}
	return nil
}
