package bridge_test

import (
	"context"
	"encoding/json"
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/bridge"
	"github.com/jellybind/jellybind/frontend/state"
)

// backend answers calls in memory, in the JSON that would cross.
type backend struct {
	calls   []string
	answers map[string]any
	err     error
}

func (b *backend) Call(_ context.Context, method string, args ...any) ([]byte, error) {
	text, err := json.Marshal(args)
	if err != nil {
		return nil, err
	}
	b.calls = append(b.calls, method+string(text))
	if b.err != nil {
		return nil, b.err
	}
	return json.Marshal(b.answers[method])
}

func (b *backend) AtHand(file string, _ any) []byte {
	b.calls = append(b.calls, file)
	if b.answers[file] == nil {
		return nil
	}
	text, _ := json.Marshal(b.answers[file])
	return text
}

func TestDecodeError(t *testing.T) {
	t.Parallel()
	refused := `{"code":"forbidden","sentence":"No.","hint":"Ask.","params":{"host":"h"}}`
	quoted, _ := json.Marshal(refused)
	for _, c := range []struct {
		name string
		err  error
		want api.Code
		text string
	}{
		{"object", &bridge.Rejection{Reason: refused}, api.CodeForbidden, "No."},
		{"object in a string", &bridge.Rejection{Reason: string(quoted)}, api.CodeForbidden, "No."},
		{"text", &bridge.Rejection{Reason: "boom"}, api.CodeInternal, ""},
		{"other JSON", &bridge.Rejection{Reason: `{"a":1}`}, api.CodeInternal, ""},
		{"cancelled", context.Canceled, api.CodeCancelled, ""},
		{"no backend", errors.New("gone"), api.CodeInternal, ""},
		{"already known", &api.Error{Code: api.CodeTimeout, Sentence: "Late."}, api.CodeTimeout, "Late."},
	} {
		if got := bridge.DecodeError(c.err); got.Code != c.want || got.Sentence != c.text {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
	if bridge.DecodeError(nil) != nil {
		t.Error("no error became one")
	}
}

func TestCalls(t *testing.T) {
	t.Parallel()
	b := &backend{answers: map[string]any{
		"RosterPage": api.RosterPage{
			Total: 3,
		},
		"StartLink": "f1",
		"Bootstrap": api.Bootstrap{Profiles: []api.Profile{{Name: "b"}}},
		"RemoveLinks": api.Removal{
			Changes: []api.Change{{ID: "1"}}, Error: &api.Error{Code: api.CodeCancelled, Params: map[string]string{"done": "1"}},
		},
		"RemoveLinksViaUnregister": api.Removal{},
		"UndoChanges": api.UndoResult{
			Changes: []api.Change{{ID: "3", Undoes: "1"}}, Failed: "2", Error: &api.Error{Code: api.CodeChangeNotUndoable},
		},
	}}
	app := bridge.New(b)
	run := func(c state.Call) state.Msg { return c.Do(t.Context(), app) }
	if m, ok := run(state.CallPage{Generation: 2, Page: 1, Query: api.RosterQuery{Search: "é"}}).(state.PageLoaded); !ok ||
		m.Generation != 2 ||
		m.Rows.Total != 3 {
		t.Errorf("page: %+v", m)
	}
	wanted := state.CallPage{AtHand: true}
	if m, ok := run(wanted).(state.PageLoaded); !ok || m.Rows.Total != 3 || b.calls[len(b.calls)-2] != "rows.json" {
		t.Errorf("rows that are not at hand do not come by the bound method: %+v, %v", m, b.calls)
	}
	b.answers["rows.json"] = api.RosterPage{Total: 7}
	if m, ok := run(wanted).(state.PageLoaded); !ok || m.Rows.Total != 7 || b.calls[len(b.calls)-1] != "rows.json" {
		t.Errorf("rows that are at hand: %+v, %v", m, b.calls)
	}
	if m, ok := run(state.CallStartLink{Request: api.LinkRequest{UserID: "u"}}).(state.FlowStarted); !ok || m.ID != "f1" ||
		m.Err != nil {
		t.Errorf("link: %+v", m)
	}
	if m, ok := run(state.CallRename{Old: "a", New: "b"}).(state.ProfilesChanged); !ok || m.Old != "a" ||
		len(m.Boot.Profiles) != 1 {
		t.Errorf("rename: %+v", m)
	}
	if m, ok := run(state.CallUndo{Changes: []string{"1", "2"}}).(state.Undone); !ok || m.Done != 1 || m.Of != 2 || m.Err == nil {
		t.Errorf("undo: %+v", m)
	}
	if m, ok := run(state.CallRemove{}).(state.Removed); !ok || len(m.Changes) != 1 || m.Err == nil || m.Err.Params["done"] != "1" {
		t.Errorf("a stopped removal: %+v", m)
	}
	if m, ok := run(state.CallRemove{Detour: true}).(state.Removed); !ok || m.Err != nil {
		t.Errorf("a removal: %+v", m)
	}
	if m := run(state.CallCancelFlow{ID: "x"}); m != nil {
		t.Errorf("cancel: %+v", m)
	}
	want := []string{`RenameProfile["a","b"]`, `Bootstrap[""]`, `UndoChanges[["1","2"]]`, `CancelFlow["x"]`}
	for _, w := range want {
		if !slices.ContainsFunc(b.calls, func(c string) bool { return c == w || c == strings.Replace(w, "[]", "null", 1) }) {
			t.Errorf("%s was not called: %v", w, b.calls)
		}
	}
	b.err = &bridge.Rejection{Reason: `{"code":"timeout","sentence":"Late."}`}
	if m, ok := run(state.CallSaveProvider{Secret: "s"}).(state.ProviderSaved); !ok || m.Err == nil ||
		m.Err.Code != api.CodeTimeout {
		t.Errorf("save: %+v", m)
	}
	if slices.ContainsFunc(b.calls, func(c string) bool { return strings.HasPrefix(c, "SaveProviderSecret") }) {
		t.Error("the secret was sent although the settings were refused")
	}
}

func TestEvent(t *testing.T) {
	t.Parallel()
	if m, ok := bridge.Event("flow", []byte(`{"id":"f","step":"sign-in","signIn":{"host":"h"}}`)).(state.FlowMoved); !ok ||
		m.Event.SignIn.Host != "h" {
		t.Errorf("flow: %+v", m)
	}
	if m, ok := bridge.Event("session", []byte(`{"server":{"id":"s"}}`)).(state.Renewed); !ok || m.Session.Server.ID != "s" {
		t.Errorf("session: %+v", m)
	}
	for _, c := range [][2]string{{"flow", "nonsense"}, {"unknown", "{}"}, {"roster", "[]"}} {
		if m := bridge.Event(c[0], []byte(c[1])); m != nil {
			t.Errorf("%v: %+v", c, m)
		}
	}
}

// TestWindowStaysSmall checks what the window is linked from: these packages would make it larger by a quarter and more.
func TestWindowStaysSmall(t *testing.T) {
	t.Parallel()
	list := exec.Command("go", "list", "-deps", "github.com/jellybind/jellybind/frontend")
	list.Env = append(list.Environ(), "GOOS=js", "GOARCH=wasm")
	out, err := list.Output()
	if err != nil {
		t.Skipf("go list does not run here: %v", err)
	}
	deps := strings.Fields(string(out))
	for _, heavy := range []string{"net/http", "encoding/json", "fmt", "os", "regexp"} {
		if slices.Contains(deps, heavy) {
			t.Errorf("the window links %s", heavy)
		}
	}
}
