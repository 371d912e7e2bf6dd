package link

import (
	"net/url"
	"slices"
	"strings"
	"text/template"

	"github.com/jellybind/jellybind/backend/api"
)

// ruleFacts is what a proxy's rule is made from.
type ruleFacts struct {
	Site  string // the server's name, without a port
	Port  string // where the proxy listens
	TLS   bool
	Path  string   // the escaped path of the plugin's routes, below the base path, with a slash at the end
	Hosts []string // the loopback as Host headers name it, without a port
}

// loopbackHosts are the hosts that a sign-in listens at.
var loopbackHosts = []string{"127.0.0.1", "localhost"}

// ProxyRules returns the rules that let the server's own sign-in through a reverse proxy that chooses by name. Each passes
// requests for the plugin's routes on with the loopback as their Host, as they came, and over plain HTTP as far as the server is
// told: otherwise a server that trusts the proxy leads the answer to https. JELLYFIN stands for the server's address behind the
// proxy.
func ProxyRules(base *url.URL) []api.ProxyRule {
	f := ruleFacts{
		Site: base.Hostname(), Port: base.Port(), TLS: base.Scheme == "https", Path: base.EscapedPath() + "/sso/",
		Hosts: slices.DeleteFunc(slices.Clone(loopbackHosts), func(h string) bool { return h == base.Hostname() }),
	}
	if f.Port == "" {
		f.Port = map[bool]string{false: "80", true: "443"}[f.TLS]
	}
	var rules []api.ProxyRule
	for _, r := range proxyRules {
		var text strings.Builder
		if err := r.text.Execute(&text, f); err != nil {
			panic(err) // the templates are part of the program, and every field is there
		}
		rules = append(rules, api.ProxyRule{Proxy: r.proxy, Text: text.String()})
	}
	return rules
}

var proxyRules = []struct {
	proxy string
	text  *template.Template
}{
	{"nginx", rule(`# A server of its own, next to the one of {{.Site}}. It listens as that one does.
server {
    listen {{.Port}}{{if .TLS}} ssl{{end}};
    server_name{{range .Hosts}} {{.}}{{end}};
{{- if .TLS}}
    ssl_certificate     /path/to/{{.Site}}.crt;
    ssl_certificate_key /path/to/{{.Site}}.key;
{{- end}}
    location {{.Path}} {
        proxy_pass http://JELLYFIN:8096;
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto http;
        proxy_set_header X-Forwarded-Host $http_host;
    }
}
`)},
	{"Caddy", rule(`# A site of its own, next to the one of {{.Site}}.
{{if .TLS}}https{{else}}http{{end}}://:{{.Port}} {
	@jellybind {
		host{{range .Hosts}} {{.}}{{end}}
		path {{.Path}}*
	}
	reverse_proxy @jellybind JELLYFIN:8096 {
		header_up X-Forwarded-Proto http
	}
}
`)},
	{"Traefik", rule(`# In the dynamic configuration. jellyfin is the service that {{.Site}} uses already.
http:
  routers:
    jellybind:
      rule: "({{range $i, $h := .Hosts}}{{if $i}} || {{end}}Host(` + "`{{$h}}`" + `){{end}}) && PathPrefix(` + "`{{.Path}}`" + `)"
      service: jellyfin
      middlewares: [jellybind]
{{- if .TLS}}
      tls: {}
{{- end}}
  middlewares:
    jellybind:
      headers:
        customRequestHeaders:
          X-Forwarded-Proto: http
`)},
	{"HAProxy", rule(`# In the frontend of {{.Site}}, before its other rules. jellyfin is the backend that it uses already.
    acl jellybind hdr(host),field(1,:){{range .Hosts}} {{.}}{{end}}
    acl jellybind_path path_beg {{.Path}}
    use_backend jellybind if jellybind jellybind_path

# After the frontend.
backend jellybind
    http-request set-header X-Forwarded-Proto http
    server jellyfin JELLYFIN:8096
`)},
	{"Apache", rule(`# A virtual host of its own, next to the one of {{.Site}}.
<VirtualHost *:{{.Port}}>
    ServerName {{index .Hosts 0}}
{{- range slice .Hosts 1}}
    ServerAlias {{.}}
{{- end}}
{{- if .TLS}}
    SSLEngine on
    SSLCertificateFile /path/to/{{.Site}}.crt
    SSLCertificateKeyFile /path/to/{{.Site}}.key
{{- end}}
    AllowEncodedSlashes NoDecode
    ProxyPreserveHost On
    ProxyPass {{.Path}} http://JELLYFIN:8096{{.Path}} nocanon
    RequestHeader set X-Forwarded-Proto http
</VirtualHost>
`)},
}

func rule(text string) *template.Template { return template.Must(template.New("").Parse(text)) }
