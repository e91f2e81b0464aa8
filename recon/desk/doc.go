// Package desk holds the rules of the clerks' desk: who may ask for what, and who may
// say yes to it.
//
// Money that the evidence alone does not move (a refund above the limit of the policy,
// money that is still waited for) moves when one clerk proposes it and another one
// approves it; so does the money of a step of a dispute. A break that no evidence will ever decide is closed in the same way. Each
// of the two signs what he says with a key of his own (SM2), over bytes that name card,
// counters, amount and reason; so nobody can later say that it was another refund, or
// another person.
//
// Invariants: the one who decides is never the one who proposed, and has another key; a
// proposal that has expired, was decided before, or is about something that has changed
// since, is never approved; of a break there is at most one open proposal; evidence is
// never changed. What was done stands in a chain of hashes (Chain), in which no line can
// be altered or left out without its hash, and that of all later ones, being another.
//
// The package is pure: time is an argument, and stores are the caller's.
//
// Sources: two-person rule and chain are our choice; signatures follow GM/T 0003 and
// GM/T 0009, hashes GM/T 0004.
package desk
