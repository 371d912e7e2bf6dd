package server

import (
	"time"
)

// zeroTime is .NET's default time in the server's JSON.
const zeroTime = "0001-01-01T00:00:00.0000000Z"

// zeroID is .NET's empty GUID.
const zeroID = "00000000000000000000000000000000"

// stamp is a time in the server's JSON, empty for the zero time.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.0000000Z")
}

// userDTO is an account in the server's JSON, in its order.
type userDTO struct {
	Name                      string
	ServerId                  string
	Id                        string
	HasPassword               bool
	HasConfiguredPassword     bool
	HasConfiguredEasyPassword bool
	EnableAutoLogin           bool
	LastLoginDate             string `json:",omitempty"`
	LastActivityDate          string `json:",omitempty"`
	Configuration             configuration
	Policy                    policy
}

func (s *Server) describe(u *user) userDTO {
	return userDTO{
		Name: u.name, ServerId: s.id, Id: u.id, HasPassword: u.hasPassword, HasConfiguredPassword: u.hasPassword,
		LastLoginDate: stamp(u.lastLogin), LastActivityDate: stamp(u.lastActivity),
		Configuration: newConfiguration(), Policy: u.policy,
	}
}

// configuration is an account's preferences, in the server's order.
type configuration struct {
	PlayDefaultAudioTrack      bool
	SubtitleLanguagePreference string
	DisplayMissingEpisodes     bool
	GroupedFolders             []string
	SubtitleMode               string
	DisplayCollectionsView     bool
	EnableLocalPassword        bool
	OrderedViews               []string
	LatestItemsExcludes        []string
	MyMediaExcludes            []string
	HidePlayedInLatest         bool
	RememberAudioSelections    bool
	RememberSubtitleSelections bool
	EnableNextEpisodeAutoPlay  bool
	CastReceiverId             string
}

func newConfiguration() configuration {
	none := []string{}
	return configuration{
		PlayDefaultAudioTrack: true, GroupedFolders: none, SubtitleMode: "Default", OrderedViews: none,
		LatestItemsExcludes: none, MyMediaExcludes: none, HidePlayedInLatest: true, RememberAudioSelections: true,
		RememberSubtitleSelections: true, EnableNextEpisodeAutoPlay: true, CastReceiverId: "F007D354",
	}
}

// policy is what an account may do, in the server's order.
type policy struct {
	IsAdministrator                  bool
	IsHidden                         bool
	EnableCollectionManagement       bool
	EnableSubtitleManagement         bool
	EnableLyricManagement            bool
	IsDisabled                       bool
	BlockedTags                      []string
	AllowedTags                      []string
	EnableUserPreferenceAccess       bool
	AccessSchedules                  []string
	BlockUnratedItems                []string
	EnableRemoteControlOfOtherUsers  bool
	EnableSharedDeviceControl        bool
	EnableRemoteAccess               bool
	EnableLiveTvManagement           bool
	EnableLiveTvAccess               bool
	EnableMediaPlayback              bool
	EnableAudioPlaybackTranscoding   bool
	EnableVideoPlaybackTranscoding   bool
	EnablePlaybackRemuxing           bool
	ForceRemoteSourceTranscoding     bool
	EnableContentDeletion            bool
	EnableContentDeletionFromFolders []string
	EnableContentDownloading         bool
	EnableSyncTranscoding            bool
	EnableMediaConversion            bool
	EnabledDevices                   []string
	EnableAllDevices                 bool
	EnabledChannels                  []string
	EnableAllChannels                bool
	EnabledFolders                   []string
	EnableAllFolders                 bool
	InvalidLoginAttemptCount         int
	LoginAttemptsBeforeLockout       int
	MaxActiveSessions                int
	EnablePublicSharing              bool
	BlockedMediaFolders              []string
	BlockedChannels                  []string
	RemoteClientBitrateLimit         int
	AuthenticationProviderId         string
	PasswordResetProviderId          string
	SyncPlayAccess                   string
}

// newPolicy is what a new account that is no administrator may do.
func newPolicy() policy {
	none := []string{}
	return policy{
		IsHidden: true, BlockedTags: none, AllowedTags: none, EnableUserPreferenceAccess: true, AccessSchedules: none,
		BlockUnratedItems: none, EnableSharedDeviceControl: true, EnableRemoteAccess: true, EnableLiveTvAccess: true,
		EnableMediaPlayback: true, EnableAudioPlaybackTranscoding: true, EnableVideoPlaybackTranscoding: true,
		EnablePlaybackRemuxing: true, EnableContentDeletionFromFolders: none, EnableContentDownloading: true,
		EnableSyncTranscoding: true, EnableMediaConversion: true, EnabledDevices: none, EnableAllDevices: true,
		EnabledChannels: none, EnableAllChannels: true, EnabledFolders: none, EnableAllFolders: true,
		LoginAttemptsBeforeLockout: -1, EnablePublicSharing: true, BlockedMediaFolders: none, BlockedChannels: none,
		AuthenticationProviderId: defaultAuthProvider, PasswordResetProviderId: defaultResetProvider,
		SyncPlayAccess: "CreateAndJoinGroups",
	}
}

// sessionDTO is a session in the server's JSON, in its order.
type sessionDTO struct {
	PlayState             playState
	AdditionalUsers       []string
	Capabilities          capabilities
	RemoteEndPoint        string `json:",omitempty"`
	PlayableMediaTypes    []string
	Id                    string
	UserId                string
	UserName              string
	Client                string
	LastActivityDate      string
	LastPlaybackCheckIn   string
	DeviceName            string
	DeviceId              string
	ApplicationVersion    string
	IsActive              bool
	SupportsMediaControl  bool
	SupportsRemoteControl bool
	NowPlayingQueue       []string
	NowPlayingQueueItems  []string `json:"NowPlayingQueueFullItems"`
	HasCustomDeviceName   bool
	ServerId              string
	SupportedCommands     []string
}

type playState struct {
	CanSeek, IsPaused, IsMuted bool
	RepeatMode, PlaybackOrder  string
}

type capabilities struct {
	PlayableMediaTypes           []string
	SupportedCommands            []string
	SupportsMediaControl         bool
	SupportsPersistentIdentifier bool
}

func newCapabilities() capabilities {
	return capabilities{PlayableMediaTypes: []string{}, SupportedCommands: []string{}, SupportsPersistentIdentifier: true}
}
