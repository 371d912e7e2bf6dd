package state

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/jellybind/jellybind/backend/api"
)

// CallPlanLink asks how a link will be made.
type CallPlanLink struct {
	Number  int
	Request api.LinkRequest
}

// Planned answers CallPlanLink.
type Planned struct {
	Number int
	Plan   api.Plan
	Err    *api.Error
}

// Do calls PlanLink.
func (c CallPlanLink) Do(ctx context.Context, b Backend) Msg {
	plan, err := get[api.Plan](ctx, b, "PlanLink", c.Request)
	return Planned{Number: c.Number, Plan: plan, Err: err}
}

// CallStartLink starts a link. Events of the flow say how it goes on.
type CallStartLink struct {
	Number  int
	Request api.LinkRequest
}

// FlowStarted answers CallStartLink.
type FlowStarted struct {
	Number int
	ID     string
	Err    *api.Error
}

// FlowMoved is the event of a flow.
type FlowMoved struct{ Event api.FlowEvent }

// Do calls StartLink.
func (c CallStartLink) Do(ctx context.Context, b Backend) Msg {
	id, err := get[string](ctx, b, "StartLink", c.Request)
	return FlowStarted{Number: c.Number, ID: id, Err: err}
}

// CallConfirm answers a flow's question.
type CallConfirm struct {
	ID  string
	Yes bool
}

// Do calls ConfirmFlow.
func (c CallConfirm) Do(ctx context.Context, b Backend) Msg {
	return Called{Err: do(ctx, b, "ConfirmFlow", c.ID, c.Yes)}
}

// CallOpenSignIn opens a flow's sign-in address in the browser again.
type CallOpenSignIn struct{ ID string }

// Do calls OpenSignIn.
func (c CallOpenSignIn) Do(ctx context.Context, b Backend) Msg {
	return Called{Err: do(ctx, b, "OpenSignIn", c.ID)}
}

// CallCancelFlow ends a flow.
type CallCancelFlow struct{ ID string }

// Do calls CancelFlow. A flow that has ended by itself is as good.
func (c CallCancelFlow) Do(ctx context.Context, b Backend) Msg {
	_ = do(ctx, b, "CancelFlow", c.ID)
	return nil
}

func (s *State) updateLink(msg Msg) ([]Cmd, bool) {
	l := &s.Link
	switch m := msg.(type) {
	case StartLinking:
		return s.startLinking(m.Account), true
	case CloseGap:
		return s.closeGap(m), true
	case LeaveLink:
		s.Drawer.Linking = false
		s.dropLink()
		return []Cmd{Focus{ID: "link-identity"}}, true
	case ReturnToLink:
		if !s.bringBack(m.UserID) {
			return nil, true
		}
		s.Drawer = Drawer{UserID: m.UserID}
		var cmds []Cmd
		if s.Screen != ScreenRoster && s.Screen != ScreenOwn {
			cmds = s.stopConnecting()
			s.Screen = s.first()
		}
		return append(cmds, s.openDrawer()...), true
	case LinkTab:
		if l.Running() {
			return nil, true
		}
		l.Subject, l.Request.Name = m.Subject, s.Form[FieldSubject]
		focus := Focus{ID: "tab-signin"} // the arrows move from the tab that has it
		l.Request.Strategy = ""
		if m.Subject {
			l.Request.Strategy, focus.ID = api.StrategySubject, "tab-subject"
		}
		return append(s.plan(false), focus), true
	case PickProvider:
		l.fresh = false
		return s.pickProvider(m.Protocol, m.Name), true
	case PickStrategy:
		l.Request.Strategy, l.Subject = m.Strategy, m.Strategy == api.StrategySubject
		return s.plan(false), true
	case AllowMove:
		l.Request.Move = m.On
	case RememberPerson:
		l.Remember = m.On
	case ToggleMore:
		l.More = !l.More
	case Planned:
		if m.Number != l.plan || l.Step != LinkChoose {
			return nil, true
		}
		l.Planning = false
		if m.Err != nil {
			l.Plan, l.Error = nil, m.Err
			return nil, true
		}
		l.Plan, l.Error = &m.Plan, nil
		if l.fresh && m.Plan.OK { // Enter goes on
			l.fresh = false
			return []Cmd{Focus{ID: "run-link", From: "link-step"}}, true
		}
	case RunLink:
		return s.runLink(m.Device), true
	case FlowStarted:
		l = s.findLink(func(l *Link) bool { return l.Starting && l.start == m.Number })
		if l == nil {
			return cancelLate(m.ID), true
		}
		l.Starting = false
		if m.Err != nil {
			return s.linkMoved(l, api.FlowEvent{Step: "failed", Error: m.Err}), true
		}
		l.FlowID = m.ID
		return s.replay(m.ID), true
	case FlowMoved:
		return s.flowMoved(m.Event), true
	case Answer:
		if l.Local != "" {
			l.Local = ""
			return []Cmd{CallConfirm{ID: l.FlowID, Yes: m.Yes}, Focus{ID: "link-step"}}, true
		}
		if l.Step != LinkConfirm {
			return nil, true
		}
		if m.Yes || l.Confirm != nil && l.Confirm.Written { // where it is written, a no removes it again
			l.Step = LinkWriting
		} else {
			l.Step, l.Error = LinkFailed, s.says(api.CodeCancelled, "link.refusedByPerson")
		}
		return []Cmd{CallConfirm{ID: l.FlowID, Yes: m.Yes}, Focus{ID: "link-step"}}, true
	case LinkAtHome:
		return s.linkAtHome(), true
	case WatchLink:
		if s.findLink(func(l *Link) bool { return l.Step == LinkHome && l.start == m.Number }) == nil {
			return nil, true
		}
		return []Cmd{s.watch(m.Number)}, true
	case Watched:
		return s.watched(m), true
	case CancelLink:
		cmds := cancelLate(l.FlowID)
		l.again()
		return append(cmds, Focus{ID: "link-step"}), true
	case LinkAgain:
		retry := l.Error != nil && l.Error.NoWay != nil
		l.again()
		return append(s.plan(retry), Focus{ID: "link-step"}), true
	case FindWay:
		return s.plan(true), true
	case MoveHere:
		if l.Step != LinkFailed {
			return nil, true
		}
		l.Request.Move = true
		device := l.Elsewhere()
		l.again()
		return s.runLink(device), true
	case OpenBrowser:
		l.NoBrowser, s.Verify.NoBrowser = false, false
		return []Cmd{CallOpenSignIn(m)}, true
	default:
		return nil, false
	}
	return nil, true
}

// watchPace is the time between two looks for a link that somebody makes at home.
const watchPace = 15 * time.Second

// CallWatch reads an account's links.
type CallWatch struct {
	Number int
	UserID string
}

// Watched answers CallWatch.
type Watched struct {
	Number  int
	Account api.Account
	Err     *api.Error
}

// Do calls WatchAccount.
func (c CallWatch) Do(ctx context.Context, b Backend) Msg {
	a, err := get[api.Account](ctx, b, "WatchAccount", c.UserID)
	return Watched{Number: c.Number, Account: a, Err: err}
}

// CanLinkAtHome reports whether the server's own page can link somebody who is not in front of this computer. It links OpenID
// identities only, and on some plugins it signs in with them instead.
func (s *State) CanLinkAtHome() bool {
	return !s.Plain() && !s.Can().PageSignsIn && s.Can().ReadRoster.OK && s.Link.Request.Protocol == api.OIDC
}

func (s *State) linkAtHome() []Cmd {
	l := &s.Link
	if l.Step != LinkChoose || !s.CanLinkAtHome() {
		return nil
	}
	l.Step, l.start, l.Error, l.Change, l.Before = LinkHome, s.call(), nil, nil, nil
	if s.Drawer.Row != nil {
		l.Before = s.Drawer.Row.Identities
	}
	cmds := []Cmd{Focus{ID: "link-step"}, After{Delay: watchPace, Msg: WatchLink{Number: l.start}}}
	if s.Self.Kit == nil {
		cmds = append(cmds, CallSelf{})
	}
	return cmds
}

func (s *State) watch(number int) Cmd {
	l := s.findLink(func(l *Link) bool { return l.start == number })
	return CallWatch{Number: number, UserID: l.Account.ID}
}

// watched ends the watch once the account has an identity of the provider that it did not have. A failure is tried again.
func (s *State) watched(m Watched) []Cmd {
	l := s.findLink(func(l *Link) bool { return l.Step == LinkHome && l.start == m.Number })
	if l == nil {
		return nil
	}
	came := slices.IndexFunc(m.Account.Identities, func(i api.Identity) bool {
		return i.Provider == l.Request.Provider && i.Protocol == l.Request.Protocol && !slices.Contains(l.Before, i)
	})
	if l.Error = m.Err; m.Err != nil || came < 0 {
		return []Cmd{After{Delay: watchPace, Msg: WatchLink{Number: m.Number}}}
	}
	identity, name := m.Account.Identities[came], l.Account.Name
	cmds := s.linkDone(l, nil)
	return append(cmds, s.toast(&Toast{
		Key: "toast.linkedAtHome", Pairs: []string{"name", name, "identity", identity.Name, "provider", identity.Provider},
	})...)
}

// again returns to the choice and keeps what was chosen.
func (l *Link) again() {
	l.Step, l.FlowID, l.Starting, l.Planning, l.Unseen = LinkChoose, "", false, false, false
	l.Error, l.SignIn, l.Device, l.QR, l.Confirm, l.Progress, l.Local = nil, nil, nil, nil, nil, nil, ""
	if l.Elsewhere() {
		l.Request.Strategy = ""
	}
}

// findLink returns the link that matches: the open one or one of those behind it, and nil if there is none.
func (s *State) findLink(match func(*Link) bool) *Link {
	if match(&s.Link) {
		return &s.Link
	}
	if i := slices.IndexFunc(s.Behind, func(l Link) bool { return match(&l) }); i >= 0 {
		return &s.Behind[i]
	}
	return nil
}

// dropLink ends with the open link, unless it is to be kept.
func (s *State) dropLink() {
	if !s.Link.Kept() {
		s.Link = Link{}
	}
}

// putBack makes room for another link. The open one waits behind it, if it is to be kept.
func (s *State) putBack() {
	if s.Link.Kept() {
		s.Behind = append(s.Behind, s.Link)
	}
	s.Link = Link{}
}

// bringBack makes the kept link of an account the open one. It reports false if there is none.
func (s *State) bringBack(userID string) bool {
	if userID == "" {
		return false
	}
	if s.Link.Account.ID != userID {
		i := slices.IndexFunc(s.Behind, func(l Link) bool { return l.Account.ID == userID })
		if i < 0 {
			return false
		}
		back := s.Behind[i]
		s.Behind = slices.Delete(s.Behind, i, i+1)
		s.putBack()
		s.Link = back
	}
	return true
}

// Links returns the links that are kept while something else is shown, the oldest first.
func (s *State) Links() []Link {
	kept := slices.Clone(s.Behind)
	if s.Link.Kept() && !s.LinkShown() {
		kept = append(kept, s.Link)
	}
	return kept
}

// cancelLate cancels a flow that started too late to be wanted.
func cancelLate(id string) []Cmd {
	if id == "" {
		return nil
	}
	return []Cmd{CallCancelFlow{ID: id}}
}

func (s *State) startLinking(u api.User) []Cmd {
	// One browser serves one sign-in; on other devices any number of people can sign in.
	if waits := s.findLink(func(l *Link) bool {
		return l.Running() && (l.Account.ID == u.ID || !l.Elsewhere() && l.Step == LinkSignIn)
	}); waits != nil {
		return s.Update(ReturnToLink{UserID: waits.Account.ID})
	}
	if s.Link.Account.ID == u.ID || s.bringBack(u.ID) {
		s.Link = Link{} // it failed, and this is the next try
	}
	s.putBack()
	if s.Drawer.UserID != u.ID {
		s.Drawer = Drawer{UserID: u.ID}
		s.activateAccount(u.ID)
	}
	s.Drawer.Linking = true
	s.Link = Link{Step: LinkChoose, Account: u, Request: api.LinkRequest{UserID: u.ID}}
	s.Form[FieldSubject] = ""
	cmds := []Cmd{CallAccount{UserID: u.ID}, CallChanges{UserID: u.ID}}
	s.Link.fresh = true
	return append(append(cmds, s.pickLikely()...), Focus{ID: "link-step"})
}

// closeGap starts to link a name that is free, by typing it: nobody has to sign in for that.
func (s *State) closeGap(m CloseGap) []Cmd {
	cmds := s.startLinking(m.Account)
	l := &s.Link
	if l.Step != LinkChoose || l.Account.ID != m.Account.ID {
		return cmds // another one is under way
	}
	l.fresh, l.Subject, l.Request.Strategy, l.Request.Name = false, true, api.StrategySubject, m.Gap.Name
	s.Form[FieldSubject] = m.Gap.Name
	return append(cmds, append(s.pickProvider(m.Gap.Protocol, m.Gap.Provider), Focus{ID: "subject"})...)
}

func (s *State) pickProvider(protocol api.Protocol, name string) []Cmd {
	l := &s.Link
	l.Request.Protocol, l.Request.Provider = protocol, name
	if !l.Subject {
		l.Request.Strategy = ""
	}
	return s.plan(false)
}

// pickLikely chooses the provider at which the account is probably missing: one where it has no identity yet. Of those it is
// one that lets a stranger of the account's name in, or the last one that was linked at, or the one with the most links.
func (s *State) pickLikely() []Cmd {
	row := s.Drawer.Row
	if row == nil {
		row = s.Self.Own
	}
	rank := func(p api.ProviderDetail) int {
		n := min(p.Links, 1<<20)
		if row != nil && row.AtRisk && p.AutoAdopt {
			n += 1 << 22
		}
		if ProviderID(p.Protocol, p.Name) == s.lastLinked {
			n += 1 << 21
		}
		if row != nil && slices.ContainsFunc(row.Identities, func(i api.Identity) bool {
			return i.Provider == p.Name && i.Protocol == p.Protocol
		}) {
			n -= 1 << 23
		}
		return n
	}
	list := s.LinkProviders()
	if len(list) == 0 {
		return nil
	}
	likely := slices.MaxFunc(list, func(a, b api.ProviderDetail) int { return cmp.Compare(rank(a), rank(b)) })
	return s.pickProvider(likely.Protocol, likely.Name)
}

// activateAccount makes the account's row the active one, which gets the focus when the drawer closes. The drawer shows the
// row until the account is loaded.
func (s *State) activateAccount(userID string) {
	for i := range s.Roster.Total {
		if row, ok := s.Roster.Row(i); ok && row.ID == userID {
			s.Roster.Active, s.Drawer.Row = i, &row
			return
		}
	}
}

// LinkProviders returns the providers that a link can be made with: those that are on, or whose state is unknown.
func (s *State) LinkProviders() []api.ProviderDetail {
	return slices.DeleteFunc(slices.Clone(s.Providers.List), func(p api.ProviderDetail) bool {
		return p.SwitchedOff()
	})
}

// plan asks how the link will be made. With retry the backend tries the ways again instead of taking what it remembers.
func (s *State) plan(retry bool) []Cmd {
	l := &s.Link
	if l.Request.Provider == "" {
		return nil
	}
	l.plan, l.Planning, l.Error = s.call(), true, nil
	if l.Plan != nil && (l.Plan.Provider.Name != l.Request.Provider || l.Plan.Provider.Protocol != l.Request.Protocol) {
		l.Plan = nil
	}
	request := l.Request
	request.Retry = retry
	return []Cmd{CallPlanLink{Number: l.plan, Request: request}}
}

func (s *State) runLink(device bool) []Cmd {
	l := &s.Link
	if l.Step != LinkChoose || l.Request.Provider == "" {
		return nil
	}
	switch {
	case device:
		l.Request.Strategy = api.StrategyDevice
	case l.Subject:
		l.Request.Strategy, l.Request.Name = api.StrategySubject, s.Form[FieldSubject]
		if strings.TrimSpace(l.Request.Name) == "" {
			l.Error = s.says(api.CodeNameInvalid, "link.subject.empty")
			return []Cmd{Focus{ID: "subject"}}
		}
	case l.Plan == nil || !l.Plan.OK || l.Planning || l.Plan.Strategy == api.StrategySubject:
		return nil
	}
	l.Step, l.Starting, l.Error, l.Change, l.start = LinkSignIn, true, nil, nil, s.call()
	return []Cmd{CallStartLink{Number: l.start, Request: l.Request}, Focus{ID: "link-step"}}
}

// flowMoved handles an event of a flow. Events that come before the id of the flow is known wait in early.
func (s *State) flowMoved(e api.FlowEvent) []Cmd {
	switch {
	case e.ID == "":
		return nil
	case e.ID == s.Verify.FlowID:
		return s.verifyMoved(e)
	case s.Connect.Quick != nil && e.ID == s.Connect.Quick.ID:
		return s.quickMoved(e)
	}
	if l := s.findLink(func(l *Link) bool { return l.FlowID == e.ID }); l != nil {
		return s.linkMoved(l, e)
	}
	if s.flowStarting() {
		s.early = append(s.early, e)
	}
	return nil
}

// flowStarting reports whether the id of a flow is not known yet.
func (s *State) flowStarting() bool {
	return s.Verify.Starting || s.Connect.Busy || s.findLink(func(l *Link) bool { return l.Starting }) != nil
}

// replay handles the events that came before the id.
func (s *State) replay(id string) []Cmd {
	early := s.early
	s.early = nil
	var cmds []Cmd
	for _, e := range early {
		if e.ID == id {
			cmds = append(cmds, s.flowMoved(e)...)
		} else if s.flowStarting() {
			s.early = append(s.early, e)
		}
	}
	return cmds
}

// linkMoved takes an event of a link, which may be behind the open one.
func (s *State) linkMoved(l *Link, e api.FlowEvent) []Cmd {
	open := l == &s.Link
	var focus []Cmd
	if open {
		focus = []Cmd{Focus{ID: "link-step"}}
	}
	switch e.Step {
	case "progress":
		switch {
		case browserFailed(e):
			l.NoBrowser = true
		case l.SignIn != nil && warns(e):
			l.Warning = e.Progress
		default:
			l.Progress = e.Progress
		}
	case "local":
		l.Local = e.Address
		if open && s.Drawer.UserID == l.Account.ID {
			s.Drawer.Linking = true
		}
		return focus
	case "sign-in":
		l.SignIn, l.NoBrowser, l.Local, l.Warning = e.SignIn, false, "", nil
	case "device":
		l.Device, l.QR, l.NoBrowser = e.Device, e.QR, false
	case "confirm":
		l.Step, l.Confirm = LinkConfirm, e.Confirmation
		if open && s.Drawer.UserID == l.Account.ID {
			s.Drawer.Linking = true
		}
		return focus
	case "done":
		return append(s.linkDone(l, e.Change), focus...)
	case "failed":
		l.FlowID, l.Local = "", ""
		if l.Step == LinkFailed { // the person said no, and has seen the result
			return nil
		}
		l.Step, l.Error = LinkFailed, e.Error
		if !open || !s.LinkShown() {
			l.Unseen = l.Elsewhere() // anybody may have been awaited, so that one has to see who
			return append(focus, s.tell(e.Error)...)
		}
		return focus
	}
	return nil
}

// linkDone ends a link that was made.
func (s *State) linkDone(l *Link, c *api.Change) []Cmd {
	name := l.Account.Name
	l.Step, l.Change, l.FlowID = LinkDone, c, ""
	s.Behind = slices.DeleteFunc(s.Behind, func(l Link) bool { return l.Step == LinkDone })
	cmds := s.afterChange()
	if c == nil {
		return cmds
	}
	if l.Remember && l.Confirm != nil && len(c.Identities) > 0 {
		cmds = append(cmds, CallSaveNote{Note: api.IdentityNote{Identity: c.Identities[0], Text: l.Confirm.Person()}})
	}
	s.lastLinked = ProviderID(l.Request.Protocol, l.Request.Provider)
	return append(cmds, s.toast(&Toast{Key: "toast.linked", Pairs: []string{"name", name}, Undo: s.record(*c)})...)
}

// browserFailed reports whether no browser opened. The person can still copy the address.
func browserFailed(e api.FlowEvent) bool {
	return e.Progress != nil && e.Progress.Step == string(api.CodeBrowserFailed)
}

// warns reports whether a sign-in that waits has something to tell.
func warns(e api.FlowEvent) bool { return e.Progress != nil && e.Progress.Why != "" }

// over takes away what the verification has shown or asked so far.
func (v *Verify) over() { v.SignIn, v.Device, v.QR, v.Local, v.Asks = nil, nil, nil, "", nil }

func (s *State) verifyMoved(e api.FlowEvent) []Cmd {
	v := &s.Verify
	switch e.Step {
	case "progress":
		v.NoBrowser = v.NoBrowser || browserFailed(e)
		if v.SignIn != nil && warns(e) {
			v.Warning = e.Progress
		}
	case "sign-in":
		v.over()
		v.SignIn, v.NoBrowser, v.Warning = e.SignIn, false, nil
	case "device":
		v.over()
		v.Device, v.QR, v.NoBrowser = e.Device, e.QR, false
	case "local":
		v.Local = e.Address
		return []Cmd{Focus{ID: "verify-no"}}
	case "confirm":
		v.over()
		v.Asks = e.Confirmation
		return []Cmd{Focus{ID: "verify-no"}}
	case "verified":
		v.over()
		v.Result = e.Verified
	case "failed":
		v.over()
		v.Error = e.Error
	}
	return nil
}

func (s *State) quickMoved(e api.FlowEvent) []Cmd {
	switch e.Step {
	case "connected":
		if e.Session != nil {
			s.Connect.Quick = nil
			return s.connected(Connected{Session: *e.Session})
		}
	case "failed":
		s.Connect.Quick, s.Connect.Error = nil, e.Error
		return []Cmd{Focus{ID: "title"}}
	}
	return nil
}

// cancelFlows cancels all flows that wait for a person.
func (s *State) cancelFlows() []Cmd {
	cmds := slices.Concat(s.cancelQuick(), s.cancelVerify(), cancelLate(s.Link.FlowID))
	for _, l := range s.Behind {
		cmds = append(cmds, cancelLate(l.FlowID)...)
	}
	return cmds
}

// LinkShown reports whether the drawer shows the link.
func (s *State) LinkShown() bool { return s.Drawer.Linking && s.Drawer.UserID == s.Link.Account.ID }

// Waiting reports whether a countdown is visible, which needs a tick a second.
func (s *State) Waiting() bool {
	return s.Verify.SignIn != nil || s.Verify.Device != nil || s.findLink((*Link).awaited) != nil
}
