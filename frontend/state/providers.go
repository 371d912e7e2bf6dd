package state

import (
	"context"
	"strconv"
	"strings"

	"github.com/jellybind/jellybind/backend/api"
)

// CallProviders asks for the server's providers.
type CallProviders struct{}

// ProvidersLoaded answers CallProviders.
type ProvidersLoaded struct {
	List []api.ProviderDetail
	Err  *api.Error
}

// Do calls Providers.
func (CallProviders) Do(ctx context.Context, b Backend) Msg {
	list, err := get[[]api.ProviderDetail](ctx, b, "Providers")
	return ProvidersLoaded{List: list, Err: err}
}

// CallTestProvider asks the identity provider itself.
type CallTestProvider struct {
	Protocol api.Protocol
	Name     string
}

// ProviderTested answers CallTestProvider.
type ProviderTested struct {
	ID     string
	Result api.ProviderTest
	Err    *api.Error
}

// Do calls TestProvider.
func (c CallTestProvider) Do(ctx context.Context, b Backend) Msg {
	result, err := get[api.ProviderTest](ctx, b, "TestProvider", c.Protocol, c.Name)
	return ProviderTested{ID: ProviderID(c.Protocol, c.Name), Result: result, Err: err}
}

// CallTrustProvider trusts one TLS certificate for a provider, and tests it again. ProviderTested answers it.
type CallTrustProvider struct {
	Protocol     api.Protocol
	Name, SHA256 string
}

// Do calls TrustProvider.
func (c CallTrustProvider) Do(ctx context.Context, b Backend) Msg {
	result, err := get[api.ProviderTest](ctx, b, "TrustProvider", c.Protocol, c.Name, c.SHA256)
	return ProviderTested{ID: ProviderID(c.Protocol, c.Name), Result: result, Err: err}
}

// CallSaveProvider stores a provider's settings, and its client secret unless that is empty.
type CallSaveProvider struct {
	Settings api.ProviderSettings
	Secret   string
}

// ProviderSaved answers CallSaveProvider.
type ProviderSaved struct{ Err *api.Error }

// Do calls SaveProviderSettings and SaveProviderSecret.
func (c CallSaveProvider) Do(ctx context.Context, b Backend) Msg {
	err := do(ctx, b, "SaveProviderSettings", c.Settings)
	if err == nil && c.Secret != "" {
		err = do(ctx, b, "SaveProviderSecret", c.Settings.Protocol, c.Settings.Provider, c.Secret)
	}
	return ProviderSaved{Err: err}
}

// CallDeleteSecret deletes a provider's stored client secret.
type CallDeleteSecret struct {
	Protocol api.Protocol
	Name     string
}

// SecretDeleted answers CallDeleteSecret.
type SecretDeleted struct{ Err *api.Error }

// Do calls SaveProviderSecret with an empty secret.
func (c CallDeleteSecret) Do(ctx context.Context, b Backend) Msg {
	return SecretDeleted{Err: do(ctx, b, "SaveProviderSecret", c.Protocol, c.Name, "")}
}

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
			return s.pickLikely(), true
		}
	case TestProvider:
		p.Tests[ProviderID(m.Protocol, m.Name)] = ProviderTest{Running: true}
		return []Cmd{CallTestProvider(m)}, true
	case TrustProvider:
		id := ProviderID(m.Protocol, m.Name)
		t := p.Tests[id]
		if t.Running || t.Result == nil || t.Result.Certificate == nil {
			return nil, true
		}
		t.Running = true
		p.Tests[id] = t
		return []Cmd{CallTrustProvider{Protocol: m.Protocol, Name: m.Name, SHA256: t.Result.Certificate.SHA256}}, true
	case ProviderTested:
		t := ProviderTest{Error: m.Err}
		if m.Err == nil {
			t.Result = &m.Result
		}
		p.Tests[m.ID] = t
	case UnfoldProvider:
		p.Unfolded[m.ID] = !p.Unfolded[m.ID]
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
