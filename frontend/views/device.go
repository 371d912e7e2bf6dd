package views

import (
	"strconv"
	"strings"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/components"
	"github.com/jellybind/jellybind/frontend/dom"
	"github.com/jellybind/jellybind/frontend/state"
)

// deviceBox shows what to enter on another device: the code, where to enter it, the same as a QR code, and the time left.
func deviceBox(s *stateOf, l *catalogue, d *api.DeviceSignIn, qr [][]bool, flow string, noBrowser bool) *dom.Node {
	return dom.E("div", dom.Class("signin device"),
		signInHead(s, l, d.Host, d.Deadline),
		muted(l.T("device.text")),
		deviceFact(l, "device.code", d.Code, "device-code"),
		dom.E("div", dom.Class("device-scan"), qrCode(l, qr),
			dom.E("div", dom.Class("device-links"),
				dom.If(d.CompleteURL != "", func() *dom.Node {
					return components.Quiet(l.T("device.link"), state.CopyText{Text: d.CompleteURL}, components.Icon("copy"))
				}),
				components.Quiet(l.T("device.here"), state.OpenBrowser{ID: flow}, components.Icon("external")))),
		deviceFact(l, "device.address", d.URL, ""),
		dom.If(noBrowser, func() *dom.Node { return browserFailed(l) }))
}

// deviceFact is a value to copy, with its name above.
func deviceFact(l *catalogue, key, value, class string) *dom.Node {
	return dom.E("div", dom.ClassIf(class, class != ""),
		dom.E("span", dom.Class("device-label"), l.T(key)),
		components.Copyable(l, l.T(key), value, state.CopyText{Text: value}))
}

// quietZone is how many light modules a QR code needs on each side (ISO/IEC 18004).
const quietZone = 4

// qrCode draws the modules as one path, a row of dark ones being one rectangle of it. It is dark on light in every theme,
// because many cameras read no other.
func qrCode(l *catalogue, modules [][]bool) *dom.Node {
	if len(modules) == 0 {
		return nil
	}
	var path strings.Builder
	for y, row := range modules {
		for x := 0; x < len(row); x++ {
			start := x
			for x < len(row) && row[x] {
				x++
			}
			if n := strconv.Itoa(x - start); x > start {
				path.WriteString("M" + strconv.Itoa(start+quietZone) + " " + strconv.Itoa(y+quietZone) + "h" + n + "v1h-" + n + "z")
			}
		}
	}
	side := strconv.Itoa(len(modules) + 2*quietZone)
	return dom.E("svg", dom.Class("qr"), dom.A("role", "img"), dom.A("aria-label", l.T("device.qr")),
		dom.A("viewBox", "0 0 "+side+" "+side), dom.A("shape-rendering", "crispEdges"),
		dom.E("rect", dom.A("width", side), dom.A("height", side), dom.Class("qr-light")),
		dom.E("path", dom.A("d", path.String()), dom.Class("qr-dark")))
}
