package etcd

import (
	"net/url"
	"strings"
	"time"

	"github.com/revkeeper/revkeeper/domain/fault"
)

// DefaultDialTimeout is used where Config leaves DialTimeout zero.
const DefaultDialTimeout = 5 * time.Second

// Config says how to reach etcd. It is read once; the files that it names are
// read again whenever they are needed, so certificates and passwords rotate
// without a restart.
type Config struct {
	// Endpoint is the one client URL of the member beside us:
	// "https://127.0.0.1:2379". Required. It should not be the address of a load
	// balancer, since roles follow the member that answers there.
	Endpoint string `yaml:"endpoint"`
	// ClusterEndpoints are further client URLs through which the other members
	// can be learnt while the own one is down or a learner. Optional.
	ClusterEndpoints []string `yaml:"clusterEndpoints"`
	// CA is a PEM file of the authorities that sign the members' certificates;
	// empty means the system's.
	CA string `yaml:"ca"`
	// Cert and Key are PEM files of our client certificate; both or none.
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
	// Username and PasswordFile log in where etcd's authentication is on; both or
	// none. White space around the password is cut.
	Username     string `yaml:"username"`
	PasswordFile string `yaml:"passwordFile"`
	// InsecureSkipVerify accepts any certificate. For tests.
	InsecureSkipVerify bool `yaml:"insecureSkipVerify"`
	// DialTimeout is how long a member may take to accept a connection, and to
	// answer a short question before another member is asked. Zero means
	// DefaultDialTimeout.
	DialTimeout time.Duration `yaml:"dialTimeout"`
}

// Validate returns everything that is wrong with c, without reading any file.
func (c Config) Validate() []fault.Problem {
	var ps []fault.Problem
	add := func(key, value, detail, remedy string) {
		ps = append(ps, fault.Problem{Key: key, Value: value, Detail: detail, Remedy: remedy})
	}
	secure := false
	check := func(key, endpoint string) {
		u, err := parseEndpoint(endpoint)
		if err != "" {
			add(key, redacted(endpoint), err, `use a client URL like "https://127.0.0.1:2379"`)
			return
		}
		secure = secure || u.Scheme == "https"
	}
	if c.Endpoint == "" {
		add("endpoint", "", "is required", "name the client URL of the member beside this sidecar")
	} else {
		check("endpoint", c.Endpoint)
	}
	for _, e := range c.ClusterEndpoints {
		check("clusterEndpoints", e)
	}
	if (c.Cert == "") != (c.Key == "") {
		add("cert", c.Cert, "a client certificate needs its key and the other way round", "give both cert and key, or neither")
	}
	if (c.Username == "") != (c.PasswordFile == "") {
		add("username", c.Username, "a user needs a password file and the other way round", "give both username and passwordFile, or neither")
	}
	if tls := c.CA != "" || c.Cert != "" || c.InsecureSkipVerify; tls && !secure && len(ps) == 0 {
		add("endpoint", c.Endpoint, "TLS settings are given, but no endpoint is https", "use an https URL, or remove ca, cert, key and insecureSkipVerify")
	}
	if c.DialTimeout < 0 {
		add("dialTimeout", c.DialTimeout.String(), "must not be negative", "use 5s")
	}
	return ps
}

// parseEndpoint returns what is wrong in words, empty if nothing.
func parseEndpoint(endpoint string) (*url.URL, string) {
	u, err := url.Parse(endpoint)
	switch {
	case strings.Contains(endpoint, ","):
		return nil, "must be exactly one URL"
	case err != nil:
		return nil, "is not a URL"
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, "must begin with https:// or http://"
	case u.User != nil:
		return nil, "must not carry credentials"
	case u.Hostname() == "" || u.Port() == "":
		return nil, "must name a host and a port"
	case u.Path != "" && u.Path != "/", u.RawQuery != "", u.Fragment != "":
		return nil, "must end after the port"
	}
	return u, ""
}

// redacted hides a password that was written into a URL by mistake.
func redacted(endpoint string) string {
	if at := strings.LastIndex(endpoint, "@"); at >= 0 {
		return "xxxxx" + endpoint[at:]
	}
	return endpoint
}

func (c Config) dialTimeout() time.Duration {
	if c.DialTimeout == 0 {
		return DefaultDialTimeout
	}
	return c.DialTimeout
}
