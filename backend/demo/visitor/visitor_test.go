package visitor_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/jellybind/jellybind/backend/demo/visitor"
)

// provider leads from /start to a page with two people and back to target.
func provider(t *testing.T, target string) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("GET /start", http.RedirectHandler("/page?id=1", http.StatusFound))
	mux.HandleFunc("GET /page", func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "here", Value: "yes"})
		_, _ = w.Write([]byte(`<form method="post" action="choose"><input type="hidden" name="id" value="1">
			<button id="person-a" name="person" value="a">A</button><button id="person-b/c" name="person" value="b/c">B</button>
			<button id="cancel" name="cancel" value="1">Cancel</button></form>`))
	})
	mux.HandleFunc("POST /choose", func(w http.ResponseWriter, r *http.Request) {
		if c, err := r.Cookie("here"); err != nil || c.Value != "yes" || r.FormValue("id") != "1" {
			http.Error(w, "no cookie or no id", http.StatusBadRequest)
			return
		}
		switch {
		case r.FormValue("cancel") != "" && r.FormValue("person") != "":
			http.Error(w, "two buttons", http.StatusBadRequest)
		case r.FormValue("cancel") != "":
			http.Redirect(w, r, target+"?error=access_denied", http.StatusSeeOther)
		default:
			http.Redirect(w, r, "/back?person="+r.FormValue("person"), http.StatusSeeOther)
		}
	})
	mux.HandleFunc("GET /back", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, target+"?code="+r.FormValue("person"), http.StatusFound)
	})
	mux.Handle("GET /loop", http.RedirectHandler("/loop", http.StatusFound))
	mux.Handle("GET /lost", http.RedirectHandler("http://127.0.0.1:1/?state=hidden", http.StatusFound))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	application := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusAccepted)
		_, _ = w.Write([]byte(r.URL.RawQuery))
	}))
	t.Cleanup(application.Close)
	p := provider(t, application.URL+"/cb")
	for login, want := range map[string]string{"a": "code=a", "b/c": "code=b/c", visitor.Cancel: "error=access_denied"} {
		got, err := visitor.New().SignIn(t.Context(), p.URL+"/start", login)
		if err != nil {
			t.Errorf("%q: %v", login, err)
			continue
		}
		if got.Status != http.StatusAccepted || got.Body != want || got.URL != application.URL+"/cb?"+want {
			t.Errorf("%q: %+v", login, got)
		}
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	p := provider(t, "http://127.0.0.1:1/cb")
	for name, c := range map[string]struct{ path, login, want string }{
		"nobody of that name": {"/start", "z", `no button "person-z"`},
		"no page":             {"/nothing", "a", "404"},
		"without end":         {"/loop", "a", "without end"},
		"nobody answers":      {"/lost", "a", "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := visitor.New().Choose(t.Context(), p.URL+c.path, c.login)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hidden") {
				t.Errorf("error %v", err)
			}
		})
	}
	// Nobody listens where the sign-in comes back to: the error must not tell the code.
	if _, err := visitor.New().SignIn(t.Context(), p.URL+"/start", "a"); err == nil || strings.Contains(err.Error(), "code=") {
		t.Errorf("error %v", err)
	}
}
