// Package production_test drives the production window as a person does: under an Xvfb of its own, with mouse and keyboard
// by xdotool, and what it finds by the accessibility bus, as a screen reader would. Linux only.
//
// The binary is build/bin/jellybind; go run ./build binary builds it, and the tests do so when it is missing or older than
// its sources. JELLYBIND_PRODUCTION_BINARY names another one, which is taken as it is.
package production_test
