package ssoplugin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/jellyfin"
)

// refusal turns an answer that is not the expected one into an error. doing is a participle: "reading-providers".
func refusal(resp *jellyfin.Response, doing string) error {
	if resp.Status == http.StatusNotFound && len(resp.Body) == 0 {
		return missing("plugin-silent")
	}
	if err := resp.Err(); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return &api.Error{
		Code: api.CodeServerAnswer, Why: "plugin-answer",
		Params: map[string]string{"status": strconv.Itoa(resp.Status), "doing": doing},
	}
}

func providerNotFound(name string) *api.Error {
	return &api.Error{Code: api.CodeProviderNotFound, Params: map[string]string{"provider": name}}
}

func providerDisabled(name string) error {
	return &api.Error{Code: api.CodeProviderDisabled, Params: map[string]string{"provider": name}}
}

func linkNotFound(l api.Link) *api.Error {
	return &api.Error{Code: api.CodeLinkNotFound, Params: map[string]string{"name": l.Name, "provider": l.Provider}}
}

func linkOwned(l api.Link) error {
	return &api.Error{
		Code: api.CodeLinkOwned, Why: "owned-by-another",
		Params: map[string]string{"name": l.Name, "provider": l.Provider},
	}
}

func userNotFound(user string) error {
	return &api.Error{Code: api.CodeUserNotFound, Params: map[string]string{"user": user}}
}

func signInExpired(err error) error {
	return &api.Error{Code: api.CodeSignInExpired, Err: err}
}

func responseRefused(err error) error {
	return &api.Error{Code: api.CodeSignInInvalid, Why: "response-refused", Err: err}
}

// conclude turns a refused request about a link into an error. Where the answer alone does not tell, it returns the
// generic error; the callers that can find out more do so before.
func (p *Plugin) conclude(ctx context.Context, what action, resp *jellyfin.Response, l api.Link, doing string) error {
	switch p.verdict(what, resp) {
	case badProvider:
		return p.absent(ctx, l.Protocol, l.Provider)
	case badUser:
		return userNotFound(l.UserID)
	case badName:
		return checkedName(l.Name)
	case stateExpired:
		return signInExpired(resp.Err())
	case responseInvalid:
		if l.Protocol == api.SAML {
			return responseRefused(resp.Err())
		}
	case notLinked:
		return linkNotFound(l)
	case ownedByAnother:
		return linkOwned(l)
	case providerUnavailable, inconclusive:
	}
	return refusal(resp, doing)
}

func checkedName(name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	return &api.Error{Code: api.CodeNameInvalid, Why: "name-refused", Params: map[string]string{"name": name}}
}

// absent tells an unknown provider from one that is switched off, once the plugin has refused it without saying which.
func (p *Plugin) absent(ctx context.Context, proto api.Protocol, name string) error {
	there, err := p.hasProvider(ctx, proto, name)
	switch {
	case err != nil:
		return err
	case there:
		return providerDisabled(name)
	}
	return providerNotFound(name)
}

// hasProvider reports whether the plugin has a provider, enabled or not. Without the right to read the configuration it
// asks for the names, and, since Flowfin's names are those of enabled providers only, for the own links, which name all.
func (p *Plugin) hasProvider(ctx context.Context, proto api.Protocol, name string) (bool, error) {
	caps := p.Capabilities()
	if caps.ReadConfig.OK {
		_, err := p.provider(ctx, proto, name)
		if api.IsCode(err, api.CodeProviderNotFound) {
			return false, nil
		}
		return err == nil, err
	}
	names, err := p.names(ctx, proto)
	if err != nil || slices.Contains(names, name) || !caps.ReadOwn.OK || p.self == "" {
		return slices.Contains(names, name), err
	}
	links, err := p.linksAt(ctx, proto, p.self)
	return slices.ContainsFunc(links, func(l providerLinks) bool { return l.name == name }), err
}

// names asks for the providers' names, which anybody may.
func (p *Plugin) names(ctx context.Context, proto api.Protocol) ([]string, error) {
	r, err := route(proto)
	if err != nil {
		return nil, err
	}
	var names []string
	err = p.client.JSON(ctx, jellyfin.Request{Method: http.MethodGet, Path: "/sso/" + r + "/GetNames"}, &names)
	return names, err
}

// providerLinks are one account's canonical names at one provider.
type providerLinks struct {
	name  string
	links []string
}

// linksOf reads one account's links of some protocols, in their order.
func (p *Plugin) linksOf(ctx context.Context, of []api.Protocol, user string) ([][]providerLinks, error) {
	out := make([][]providerLinks, len(of))
	group, ctx := errgroup.WithContext(ctx)
	for i, proto := range of {
		group.Go(func() (err error) {
			out[i], err = p.linksAt(ctx, proto, user)
			return err
		})
	}
	return out, group.Wait()
}

// linksAt reads one account's links of one protocol: an object of provider name to canonical names, in the server's
// order of providers.
func (p *Plugin) linksAt(ctx context.Context, proto api.Protocol, user string) ([]providerLinks, error) {
	r, err := route(proto)
	if err != nil {
		return nil, err
	}
	resp, err := p.client.Do(ctx, jellyfin.Request{
		Method: http.MethodGet, Path: "/sso/" + strings.ToLower(r) + "/links/" + user, MaxBytes: maxAnswer, Idempotent: true,
	})
	if err != nil {
		return nil, err
	}
	if resp.Status != http.StatusOK {
		return nil, refusal(resp, "reading-links")
	}
	var out []providerLinks
	err = members(resp.Body, false, func(name string, _, val span) error {
		l := providerLinks{name: name}
		if err := json.Unmarshal(resp.Body[val.start:val.end], &l.links); err != nil {
			return wrongField(name)
		}
		out = append(out, l)
		return nil
	})
	if wrong, ok := errors.AsType[*api.Error](err); ok {
		return nil, wrong
	}
	if err != nil {
		return nil, &api.Error{Code: api.CodeServerAnswer, Why: "links-form", Err: err}
	}
	return out, nil
}
