package main

import (
	"encoding/json"
	"fmt"
	"io"
)

// environment is what every subcommand gets: the three streams and the global
// flags, which are set before a subcommand runs.
type environment struct {
	stdin          io.Reader
	stdout, stderr io.Writer

	json    bool     // --json: one object, or one a line for streams
	lang    language // --lang: en or zh
	noInput bool     // --no-input: never ask a person
}

// language is the flag value of --lang.
type language string

// Set refuses what is not a language of the program.
func (l *language) Set(s string) error {
	if s != "en" && s != "zh" {
		return fmt.Errorf("use en or zh")
	}
	*l = language(s)
	return nil
}

func (l *language) String() string { return string(*l) }

// Type is the word that the help shows for the value.
func (l *language) Type() string { return "en|zh" }

// printJSON writes v as one JSON object on its own lines.
func (e *environment) printJSON(v any) error {
	enc := json.NewEncoder(e.stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

// printText writes text that is data, to standard output.
func (e *environment) printText(s string) error {
	if _, err := io.WriteString(e.stdout, s); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}
