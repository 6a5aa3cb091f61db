package httpapi

import (
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// Advertised returns the base URL under which others reach this sidecar, empty
// as long as it is not known: the configured one, else where the server listens.
// On every interface that is the configured host name.
func (s *Server) Advertised() string {
	if s.config.Advertise != "" {
		return strings.TrimSuffix(s.config.Advertise, "/")
	}
	addr, ok := s.Addr().(*net.TCPAddr)
	if !ok {
		return ""
	}
	host, _, err := net.SplitHostPort(s.config.Listen)
	if err != nil {
		return ""
	}
	if ip, err := netip.ParseAddr(host); host == "" || (err == nil && ip.IsUnspecified()) {
		host = s.config.Hostname
	}
	if host == "" {
		return ""
	}
	scheme := "http"
	if s.config.TLS.Enabled() {
		scheme = "https"
	}
	_, port, _ := net.SplitHostPort(addr.String())
	return (&url.URL{Scheme: scheme, Host: net.JoinHostPort(host, port)}).String()
}
