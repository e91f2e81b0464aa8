package pcsctest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// Places of pcscd, which are compiled into it and its clients.
const (
	socketDir = "/run/pcscd"
	// Socket is where pcscd listens.
	Socket  = socketDir + "/pcscd.comm"
	pidFile = socketDir + "/pcscd.pid"
	driver  = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so"
)

// Slots of the virtual reader.
const (
	Slots     = 2
	firstPort = 35963
)

// ReaderName is how pcscd calls the reader of a slot, 0 or 1.
func ReaderName(slot int) string { return fmt.Sprintf("Virtual PCD 00 %02d", slot) }

// startTime is how long pcscd may take to start on a machine that has much else
// to do.
const startTime = 20 * time.Second

// Daemon is a running pcscd with a virtual reader.
type Daemon struct {
	cmd  *exec.Cmd
	log  lockedBuffer
	done chan struct{} // closed when the process has ended

	stopped bool
}

// Private skips the test unless it runs in a private world.
func Private(tb testing.TB) {
	tb.Helper()
	if missing != "" {
		tb.Skip(missing)
	}
}

// Start starts pcscd and stops it at the end of the test. One pcscd runs at a
// time, so tests that use it do not run in parallel. Its log goes to the test's
// if the test fails.
func Start(tb testing.TB) *Daemon {
	tb.Helper()
	Private(tb)
	path, err := exec.LookPath("pcscd")
	if err != nil {
		path = "/usr/sbin/pcscd" // often not in the path of ordinary users
	}
	if _, err := os.Stat(path); err != nil {
		tb.Skip(NoDaemon)
	}
	if _, err := os.Stat(driver); err != nil {
		tb.Skip(NoDaemon)
	}
	// A configuration of our own, so that serial readers of this machine stay out.
	config := filepath.Join(tb.TempDir(), "reader.conf")
	text := fmt.Sprintf("FRIENDLYNAME \"Virtual PCD\"\nDEVICENAME /dev/null:0x%04X\nLIBPATH %s\nCHANNELID 0x%04X\n", firstPort, driver, firstPort)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		tb.Fatal(err)
	}
	args := []string{"--foreground", "--config", config}
	if _, bench := tb.(*testing.B); !bench {
		args = append(args, "--debug", "--apdu") // each costs time
	}
	d := &Daemon{cmd: exec.Command(path, args...), done: make(chan struct{})}
	d.cmd.Stdout, d.cmd.Stderr = &d.log, &d.log
	if err := d.cmd.Start(); err != nil {
		tb.Fatalf("starting pcscd: %v", err)
	}
	go func() {
		d.cmd.Wait()
		close(d.done)
	}()
	tb.Cleanup(func() {
		d.Stop(tb)
		if tb.Failed() {
			tb.Logf("log of pcscd:\n%s", d.log.String())
		}
	})
	d.await(tb)
	return d
}

// await waits until pcscd takes programs and cards.
func (d *Daemon) await(tb testing.TB) {
	tb.Helper()
	deadline := time.Now().Add(startTime)
	// The socket comes after the drivers, which then listen for cards.
	for {
		conn, err := net.Dial("unix", Socket)
		if err == nil {
			conn.Close()
			return
		}
		d.pause(tb, deadline, err)
	}
}

func (d *Daemon) pause(tb testing.TB, deadline time.Time, err error) {
	tb.Helper()
	select {
	case <-d.done:
		tb.Fatalf("pcscd ended while it started:\n%s", d.log.String())
	case <-time.After(5 * time.Millisecond):
	}
	if time.Now().After(deadline) {
		tb.Fatalf("pcscd is not ready after %v: %v", startTime, err)
	}
}

// Slot is the address to which a card for a slot, 0 or 1, connects.
func (d *Daemon) Slot(slot int) string { return fmt.Sprintf("127.0.0.1:%d", firstPort+slot) }

// Stop ends pcscd, as at the end of the test. It may be called twice. It fails
// the test if pcscd has ended by itself.
func (d *Daemon) Stop(tb testing.TB) {
	tb.Helper()
	if d.stopped {
		return
	}
	d.stopped = true
	select {
	case <-d.done:
		tb.Errorf("pcscd ended by itself: %v", d.cmd.ProcessState)
		return
	default:
	}
	// Asked kindly, it takes a second and more to part from its readers.
	if err := d.cmd.Process.Kill(); err != nil {
		tb.Errorf("stopping pcscd: %v", err)
	}
	<-d.done
	for _, name := range []string{Socket, pidFile} {
		if err := os.Remove(name); err != nil {
			tb.Errorf("tidying up after pcscd: %v", err)
		}
	}
}

// Log is what pcscd has written up to now: every APDU, among much else.
func (d *Daemon) Log() string { return d.log.String() }

// lockedBuffer collects what a process writes while others read it.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements [io.Writer].
func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

// String gives all that was written.
func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
