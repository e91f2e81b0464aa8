package malformed

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/citycard/citycard/wire/tlv"
)

// Edit changes the answer to one command:
//
//	WHERE[#N] OPERATION ARGUMENTS
//
// WHERE is a command: ppse, pse, select, gpo, internal, challenge, verify, generate,
// external, script, "dir N" (record N of the payment directory), "read S.R" (record R
// of file S), "get T" (GET DATA of tag T). #N means the Nth such command only.
//
// A PATH is tags from the outermost template inwards, e.g. 6F/A5/9F38, the first that
// fits; "." is the whole answer. Lengths around an edit are put right.
//
//	status SW            another status word, the same data
//	only SW              a status word without data
//	raw HEX              this instead of data and status word; - for nothing at all
//	fake HEX             this, and the card does not get the command: somebody stands between
//	set PATH HEX         another value; - for none
//	add PATH TAG HEX     an object more, at the end of the template
//	insert PATH TAG HEX  an object more, at the start of the template
//	remove PATH          an object less
//	repeat PATH [HEX]    the object once more, behind it, with this value if given
//	first PATH           the object at the start of its template
//	last PATH            the object at the end of its template
//	retag PATH TAG       the value under another tag
//	wrap PATH TAG        the object inside a template
//	unwrap PATH          the objects inside instead of the template
//	flip PATH N MASK     byte N of the value (from 0; from -1 backwards) xor MASK
//	long PATH N          the length in N bytes more than needed, after 81, 82, 83
//	pad PATH N           N bytes of 00 in front of the object
//	cut N                the last N bytes of the data are missing
//	append HEX           bytes behind the data
//	gone                 the card leaves before it gets the command
//	lost                 the card leaves when it has carried out the command
type Edit struct {
	Where string // without #N
	Nth   int    // 0: all
	Op    string
	Path  []tlv.Tag
	Tag   tlv.Tag
	Value []byte
	N     int
	text  string
}

// String is the edit as it was written.
func (e Edit) String() string { return e.text }

// operations say which arguments each has: p path, t tag, v value, o value if there is
// one, n number, m mask of one byte as value, s status word as value.
var operations = map[string]string{
	"status": "s", "only": "s", "raw": "v", "fake": "v", "set": "pv", "add": "ptv", "insert": "ptv", "remove": "p", "repeat": "po", "first": "p", "last": "p",
	"retag": "pt", "wrap": "pt", "unwrap": "p", "flip": "pnm", "long": "pn", "pad": "pn", "cut": "n", "append": "v", "gone": "", "lost": "",
}

func parseEdit(text string) (Edit, error) {
	e := Edit{text: text}
	words := strings.Fields(text)
	e.Where, words = words[0], words[1:]
	if (e.Where == "read" || e.Where == "get" || e.Where == "dir") && len(words) > 0 {
		e.Where, words = e.Where+" "+words[0], words[1:]
	}
	if where, nth, ok := strings.Cut(e.Where, "#"); ok {
		n, err := strconv.Atoi(nth)
		if err != nil || n < 1 {
			return e, fmt.Errorf("edit %q: #%s is no number from 1", text, nth)
		}
		e.Where, e.Nth = where, n
	}
	if len(words) == 0 {
		return e, fmt.Errorf("edit %q has no operation", text)
	}
	args, ok := operations[words[0]]
	if !ok {
		return e, fmt.Errorf("edit %q: unknown operation %q", text, words[0])
	}
	e.Op, words = words[0], words[1:]
	if !strings.HasSuffix(args, "o") || len(words) == len(args) {
		args = strings.ReplaceAll(args, "o", "v")
	} else {
		args = strings.TrimSuffix(args, "o")
	}
	if len(words) != len(args) {
		return e, fmt.Errorf("edit %q: %s takes %d arguments", text, e.Op, len(args))
	}
	for i, kind := range args {
		if err := e.argument(kind, words[i]); err != nil {
			return e, fmt.Errorf("edit %q: %w", text, err)
		}
	}
	return e, nil
}

// argument takes one word.
func (e *Edit) argument(kind rune, word string) error {
	var err error
	switch kind {
	case 'p':
		if word == "." {
			return nil
		}
		for _, t := range strings.Split(word, "/") {
			tag, err := parseTag(t)
			if err != nil {
				return err
			}
			e.Path = append(e.Path, tag)
		}
	case 't':
		e.Tag, err = parseTag(word)
	case 'n':
		if e.N, err = strconv.Atoi(word); err == nil && (e.N > 1000 || e.N < -1000) {
			err = fmt.Errorf("number %d, want -1000 to 1000", e.N)
		}
	default:
		if word == "-" {
			e.Value = []byte{}
			return nil
		}
		if e.Value, err = hex.DecodeString(word); err != nil {
			return fmt.Errorf("%q is not hexadecimal", word)
		}
		if n := map[rune]int{'m': 1, 's': 2}[kind]; n != 0 && len(e.Value) != n {
			err = fmt.Errorf("%q, want %d bytes", word, n)
		}
	}
	return err
}

func parseTag(s string) (tlv.Tag, error) {
	n, err := strconv.ParseUint(s, 16, 32)
	if err != nil || !tlv.Tag(n).Valid() {
		return 0, fmt.Errorf("%q is no tag", s)
	}
	return tlv.Tag(n), nil
}
