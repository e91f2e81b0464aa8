package stripe

import "bytes"

// Swipe is what a reader gave of one stripe.
type Swipe struct {
	Track1 Track1
	Track2 Track2
	Track3 Track3
	Has1   bool
	Has2   bool
	Has3   bool
}

// Split reads the text of a reader that gives one: the tracks that it could read,
// one after another with their sentinels, "%B...?;...?;...?". Ends of lines are
// ignored. Of two tracks that begin with ; the first is track 2, unless it cannot be
// read as that and can as track 3. The account number must be the same on all
// tracks, expiry and service code on tracks 1 and 2: who changes one track only, so
// that the card seems to have no chip, is found out.
func Split(text []byte) (Swipe, error) {
	var s Swipe
	rest := bytes.Trim(text, "\r\n")
	for len(rest) > 0 {
		end := bytes.IndexByte(rest, endSentinel)
		if end < 0 {
			return Swipe{}, bad("stripe", "end", "%d characters after the last end sentinel", len(rest))
		}
		if err := s.take(rest[:end+1]); err != nil {
			return Swipe{}, err
		}
		rest = bytes.Trim(rest[end+1:], "\r\n")
	}
	if !s.Has1 && !s.Has2 && !s.Has3 {
		return Swipe{}, bad("stripe", "tracks", "there is none")
	}
	return s, s.agree()
}

// take reads one track.
func (s *Swipe) take(text []byte) (err error) {
	if text[0] == startLetters {
		if s.Has1 {
			return bad(name1, "start", "it is there twice")
		}
		s.Track1, err = ParseTrack1(text)
		s.Has1 = err == nil
		return err
	}
	var first error
	if !s.Has2 && !s.Has3 {
		if s.Track2, first = ParseTrack2(text); first == nil {
			s.Has2 = true
			return nil
		}
	}
	if s.Has3 {
		return bad(name3, "start", "a track comes after the last")
	}
	s.Track3, err = ParseTrack3(text)
	s.Has3 = err == nil
	if err != nil && first != nil {
		s.Track2, err = Track2{}, first
	}
	return err
}

// agree compares the tracks with each other.
func (s *Swipe) agree() error {
	one, two := &s.Track1, &s.Track2
	switch {
	case s.Has1 && s.Has2 && (one.PAN != two.PAN || one.Expiry != two.Expiry || one.Service != two.Service):
		*s = Swipe{}
		return bad("stripe", "tracks", "tracks 1 and 2 are of different cards")
	case s.Has2 && s.Has3 && s.Track2.PAN != s.Track3.PAN:
		*s = Swipe{}
		return bad("stripe", "tracks", "tracks 2 and 3 are of different cards")
	case s.Has1 && s.Has3 && s.Track1.PAN != s.Track3.PAN:
		*s = Swipe{}
		return bad("stripe", "tracks", "tracks 1 and 3 are of different cards")
	}
	return nil
}
