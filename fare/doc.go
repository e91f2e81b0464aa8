// Package fare prices a trip: pure functions of a dated rule book.
//
// A Book is parsed once from small text files (lines, stations, segments,
// operators, transfers, tariff) and never changes afterwards, so any number of
// goroutines may read it without a lock. Nothing here knows the time, opens a
// file or keeps a card's history: the caller brings the bytes, the times of the
// trip and the month's sum.
//
// # How a trip is priced
//
//   - Lines belong to fare networks. One of them, "main", is the hub; every other
//     joins it at named stations. Inside a network the price follows the shortest
//     track distance between the two stations, whatever way the rider took.
//   - A trip over several networks pays the sum of the parts. Where several
//     joining stations are possible the cheapest sum counts, then the shortest.
//   - Beyond the time limit the lowest fare comes on top, undiscounted.
//   - The monthly discount goes by the sum of the month before the trip: the trip
//     that crosses a threshold still pays the old rate. The early-bird discount
//     multiplies with it.
//
// # Journeys that a card carries
//
// JourneyRules, from journeys.json, are dated with the book: what a missing tap costs,
// where an amount is held, transfers, concessions and ride tickets. They are data;
// package terminal/journey acts by them. Without the file they are what gates with
// station records do.
//
// # Invariants
//
//   - A price depends on the pair, not on its direction.
//   - Metres of Ride, of Distance and of the parts of a Quote are the same number.
//   - Shares of SplitByOperator add up to the amount exactly, to the fen.
//   - The same files give the same book: no map order, no clock, no float.
//   - A malformed file gives an *Error with file, line, column and what to do; it
//     never panics.
//
// # Sources
//
// The price notice of 2014 (轨道交通票价, in force from 2014-12-28) for bands, monthly
// discount and bus; the operator's notice of December 2015 (低峰票价优惠) for the
// early bird, which is granted on top of the monthly discount and not on the airport
// lines; the operator's own fare search for the tolerance at a band's edge. Package
// fare/beijing holds the data and says where each file comes from.
package fare
