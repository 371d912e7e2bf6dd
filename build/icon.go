package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// runIcons makes appicon.png and the Windows icon from appicon.svg. The results are committed, so few people need the
// two programs.
func runIcons(ctx context.Context, t *task) error {
	for _, name := range []string{"rsvg-convert", "convert"} {
		if _, err := exec.LookPath(name); err != nil {
			return fmt.Errorf("making the icons needs rsvg-convert and convert (Debian: librsvg2-bin, imagemagick): %w", err)
		}
	}
	made, err := os.MkdirTemp("", "jellybind-icons-*")
	if err != nil {
		return fmt.Errorf("making the icons: %w", err)
	}
	defer func() { _ = os.RemoveAll(made) }()
	return t.step(ctx, "icons", "go run ./build icons", func(ctx context.Context) error {
		for _, args := range iconPrograms(made) {
			if err := t.start(ctx, program{args: args}); err != nil {
				return err
			}
		}
		return nil
	})
}

// iconPrograms are the commands that make the icons. Windows' icon holds every size that Windows shows.
func iconPrograms(made string) [][]string {
	render := func(size, to string) []string {
		return []string{"rsvg-convert", "--width", size, "--height", size, "--output", to, "build/appicon.svg"}
	}
	programs := [][]string{render("512", "build/appicon.png")}
	pack := []string{"convert"}
	for _, size := range []int{16, 24, 32, 48, 64, 128, 256} {
		name := strconv.Itoa(size)
		png := filepath.Join(made, name+".png")
		programs, pack = append(programs, render(name, png)), append(pack, png)
	}
	return append(programs, append(pack, "build/windows/icon.ico"))
}
