package server_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// exchange is one recorded exchange with a real server.
type exchange struct {
	Section, Name, As, Method, Path, Host, Auth, Type string
	Body                                              *string
	Headers                                           map[string]string
	AtMS                                              int `json:"at_ms"`
	Answer                                            struct {
		Status         any
		Type, Location string
		RetryAfter     string `json:"retry-after"`
		Body           *string
		SetCookie      []string
		HTML           *struct {
			Data, Title string
			Mentions    []string
		}
	}
}

// load reads the recordings. What the recordings hold of values that differ from run to run, and what is not a placeholder
// yet, becomes one here.
func (r *replay) load() {
	f, err := os.Open(filepath.Join("testdata", r.file+".gz"))
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		r.t.Fatal(err)
	}
	lines := bufio.NewScanner(unzipped)
	lines.Buffer(nil, 1<<20)
	code := ""
	for lines.Scan() {
		// Flowfin's provider stood on a private address, since the real one refuses those on the loopback.
		line := strings.ReplaceAll(lines.Text(), "10.77.0.1", "127.0.0.1")
		var e exchange
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			r.t.Fatal(err)
		}
		if e.Answer.Body != nil {
			body := *e.Answer.Body
			if m := quickCode.FindStringSubmatch(body); m != nil {
				code = m[1]
			}
			for _, v := range volatile {
				body = v.pattern.ReplaceAllString(body, v.with)
			}
			e.Answer.Body = &body
		}
		if code != "" {
			e.Path = strings.ReplaceAll(e.Path, "code="+code, "code={{qc.code}}")
		}
		r.exchanges = append(r.exchanges, e) // the first line, which names the server, keeps the numbers right
	}
	if err := lines.Err(); err != nil || len(r.exchanges) < 10 {
		r.t.Fatalf("reading %s: %d exchanges, %v", r.file, len(r.exchanges), err)
	}
}

var quickCode = regexp.MustCompile(`"Code":"(\d{6})"`)

var volatile = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{quickCode, `"Code":"{{qc.code}}"`},
	{regexp.MustCompile(`\{\{certificate\}\}(\\u002B|[A-Za-z0-9/+=])*`), "{{certificate}}"},
	{regexp.MustCompile(`"CodeVerifier":"[^"]*"`), `"CodeVerifier":"{{verifier}}"`},
	{regexp.MustCompile(`("Created": ?)"\d[^"]*"`), `$1"{{created}}"`},
	{regexp.MustCompile(`AuthnRequest ID="_[0-9a-f-]+"`), `AuthnRequest ID="{{requestId}}"`},
	// The account that signing in with an unknown identity makes.
	{regexp.MustCompile(`"Name":"stranger",("ServerId":"[^"]*"),"Id":"[0-9a-f]{32}"`), `"Name":"stranger",$1,"Id":"{{user.stranger}}"`},
	// Ids that were cut in the middle.
	{regexp.MustCompile(`("(Id|ServerId|UserId)":")[0-9a-f]+…$`), `$1…`},
	{regexp.MustCompile(`"traceId":"00-[0-9a-f-]*…$`), `"traceId":"…`},
	// The signing certificate of the recordings' identity provider; ours has another.
	{
		regexp.MustCompile(`"Subject: [^"]*","Issuer: [^"]*","Valid from \(UTC\): [^"]*","Valid to \(UTC\): [^"]*","SHA-256 thumbprint: [^"]*"`),
		`"Subject: {{name}}","Issuer: {{name}}","Valid from (UTC): {{when}}","Valid to (UTC): {{when}}","SHA-256 thumbprint: {{thumbprint}}"`,
	},
}

// kinds are the placeholders' values where they are not simple words. Those in fresh differ at each sight; all others are
// bound at the first and must stay the same.
var (
	kinds = map[string]string{
		"time": `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{7})?Z`, "created": `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?\+00:00`,
		"trace": `00-[0-9a-f]{32}-[0-9a-f]{16}-00`, "authnRequest": `[^&]+`, "code": `[^&]+`, "requestId": `_[0-9a-f-]{36}`,
		"samlResponse": `[A-Za-z0-9+/]+=*`, "datadir": `/var/lib/jellyfin`, "tmp": `/usr/src`, "challenge": `[A-Za-z0-9_-]{43}`,
		"verifier": `[A-Za-z0-9_-]{43}`, "name": `[^"]+`, "when": `\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ`, "thumbprint": `[0-9A-F]{64}`,
		"qc.code": `\d{6}`, "qc.secret": `[0-9a-f]{64}`,
	}
	fresh = []string{
		"time", "created", "trace", "authnRequest", "code", "samlResponse", "verifier", "loginHandle", "requestId",
		"name", "when",
	}
	placeholder = regexp.MustCompile(`\{\{([^{}]*)\}\}`)
)

func (r *replay) kind(name string) *regexp.Regexp {
	pattern := kinds[name]
	switch {
	case strings.HasPrefix(name, "challenge of "):
		pattern = kinds["challenge"]
	case pattern != "":
	case strings.HasPrefix(name, "user."), strings.HasPrefix(name, "token."), name == "serverId", name == "plugin.sso":
		pattern = `[0-9a-f]{32}`
	default:
		pattern = `[A-Za-z0-9_-]+`
	}
	return regexp.MustCompile(`^(` + pattern + `)`)
}

func (r *replay) value(name string) (string, bool) {
	if v, found := r.bound[name]; found {
		return v, true
	}
	if id, found := r.bound[strings.TrimSuffix(name, ".dashed")]; found {
		return id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:], true
	}
	return "", false
}

// match compares a recorded text with an actual one and binds the placeholders that it sees for the first time. A recorded
// text that was cut ends in "…" and is compared so far.
func (r *replay) match(recorded, actual string) error {
	recorded, cut := strings.CutSuffix(recorded, "…")
	rest, state := actual, ""
	fail := func(want string) error {
		at := len(actual) - len(rest)
		return fmt.Errorf("at %d:\n  recorded …%.200s\n  answered …%.200s\n  after    …%s", at, want, rest,
			actual[max(0, at-120):at])
	}
	for recorded != "" {
		m := placeholder.FindStringSubmatchIndex(recorded)
		literal := recorded
		if m != nil {
			literal = recorded[:m[0]]
		}
		if !strings.HasPrefix(rest, literal) {
			common := 0
			for common < len(rest) && common < len(literal) && rest[common] == literal[common] {
				common++
			}
			rest = rest[common:]
			return fail(recorded[common:])
		}
		rest = rest[len(literal):]
		if m == nil {
			break
		}
		name := recorded[m[2]:m[3]]
		recorded = recorded[m[1]:]
		switch {
		case strings.HasPrefix(name, "state."):
			state = name
		case name == "challenge": // one for each state
			name += " of " + state
		}
		if want, found := r.value(name); found && !slices.Contains(fresh, name) {
			if !strings.HasPrefix(rest, want) {
				return fail("{{" + name + "}} which is " + want)
			}
			rest = rest[len(want):]
			continue
		}
		found := r.kind(name).FindString(rest)
		if found == "" {
			return fail("{{" + name + "}}")
		}
		r.bound[name] = found
		rest = rest[len(found):]
	}
	if rest != "" && !cut {
		return fail("(the end)")
	}
	return nil
}

// fill puts values in place of a request's placeholders.
func (r *replay) fill(e exchange, s string, escape func(string) string) string {
	return placeholder.ReplaceAllStringFunc(s, func(p string) string {
		name := p[2 : len(p)-2]
		switch {
		case name == "code":
			return r.code
		case name == "certificate":
			return r.providers.saml.Certificate()
		case name == "samlResponse.1":
			return escape(r.response)
		case name == "samlResponse" && e.Name == "tampered":
			return tamper(r.response)
		case name == "samlResponse" && e.Name == "unsigned":
			return unsign(r.response)
		case name == "samlResponse":
			return r.response
		}
		v, found := r.value(name)
		if !found {
			r.t.Fatalf("%s: %q needs %s, which nothing has bound", r.file, e.Name, p)
		}
		return v
	})
}

func tamper(response string) string {
	document, _ := base64.StdEncoding.DecodeString(response)
	return base64.StdEncoding.EncodeToString(bytes.ReplaceAll(document, []byte("@saml"), []byte("@evil")))
}

var signatures = regexp.MustCompile(`(?s)<ds:Signature.*?</ds:Signature>`)

func unsign(response string) string {
	document, _ := base64.StdEncoding.DecodeString(response)
	return base64.StdEncoding.EncodeToString(signatures.ReplaceAll(document, nil))
}
