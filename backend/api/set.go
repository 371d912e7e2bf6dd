package api

import "time"

// A server's links are a set. A source says which links are wanted (WantedSet), a pure function compares them with the roster
// and gives a plan (SetPlan), one runner carries it out, and the journal keeps it as one Run that can be taken back.

// SourceKind is where wanted links come from.
type SourceKind string

// The sources of wanted links.
const (
	SourceDocument  SourceKind = "document"  // a file with links
	SourcePeople    SourceKind = "people"    // an identity provider's list of people
	SourceRule      SourceKind = "rule"      // names made from the accounts' names
	SourceMapping   SourceKind = "mapping"   // links of one provider at another, or new names for old ones
	SourceSelection SourceKind = "selection" // links that a person chose
	SourceSnapshot  SourceKind = "snapshot"  // the links of an earlier moment
	SourceServer    SourceKind = "server"    // the links of another server
	SourceFinding   SourceKind = "finding"   // what a check proposes
	SourceUndo      SourceKind = "undo"      // the inverse of a run
)

// FileFormat is what a file with links or people turned out to be.
type FileFormat string

// ProviderRef names a provider. OIDC and SAML providers may share a name.
type ProviderRef struct {
	Protocol Protocol `json:"protocol"`
	Provider string   `json:"provider"`
}

// Ref names the identity's provider.
func (id Identity) Ref() ProviderRef {
	return ProviderRef{Protocol: id.Protocol, Provider: id.Provider}
}

// Ref names the provider.
func (p Provider) Ref() ProviderRef { return ProviderRef{Protocol: p.Protocol, Provider: p.Name} }

// SwitchedOff reports whether the provider is known to be off. Where its settings cannot be read it may be on.
func (p Provider) SwitchedOff() bool { return p.Known && !p.Enabled }

// Adopts reports whether the provider lets an identity that nobody has linked into the account of its name, if u is that account.
func (p Provider) Adopts(u User) bool {
	return p.AutoAdopt && p.Enabled && !(p.SparesAdministrators && u.Administrator)
}

// WantedLink is one link that a source asks for, as the source names it.
type WantedLink struct {
	// Line is where the source names it, from 1; 0 where the source has no lines. Links of one line, such as a new name and the
	// old one that goes, are made together or not at all.
	Line int `json:"line,omitempty"`
	Identity
	// UserID and UserName are the account by its id, its name or both. An id that the server does not know leaves it to the
	// name; an id and a name of two different accounts are refused.
	UserID   string `json:"userId,omitempty"`
	UserName string `json:"userName,omitempty"`
	// Gone is true where the link is to be removed instead. With an empty UserID and UserName, it is removed wherever it is.
	Gone bool `json:"gone,omitempty"`
	// Why and Params say why the source cannot make a link of this line, such as a person who matches two accounts. Why is empty
	// if it can.
	Why    Why               `json:"why,omitempty"`
	Params map[string]string `json:"params,omitempty"`
	// Remarks are what a person should know of a link that can be made, such as that nobody will be able to use it.
	Remarks []Remark `json:"remarks,omitempty"`
	// Undoes is the id of the change that this link takes back.
	Undoes string `json:"undoes,omitempty"`
}

// WantedSet is what a source asks for.
type WantedSet struct {
	Source SourceKind `json:"source"`
	// Label names the source for people, such as a file's base name. It is no path.
	Label  string       `json:"label,omitempty"`
	Format FileFormat   `json:"format,omitempty"`
	Links  []WantedLink `json:"links"`
	// Scope lists the providers that the source speaks for: SetOptions.Prune removes their other links only.
	Scope []ProviderRef `json:"scope,omitempty"`
	// Undoes is the id of the run that this set takes back.
	Undoes string `json:"undoes,omitempty"`
	// Remarks are about the whole source.
	Remarks []Remark `json:"remarks,omitempty"`
}

// SetOptions is what the person allows.
type SetOptions struct {
	// Prune removes the links that the set does not name, at the providers of its Scope.
	Prune bool `json:"prune,omitempty"`
	// Move takes identities from other accounts.
	Move bool `json:"move,omitempty"`
	// LeaveOut leaves refused lines out. Without it a plan with a refused line cannot be run.
	LeaveOut bool `json:"leaveOut,omitempty"`
	// Without lists further lines to leave out, by WantedLink.Line.
	Without []int `json:"without,omitempty"`
	// LastWay allows removing the last link of an administrator, or of an account that nobody could sign in to afterwards.
	LastWay bool `json:"lastWay,omitempty"`
	// ViaUnregister allows the detour by Unregister, which ends the account's sessions.
	ViaUnregister bool `json:"viaUnregister,omitempty"`
}

// SetAction is what a plan does about one line.
type SetAction string

// The actions of a plan's lines.
const (
	SetAdd    SetAction = "add"
	SetSame   SetAction = "same" // it is there already
	SetMove   SetAction = "move" // from another account
	SetRemove SetAction = "remove"
	SetRefuse SetAction = "refuse" // it cannot be done; Why says why
)

// SetLine is one line of a plan: what becomes of one link.
type SetLine struct {
	// Line is WantedLink.Line; 0 for what Prune removes. Gone is WantedLink.Gone: then SetSame means that the link is not there,
	// or that another line says what becomes of it.
	Line   int       `json:"line,omitempty"`
	Gone   bool      `json:"gone,omitempty"`
	Action SetAction `json:"action"`
	// Link is the identity and the account that gains or loses it. UserID is empty for a refused line without an account.
	Link
	UserName string `json:"userName,omitempty"`
	// FromID and FromName are the account that a move takes the identity from.
	FromID   string `json:"fromId,omitempty"`
	FromName string `json:"fromName,omitempty"`
	// ViaUnregister is true where only the detour by Unregister removes the link.
	ViaUnregister bool `json:"viaUnregister,omitempty"`
	// Skipped is true where the person leaves the line out.
	Skipped bool `json:"skipped,omitempty"`
	// Why and Params say why the line is refused; Reason and Hint are their sentence and what to do, for --json only.
	Why    Why               `json:"why,omitempty"`
	Params map[string]string `json:"params,omitempty"`
	Reason string            `json:"reason,omitempty"`
	Hint   string            `json:"hint,omitempty"`
	// Closest are names of accounts that the line may have meant, or of providers if it is the provider that is not there.
	Closest []string `json:"closest,omitempty"`
	Remarks []Remark `json:"remarks,omitempty"`
	// Undoes is WantedLink.Undoes.
	Undoes string `json:"undoes,omitempty"`
}

// SetCounts counts a plan's lines by their action. Skipped lines count only there.
type SetCounts struct {
	Add     int `json:"add"`
	Same    int `json:"same"`
	Move    int `json:"move"`
	Remove  int `json:"remove"`
	Refused int `json:"refused"`
	Skipped int `json:"skipped"`
}

// Count counts a line.
func (c *SetCounts) Count(l SetLine) {
	switch {
	case l.Skipped:
		c.Skipped++
	case l.Action == SetAdd:
		c.Add++
	case l.Action == SetSame:
		c.Same++
	case l.Action == SetMove:
		c.Move++
	case l.Action == SetRemove:
		c.Remove++
	case l.Action == SetRefuse:
		c.Refused++
	}
}

// Changes is how many links the plan changes.
func (c SetCounts) Changes() int { return c.Add + c.Move + c.Remove }

// SetPlan says what would be done, before anything happens.
type SetPlan struct {
	Source SourceKind `json:"source"`
	Label  string     `json:"label,omitempty"`
	Format FileFormat `json:"format,omitempty"`
	Undoes string     `json:"undoes,omitempty"`
	Counts SetCounts  `json:"counts"`
	// Able is whether the plan can be run, and why not.
	Able Ability `json:"able"`
	// Write is how links are added; Writes is how many requests the run needs at least.
	Write  WriteMethod `json:"write,omitempty"`
	Writes int         `json:"writes"`
	// Remarks are what a person should read before going on, such as whom the removals shut out.
	Remarks []Remark `json:"remarks,omitempty"`
	// Lines come in the order of the source, then what Prune removes by provider, account and name.
	Lines []SetLine `json:"lines"`
}

// RunState is how a run of many changes stands.
type RunState string

// The states of runs.
const (
	RunOpen    RunState = "open"    // it was begun, and has not ended: it is under way, or was cut short
	RunDone    RunState = "done"    // every change is made
	RunPartly  RunState = "partly"  // it has ended, and some changes were not made
	RunStopped RunState = "stopped" // the person stopped it between two writes
	RunUndone  RunState = "undone"
)

// Run is a set of changes that were made together, as the journal keeps it.
type Run struct {
	// ID is empty for a set of one change, which stands in the journal by itself.
	ID     string     `json:"id"`
	Time   time.Time  `json:"time"`
	Server string     `json:"server"`
	Source SourceKind `json:"source"`
	Label  string     `json:"label,omitempty"`
	State  RunState   `json:"state"`
	// Planned counts what was to be done; Made, Failed and Unknown count the changes by how they ended, and Left the ones that
	// were not begun. Of an open run, the counts are those at its beginning.
	Planned SetCounts `json:"planned"`
	Made    int       `json:"made"`
	Failed  int       `json:"failed"`
	Unknown int       `json:"unknown"`
	Left    int       `json:"left,omitempty"`
	// Ended is zero while the run is open.
	Ended time.Time `json:"ended,omitzero"`
	// Undoes is the id of the run that this one took back.
	Undoes string `json:"undoes,omitempty"`
	// Undoable is true where the run can be taken back with the present sign-in, as far as the journal and the capabilities tell.
	Undoable bool `json:"undoable,omitempty"`
	// Snapshot is the id of the snapshot that was taken before the run; empty if there is none.
	Snapshot string `json:"snapshot,omitempty"`
	// Changes are the run's changes, in the order of the plan. They are read only when the run is opened; a page of the history
	// of one account has the account's.
	Changes []Change `json:"changes,omitempty"`
}

// Snapshot describes the links of a moment, which were saved before a run.
type Snapshot struct {
	ID     string    `json:"id"`
	Time   time.Time `json:"time"`
	Server string    `json:"server"`
	// Source and Label are of the run that was about to begin.
	Source SourceKind `json:"source,omitempty"`
	Label  string     `json:"label,omitempty"`
	Links  int        `json:"links"`
}

// HistoryQuery asks for a page of the history. Empty fields do not filter.
type HistoryQuery struct {
	// Before is HistoryPage.Next of the page before; empty begins with the newest.
	Before string `json:"before,omitempty"`
	// Limit is how many entries to return at most; 0 means 100.
	Limit    int         `json:"limit,omitempty"`
	UserID   string      `json:"userId,omitempty"`
	Protocol Protocol    `json:"protocol,omitempty"`
	Provider string      `json:"provider,omitempty"`
	Kind     ChangeKind  `json:"kind,omitempty"`
	State    ChangeState `json:"state,omitempty"`
}

// HistoryEntry is a single change, or a run. The other one is nil.
type HistoryEntry struct {
	Change *Change `json:"change,omitempty"`
	Run    *Run    `json:"run,omitempty"`
}

// HistoryPage is a part of the history, newest first.
type HistoryPage struct {
	Entries []HistoryEntry `json:"entries"`
	// Next asks for the page after this one; empty if there is none.
	Next string `json:"next,omitempty"`
	// Damaged tells of lines of the journal that could not be read; nil if there are none.
	Damaged *Error `json:"damaged,omitempty"`
}

// Severity is how bad a finding is.
type Severity string

// The severities of findings, worst first.
const (
	SeverityDanger  Severity = "danger"  // somebody else can get in
	SeverityLocked  Severity = "locked"  // somebody cannot get in
	SeverityWarning Severity = "warning" // it will go wrong some day
	SeverityNotice  Severity = "notice"  // worth tidying
)

// FindingKind is what a check looks for. Package words has its sentences.
type FindingKind string

// The kinds of findings.
const (
	FindingOrphan       FindingKind = "orphan"        // links of accounts that were deleted
	FindingAtRisk       FindingKind = "at-risk"       // a name that is free at a provider opens an account
	FindingLockedOut    FindingKind = "locked-out"    // an account of the plugin's sign-in provider that no identity opens
	FindingOneWay       FindingKind = "one-way"       // the only administrator who can get in has one way only
	FindingDisabled     FindingKind = "disabled"      // links of a disabled account
	FindingUnaddressed  FindingKind = "unaddressable" // names that DELETE cannot address
	FindingTwice        FindingKind = "twice"         // probably the same person with two accounts
	FindingProviderOff  FindingKind = "provider-off"  // links at a provider that is switched off
	FindingProviderGone FindingKind = "provider-gone" // links at a provider that is not there
	FindingForeignKey   FindingKind = "foreign-key"   // links that another plugin or claim made, which open nothing here
	FindingUnused       FindingKind = "unused"        // links that were never used
)

// Finding is one thing that a check found.
type Finding struct {
	Kind     FindingKind `json:"kind"`
	Severity Severity    `json:"severity"`
	// Guess is true where only the form of names speaks for it.
	Guess bool `json:"guess,omitempty"`
	// Provider is set where the finding is about one provider.
	Provider *ProviderRef `json:"provider,omitempty"`
	// Links are the links that it is about, and Accounts the accounts by id; accounts of the links are among them.
	Links    []Link   `json:"links,omitempty"`
	Accounts []string `json:"accounts"`
	// Why and Params name the sentence and its facts.
	Why    Why               `json:"why"`
	Params map[string]string `json:"params,omitempty"`
	// Action is what mends it through a plan: what Mend returns for it. It is empty where nothing but a person can.
	Action FindingAction `json:"action,omitempty"`
	// Sentence and Next say what it means and what to do, for --json only.
	Sentence string `json:"sentence,omitempty"`
	Next     string `json:"next,omitempty"`
}

// FindingAction is how a finding can be mended.
type FindingAction string

// The actions of findings. ActionRemove and ActionLink are plans of links; the others lead to what the person does.
const (
	ActionRemove     FindingAction = "remove"     // remove the links
	ActionLink       FindingAction = "link"       // link the account's own name at the provider
	ActionRekey      FindingAction = "rekey"      // turn the names into subjects, with a list of people
	ActionUnregister FindingAction = "unregister" // return the account to password sign-in
	ActionMerge      FindingAction = "merge"      // move the second account's links to the first
)
