// Package bridge is the way from the window to the backend: one typed method for each method that the app binds, errors
// decoded to *api.Error, and the commands of the state carried out.
package bridge

import (
	"cmp"
	"context"
	"errors"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/wire"
)

// Caller calls one of the app's bound methods. The arguments and the result cross as JSON; a nil result is dropped. A
// refusal is a *Rejection. Call blocks until the promise is settled, so it must run in a goroutine of its own.
type Caller interface {
	Call(ctx context.Context, method string, args ...any) ([]byte, error)
	// AtHand returns what the backend can answer at once, and the page waits for; it is empty for everything else.
	AtHand(file string, query any) []byte
}

// Rejection is what a bound method's promise was rejected with: an api.Error as JSON, or any other text.
type Rejection struct{ Reason string }

// Error returns the reason as it came.
func (r *Rejection) Error() string { return r.Reason }

// DecodeError turns what a call failed with into what a person is told. It never fails: a reason that is no api.Error
// becomes one with CodeInternal.
func DecodeError(err error) *api.Error {
	if err == nil {
		return nil
	}
	if known, ok := errors.AsType[*api.Error](err); ok {
		return known
	}
	reason := err.Error()
	if r, ok := errors.AsType[*Rejection](err); ok {
		if e := decodeReason(r.Reason, 2); e != nil {
			return e
		}
		reason = r.Reason
	}
	if errors.Is(err, context.Canceled) {
		return &api.Error{Code: api.CodeCancelled, Sentence: "This was cancelled.", Err: err}
	}
	return &api.Error{Code: api.CodeInternal, Sentence: reason, Err: err}
}

// decodeReason reads an api.Error out of JSON, or out of a JSON string that holds one.
func decodeReason(reason string, depth int) *api.Error {
	var e api.Error
	if wire.Decode([]byte(reason), &e) == nil && e.Code != "" {
		return &e
	}
	var inner string
	if depth > 0 && wire.Decode([]byte(reason), &inner) == nil {
		return decodeReason(inner, depth-1)
	}
	return nil
}

// App is the backend as the window sees it.
type App struct{ caller Caller }

// New returns the app behind a caller.
func New(c Caller) *App { return &App{caller: c} }

// get calls a method and decodes its result into the value that into points to. Not generic: an instance a type would
// cost more than the methods themselves.
func (a *App) get(ctx context.Context, method string, into any, args ...any) *api.Error {
	raw, err := a.caller.Call(ctx, method, args...)
	if err != nil {
		return DecodeError(err)
	}
	if len(raw) == 0 {
		return nil
	}
	if err := wire.Decode(raw, into); err != nil {
		return &api.Error{Code: api.CodeInternal, Sentence: "The answer of " + method + " cannot be read.", Err: err}
	}
	return nil
}

// do calls a method that returns nothing of use.
func (a *App) do(ctx context.Context, method string, args ...any) *api.Error {
	_, err := a.caller.Call(ctx, method, args...)
	return DecodeError(err)
}

// Bootstrap returns what the first frame needs.
func (a *App) Bootstrap(ctx context.Context, language string) (result api.Bootstrap, failed *api.Error) {
	failed = a.get(ctx, "Bootstrap", &result, language)
	return result, failed
}

// DiscoverServers looks for servers on the local network.
func (a *App) DiscoverServers(ctx context.Context) (result []api.DiscoveredServer, failed *api.Error) {
	failed = a.get(ctx, "DiscoverServers", &result)
	return result, failed
}

// ProbeServer finds out what an address is.
func (a *App) ProbeServer(ctx context.Context, address string) (result api.Probe, failed *api.Error) {
	failed = a.get(ctx, "ProbeServer", &result, address)
	return result, failed
}

// TrustCertificate pins a certificate and probes again.
func (a *App) TrustCertificate(ctx context.Context, address, sha256 string) (result api.Probe, failed *api.Error) {
	failed = a.get(ctx, "TrustCertificate", &result, address, sha256)
	return result, failed
}

// StartDemo starts the demo world and opens it.
func (a *App) StartDemo(ctx context.Context, flavour api.Flavour, users int) (result api.Session, failed *api.Error) {
	failed = a.get(ctx, "StartDemo", &result, string(flavour), users)
	return result, failed
}

// ConnectKey signs in with an API key.
func (a *App) ConnectKey(ctx context.Context, address, name, key string) (result api.Session, failed *api.Error) {
	failed = a.get(ctx, "ConnectKey", &result, address, name, key)
	return result, failed
}

// ConnectPassword signs in with a name and a password.
func (a *App) ConnectPassword(
	ctx context.Context,
	address, name, user, password string,
) (result api.Session, failed *api.Error) {
	failed = a.get(ctx, "ConnectPassword", &result, address, name, user, password)
	return result, failed
}

// StartQuickConnect asks for a code; flow events tell the rest.
func (a *App) StartQuickConnect(ctx context.Context, address, name string) (result api.QuickConnect, failed *api.Error) {
	failed = a.get(ctx, "StartQuickConnect", &result, address, name)
	return result, failed
}

// CancelFlow ends a flow.
func (a *App) CancelFlow(ctx context.Context, id string) *api.Error {
	return a.do(ctx, "CancelFlow", id)
}

// OpenProfile opens a stored server.
func (a *App) OpenProfile(ctx context.Context, name string) (result api.Session, failed *api.Error) {
	failed = a.get(ctx, "OpenProfile", &result, name)
	return result, failed
}

// SignOut ends the session at the server and deletes the credential.
func (a *App) SignOut(ctx context.Context, name string) *api.Error {
	return a.do(ctx, "SignOut", name)
}

// ForgetProfile deletes a stored server with its secrets.
func (a *App) ForgetProfile(ctx context.Context, name string) *api.Error {
	return a.do(ctx, "ForgetProfile", name)
}

// RenameProfile gives a stored server another name.
func (a *App) RenameProfile(ctx context.Context, old, name string) *api.Error {
	return a.do(ctx, "RenameProfile", old, name)
}

// RosterPage returns one window of rows, without letting the page go on where they are wanted at once and are at hand.
func (a *App) RosterPage(ctx context.Context, q api.RosterQuery, atHand bool) (result api.RosterPage, failed *api.Error) {
	if atHand {
		if raw := a.caller.AtHand("rows.json", q); len(raw) > 0 && wire.Decode(raw, &result) == nil {
			return result, nil
		}
		result = api.RosterPage{}
	}
	failed = a.get(ctx, "RosterPage", &result, q)
	return result, failed
}

// RefreshRoster reads the server anew.
func (a *App) RefreshRoster(ctx context.Context) (result api.RosterCounts, failed *api.Error) {
	failed = a.get(ctx, "RefreshRoster", &result)
	return result, failed
}

// Account returns one account.
func (a *App) Account(ctx context.Context, userID string) (result api.RosterRow, failed *api.Error) {
	failed = a.get(ctx, "Account", &result, userID)
	return result, failed
}

// Changes returns the journal of one account, or all of it, newest first.
func (a *App) Changes(ctx context.Context, userID string) (result []api.Change, failed *api.Error) {
	failed = a.get(ctx, "Changes", &result, userID)
	return result, failed
}

// Providers returns the server's providers.
func (a *App) Providers(ctx context.Context) (result []api.ProviderDetail, failed *api.Error) {
	failed = a.get(ctx, "Providers", &result)
	return result, failed
}

// TestProvider asks the identity provider itself.
func (a *App) TestProvider(ctx context.Context, p api.Protocol, name string) (result api.ProviderTest, failed *api.Error) {
	failed = a.get(ctx, "TestProvider", &result, string(p), name)
	return result, failed
}

// SaveProviderSettings stores what the app knows of a provider.
func (a *App) SaveProviderSettings(ctx context.Context, set api.ProviderSettings) *api.Error {
	return a.do(ctx, "SaveProviderSettings", set)
}

// SaveProviderSecret stores the own client's secret in the keyring.
func (a *App) SaveProviderSecret(ctx context.Context, p api.Protocol, name, secret string) *api.Error {
	return a.do(ctx, "SaveProviderSecret", string(p), name, secret)
}

// PlanLink says how a link will be made.
func (a *App) PlanLink(ctx context.Context, r api.LinkRequest) (result api.Plan, failed *api.Error) {
	failed = a.get(ctx, "PlanLink", &result, r)
	return result, failed
}

// StartLink starts a link; flow events tell the rest.
func (a *App) StartLink(ctx context.Context, r api.LinkRequest) (result string, failed *api.Error) {
	failed = a.get(ctx, "StartLink", &result, r)
	return result, failed
}

// ConfirmFlow answers a flow's question.
func (a *App) ConfirmFlow(ctx context.Context, id string, yes bool) *api.Error {
	return a.do(ctx, "ConfirmFlow", id, yes)
}

// OpenSignIn opens a flow's sign-in address in the browser again.
func (a *App) OpenSignIn(ctx context.Context, id string) *api.Error {
	return a.do(ctx, "OpenSignIn", id)
}

// StartVerify starts a verification; flow events tell the rest.
func (a *App) StartVerify(ctx context.Context, p api.Protocol, provider string) (result string, failed *api.Error) {
	failed = a.get(ctx, "StartVerify", &result, string(p), provider)
	return result, failed
}

// RemoveLinks removes links; the detour drops all links of their accounts and writes the others again.
func (a *App) RemoveLinks(ctx context.Context, links []api.Link, detour bool) (result api.Removal, failed *api.Error) {
	method := "RemoveLinks"
	if detour {
		method = "RemoveLinksViaUnregister"
	}
	failed = a.get(ctx, method, &result, links)
	return result, cmp.Or(failed, result.Error)
}

// StopReading ends looks at addresses, openings and readings of the roster.
func (a *App) StopReading(ctx context.Context) *api.Error { return a.do(ctx, "StopReading") }

// StopChanges lets a removal of many links end with the one in hand.
func (a *App) StopChanges(ctx context.Context) *api.Error { return a.do(ctx, "StopChanges") }

// PlanUnregister says what unregistering an account does.
func (a *App) PlanUnregister(ctx context.Context, userID string) (result api.UnregisterPlan, failed *api.Error) {
	failed = a.get(ctx, "PlanUnregister", &result, userID)
	return result, failed
}

// Unregister gives an account another sign-in provider.
func (a *App) Unregister(ctx context.Context, userID, authProvider string) (result api.Change, failed *api.Error) {
	failed = a.get(ctx, "Unregister", &result, userID, authProvider)
	return result, failed
}

// Undo undoes a change.
func (a *App) Undo(ctx context.Context, changeID string) *api.Error {
	return a.do(ctx, "Undo", changeID)
}

// SelfService returns the self-service kit.
func (a *App) SelfService(ctx context.Context) (result api.SelfService, failed *api.Error) {
	failed = a.get(ctx, "SelfService", &result)
	return result, failed
}

// SaveSettings stores the window's settings.
func (a *App) SaveSettings(ctx context.Context, set api.Settings) *api.Error {
	return a.do(ctx, "SaveSettings", set)
}

// CheckKeyring looks at the keyring.
func (a *App) CheckKeyring(ctx context.Context) (result api.Keyring, failed *api.Error) {
	failed = a.get(ctx, "CheckKeyring", &result)
	return result, failed
}

// Quit ends the app.
func (a *App) Quit(ctx context.Context) *api.Error { return a.do(ctx, "Quit") }
