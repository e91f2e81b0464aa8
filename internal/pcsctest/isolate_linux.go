package pcsctest

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// runDir is where pcscd keeps its socket and its process number.
const runDir = "/run"

// isolate makes a command run in namespaces of its own and die with us. Without
// root a user namespace gives the rights for the others.
func isolate(cmd *exec.Cmd) (release func(), err error) {
	attr := &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWPID,
		Pdeathsig:  syscall.SIGKILL,
	}
	if os.Geteuid() != 0 {
		attr.Cloneflags |= syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	cmd.SysProcAttr = attr
	// The signal comes when the thread that started the command ends.
	runtime.LockOSThread()
	return runtime.UnlockOSThread, nil
}

// settle furnishes the new namespaces: an empty /run and a loopback.
func settle() error {
	// Mounts made here must not spread to the outside.
	if err := syscall.Mount("none", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making mounts private: %w", err)
	}
	if err := syscall.Mount("tmpfs", runDir, "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, "mode=755,size=16m"); err != nil {
		return fmt.Errorf("mounting an empty %s: %w", runDir, err)
	}
	if err := os.Mkdir(socketDir, 0o755); err != nil {
		return fmt.Errorf("making pcscd's folder: %w", err)
	}
	return loopbackUp()
}

// loopbackUp switches the interface lo on, as "ip link set lo up" does: with one
// message of rtnetlink(7), which is answered by an error number, 0 for none.
func loopbackUp() error {
	const loopback = 1 // the number of lo, the first interface of any namespace
	fd, err := syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, syscall.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("opening a socket for lo: %w", err)
	}
	defer syscall.Close(fd)
	const size = syscall.SizeofNlMsghdr + syscall.SizeofIfInfomsg
	e := binary.NativeEndian
	m := e.AppendUint32(nil, size)
	m = e.AppendUint16(m, syscall.RTM_NEWLINK)
	m = e.AppendUint16(m, syscall.NLM_F_REQUEST|syscall.NLM_F_ACK)
	m = append(m, make([]byte, 8)...) // sequence and sender
	m = append(m, make([]byte, 4)...) // family and type of device: any
	m = e.AppendUint32(m, loopback)
	m = e.AppendUint32(m, syscall.IFF_UP) // flags, and which of them change
	m = e.AppendUint32(m, syscall.IFF_UP)
	if err := syscall.Sendto(fd, m, 0, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK}); err != nil {
		return fmt.Errorf("switching lo on: %w", err)
	}
	answer := make([]byte, 4096)
	n, _, err := syscall.Recvfrom(fd, answer, 0)
	if err != nil {
		return fmt.Errorf("switching lo on: %w", err)
	}
	if n < syscall.SizeofNlMsghdr+4 || e.Uint16(answer[4:]) != syscall.NLMSG_ERROR {
		return fmt.Errorf("switching lo on: an answer of %d bytes that is none", n)
	}
	if errno := -int32(e.Uint32(answer[syscall.SizeofNlMsghdr:])); errno != 0 {
		return fmt.Errorf("switching lo on: %w", syscall.Errno(errno))
	}
	return nil
}
