package cli

import (
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

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

func protocolFlag(c *cobra.Command, protocol *choice) {
	protocol.what, protocol.allowed = "PROTOCOL", []string{string(api.OIDC), string(api.SAML)}
	c.Flags().Var(protocol, "protocol", "oidc or saml, where both have a provider of that name")
}

// browserFlags are how a sign-in's address gets to the person.
func browserFlags(c *cobra.Command, p *person, at *port) {
	f := c.Flags()
	f.BoolVar(&p.noBrowser, "no-browser", false, "print the address instead of opening it")
	f.StringVar(&p.command, "browser", "", "open the address with this `COMMAND`")
	f.Var(at, "port", "the loopback port for this sign-in (default: the provider's, or the first free one of the list)")
	c.MarkFlagsMutuallyExclusive("no-browser", "browser")
}
