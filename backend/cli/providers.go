package cli

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/secret"
)

func (a *app) providersCommand() *cobra.Command {
	var l listing
	c := &cobra.Command{
		Use: "providers", Aliases: []string{"provider"}, Short: "List, show, set up and test identity providers",
		RunE: func(c *cobra.Command, _ []string) error { return a.listProviders(c, l) },
	}
	l.flags(c)
	list := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List the identity providers of the plugin", Args: cobra.NoArgs, RunE: c.RunE,
	}
	list.Flags().AddFlagSet(c.Flags())
	c.AddCommand(list, a.providersShow(), a.providersSet(), a.providersTrust(), a.providersTest())
	return c
}

func (a *app) listProviders(c *cobra.Command, l listing) error {
	s, err := a.session(c.Context())
	if err != nil {
		return err
	}
	list, err := s.Providers(c.Context())
	if err != nil {
		return err
	}
	if a.json {
		return a.document(list)
	}
	rows := sheet{columns: []column{
		{key: "provider", header: a.t("PROVIDER")},
		{key: "protocol", header: a.t("PROTOCOL"), short: true, spare: 2},
		{key: "enabled", header: a.t("ENABLED"), short: true, spare: 1},
		{key: "links", header: a.t("LINKS"), short: true, spare: 3},
		{key: "endpoint", header: a.t("ENDPOINT"), spare: 4},
	}}
	for _, p := range list {
		rows.rows = append(rows.rows, []string{
			p.Name, string(p.Protocol), a.enabledText(p.Provider), a.linksText(p.Provider), p.Endpoint,
		})
	}
	if len(rows.rows) == 0 {
		a.err.text("", a.t("The plugin has no identity provider yet. Add one in its settings, in the server's dashboard."))
		return nil
	}
	return a.list(l, rows)
}

func (a *app) linksText(p api.Provider) string {
	if p.LinksUnknown {
		return a.t("not counted")
	}
	return strconv.Itoa(p.Links)
}

func (a *app) enabledText(p api.Provider) string {
	switch {
	case !p.Known:
		return a.t("unknown")
	case p.Enabled:
		return a.t("yes")
	}
	return a.t("no")
}

// provider opens the server and finds a provider there.
func (a *app) provider(ctx context.Context, name string, protocol choice) (*backend.Session, api.ProviderDetail, error) {
	s, err := a.session(ctx)
	if err != nil {
		return nil, api.ProviderDetail{}, err
	}
	list, err := s.Providers(ctx)
	if err != nil {
		return nil, api.ProviderDetail{}, err
	}
	p, err := oneProvider(list, name, protocol.value)
	return s, p, err
}

// oneProvider finds the provider that was named, by its protocol too where both protocols have one of that name.
func oneProvider(list []api.ProviderDetail, name, protocol string) (api.ProviderDetail, error) {
	var found []api.ProviderDetail
	names := []string{}
	for _, p := range list {
		names = append(names, p.Name)
		if p.Name == name && (protocol == "" || strings.EqualFold(protocol, string(p.Protocol))) {
			found = append(found, p)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return api.ProviderDetail{}, noProvider(name, names)
	}
	return api.ProviderDetail{}, usage("two-protocols", "provider", name)
}

func noProvider(name string, names []string) error {
	if name == "" {
		return errNoProvider
	}
	next := "no-provider-yet"
	if len(names) > 0 {
		next = "choose"
	}
	return &api.Error{Code: api.CodeProviderNotFound, Why: "provider-not-found", Params: map[string]string{
		"provider": name, "next": next, "names": strings.Join(names, ", "),
	}}
}

func (a *app) providersShow() *cobra.Command {
	var protocol choice
	c := &cobra.Command{
		Use: "show PROVIDER", Short: "Show a provider, and what must be allowed at the identity provider", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			_, p, err := a.provider(c.Context(), args[0], protocol)
			if err != nil {
				return err
			}
			if a.json {
				return a.document(p)
			}
			port := ""
			if p.Settings.Port != 0 {
				port = strconv.Itoa(p.Settings.Port)
			}
			a.out.facts(
				a.t("Provider"), p.Name, a.t("Protocol"), string(p.Protocol), a.t("Enabled"), a.enabledText(p.Provider),
				a.t("Endpoint"), p.Endpoint, a.t("Client ID"), p.ClientID, a.t("Name is"), p.NameClaim,
				a.t("Links"), a.linksText(p.Provider), a.t("Fixed port"), port, a.t("Own client"), p.Settings.ClientID,
				a.t("Certificate"), p.Settings.PinnedSHA256, a.t("Sign-in here"), a.possible(p.Relay),
			)
			ours, servers := a.t("Redirect URIs of Jellybind (allow all of them at the identity provider, or fix one by --port):"),
				a.t("Redirect URIs of the server's own sign-in:")
			if p.Protocol == api.SAML {
				ours, servers = a.t("ACS addresses of Jellybind (allow all of them at the identity provider, or fix one by --port):"),
					a.t("ACS addresses of the server's own sign-in:")
			}
			a.out.line("\n" + ours)
			for _, u := range p.AppRedirects {
				a.out.line("  " + u)
			}
			a.out.line(servers)
			for _, u := range p.ServerRedirects {
				a.out.line("  " + u)
			}
			return nil
		},
	}
	protocolFlag(c, &protocol)
	return c
}

func (a *app) possible(x api.Ability) string {
	if x.OK {
		return a.t("possible")
	}
	return a.t("not possible: {reason}", "reason", a.words.Why(x.Why, x.Params))
}

func (a *app) providersSet() *cobra.Command {
	var (
		protocol, host     choice
		clientID           string
		scopes, reset      []string
		at                 port
		clientSecret, sha1 bool
	)
	c := &cobra.Command{
		Use: "set PROVIDER", Short: "Set Jellybind's own client, port and scopes for a provider", Args: cobra.ExactArgs(1),
		Example: "  jellybind providers set keycloak --client-id jellybind --port 18701",
		RunE: func(c *cobra.Command, args []string) error {
			ctx := c.Context()
			set := slices.DeleteFunc(slices.Clone(providerSettings), func(flag string) bool { return !c.Flags().Changed(flag) })
			for _, name := range reset {
				if !slices.Contains(resettable, name) {
					return usage("flag-choice", "flag", "--reset", "allowed", strings.Join(resettable, ", "), "value", name)
				}
				set = append(set, name)
			}
			if len(set) == 0 {
				return usage("nothing-to-set", "flags", "--"+strings.Join(providerSettings, ", --")+", --reset")
			}
			b, e, err := a.named(ctx, nil) // the settings are kept with the server's
			if err != nil {
				return err
			}
			_, p, err := a.provider(ctx, args[0], protocol)
			if err != nil {
				return err
			}
			for _, flag := range set {
				if only := settingFor(flag); only != "" && only != p.Protocol {
					return usage("setting-protocol", "flag", "--"+flag, "protocol", strings.ToUpper(string(only)), "provider", p.Name)
				}
			}
			var given *secret.Value
			if slices.Contains(reset, "client-id") {
				given = new(secret.Value) // it belongs to the client
			}
			if clientSecret {
				v, err := a.promptSecret(ctx, a.t("Client secret: "), pasted)
				if err != nil {
					return err
				}
				given = &v
			}
			flags := c.Flags()
			settings, err := b.SetProvider(ctx, e.Name, p.Protocol, p.Name, func(s *api.ProviderSettings) {
				toDefault(s, reset)
				if flags.Changed("client-id") {
					s.ClientID = clientID
				}
				if flags.Changed("scopes") {
					s.Scopes = scopes
				}
				if flags.Changed("port") {
					s.Port = int(at)
				}
				if flags.Changed("listen-host") {
					s.ListenHost = host.value
				}
				if flags.Changed("allow-sha1") {
					s.AllowSHA1 = sha1
				}
			}, given)
			if err != nil {
				return err
			}
			if err := a.done(a.t("Set for {provider}.", "provider", p.Name), settings); err != nil || a.json {
				return err
			}
			a.showSettings(settings)
			return nil
		},
	}
	protocolFlag(c, &protocol)
	host.what, host.allowed = "HOST", []string{"127.0.0.1", "localhost"}
	c.Flags().StringVar(&clientID, "client-id", "", "the `ID` of Jellybind's own client at the identity provider (OIDC)")
	c.Flags().BoolVar(&clientSecret, "client-secret", false, "ask for the client's secret, or take it from standard input")
	c.Flags().StringSliceVar(&scopes, "scopes", nil, "`SCOPES` to ask for, with commas between (default: the plugin's)")
	c.Flags().Var(&at, "port", "the fixed loopback port; 0 takes the first free one of the list")
	c.Flags().Var(&host, "listen-host", "listen at "+listed(host.allowed)+", whichever the identity provider has registered")
	c.Flags().StringSliceVar(&reset, "reset", nil,
		"bring these `SETTINGS` back to their default: client-id (with its secret), scopes, listen-host")
	c.Flags().BoolVar(&sha1, "allow-sha1", false, "accept SAML signatures made with SHA-1, which is broken")
	return c
}

// showSettings says what holds for a provider from now on.
func (a *app) showSettings(s api.ProviderSettings) {
	at, given := a.t("the first free one of the list"), ""
	if s.Port != 0 {
		at = strconv.Itoa(s.Port)
	}
	if s.HasSecret {
		given = a.t("in the keyring")
	}
	sha1 := ""
	if s.AllowSHA1 {
		sha1 = a.t("accepted")
	}
	a.out.facts(a.t("Own client"), s.ClientID, a.t("Client secret"), given, a.t("Scopes"), strings.Join(s.Scopes, " "),
		a.t("Port"), at, a.t("Listens at"), s.ListenHost, "SHA-1", sha1)
}

// providerSettings are the flags of which providers set needs one.
var providerSettings = []string{"client-id", "client-secret", "scopes", "port", "listen-host", "allow-sha1"}

// resettable are the settings that have no value for their default. An empty one is wrong use.
var resettable = []string{"client-id", "scopes", "listen-host"}

func toDefault(s *api.ProviderSettings, settings []string) {
	for _, name := range settings {
		switch name {
		case "client-id":
			s.ClientID = ""
		case "scopes":
			s.Scopes = nil
		case "listen-host":
			s.ListenHost = ""
		}
	}
}

// settingFor is the one protocol that a setting makes sense for, or empty.
func settingFor(flag string) api.Protocol {
	switch flag {
	case "client-id", "client-secret", "scopes":
		return api.OIDC
	case "allow-sha1":
		return api.SAML
	}
	return ""
}

func (a *app) providersTrust() *cobra.Command {
	var protocol choice
	var trust string
	var forget bool
	c := &cobra.Command{
		Use: "trust PROVIDER", Short: "Trust one certificate for an identity provider, or show its own",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			b, _, err := a.named(c.Context(), nil) // the settings are kept with the server's
			if err != nil {
				return err
			}
			s, p, err := a.provider(c.Context(), args[0], protocol)
			if err != nil {
				return err
			}
			done := a.t("Only the system's authorities are trusted for {provider} now.", "provider", p.Name)
			if !forget {
				done = a.t("Trusted for {provider}: this certificate and no other.", "provider", p.Name)
				switch trust, err = a.providerFingerprint(c.Context(), s, p, trust); {
				case err != nil:
					return err
				case trust == "":
					return a.done(a.t("The system's authorities vouch for this provider; there is nothing to trust."), p.Settings)
				}
			}
			settings, err := b.TrustProvider(c.Context(), s, p.Provider, trust)
			if err != nil {
				return err
			}
			return a.done(done, settings)
		},
	}
	protocolFlag(c, &protocol)
	c.Flags().StringVar(&trust, "trust", "", "the SHA-256 `FINGERPRINT`; without it, the certificate is shown and you are asked")
	c.Flags().BoolVar(&forget, "forget", false, "trust the system's authorities only")
	c.MarkFlagsMutuallyExclusive("trust", "forget")
	return c
}

// providerFingerprint returns the fingerprint to trust for a provider: the one that was typed, or that of the certificate that
// the person agrees to. It is empty if the system's authorities trust the provider.
func (a *app) providerFingerprint(ctx context.Context, s *backend.Session, p api.ProviderDetail, typed string) (string, error) {
	if typed != "" {
		return fingerprint(typed)
	}
	cert, err := s.ProviderCertificate(ctx, p.Provider)
	if err != nil || cert == nil {
		return "", err
	}
	question := a.t("Is this the identity provider's own certificate? Trust it?")
	err = a.acceptCertificate(ctx, cert, p.Settings.PinnedSHA256, question, "trust-provider", "providers trust "+shellWord(p.Name))
	return cert.SHA256, err
}

func (a *app) providersTest() *cobra.Command {
	var protocol choice
	c := &cobra.Command{
		Use: "test PROVIDER", Short: "Test a provider: its discovery (OIDC) or its certificate (SAML)",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			s, p, err := a.provider(c.Context(), args[0], protocol)
			if err != nil {
				return err
			}
			test := s.TestProvider(c.Context(), p.Provider)
			if a.json {
				if err := a.document(test); err != nil {
					return err
				}
			} else {
				a.showTest(p.Provider, test)
			}
			if test.Error != nil {
				return test.Error
			}
			return nil
		},
	}
	protocolFlag(c, &protocol)
	return c
}

// showTest shows the verdict of a test, and what was seen.
func (a *app) showTest(p api.Provider, test api.ProviderTest) {
	verdict, seen := a.t("{provider} answers this computer and offers what a sign-in needs.", "provider", p.Name),
		a.t("What this computer sees:")
	if p.Protocol == api.SAML {
		verdict = a.t("The certificate of {provider} in the plugin's settings can be read and is valid.", "provider", p.Name)
		seen = a.t("What the plugin's settings say:")
	}
	if !test.OK {
		verdict = a.t("{provider} cannot be used from this computer.", "provider", p.Name)
	}
	a.out.text("", a.out.bold(verdict))
	if test.Server != nil {
		defer a.showServerTest(*test.Server)
	}
	if len(test.Facts) == 0 {
		return
	}
	facts := []string{}
	for _, f := range test.Facts {
		facts = append(facts, a.words.FactName(f.Name), a.words.Fact(f))
	}
	a.out.line("\n" + seen)
	a.out.facts(facts...)
}

// showServerTest shows what the server finds out, in the plugin's words.
func (a *app) showServerTest(test api.ServerTest) {
	a.out.line("\n" + a.t("What the server sees:"))
	a.out.text("", a.mark(test.OK)+test.Message)
	for _, d := range test.Details {
		a.out.text("  ", d)
	}
}
