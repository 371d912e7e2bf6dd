package state

import (
	"strconv"
	"strings"

	"github.com/jellybind/jellybind/backend/api"
)

func (s *State) updateProviders(msg Msg) ([]Cmd, bool) {
	p := &s.Providers
	switch m := msg.(type) {
	case ProvidersLoaded:
		p.Loading, p.Loaded, p.Error = false, true, m.Err
		if m.Err != nil {
			return nil, true
		}
		before := s.edited()
		p.List = m.List
		if now := s.edited(); now != nil && before != nil { // what was chosen and not saved yet
			now.Settings.ListenHost, now.Settings.AllowSHA1 = before.Settings.ListenHost, before.Settings.AllowSHA1
		}
		// The link panel may have opened before the providers came.
		if l := &s.Link; l.Step == LinkChoose && l.Request.Provider == "" {
			if usable := s.LinkProviders(); len(usable) == 1 {
				return s.Update(PickProvider{Protocol: usable[0].Protocol, Name: usable[0].Name}), true
			}
		}
	case TestProvider:
		p.Tests[ProviderID(m.Protocol, m.Name)] = ProviderTest{Running: true}
		return []Cmd{CallTestProvider(m)}, true
	case ProviderTested:
		t := ProviderTest{Error: m.Err}
		if m.Err == nil {
			t.Result = &m.Result
		}
		p.Tests[m.ID] = t
	case EditProvider:
		if p.Edit == m.ID {
			p.Edit = ""
			return nil, true
		}
		p.Edit, p.Problem = m.ID, nil
		if d := s.edited(); d != nil {
			s.Form[FieldPort] = ""
			if d.Settings.Port != 0 {
				s.Form[FieldPort] = strconv.Itoa(d.Settings.Port)
			}
			s.Form[FieldClientID] = d.Settings.ClientID
			s.Form[FieldScopes] = strings.Join(d.Settings.Scopes, " ")
			s.Form[FieldSecret] = ""
			return []Cmd{Focus{ID: "port"}}, true
		}
	case PickHost:
		if d := s.edited(); d != nil {
			d.Settings.ListenHost = m.Host
		}
	case AllowSHA1:
		if d := s.edited(); d != nil {
			d.Settings.AllowSHA1 = m.On
		}
	case SaveProvider:
		return s.saveProvider(), true
	case ProviderSaved:
		p.Saving = false
		if m.Err != nil {
			p.Problem = m.Err
			return nil, true
		}
		p.Edit, p.Problem = "", nil
		return append(s.toast(&Toast{Key: "toast.saved"}), CallProviders{}), true
	case SecretDeleted:
		s.Dialog.Busy = false
		if m.Err != nil {
			s.Dialog.Error = m.Err
			return nil, true
		}
		cmds := append(s.closeDialog(), s.toast(&Toast{Key: "toast.secretDeleted"})...)
		return append(cmds, CallProviders{}, Focus{ID: "secret"}), true
	default:
		return nil, false
	}
	return nil, true
}

func (s *State) edited() *api.ProviderDetail {
	for i := range s.Providers.List {
		if d := &s.Providers.List[i]; ProviderID(d.Protocol, d.Name) == s.Providers.Edit {
			return d
		}
	}
	return nil
}

func (s *State) saveProvider() []Cmd {
	d := s.edited()
	if d == nil || s.Providers.Saving {
		return nil
	}
	port, ok := parsePort(s.Form[FieldPort])
	if !ok {
		s.Providers.Problem = &api.Error{Code: api.CodeUsage, Sentence: s.Text().T("providers.port.bad")}
		return []Cmd{Focus{ID: "port"}}
	}
	set := d.Settings
	set.Protocol, set.Provider, set.Port = d.Protocol, d.Name, port
	set.ClientID = strings.TrimSpace(s.Form[FieldClientID])
	set.Scopes = strings.Fields(s.Form[FieldScopes])
	secret := strings.TrimSpace(s.Form[FieldSecret])
	s.Form[FieldSecret] = ""
	s.Providers.Saving, s.Providers.Problem = true, nil
	return []Cmd{CallSaveProvider{Settings: set, Secret: secret}}
}
