package state

import (
	"strconv"
	"strings"

	"github.com/jellybind/jellybind/backend/api"
)

func joinPorts(ports []int) string {
	words := make([]string, len(ports))
	for i, p := range ports {
		words[i] = strconv.Itoa(p)
	}
	return strings.Join(words, ", ")
}

// parsePorts reads port numbers parted by commas or blanks; none at all is allowed.
func parsePorts(s string) ([]int, bool) {
	var ports []int
	for _, w := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ';' || r == ' ' || r == '\t' }) {
		p, ok := parsePort(w)
		if !ok || p == 0 {
			return nil, false
		}
		ports = append(ports, p)
	}
	return ports, true
}

// parsePort reads one port; an empty one is 0.
func parsePort(s string) (int, bool) {
	s = strings.TrimSpace(s)
	if s == "" {
		return 0, true
	}
	p, ok := number(s)
	return p, ok && p >= api.MinPort && p <= api.MaxPort
}

// number reads a number that a person types. strconv.Atoi would bring the quoting in its errors' texts, 20 kB.
func number(s string) (int, bool) {
	n := 0
	for _, r := range s {
		if r < '0' || r > '9' || n > 1e6 {
			return 0, false
		}
		n = n*10 + int(r-'0')
	}
	return n, s != ""
}
