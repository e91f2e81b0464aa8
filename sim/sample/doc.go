// Package sample makes the files that a bank could have, with faults of which the truth
// is known: clearing files, a load journal, dumps of field 55 and lists of unfinished
// taps of a few hundred cards over some weeks. Cryptograms and MACs are real, under the
// development masters of issuer 0.
//
// What of the truth is decidable, and on which day, is worked out by sim/oracle from the
// lines that were written; nothing of reconciliation takes part. One seed gives the same
// files for ever.
package sample
