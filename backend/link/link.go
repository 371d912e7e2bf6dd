// Package link changes who opens what. It plans how a link is made, runs the sign-in that proves an identity, lets the
// person confirm it, writes, reads back, and keeps a journal from which every change can be undone.
package link

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/journal"
	"github.com/jellybind/jellybind/backend/loopback"
	"github.com/jellybind/jellybind/backend/oidcflow"
	"github.com/jellybind/jellybind/backend/roster"
	"github.com/jellybind/jellybind/backend/samlflow"
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
	// Self is whose access token it is; nil for an API key.
	Self *api.User
	// Settings and ClientSecret are what the person told the app of a provider.
	Settings     func(api.Protocol, string) api.ProviderSettings
	ClientSecret func(context.Context, api.Protocol, string) (secret.Value, error)
	// Ports are the loopback ports to try; empty means DefaultPorts.
	Ports []int
	// Timeout is how long a person has for signing in; 0 means the listener's default of 5 minutes.
	Timeout time.Duration
	// Language returns that of the page that the browser shows at the end, BCP 47; nil is English.
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

// Plugin is what keeps a server's links. The SSO plugin of every flavour is one (ssoplugin.Plugin); whatever else keeps
// links of identities to accounts, Jellyfin itself in some later version, fits in its place. What a Plugin cannot do it says
// by its Capabilities, and answers with CodeUnsupported.
type Plugin interface {
	Capable
	Reader
	SignIns
	Proofs
	Writer
	Unregister(ctx context.Context, userName, authProviderID string) error
}

// Capable tells what can be done.
type Capable interface {
	Capabilities() api.Capabilities
}

// Reader tells what is there.
type Reader interface {
	Read(ctx context.Context) (ssoplugin.Snapshot, error)
	UserLinks(ctx context.Context, userID string) ([]api.Identity, error)
}

// SignIns runs the server's own sign-in, whose answer is caught on the loopback.
type SignIns interface {
	Start(ctx context.Context, req ssoplugin.StartRequest) (ssoplugin.Started, error)
	Relay(ctx context.Context, s ssoplugin.Started, cb ssoplugin.Callback) error
	PendingName(ctx context.Context, state secret.Value) (string, error)
}

// Proofs uses up such a sign-in: for a link, or for a session.
type Proofs interface {
	PostLink(ctx context.Context, proto api.Protocol, provider, userID string, data secret.Value, cookies []*http.Cookie) error
	Authenticate(
		ctx context.Context, proto api.Protocol, provider string, data secret.Value, cookies []*http.Cookie,
	) (jellyfin.SignedIn, error)
}

// Writer changes links without a sign-in.
type Writer interface {
	DeleteLink(ctx context.Context, l api.Link) error
	Preprovision(ctx context.Context, l api.Link) error
	WriteConfig(
		ctx context.Context, proto api.Protocol, provider string, change func(links map[string]string) error,
	) error
}

var _ Plugin = (*ssoplugin.Plugin)(nil)

// Person is who sits in front of the window or the terminal.
type Person interface {
	// SignIn shows the address where the person signs in, and opens it where that was wanted.
	SignIn(context.Context, api.SignIn) error
	// Confirm asks whether the change is right, and returns an error with CodeCancelled when it is not.
	Confirm(context.Context, api.Confirmation) error
	// Progress says what is going on; it must not block.
	Progress(api.Progress)
}

// Plan says how a link would be made. The account must exist, and the provider must be known to the plugin.
func (l *Linker) Plan(ctx context.Context, req api.LinkRequest) (api.Plan, error) {
	r, err := l.Roster.Read(ctx, nil)
	if err != nil {
		return api.Plan{}, err
	}
	_, plan, err := l.plan(ctx, r, req)
	return plan, err
}

// discoveryLimit is how long a plan waits for an identity provider that it only wants to warn of.
const discoveryLimit = 3 * time.Second

// pairwise asks an identity provider whether it gives each client another subject for the same person. One that does not
// answer is told by the sign-in.
func pairwise(ctx context.Context, issuer string) bool {
	ctx, cancel := context.WithTimeout(ctx, discoveryLimit)
	defer cancel()
	client := oidcflow.Client{Issuer: issuer}
	meta, err := client.Discover(ctx)
	return err == nil && meta.PairwiseOnly()
}

func (l *Linker) plan(ctx context.Context, r api.Roster, req api.LinkRequest) (Facts, api.Plan, error) {
	account := roster.Account(r, req.UserID)
	if account == nil || !account.Exists {
		return Facts{}, api.Plan{}, noSuchAccount(req.UserID)
	}
	p := roster.Provider(r, req.Protocol, req.Provider)
	if p == nil {
		return Facts{}, api.Plan{}, noSuchProvider(req.Protocol, req.Provider)
	}
	settings := l.Settings(p.Protocol, p.Name)
	f := Facts{
		Request: req, Account: account.User, Provider: *p, Settings: settings, Capabilities: l.Plugin.Capabilities(),
		Base: l.Client.URL(), Ports: l.ListenPorts(),
	}
	if l.Self != nil {
		f.Self = l.Self.ID
	}
	plan, err := MakePlan(f)
	if err == nil && bySubjectOfOurs(f, plan) && pairwise(ctx, f.Provider.Endpoint) {
		f.Pairwise = true
		plan, err = MakePlan(f)
	}
	return f, plan, err
}

func noSuchAccount(id string) error {
	return &api.Error{
		Code: api.CodeUserNotFound, Sentence: "The server has no account with this id.",
		Hint: "“jellybind users” lists the accounts.", Params: map[string]string{"user": id},
	}
}

func noSuchProvider(protocol api.Protocol, name string) error {
	return &api.Error{
		Code: api.CodeProviderNotFound, Sentence: fmt.Sprintf("The plugin has no %s provider %q.", protocol, api.Printable(name)),
		Hint: "“jellybind providers” lists them.", Params: map[string]string{"provider": name},
	}
}

// Link links an identity to an account: plan, sign-in, confirmation, write, read back. It returns the change as the
// journal has it. Errors leave nothing changed, except where they say otherwise; a change that comes with an error and is
// still api.ChangeIntended may have been made.
func (l *Linker) Link(ctx context.Context, req api.LinkRequest, person Person) (api.Change, error) {
	before, err := l.Roster.Read(ctx, person.Progress)
	if err != nil {
		return api.Change{}, err
	}
	facts, plan, err := l.plan(ctx, before, req)
	if err != nil {
		return api.Change{}, err
	}
	proof, err := l.prove(ctx, facts, plan, person)
	if err != nil {
		return api.Change{}, err
	}
	// A person may take minutes to sign in; who has the identity is read again, as late as can be.
	before, err = l.Roster.Reread(ctx, before, req.UserID)
	if err != nil {
		return api.Change{}, err
	}
	confirmation, err := confirm(before, plan, req, proof)
	if err != nil {
		return api.Change{}, err
	}
	if confirmation.Moves && plan.Write == api.WritePreprovision {
		// Preprovision takes nothing from anybody.
		owner := roster.Owner(before, confirmation.Identity)
		if able := l.Removable(*owner, api.Link{Identity: confirmation.Identity, UserID: owner.ID}); !able.OK {
			return api.Change{}, able.Refused(api.CodeUnsupported, fmt.Sprintf("Nothing was changed. Remove the link of %s "+
				"first, with --via-unregister; then link it here.", accountName(owner)))
		}
	}
	if err := person.Confirm(ctx, confirmation); err != nil {
		return api.Change{}, err
	}
	person.Progress(api.Progress{Step: "writing", Text: "Writing the link…"})
	done, err := l.Journal.Alone(ctx, l.ServerID)
	if err != nil {
		return api.Change{}, err
	}
	defer done()
	// Reading the confirmation takes time as well, and POST Link would move an identity without a word.
	if before, err = l.Roster.Reread(ctx, before, req.UserID); err != nil {
		return api.Change{}, err
	}
	if err := stillAs(before, confirmation); err != nil {
		return api.Change{}, err
	}
	if !confirmation.NameKnown {
		return l.writeUnseen(ctx, before, req, plan, proof)
	}
	return l.writeSeen(ctx, before, plan, proof, confirmation)
}

// confirm works out what the person is asked, or why there is nothing to ask.
func confirm(r api.Roster, plan api.Plan, req api.LinkRequest, p proof) (api.Confirmation, error) {
	c := api.Confirmation{
		Account: plan.Account, NameKnown: p.name != "", DisplayName: p.displayName, Email: p.email, Warnings: plan.Warnings,
		Identity: api.Identity{Protocol: plan.Provider.Protocol, Provider: plan.Provider.Name, Name: p.name},
	}
	if !c.NameKnown {
		c.MayMove = r.Own && !req.Move
		return c, nil
	}
	owner := roster.Owner(r, c.Identity)
	switch {
	case owner == nil:
		return c, nil
	case owner.ID == plan.Account.ID:
		return c, &api.Error{
			Code: api.CodeLinkExists,
			Sentence: fmt.Sprintf("%s of %s already opens %s; there is nothing to change.", api.Printable(p.name),
				api.Printable(plan.Provider.Name), api.Printable(plan.Account.Name)),
			Params: map[string]string{"name": p.name, "provider": plan.Provider.Name, "account": plan.Account.Name},
		}
	case !req.Move:
		return c, &api.Error{
			Code: api.CodeLinkOwned,
			Sentence: fmt.Sprintf("%s of %s opens %s now, not %s.", api.Printable(p.name),
				api.Printable(plan.Provider.Name), accountName(owner), api.Printable(plan.Account.Name)),
			Hint: "Nothing was changed. If it shall move, say so (--move, or “Move it here” in the window).",
			Params: map[string]string{
				"name": p.name, "provider": plan.Provider.Name, "owner": cmp.Or(owner.Name, owner.ID), "ownerId": owner.ID,
				"account": plan.Account.Name,
			},
		}
	}
	c.Owner, c.Moves = &owner.User, true
	return c, nil
}

// stillAs fails unless the account is there, and the identity opens what it opened when the person confirmed.
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

func accountName(a *api.Account) string {
	if !a.Exists {
		return "a deleted account (" + a.ID + ")"
	}
	return api.Printable(a.Name)
}

// writeSeen writes a link whose name is known, and reads it back.
func (l *Linker) writeSeen(
	ctx context.Context, before api.Roster, plan api.Plan, p proof, c api.Confirmation,
) (api.Change, error) {
	change := api.Change{
		Server: l.ServerID, Kind: api.ChangeLink, UserID: plan.Account.ID, UserName: plan.Account.Name,
		Identities: []api.Identity{c.Identity}, Strategy: plan.Strategy, Write: plan.Write,
	}
	if c.Moves {
		change.Kind, change.FromID, change.FromName = api.ChangeMove, c.Owner.ID, c.Owner.Name
	}
	return l.record(ctx, change, func(ctx context.Context) error {
		link := api.Link{Identity: c.Identity, UserID: plan.Account.ID}
		var err error
		if plan.Write == api.WritePostLink {
			err = l.Plugin.PostLink(ctx, link.Protocol, link.Provider, link.UserID, p.data, p.cookies)
		} else {
			err = l.write(ctx, link, change.FromID)
		}
		if err != nil {
			return err
		}
		err = l.readBack(ctx, link, true)
		if plan.Write == api.WritePostLink && api.IsCode(err, api.CodeLinkNotStored) {
			return l.takeBack(ctx, before, plan, link.Name, err)
		}
		return err
	})
}

// takeBack undoes a POST Link that linked another identity than the confirmed one: the server takes whoever came last
// with the sign-in's state. It always fails: with notStored when the account has gained nothing.
func (l *Linker) takeBack(ctx context.Context, before api.Roster, plan api.Plan, confirmed string, notStored error) error {
	after, err := l.Roster.Reread(ctx, before, plan.Account.ID)
	if err != nil {
		return fmt.Errorf("%w: %w", errReadBack, err)
	}
	gained := gains(before, after, plan)
	if len(gained) == 0 {
		return notStored
	}
	if err := onlyGain(before, plan, gained); err != nil {
		return err
	}
	id := gained[0]
	taken := api.Link{Identity: id, UserID: plan.Account.ID}
	if owner := roster.Owner(before, id); owner != nil {
		return l.putBack(ctx, taken, plan.Account, owner)
	}
	e := &api.Error{
		Code: api.CodeSignInInvalid, Why: "linked-another",
		Sentence: fmt.Sprintf("The server linked %s instead of %s, which was confirmed. It was removed again.",
			api.Printable(id.Name), api.Printable(confirmed)),
		Hint:   "Somebody else has answered the same sign-in. Start again; if it happens again, look for him.",
		Params: map[string]string{"name": id.Name, "confirmed": confirmed, "account": plan.Account.Name},
	}
	dropped := l.drop(ctx, api.Account{User: plan.Account, Exists: true}, taken)
	if e.Err = settled(dropped); e.Err != nil {
		e.Code, e.Why = api.CodeHalfDone, "linked-another-left"
		e.Sentence = fmt.Sprintf("The server linked %s instead of %s, which was confirmed, and it could not be removed from %s.",
			api.Printable(id.Name), api.Printable(confirmed), api.Printable(plan.Account.Name))
		e.Hint = "Remove it at once."
	}
	return beside(e, dropped)
}

// writeUnseen writes a link whose name only the roster after the write tells (the relay for OIDC where OID/States names
// nobody). An identity that turns out to have been taken from another account, unasked, is put back.
func (l *Linker) writeUnseen(
	ctx context.Context, before api.Roster, req api.LinkRequest, plan api.Plan, p proof,
) (api.Change, error) {
	change := api.Change{
		Server: l.ServerID, Kind: api.ChangeLink, UserID: plan.Account.ID, UserName: plan.Account.Name,
		Identities: []api.Identity{}, Strategy: plan.Strategy, Write: plan.Write,
	}
	return l.recordWith(ctx, &change, func(ctx context.Context) error {
		err := l.Plugin.PostLink(ctx, plan.Provider.Protocol, plan.Provider.Name, plan.Account.ID, p.data, p.cookies)
		if err != nil {
			return err
		}
		after, err := l.Roster.Reread(ctx, before, plan.Account.ID)
		if err != nil {
			return fmt.Errorf("%w: %w", errReadBack, err)
		}
		change.Identities = gains(before, after, plan)
		if err := onlyGain(before, plan, change.Identities); err != nil {
			return err
		}
		gained := change.Identities[0]
		owner := roster.Owner(before, gained)
		if owner == nil {
			return nil
		}
		change.Kind, change.FromID, change.FromName = api.ChangeMove, owner.ID, owner.Name
		if req.Move {
			return nil
		}
		return l.putBack(ctx, api.Link{Identity: gained, UserID: plan.Account.ID}, plan.Account, owner)
	})
}

// onlyGain fails unless the account has gained exactly one identity, for only then that is the one that signed in.
func onlyGain(before api.Roster, plan api.Plan, gained []api.Identity) error {
	account := api.Printable(plan.Account.Name)
	params := map[string]string{"account": plan.Account.Name, "n": strconv.Itoa(len(gained))}
	switch {
	case len(gained) == 1:
		return nil
	case len(gained) > 1:
		return &api.Error{
			Code: api.CodeHalfDone, Why: "gained-several",
			Sentence: fmt.Sprintf("%s has gained %d identities at once: somebody else linked at the same moment, so that nobody "+
				"can tell which one signed in here.", account, len(gained)),
			Hint: "Look at the account's links, and remove what does not belong there.", Params: params,
		}
	case len(identitiesAt(before, plan)) == 0:
		return notStored(plan.Account.Name)
	}
	return &api.Error{
		Code: api.CodeLinkExists, Why: "gained-nothing",
		Sentence: fmt.Sprintf("Nothing has changed: the identity that signed in opens %s already, or else the server has "+
			"stored nothing.", account),
		Params: params,
	}
}

// gains returns the identities of the plan's provider that the account has after, and had not before.
func gains(before, after api.Roster, plan api.Plan) []api.Identity {
	had := identitiesAt(before, plan)
	return slices.DeleteFunc(identitiesAt(after, plan), func(id api.Identity) bool { return slices.Contains(had, id) })
}

func identitiesAt(r api.Roster, plan api.Plan) []api.Identity {
	ids := []api.Identity{}
	if a := roster.Account(r, plan.Account.ID); a != nil {
		for _, id := range a.Identities {
			if id.Protocol == plan.Provider.Protocol && id.Provider == plan.Provider.Name {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// putBack returns an identity to the account that lost it to another one. It always fails, and says how far it came: with
// CodeHalfDone when the other one still has it, or nobody.
func (l *Linker) putBack(ctx context.Context, taken api.Link, now api.User, owner *api.Account) error {
	name, was, is := api.Printable(taken.Name), accountName(owner), api.Printable(now.Name)
	e := &api.Error{
		Code: api.CodeLinkOwned, Why: "put-back",
		Sentence: fmt.Sprintf("The identity that signed in, %s, belongs to %s. The server had moved it; it was put back.",
			name, was),
		Hint: "Sign in at the identity provider as the right person, or say that it shall move (--move).",
		Params: map[string]string{
			"name": taken.Name, "owner": cmp.Or(owner.Name, owner.ID), "ownerId": owner.ID, "account": now.Name,
		},
	}
	dropped := l.drop(ctx, api.Account{User: now, Exists: true}, taken)
	switch e.Err = settled(dropped); {
	case e.Err != nil:
		e.Code, e.Why = api.CodeHalfDone, "not-put-back"
		e.Sentence = fmt.Sprintf("The identity that signed in, %s, belonged to %s; the server has moved it to %s, and it could "+
			"not be put back.", name, was, is)
		e.Hint = fmt.Sprintf("Remove it from %s and link it to %s by subject.", is, was)
		return e
	case !owner.Exists:
		e.Why = "put-nowhere"
		e.Sentence = fmt.Sprintf("The identity that signed in, %s, belonged to %s. The server had moved it to %s; it was removed "+
			"there, and opens nobody's account now.", name, was, is)
		e.Hint = "Link again: nobody has it any more."
		return beside(e, dropped)
	}
	back := api.Link{Identity: taken.Identity, UserID: owner.ID}
	e.Err = patiently(ctx, l.Now, func(ctx context.Context) error { return settled(l.write(ctx, back, "")) })
	if e.Err == nil {
		e.Err = l.readBack(ctx, back, true)
	}
	if e.Err != nil {
		e.Code, e.Why = api.CodeHalfDone, "removed-only"
		e.Sentence = fmt.Sprintf("The identity that signed in, %s, belonged to %s. The server had moved it to %s; it was removed "+
			"there, but could not be put back.", name, was, is)
		e.Hint = fmt.Sprintf("Link it to %s by subject.", was)
	}
	return beside(e, dropped)
}

// settled is err, but nil where what was wanted is made and there is only something to tell of besides: on the way to the
// error that putBack and its like return, that would be taken for the link that was wanted.
func settled(err error) error {
	if _, made := errors.AsType[madeAnyway](err); made || errors.Is(err, ssoplugin.ErrStored) {
		return nil
	}
	return err
}

// madeAnyway is an error of a change that was made, about what was lost beside it.
type madeAnyway struct{ error }

// Unwrap returns what was lost.
func (m madeAnyway) Unwrap() error { return m.error }

// errTakenBack is inside the error of a change that was taken back, but for what was lost beside it.
var errTakenBack = errors.New("taken back")

// beside adds to what is told of a change that was taken back what was lost beside it, when it was.
func beside(e *api.Error, err error) *api.Error {
	if lost, ok := errors.AsType[madeAnyway](err); ok {
		if e.Err == nil {
			e.Err = errTakenBack
		}
		e.Code = api.CodeHalfDone
		e.Because(lost)
		if inner, ok := errors.AsType[*api.Error](lost.error); ok {
			e.Hint += " " + inner.Hint
		}
	}
	return e
}

// drop removes a link, and reads back. Where only Unregister can remove it, that is done, and the account's other links
// are written again; when that fails and the link is gone all the same, the error is a madeAnyway. Its sessions end with
// that: ask before, unless a stranger could sign in otherwise.
func (l *Linker) drop(ctx context.Context, a api.Account, link api.Link) error {
	if l.Removable(a, link).OK || !l.canRebuild(a) {
		if err := l.Plugin.DeleteLink(ctx, link); err != nil {
			return err
		}
		return l.readBack(ctx, link, false)
	}
	err := l.rebuild(ctx, a, link.Identity)
	half := api.IsCode(err, api.CodeHalfDone) || api.IsCode(err, api.CodeOutcomeUnknown)
	if err != nil && !half {
		return err
	}
	gone := l.readBack(ctx, link, false)
	switch {
	case err == nil:
		return gone
	case gone == nil:
		return madeAnyway{err}
	}
	return err
}

// write writes a link without the plugin's sign-in. From is the account that may lose the identity: when it is empty, an
// identity that anybody has is refused.
func (l *Linker) write(ctx context.Context, link api.Link, from string) error {
	method, able := directWrite(l.Plugin.Capabilities())
	switch method {
	case api.WriteConfig:
		return l.Plugin.WriteConfig(ctx, link.Protocol, link.Provider, func(links map[string]string) error {
			if owner, ok := links[link.Name]; ok && owner != link.UserID && owner != from {
				return changedMeanwhile(link.Name)
			}
			links[link.Name] = link.UserID
			return nil
		})
	case api.WritePreprovision:
		if from == "" {
			return l.Plugin.Preprovision(ctx, link)
		}
		return l.movePreprovisioned(ctx, link, api.Link{Identity: link.Identity, UserID: from})
	case api.WritePostLink:
	}
	return able.Refused(api.CodeUnsupported, "Sign in as an administrator, or link by signing in at the provider.")
}

// movePreprovisioned moves an identity in two steps, since Preprovision answers 409 for a taken name. It goes back where the
// second one fails, with patience, or it would open nobody's account. What a step without an answer did is read back, or
// nobody could tell where the identity is.
func (l *Linker) movePreprovisioned(ctx context.Context, link, from api.Link) error {
	if err := l.answered(ctx, l.Plugin.DeleteLink(ctx, from), from, false); err != nil {
		return err
	}
	err := l.answered(ctx, l.Plugin.Preprovision(ctx, link), link, true)
	if err == nil || errors.Is(err, errReadBack) {
		return err
	}
	switch back := patiently(ctx, l.Now, func(ctx context.Context) error {
		return l.answered(ctx, l.Plugin.Preprovision(ctx, from), from, true)
	}); {
	case errors.Is(back, errReadBack):
		return back
	case back != nil:
		e := &api.Error{
			Code: api.CodeHalfDone, Why: "move-lost",
			Sentence: fmt.Sprintf("%s was removed from the account that had it, but could be linked neither to the other one nor "+
				"back.", api.Printable(link.Name)),
			Hint:   "“jellybind history undo” gives it back to the account that had it.",
			Params: map[string]string{"name": link.Name}, Err: errors.Join(err, back),
		}
		e.Because(err)
		return e
	}
	if answerLost(err) {
		e := &api.Error{
			Code: api.CodeLinkNotStored, Why: "move-refused",
			Sentence: api.Printable(link.Name) + " could not be moved; the account that had it has it again.",
			Hint:     "Try again.", Params: map[string]string{"name": link.Name},
		}
		e.Because(err)
		return e
	}
	return err
}

// answered is the error of a write, but where its answer was lost, the server is asked until it says what it did: nil when
// the account has the identity (want), or has it no more, and an errReadBack when the server does not say.
func (l *Linker) answered(ctx context.Context, err error, link api.Link, want bool) error {
	if !answerLost(err) {
		return err
	}
	switch back := patiently(ctx, l.Now, func(ctx context.Context) error { return l.readBack(ctx, link, want) }); {
	case back == nil:
		return nil
	case errors.Is(back, errReadBack):
		return back
	}
	return err
}

func changedMeanwhile(name string) error {
	return &api.Error{
		Code:     api.CodeConfigChanged,
		Sentence: fmt.Sprintf("Somebody else has linked or removed %s meanwhile; nothing was written.", api.Printable(name)),
		Hint:     "Look at the roster and try again.", Params: map[string]string{"name": name},
	}
}

func notStored(account string) error {
	return &api.Error{
		Code:     api.CodeLinkNotStored,
		Sentence: fmt.Sprintf("The server said that it linked %s, but it has stored nothing.", api.Printable(account)),
		Hint:     "Look at the server's log, and whether its configuration folder can be written.",
		Params:   map[string]string{"account": account},
	}
}

// readBack fails with CodeLinkNotStored unless the account has the identity (want), or has it no more (not want).
func (l *Linker) readBack(ctx context.Context, link api.Link, want bool) error {
	ids, err := l.Plugin.UserLinks(ctx, link.UserID)
	if err != nil {
		return fmt.Errorf("%w: %w", errReadBack, err)
	}
	if slices.Contains(ids, link.Identity) == want {
		return nil
	}
	if want {
		return notStored(link.Name)
	}
	return &api.Error{
		Code: api.CodeLinkNotStored, Why: "removal-not-stored",
		Sentence: fmt.Sprintf("The server said that it removed %s, but the link is still there.", api.Printable(link.Name)),
		Hint:     "Look at the server's log, and whether its configuration folder can be written.",
		Params:   map[string]string{"name": link.Name},
	}
}

// record runs do between two entries of the journal, "intended" and how it ended.
func (l *Linker) record(ctx context.Context, c api.Change, do func(context.Context) error) (api.Change, error) {
	return l.recordWith(ctx, &c, do)
}

// errReadBack is inside the error of a write that the server has answered, and whose effect could not be read.
var errReadBack = errors.New("reading the links back")

// recordWith is record for a do that learns more about the change while it makes it. Once a write has begun, the person's
// Ctrl-C does not tear it: do runs to its end, bounded by the client's timeouts and by patience, or the journal could not say
// how it ended.
// Where no answer came, nobody knows whether the server made the change: it stays intended.
func (l *Linker) recordWith(ctx context.Context, c *api.Change, do func(context.Context) error) (api.Change, error) {
	ctx = context.WithoutCancel(ctx)
	intended, err := l.Journal.Intend(ctx, *c)
	if err != nil {
		return *c, err
	}
	c.ID, c.Time, c.State = intended.ID, intended.Time, intended.State
	err = do(ctx)
	switch code := api.CodeOf(err); {
	case err == nil:
		c.State = api.ChangeConfirmed
	case settled(err) == nil:
		c.State, c.Error = api.ChangeConfirmed, code
	case errors.Is(err, errTakenBack):
		c.State, c.Error = api.ChangeFailed, code
	case code == api.CodeOutcomeUnknown, // of a change within the change
		code == api.CodeHalfDone && c.Kind != api.ChangeLink: // what was lost on the way can be brought back
		c.Error = code
	case answerLost(err), errors.Is(err, errReadBack):
		c.Error, err = code, unknownOutcome(err)
	default:
		c.State, c.Error = api.ChangeFailed, code
	}
	if jerr := l.Journal.Finish(ctx, *c); jerr != nil && err == nil {
		err = notJournalled("change-unwritten", "The change was made, but the journal could not be told.", jerr)
	}
	return *c, err
}

// notJournalled tells of a change that was made, and whose end the journal does not have.
func notJournalled(why api.Why, sentence string, err error) error {
	return &api.Error{
		Code: api.CodeHalfDone, Why: why, Sentence: sentence,
		Hint: "See that the disk is not full and that the folder of Jellybind's journal belongs to you.", Err: err,
	}
}

// unknownOutcome tells of a write without an answer, or whose effect could not be read.
func unknownOutcome(err error) error {
	e := &api.Error{
		Code: api.CodeOutcomeUnknown, Why: "outcome-unknown", Sentence: "It is not known whether the server made the change.",
		Hint: "Look at the links again. If the change is there, “jellybind history undo” takes it back.", Err: err,
	}
	e.Because(err)
	return e
}

// listen returns how to listen for the answer of a sign-in.
func (l *Linker) listen(f Facts, s api.Strategy) loopback.Options {
	o := loopback.Options{Host: f.Settings.ListenHost, Ports: f.ports(s), Timeout: l.Timeout}
	if l.Language != nil {
		o.Language = l.Language()
	}
	return o
}
