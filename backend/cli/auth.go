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
			b, e, err := a.entry(ctx, nil)
			if err != nil {
				return err
			}
			if k := checkKeyring(ctx, b); !k.OK {
				return &api.Error{Code: k.Code, Sentence: k.Sentence, Hint: k.Hint}
			}
			credential, err := a.signIn(ctx, b, e, user, apiKey, quick)
			if err != nil {
				return err
			}
			s, err := b.Login(ctx, e, credential)
			if err != nil {
				return err
			}
			if a.json {
				return a.out.json(s.Info())
			}
			a.out.line(fmt.Sprintf("Signed in to %s: %s. It is in the system's keyring.", api.Printable(e.Name),
				api.Printable(credentialText(sessionProfile(s)))))
			return nil
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

func (a *app) signIn(
	ctx context.Context, b *backend.Backend, e profile.Entry, user string, apiKey, quick bool,
) (secret.Value, error) {
	if given, err := a.credential(); err != nil || !given.IsZero() {
		return given, err
	}
	client, err := b.Client(e, secret.Value{})
	if err != nil {
		return secret.Value{}, err
	}
	switch {
	case apiKey:
		return a.promptSecret(ctx, "API key: ")
	case quick:
		q, err := client.StartQuickConnect(ctx)
		if err != nil {
			return secret.Value{}, err
		}
		a.err.line("Quick Connect code: " + a.err.bold(q.Code))
		a.err.line("Enter it on a device that is signed in to Jellyfin: user menu, Quick Connect. Ctrl-C cancels.")
		in, err := client.AwaitQuickConnect(ctx, q)
		return in.Token, err
	case user == "":
		if user, err = a.prompt(ctx, "User name: "); err != nil {
			return secret.Value{}, err
		}
	}
	password, err := a.promptSecret(ctx, fmt.Sprintf("Password of %s: ", api.Printable(user)))
	if err != nil {
		return secret.Value{}, err
	}
	in, err := client.SignIn(ctx, user, password)
	return in.Token, err
}

func (a *app) authStatus() *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Show which credential is stored for each server, and whether it still works",
		RunE: func(c *cobra.Command, _ []string) error {
			ctx := c.Context()
			b, err := a.backend(ctx)
			if err != nil {
				return err
			}
			entries, err := a.profiles(ctx)
			if err != nil {
				return err
			}
			type status struct {
				Server     string             `json:"server"`
				Credential api.CredentialKind `json:"credential"`
				User       string             `json:"user,omitempty"`
				Works      bool               `json:"works"`
				Error      *api.Error         `json:"error,omitempty"`
			}
			list := []status{}
			for _, e := range entries {
				if a.server != "" && e.Name != a.server {
					continue
				}
				st := status{Server: e.Name, Credential: e.Profile.Credential, User: e.UserName, Works: true}
				credential, err := b.Credential(ctx, e)
				if err == nil {
					var client *jellyfin.Client
					if client, err = b.Client(e, credential); err == nil {
						_, _, err = client.Identify(ctx)
					}
				}
				if err != nil {
					st.Works = false
					if st.Error, _ = errors.AsType[*api.Error](err); st.Error == nil {
						return err
					}
				}
				list = append(list, st)
			}
			if a.json {
				return a.out.json(list)
			}
			rows := [][]string{}
			for i, st := range list {
				state := "works"
				if st.Error != nil {
					state = st.Error.Sentence
				}
				rows = append(rows, []string{st.Server, credentialText(entries[i].Profile), state})
			}
			return a.out.table([]string{"SERVER", "CREDENTIAL", "STATE"}, rows)
		},
	}
}

func (a *app) authLogout() *cobra.Command {
	return &cobra.Command{
		Use: "logout", Short: "End the session at the server and remove the credential from the keyring",
		RunE: func(c *cobra.Command, _ []string) error {
			b, e, err := a.entry(c.Context(), nil)
			if err != nil {
				return err
			}
			if err := b.Logout(c.Context(), e); err != nil {
				return err
			}
			if e.Profile.Credential == api.CredentialKey {
				a.err.line("The API key is still valid at the server; revoke it there, or with “jellybind auth key revoke”.")
			}
			return a.done("Signed out of " + api.Printable(e.Name) + ".")
		},
	}
}

func (a *app) keyCreate() *cobra.Command {
	var use bool
	c := &cobra.Command{
		Use: "create", Short: "Make an API key named Jellybind and store it in place of the token",
		RunE: func(c *cobra.Command, _ []string) error {
			ctx := c.Context()
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
			if use {
				return a.done("Made the API key “Jellybind”; it is in the keyring and used from now on.")
			}
			return a.done("Made the API key “Jellybind”. See it in the server's dashboard, under API keys.")
		},
	}
	c.Flags().BoolVar(&use, "use", true, "store it in the keyring and use it from now on")
	return c
}

func (a *app) keyList() *cobra.Command {
	return &cobra.Command{
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
				return a.out.json(keys)
			}
			rows := [][]string{}
			for _, k := range keys {
				own := ""
				if k.Own {
					own = "this one"
				}
				rows = append(rows, []string{k.App, "…" + k.Tail, k.Created.Local().Format(time.DateTime), own})
			}
			return a.out.table([]string{"APP", "ENDS WITH", "MADE", ""}, rows)
		},
	}
}

func (a *app) keyRevoke() *cobra.Command {
	return &cobra.Command{
		Use: "revoke APP [ENDING]", Short: "Revoke an API key, by its app and, where several have it, its last characters",
		Args: cobra.RangeArgs(1, 2),
		RunE: func(c *cobra.Command, args []string) error {
			ctx := c.Context()
			s, err := a.session(ctx)
			if err != nil {
				return err
			}
			tail := ""
			if len(args) == 2 {
				tail = args[1]
			}
			question := fmt.Sprintf("Revoke the API key %s? Programs that use it stop working.", api.Printable(strings.Join(args, " …")))
			if err := a.ask(ctx, question); err != nil {
				return err
			}
			if err := s.Client.RevokeKeyByTail(ctx, args[0], tail); err != nil {
				return err
			}
			return a.done("Revoked the API key " + api.Printable(args[0]) + ".")
		},
	}
}
