package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// parameters are an authorization request's parameters in their order: names and values in turn.
type parameters []string

// query writes them as .NET does.
func (p parameters) query() string {
	var b strings.Builder
	for i := 0; i+1 < len(p); i += 2 {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(p[i] + "=" + escapeData(p[i+1]))
	}
	return b.String()
}

// values are the same as a form.
func (p parameters) values() url.Values {
	v := url.Values{}
	for i := 0; i+1 < len(p); i += 2 {
		v.Set(p[i], p[i+1])
	}
	return v
}

var (
	parameterName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._-]{0,63}$`)
	reserved      = []string{
		"client_id", "redirect_uri", "response_type", "scope", "state", "nonce", "code_challenge", "code_challenge_method",
		"resource", "request", "request_uri",
	}
	errParameters = errors.New("the authorization parameters are not valid")
)

// moreParameters are what the configuration adds to an authorization request: K0lin's OidAuthorizationParameters, a JSON
// object, and Flowfin's AcrValues, Prompt and MaxAge.
func (p *provider) moreParameters() (parameters, error) {
	var more parameters
	for _, f := range [][2]string{{"AcrValues", "acr_values"}, {"Prompt", "prompt"}} {
		if v := p.text(f[0]); v != "" {
			more = append(more, f[1], v)
		}
	}
	age := -1
	if p.read("MaxAge", &age); age >= 0 {
		more = append(more, "max_age", strconv.Itoa(age))
	}
	object := p.text("OidAuthorizationParameters")
	if object == "" {
		return more, nil
	}
	var given map[string]json.RawMessage
	if err := json.Unmarshal([]byte(object), &given); err != nil {
		return nil, errParameters
	}
	for name, raw := range given {
		text, is := claimText(raw)
		isObject := raw[0] == '{'
		switch {
		case !is, raw[0] == '[', isObject != strings.EqualFold(name, "claims"), !parameterName.MatchString(name),
			slices.ContainsFunc(reserved, func(r string) bool { return strings.EqualFold(r, name) }):
			return nil, errParameters
		}
		more = append(more, name, text)
	}
	return more, nil
}

// push sends an authorization request ahead (RFC 9126 section 2) and returns what is left of it for the browser.
func (s *Server) push(ctx context.Context, endpoint string, p *provider, request parameters) (parameters, error) {
	form := request.values()
	form.Set("client_secret", p.text("OidSecret"))
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, fmt.Errorf("pushing a request: %w", err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := s.opts.HTTP.Do(r)
	if err != nil {
		return nil, fmt.Errorf("pushing a request: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	var pushed struct {
		RequestURI string `json:"request_uri"`
	}
	err = json.NewDecoder(http.MaxBytesReader(nil, answer.Body, 1<<20)).Decode(&pushed)
	if err != nil || answer.StatusCode >= http.StatusMultipleChoices || pushed.RequestURI == "" {
		return nil, fmt.Errorf("pushing a request: answered %s", answer.Status)
	}
	return parameters{"client_id", form.Get("client_id"), "request_uri", pushed.RequestURI}, nil
}
