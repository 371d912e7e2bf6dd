package samlflow

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/jellybind/jellybind/backend/api"
)

var errNoCertificate = errors.New("no certificate")

// refuse says why a response is not believed.
func refuse(why, hint string) *api.Error {
	if hint == "" {
		hint = "Sign in again. If it happens again, look at how the identity provider makes its SAML responses."
	}
	return &api.Error{
		Code: api.CodeSignInInvalid, Why: "answer", Sentence: "The identity provider's answer was refused: " + why + ".",
		Hint: hint, Params: map[string]string{"why": why},
	}
}

func badCertificate(cause error) error {
	return &api.Error{
		Code: api.CodeSignInInvalid, Why: "certificate-unreadable",
		Sentence: "The provider's certificate in the plugin cannot be read, so no sign-in can be checked.",
		Hint:     "Put the identity provider's signing certificate into the plugin's provider settings.",
		Err:      fmt.Errorf("reading the provider's certificate: %w", cause),
	}
}

// shown bounds and escapes what a stranger sent, for a sentence.
func shown(s string) string {
	const limit = 200
	if len(s) > limit {
		for s = s[:limit]; !utf8.ValidString(s); {
			s = s[:len(s)-1]
		}
		s += "…"
	}
	return api.Printable(s)
}
