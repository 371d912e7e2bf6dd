package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// noMatchingProvider is what the plugin says of a provider that it does not have.
const noMatchingProvider = "No matching provider found"

// field is one field of a provider's configuration.
type field struct {
	name string
	kind fieldKind
}

// fieldKind says how a field is read and shown.
type fieldKind int

const (
	word           fieldKind = iota // a string, left out when null
	blankWord                       // a string, shown as "" when null
	secretWord                      // a string that is shown as null, and kept when null is written
	flag                            // a boolean, false by default
	maybe                           // a boolean, left out when null
	number                          // a number, left out when null
	words                           // a list, left out when null
	mappings                        // a list, left out when null, and empty instead of null after a restart
	canonicalLinks                  // the links: identities' names and account ids
)

// provider is an identity provider in the plugin's configuration.
type provider struct {
	name   string
	values map[string]json.RawMessage // by the field's name; null ones are absent
	links  map[string]string          // account ids by canonical name
	// issuers holds, for links that Flowfin made at a sign-in, which issuer the identity came from.
	issuers map[string]string
	// used is when each link signed somebody in last.
	used map[string]time.Time
}

// lastLogin is when a link signed somebody in last, empty if it never did.
func (p *provider) lastLogin(name string) string { return stamp(p.used[name]) }

// providers are the providers of one protocol, in the order in which they were added.
type providers []*provider

func (ps *providers) get(name string) (*provider, bool) {
	i := ps.index(name)
	if i < 0 {
		return nil, false
	}
	return (*ps)[i], true
}

func (ps *providers) index(name string) int {
	return slices.IndexFunc(*ps, func(p *provider) bool { return p.name == name })
}

// set adds a provider, or puts it in the place of the one with its name.
func (ps *providers) set(p *provider) {
	if i := ps.index(p.name); i >= 0 {
		(*ps)[i] = p
		return
	}
	*ps = append(*ps, p)
}

func (ps *providers) remove(name string) {
	*ps = slices.DeleteFunc(*ps, func(p *provider) bool { return p.name == name })
}

// names returns the canonical names of an account's links, sorted; of all links without an account.
func (p *provider) names(userID string) []string {
	list := []string{}
	for name, id := range p.links {
		if userID == "" || id == userID {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

// readProvider reads a configuration. Names match in any case, as .NET reads them; unknown fields are dropped.
func readProvider(name string, spec []field, config map[string]json.RawMessage) (*provider, error) {
	p := &provider{
		name: name, values: map[string]json.RawMessage{}, links: map[string]string{}, issuers: map[string]string{},
		used: map[string]time.Time{},
	}
	given := make(map[string]json.RawMessage, len(config))
	for k, v := range config {
		given[strings.ToLower(k)] = v
	}
	for _, f := range spec {
		raw, present := given[strings.ToLower(f.name)]
		if !present || string(raw) == "null" {
			continue
		}
		if f.kind == canonicalLinks {
			if err := p.readLinks(raw); err != nil {
				return nil, fmt.Errorf("reading %s: %w", f.name, err)
			}
			continue
		}
		var into any
		switch f.kind {
		case word, blankWord, secretWord:
			into = new(string)
		case flag, maybe:
			into = new(bool)
		case number:
			into = new(int)
		case words, mappings:
			into = new([]any)
		case canonicalLinks:
		}
		if err := json.Unmarshal(raw, into); err != nil {
			return nil, fmt.Errorf("reading %s: %w", f.name, err)
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, raw); err != nil {
			return nil, fmt.Errorf("reading %s: %w", f.name, err)
		}
		p.values[f.name] = compact.Bytes()
	}
	return p, nil
}

// readLinks reads the links of a configuration.
func (p *provider) readLinks(raw json.RawMessage) error {
	var links map[string]string
	if err := json.Unmarshal(raw, &links); err != nil {
		return fmt.Errorf("decoding links: %w", err)
	}
	for name, id := range links {
		id, valid := guid(id)
		if !valid {
			return errors.New("a link to something that is not an id")
		}
		p.links[name] = id
	}
	return nil
}

// memberName reads the name of an object's next member.
func memberName(d *json.Decoder) (string, error) {
	t, err := d.Token()
	if err != nil {
		return "", fmt.Errorf("reading a name: %w", err)
	}
	name, is := t.(string)
	if !is {
		return "", errors.New("reading a name: not a string")
	}
	return name, nil
}

// read decodes a field into v; a null one leaves v as it is.
func (p *provider) read(name string, v any) {
	if raw, present := p.values[name]; present {
		_ = json.Unmarshal(raw, v) // readProvider has checked the type
	}
}

func (p *provider) text(name string) (s string) { p.read(name, &s); return strings.TrimSpace(s) }

func (p *provider) enabled(name string) (b bool) { p.read(name, &b); return b }

// reloaded is the provider as it comes back from the saved configuration.
func (p *provider) reloaded(spec []field) *provider {
	fresh := *p
	fresh.values = maps.Clone(p.values)
	for _, f := range spec {
		if _, present := p.values[f.name]; f.kind == mappings && !present {
			fresh.values[f.name] = json.RawMessage("[]")
		}
	}
	return &fresh
}

// describe is the configuration as the plugin shows it.
func (p *provider) describe(spec []field) json.RawMessage {
	out := ordered[json.RawMessage]{}
	for _, f := range spec {
		v, present := p.values[f.name]
		switch {
		case f.kind == canonicalLinks:
			links := ordered[string]{}
			for _, name := range p.names("") {
				links = append(links, member[string]{name, p.links[name]})
			}
			v = marshal(links)
		case f.kind == secretWord:
			v = json.RawMessage("null")
		case !present && f.kind == flag:
			v = json.RawMessage("false")
		case !present && f.kind == blankWord:
			v = json.RawMessage(`""`)
		case !present:
			continue
		}
		out = append(out, member[json.RawMessage]{f.name, v})
	}
	return marshal(out)
}

// kind is one of the plugin's two protocols as its routes name it.
type kind struct {
	segment   string // in paths, in lower case
	providers *providers
	fields    []field
}

func (s *Server) kinds() []kind {
	return []kind{{"oid", &s.oidc, s.flavour.oidcFields}, {"saml", &s.saml, s.flavour.samlFields}}
}

// kindOf finds the protocol that a path's segment names, in any case.
func (s *Server) kindOf(segment string) (kind, bool) {
	for _, k := range s.kinds() {
		if strings.EqualFold(k.segment, segment) {
			return k, true
		}
	}
	return kind{}, false
}

// store puts a provider in its place. A flavour that guards its links keeps the links of the provider that was there, and its
// secret when none is given.
func (s *Server) store(providers *providers, spec []field, p *provider) {
	if old, exists := providers.get(p.name); exists && s.flavour.guards {
		p.links, p.issuers = old.links, old.issuers
		for _, f := range spec {
			if _, given := p.values[f.name]; f.kind == secretWord && !given && old.values[f.name] != nil {
				p.values[f.name] = old.values[f.name]
			}
		}
	}
	providers.set(p)
}

func (s *Server) addProvider(providers *providers, spec []field, name string, config map[string]any) error {
	raw := map[string]json.RawMessage{}
	for k, v := range config {
		b, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("adding provider %q: encoding %s: %w", name, k, err)
		}
		raw[k] = b
	}
	p, err := readProvider(name, spec, raw)
	if err != nil {
		return fmt.Errorf("adding provider %q: %w", name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.store(providers, spec, p)
	return nil
}

// pluginRoutes are the routes of every flavour and of this one.
func (s *Server) pluginRoutes() []route {
	routes := append([]route{}, s.flavour.routes...)
	if s.flavour.states != nil {
		routes = append(routes, route{method: "GET", pattern: "/sso/OID/States", access: elevated, handle: listStates})
	}
	for _, p := range []string{"OID", "SAML"} {
		routes = append(routes,
			route{method: "GET", pattern: "/sso/" + p + "/Get", access: elevated, handle: getProviders},
			route{method: "GET", pattern: "/sso/" + p + "/GetNames", handle: getProviderNames},
			route{
				method: "POST", pattern: "/sso/" + p + "/Add/{provider}", access: elevated, undeclared: true, writes: true,
				handle: postProvider,
			},
			route{method: "GET", pattern: "/sso/" + p + "/Del/{provider}", access: elevated, handle: removeProvider},
			route{method: "DELETE", pattern: "/sso/" + p + "/Del/{provider}", access: elevated, handle: removeProvider},
		)
	}
	return compile(append(routes, []route{
		{method: "GET", pattern: "/sso/OID/start/{provider}", handle: startOIDC},
		{method: "GET", pattern: "/sso/OID/p/{provider}", handle: startOIDC},
		{method: "GET", pattern: "/sso/OID/redirect/{provider}", handle: callbackOIDC, undeclared: true},
		{method: "GET", pattern: "/sso/OID/r/{provider}", handle: callbackOIDC, undeclared: true},
		{method: "POST", pattern: "/sso/OID/Auth/{provider}", handle: authenticateOIDC},
		{method: "GET", pattern: "/sso/SAML/start/{provider}", handle: startSAML},
		{method: "GET", pattern: "/sso/SAML/p/{provider}", handle: startSAML},
		{method: "POST", pattern: "/sso/SAML/post/{provider}", handle: callbackSAML},
		{method: "POST", pattern: "/sso/SAML/p/{provider}", handle: callbackSAML},
		{method: "POST", pattern: "/sso/SAML/Auth/{provider}", handle: authenticateSAML},
		{method: "POST", pattern: "/sso/Unregister/{username}", access: elevated, handle: unregister, undeclared: true, writes: true},
		{method: "GET", pattern: "/sso/oid/links/{userId}", access: signedIn, handle: readLinks},
		{method: "GET", pattern: "/sso/saml/links/{userId}", access: signedIn, handle: readLinks},
		{method: "POST", pattern: "/sso/{mode}/Link/{provider}/{userId}", access: signedIn, handle: postLink, writes: true},
		{method: "DELETE", pattern: "/sso/{mode}/Link/{provider}/{userId}/{name}", access: signedIn, handle: deleteLink, writes: true},
		{method: "GET", pattern: "/SSOViews/linking", handle: linkingPage},
		{method: "GET", pattern: "/Plugins/" + pluginID + "/Configuration", access: elevated, handle: getConfiguration},
		{method: "POST", pattern: "/Plugins/" + pluginID + "/Configuration", access: elevated, handle: setConfiguration, writes: true},
	}...))
}

// routeKind is the protocol of a route that names it literally: the path's second segment under /sso.
func (c *call) routeKind() kind {
	k, _ := c.s.kindOf(c.route.segments[1])
	return k
}

func (k kind) describe() json.RawMessage {
	out := ordered[json.RawMessage]{}
	for _, p := range *k.providers {
		out = append(out, member[json.RawMessage]{p.name, p.describe(k.fields)})
	}
	return marshal(out)
}

func getProviders(c *call) answer {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return ok(c.routeKind().describe())
}

func getProviderNames(c *call) answer {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	names := []string{}
	for _, p := range *c.routeKind().providers {
		if !c.s.flavour.guards || p.enabled("Enabled") {
			names = append(names, p.name)
		}
	}
	return ok(names)
}

// parameter names an action's parameter for decode, where the flavour's answers name it.
func (c *call) parameter(name string) string {
	if c.s.flavour.namesParameter {
		return name
	}
	return ""
}

func postProvider(c *call) answer {
	var in map[string]json.RawMessage
	if a, valid := c.decode(&in, c.parameter("config")); !valid {
		return a
	}
	k := c.routeKind()
	p, err := readProvider(c.vars["provider"], k.fields, in)
	if err != nil {
		return c.invalid("$", "The JSON value could not be converted. Path: $ | LineNumber: 0 | BytePositionInLine: 0.")
	}
	if c.s.flavour.guards && k.segment == "saml" {
		if _, err := p.certificates(); err != nil {
			return failed(http.StatusBadRequest)
		}
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if !c.s.hostile.IgnoreWrites {
		c.s.store(k.providers, k.fields, p)
	}
	return bare(http.StatusOK)
}

func removeProvider(c *call) answer {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.routeKind().providers.remove(c.vars["provider"])
	return bare(http.StatusOK)
}

func listStates(c *call) answer {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return c.s.flavour.states(c.s)
}

// pluginConfiguration is the whole configuration as Jellyfin's own route shows it.
func (s *Server) pluginConfiguration() json.RawMessage {
	kinds := s.kinds()
	return json.RawMessage(fmt.Sprintf(`{"SamlConfigs":%s,"OidConfigs":%s%s}`,
		kinds[1].describe(), kinds[0].describe(), s.flavour.pluginFields))
}

func getConfiguration(c *call) answer {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return ok(c.s.pluginConfiguration())
}

// setConfiguration replaces all providers, in the order of the body.
func setConfiguration(c *call) answer {
	var in struct{ SamlConfigs, OidConfigs orderedConfigs }
	if a, valid := c.decode(&in, ""); !valid {
		return a
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	fresh := make([]providers, 2)
	kinds := c.s.kinds()
	for i, configs := range []orderedConfigs{in.OidConfigs, in.SamlConfigs} {
		for _, m := range configs {
			p, err := readProvider(m.name, kinds[i].fields, m.value)
			if err != nil {
				return failed(http.StatusBadRequest)
			}
			if old, exists := kinds[i].providers.get(m.name); exists {
				fresh[i].set(old)
			}
			c.s.store(&fresh[i], kinds[i].fields, p)
		}
	}
	if !c.s.hostile.IgnoreWrites {
		c.s.oidc, c.s.saml = fresh[0], fresh[1]
	}
	return noContent()
}

// orderedConfigs reads an object of configurations in the order in which it is written.
type orderedConfigs ordered[map[string]json.RawMessage]

// UnmarshalJSON reads the members in order.
func (o *orderedConfigs) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errors.New("reading providers: not an object")
	}
	for d.More() {
		name, err := memberName(d)
		if err != nil {
			return fmt.Errorf("reading providers: %w", err)
		}
		var config map[string]json.RawMessage
		if err := d.Decode(&config); err != nil {
			return fmt.Errorf("reading provider %q: %w", name, err)
		}
		*o = append(*o, member[map[string]json.RawMessage]{name, config})
	}
	return nil
}
