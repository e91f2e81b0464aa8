package pcsctest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// insideVariable tells the second run of the test program that it is the second.
const insideVariable = "CITYCARD_PCSCTEST_INSIDE"

// missing is why there is no private world, or "" if this is one.
var missing = "the tests did not go through pcsctest.Main"

// Reasons for a skip, which never change.
const (
	NoNamespaces = "PC/SC tests need Linux namespaces: run as root, or allow user namespaces (sysctl kernel.unprivileged_userns_clone=1)"
	NoDaemon     = "PC/SC tests need pcscd with a virtual reader: apt-get install --no-install-recommends pcscd vsmartcard-vpcd"
)

// Main runs the tests of a package in a private world and gives the exit code.
// Where there can be no such world it runs them here, and [Start] skips.
func Main(m *testing.M) int {
	if os.Getenv(insideVariable) != "" {
		missing = ""
		if err := settle(); err != nil {
			missing = fmt.Sprintf("%s (%v)", NoNamespaces, err)
		}
		return m.Run()
	}
	code, err := again()
	if err == nil {
		return code
	}
	missing = fmt.Sprintf("%s (%v)", NoNamespaces, err)
	return m.Run()
}

// again runs this program in new namespaces. The error says that they cannot be
// had; a program that ran and failed is no error.
func again() (code int, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	cmd := exec.Command(self, os.Args[1:]...)
	cmd.Env = append(os.Environ(), insideVariable+"=yes")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	release, err := isolate(cmd)
	if err != nil {
		return 0, err
	}
	defer release()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	err = cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() < 0 {
		return 1, nil // killed
	}
	if err != nil && exit == nil {
		return 1, nil // its output broke off
	}
	return cmd.ProcessState.ExitCode(), nil
}
