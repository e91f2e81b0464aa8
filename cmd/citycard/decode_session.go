package main

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/role/examine"
	"github.com/citycard/citycard/terminal/reader"
	"github.com/citycard/citycard/terminal/reader/recording"
	"github.com/citycard/citycard/wire/tlv/describe"
)

// sessionFlags are the flags of `citycard decode session`.
type sessionFlags struct {
	ca, purseKeys string
	proofs        bool
}

// examined is what `citycard decode session --json` prints.
type examined struct {
	Sessions []*examine.Report `json:"sessions"`
}

func newDecodeSession(env *environment, o *describe.Options) *cobra.Command {
	var f sessionFlags
	cmd := &cobra.Command{
		Use:   "session FILE[#SESSION]",
		Short: "Explain a recorded conversation, and say what in it verifies",
		Long: "Explain every exchange of a recorded conversation (citycard tap --record), and say of every\n" +
			"certificate, cryptogram and code in it whether it verifies, or why nobody here can say: no keys\n" +
			"known for its issuer, or no published key of its certification authority. Without SESSION every\n" +
			"session of the file is explained. Known are the development CA keys, those of --ca, and the\n" +
			"purse keys of --purse-keys, a JSON list of card (bytes 12 to 19 of file 15), load, purchase, tac;\n" +
			"examples/keys/purses.json has the published ones of the recorded test purse.",
		Example: "  citycard decode session testdata/card-traces/traces.jsonl#upi-contact \\\n" +
			"    --ca testdata/card-traces/capk-A000000333.json --proofs\n" +
			"  citycard decode session testdata/card-traces/traces.jsonl#cs-t2_load \\\n" +
			"    --purse-keys examples/keys/purses.json --proofs",
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error { return f.explain(env, *o, args[0]) },
	}
	cmd.Flags().StringVar(&f.ca, "ca", "", "`file` with CA public keys to trust besides those of development, JSON")
	cmd.Flags().StringVar(&f.purseKeys, "purse-keys", "", "`file` with keys of electronic purses, JSON")
	cmd.Flags().BoolVar(&f.proofs, "proofs", false, "say only what verifies")
	return cmd
}

func (f *sessionFlags) explain(env *environment, o describe.Options, name string) error {
	o.Lang = string(env.lang)
	keys, err := f.keys()
	if err != nil {
		return err
	}
	list, err := sessionsOf(name)
	if err != nil {
		return err
	}
	out := examined{Sessions: []*examine.Report{}}
	var text strings.Builder
	for i := range list {
		r, err := examine.Session(&list[i], keys, o)
		if err != nil {
			return fail(exitFailed, err, "look at the file of --ca")
		}
		if f.proofs {
			r.Steps = []examine.Step{}
		}
		out.Sessions = append(out.Sessions, r)
		env.sessionText(&text, r, o)
	}
	if env.json {
		return env.printJSON(out)
	}
	return env.printText(text.String())
}

// keys reads what proofs are verified with.
func (f *sessionFlags) keys() (keys examine.Keys, err error) {
	own, err := caKeys(f.ca)
	if err != nil {
		return keys, err
	}
	if keys.CA, err = devkeys.CAKeys(); err != nil {
		return keys, err
	}
	// Published test keys may have the index of a development key, and come first.
	keys.CA = append(slices.DeleteFunc(keys.CA, func(dev oda.CAKey) bool {
		return slices.ContainsFunc(own, func(k oda.CAKey) bool { return k.RID == dev.RID && k.Index == dev.Index })
	}), own...)
	if f.purseKeys == "" {
		return keys, nil
	}
	b, err := readSmall(f.purseKeys, examine.MaxKeyFile)
	if err != nil {
		return keys, cannotRead(err)
	}
	if keys.Purses, err = examine.ParsePurseKeys(b); err != nil {
		return keys, fail(exitFailed, fmt.Errorf("%s: %w", f.purseKeys, err), "see citycard decode session --help")
	}
	return keys, nil
}

// sessionsOf reads the session that FILE#SESSION names, or all of FILE.
func sessionsOf(name string) ([]recording.Session, error) {
	b, err := readSmall(name, reader.MaxRecording)
	if errors.Is(err, fs.ErrNotExist) && strings.Contains(name, "#") {
		s, err := recorded(name, "citycard decode session '%s#SESSION', or without #SESSION for all of them")
		if err != nil {
			return nil, err
		}
		return []recording.Session{*s}, nil
	}
	if err != nil {
		return nil, cannotRead(err)
	}
	list, err := recording.Parse(b)
	if err != nil {
		return nil, fail(exitFailed, fmt.Errorf("%s: %w", name, err), "make recordings with citycard tap --record FILE")
	}
	return list, nil
}

// sessionText is a report in words.
func (e *environment) sessionText(b *strings.Builder, r *examine.Report, o describe.Options) {
	if b.Len() > 0 {
		b.WriteString("\n")
	}
	fmt.Fprintf(b, e.say("Session %s", "会话 %s"), r.Session)
	if r.Source != "" {
		fmt.Fprintf(b, "  (%s)", r.Source)
	}
	b.WriteString("\n")
	for i := range r.Steps {
		s := &r.Steps[i]
		switch {
		case s.ATR != "":
			fmt.Fprintf(b, e.say("%d reset: %s\n", "%d 复位：%s\n"), s.Seq, s.ATR)
		case s.Command != nil:
			fmt.Fprintf(b, e.say("%d command\n", "%d 命令\n"), s.Seq)
			b.WriteString(describe.Text(s.Command, o))
		default:
			fmt.Fprintf(b, e.say("%d reset\n", "%d 复位\n"), s.Seq)
		}
		if s.Response != nil {
			fmt.Fprintf(b, e.say("%d response\n", "%d 应答\n"), s.Seq)
			b.WriteString(describe.Text(s.Response, o))
		}
		if s.Note != "" {
			fmt.Fprintf(b, "%d %s\n", s.Seq, s.Note)
		}
	}
	e.proofsText(b, r)
}

// proofsText says what verifies.
func (e *environment) proofsText(b *strings.Builder, r *examine.Report) {
	b.WriteString(e.say("Proofs\n", "证明\n"))
	words := map[string]string{
		examine.Verified: e.say("VERIFIED", "已验证"), examine.Wrong: e.say("WRONG", "错误"), examine.Unknown: e.say("cannot be verified", "无法验证"),
		examine.Nothing: e.say("nothing to verify", "无可验证"),
	}
	for _, f := range r.Findings {
		times := ""
		if f.Count > 1 {
			times = fmt.Sprintf(e.say(", %d times", "，共 %d 次"), f.Count)
		}
		fmt.Fprintf(b, e.say("  %d: %s%s: %s: %s\n", "  %d：%s%s：%s：%s\n"), f.Seq, f.What, times, words[f.Result], f.Why)
	}
}
