// Command citycard runs a city's card from tap to settlement, or any one part
// of it. Data go to standard output, talk and errors to standard error.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run executes one command line and returns its exit code. Interrupt and
// termination cancel the command's context.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := newRootCommand(&environment{stdin: stdin, stdout: stdout, stderr: stderr, lang: "en"})
	root.SetArgs(args)
	return report(stderr, root.ExecuteContext(ctx))
}
