package sim

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/citycard/citycard/card/perso"
	"github.com/citycard/citycard/card/psam"
	"github.com/citycard/citycard/card/purse"
	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/fare/beijing"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/sim/demand"
	"github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/txn"
)

// City is everything about the simulated place that does not change during the
// run: network, demand, participants, keys, terminals.
type City struct {
	seed     uint64
	opt      Options
	book     *fare.Book
	calendar *fare.Calendar
	model    *demand.Model
	riders   *demand.Riders
	stations []fare.StationID // by the demand model's station number
	// profiles of bank cards by kind: of one issuer's riders each in turn has one
	profiles [cardKinds][]*perso.Profile
	purses   *purse.Profile // of the card company; nil without its cards
	modules  *psam.Profile  // of the terminals; nil in a city that needs none

	day      int32 // business day D, days since 1970-01-01
	midnight int64 // its 00:00 at UTC+8, unix

	keys           *keystore.Store
	issuing        *issuing
	cas            []oda.CAKey
	acquirer       *oda.SM2Private
	acquirerPublic *oda.SM2Public

	places    []*place
	terminals map[uint32]*terminal
	shared    *stationRecords
	injected  *injection
	verifier  *oda.Verifier // of all terminals
	prices    gate.Pricer   // what gates ask
	right     *rightFares   // nil with a tariff of the user's own
	listed    listings      // of the quota scheme
	policy    []byte        // rules of reconciliation as they were read
	rules     timeline.Params
	today     int // the day after D on which taps are made
}

const secondsPerDay = 86400

// ErrTooManyRiders says that Options.Riders is more than the day had.
var ErrTooManyRiders = errors.New("more than all of the day")

// NewCity builds the city. It fails if a replaced data file is not usable or the
// date is not covered by the calendar.
func NewCity(opt Options) (*City, error) {
	if err := opt.validate(); err != nil {
		return nil, err
	}
	c := &City{seed: opt.Seed, opt: opt, terminals: map[uint32]*terminal{}}
	if err := c.loadData(); err != nil {
		return nil, err
	}
	at := time.Date(opt.Date.Year, time.Month(opt.Date.Month), opt.Date.Day, 0, 0, 0, 0, txn.CityTime)
	c.midnight = at.Unix()
	c.day = int32((c.midnight + 8*3600) / secondsPerDay)
	if _, err := c.calendar.IsWorkday(opt.Date); err != nil {
		return nil, fmt.Errorf("date %s: %w", opt.Date, err)
	}
	if err := c.openKeys(); err != nil {
		return nil, err
	}
	riders, all := opt.Riders, c.model.AllRiders()
	switch {
	case riders == 0:
		riders = all
	case riders > all:
		return nil, fmt.Errorf("riders %d: %w, which are %d: ask for all of them", riders, ErrTooManyRiders, all)
	}
	c.riders = c.model.Sample(opt.Seed, riders)
	c.injected = newInjection(c)
	if err := c.build(); err != nil {
		return nil, err
	}
	return c, nil
}

// loadData reads the embedded files, those in Options.Files instead of the ones
// of the same name.
func (c *City) loadData() error {
	files := beijing.Files()
	rest := maps.Clone(c.opt.Files)
	for name := range files {
		if b, replaced := rest[name]; replaced {
			files[name] = b
			delete(rest, name)
		}
	}
	var err error
	if c.book, err = fare.Parse(files); err != nil {
		return fmt.Errorf("fare data: %w", err)
	}
	c.prices = c.book
	if c.calendar, err = loadCalendar(rest); err != nil {
		return fmt.Errorf("calendar: %w", err)
	}
	if c.model, err = loadDemand(rest, c.opt.Refit); err != nil {
		return fmt.Errorf("demand: %w", err)
	}
	if err := c.loadPolicy(rest); err != nil {
		return err
	}
	if err := c.loadProfiles(rest); err != nil {
		return err
	}
	for name, text := range rest {
		if profile := strings.TrimSuffix(name, ".yaml"); slices.Contains(perso.EmbeddedNames(), profile) {
			if _, err := perso.Parse(text); err != nil { // this run does not use it, and yet it must be sound
				return fmt.Errorf("card profile %s: %w", profile, err)
			}
			continue
		}
		return fmt.Errorf("data file %s: no embedded file has this name; known are those of `citycard day --help`", name)
	}
	for i, name := range c.model.Stations() {
		id, found := c.book.StationByName(name)
		if !found {
			return fmt.Errorf("demand station %d (%s) is not in the network of stations.csv", i, name)
		}
		c.stations = append(c.stations, id)
	}
	if err := c.findRightFares(files); err != nil {
		return fmt.Errorf("right fares: %w", err)
	}
	return nil
}

func loadCalendar(files map[string][]byte) (*fare.Calendar, error) {
	const name = "cn-holidays.csv"
	if b, found := files[name]; found {
		delete(files, name)
		return fare.ParseCalendar(name, b)
	}
	return beijing.Calendar()
}

func loadDemand(files map[string][]byte, refit bool) (*demand.Model, error) {
	const name = "model.bin"
	if b, found := files[name]; found {
		delete(files, name)
		return demand.Decode(b)
	}
	if refit {
		m, _, err := demand.Refit(context.Background(), nil)
		return m, err
	}
	return demand.Load()
}

func loadProfile(files map[string][]byte, name string) (*perso.Profile, error) {
	if b, found := files[name+".yaml"]; found {
		delete(files, name+".yaml")
		return perso.Parse(b)
	}
	return perso.Embedded(name)
}

// openKeys makes the development keys of the city and certifies its issuers.
func (c *City) openKeys() error {
	c.keys = keystore.Development(uint(len(issuers)))
	var err error
	if c.cas, err = devkeys.CAKeys(); err != nil {
		return err
	}
	if c.acquirer, err = oda.NewSM2Private(devkeys.SM2Key(keystore.AcquirerWrapName)); err != nil {
		return fmt.Errorf("acquirer key: %w", err)
	}
	if c.acquirerPublic, err = oda.NewSM2Public(c.acquirer.Public()); err != nil {
		return fmt.Errorf("acquirer key: %w", err)
	}
	c.issuing, err = newIssuing(c)
	return err
}

// workday says whether a unix time falls on a workday; days that the calendar
// does not cover are plain weekdays.
func (c *City) workday(at int64) bool {
	d := fare.DateOf(at)
	if w, err := c.calendar.IsWorkday(d); err == nil {
		return w
	}
	wd := time.Date(d.Year, time.Month(d.Month), d.Day, 0, 0, 0, 0, time.UTC).Weekday()
	return wd != time.Saturday && wd != time.Sunday
}

// Workday implements clearing's port.
func (c *City) Workday(at int64) bool { return c.workday(at) }
