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

// parsePorts parses port numbers separated by commas or spaces. The list may be empty.
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

// parsePort parses one port. An empty text is 0.
func parsePort(s string) (int, bool) {
	s = strings.TrimSpace(s)
	if s == "" {
		return 0, true
	}
	p, err := strconv.Atoi(s)
	return p, err == nil && p >= api.MinPort && p <= api.MaxPort
}
