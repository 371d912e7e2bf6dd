package profile

import (
	"strconv"

	"github.com/jellybind/jellybind/backend/api"
)

// CheckPort refuses a loopback port outside api.MinPort to api.MaxPort. The error is CodeUsage.
func CheckPort(port int) error {
	if port >= api.MinPort && port <= api.MaxPort {
		return nil
	}
	return &api.Error{Code: api.CodeUsage, Why: "ports-range", Params: map[string]string{"value": strconv.Itoa(port)}}
}
