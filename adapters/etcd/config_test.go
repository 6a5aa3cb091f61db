package etcd

import (
	"fmt"
	"strings"
	"testing"
)

func TestConfigNamesEverythingThatIsWrong(t *testing.T) {
	const good = "https://127.0.0.1:2379"
	for _, tc := range []struct {
		name string
		cfg  Config
		want []string // keys with problems
	}{
		{"an endpoint is enough", Config{Endpoint: good}, nil},
		{"everything given", Config{Endpoint: good, ClusterEndpoints: []string{good}, CA: "ca", Cert: "c", Key: "k", Username: "u", PasswordFile: "p"}, nil},
		{"no endpoint", Config{}, []string{"endpoint"}},
		{"two endpoints in one", Config{Endpoint: good + "," + good}, []string{"endpoint"}},
		{"no scheme", Config{Endpoint: "127.0.0.1:2379"}, []string{"endpoint"}},
		{"another scheme", Config{Endpoint: "ftp://a:1"}, []string{"endpoint"}},
		{"no port", Config{Endpoint: "https://a"}, []string{"endpoint"}},
		{"a path", Config{Endpoint: good + "/v3"}, []string{"endpoint"}},
		{"a password in the URL", Config{Endpoint: "https://u:hunter2@a:1"}, []string{"endpoint"}},
		{"a bad cluster endpoint", Config{Endpoint: good, ClusterEndpoints: []string{good, "x"}}, []string{"clusterEndpoints"}},
		{"a certificate without its key", Config{Endpoint: good, Cert: "c"}, []string{"cert"}},
		{"a key without its certificate", Config{Endpoint: good, Key: "k"}, []string{"cert"}},
		{"a user without a password", Config{Endpoint: good, Username: "u"}, []string{"username"}},
		{"TLS settings for a plain endpoint", Config{Endpoint: "http://a:1", CA: "ca"}, []string{"endpoint"}},
		{"a negative timeout", Config{Endpoint: good, DialTimeout: -1}, []string{"dialTimeout"}},
		{"all at once", Config{Cert: "c", Username: "u", DialTimeout: -1}, []string{"endpoint", "cert", "username", "dialTimeout"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got []string
			for _, p := range tc.cfg.Validate() {
				got = append(got, p.Key)
				if p.Detail == "" || p.Remedy == "" {
					t.Errorf("%v has no detail or no remedy", p)
				}
				if strings.Contains(p.String(), "hunter2") {
					t.Errorf("%v shows a password", p)
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(tc.want) {
				t.Errorf("problems with %v, want %v", got, tc.want)
			}
		})
	}
}
