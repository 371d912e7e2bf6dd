package jellyfin

import (
	"cmp"
	"context"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/idna"

	"github.com/jellybind/jellybind/backend/api"
)

// Jellyfin's own ports.
const (
	portHTTP  = "8096"
	portHTTPS = "8920"
)

const (
	maxTyped = 2048 // bytes of an address as typed
	maxDepth = 6    // segments of a base path
)

// FindOptions are the limits of a search.
type FindOptions struct {
	// PinnedSHA256 is the fingerprint that the person trusts. With it, an address without a scheme means https only.
	PinnedSHA256 string
	Version      string
	// Timeouts limit each probe; the defaults are shorter than a client's: 4 s for each phase.
	Timeouts Timeouts
	// Stagger is the time between the starts of two probes; a probe that fails starts the next one at once. Default
	// 150 ms.
	Stagger time.Duration
	// Grace is how long better candidates are waited for once one has answered. Default 3 s.
	Grace time.Duration
	// Dial opens the connections; nil is the network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Found is a server that was found.
type Found struct {
	Server api.Server
	// Starting is true while the server starts; then Server knows less of itself.
	Starting bool
	// Tried lists the base addresses that were asked, in the order of preference.
	Tried []string
}

// origin is a place to ask, with the base paths to ask there, the most likely one first.
type origin struct {
	scheme, host string // host with brackets and port as in a URL
	paths        []string
}

func (o origin) base(path string) string { return o.scheme + "://" + o.host + path }

// Candidates returns the base addresses that an address as typed may mean, in the order of preference.
//
// People type a host, a host and port, or paste what stands in the browser's address bar. The web client's own part
// (/web/…) is cut off; from a base path all its parents are candidates too, for it may be a page's. Without a scheme
// https comes before http, but for the ports that Jellyfin and the web use for http; without a port, the scheme's own
// port comes before Jellyfin's. What cannot be an address is an *api.Error with CodeAddressInvalid.
func Candidates(typed string) ([]string, error) {
	origins, err := parseAddress(typed)
	if err != nil {
		return nil, err
	}
	var bases []string
	for _, o := range origins {
		for _, p := range o.paths {
			bases = append(bases, o.base(p))
		}
	}
	return bases, nil
}

func invalidAddress(why string) error {
	return &api.Error{Code: api.CodeAddressInvalid, Why: "no-address", Params: map[string]string{"why": why}}
}

func parseAddress(typed string) ([]origin, error) {
	rest := strings.Trim(strings.TrimSpace(typed), "<>\"'` ")
	switch {
	case rest == "":
		return nil, invalidAddress("empty")
	case len(rest) > maxTyped:
		return nil, invalidAddress("too-long")
	}
	scheme, rest := cutScheme(strings.ReplaceAll(rest, `\`, "/"))
	if before, _, ok := strings.Cut(rest, "://"); ok && scheme == "" && !strings.ContainsAny(before, "/?#.:@[") {
		return nil, invalidAddress("other-scheme")
	}
	if strings.ContainsFunc(rest, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '\uFFFD' }) {
		return nil, invalidAddress("unprintable")
	}
	rest = strings.TrimPrefix(rest, "//")
	if i := strings.IndexAny(rest, "?#"); i >= 0 { // the web client's route, or a page's query
		rest = rest[:i]
	}
	authority, route, _ := strings.Cut(rest, "/")
	authority = typedColons.Replace(authority)
	if strings.Contains(authority, "@") {
		return nil, invalidAddress("credentials")
	}
	host, port, err := splitHost(authority)
	if err != nil {
		return nil, err
	}
	paths, err := basePaths(route)
	if err != nil {
		return nil, err
	}
	var origins []origin
	for _, p := range places(scheme, port) {
		h := host
		if p.port != "" {
			h += ":" + p.port
		}
		origins = append(origins, origin{scheme: p.scheme, host: h, paths: paths})
	}
	return origins, nil
}

// typedColons are what a slip of the finger, or another keyboard, makes of a colon. No host has them.
var typedColons = strings.NewReplacer(";", ":", "：", ":", "；", ":")

// typedScheme matches http or https as people type it: with a slash too few or too many, a missing or misplaced colon, another
// sign in place of it, or a blank after it.
var typedScheme = regexp.MustCompile(`^(?i:(https?))(?:[.,]? ?([:;：；]+) ?(/*) ?|[.,]?//+:? ?)`)

// cutScheme cuts a scheme off the beginning: of two, as when an address was pasted behind https://, the first one. The scheme is
// empty where there is none: a server may be named http, so that “http:8096” and “http/jellyfin” begin with a host.
func cutScheme(typed string) (scheme, rest string) {
	for rest = typed; ; {
		m := typedScheme.FindStringSubmatch(rest)
		if m == nil {
			return scheme, rest
		}
		after := rest[len(m[0]):]
		if port, _, _ := strings.Cut(after, "/"); m[2] != "" && m[3] == "" && port != "" && strings.Trim(port, "0123456789") == "" {
			return scheme, rest
		}
		scheme, rest = strings.ToLower(m[1]), after
	}
}

type place struct{ scheme, port string }

// places lists schemes and ports to try; an empty port is the scheme's own.
func places(scheme, port string) []place {
	switch {
	case scheme != "" && port != "":
		if scheme == "http" && port == "80" || scheme == "https" && port == "443" {
			port = ""
		}
		return []place{{scheme, port}}
	case scheme == "https":
		return []place{{"https", ""}, {"https", portHTTPS}}
	case scheme == "http":
		return []place{{"http", ""}, {"http", portHTTP}}
	case port == "80":
		return []place{{"http", ""}}
	case port == "443":
		return []place{{"https", ""}}
	case port == portHTTP:
		return []place{{"http", port}, {"https", port}}
	case port != "":
		return []place{{"https", port}, {"http", port}}
	}
	return []place{{"https", ""}, {"https", portHTTPS}, {"http", portHTTP}, {"http", ""}}
}

// splitHost returns the host as it stands in a URL (an IPv6 address in brackets, another script in Punycode) and the port.
func splitHost(authority string) (host, port string, err error) {
	if authority == "" {
		return "", "", invalidAddress("no-host")
	}
	if addr, ok := parseIPv6(authority); ok { // without brackets: no port
		return bracketed(addr), "", nil
	}
	if inside, ok := strings.CutPrefix(authority, "["); ok {
		inside, after, closed := strings.Cut(inside, "]")
		addr, ok := parseIPv6(inside)
		if !closed || !ok {
			return "", "", invalidAddress("no-ipv6")
		}
		host = bracketed(addr)
		if after == "" {
			return host, "", nil
		}
		after, ok = strings.CutPrefix(after, ":")
		if !ok {
			return "", "", invalidAddress("between")
		}
		port, err = checkPort(after)
		return host, port, err
	}
	host, rawPort, hasPort := strings.Cut(authority, ":")
	if hasPort && rawPort != "" {
		if port, err = checkPort(rawPort); err != nil {
			return "", "", err
		}
	}
	host, err = checkName(host)
	return host, port, err
}

// parseIPv6 reads an IPv6 address, its zone as people write it (%eth0) or as URLs do (%25eth0, RFC 6874).
func parseIPv6(s string) (netip.Addr, bool) {
	addr, err := netip.ParseAddr(strings.Replace(s, "%25", "%", 1))
	odd := strings.ContainsFunc(addr.Zone(), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-._~", r)
	})
	return addr, err == nil && addr.Is6() && !odd
}

func bracketed(addr netip.Addr) string {
	zone := addr.Zone()
	if zone == "" {
		return "[" + addr.String() + "]"
	}
	return "[" + addr.WithZone("").String() + "%25" + zone + "]"
}

func checkPort(s string) (string, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n == 0 {
		return "", invalidAddress("bad-port")
	}
	return strconv.FormatUint(n, 10), nil
}

func checkName(host string) (string, error) {
	host = strings.TrimSuffix(host, ".")
	if strings.ContainsFunc(host, func(r rune) bool { return r >= 0x80 }) {
		ascii, err := idna.Lookup.ToASCII(host)
		if err != nil {
			return "", invalidAddress("bad-host")
		}
		host = ascii
	}
	host = strings.ToLower(host)
	if host == "" {
		return "", invalidAddress("no-host")
	}
	if len(host) > 253 {
		return "", invalidAddress("long-host")
	}
	for label := range strings.SplitSeq(host, ".") {
		bad := strings.ContainsFunc(label, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_'
		})
		if label == "" || len(label) > 63 || bad {
			return "", invalidAddress("bad-host")
		}
	}
	if !strings.Contains(host, ".") && strings.Trim(host, "0123456789") == "" {
		return "", invalidAddress("number-host")
	}
	return host, nil
}

// basePaths lists the base paths that a route may mean: cut before the web client's part, then each parent, then none.
func basePaths(route string) ([]string, error) {
	var segments []string
	for s := range strings.SplitSeq(route, "/") {
		plain, err := url.PathUnescape(s)
		if err != nil {
			return nil, invalidAddress("bad-escape")
		}
		switch plain {
		case "", ".":
		case "..":
			segments = segments[:max(0, len(segments)-1)]
		default:
			segments = append(segments, url.PathEscape(plain))
		}
	}
	for i, s := range slices.Backward(segments) { // the last one: a base path may itself be named web
		if strings.EqualFold(s, "web") {
			segments = segments[:i]
			break
		}
	}
	segments = segments[:min(len(segments), maxDepth)]
	paths := make([]string, 0, len(segments)+1)
	for n := len(segments); n > 0; n-- {
		paths = append(paths, "/"+strings.Join(segments[:n], "/"))
	}
	return append(paths, ""), nil
}

// Find looks for Jellyfin's API at the address that a person typed. All candidates (see Candidates) are asked at the
// same time, a little staggered; the best one that answers wins, not the fastest one, so that the same address gives the
// same server each time. No credential is sent. Where nothing is found the *api.Error says what was tried and what came
// of it.
func Find(ctx context.Context, typed string, opts FindOptions) (Found, error) {
	origins, err := parseAddress(typed)
	if err != nil {
		return Found{}, err
	}
	if opts.PinnedSHA256 != "" && slices.ContainsFunc(origins, func(o origin) bool { return o.scheme == "https" }) {
		origins = slices.DeleteFunc(origins, func(o origin) bool { return o.scheme != "https" })
	}
	f := newFinder(opts)
	outcomes := f.race(ctx, origins)
	if ctx.Err() != nil {
		return Found{}, contextError(origins[0].host, ctx.Err())
	}
	var tried []string
	for _, o := range outcomes {
		for _, p := range o.probes {
			if !slices.Contains(tried, p.base) {
				tried = append(tried, p.base)
			}
		}
	}
	for _, o := range outcomes {
		if o.ok {
			return Found{Server: o.server, Starting: o.starting, Tried: tried}, nil
		}
	}
	return Found{Tried: tried}, notFound(strings.TrimSpace(typed), tried, outcomes)
}

// probe is one address that was asked in vain.
type probe struct {
	base string
	err  error
}

// outcome is what came of an origin. Its probes list every address that was asked, the successful one last.
type outcome struct {
	ok       bool
	server   api.Server
	starting bool
	probes   []probe
}

type finder struct {
	opts FindOptions
}

func newFinder(opts FindOptions) *finder {
	for _, d := range []*time.Duration{
		&opts.Timeouts.Connect, &opts.Timeouts.TLS, &opts.Timeouts.Header, &opts.Timeouts.BodyIdle, &opts.Timeouts.Body,
	} {
		if *d == 0 {
			*d = 4 * time.Second
		}
	}
	if opts.Stagger == 0 {
		opts.Stagger = 150 * time.Millisecond
	}
	if opts.Grace == 0 {
		opts.Grace = 3 * time.Second
	}
	return &finder{opts: opts}
}

// race asks all origins. It ends when the best one that can still win has answered: an origin's success counts once all
// better ones have failed, or once Grace has passed.
func (f *finder) race(ctx context.Context, origins []origin) []outcome {
	ctx, cancel := context.WithCancel(ctx)
	outcomes := make([]outcome, len(origins))
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	type report struct {
		index int
		outcome
	}
	reports := make(chan report, len(origins))
	next, pending := 0, 0
	start := func() {
		if next == len(origins) {
			return
		}
		i := next
		next, pending = next+1, pending+1
		running.Go(func() { reports <- report{i, f.ask(ctx, origins[i])} })
	}
	start()
	stagger := time.NewTicker(f.opts.Stagger)
	defer stagger.Stop()
	done := make([]bool, len(origins))
	var grace <-chan time.Time
	for pending > 0 {
		select {
		case r := <-reports:
			outcomes[r.index], done[r.index] = r.outcome, true
			pending--
			if !r.ok {
				start()
				break
			}
			next = len(origins) // nothing worse than a success is worth starting
			if grace == nil {
				t := time.NewTimer(f.opts.Grace)
				defer t.Stop()
				grace = t.C
			}
		case <-stagger.C:
			start()
		case <-grace:
			return outcomes
		case <-ctx.Done():
			return outcomes
		}
		if decided(outcomes, done) {
			return outcomes
		}
	}
	return outcomes
}

// decided reports whether all origins better than the best success have failed.
func decided(outcomes []outcome, done []bool) bool {
	for i, o := range outcomes {
		if !done[i] {
			return false
		}
		if o.ok {
			return true
		}
	}
	return true
}

// ask asks one origin, path by path. An origin that cannot be reached is not asked again, and where an answer leads to
// another base path of the origin, or from http to https on the same host, that is asked next.
func (f *finder) ask(ctx context.Context, o origin) outcome {
	const (
		most  = 12               // addresses asked at one origin, led on or not
		hops  = 3                // redirects
		limit = 15 * time.Second // for all of them
	)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var out outcome
	led := 0
	queue := make([]string, len(o.paths))
	for i, p := range o.paths {
		queue[i] = o.base(p)
	}
	seen := map[string]bool{}
	for len(queue) > 0 && len(out.probes) < most && ctx.Err() == nil {
		base := queue[0]
		queue = queue[1:]
		if seen[base] {
			continue
		}
		seen[base] = true
		server, leads, err := f.probe(ctx, base)
		out.probes = append(out.probes, probe{base, err})
		if err == nil || api.IsCode(err, api.CodeServerStarting) && server.Version != "" {
			out.ok, out.server, out.starting = true, server, err != nil
			return out
		}
		if leads != "" && led < hops {
			led++
			queue = slices.Insert(queue, 0, leads)
			continue
		}
		switch api.CodeOf(err) { //nolint:exhaustive // the others say something of the path only
		case api.CodeServerUnreachable, api.CodeTimeout, api.CodeCertificateUntrusted, api.CodeCertificateChanged,
			api.CodeServerStarting, api.CodeCancelled:
			return out
		}
	}
	return out
}

// probe asks one base address. leads is the base address that a redirect points to, when it may be followed.
func (f *finder) probe(ctx context.Context, base string) (server api.Server, leads string, err error) {
	c, err := New(Options{
		URL: base, Version: f.opts.Version, PinnedSHA256: f.opts.PinnedSHA256, Timeouts: f.opts.Timeouts, Dial: f.opts.Dial,
		Tries: 1,
	})
	if err != nil {
		return api.Server{}, "", err
	}
	defer c.CloseIdle()
	req := Request{Path: infoPath, Anonymous: true, MaxBytes: maxInfo}
	err = c.exchange(ctx, req, func(res *Response, body io.Reader) error {
		if res.Status >= 300 && res.Status <= 399 {
			leads, err = c.lead(res.Header.Get("Location"))
			if err != nil {
				return err
			}
			return c.answerError("redirect-page", nil)
		}
		if res.Status != http.StatusOK && res.Status != http.StatusServiceUnavailable {
			return c.probeStatus(res)
		}
		if mediaType, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type")); res.Status == http.StatusOK &&
			mediaType == "text/html" {
			return c.notJSON(res, errors.New("an HTML page")) // without reading it: it may be any size
		}
		b, err := io.ReadAll(body)
		if err != nil {
			return err
		}
		if res.Status == http.StatusServiceUnavailable {
			res.Body = b
			return c.probeUnavailable(res)
		}
		server, err = c.decodeInfo(res, b)
		return err
	})
	return server, leads, err
}

// probeStatus tells of an answer that is no Jellyfin's, but for a proxy's complaint that there is none behind it.
func (c *Client) probeStatus(res *Response) error {
	if res.Status == http.StatusBadGateway || res.Status == http.StatusGatewayTimeout {
		return res.Err()
	}
	e := c.answerError("", &StatusError{Status: res.Status})
	e.Why, e.Params["status"] = "server-status", strconv.Itoa(res.Status)
	return e
}

// probeUnavailable tells a starting Jellyfin's 503 from any other server's.
func (c *Client) probeUnavailable(res *Response) error {
	text := strings.ToLower(string(res.Body))
	if strings.Contains(text, "jellyfin") || strings.TrimSpace(text) == "starting" || res.Header.Get("Retry-After") == "005" {
		return c.startingError(res.Err())
	}
	return c.probeStatus(res)
}

// lead returns the base address that a redirect's Location points to. The server redirects to its web client (or, without
// one, to its API's page) when the base path is missing: what stands before it is the base path. A proxy redirects from
// http to https on the same host. Anything else is another server, and the person's to decide.
func (c *Client) lead(location string) (string, error) {
	asked := c.URL()
	asked.Path, asked.RawPath = path.Join(asked.Path, infoPath), ""
	to, err := asked.Parse(location)
	if err != nil || location == "" || to.Host == "" {
		return "", c.answerError("redirect-nowhere", nil)
	}
	upgrade := c.base.Scheme == "http" && to.Scheme == "https" && strings.EqualFold(to.Hostname(), c.base.Hostname())
	if !sameOrigin(to, c.base) && !upgrade {
		return "", c.redirectError(to)
	}
	p := to.EscapedPath()
	for _, own := range []string{infoPath, "/api-docs"} {
		if i := strings.LastIndex(strings.ToLower(p), strings.ToLower(own)); i >= 0 {
			p = p[:i]
		}
	}
	paths, err := basePaths(p)
	if err != nil {
		return "", c.answerError("redirect-nowhere", nil)
	}
	host := strings.ToLower(to.Host)
	if (to.Scheme == "https" && to.Port() == "443") || (to.Scheme == "http" && to.Port() == "80") {
		host = strings.TrimSuffix(host, ":"+to.Port())
	}
	return to.Scheme + "://" + host + paths[0], nil
}

// notFound says what was tried and what came of it. One address alone speaks for itself; of several, an untrusted
// certificate and a starting server come first, for a person can do something about them.
func notFound(typed string, tried []string, outcomes []outcome) error {
	var all []probe
	for _, o := range outcomes {
		all = append(all, o.probes...)
	}
	for _, code := range []api.Code{
		api.CodeCertificateChanged, api.CodeCertificateUntrusted, api.CodeServerStarting, api.CodeRedirectRefused,
	} {
		for _, p := range all {
			if e, ok := errors.AsType[*api.Error](p.err); ok && e.Code == code {
				return withTried(e, p.base, tried)
			}
		}
	}
	var lines []string // of an address and what came of it
	var causes []error
	codes := map[api.Code]bool{}
	for _, p := range all {
		lines = append(lines, p.base+" "+outcomeOf(p.err))
		causes = append(causes, p.err)
		codes[api.CodeOf(p.err)] = true
	}
	// An unknown name is the same for all of them, and said once.
	unknownName := !slices.ContainsFunc(all, func(p probe) bool { return !permanentlyAway(p.err) || isPlainHTTP(p.err) })
	if len(all) > 0 && codes[api.CodeServerUnreachable] && (len(all) == 1 || unknownName) {
		if e, ok := errors.AsType[*api.Error](all[0].err); ok {
			return withTried(e, "", tried)
		}
	}
	e := &api.Error{
		Code: api.CodeServerNotFound, Why: "no-jellyfin",
		Params: map[string]string{"typed": api.Printable(typed), "list": strings.Join(lines, "\n")}, Err: errors.Join(causes...),
	}
	delete(codes, api.CodeTimeout)
	delete(codes, api.CodeServerUnreachable)
	if len(codes) == 0 {
		e.Code, e.Why = api.CodeServerUnreachable, "nothing-there"
	}
	return withTried(e, "", tried)
}

// withTried copies an error and adds what was asked.
func withTried(e *api.Error, base string, tried []string) error {
	d := *e
	d.Params = map[string]string{"tried": strings.Join(tried, " ")}
	for k, v := range e.Params {
		d.Params[k] = v
	}
	if base != "" {
		d.Params["url"] = base
	}
	return &d
}

// outcomeOf names in a word what came of asking an address, for a list of several.
func outcomeOf(err error) string {
	if s := StatusOf(err); s != 0 && api.CodeOf(err) == api.CodeServerAnswer {
		return "status " + strconv.Itoa(s)
	}
	e, ok := errors.AsType[*api.Error](err)
	if !ok {
		return outcomeParts[""]
	}
	if e.Why == "odd-answer" {
		return e.Params["why"]
	}
	return cmp.Or(outcomeParts[e.Why], outcomeParts[api.Why(e.Code)], outcomeParts[""])
}

// outcomeParts are the words for outcomeOf of reasons and codes.
var outcomeParts = map[api.Why]string{
	"connection-refused": "connection-refused",
	"no-route":           "no-route",
	"no-host":            "no-name",
	"no-lookup":          "no-lookup",
	"no-tls":             "no-tls",
	"broken":             "broken",
	"proxy":              "proxy",
	"timeout":            "silent",
	"cancelled":          "cancelled",
	"redirect-refused":   "redirect",
	"":                   "away",
}
