//go:build linux || freebsd || netbsd || openbsd || dragonfly

package reader

// defaultSocket is where pcsc-lite listens.
const defaultSocket = "/run/pcscd/pcscd.comm"
