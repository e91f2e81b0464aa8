// Package demand is the metro and bus demand of one weekday in the simulated city: who travels from which station
// to which, when they pass each gate, and which buses they take.
//
// # Where the day comes from
//
// The day is the third weekday of the Beijing subway flows published with "Deep learning architecture for short-term
// passenger flow forecasting" (IEEE TITS, doi 10.1109/TITS.2020.3000761; repository JinleiZhangBJTU/ResNet-LSTM-GCN):
// 5,033,474 entries and as many exits, by 276 stations and 72 quarter hours from 05:00 to 23:00. It tells how many
// people enter and leave a station in a quarter hour, not who goes where. Fit supplies that: a gravity seed over the
// travel times of the 2026 network, balanced by iterative proportional fitting until the entries of every
// (station, quarter hour) and the exits of every (station, quarter hour) are the observed ones.
//
// # What is stored
//
// model.bin holds integers only: the observed margins, one balancing factor for each (station, exit quarter hour), the travel
// minutes, the deterrence and lag tables. Expand turns them into single journeys with integer arithmetic, so every
// machine gets the same 5,033,474 journeys. inputs.bin holds the observed margins and network from which Refit makes the model again.
//
// # Invariants
//
//   - Entries are exact: a row of the Table has as many journeys as people entered there in that quarter hour.
//   - Exits differ from the observed ones by what FitReport says, at most 0.3 % of the total with entries counted.
//   - A journey never ends where it began, and lasts at least three minutes and nine tenths of its riding time.
//   - A rider's next journey starts where the last one ended, at least a quarter hour later.
//   - Any two taps of a rider are at least MinTapGap seconds apart, bus taps included.
//   - Over the whole day every journey belongs to exactly one rider.
//   - The same seed and size give the same riders, whatever GOMAXPROCS is.
//
// Floats are used only while fitting; nothing that leaves this package is a float.
package demand

//go:generate go run ./gen -out model.bin
