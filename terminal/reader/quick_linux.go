package reader

import (
	"net"
	"syscall"
)

// tcpQuickAck is TCP_QUICKACK of tcp(7), the same number on every architecture;
// package syscall lacks it on some.
const tcpQuickAck = 12

// acknowledger gives a function that asks for acknowledgements at once. If the
// system refuses, the dialogue is slower and otherwise the same.
func acknowledger(conn *net.TCPConn) func() {
	raw, err := conn.SyscallConn()
	if err != nil {
		return func() {}
	}
	set := func(fd uintptr) { syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpQuickAck, 1) }
	return func() { raw.Control(set) }
}
