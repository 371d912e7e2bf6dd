package cli

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/demo/proxy"
	"github.com/jellybind/jellybind/backend/demo/server"
	"github.com/jellybind/jellybind/backend/demo/visitor"
	"github.com/jellybind/jellybind/backend/link"
	"github.com/jellybind/jellybind/backend/roster"
)

// fork is the word for the fork of the plugin that the demo world can play.
const fork = "fork"

// proxies are the reverse proxies of demo --proxy.
var proxies = map[string]demo.Proxy{
	"name":     {Kind: proxy.NginxName},
	"https":    {Kind: proxy.NginxName, HTTPS: true},
	"redirect": {Kind: proxy.NginxRedirect},
}

func (a *app) demoCommand() *cobra.Command {
	var (
		o       demo.Options
		flavour = choice{what: "FLAVOUR", value: flavours[0], allowed: append(slices.Clone(flavours), fork)}
		version = choice{what: "VERSION", allowed: server.PluginVersions("")}
		release = choice{what: "VERSION", value: "10.11", allowed: []string{"10.11", server.Jellyfin12}}
		front   = choice{what: "KIND", allowed: []string{"name", "https", "redirect"}}
		users   accountsNumber
		at      port
		tour    bool
	)
	c := &cobra.Command{
		Use:   "demo",
		Short: "Run a demo world: Jellyfin, plugin and identity providers",
		Long: `Run a demo world on this computer until Ctrl-C: a simulated Jellyfin server with the SSO plugin, real OIDC and SAML
identity providers, and 24 accounts. It keeps nothing. With --tour it shows the main job by itself: who is linked, a new
link with a real sign-in, the proof, and the way back.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o.Flavour, o.Users, o.Port = api.Flavour(flavour.value), int(users), int(at)
			o.Fork = flavour.value == fork
			if a.demo.value != "" && !c.Flags().Changed("flavour") {
				o.Flavour = api.Flavour(a.demo.value) // “jellybind --demo=K0lin demo” means the same
			}
			o.PluginVersion = version.value
			if v := o.PluginVersion; v != "" && !slices.Contains(server.PluginVersions(o.Flavour), v) {
				return usage("no-demo-version", "version", v, "flavour", string(o.Flavour))
			}
			o.Proxy = proxies[front.value]
			if release.value == server.Jellyfin12 {
				o.Jellyfin = server.Jellyfin12
			}
			if tour {
				return a.tour(c.Context(), o)
			}
			return a.serveDemo(c.Context(), o)
		},
	}
	c.Flags().Var(&flavour, "flavour", "the plugin's flavour: "+listed(flavour.allowed))
	c.Flags().Var(&release, "jellyfin", "the server's version: "+listed(release.allowed))
	c.Flags().Var(&version, "plugin-version",
		"an earlier version of the plugin, which must be of this flavour: "+listed(version.allowed))
	c.Flags().Var(&front, "proxy", "put a reverse proxy in front of the server that knows it by the name localhost only: "+
		"name closes other connections, https does so with a private certificate, redirect leads to the name")
	c.Flags().Var(&users, "users", "how many accounts (default 24)")
	c.Flags().DurationVar(&o.Latency, "latency", 0, "let each answer of the server take this `DURATION`, such as 300ms")
	c.Flags().Uint64Var(&o.Seed, "seed", 0, "another `NUMBER` makes other accounts")
	c.Flags().Var(&at, "port", "the server's port (default: any free one)")
	c.Flags().BoolVar(&tour, "tour", false, "show the main job, then end")
	return c
}

// demoFacts is the answer of demo: how to use the world. Its credentials open nothing else, and end with it.
type demoFacts struct {
	URL           string      `json:"url"`
	Flavour       api.Flavour `json:"flavour"`
	APIKey        string      `json:"apiKey"`
	Administrator string      `json:"administrator"`
	User          string      `json:"user"`
	Password      string      `json:"password"`
	OIDC          string      `json:"oidc"`
	SAML          string      `json:"saml"`
	// LocalURL is the server's own address behind a proxy; Certificate is the SHA-256 of what the proxy shows.
	LocalURL    string `json:"localUrl,omitempty"`
	Certificate string `json:"certificate,omitempty"`
}

func (a *app) serveDemo(ctx context.Context, o demo.Options) error {
	w, err := demo.Start(ctx, o)
	if refused, ok := errors.AsType[*net.OpError](err); ok && refused.Op == "listen" && o.Port != 0 {
		return &api.Error{
			Code: api.CodePortTaken, Why: "demo-port", Params: map[string]string{"port": strconv.Itoa(o.Port)}, Err: err,
		}
	}
	if err != nil {
		return err
	}
	facts := factsOf(w)
	if a.json {
		err = a.document(facts)
	} else {
		a.out.facts(a.t("Server"), facts.URL, "Plugin", strings.TrimSpace(string(facts.Flavour)+" "+o.PluginVersion),
			a.t("API key"), facts.APIKey, a.t("Administrator"), facts.Administrator, a.t("User"), facts.User,
			a.t("Password"), a.t("{password} (of both)", "password", facts.Password), "OIDC", facts.OIDC, "SAML", facts.SAML,
			a.t("Local address"), facts.LocalURL, a.t("Certificate"), facts.Certificate)
		a.out.line("\n" + a.t("In another terminal:"))
		a.out.line(fmt.Sprintf("  echo %s | jellybind --server %s --credential-stdin links list", facts.APIKey, facts.URL))
		a.out.line("\n" + a.t("Ctrl-C ends the demo world; nothing is kept."))
	}
	if err == nil {
		<-ctx.Done()
	}
	if closing := w.Close(); err == nil {
		err = closing
	}
	return err
}

func factsOf(w *demo.World) demoFacts {
	admin, password := w.Admin()
	user, _ := w.User()
	facts := demoFacts{
		URL: w.URL(), Flavour: w.Flavour(), APIKey: w.APIKey().Reveal(), Administrator: admin, User: user,
		Password: password.Reveal(), OIDC: w.OIDCURL(), SAML: w.SAMLURL(),
	}
	if w.LocalURL() != w.URL() {
		facts.LocalURL = w.LocalURL()
	}
	if c := w.ProxyCertificate(); c != nil {
		facts.Certificate = fmt.Sprintf("%x", sha256.Sum256(c.Raw))
	}
	return facts
}

// tour shows the main job in a demo world, with a visitor in the place of a person with a browser. Everything else is
// real: the server's answers, the sign-in at the identity provider, the write, the reading back.
func (a *app) tour(ctx context.Context, o demo.Options) error {
	options, err := backend.Default(a.version)
	if err != nil {
		options = backend.Options{Now: time.Now}
	}
	options.Version = a.version
	d, err := backend.NewDemo(ctx, options, o, api.CredentialAdmin)
	if err != nil {
		return err
	}
	a.world = d
	s, err := d.Open(ctx, backend.Target{})
	if err != nil {
		return err
	}
	r, err := s.Roster.Read(ctx, nil)
	if err != nil {
		return err
	}
	account, err := oneAccount(r, demo.TourName)
	if err != nil {
		return err
	}
	say := func(english string, pairs ...string) { a.out.line(a.out.bold(a.t(english, pairs...))) }
	say("1. The demo world runs Jellyfin with the plugin's flavour {flavour} and has {n} accounts.",
		"flavour", string(d.World.Flavour()), "n", strconv.Itoa(len(r.Accounts)-roster.NewIndex(r, nil).Counts().Orphan))
	say("2. No identity opens {account} yet.", "account", account.Name)
	req := api.LinkRequest{UserID: account.ID, Protocol: api.OIDC, Provider: demo.Authelia}
	say("3. How to link it at {provider}:", "provider", req.Provider)
	if err := a.showPlan(ctx, s, req); err != nil {
		return err
	}
	say("4. {person} signs in at {provider}, and confirms:", "person", demo.TourName, "provider", req.Provider)
	s.Linker.SetPorts([]int{0})
	change, err := s.Linker.Link(ctx, req, &guest{person{app: a, report: func(api.Progress) {}}})
	if err != nil {
		return err
	}
	if err := a.showChange(change); err != nil {
		return err
	}
	say("5. Read back from the server:")
	if r, err = s.Roster.Read(ctx, nil); err != nil {
		return err
	}
	if account, err = oneAccount(r, demo.TourName); err != nil {
		return err
	}
	for _, id := range account.Identities {
		a.out.line("   " + a.t("{name} at {provider} opens {account}.",
			"name", id.Name, "provider", id.Provider, "account", account.Name))
	}
	say("6. And undone:")
	if change, err = s.Linker.Undo(ctx, change.ID); err != nil {
		return err
	}
	return a.showChange(change)
}

// guest is the tour's person: a visitor signs in at the demo world's pages, and everything is confirmed.
type guest struct{ person }

var _ link.Person = (*guest)(nil)

func (g *guest) SignIn(ctx context.Context, s api.SignIn) error {
	g.out.line("   " + g.t("Opens {host}, and chooses {person} there.", "host", s.Host, "person", demo.TourName))
	go func() {
		// What goes wrong here, the flow tells: it gets no answer, or an error as the answer.
		_, _ = visitor.New().SignIn(ctx, s.URL, demo.TourName)
	}()
	return nil
}

func (g *guest) UseLocal(context.Context, string) (api.Consent, error) { return api.ConsentOpen, nil }

func (g *guest) Confirm(_ context.Context, c api.Confirmation) error {
	switch {
	case c.Written:
		g.out.line("   " + g.t("{name} signed in. Confirmed.", "name", c.Identity.Name))
	case c.NameKnown:
		g.out.line("   " + g.t("{name} signed in; opens {owner} now. Confirmed.",
			"name", c.Identity.Name, "owner", g.ownerName(c.Owner)))
	}
	return nil
}
