package reader

import (
	"context"
	"fmt"
	"net"
)

// quickConn asks for an acknowledgement of every packet at once. The other end
// may write a message in two pieces, and its system holds the second one back
// until the first is acknowledged (Nagle), which ours would do 40 ms later, or
// with the answer, which needs the second piece. The request holds only for a
// while, so it is made before every read.
type quickConn struct {
	*net.TCPConn
	ack func()
}

// Quick gives a connection over which a dialogue of small messages runs without
// pauses: it sends at once, and acknowledges at once where the system can be
// asked to (Linux).
func Quick(conn *net.TCPConn) net.Conn {
	conn.SetNoDelay(true) // also Go's default; on a closed connection the next read fails
	return &quickConn{TCPConn: conn, ack: acknowledger(conn)}
}

// Read implements [net.Conn].
func (c *quickConn) Read(b []byte) (int, error) {
	c.ack()
	return c.TCPConn.Read(b)
}

// DialSlot connects to the slot of a virtual reader, where a card is to be put
// into it: the other end of "vpcd:PORT", or port 35963 and following of a pcscd
// with vpcd. The connection is [Quick].
func DialSlot(ctx context.Context, address string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		e := fault("putting a card into the virtual reader at "+address, ErrUnavailable, err)
		e.Hint = "start pcscd with the vpcd driver (apt-get install pcscd vsmartcard-vpcd), or a reader with vpcd:PORT"
		return nil, e
	}
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		conn.Close()
		return nil, fmt.Errorf("reader: %s is not a TCP address", address)
	}
	return Quick(tcp), nil
}
