package server

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// access says who may use a route.
type access int

const (
	anyone   access = iota
	signedIn        // any access token or API key
	elevated        // an administrator's access token or an API key
	setup           // anyone until the first-run wizard is done, nobody after
)

// route is one method of one path. A segment of the pattern in braces matches any segment.
type route struct {
	method  string
	pattern string
	access  access
	handle  func(*call) answer
	// undeclared is true for the actions that do not declare that they produce JSON: their problem documents are
	// problem+json.
	undeclared bool
	writes     bool // links or sign-in providers: see Hostile.FailWrites
	segments   []string
}

// call is one request on its way through a route.
type call struct {
	*http.Request
	s     *Server
	route *route
	vars  map[string]string
	who   principal
	body  []byte
}

// maxBody bounds a request's body: provider configurations with 10,000 links are under a megabyte.
const maxBody = 8 << 20

// ServeHTTP answers a request as the simulated server does.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.opts.Latency > 0 {
		wait := time.NewTimer(s.opts.Latency)
		defer wait.Stop()
		select {
		case <-wait.C:
		case <-r.Context().Done():
			return
		}
	}
	s.serve(r).write(w)
}

// stored answers a write that went through, unless the server is hostile.
func (s *Server) stored(a answer) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.hostile.FailWrites {
	case FaultAnswer500:
		return failed(http.StatusInternalServerError)
	case FaultCut:
		return answer{cut: true}
	case FaultNone:
	}
	return a
}

func (s *Server) serve(r *http.Request) answer {
	path, inside := strings.CutPrefix(r.URL.EscapedPath(), s.opts.BasePath)
	if !inside || (path != "" && path[0] != '/') {
		return redirect(webClient(r.URL.Path, s.opts.BasePath))
	}
	segments := routeSegments(path)
	if a, done := s.starting(r, segments); done {
		return a
	}
	if len(segments) == 0 {
		return redirect(webClient(r.URL.Path, s.opts.BasePath))
	}
	found, vars, wrongMethod := s.match(r.Method, segments)
	switch {
	case found == nil && wrongMethod != "":
		return answer{status: http.StatusMethodNotAllowed, header: http.Header{"Allow": {wrongMethod}}}
	case found == nil:
		return bare(http.StatusNotFound)
	}
	c := &call{Request: r, s: s, route: found, vars: vars}
	if status := c.authorize(found.access); status != 0 {
		return bare(status)
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return bare(http.StatusRequestEntityTooLarge)
	} else if err != nil {
		return bare(http.StatusBadRequest)
	}
	c.body = body
	a := found.handle(c)
	if found.writes && a.status < http.StatusMultipleChoices {
		return s.stored(a)
	}
	return a
}

// match finds the route, or the method that the path would take. Literal segments are matched before variable ones
// because of the order of the table, and in any case, as ASP.NET Core does.
func (s *Server) match(method string, segments []string) (found *route, vars map[string]string, allow string) {
	for i := range s.routes {
		r := &s.routes[i]
		vars, ok := matchSegments(r.segments, segments)
		if !ok {
			continue
		}
		if r.method == method {
			return r, vars, ""
		}
		allow = r.method
	}
	return nil, nil, allow
}

func matchSegments(pattern, segments []string) (map[string]string, bool) {
	if len(pattern) != len(segments) {
		return nil, false
	}
	var vars map[string]string
	for i, p := range pattern {
		switch {
		case p[0] == '{':
			if vars == nil {
				vars = map[string]string{}
			}
			vars[p[1:len(p)-1]] = segments[i]
		case !strings.EqualFold(p, segments[i]):
			return nil, false
		}
	}
	return vars, true
}

// routeSegments splits a path as Kestrel and ASP.NET Core do: percent escapes are decoded once, but for %2F; after that "."
// and ".." are resolved, so that "%2E" is one too; and a slash at the end counts for nothing.
func routeSegments(escaped string) []string {
	var segments []string
	for s := range strings.SplitSeq(escaped, "/") {
		switch s = decodeSegment(s); s {
		case "", ".":
		case "..":
			if len(segments) > 0 {
				segments = segments[:len(segments)-1]
			}
		default:
			segments = append(segments, s)
		}
	}
	return segments
}

func decodeSegment(s string) string {
	parts := strings.Split(s, "%")
	for i, p := range parts[1:] {
		if len(p) >= 2 && strings.EqualFold(p[:2], "2f") {
			parts[i+1] = "25" + p // escaped once more, so that it stays
		}
	}
	decoded, err := url.PathUnescape(strings.Join(parts, "%"))
	if err != nil {
		return s
	}
	return decoded
}

// webClient is where a path outside the base URL, or none at all, is sent: the recorded builds had no web client, so that
// it is the API's documentation, with a relative address as deep as the path.
func webClient(path, base string) string {
	const page = "api-docs/swagger"
	up := strings.Repeat("../", max(strings.Count(path, "/")-1, 0))
	if base != "" && path == base+"/" {
		return page
	}
	if base == "" {
		return up + page
	}
	return up + base[1:] + "/" + page
}
