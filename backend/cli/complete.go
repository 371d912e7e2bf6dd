package cli

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/journal"
	"github.com/jellybind/jellybind/backend/profile"
)

// Completion reads the profile file and the journal. Accounts, providers and identities come from the server with the stored
// credential, if it answers within askLimit; otherwise they are the ones that something was done with from this computer.

// askLimit is how long completion waits for a server: a person has pressed Tab and waits too.
const askLimit = 2 * time.Second

// fromServer returns what a function reads within askLimit from the server that --server names, if that can be opened at once;
// nil for nothing. It never asks for a credential.
func (a *app) fromServer(read func(context.Context, *backend.Session) []string) []string {
	if _, e, _ := a.known(); a.demo.value != "" || e.Name == "" || e.Profile.Credential == api.CredentialNone {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), askLimit)
	defer cancel()
	found := make(chan []string, 1)
	go func() {
		defer close(found)
		b, err := a.backend(ctx)
		if err != nil {
			return
		}
		if s, err := b.Open(ctx, backend.Target{Name: a.server}); err == nil {
			found <- read(ctx, s)
		}
	}()
	select {
	case names := <-found:
		return names
	case <-ctx.Done(): // the keyring, for one, may take longer
		return nil
	}
}

// complete gives every command and flag its completion.
func (a *app) complete(root *cobra.Command) {
	_ = root.RegisterFlagCompletionFunc("server", offering(a.profileNames))
	var each func(*cobra.Command)
	each = func(c *cobra.Command) {
		c.Flags().VisitAll(func(f *pflag.Flag) { a.completeFlag(c, f) })
		if c == root {
			c.PersistentFlags().VisitAll(func(f *pflag.Flag) { a.completeFlag(c, f) })
		}
		if c.Runnable() && !c.HasSubCommands() {
			c.ValidArgsFunction = a.argument(c)
		}
		for _, sub := range c.Commands() {
			each(sub)
		}
	}
	each(root)
}

func (a *app) completeFlag(c *cobra.Command, f *pflag.Flag) {
	if _, done := c.GetFlagCompletionFunc(f.Name); done {
		return
	}
	complete := cobra.NoFileCompletions
	if words, ok := f.Value.(*choice); ok {
		complete = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return words.allowed, cobra.ShellCompDirectiveNoFileComp
		}
	}
	if words, ok := f.Value.(*choices); ok {
		complete = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return words.allowed, cobra.ShellCompDirectiveNoFileComp
		}
	}
	switch {
	case f.Name == "browser" || f.Name == "from":
		complete = cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault) // a program, a file
	case f.Name == "provider" && c.Name() != "unregister":
		complete = offering(a.providerNames)
	case f.Name == "user" && c.Name() != "login":
		complete = offering(a.accountNames)
	}
	_ = c.RegisterFlagCompletionFunc(f.Name, complete)
}

// argument returns the completion of a command's first argument.
func (a *app) argument(c *cobra.Command) cobra.CompletionFunc {
	names, many := func() []string { return nil }, strings.Contains(c.Use, "...")
	switch word, _, _ := strings.Cut(strings.TrimPrefix(c.Use, c.Name()+" "), " "); strings.Trim(word, "[].") {
	case "NAME":
		names = a.profileNames
	case "PROVIDER":
		names = a.providerNames
	case "ACCOUNT":
		names = a.accountNames
	case "ID":
		names = a.changeIDs
	}
	offer := offering(names)
	return func(c *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		switch {
		case len(args) == 0 || many:
			return offer(c, args, typed)
		case len(args) == 1 && strings.HasPrefix(c.Use, c.Name()+" ACCOUNT ") && strings.Contains(c.Use, "NAME"):
			return offering(func() []string { return a.linkNames(args[0]) })(c, nil, typed)
		}
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
}

// offering makes a completion of what names returns. Names that a terminal does not show as they are stay out.
func offering(names func() []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, given []string, typed string) ([]string, cobra.ShellCompDirective) {
		offer := []string{}
		for _, name := range names() {
			word, _, _ := strings.Cut(name, "\t") // a description follows
			known := slices.Contains(given, word) || slices.Contains(offer, name)
			if strings.HasPrefix(word, typed) && word == api.Printable(word) && !known {
				offer = append(offer, name)
			}
		}
		return offer, cobra.ShellCompDirectiveNoFileComp
	}
}

// known returns the stored profiles, and the changes that were made on the one that --server names.
func (a *app) known() ([]profile.Entry, profile.Entry, []api.Change) {
	dir, err := profile.Dir()
	if err != nil {
		return nil, profile.Entry{}, nil
	}
	// Completion must not touch what it finds: a damaged file is left to the next command.
	b, err := os.ReadFile(filepath.Join(dir, "servers.json"))
	if err != nil {
		return nil, profile.Entry{}, nil
	}
	var data profile.Data
	if err := json.Unmarshal(b, &data); err != nil {
		return nil, profile.Entry{}, nil
	}
	e, err := data.Find(a.server)
	if err != nil {
		return data.Profiles, profile.Entry{}, nil
	}
	changes, err := journal.Open(filepath.Join(dir, "journal"), time.Now).Changes(context.Background(), e.ServerID)
	if err != nil {
		changes = nil
	}
	return data.Profiles, *e, changes
}

func (a *app) profileNames() []string {
	entries, _, _ := a.known()
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name)
	}
	return names
}

func (a *app) providerNames() []string {
	if a.demo.value != "" {
		return []string{demo.Authelia, demo.Keycloak, demo.Legacy, demo.ADFS}
	}
	names := a.fromServer(func(ctx context.Context, s *backend.Session) []string {
		list, err := s.Providers(ctx)
		if err != nil {
			return nil
		}
		var names []string
		for _, p := range list {
			names = append(names, p.Name)
		}
		return names
	})
	if names != nil {
		return names
	}
	_, e, changes := a.known()
	for _, p := range e.Providers {
		names = append(names, p.Provider)
	}
	for _, c := range changes {
		for _, id := range c.Identities {
			names = append(names, id.Provider)
		}
	}
	return names
}

func (a *app) accountNames() []string {
	if a.demo.value != "" {
		return []string{demo.TourName, demo.UserName, demo.RiskName}
	}
	names := a.fromServer(func(ctx context.Context, s *backend.Session) []string {
		if s.User != nil && s.Kind != api.CredentialAdmin {
			return []string{s.User.Name}
		}
		users, err := s.Client.Users(ctx, nil)
		if err != nil {
			return nil
		}
		var names []string
		for _, u := range users {
			names = append(names, u.Name)
		}
		return names
	})
	if names != nil {
		return names
	}
	_, _, changes := a.known()
	for _, c := range changes {
		names = append(names, c.UserName)
	}
	return names
}

// linkNames are the names of an account's links.
func (a *app) linkNames(account string) []string {
	names := a.fromServer(func(ctx context.Context, s *backend.Session) []string {
		r, err := s.Roster.Read(ctx, nil)
		if err != nil {
			return nil
		}
		one, err := oneAccount(r, account)
		if err != nil {
			return nil
		}
		var names []string
		for _, id := range one.Identities {
			names = append(names, id.Name+"\t"+id.Provider)
		}
		return names
	})
	if names != nil {
		return names
	}
	_, _, changes := a.known()
	for _, c := range changes {
		if !strings.EqualFold(c.UserName, account) {
			continue
		}
		for _, id := range c.Identities {
			names = append(names, id.Name+"\t"+id.Provider)
		}
	}
	return names
}

func (a *app) changeIDs() []string {
	_, _, changes := a.known()
	ids := []string{}
	for _, c := range changes {
		if c.State == api.ChangeConfirmed {
			ids = append(ids, start(c.ID)+"\t"+c.Time.Local().Format("2006-01-02 15:04")+" "+api.Printable(a.changeText(c)))
		}
	}
	return ids
}
