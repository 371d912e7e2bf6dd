package backend

import (
	"context"
	"os"
	"strings"

	"golang.org/x/text/language"
)

// SetPageLanguage reports the language that the window's page prefers, BCP 47.
func (b *Backend) SetPageLanguage(tag string) { b.page.Store(&tag) }

// language returns the language that the person chose, or else the system's.
func (b *Backend) language() string {
	data, _ := b.Profiles.Load(context.Background()) // without it, there is no choice
	if l := data.Settings.Language; l != "" && l != "system" {
		return l
	}
	return b.SystemLanguage()
}

// SystemLanguage returns the language of the environment. Programs that Windows and macOS start have none there; then it is
// the one that SetPageLanguage reported. It is a BCP 47 tag, or empty if neither is known.
func (b *Backend) SystemLanguage() string {
	if tag := systemLanguage(os.Getenv); tag != "" {
		return tag
	}
	if tag := b.page.Load(); tag != nil {
		return *tag
	}
	return ""
}

// systemLanguage returns the language of the POSIX locale as a BCP 47 tag. It returns "en" if the locale names no language,
// as C does, and "" if no locale is set, as in programs that Windows and macOS start.
func systemLanguage(getenv func(string) string) string {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		locale, _, _ := strings.Cut(getenv(name), ".")
		locale, _, _ = strings.Cut(locale, "@")
		if locale == "" {
			continue
		}
		tag, err := language.Parse(strings.ReplaceAll(locale, "_", "-"))
		if err != nil {
			return "en"
		}
		return tag.String()
	}
	return ""
}
