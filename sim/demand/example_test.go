package demand_test

import (
	"fmt"

	"github.com/citycard/citycard/sim/demand"
)

func Example() {
	m, err := demand.Load()
	if err != nil {
		fmt.Println(err)
		return
	}
	names := m.Stations()
	riders := m.Sample(42, 1000)
	fmt.Println(m.Journeys(), "journeys of the day;", riders.Journeys(), "by", riders.Len(), "riders, and", riders.BusRides(), "bus rides")
	var r demand.Rider
	riders.At(600, &r)
	for _, j := range r.Journeys {
		fmt.Println(names[j.Origin], clock(j.EnterAt), names[j.Dest], clock(j.ExitAt))
	}
	for _, b := range r.Bus {
		fmt.Println("bus", b.Route, clock(b.At), clock(b.OffAt()), b.Metres, "m")
	}
	// Output:
	// 5033474 journeys of the day; 1873 by 1000 riders, and 561 bus rides
	// 九龙山 08:18:59 雍和宫 08:55:08
	// 雍和宫 18:56:59 九龙山 19:24:32
	// bus 42 08:05:27 08:11:04 1408 m
	// bus 42 19:30:25 19:36:02 1408 m
}

func clock(second int32) string {
	return fmt.Sprintf("%02d:%02d:%02d", second/3600, second/60%60, second%60)
}
