// Command gen makes the embedded files of package demand.
//
//	go run ./sim/demand/gen -out sim/demand/model.bin                 fit the embedded inputs again
//	go run ./sim/demand/gen -in DIR -out sim/demand/model.bin         read the source tables first; writes inputs.bin beside model.bin
//
// DIR holds afc-real/beijing-2016-flow-15min-day3.csv and beijing-2016-stations.csv (counted passes),
// afc-real/shenzhen-2018-09-01-taps.csv.gz (of which only the number of taps on each bus route is kept, without its name),
// and beijing-subway/lines.csv and segments.csv (the 2026 network, of which the main fare network is kept).
package main
