package host

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/citycard/citycard/txn"
)

// FuzzLines: what a line is read as is written and read again as the same.
func FuzzLines(f *testing.F) {
	for _, s := range []string{
		`{"type":"authorise","id":1,"kind":"load","pan":"6228000100001117","psn":"01","expiry":"3512","amount_fen":100,"currency":"0156","time":1,"terminal":1,"sequence":1,"entry":5,"icc":"9F3601","track2":"62","pin_block":"0011223344556677"}`,
		`{"type":"reverse","id":2,"kind":"purchase","pan":"6228000100001117","psn":"01","expiry":"0000","currency":"0156","reason":5,"reversal_icc":"DF3100"}`,
		`{"id":1,"code":"00","icc":"9100","auth_code":"1","available_fen":-5}`, `{"id":1,"error":"refused","text":"no"}`, `{}`, `[`, "",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := parseCall(b); err == nil {
			line, err := c.line()
			if errors.Is(err, ErrMessage) {
				return // hexadecimal digits need no more room than they had, escapes may
			}
			again, bad := parseCall(line)
			if err != nil || bad != nil || !reflect.DeepEqual(c, again) {
				t.Fatalf("request changed: %v, %v", err, bad)
			}
		} else if !errors.Is(err, ErrMessage) {
			t.Fatal(err)
		}
		if a, err := parseAnswer(b, 1, false); err == nil {
			line, err := answerLine(1, &a, nil)
			again, bad := parseAnswer(line, 1, false)
			if err != nil || bad != nil || !bytes.Equal(a.ICC, again.ICC) || a.Available != again.Available {
				t.Fatalf("answer changed: %v, %v", err, bad)
			}
		}
	})
}

func TestARequestDoesNotPrintItself(t *testing.T) {
	number, err := txn.ParsePAN("6228000100001117")
	if err != nil {
		t.Fatal(err)
	}
	m := request{PAN: number.Digits(), Track2: "6228"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if s := fmt.Sprintf(verb, m); strings.Contains(s, "6228") {
			t.Errorf("%s gives %s", verb, s)
		}
	}
}
