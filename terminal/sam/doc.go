// Package sam is a terminal's side of its purchase secure access module (PSAM): the
// work that needs the keys of an industry, each as a small step machine.
//
// A [Module] remembers what the terminal knows of its module: the terminal number in
// it, the directory that is selected, the key that is prepared, the purchase that is
// open. Each of its methods that give a [Job] begins one piece of work; the host
// sends what Job.Next gives and hands the answer in, until it is done. The module may
// sit in a second slot of the reader or be a program; nothing here knows which.
//
//	job := m.CheckRecord(key, random, record, code)
//	for command, done, err := job.Next(nil); !done; command, done, err = job.Next(answer) { ... }
//
// What always holds:
//
//   - No answer of a module makes a job panic or run for ever: a job is a fixed row of
//     commands, each followed by at most two for GET RESPONSE and one for another Le.
//   - What a module answers is taken only in its exact length. A transaction number
//     that does not grow, and any other status word than the expected, end the job
//     with an error that says which command it was.
//   - A MAC2 goes to the module only for the purchase that is open in it. Three wrong
//     ones lock a module for good, so a terminal asks with CheckTAC first whether an
//     answer can be the card's at all, where the module has the key for that.
//   - A module that does not answer is not used again before Start has read it anew.
//   - One job at a time: the next one ends the one before. Nothing is allocated after
//     New.
//
// Sources: the PSAM of the electronic purse (JR/T 0025, PBOC) as terminals of JT/T 978
// and City Union use it; JR/T 0025.14 annex C for the codes of journey records, and
// ISO/IEC 9797-1, algorithm 3. The SM4 forms, and which keys stand where in a module,
// are our choice (Layout).
package sam
