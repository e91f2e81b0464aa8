package cardstate

import (
	"errors"
	"os"
	"syscall"
)

// sharing is ERROR_SHARING_VIOLATION of Windows.
const sharing = syscall.Errno(32)

// acquire opens a file that no other process can open at the same time.
func acquire(path string) (*os.File, error) {
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return nil, err
	}
	h, err := syscall.CreateFile(name, syscall.GENERIC_READ|syscall.GENERIC_WRITE, 0, nil, syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	if errors.Is(err, sharing) {
		err = ErrLocked
	}
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(h), path), nil
}

// syncFolder does nothing: NTFS keeps its names in a journal.
func syncFolder(string) error { return nil }
