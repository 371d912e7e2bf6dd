package cli

import (
	"bytes"
	"encoding/json"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/jellybind/jellybind/backend/api"
)

// TestEmptyValues gives each flag of each command an empty value, which must never mean the same as no flag: in a script it is a
// variable without a value, and “links remove maria --all --provider "$IDP" --yes” would remove more than was meant.
func TestEmptyValues(t *testing.T) {
	t.Setenv("JELLYBIND_CONFIG_DIR", t.TempDir())
	a := &app{in: strings.NewReader(""), out: newPrinter(io.Discard), err: newPrinter(io.Discard)}
	a.speak(nil)
	tried := 0
	var each func(c *cobra.Command, path []string)
	each = func(c *cobra.Command, path []string) {
		for _, sub := range c.Commands() {
			each(sub, append(slices.Clone(path), sub.Name()))
		}
		if !c.Runnable() || c.Annotations["group"] != "" || path == nil || c.Hidden || c.Name() == "help" {
			return
		}
		_ = c.InheritedFlags() // merges them into Flags
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Value.Type() == "bool" {
				return
			}
			tried++
			args := slices.Concat(path, arguments(c), []string{"--" + f.Name + "=", "--json"})
			if f.Name == "provider" && f.Value.Type() == "PROVIDER" {
				args = append(args, "--demo")
			}
			var stderr bytes.Buffer
			code := Run(t.Context(), "0", args, strings.NewReader(""), io.Discard, &stderr)
			var got struct {
				Error api.Error `json:"error"`
			}
			if err := json.Unmarshal(stderr.Bytes(), &got); err != nil {
				t.Errorf("%q: %v: %s", args, err, &stderr)
			}
			if why := got.Error.Why; code != exitUsage || why != "flag-empty" && why != "provider-unnamed" {
				t.Errorf("%q ends with %d: %s", args, code, &stderr)
			}
		})
	}
	each(a.root(), nil)
	if tried < 100 {
		t.Errorf("only %d flags were tried", tried)
	}
}

// arguments are as many as a command's usage names.
func arguments(c *cobra.Command) []string {
	upper := regexp.MustCompile(`^[A-Z][A-Z-]+$`)
	args := []string{}
	for _, word := range strings.Fields(c.Use) {
		switch {
		case strings.HasPrefix(word, "--"):
			return args
		case upper.MatchString(word):
			args = append(args, "priya") // an account of the demo world
		}
	}
	if c.Name() == "remove" && strings.Contains(c.Use, "NAME]") {
		args = append(args, "--all")
	}
	return args
}

// TestProviderWithoutAName names the provider "" where there is one.
func TestProviderWithoutAName(t *testing.T) {
	t.Parallel()
	var none, empty, named providerFlag
	for flag, value := range map[*providerFlag]string{&empty: "", &named: "keycloak"} {
		if err := flag.Set(value); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		flag  providerFlag
		names []string
		want  api.Code
	}{
		"not given":         {none, []string{"keycloak"}, ""},
		"empty":             {empty, []string{"keycloak"}, api.CodeUsage},
		"empty, and exists": {empty, []string{"keycloak", ""}, ""},
		"named":             {named, []string{"keycloak"}, ""},
		"unknown":           {named, []string{"authelia"}, api.CodeProviderNotFound},
	} {
		if err := c.flag.wrong(c.names); api.CodeOf(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if none.leavesOut("keycloak") || !empty.leavesOut("keycloak") || empty.leavesOut("") || named.leavesOut("keycloak") {
		t.Error("the flag leaves out the wrong providers")
	}
}
