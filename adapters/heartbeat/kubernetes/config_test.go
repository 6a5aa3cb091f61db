package kubernetes_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/adapters/heartbeat/kubernetes"
	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/tests/servers"
)

func TestConfigValidate(t *testing.T) {
	least := kubernetes.Config{Duration: 20 * time.Second}
	for _, tc := range []struct {
		name   string
		change func(*kubernetes.Config)
		want   string // keys of the problems
	}{
		{"the least", func(*kubernetes.Config) {}, ""},
		{"everything, as etcd-druid has it", func(c *kubernetes.Config) {
			*c = kubernetes.Config{Namespace: "shoot--a--b", Kubeconfig: "/k", MemberLease: "etcd-main-0", LeasePrefix: "p-",
				FullLease: "etcd-main-full-snap", DeltaLease: "etcd-main-delta-snap", Duration: time.Hour}
		}, ""},
		{"a namespace is a label", func(c *kubernetes.Config) { c.Namespace = "a.b" }, "namespace"},
		{"a kubeconfig is found from anywhere", func(c *kubernetes.Config) { c.Kubeconfig = "kubeconfig" }, "kubeconfig"},
		{"a prefix may end in a dot", func(c *kubernetes.Config) { c.LeasePrefix = "member.of-" }, ""},
		{"a prefix nothing begins with", func(c *kubernetes.Config) { c.LeasePrefix = "-a" }, "leasePrefix"},
		{"names in capitals", func(c *kubernetes.Config) { c.MemberLease, c.FullLease, c.DeltaLease = "A", "B", "C" }, "memberLease fullLease deltaLease"},
		{"one lease for two", func(c *kubernetes.Config) { c.FullLease, c.DeltaLease = "snap", "snap" }, "deltaLease"},
		{"no duration", func(c *kubernetes.Config) { c.Duration = 0 }, "duration"},
		{"too short", func(c *kubernetes.Config) { c.Duration = time.Second }, "duration"},
		{"too long", func(c *kubernetes.Config) { c.Duration = 2 * time.Hour }, "duration"},
		{"half seconds", func(c *kubernetes.Config) { c.Duration = 2500 * time.Millisecond }, "duration"},
		{"all at once", func(c *kubernetes.Config) {
			*c = kubernetes.Config{Namespace: "_", Kubeconfig: "k", MemberLease: "/", LeasePrefix: "/", FullLease: "/", DeltaLease: "_"}
		}, "namespace kubeconfig leasePrefix memberLease fullLease deltaLease duration"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := least
			tc.change(&c)
			var keys []string
			for _, p := range c.Validate() {
				keys = append(keys, p.Key)
			}
			if got := strings.Join(keys, " "); got != tc.want {
				t.Errorf("problems with %q, want %q", got, tc.want)
			}
			if _, _, err := kubernetes.New(c); tc.want != "" && !errors.Is(err, fault.Invalid) {
				t.Errorf("New = %v", err)
			}
		})
	}
}

func TestWhereTheServerIsComesFromTheKubeconfigOrThePod(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const around = "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{name: c, cluster: {server: 'https://h'}}]\n" +
		"contexts: [{name: c, context: {cluster: c, user: c}}]\n"
	for _, tc := range []struct {
		name, kubeconfig string
		kind             fault.Kind
		remedy           string
	}{
		{"there is none", filepath.Join(dir, "none"), fault.Invalid, "name a kubeconfig"},
		{"it is not one", write("text", "{"), fault.Invalid, "name a kubeconfig"},
		{"it is empty", write("empty", ""), fault.Invalid, "current context"},
		{"its credentials are a command's", write("exec", around+"users: [{name: c, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: sleep, interactiveMode: Never}}}]\n"),
			fault.Unsupported, "tokenFile"},
		{"this is not a pod", "", fault.Invalid, "heartbeat.kubernetes.kubeconfig"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Setenv("KUBERNETES_SERVICE_HOST", "")
			_, _, err := kubernetes.New(kubernetes.Config{Kubeconfig: tc.kubeconfig, Duration: time.Minute})
			told(t, err, tc.kind, tc.remedy)
		})
	}
	t.Run("this looks like a pod", func(t *testing.T) {
		t.Setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
		t.Setenv("KUBERNETES_SERVICE_PORT", "443")
		_, _, err := kubernetes.New(kubernetes.Config{Namespace: "n", Duration: time.Minute})
		if _, missing := os.Stat("/var/run/secrets/kubernetes.io/serviceaccount/token"); missing == nil {
			if err != nil { // the test itself runs in a pod
				t.Error(err)
			}
			return
		}
		told(t, err, fault.Invalid, "statefulset.yaml")
	})
}

func TestNamesThatNoLeaseCanHave(t *testing.T) {
	h, _ := open(t, silent(t), "")
	b := beat
	b.Name = "Etcd_0"
	told(t, h.Renew(t.Context(), b), fault.Invalid, "heartbeat.kubernetes.memberLease")
	// A member that has not started has no name; nobody is asked for either.
	found, err := h.List(t.Context(), []cluster.Member{{ID: 1}, {ID: 2, Name: "Etcd_0"}})
	if err != nil || len(found) != 0 {
		t.Errorf("found %+v, %v", found, err)
	}
}

func TestNewContactsNobody(t *testing.T) {
	url, asked := status(t, 500)
	_, _, err := kubernetes.New(kubernetes.Config{Kubeconfig: servers.WriteKubeconfig(t, url, "", "t", "n"), Duration: time.Minute})
	if err != nil || asked.Load() != 0 {
		t.Errorf("%d requests, %v", asked.Load(), err)
	}
}
