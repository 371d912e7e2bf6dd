package jellyfin_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/jellyfin"
)

const (
	pascal = `{"LocalAddress":"http://127.0.0.1:8120","ServerName":"vm","Version":"10.11.11","ProductName":"Jellyfin Server",` +
		`"OperatingSystem":"","Id":"{{serverId}}","StartupWizardCompleted":true}`
	camel = `{"localAddress":"http://127.0.0.1:8120","serverName":"vm","version":"10.11.11","productName":"Jellyfin Server",` +
		`"operatingSystem":"","id":"{{serverId}}","startupWizardCompleted":false}`
)

// startup answers as the recorded server did, by the time since its start. The recording's bodies of
// System/Info/Public are cut; they are the same but for the letters' case.
type startup struct {
	t     *testing.T
	begun time.Time
	slow  time.Duration // how many times slower than the recorded one
	mu    sync.Mutex
	asked []string
}

func (s *startup) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at := time.Since(s.begun) / max(s.slow, 1)
	s.mu.Lock()
	s.asked = append(s.asked, r.URL.Path)
	s.mu.Unlock()
	all, err := recordings()
	if err != nil {
		s.t.Error(err)
		return
	}
	var last *exchange
	for i, e := range all {
		if e.Section == "while the server starts" && e.Path == r.URL.Path && time.Duration(e.At)*time.Millisecond <= at {
			last = &all[i]
		}
	}
	if r.URL.Path == "/sso/OID/GetNames" && at > 6*time.Second {
		recordedAnswer{Status: 200, Type: "application/json; charset=utf-8", Body: "[]"}.write(w)
		return
	}
	if last == nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	a := last.answer(s.t)
	switch {
	case strings.HasPrefix(a.Body, `{"local`):
		a.Body = camel
	case strings.HasPrefix(a.Body, `{"Local`):
		a.Body = pascal
	}
	a.write(w)
}

func TestWaitReadyThroughTheRecordedStart(t *testing.T) {
	t.Parallel()
	for _, slow := range []int{1, 10} {
		synctest.Test(t, func(t *testing.T) {
			var n pipeNet
			s := &startup{t: t, begun: time.Now(), slow: time.Duration(slow)}
			time.AfterFunc(time.Duration(3190*slow)*time.Millisecond, func() { n.serve(t, s) })
			c := client(t, "http://jf", "the-token", func(o *jellyfin.Options) { o.Dial = n.dial })
			var steps []string
			err := c.WaitReady(t.Context(), func(p api.Progress) {
				if len(steps) == 0 || steps[len(steps)-1] != p.Step {
					steps = append(steps, p.Step)
				}
			}, "/sso/OID/GetNames")
			took := time.Since(s.begun)
			if err != nil || took < time.Duration(6*slow)*time.Second || took > time.Duration(6*slow)*time.Second+9*time.Second {
				t.Errorf("ready after %s: %v", took, err)
			}
			for _, want := range []string{"waiting-for-server", "server-starting", "loading-plugins"} {
				if slow == 10 && !slices.Contains(steps, want) {
					t.Errorf("%q was not told: %q", want, steps)
				}
			}
			c.CloseIdle()
		})
	}
}

func TestWaitReadyHonoursRetryAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var n pipeNet
		begun := time.Now()
		var at []time.Duration
		n.serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if time.Since(begun) > 12*time.Second {
				if r.URL.Path == "/health" {
					recordedAnswer{Status: 200, Type: "text/plain", Body: "Healthy"}.write(w)
					return
				}
				recordedAnswer{Status: 200, Type: "application/json", Body: pascal}.write(w)
				return
			}
			at = append(at, time.Since(begun))
			recordedAnswer{Status: 503, Type: "text/html", RetryAfter: "005", Body: "starting"}.write(w)
		}))
		c := client(t, "http://jf", "", func(o *jellyfin.Options) { o.Dial = n.dial })
		if err := c.WaitReady(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if len(at) != 3 || at[1] < 5*time.Second || at[2] < 10*time.Second || at[2] > 11*time.Second {
			t.Errorf("asked at %v", at)
		}
		c.CloseIdle()
	})
}

func TestWaitReadyIsQuickWhenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var n pipeNet
		s := &startup{t: t, begun: time.Now().Add(-time.Hour)}
		n.serve(t, s)
		c := client(t, "http://jf", "", func(o *jellyfin.Options) { o.Dial = n.dial })
		begun := time.Now()
		err := c.WaitReady(t.Context(), func(p api.Progress) { t.Errorf("progress: %s", p.Step) }, "/sso/nothing")
		if err != nil || time.Since(begun) != 0 || len(s.asked) != 2 {
			t.Errorf("%v after %s, asked %v", err, time.Since(begun), s.asked)
		}
		c.CloseIdle()
	})
}

func TestWaitReadyEnds(t *testing.T) {
	t.Parallel()
	always := func(a recordedAnswer) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { a.write(w) })
	}
	for name, tt := range map[string]struct {
		handler     http.Handler
		code        api.Code
		least, most time.Duration
	}{
		"stays down":         {nil, api.CodeServerUnreachable, 45 * time.Second, 50 * time.Second},
		"starts for ever":    {always(recordedAnswer{Status: 503, RetryAfter: "005"}), api.CodeServerStarting, 10 * time.Minute, 11 * time.Minute},
		"camelCase for ever": {always(recordedAnswer{Status: 200, Body: camel}), api.CodeServerStarting, 10 * time.Minute, 11 * time.Minute},
		"proxy alone":        {always(recordedAnswer{Status: 502}), api.CodeServerUnreachable, 45 * time.Second, 50 * time.Second},
		"no Jellyfin":        {always(recordedAnswer{Status: 200, Type: "text/html", Body: "<html>"}), api.CodeServerAnswer, 0, 0},
		"refuses":            {always(recordedAnswer{Status: 403}), api.CodeForbidden, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var n pipeNet
				if tt.handler != nil {
					n.serve(t, tt.handler)
				}
				c := client(t, "http://jf", "", func(o *jellyfin.Options) { o.Dial = n.dial })
				begun := time.Now()
				wantCode(t, c.WaitReady(t.Context(), nil), tt.code)
				if took := time.Since(begun); took < tt.least || took > tt.most {
					t.Errorf("ended after %s, want %s to %s", took, tt.least, tt.most)
				}
				c.CloseIdle()
			})
		})
	}
}

func TestWaitReadyCancelled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var n pipeNet
		c := client(t, "http://jf", "", func(o *jellyfin.Options) { o.Dial = n.dial })
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(7*time.Second, cancel)
		begun := time.Now()
		wantCode(t, c.WaitReady(ctx, nil), api.CodeCancelled)
		if took := time.Since(begun); took != 7*time.Second {
			t.Errorf("ended after %s", took)
		}
		ctx, cancel = context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		wantCode(t, c.WaitReady(ctx, nil), api.CodeTimeout)
	})
}

// TestWaitReadyWithoutThePlugin: routes that stay away do not keep a server from being ready.
func TestWaitReadyWithoutThePlugin(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var n pipeNet
		s := &startup{t: t, begun: time.Now()}
		time.AfterFunc(4*time.Second, func() { n.serve(t, s) })
		c := client(t, "http://jf", "", func(o *jellyfin.Options) { o.Dial = n.dial })
		begun := time.Now()
		err := c.WaitReady(t.Context(), nil, "/sso/absent", "/sso/absent/too")
		if took := time.Since(begun); err != nil || took < 15*time.Second || took > 30*time.Second {
			t.Errorf("%v after %s", err, took)
		}
		c.CloseIdle()
	})
}

// TestQuickConnectWaits: a server that is away for a moment does not end the wait, one that stays away does,
// and nobody waits for ever.
func TestQuickConnectWaits(t *testing.T) {
	t.Parallel()
	poll := func(t *testing.T, name string) recordedAnswer { return recorded(t, "quick connect", name, "") }
	for name, tt := range map[string]struct {
		answer      func(t *testing.T, at time.Duration) recordedAnswer
		code        api.Code
		least, most time.Duration
	}{
		"nobody approves": {
			func(t *testing.T, _ time.Duration) recordedAnswer { return poll(t, "poll") },
			api.CodeQuickConnectExpired, 10 * time.Minute, 11 * time.Minute,
		},
		"the server forgets it": {func(t *testing.T, at time.Duration) recordedAnswer {
			if at > time.Minute {
				return poll(t, "poll unknown")
			}
			return poll(t, "poll")
		}, api.CodeQuickConnectExpired, time.Minute, time.Minute + 3*time.Second},
		"away for a moment": {func(t *testing.T, at time.Duration) recordedAnswer {
			if at > 4*time.Second && at < 8*time.Second {
				return recordedAnswer{Status: 503}
			}
			if at > 20*time.Second {
				return poll(t, "poll unknown")
			}
			return poll(t, "poll")
		}, api.CodeQuickConnectExpired, 20 * time.Second, 24 * time.Second},
		"away for good": {
			func(*testing.T, time.Duration) recordedAnswer { return recordedAnswer{Status: 502} },
			api.CodeServerUnreachable, 5 * time.Second, time.Minute,
		},
		"refused": {func(*testing.T, time.Duration) recordedAnswer { return recordedAnswer{Status: 403} }, api.CodeForbidden, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var n pipeNet
				begun := time.Now()
				n.serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { tt.answer(t, time.Since(begun)).write(w) }))
				c := client(t, "http://jf", "", func(o *jellyfin.Options) { o.Dial = n.dial })
				_, err := c.AwaitQuickConnect(t.Context(), jellyfin.QuickConnect{Code: "1"})
				wantCode(t, err, tt.code)
				if took := time.Since(begun); took < tt.least || took > tt.most {
					t.Errorf("ended after %s, want %s to %s", took, tt.least, tt.most)
				}
				c.CloseIdle()
			})
		})
	}
}

func TestPublicInfo(t *testing.T) {
	t.Parallel()
	base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		recorded(t, "before the first-run wizard", "public info", "").write(w)
	})
	s, err := client(t, base, "").PublicInfo(t.Context())
	want := api.Server{ID: serverID, Name: "vm", Version: "10.11.11", URL: base}
	if err != nil || s != want {
		t.Errorf("%+v, %v", s, err)
	}
	base = serve(t, func(w http.ResponseWriter, _ *http.Request) { recordedAnswer{Status: 200, Body: camel}.write(w) })
	s, err = client(t, base, "").PublicInfo(t.Context())
	wantCode(t, err, api.CodeServerStarting)
	if s.Name != "vm" || !s.WizardCompleted {
		t.Errorf("%+v", s)
	}
}
