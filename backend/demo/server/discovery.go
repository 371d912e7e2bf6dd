package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
)

// discoveryQuestion is what a client asks on UDP port 7359, in any case.
const discoveryQuestion = "who is jellyfinserver?"

// ServeDiscovery answers the discovery on the local network on a UDP connection until ctx ends. It closes the connection.
func (s *Server) ServeDiscovery(ctx context.Context, conn net.PacketConn) error {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	defer func() { _ = conn.Close() }()
	buffer := make([]byte, 512)
	for {
		n, from, err := conn.ReadFrom(buffer)
		switch {
		case ctx.Err() != nil || errors.Is(err, net.ErrClosed):
			return nil
		case err != nil:
			return fmt.Errorf("reading a discovery question: %w", err)
		}
		if !strings.Contains(strings.ToLower(string(buffer[:n])), discoveryQuestion) {
			continue
		}
		if _, err := conn.WriteTo(encode(s.discovered()), from); err != nil && ctx.Err() == nil {
			return fmt.Errorf("answering the discovery: %w", err)
		}
	}
}

// discoveredDTO is the answer, in the server's order.
type discoveredDTO struct {
	Address, Id, Name string
	EndpointAddress   *string
}

func (s *Server) discovered() discoveredDTO {
	s.mu.Lock()
	defer s.mu.Unlock()
	info := s.publicInfo()
	return discoveredDTO{info.LocalAddress, info.Id, info.ServerName, nil}
}
