// Package e2e_test drives the real window as a person does: the development build serves its page to a headless Chromium,
// with the real backend, the demo world and the demo's sign-in pages behind it. Linux only, for it needs Xvfb.
//
// The binary is build/bin/jellybind-dev, which is built when it is missing or older than its sources. JELLYBIND_E2E_BINARY
// names another one, which is taken as it is.
package e2e_test
