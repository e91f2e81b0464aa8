// Package trial puts reconciliation to the proof: it lets small card lives go wrong in
// every known way, hands what reached the issuer to the real stages, and compares what
// they say, day by day, with what the naive solver of package oracle says and with what
// really happened.
//
// # The three parties
//
//   - The world (network, rider, chip) lives the cards. Rows have real cryptograms under
//     the development keys, 3DES or SM4, version 17. It knows the truth.
//   - The detector gets nothing but deliveries: rows and host messages with the time of
//     their arrival, and how complete the sequences of the terminals are. It verifies
//     (issuer.Verifier), clears, makes observations (recon.FromRow, timeline.FromHost)
//     and runs recon.Day every night.
//   - The judge gives the genuine deliveries to oracle.Case, compares every verdict, every
//     finding with its date and every refund with it, and both with the truth.
//
// # What must hold
//
//   - Every verdict of reconciliation is the solver's, on every day.
//   - What is decidable is found, with amount, on the day on which it becomes decidable;
//     nothing else is found.
//   - No honest card is refunded more than it truly lost.
//   - The issuer's book of every card is explained by its timeline.
//
// A card of which a copy was made is not an honest one: until the two meet, nobody can
// know. Its verdicts are compared like all others, its money is shown apart.
//
// # Limits
//
// Plain electronic cash cards: holds, deposits, quotas and purses have their own
// comparison in sim/oracle/agree. Amounts are in fen, times in unix seconds, days begin at
// midnight of UTC+8. Everything follows from seed and rates.
//
// Sources: as packages recon/timeline and sim/oracle; recon/twoloads for the method of
// the papers that is shown beside.
package trial
