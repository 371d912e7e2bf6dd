package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/clipperhouse/displaywidth"
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
	c := &cobra.Command{Use: "server", Aliases: []string{"servers"}, Short: "Add, list and forget Jellyfin servers"}
	c.AddCommand(a.serverAdd(), a.serverList(), a.serverShow(), a.serverRemove(), a.serverRename(), a.serverDefault(),
		a.serverSet(), a.serverTrust(), a.serverDiscover())
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
			progress(api.Progress{Step: "finding"})
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
				return a.document(e.Profile)
			}
			a.out.line(a.t("Added {server}: Jellyfin {version} at {url}",
				"server", e.Name, "version", found.Server.Version, "url", e.URL))
			for _, k := range known {
				if k.ServerID == found.Server.ID && k.ServerID != "" || k.URL == found.Server.URL {
					a.err.text(a.t("Note: "), a.t("This server was added before, as {server} ({url}).", "server", k.Name, "url", k.URL))
				}
			}
			login := "jellybind auth login"
			if !e.Default {
				login += " --server " + shellWord(e.Name)
			}
			a.err.line(a.t("Next:") + " " + login)
			return nil
		},
	}
	c.Flags().StringVar(&name, "name", "", "the `NAME` to call it by (default: the server's own)")
	c.Flags().StringVar(&trust, "trust", "", "trust exactly the certificate with this SHA-256 `FINGERPRINT`")
	return c
}

// hintKnown says how to go on with a server that was added before.
func hintKnown(err error, known []profile.Entry, server api.Server, name, trust string) error {
	i := slices.IndexFunc(known, func(p profile.Entry) bool { return p.URL == server.URL })
	if name != "" || i < 0 {
		return err
	}
	command := "links list --server " + shellWord(known[i].Name)
	switch {
	case trust != "" && known[i].PinnedSHA256 != trust:
		command = "server trust " + shellWord(known[i].Name) + " --trust " + trust
	case known[i].Profile.Credential == api.CredentialNone:
		command = "auth login --server " + shellWord(known[i].Name)
	}
	return advise(err, []api.Code{api.CodeProfileExists}, "use-known", "command", command)
}

// fingerprint reads one that was typed.
func fingerprint(typed string) (string, error) {
	sum, err := tlspin.Parse(typed)
	if err != nil {
		return "", usage("trust-fingerprint")
	}
	return sum, nil
}

// hintTrust completes the hint of a certificate error with the command that trusts it.
func hintTrust(err error, command string) error {
	cert, ok := errors.AsType[*tlspin.CertificateError](err)
	if !ok {
		return err
	}
	codes := []api.Code{api.CodeCertificateUntrusted, api.CodeCertificateChanged}
	return advise(err, codes, "trust", "command", command, "sha256", cert.Certificate.SHA256)
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
		if strings.ContainsAny(name, ":/.") {
			err = advise(err, []api.Code{api.CodeProfileNotFound}, "add-first", "server", shellWord(name))
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
	var l listing
	c := &cobra.Command{
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
					mark = a.t("yes")
				}
				rows = append(rows, []string{e.Name, e.URL, a.credentialText(e.Profile), mark})
			}
			if a.json {
				return a.document(list)
			}
			if len(rows) == 0 {
				a.err.line(a.t(noServer))
				return nil
			}
			return a.list(l, sheet{[]column{
				{key: "name", header: a.t("NAME")},
				{key: "address", header: a.t("ADDRESS"), spare: 1},
				{key: "credential", header: a.t("CREDENTIAL"), spare: 2},
				{key: "default", header: a.t("DEFAULT"), short: true},
			}, rows})
		},
	}
	l.flags(c)
	return c
}

const noServer = "No server has been added yet. Add one: jellybind server add ADDRESS"

func (a *app) credentialText(p api.Profile) string {
	switch p.Credential {
	case api.CredentialKey:
		return a.t("API key")
	case api.CredentialAdmin:
		return a.t("{user} (administrator)", "user", p.UserName)
	case api.CredentialUser:
		return p.UserName
	case api.CredentialNone:
	}
	return a.t("none")
}

func (a *app) serverShow() *cobra.Command {
	return &cobra.Command{
		Use: "show [NAME]", Short: "Show a server, its plugin, and what the credential can do there", Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				a.server = args[0]
			}
			s, err := a.session(c.Context())
			if api.IsCode(err, api.CodeCredentialMissing) {
				return a.showUnsigned(c.Context(), err)
			}
			if err != nil {
				return err
			}
			info := s.Info()
			info.Stored = !a.credentialStdin && a.credentialFD < 0 && a.world == nil
			if a.json {
				return a.document(info)
			}
			e, own := s.Entry(), s.Server.Name
			if strings.EqualFold(s.Server.ShortName(), e.Name) { // as server add names it
				own = ""
			}
			a.out.facts(
				a.t("Server"), e.Name, a.t("Calls itself"), own, a.t("Address"), e.URL, "Jellyfin", s.Server.Version,
				"Plugin", a.pluginText(info.Capabilities), a.t("Credential"), a.credentialText(sessionProfile(s)),
				a.t("Certificate"), e.PinnedSHA256, a.t("In the local network"), a.localText(e),
			)
			a.out.line("")
			a.out.line(a.out.bold(a.t("With this credential and this plugin, Jellybind can:")))
			features, width := a.abilities(info), 0
			for _, x := range features {
				width = max(width, displaywidth.String(x.what))
			}
			for _, x := range features {
				a.out.text(a.mark(x.can)+x.what+strings.Repeat(" ", width-displaywidth.String(x.what))+gap, x.how)
			}
			for _, r := range info.Capabilities.Remarks {
				a.out.text(a.t("Note: "), a.words.Why(r.Why, r.Params))
			}
			a.foundWays(e.Ways)
			return nil
		},
	}
}

// showUnsigned shows what a server tells without a credential.
func (a *app) showUnsigned(ctx context.Context, missing error) error {
	b, e, err := a.entry(ctx)
	if err != nil {
		return err
	}
	info, err := b.Peek(ctx, e)
	if err != nil {
		return err
	}
	if a.json {
		return a.document(info)
	}
	a.out.facts(
		a.t("Server"), e.Name, a.t("Calls itself"), info.Server.Name, a.t("Address"), e.URL, "Jellyfin", info.Server.Version,
		"Plugin", a.pluginText(info.Capabilities), a.t("Credential"), a.t("not signed in"), a.t("Certificate"), e.PinnedSHA256,
	)
	if hint := a.told(missing).Hint; hint != "" {
		a.err.text("", hint)
	}
	return nil
}

// foundWays lists what was found by trying at the identity providers.
func (a *app) foundWays(ways []api.FoundWays) {
	if len(ways) == 0 {
		return
	}
	a.out.line("")
	a.out.line(a.out.bold(a.t("Found by trying how people can sign in here (links add --retry tries again):")))
	var rows []feature
	width := 0
	for _, w := range ways {
		for _, t := range w.Attempts {
			what := fmt.Sprintf("%s (%s), %s, %s", api.Printable(w.Provider), w.Protocol, t.Strategy, localTime(t.At))
			rows, width = append(rows, feature{what, t.OK, a.foundText(t)}), max(width, displaywidth.String(what))
		}
	}
	for _, x := range rows {
		a.out.text(a.mark(x.can)+x.what+strings.Repeat(" ", width-displaywidth.String(x.what))+gap, x.how)
	}
}

// pluginText names the plugin, or what it may be, and its version.
func (a *app) pluginText(c api.Capabilities) string {
	name := string(c.Flavour)
	if len(c.MayBe) > 0 {
		name = listed(flavourWords(c.MayBe))
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
func (a *app) abilities(s api.Session) []feature {
	c, self := s.Capabilities, ""
	if s.User != nil {
		self = s.User.ID
	}
	see := feature{a.t("see links"), c.ReadRoster.OK || c.ReadOwn.OK, a.t("everybody's")}
	switch {
	case !see.can:
		see.how = a.reason(c.ReadRoster)
	case !c.ReadRoster.OK:
		see.how = a.t("your own")
	case c.RosterByAccount:
		see.how += a.t(", read one account at a time")
	}
	name := feature{what: a.t("link by name")}
	for _, o := range link.Ways(c, api.OIDC, self).Options {
		if o.Strategy != api.StrategySubject {
			continue
		}
		if name.can, name.how = o.OK, a.words.Why(o.Why, o.Params); o.OK {
			name.how = a.t("anybody, without a sign-in") + a.writtenBy(o.Write)
		}
	}
	return []feature{
		see, a.signInFeature(s, api.OIDC, self), a.signInFeature(s, api.SAML, self), name, a.removal(c), a.unregistering(c),
	}
}

func (a *app) reason(x api.Ability) string { return a.words.Why(x.Why, x.Params) }

func (a *app) writtenBy(w api.WriteMethod) string {
	return a.t("; written by {way}", "way", a.writeText(w))
}

// signInFeature tells how links are made by signing in.
func (a *app) signInFeature(s api.Session, protocol api.Protocol, self string) feature {
	plan := link.Ways(s.Capabilities, protocol, self)
	title := a.t("link by {protocol}", "protocol", strings.ToUpper(string(protocol)))
	f := feature{title, plan.OK, a.words.Why(plan.Why, plan.Params)}
	if !plan.OK {
		return f
	}
	f.how = a.t("anybody: ")
	if self != "" && !s.Capabilities.PostLink.OK {
		f.how = a.t("yourself: ")
	}
	switch plan.Strategy {
	case api.StrategyRelay:
		if protocol == api.SAML {
			f.how += a.t("Jellybind checks the provider's response, and the server too")
			break
		}
		f.how += a.t("the server itself signs the person in")
	case api.StrategyPluginClient, api.StrategyOwnClient:
		f.how += a.t("the person signs in through Jellybind's own client, which the provider must know (providers set)")
	case api.StrategyAssertion:
		f.how += a.t("Jellybind itself checks the provider's response")
	case api.StrategyRelayLocal, api.StrategyDevice, api.StrategyServerStart, api.StrategySubject:
	}
	if !plan.KnownBeforeWrite {
		f.how += a.t("; who it was is known after the link is written")
	}
	return feature{f.what, f.can, f.how + a.writtenBy(plan.Write)}
}

func (a *app) removal(c api.Capabilities) feature {
	f := feature{a.t("remove links"), true, a.t("anybody's, one by one")}
	switch {
	case c.WriteConfig.OK:
	case c.DeleteLink.OK && c.Preprovision.OK:
		f.how += a.t("; names with a slash by --via-unregister")
	case c.DeleteLink.OK:
		f.how += a.t(", but no name with a slash; only signing in again brings a link back")
	case c.Unregister.OK && c.UnregisterDrops && c.Preprovision.OK:
		f.how = a.t("anybody's, by --via-unregister: all links of the account are removed, the others are written again, and its " +
			"sessions end")
	case c.DeleteLinkOwn.OK:
		f.how = a.t("your own")
	default:
		f.can, f.how = false, a.reason(c.DeleteLink)
	}
	return f
}

func (a *app) unregistering(c api.Capabilities) feature {
	f := feature{a.t("return accounts to password sign-in"), c.Unregister.OK, a.t("their links stay, and still open them")}
	switch {
	case !f.can:
		f.how = a.reason(c.Unregister)
	case c.UnregisterDrops:
		f.how = a.t("their links are removed, and their sessions end")
	case !c.UnregisterKept:
		f.how += a.t("; on Jellyfin 10.11 the account keeps its sign-in provider all the same")
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
			err = a.ask(c.Context(), a.t("Forget {server}, and its credential in the keyring?", "server", e.Name))
			if err != nil {
				return err
			}
			err = b.Forget(c.Context(), e.Name)
			if left, ok := errors.AsType[*api.Error](err); ok && left.Code == api.CodeTokenLeft {
				a.warn(left)
			} else if err != nil {
				return err
			}
			return a.done(a.t("Forgot {server}.", "server", e.Name), e.Profile)
		},
	}
}

// done says that a command without an answer has worked; with --json the document is what it worked on, as it is now.
func (a *app) done(sentence string, now any) error {
	if a.json {
		return a.document(now)
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
				a.t("{old} is called {new} now.", "old", args[0], "new", args[1]))
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
			return a.doneProfile(c.Context(), b, args[0], a.t("{server} is the default now.", "server", args[0]))
		},
	}
}

// localText says over which address in the local network a sign-in may run.
func (a *app) localText(e profile.Entry) string {
	switch {
	case e.LocalAddress != "":
		return a.t("{address} (only for sign-ins)", "address", e.LocalAddress)
	case e.LocalDeclined != "":
		return a.t("{address} is not used, as you decided", "address", e.LocalDeclined)
	}
	return ""
}

func (a *app) serverSet() *cobra.Command {
	var local string
	var reset []string
	c := &cobra.Command{
		Use: "set [NAME]", Short: "Set a server's address in the local network, for sign-ins",
		Args: cobra.MaximumNArgs(1),
		Example: "  jellybind server set home --local-address http://192.168.1.20:8096\n" +
			"  jellybind server set home --reset local-address",
		RunE: func(c *cobra.Command, args []string) error {
			for _, name := range reset {
				if name != "local-address" {
					return usage("flag-choice", "flag", "--reset", "allowed", "local-address", "value", name)
				}
			}
			if local == "" && len(reset) == 0 {
				return usage("nothing-to-set", "flags", "--local-address, --reset")
			}
			b, e, err := a.named(c.Context(), args)
			if err != nil {
				return err
			}
			if err := b.SetLocalAddress(c.Context(), e.Name, local); err != nil {
				return err
			}
			if e, err = a.stored(c.Context(), b, e.Name); err != nil {
				return err
			}
			if local == "" {
				return a.done(a.t("{server} has no address in the local network now.", "server", e.Name), e.Profile)
			}
			done := a.t("Sign-ins for {server} may run over {address}. No token or key goes there.",
				"server", e.Name, "address", e.LocalAddress)
			if strings.HasPrefix(e.LocalAddress, "http:") {
				done += " " + a.t("The connection is not encrypted.")
			}
			return a.done(done, e.Profile)
		},
	}
	c.Flags().StringVar(&local, "local-address", "", "the server's `ADDRESS` in the local network")
	c.Flags().StringSliceVar(&reset, "reset", nil, "bring these `SETTINGS` back to their default: local-address")
	c.MarkFlagsMutuallyExclusive("local-address", "reset")
	return c
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
				return a.doneProfile(c.Context(), b, e.Name,
					a.t("Only the system's authorities are trusted for {server} now.", "server", e.Name))
			}
			if trust == "" {
				cert, err := b.Certificate(c.Context(), e)
				if err != nil {
					return err
				}
				if cert == nil {
					return a.done(a.t("The system's authorities vouch for this server; there is nothing to trust."), e.Profile)
				}
				question, command := a.t("Is this the server's own certificate? Trust it?"), "server trust "+shellWord(e.Name)
				if err := a.acceptCertificate(c.Context(), cert, e.PinnedSHA256, question, "trust", command); err != nil {
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
			return a.doneProfile(c.Context(), b, e.Name, a.t("Trusted for {server}: this certificate and no other.", "server", e.Name))
		},
	}
	c.Flags().StringVar(&trust, "trust", "", "the SHA-256 `FINGERPRINT`; without it, the certificate is shown and you are asked")
	c.Flags().BoolVar(&forget, "forget", false, "trust the system's authorities only")
	c.MarkFlagsMutuallyExclusive("trust", "forget")
	return c
}

// acceptCertificate shows a certificate that this computer does not trust, and asks whether it is to be trusted instead of the
// pinned one. With --yes, a certificate that has changed is refused: somebody may be listening in. The hint named next then
// names the command that takes its fingerprint.
func (a *app) acceptCertificate(ctx context.Context, cert *api.Certificate, pinned, question, next, command string) error {
	changed := pinned != "" && pinned != cert.SHA256
	if changed && a.yes {
		return usage("trust-changed", "sha256", cert.SHA256, "pinned", pinned, "next", next, "command", command)
	}
	a.err.facts("SHA-256", cert.SHA256, a.t("Subject"), cert.Subject, a.t("Issuer"), cert.Issuer,
		a.t("Expires"), cert.NotAfter.Format(time.DateOnly))
	if changed {
		a.err.text(a.err.warn(a.t("Warning: ")), a.t("This is another certificate than the one you trust: {sha256}", "sha256", pinned))
	}
	return a.ask(ctx, question)
}

func (a *app) serverDiscover() *cobra.Command {
	var l listing
	c := &cobra.Command{
		Use: "discover", Short: "Find Jellyfin servers on the local network",
		RunE: func(c *cobra.Command, _ []string) error {
			progress, stop := a.progress()
			defer stop()
			progress(api.Progress{Step: "discovering"})
			found, err := jellyfin.Discover(c.Context(), jellyfin.DiscoverOptions{})
			if err != nil {
				return err
			}
			if a.json {
				return a.document(append([]api.DiscoveredServer{}, found...))
			}
			if len(found) == 0 {
				a.err.text("", a.t("No server answered. If yours is in another network, add it by its address: jellybind server add ADDRESS"))
				return nil
			}
			rows := [][]string{}
			for _, s := range found {
				rows = append(rows, []string{s.Name, s.URL})
			}
			return a.list(l, sheet{[]column{
				{key: "name", header: a.t("NAME")}, {key: "address", header: a.t("ADDRESS")},
			}, rows})
		},
	}
	l.flags(c)
	return c
}
