package api

import (
	"cmp"
	"time"
)

// DeviceSignIn is what a person needs to sign in on another device (RFC 8628, section 3.3).
type DeviceSignIn struct {
	// Code is what the person enters at URL. It is of printable characters.
	Code string `json:"code"`
	// URL is where to enter it: http or https, always.
	URL string `json:"url"`
	// CompleteURL has the code in it, to be shown as a QR code; empty where the provider has none. It is on the same host.
	CompleteURL string `json:"completeUrl,omitempty"`
	// Host is the host of URL, to be shown before it is opened.
	Host string `json:"host"`
	// Deadline is when the code expires.
	Deadline time.Time `json:"deadline"`
}

// Scan returns the address for a QR code: the one with the code in it, if there is one.
func (d DeviceSignIn) Scan() string { return cmp.Or(d.CompleteURL, d.URL) }
