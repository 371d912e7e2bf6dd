// Package archtest tests the layering: which package may import which, and which libraries only one package may import. Its
// rules, with their reasons, are in layers_test.go.
package archtest
