package cli

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/profile"
	"github.com/jellybind/jellybind/backend/secret"
)

func (a *app) authCommand() *cobra.Command {
	c := &cobra.Command{Use: "auth", Short: "Sign in to a server; make, list and revoke API keys"}
	key := &cobra.Command{Use: "key", Short: "Make, list and revoke the server's API keys"}
	key.AddCommand(a.keyCreate(), a.keyList(), a.keyRevoke())
	c.AddCommand(a.authLogin(), a.authStatus(), a.authLogout(), key)
	return c
}

func (a *app) authLogin() *cobra.Command {
	var user string
	var apiKey, quick bool
	c := &cobra.Command{
		Use:   "login",
		Short: "Sign in, and store the credential in the system's keyring",
		Long: `Sign in to a server with a user name and password (--user), an API key (--api-key) or Quick Connect (--quick-connect).
Passwords and keys are asked for, or taken from standard input when that is no terminal; they are never arguments.`,
		RunE: func(c *cobra.Command, _ []string) error {
			ctx := c.Context()
			b, e, err := a.named(ctx, nil)
			if err != nil {
				return err
			}
			if k := checkKeyring(ctx, b); !k.OK {
				return &api.Error{Code: k.Code, Why: k.Why}
			}
			in, err := a.signIn(ctx, b, e, user, apiKey, quick)
			if err != nil {
				return err
			}
			s, err := b.Login(ctx, e, in)
			if err != nil {
				return err
			}
			info := s.Info()
			info.Stored = a.world == nil
			if s.Warning != nil {
				a.warn(s.Warning)
			}
			where := a.t("The credential is in the system's keyring.")
			if a.world != nil {
				where = a.t("The demo world keeps the credential in memory.")
			}
			return a.done(a.t("Signed in to {server}: {user}.", "server", e.Name, "user", a.credentialText(sessionProfile(s)))+
				" "+where, info)
		},
	}
	c.Flags().StringVarP(&user, "user", "u", "", "sign in with this user `NAME` and its password")
	c.Flags().BoolVar(&apiKey, "api-key", false, "store an API key")
	c.Flags().BoolVar(&quick, "quick-connect", false, "show a code to approve on a device that is signed in")
	c.MarkFlagsMutuallyExclusive("user", "api-key", "quick-connect")
	return c
}

// checkKeyring asks whether a credential could be stored at all, before the person types it.
func checkKeyring(ctx context.Context, b *backend.Backend) api.Keyring {
	if k, ok := b.Keyring.(interface {
		Check(context.Context) api.Keyring
	}); ok {
		return k.Check(ctx)
	}
	return api.Keyring{OK: true}
}

// signIn gets a credential: one that is given, which comes without a user, or a token that the server makes.
func (a *app) signIn(
	ctx context.Context, b *backend.Backend, e profile.Entry, user string, apiKey, quick bool,
) (jellyfin.SignedIn, error) {
	if given, err := a.credential(ctx); err != nil || !given.IsZero() {
		return jellyfin.SignedIn{Token: given}, err
	}
	client, err := b.Client(e, secret.Value{})
	if err != nil {
		return jellyfin.SignedIn{}, err
	}
	switch {
	case apiKey:
		key, err := a.promptSecret(ctx, a.t("API key: "), pasted)
		return jellyfin.SignedIn{Token: key}, err
	case quick:
		q, err := client.StartQuickConnect(ctx)
		if err != nil {
			return jellyfin.SignedIn{}, err
		}
		a.err.line(a.t("Quick Connect code: ") + a.err.bold(api.Printable(q.Code)))
		a.err.text("", a.t("Enter it on a device that is signed in to Jellyfin: user menu, Quick Connect. Ctrl-C cancels."))
		return client.AwaitQuickConnect(ctx, q)
	case user == "":
		if user, err = a.prompt(ctx, a.t("User name: "), "user-flag"); err != nil {
			return jellyfin.SignedIn{}, err
		}
	}
	pw, err := a.promptSecret(ctx, a.t("Password of {user}: ", "user", user), password)
	if err != nil {
		return jellyfin.SignedIn{}, err
	}
	return client.SignIn(ctx, user, pw)
}

// status is the state of one stored credential.
type status struct {
	Server     string             `json:"server"`
	Credential api.CredentialKind `json:"credential"`
	User       string             `json:"user,omitempty"`
	Works      bool               `json:"works"`
	Error      *api.Error         `json:"error,omitempty"`
}

func (a *app) authStatus() *cobra.Command {
	var l listing
	c := &cobra.Command{
		Use: "status", Short: "Show the stored credentials, and whether they still work",
		Long: `Show which credential is stored for each server, or for the one that --server names, and whether it still works.
The exit code is 1 when one does not.`,
		RunE: func(c *cobra.Command, _ []string) error {
			ctx := c.Context()
			b, err := a.backend(ctx)
			if err != nil {
				return err
			}
			entries, err := a.profiles(ctx)
			if a.server != "" {
				var one profile.Entry
				one, err = a.stored(ctx, b, a.server)
				entries = []profile.Entry{one}
			}
			if err != nil {
				return err
			}
			list, rows, broken := []status{}, [][]string{}, 0
			for _, e := range entries {
				st, err := a.credentialStatus(ctx, b, e)
				if err != nil {
					return err
				}
				state := a.t("works")
				if !st.Works {
					state = a.told(st.Error).Sentence
					broken++
				}
				list, rows = append(list, st), append(rows, []string{st.Server, a.credentialText(e.Profile), state})
			}
			switch {
			case a.json:
				err = a.document(list)
			case len(rows) == 0:
				a.err.line(a.t(noServer))
			default:
				err = a.list(l, sheet{[]column{
					{key: "server", header: a.t("SERVER")},
					{key: "credential", header: a.t("CREDENTIAL"), spare: 1},
					{key: "state", header: a.t("STATE")},
				}, rows})
			}
			if err == nil && broken > 0 {
				first := list[slices.IndexFunc(list, func(st status) bool { return st.Error != nil })]
				return unusable(first, broken, len(list))
			}
			return err
		},
	}
	l.flags(c)
	return c
}

// unusable is the error for credentials that do not work. The first one's is told too: a narrow table may have cut it.
func unusable(first status, broken, all int) error {
	e := &api.Error{
		Code: first.Error.Code, Why: "servers-unusable", Err: errStatus,
		Params: map[string]string{"n": strconv.Itoa(broken), "total": strconv.Itoa(all), "server": first.Server},
	}
	if all == 1 || broken == 1 {
		e.Why = "server-unusable"
	}
	e.Because(first.Error)
	return e
}

// errStatus marks that a credential's state was asked for, and is bad: whatever the server said of it, the command
// has failed, and was not refused.
var errStatus = errors.New("a credential does not work")

func (a *app) credentialStatus(ctx context.Context, b *backend.Backend, e profile.Entry) (status, error) {
	st := status{Server: e.Name, Credential: e.Profile.Credential, User: e.UserName, Works: true}
	err := b.TryCredential(ctx, e)
	if err == nil {
		return st, nil
	}
	if ctx.Err() != nil {
		return st, err
	}
	st.Works = false
	var ok bool
	if st.Error, ok = errors.AsType[*api.Error](err); !ok {
		return st, err
	}
	return st, nil
}

func (a *app) authLogout() *cobra.Command {
	return &cobra.Command{
		Use: "logout", Short: "End the session at the server, and forget the credential",
		RunE: func(c *cobra.Command, _ []string) error {
			b, e, err := a.named(c.Context(), nil)
			if err != nil {
				return err
			}
			if err := b.Logout(c.Context(), e); err != nil {
				return err
			}
			if e.Profile.Credential == api.CredentialKey {
				a.err.text(
					a.t("Note: "),
					a.t("The API key is still valid at the server; revoke it there, or with “jellybind auth key revoke”."),
				)
			}
			return a.doneProfile(c.Context(), b, e.Name, a.t("Signed out of {server}.", "server", e.Name))
		},
	}
}

// madeKey is the answer of auth key create.
type madeKey struct {
	App string `json:"app"`
	// Used is true when the key is in the keyring and used from now on.
	Used bool `json:"used"`
}

func (a *app) keyCreate() *cobra.Command {
	var use bool
	c := &cobra.Command{
		Use: "create", Short: "Make an API key, and use it in place of the token",
		Long: `Make an API key named Jellybind at the server, store it in the keyring in place of the token, and end the token. With
--use=false the key is only made; its value is in the server's dashboard, under API keys.`,
		RunE: func(c *cobra.Command, _ []string) error {
			ctx := c.Context()
			if use {
				if _, _, err := a.named(ctx, nil); err != nil {
					return err
				}
			}
			s, err := a.session(ctx)
			if err != nil {
				return err
			}
			b, err := a.backend(ctx)
			if err != nil {
				return err
			}
			if err := b.CreateKey(ctx, s, use); err != nil {
				return err
			}
			key := madeKey{App: backend.KeyApp, Used: use}
			if use {
				return a.done(a.t("Made the API key “{app}”; it is in the keyring and used from now on.", "app", key.App), key)
			}
			return a.done(a.t("Made the API key “{app}”. See it in the server's dashboard, under API keys.", "app", key.App), key)
		},
	}
	c.Flags().BoolVar(&use, "use", true, "store it in the keyring and use it from now on")
	return c
}

func (a *app) keyList() *cobra.Command {
	var l listing
	c := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List the server's API keys, without their values",
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := a.session(c.Context())
			if err != nil {
				return err
			}
			keys, err := s.Client.Keys(c.Context())
			if err != nil {
				return err
			}
			if a.json {
				return a.document(append([]api.APIKey{}, keys...))
			}
			if len(keys) == 0 {
				a.err.line(a.t("The server has no API keys."))
				return nil
			}
			rows := [][]string{}
			for _, k := range keys {
				own := ""
				if k.Own {
					own = a.t("yes")
				}
				rows = append(rows, []string{k.App, k.Tail, k.Created.Local().Format(time.DateTime), own})
			}
			return a.list(l, sheet{[]column{
				{key: "app", header: a.t("APP")},
				{key: "ends-with", header: a.t("ENDS WITH"), short: true},
				{key: "made", header: a.t("MADE"), short: true, spare: 1},
				{key: "in-use", header: a.t("IN USE HERE"), short: true},
			}, rows})
		},
	}
	l.flags(c)
	return c
}

func (a *app) keyRevoke() *cobra.Command {
	return &cobra.Command{
		Use: "revoke APP [ENDING]", Short: "Revoke an API key, by its app and its last characters",
		Long: "Revoke an API key, by its app and, where several have that, its last characters: “jellybind auth key list” shows " +
			"both. Programs that use the key stop working.",
		Example: "  jellybind auth key revoke Jellybind\n  jellybind auth key revoke Jellybind 25c3",
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(c *cobra.Command, args []string) error {
			ctx := c.Context()
			s, err := a.session(ctx)
			if err != nil {
				return err
			}
			keys, err := s.Client.Keys(ctx)
			if err != nil {
				return err
			}
			key, err := oneKey(keys, args)
			if err != nil {
				return err
			}
			if key.Own {
				a.err.text("", a.err.warn(a.t("Jellybind itself uses this key: afterwards you have to sign in again.")))
			}
			question := a.t("Revoke the API key {app} that ends in {tail}? Programs that use it stop working.",
				"app", key.App, "tail", key.Tail)
			if err := a.ask(ctx, question); err != nil {
				return err
			}
			if err := s.Client.RevokeKeyByTail(ctx, key.App, key.Tail); err != nil {
				return err
			}
			return a.done(a.t("Revoked the API key {app} that ended in {tail}.", "app", key.App, "tail", key.Tail), key)
		},
	}
}

// oneKey finds the key of an app, by its ending too where several have it.
func oneKey(keys []api.APIKey, args []string) (api.APIKey, error) {
	keys = slices.DeleteFunc(slices.Clone(keys), func(k api.APIKey) bool {
		return k.App != args[0] || len(args) > 1 && !strings.EqualFold(k.Tail, args[1])
	})
	switch {
	case len(keys) == 1:
		return keys[0], nil
	case len(keys) == 0:
		return api.APIKey{}, usage("unknown-key", "key", strings.Join(args, " …"))
	}
	endings := []string{}
	for _, k := range keys {
		endings = append(endings, k.Tail)
	}
	return api.APIKey{}, usage("keys-of-app", "n", strconv.Itoa(len(keys)), "app", args[0], "endings", strings.Join(endings, ", "))
}
