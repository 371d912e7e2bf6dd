package jellyfin

import (
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/jellybind/jellybind/backend/api"
)

// maxInfo bounds System/Info/Public, which is 200 bytes.
const maxInfo = 64 << 10

const infoPath = "/System/Info/Public"

// PublicInfo asks the server what it is; it needs no credential. While the server starts, CodeServerStarting is returned
// together with as much of the server as is known. A media server that is no Jellyfin is CodeServerNotFound.
//
// A starting Jellyfin goes through these phases (measured on 10.11): nothing listens; a small set-up server answers
// System/Info/Public with camelCase names and everything else with 503 and "Retry-After: 005"; the real one listens but
// answers 503; it answers with PascalCase names, and the plugins' routes still give 404 for a moment.
func (c *Client) PublicInfo(ctx context.Context) (api.Server, error) {
	return c.publicInfo(ctx, Request{Idempotent: true})
}

// PublicInfoNow is PublicInfo without a second try and without waiting: it says what the server answers at this moment.
func (c *Client) PublicInfoNow(ctx context.Context) (api.Server, error) {
	return c.publicInfo(ctx, Request{Idempotent: true, Once: true})
}

func (c *Client) publicInfo(ctx context.Context, req Request) (api.Server, error) {
	req.Path, req.Anonymous, req.MaxBytes = infoPath, true, maxInfo
	var server api.Server
	err := c.exchange(ctx, req, func(res *Response, body io.Reader) error {
		if err := c.check(res, body); err != nil {
			return err
		}
		b, err := io.ReadAll(body)
		if err != nil {
			return err
		}
		server, err = c.decodeInfo(res, b)
		return err
	})
	return server, err
}

func (c *Client) decodeInfo(res *Response, b []byte) (api.Server, error) {
	var wire struct { // encoding/json matches camelCase and PascalCase alike
		ID                     string `json:"Id"`
		ServerName             string `json:"ServerName"`
		Version                string `json:"Version"`
		ProductName            string `json:"ProductName"`
		StartupWizardCompleted bool   `json:"StartupWizardCompleted"`
	}
	var names map[string]json.RawMessage
	if err := json.Unmarshal(b, &names); err != nil {
		return api.Server{}, c.notJSON(res, err)
	}
	if err := json.Unmarshal(b, &wire); err != nil {
		return api.Server{}, c.notJSON(res, err)
	}
	server := api.Server{
		ID: UserID(wire.ID), Name: wire.ServerName, Version: wire.Version, URL: c.base.String(),
		WizardCompleted: wire.StartupWizardCompleted,
	}
	if wire.Version == "" || !strings.Contains(strings.ToLower(wire.ProductName), "jellyfin") {
		e := c.answerError("not-jellyfin", nil)
		if wire.Version != "" && wire.ServerName != "" {
			e = c.answerError("other-media-server", nil)
		}
		e.Code = api.CodeServerNotFound
		return api.Server{}, e
	}
	if _, final := names["Version"]; !final {
		server.WizardCompleted = true // the set-up server does not know, and always says false
		return server, c.startingError(nil)
	}
	return server, nil
}

func (c *Client) startingError(cause error) error {
	return &api.Error{Code: api.CodeServerStarting, Params: map[string]string{"host": c.base.Host}, Err: cause}
}

// How long WaitReady waits, and how often it looks.
const (
	downLimit     = 45 * time.Second // without any answer
	startingLimit = 10 * time.Minute // while it says that it starts; migrations of a large library take minutes
	routesLimit   = 15 * time.Second // for a plugin's routes, once the server is up
	firstPace     = 250 * time.Millisecond
	lastPace      = 2 * time.Second
	longestWait   = 30 * time.Second // of a Retry-After
)

// WaitReady waits until the server has started, and tells progress what it waits for. A server that is up already costs
// two requests. When it had to be waited for, routes (paths of a plugin, relative to the base URL) are waited for too,
// until none of them gives 404, for 15 s at most: then the plugin is not there, which is the caller's to find out.
//
// A server that does not answer at all for 45 s is CodeServerUnreachable; one that starts for over ten minutes is
// CodeServerStarting. What waiting cannot mend, such as an unknown name or an untrusted certificate, is returned at once.
func (c *Client) WaitReady(ctx context.Context, progress func(api.Progress), routes ...string) error {
	if progress == nil {
		progress = func(api.Progress) {}
	}
	w := waiter{c: c, progress: progress, begun: time.Now(), answered: time.Now(), pace: firstPace}
	for {
		state, err := c.look(ctx)
		if state == stateUp {
			break
		}
		if ctx.Err() != nil {
			return contextError(c.base.Host, ctx.Err())
		}
		if state == stateWrong {
			return err
		}
		if err := w.wait(ctx, state, err); err != nil {
			return err
		}
	}
	if !w.waited {
		return nil
	}
	return w.routes(ctx, routes)
}

type readiness int

const (
	stateUp       readiness = iota
	stateDown               // nobody answers
	stateStarting           // somebody answers: not yet
	stateWrong              // waiting does not help
)

// look takes one look, without retries, for WaitReady has its own pace.
func (c *Client) look(ctx context.Context) (readiness, error) {
	_, err := c.PublicInfoNow(ctx)
	if err != nil {
		return classify(err), err
	}
	res, err := c.Do(ctx, Request{Path: "/health", Anonymous: true, MaxBytes: maxInfo, Idempotent: true, Once: true})
	if err != nil {
		return classify(err), err
	}
	switch word := strings.TrimSpace(string(res.Body)); {
	case word == "Healthy", word == "Degraded":
	case word == "Unhealthy", res.Status == http.StatusServiceUnavailable:
		return stateStarting, res.Err()
	}
	// A proxy may hide /health; the API's answer is enough then.
	return stateUp, nil
}

func classify(err error) readiness {
	switch api.CodeOf(err) { //nolint:exhaustive // all others stay wrong
	case api.CodeServerStarting, api.CodeRateLimited:
		return stateStarting
	case api.CodeServerUnreachable, api.CodeTimeout:
		if permanentlyAway(err) {
			return stateWrong
		}
		return stateDown
	}
	return stateWrong
}

// waiter paces WaitReady.
type waiter struct {
	c        *Client
	progress func(api.Progress)
	begun    time.Time
	answered time.Time // when somebody answered last
	pace     time.Duration
	waited   bool
}

// wait waits before the next look, or says why there is none.
func (w *waiter) wait(ctx context.Context, state readiness, err error) error {
	now := time.Now()
	if state == stateStarting {
		w.answered = now
	}
	if now.Sub(w.answered) >= downLimit {
		return err
	}
	if now.Sub(w.begun) >= startingLimit {
		return w.c.startingError(err)
	}
	w.waited = true
	step := api.Progress{Step: "waiting-for-server"}
	if state == stateStarting {
		step = api.Progress{Step: "server-starting"}
	}
	w.progress(step)
	pause := w.pace + rand.N(w.pace/4)
	if said := RetryAfterOf(err, w.c.now()); said > 0 {
		pause = min(said, longestWait) + rand.N(firstPace)
	} else {
		w.pace = min(2*w.pace, lastPace)
	}
	return w.sleep(ctx, pause)
}

func (w *waiter) sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return contextError(w.c.base.Host, ctx.Err())
	case <-t.C:
		return nil
	}
}

// routes waits for a plugin's routes.
func (w *waiter) routes(ctx context.Context, routes []string) error {
	begun := time.Now()
	for _, path := range routes {
		for {
			res, err := w.c.Do(ctx, Request{Path: path, Anonymous: true, Idempotent: true, Once: true})
			if ctx.Err() != nil {
				return contextError(w.c.base.Host, ctx.Err())
			}
			settled := err == nil && res.Status != http.StatusNotFound && res.Status != http.StatusServiceUnavailable
			if settled || time.Since(begun) >= routesLimit {
				break
			}
			w.progress(api.Progress{Step: "loading-plugins"})
			if err := w.sleep(ctx, firstPace+rand.N(firstPace)); err != nil {
				return err
			}
		}
	}
	return nil
}
