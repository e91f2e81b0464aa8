package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"github.com/citycard/citycard/role/tap"
	"github.com/citycard/citycard/terminal/pos"
	"github.com/citycard/citycard/terminal/reader"
	"github.com/citycard/citycard/terminal/reader/recording"
)

// replays says that the card is a recorded one.
func (f *tapFlags) replays() bool {
	n, err := reader.ParseName(f.reader.name)
	return err == nil && n.Door == reader.Recording
}

// imitate sets the terminal to that of a recorded session, and says over which
// interface that was.
func (f *tapFlags) imitate(cmd *cobra.Command, c *pos.Config, s *pos.Sale) error {
	if !f.replays() {
		return nil
	}
	n, err := reader.ParseName(f.reader.name)
	if err != nil {
		return readerError(err)
	}
	session, err := recorded(n.Rest, "--reader replay:%s#SESSION")
	if err != nil {
		return err
	}
	if !cmd.Flags().Changed("interface") && tap.Contact(session) {
		f.side = "contact"
	}
	if err := tap.As(session, c, s); err != nil {
		return fail(exitFailed, err, "the recording holds a value that no terminal sends")
	}
	return nil
}

// recorded reads the session that FILE or FILE#SESSION names. usage is how the caller's
// user writes it, with %s for the file.
func recorded(name, usage string) (*recording.Session, error) {
	path, which := name, ""
	b, err := readSmall(path, reader.MaxRecording)
	if i := strings.LastIndexByte(name, '#'); errors.Is(err, fs.ErrNotExist) && i >= 0 {
		path, which = name[:i], name[i+1:]
		b, err = readSmall(path, reader.MaxRecording)
	}
	if err != nil {
		return nil, cannotRead(err)
	}
	list, err := recording.Parse(b)
	if err != nil {
		return nil, fail(exitFailed, fmt.Errorf("%s: %w", path, err), "make recordings with citycard tap --record FILE")
	}
	s, err := recording.Find(list, which)
	if err != nil {
		return nil, fail(exitNotFound, fmt.Errorf("%s: %w", path, err), fmt.Sprintf("write "+usage, path))
	}
	return s, nil
}
