package idp

import (
	"crypto/rand"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// PushMode says what a provider makes of pushed authorization requests (RFC 9126).
type PushMode int

// The modes.
const (
	PushedOff      PushMode = iota // not offered
	PushedOffered                  // advertised in the discovery document
	PushedRequired                 // required of every client
)

// The endpoint, how long a request waits for the browser, and how its address begins.
const (
	pushPath   = "/par"
	pushLife   = time.Minute
	pushPrefix = "urn:ietf:params:oauth:request_uri:"
)

// pushedRequest is an authorization request that a client sent ahead of the browser.
type pushedRequest struct {
	client string
	form   url.Values
}

// push takes an authorization request from a client (RFC 9126 section 2).
func (p *OIDC) push(w http.ResponseWriter, r *http.Request) {
	c, ok := p.authenticate(w, r)
	if !ok {
		return
	}
	form := maps.Clone(r.PostForm)
	form.Del("client_secret")
	form.Set("client_id", c.id)
	refused := checkRequest(form)
	switch {
	case repeats(form) || form.Has("request_uri") || c.checkRedirect(form.Get("redirect_uri")) != nil:
		refuseClient(w, http.StatusBadRequest, "invalid_request")
		return
	case refused != nil:
		refuseClient(w, http.StatusBadRequest, refused.code)
		return
	}
	key := rand.Text()
	p.pushed.put(key, pushedRequest{c.id, form})
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(struct {
		RequestURI string `json:"request_uri"`
		ExpiresIn  int    `json:"expires_in"`
	}{pushPrefix + key, int(pushLife / time.Second)})
}

// unpush puts a pushed request in the place of the one that only names it, once (RFC 9126 section 4). It returns false when
// the request names one that is not there, or names none although one is required.
func (p *OIDC) unpush(r *http.Request) bool {
	key, named := strings.CutPrefix(r.Form.Get("request_uri"), pushPrefix)
	if !named || p.mode == PushedOff {
		return p.mode != PushedRequired
	}
	pushed, ok := p.pushed.take(key)
	if !ok || pushed.client != r.Form.Get("client_id") {
		return false
	}
	r.Form = pushed.form
	return true
}

// repeats reports whether a form has a parameter twice (RFC 6749 section 3.1).
func repeats(form url.Values) bool {
	for _, values := range form {
		if len(values) > 1 {
			return true
		}
	}
	return false
}
