package ssoplugin

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/jellyfin"
)

// A start names the loopback as its Host. Proxies that choose a site by its name do not know that name, and each makes
// something else of it. What came back is looked up in one table, unusual. It only counts as a proxy's doing while the same
// server answers under its own name: otherwise the server itself is in trouble, and the error says that.

// unusual is what came back to a start, where it is not a sign-in whose answer comes to the loopback. One of err, resp, to
// and led is set.
type unusual struct {
	// err is why no answer came.
	err *api.Error
	// resp is an answer that is not a redirect.
	resp *jellyfin.Response
	// to is where a redirect leads that does not start a sign-in.
	to *url.URL
	// led is the redirect URI or ACS of a sign-in whose answer goes elsewhere, and route whether it is at the plugin's route.
	led   *url.URL
	route bool

	host string   // the loopback, as the request named it
	base *url.URL // the server's own address
}

// unusualAnswers says what each answer means. The first row that matches counts.
var unusualAnswers = []struct {
	why   api.Why
	match func(unusual) bool
}{
	{"proxied-closed", func(u unusual) bool { return u.failed("broken") }},
	{"proxied-silent", func(u unusual) bool { return u.failed("silent", "stopped") }},
	{"proxied-garbled", func(u unusual) bool { return u.err != nil }},
	{"led-https", func(u unusual) bool { return u.led != nil && u.led.Scheme == "https" && sameHost(u.led, u.host) }},
	{"proxied-gate", func(u unusual) bool { return u.led != nil && !u.route }},
	{"led-name", func(u unusual) bool { return u.led != nil && u.named(u.led) }},
	{"led-host", func(u unusual) bool { return u.led != nil }},
	{"proxied-name", func(u unusual) bool { return u.to != nil && u.named(u.to) }},
	{"proxied-redirect", func(u unusual) bool { return u.to != nil }},
	{"proxied-sign-in", unusual.gate},
	{"proxied-empty", func(u unusual) bool { return u.resp.Status < 300 && len(u.resp.Body) == 0 }},
	{"proxied-page", func(u unusual) bool { return u.resp.Status < 300 }},
	{"proxied-failed", func(u unusual) bool { return u.resp.Status >= 500 }},
	{"proxied-refused", func(unusual) bool { return true }},
}

// failed reports whether no answer came for one of these reasons of the client.
func (u unusual) failed(reasons ...api.Why) bool {
	return u.err != nil && slices.Contains(reasons, u.err.Why)
}

// named reports whether an address is the server's own name. A relative redirect stays there.
func (u unusual) named(to *url.URL) bool {
	return to.Host == "" || strings.EqualFold(to.Hostname(), u.base.Hostname())
}

var passwordField = regexp.MustCompile(`(?i)<input[^>]+type=["']?password`)

// gate reports whether somebody in front of the server wants a sign-in first.
func (u unusual) gate() bool {
	return u.resp.Header.Get("WWW-Authenticate") != "" || u.resp.Status == http.StatusProxyAuthRequired ||
		passwordField.Match(u.resp.Body)
}

var pageTitle = regexp.MustCompile(`(?is)<title[^>]*>([^<]*)</title>`)

// answer is what the page says, as a person sees it in a browser: status, and title or text.
func (u unusual) answer() string {
	if u.resp == nil {
		return ""
	}
	status := strings.TrimSpace(strconv.Itoa(u.resp.Status) + " " + http.StatusText(u.resp.Status))
	said := ""
	kind, _, err := mime.ParseMediaType(u.resp.Header.Get("Content-Type"))
	switch title := pageTitle.FindSubmatch(u.resp.Body); {
	case title != nil:
		said = string(title[1])
	case err == nil && kind == "text/plain":
		said, _, _ = strings.Cut(strings.TrimSpace(string(u.resp.Body)), "\n")
	}
	if said = api.Short(said); said == "" || strings.Contains(status, said) {
		return status
	}
	return status + ", “" + said + "”"
}

// explain says what an unusual answer means. otherwise is what it means where the server does not answer under its own name
// either, or where another server does.
func (p *Plugin) explain(ctx context.Context, req StartRequest, u unusual, otherwise error) error {
	if u.led == nil { // else the plugin itself has answered
		if err := answersByName(ctx, p.over(req.Via), req.ServerID); err != nil {
			if u.err == nil && away(err) {
				return fmt.Errorf("starting a sign-in: %w", err)
			}
			return otherwise
		}
	}
	u.host, u.base = req.Host, p.over(req.Via).URL()
	to := ""
	for _, address := range []*url.URL{u.to, u.led} {
		switch {
		case address == nil:
		case address.Host == "":
			to = api.Printable(address.Path)
		default:
			to = api.Printable(address.Scheme + "://" + address.Host)
		}
	}
	params := map[string]string{
		"host": u.host, "server": u.base.Host, "to": to, "answer": u.answer(), "provider": req.Provider,
	}
	for _, row := range unusualAnswers {
		if !row.match(u) {
			continue
		}
		e := &api.Error{Code: api.CodeLoopbackUnreachable, Why: row.why, Params: params}
		if u.err != nil {
			e.Err = u.err
		}
		return e
	}
	return otherwise
}

// answersByName asks, once, whether the server answers under its own name. An id that is not empty must be the server's.
func answersByName(ctx context.Context, at place, id string) error {
	server, err := at.PublicInfoNow(ctx)
	if err == nil && id != "" && normalID(id) != normalID(server.ID) {
		err = errors.New("another server answers there")
	}
	return err
}

// away reports whether an error says that the server itself cannot be reached now, or the caller has given up.
func away(err error) bool {
	switch api.CodeOf(err) { //nolint:exhaustive // the others are answers that say nothing of the server
	case api.CodeServerStarting, api.CodeServerUnreachable, api.CodeTimeout, api.CodeCancelled:
		return true
	}
	return false
}

// pluginsOwn reports whether the plugin, or Jellyfin around it, gave an answer to a start. Theirs is a sentence that begins
// with "Error", the sentence about a missing provider, or problem JSON.
func pluginsOwn(resp *jellyfin.Response) bool {
	kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return err == nil && (kind == "application/problem+json" || kind == "text/plain" || kind == "application/json") &&
		(kind == "application/problem+json" || said(resp) == noProvider || strings.HasPrefix(said(resp), "Error "))
}

// unanswered explains a start that got no answer. Where no connection came about, the Host did not matter.
func (p *Plugin) unanswered(ctx context.Context, req StartRequest, err error) error {
	otherwise := fmt.Errorf("starting a sign-in: %w", err)
	e, ok := errors.AsType[*api.Error](err)
	if !ok {
		return otherwise
	}
	u := unusual{err: e}
	if !u.failed("broken", "silent", "stopped", "odd-answer") {
		return otherwise
	}
	return p.explain(ctx, req, u, otherwise)
}
