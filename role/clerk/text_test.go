package clerk_test

import (
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"testing"
)

func hexText(b []byte) string { return hex.EncodeToString(b) }

func decimal(t testing.TB, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func isOne(err error, of ...error) bool {
	for _, e := range of {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func digitsOnly(s string) bool { return strings.Trim(s, "0123456789") == "" }
