package cli

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/secret"
	"github.com/jellybind/jellybind/backend/wanted"
)

// document is what a command prints with --json.
type document struct {
	command string
	value   any
}

// documents lists the document of every command. Their fields are stable: new ones may come, none changes its meaning.
var documents = []document{
	{"server add", api.Profile{}},
	{"server list", []api.Profile{}},
	{"server show", api.Session{}},
	{"server remove", api.Profile{}},
	{"server rename", api.Profile{}},
	{"server default", api.Profile{}},
	{"server set", api.Profile{}},
	{"server trust", api.Profile{}},
	{"server discover", []api.DiscoveredServer{}},
	{"auth login", api.Session{}},
	{"auth status", []status{}},
	{"auth logout", api.Profile{}},
	{"auth key create", madeKey{}},
	{"auth key list", []api.APIKey{}},
	{"auth key revoke", api.APIKey{}},
	{"users", []api.Account{}},
	{"users list", []api.Account{}},
	{"users unregister", api.Change{}},
	{"users accept-risk", []api.Account{}},
	{"users unregister --plan", api.UnregisterPlan{}},
	{"links list", api.Roster{}},
	{"links add", api.Change{}},
	{"links add --device", deviceDocument{}},
	{"links add --plan", api.Plan{}},
	{"links remove", []api.Change{}},
	{"links verify", api.Verified{}},
	{"links export", wanted.Document{}},
	{"links diff", api.SetPlan{}},
	{"links apply", api.Run{}},
	{"links invite", invitation{}},
	{"links note", api.IdentityNote{}},
	{"links names", keptNames{}},
	{"providers", []api.ProviderDetail{}},
	{"providers list", []api.ProviderDetail{}},
	{"providers show", api.ProviderDetail{}},
	{"providers set", api.ProviderSettings{}},
	{"providers trust", api.ProviderSettings{}},
	{"providers test", api.ProviderTest{}},
	{"check", []api.Finding{}},
	{"history list", []api.Change{}},
	{"history show", api.Run{}},
	{"history undo", api.Change{}},
	{"history resume", api.Run{}},
	{"history snapshots", []api.Snapshot{}},
	{"history restore", api.Run{}},
	{"selfservice", api.SelfService{}},
	{"demo", demoFacts{}},
	{"version", versionFacts{}},
}

// failure is the document of a command that fails, on standard error.
type failure struct {
	Error *api.Error `json:"error"`
}

func helpJSON() *cobra.Command {
	var b strings.Builder
	b.WriteString(`With --json a command prints one JSON document to standard output. A command that
fails prints one to standard error, as its last line:

  {"error": {"code": "…", "why": "…", "sentence": "…", "hint": "…", "params": {…}}}

The code, why and params are stable, and the same in every language. Sentences,
hints and reasons are for people, in the language of --language. Names in JSON
are raw, as the identity provider sent them. Fields may be added; those that are
here keep their names and meaning. A field with ? may be missing.

With --device the code for the other device comes first, in a line on standard
error: {"device": {…}}.

`)
	described := map[reflect.Type]bool{}
	var queue []reflect.Type
	for _, d := range documents {
		t := reflect.TypeOf(d.value)
		fmt.Fprintf(&b, "  %-26s%s\n", d.command, typeText(t))
		queue = append(queue, t)
	}
	for len(queue) > 0 {
		t := element(queue[0])
		queue = queue[1:]
		if described[t] || !isObject(t) {
			continue
		}
		described[t] = true
		fmt.Fprintf(&b, "\n%s:\n", typeName(t))
		for _, f := range fieldsOf(t) {
			fmt.Fprintf(&b, "  %-26s%s\n", f.name, typeText(f.of))
			queue = append(queue, f.of)
		}
	}
	return &cobra.Command{
		Use: "json", Short: "The JSON documents of --json and their fields", Long: strings.TrimRight(b.String(), "\n"),
	}
}

type field struct {
	name string
	of   reflect.Type
}

// fieldsOf lists the fields of a struct as encoding/json sees them; those of an embedded one are its own.
func fieldsOf(t reflect.Type) []field {
	var list []field
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			list = append(list, fieldsOf(f.Type)...)
		case name == "-" || !f.IsExported():
		default:
			if strings.HasPrefix(options, "omit") {
				name += "?"
			}
			list = append(list, field{name, f.Type})
		}
	}
	return list
}

// element is the type that a list, a map or a pointer is made of.
func element(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	return t
}

func isObject(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t != reflect.TypeFor[time.Time]()
}

// typeName is a struct's name in the way of nouns: "provider detail".
func typeName(t reflect.Type) string {
	var b strings.Builder
	for i, r := range t.Name() {
		if i > 0 && r >= 'A' && r <= 'Z' && (t.Name()[i-1] < 'A' || t.Name()[i-1] > 'Z') {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return strings.ReplaceAll(strings.ToLower(b.String()), "apikey", "API key")
}

func typeText(t reflect.Type) string {
	switch {
	case t.Kind() == reflect.Slice:
		return "list of: " + typeText(t.Elem())
	case t.Kind() == reflect.Pointer:
		return typeText(t.Elem())
	case t.Kind() == reflect.Map:
		return "object of: " + typeText(t.Elem())
	case t == reflect.TypeFor[time.Time]():
		return "time, RFC 3339"
	case t == reflect.TypeFor[secret.Value]():
		return "secret"
	case isObject(t):
		return typeName(t)
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.Int:
		return "number"
	}
	return "string"
}
