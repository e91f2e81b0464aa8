package fare

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/citycard/citycard/money"
)

// Limits of a tariff, in yuan, metres and hours. They catch slips of the pen and
// keep every price far inside twelve digits.
const (
	maxFareYuan  = 1000
	maxBandM     = 1_000_000
	minGrowthM   = 1000
	maxTolerance = 999
	maxTierYuan  = 1_000_000
	maxHours     = 24
)

func wrong(field, problem, fix string) error {
	return &Error{File: TariffFile, Field: field, Problem: problem, Fix: fix}
}

func between(field string, v, low, high int) error {
	if v < low || v > high {
		return wrong(field, fmt.Sprintf("missing or out of range: %d", v), fmt.Sprintf("give a whole number from %d to %d", low, high))
	}
	return nil
}

func (p *parser) parseTariff() error {
	t, err := decodeTariff(p.files[TariffFile])
	if err != nil {
		return err
	}
	for _, step := range []func(*tariffJSON) error{p.checkHead, p.checkMain, p.checkSeparate, p.checkLimit, p.checkMonthly, p.checkEarly, p.checkBus} {
		if err := step(t); err != nil {
			return err
		}
	}
	return nil
}

func (p *parser) checkHead(t *tariffJSON) error {
	b := p.book
	if problem := badText(t.City); problem != "" {
		return wrong("city", problem, "give the city's name")
	}
	if t.Currency != "CNY" {
		return wrong("currency", fmt.Sprintf("%q", clip(t.Currency)), "only CNY is priced here")
	}
	if err := between("version", t.Version, 1, 65535); err != nil {
		return err
	}
	var err error
	if b.validFrom, err = ParseDate(t.Since); err != nil {
		return wrong("since", err.Error(), "write YYYY-MM-DD")
	}
	if b.networkAsOf, err = ParseDate(t.NetworkAsOf); err != nil {
		return wrong("network_as_of", err.Error(), "write YYYY-MM-DD")
	}
	b.version, b.city = uint16(t.Version), t.City
	return nil
}

func (p *parser) checkMain(t *tariffJSON) error {
	const field = "metro_main_network"
	if err := between(field+".band_tolerance_m", t.Main.Tolerance, 0, maxTolerance); err != nil {
		return err
	}
	list, err := growing(field, t.Main.Bands, t.Main.Beyond, "beyond_last_band")
	if err != nil {
		return err
	}
	list.tolerance = t.Main.Tolerance
	p.book.nets[HubNetwork].tariff = list
	return nil
}

// growing builds a price list that never ends.
func growing(field string, bands []bandJSON, beyond *growthJSON, key string) (tariff, error) {
	list, err := stepped(field, bands)
	if err != nil {
		return tariff{}, err
	}
	if list.rest != 0 || beyond == nil {
		return tariff{}, wrong(field+"."+key, "missing, or a band over_m beside it", "end the list by growth: each_started_m and adds_yuan")
	}
	if err := between(field+"."+key+".each_started_m", beyond.Each, minGrowthM, maxBandM); err != nil {
		return tariff{}, err
	}
	if err := between(field+"."+key+".adds_yuan", beyond.Adds, 0, maxFareYuan); err != nil {
		return tariff{}, err
	}
	list.each, list.add = beyond.Each, yuan(beyond.Adds)
	return list, nil
}

// stepped builds a price list from its bands; distances and prices must rise.
func stepped(field string, bands []bandJSON) (tariff, error) {
	var list tariff
	edge, price := 0, 1
	for i, b := range bands {
		at := fmt.Sprintf("%s.bands[%d]", field, i)
		if err := between(at+".fare_yuan", b.Fare, price, maxFareYuan); err != nil {
			return tariff{}, err
		}
		price = b.Fare
		switch {
		case b.UpTo != nil && b.Over == nil:
			if err := between(at+".up_to_m", *b.UpTo, edge+1, maxBandM); err != nil {
				return tariff{}, err
			}
			edge = *b.UpTo
			list.bands = append(list.bands, band{edge, yuan(b.Fare)})
		case b.Over != nil && b.UpTo == nil && i == len(bands)-1 && *b.Over == edge && i > 0:
			list.rest = yuan(b.Fare)
		default:
			return tariff{}, wrong(at, "neither up_to_m nor a last over_m that repeats the edge before it", "give up_to_m in every band, over_m in the last at most")
		}
	}
	if len(list.bands) == 0 {
		return tariff{}, wrong(field+".bands", "empty", "give at least one band with up_to_m")
	}
	return list, nil
}

func (p *parser) checkSeparate(t *tariffJSON) error {
	b := p.book
	for _, name := range slices.Sorted(maps.Keys(t.Separate)) {
		field, n := "separate_networks."+clip(name), p.netByID[name]
		if n == nil || n.id == HubNetwork {
			return wrong(field, "no line of "+LinesFile+" belongs to it", "use the names of the column fare_network")
		}
		if err := p.checkSpoke(field, n, t.Separate[name]); err != nil {
			return err
		}
	}
	for _, n := range b.spokes() {
		if _, ok := t.Separate[n.name]; !ok {
			return wrong("separate_networks."+n.name, "missing", "give its price list and joins_main_at")
		}
	}
	return nil
}

func (p *parser) checkSpoke(field string, n *network, s spokeJSON) error {
	b := p.book
	var lines []string
	for _, line := range b.lines[1:] {
		if line.Network == n.id {
			lines = append(lines, line.Name)
		}
	}
	if !slices.Equal(s.Lines, lines) {
		return wrong(field+".lines", "differs from "+LinesFile, "that file has "+strings.Join(lines, ","))
	}
	if len(s.Joins) > maxJoins {
		return wrong(field+".joins_main_at", "too many stations", fmt.Sprintf("keep to %d", maxJoins))
	}
	for _, name := range s.Joins {
		id, ok := b.byName[name]
		if !ok || slices.Contains(n.joins, id) {
			return wrong(field+".joins_main_at", fmt.Sprintf("%q is unknown or named twice", clip(name)), "name stations of "+StationsFile+" once")
		}
		n.joins = append(n.joins, id)
	}
	if s.Flat != nil {
		if len(s.Bands) > 0 {
			return wrong(field, "both flat_yuan and bands", "give one of them")
		}
		n.tariff.rest = yuan(*s.Flat)
		return between(field+".flat_yuan", *s.Flat, 1, maxFareYuan)
	}
	list, err := stepped(field, s.Bands)
	if err != nil {
		return err
	}
	if list.rest == 0 {
		return wrong(field+".bands", "no price past the last band", "end with a band over_m")
	}
	n.tariff = list
	return nil
}

func (p *parser) checkLimit(t *tariffJSON) error {
	if err := between("time_limit.hours", t.Limit.Hours, 1, maxHours); err != nil {
		return err
	}
	if err := between("time_limit.surcharge_yuan", t.Limit.Surcharge, 0, maxFareYuan); err != nil {
		return err
	}
	networks, err := p.networkSet("time_limit.networks", t.Limit.Networks)
	p.book.limit = limitRule{networks: networks, seconds: int64(t.Limit.Hours) * 3600, surcharge: yuan(t.Limit.Surcharge)}
	return err
}

func (p *parser) checkMonthly(t *tariffJSON) (err error) {
	const field = "monthly_accumulated_discount"
	m := &p.book.monthly
	if m.scope, err = p.scope(field, t.Monthly.Media, t.Monthly.Networks); err != nil {
		return err
	}
	for i, step := range t.Monthly.Tiers {
		at := fmt.Sprintf("%s.tiers[%d]", field, i)
		low, from := 0, -1
		if i > 0 {
			low = int(m.tiers[i-1].from/100) + 1
		}
		if step.From != nil {
			from = *step.From
		}
		if err := between(at+".spent_before_trip_yuan_from", from, low, maxTierYuan); err != nil {
			return err
		}
		rate, err := permille(at+".rate", step.Rate)
		if err != nil {
			return err
		}
		m.tiers = append(m.tiers, tier{yuan(from), rate})
	}
	if len(m.tiers) == 0 || m.tiers[0].from != 0 {
		return wrong(field+".tiers", "the first tier does not start at 0", "begin with spent_before_trip_yuan_from 0")
	}
	return nil
}

func (p *parser) checkEarly(t *tariffJSON) (err error) {
	const field = "early_bird"
	e := &p.book.early
	if e.scope, err = p.scope(field, t.Early.Media, t.Early.Networks); err != nil {
		return err
	}
	if e.permille, err = permille(field+".rate", t.Early.Rate); err != nil {
		return err
	}
	before, err := time.Parse("15:04", t.Early.Before)
	if err != nil {
		return wrong(field+".before", fmt.Sprintf("%q is not a time of day", clip(t.Early.Before)), "write HH:MM")
	}
	e.before = int64(before.Hour())*3600 + int64(before.Minute())*60
	for i, name := range t.Early.Stations {
		id, ok := p.book.byName[name]
		if !ok || slices.Contains(e.stations, id) {
			return wrong(fmt.Sprintf("%s.entry_stations[%d]", field, i), fmt.Sprintf("%q is unknown or named twice", clip(name)), "name stations of "+StationsFile+" once")
		}
		e.stations = append(e.stations, id)
	}
	slices.Sort(e.stations)
	return nil
}

func (p *parser) checkBus(t *tariffJSON) (err error) {
	bus := &p.book.bus
	first := []bandJSON{{UpTo: &t.Bus.First, Fare: t.Bus.Fare}}
	if bus.tariff, err = growing("city_bus", first, t.Bus.Beyond, "beyond"); err != nil {
		return err
	}
	bus.card, err = permille("city_bus.card_rate", t.Bus.Card)
	return err
}

func (p *parser) scope(field string, media, networks []string) (s scope, err error) {
	for _, name := range media {
		m := slices.Index(mediumNames[:], name)
		if m <= 0 {
			return scope{}, wrong(field+".media", fmt.Sprintf("unknown medium %q", clip(name)), "known are "+strings.Join(mediumNames[1:], ", "))
		}
		s.media |= 1 << m
	}
	if s.media == 0 {
		return scope{}, wrong(field+".media", "empty", "known are "+strings.Join(mediumNames[1:], ", "))
	}
	s.networks, err = p.networkSet(field+".networks", networks)
	return s, err
}

func (p *parser) networkSet(field string, names []string) (set uint32, err error) {
	for _, name := range names {
		n := p.netByID[name]
		if n == nil {
			return 0, wrong(field, fmt.Sprintf("unknown network %q", clip(name)), "use the names of the column fare_network of "+LinesFile)
		}
		set |= 1 << n.id
	}
	if set == 0 {
		return 0, wrong(field, "empty", "name the networks where the rule applies")
	}
	return set, nil
}

func yuan(v int) money.Fen { return money.Fen(v) * 100 }

// permille reads a rate from 0 to 1 with at most three decimals, without going
// through binary fractions.
func permille(field string, n json.Number) (int64, error) {
	whole, part, _ := strings.Cut(n.String(), ".")
	v, ok := parseDigits(whole + (part + "000")[:3])
	if !ok || whole == "" || len(part) > 3 || v > 1000 {
		return 0, wrong(field, fmt.Sprintf("%q is not a rate", clip(n.String())), "give a decimal from 0 to 1 with at most three places, e.g. 0.8")
	}
	return int64(v), nil
}
