// Package sim is the seeded city: a real day of demand, riders with real cards,
// gates with real kernels, networks that drop, an injector of faults, and the
// whole road behind them wired as a host would wire it.
//
// The same seed gives the same city, byte for byte, whatever the number of
// processors: everything random is a hash of the seed and of what it is for, and
// what runs at the same time never shares state. The day is cut into windows of
// one minute; within a window each place (station or bus route) is worked by one
// goroutine, and no rider taps at two places within two windows.
//
// With Options.Mix riders have cards of several kinds, and every terminal takes them
// all: bank cards that carry their own journeys beside old ones, cards with a quota
// and the issuers' scheme behind them, and the card company's purses. What a push to a
// card comes to follows from the seed too, and its bytes are in the database before
// they leave, so that a run which goes on brings every card to where it was.
//
// What the injector did is written to a log of its own (Injected, oracle.Books)
// that no stage can reach: detectors see bytes on the wire and nothing else.
package sim
