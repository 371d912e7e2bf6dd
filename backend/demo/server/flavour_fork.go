package server

import "slices"

// flavourFork is a fork of K0lin's that was seen on a real server. It calls itself SSO-Auth 5.0.0.0 too, but names OIDC
// identities by their subject, does not list pending sign-ins, and redeems a code only when the sign-in is used.
func flavourFork() flavour {
	f := flavourK0lin()
	f.bySubject, f.redeemsLate, f.renames, f.states = true, true, true, nil
	f.oidcFields = slices.Insert(f.oidcFields, at(f.oidcFields, "DefaultUsernameClaim"), field{"EnableUnverifiedLinking", flag})
	f.samlFields = slices.Insert(f.samlFields, at(f.samlFields, "Enabled"), field{"ValidateAudience", flag})
	return f
}

// at is the place of a field.
func at(fields []field, name string) int {
	return slices.IndexFunc(fields, func(f field) bool { return f.name == name })
}
