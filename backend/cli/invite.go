package cli

import (
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/roster"
)

// invitePace is how often the links are read while a person elsewhere links an identity.
const invitePace = 3 * time.Second

// invitation is the answer of links invite: where the person links, and what came of it.
type invitation struct {
	PageURL string   `json:"pageUrl"`
	Account api.User `json:"account"`
	// Gained are the identities that were linked while Jellybind watched.
	Gained []api.Identity `json:"gained"`
}

func (a *app) linksInvite() *cobra.Command {
	var limit time.Duration
	var noWatch bool
	c := &cobra.Command{
		Use: "invite ACCOUNT", Short: "Let a person link on the server's own page, and watch for it", Args: cobra.ExactArgs(1),
		Long: `Print the address of the server's own linking page with the steps there, to be sent to a person who is not in front of
this computer. Then watch, and say when the account has gained a link.`,
		Example: "  jellybind links invite maria\n  jellybind links invite maria --no-watch",
		RunE: func(c *cobra.Command, args []string) error {
			ctx := c.Context()
			s, r, account, err := a.account(ctx, args[0])
			if err != nil {
				return err
			}
			if !account.Exists {
				return a.orphaned(account)
			}
			if !slices.ContainsFunc(r.Providers, func(p api.Provider) bool { return p.Protocol == api.OIDC }) {
				return &api.Error{Code: api.CodeUnsupported, Why: "invite-no-oidc"}
			}
			kit, err := backend.SelfService(s.Entry().URL, nil)
			if err != nil {
				return err
			}
			a.inviteSteps(s.Plugin.Capabilities(), account, kit.PageURL)
			told := invitation{PageURL: kit.PageURL, Account: account.User, Gained: []api.Identity{}}
			if !noWatch {
				if told.Gained, err = a.watch(ctx, s, r, account, limit); err != nil {
					return err
				}
			}
			if a.json {
				return a.document(told)
			}
			for _, id := range told.Gained {
				a.out.text("", a.t("Linked: {name} at {provider} opens {account} now.",
					"name", id.Name, "provider", id.Provider, "account", account.Name))
			}
			return nil
		},
	}
	c.Flags().DurationVar(&limit, "for", time.Hour, "watch for this `DURATION`, such as 30m")
	c.Flags().BoolVar(&noWatch, "no-watch", false, "only print the address and the steps")
	return c
}

// inviteSteps prints what to send.
func (a *app) inviteSteps(can api.Capabilities, account api.Account, page string) {
	if a.json {
		return
	}
	a.out.text("", a.t("Send this to the person of {account}:", "account", account.Name))
	a.out.line("  " + page)
	for i, step := range []string{
		a.t("Open the address, and sign in to Jellyfin as {account} with your password.", "account", account.Name),
		a.t("Choose your identity provider there, and sign in at it."),
		a.t("Come back to the page: your identity is listed there."),
	} {
		a.out.text("  "+string(rune('1'+i))+". ", step)
	}
	if account.AuthProvider == api.AuthProviderPlugin {
		a.err.text("", a.err.warn(a.t("The account takes no password, so that the person cannot sign in for the page yet.")))
	}
	if can.PageSignsIn {
		a.err.text("", a.err.warn(a.t("On this flavour the page may sign in with the new identity instead of linking it, which "+
			"opens or makes another account. Check afterwards what Jellybind says.")))
	}
}

// watch reads the account and the links again and again until the account has gained one.
func (a *app) watch(
	ctx context.Context, s *backend.Session, before api.Roster, account api.Account, limit time.Duration,
) ([]api.Identity, error) {
	if !a.json {
		a.err.line(a.t("Watching for the link; Ctrl-C ends that."))
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, &api.Error{
		Code: api.CodeTimeout, Why: "invite-timeout", Params: map[string]string{"account": account.Name},
	})
	defer cancel()
	tick := time.NewTicker(invitePace)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-tick.C:
		}
		r, err := s.Roster.Reread(ctx, before, account.ID)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			return nil, err
		}
		now := roster.Account(r, account.ID)
		if now == nil || !now.Exists {
			return nil, &api.Error{Code: api.CodeUserNotFound, Params: map[string]string{"user": account.Name}}
		}
		gained := slices.DeleteFunc(slices.Clone(now.Identities), func(id api.Identity) bool {
			return slices.Contains(account.Identities, id)
		})
		if len(gained) > 0 {
			return gained, nil
		}
	}
}
