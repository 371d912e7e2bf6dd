package main

import (
	"context"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// windowTags are the build tags that Wails needs to open a window.
func windowTags(goos string) string {
	if goos == "linux" {
		return "desktop,production,webkit2_41"
	}
	return "desktop,production"
}

// devTags are those for Wails' development server. It takes any origin: such a build is never shipped.
func devTags(goos string) string {
	if goos == "linux" {
		return "dev,webkit2_41"
	}
	return "dev"
}

// executable is where a binary is built, relative to the root.
func executable(name, goos string) string {
	if goos == "windows" {
		name += ".exe"
	}
	return filepath.Join("build", "bin", name)
}

// runBinary builds the frontend and the binary.
func runBinary(ctx context.Context, t *task) error {
	if err := t.install(ctx, true, false); err != nil {
		return err
	}
	if err := t.frontend(ctx); err != nil {
		return err
	}
	return t.binary(ctx)
}

func (t *task) binary(ctx context.Context) error {
	return t.program(ctx, "binary", program{args: binaryArgs(runtime.GOOS, t.version(ctx))})
}

func (t *task) devBinary(ctx context.Context) error {
	return t.program(ctx, "binary (development)", program{args: []string{
		"go", "build", "-tags", devTags(runtime.GOOS), "-o", executable("jellybind-dev", runtime.GOOS), ".",
	}})
}

// binaryArgs is the command that builds the shipped binary.
func binaryArgs(goos, version string) []string {
	flags := "-s -w"
	if version != "" {
		flags += " -X main.version=" + version
	}
	if goos == "windows" {
		flags += " -H windowsgui" // else a console window stands behind the app's own
	}
	return []string{
		"go", "build", "-trimpath", "-tags", windowTags(goos), "-ldflags", flags, "-o", executable("jellybind", goos), ".",
	}
}

// unreleased is the version of a build that no tag names; main.go has the same.
const unreleased = "0.1.0-dev"

// version names the commit that is built, and is empty outside a repository.
func (t *task) version(ctx context.Context) string {
	if _, err := exec.LookPath("git"); err != nil {
		return ""
	}
	described, err := t.output(ctx, "git", "describe", "--tags", "--always", "--dirty")
	if err != nil {
		return ""
	}
	return semantic(described)
}

// semantic turns what git describe says into a version: a tag as it is, a bare commit as build metadata (SemVer 2.0 §10).
func semantic(described string) string {
	if tag, ok := strings.CutPrefix(described, "v"); ok {
		return tag
	}
	return unreleased + "+" + strings.ReplaceAll(described, "-", ".")
}
