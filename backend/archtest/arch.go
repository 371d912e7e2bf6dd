// Package archtest checks the layering of Jellybind's packages: which may import which, and what only one of them may
// do. It holds no code that ships; the rules and their reasons are in its test.
package archtest
