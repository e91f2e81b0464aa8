package host

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// ErrName says that a text names no host.
var ErrName = errors.New("want issuer, none, FILE.yaml, file:PATH or tcp:HOST:PORT")

// Parse gives the host that a text names:
//
//	issuer          a development issuer in this process
//	none            nobody
//	FILE.yaml       a scripted host (also .yml)
//	file:PATH       the same, whatever the file is called
//	tcp:HOST:PORT   a host on this machine, see Serve
//
// Errors are ErrName, ErrScript, ErrAddress, and that of reading the file.
func Parse(name string) (Host, error) {
	address, isTCP := strings.CutPrefix(name, "tcp:")
	path, isFile := strings.CutPrefix(name, "file:")
	switch {
	case name == "issuer":
		h, err := NewInProcess(OpeningAccount)
		if err != nil {
			return nil, err
		}
		return h, nil
	case name == "none":
		return None{}, nil
	case isTCP:
		h, err := NewRemote(address)
		if err != nil {
			return nil, err
		}
		return h, nil
	case isFile, strings.HasSuffix(name, ".yaml"), strings.HasSuffix(name, ".yml"):
		return open(path)
	}
	return nil, fmt.Errorf("host %.60q: %w", name, ErrName)
}

// open reads the file of a scripted host.
func open(path string) (Host, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("host script: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, MaxScript+1))
	if err != nil {
		return nil, fmt.Errorf("host script %s: %w", path, err)
	}
	s, err := ParseScript(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	issuer, err := NewInProcess(OpeningAccount)
	if err != nil {
		return nil, err
	}
	return NewScripted(s, issuer), nil
}
