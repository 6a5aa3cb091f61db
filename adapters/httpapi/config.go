package httpapi

import (
	"net"
	"net/netip"
	"strconv"

	"github.com/revkeeper/revkeeper/adapters/httpapi/client"
	"github.com/revkeeper/revkeeper/domain/fault"
)

// DefaultListen is where the server listens unless it is told otherwise:
// nobody but the own host reaches it, for it asks for no credentials.
const DefaultListen = "127.0.0.1:8380"

// Config says where the server listens, who may ask it, and how it asks the
// sidecars of other members.
type Config struct {
	// Listen is host:port. An empty host is every interface, port 0 any free one.
	Listen string `yaml:"listen"`
	// Advertise is the base URL under which others reach this sidecar; empty:
	// from the address that it listens on.
	Advertise string `yaml:"advertise"`
	// TLS is optional; without it the server speaks plain HTTP.
	TLS TLSConfig `yaml:"tls"`
	// TokenFile holds the token that requests must show, and that is shown to
	// other sidecars; empty for none. It is read again when it changes.
	TokenFile string `yaml:"tokenFile"`
	// Peers says how other sidecars are asked.
	Peers PeersConfig `yaml:"peers"`

	// Hostname is advertised where the server listens on every interface. It is
	// no setting.
	Hostname string `yaml:"-"`
}

// TLSConfig names the files of the server's certificate. They are read again
// when they change.
type TLSConfig struct {
	CertFile string `yaml:"certFile"` // PEM, the leaf first
	KeyFile  string `yaml:"keyFile"`  // PEM
	// ClientCAFile holds, in PEM, the authorities of clients' certificates. With
	// it no connection is made without one, not even by a probe; empty: nobody
	// is asked for one.
	ClientCAFile string `yaml:"clientCaFile"`
}

// PeersConfig names the files with which other sidecars are asked over TLS, all
// in PEM. They are read again when they change.
type PeersConfig struct {
	CA   string `yaml:"ca"`   // authorities of their certificates; empty: the system's
	Cert string `yaml:"cert"` // our certificate as a client; empty: the server's
	Key  string `yaml:"key"`
}

// Enabled reports whether the server speaks TLS.
func (c TLSConfig) Enabled() bool { return c.CertFile != "" || c.KeyFile != "" }

// Default returns the configuration of a server that was told nothing.
func Default() Config { return Config{Listen: DefaultListen} }

// Client returns how other sidecars are asked: with our token, and with the
// server's certificate unless another one is given. They are asked as we are:
// over TLS only, if this server speaks it.
func (c Config) Client() client.Config {
	out := client.Config{TokenFile: c.TokenFile, CA: c.Peers.CA, Cert: c.Peers.Cert, Key: c.Peers.Key, TLSOnly: c.TLS.Enabled()}
	if out.Cert == "" {
		out.Cert, out.Key = c.TLS.CertFile, c.TLS.KeyFile
	}
	return out
}

// Validate returns everything that is wrong with the configuration. It reads no
// files: those may come later, or be replaced.
func (c Config) Validate() []fault.Problem {
	var ps []fault.Problem
	if why := badAddress(c.Listen); why != "" {
		ps = append(ps, fault.Problem{Key: "listen", Value: c.Listen, Detail: why,
			Remedy: "use host:port, as in " + DefaultListen})
	}
	if c.Advertise != "" {
		if _, err := client.Base(c.Advertise); err != nil {
			// The value may hold a password.
			ps = append(ps, fault.Problem{Key: "advertise", Detail: "is not the base URL of a sidecar",
				Remedy: "http:// or https://, host and port alone, as in http://10.0.0.1:8380"})
		}
	}
	ps = append(ps, pair("tls.certFile", c.TLS.CertFile, "tls.keyFile", c.TLS.KeyFile)...)
	if c.TLS.ClientCAFile != "" && !c.TLS.Enabled() {
		ps = append(ps, fault.Problem{Key: "tls.clientCaFile", Value: c.TLS.ClientCAFile,
			Detail: "clients show certificates over TLS only", Remedy: "set tls.certFile and tls.keyFile too"})
	}
	return append(ps, pair("peers.cert", c.Peers.Cert, "peers.key", c.Peers.Key)...)
}

// pair finds a certificate without its key, or the other way round.
func pair(certKey, cert, keyKey, key string) []fault.Problem {
	if (cert == "") == (key == "") {
		return nil
	}
	missing := keyKey
	if cert == "" {
		missing = certKey
	}
	return []fault.Problem{{Key: missing, Detail: "a certificate and its key come together",
		Remedy: "set both " + certKey + " and " + keyKey + ", or neither"}}
}

func badAddress(addr string) (why string) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "is not an address to listen on"
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "the port is not a number from 0 to 65535"
	} else if strconv.FormatUint(n, 10) != port {
		return "the port is not written as a plain number"
	}
	return ""
}

// loopback reports whether a host, without its port, is this machine to itself.
func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && ip.Unmap().IsLoopback())
}
