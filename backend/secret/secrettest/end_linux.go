package secrettest

import (
	"os/exec"
	"syscall"
)

// endWithParent ends the daemon when the test's process dies without cleaning up, as on a time-out.
func endWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
