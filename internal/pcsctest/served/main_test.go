package served

import (
	"context"
	"encoding/hex"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/citycard/citycard/internal/pcsctest"
	"github.com/citycard/citycard/terminal/reader"
)

func TestMain(m *testing.M) { os.Exit(pcsctest.Main(m)) }

func unhex(text string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

// soon ends what takes too long.
func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// open opens the card in slot 0, waiting for it, and closes it at the end.
func open(t *testing.T) reader.Card {
	t.Helper()
	card, err := reader.Open(soon(t), "pcsc:0", reader.Doors{Wait: true})
	if err != nil {
		t.Fatalf("opening the reader: %v", err)
	}
	t.Cleanup(func() { _ = card.Close() })
	return card
}
