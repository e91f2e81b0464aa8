package host

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

// TestProtocolIsDocumented: the reference page names every member of a line and every
// word for why there is no answer.
func TestProtocolIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/reference/certify-terminal.md")
	if err != nil {
		t.Fatal(err)
	}
	names := []string{saysUnreachable, saysRefused, saysMessage, "authorise", "reverse"}
	for _, v := range []any{request{}, answer{}} {
		for _, f := range reflect.VisibleFields(reflect.TypeOf(v)) {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			names = append(names, name)
		}
	}
	for _, name := range names {
		if !strings.Contains(string(page), "`"+name+"`") {
			t.Errorf("docs/reference/certify-terminal.md lacks `%s`", name)
		}
	}
}
