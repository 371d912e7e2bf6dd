package server

// Jellyfin12 is the version of Options.Jellyfin that differs from the recorded one.
const Jellyfin12 = "12"

// version is what one version of Jellyfin does differently from the other.
type version struct {
	number, runtime string
	// oldCredentials is true where the headers from before the MediaBrowser scheme, and api_key in the query, count.
	oldCredentials bool
	// showsLogin is true where an account shows its last sign-in at once, not only after a restart.
	showsLogin bool
	// fullQueue is true where a session has the member NowPlayingQueueFullItems.
	fullQueue bool
	// describesPassword is true where the answer to a new account describes it with its password.
	describesPassword bool
	// listenBrainz is true where that plugin is among the server's own.
	listenBrainz bool
	// silentAtFirst is true where the earliest phase of a start tells nothing about the server.
	silentAtFirst bool
}

// versionOf returns the version to simulate; one that is not known is an error of the caller and means 10.11.
func versionOf(o Options) version {
	if o.Jellyfin == Jellyfin12 {
		return version{
			number: "12.0.0", runtime: "net10.0", showsLogin: true, describesPassword: true, listenBrainz: true, silentAtFirst: true,
		}
	}
	return version{number: "10.11.11", runtime: "net9.0", oldCredentials: true, fullQueue: true}
}
