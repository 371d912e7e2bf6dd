package server

import (
	"cmp"
	"net/http"
	"slices"
)

// jellyfinRoutes are the server's own routes. Literal paths stand before variable ones.
func (s *Server) jellyfinRoutes() []route {
	return compile([]route{
		{method: "GET", pattern: "/health", handle: health},
		{method: "GET", pattern: "/System/Info/Public", handle: publicInfo},
		{method: "GET", pattern: "/System/Info", access: signedIn, handle: systemInfo},
		{method: "GET", pattern: "/Branding/Configuration", handle: branding},
		{method: "GET", pattern: "/Plugins", access: elevated, handle: listPlugins},
		{method: "GET", pattern: "/Startup/Configuration", access: setup, handle: startupConfiguration},
		{method: "GET", pattern: "/Startup/User", access: setup, handle: startupUser},
		{method: "POST", pattern: "/Startup/User", access: setup, handle: setStartupUser},
		{method: "POST", pattern: "/Startup/Complete", access: setup, handle: completeStartup},

		{method: "POST", pattern: "/Users/AuthenticateByName", handle: authenticateByName},
		{method: "POST", pattern: "/Users/AuthenticateWithQuickConnect", handle: authenticateWithQuickConnect},
		{method: "POST", pattern: "/Users/New", access: elevated, handle: createUser},
		{method: "GET", pattern: "/Users", access: signedIn, handle: listUsers},
		{method: "GET", pattern: "/Users/Public", handle: listPublicUsers},
		{method: "GET", pattern: "/Users/Me", access: signedIn, handle: getMe},
		{method: "GET", pattern: "/Users/{userId}", access: signedIn, handle: getUser},
		{method: "DELETE", pattern: "/Users/{userId}", access: elevated, handle: removeUser},
		{method: "POST", pattern: "/Users/{userId}/Policy", access: elevated, handle: setPolicy},
		{method: "GET", pattern: "/Users/{userId}/Images/Primary", handle: userImage},
		{method: "GET", pattern: "/UserImage", handle: userImage},

		{method: "GET", pattern: "/Auth/Keys", access: elevated, handle: listKeys},
		{method: "POST", pattern: "/Auth/Keys", access: elevated, handle: createKey},
		{method: "DELETE", pattern: "/Auth/Keys/{key}", access: elevated, handle: revokeKey},
		{method: "GET", pattern: "/Auth/Providers", access: elevated, handle: authProviders},
		{method: "POST", pattern: "/Sessions/Logout", access: signedIn, handle: logout},
		{method: "GET", pattern: "/Sessions", access: signedIn, handle: listSessions},
		{method: "GET", pattern: "/Devices", access: elevated, handle: listDevices},

		{method: "GET", pattern: "/QuickConnect/Enabled", handle: quickConnectEnabled},
		{method: "POST", pattern: "/QuickConnect/Initiate", handle: initiateQuickConnect},
		{method: "GET", pattern: "/QuickConnect/Connect", handle: pollQuickConnect},
		{method: "POST", pattern: "/QuickConnect/Authorize", access: signedIn, handle: authorizeQuickConnect},
	})
}

func compile(routes []route) []route {
	for i := range routes {
		routes[i].segments = routeSegments(routes[i].pattern)
	}
	return routes
}

// starting answers for a server that is not ready, in each phase as recorded. done is false when the request goes on.
func (s *Server) starting(r *http.Request, segments []string) (a answer, done bool) {
	s.mu.Lock()
	phase := s.phase
	s.mu.Unlock()
	is := func(path string) bool { return slices.Equal(segments, routeSegments(path)) }
	plugin := len(segments) > 0 && (segments[0] == "sso" || segments[0] == "SSOViews")
	switch phase {
	case PhaseEarly:
		switch {
		case is("/System/Info/Public") && s.version.silentAtFirst:
			return bare(http.StatusServiceUnavailable), true
		case is("/System/Info/Public"):
			return ok(s.earlyInfo()), true
		case is("/health"):
			return text(http.StatusOK, "Degraded"), true
		}
		a := answer{status: http.StatusServiceUnavailable, kind: typeHTML, body: [][]byte{[]byte("starting")}}
		a.header = http.Header{"Retry-After": {"005"}}
		return a, true
	case PhaseLoading:
		if found, _, _ := s.match(r.Method, segments); found != nil && found.access != anyone {
			return bare(http.StatusUnauthorized), true
		}
		return answer{
			status: http.StatusServiceUnavailable, kind: typeHTML,
			body: [][]byte{[]byte("Jellyfin Server is loading. Please try again shortly.")},
		}, true
	case PhaseNoPlugin:
		return bare(http.StatusNotFound), plugin
	case PhaseReady:
	}
	return answer{}, false
}

func health(*call) answer { return text(http.StatusOK, "Healthy") }

// publicInfoDTO is what anyone may know, in the server's order.
type publicInfoDTO struct {
	LocalAddress, ServerName, Version, ProductName, OperatingSystem string
	Id                                                              string
	StartupWizardCompleted                                          bool
}

// earlyInfoDTO is the same in the spelling of the first phase.
type earlyInfoDTO struct {
	LocalAddress           string `json:"localAddress"`
	ServerName             string `json:"serverName"`
	Version                string `json:"version"`
	ProductName            string `json:"productName"`
	OperatingSystem        string `json:"operatingSystem"`
	ID                     string `json:"id"`
	StartupWizardCompleted bool   `json:"startupWizardCompleted"`
}

func (s *Server) publicInfo() publicInfoDTO {
	return publicInfoDTO{
		LocalAddress: "http://" + s.address + s.opts.BasePath, ServerName: s.opts.ServerName, Version: s.version.number,
		ProductName: "Jellyfin Server", Id: s.id, StartupWizardCompleted: s.wizard,
	}
}

func (s *Server) earlyInfo() earlyInfoDTO {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.publicInfo()
	return earlyInfoDTO{
		i.LocalAddress, i.ServerName, i.Version, i.ProductName, i.OperatingSystem, i.Id, i.StartupWizardCompleted,
	}
}

func publicInfo(c *call) answer {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return ok(c.s.publicInfo())
}

// systemInfoDTO is what those who are signed in may know, in the server's order.
type systemInfoDTO struct {
	OperatingSystemDisplayName                                    string
	HasPendingRestart, IsShuttingDown, SupportsLibraryMonitor     bool
	WebSocketPortNumber                                           int
	CompletedInstallations                                        []string
	CanSelfRestart, CanLaunchWebBrowser                           bool
	ProgramDataPath, WebPath, ItemsByNamePath                     string
	CachePath, LogPath, InternalMetadataPath, TranscodingTempPath string
	CastReceiverApplications                                      []castReceiver
	HasUpdateAvailable                                            bool
	EncoderLocation, SystemArchitecture                           string
	publicInfoDTO
}

type castReceiver struct {
	Id, Name string
}

func systemInfo(c *call) answer {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	const data = "/var/lib/jellyfin"
	return ok(systemInfoDTO{
		SupportsLibraryMonitor: true, WebSocketPortNumber: port(c.s.address), CompletedInstallations: []string{},
		CanSelfRestart: true, ProgramDataPath: data + "/data",
		WebPath:         "/usr/src/jf/Jellyfin.Server/bin/Release/" + c.s.version.runtime + "/jellyfin-web",
		ItemsByNamePath: data + "/data/metadata", CachePath: data + "/cache", LogPath: data + "/log",
		InternalMetadataPath: data + "/data/metadata", TranscodingTempPath: data + "/cache/transcodes",
		CastReceiverApplications: []castReceiver{{"F007D354", "Stable"}, {"6F511C87", "Unstable"}},
		EncoderLocation:          "System", SystemArchitecture: "X64", publicInfoDTO: c.s.publicInfo(),
	})
}

func branding(*call) answer { return ok(struct{ SplashscreenEnabled bool }{}) }

// pluginDTO is a plugin in the server's JSON, in its order.
type pluginDTO struct {
	Name, Version, ConfigurationFileName, Description string
	Id                                                string
	CanUninstall, HasImage                            bool
	Status                                            string
}

func listPlugins(c *call) answer {
	own := func(name, file, description, id string) pluginDTO {
		return pluginDTO{name, c.s.version.number + ".0", "Jellyfin.Plugin." + file + ".xml", description, id, false, false, "Active"}
	}
	out := []pluginDTO{
		own("AudioDB", "AudioDb", "Get artist and album metadata or images from AudioDB.", "a629c0dafac54c7e931a7174223f14c8"),
		own("OMDb", "Omdb", "Get metadata for movies and other video content from OMDb.", "a628c0dafac54c7e9d1a7134223f14c8"),
		own("Studio Images", "StudioImages", "Get artwork for studios from any Jellyfin-compatible repository.",
			"872a78491171458da6fb3de3d442ad30"),
	}
	if c.s.version.listenBrainz {
		out = append(out, own("ListenBrainz Similarity Provider", "ListenBrainz",
			"Get similar artist recommendations from ListenBrainz Labs.", "a5b2e8c19d4f4a3b8c7e6f1a2b3c4d5e"))
	}
	if !c.s.opts.PluginMissing {
		f := c.s.flavour
		out = append(out, pluginDTO{f.pluginName, f.pluginVersion, "SSO-Auth.xml", "", pluginID, true, false, "Active"})
	}
	slices.SortFunc(out, func(a, b pluginDTO) int { return cmp.Compare(a.Name, b.Name) })
	return ok(out)
}

func startupConfiguration(*call) answer {
	return ok(struct{ ServerName, UICulture, MetadataCountryCode, PreferredMetadataLanguage string }{"", "en-US", "US", "en"})
}

// startupUser creates the first account when there is none, named after the account that the server runs as.
func startupUser(c *call) answer {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return ok(struct{ Name string }{c.s.firstUser().name})
}

func (s *Server) firstUser() *user {
	for _, u := range s.users {
		if u.policy.IsAdministrator {
			return u
		}
	}
	u := s.addUser("root", "")
	u.policy.IsAdministrator, u.policy.EnableRemoteControlOfOtherUsers, u.policy.EnableContentDeletion = true, true, true
	return u
}

func setStartupUser(c *call) answer {
	var in struct{ Name, Password string }
	if a, valid := c.decode(&in, ""); !valid {
		return a
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	u := c.s.firstUser()
	u.name, u.password, u.hasPassword = in.Name, in.Password, in.Password != ""
	return noContent()
}

func completeStartup(c *call) answer {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.s.wizard = true
	return noContent()
}
