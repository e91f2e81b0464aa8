package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// commit names the version that is measured: "1a2b3c4", with "-changed" when the
// tree differs from it, or "unknown" outside a repository.
func commit() string {
	out, err := exec.Command("git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	name := strings.TrimSpace(string(out))
	if changes, err := exec.Command("git", "status", "--porcelain").Output(); err != nil || len(changes) > 0 {
		name += "-changed"
	}
	return name
}

// machineFacts is what a reader must know to compare two results.
func machineFacts(now time.Time, commit string) string {
	return fmt.Sprintf("date    %s\ncommit  %s\ngo      %s %s/%s\ncpu     %s\ncores   %d\nmemory  %s\nload    %s\n",
		now.UTC().Format(time.RFC3339), commit, runtime.Version(), runtime.GOOS, runtime.GOARCH,
		procField("/proc/cpuinfo", "model name"), runtime.NumCPU(), procField("/proc/meminfo", "MemTotal"), load())
}

// procField is the value of the first "name: value" line of a file of the kernel.
func procField(file, name string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return "unknown"
	}
	return fieldIn(string(b), name)
}

func fieldIn(text, name string) string {
	for _, line := range strings.Split(text, "\n") {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

// load is the average number of running processes over 1, 5 and 15 minutes.
func load() string {
	b, err := os.ReadFile("/proc/loadavg")
	f := strings.Fields(string(b))
	if err != nil || len(f) < 3 {
		return "unknown"
	}
	return strings.Join(f[:3], " ")
}
