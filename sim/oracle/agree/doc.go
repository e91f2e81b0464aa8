// Package agree has no code, only tests: they draw lives of cards with holds, deposits,
// quotas and purses, give the rows to reconciliation and to the oracle, and compare what
// the two say. It is apart because neither may know the other.
package agree
