package link_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/link"
)

var (
	yes   = api.Ability{OK: true}
	no    = api.Ability{Why: "not-this"}
	maria = api.User{ID: "1", Name: "maria"}
)

// capabilities repeats the capabilities that the plan depends on by hand, so that a change on either side is noticed.
func capabilities(f api.Flavour, as api.CredentialKind) api.Capabilities {
	c := api.Capabilities{
		Flavour: f, Credential: as, ReadRoster: yes, NameBeforeWrite: no, PostLink: no, PostLinkOwn: no, WriteConfig: no,
		Preprovision: no,
	}
	flowfin := f == api.FlavourFlowfin
	c.LinksInConfig, c.SecretsReadable, c.StateOnce = !flowfin, !flowfin, flowfin
	switch as {
	case api.CredentialAdmin:
		c.PostLink, c.PostLinkOwn = yes, yes
		fallthrough
	case api.CredentialKey:
		if flowfin {
			c.Preprovision = yes
		} else {
			c.WriteConfig, c.NameBeforeWrite = yes, yes
		}
		c.ReadConfig = yes
	case api.CredentialUser:
		c.PostLinkOwn, c.ReadRoster = yes, no
	case api.CredentialNone:
	}
	return c
}

func provider(p api.Protocol) api.Provider {
	return api.Provider{
		Protocol: p, Name: "my idp", Known: true, Enabled: true, NewPath: true, NameClaim: "preferred_username",
		Certificate: map[api.Protocol]string{api.SAML: "MII"}[p], ClientID: "jellyfin", Endpoint: "https://idp.example.com",
		OIDC: api.OIDCSettings{Rule: api.NameRule{Claim: "preferred_username", Fallback: "sub"}},
	}
}

func facts(f api.Flavour, as api.CredentialKind, p api.Protocol) link.Facts {
	base, _ := url.Parse("https://media.example.com/jf")
	facts := link.Facts{
		Account: maria, Provider: provider(p), Capabilities: capabilities(f, as), Base: base, Ports: []int{18701, 18702},
		Settings: api.ProviderSettings{ClientID: "jellybind"},
	}
	if as != api.CredentialKey {
		facts.Self = "1"
	}
	return facts
}

func TestMakePlan(t *testing.T) {
	t.Parallel()
	flowfin := api.FlavourFlowfin
	for name, c := range map[string]struct {
		facts  link.Facts
		change func(*link.Facts)
		// want is strategy and write method, or the code of the error.
		want string
	}{
		"9p4 token":            {facts(api.Flavour9p4, api.CredentialAdmin, api.OIDC), nil, "relay post-link"},
		"9p4 token SAML":       {facts(api.Flavour9p4, api.CredentialAdmin, api.SAML), nil, "relay post-link"},
		"9p4 key":              {facts(api.Flavour9p4, api.CredentialKey, api.OIDC), nil, "relay config"},
		"K0lin key SAML":       {facts(api.FlavourK0lin, api.CredentialKey, api.SAML), nil, "assertion config"},
		"Flowfin token":        {facts(flowfin, api.CredentialAdmin, api.OIDC), nil, "relay post-link"},
		"K0lin token, OIDC":    {facts(api.FlavourK0lin, api.CredentialAdmin, api.OIDC), nil, "relay post-link"},
		"Flowfin key":          {facts(flowfin, api.CredentialKey, api.OIDC), nil, "own-client preprovision"},
		"Flowfin key SAML":     {facts(flowfin, api.CredentialKey, api.SAML), nil, "assertion preprovision"},
		"own user":             {facts(flowfin, api.CredentialUser, api.OIDC), nil, "relay post-link"},
		"own user, by subject": {facts(flowfin, api.CredentialUser, api.OIDC), choose(api.StrategySubject), "unsupported"},
		"another's account": {
			facts(api.Flavour9p4, api.CredentialUser, api.OIDC), func(f *link.Facts) { f.Self = "2" },
			"unsupported",
		},
		"no client id, no secret": {
			facts(flowfin, api.CredentialKey, api.OIDC), func(f *link.Facts) { f.Settings.ClientID = "" },
			"client-secret-missing",
		},
		"the plugin's secret was typed": {
			facts(flowfin, api.CredentialKey, api.OIDC),
			func(f *link.Facts) { f.Settings.ClientID, f.Settings.HasSecret = "", true }, "plugin-client preprovision",
		},
		"chosen":             {facts(api.Flavour9p4, api.CredentialAdmin, api.OIDC), choose(api.StrategyOwnClient), "own-client config"},
		"chosen, impossible": {facts(flowfin, api.CredentialKey, api.SAML), choose(api.StrategyRelay), "unsupported"},
		"chosen, of the other protocol": {
			facts(flowfin, api.CredentialKey, api.SAML), choose(api.StrategyOwnClient),
			"unsupported",
		},
		"BaseUrlOverride: own client": {
			facts(flowfin, api.CredentialAdmin, api.OIDC),
			func(f *link.Facts) { f.Provider.BaseURLOverride = "https://sso.example.com" }, "own-client preprovision",
		},
		"BaseUrlOverride does not matter to SAML": {
			facts(flowfin, api.CredentialAdmin, api.SAML),
			func(f *link.Facts) { f.Provider.BaseURLOverride = "https://sso.example.com" }, "relay post-link",
		},
		"SchemeOverride https": {
			facts(api.Flavour9p4, api.CredentialAdmin, api.OIDC),
			func(f *link.Facts) { f.Provider.SchemeOverride = "https" }, "plugin-client config",
		},
		"provider switched off": {
			facts(api.Flavour9p4, api.CredentialAdmin, api.SAML),
			func(f *link.Facts) { f.Provider.Enabled = false }, "unsupported",
		},
		"no client id to check the audience against": {
			facts(api.Flavour9p4, api.CredentialKey, api.SAML),
			func(f *link.Facts) { f.Provider.ClientID = "" }, "unsupported",
		},
		"certificate not readable": {
			facts(api.Flavour9p4, api.CredentialKey, api.SAML),
			func(f *link.Facts) { f.Provider.Certificate = "" }, "unsupported",
		},
		"by subject, if it is asked for": {
			facts(api.Flavour9p4, api.CredentialAdmin, api.SAML),
			func(f *link.Facts) { f.Provider.Enabled, f.Request.Strategy = false, api.StrategySubject }, "subject config",
		},
		"hidden by a proxy": {
			facts(api.FlavourK0lin, api.CredentialAdmin, api.OIDC), tried(failed(api.StrategyRelay)), "plugin-client config",
		},
		"hidden by a proxy, in the same network": {
			facts(api.FlavourK0lin, api.CredentialAdmin, api.OIDC), func(f *link.Facts) {
				tried(failed(api.StrategyRelay))(f)
				f.Local = &url.URL{Scheme: "http", Host: "192.168.1.2:8096"}
			}, "relay-local post-link",
		},
		"hidden, and the redirect URI is not allowed": {
			facts(api.FlavourK0lin, api.CredentialKey, api.OIDC),
			tried(failed(api.StrategyRelay), failed(api.StrategyPluginClient)), "own-client config",
		},
		"nothing works": {
			facts(api.FlavourK0lin, api.CredentialKey, api.OIDC),
			tried(failed(api.StrategyRelay), failed(api.StrategyPluginClient), failed(api.StrategyOwnClient)),
			"loopback-unreachable",
		},
		"chosen, and it was tried": {
			facts(api.FlavourK0lin, api.CredentialAdmin, api.OIDC), func(f *link.Facts) {
				tried(failed(api.StrategyRelay))(f)
				f.Request.Strategy = api.StrategyRelay
			}, "loopback-unreachable",
		},
		"ValidateRecipient": {
			facts(flowfin, api.CredentialAdmin, api.SAML),
			func(f *link.Facts) { f.Provider.SAML.ValidateRecipient = true }, "assertion preprovision",
		},
		"SignAuthnRequests": {
			facts(flowfin, api.CredentialAdmin, api.SAML),
			func(f *link.Facts) { f.Provider.SAML.SignRequests = true }, "server-start post-link",
		},
		"SignAuthnRequests and ValidateRecipient": {
			facts(flowfin, api.CredentialAdmin, api.SAML), func(f *link.Facts) {
				f.Provider.SAML.SignRequests, f.Provider.SAML.ValidateRecipient = true, true
			}, "server-start preprovision",
		},
		"SignAuthnRequests with a key": {
			facts(flowfin, api.CredentialKey, api.SAML),
			func(f *link.Facts) { f.Provider.SAML.SignRequests = true }, "server-start preprovision",
		},
		"a plain user's SAML": {
			facts(flowfin, api.CredentialUser, api.SAML), unreadable, "relay post-link",
		},
		"a plain user's signed SAML": {
			facts(flowfin, api.CredentialUser, api.SAML), func(f *link.Facts) {
				unreadable(f)
				a := failed(api.StrategyRelay)
				a.Code, a.Why = api.CodeUnsupported, "saml-signed"
				tried(a)(f)
			}, "server-start post-link",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.change != nil {
				c.change(&c.facts)
			}
			plan, err := link.MakePlan(c.facts)
			got := string(plan.Strategy) + " " + string(plan.Write)
			if err != nil {
				got = string(api.CodeOf(err))
			}
			if got != c.want {
				t.Errorf("got %s (%v), want %s", got, err, c.want)
			}
			for _, o := range plan.Options {
				if o.Why == "" || o.OK != (o.Write != "") {
					t.Errorf("option without a reason or a write method: %+v", o)
				}
			}
			if err == nil && !reflect.DeepEqual(plan.Options[0], plan.Option) {
				t.Errorf("the chosen option does not come first: %+v", plan.Options)
			}
		})
	}
}

// TestOverrideOfPortIsThePlugins: PortOverride does not change where our own client listens.
func TestOverrideOfPortIsThePlugins(t *testing.T) {
	t.Parallel()
	for strategy, want := range map[api.Strategy][]string{
		api.StrategyRelay:     {"http://127.0.0.1:443/jf/sso/OID/redirect/my%20idp"},
		api.StrategyOwnClient: {"http://127.0.0.1:18701/callback", "http://127.0.0.1:18702/callback"},
	} {
		f := facts(api.Flavour9p4, api.CredentialAdmin, api.OIDC)
		f.Provider.PortOverride, f.Request.Strategy = 443, strategy
		plan, err := link.MakePlan(f)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, plan.Allow); d != "" {
			t.Errorf("%s: %s", strategy, d)
		}
	}
}

// failed is an attempt that a proxy blocked.
func failed(s api.Strategy) api.Attempt {
	return api.Attempt{Strategy: s, Code: api.CodeLoopbackUnreachable, Why: "proxied-empty"}
}

func tried(list ...api.Attempt) func(*link.Facts) {
	return func(f *link.Facts) {
		f.Tried = map[api.Strategy]api.Attempt{}
		for _, a := range list {
			f.Tried[a.Strategy] = a
		}
	}
}

// unreadable is a provider of which a plain user can read only the name.
func unreadable(f *link.Facts) {
	f.Provider = api.Provider{Protocol: f.Provider.Protocol, Name: f.Provider.Name}
}

func choose(s api.Strategy) func(*link.Facts) {
	return func(f *link.Facts) { f.Request.Strategy = s }
}

func TestPlanSaysWhatIsNotKnownBefore(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		facts   link.Facts
		known   bool
		warning api.Why
	}{
		"9p4 token":                    {facts(api.Flavour9p4, api.CredentialAdmin, api.OIDC), true, ""},
		"Flowfin token":                {facts(api.FlavourFlowfin, api.CredentialAdmin, api.OIDC), false, api.WhyUnknown},
		"Flowfin own user":             {facts(api.FlavourFlowfin, api.CredentialUser, api.OIDC), false, "warn-blind"},
		"Flowfin token, early version": {early(), false, "warn-unreturned"},
		"Flowfin token SAML":           {facts(api.FlavourFlowfin, api.CredentialAdmin, api.SAML), true, ""},
		"Flowfin key":                  {facts(api.FlavourFlowfin, api.CredentialKey, api.OIDC), true, ""},
		"typed":                        {typed("a b"), true, ""},
		"a blank before":               {typed(" a"), true, api.WhyBlank},
		"a blank after":                {typed("a\t"), true, api.WhyBlank},
	} {
		plan, err := link.MakePlan(c.facts)
		if err != nil {
			t.Fatal(err)
		}
		told := slices.ContainsFunc(plan.Remarks, func(r api.Remark) bool { return r.Why == c.warning })
		if plan.KnownBeforeWrite != c.known || c.warning != "" && !told || c.warning == "" && len(plan.Remarks) > 0 {
			t.Errorf("%s: known %v, remarks %v", name, plan.KnownBeforeWrite, plan.Remarks)
		}
	}
}

// early is Flowfin before Preprovision.
func early() link.Facts {
	f := facts(api.FlavourFlowfin, api.CredentialAdmin, api.OIDC)
	f.Capabilities.Preprovision = no
	return f
}

func typed(name string) link.Facts {
	f := facts(api.FlavourK0lin, api.CredentialAdmin, api.OIDC)
	f.Request = api.LinkRequest{Strategy: api.StrategySubject, Name: name}
	return f
}

// TestPlanKnowsPairwiseSubjects: with pairwise subjects, our own client gets another subject than the server's client.
func TestPlanKnowsPairwiseSubjects(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		flavour api.Flavour
		client  string
		types   string // subject_types_supported of the identity provider
		want    bool
	}{
		"pairwise only":       {api.FlavourFlowfin, "jellybind", `["pairwise"]`, true},
		"the server's client": {api.FlavourFlowfin, "jellyfin", `["pairwise"]`, false},
		"by user name":        {api.FlavourK0lin, "jellybind", `["pairwise"]`, false},
		"either":              {api.FlavourFlowfin, "jellybind", `["pairwise", "public"]`, false},
		"not said":            {api.FlavourFlowfin, "jellybind", `null`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			idp := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				own := "http://" + r.Host
				_, _ = fmt.Fprintf(rw, `{"issuer": %q, "authorization_endpoint": %q, "token_endpoint": %q, "jwks_uri": %q,
					"subject_types_supported": %s}`, own, own+"/a", own+"/t", own+"/k", c.types)
			}))
			t.Cleanup(idp.Close)
			w := newWorld(t, c.flavour, api.CredentialKey)
			w.Settings = func(p api.Protocol, name string) api.ProviderSettings {
				return api.ProviderSettings{Protocol: p, Provider: name, ClientID: c.client}
			}
			account := w.account(t, demo.TourName)
			w.intercepting(func(rw http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path != "/sso/OID/Get" {
					return false
				}
				_, _ = fmt.Fprintf(rw, `{"entra": {"Enabled": true, "OidEndpoint": %q, "OidClientId": "jellyfin"}}`, idp.URL)
				return true
			}, "")
			plan, err := w.Plan(t.Context(), api.LinkRequest{
				UserID: account.ID, Protocol: api.OIDC, Provider: "entra", Strategy: api.StrategyOwnClient,
			})
			warned := slices.ContainsFunc(plan.Remarks, func(r api.Remark) bool { return r.Why == "warn-pairwise" })
			if err != nil || plan.Pairwise != c.want || warned != c.want {
				t.Errorf("%v, %+v", err, plan)
			}
		})
	}
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	base, _ := url.Parse("https://media.example.com/jf")
	oidc, saml, old := provider(api.OIDC), provider(api.SAML), provider(api.OIDC)
	old.NewPath = false
	override := provider(api.OIDC)
	override.SchemeOverride, override.PortOverride = "http", 8080
	localhost := api.ProviderSettings{ListenHost: "localhost", Port: 4000}
	for name, c := range map[string]struct{ got, want []string }{
		"new path": {link.AppRedirects(base, oidc, api.ProviderSettings{}, []int{18701, 18702}), []string{
			"http://127.0.0.1:18701/jf/sso/OID/redirect/my%20idp", "http://127.0.0.1:18702/jf/sso/OID/redirect/my%20idp",
		}},
		"old path, localhost, fixed port": {
			link.AppRedirects(base, old, localhost, link.Ports(0, localhost, old, nil)),
			[]string{"http://localhost:4000/jf/sso/OID/r/my%20idp"},
		},
		"SAML":          {link.AppRedirects(base, saml, api.ProviderSettings{}, []int{1}), []string{"http://127.0.0.1:1/jf/sso/SAML/post/my%20idp"}},
		"server":        {link.ServerRedirects(base, oidc), []string{"https://media.example.com/jf/sso/OID/redirect/my%20idp"}},
		"server, moved": {link.ServerRedirects(base, override), []string{"http://media.example.com:8080/jf/sso/OID/redirect/my%20idp"}},
	} {
		if d := cmp.Diff(c.want, c.got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	for name, c := range map[string]struct {
		got  []int
		want []int
	}{
		"request":   {link.Ports(1, localhost, override, []int{3}), []int{1}},
		"override":  {link.Ports(0, localhost, override, []int{3}), []int{8080}},
		"settings":  {link.Ports(0, localhost, oidc, []int{3}), []int{4000}},
		"list":      {link.Ports(0, api.ProviderSettings{}, oidc, []int{3, 4}), []int{3, 4}},
		"otherwise": {link.Ports(0, api.ProviderSettings{}, oidc, nil), link.DefaultPorts},
	} {
		if d := cmp.Diff(c.want, c.got); d != "" {
			t.Errorf("ports by %s: %s", name, d)
		}
	}
}
