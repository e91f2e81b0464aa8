// Package pcsctest gives tests a card reader: pcscd with the virtual reader of
// vsmartcard, in a world of its own.
//
// A test package calls [Main] from TestMain. Main runs the test program again in
// new namespaces of Linux: for the network (only a loopback, which nothing
// outside reaches), for mounts (an empty /run, where pcscd keeps its socket) and
// for processes (everything ends with the tests). So any number of such programs
// may run at the same time on one machine, beside a pcscd that serves real
// readers. Flags, output, exit code and coverage of the tests are as always.
//
//	func TestMain(m *testing.M) { os.Exit(pcsctest.Main(m)) }
//
//	func TestReader(t *testing.T) {
//		d := pcsctest.Start(t) // pcscd, stopped at the end of the test
//		...                    // put a card into d.Slot(0) and use any PC/SC program
//	}
//
// Where this cannot be done, [Start] skips the test and says why and what to
// install. Scripts for independent clients of PC/SC are in [Scripts].
//
// Invariants: nothing is started outside the namespaces; what is started ends
// with the test; a daemon that fails to start fails the test with its log.
//
// Sources: namespaces(7); pcscd(8); vsmartcard, virtualsmartcard/src/vpcd
// (ports 35963 and following, one a slot, two slots).
package pcsctest
