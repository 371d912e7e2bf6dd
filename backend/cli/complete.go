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

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/journal"
	"github.com/jellybind/jellybind/backend/profile"
)

// Completion is offline: it reads the profile file and the journal, and never asks a server or the keyring. So it knows
// the accounts and providers that something was done with from this computer.

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
	switch {
	case f.Name == "browser":
		complete = cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault) // a program
	case f.Name == "provider" && c.Name() != "unregister":
		complete = offering(a.providerNames)
	case f.Name == "user" && c.Name() == "list":
		complete = offering(a.accountNames)
	}
	_ = c.RegisterFlagCompletionFunc(f.Name, complete)
}

// argument returns the completion of a command's first argument.
func (a *app) argument(c *cobra.Command) cobra.CompletionFunc {
	names := func() []string { return nil }
	switch word, _, _ := strings.Cut(strings.TrimPrefix(c.Use, c.Name()+" "), " "); strings.Trim(word, "[]") {
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
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return offer(c, args, typed)
	}
}

// offering makes a completion of what names returns. Names that a terminal does not show as they are stay out.
func offering(names func() []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		offer := []string{}
		for _, name := range names() {
			if strings.HasPrefix(name, typed) && name == api.Printable(name) && !slices.Contains(offer, name) {
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
	_, e, changes := a.known()
	names := []string{}
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
	_, _, changes := a.known()
	names := []string{}
	for _, c := range changes {
		names = append(names, c.UserName)
	}
	return names
}

func (a *app) changeIDs() []string {
	_, _, changes := a.known()
	ids := []string{}
	for _, c := range changes {
		if c.State == api.ChangeConfirmed {
			ids = append(ids, c.ID)
		}
	}
	return ids
}
