package cli

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/secret"
)

func (a *app) providersCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "providers", Short: "List the identity providers of the plugin", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			list, err := a.providerDetails(c)
			if err != nil {
				return err
			}
			if a.json {
				return a.out.json(list)
			}
			rows := [][]string{}
			for _, p := range list {
				rows = append(rows, []string{p.Name, string(p.Protocol), enabledText(p.Provider), strconv.Itoa(p.Links), p.Endpoint})
			}
			return a.out.table([]string{"PROVIDER", "PROTOCOL", "ENABLED", "LINKS", "ENDPOINT"}, rows)
		},
	}
	c.AddCommand(a.providersShow(), a.providersSet(), a.providersTest())
	return c
}

func enabledText(p api.Provider) string {
	switch {
	case !p.Known:
		return "unknown"
	case p.Enabled:
		return "yes"
	}
	return "no"
}

func (a *app) providerDetails(c *cobra.Command) ([]api.ProviderDetail, error) {
	s, err := a.session(c.Context())
	if err != nil {
		return nil, err
	}
	return s.Providers(c.Context())
}

// oneProvider finds the provider that was named, by its protocol too where both protocols have one of that name.
func oneProvider(list []api.ProviderDetail, name, protocol string) (api.ProviderDetail, error) {
	var found []api.ProviderDetail
	names := []string{}
	for _, p := range list {
		names = append(names, api.Printable(p.Name))
		if p.Name == name && (protocol == "" || strings.EqualFold(protocol, string(p.Protocol))) {
			found = append(found, p)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return api.ProviderDetail{}, &api.Error{
			Code: api.CodeProviderNotFound, Sentence: fmt.Sprintf("The plugin has no provider %q.", api.Printable(name)),
			Hint: "It has: " + strings.Join(names, ", "), Params: map[string]string{"provider": name},
		}
	}
	return api.ProviderDetail{}, &api.Error{
		Code: api.CodeUsage, Sentence: fmt.Sprintf("There is an OIDC and a SAML provider %q.", api.Printable(name)),
		Hint: "Say which with --protocol oidc or --protocol saml.",
	}
}

func (a *app) providersShow() *cobra.Command {
	var protocol string
	c := &cobra.Command{
		Use: "show PROVIDER", Short: "Show a provider, and what must be allowed at the identity provider", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			list, err := a.providerDetails(c)
			if err != nil {
				return err
			}
			p, err := oneProvider(list, args[0], protocol)
			if err != nil {
				return err
			}
			if a.json {
				return a.out.json(p)
			}
			port := ""
			if p.Settings.Port != 0 {
				port = strconv.Itoa(p.Settings.Port)
			}
			a.out.facts(
				"Provider", p.Name, "Protocol", string(p.Protocol), "Enabled", enabledText(p.Provider), "Endpoint", p.Endpoint,
				"Client id", p.ClientID, "Name is", p.NameClaim, "Links", strconv.Itoa(p.Links), "Fixed port", port,
				"Own client", p.Settings.ClientID, "Sign-in here", ability(p.Relay),
			)
			what := "Redirect URIs"
			if p.Protocol == api.SAML {
				what = "Assertion consumer service addresses"
			}
			a.out.line("\n" + what + " of Jellybind (allow one of them at the identity provider):")
			for _, u := range p.AppRedirects {
				a.out.line("  " + u)
			}
			a.out.line(what + " of the server's own sign-in:")
			for _, u := range p.ServerRedirects {
				a.out.line("  " + u)
			}
			return nil
		},
	}
	protocolFlag(c, &protocol)
	return c
}

func ability(x api.Ability) string {
	if x.OK {
		return "possible"
	}
	return "not possible: " + x.Reason
}

func protocolFlag(c *cobra.Command, protocol *string) {
	c.Flags().StringVar(protocol, "protocol", "", "oidc or saml, where both have a provider of that name")
}

func (a *app) providersSet() *cobra.Command {
	var (
		protocol, clientID, host string
		scopes                   []string
		port                     int
		clientSecret, sha1       bool
	)
	c := &cobra.Command{
		Use: "set PROVIDER", Short: "Set Jellybind's own client, port and scopes for a provider", Args: cobra.ExactArgs(1),
		Example: "  jellybind providers set keycloak --client-id jellybind --port 18701",
		RunE: func(c *cobra.Command, args []string) error {
			ctx := c.Context()
			list, err := a.providerDetails(c)
			if err != nil {
				return err
			}
			p, err := oneProvider(list, args[0], protocol)
			if err != nil {
				return err
			}
			settings, flags := p.Settings, c.Flags()
			if flags.Changed("client-id") {
				settings.ClientID = clientID
			}
			if flags.Changed("scopes") {
				settings.Scopes = scopes
			}
			if flags.Changed("port") {
				settings.Port = port
			}
			if flags.Changed("listen-host") {
				settings.ListenHost = host
			}
			if flags.Changed("allow-sha1") {
				settings.AllowSHA1 = sha1
			}
			var given *secret.Value
			if clientSecret {
				v, err := a.promptSecret(ctx, "Client secret: ")
				if err != nil {
					return err
				}
				given = &v
			}
			b, err := a.backend(ctx)
			if err != nil {
				return err
			}
			if err := b.SetProvider(ctx, a.server, settings, given); err != nil {
				return err
			}
			return a.done("Set for " + api.Printable(p.Name) + ".")
		},
	}
	protocolFlag(c, &protocol)
	c.Flags().StringVar(&clientID, "client-id", "", "the `ID` of Jellybind's own client at the identity provider (OIDC)")
	c.Flags().BoolVar(&clientSecret, "client-secret", false, "ask for the client's secret, or take it from standard input")
	c.Flags().StringSliceVar(&scopes, "scopes", nil, "scopes to ask for (default openid profile email)")
	c.Flags().IntVar(&port, "port", 0, "the fixed loopback port; 0 takes the first free one of the list")
	c.Flags().StringVar(&host, "listen-host", "", "127.0.0.1 or localhost, as the identity provider has it registered")
	c.Flags().BoolVar(&sha1, "allow-sha1", false, "accept SAML signatures made with SHA-1, which is broken")
	return c
}

func (a *app) providersTest() *cobra.Command {
	var protocol string
	c := &cobra.Command{
		Use: "test PROVIDER", Short: "Ask the identity provider itself: discovery for OIDC, the certificate for SAML",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			s, err := a.session(c.Context())
			if err != nil {
				return err
			}
			list, err := s.Providers(c.Context())
			if err != nil {
				return err
			}
			p, err := oneProvider(list, args[0], protocol)
			if err != nil {
				return err
			}
			test := s.TestProvider(c.Context(), p.Provider)
			if a.json {
				if err := a.out.json(test); err != nil {
					return err
				}
			} else {
				facts := []string{}
				for _, f := range test.Facts {
					facts = append(facts, f.Name, f.Value)
				}
				a.out.facts(facts...)
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
