package idp

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// The device authorization grant (RFC 8628). op issues codes and tokens; the page where the code is typed and the answers to
// a device that polls are here, because op logs each of those answers.

// The endpoints of the grant below the issuer.
const (
	deviceAuthorizationPath = "/device_authorization"
	devicePath              = "/device"
)

// How long a device code lives, and how often a device may ask, unless the options say otherwise.
const (
	deviceLife     = 10 * time.Minute
	deviceInterval = 5 * time.Second
)

// device is a sign-in that was begun on a device and waits for somebody on another one.
type device struct {
	client, userCode string
	scopes           []string
	expires          time.Time

	mu       sync.Mutex // guards all below
	polled   time.Time
	interval time.Duration
	denied   bool
	subject  string
	approved time.Time
}

// devices holds the sign-ins of devices by device code and by user code. Those that ran out are kept for a while, so that
// the device can be told.
type devices struct {
	life, interval time.Duration
	byCode, byUser *pending[*device]
}

func newDevices(now func() time.Time, life, interval time.Duration) devices {
	kept := life + pendingLife
	return devices{life, interval, newPending[*device](now, kept), newPending[*device](now, kept)}
}

// StoreDeviceAuthorization keeps a sign-in. It is part of op.DeviceAuthorizationStorage. The time at which it ends is by the
// storage's clock.
func (s *storage) StoreDeviceAuthorization(
	_ context.Context, client, deviceCode, userCode string, _ time.Time, scopes []string,
) error {
	d := &device{
		client: client, userCode: userCode, scopes: scopes, expires: s.now().Add(s.devices.life), interval: s.devices.interval,
	}
	s.devices.byCode.put(deviceCode, d)
	s.devices.byUser.put(plainCode(userCode), d)
	return nil
}

// GetDeviceAuthorizatonState takes up a sign-in that was approved. It is part of op.DeviceAuthorizationStorage.
func (s *storage) GetDeviceAuthorizatonState(_ context.Context, client, deviceCode string) (*op.DeviceAuthorizationState, error) {
	d, ok := s.devices.byCode.take(deviceCode)
	if !ok || d.client != client {
		return nil, errUnknownCode
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return &op.DeviceAuthorizationState{
		ClientID: d.client, Scopes: d.scopes, Expires: d.expires, Done: d.subject != "", Denied: d.denied,
		Subject: d.subject, AuthTime: d.approved,
	}, nil
}

// plainCode is a user code as it is compared: in any case, and without what people type between the letters (RFC 8628
// section 6.1).
func plainCode(typed string) string {
	return strings.NewReplacer("-", "", " ", "").Replace(strings.ToUpper(typed))
}

// waitingDevice finds a sign-in that nobody has decided yet.
func (s *storage) waitingDevice(userCode string) (*device, bool) {
	d, ok := s.devices.byUser.get(plainCode(userCode))
	if !ok || !s.now().Before(d.expires) {
		return nil, false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d, d.subject == "" && !d.denied
}

// decide approves or denies a sign-in. It returns false when somebody else was faster.
func (s *storage) decide(d *device, p Person, approve bool) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.subject != "" || d.denied {
		return false
	}
	d.denied = !approve
	if approve {
		d.subject, d.approved = p.Subject, s.now()
	}
	return true
}

// poll returns the error that a device gets which asks now (RFC 8628 section 3.5), empty when its tokens are ready.
func (s *storage) poll(client, deviceCode string) string {
	d, ok := s.devices.byCode.get(deviceCode)
	if !ok || d.client != client {
		return "invalid_grant"
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	now := s.now()
	early := now.Before(d.polled.Add(d.interval))
	d.polled = now
	switch {
	case d.denied:
		return "access_denied"
	case d.subject != "":
		return ""
	case !now.Before(d.expires):
		return "expired_token"
	case early:
		d.interval += 5 * time.Second
		return "slow_down"
	}
	return "authorization_pending"
}

// authenticate finds out which client sends a request to an endpoint of the back channel (RFC 6749 section 2.3.1), and moves
// a secret in the form to the header, which is where op looks for it. It answers those that it refuses.
func (p *OIDC) authenticate(w http.ResponseWriter, r *http.Request) (*client, bool) {
	if err := r.ParseForm(); err != nil {
		refuseClient(w, http.StatusBadRequest, "invalid_request")
		return nil, false
	}
	if r.PostForm.Has("client_secret") && r.Header.Get("Authorization") == "" {
		// The identifiers and secrets here need no escaping.
		r.SetBasicAuth(r.PostForm.Get("client_id"), r.PostForm.Get("client_secret"))
		r.PostForm.Del("client_secret")
		r.Form.Del("client_secret")
	}
	id, proven, err := op.ClientIDFromRequest(r, p.op)
	c, known := p.storage.clients[id]
	if err != nil || !known || proven == c.secret.IsZero() {
		refuseClient(w, http.StatusUnauthorized, "invalid_client")
		return nil, false
	}
	return c, true
}

// refuseClient answers an error of the token endpoint (RFC 6749 section 5.2).
func refuseClient(w http.ResponseWriter, status int, code string) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	if status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Basic realm="demo"`)
	}
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"error":%q}`, code)
}

// beginDevice leaves the device authorization request of a client that may send one to op.
func (p *OIDC) beginDevice(inner http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c, ok := p.authenticate(w, r)
		switch {
		case !ok:
		case !c.devices:
			refuseClient(w, http.StatusBadRequest, "unauthorized_client")
		default:
			w.Header().Set("Cache-Control", "no-store")
			inner.ServeHTTP(w, r)
		}
	}
}

// token leaves token requests to op, but for devices whose tokens are not ready.
func (p *OIDC) token(inner http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("grant_type") != string(oidc.GrantTypeDeviceCode) {
			inner.ServeHTTP(w, r)
			return
		}
		c, ok := p.authenticate(w, r)
		if !ok {
			return
		}
		code := "unauthorized_client"
		if c.devices {
			code = p.storage.poll(c.id, r.PostForm.Get("device_code"))
		}
		if code != "" {
			refuseClient(w, http.StatusBadRequest, code)
			return
		}
		inner.ServeHTTP(w, r)
	}
}

// askCode draws the page where the code is typed, or, when it came with the address, the people.
func (p *OIDC) askCode(w http.ResponseWriter, r *http.Request) {
	typed := r.FormValue("user_code")
	if typed == "" {
		p.site.write(w, r, http.StatusOK, "code", page{Title: titleCode.in(r), Action: p.prefix + devicePath})
		return
	}
	d, ok := p.storage.waitingDevice(typed)
	if !ok {
		p.site.write(w, r, http.StatusNotFound, "code", page{
			Title: titleCode.in(r), Action: p.prefix + devicePath, Text: wrongCode.in(r),
		})
		return
	}
	p.site.signIn(w, r, p.storage.people, asker{
		action: p.prefix + devicePath, id: d.userCode, application: p.storage.clients[d.client].title, device: true,
	})
}

// decideDevice takes the person's choice for a device.
func (p *OIDC) decideDevice(w http.ResponseWriter, r *http.Request) {
	d, ok := p.storage.waitingDevice(r.PostFormValue("id"))
	if !ok {
		p.site.over(w, r)
		return
	}
	cancelled := r.PostFormValue("cancel") != ""
	person, known := find(p.storage.people, r.PostFormValue("person"))
	if !known && !cancelled {
		p.site.fail(w, r, http.StatusBadRequest, nobody, chooseAgain)
		return
	}
	if !p.storage.decide(d, person, !cancelled) {
		p.site.over(w, r)
		return
	}
	heading := signedIn
	if cancelled {
		heading = cancelledSignIn
	}
	p.site.write(w, r, http.StatusOK, "done", page{Heading: heading.in(r)})
}
