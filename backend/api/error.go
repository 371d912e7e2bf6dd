package api

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strings"
)

// Code names a kind of failure. Codes are stable: programs that read --json and the window's translations match on them.
type Code string

// The codes of every error that reaches a person.
const (
	CodeInternal             Code = "internal"              // a fault of Jellybind itself
	CodeUsage                Code = "usage"                 // wrong words on the command line, or an unusable value
	CodeCancelled            Code = "cancelled"             // the person, or a signal, ended it
	CodeTimeout              Code = "timeout"               // nobody answered in time
	CodeAddressInvalid       Code = "address-invalid"       // what was typed is no server address
	CodeServerNotFound       Code = "server-not-found"      // no Jellyfin answers there
	CodeServerUnreachable    Code = "server-unreachable"    // connection refused, no route, name unknown
	CodeServerStarting       Code = "server-starting"       // the server was still starting when the wait ended
	CodeServerAnswer         Code = "server-answer"         // an answer that Jellyfin does not give: too large, not JSON, …
	CodeServerRefused        Code = "server-refused"        // the server said no, in words of its own
	CodeCertificateExpired   Code = "certificate-expired"   // the SAML provider's signing certificate
	CodeServerChanged        Code = "server-changed"        // another server than the stored sign-in's answers there
	CodeServerBusy           Code = "server-busy"           // another Jellybind is changing links there
	CodeRateLimited          Code = "rate-limited"          // 429, and waiting did not help
	CodeWizardIncomplete     Code = "wizard-incomplete"     // the server's first-run wizard is not done
	CodeCertificateUntrusted Code = "certificate-untrusted" // TLS certificate not signed by a known authority
	CodeCertificateChanged   Code = "certificate-changed"   // another certificate than the pinned one
	CodeRedirectRefused      Code = "redirect-refused"      // the server redirects to another origin or from https to http
	CodeCredentialMissing    Code = "credential-missing"    // no credential is stored for this server
	CodeCredentialRefused    Code = "credential-refused"    // key or token unknown to the server, or password wrong
	CodeAccountDisabled      Code = "account-disabled"      // the Jellyfin account is disabled
	CodeForbidden            Code = "forbidden"             // the credential may not do this
	CodeQuickConnectOff      Code = "quick-connect-off"     // Quick Connect is switched off
	CodeQuickConnectExpired  Code = "quick-connect-expired" // nobody approved the code in time
	CodePluginMissing        Code = "plugin-missing"        // no SSO plugin on that server
	CodePluginRestart        Code = "plugin-restart"        // the SSO plugin was changed, and the server was not restarted since
	CodeUnsupported          Code = "unsupported"           // this flavour cannot do it with this credential
	CodeUserNotFound         Code = "user-not-found"        // no such Jellyfin account
	CodeProviderNotFound     Code = "provider-not-found"    // no such provider in the plugin
	CodeProviderDisabled     Code = "provider-disabled"     // the provider is switched off in the plugin
	CodeProviderUnreachable  Code = "provider-unreachable"  // the server or the app cannot reach the identity provider
	CodeLinkNotFound         Code = "link-not-found"        // no such link
	CodeLinkOwned            Code = "link-owned"            // the identity belongs to another account; --move moves it
	CodeLinkExists           Code = "link-exists"           // the identity is linked to this account already
	CodeLinkNotStored        Code = "link-not-stored"       // the server said yes and stored nothing
	CodeNameInvalid          Code = "name-invalid"          // an empty or unusable canonical name
	CodeConfigChanged        Code = "config-changed"        // the provider's configuration changed while we were writing
	CodeOutcomeUnknown       Code = "outcome-unknown"       // a write whose answer, or whose effect, could not be read
	CodeHalfDone             Code = "half-done"             // a part of a change was made, and could not be taken back
	CodePortTaken            Code = "port-taken"            // every loopback port of the list is in use
	CodeAddressRefused       Code = "address-refused"       // the address to open is not http or https
	CodeLoopbackUnreachable  Code = "loopback-unreachable"  // a proxy or a setting on the server keeps the answer away
	CodeLocalAddress         Code = "local-address"         // the server's address in the local network cannot be used
	CodeSignInRefused        Code = "sign-in-refused"       // the identity provider refused the sign-in
	CodeSignInInvalid        Code = "sign-in-invalid"       // an answer that fails a check: signature, audience, state, nonce, …
	CodeSignInExpired        Code = "sign-in-expired"       // the pending sign-in is no longer known to the server
	CodeNameIDTransient      Code = "nameid-transient"      // the SAML NameID differs at the next sign-in
	CodeClientMissing        Code = "client-missing"        // the own client has no client id for this provider
	CodeClientSecretMissing  Code = "client-secret-missing" // the own client's secret is not in the keyring any more
	CodeBrowserFailed        Code = "browser-failed"        // no browser could be opened
	CodeSecretNotFound       Code = "secret-not-found"      // the keyring has no such entry
	CodeSecretLocked         Code = "secret-locked"         // the keyring is locked
	CodeSecretUnavailable    Code = "secret-unavailable"    // there is no keyring
	CodeSecretTooLarge       Code = "secret-too-large"      // the keyring takes no value of that size
	CodeProfileNotFound      Code = "profile-not-found"     // no such server in the profile file
	CodeProfileExists        Code = "profile-exists"        // the name is taken
	CodeProfileDamaged       Code = "profile-damaged"       // the profile file cannot be read; it was kept aside
	CodeProfileBusy          Code = "profile-busy"          // another Jellybind is writing
	CodeProfileNewer         Code = "profile-newer"         // a later Jellybind wrote the profile file
	CodeProfileUnwritable    Code = "profile-unwritable"    // the profile file or its folder cannot be opened or written
	CodeJournalDamaged       Code = "journal-damaged"       // lines of the journal could not be read; they were set aside
	CodeChangeRunning        Code = "change-running"        // a change is still being written, which needs the sign-in
	CodeTokenLeft            Code = "token-left"            // the server could not be told to end a token that nobody uses any more
	CodeChangeNotFound       Code = "change-not-found"      // the journal has no such change
	CodeChangeNotUndoable    Code = "change-not-undoable"   // the change cannot be undone on this flavour
)

// Error names what went wrong: a stable code, the situation, and its facts. It holds no sentence: package words has those, in
// each language, and the window and the command line choose there. It never holds a secret.
type Error struct {
	Code Code `json:"code"`
	// Why tells the situations of one code apart; it is empty where the code says it all.
	Why Why `json:"why,omitempty"`
	// Sentence says what happened and why, and Hint what to do next. They are empty below the command line and the window's
	// page.
	Sentence string `json:"sentence"`
	Hint     string `json:"hint,omitempty"`
	// Params are the facts (a host, a name), for the sentence and for programs.
	Params map[string]string `json:"params,omitempty"`
	// NoWay says what was tried and what would help, if no sign-in works.
	NoWay *NoWay `json:"noWay,omitempty"`
	// Err is the cause. It is matched with errors.Is and errors.As, and is not shown.
	Err error `json:"-"`
}

// Error returns the code, the reason and the facts, for logs.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(string(e.Code))
	if e.Why != "" {
		b.WriteString(" (" + string(e.Why) + ")")
	}
	lead := ": "
	for _, name := range slices.Sorted(maps.Keys(e.Params)) {
		b.WriteString(lead + name + " " + Printable(e.Params[name]))
		lead = ", "
	}
	return b.String()
}

// Refused is the error of a code for what an ability does not allow. Next names the hint, where the reason's does not fit.
func (a Ability) Refused(code Code, next string) *Error {
	e := &Error{Code: code, Why: a.Why, Params: a.Params}
	if next != "" {
		e.Params = maps.Clone(a.Params)
		if e.Params == nil {
			e.Params = map[string]string{}
		}
		e.Params["next"] = next
	}
	return e
}

// Because adds what led to the error, whose sentence follows the error's own.
func (e *Error) Because(err error) {
	cause, ok := errors.AsType[*Error](err)
	if !ok {
		return
	}
	params := make(map[string]string)
	maps.Copy(params, cause.Params)
	params["because"] = cmp.Or(string(cause.Why), string(cause.Code)) // not what led to the cause
	maps.Copy(params, e.Params)
	e.Params = params
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// CodeOf returns the code of the first Error in err's tree, CodeInternal when there is none, and "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return CodeInternal
}

// IsCode reports whether err carries the code.
func IsCode(err error, code Code) bool { return CodeOf(err) == code }
