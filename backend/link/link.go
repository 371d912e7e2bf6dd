// Package link changes who opens what. It plans how a link is made, runs the sign-in that proves an identity, lets the
// person confirm it, writes, reads back, and keeps a journal from which every change can be undone.
//
// A change is made of steps. Each step returns an outcome, and record writes the outcome of the whole change down.
package link

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/journal"
	"github.com/jellybind/jellybind/backend/loopback"
	"github.com/jellybind/jellybind/backend/roster"
	"github.com/jellybind/jellybind/backend/samlflow"
	"github.com/jellybind/jellybind/backend/samlmsg"
	"github.com/jellybind/jellybind/backend/secret"
	"github.com/jellybind/jellybind/backend/ssoplugin"
)

// Linker makes and undoes links on one server with one credential. Set its fields before the first call; only the ports can
// be changed later, by SetPorts.
type Linker struct {
	Client  *jellyfin.Client
	Plugin  Plugin
	Roster  *roster.Reader
	Journal *journal.Journal
	// ServerID is the server's own id, under which the journal keeps the changes.
	ServerID string
	// Self is the account that the access token belongs to; nil for an API key.
	Self *api.User
	// Settings and ClientSecret return what the person has entered for a provider.
	Settings     func(api.Protocol, string) api.ProviderSettings
	ClientSecret func(context.Context, api.Protocol, string) (secret.Value, error)
	// Remembered returns what was found by trying at a provider, and Remember stores it. Both may be nil.
	Remembered func(api.Protocol, string) []api.Attempt
	Remember   func(context.Context, api.FoundWays)
	// Local is where the server is in the local network; nil for nowhere.
	Local LocalNetwork
	// Ports are the loopback ports to try; empty means DefaultPorts.
	Ports []int
	// Timeout is how long a person has to sign in; 0 means the listener's default of 5 minutes.
	Timeout time.Duration
	// Language returns the language (BCP 47) of the page that the browser shows at the end; nil means English.
	Language func() string
	Now      func() time.Time

	seen samlflow.Replay
	mu   sync.Mutex // guards Ports
}

// SetPorts changes Ports; it may be called while other calls run.
func (l *Linker) SetPorts(ports []int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.Ports = ports
}

// ListenPorts returns Ports.
func (l *Linker) ListenPorts() []int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Ports
}

// Plugin is the SSO plugin of a server. Outside of tests it is always a *ssoplugin.Plugin, of whichever flavour. It is an
// interface only for the fakes in this package's tests, such as a server that goes away in the middle of a change, or one
// whose settings somebody changes meanwhile. Capabilities says what the plugin can do; anything else fails with
// CodeUnsupported.
type Plugin interface {
	Capabilities() api.Capabilities
	// Providers reads the providers, UserLinks one account's links.
	Providers(ctx context.Context) ([]api.Provider, error)
	UserLinks(ctx context.Context, userID string) ([]api.Identity, error)

	// Start, Relay, PendingName and PendingGrant run the server's own sign-in; its answer is caught on the loopback.
	Start(ctx context.Context, req ssoplugin.StartRequest) (ssoplugin.Started, error)
	Relay(ctx context.Context, s ssoplugin.Started, cb ssoplugin.Callback) error
	PendingName(ctx context.Context, state secret.Value) (string, error)
	PendingGrant(ctx context.Context, state secret.Value) (api.Granted, error)
	// StartTrueName reads the SAML request that the server makes under its own name, and ClientSecret the plugin's secret at an
	// OIDC provider, for a sign-in of our own.
	StartTrueName(ctx context.Context, provider string) (samlmsg.AuthnRequest, error)
	// SignInPage is where the server's own sign-in leads under its own name.
	SignInPage(ctx context.Context, provider string) (ssoplugin.SignInPage, error)
	ClientSecret(ctx context.Context, provider string) (secret.Value, error)
	// PostLink and Authenticate use such a sign-in up: for a link, or for a session.
	PostLink(ctx context.Context, proto api.Protocol, provider, userID string, data secret.Value, cookies []*http.Cookie) error
	Authenticate(
		ctx context.Context, proto api.Protocol, provider string, data secret.Value, cookies []*http.Cookie,
	) (jellyfin.SignedIn, error)

	// The other methods change links without a sign-in.
	DeleteLink(ctx context.Context, l api.Link) error
	Preprovision(ctx context.Context, l api.Link) error
	WriteConfig(
		ctx context.Context, proto api.Protocol, provider string, change func(links map[string]string) error,
	) error
	Unregister(ctx context.Context, userName, authProviderID string) error
}

var _ Plugin = (*ssoplugin.Plugin)(nil)

// Person is the user in front of the window or the terminal.
type Person interface {
	// SignIn shows the address where the person signs in, and opens it if the person wants that.
	SignIn(context.Context, api.SignIn) error
	// SignInElsewhere shows the code and the address with which the person signs in on another device. It must not wait for that.
	SignInElsewhere(context.Context, api.DeviceSignIn) error
	// Confirm asks whether the change is right, and returns an error with CodeCancelled if it is not.
	Confirm(context.Context, api.Confirmation) error
	// UseLocal asks whether the sign-in may run over an address of the server that Jellybind found in the local network.
	UseLocal(ctx context.Context, address string) (api.Consent, error)
	// Progress reports what is going on; it must not block.
	Progress(api.Progress)
}

// Plan says how a link would be made, after it has tried every way that may work. The account must exist, and the plugin must
// know the provider.
func (l *Linker) Plan(ctx context.Context, req api.LinkRequest) (api.Plan, error) {
	r, err := l.Roster.Read(ctx, nil)
	if err != nil {
		return api.Plan{}, err
	}
	_, plan, err := l.plan(ctx, r, req, nil)
	return plan, err
}

// discoveryLimit is how long a plan waits for an identity provider, only to add a warning.
const discoveryLimit = 3 * time.Second

// pairwise asks an identity provider whether it gives each client another subject for the same person. A provider that does
// not answer counts as no; the sign-in will say what is wrong with it.
func pairwise(ctx context.Context, f Facts) bool {
	ctx, cancel := context.WithTimeout(ctx, discoveryLimit)
	defer cancel()
	c := client(f)
	meta, err := c.Discover(ctx)
	return err == nil && meta.PairwiseOnly()
}

// plan finds a way and makes the plan. Without a person it tries every way, otherwise it stops at the first that works.
func (l *Linker) plan(ctx context.Context, r api.Roster, req api.LinkRequest, person Person) (Facts, api.Plan, error) {
	account := roster.Account(r, req.UserID)
	if account == nil || !account.Exists {
		return Facts{}, api.Plan{}, noSuchAccount(req.UserID)
	}
	p := roster.Provider(r, req.Protocol, req.Provider)
	if p == nil {
		return Facts{}, api.Plan{}, noSuchProvider(req.Provider)
	}
	f := l.facts(*p, r.Providers, req)
	f.Account = account.User
	if err := l.findWay(ctx, &f, person); err != nil {
		return f, api.Plan{}, err
	}
	if person == nil {
		if err := l.offerDevice(ctx, &f); err != nil {
			return f, api.Plan{}, err
		}
	}
	plan, err := MakePlan(f)
	if plan.NoWay != nil && person != nil { // then the device flow is worth a try
		if err := l.offerDevice(ctx, &f); err != nil {
			return f, api.Plan{}, err
		}
		plan, err = MakePlan(f)
	}
	if err == nil && bySubjectOfOurs(f, plan) && pairwise(ctx, f) {
		f.Pairwise = true
		plan, err = MakePlan(f)
	}
	return f, plan, err
}

// facts is what is known without trying.
func (l *Linker) facts(p api.Provider, all []api.Provider, req api.LinkRequest) Facts {
	f := Facts{
		Request: req, Provider: p, Settings: l.Settings(p.Protocol, p.Name), Capabilities: l.Plugin.Capabilities(),
		Base: l.Client.URL(), Ports: l.ListenPorts(),
		Others: slices.DeleteFunc(slices.Clone(all), func(o api.Provider) bool { return o.Protocol == p.Protocol && o.Name == p.Name }),
	}
	if l.Self != nil {
		f.Self = l.Self.ID
	}
	if l.Local != nil {
		f.Local, _ = l.Local.Address()
	}
	if p.Certificate != "" {
		if e, ok := asError(certificateFault(p.Certificate)); ok {
			f.Certificate = e.Why
		}
	}
	return f
}

func noSuchAccount(id string) error {
	return &api.Error{Code: api.CodeUserNotFound, Params: map[string]string{"user": id}}
}

func noSuchProvider(name string) error {
	return &api.Error{Code: api.CodeProviderNotFound, Params: map[string]string{"provider": name}}
}

// Link links an identity to an account: plan, sign-in, confirmation, write, read back. It returns the change as it is in the
// journal. After an error nothing is changed unless the error says otherwise. A change that is returned with an error and is
// still api.ChangeIntended may have been made.
func (l *Linker) Link(ctx context.Context, req api.LinkRequest, person Person) (api.Change, error) {
	before, err := l.Roster.Read(ctx, person.Progress)
	if err != nil {
		return api.Change{}, err
	}
	plan, proof, err := l.prove(ctx, func(retry bool) (Facts, api.Plan, error) {
		again := req
		again.Retry = req.Retry || retry
		return l.plan(ctx, before, again, person)
	}, person)
	if err != nil {
		return api.Change{}, err
	}
	// Signing in may take minutes, so read again which account has the identity, as late as possible. Where the name is not known
	// yet there is nothing to look for, and where each account's links are read by themselves that takes long.
	if proof.name != "" {
		if before, err = l.Roster.Reread(ctx, before, req.UserID); err != nil {
			return api.Change{}, err
		}
	}
	_, direct := l.Plugin.Capabilities().DirectWrite()
	confirmation, err := confirm(before, plan, req, proof, direct.OK)
	if err != nil {
		return api.Change{}, err
	}
	if err := l.movable(before, plan, confirmation); err != nil {
		return api.Change{}, err
	}
	if err := person.Confirm(ctx, confirmation); err != nil {
		return api.Change{}, err
	}
	person.Progress(api.Progress{Step: "writing"})
	done, err := l.Journal.Alone(ctx, l.ServerID)
	if err != nil {
		return api.Change{}, err
	}
	done = sync.OnceFunc(done)
	defer done()
	// Confirming takes time as well, and POST Link would move an identity without asking.
	if before, err = l.Roster.Reread(ctx, before, req.UserID); err != nil {
		return api.Change{}, err
	}
	if err := stillAs(before, confirmation); err != nil {
		return api.Change{}, err
	}
	if !confirmation.NameKnown {
		req.Move = req.Move || confirmation.MayMove // the person was asked
		change, err := l.writeUnseen(ctx, before, req, plan, proof)
		done() // a person may think for long
		if err != nil || change.State != api.ChangeConfirmed {
			return change, err
		}
		return l.confirmWritten(ctx, before, plan, change, person)
	}
	return l.writeSeen(ctx, before, plan, proof, confirmation)
}

// confirmWritten asks whether the identity that was linked is the one that was meant: only now its name is known, and somebody
// else may have signed in. Without a yes the change is undone.
func (l *Linker) confirmWritten(
	ctx context.Context, before api.Roster, plan api.Plan, change api.Change, person Person,
) (api.Change, error) {
	gained := change.Identities[0]
	c := api.Confirmation{Account: plan.Account, Identity: gained, NameKnown: true, Written: true}
	if owner := roster.Owner(before, gained); owner != nil {
		c.Owner, c.Moves = &owner.User, true
	}
	c.Namesake = namesake(before, plan.Account.ID, gained.Name)
	declined := person.Confirm(ctx, c)
	if declined == nil {
		return change, nil
	}
	params := map[string]string{"name": gained.Name, "provider": gained.Provider, "account": plan.Account.Name}
	if _, err := l.Undo(context.WithoutCancel(ctx), change.ID); err != nil {
		e := &api.Error{Code: api.CodeHalfDone, Why: "unconfirmed-left", Params: params, Err: err}
		e.Because(err)
		return change, e
	}
	change.State, change.Undoable = api.ChangeUndone, false
	return change, &api.Error{Code: api.CodeCancelled, Why: "unconfirmed", Params: params, Err: declined}
}

// namesake returns the other account that a sign-in's names lead to, or nil.
func namesake(r api.Roster, userID string, names ...string) *api.User {
	if a := roster.Namesake(r, userID, names...); a != nil {
		return &a.User
	}
	return nil
}

// confirm works out what to ask the person, or why there is nothing to ask. returnable is whether an identity that the write took
// from another account could be put back.
func confirm(r api.Roster, plan api.Plan, req api.LinkRequest, p proof, returnable bool) (api.Confirmation, error) {
	c := api.Confirmation{
		Account: plan.Account, NameKnown: p.name != "", DisplayName: p.displayName, Email: p.email,
		Remarks:  slices.Concat(plan.Remarks, p.remarks),
		Identity: api.Identity{Protocol: plan.Provider.Protocol, Provider: plan.Provider.Name, Name: p.name},
	}
	if !c.NameKnown {
		c.MayMove = (r.Own || !returnable) && !req.Move
		return c, nil
	}
	c.Namesake = namesake(r, plan.Account.ID, p.name, p.displayName, p.email)
	owner := roster.Owner(r, c.Identity)
	switch {
	case owner == nil:
		return c, nil
	case owner.ID == plan.Account.ID:
		return c, &api.Error{
			Code:   api.CodeLinkExists,
			Params: map[string]string{"name": p.name, "provider": plan.Provider.Name, "account": plan.Account.Name},
		}
	case !req.Move:
		return c, &api.Error{
			Code: api.CodeLinkOwned,
			Params: map[string]string{
				"name": p.name, "provider": plan.Provider.Name, "owner": cmp.Or(owner.Name, owner.ID), "ownerId": owner.ID,
				"account": plan.Account.Name,
			},
		}
	}
	c.Owner, c.Moves = &owner.User, true
	return c, nil
}

// movable fails if the identity cannot be taken from the account that it opens.
func (l *Linker) movable(r api.Roster, plan api.Plan, c api.Confirmation) error {
	if !c.Moves || plan.Write == api.WritePostLink {
		return nil
	}
	caps, owner := l.Plugin.Capabilities(), roster.Owner(r, c.Identity)
	if plan.Write == api.WritePreprovision && caps.RemovalEndsSessions && c.Owner.ID == l.self() && len(owner.Identities) == 1 {
		return &api.Error{ // the session ends between the removal there and the write here
			Code: api.CodeUnsupported, Why: "own-last-link", Params: map[string]string{"name": c.Identity.Name},
		}
	}
	able := caps.MoveFrom(l.self(), c.Owner.ID, c.Identity.Name)
	if able.OK {
		return nil
	}
	e := able.Refused(api.CodeUnsupported, "remove-first")
	e.Params["owner"] = cmp.Or(owner.Name, owner.ID)
	return e
}

// stillAs fails unless the account exists, and the identity opens the same account as when the person confirmed.
func stillAs(r api.Roster, c api.Confirmation) error {
	if a := roster.Account(r, c.Account.ID); a == nil || !a.Exists {
		return noSuchAccount(c.Account.ID)
	}
	if !c.NameKnown {
		return nil
	}
	was, is := "", ""
	if c.Owner != nil {
		was = c.Owner.ID
	}
	if owner := roster.Owner(r, c.Identity); owner != nil {
		is = owner.ID
	}
	if was != is {
		return changedMeanwhile(c.Identity.Name)
	}
	return nil
}

// writeSeen writes a link whose name is known, and reads it back.
func (l *Linker) writeSeen(
	ctx context.Context, before api.Roster, plan api.Plan, p proof, c api.Confirmation,
) (api.Change, error) {
	change := l.linking(plan, c.Identity)
	if c.Moves {
		change.Kind, change.FromID, change.FromName = api.ChangeMove, c.Owner.ID, c.Owner.Name
	}
	link := api.Link{Identity: c.Identity, UserID: plan.Account.ID}
	o := l.record(ctx, &change, func(ctx context.Context) outcome {
		if plan.Write == api.WritePostLink {
			return l.postLink(ctx, before, plan, p, link)
		}
		return l.add(ctx, link, change.FromID)
	})
	return change, o.told()
}

// writeUnseen writes a link whose name becomes known only after the write, from the roster: OIDC by relay, where the plugin
// does not say who signed in. If the write took the identity from another account without permission, it is put back.
func (l *Linker) writeUnseen(
	ctx context.Context, before api.Roster, req api.LinkRequest, plan api.Plan, p proof,
) (api.Change, error) {
	change := l.linking(plan)
	o := l.record(ctx, &change, func(ctx context.Context) outcome {
		sent := l.Plugin.PostLink(ctx, plan.Provider.Protocol, plan.Provider.Name, plan.Account.ID, p.data, p.cookies)
		if sent != nil && !uncertain(sent) {
			return failure(sent)
		}
		err := l.reading(ctx, sent, func(ctx context.Context) (err error) {
			change.Identities, err = l.gains(ctx, before, plan)
			return err
		})
		if err != nil {
			return outcome{how: unread, err: cmp.Or(sent, err)}
		}
		if len(change.Identities) == 0 && sent != nil {
			if answerLost(sent) {
				return outcome{how: unclear, err: sent}
			}
			return failure(sent)
		}
		if err := onlyGain(before, plan, change.Identities); err != nil {
			return failure(err)
		}
		gained := change.Identities[0]
		owner := roster.Owner(before, gained)
		if owner == nil {
			return outcome{how: made}
		}
		change.Kind, change.FromID, change.FromName = api.ChangeMove, owner.ID, owner.Name
		if req.Move {
			return outcome{how: made}
		}
		return l.putBack(ctx, api.Link{Identity: gained, UserID: plan.Account.ID}, plan.Account, owner)
	})
	return change, o.told()
}

// linking is the journal's entry for a planned link.
func (l *Linker) linking(plan api.Plan, ids ...api.Identity) api.Change {
	return api.Change{
		Server: l.ServerID, Kind: api.ChangeLink, UserID: plan.Account.ID, UserName: plan.Account.Name,
		Identities: append([]api.Identity{}, ids...), Strategy: plan.Strategy, Write: plan.Write,
	}
}

// listen returns how to listen for the answer of a sign-in. The person is told if somebody else may be using its address.
func (l *Linker) listen(f Facts, s api.Strategy, person Person) loopback.Options {
	o := loopback.Options{
		Host: f.Settings.ListenHost, Ports: f.ports(s), Timeout: l.Timeout,
		Warn: func(why api.Why) { person.Progress(api.Progress{Step: "waiting-for-sign-in", Why: why}) },
	}
	if l.Language != nil {
		o.Language = l.Language()
	}
	return o
}
