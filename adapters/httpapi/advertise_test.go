package httpapi_test

import (
	"strings"
	"testing"

	"github.com/revkeeper/revkeeper/adapters/httpapi"
	"github.com/revkeeper/revkeeper/tests/servers"
)

func TestAdvertised(t *testing.T) {
	cert, key := servers.NewPKI(t).Server()
	for _, tc := range []struct {
		name   string
		config httpapi.Config
		want   string // PORT stands for the one that was given
	}{
		{"what is configured", httpapi.Config{Listen: "127.0.0.1:0", Advertise: "https://m1.example/"}, "https://m1.example"},
		{"loopback", httpapi.Config{Listen: "127.0.0.1:0", Hostname: "m1"}, "http://127.0.0.1:PORT"},
		{"a name", httpapi.Config{Listen: "localhost:0", Hostname: "m1"}, "http://localhost:PORT"},
		{"over TLS", httpapi.Config{Listen: "127.0.0.1:0", TLS: httpapi.TLSConfig{CertFile: cert, KeyFile: key}}, "https://127.0.0.1:PORT"},
		{"every interface", httpapi.Config{Listen: ":0", Hostname: "m1.example"}, "http://m1.example:PORT"},
		{"every interface, by IPv4", httpapi.Config{Listen: "0.0.0.0:0", Hostname: "10.0.0.1"}, "http://10.0.0.1:PORT"},
		{"every interface of a host without a name", httpapi.Config{Listen: ":0"}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if before := serverOf(&sidecar{}, tc.config).Advertised(); before != strings.TrimSuffix(tc.config.Advertise, "/") {
				t.Errorf("before it listens: %s", before)
			}
			server, _ := runningWith(t, &sidecar{}, tc.config)
			port := server.Addr().String()
			port = port[strings.LastIndex(port, ":")+1:]
			if got, want := server.Advertised(), strings.Replace(tc.want, "PORT", port, 1); got != want {
				t.Errorf("advertises %s, want %s", got, want)
			}
		})
	}
}
