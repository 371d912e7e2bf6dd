//go:build !linux

package secrettest

import "os/exec"

func endWithParent(*exec.Cmd) {}
