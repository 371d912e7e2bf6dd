package cli

import (
	"strings"
	"testing"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/words"
)

// TestVerifiedNotes: the terminal says what the JSON says, why no session was opened and what the sign-in was like.
func TestVerifiedNotes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		verified api.Verified
		want     string
	}{
		"nothing": {api.Verified{SignedIn: true}, ""},
		"both": {api.Verified{
			Effects: []api.Remark{{Why: "effect-admin-off"}},
			Remarks: []api.Remark{{Why: "saml-expired", Params: map[string]string{"date": "2026-11-23"}}},
		}, "Signing in to Jellyfin would change that account:\n" +
			"• " + words.For("en").Why("effect-admin-off", nil) + "\n" +
			"Note: " + words.For("en").Why("saml-expired", map[string]string{"date": "2026-11-23"}) + "\n"},
	} {
		var b strings.Builder
		a := &app{words: words.For("en"), out: newPrinter(&b)}
		a.out.width = 200
		if a.verifiedNotes(c.verified); b.String() != c.want {
			t.Errorf("%s: got\n%swant\n%s", name, b.String(), c.want)
		}
	}
}
