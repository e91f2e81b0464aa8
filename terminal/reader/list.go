package reader

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/citycard/citycard/wire/pcsc"
)

// State is a reader of pcscd and what is in it.
type State struct {
	// Name is unique: "Virtual PCD 00 01".
	Name string
	// Present says whether a card is there.
	Present bool
	// ATR of the card, empty without one or while it has no power.
	ATR []byte
	// InUse says whether some program is connected to the card.
	InUse bool
	// Events counts cards that came and went since pcscd's start.
	Events uint32
}

// List gives the readers of pcscd in its order. None is not an error. The socket
// is as in [Doors].
func List(ctx context.Context, socket string) ([]State, error) {
	s, err := dial(ctx, socket)
	if err != nil {
		return nil, err
	}
	defer s.close(io.ErrClosedPipe)
	list, err := s.table(ctx, pcsc.CommandReaders)
	return states(list), err
}

// Watch calls f with the readers of pcscd, now and after each change of a reader
// or card, until f says false. It fails when the context ends before.
func Watch(ctx context.Context, socket string, f func([]State) (more bool)) error {
	s, err := dial(ctx, socket)
	if err != nil {
		return err
	}
	defer s.close(io.ErrClosedPipe)
	return s.watch(ctx, func(list []pcsc.Reader) bool { return f(states(list)) })
}

func states(list []pcsc.Reader) []State {
	var out []State
	for _, r := range list {
		out = append(out, State{Name: r.Name, Present: r.Present(), ATR: r.ATR, InUse: r.Sharing != 0, Events: r.Events})
	}
	return out
}

// watch calls f with the readers, now and after each change, until f says false.
// The session can be used afterwards.
func (s *session) watch(ctx context.Context, f func([]pcsc.Reader) bool) error {
	const doing = "waiting for a card"
	for {
		// The table and the wish to be told of changes are one command, so that no
		// change falls between them.
		list, err := s.table(ctx, pcsc.CommandWait)
		if err != nil {
			return err
		}
		more := f(list)
		var m pcsc.Wait
		err = s.do(ctx, func() error {
			if !more {
				s.out = pcsc.AppendHeader(s.out[:0], pcsc.CommandStopWaiting, 0)
				if err := s.write(doing); err != nil {
					return err
				}
			}
			// One message comes, for the change or for the stop.
			return s.read(doing, &m)
		})
		if err != nil {
			return err
		}
		if !more {
			return nil
		}
		if err := outcome(doing, m.Result); err != nil {
			return err
		}
	}
}

// pick finds the reader that a name stands for; see ParseName.
func pick(list []pcsc.Reader, name string) (pcsc.Reader, error) {
	doing := "looking for " + Name{Door: PCSC, Rest: name}.String()
	if len(list) == 0 {
		e := fault(doing, ErrNoReader, fmt.Errorf("pcscd has no reader"))
		e.Hint = "plug a reader in"
		return pcsc.Reader{}, e
	}
	if i, err := strconv.Atoi(name); err == nil {
		if i < 0 || i >= len(list) {
			return pcsc.Reader{}, fault(doing, ErrNoReader, fmt.Errorf("pcscd has %d readers, counted from 0", len(list)))
		}
		return present(doing, list[i:i+1])
	}
	var found []pcsc.Reader
	for _, r := range list {
		if r.Name == name {
			return present(doing, []pcsc.Reader{r})
		}
		if strings.HasPrefix(r.Name, name) {
			found = append(found, r)
		}
	}
	if found == nil {
		var names []string
		for _, r := range list {
			names = append(names, strconv.Quote(r.Name))
		}
		return pcsc.Reader{}, fault(doing, ErrNoReader, fmt.Errorf("pcscd has %s", strings.Join(names, ", ")))
	}
	return present(doing, found)
}

// present gives the first reader with a card.
func present(doing string, list []pcsc.Reader) (pcsc.Reader, error) {
	if i := slices.IndexFunc(list, pcsc.Reader.Present); i >= 0 {
		return list[i], nil
	}
	return pcsc.Reader{}, fault(doing, ErrNoCard, fmt.Errorf("%q is empty", list[0].Name))
}
