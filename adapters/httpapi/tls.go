package httpapi

import (
	"crypto/tls"

	"github.com/revkeeper/revkeeper/adapters/internal/credential"
)

// tlsConfig returns how the server speaks TLS. Certificates are read again when
// their files change; that they can be read at all is made sure of here.
func (s *Server) tlsConfig() (*tls.Config, error) {
	files := s.config.TLS
	certificate := credential.Pair(files.CertFile, files.KeyFile)
	if _, err := certificate.Get(); err != nil {
		return nil, err
	}
	config := &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return certificate.Get() },
	}
	if files.ClientCAFile == "" {
		return config, nil
	}
	clients := credential.Authorities(files.ClientCAFile)
	if _, err := clients.Get(); err != nil {
		return nil, err
	}
	config.ClientAuth = tls.RequireAndVerifyClientCert
	config.SessionTicketsDisabled = true // a ticket would let in whom the authorities do not know any more
	config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		pool, err := clients.Get()
		if err != nil {
			return nil, err
		}
		now := config.Clone()
		now.GetConfigForClient, now.ClientCAs = nil, pool
		return now, nil
	}
	return config, nil
}
