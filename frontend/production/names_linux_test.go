package production_test

import (
	"context"
	"strings"
	"testing"
)

// TestBusNamesEveryControl goes through the screens as a screen reader does: whatever can be pressed, filled or chosen has a
// name on the accessibility bus.
func TestBusNamesEveryControl(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "")
	d.open(production(t), "maria")
	d.named("button", "Try the demo")
	d.everyControl("the welcome screen", 6)
	d.click("button", "Try the demo")
	d.named("button", "Link an identity to bastian")
	d.everyControl("the roster", 40)
	for _, s := range []struct{ button, shows string }{
		{"Providers", "Check certificate: adfs"},
		{"Self-service", "Copy entry"},
		{"Settings", "Check again"},
	} {
		d.click("button", s.button+"…")
		d.named("button", s.shows)
		d.everyControl(s.button, 10)
	}
	d.click("button", "Accounts…")
	d.click("button", "Link an identity to bastian")
	d.click("radio", "authelia OIDC…")
	d.named("button", "Open browser and sign in")
	d.everyControl("linking", 10)
	d.keys("Escape", "Escape")
	d.gone("button", "Open browser and sign in")
	d.keys("ctrl+k")
	d.named("", "Type a command")
	d.everyControl("the commands", 2)
}

// controls are the roles of what can be used.
const controls = "button radio toggle entry checkbox choice tab link"

// everyControl complains about what has no name, and about fewer controls than the screen has.
func (d *desk) everyControl(where string, least int) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), patience)
	defer cancel()
	found := map[string]int{}
	n := 0
	d.walk(ctx, func(seen told) bool {
		if seen.role == "" || !strings.Contains(controls, seen.role) {
			return false
		}
		found[seen.role]++
		n++
		if strings.TrimSpace(seen.name) == "" {
			d.t.Errorf("on %s, a %s has no name", where, seen.role)
		}
		return false
	})
	if d.t.Logf("%s: %v", where, found); n < least {
		d.t.Errorf("%s has %d controls only", where, n)
	}
}
