package link

import (
	"context"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/oidcflow"
	"github.com/jellybind/jellybind/backend/ssoplugin"
)

// Our own sign-in at an OpenID provider. The plugin's client and the redirect URI of the relay need nothing new at the
// provider; a client of our own must be registered there.

// secretTyped reports whether the person has entered the secret of the plugin's client.
func secretTyped(f Facts) bool {
	return f.Settings.HasSecret && (f.Settings.ClientID == "" || f.Settings.ClientID == f.Provider.ClientID)
}

// clientWorks reports whether our own sign-in can begin at all: the provider must be known.
func clientWorks(f Facts) api.Ability {
	switch able := signInWorks(f); {
	case !able.OK:
		return able
	case f.Provider.Endpoint == "" || f.Provider.OIDC.Rule == (api.NameRule{}):
		return api.Ability{Why: settingsHidden().Why}
	}
	return api.Ability{OK: true}
}

func pluginClientWorks(f Facts) api.Ability {
	c := f.Capabilities
	switch able := clientWorks(f); {
	case !able.OK:
		return able
	case f.Provider.ClientID == "":
		return api.Ability{Why: "no-plugin-client"}
	case c.SecretsReadable && c.ReadConfig.OK || secretTyped(f):
		return api.Ability{OK: true}
	}
	return api.Ability{
		Why: api.WhySecretMissing, Params: map[string]string{"provider": f.Provider.Name, "client": f.Provider.ClientID},
	}
}

func ownClientWorks(f Facts) api.Ability {
	able := clientWorks(f)
	if !able.OK || f.Settings.ClientID != "" {
		return able
	}
	return api.Ability{
		Why: api.WhyClientMissing, Params: map[string]string{"provider": f.Provider.Name},
	}
}

// clientProves: the identity provider says who signs in, and the links say which account that opens.
func clientProves(Facts) (signIn bool, able api.Ability) { return false, api.Ability{OK: true} }

// hidden reports whether something in front of the server keeps the relay from working.
func (f Facts) hidden() bool {
	tried, ok := f.Tried[api.StrategyRelay]
	return ok && !tried.OK && tried.Code == api.CodeLoopbackUnreachable
}

func pluginClientReason(f Facts, _ api.WriteMethod) api.Remark {
	if f.hidden() {
		return api.Remark{Why: api.WhyHiddenPluginClient}
	}
	return api.Remark{Why: api.WhyPluginClient}
}

func ownClientReason(f Facts, _ api.WriteMethod) api.Remark {
	if f.hidden() {
		return api.Remark{Why: api.WhyHiddenOwnClient}
	}
	return api.Remark{Why: api.WhyOwnClient}
}

// client is what both clients have in common. It asks for what the plugin asks for, so that the name is the same.
func client(f Facts) oidcflow.Client {
	p := f.Provider
	c := oidcflow.Client{
		Issuer: p.Endpoint, Scopes: p.Scopes, Parameters: p.OIDC.Parameters, Rule: p.OIDC.Rule, NoUserinfo: p.OIDC.NoUserinfo,
		Push: !p.OIDC.NoPush, AcceptPublishedIssuer: p.OIDC.AnyIssuer, PinnedSHA256: f.Settings.PinnedSHA256,
	}
	if len(p.Admission.Roles) > 0 {
		c.RoleClaim, c.RoleKeys = p.Admission.RoleClaim, p.Admission.RoleKeys
	}
	return c
}

// asPlugin is the plugin's client, with its secret and the redirect path of the relay.
func (l *Linker) asPlugin(ctx context.Context, f Facts) (oidcflow.Client, error) {
	c := client(f)
	c.ClientID, c.RedirectPath = f.Provider.ClientID, f.Base.EscapedPath()+ssoplugin.CallbackPath(f.Provider)
	var err error
	if secretTyped(f) {
		c.Secret, err = l.ClientSecret(ctx, f.Provider.Protocol, f.Provider.Name)
		return c, err
	}
	c.Secret, err = l.Plugin.ClientSecret(ctx, f.Provider.Name)
	if e, ok := asError(err); ok && e.Why == "secret-none" {
		return c, nil // a public client
	}
	return c, err
}

// asOwn is our own client.
func (l *Linker) asOwn(ctx context.Context, f Facts) (oidcflow.Client, error) {
	c := client(f)
	c.ClientID, c.RedirectPath = f.Settings.ClientID, oidcflow.DefaultRedirectPath
	if len(f.Settings.Scopes) > 0 {
		c.Scopes = f.Settings.Scopes
	}
	var err error
	c.Secret, err = l.ClientSecret(ctx, f.Provider.Protocol, f.Provider.Name)
	return c, err
}

func (l *Linker) pluginClient(ctx context.Context, f Facts, person Person) (proof, error) {
	c, err := l.asPlugin(ctx, f)
	if err != nil {
		return proof{}, err
	}
	return l.signIn(ctx, f, api.StrategyPluginClient, c, person)
}

func (l *Linker) ownClient(ctx context.Context, f Facts, person Person) (proof, error) {
	c, err := l.asOwn(ctx, f)
	if err != nil {
		return proof{}, err
	}
	return l.signIn(ctx, f, api.StrategyOwnClient, c, person)
}

func (l *Linker) signIn(
	ctx context.Context, f Facts, s api.Strategy, c oidcflow.Client, person Person,
) (proof, error) {
	id, err := oidcflow.Run(ctx, c, oidcflow.Options{Listen: l.listen(f, s, person), Now: l.Now}, person.SignIn)
	if err != nil {
		return proof{}, err
	}
	return identified(f, id), nil
}

// identified is what our own sign-in has learned.
func identified(f Facts, id oidcflow.Identity) proof {
	return proof{
		name: id.Name, displayName: id.DisplayName, email: id.Email, remarks: roleRemarks(f.Provider, id.Roles),
	}
}

func (l *Linker) tryPluginClient(ctx context.Context, f Facts) (address string, err error) {
	c, err := l.asPlugin(ctx, f)
	if err == nil {
		err = tryClient(ctx, c, f.loopback(api.StrategyPluginClient))
	}
	return f.Provider.Endpoint, err
}

func (l *Linker) tryOwnClient(ctx context.Context, f Facts) (address string, err error) {
	c, err := l.asOwn(ctx, f)
	if err == nil {
		err = tryClient(ctx, c, f.loopback(api.StrategyOwnClient))
	}
	return f.Provider.Endpoint, err
}

// tryClient asks the provider whether it would take a sign-in. Many do not say; then the sign-in will tell.
func tryClient(ctx context.Context, c oidcflow.Client, host string) error {
	_, err := c.Try(ctx, "http://"+host+c.RedirectPath)
	return err
}
