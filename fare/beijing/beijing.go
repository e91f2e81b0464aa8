// Package beijing holds the rule book of the Beijing metro and the calendar of
// public holidays as dated data, embedded in the program.
//
// data/SOURCE.md says where each file comes from, under which licence, what was
// added, and what is missing. The network is that of 2026-03-28; the tariff is the
// one in force since 2014-12-28. To price by another book, parse other files with
// fare.Parse.
package beijing

import (
	"embed"
	"fmt"

	"github.com/citycard/citycard/fare"
)

//go:embed data
var data embed.FS

// Files gives the files of the rule book by name, as fare.Parse wants them. The
// map and its bytes are the caller's.
func Files() map[string][]byte {
	files := make(map[string][]byte)
	for _, name := range []string{
		fare.LinesFile, fare.StationsFile, fare.SegmentsFile, fare.OperatorsFile,
		fare.TariffFile, fare.TransfersFile, fare.VirtualTransfersFile, fare.JourneysFile,
	} {
		files[name] = read(name)
	}
	return files
}

// Book parses the embedded rule book. It costs some milliseconds: keep the result.
func Book() (*fare.Book, error) {
	book, err := fare.Parse(Files())
	if err != nil {
		return nil, fmt.Errorf("parse the embedded rule book: %w", err)
	}
	return book, nil
}

// Calendar parses the embedded calendar, 2024 to 2026.
func Calendar() (*fare.Calendar, error) {
	const name = "holidays.csv"
	calendar, err := fare.ParseCalendar(name, read(name))
	if err != nil {
		return nil, fmt.Errorf("parse the embedded calendar: %w", err)
	}
	return calendar, nil
}

func read(name string) []byte {
	b, err := data.ReadFile("data/" + name)
	if err != nil {
		panic("beijing: the program was built without data/" + name + ": " + err.Error())
	}
	return b
}
