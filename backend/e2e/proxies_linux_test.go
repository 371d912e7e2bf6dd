package e2e_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"text/template"
	"time"

	"github.com/jellybind/jellybind/backend/loopback/loopbacktest"
)

// proxyName is the name by which the proxies choose the server. It resolves to the loopback everywhere.
const proxyName = "localhost"

// reverseProxy is a real reverse proxy in front of a server, configured as its manual shows.
type reverseProxy struct {
	name    string
	program string
	// args are the program's arguments, with the configuration's path at CONFIG and its folder at DIR.
	args []string
	// config is a text/template of proxyConfig.
	config string
	// passesHost is whether a request with another Host reaches the server with this Host.
	passesHost bool
}

// proxyConfig is what a configuration is made from.
type proxyConfig struct {
	Dir      string // for everything that the proxy writes
	Port     int    // where it listens with TLS
	Other    int    // a free port, for another site
	Upstream string // the server's host and port
	Name     string // proxyName
	Cert     string // PEM files
	Key      string
	Both     string // certificate and key in one file
	Modules  string // Apache's folder of modules
}

// nginxHead and its brothers hold what every nginx configuration below has in common.
const nginxHead = `
daemon off;
pid {{.Dir}}/nginx.pid;
error_log {{.Dir}}/error.log;
events {}
http {
  access_log off;
  client_body_temp_path {{.Dir}}/body; proxy_temp_path {{.Dir}}/proxy; fastcgi_temp_path {{.Dir}}/fastcgi;
  uwsgi_temp_path {{.Dir}}/uwsgi; scgi_temp_path {{.Dir}}/scgi;
  ssl_certificate {{.Cert}};
  ssl_certificate_key {{.Key}};
  client_max_body_size 20M;
`

const nginxForward = `
    proxy_set_header X-Real-IP $remote_addr;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header X-Forwarded-Host $http_host;
`

var nginxArgs = []string{"-c", "CONFIG", "-p", "DIR", "-e", "DIR/error.log"}

var reverseProxies = []reverseProxy{
	{
		name: "nginx by server_name, the default server closes", program: "nginx", args: nginxArgs,
		config: nginxHead + `
  server { listen 127.0.0.1:{{.Port}} ssl default_server; return 444; }
  server {
    listen 127.0.0.1:{{.Port}} ssl; server_name {{.Name}};
    location / { proxy_pass http://{{.Upstream}}; proxy_set_header Host $host;` + nginxForward + ` }
  }
}`,
	},
	{
		name: "nginx with one block that passes the Host", program: "nginx", args: nginxArgs, passesHost: true,
		config: nginxHead + `
  server {
    listen 127.0.0.1:{{.Port}} ssl;
    location / { proxy_pass http://{{.Upstream}}; proxy_set_header Host $http_host;` + nginxForward + ` }
  }
}`,
	},
	{
		name: "nginx replaces the Host", program: "nginx", args: nginxArgs,
		config: nginxHead + `
  server {
    listen 127.0.0.1:{{.Port}} ssl;
    location / { proxy_pass http://{{.Upstream}}; proxy_set_header Host {{.Name}}:{{.Port}};` + nginxForward + ` }
  }
}`,
	},
	{
		name: "nginx redirects to the name", program: "nginx", args: nginxArgs,
		config: nginxHead + `
  server { listen 127.0.0.1:{{.Port}} ssl default_server; return 301 https://{{.Name}}:{{.Port}}$request_uri; }
  server {
    listen 127.0.0.1:{{.Port}} ssl; server_name {{.Name}};
    location / { proxy_pass http://{{.Upstream}}; proxy_set_header Host $host;` + nginxForward + ` }
  }
}`,
	},
	{
		name: "nginx with a bare proxy_pass", program: "nginx", args: nginxArgs,
		config: nginxHead + `
  server {
    listen 127.0.0.1:{{.Port}} ssl;
    location / { proxy_pass http://{{.Upstream}}; }
  }
}`,
	},
	{
		name: "Caddy by name", program: "caddy", args: []string{"run", "--config", "CONFIG", "--adapter", "caddyfile"},
		config: `{
	admin off
	auto_https disable_redirects
	storage file_system {{.Dir}}/storage
}
https://{{.Name}}:{{.Port}} {
	bind 127.0.0.1
	tls {{.Cert}} {{.Key}}
	reverse_proxy {{.Upstream}}
}
`,
	},
	{
		name: "HAProxy with an ACL", program: "haproxy", args: []string{"-db", "-f", "CONFIG"},
		config: `
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  option forwardfor
frontend https
  bind 127.0.0.1:{{.Port}} ssl crt {{.Both}}
  acl jellyfin hdr(host) -i {{.Name}} {{.Name}}:{{.Port}}
  http-request set-header X-Forwarded-Proto https
  use_backend jellyfin if jellyfin
backend jellyfin
  server one {{.Upstream}}
`,
	},
	{
		name: "Apache by name, another default site", program: "apache2", args: []string{"-X", "-f", "CONFIG"},
		config: `
ServerRoot {{.Dir}}
PidFile {{.Dir}}/apache.pid
Mutex file:{{.Dir}}
ErrorLog {{.Dir}}/error.log
Listen 127.0.0.1:{{.Port}}
LoadModule mpm_event_module {{.Modules}}/mod_mpm_event.so
LoadModule authz_core_module {{.Modules}}/mod_authz_core.so
LoadModule ssl_module {{.Modules}}/mod_ssl.so
LoadModule proxy_module {{.Modules}}/mod_proxy.so
LoadModule proxy_http_module {{.Modules}}/mod_proxy_http.so
LoadModule headers_module {{.Modules}}/mod_headers.so
LoadModule dir_module {{.Modules}}/mod_dir.so
ServerName other.test
SSLCertificateFile {{.Cert}}
SSLCertificateKeyFile {{.Key}}
<VirtualHost *:{{.Port}}>
  ServerName other.test
  SSLEngine on
  DocumentRoot {{.Dir}}/site
  <Directory {{.Dir}}/site>
    Require all granted
  </Directory>
</VirtualHost>
<VirtualHost *:{{.Port}}>
  ServerName {{.Name}}
  SSLEngine on
  AllowEncodedSlashes NoDecode
  ProxyPreserveHost On
  ProxyPass / http://{{.Upstream}}/ nocanon
  ProxyPassReverse / http://{{.Upstream}}/
  RequestHeader set X-Forwarded-Proto https
</VirtualHost>
`,
	},
}

// proxyPrograms is where the task runner unpacks the proxies that are not installed.
const proxyPrograms = "../../build/bin/servers"

// find returns a proxy's program and what its environment needs. It skips the test where there is none.
func (p reverseProxy) find(t *testing.T) (program string, env []string, modules string) {
	t.Helper()
	root, err := filepath.Abs(proxyPrograms)
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"sbin", "bin"} {
		unpacked := filepath.Join(root, "usr", dir, p.program)
		if _, err := os.Stat(unpacked); err == nil {
			libraries, _ := filepath.Glob(filepath.Join(root, "usr/lib/*-linux-gnu*"))
			env := append(os.Environ(), "LD_LIBRARY_PATH="+strings.Join(libraries, ":"))
			return unpacked, env, filepath.Join(root, "usr/lib/apache2/modules")
		}
	}
	installed, err := exec.LookPath(p.program)
	if err != nil {
		t.Skipf("%s is not here", p.program)
	}
	return installed, os.Environ(), "/usr/lib/apache2/modules"
}

// start puts the proxy in front of a server, and returns its address and the SHA-256 of its certificate.
func (p reverseProxy) start(t *testing.T, upstream string) (address string, certificate []byte) {
	t.Helper()
	program, env, modules := p.find(t)
	dir := t.TempDir()
	c := proxyConfig{
		Dir: dir, Port: loopbacktest.FreePort(t), Upstream: upstream, Name: proxyName, Modules: modules,
		Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem"), Both: filepath.Join(dir, "both.pem"),
	}
	der := writeCertificate(t, c)
	if err := os.MkdirAll(filepath.Join(dir, "site"), 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "site", "index.html"), []byte("<title>Another site</title>\n"))
	var config bytes.Buffer
	if err := template.Must(template.New("").Parse(p.config)).Execute(&config, c); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "config")
	writeFile(t, file, config.Bytes())

	args := make([]string, len(p.args))
	for i, a := range p.args {
		args[i] = strings.NewReplacer("CONFIG", file, "DIR", dir).Replace(a)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = slices.Concat(env, []string{"HOME=" + dir, "XDG_DATA_HOME=" + dir, "XDG_CONFIG_HOME=" + dir})
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(done)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(dir, "error.log"))
			t.Logf("%s said:\n%s%s", p.program, &said, log)
		}
	})
	address = "https://" + net.JoinHostPort(proxyName, strconv.Itoa(c.Port))
	awaitProxy(t, address, done)
	return address, der
}

// proxyClient takes any certificate and follows no redirect.
func proxyClient() *http.Client {
	return &http.Client{
		Timeout:       5 * time.Second,
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// awaitProxy waits until the server answers through the proxy.
func awaitProxy(t *testing.T, address string, ended <-chan struct{}) {
	t.Helper()
	client := proxyClient()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"/System/Info/Public", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-ended:
			t.Fatal("the proxy ended")
		default:
		}
	}
	t.Fatal("the proxy did not answer in time")
}

// writeCertificate writes a certificate for proxyName, and returns its DER form.
func writeCertificate(t *testing.T, c proxyConfig) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: c.Name}, DNSNames: []string{c.Name},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:   time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	private := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
	writeFile(t, c.Cert, cert)
	writeFile(t, c.Key, private)
	writeFile(t, c.Both, append(cert, private...))
	return der
}

func writeFile(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// The proxies answer under their own name, and pass on another Host only where their configuration says so.
func TestReverseProxies(t *testing.T) {
	t.Parallel()
	for _, p := range reverseProxies {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			w := open(t, "9p4", "administrator", "")
			address, _ := p.start(t, strings.TrimPrefix(w.World.URL(), "http://"))
			client := proxyClient()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"/sso/OID/start/authelia?isLinking=true", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Host = "127.0.0.1:18701"
			resp, err := client.Do(req)
			if err != nil {
				t.Logf("no answer: %v", err)
				if p.passesHost {
					t.Fail()
				}
				return
			}
			_ = resp.Body.Close()
			location := resp.Header.Get("Location")
			t.Log(resp.Status, location)
			reached := strings.Contains(location, "127.0.0.1%3A18701")
			if reached != p.passesHost {
				t.Errorf("the start reached the server with our Host: %t, want %t", reached, p.passesHost)
			}
		})
	}
}
