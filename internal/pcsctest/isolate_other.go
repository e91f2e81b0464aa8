//go:build !linux

package pcsctest

import (
	"errors"
	"os/exec"
	"runtime"
)

var errNotLinux = errors.New("there are none on " + runtime.GOOS)

func isolate(*exec.Cmd) (release func(), err error) { return nil, errNotLinux }

func settle() error { return errNotLinux }
