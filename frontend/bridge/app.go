// Package bridge is the way from the window to the backend: one typed method for each method that the app binds, errors
// decoded to *api.Error, and the commands of the state carried out.
package bridge

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/jellybind/jellybind/backend/api"
)

// Caller calls one of the app's bound methods. The arguments and the result cross as JSON; a nil result is dropped. A
// refusal is a *Rejection. Call blocks until the promise is settled, so it must run in a goroutine of its own.
type Caller interface {
	Call(ctx context.Context, method string, args ...any) (json.RawMessage, error)
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
	if json.Unmarshal([]byte(reason), &e) == nil && e.Code != "" {
		return &e
	}
	var inner string
	if depth > 0 && json.Unmarshal([]byte(reason), &inner) == nil {
		return decodeReason(inner, depth-1)
	}
	return nil
}

// App is the backend as the window sees it.
type App struct{ caller Caller }

// New returns the app behind a caller.
func New(c Caller) *App { return &App{caller: c} }

// call calls a method and decodes its result.
func call[T any](ctx context.Context, a *App, method string, args ...any) (T, *api.Error) {
	var result T
	raw, err := a.caller.Call(ctx, method, args...)
	if err != nil {
		return result, DecodeError(err)
	}
	if len(raw) == 0 || string(raw) == "null" {
		return result, nil
	}
	if err := json.Unmarshal(raw, &result); err != nil {
		return result, &api.Error{Code: api.CodeInternal, Sentence: "The answer of " + method + " cannot be read.", Err: err}
	}
	return result, nil
}

// do calls a method that returns nothing of use.
func do(ctx context.Context, a *App, method string, args ...any) *api.Error {
	_, err := call[json.RawMessage](ctx, a, method, args...)
	return err
}

// Bootstrap returns what the first frame needs.
func (a *App) Bootstrap(ctx context.Context) (api.Bootstrap, *api.Error) {
	return call[api.Bootstrap](ctx, a, "Bootstrap")
}

// DiscoverServers looks for servers on the local network.
func (a *App) DiscoverServers(ctx context.Context) ([]api.DiscoveredServer, *api.Error) {
	return call[[]api.DiscoveredServer](ctx, a, "DiscoverServers")
}

// ProbeServer finds out what an address is.
func (a *App) ProbeServer(ctx context.Context, address string) (api.Probe, *api.Error) {
	return call[api.Probe](ctx, a, "ProbeServer", address)
}

// TrustCertificate pins a certificate and probes again.
func (a *App) TrustCertificate(ctx context.Context, address, sha256 string) (api.Probe, *api.Error) {
	return call[api.Probe](ctx, a, "TrustCertificate", address, sha256)
}

// StartDemo starts the demo world and opens it.
func (a *App) StartDemo(ctx context.Context, flavour api.Flavour, users int) (api.Session, *api.Error) {
	return call[api.Session](ctx, a, "StartDemo", string(flavour), users)
}

// ConnectKey signs in with an API key.
func (a *App) ConnectKey(ctx context.Context, address, name, key string) (api.Session, *api.Error) {
	return call[api.Session](ctx, a, "ConnectKey", address, name, key)
}

// ConnectPassword signs in with a name and a password.
func (a *App) ConnectPassword(ctx context.Context, address, name, user, password string) (api.Session, *api.Error) {
	return call[api.Session](ctx, a, "ConnectPassword", address, name, user, password)
}

// StartQuickConnect asks for a code; flow events tell the rest.
func (a *App) StartQuickConnect(ctx context.Context, address, name string) (api.QuickConnect, *api.Error) {
	return call[api.QuickConnect](ctx, a, "StartQuickConnect", address, name)
}

// CancelFlow ends a flow.
func (a *App) CancelFlow(ctx context.Context, id string) *api.Error {
	return do(ctx, a, "CancelFlow", id)
}

// OpenProfile opens a stored server.
func (a *App) OpenProfile(ctx context.Context, name string) (api.Session, *api.Error) {
	return call[api.Session](ctx, a, "OpenProfile", name)
}

// SignOut ends the session at the server and deletes the credential.
func (a *App) SignOut(ctx context.Context, name string) *api.Error {
	return do(ctx, a, "SignOut", name)
}

// ForgetProfile deletes a stored server with its secrets.
func (a *App) ForgetProfile(ctx context.Context, name string) *api.Error {
	return do(ctx, a, "ForgetProfile", name)
}

// RenameProfile gives a stored server another name.
func (a *App) RenameProfile(ctx context.Context, old, name string) *api.Error {
	return do(ctx, a, "RenameProfile", old, name)
}

// RosterPage returns one window of rows.
func (a *App) RosterPage(ctx context.Context, q api.RosterQuery) (api.RosterPage, *api.Error) {
	return call[api.RosterPage](ctx, a, "RosterPage", q)
}

// RefreshRoster reads the server anew.
func (a *App) RefreshRoster(ctx context.Context) (api.RosterCounts, *api.Error) {
	return call[api.RosterCounts](ctx, a, "RefreshRoster")
}

// Account returns one account.
func (a *App) Account(ctx context.Context, userID string) (api.RosterRow, *api.Error) {
	return call[api.RosterRow](ctx, a, "Account", userID)
}

// Changes returns the journal of one account, or all of it, newest first.
func (a *App) Changes(ctx context.Context, userID string) ([]api.Change, *api.Error) {
	return call[[]api.Change](ctx, a, "Changes", userID)
}

// Providers returns the server's providers.
func (a *App) Providers(ctx context.Context) ([]api.ProviderDetail, *api.Error) {
	return call[[]api.ProviderDetail](ctx, a, "Providers")
}

// TestProvider asks the identity provider itself.
func (a *App) TestProvider(ctx context.Context, p api.Protocol, name string) (api.ProviderTest, *api.Error) {
	return call[api.ProviderTest](ctx, a, "TestProvider", string(p), name)
}

// SaveProviderSettings stores what the app knows of a provider.
func (a *App) SaveProviderSettings(ctx context.Context, set api.ProviderSettings) *api.Error {
	return do(ctx, a, "SaveProviderSettings", set)
}

// SaveProviderSecret stores the own client's secret in the keyring.
func (a *App) SaveProviderSecret(ctx context.Context, p api.Protocol, name, secret string) *api.Error {
	return do(ctx, a, "SaveProviderSecret", string(p), name, secret)
}

// PlanLink says how a link will be made.
func (a *App) PlanLink(ctx context.Context, r api.LinkRequest) (api.Plan, *api.Error) {
	return call[api.Plan](ctx, a, "PlanLink", r)
}

// StartLink starts a link; flow events tell the rest.
func (a *App) StartLink(ctx context.Context, r api.LinkRequest) (string, *api.Error) {
	return call[string](ctx, a, "StartLink", r)
}

// ConfirmFlow answers a flow's question.
func (a *App) ConfirmFlow(ctx context.Context, id string, yes bool) *api.Error {
	return do(ctx, a, "ConfirmFlow", id, yes)
}

// OpenSignIn opens a flow's sign-in address in the browser again.
func (a *App) OpenSignIn(ctx context.Context, id string) *api.Error {
	return do(ctx, a, "OpenSignIn", id)
}

// StartVerify starts a verification; flow events tell the rest.
func (a *App) StartVerify(ctx context.Context, p api.Protocol, provider string) (string, *api.Error) {
	return call[string](ctx, a, "StartVerify", string(p), provider)
}

// RemoveLinks removes links.
func (a *App) RemoveLinks(ctx context.Context, links []api.Link) ([]api.Change, *api.Error) {
	return call[[]api.Change](ctx, a, "RemoveLinks", links)
}

// PlanUnregister says what unregistering an account does.
func (a *App) PlanUnregister(ctx context.Context, userID string) (api.UnregisterPlan, *api.Error) {
	return call[api.UnregisterPlan](ctx, a, "PlanUnregister", userID)
}

// Unregister gives an account another sign-in provider.
func (a *App) Unregister(ctx context.Context, userID, authProvider string) (api.Change, *api.Error) {
	return call[api.Change](ctx, a, "Unregister", userID, authProvider)
}

// Undo undoes a change.
func (a *App) Undo(ctx context.Context, changeID string) (api.Change, *api.Error) {
	return call[api.Change](ctx, a, "Undo", changeID)
}

// SelfService returns the self-service kit.
func (a *App) SelfService(ctx context.Context) (api.SelfService, *api.Error) {
	return call[api.SelfService](ctx, a, "SelfService")
}

// SaveSettings stores the window's settings.
func (a *App) SaveSettings(ctx context.Context, set api.Settings) *api.Error {
	return do(ctx, a, "SaveSettings", set)
}

// CheckKeyring looks at the keyring.
func (a *App) CheckKeyring(ctx context.Context) (api.Keyring, *api.Error) {
	return call[api.Keyring](ctx, a, "CheckKeyring")
}

// Quit ends the app.
func (a *App) Quit(ctx context.Context) *api.Error { return do(ctx, a, "Quit") }
