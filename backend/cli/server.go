package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/profile"
	"github.com/jellybind/jellybind/backend/secret"
)

func (a *app) serverCommand() *cobra.Command {
	c := &cobra.Command{Use: "server", Short: "Add, list and forget Jellyfin servers"}
	c.AddCommand(a.serverAdd(), a.serverList(), a.serverShow(), a.serverRemove(), a.serverRename(), a.serverDefault(),
		a.serverTrust(), a.serverDiscover())
	return c
}

func (a *app) serverAdd() *cobra.Command {
	var name, trust string
	c := &cobra.Command{
		Use: "add ADDRESS", Short: "Add a server by its address, as you would type it in a browser", Args: cobra.ExactArgs(1),
		Example: "  jellybind server add media.example.com\n  jellybind server add http://192.168.1.20:8096/jf --name home",
		RunE: func(c *cobra.Command, args []string) error {
			b, err := a.backend(c.Context())
			if err != nil {
				return err
			}
			progress, stop := a.progress()
			defer stop()
			progress(api.Progress{Step: "finding", Text: "Looking for Jellyfin at that address…"})
			found, err := jellyfin.Find(c.Context(), args[0], jellyfin.FindOptions{Version: a.version, PinnedSHA256: trust})
			if err != nil {
				return hintTrust(err, "server add "+args[0])
			}
			e, err := b.Add(c.Context(), found.Server, name, trust)
			if err != nil {
				return err
			}
			if a.json {
				return a.out.json(e.Profile)
			}
			a.out.line(fmt.Sprintf("Added %s: Jellyfin %s at %s", api.Printable(e.Name), api.Printable(found.Server.Version),
				api.Printable(e.URL)))
			a.err.line("Next: jellybind auth login --server " + api.Printable(e.Name))
			return nil
		},
	}
	c.Flags().StringVar(&name, "name", "", "what to call it (default: the server's own name)")
	c.Flags().StringVar(&trust, "trust", "", "trust exactly the certificate with this SHA-256 `FINGERPRINT`")
	return c
}

// hintTrust completes the hint of a certificate error with the command that trusts it.
func hintTrust(err error, command string) error {
	e, ok := errors.AsType[*api.Error](err)
	if ok && (e.Code == api.CodeCertificateUntrusted || e.Code == api.CodeCertificateChanged) {
		if cert, ok := errors.AsType[*jellyfin.CertificateError](err); ok {
			told := *e
			told.Hint = fmt.Sprintf("Compare the fingerprint with the server's own. If it is the same: jellybind %s --trust %s",
				command, cert.Certificate.SHA256)
			return &told
		}
	}
	return err
}

// entry returns the profile that --server, or an argument, names.
func (a *app) entry(ctx context.Context, args []string) (*backend.Backend, profile.Entry, error) {
	b, err := a.backend(ctx)
	if err != nil {
		return nil, profile.Entry{}, err
	}
	name := a.server
	if len(args) > 0 {
		name = args[0]
	}
	e, err := b.Entry(ctx, name)
	return b, e, a.warnDamaged(err, e.URL != "")
}

func (a *app) profiles(ctx context.Context) ([]profile.Entry, error) {
	b, err := a.backend(ctx)
	if err != nil {
		return nil, err
	}
	data, err := b.Profiles.Load(ctx)
	return data.Profiles, err
}

func (a *app) serverList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List the servers that were added",
		RunE: func(c *cobra.Command, _ []string) error {
			entries, err := a.profiles(c.Context())
			if err != nil {
				return err
			}
			list := []api.Profile{}
			rows := [][]string{}
			for _, e := range entries {
				list = append(list, e.Profile)
				mark := ""
				if e.Default {
					mark = "default"
				}
				rows = append(rows, []string{e.Name, e.URL, credentialText(e.Profile), mark})
			}
			if a.json {
				return a.out.json(list)
			}
			if len(rows) == 0 {
				a.err.line("No server has been added yet. Add one: jellybind server add ADDRESS")
				return nil
			}
			return a.out.table([]string{"NAME", "ADDRESS", "CREDENTIAL", ""}, rows)
		},
	}
}

func credentialText(p api.Profile) string {
	switch p.Credential {
	case api.CredentialKey:
		return "API key"
	case api.CredentialAdmin:
		return p.UserName + " (administrator)"
	case api.CredentialUser:
		return p.UserName
	case api.CredentialNone:
	}
	return "none"
}

func (a *app) serverShow() *cobra.Command {
	return &cobra.Command{
		Use: "show [NAME]", Short: "Show a server, its plugin, and what the credential can do there", Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				a.server = args[0]
			}
			s, err := a.session(c.Context())
			if err != nil {
				return hintTrust(err, "server trust "+a.server)
			}
			info := s.Info()
			if a.json {
				return a.out.json(info)
			}
			a.out.facts(
				"Server", s.Server.Name, "Address", s.Profile.URL, "Jellyfin", s.Server.Version, "Plugin",
				strings.TrimSpace(string(info.Capabilities.Flavour)+" "+info.Capabilities.Version),
				"Credential", credentialText(sessionProfile(s)), "Certificate", s.Profile.PinnedSHA256,
			)
			a.out.line("")
			return a.out.table([]string{"WHAT", "", "WHY NOT"}, abilities(info.Capabilities))
		},
	}
}

func sessionProfile(s *backend.Session) api.Profile {
	p := s.Info().Profile
	if s.User != nil {
		p.UserName = s.User.Name
	}
	return p
}

// abilities lists what can be done, in the order in which a person would ask.
func abilities(c api.Capabilities) [][]string {
	var rows [][]string
	for _, x := range []struct {
		what string
		able api.Ability
	}{
		{"see everybody's links", c.ReadRoster},
		{"see the own links", c.ReadOwn},
		{"read the providers' settings", c.ReadConfig},
		{"link anybody by signing in", c.PostLink},
		{"link oneself by signing in", c.PostLinkOwn},
		{"see who signed in before linking", c.NameBeforeWrite},
		{"link by name (provider's configuration)", c.WriteConfig},
		{"link by name (Preprovision)", c.Preprovision},
		{"remove anybody's links", c.DeleteLink},
		{"remove the own links", c.DeleteLinkOwn},
		{"unregister accounts", c.Unregister},
	} {
		yes := "yes"
		if !x.able.OK {
			yes = "no"
		}
		rows = append(rows, []string{x.what, yes, x.able.Reason})
	}
	return rows
}

func (a *app) serverRemove() *cobra.Command {
	return &cobra.Command{
		Use: "remove NAME", Aliases: []string{"rm"}, Short: "Forget a server and its secrets", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			b, e, err := a.entry(c.Context(), args)
			if err != nil {
				return err
			}
			err = a.ask(c.Context(), fmt.Sprintf("Forget %s, and its credential in the keyring?", api.Printable(e.Name)))
			if err != nil {
				return err
			}
			if err := b.Forget(c.Context(), e.Name); err != nil {
				return err
			}
			return a.done("Forgot " + api.Printable(e.Name) + ".")
		},
	}
}

// done says that a command without an answer has worked; with --json an empty object.
func (a *app) done(sentence string) error {
	if a.json {
		return a.out.json(struct{}{})
	}
	a.out.line(sentence)
	return nil
}

func (a *app) serverRename() *cobra.Command {
	return &cobra.Command{
		Use: "rename NAME NEW-NAME", Short: "Call a server something else", Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			b, err := a.backend(c.Context())
			if err != nil {
				return err
			}
			if err := b.Rename(c.Context(), args[0], args[1]); err != nil {
				return err
			}
			return a.done(fmt.Sprintf("%s is called %s now.", api.Printable(args[0]), api.Printable(args[1])))
		},
	}
}

func (a *app) serverDefault() *cobra.Command {
	return &cobra.Command{
		Use: "default NAME", Short: "Use this server where --server names none", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			b, err := a.backend(c.Context())
			if err != nil {
				return err
			}
			err = b.Profiles.Update(c.Context(), func(d *profile.Data) error { return d.SetDefault(args[0]) })
			if err != nil {
				return err
			}
			return a.done(api.Printable(args[0]) + " is the default now.")
		},
	}
}

func (a *app) serverTrust() *cobra.Command {
	var trust string
	var forget bool
	c := &cobra.Command{
		Use:   "trust [NAME]",
		Short: "Trust exactly one certificate for a server, or show the one that it has",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			b, e, err := a.entry(c.Context(), args)
			if err != nil {
				return err
			}
			if forget {
				if err := b.Pin(c.Context(), e.Name, ""); err != nil {
					return err
				}
				return a.done(api.Printable(e.Name) + " is trusted by the system's authorities only.")
			}
			if trust == "" {
				cert, err := b.Certificate(c.Context(), e)
				if err != nil {
					return err
				}
				if cert == nil {
					return a.done("The system's authorities vouch for this server; there is nothing to trust.")
				}
				if a.json {
					return a.out.json(cert)
				}
				a.out.facts("SHA-256", cert.SHA256, "Subject", cert.Subject, "Issuer", cert.Issuer,
					"Expires", cert.NotAfter.Format(time.DateOnly))
				if err := a.ask(c.Context(), "Is this the server's own certificate? Trust it?"); err != nil {
					return err
				}
				trust = cert.SHA256
			}
			pinned, err := jellyfin.ParseFingerprint(trust)
			if err != nil {
				return err
			}
			e.PinnedSHA256 = pinned
			client, err := b.Client(e, secret.Value{})
			if err != nil {
				return err
			}
			if _, err := client.PublicInfo(c.Context()); err != nil {
				return err
			}
			if err := b.Pin(c.Context(), e.Name, pinned); err != nil {
				return err
			}
			return a.done("Trusted for " + api.Printable(e.Name) + ": this certificate and no other.")
		},
	}
	c.Flags().StringVar(&trust, "trust", "", "the SHA-256 `FINGERPRINT`; without it, the certificate is shown and you are asked")
	c.Flags().BoolVar(&forget, "forget", false, "trust the system's authorities only")
	c.MarkFlagsMutuallyExclusive("trust", "forget")
	return c
}

func (a *app) serverDiscover() *cobra.Command {
	return &cobra.Command{
		Use: "discover", Short: "Find Jellyfin servers on the local network",
		RunE: func(c *cobra.Command, _ []string) error {
			progress, stop := a.progress()
			defer stop()
			progress(api.Progress{Step: "discovering", Text: "Asking the local network…"})
			found, err := jellyfin.Discover(c.Context(), jellyfin.DiscoverOptions{})
			if err != nil {
				return err
			}
			if a.json {
				return a.out.json(found)
			}
			if len(found) == 0 {
				a.err.line("No server answered. If yours is in another network, add it by its address: jellybind server add ADDRESS")
				return nil
			}
			rows := [][]string{}
			for _, s := range found {
				rows = append(rows, []string{s.Name, s.URL})
			}
			return a.out.table([]string{"NAME", "ADDRESS"}, rows)
		},
	}
}
