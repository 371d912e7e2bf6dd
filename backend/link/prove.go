package link

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/oidcflow"
	"github.com/jellybind/jellybind/backend/relayflow"
	"github.com/jellybind/jellybind/backend/samlflow"
	"github.com/jellybind/jellybind/backend/secret"
	"github.com/jellybind/jellybind/backend/ssoplugin"
)

// proof is what a way has learned: the canonical name, empty where only the write tells it, and what POST Link needs.
type proof struct {
	name               string
	displayName, email string
	data               secret.Value
	cookies            []*http.Cookie
}

// learn learns by a strategy which identity signed in. linking is false when the sign-in is to open a session instead.
func (l *Linker) learn(ctx context.Context, s api.Strategy, f Facts, linking bool, person Person) (proof, error) {
	for _, w := range ways(f.Provider.Protocol) {
		if w.strategy == s {
			person.Progress(api.Progress{Step: "waiting-for-sign-in", Text: "Waiting for the sign-in at the identity provider…"})
			return w.learn(l, ctx, f, linking, person)
		}
	}
	return proof{}, fmt.Errorf("unknown strategy %q", s)
}

// relay runs the plugin's own sign-in, and works out the name as far as this flavour and credential tell it.
func (l *Linker) relay(ctx context.Context, f Facts, linking bool, person Person) (proof, error) {
	result, err := relayflow.Run(ctx, l.Plugin, relayflow.Request{
		Protocol: f.Provider.Protocol, Provider: f.Provider.Name, Linking: linking,
		OldPath: f.Provider.Known && !f.Provider.NewPath,
	}, relayflow.Options{Listen: l.listen(f, api.StrategyRelay), Now: l.Now}, func(ctx context.Context, s api.SignIn) error {
		// The server keeps nothing of a SAML sign-in.
		kept := f.Capabilities.PendingSeconds
		if f.Provider.Protocol == api.OIDC && l.Now().Add(time.Duration(kept)*time.Second).Before(s.Deadline) {
			s.KeptSeconds = kept
		}
		return person.SignIn(ctx, s)
	})
	if err != nil {
		return proof{}, err
	}
	p := proof{data: result.Data, cookies: result.Cookies}
	switch {
	case f.Provider.Protocol == api.OIDC && f.Capabilities.NameBeforeWrite.OK:
		p.name, err = l.Plugin.PendingName(ctx, result.State)
	case f.Provider.Protocol == api.SAML && assertionWorks(f).OK:
		var a samlflow.Assertion
		a, err = samlflow.Check(result.Response, samlflow.Expect{
			Certificate: f.Provider.Certificate, Audience: f.Provider.ClientID, Recipient: result.ACS,
			RequestID: result.RequestID, AllowSHA1: f.Settings.AllowSHA1, Now: l.Now(),
		}, &l.seen)
		p.name = a.NameID
	case f.Provider.Protocol == api.SAML:
		// A plain user may not read the certificate, and some servers have no client id. The server checks the signature
		// before it writes, and the name is read back after; here it only shows the person what there is to confirm.
		p.name, err = samlflow.NameID(result.Response)
	}
	return p, err
}

// ownClient runs a sign-in with our own client at the identity provider.
func (l *Linker) ownClient(ctx context.Context, f Facts, _ bool, person Person) (proof, error) {
	clientSecret, err := l.ClientSecret(ctx, f.Provider.Protocol, f.Provider.Name)
	if err != nil {
		return proof{}, err
	}
	scopes := f.Settings.Scopes
	if len(scopes) == 0 {
		scopes = f.Provider.Scopes
	}
	id, err := oidcflow.Run(ctx, oidcflow.Client{
		Issuer: f.Provider.Endpoint, ClientID: f.Settings.ClientID, Secret: clientSecret, Scopes: scopes,
		Rule: f.Provider.OIDC.Rule, NoUserinfo: f.Provider.OIDC.NoUserinfo,
		AcceptPublishedIssuer: f.Provider.OIDC.AnyIssuer,
	}, oidcflow.Options{Listen: l.listen(f, api.StrategyOwnClient), Now: l.Now}, person.SignIn)
	return proof{name: id.Name, displayName: id.DisplayName, email: id.Email}, err
}

// assertion catches a SAML response and checks it without the server.
func (l *Linker) assertion(ctx context.Context, f Facts, _ bool, person Person) (proof, error) {
	a, err := samlflow.Run(ctx, samlflow.Request{
		Endpoint: f.Provider.Endpoint, ClientID: f.Provider.ClientID, Audience: f.Provider.SAML.Audience,
		Certificate: f.Provider.Certificate, Callback: f.Base.EscapedPath() + ssoplugin.CallbackPath(f.Provider),
		AllowSHA1: f.Settings.AllowSHA1,
	}, samlflow.Options{Listen: l.listen(f, api.StrategyAssertion), Now: l.Now, Seen: &l.seen}, person.SignIn)
	return proof{name: a.NameID}, err
}

// subject takes the name that the person gives.
func (*Linker) subject(_ context.Context, f Facts, _ bool, _ Person) (proof, error) {
	if strings.TrimSpace(f.Request.Name) == "" {
		return proof{}, &api.Error{
			Code: api.CodeNameInvalid, Why: "name-missing",
			Sentence: "Linking by subject needs the name that the identity provider will send.",
			Hint:     "On 9p4 and K0lin that is the user name, on Flowfin the subject: “jellybind providers show” names the claim.",
		}
	}
	return proof{name: f.Request.Name}, nil
}
