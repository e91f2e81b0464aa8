//go:build !linux

package reader

import "net"

// acknowledger does nothing: only Linux can be asked.
func acknowledger(*net.TCPConn) func() { return func() {} }
