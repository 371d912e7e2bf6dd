package jellyfin

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/jellybind/jellybind/backend/api"
)

// wireUser is the part of Jellyfin's UserDto that Jellybind needs.
type wireUser struct {
	ID               string     `json:"Id"`
	Name             string     `json:"Name"`
	HasPassword      bool       `json:"HasPassword"`
	LastActivityDate stamp      `json:"LastActivityDate"`
	Policy           wirePolicy `json:"Policy"`
}

// wirePolicy is the part of Jellyfin's UserPolicy that Jellybind needs.
type wirePolicy struct {
	IsAdministrator          bool   `json:"IsAdministrator"`
	IsDisabled               bool   `json:"IsDisabled"`
	AuthenticationProviderID string `json:"AuthenticationProviderId"`
}

// stamp is a point in time as .NET writes it. One that cannot be read is none: no list of users should fail for it.
type stamp struct{ time.Time }

// UnmarshalJSON implements json.Unmarshaler.
func (s *stamp) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) != nil {
		return nil //nolint:nilerr // see stamp
	}
	*s = parseStamp(text)
	return nil
}

// usable reports whether this can be an account at all.
func (w *wireUser) usable() bool { return len(w.ID) >= 32 && len(w.ID) <= 36 && w.Name != "" }

func (w *wireUser) user() api.User {
	return api.User{
		ID:            UserID(w.ID),
		Name:          w.Name,
		Administrator: w.Policy.IsAdministrator,
		Disabled:      w.Policy.IsDisabled,
		HasPassword:   w.HasPassword,
		AuthProvider:  w.Policy.AuthenticationProviderID,
		LastActivity:  w.LastActivityDate.Time,
	}
}

// UserID brings a user's id into the form of api.User: undashed and lower-case.
func UserID(id string) string { return strings.ToLower(strings.ReplaceAll(id, "-", "")) }

// Users reads all accounts. The list is decoded one account at a time while it arrives, and of each (2 kB) only the
// fields of api.User stay. Every few hundred accounts counted hears how many have come, unless it is nil.
func (c *Client) Users(ctx context.Context, counted func(int)) ([]api.User, error) {
	var users []api.User
	err := c.exchange(ctx, Request{Path: "/Users", MaxBytes: MaxUsersBody, Idempotent: true},
		func(res *Response, body io.Reader) error {
			if err := c.check(res, body); err != nil {
				return err
			}
			var err error
			if users, err = decodeUsers(body, counted); err != nil {
				return c.notJSON(res, err)
			}
			return nil
		})
	if err != nil {
		return nil, err
	}
	return users, nil
}

// User reads one account. An unknown id is CodeUserNotFound.
func (c *Client) User(ctx context.Context, id string) (api.User, error) {
	var w wireUser
	err := c.JSON(ctx, Request{Path: "/Users/" + url.PathEscape(id)}, &w)
	return c.oneUser(&w, unknownUser(id, err))
}

// Rights reads what an account may do. An unknown id is CodeUserNotFound.
func (c *Client) Rights(ctx context.Context, id string) (api.Rights, error) {
	var w struct {
		Name   string `json:"Name"`
		Policy struct {
			IsAdministrator          bool     `json:"IsAdministrator"`
			EnableAllFolders         bool     `json:"EnableAllFolders"`
			EnabledFolders           []string `json:"EnabledFolders"`
			EnableLiveTVAccess       bool     `json:"EnableLiveTvAccess"`
			EnableLiveTVManagement   bool     `json:"EnableLiveTvManagement"`
			EnableContentDownloading bool     `json:"EnableContentDownloading"`
			AuthenticationProviderID string   `json:"AuthenticationProviderId"`
		} `json:"Policy"`
	}
	err := c.JSON(ctx, Request{Path: "/Users/" + url.PathEscape(id)}, &w)
	p := w.Policy
	return api.Rights{
		Name: w.Name, Administrator: p.IsAdministrator, AllFolders: p.EnableAllFolders, Folders: p.EnabledFolders,
		LiveTV: p.EnableLiveTVAccess, LiveTVManagement: p.EnableLiveTVManagement, Downloads: p.EnableContentDownloading,
		AuthProvider: p.AuthenticationProviderID,
	}, unknownUser(id, err)
}

// unknownUser gives an answer of 404 its meaning.
func unknownUser(id string, err error) error {
	if StatusOf(err) != http.StatusNotFound {
		return err
	}
	return &api.Error{Code: api.CodeUserNotFound, Why: "no-such-id", Params: map[string]string{"id": id}, Err: err}
}

// Me reads the account that the access token belongs to. An API key belongs to none: see Identify.
func (c *Client) Me(ctx context.Context) (api.User, error) {
	var w wireUser
	return c.oneUser(&w, c.JSON(ctx, Request{Path: "/Users/Me"}, &w))
}

func (c *Client) oneUser(w *wireUser, err error) (api.User, error) {
	if err != nil {
		return api.User{}, err
	}
	if !w.usable() {
		return api.User{}, c.answerError("no-account", nil)
	}
	return w.user(), nil
}

// AuthProviders lists the server's sign-in providers, Jellyfin's own one first. It needs an administrator's credential.
func (c *Client) AuthProviders(ctx context.Context) ([]api.AuthProvider, error) {
	var wire []struct {
		ID   string `json:"Id"`
		Name string `json:"Name"`
	}
	if err := c.JSON(ctx, Request{Path: "/Auth/Providers"}, &wire); err != nil {
		return nil, err
	}
	providers := make([]api.AuthProvider, len(wire))
	for i, w := range wire {
		providers[i] = api.AuthProvider{ID: w.ID, Name: w.Name}
	}
	slices.SortStableFunc(providers, func(a, b api.AuthProvider) int {
		rank := func(p api.AuthProvider) int {
			if p.ID == api.AuthProviderDefault {
				return 0
			}
			return 1
		}
		return cmp.Compare(rank(a), rank(b))
	})
	return providers, nil
}

// Plugin is a plugin that the server has.
type Plugin struct {
	ID      string // undashed, lower-case
	Name    string
	Version string
	Status  string // "Active", "Restart", "Disabled", "NotSupported", "Malfunctioned", "Superseded" (also "Superceded"), "Deleted"
}

// Plugins lists the server's plugins. It needs an administrator's credential.
func (c *Client) Plugins(ctx context.Context) ([]Plugin, error) {
	var wire []struct {
		ID      string `json:"Id"`
		Name    string `json:"Name"`
		Version string `json:"Version"`
		Status  string `json:"Status"`
	}
	if err := c.JSON(ctx, Request{Path: "/Plugins"}, &wire); err != nil {
		return nil, err
	}
	plugins := make([]Plugin, len(wire))
	for i, w := range wire {
		plugins[i] = Plugin{ID: UserID(w.ID), Name: w.Name, Version: w.Version, Status: w.Status}
	}
	return plugins, nil
}
