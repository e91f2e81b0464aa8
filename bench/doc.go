// Command bench measures what the project promises: it runs the benchmarks that
// targets.txt names, each several times, and prints for each the median, the
// range and how many times better than the target the median is. The same text,
// with the facts of the machine and every line that the benchmarks printed, goes
// into results/DATE-COMMIT.txt, so that two results can be compared later.
//
//	make bench                  all targets
//	make bench ONLY=sqlite      those whose package or name fits a pattern
//
// A target that is "named" takes minutes, runs once, and only if ONLY fits it:
//
//	make bench ONLY=ReconCity   a city of ten million cards
//
// A number from a busy machine says little: the load before the run is among the
// facts. A missed target is reported and, with -strict, an error.
package main
