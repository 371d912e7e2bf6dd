package idp

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"strconv"
	"sync"

	"github.com/jellybind/jellybind/backend/api"
)

//go:embed pages
var pageFiles embed.FS

// site draws the pages of one provider.
type site struct {
	provider string // as the person knows it
	protocol string
}

// assets are the templates, parsed once a process, and what stands in every page.
type assets struct {
	pages  *template.Template
	style  template.CSS
	script template.JS
	policy string // Content-Security-Policy
}

// loadAssets parses the pages. The policy lets in exactly our style sheet and our one script, and lets forms go to http
// addresses only: they post to us or, for SAML, to the service provider on a loopback port.
var loadAssets = sync.OnceValue(func() assets {
	style, script := mustRead("pages/style.css"), mustRead("pages/post.js")
	return assets{
		pages:  template.Must(template.ParseFS(pageFiles, "pages/pages.html")),
		style:  template.CSS(style), //nolint:gosec // our own file, embedded in the binary
		script: template.JS(script), //nolint:gosec // our own file, embedded in the binary
		policy: "default-src 'none'; img-src data:; style-src " + sourceHash(style) + "; script-src " + sourceHash(script) +
			"; form-action http:; base-uri 'none'; frame-ancestors 'none'",
	}
})

// mustRead returns an embedded file; only a broken build can lack it.
func mustRead(name string) string {
	data, err := pageFiles.ReadFile(name)
	if err != nil {
		panic(err)
	}
	return string(data)
}

// sourceHash is the CSP source expression for an inline style or script (CSP level 3, section 2.3.1).
func sourceHash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// page is what the templates read.
type page struct {
	Provider, Protocol string
	Title              string
	Lang               string // "en" or "de"
	Style              template.CSS
	Script             template.JS

	Heading, Text     string      // post, error, done, code
	Action            string      // sign-in, post, code
	ID                string      // sign-in
	Application, Host string      // sign-in, post
	Device            bool        // sign-in
	People            []personRow // sign-in
	Response          string      // post
	RelayState        string      // post
}

type personRow struct {
	Login, Title, Name, Email, Initials, Tint string
}

// write draws a page. Names on it come from strangers: the templates escape them, and control characters and bidi
// overrides are replaced before.
func (s site) write(w http.ResponseWriter, r *http.Request, status int, name string, p page) {
	a := loadAssets()
	p.Lang = language(r)
	p.Provider, p.Protocol, p.Style, p.Script = api.Printable(s.provider), s.protocol, a.style, a.script
	if p.Title == "" {
		p.Title = p.Heading
	}
	p.Title += " · " + p.Provider
	var body bytes.Buffer
	if err := a.pages.ExecuteTemplate(&body, name, p); err != nil {
		http.Error(w, "The page could not be drawn.", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", a.policy)
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept-Language")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = body.WriteTo(w)
}

// asker is who wants to know who signs in.
type asker struct {
	action            string // where the choice goes
	id                string // the sign-in that it belongs to
	application, host string
	device            bool // the application is on another device
}

// signIn draws the list of people.
func (s site) signIn(w http.ResponseWriter, r *http.Request, people []Person, a asker) {
	rows := make([]personRow, len(people))
	for i, p := range people {
		rows[i] = personRow{
			Login: p.Login, Name: api.Printable(p.Name), Email: api.Printable(p.Email),
			Title: api.Printable(p.Name + " (" + p.Login + ")"), Initials: p.initials(), Tint: strconv.Itoa(p.tint()),
		}
	}
	s.write(w, r, http.StatusOK, "sign-in", page{
		Title: titleSignIn.in(r), Action: a.action, ID: a.id, People: rows,
		Application: api.Printable(a.application), Host: api.Printable(a.host), Device: a.device,
	})
}

// fail draws an error page for a person; nothing is sent back to the application.
func (s site) fail(w http.ResponseWriter, r *http.Request, status int, heading, text phrase) {
	s.write(w, r, status, "error", page{Heading: heading.in(r), Text: api.Printable(text.in(r))})
}

// over draws the error page of a sign-in that nobody waits for.
func (s site) over(w http.ResponseWriter, r *http.Request) {
	s.fail(w, r, http.StatusGone, isOver, startAgain)
}

// home draws the page for those who open the provider's own address.
func (s site) home(w http.ResponseWriter, r *http.Request) {
	s.write(w, r, http.StatusOK, "home", page{Title: titleHome.in(r)})
}
