package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

func newRootCommand(env *environment) *cobra.Command {
	root := &cobra.Command{
		Use:   "citycard",
		Short: "Run a city's card from tap to settlement",
		Long: "CityCard plays every part of a city's card: chip, terminal, acquirer, issuer,\n" +
			"clearing and reconciliation. Each part also stands alone.",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noSuchCommand,
		RunE:          showHelp,
	}
	root.SetIn(env.stdin)
	root.SetOut(env.stdout)
	root.SetErr(env.stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fail(exitUsage, err, helpHint(cmd))
	})
	flags := root.PersistentFlags()
	flags.BoolVar(&env.json, "json", false, "print the result as JSON")
	flags.Var(&env.lang, "lang", "language of the explanations")
	flags.BoolVar(&env.noInput, "no-input", false, "never ask a person; fail instead")
	root.AddCommand(newDecodeCommand(env))
	root.AddCommand(newDayCommand(env))
	root.AddCommand(newFilesCommand(env))
	root.AddCommand(newCardCommand(env))
	root.AddCommand(newTapCommand(env))
	root.AddCommand(newGateCommand(env))
	root.AddCommand(newCertifyCommand(env))
	root.AddCommand(newReconCommand(env))
	root.AddCommand(newVerifyCommand(env))
	return root
}

// showHelp is what a command does that only groups others.
func showHelp(cmd *cobra.Command, _ []string) error {
	return cmd.Help()
}

// noSuchCommand refuses the arguments of a command that only groups others.
func noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := helpHint(cmd)
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = "did you mean " + strings.Join(near, " or ") + "?"
	}
	return fail(exitUsage, fmt.Errorf("unknown command %q for %q", args[0], cmd.CommandPath()), hint)
}

// arguments turns what check refuses into a usage error.
func arguments(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return fail(exitUsage, err, helpHint(cmd))
		}
		return nil
	}
}

func helpHint(cmd *cobra.Command) string {
	return fmt.Sprintf("see %s --help", cmd.CommandPath())
}
