package state

import (
	"time"

	"github.com/jellybind/jellybind/backend/api"
)

// Cmd is what a change of the state asks for. Each is one of the types below.
type Cmd any

// Calls into the backend, each named after the bound method that it calls.
type (
	// CallBootstrap asks for what the first frame needs, and tells the page's language.
	CallBootstrap struct{ Language string }
	// CallDiscover calls DiscoverServers.
	CallDiscover struct{}
	// CallProbe calls ProbeServer.
	CallProbe struct{ Address string }
	// CallTrust calls TrustCertificate.
	CallTrust struct{ Address, SHA256 string }
	// CallDemo calls StartDemo.
	CallDemo struct {
		Flavour api.Flavour
		Users   int
	}
	// CallConnectKey calls ConnectKey.
	CallConnectKey struct{ Address, Name, Key string }
	// CallConnectPassword calls ConnectPassword.
	CallConnectPassword struct{ Address, Name, User, Password string }
	// CallQuickConnect calls StartQuickConnect.
	CallQuickConnect struct{ Address, Name string }
	// CallStopReading calls StopReading.
	CallStopReading struct{}
	// CallStopChanges calls StopChanges.
	CallStopChanges struct{}
	// CallCancelFlow calls CancelFlow.
	CallCancelFlow struct{ ID string }
	// CallOpenProfile calls OpenProfile.
	CallOpenProfile struct{ Name string }
	// CallSignOut calls SignOut.
	CallSignOut struct{ Name string }
	// CallForget calls ForgetProfile, then Bootstrap.
	CallForget struct{ Name string }
	// CallRename calls RenameProfile, then Bootstrap.
	CallRename struct{ Old, New string }
	// CallPage calls RosterPage. With AtHand the page waits for rows that the backend holds, and draws them at once.
	CallPage struct {
		Generation, Page int
		Query            api.RosterQuery
		AtHand           bool
	}
	// CallRefresh calls RefreshRoster.
	CallRefresh struct{}
	// CallAccount calls Account.
	CallAccount struct{ UserID string }
	// CallChanges calls Changes.
	CallChanges struct{ UserID string }
	// CallProviders calls Providers.
	CallProviders struct{}
	// CallTestProvider calls TestProvider.
	CallTestProvider struct {
		Protocol api.Protocol
		Name     string
	}
	// CallSaveProvider calls SaveProviderSettings, and SaveProviderSecret where there is one.
	CallSaveProvider struct {
		Settings api.ProviderSettings
		Secret   string // "" keeps what is stored
	}
	// CallDeleteSecret calls SaveProviderSecret with an empty one.
	CallDeleteSecret struct {
		Protocol api.Protocol
		Name     string
	}
	// CallPlanLink calls PlanLink.
	CallPlanLink struct {
		Number  int
		Request api.LinkRequest
	}
	// CallStartLink calls StartLink.
	CallStartLink struct {
		Number  int
		Request api.LinkRequest
	}
	// CallConfirm calls ConfirmFlow.
	CallConfirm struct {
		ID  string
		Yes bool
	}
	// CallOpenSignIn calls OpenSignIn.
	CallOpenSignIn struct{ ID string }
	// CallStartVerify calls StartVerify.
	CallStartVerify struct {
		Number   int
		Protocol api.Protocol
		Name     string
	}
	// CallRemove calls RemoveLinks, or RemoveLinksViaUnregister for the detour.
	CallRemove struct {
		Links  []api.Link
		Detour bool
	}
	// CallPlanUnregister calls PlanUnregister.
	CallPlanUnregister struct{ UserID string }
	// CallUnregister calls Unregister.
	CallUnregister struct{ UserID, AuthProvider string }
	// CallUndo calls Undo, once for each change.
	CallUndo struct{ Changes []string }
	// CallSelf calls SelfService.
	CallSelf struct{}
	// CallSaveSettings calls SaveSettings.
	CallSaveSettings struct{ Settings api.Settings }
	// CallWords asks for the backend's texts in the language that was saved.
	CallWords struct{}
	// CallKeyring calls CheckKeyring.
	CallKeyring struct{}
	// CallQuit calls Quit.
	CallQuit struct{}
)

// Things for the page itself.
type (
	// Focus moves the keyboard's focus once the page is drawn.
	Focus struct{ ID string }
	// ScrollTo scrolls the roster, in rem.
	ScrollTo struct{ Top float64 }
	// Copy puts a text on the clipboard.
	Copy struct{ Text string }
	// After sends a message later.
	After struct {
		Delay time.Duration
		Msg   Msg
	}
)
