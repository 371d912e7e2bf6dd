package state

import (
	"cmp"
	"context"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/words"
)

// CallSaveSettings stores the window's settings.
type CallSaveSettings struct{ Settings api.Settings }

// SettingsSaved answers CallSaveSettings.
type SettingsSaved struct {
	Settings api.Settings
	Err      *api.Error
}

// Do calls SaveSettings.
func (c CallSaveSettings) Do(ctx context.Context, b Backend) Msg {
	return SettingsSaved{Settings: c.Settings, Err: do(ctx, b, "SaveSettings", c.Settings)}
}

// CallWords asks for the backend's texts in the language that was saved.
type CallWords struct{}

// WordsLoaded answers CallWords.
type WordsLoaded struct {
	Boot api.Bootstrap
	Err  *api.Error
}

// Do calls Bootstrap.
func (CallWords) Do(ctx context.Context, b Backend) Msg {
	boot, err := get[api.Bootstrap](ctx, b, "Bootstrap", "")
	return WordsLoaded{Boot: boot, Err: err}
}

// CallKeyring asks for the state of the keyring.
type CallKeyring struct{}

// KeyringChecked answers CallKeyring.
type KeyringChecked struct {
	Keyring api.Keyring
	Err     *api.Error
}

// Do calls CheckKeyring.
func (CallKeyring) Do(ctx context.Context, b Backend) Msg {
	keyring, err := get[api.Keyring](ctx, b, "CheckKeyring")
	return KeyringChecked{Keyring: keyring, Err: err}
}

func (s *State) updateSettings(msg Msg) ([]Cmd, bool) {
	switch m := msg.(type) {
	case SetTheme:
		s.Boot.Settings.Theme = m.Theme
		return []Cmd{CallSaveSettings{Settings: s.Boot.Settings}}, true
	case SetLanguage:
		s.Boot.Settings.Language = m.Language
		cmds := []Cmd{CallSaveSettings{Settings: s.Boot.Settings}}
		if s.Session != nil {
			cmds = append(cmds, s.load()...) // names sort by language
		}
		return cmds, true
	case SetSingleKeys:
		s.Boot.Settings.NoSingleKeys = !m.On
		return []Cmd{CallSaveSettings{Settings: s.Boot.Settings}}, true
	case SaveSettings:
		return s.saveSettings(), true
	case SettingsSaved:
		return s.settingsSaved(m), true
	case WordsLoaded:
		if m.Err == nil {
			s.Boot.Language, s.words = m.Boot.Language, words.Parse(m.Boot.Language, m.Boot.Words)
		}
		return s.tell(m.Err), true
	case CheckKeyring:
		s.Settings.Checking = true
		return []Cmd{CallKeyring{}}, true
	case KeyringChecked:
		s.Settings.Checking = false
		if m.Err == nil {
			s.Keyring = &m.Keyring
		}
		return s.tell(m.Err), true
	}
	return nil, false
}

// saveSettings saves browser and ports. They change here only once they are stored: a refused browser would spoil the next
// setting that is saved.
func (s *State) saveSettings() []Cmd {
	ports, ok := parsePorts(s.Form[FieldPorts])
	if !ok {
		s.Settings.Error = s.says(api.CodeUsage, "settings.ports.bad")
		return []Cmd{Focus{ID: "ports"}}
	}
	s.Settings.Error, s.Settings.Saving = nil, true
	wanted := s.Boot.Settings
	wanted.Browser, wanted.Ports = s.Form[FieldBrowser], ports
	return []Cmd{CallSaveSettings{Settings: wanted}}
}

// settingsSaved confirms what the Save button stored. What is chosen from a list shows at once.
func (s *State) settingsSaved(m SettingsSaved) []Cmd {
	button := s.Settings.Saving
	s.Settings.Saving = false
	switch {
	case m.Err == nil && button:
		s.Boot.Settings.Browser, s.Boot.Settings.Ports = m.Settings.Browser, m.Settings.Ports
		return s.toast(&Toast{Key: "toast.saved"})
	case m.Err != nil && button && m.Err.Code == api.CodeUsage: // shown next to the field
		s.Settings.Error = m.Err
		return []Cmd{Focus{ID: cmp.Or(m.Err.Params["field"], "ports")}}
	}
	cmds := s.tell(m.Err)
	if m.Err == nil && s.Text().Tag != s.Boot.Language {
		cmds = append(cmds, CallWords{})
	}
	return cmds
}
