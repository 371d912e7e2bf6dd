package browser

// Known are the programs of browsers that a person can choose by name.
var Known = []string{
	"firefox", "firefox-esr", "librewolf", "chromium", "chromium-browser", "google-chrome", "brave-browser", "microsoft-edge",
	"vivaldi", "opera", "epiphany",
}

// Installed returns what of Known is in a folder of PATH, in that order. On Windows and macOS browsers seldom are.
func Installed() []string {
	found := []string{}
	for _, name := range Known {
		if _, err := lookUp(name); err == nil {
			found = append(found, name)
		}
	}
	return found
}
