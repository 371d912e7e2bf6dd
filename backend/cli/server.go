package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/link"
	"github.com/jellybind/jellybind/backend/profile"
	"github.com/jellybind/jellybind/backend/secret"
	"github.com/jellybind/jellybind/backend/tlspin"
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
			if trust != "" {
				if trust, err = fingerprint(trust); err != nil {
					return err
				}
			}
			progress, stop := a.progress()
			defer stop()
			progress(api.Progress{Step: "finding", Text: "Looking for Jellyfin at that address…"})
			found, err := jellyfin.Find(c.Context(), args[0], jellyfin.FindOptions{Version: a.version, PinnedSHA256: trust})
			if err != nil {
				return hintTrust(err, "server add "+shellWord(args[0]))
			}
			known, err := a.profiles(c.Context())
			if err != nil {
				return err
			}
			e, err := b.Add(c.Context(), found.Server, name, trust)
			if err != nil {
				return hintKnown(err, known, found.Server, name, trust)
			}
			if a.json {
				return a.out.json(e.Profile)
			}
			a.out.line(fmt.Sprintf("Added %s: Jellyfin %s at %s", api.Printable(e.Name), api.Printable(found.Server.Version),
				api.Printable(e.URL)))
			for _, k := range known {
				if k.ServerID == found.Server.ID && k.ServerID != "" || k.URL == found.Server.URL {
					a.err.text("Note: ", fmt.Sprintf("this server was added before, as %s (%s).", api.Printable(k.Name), api.Printable(k.URL)))
				}
			}
			next := "Next: jellybind auth login"
			if !e.Default {
				next += " --server " + shellWord(e.Name)
			}
			a.err.line(next)
			return nil
		},
	}
	c.Flags().StringVar(&name, "name", "", "the `NAME` to call it by (default: the server's own)")
	c.Flags().StringVar(&trust, "trust", "", "trust exactly the certificate with this SHA-256 `FINGERPRINT`")
	return c
}

// hintKnown says how to go on with a server that was added before.
func hintKnown(err error, known []profile.Entry, server api.Server, name, trust string) error {
	e, ok := errors.AsType[*api.Error](err)
	i := slices.IndexFunc(known, func(p profile.Entry) bool { return p.URL == server.URL })
	if !ok || e.Code != api.CodeProfileExists || name != "" || i < 0 {
		return err
	}
	next := "links list --server " + shellWord(known[i].Name)
	switch {
	case trust != "" && known[i].PinnedSHA256 != trust:
		next = "server trust " + shellWord(known[i].Name) + " --trust " + trust
	case known[i].Profile.Credential == api.CredentialNone:
		next = "auth login --server " + shellWord(known[i].Name)
	}
	told := *e
	told.Hint = "Go on with “jellybind " + next + "”. For a second sign-in there, give this one a name of its own, by --name."
	return &told
}

// fingerprint reads one that was typed.
func fingerprint(typed string) (string, error) {
	sum, err := tlspin.Parse(typed)
	if err != nil {
		return "", usageError{
			error: errors.New("--trust takes a SHA-256 fingerprint: 64 hexadecimal digits"),
			hint:  "Without --trust, the certificate's own is shown.",
		}
	}
	return sum, nil
}

// hintTrust completes the hint of a certificate error with the command that trusts it.
func hintTrust(err error, command string) error {
	e, ok := errors.AsType[*api.Error](err)
	cert, known := errors.AsType[*tlspin.CertificateError](err)
	if !ok || !known || e.Code != api.CodeCertificateUntrusted && e.Code != api.CodeCertificateChanged {
		return err
	}
	told := *e
	told.Hint = fmt.Sprintf("Compare the fingerprint with the server's own. If it is the same: jellybind %s --trust %s",
		command, cert.Certificate.SHA256)
	return &told
}

// hintTrust is the same for a server that was opened: a stored one is trusted by its name, another one is added first.
func (a *app) hintTrust(ctx context.Context, b *backend.Backend, err error) error {
	e, stored := a.stored(ctx, b, a.server)
	if stored != nil {
		return hintTrust(err, "server add "+shellWord(a.server))
	}
	return hintTrust(err, "server trust "+shellWord(e.Name))
}

// entry returns the profile that --server names, or one made up for a server's address.
func (a *app) entry(ctx context.Context) (*backend.Backend, profile.Entry, error) {
	b, err := a.backend(ctx)
	if err != nil {
		return nil, profile.Entry{}, err
	}
	e, err := b.Entry(ctx, a.server)
	return b, e, a.hintTrust(ctx, b, err)
}

// stored returns the stored profile of that name, or the default one. An address that was not added is no profile.
func (a *app) stored(ctx context.Context, b *backend.Backend, name string) (profile.Entry, error) {
	data, err := b.Profiles.Load(ctx)
	if err != nil {
		return profile.Entry{}, err
	}
	e, err := data.Find(name)
	if err != nil {
		told, ok := errors.AsType[*api.Error](err)
		if ok && told.Code == api.CodeProfileNotFound && strings.ContainsAny(name, ":/.") {
			hinted := *told
			hinted.Hint = "Add it first: jellybind server add " + shellWord(name)
			return profile.Entry{}, &hinted
		}
		return profile.Entry{}, err
	}
	return *e, nil
}

// named returns the stored profile that the first argument names, or --server where there is none.
func (a *app) named(ctx context.Context, args []string) (*backend.Backend, profile.Entry, error) {
	b, err := a.backend(ctx)
	if err != nil {
		return nil, profile.Entry{}, err
	}
	name := a.server
	if len(args) > 0 {
		name = args[0]
	}
	e, err := a.stored(ctx, b, name)
	return b, e, err
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
					mark = "yes"
				}
				rows = append(rows, []string{e.Name, e.URL, credentialText(e.Profile), mark})
			}
			if a.json {
				return a.out.json(list)
			}
			if len(rows) == 0 {
				a.err.line(noServer)
				return nil
			}
			return a.out.table([]string{"NAME", "ADDRESS", "CREDENTIAL", "DEFAULT"}, rows)
		},
	}
}

const noServer = "No server has been added yet. Add one: jellybind server add ADDRESS"

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
				return err
			}
			info := s.Info()
			info.Stored = !a.credentialStdin && a.credentialFD < 0 && a.world == nil
			if a.json {
				return a.out.json(info)
			}
			e, own := s.Entry(), s.Server.Name
			if strings.EqualFold(s.Server.ShortName(), e.Name) { // as server add names it
				own = ""
			}
			a.out.facts(
				"Server", e.Name, "Calls itself", own, "Address", e.URL, "Jellyfin", s.Server.Version, "Plugin",
				pluginText(info.Capabilities), "Credential", credentialText(sessionProfile(s)), "Certificate", e.PinnedSHA256,
			)
			a.out.line("")
			a.out.line(a.out.bold("With this credential and this plugin, Jellybind can:"))
			for _, x := range abilities(info) {
				mark := "no   "
				if x.can {
					mark = "yes  "
				}
				a.out.text(mark+x.what+strings.Repeat(" ", len("unregister accounts")-len(x.what))+gap, x.how)
			}
			for _, r := range info.Capabilities.Remarks {
				a.out.text("Note: ", r.Sentence)
			}
			return nil
		},
	}
}

// pluginText names the plugin, or what it may be, and its version.
func pluginText(c api.Capabilities) string {
	name := string(c.Flavour)
	if len(c.MayBe) > 0 {
		name = words(flavourWords(c.MayBe))
	}
	return strings.TrimSpace(name + " " + c.Version)
}

func sessionProfile(s *backend.Session) api.Profile {
	p := s.Info().Profile
	if s.User != nil {
		p.UserName = s.User.Name
	}
	return p
}

// feature is something that can be done on a server, and how; or not, and why.
type feature struct {
	what string
	can  bool
	how  string
}

// abilities lists what the commands can do, in the order in which a person would ask.
func abilities(s api.Session) []feature {
	c, self := s.Capabilities, ""
	if s.User != nil {
		self = s.User.ID
	}
	see := feature{"see links", c.ReadRoster.OK || c.ReadOwn.OK, "everybody's"}
	switch {
	case !see.can:
		see.how = c.ReadRoster.Reason
	case !c.ReadRoster.OK:
		see.how = "your own"
	case c.RosterByAccount:
		see.how += ", read one account at a time"
	}
	name := feature{what: "link by name"}
	for _, o := range link.Ways(c, api.OIDC, self).Options {
		if o.Strategy != api.StrategySubject {
			continue
		}
		if name.can, name.how = o.OK, o.Reason; o.OK {
			name.how = "anybody, without a sign-in; written by " + writeText(o.Write)
		}
	}
	return []feature{see, signInFeature(s, api.OIDC, self), signInFeature(s, api.SAML, self), name, removal(c), unregistering(c)}
}

// signInFeature tells how links are made by signing in.
func signInFeature(s api.Session, protocol api.Protocol, self string) feature {
	plan := link.Ways(s.Capabilities, protocol, self)
	f := feature{"link by " + strings.ToUpper(string(protocol)), plan.OK, plan.Reason}
	if !plan.OK {
		return f
	}
	f.how = "anybody: "
	if self != "" && !s.Capabilities.PostLink.OK {
		f.how = "yourself: "
	}
	switch plan.Strategy {
	case api.StrategyRelay:
		f.how += "the server itself signs the person in"
	case api.StrategyOwnClient:
		f.how += "the person signs in through Jellybind's own client, which the provider must know (providers set)"
	case api.StrategyAssertion:
		f.how += "Jellybind itself checks the provider's response"
	case api.StrategySubject:
	}
	if !plan.KnownBeforeWrite {
		f.how += "; who it was is known after the link is written"
	}
	f.how += "; written by " + writeText(plan.Write)
	return f
}

func removal(c api.Capabilities) feature {
	f := feature{"remove links", true, "anybody's, one by one"}
	switch {
	case c.WriteConfig.OK:
	case c.DeleteLink.OK && c.Preprovision.OK:
		f.how += "; names with a slash by --via-unregister"
	case c.DeleteLink.OK:
		f.how += ", but no name with a slash; only signing in again brings a link back"
	case c.Unregister.OK && c.UnregisterDrops && c.Preprovision.OK:
		f.how = "anybody's, by --via-unregister: all links of the account are dropped, the others are written again, and its " +
			"sessions end"
	case c.DeleteLinkOwn.OK:
		f.how = "your own"
	default:
		f.can, f.how = false, c.DeleteLink.Reason
	}
	return f
}

func unregistering(c api.Capabilities) feature {
	f := feature{"unregister accounts", c.Unregister.OK, "their links stay, and still open them"}
	switch {
	case !f.can:
		f.how = c.Unregister.Reason
	case c.UnregisterDrops:
		f.how = "their links are dropped, and their sessions end"
	case !c.UnregisterKept:
		f.how += "; on Jellyfin 10.11 the account keeps its sign-in provider all the same"
	}
	return f
}

func (a *app) serverRemove() *cobra.Command {
	return &cobra.Command{
		Use: "remove NAME", Aliases: []string{"rm"}, Short: "Forget a server and its secrets", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			b, e, err := a.named(c.Context(), args)
			if err != nil {
				return err
			}
			err = a.ask(c.Context(), fmt.Sprintf("Forget %s, and its credential in the keyring?", api.Printable(e.Name)))
			if err != nil {
				return err
			}
			err = b.Forget(c.Context(), e.Name)
			if left, ok := errors.AsType[*api.Error](err); ok && left.Code == api.CodeTokenLeft {
				a.warn(left)
			} else if err != nil {
				return err
			}
			return a.done("Forgot "+api.Printable(e.Name)+".", e.Profile)
		},
	}
}

// done says that a command without an answer has worked; with --json the document is what it worked on, as it is now.
func (a *app) done(sentence string, now any) error {
	if a.json {
		return a.out.json(now)
	}
	a.out.text("", sentence)
	return nil
}

// doneProfile is done for a profile, by the name that it has now.
func (a *app) doneProfile(ctx context.Context, b *backend.Backend, name, sentence string) error {
	e, err := a.stored(ctx, b, name)
	if err != nil {
		return err
	}
	return a.done(sentence, e.Profile)
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
			return a.doneProfile(c.Context(), b, args[1],
				fmt.Sprintf("%s is called %s now.", api.Printable(args[0]), api.Printable(args[1])))
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
			return a.doneProfile(c.Context(), b, args[0], api.Printable(args[0])+" is the default now.")
		},
	}
}

func (a *app) serverTrust() *cobra.Command {
	var trust string
	var forget bool
	c := &cobra.Command{
		Use:   "trust [NAME]",
		Short: "Trust one certificate for a server, or show the one that it has",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			b, e, err := a.named(c.Context(), args)
			if err != nil {
				return err
			}
			if forget {
				if err := b.Pin(c.Context(), e.Name, ""); err != nil {
					return err
				}
				return a.doneProfile(c.Context(), b, e.Name, api.Printable(e.Name)+" is trusted by the system's authorities only.")
			}
			if trust == "" {
				cert, err := b.Certificate(c.Context(), e)
				if err != nil {
					return err
				}
				if cert == nil {
					return a.done("The system's authorities vouch for this server; there is nothing to trust.", e.Profile)
				}
				a.err.facts("SHA-256", cert.SHA256, "Subject", cert.Subject, "Issuer", cert.Issuer,
					"Expires", cert.NotAfter.Format(time.DateOnly))
				if err := a.ask(c.Context(), "Is this the server's own certificate? Trust it?"); err != nil {
					return err
				}
				trust = cert.SHA256
			}
			pinned, err := fingerprint(trust)
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
			return a.doneProfile(c.Context(), b, e.Name, "Trusted for "+api.Printable(e.Name)+": this certificate and no other.")
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
				return a.out.json(append([]api.DiscoveredServer{}, found...))
			}
			if len(found) == 0 {
				a.err.text("", "No server answered. If yours is in another network, add it by its address: jellybind server add ADDRESS")
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
