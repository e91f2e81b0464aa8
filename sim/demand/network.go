package demand

import (
	"container/heap"
	"fmt"
	"strings"
)

const (
	metresPerHour = 33_000 // mean speed on the track, stops included
	changeSeconds = 4 * 60 // walk and wait when changing lines
	maxMinutes    = 240    // the network's fare limit on a stay is four hours
)

// hallName drops the line in brackets that tells apart two halls of one name, as the published fares do.
func hallName(station string) string {
	name, _, _ := strings.Cut(station, "(")
	return name
}

// network is a graph whose nodes are the platforms (station on a line).
type network struct {
	platform map[string][]int // station name to its platforms
	edges    [][]edge
}

type edge struct {
	to, seconds int
}

func newNetwork(segments []Segment) *network {
	g := &network{platform: map[string][]int{}}
	ids := map[[2]string]int{}
	node := func(line, station string) int {
		station = hallName(station)
		k := [2]string{line, station}
		id, ok := ids[k]
		if !ok {
			id = len(g.edges)
			ids[k] = id
			g.edges = append(g.edges, nil)
			for _, other := range g.platform[station] {
				g.link(id, other, changeSeconds)
			}
			g.platform[station] = append(g.platform[station], id)
		}
		return id
	}
	for _, s := range segments {
		g.link(node(s.Line, s.From), node(s.Line, s.To), (s.Metres*3600+metresPerHour-1)/metresPerHour)
	}
	return g
}

func (g *network) link(a, b, seconds int) {
	g.edges[a] = append(g.edges[a], edge{b, seconds})
	g.edges[b] = append(g.edges[b], edge{a, seconds})
}

// minutes returns the riding minutes between all pairs of stations, rounded up, at [from*len(stations)+to].
func (g *network) minutes(stations []string) ([]uint8, error) {
	n := len(stations)
	out := make([]uint8, n*n)
	for _, s := range stations {
		if len(g.platform[s]) == 0 {
			return nil, fmt.Errorf("station %q is not in the network; add it to the list of moved stations", s)
		}
	}
	for i, from := range stations {
		dist := g.distances(g.platform[from])
		for j, to := range stations {
			if i == j {
				continue
			}
			best := -1
			for _, p := range g.platform[to] {
				if dist[p] >= 0 && (best < 0 || dist[p] < best) {
					best = dist[p]
				}
			}
			m := (best + 59) / 60
			if best < 0 || m > maxMinutes {
				return nil, fmt.Errorf("no way from %q to %q within %d minutes", from, to, maxMinutes)
			}
			out[i*n+j] = uint8(max(m, 1))
		}
	}
	return out, nil
}

// distances is Dijkstra's shortest path in seconds from any of the given platforms; -1 where there is none.
func (g *network) distances(from []int) []int {
	dist := make([]int, len(g.edges))
	for i := range dist {
		dist[i] = -1
	}
	var q frontier
	for _, p := range from {
		heap.Push(&q, edge{p, 0})
	}
	for len(q) > 0 {
		at := heap.Pop(&q).(edge)
		if dist[at.to] >= 0 {
			continue
		}
		dist[at.to] = at.seconds
		for _, e := range g.edges[at.to] {
			if dist[e.to] < 0 {
				heap.Push(&q, edge{e.to, at.seconds + e.seconds})
			}
		}
	}
	return dist
}

// frontier is the queue of platforms reached but not settled, nearest first.
type frontier []edge

func (f frontier) Len() int           { return len(f) }
func (f frontier) Less(i, j int) bool { return f[i].seconds < f[j].seconds }
func (f frontier) Swap(i, j int)      { f[i], f[j] = f[j], f[i] }
func (f *frontier) Push(x any)        { *f = append(*f, x.(edge)) }
func (f *frontier) Pop() any {
	last := len(*f) - 1
	x := (*f)[last]
	*f = (*f)[:last]
	return x
}
