//go:build extended

package kubernetes

import (
	"net/http"
	"testing"
	"time"

	heartbeats "github.com/revkeeper/revkeeper/adapters/heartbeat/kubernetes"
	"github.com/revkeeper/revkeeper/bootstrap/config"
	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/heartbeat"
	"github.com/revkeeper/revkeeper/tests/servers"
)

// TestExtendedManifests: an API server takes the manifests as they are, and with
// what they grant and set a sidecar beats, looks and publishes.
func TestExtendedManifests(t *testing.T) {
	server := servers.StartKubernetes(t)
	_, _, sidecar := pod(t)
	settings, err := config.Load(config.Input{Environ: environment(t, sidecar)}, config.Everything)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name   string
		rights []byte
		leases []string // made beforehand
	}{
		{"leases are made", read(t, "rbac.yaml"), nil},
		{"leases are there", least(t), []string{"etcd-0", "etcd-1", "etcd-2", "etcd-full-snap", "etcd-delta-snap"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			namespace := server.Namespace(t)
			server.Apply(t, namespace, tc.rights)
			server.Apply(t, namespace, read(t, "statefulset.yaml"))
			for _, name := range tc.leases {
				server.Do(t, http.MethodPost, "/apis/coordination.k8s.io/v1/namespaces/"+namespace+"/leases",
					map[string]any{"metadata": map[string]any{"name": name}}, nil)
			}
			server.AwaitRight(t, namespace, "revkeeper", "patch", "etcd-0")
			cfg := settings.Heartbeat.Kubernetes
			cfg.Namespace, cfg.Kubeconfig = namespace, server.Kubeconfig(t, server.Token(t, namespace, "revkeeper"), "elsewhere")
			h, m, err := heartbeats.New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			b := heartbeat.Beat{Card: heartbeat.Card{Name: "etcd-0", ClusterID: 0xc, MemberID: 0xa}}
			for range 2 {
				if err := h.Renew(t.Context(), b); err != nil {
					t.Fatal(err)
				}
				if err := m.Publish(t.Context(), heartbeat.Marks{Full: 1, FullAt: time.Now(), Delta: 2, Current: true}); err != nil {
					t.Fatal(err)
				}
			}
			found, err := h.List(t.Context(), []cluster.Member{{ID: 0xa, Name: "etcd-0"}, {ID: 0xb, Name: "etcd-1"}})
			if err != nil || len(found) != 1 || found[0].Card != b.Card {
				t.Errorf("found %+v, %v", found, err)
			}
		})
	}
}
