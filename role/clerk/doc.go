// Package clerk is the work of the people behind reconciliation, on the folder that a
// city or a host leaves (city.db, blocks/ with the sealed blocks, and shards/ where a large
// city has its timelines): a clerk with a customer on the telephone, and an auditor.
//
// Look builds the timeline of one card with every record checked again on the spot;
// Breaks lists what is not clean; Propose and Decide are the two halves of a refund or a
// closing by two persons (package recon/desk). An approval judges the card, posts to the
// issuers' books and writes the audit line in one transaction, so that it is done once or
// not at all, however often it is repeated and wherever it is interrupted.
//
// Invariants: to look changes nothing; card numbers are masked in everything that leaves
// here; evidence is never changed; money moves only as recon/timeline asks for it.
package clerk
