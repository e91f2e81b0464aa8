package fare

// findPaths fills the distance and predecessor tables of a network. Of equally
// long paths the one with fewer stops wins, then the edge that comes first in
// segments.csv, so that a ride is the same in every run. It returns a member that
// cannot be reached from the first one, or 0.
func (n *network) findPaths() StationID {
	size := len(n.members)
	n.dist = make([]int32, size*size)
	n.via = make([]uint16, size*size)
	s := search{around: n.adjacency(), edges: n.edges, stops: make([]int32, size)}
	for from := range size {
		dist := n.dist[from*size : (from+1)*size]
		s.run(from, dist, n.via[from*size:(from+1)*size])
		for to, d := range dist {
			if d == unreachable {
				return n.members[to]
			}
		}
	}
	return 0
}

// adjacency lists for each member its edges in file order.
func (n *network) adjacency() [][]uint16 {
	around := make([][]uint16, len(n.members))
	for i, e := range n.edges {
		around[e.a] = append(around[e.a], uint16(i))
		around[e.b] = append(around[e.b], uint16(i))
	}
	return around
}

// search is Dijkstra's algorithm with its scratch space.
type search struct {
	around [][]uint16
	edges  []edge
	stops  []int32
	queue  []uint64
}

func (s *search) run(from int, dist []int32, via []uint16) {
	for i := range dist {
		dist[i], via[i] = unreachable, noEdge
	}
	dist[from], s.stops[from] = 0, 0
	s.queue = append(s.queue[:0], uint64(from))
	for len(s.queue) > 0 {
		key := s.pop()
		at := int(key & 0xFFFF)
		if int32(key>>32) != dist[at] || int32(key>>16&0xFFFF) != s.stops[at] {
			continue // an older, longer way to the same station
		}
		for _, i := range s.around[at] {
			e := &s.edges[i]
			to := e.a ^ e.b ^ at
			d, stops := dist[at]+int32(e.metres), s.stops[at]+1
			switch {
			case dist[to] == unreachable || d < dist[to] || d == dist[to] && stops < s.stops[to]:
				dist[to], s.stops[to], via[to] = d, stops, i
				s.push(uint64(d)<<32 | uint64(stops)<<16 | uint64(to))
			case d == dist[to] && stops == s.stops[to] && i < via[to]:
				via[to] = i
			}
		}
	}
}

func (s *search) push(key uint64) {
	s.queue = append(s.queue, key)
	q := s.queue
	for i := len(q) - 1; i > 0; {
		up := (i - 1) / 2
		if q[up] <= q[i] {
			return
		}
		q[up], q[i] = q[i], q[up]
		i = up
	}
}

func (s *search) pop() uint64 {
	q := s.queue
	top := q[0]
	last := len(q) - 1
	q[0] = q[last]
	q = q[:last]
	for i := 0; ; {
		least := i
		for _, child := range [2]int{2*i + 1, 2*i + 2} {
			if child < last && q[child] < q[least] {
				least = child
			}
		}
		if least == i {
			break
		}
		q[i], q[least] = q[least], q[i]
		i = least
	}
	s.queue = q
	return top
}
