package shard

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/citycard/citycard/money"
)

// manifest is what the database says about a shard: which files are valid, and what
// the last day found. It is JSON in the notebook of runs.
type manifest struct {
	Shard       int       `json:"shard"`
	Generation  int64     `json:"generation"` // of the head, rises with every day
	At          int64     `json:"at"`         // time of the last day's judgement
	Head        bool      `json:"head"`       // false: no card yet
	Cards       int64     `json:"cards"`
	Open        int64     `json:"open"`
	Provisional money.Fen `json:"provisional"`
	Events      int64     `json:"events"` // of the last day, and the sum of their checksums
	EventSum    uint64    `json:"event_sum"`
	Past        []pastRun `json:"past"` // oldest first
}

// pastRun names a file with what cards shed on one day.
type pastRun struct {
	Generation int64 `json:"generation"`
	At         int64 `json:"at"`
}

// city is what the database says about all shards together. Free is the allowance for
// provisional credits that the day at At began with. Run counts how often a day was
// begun or gone on with: who finds another number than his own has been overtaken.
type city struct {
	Shards int       `json:"shards"`
	At     int64     `json:"at"`
	Free   money.Fen `json:"free"`
	Run    int64     `json:"run"`
}

const (
	maxShards   = 256
	maxManifest = 1 << 20
)

var errManifest = errors.New("no manifest of this store")

// decodeStrict reads one JSON value with known fields only.
func decodeStrict(b []byte, v any) error {
	if len(b) > maxManifest {
		return fmt.Errorf("%d bytes: %w", len(b), errManifest)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("%w: %w", err, errManifest)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("more than one value: %w", errManifest)
	}
	return nil
}

// decodeManifest reads and checks a manifest.
func decodeManifest(b []byte) (m manifest, err error) {
	if err := decodeStrict(b, &m); err != nil {
		return manifest{}, fmt.Errorf("decode manifest: %w", err)
	}
	bad := func(field string) (manifest, error) {
		return manifest{}, fmt.Errorf("decode manifest of shard %d: %s: %w", m.Shard, field, errManifest)
	}
	switch {
	case m.Shard < 0 || m.Shard >= maxShards:
		return bad("shard")
	case m.Generation < 0 || m.Head && m.Generation == 0:
		return bad("generation")
	case m.At < 0 || m.At > 1<<32-1:
		return bad("at")
	case m.Cards < 0 || m.Open < 0 || m.Open > m.Cards || m.Events < 0 || !m.Head && m.Cards > 0:
		return bad("counts")
	case m.Provisional < 0:
		return bad("provisional")
	}
	last := pastRun{}
	for _, p := range m.Past {
		if p.Generation <= last.Generation || p.Generation > m.Generation || p.At < last.At || p.At > m.At {
			return bad("past")
		}
		last = p
	}
	return m, nil
}

// decodeCity reads and checks what is said about all shards.
func decodeCity(b []byte) (c city, err error) {
	if err := decodeStrict(b, &c); err != nil {
		return city{}, fmt.Errorf("decode the list of shards: %w", err)
	}
	if c.Shards < 1 || c.Shards > maxShards || c.Shards&(c.Shards-1) != 0 || c.At < 0 || c.At > 1<<32-1 || c.Free < 0 || c.Run < 0 {
		return city{}, fmt.Errorf("decode the list of shards: value out of range: %w", errManifest)
	}
	return c, nil
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("shard: plain values do not encode: " + err.Error())
	}
	return b
}
