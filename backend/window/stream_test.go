package window_test

import (
	"testing"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/demo/server"
)

// earlier is a world with a version of the plugin that has no list of all links.
func earlier(t *testing.T) *demo.World {
	t.Helper()
	return world(t, demo.Options{Flavour: api.FlavourFlowfin, PluginVersion: server.Flowfin421, Users: 100})
}

func TestRosterIsShownWhileItIsRead(t *testing.T) {
	t.Parallel()
	w, d := newWindow(t), earlier(t)
	ctx := t.Context()
	s, err := w.ConnectPassword(ctx, d.URL(), "home", "root", password)
	must(w, s, err)
	var parts []api.RosterPage
	stop := true
	w.listen = func(e told) {
		if e.event != api.EventRoster {
			return
		}
		p, err := w.RosterPage(ctx, api.RosterQuery{Limit: 500})
		if err != nil {
			t.Error(err)
		}
		if parts = append(parts, p); stop {
			w.StopReading()
		}
	}
	// What was stopped half way is not taken for the roster: the next call reads it to its end.
	_, err = w.RosterPage(ctx, api.RosterQuery{})
	w.refused(api.CodeCancelled, err)
	stop, parts = false, nil
	whole, err := w.RosterPage(ctx, api.RosterQuery{Limit: 500})
	must(w, whole, err)

	before := -1
	for _, p := range parts {
		read := 0
		for _, a := range p.Rows {
			if a.Changed || a.Unread && len(a.Identities) > 0 {
				t.Errorf("while it is read: %+v", a)
			}
			if !a.Unread {
				read++
			}
		}
		if p.Total != whole.Total || read <= before || p.Counts.Linked+p.Counts.Unlinked != read {
			t.Errorf("%d of %d accounts, %d read after %d, counts %+v", p.Total, whole.Total, read, before, p.Counts)
		}
		before = read
	}
	if len(parts) < 3 {
		t.Errorf("shown %d times", len(parts))
	}
	for _, a := range whole.Rows {
		if a.Unread {
			t.Errorf("%s was not read", a.Name)
		}
	}

	// A refresh keeps what is known until it has all.
	parts = nil
	counts, err := w.RefreshRoster(ctx)
	if must(w, counts, err) != whole.Counts || len(parts) != 0 {
		t.Errorf("counts %+v, before %+v; shown %d times", counts, whole.Counts, len(parts))
	}
}

func TestRosterThatAKeyCannotRead(t *testing.T) {
	t.Parallel()
	w, d := newWindow(t), earlier(t)
	ctx := t.Context()
	w.secret(d.APIKey().Reveal())
	s, err := w.ConnectKey(ctx, d.URL(), "home", d.APIKey().Reveal())
	if c := must(w, s, err).Capabilities; c.ReadRoster.OK || c.ReadRoster.Why != "key-roster" {
		t.Errorf("reading the roster: %+v", c.ReadRoster)
	}
	page, err := w.RosterPage(ctx, api.RosterQuery{})
	w.refused(api.CodeForbidden, err)
	if page.Rows != nil {
		t.Errorf("%d rows", len(page.Rows))
	}
}
