package malformed

import (
	"bufio"
	"bytes"
	"embed"
	"errors"
	"fmt"
	"strings"
)

// Case is one malformed, or odd, card.
type Case struct {
	Name   string // unique, of the letters a-z, digits and -
	Flow   string // the conversation that is edited; see Flows
	Wrong  string // what is wrong, or odd, in words
	Clause string // the rule that settles the outcome
	Edits  []Edit
	Set    []Setting
	// Expect is the outcome in words: the result, then what there is of
	//
	//	FAULT                why, as the fault codes of the kernel with - for spaces
	//	tag T                the data object at fault
	//	sw S                 the status word at fault
	//	oda REASON           the reason of offline data authentication, with - for spaces
	//	commit WORD          committed or unknown; nothing for: certainly not paid
	//	doubt REASON         the reason of the doubt row, with - for spaces
	//	tvr HEX              terminal verification results, if they are not all zero
	//	reversal WORD        why the issuer must undo its approval
	Expect string
	Source string // file and line
}

// Setting changes the conversation of a flow: "amount" in fen, "host" for what the
// issuer answers (approve, decline, silent; bare without 91, badauth with a wrong one;
// hexadecimal goes behind 91), "pin" for what the cardholder enters (nothing if it is
// not set), "profile" for another card of the tester, "oda" for the only method of
// offline data authentication that the terminal has (dda, sda, none), "days" for how
// much later it is than the card's issue.
type Setting struct{ Key, Value string }

// Flows are the conversations, with what each is.
func Flows() map[string]string {
	return map[string]string{
		"qpboc":   "qPBOC purchase at an offline gate (JR/T 0025.12)",
		"online":  "qPBOC at a terminal that asks for an online cryptogram",
		"msd":     "magnetic stripe data over the air (JR/T 0025.12, edition of 2010)",
		"contact": "debit/credit over the contacts (JR/T 0025.5), approved offline unless the case sets host",
		"cash":    "electronic cash over the contacts (JR/T 0025.13)",
		"air":     "debit/credit over the air",
	}
}

//go:embed cases/*.txt
var files embed.FS

// maxCatalogue bounds the text of one file of cases.
const maxCatalogue = 1 << 20

var errCatalogue = errors.New("catalogue of malformed cards")

// Catalogue gives all cases, in the order of their files and lines.
func Catalogue() ([]Case, error) {
	names, err := files.ReadDir("cases")
	if err != nil {
		return nil, fmt.Errorf("read catalogue: %w", err)
	}
	var all []Case
	seen := map[string]string{}
	for _, entry := range names {
		b, err := files.ReadFile("cases/" + entry.Name())
		if err != nil {
			return nil, fmt.Errorf("read catalogue: %w", err)
		}
		list, err := Parse(entry.Name(), b)
		if err != nil {
			return nil, err
		}
		for _, c := range list {
			if old, ok := seen[c.Name]; ok {
				return nil, fmt.Errorf("%w: %s: case %s is at %s too", errCatalogue, c.Source, c.Name, old)
			}
			seen[c.Name] = c.Source
		}
		all = append(all, list...)
	}
	return all, nil
}

// Parse reads cases from text; name is for errors, which have the line. See the
// package comment for the form.
func Parse(name string, text []byte) ([]Case, error) {
	if len(text) > maxCatalogue {
		return nil, fmt.Errorf("%w: %s: %d bytes, want at most %d", errCatalogue, name, len(text), maxCatalogue)
	}
	var list []Case
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, maxCatalogue+1)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		key, value, _ := strings.Cut(line, " ")
		value = strings.TrimSpace(value)
		at := fmt.Sprintf("%s:%d", name, n)
		if value == "" {
			return nil, fmt.Errorf("%w: %s: %q says nothing", errCatalogue, at, key)
		}
		if key == "case" {
			if err := whole(list); err != nil {
				return nil, err
			}
			list = append(list, Case{Name: value, Source: at})
			continue
		}
		if len(list) == 0 {
			return nil, fmt.Errorf("%w: %s: %q before the first case", errCatalogue, at, key)
		}
		if err := list[len(list)-1].line(key, value); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", errCatalogue, at, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", errCatalogue, name, err)
	}
	return list, whole(list)
}

// line takes one line of a case.
func (c *Case) line(key, value string) error {
	var into *string
	switch key {
	case "flow":
		into = &c.Flow
		if _, ok := Flows()[value]; !ok {
			return fmt.Errorf("unknown flow %q", value)
		}
	case "wrong":
		into = &c.Wrong
	case "clause":
		into = &c.Clause
	case "expect":
		into = &c.Expect
	case "edit":
		e, err := parseEdit(value)
		if err != nil {
			return err
		}
		c.Edits = append(c.Edits, e)
		return nil
	case "set":
		k, v, _ := strings.Cut(value, " ")
		if v = strings.TrimSpace(v); v == "" {
			return fmt.Errorf("setting %q has no value", k)
		}
		c.Set = append(c.Set, Setting{k, v})
		return nil
	default:
		return fmt.Errorf("unknown key %q, want case, flow, wrong, clause, edit, set or expect", key)
	}
	if *into != "" {
		return fmt.Errorf("%q comes twice", key)
	}
	*into = value
	return nil
}

// whole looks at the last case, which the next one ends.
func whole(list []Case) error {
	if len(list) == 0 {
		return nil
	}
	c := list[len(list)-1]
	if strings.Trim(c.Name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return fmt.Errorf("%w: %s: name %q must be of a-z, 0-9 and -", errCatalogue, c.Source, c.Name)
	}
	for key, v := range map[string]string{"flow": c.Flow, "wrong": c.Wrong, "clause": c.Clause, "expect": c.Expect} {
		if v == "" {
			return fmt.Errorf("%w: %s: case %s has no %s", errCatalogue, c.Source, c.Name, key)
		}
	}
	if len(c.Edits) == 0 {
		return fmt.Errorf("%w: %s: case %s edits nothing", errCatalogue, c.Source, c.Name)
	}
	return nil
}
