// Package host is the issuer's end of a terminal's line, in four forms that a
// terminal's owner may choose from (Parse):
//
//   - InProcess, an issuer with the development keys and an account of 1000.00 yuan
//     for each card;
//   - Scripted, which answers by the rules of a file and leaves what the file does not
//     say to InProcess;
//   - Remote, a host behind TCP that speaks JSON lines (doc of Serve);
//   - None, nobody.
//
// What always holds: a Host never panics on what a terminal sends; an error of
// Authorise means that nothing is known about what the issuer did.
//
// Sources: JR/T 0025.5 (issuer authentication, scripts), JR/T 0025.7 (keys, ARPC); the
// forms and file formats are our choice.
package host
