package state

import (
	"time"

	"github.com/jellybind/jellybind/backend/api"
)

// Cmd is what a change of the state asks for. Each is one of the types below.
type Cmd any

// Calls into the backend, each named after the bound method that it calls.
type (
	// CallBootstrap asks for what the first frame needs.
	CallBootstrap struct{}
	CallDiscover  struct{}
	CallProbe     struct{ Address string }
	CallTrust     struct{ Address, SHA256 string }
	CallDemo      struct {
		Flavour api.Flavour
		Users   int
	}
	CallConnectKey      struct{ Address, Name, Key string }
	CallConnectPassword struct{ Address, Name, User, Password string }
	CallQuickConnect    struct{ Address, Name string }
	CallCancelFlow      struct{ ID string }
	CallOpenProfile     struct{ Name string }
	CallSignOut         struct{ Name string }
	CallForget          struct{ Name string }
	CallRename          struct{ Old, New string }
	CallPage            struct {
		Generation, Page int
		Query            api.RosterQuery
	}
	CallRefresh      struct{}
	CallAccount      struct{ UserID string }
	CallChanges      struct{ UserID string }
	CallProviders    struct{}
	CallTestProvider struct {
		Protocol api.Protocol
		Name     string
	}
	CallSaveProvider struct {
		Settings api.ProviderSettings
		Secret   string // "" keeps what is stored
	}
	CallPlanLink struct {
		Number  int
		Request api.LinkRequest
	}
	CallStartLink struct{ Request api.LinkRequest }
	CallConfirm   struct {
		ID  string
		Yes bool
	}
	CallOpenSignIn  struct{ ID string }
	CallStartVerify struct {
		Protocol api.Protocol
		Name     string
	}
	CallRemove         struct{ Links []api.Link }
	CallPlanUnregister struct{ UserID string }
	CallUnregister     struct{ UserID, AuthProvider string }
	CallUndo           struct{ Changes []string }
	CallSelf           struct{}
	CallSaveSettings   struct{ Settings api.Settings }
	CallKeyring        struct{}
	CallQuit           struct{}
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
