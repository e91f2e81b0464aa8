package main

import (
	"fmt"
	"strings"
	"sync"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/fare/beijing"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/role/cardview"
)

// beijingBook is the embedded rule book, parsed when a station is to be named.
var beijingBook = sync.OnceValues(beijing.Book)

// stationName names a station by the embedded rule book, if the record is of that one.
func stationName(rule, number uint16) string {
	book, err := beijingBook()
	if err != nil || book.Version() != rule {
		return ""
	}
	return book.Name(fare.StationID(number))
}

// journeys says where the rider is by the card's own records.
func (e *environment) journeys(b *strings.Builder, a *cardview.Application) {
	for i := range a.Journeys {
		j := &a.Journeys[i]
		label := e.say("  metro journey", "  地铁行程")
		if j.Trade == "bus" {
			label = e.say("  bus journey", "  公交行程")
		}
		line(b, label, e.journey(j))
		if j.Month != "" {
			line(b, e.say("    month's sum", "    当月累计"), j.Month+"  "+money.Fen(j.MonthSum).String())
		}
		if j.Code != 0 {
			line(b, e.say("    concession", "    优惠类别"), fmt.Sprint(j.Code)+e.until(j.CodeUntil))
		}
		if j.Rides != 0 {
			line(b, e.say("    rides left", "    剩余次数"), fmt.Sprint(j.Rides)+e.until(j.RidesTo))
		}
	}
}

func (e *environment) until(day string) string {
	if day == "" {
		return ""
	}
	return fmt.Sprintf(e.say(", until %s", "，至 %s"), day)
}

// journey is a record in words.
func (e *environment) journey(j *cardview.Journey) string {
	var words []string
	switch {
	case !j.Valid:
		words = append(words, e.say("not enabled", "未启用"))
	case j.Locked:
		words = append(words, e.say("BLOCKED", "已锁定"))
	}
	switch j.State {
	case "in":
		words = append(words, fmt.Sprintf(e.say("in since %s", "%s 进入"), e.placeText(j.Entry)))
	case "out":
		text := fmt.Sprintf(e.say("out at %s", "%s 离开"), e.placeText(j.Exit))
		if j.Entry != nil {
			text = fmt.Sprintf(e.say("from %s, ", "自 %s，"), e.placeText(j.Entry)) + text
		}
		words = append(words, text, fmt.Sprintf(e.say("paid %s", "实付 %s"), money.Fen(j.Amount)))
	default:
		words = append(words, e.say("never used", "未使用"))
	}
	if j.Held > 0 {
		words = append(words, fmt.Sprintf(e.say("%s held", "预授权 %s"), money.Fen(j.Held)))
	}
	if j.Overdue > 0 {
		words = append(words, fmt.Sprintf(e.say("%s if it is never ended", "未完成应付 %s"), money.Fen(j.Overdue)))
	}
	return strings.Join(words, e.say("; ", "；"))
}

// placeText is one end of a journey in words.
func (e *environment) placeText(p *cardview.Place) string {
	if p == nil {
		return "-"
	}
	return strings.TrimSpace(p.Time + " " + e.where(p.Name, p.Station, p.Line, p.Stop))
}

// where names a station, or a line with a stop.
func (e *environment) where(name string, station, line, stop int) string {
	switch {
	case name != "":
		return name
	case station != 0:
		return fmt.Sprintf(e.say("station %d", "车站 %d"), station)
	case line != 0:
		return fmt.Sprintf(e.say("line %d stop %d", "线路 %d 站点 %d"), line, stop)
	}
	return ""
}

// trips is the log 1E as a table.
func (e *environment) trips(b *strings.Builder, a *cardview.Application) {
	if len(a.Trips) == 0 {
		return
	}
	b.WriteString(e.say("  journeys, newest first\n", "  行程日志（最近在前）\n"))
	rows := [][]string{{e.say("TIME", "时间"), e.say("WHAT", "类型"), e.say("WHERE", "地点"), e.say("AMOUNT", "金额"), e.say("BALANCE", "余额"),
		e.say("COUNTER", "计数器"), e.say("TERMINAL", "终端")}}
	for i := range a.Trips {
		t := &a.Trips[i]
		station, stop := t.Station, 0
		if t.Trade == "bus" {
			station, stop = 0, t.Station
		}
		rows = append(rows, []string{dash(t.Time), e.tripType(t), dash(e.where(t.Name, station, t.Line, stop)), yuan(&t.Amount), yuan(t.Balance), fmt.Sprint(t.ATC), t.Terminal})
	}
	columns(b, "    ", rows, 3, 4, 5)
}

// tripType is what a line of the log records, in a word.
func (e *environment) tripType(t *cardview.Trip) string {
	trade := map[string]string{"metro": e.say("metro", "地铁"), "bus": e.say("bus", "公交")}[t.Trade]
	if trade == "" {
		trade = t.Trade
	}
	what := map[string]string{
		"01": e.say("entry", "进站"), "02": e.say("exit", "出站"), "05": e.say("ride", "乘车"), "07": e.say("supplement", "补票"),
		"03": e.say("entry", "进站"), "04": e.say("exit", "出站"), "06": e.say("ride", "乘车"), "08": e.say("supplement", "补票"),
	}[t.Type]
	if what == "" {
		what = t.Type
	}
	return trade + " " + what
}
