//go:build !linux && !freebsd && !netbsd && !openbsd && !dragonfly

package reader

// defaultSocket is empty: this system reaches its readers in another way than
// through a socket of pcscd.
const defaultSocket = ""
