package gate_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/role/gate"
	"github.com/citycard/citycard/role/tap"
	"github.com/citycard/citycard/role/virtualcard"
	terminal "github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/terminal/reader"
)

// inserted is a development card, or a module, in a reader of this process.
func inserted(profile string, side card.Interface) func(context.Context) (reader.Card, error) {
	return func(context.Context) (reader.Card, error) {
		request, err := devcard.Default(profile)
		if err != nil {
			return nil, err
		}
		image, err := devcard.Issue(request)
		if err != nil {
			return nil, err
		}
		v, err := virtualcard.New(virtualcard.Config{Image: image, Interface: side, Rand: rand.NewChaCha8([32]byte{})})
		if err != nil {
			return nil, err
		}
		return virtualcard.Reader(v)
	}
}

// A card that carries its journeys enters the metro.
func ExamplePlant_Tap() {
	city, err := gate.Beijing()
	if err != nil {
		fmt.Println(err)
		return
	}
	session := gate.NewSession(gate.Config{
		Open: inserted("transit-sm", card.Contactless), OpenModule: inserted("dev-psam", card.Contact),
		Rand: rand.NewChaCha8([32]byte{}), Elapsed: func() time.Duration { return 0 }, Explain: tap.NewExplainer("en", false),
	})
	defer session.Close()
	station, _ := city.Book.StationByName("天安门东")
	setup := gate.Setup{Mode: terminal.Entry, Station: station, SM: true, Module: true}
	trace, err := gate.NewPlant(city, session, gate.NewState()).Tap(context.Background(), setup, 1795406400)
	if err != nil {
		fmt.Println(err)
		return
	}
	report := trace.Report(&setup, city.Book)
	fmt.Println(report.Outcome, report.Display, report.APDUs)
	fmt.Println(report.Before[0].State, "→", report.After[0].State, report.After[0].Entry.Station, report.After[0].Entry.Time)
	// Output:
	// opened Welcome 9
	// fresh → in 天安门东 2026-11-23T12:00:00+08:00
}
