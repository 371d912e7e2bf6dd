package window_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/window"
)

// TestReadsNothingOnceClosed: nothing could cancel a reading that begins after Close.
func TestReadsNothingOnceClosed(t *testing.T) {
	t.Parallel()
	w, d := newWindow(t), world(t, demo.Options{})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if p, err := w.ProbeServer(t.Context(), d.URL()); err == nil {
		t.Errorf("found %+v", p)
	}
}

// TestStopReading cancels calls that only read: they return at once although the server does not answer, and the next call
// works.
func TestStopReading(t *testing.T) {
	t.Parallel()
	w, d := newWindow(t), world(t, demo.Options{})
	var hold atomic.Bool
	var asked, released chan struct{}
	front := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if hold.Load() {
			select {
			case asked <- struct{}{}:
			default:
			}
			select {
			case <-released:
			case <-r.Context().Done():
			}
			return
		}
		d.Server().ServeHTTP(rw, r)
	}))
	released = make(chan struct{})
	t.Cleanup(front.Close)
	t.Cleanup(func() { close(released) })
	w.secret(d.APIKey().Reveal())
	s, err := w.ConnectKey(t.Context(), front.URL, "home", d.APIKey().Reveal())
	must(w, s, err)
	for name, read := range map[string]func() error{
		"a search for a server": func() error { _, err := w.ProbeServer(t.Context(), front.URL); return err },
		"an opening":            func() error { _, err := w.OpenProfile(t.Context(), "home"); return err },
		"the roster":            func() error { _, err := w.RefreshRoster(t.Context()); return err },
		"the first rows":        func() error { _, err := w.RosterPage(t.Context(), api.RosterQuery{}); return err },
	} {
		if name == "the first rows" { // they are read once
			s, err := w.OpenProfile(t.Context(), "home")
			must(w, s, err)
		}
		asked = make(chan struct{}, 1)
		hold.Store(true)
		ended := make(chan error, 1)
		go func() { ended <- read() }()
		<-asked
		w.StopReading()
		select {
		case err := <-ended:
			var crossed struct{ Code api.Code }
			if e := json.Unmarshal([]byte(window.FormatError(err).(string)), &crossed); e != nil || crossed.Code != api.CodeCancelled {
				t.Errorf("%s: the page gets %v", name, window.FormatError(err))
			}
		case <-time.After(5 * time.Second):
			t.Fatalf("%s: goes on after it was called off", name)
		}
		hold.Store(false)
		if err := read(); err != nil {
			t.Errorf("%s, once more: %v", name, err)
		}
	}
}
