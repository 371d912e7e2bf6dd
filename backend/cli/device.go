package cli

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/qr"
)

// deviceDocument is what --json prints on standard error, in one line, when a person can sign in on another device.
type deviceDocument struct {
	Device api.DeviceSignIn `json:"device"`
}

// SignInElsewhere shows the address and the code for another device, on a wide terminal with a QR code.
func (p *person) SignInElsewhere(_ context.Context, d api.DeviceSignIn) error {
	if p.json {
		return json.NewEncoder(p.err.w).Encode(deviceDocument{d})
	}
	within := p.count(int(time.Until(d.Deadline).Round(time.Minute).Minutes()), "1 minute", "{n} minutes")
	p.err.text("", p.t("On any phone or computer, open this address within {time} and enter the code:", "time", within))
	p.err.line("  " + d.URL)
	p.err.line("  " + p.err.bold(d.Code))
	if d.CompleteURL != "" {
		p.err.line(p.t("or open this address, with the code in it:"))
		p.err.line("  " + d.CompleteURL)
	}
	p.err.qrCode(d.Scan())
	p.err.line(p.t("Ctrl-C cancels."))
	return nil
}

// qrCode draws a text as a QR code, if the terminal is wide enough for it. The colours are set, because a code must be dark on
// light for many cameras; so nothing is drawn without colours.
func (p *printer) qrCode(text string) {
	modules, err := qr.Matrix(text)
	if err != nil || !p.colour || p.width < len(modules)+2*qr.QuietZone {
		return
	}
	for _, line := range halfBlocks(modules) {
		p.line("\x1b[30;107m" + line + "\x1b[0m")
	}
}

// halfBlocks draws the modules of a QR code with its quiet zone, two rows of modules in one line of text. Blocks are dark.
func halfBlocks(modules [][]bool) []string {
	dark := func(x, y int) bool {
		return y >= 0 && y < len(modules) && x >= 0 && x < len(modules) && modules[y][x]
	}
	end := len(modules) + qr.QuietZone
	var lines []string
	for y := -qr.QuietZone; y < end; y += 2 {
		var line strings.Builder
		for x := -qr.QuietZone; x < end; x++ {
			switch top, bottom := dark(x, y), dark(x, y+1); {
			case top && bottom:
				line.WriteRune('█')
			case top:
				line.WriteRune('▀')
			case bottom:
				line.WriteRune('▄')
			default:
				line.WriteByte(' ')
			}
		}
		lines = append(lines, line.String())
	}
	return lines
}
