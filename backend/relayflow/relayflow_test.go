package relayflow_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/demo/visitor"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/loopback"
	"github.com/jellybind/jellybind/backend/relayflow"
	"github.com/jellybind/jellybind/backend/secret"
	"github.com/jellybind/jellybind/backend/ssoplugin"
	"github.com/jellybind/jellybind/backend/words"
)

// unpooled keeps no connections: httptest.Server.Close closes the idle ones of http.DefaultTransport, and with them a request
// of another test that has just taken one.
var unpooled = &http.Transport{DisableKeepAlives: true}

var flavours = []api.Flavour{api.Flavour9p4, api.FlavourK0lin, api.FlavourFlowfin}

// world is a demo world with an administrator signed in.
type world struct {
	*demo.World
	plugin *ssoplugin.Plugin
}

func start(t *testing.T, o demo.Options) world {
	t.Helper()
	w, err := demo.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	client, err := jellyfin.New(jellyfin.Options{URL: w.URL(), DeviceID: "relayflow-test"})
	if err != nil {
		t.Fatal(err)
	}
	name, password := w.Admin()
	in, err := client.SignIn(t.Context(), name, password)
	if err != nil {
		t.Fatal(err)
	}
	p, err := ssoplugin.Detect(t.Context(), client.WithCredential(in.Token), api.CredentialAdmin, &in.User)
	if err != nil {
		t.Fatal(err)
	}
	return world{w, p}
}

// as signs in at the provider's page; the page that the listener shows at the end must be of that status and hold text.
func as(t *testing.T, login string, status int, text string) func(context.Context, api.SignIn) error {
	t.Helper()
	return func(_ context.Context, s api.SignIn) error {
		answer, err := visitor.New().SignIn(t.Context(), s.URL, login)
		if err != nil {
			return err
		}
		if answer.Status != status || !strings.Contains(answer.Body, text) {
			t.Errorf("page of status %d: %s", answer.Status, answer.Body)
		}
		return nil
	}
}

// TestLink goes from the first address to the link, by both protocols, on every flavour, at every kind of path.
func TestLink(t *testing.T) {
	t.Parallel()
	for _, flavour := range flavours {
		for _, base := range []string{"", "/jf"} {
			t.Run(string(flavour)+base, func(t *testing.T) {
				t.Parallel()
				w := start(t, demo.Options{Flavour: flavour, BasePath: base})
				account := w.Accounts()[0]
				person, ok := w.Person(demo.TourName)
				if !ok {
					t.Fatal("nobody is on tour")
				}
				for _, c := range []struct {
					protocol api.Protocol
					provider string
					old      bool
					host     string
					callback string
				}{
					{api.OIDC, demo.Authelia, false, "", "/sso/OID/redirect/" + demo.Authelia},
					{api.OIDC, demo.Keycloak, false, "localhost", "/sso/OID/r/" + demo.Keycloak},
					{api.OIDC, demo.Keycloak, true, "", "/sso/OID/r/" + demo.Keycloak},
					{api.SAML, demo.ADFS, false, "", "/sso/SAML/post/" + demo.ADFS},
					{api.SAML, demo.ADFS, true, "localhost", "/sso/SAML/"},
				} {
					name := fmt.Sprintf("%s %s old=%t", c.protocol, c.provider, c.old)
					now := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
					var shown api.SignIn
					result, err := relayflow.Run(t.Context(), w.plugin,
						relayflow.Request{Protocol: c.protocol, Provider: c.provider, Linking: true, OldPath: c.old},
						relayflow.Options{
							Listen: loopback.Options{Host: c.host, Timeout: time.Minute},
							Now:    func() time.Time { return now },
						}, func(ctx context.Context, s api.SignIn) error {
							shown = s
							return as(t, person.Login, http.StatusOK, `id="done"`)(ctx, s)
						})
					if err != nil {
						t.Fatalf("%s: %v", name, err)
					}
					if u, err := url.Parse(shown.URL); err != nil || u.Host != shown.Host || !shown.Deadline.Equal(now.Add(time.Minute)) {
						t.Errorf("%s: shown %+v", name, shown)
					}
					checkResult(t, name, c.protocol, base+c.callback, result)
					if c.protocol == api.OIDC && flavour != api.FlavourFlowfin {
						pending, err := w.plugin.PendingName(t.Context(), result.State)
						if want := w.Identity(c.protocol, c.provider, person).Name; err != nil || pending != want {
							t.Errorf("%s: pending %q, %v; want %q", name, pending, err, want)
						}
					}
					if err := w.plugin.PostLink(t.Context(), c.protocol, c.provider, account.ID, result.Data, result.Cookies); err != nil {
						t.Errorf("%s: linking: %v", name, err)
					}
					if err := w.plugin.DeleteLink(t.Context(), api.Link{
						Identity: w.Identity(c.protocol, c.provider, person), UserID: account.ID,
					}); err != nil {
						t.Errorf("%s: the link was not there: %v", name, err)
					}
				}
			})
		}
	}
}

func checkResult(t *testing.T, name string, protocol api.Protocol, callback string, r relayflow.Result) {
	t.Helper()
	if protocol == api.OIDC {
		if r.State.IsZero() || r.Data != r.State || !r.Response.IsZero() || r.RequestID != "" {
			t.Errorf("%s: fields of the other protocol", name)
		}
	} else if r.Response.IsZero() || r.Data != r.Response || !r.State.IsZero() || r.RequestID == "" {
		t.Errorf("%s: request %q", name, r.RequestID)
	}
	if !strings.Contains(r.ACS, callback) {
		t.Errorf("%s: answered at %q, want %q", name, r.ACS, callback)
	}
	for _, printed := range []string{fmt.Sprintf("%v", r), fmt.Sprintf("%+v", r), fmt.Sprintf("%#v", r), fmt.Sprintf("%s", r)} {
		if printed != "[sign-in]" {
			t.Errorf("%s: it prints %s", name, printed)
		}
	}
}

// TestCancelledAtTheProvider presses Cancel on the sign-in page.
func TestCancelledAtTheProvider(t *testing.T) {
	t.Parallel()
	for _, flavour := range flavours {
		t.Run(string(flavour), func(t *testing.T) {
			t.Parallel()
			w := start(t, demo.Options{Flavour: flavour})
			for protocol, provider := range map[api.Protocol]string{api.OIDC: demo.Authelia, api.SAML: demo.ADFS} {
				_, err := relayflow.Run(t.Context(), w.plugin,
					relayflow.Request{Protocol: protocol, Provider: provider, Linking: true},
					relayflow.Options{Listen: loopback.Options{Language: "de"}},
					as(t, visitor.Cancel, http.StatusBadRequest, "Der Identitätsanbieter hat die Anmeldung abgelehnt"))
				e, ok := errors.AsType[*api.Error](err)
				if e = inWords(e); !ok || e.Code != api.CodeSignInRefused || e.Hint == "" {
					t.Errorf("%s: %v", protocol, err)
					continue
				}
				want := map[api.Protocol]string{api.OIDC: "access_denied", api.SAML: "RequestDenied"}[protocol]
				if !strings.Contains(e.Sentence, want) {
					t.Errorf("%s: %q does not say %s", protocol, e.Sentence, want)
				}
			}
		})
	}
}

// TestForeignAnswers sends answers of other sign-ins, which must neither end the wait nor reach the server.
func TestForeignAnswers(t *testing.T) {
	t.Parallel()
	w := start(t, demo.Options{})
	counted := &counting{Server: w.plugin}
	for _, protocol := range []api.Protocol{api.OIDC, api.SAML} {
		counted.relayed = 0
		provider := map[api.Protocol]string{api.OIDC: demo.Authelia, api.SAML: demo.ADFS}[protocol]
		// The answer to another sign-in that was started at the same time.
		other, err := w.plugin.Start(t.Context(), ssoplugin.StartRequest{
			Protocol: protocol, Provider: provider, Host: "127.0.0.1:9", Linking: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		foreign, err := visitor.New().Choose(t.Context(), other.Location.Reveal(), demo.TourName)
		if err != nil {
			t.Fatal(err)
		}
		_, err = relayflow.Run(t.Context(), counted,
			relayflow.Request{Protocol: protocol, Provider: provider, Linking: true}, relayflow.Options{},
			func(ctx context.Context, s api.SignIn) error {
				here, err := url.Parse(s.ShortURL)
				if err != nil {
					return err
				}
				foreign.URL.Host, foreign.Host = here.Host, here.Host
				resp, err := unpooled.RoundTrip(foreign)
				if err != nil {
					return err
				}
				_ = resp.Body.Close()
				if resp.StatusCode != http.StatusBadRequest {
					t.Errorf("%s: the foreign answer: %d", protocol, resp.StatusCode)
				}
				if counted.relayed != 0 {
					t.Errorf("%s: the foreign answer was passed on", protocol)
				}
				return as(t, demo.TourName, http.StatusOK, `id="done"`)(ctx, s)
			})
		if err != nil || counted.relayed != 1 {
			t.Errorf("%s: %v, passed on %d times", protocol, err, counted.relayed)
		}
	}
}

type counting struct {
	relayflow.Server
	relayed int
}

func (c *counting) Relay(ctx context.Context, s ssoplugin.Started, cb ssoplugin.Callback) error {
	c.relayed++
	return c.Server.Relay(ctx, s, cb)
}

// TestServerRestarted restarts the server while the person signs in: it has forgotten the sign-in when the answer comes.
func TestServerRestarted(t *testing.T) {
	t.Parallel()
	for _, flavour := range flavours {
		t.Run(string(flavour), func(t *testing.T) {
			t.Parallel()
			w := start(t, demo.Options{Flavour: flavour})
			result, err := relayflow.Run(t.Context(), w.plugin,
				relayflow.Request{Protocol: api.OIDC, Provider: demo.Authelia, Linking: true}, relayflow.Options{},
				func(ctx context.Context, s api.SignIn) error {
					w.Server().Restart()
					return as(t, demo.TourName, http.StatusBadRequest, `id="failed"`)(ctx, s)
				})
			if !api.IsCode(err, api.CodeSignInExpired) || !result.Data.IsZero() {
				t.Errorf("%v (%s)", err, api.CodeOf(err))
			}
		})
	}
}

// TestStaleCookie loses the cookie that binds the sign-in to this app.
func TestStaleCookie(t *testing.T) {
	t.Parallel()
	w := start(t, demo.Options{Flavour: api.FlavourFlowfin})
	_, err := relayflow.Run(t.Context(), unbound{w.plugin},
		relayflow.Request{Protocol: api.OIDC, Provider: demo.Authelia, Linking: true}, relayflow.Options{},
		as(t, demo.TourName, http.StatusBadRequest, `id="failed"`))
	if !api.IsCode(err, api.CodeSignInExpired) {
		t.Errorf("a sign-in without its cookie: %v (%s)", err, api.CodeOf(err))
	}
}

// unbound loses the binding cookie.
type unbound struct{ relayflow.Server }

func (u unbound) Start(ctx context.Context, req ssoplugin.StartRequest) (ssoplugin.Started, error) {
	s, err := u.Server.Start(ctx, req)
	s.Cookies = nil
	return s, err
}

// fixed is a server that starts what the test says.
type fixed struct {
	started ssoplugin.Started
	err     error
	relay   error
}

func (f fixed) Start(_ context.Context, req ssoplugin.StartRequest) (ssoplugin.Started, error) {
	s := f.started
	s.Host = req.Host
	return s, f.err
}

func (f fixed) Relay(context.Context, ssoplugin.Started, ssoplugin.Callback) error { return f.relay }

func TestErrors(t *testing.T) {
	t.Parallel()
	errShow, errStart := errors.New("nothing to show it with"), errors.New("not started")
	good := ssoplugin.Started{
		Location: secret.New("https://idp.example/auth?state=SECRET"), State: secret.New("SECRET"),
		Callback:    "/sso/OID/redirect/x",
		RedirectURI: "http://127.0.0.1:1/sso/OID/redirect/x",
	}
	with := func(change func(*ssoplugin.Started)) ssoplugin.Started {
		s := good
		change(&s)
		return s
	}
	show := func(context.Context, api.SignIn) error { return nil }
	for _, c := range []struct {
		name     string
		server   fixed
		protocol api.Protocol
		show     func(context.Context, api.SignIn) error
		is       error
		code     api.Code
		hint     string
	}{
		{"start fails", fixed{err: errStart}, api.OIDC, show, errStart, api.CodeInternal, ""},
		{"javascript", fixed{started: with(func(s *ssoplugin.Started) {
			s.Location = secret.New("javascript:alert('SECRET')")
		})}, api.OIDC, nil, nil, api.CodeAddressRefused, "settings"},
		{
			"file",
			fixed{started: with(func(s *ssoplugin.Started) { s.Location = secret.New("file:///SECRET") })},
			api.OIDC, nil, nil, api.CodeAddressRefused, "settings",
		},
		{"disguised host", fixed{started: with(func(s *ssoplugin.Started) {
			s.Location = secret.New("https://bank.example@evil.example/SECRET")
		})}, api.OIDC, nil, nil, api.CodeAddressRefused, "settings"},
		{"no request id", fixed{started: good}, api.SAML, nil, nil, api.CodeInternal, ""},
		{
			"show fails",
			fixed{started: good},
			api.OIDC, func(context.Context, api.SignIn) error { return errShow },
			errShow, api.CodeInternal, "",
		},
		{"nobody comes", fixed{started: good}, api.OIDC, show, nil, api.CodeTimeout, "http://127.0.0.1:1/sso/OID/redirect/x"},
		{
			"the server accepts a refusal",
			fixed{started: good},
			api.OIDC, visit(t, "error=access_denied&state=SECRET"),
			nil, api.CodeSignInRefused, "Try again",
		},
		{
			"the server cannot be reached for a refusal",
			fixed{started: good, relay: &api.Error{Code: api.CodeServerUnreachable}},
			api.OIDC,
			visit(t, "error=access_denied&state=SECRET"), nil, api.CodeSignInRefused, "Try again",
		},
		{
			"the server cannot be reached",
			fixed{started: good, relay: &api.Error{Code: api.CodeServerUnreachable}},
			api.OIDC,
			visit(t, "code=c&state=SECRET"), nil, api.CodeServerUnreachable, "",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			result, err := relayflow.Run(t.Context(), c.server, relayflow.Request{Protocol: c.protocol, Provider: "x"},
				relayflow.Options{Listen: loopback.Options{Timeout: 300 * time.Millisecond}}, c.show)
			if !api.IsCode(err, c.code) || (c.is != nil && !errors.Is(err, c.is)) {
				t.Fatalf("error %v (%s)", err, api.CodeOf(err))
			}
			e, _ := errors.AsType[*api.Error](err)
			if _, hint := words.For("en").Error(e, words.Terminal); !strings.Contains(hint, c.hint) {
				t.Errorf("hint %q", hint)
			}
			if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), "SECRET") {
				t.Errorf("the error tells the state: %+v", err)
			}
			if !result.Data.IsZero() {
				t.Error("a result with an error")
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	request := relayflow.Request{Protocol: api.OIDC, Provider: "x"}
	_, err := relayflow.Run(ctx, fixed{started: good}, request, relayflow.Options{},
		func(context.Context, api.SignIn) error { cancel(); return nil })
	if !api.IsCode(err, api.CodeCancelled) {
		t.Errorf("cancelled: %v", err)
	}
}

// visit brings an answer to the callback at once.
func visit(t *testing.T, query string) func(context.Context, api.SignIn) error {
	t.Helper()
	return func(_ context.Context, s api.SignIn) error {
		here, err := url.Parse(s.ShortURL)
		if err != nil {
			return err
		}
		here.Path, here.RawQuery = "/sso/OID/redirect/x", query
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, here.String(), nil)
		if err != nil {
			return err
		}
		resp, err := (&http.Client{Transport: unpooled}).Do(req)
		if err != nil {
			return err
		}
		return resp.Body.Close()
	}
}

// inWords returns the error with the sentence and the hint that a person reads.
func inWords(e *api.Error) *api.Error {
	told := &api.Error{}
	if e != nil {
		*told = *e
		told.Sentence, told.Hint = words.For("en").Error(e, words.Terminal)
		told.Sentence, told.Hint = strings.ReplaceAll(told.Sentence, "’", "'"), strings.ReplaceAll(told.Hint, "’", "'")
	}
	return told
}
