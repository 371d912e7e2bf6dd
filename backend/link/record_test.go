package link_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/journal"
	"github.com/jellybind/jellybind/backend/link"
)

// forgetful makes the journal unwritable after a change was recorded as intended.
func forgetful(t *testing.T, w *world) {
	t.Helper()
	dir := t.TempDir()
	w.Journal = journal.Open(dir, time.Now)
	w.intercepting(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost || r.Method == http.MethodDelete {
			file := filepath.Join(dir, w.ServerID+".jsonl")
			if err := os.RemoveAll(file); err != nil {
				t.Error(err)
			}
			if err := os.Mkdir(file, 0o700); err != nil {
				t.Error(err)
			}
		}
		return false
	}, "")
}

// TestChangeThatTheJournalDoesNotTake: the error says that the change was made.
func TestChangeThatTheJournalDoesNotTake(t *testing.T) {
	t.Parallel()
	w := newWorld(t, api.FlavourK0lin, api.CredentialAdmin)
	account := w.account(t, "noah")
	forgetful(t, w)
	_, err := w.Remove(t.Context(), link.RemoveRequest{
		Links: []api.Link{{Identity: account.Identities[0], UserID: account.ID}},
	}, quiet)
	if !api.IsCode(err, api.CodeHalfDone) || whyOf(err) != "change-unwritten" {
		t.Errorf("got %v (%s)", err, api.CodeOf(err))
	}
}
