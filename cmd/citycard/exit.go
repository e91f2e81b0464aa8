package main

import (
	"errors"
	"fmt"
	"io"
)

// Exit codes. They are a contract: scripts depend on them.
const (
	exitOK          = 0
	exitFailed      = 1 // the work could not be done
	exitUsage       = 2 // the command line is wrong
	exitRefused     = 3 // a rule forbids it
	exitNotFound    = 4 // what was asked for is not there
	exitUnavailable = 5 // a part that is needed does not answer; try again later
)

// exitError is an error with an exit code and a hint that says what to do.
type exitError struct {
	code int
	err  error
	hint string
}

func (e *exitError) Error() string { return e.err.Error() }

func (e *exitError) Unwrap() error { return e.err }

// fail wraps err with an exit code and a hint, which may be empty.
func fail(code int, err error, hint string) error {
	return &exitError{code: code, err: err, hint: hint}
}

// report prints err, if any, and returns the exit code. An error that carries
// none counts as failed.
func report(stderr io.Writer, err error) int {
	if err == nil {
		return exitOK
	}
	fmt.Fprintf(stderr, "citycard: %v\n", err)
	var e *exitError
	if !errors.As(err, &e) {
		return exitFailed
	}
	if e.hint != "" {
		fmt.Fprintf(stderr, "hint: %s\n", e.hint)
	}
	return e.code
}
