package main

import "github.com/spf13/cobra"

func newReconCommand(env *environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "recon",
		Short: "Find what vanished between card, terminal and account, and give it back",
		Long: "Reconciliation by the cards' own counters and balances: flash cards (the card paid,\n" +
			"the terminal did not finish), flash loads (the account paid, the card got nothing),\n" +
			"lost uploads, clones.",
		Args: noSuchCommand,
		RunE: showHelp,
	}
	cmd.AddCommand(newReconRun(env), newReconShard(env), newReconLoads(env))
	cmd.AddCommand(newReconCard(env), newReconBreaks(env), newReconRefund(env), newReconClerk(env))
	cmd.AddCommand(newReconPack(env), newReconDispute(env), newReconTrial(env))
	cmd.AddCommand(newReconSample(env), newReconImport(env))
	return cmd
}
