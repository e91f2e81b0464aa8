package host_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/citycard/citycard/role/host"
	"github.com/citycard/citycard/txn"
)

func TestParse(t *testing.T) {
	good := filepath.Join("..", "..", "examples", "hosts", "approve.yaml")
	for name, want := range map[string]string{
		"issuer": "development issuer", "none": "none", good: "scripted host approve", "file:" + good: "scripted host approve", "tcp:127.0.0.1:9": "host at 127.0.0.1:9",
	} {
		h, err := host.Parse(name)
		if err != nil || h.Name() != want {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	noError(t, os.WriteFile(bad, []byte("name: x\n"), 0o600))
	for name, want := range map[string]error{
		"": host.ErrName, "bank": host.ErrName, "tcp:": host.ErrAddress, "tcp:bank.example:7": host.ErrAddress, "nowhere.yaml": fs.ErrNotExist, "file:nowhere": fs.ErrNotExist, bad: host.ErrScript,
	} {
		if h, err := host.Parse(name); !errors.Is(err, want) || h != nil {
			t.Errorf("%q: %v, want %v", name, err, want)
		}
	}
}

func TestNobodyAnswers(t *testing.T) {
	if _, err := (host.None{}).Authorise(context.Background(), txn.OnlineRequest{}); !errors.Is(err, host.ErrUnreachable) {
		t.Error(err)
	}
	if err := (host.None{}).Reverse(context.Background(), txn.OnlineRequest{}, host.CardGone, nil); !errors.Is(err, host.ErrUnreachable) {
		t.Error(err)
	}
}

func TestScriptFaultsNameLineAndKey(t *testing.T) {
	const head = "name: x\nrules:\n  - then: "
	order := func(command string) string {
		return head + "{code: \"00\", scripts: [{template: 72, commands: [" + command + "]}]}\n"
	}
	for _, c := range []struct{ text, want string }{
		{"", "it is empty"},
		{"name: x\n", "rules: is missing"},
		{"name: x\nrules: []\n", "list of 1 to 100"},
		{"name: x\nrule: 1\nrules: [{then: {code: \"00\"}}]\n", `"rule" is not known`},
		{"name: x\nrules:\n  - when: {kind: gift}\n    then: {code: \"00\"}\n", "line 3, rules[1].when.kind"},
		{"name: x\nrules:\n  - when: {amount_fen: 1.5}\n    then: {code: \"00\"}\n", "rules[1].when.amount_fen"},
		{"name: x\nrules:\n  - when: {kind: reversal}\n    then: {code: \"00\"}\n", "a reversal can be delayed"},
		{"name: x\nrules:\n  - when: {nth: 1}\n", "rules[1].then: is missing"},
		{head + "{}\n", "nothing happens"},
		{head + "{code: \"000\"}\n", "rules[1].then.code"},
		{head + "{code: \"0 \"}\n", "rules[1].then.code: want digits and letters"},
		{head + "{auth_code: \"A-1\"}\n", "rules[1].then.auth_code: want digits and letters"},
		{head + "{refuse: true}\n", "only a reversal"},
		{head + "{unreachable: true, code: \"00\"}\n", "no answer comes"},
		{head + "{arpc: maybe}\n", "rules[1].then.arpc"},
		{head + "{delay_ms: 99999999}\n", "rules[1].then.delay_ms"},
		{order("explode"), `"explode" is not known; want app_block`},
		{order("{put_data: {tag: 9F, value: 00}}"), "put_data.tag"},
		{order("{put_data: {tag: 9F79}}"), "put_data.value: is missing"},
		{order("{pin_change: {to: 12}}"), "pin_change.to"},
		{order("{put_data: {tag: 9F79, value: 00}, raw: 00}"), "2 commands in one"},
		{order("{raw: 00}"), "commands[1].raw"},
		{head + "{code: \"00\", scripts: [{template: 73, commands: [app_block]}]}\n", "want 71 or 72"},
		{order("{update_record: {file: 3, record: 1, data: " + strings.Repeat("00", 100) + "}}, {raw: " + strings.Repeat("00", 20) + "}"), "at most 128"},
	} {
		s, err := host.ParseScript([]byte(c.text))
		if !errors.Is(err, host.ErrScript) || s != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %s", c.text, err, c.want)
		}
	}
}

func TestAScriptDoesNotPrintItsPINs(t *testing.T) {
	s, err := host.ParseScript([]byte("name: x\nrules: [{then: {scripts: [{commands: [{pin_change: {to: \"738495\"}}]}]}}]\n"))
	noError(t, err)
	for _, text := range []string{fmt.Sprintf("%+v|%#v|%v", s, s, *s), fmt.Sprintf("%+v", host.NewScripted(s, issuer(t)))} {
		if strings.Contains(text, "738495") || strings.Contains(text, "0x73") || strings.Contains(text, "115 132 149") {
			t.Errorf("the script prints %s", text)
		}
	}
}

func FuzzParseScript(f *testing.F) {
	for _, b := range exampleFiles(f) {
		f.Add(b)
	}
	f.Add([]byte("name: x\nrules: [{then: {code: \"00\", scripts: [{commands: [app_block]}]}}]\n"))
	f.Add([]byte("rules: [&a [*a]]\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := host.ParseScript(b)
		if (err == nil) != (s != nil) || err != nil && !errors.Is(err, host.ErrScript) {
			t.Fatalf("script %v and error %v", s != nil, err)
		}
	})
}
