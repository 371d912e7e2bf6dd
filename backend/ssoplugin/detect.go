package ssoplugin

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/jellyfin"
)

// How the plugin's flavour is found out.
//
// All lines of the plugin share one id, and several call themselves SSO-Auth 5.0.0.0. So names and versions are shown and
// never compared. A flavour is recognised by what its answers hold, and each ability by asking for its route. Recorded:
//
//	                              9p4          K0lin        fork         Flowfin
//	GET OID/States, elevated      an object    an object    404          an array
//	GET OID/States, anonymous     401          401          404          401
//	GET SSO-Only/Status, anon.    404          404          404          401
//	GET Links/Roster, anon.       404          404          404          401 since 4.3.0-beta.34, before 404
//	POST Links/Preprovision, anon.404          404          404          401 since 4.3.0-beta.40, before 404
//	fields of OID/Get, SAML/Get   CanonicalLinks in all three, each with its own fields; none in Flowfin's
//
// A route that exists answers 401 to a request without a credential, and one that does not 404. So the routes are asked for
// anonymously: nothing can be read or changed, and nothing is written to the server's log. No question is the start of a
// sign-in at a provider that does not exist: 9p4 and K0lin log a stack trace for it.
//
// Somebody who is no administrator gets the same answers from 9p4 and K0lin. An administrator does too as long as there is
// no provider, whose fields would tell.

// evidence is what a plugin answered.
type evidence struct {
	version string // as the list of plugins has it; empty where that may not be read
	states  statesForm
	// fields are the names of the settings of all providers; empty where there is no provider, or they may not be read.
	fields map[string]bool
	// The routes that only Flowfin's line has.
	status, roster, preprovision bool
	passwords                    api.PasswordsOff
}

// statesForm is how the plugin lists its pending sign-ins.
type statesForm int

const (
	statesHidden   statesForm = iota // the route is there, and not for this credential
	statesAbsent                     // no such route
	statesNamed                      // an object: state to the name of who signed in
	statesNameless                   // an array without states and names
)

// Detect finds out which flavour of the plugin the server runs, and what this version of it can do. It sends a handful of
// requests at once, of which none changes anything. self is the account of an access token, nil for an API key.
//
// A plugin that is none of the known flavours is no error: see Capabilities.Flavour and api.FlavourUnknown.
//
// Errors: CodePluginMissing, CodePluginRestart, and what the client reports.
func Detect(ctx context.Context, c *jellyfin.Client, kind api.CredentialKind, self *api.User) (*Plugin, error) {
	p := &Plugin{client: c, kind: kind, linkWrites: make(chan struct{}, 1)}
	if self != nil {
		p.self = normalID(self.ID)
	}
	ask := anonymous
	if kind == api.CredentialAdmin || kind == api.CredentialKey {
		ask = elevated
	}
	found, err := ask(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("detecting the SSO plugin: %w", err)
	}
	p.flavour, p.mayBe = recognise(found)
	p.version, p.passwords = found.version, found.passwords
	return p, nil
}

// Flavours returns the flavours that a server's plugin may be, as far as somebody without a credential can tell. The errors
// are those of Detect.
func Flavours(ctx context.Context, c *jellyfin.Client) ([]api.Flavour, error) {
	found, err := anonymous(ctx, c)
	if err != nil {
		return nil, err
	}
	f, mayBe := recognise(found)
	if len(mayBe) > 0 {
		return mayBe, nil
	}
	return []api.Flavour{f.name}, nil
}

// Route is a path that each flavour answers to everybody. A server without the plugin answers 404.
const Route = "/sso/OID/GetNames"

// Installed reports whether a server has the plugin. It needs no credential.
func Installed(ctx context.Context, c *jellyfin.Client) (bool, error) {
	resp, err := c.Do(ctx, jellyfin.Request{Path: Route, Anonymous: true, Idempotent: true})
	return err == nil && resp.Status < 300, err
}

// recognise returns the flavour that gives such answers. Where they fit several, it returns the one that promises least, and
// all that they fit.
func recognise(e evidence) (flavour, []api.Flavour) {
	classic := []api.Flavour{api.Flavour9p4, api.FlavourK0lin}
	switch {
	case e.status, e.states == statesNameless && !e.fields[linksKey]:
		return flowfin(e), nil
	case e.states == statesAbsent && (len(e.fields) == 0 || e.fields[unverifiedField]) && !e.roster:
		// Nobody but an administrator can tell this fork from another one without a list of pending sign-ins.
		return fork(), nil
	case e.states == statesHidden, e.states == statesNamed && len(e.fields) == 0:
		return ninep4(), classic
	case e.states == statesNamed && e.fields[unverifiedField]:
		return fork(), nil
	case e.states == statesNamed && e.fields[linksKey] && e.hasAny(k0linFields):
		return k0lin(), nil
	case e.states == statesNamed && e.fields[linksKey] && e.hasOnly(ninep4Fields):
		return ninep4(), nil
	}
	return unknown(e), nil
}

func (e evidence) hasAny(names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return e.fields[name] })
}

func (e evidence) hasOnly(names []string) bool {
	for name := range e.fields {
		if !slices.Contains(names, name) {
			return false
		}
	}
	return true
}

// anonymous asks what anybody may ask.
func anonymous(ctx context.Context, c *jellyfin.Client) (evidence, error) {
	var e evidence
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return present(ctx, c) })
	e.askRoutes(ctx, group, c)
	group.Go(func() (err error) {
		e.status, err = hasRoute(ctx, c, jellyfin.Request{Path: statusPath})
		return err
	})
	group.Go(func() error {
		there, err := hasRoute(ctx, c, jellyfin.Request{Path: "/sso/OID/States"})
		if err == nil && !there {
			e.states = statesAbsent
		}
		return err
	})
	return e, group.Wait()
}

// elevated asks what an administrator's token or an API key may ask.
func elevated(ctx context.Context, c *jellyfin.Client) (evidence, error) {
	var (
		e       = evidence{fields: map[string]bool{}}
		fields  [2]map[string]bool
		listErr error
	)
	// Where the plugin is not installed or does not run, the list says why. Its routes only say 404.
	var list sync.WaitGroup
	list.Go(func() { e.version, listErr = installed(ctx, c) })
	group, gctx := errgroup.WithContext(ctx)
	e.askRoutes(gctx, group, c)
	group.Go(func() (err error) {
		e.states, err = askStates(gctx, c)
		return err
	})
	group.Go(func() (err error) {
		e.passwords, err = askPasswords(gctx, c)
		return err
	})
	for i, proto := range protocols {
		group.Go(func() error {
			doc, err := (&Plugin{client: c}).config(gctx, proto)
			if err == nil {
				fields[i], err = doc.fields()
			}
			return err
		})
	}
	err := group.Wait()
	list.Wait()
	if err = cmp.Or(listErr, err); err != nil {
		return evidence{}, err
	}
	for _, names := range fields {
		maps.Copy(e.fields, names)
	}
	return e, nil
}

// askRoutes asks for the routes that came with versions.
func (e *evidence) askRoutes(ctx context.Context, group *errgroup.Group, c *jellyfin.Client) {
	group.Go(func() (err error) {
		e.roster, err = hasRoute(ctx, c, jellyfin.Request{Path: rosterPath})
		return err
	})
	group.Go(func() (err error) {
		e.preprovision, err = hasRoute(ctx, c, jellyfin.Request{
			Method: http.MethodPost, Path: preprovisionPath + "oid/-/" + nobodysID, JSON: "",
		})
		return err
	})
}

// nobodysID is a user id that no account has.
const nobodysID = "00000000000000000000000000000000"

// hasRoute reports whether the server has a route, by asking without a credential.
func hasRoute(ctx context.Context, c *jellyfin.Client, req jellyfin.Request) (bool, error) {
	req.Anonymous, req.Idempotent = true, true
	resp, err := c.Do(ctx, req)
	switch {
	case err != nil:
		return false, err
	case resp.Status == http.StatusNotFound || resp.Status == http.StatusMethodNotAllowed:
		return false, nil
	case resp.Status == http.StatusTooManyRequests || resp.Status >= http.StatusInternalServerError:
		return false, refusal(resp, "asking")
	}
	return true, nil
}

// present fails where no SSO plugin answers.
func present(ctx context.Context, c *jellyfin.Client) error {
	resp, err := c.Do(ctx, jellyfin.Request{Path: Route, Anonymous: true, Idempotent: true})
	switch {
	case err != nil:
		return err
	case resp.Status == http.StatusNotFound:
		return missing("")
	case resp.Status != http.StatusOK:
		return refusal(resp, "asking")
	}
	return nil
}

// installed returns the version of the plugin in the server's list, if it runs.
func installed(ctx context.Context, c *jellyfin.Client) (string, error) {
	plugins, err := c.Plugins(ctx)
	if err != nil {
		return "", err
	}
	var found *jellyfin.Plugin
	for i := range plugins {
		if normalID(plugins[i].ID) != GUID {
			continue
		}
		// An update leaves the superseded version in the list next to the new one, which tells more.
		if found == nil || weight(plugins[i].Status) > weight(found.Status) {
			found = &plugins[i]
		}
	}
	switch {
	case found == nil:
		return "", missing("")
	case restarts(found.Status):
		return "", &api.Error{Code: api.CodePluginRestart}
	case found.Status != "" && found.Status != "Active":
		err := missing("plugin-inactive")
		err.Params = map[string]string{"status": found.Status}
		return "", err
	}
	return found.Version, nil
}

// restarts reports whether a plugin waits for the server's restart. An update marks the version that goes on running as
// superseded, and the new one with Restart, which is in memory only; so is what was just installed, switched on or off
// (Jellyfin's PluginManager). Earlier servers write Superceded.
func restarts(status string) bool { return status == "Restart" || superseded(status) }

func superseded(status string) bool { return status == "Superseded" || status == "Superceded" }

// weight is how much a version's status tells of the plugin.
func weight(status string) int {
	switch {
	case status == "Active":
		return 3
	case status == "Restart":
		return 2
	case superseded(status):
		return 0
	}
	return 1
}

// askStates finds out how the plugin lists its pending sign-ins. The list holds their secrets, so it is not kept.
func askStates(ctx context.Context, c *jellyfin.Client) (statesForm, error) {
	resp, err := c.Do(ctx, jellyfin.Request{Path: statesPath, MaxBytes: maxAnswer, Idempotent: true})
	if err != nil {
		return statesHidden, err
	}
	defer clear(resp.Body)
	switch resp.Status {
	case http.StatusOK:
	case http.StatusNotFound:
		return statesAbsent, nil
	default:
		return statesHidden, refusal(resp, "reading-pending")
	}
	switch body := bytes.TrimSpace(resp.Body); {
	case bytes.HasPrefix(body, []byte("{")):
		return statesNamed, nil
	case bytes.HasPrefix(body, []byte("[")):
		return statesNameless, nil
	}
	return statesAbsent, nil // there is nothing in it that could be used
}

// fields returns the names of the settings in a protocol's configuration.
func (d document) fields() (map[string]bool, error) {
	all := map[string]bool{}
	if !json.Valid(d.raw) {
		return nil, badConfig(errors.New("no JSON"))
	}
	err := walk(d.raw, strictCase(false), func(_ string, _, val span) error {
		return walk(d.raw[val.start:val.end], strictCase(false), func(name string, _, _ span) error {
			all[name] = true
			return nil
		})
	})
	if err != nil {
		return nil, badConfig(err)
	}
	return all, nil
}

func missing(why api.Why) *api.Error {
	return &api.Error{Code: api.CodePluginMissing, Why: why}
}
