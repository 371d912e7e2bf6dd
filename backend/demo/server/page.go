package server

import (
	_ "embed"
	"html/template"
	"net/http"
	"strings"
)

//go:embed pages/result.html
var resultHTML string

//go:embed pages/linking.html
var linkingHTML string

var resultTemplate = template.Must(template.New("result").Parse(resultHTML))

// resultPage is what a callback answers. In a browser it throws away what the web client has stored and goes on with the
// link or the sign-in; Flowfin's page puts the addresses of both together itself.
func (c *call) resultPage(mode, data string, linking bool) answer {
	var b strings.Builder
	err := resultTemplate.Execute(&b, map[string]any{
		"Data": data, "Provider": c.vars["provider"], "Mode": mode, "Base": c.s.opts.BasePath, "Linking": linking,
		"Named": c.s.flavour.pageNamesRoutes,
	})
	if err != nil {
		return failed(http.StatusInternalServerError)
	}
	return page(b.String())
}

// linkingPage is the plugin's own page for linking, which is not simulated beyond its being there.
func linkingPage(*call) answer {
	a := page(linkingHTML)
	a.kind = "text/html; charset=UTF-8"
	return a
}
