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
		p.List = m.List
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
		if p.Saving {
			return nil, true
		}
		s.Form[FieldSecret] = ""
		if p.Edit == m.ID {
			p.Edit = ""
			return nil, true
		}
		p.Edit, p.Problem = m.ID, nil
		if d := s.edited(); d != nil {
			p.Draft = d.Settings
			s.Form[FieldPort] = ""
			if p.Draft.Port != 0 {
				s.Form[FieldPort] = strconv.Itoa(p.Draft.Port)
			}
			s.Form[FieldClientID] = p.Draft.ClientID
			s.Form[FieldScopes] = strings.Join(p.Draft.Scopes, " ")
			return []Cmd{Focus{ID: "port"}}, true
		}
	case PickHost:
		p.Draft.ListenHost = m.Host
	case AllowSHA1:
		p.Draft.AllowSHA1 = m.On
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
		s.closeDialog()
		return append(s.toast(&Toast{Key: "toast.secretDeleted"}), CallProviders{}, Focus{ID: "secret"}), true
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
		s.Providers.Problem = s.says(api.CodeUsage, "providers.port.bad")
		return []Cmd{Focus{ID: "port"}}
	}
	set := s.Providers.Draft
	set.Protocol, set.Provider, set.Port, set.HasSecret = d.Protocol, d.Name, port, d.Settings.HasSecret
	set.ClientID = strings.TrimSpace(s.Form[FieldClientID])
	set.Scopes = strings.Fields(s.Form[FieldScopes])
	secret := strings.TrimSpace(s.Form[FieldSecret])
	s.Form[FieldSecret] = ""
	s.Providers.Saving, s.Providers.Problem = true, nil
	return []Cmd{CallSaveProvider{Settings: set, Secret: secret}}
}
