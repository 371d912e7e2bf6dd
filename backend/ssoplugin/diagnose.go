package ssoplugin

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/jellyfin"
)

// What Flowfin tells an administrator about itself. The other lines have no such routes, and earlier versions not all of them.

// TestProvider asks the plugin to test a provider from the server's place in the network. It returns nil where the plugin has
// no such test or the credential may not ask for it.
//
// Errors: CodeProviderNotFound.
func (p *Plugin) TestProvider(ctx context.Context, proto api.Protocol, name string) (*api.ServerTest, error) {
	r, err := route(proto)
	if err != nil {
		return nil, err
	}
	if !p.diagnoses || !p.Capabilities().ReadConfig.OK {
		return nil, nil
	}
	segment, err := providerSegment(name)
	if err != nil {
		return nil, err
	}
	resp, err := p.client.Do(ctx, jellyfin.Request{Method: http.MethodGet, Path: "/sso/" + r + "/Test/" + segment})
	switch {
	case err != nil:
		return nil, fmt.Errorf("testing a provider on the server: %w", err)
	case badRequest(resp, noProvider):
		return nil, providerNotFound(name)
	case resp.Status == http.StatusNotFound:
		return nil, nil
	}
	var answer struct {
		OK      bool `json:"Ok"`
		Message string
		Details []string
	}
	if resp.Status != http.StatusOK || json.Unmarshal(resp.Body, &answer) != nil {
		return nil, refusal(resp, "testing")
	}
	test := &api.ServerTest{OK: answer.OK, Message: api.Short(answer.Message), Details: []string{}}
	for _, d := range answer.Details {
		test.Details = append(test.Details, api.Short(d))
	}
	return test, nil
}

// askPasswords asks whether accounts sign in by password at all. It is all false where the plugin has no such switch.
func askPasswords(ctx context.Context, c *jellyfin.Client) (api.PasswordsOff, error) {
	var answer struct {
		DisablePasswordLogin    bool
		BreakGlassAdminUsername string
		GuardSatisfied          bool
	}
	err := c.JSON(ctx, jellyfin.Request{Method: http.MethodGet, Path: statusPath}, &answer)
	if jellyfin.StatusOf(err) == http.StatusNotFound {
		return api.PasswordsOff{}, nil
	}
	return api.PasswordsOff{
		On: answer.DisablePasswordLogin, Exempt: answer.BreakGlassAdminUsername, ExemptWorks: answer.GuardSatisfied,
	}, err
}
