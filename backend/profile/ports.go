package profile

import (
	"fmt"
	"strconv"

	"github.com/jellybind/jellybind/backend/api"
)

// CheckPort refuses a loopback port outside api.MinPort to api.MaxPort. The error is CodeUsage.
func CheckPort(port int) error {
	if port >= api.MinPort && port <= api.MaxPort {
		return nil
	}
	return &api.Error{
		Code: api.CodeUsage, Why: "ports-range", Sentence: fmt.Sprintf("Port %d is out of range.", port),
		Hint:   fmt.Sprintf("Use ports from %d to %d.", api.MinPort, api.MaxPort),
		Params: map[string]string{"value": strconv.Itoa(port)},
	}
}
