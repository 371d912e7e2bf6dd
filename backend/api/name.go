package api

import (
	"strconv"
	"strings"
)

// ShortName returns a profile name for the server: what it calls itself with dashes for blanks, or else its host name.
func (s Server) ShortName() string {
	if name := strings.Join(strings.Fields(Printable(s.Name)), "-"); name != "" {
		return name
	}
	_, host, _ := strings.Cut(s.URL, "://")
	host, _, _ = strings.Cut(host, "/")
	if port := strings.LastIndexByte(host, ':'); port > strings.LastIndexByte(host, ']') {
		host = host[:port]
	}
	return strings.Trim(host, "[]")
}

// FreeName returns name, or name with "-2", "-3" and so on if it is taken.
func FreeName(name string, taken func(string) bool) string {
	free := name
	for i := 2; taken(free); i++ {
		free = name + "-" + strconv.Itoa(i)
	}
	return free
}
