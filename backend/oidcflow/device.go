package oidcflow

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/browser"
	"github.com/jellybind/jellybind/backend/secret"
)

// The limits of a sign-in on another device. A provider that names none gets the shortest life that is useful.
const (
	defaultDeviceLife     = 5 * time.Minute
	maxDeviceLife         = time.Hour
	defaultDeviceInterval = 5 // seconds (RFC 8628, section 3.2)
	maxDeviceInterval     = 60
	maxUserCode           = 64 // characters
)

// Device is a sign-in on another device that waits for its person (RFC 8628).
type Device struct {
	// Show is what the person needs on the other device.
	Show api.DeviceSignIn

	provider *provider
	code     secret.Value
	interval int64 // seconds
}

// StartDevice discovers the provider and asks it for a code that a person enters on any device. Nothing listens, and nothing
// has to be stopped if Wait is not called: the code expires by itself.
//
// Errors are the ones of Run up to the listener, and api.CodeUnsupported where the provider does not offer the device flow
// or does not allow it to this client; then the hint says what to switch on.
func StartDevice(ctx context.Context, client Client, now func() time.Time) (*Device, error) {
	p, err := client.connect(ctx, now)
	if err != nil {
		return nil, err
	}
	if p.meta.DeviceEndpoint == "" {
		return nil, p.deviceMissing()
	}
	var answer struct {
		DeviceCode  string      `json:"device_code"`
		UserCode    string      `json:"user_code"`
		URI         string      `json:"verification_uri"`
		URL         string      `json:"verification_url"` // Google's name for it
		CompleteURI string      `json:"verification_uri_complete"`
		ExpiresIn   json.Number `json:"expires_in"`
		Interval    json.Number `json:"interval"`
	}
	// oauth2.Config.DeviceAuth sends no client secret, which a confidential client must (RFC 8628, section 3.1).
	form := url.Values{"client_id": {client.ClientID}, "scope": {client.scope()}}
	if err := p.post(ctx, p.meta.DeviceEndpoint, form, &answer); err != nil {
		return nil, p.deviceError(ctx, err)
	}
	if answer.URI == "" {
		answer.URI = answer.URL
	}
	if answer.DeviceCode == "" || answer.UserCode == "" || len(answer.UserCode) > maxUserCode ||
		api.Printable(answer.UserCode) != answer.UserCode {
		return nil, invalid("no-device-code")
	}
	host, err := browser.Check(answer.URI)
	if err != nil {
		return nil, err
	}
	// The person sees one host. An address with the code in it that leads elsewhere is not shown.
	if complete, err := browser.Check(answer.CompleteURI); err != nil || complete != host {
		answer.CompleteURI = ""
	}
	life := seconds(answer.ExpiresIn)
	if life == 0 {
		life = defaultDeviceLife
	}
	interval := int64(seconds(answer.Interval) / time.Second)
	if interval == 0 {
		interval = defaultDeviceInterval
	}
	return &Device{
		Show: api.DeviceSignIn{
			Code: answer.UserCode, URL: answer.URI, CompleteURL: answer.CompleteURI, Host: host,
			Deadline: p.now().Add(min(life, maxDeviceLife)),
		},
		provider: p, code: secret.New(answer.DeviceCode), interval: min(interval, maxDeviceInterval),
	}, nil
}

// Wait polls the provider until the person has signed in or refused, the code has expired, or ctx ends. The ID token is
// checked as in Run. A provider that cannot be reached for a while is asked again, less often.
//
// Errors: api.CodeTimeout when the code expired; api.CodeSignInRefused when the person or the provider refused;
// api.CodeUnsupported when the client may not use the device flow; api.CodeSignInInvalid and api.CodeNameInvalid as in Run;
// api.CodeProviderUnreachable; api.CodeCancelled.
func (d *Device) Wait(ctx context.Context) (Identity, error) {
	p := d.provider
	polling, stop := context.WithTimeout(oidc.ClientContext(ctx, p.http), d.Show.Deadline.Sub(p.now()))
	defer stop()
	token, err := d.poll(polling)
	switch {
	case err == nil:
		return p.identify(ctx, token, secret.Value{})
	case ctx.Err() != nil:
		return Identity{}, unreachable(ctx, ctx.Err(), p.meta.Issuer)
	case polling.Err() != nil:
		return Identity{}, d.expired()
	}
	return Identity{}, d.pollError(ctx, err)
}

// poll asks for the token until there is one, or an answer that ends the sign-in.
func (d *Device) poll(ctx context.Context) (*oauth2.Token, error) {
	config := d.provider.config()
	grant := oauth2.DeviceAuthResponse{DeviceCode: d.code.Reveal(), Interval: d.interval}
	for {
		token, err := config.DeviceAccessToken(ctx, &grant)
		if err == nil || ctx.Err() != nil || !passing(err) {
			return token, err
		}
		grant.Interval = min(2*grant.Interval, maxDeviceInterval) // RFC 8628, section 3.5
	}
}

// passing reports whether the provider may answer the next time: it could not be reached, or has a fault.
func passing(err error) bool {
	if answer, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		status := answer.Response.StatusCode
		return answer.ErrorCode == "" && (status >= http.StatusInternalServerError || status == http.StatusTooManyRequests)
	}
	if errors.Is(err, errRedirect) || certificateOf(err) != nil {
		return false
	}
	_, ok := errors.AsType[*url.Error](err)
	return ok
}

// pollError explains why there is no token (RFC 8628, section 3.5).
func (d *Device) pollError(ctx context.Context, err error) error {
	answer, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		return d.provider.askError(ctx, err, "token-unreadable")
	}
	switch answer.ErrorCode {
	case "access_denied":
		return &api.Error{Code: api.CodeSignInRefused, Why: "device-denied", Err: errDevice}
	case "expired_token":
		return d.expired()
	case "invalid_grant":
		return &api.Error{
			Code: api.CodeSignInRefused, Why: "device-code-refused",
			Params: map[string]string{"code": d.Show.Code},
			Err:    errDevice,
		}
	}
	return d.provider.deviceError(ctx, err, d.code)
}

func (d *Device) expired() error {
	return &api.Error{
		Code: api.CodeTimeout, Why: "device-expired",
		Params: map[string]string{"code": d.Show.Code},
		Err:    errDevice,
	}
}

// deviceError explains why a provider refuses the device flow, at its start or later.
func (p *provider) deviceError(ctx context.Context, err error, sent ...secret.Value) error {
	answer, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		return p.askError(ctx, err, "no-device-code")
	}
	switch answer.ErrorCode {
	case "invalid_client":
		return p.clientRefused(answer)
	case "unauthorized_client", "unsupported_grant_type":
		return &api.Error{
			Code: api.CodeUnsupported, Why: "device-forbidden",
			Params: map[string]string{"client": p.client.ClientID},
			Err:    errDevice,
		}
	case "":
		status := answer.Response.StatusCode
		if status == http.StatusNotFound || status == http.StatusMethodNotAllowed {
			return p.deviceMissing()
		}
		return answered(answer.Response, answer.Response.Request.URL)
	}
	reason := p.described(answer, sent...)
	return &api.Error{
		Code: api.CodeSignInRefused, Why: "device-refused",
		Params: map[string]string{
			"client": p.client.ClientID, "reason": reason, "scopes": p.client.scope(),
		},
		Err: errDevice,
	}
}

func (p *provider) deviceMissing() error {
	host := strings.TrimPrefix(strings.TrimPrefix(p.meta.Issuer, "https://"), "http://")
	return &api.Error{
		Code: api.CodeUnsupported, Why: "device-missing",
		Params: map[string]string{"host": host},
		Err:    errDevice,
	}
}

// errDevice is the cause of errors of the device flow.
var errDevice = errors.New("signing in on another device")
