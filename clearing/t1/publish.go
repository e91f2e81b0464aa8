package t1

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Commit gives the finished files of a set (Config.Names) their final names. It
// may be repeated, also by another process after a crash: files that have their
// final name already are left as they are. If a file was never finished it fails
// with ErrIncomplete and publishes none.
func Commit(dir string, names []string) error {
	pending := make([]string, 0, len(names))
	for _, name := range names {
		path := filepath.Join(dir, name)
		published, err := exists(path)
		if err != nil {
			return fmt.Errorf("publish T+1 files: %w", err)
		}
		finished, err := exists(path + tmpSuffix)
		if err != nil {
			return fmt.Errorf("publish T+1 files: %w", err)
		}
		switch {
		case !published && !finished:
			return fmt.Errorf("publish T+1 file %s: %w", path, ErrIncomplete)
		case !published:
			pending = append(pending, path)
		}
	}
	for _, path := range pending {
		if err := os.Rename(path+tmpSuffix, path); err != nil {
			return fmt.Errorf("publish T+1 file: %w", err)
		}
	}
	if err := syncFolders(dir, names); err != nil {
		return fmt.Errorf("publish T+1 files: %w", err)
	}
	return nil
}

func exists(path string) (bool, error) {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// syncFolders makes the entries of the folders durable in which the files lie,
// and those of the folders themselves.
func syncFolders(dir string, names []string) error {
	folders := []string{dir}
	for _, name := range names {
		folders = append(folders, filepath.Dir(filepath.Join(dir, name)))
	}
	slices.Sort(folders)
	for _, folder := range slices.Compact(folders) {
		f, err := os.Open(folder)
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return fmt.Errorf("sync folder %s: %w", folder, err)
		}
	}
	return nil
}
