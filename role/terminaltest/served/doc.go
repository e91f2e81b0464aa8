// Package served holds the tests of citycard certify terminal that need a PC/SC service:
// the scripted cards stand in vpcd behind pcscd, and our terminal is run for each case as
// any other program is.
package served
