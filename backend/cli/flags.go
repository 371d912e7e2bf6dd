package cli

import (
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
)

// flavours are the words of --demo and --flavour, the default first.
var flavours = flavourWords(demo.Flavours())

func flavourWords(list []api.Flavour) []string {
	all := make([]string, len(list))
	for i, f := range list {
		all[i] = string(f)
	}
	return all
}

// listed lists what one may choose from, for people.
func listed(list []string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:len(list)-1], ", ") + " or " + list[len(list)-1]
}

// choice is a flag that takes one of a few words, in upper or lower case.
type choice struct {
	what    string // its name in help
	value   string
	allowed []string
}

// String implements pflag.Value.
func (c *choice) String() string { return c.value }

// Type implements pflag.Value.
func (c *choice) Type() string { return c.what }

// Set implements pflag.Value.
func (c *choice) Set(s string) error {
	i := slices.IndexFunc(c.allowed, func(word string) bool { return strings.EqualFold(word, s) })
	if i < 0 {
		return usage("flag-choice", "allowed", strings.Join(c.allowed, ", "))
	}
	c.value = c.allowed[i]
	return nil
}

// choices is a flag that takes some of a few words, in upper or lower case: with commas between, or given again.
type choices struct {
	what    string // its name in help
	values  []string
	allowed []string
}

// String implements pflag.Value.
func (c *choices) String() string { return strings.Join(c.values, ",") }

// Type implements pflag.Value.
func (c *choices) Type() string { return c.what }

// Set implements pflag.Value.
func (c *choices) Set(s string) error {
	for word := range strings.SplitSeq(s, ",") {
		one := choice{allowed: c.allowed}
		if err := one.Set(strings.TrimSpace(word)); err != nil {
			return err
		}
		c.values = append(c.values, one.value)
	}
	return nil
}

// port is a flag that takes a TCP port; 0 stands for none.
type port int

// String implements pflag.Value.
func (p *port) String() string { return strconv.Itoa(int(*p)) }

// Type implements pflag.Value.
func (*port) Type() string { return "PORT" }

// Set implements pflag.Value.
func (p *port) Set(s string) error {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return usage("flag-port")
	}
	*p = port(n)
	return nil
}

// leastAccounts is the smallest demo world.
const leastAccounts = 4

// accountsNumber is a flag that takes the size of a demo world; 0 stands for the default.
type accountsNumber int

// String implements pflag.Value.
func (n *accountsNumber) String() string { return strconv.Itoa(int(*n)) }

// Type implements pflag.Value.
func (*accountsNumber) Type() string { return "NUMBER" }

// Set implements pflag.Value.
func (n *accountsNumber) Set(s string) error {
	v, err := strconv.Atoi(s)
	if err != nil || v < leastAccounts || v > demo.UsersMost {
		return usage("flag-accounts", "least", strconv.Itoa(leastAccounts), "most", strconv.Itoa(demo.UsersMost))
	}
	*n = accountsNumber(v)
	return nil
}

// providerFlag is a flag that names an identity provider. A plugin may have one with the name "", so an empty value is wrong
// only where there is none: see wrong.
type providerFlag struct {
	name  string
	given bool
}

// String implements pflag.Value.
func (p *providerFlag) String() string { return p.name }

// Type implements pflag.Value.
func (*providerFlag) Type() string { return "PROVIDER" }

// Set implements pflag.Value.
func (p *providerFlag) Set(s string) error {
	p.name, p.given = s, true
	return nil
}

// wrong says that the provider is not one of these.
func (p *providerFlag) wrong(names []string) error {
	if !p.given || slices.Contains(names, p.name) {
		return nil
	}
	return noProvider(p.name, names)
}

// leavesOut reports whether the flag names another provider than this one.
func (p *providerFlag) leavesOut(name string) bool { return p.given && p.name != name }

// emptyFlag finds a flag of text that was given without any. Every empty value is wrong use: in a script it is a variable that
// has none, and what leaves nothing out would do more than was meant. Other flags refuse it by themselves.
func emptyFlag(flags *pflag.FlagSet) (empty string) {
	flags.Visit(func(f *pflag.Flag) {
		switch v := f.Value.(type) {
		case pflag.SliceValue:
			if list := v.GetSlice(); len(list) == 0 || slices.Contains(list, "") {
				empty = f.Name
			}
		default:
			if v.Type() == "string" && v.String() == "" {
				empty = f.Name
			}
		}
	})
	return empty
}

func protocolFlag(c *cobra.Command, protocol *choice) {
	protocol.what, protocol.allowed = "PROTOCOL", []string{string(api.OIDC), string(api.SAML)}
	c.Flags().Var(protocol, "protocol", "oidc or saml, where both have a provider of that name")
}

// browserFlags are how a sign-in's address gets to the person.
// deviceFlag makes the person sign in on another device.
func deviceFlag(c *cobra.Command, device *bool) {
	c.Flags().BoolVar(device, "device", false, "sign in on another device, with a code to enter there")
}

func browserFlags(c *cobra.Command, p *person, at *port) {
	f := c.Flags()
	f.BoolVar(&p.noBrowser, "no-browser", false, "print the address instead of opening it")
	f.StringVar(&p.command, "browser", "", "open the address with this `COMMAND`")
	f.Var(at, "port", "the loopback port for this sign-in (default: the provider's, or the first free one of the list)")
	c.MarkFlagsMutuallyExclusive("no-browser", "browser")
}
