package link

import (
	"cmp"
	"context"
	"slices"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/relayflow"
	"github.com/jellybind/jellybind/backend/samlflow"
	"github.com/jellybind/jellybind/backend/ssoplugin"
)

// SAML needs nothing of the server before the link is written: the response to a request of our own is checked here and, where
// the server takes it, posted to the plugin's link endpoint under the server's true name.

// ownRequestWorks reports whether the identity provider can be sent a request of our own.
func ownRequestWorks(f Facts) api.Ability {
	if able := signInWorks(f); !able.OK || !f.Provider.SAML.SignRequests {
		return able
	}
	return api.Ability{Why: "saml-signed"}
}

func samlRelayWorks(f Facts) api.Ability {
	if able := ownRequestWorks(f); !able.OK || !f.Provider.SAML.ValidateRecipient {
		return able
	}
	return api.Ability{Why: "saml-recipient"}
}

// samlRelayProves: where a response serves once, the plugin finishes a sign-in only on its own page.
func samlRelayProves(f Facts) (signIn bool, able api.Ability) {
	if f.Capabilities.StateOnce {
		return false, api.Ability{Why: "saml-own-page"}
	}
	return true, api.Ability{OK: true}
}

func samlRelayReason(Facts, api.WriteMethod) api.Remark {
	return api.Remark{Why: api.WhySAMLRelay}
}

// certificateFault is why a SAML provider's certificate cannot be read.
func certificateFault(certificate string) error {
	_, err := samlflow.ParseCertificate(certificate)
	return err
}

// checkable reports whether the app can check a response by itself.
func checkable(f Facts) api.Ability {
	switch {
	case f.Provider.Certificate == "":
		return api.Ability{Why: api.WhyNoCertificate}
	case f.Certificate != "":
		return api.Ability{Why: f.Certificate}
	case f.Provider.ClientID == "":
		return api.Ability{Why: api.WhyNoClientID}
	}
	return api.Ability{OK: true}
}

// assertionWorks reports whether a response to our own request can be caught and checked in the app.
func assertionWorks(f Facts) api.Ability {
	if able := ownRequestWorks(f); !able.OK {
		return able
	}
	return checkable(f)
}

func assertionProves(f Facts) (signIn bool, able api.Ability) { return false, checkable(f) }

func assertionReason(Facts, api.WriteMethod) api.Remark {
	return api.Remark{Why: api.WhyAssertion}
}

func serverStartWorks(f Facts) api.Ability {
	signed := f.Tried[api.StrategyRelay].Why == "saml-signed"
	if able := relayWorks(f); !able.OK || f.Provider.SAML.SignRequests || signed {
		return able
	}
	return api.Ability{Why: "saml-unsigned"}
}

// serverStartWrite uses POST Link where the server takes the response, and otherwise writes the name that was checked here.
func serverStartWrite(f Facts) (api.WriteMethod, api.Ability) {
	write, able := postLinkWrite(f)
	if able.OK && !f.Provider.SAML.ValidateRecipient {
		return write, able
	}
	if able := checkable(f); !able.OK {
		return "", able
	}
	return directWrite(f)
}

func serverStartReason(Facts, api.WriteMethod) api.Remark {
	return api.Remark{Why: api.WhyServerStart}
}

// samlRequest is our own request to a provider, and whether only the server can check the response. What the settings do not
// tell comes from a request that the server makes under its own name.
func (l *Linker) samlRequest(ctx context.Context, f Facts, judge samlflow.Judge) (samlflow.Request, error) {
	p := f.Provider
	req := samlflow.Request{
		Endpoint: p.Endpoint, ClientID: p.ClientID, Audience: p.SAML.Audience, Certificate: p.Certificate, Judge: judge,
		Second:   p.SAML.SecondCertificate,
		Callback: f.Base.EscapedPath() + ssoplugin.CallbackPath(p), AllowSHA1: f.Settings.AllowSHA1,
	}
	if judge == samlflow.Ours || p.Endpoint != "" && p.ClientID != "" && p.Certificate != "" {
		return req, nil
	}
	server, err := l.Plugin.StartTrueName(ctx, p.Name)
	if err != nil {
		return samlflow.Request{}, err
	}
	asked, err := samlflow.FromServer(server)
	if err != nil || p.Certificate == "" {
		return asked, err
	}
	req.Endpoint, req.ClientID, req.NameIDFormat = asked.Endpoint, asked.ClientID, asked.NameIDFormat
	return req, nil
}

// samlRelay catches a response to our own request, for the server to check as well.
func (l *Linker) samlRelay(ctx context.Context, f Facts, person Person) (proof, error) {
	return l.response(ctx, f, samlflow.ServersToo, person)
}

// assertion catches a response to our own request and checks it without the server.
func (l *Linker) assertion(ctx context.Context, f Facts, person Person) (proof, error) {
	return l.response(ctx, f, samlflow.Ours, person)
}

func (l *Linker) response(ctx context.Context, f Facts, judge samlflow.Judge, person Person) (proof, error) {
	req, err := l.samlRequest(ctx, f, judge)
	if err != nil {
		return proof{}, err
	}
	result, err := samlflow.Run(ctx, req, samlflow.Options{
		Listen: l.listen(f, api.StrategyAssertion, person), Now: l.Now, Seen: &l.seen,
		Refused: func(err error) {
			if e, ok := asError(err); ok {
				person.Progress(api.Progress{Step: "waiting-for-sign-in", Why: e.Why, Params: e.Params})
			}
		},
	}, person.SignIn)
	if err != nil {
		return proof{}, err
	}
	p := asserted(f, result.Assertion)
	p.data = result.Response
	return p, nil
}

// trySAML sees whether our own request can take the place of the server's. Only for a provider whose settings cannot be read
// is there anything to find out.
func (l *Linker) trySAML(ctx context.Context, f Facts) (address string, err error) {
	_, err = l.samlRequest(ctx, f, samlflow.ServersToo)
	return l.Client.URL().String(), err
}

// asserted is what a checked response tells.
func asserted(f Facts, a samlflow.Assertion) proof {
	roles := a.Attributes[f.Provider.Admission.RoleClaim]
	return proof{name: a.NameID, roles: roles, remarks: slices.Concat(a.Remarks, roleRemarks(f.Provider, roles))}
}

// serverStart runs a sign-in that the server starts, with its answer to the loopback.
func (l *Linker) serverStart(ctx context.Context, f Facts, person Person) (proof, error) {
	result, err := relayflow.Run(ctx, l.Plugin, l.relayRequest(f),
		relayflow.Options{Listen: l.listen(f, api.StrategyRelay, person), Now: l.Now}, person.SignIn)
	if err != nil {
		return proof{}, l.whyRefused(f, result, err)
	}
	if !checkable(f).OK {
		// The server checks the signature before it writes, and the name is read back after; here it only shows the person
		// what there is to confirm.
		name, err := samlflow.NameID(result.Response)
		return proof{name: name, data: result.Data, cookies: result.Cookies}, err
	}
	judge := samlflow.Ours
	if write, _ := serverStartWrite(f); write == api.WritePostLink && !f.Verifying {
		judge = samlflow.ServersToo
	}
	a, err := samlflow.Check(result.Response, l.expect(f, result, judge), &l.seen)
	if err != nil {
		return proof{}, err
	}
	p := asserted(f, a)
	p.data, p.cookies = result.Data, result.Cookies
	return p, nil
}

// expect is what the response to a sign-in that the server started must fit.
func (l *Linker) expect(f Facts, result relayflow.Result, judge samlflow.Judge) samlflow.Expect {
	return samlflow.Expect{
		Judge: judge, Certificate: f.Provider.Certificate, Second: f.Provider.SAML.SecondCertificate,
		Audience:  cmp.Or(f.Provider.SAML.Audience, f.Provider.ClientID),
		Recipient: result.ACS, RequestID: result.RequestID, AllowSHA1: f.Settings.AllowSHA1, Now: l.Now(),
	}
}

// whyRefused looks for the reason why the server refused a response: some plugins give none. Our own check of the same response
// tells of its certificate, time and audience. Where it finds nothing, the server's error stays.
func (l *Linker) whyRefused(f Facts, result relayflow.Result, err error) error {
	if result.Response.IsZero() || !checkable(f).OK {
		return err
	}
	var apart samlflow.Replay // the response was not accepted
	_, found := samlflow.Check(result.Response, l.expect(f, result, samlflow.Ours), &apart)
	if e, ok := asError(err); ok && found != nil {
		told := *e
		told.Because(found)
		return &told
	}
	return err
}
