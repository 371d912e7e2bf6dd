package server

import (
	"encoding/json"
	"time"

	"github.com/jellybind/jellybind/backend/api"
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

// userHead is an account in the server's JSON, in its order, up to what is long and the same for most.
type userHead struct {
	Name                      string
	ServerId                  string
	Id                        string
	HasPassword               bool
	HasConfiguredPassword     bool
	HasConfiguredEasyPassword bool
	EnableAutoLogin           bool
	LastLoginDate             string `json:",omitempty"`
	LastActivityDate          string `json:",omitempty"`
}

// userDTO is an account in the server's JSON.
type userDTO struct {
	userHead
	Configuration json.RawMessage
	Policy        json.RawMessage
}

func (s *Server) head(u *user) userHead {
	return userHead{
		Name: u.name, ServerId: s.id, Id: u.id, HasPassword: u.saysPassword(), HasConfiguredPassword: u.saysPassword(),
		LastLoginDate: stamp(u.lastLogin), LastActivityDate: stamp(u.lastActivity),
	}
}

func (s *Server) describe(u *user) userDTO {
	return userDTO{s.head(u), encodedConfiguration, s.encodedPolicy(u.policy)}
}

// encodedUser is describe, encoded, in parts: GET /Users is asked with 10,000 accounts, and most of what it answers is the
// same for all of them.
func (s *Server) encodedUser(u *user) [][]byte {
	head := encode(s.head(u))
	return [][]byte{
		head[:len(head)-1], []byte(`,"Configuration":`), encodedConfiguration,
		[]byte(`,"Policy":`), s.encodedPolicy(u.policy), []byte("}"),
	}
}

// policiesMost bounds how many policies are kept encoded: every failed sign-in makes another one.
const policiesMost = 1000

// encodedPolicy encodes a policy; most accounts have the same one.
func (s *Server) encodedPolicy(p policy) []byte {
	b, known := s.policies[p]
	if !known {
		if len(s.policies) == policiesMost {
			clear(s.policies)
		}
		b = encode(p)
		s.policies[p] = b
	}
	return b
}

// names is a list as the JSON that it was given as, so that a policy can be compared.
type names string

// MarshalJSON writes the list.
func (n names) MarshalJSON() ([]byte, error) { return []byte(n), nil }

// UnmarshalJSON takes the list as it is written.
func (n *names) UnmarshalJSON(b []byte) error {
	*n = names(b)
	return nil
}

var encodedConfiguration = encode(newConfiguration())

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
	BlockedTags                      names
	AllowedTags                      names
	EnableUserPreferenceAccess       bool
	AccessSchedules                  names
	BlockUnratedItems                names
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
	EnableContentDeletionFromFolders names
	EnableContentDownloading         bool
	EnableSyncTranscoding            bool
	EnableMediaConversion            bool
	EnabledDevices                   names
	EnableAllDevices                 bool
	EnabledChannels                  names
	EnableAllChannels                bool
	EnabledFolders                   names
	EnableAllFolders                 bool
	InvalidLoginAttemptCount         int
	LoginAttemptsBeforeLockout       int
	MaxActiveSessions                int
	EnablePublicSharing              bool
	BlockedMediaFolders              names
	BlockedChannels                  names
	RemoteClientBitrateLimit         int
	AuthenticationProviderId         string
	PasswordResetProviderId          string
	SyncPlayAccess                   string
}

// newPolicy is what a new account that is no administrator may do.
func newPolicy() policy {
	const none = names("[]")
	return policy{
		IsHidden: true, BlockedTags: none, AllowedTags: none, EnableUserPreferenceAccess: true, AccessSchedules: none,
		BlockUnratedItems: none, EnableSharedDeviceControl: true, EnableRemoteAccess: true, EnableLiveTvAccess: true,
		EnableMediaPlayback: true, EnableAudioPlaybackTranscoding: true, EnableVideoPlaybackTranscoding: true,
		EnablePlaybackRemuxing: true, EnableContentDeletionFromFolders: none, EnableContentDownloading: true,
		EnableSyncTranscoding: true, EnableMediaConversion: true, EnabledDevices: none, EnableAllDevices: true,
		EnabledChannels: none, EnableAllChannels: true, EnabledFolders: none, EnableAllFolders: true,
		LoginAttemptsBeforeLockout: -1, EnablePublicSharing: true, BlockedMediaFolders: none, BlockedChannels: none,
		AuthenticationProviderId: api.AuthProviderDefault, PasswordResetProviderId: defaultResetProvider,
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
	NowPlayingQueueItems  []string `json:"NowPlayingQueueFullItems,omitzero"`
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
