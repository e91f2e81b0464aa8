package main

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
	"github.com/citycard/citycard/wire/tlv/describe"
)

// decoded is the JSON form of a result of `citycard decode`.
type decoded struct {
	Kind   string          `json:"kind"`
	Length int             `json:"length"` // bytes of input
	Fields []describe.Item `json:"fields"`
}

// decoder describes the bytes of one kind of input.
type decoder func(b []byte, o describe.Options) ([]describe.Item, error)

func newDecodeCommand(env *environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "decode",
		Short: "Explain card data byte by byte and bit by bit",
		Long: "Explain card data. HEX may have spaces and line ends between the digits; - reads it\n" +
			"from standard input. Card numbers and track data are masked, PINs are never shown.",
		Args: noSuchCommand,
		RunE: showHelp,
	}
	var o describe.Options
	cmd.PersistentFlags().BoolVar(&o.ShowPAN, "show-pan", false, "show card numbers and track data whole")
	cmd.AddCommand(
		newDecodeKind(env, &o, "tlv", "Explain BER-TLV data objects", describe.TLV),
		newDecodeAPDU(env, &o),
		newDecodeKind(env, &o, "iad", "Explain issuer application data (value of tag 9F10)", one(tlv.TagIAD)),
		newDecodeKind(env, &o, "tvr", "Explain terminal verification results (value of tag 95)", one(tlv.TagTVR)),
		newDecodeKind(env, &o, "dol", "Explain a data object list (PDOL, CDOL, log format)", describe.DOL),
		newDecodeKind(env, &o, "journey", "Explain a journey record (128 bytes), or a line of the journey log (48 bytes)", describe.Journey),
		newDecodeValue(env, &o),
		newDecodeSession(env, &o),
	)
	return cmd
}

func newDecodeKind(env *environment, o *describe.Options, kind, short string, d decoder) *cobra.Command {
	return &cobra.Command{
		Use:   kind + " HEX...",
		Short: short,
		Args:  arguments(cobra.MinimumNArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			return decode(env, *o, kind, args, d)
		},
	}
}

func newDecodeAPDU(env *environment, o *describe.Options) *cobra.Command {
	var response bool
	cmd := newDecodeKind(env, o, "apdu", "Explain a command APDU, or with --response a response", func(b []byte, o describe.Options) ([]describe.Item, error) {
		if response {
			return describe.Response(b, o)
		}
		items, _, err := describe.Exchange(b, nil, o)
		return items, err
	})
	cmd.Flags().BoolVar(&response, "response", false, "the input is a response")
	return cmd
}

func newDecodeValue(env *environment, o *describe.Options) *cobra.Command {
	return &cobra.Command{
		Use:   "value TAG HEX...",
		Short: "Explain the value of any tag of the dictionary",
		Example: "  citycard decode value 9F6C 8000\n" +
			"  citycard decode value 9F66 26000080",
		Args: arguments(cobra.MinimumNArgs(2)),
		RunE: func(_ *cobra.Command, args []string) error {
			number, err := strconv.ParseUint(args[0], 16, 32)
			tag := tlv.Tag(number)
			if err != nil || !tag.Valid() {
				return fail(exitUsage, fmt.Errorf("%q is not a tag", args[0]), "write the tag in hexadecimal, for example 9F10")
			}
			if _, ok := tlv.Lookup(tag); !ok {
				return fail(exitNotFound, fmt.Errorf("tag %s is not in the dictionary", tag), "use decode tlv for data with unknown tags")
			}
			return decode(env, *o, "value", args[1:], one(tag))
		},
	}
}

// one describes the input as the value of tag.
func one(tag tlv.Tag) decoder {
	return func(b []byte, o describe.Options) ([]describe.Item, error) {
		it, err := describe.Value(tag, b, o)
		if err != nil {
			return nil, err
		}
		return []describe.Item{it}, nil
	}
}

func decode(env *environment, o describe.Options, kind string, args []string, d decoder) error {
	o.Lang = string(env.lang)
	b, err := readHex(env.stdin, args)
	if err != nil {
		return err
	}
	items, err := d(b, o)
	if err != nil {
		return fail(exitFailed, fmt.Errorf("decode %s: %w", kind, err), decodeHint(err))
	}
	if env.json {
		return env.printJSON(decoded{Kind: kind, Length: len(b), Fields: items})
	}
	return env.printText(describe.Text(items, o))
}

func decodeHint(err error) string {
	var t *tlv.Error
	var a *apdu.Error
	switch {
	case errors.As(err, &t):
		return fmt.Sprintf("look at byte %d of the input, counted from 0; were bytes lost when it was copied?", t.Offset)
	case errors.As(err, &a):
		if a.Message == "command" {
			return "give the whole command from CLA; use --response for a response"
		}
		return "give the whole response with its status word at the end"
	}
	return ""
}
