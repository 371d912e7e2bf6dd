package loopback

import (
	"crypto/sha256"
	"encoding/base64"
	"html/template"
	"strings"

	"github.com/jellybind/jellybind/backend/api"
)

// pageStyle is the page's whole style sheet. The Content-Security-Policy allows exactly it, by its hash.
const pageStyle = `
:root{color-scheme:light dark;--ground:#f5f5f7;--card:#fff;--text:#1d1d1f;--soft:#5c5c63;--good:#1a7f45;--bad:#b3261e}
@media (prefers-color-scheme:dark){
:root{--ground:#161618;--card:#232326;--text:#f2f2f4;--soft:#a9a9b2;--good:#5ad08a;--bad:#ff8a80}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1.5rem;
background:var(--ground);color:var(--text);font:1rem/1.5 system-ui,sans-serif}
main{max-width:28rem;width:100%;padding:2rem;border-radius:.75rem;background:var(--card);box-shadow:0 1px 4px #0003}
h1{margin:0 0 .75rem;font-size:1.375rem;line-height:1.25;overflow-wrap:anywhere}
p{margin:0 0 .75rem;overflow-wrap:anywhere}
p:last-child{margin:0;color:var(--soft)}
.good h1{color:var(--good)}
.bad h1{color:var(--bad)}
`

var pageTemplate = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="{{.Lang}}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>{{.Title}} – Jellybind</title>
<link rel="icon" href="data:,">
<style>` + pageStyle + `</style>
</head>
<body>
<main class="{{if .OK}}good{{else}}bad{{end}}" id="{{if .OK}}done{{else}}failed{{end}}">
<h1>{{.Title}}</h1>
<p>{{.Text}}</p>
<p>{{.Close}}</p>
</main>
</body>
</html>
`))

var contentSecurityPolicy = "default-src 'none'; style-src 'sha256-" + hash(pageStyle) +
	"'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// text is a page's title and sentence.
type text struct{ title, text string }

// words are the page's texts in one language.
type words struct {
	lang, close string
	// ok and failed are the default texts of a result; reasons are more exact texts for some codes.
	ok, failed text
	reasons    map[api.Code]string
	// foreign is for requests that belong to no sign-in that waits, late for requests after the first.
	foreign, late text
	// again is for the second use of an address that works once.
	again text
}

var catalogue = map[string]*words{
	"en": {
		lang:   "en",
		close:  "You may close this page.",
		ok:     text{"You are signed in", "Jellybind has received the answer. Go back to it to finish."},
		failed: text{"The sign-in failed", "Go back to Jellybind: it says what happened."},
		reasons: map[api.Code]string{
			api.CodeSignInRefused:       "The identity provider refused the sign-in. Go back to Jellybind: it says what happened.",
			api.CodeSignInInvalid:       "The identity provider's answer failed a check. Go back to Jellybind: it says what happened.",
			api.CodeSignInExpired:       "It took too long, and the server no longer knows this sign-in. Start again in Jellybind.",
			api.CodeProviderUnreachable: "The identity provider could not be reached. Go back to Jellybind: it says what happened.",
			api.CodeServerUnreachable:   "The Jellyfin server could not be reached. Go back to Jellybind: it says what happened.",
			api.CodeCancelled:           "The sign-in was cancelled in Jellybind.",
		},
		foreign: text{"Nothing to see here", "This request does not belong to the sign-in that Jellybind is waiting for."},
		again: text{
			"Already opened",
			"This address works once, and it was opened before. If that was not you, cancel the sign-in in Jellybind.",
		},
		late: text{"Already answered", "This sign-in has been answered already. Go back to Jellybind."},
	},
	"de": {
		lang:   "de",
		close:  "Du kannst diese Seite schließen.",
		ok:     text{"Du bist angemeldet", "Jellybind hat die Antwort erhalten. Mach dort weiter."},
		failed: text{"Die Anmeldung ist fehlgeschlagen", "In Jellybind steht, was geschehen ist."},
		reasons: map[api.Code]string{
			api.CodeSignInRefused: "Der Identitätsanbieter hat die Anmeldung abgelehnt. In Jellybind steht, was geschehen ist.",
			api.CodeSignInInvalid: "Die Antwort des Identitätsanbieters hat eine Prüfung nicht bestanden. " +
				"In Jellybind steht, was geschehen ist.",
			api.CodeSignInExpired: "Es hat zu lange gedauert, der Server kennt diese Anmeldung nicht mehr. " +
				"Fang in Jellybind noch einmal an.",
			api.CodeProviderUnreachable: "Der Identitätsanbieter war nicht erreichbar. In Jellybind steht, was geschehen ist.",
			api.CodeServerUnreachable:   "Der Jellyfin-Server war nicht erreichbar. In Jellybind steht, was geschehen ist.",
			api.CodeCancelled:           "Die Anmeldung wurde in Jellybind abgebrochen.",
		},
		foreign: text{"Hier gibt es nichts", "Diese Anfrage gehört nicht zu der Anmeldung, auf die Jellybind wartet."},
		again: text{
			"Schon geöffnet",
			"Diese Adresse gilt einmal, und sie wurde schon geöffnet. Warst du das nicht, brich die Anmeldung in Jellybind ab.",
		},
		late: text{"Schon beantwortet", "Diese Anmeldung wurde schon beantwortet. Geh zurück zu Jellybind."},
	},
}

// Language chooses the page's language for a BCP 47 tag: "de" or "en".
func Language(tag string) string {
	primary, _, _ := strings.Cut(strings.ReplaceAll(strings.ToLower(tag), "_", "-"), "-")
	if primary == "de" {
		return "de"
	}
	return "en"
}

// complete fills in the texts that a flow left out.
func (w *words) complete(page *Page, err error) {
	t := w.ok
	if !page.OK {
		t = w.failed
		if reason := w.reasons[api.CodeOf(err)]; reason != "" {
			t.text = reason
		}
	}
	if page.Title == "" {
		page.Title = t.title
	}
	if page.Text == "" {
		page.Text = t.text
	}
	page.Title, page.Text = api.Printable(page.Title), api.Printable(page.Text)
}
