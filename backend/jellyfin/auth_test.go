package jellyfin_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/secret"
	"github.com/jellybind/jellybind/backend/words"
)

const qcSecret = "5ec2e75ec2e75ec2e75ec2e7"

// wantCode fails unless the error has the code. It returns the error with what a person reads.
func wantCode(t *testing.T, err error, code api.Code) *api.Error {
	t.Helper()
	e, ok := err.(*api.Error) //nolint:errorlint // the promise is the type itself
	if !ok {
		t.Fatalf("error is %T (%v), want *api.Error %s", err, err, code)
	}
	if e.Code != code {
		t.Fatalf("code %s (%v), want %s", e.Code, e, code)
	}
	told := *e
	told.Sentence, told.Hint = words.For("en").Error(e, words.Terminal)
	if strings.Contains(told.Sentence+told.Hint, "Error processing") || e.Why != "" && words.For("en").Why(e.Why, e.Params) == "" {
		t.Errorf("not a sentence for people: %v", e)
	}
	return &told
}

// signInServer answers as recorded: root/rootpw is an administrator, dave is disabled, alice a plain user.
func signInServer(t *testing.T) string {
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		p := parts(r.Header.Get("Authorization"))
		if p["DeviceId"] == "" || p["Client"] == "" || p["Device"] == "" || p["Version"] == "" {
			recorded(t, "sign in", "no client header", "").write(w)
			return
		}
		if r.URL.Path != "/Users/AuthenticateByName" || r.Method != http.MethodPost || p["Token"] != "" {
			http.Error(w, "unexpected", http.StatusTeapot)
			return
		}
		var body struct{ Username, Pw string }
		_ = json.NewDecoder(r.Body).Decode(&body)
		switch body.Username + "/" + body.Pw {
		case "root/rootpw":
			a := recorded(t, "sign in", "password sign-in root", "")
			a.Body = strings.Replace(a.Body, "{{token.admin.old}}", "{{token.admin}}", 1)
			a.write(w)
		case "alice/pw":
			recorded(t, "users", "password sign-in alice", "").write(w)
		case "dave/pw":
			recorded(t, "user deleted", "sign in disabled", "").write(w)
		default:
			recorded(t, "sign in", "wrong password", "").write(w)
		}
	})
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	c := client(t, signInServer(t), "an-old-token")
	in, err := c.SignIn(t.Context(), "root", secret.New("rootpw"))
	if err != nil {
		t.Fatal(err)
	}
	want := api.User{
		ID: rootID, Name: "root", Administrator: true, HasPassword: true,
		AuthProvider: "Jellyfin.Server.Implementations.Users.DefaultAuthenticationProvider",
		LastActivity: time.Date(2026, 11, 24, 6, 15, 16, 123456700, time.UTC),
	}
	if d := cmp.Diff(want, in.User); d != "" {
		t.Error(d)
	}
	if !strings.HasPrefix(in.Token.Reveal(), "token-admin") {
		t.Errorf("token %q", in.Token.Reveal())
	}
	if s := fmt.Sprintf("%v %+v %#v", in, in, in); strings.Contains(s, "token-") {
		t.Errorf("a printed sign-in shows its token: %s", s)
	}
	for name, code := range map[string]api.Code{
		"root": api.CodeCredentialRefused, "ghost": api.CodeCredentialRefused, "dave": api.CodeAccountDisabled,
	} {
		_, err := c.SignIn(t.Context(), name, secret.New("pw"))
		e := wantCode(t, err, code)
		if strings.Contains(fmt.Sprintf("%+v", *e), "Pw") {
			t.Errorf("%s: the error holds the request", name)
		}
	}
}

func TestSignInWithoutDeviceID(t *testing.T) {
	t.Parallel()
	c := client(t, signInServer(t), "", func(o *jellyfin.Options) { o.DeviceID = "" })
	_, err := c.SignIn(t.Context(), "root", secret.New("rootpw"))
	wantCode(t, err, api.CodeServerRefused)
}

func TestSignInAnswerThatIsNone(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{}`, `{"AccessToken":"x"}`, `[]`, `null`, ``, `<html>`, `{"User":{"Id":"` + rootID + `","Name":"a"}}`} {
		base := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
		_, err := client(t, base, "").SignIn(t.Context(), "a", secret.New("b"))
		wantCode(t, err, api.CodeServerAnswer)
	}
}

// quickConnectServer approves at the third look.
func quickConnectServer(t *testing.T, polls *int, mu *sync.Mutex) string {
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		switch r.Method + " " + r.URL.Path {
		case "GET /QuickConnect/Enabled":
			recorded(t, "quick connect", "enabled", "").write(w)
		case "POST /QuickConnect/Initiate":
			recorded(t, "quick connect", "initiate", "").write(w)
		case "GET /QuickConnect/Connect":
			if r.URL.Query().Get("secret") != qcSecret {
				recorded(t, "quick connect", "poll unknown", "").write(w)
				return
			}
			*polls++
			if *polls < 3 {
				recorded(t, "quick connect", "poll", "").write(w)
			} else {
				recorded(t, "quick connect", "poll after", "").write(w)
			}
		case "POST /Users/AuthenticateWithQuickConnect":
			var body struct{ Secret string }
			_ = json.NewDecoder(r.Body).Decode(&body)
			if *polls < 3 || body.Secret != qcSecret {
				recorded(t, "quick connect", "exchange before approval", "").write(w)
				return
			}
			recorded(t, "quick connect", "exchange", "").write(w)
		default:
			http.NotFound(w, r)
		}
	})
}

func TestQuickConnect(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	polls := 0
	c := client(t, quickConnectServer(t, &polls, &mu), "")
	if on, err := c.QuickConnectEnabled(t.Context()); err != nil || !on {
		t.Fatalf("enabled: %v, %v", on, err)
	}
	q, err := c.StartQuickConnect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if q.Code != "182168" || q.Secret.Reveal() != qcSecret {
		t.Errorf("code %q, secret %q", q.Code, q.Secret.Reveal())
	}
	q.Pace = 5 * time.Millisecond
	in, err := c.AwaitQuickConnect(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if in.User.ID != rootID || in.Token.IsZero() || polls != 3 {
		t.Errorf("signed in as %+v after %d looks", in.User, polls)
	}
	q.Secret = secret.New(strings.Repeat("f", 64))
	_, err = c.AwaitQuickConnect(t.Context(), q)
	e := wantCode(t, err, api.CodeQuickConnectExpired)
	if strings.Contains(fmt.Sprint(e.Sentence, e.Hint, e.Params, e.Err), "ffff") {
		t.Error("the error holds the secret")
	}
}

func TestQuickConnectOff(t *testing.T) {
	t.Parallel()
	base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		recordedAnswer{Status: 401, Type: "text/plain", Body: "Error processing request."}.write(w)
	})
	_, err := client(t, base, "").StartQuickConnect(t.Context())
	wantCode(t, err, api.CodeQuickConnectOff)
}

func TestSignOut(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	ended := false
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case ended || tokenOf(r) != "token-carol":
			recorded(t, "session end", "me after logout", "").write(w)
		case r.Method == http.MethodPost && r.URL.Path == "/Sessions/Logout":
			ended = true
			recorded(t, "session end", "logout", "").write(w)
		}
	})
	c := client(t, base, "token-carol")
	if err := c.SignOut(t.Context()); err != nil || !ended {
		t.Fatalf("ended %v: %v", ended, err)
	}
	if err := c.SignOut(t.Context()); err != nil {
		t.Errorf("signing out twice: %v", err)
	}
	_, err := c.Me(t.Context())
	wantCode(t, err, api.CodeCredentialRefused)
}

// probeServer answers the routes of the recorded capability probe for each credential.
func probeServer(t testing.TB) string {
	all, err := recordings()
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		as := map[string]string{"": "none", "token-admin": "admin", "token-user": "user", keyValue: "apikey"}[tokenOf(r)]
		if as == "" {
			as = "invalid"
		}
		for _, e := range all {
			if e.Section == "capability probe" && e.As == as && e.Method == r.Method && fill(e.Path) == r.URL.Path {
				e.answer(t).write(w)
				return
			}
		}
		http.NotFound(w, r)
	})
}

func TestIdentify(t *testing.T) {
	t.Parallel()
	base := probeServer(t)
	for token, want := range map[string]struct {
		kind api.CredentialKind
		user string
	}{
		"":            {api.CredentialNone, ""},
		"token-admin": {api.CredentialAdmin, "root"},
		"token-user":  {api.CredentialUser, "alice"},
		keyValue:      {api.CredentialKey, ""},
	} {
		kind, user, err := client(t, base, token).Identify(t.Context())
		if err != nil {
			t.Fatalf("%q: %v", token, err)
		}
		name := ""
		if user != nil {
			name = user.Name
		}
		if kind != want.kind || name != want.user {
			t.Errorf("%q is %s of %q, want %s of %q", token, kind, name, want.kind, want.user)
		}
	}
	_, _, err := client(t, base, "no-such-token").Identify(t.Context())
	wantCode(t, err, api.CodeCredentialRefused)
}

// keyServer keeps API keys; made runs after each creation, with the lock held.
type keyServer struct {
	mu   sync.Mutex
	keys []map[string]any
	made func(k *keyServer)
	lost bool // says 204 and makes none
}

func (k *keyServer) add(app, value string) {
	k.keys = append(k.keys, map[string]any{
		"Id": 0, "AccessToken": value, "AppName": app, "DateCreated": "2026-11-24T06:15:16.1234567Z",
	})
}

func (k *keyServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case r.Method == http.MethodGet && r.URL.Path == "/Auth/Keys":
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_ = json.NewEncoder(w).Encode(map[string]any{"Items": k.keys, "TotalRecordCount": len(k.keys), "StartIndex": 0})
	case r.Method == http.MethodPost && r.URL.Path == "/Auth/Keys":
		if !k.lost {
			k.add(r.URL.Query().Get("app"), fmt.Sprintf("%032x", len(k.keys)+1))
		}
		if k.made != nil {
			k.made(k)
		}
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodDelete:
		for i, key := range k.keys {
			if "/Auth/Keys/"+key["AccessToken"].(string) == r.URL.Path {
				k.keys = append(k.keys[:i], k.keys[i+1:]...)
				break
			}
		}
		w.WriteHeader(http.StatusNoContent)
	}
}

func TestKeyLife(t *testing.T) {
	t.Parallel()
	k := &keyServer{}
	k.add("contract", keyValue)
	k.add("Jellybind", "0000000000000000000000000000beef")
	c := client(t, serve(t, k.ServeHTTP), keyValue)
	key, err := c.CreateKey(t.Context(), "Jellybind")
	if err != nil || key.Reveal() != fmt.Sprintf("%032x", 3) {
		t.Fatalf("key %q: %v", key.Reveal(), err)
	}
	keys, err := c.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 24, 6, 15, 16, 123456700, time.UTC)
	want := []api.APIKey{
		{App: "contract", Created: at, Own: true, Tail: "3333"},
		{App: "Jellybind", Created: at, Tail: "beef"},
		{App: "Jellybind", Created: at, Tail: "0003"},
	}
	if d := cmp.Diff(want, keys); d != "" {
		t.Error(d)
	}
	for range 2 { // the second time it is gone already
		if err := c.RevokeKey(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
	wantCode(t, c.RevokeKeyByTail(t.Context(), "Jellybind", "0003"), api.CodeUsage)
	if err := c.RevokeKeyByTail(t.Context(), "Jellybind", "BEEF"); err != nil {
		t.Fatal(err)
	}
	if len(k.keys) != 1 {
		t.Errorf("left: %v", k.keys)
	}
	wantCode(t, c.RevokeKey(t.Context(), secret.Value{}), api.CodeInternal)
}

func TestKeyTailTwice(t *testing.T) {
	t.Parallel()
	k := &keyServer{}
	k.add("A", "1111beef")
	k.add("A", "2222beef")
	c := client(t, serve(t, k.ServeHTTP), keyValue)
	wantCode(t, c.RevokeKeyByTail(t.Context(), "A", "beef"), api.CodeUsage)
	if len(k.keys) != 2 {
		t.Error("one of two like keys was revoked")
	}
}

func TestCreateKeyRace(t *testing.T) {
	t.Parallel()
	others := 0
	k := &keyServer{}
	k.made = func(k *keyServer) { // somebody else makes one of the same name, and one of another
		if others++; others == 1 {
			k.add("Jellybind", "theirs-1")
		}
		k.add("Other", fmt.Sprint("other-", others))
	}
	key, err := client(t, serve(t, k.ServeHTTP), keyValue).CreateKey(t.Context(), "Jellybind")
	if err != nil {
		t.Fatal(err)
	}
	if got := k.keys[3]["AccessToken"]; key.Reveal() != got { // after: ours, theirs, other, ours again
		t.Errorf("took %q, made %q", key.Reveal(), got)
	}
	always := &keyServer{made: func(k *keyServer) { k.add("Jellybind", fmt.Sprint("theirs-", len(k.keys))) }}
	_, err = client(t, serve(t, always.ServeHTTP), keyValue).CreateKey(t.Context(), "Jellybind")
	wantCode(t, err, api.CodeServerRefused)
	_, err = client(t, serve(t, (&keyServer{lost: true}).ServeHTTP), keyValue).CreateKey(t.Context(), "Jellybind")
	wantCode(t, err, api.CodeServerAnswer)
}

// TestCreateKeyCancelled leaves no key behind, whenever the person gives up.
func TestCreateKeyCancelled(t *testing.T) {
	t.Parallel()
	for request := 1; request <= 3; request++ { // the list, the making, the list again
		k := &keyServer{}
		k.add("Jellybind", "earlier")
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		asked := 0
		c := client(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
			if asked++; asked == request {
				cancel()
			}
			k.ServeHTTP(w, r)
		}), keyValue)
		_, err := c.CreateKey(ctx, "Jellybind")
		wantCode(t, err, api.CodeCancelled)
		if len(k.keys) != 1 {
			t.Errorf("cancelled in request %d: the server has %v", request, k.keys)
		}
	}
	// Where somebody else has made one too, nobody can tell which to revoke, and that is said.
	ctx, cancel := context.WithCancel(t.Context())
	k := &keyServer{made: func(k *keyServer) { k.add("Jellybind", "theirs"); cancel() }}
	_, err := client(t, serve(t, k.ServeHTTP), keyValue).CreateKey(ctx, "Jellybind")
	e := wantCode(t, err, api.CodeCancelled)
	if len(k.keys) != 2 || e.Why != "key-left" {
		t.Errorf("left %v: %v", k.keys, err)
	}
}

// TestCreateKeyThatIsNotShown: the person reads that there is one now.
func TestCreateKeyThatIsNotShown(t *testing.T) {
	t.Parallel()
	k := &keyServer{}
	_, err := client(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && len(k.keys) > 0 {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		k.ServeHTTP(w, r)
	}), keyValue).CreateKey(t.Context(), "Jellybind")
	if e := wantCode(t, err, api.CodeForbidden); e.Why != "key-unlisted" {
		t.Errorf("got %v", err)
	}
}

func TestCreateKeyParallel(t *testing.T) {
	t.Parallel()
	k := &keyServer{}
	c := client(t, serve(t, k.ServeHTTP), keyValue)
	var mu sync.Mutex
	seen := map[string]bool{}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			key, err := c.WithCredential(secret.New(keyValue)).CreateKey(t.Context(), "Jellybind")
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if seen[key.Reveal()] {
				t.Errorf("key %s was given out twice", key.Reveal())
			}
			seen[key.Reveal()] = true
		})
	}
	all.Wait()
	if len(k.keys) != 8 {
		t.Errorf("%d keys were made", len(k.keys))
	}
}

func TestKeysAreForAdministrators(t *testing.T) {
	t.Parallel()
	base := probeServer(t)
	_, err := client(t, base, "token-user").Keys(t.Context())
	wantCode(t, err, api.CodeForbidden)
	keys, err := client(t, base, keyValue).Keys(t.Context())
	if err != nil || len(keys) != 1 || !keys[0].Own || keys[0].App != "contract" {
		t.Errorf("%+v, %v", keys, err)
	}
}
