package beijing_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/fare/beijing"
)

func ExampleBook() {
	book, err := beijing.Book()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(book.City(), book.Version(), book.ValidFrom(), book.NetworkAsOf())
	fmt.Println(len(book.AllLines()), "lines,", len(book.Stations()), "stations,", len(book.Operators()), "operators")
	// Output:
	// 北京 1 2014-12-28 2026-03-28
	// 28 lines, 423 stations, 5 operators
}

func ExampleCalendar() {
	calendar, err := beijing.Calendar()
	if err != nil {
		fmt.Println(err)
		return
	}
	sunday, _ := fare.ParseDate("2026-01-04") // made up for the New Year's break
	fmt.Println(calendar.IsWorkday(sunday))
	// Output: true <nil>
}

func TestFilesAreTheCallersOwn(t *testing.T) {
	for name, b := range beijing.Files() {
		b[0] ^= 0xFF
		if b[0] == beijing.Files()[name][0] {
			t.Errorf("%s: a change of the copy changed the embedded file", name)
		}
	}
}

func TestOperatorsOfKnownLines(t *testing.T) {
	book, err := beijing.Book()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"4号线": "京港", "首都机场线": "京城", "西郊线": "有轨电车", "燕房线": "轨道交通运营管理", "1号线": "地铁运营"}
	for _, line := range book.AllLines() {
		if part := want[line.Name]; !strings.Contains(book.Operator(line.Operator), part) {
			t.Errorf("%s is run by %s, want %s", line.Name, book.Operator(line.Operator), part)
		}
		delete(want, line.Name)
	}
	if len(want) > 0 {
		t.Errorf("lines not in the book: %v", want)
	}
}
