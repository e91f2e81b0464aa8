package sealfile_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/crypt/sealfile"
)

// A network seals a file for participant 7, who opens it.
func Example() {
	network, err := oda.NewSM2Private(devkeys.SM2Key("example network"))
	if err != nil {
		panic(err)
	}
	participant, err := oda.NewSM2Private(devkeys.SM2Key("example participant"))
	if err != nil {
		panic(err)
	}
	var file bytes.Buffer
	random := rand.NewChaCha8([32]byte{}) // in service: crypto/rand.Reader
	w, err := sealfile.NewWriter(&file, sealfile.Header{Participant: 7, KeyID: 1, Window: 20_778, Batch: 1, Kind: 1}, participant.Public(), network, random)
	if err != nil {
		panic(err)
	}
	fmt.Fprint(w, "three lines, seven yuan")
	if err := w.Close(); err != nil {
		panic(err)
	}

	public, err := oda.NewSM2Public(network.Public())
	if err != nil {
		panic(err)
	}
	r, err := sealfile.Open(&file, func(sealfile.Header) (sealfile.Unwrapper, error) { return participant, nil }, public)
	if err != nil {
		panic(err)
	}
	text, err := io.ReadAll(r)
	fmt.Println(r.Header().Participant, string(text), err)
	// Output: 7 three lines, seven yuan <nil>
}
