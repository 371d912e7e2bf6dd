package bridge

import (
	"context"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/state"
)

// Run carries out a command that calls the backend and returns the answer. It returns nil for commands that are not
// meant for the backend, or that have no answer.
func (a *App) Run(ctx context.Context, cmd state.Cmd) state.Msg {
	switch c := cmd.(type) {
	case state.CallBootstrap:
		boot, err := a.Bootstrap(ctx, c.Language)
		return state.Booted{Boot: boot, Err: err}
	case state.CallDiscover:
		list, err := a.DiscoverServers(ctx)
		return state.Found{Servers: list, Err: err}
	case state.CallProbe:
		p, err := a.ProbeServer(ctx, c.Address)
		return state.Probed{Address: c.Address, Probe: p, Err: err}
	case state.CallTrust:
		p, err := a.TrustCertificate(ctx, c.Address, c.SHA256)
		return state.Probed{Address: c.Address, Probe: p, Err: err}
	case state.CallDemo:
		s, err := a.StartDemo(ctx, c.Flavour, c.Users)
		return state.Connected{Session: s, Err: err, Demo: true}
	case state.CallConnectKey:
		s, err := a.ConnectKey(ctx, c.Address, c.Name, c.Key)
		return state.Connected{Session: s, Err: err, Address: c.Address}
	case state.CallConnectPassword:
		s, err := a.ConnectPassword(ctx, c.Address, c.Name, c.User, c.Password)
		return state.Connected{Session: s, Err: err, Address: c.Address}
	case state.CallOpenProfile:
		s, err := a.OpenProfile(ctx, c.Name)
		return state.Connected{Session: s, Err: err, Name: c.Name}
	case state.CallQuickConnect:
		q, err := a.StartQuickConnect(ctx, c.Address, c.Name)
		return state.QuickStarted{Address: c.Address, Quick: q, Err: err}
	case state.CallStopReading:
		_ = a.StopReading(ctx) // what is read tells how it ended
	case state.CallSignOut:
		return state.SignedOut{Name: c.Name, Err: a.SignOut(ctx, c.Name)}
	case state.CallForget:
		return a.profiles(ctx, c.Name, "", a.ForgetProfile(ctx, c.Name))
	case state.CallRename:
		return a.profiles(ctx, c.Old, c.New, a.RenameProfile(ctx, c.Old, c.New))
	case state.CallSaveSettings:
		return state.SettingsSaved{Settings: c.Settings, Err: a.SaveSettings(ctx, c.Settings)}
	case state.CallWords:
		boot, err := a.Bootstrap(ctx, "")
		return state.WordsLoaded{Boot: boot, Err: err}
	case state.CallKeyring:
		k, err := a.CheckKeyring(ctx)
		return state.KeyringChecked{Keyring: k, Err: err}
	case state.CallQuit:
		return state.Called{Err: a.Quit(ctx)}
	}
	if msg := a.runRoster(ctx, cmd); msg != nil {
		return msg
	}
	return a.runFlow(ctx, cmd)
}

// profiles answers what changed the stored servers with those that are stored now.
func (a *App) profiles(ctx context.Context, old, name string, err *api.Error) state.Msg {
	if err != nil && err.Code != api.CodeTokenLeft {
		return state.ProfilesChanged{Err: err, Old: old, New: name}
	}
	boot, bootErr := a.Bootstrap(ctx, "")
	if bootErr != nil {
		err = bootErr
	}
	return state.ProfilesChanged{Boot: boot, Err: err, Old: old, New: name}
}

func (a *App) runRoster(ctx context.Context, cmd state.Cmd) state.Msg {
	switch c := cmd.(type) {
	case state.CallPage:
		rows, err := a.RosterPage(ctx, c.Query, c.AtHand)
		return state.PageLoaded{Generation: c.Generation, Page: c.Page, Rows: rows, Err: err}
	case state.CallRefresh:
		counts, err := a.RefreshRoster(ctx)
		return state.Refreshed{Counts: counts, Err: err}
	case state.CallAccount:
		row, err := a.Account(ctx, c.UserID)
		return state.AccountLoaded{UserID: c.UserID, Row: row, Err: err}
	case state.CallChanges:
		list, err := a.Changes(ctx, c.UserID)
		return state.ChangesLoaded{UserID: c.UserID, List: list, Err: err}
	case state.CallProviders:
		list, err := a.Providers(ctx)
		return state.ProvidersLoaded{List: list, Err: err}
	case state.CallTestProvider:
		t, err := a.TestProvider(ctx, c.Protocol, c.Name)
		return state.ProviderTested{ID: state.ProviderID(c.Protocol, c.Name), Result: t, Err: err}
	case state.CallSaveProvider:
		err := a.SaveProviderSettings(ctx, c.Settings)
		if err == nil && c.Secret != "" {
			err = a.SaveProviderSecret(ctx, c.Settings.Protocol, c.Settings.Provider, c.Secret)
		}
		return state.ProviderSaved{Err: err}
	case state.CallDeleteSecret:
		return state.SecretDeleted{Err: a.SaveProviderSecret(ctx, c.Protocol, c.Name, "")}
	case state.CallRemove:
		r, err := a.RemoveLinks(ctx, c.Links, c.Detour)
		return state.Removed{Changes: r.Changes, Err: err}
	case state.CallStopChanges:
		_ = a.StopChanges(ctx) // the removal itself tells how it ended
	case state.CallPlanUnregister:
		p, err := a.PlanUnregister(ctx, c.UserID)
		return state.UnregisterPlanned{UserID: c.UserID, Plan: p, Err: err}
	case state.CallUnregister:
		change, err := a.Unregister(ctx, c.UserID, c.AuthProvider)
		return state.Unregistered{Change: change, Err: err}
	case state.CallUndo:
		for _, id := range c.Changes {
			if err := a.Undo(ctx, id); err != nil {
				return state.Undone{Err: err}
			}
		}
		return state.Undone{}
	case state.CallSelf:
		kit, err := a.SelfService(ctx)
		return state.SelfLoaded{Kit: kit, Err: err}
	}
	return nil
}

func (a *App) runFlow(ctx context.Context, cmd state.Cmd) state.Msg {
	switch c := cmd.(type) {
	case state.CallCancelFlow:
		_ = a.CancelFlow(ctx, c.ID) // it may have ended by itself, which is as good
		return nil
	case state.CallPlanLink:
		p, err := a.PlanLink(ctx, c.Request)
		return state.Planned{Number: c.Number, Plan: p, Err: err}
	case state.CallStartLink:
		id, err := a.StartLink(ctx, c.Request)
		return state.FlowStarted{Number: c.Number, ID: id, Err: err}
	case state.CallConfirm:
		return state.Called{Err: a.ConfirmFlow(ctx, c.ID, c.Yes)}
	case state.CallOpenSignIn:
		return state.Called{Err: a.OpenSignIn(ctx, c.ID)}
	case state.CallStartVerify:
		id, err := a.StartVerify(ctx, c.Protocol, c.Name)
		return state.VerifyStarted{Number: c.Number, ID: id, Err: err}
	}
	return nil
}
