// Package kubernetes holds manifests, and what checks them.
package kubernetes

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	policy "k8s.io/api/policy/v1"
	rbac "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"

	heartbeats "github.com/revkeeper/revkeeper/adapters/heartbeat/kubernetes"
	"github.com/revkeeper/revkeeper/bootstrap/config"
)

// kinds returns a new object of each kind that a manifest may have.
func kinds() map[string]any {
	return map[string]any{
		"v1/ServiceAccount":                        &core.ServiceAccount{},
		"v1/Service":                               &core.Service{},
		"policy/v1/PodDisruptionBudget":            &policy.PodDisruptionBudget{},
		"apps/v1/StatefulSet":                      &apps.StatefulSet{},
		"rbac.authorization.k8s.io/v1/Role":        &rbac.Role{},
		"rbac.authorization.k8s.io/v1/RoleBinding": &rbac.RoleBinding{},
	}
}

// parse reads every document strictly: an unknown or doubled field fails.
func parse(t *testing.T, text []byte) map[string]any {
	t.Helper()
	objects := map[string]any{}
	for _, document := range bytes.Split(text, []byte("\n---\n")) {
		var head struct{ APIVersion, Kind string }
		if err := yaml.Unmarshal(document, &head); err != nil {
			t.Fatal(err)
		}
		object, ok := kinds()[head.APIVersion+"/"+head.Kind]
		if !ok {
			t.Fatalf("%s of %s is not known here", head.Kind, head.APIVersion)
		}
		if err := yaml.UnmarshalStrict(document, object); err != nil {
			t.Errorf("%s: %v", head.Kind, err)
		}
		objects[head.Kind] = object
	}
	return objects
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// least returns rbac.yaml with its Role replaced by the one in its comments.
func least(t *testing.T) []byte {
	t.Helper()
	before, comment, ok := strings.Cut(string(read(t, "rbac.yaml")), "\n# ---\n")
	if !ok {
		t.Fatal("rbac.yaml has no role in its comments")
	}
	var role []string
	for line := range strings.Lines(comment) {
		role = append(role, strings.TrimPrefix(line, "# "))
	}
	documents := strings.Split(before, "\n---\n")
	for i, d := range documents {
		if strings.Contains(d, "\nkind: Role\n") {
			documents[i] = strings.Join(role, "")
		}
	}
	return []byte(strings.Join(documents, "\n---\n"))
}

func TestEveryManifestIsRead(t *testing.T) {
	found, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		if strings.HasSuffix(f.Name(), ".yaml") && len(parse(t, read(t, f.Name()))) == 0 {
			t.Errorf("%s holds nothing", f.Name())
		}
	}
}

func TestTheRoleGrantsWhatTheAdapterUsesAndNoMore(t *testing.T) {
	for name, tc := range map[string]struct {
		text  []byte
		verbs []string
		names bool
	}{
		"the role":                 {read(t, "rbac.yaml"), heartbeats.Verbs(), false},
		"the least, with no lease": {least(t), without(heartbeats.Verbs(), "create"), true},
	} {
		t.Run(name, func(t *testing.T) {
			objects := parse(t, tc.text)
			role := objects["Role"].(*rbac.Role)
			if len(role.Rules) != 1 {
				t.Fatalf("%d rules", len(role.Rules))
			}
			rule := role.Rules[0]
			if !slices.Equal(rule.APIGroups, []string{"coordination.k8s.io"}) || !slices.Equal(rule.Resources, []string{"leases"}) || len(rule.NonResourceURLs) > 0 {
				t.Errorf("it is about %+v", rule)
			}
			if !slices.Equal(slices.Sorted(slices.Values(rule.Verbs)), slices.Sorted(slices.Values(tc.verbs))) {
				t.Errorf("it grants %q, the adapter uses %q", rule.Verbs, tc.verbs)
			}
			if tc.names != (len(rule.ResourceNames) > 0) {
				t.Errorf("for the names %q", rule.ResourceNames)
			}
			binding, account := objects["RoleBinding"].(*rbac.RoleBinding), objects["ServiceAccount"].(*core.ServiceAccount)
			if binding.RoleRef.Kind != "Role" || binding.RoleRef.Name != role.Name || len(binding.Subjects) != 1 ||
				binding.Subjects[0].Kind != "ServiceAccount" || binding.Subjects[0].Name != account.Name {
				t.Errorf("bound are %+v", binding)
			}
		})
	}
}

func without(all []string, one string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return s == one })
}

// pod returns the pod of the StatefulSet and its two containers.
func pod(t *testing.T) (spec core.PodSpec, etcd, sidecar core.Container) {
	t.Helper()
	set := parse(t, read(t, "statefulset.yaml"))["StatefulSet"].(*apps.StatefulSet)
	spec = set.Spec.Template.Spec
	for _, c := range spec.Containers {
		switch c.Name {
		case "etcd":
			etcd = c
		case "revkeeper":
			sidecar = c
		default:
			t.Errorf("container %s is not known here", c.Name)
		}
	}
	return spec, etcd, sidecar
}

// environment is what the first pod's container is given, in the form of os.Environ.
func environment(t *testing.T, c core.Container) []string {
	t.Helper()
	values := map[string]string{}
	expand := func(text string) string {
		for name, value := range values {
			text = strings.ReplaceAll(text, "$("+name+")", value)
		}
		if strings.Contains(text, "$(") {
			t.Errorf("%s names a variable that does not come before it", text)
		}
		return text
	}
	out := []string{"KUBERNETES_SERVICE_HOST=10.0.0.1", "KUBERNETES_SERVICE_PORT=443"}
	for _, e := range c.Env {
		value := expand(e.Value)
		if e.ValueFrom != nil {
			value = map[string]string{"metadata.name": "etcd-0", "metadata.namespace": "databases"}[e.ValueFrom.FieldRef.FieldPath]
		}
		values[e.Name] = value
		out = append(out, e.Name+"="+value)
	}
	return out
}

// members returns how many pods there are.
func members(t *testing.T) int {
	t.Helper()
	return int(*parse(t, read(t, "statefulset.yaml"))["StatefulSet"].(*apps.StatefulSet).Spec.Replicas)
}

// flagOf returns the value of a flag of a container's command.
func flagOf(t *testing.T, c core.Container, name string) string {
	t.Helper()
	for _, arg := range c.Command {
		if value, ok := strings.CutPrefix(arg, name+"="); ok {
			return value
		}
	}
	t.Fatalf("%s is not told %s", c.Name, name)
	return ""
}

func TestTheSidecarUnderstandsItsEnvironment(t *testing.T) {
	spec, etcd, sidecar := pod(t)
	c, err := config.Load(config.Input{Environ: environment(t, sidecar)}, config.Everything)
	if err != nil {
		t.Fatal(err)
	}
	h := c.Heartbeat
	if h.Kind != config.BeatsKubernetes || h.Kubernetes.Namespace != "databases" || h.Kubernetes.MemberLease != "etcd-0" ||
		h.Kubernetes.FullLease == "" || h.Kubernetes.DeltaLease == "" || h.Kubernetes.Kubeconfig != "" {
		t.Errorf("heartbeats: %+v", h)
	}
	if c.Name != "etcd-0" || !slices.Contains(etcd.Command, "--name=$(POD_NAME)") || h.Kubernetes.LeasePrefix != "" {
		t.Errorf("the others look for the Lease of a member by its name; the sidecar is called %s", c.Name)
	}
	// A learner does not list the members, so each sidecar is told where all are.
	var advertised []string
	for i := range members(t) {
		advertised = append(advertised, strings.NewReplacer("$(POD_NAME)", fmt.Sprintf("etcd-%d", i), "$(POD_NAMESPACE)", "databases").
			Replace(flagOf(t, etcd, "--advertise-client-urls")))
	}
	if got := c.Etcd.ClusterEndpoints; !slices.Equal(got, advertised) {
		t.Errorf("the members are at %q, the sidecar is told %q", advertised, got)
	}
	// Every file that it is told of is in a volume.
	files := []string{c.Etcd.CA, c.Etcd.Cert, c.Etcd.Key, c.Spool.Dir, c.HTTP.TokenFile, "/var/run/secrets/kubernetes.io/serviceaccount/token"}
	for _, file := range files {
		if !slices.ContainsFunc(sidecar.VolumeMounts, func(m core.VolumeMount) bool { return strings.HasPrefix(file+"/", m.MountPath+"/") }) {
			t.Errorf("nothing is mounted for %q", file)
		}
	}
	for _, c := range spec.Containers {
		for _, m := range c.VolumeMounts {
			if c.Name != sidecar.Name && strings.HasPrefix(m.MountPath, "/var/run/secrets") {
				t.Errorf("%s has the token of the service account", c.Name)
			}
		}
	}
	account := parse(t, read(t, "rbac.yaml"))["ServiceAccount"].(*core.ServiceAccount)
	if spec.ServiceAccountName != account.Name || spec.AutomountServiceAccountToken == nil || *spec.AutomountServiceAccountToken {
		t.Errorf("service account %s", spec.ServiceAccountName)
	}
	names := parse(t, least(t))["Role"].(*rbac.Role).Rules[0].ResourceNames
	for _, name := range []string{"etcd-0", "etcd-1", "etcd-2", h.Kubernetes.FullLease, h.Kubernetes.DeltaLease} {
		if !slices.Contains(names, name) {
			t.Errorf("the least role does not name %s", name)
		}
	}
}

// TestABackupThatIsNotFreshHarmsNoPod: the probes of etcd ask etcd, and the
// sidecar's do not judge the backup.
func TestABackupThatIsNotFreshHarmsNoPod(t *testing.T) {
	_, etcd, sidecar := pod(t)
	for _, tc := range []struct {
		container core.Container
		port      string
	}{{etcd, "metrics"}, {sidecar, "revkeeper"}} {
		c := tc.container
		if c.LivenessProbe == nil || c.ReadinessProbe == nil {
			t.Fatalf("%s has not both probes", c.Name)
		}
		for probe, path := range map[*core.Probe]string{c.LivenessProbe: "/livez", c.ReadinessProbe: "/readyz", c.StartupProbe: "/livez"} {
			if probe == nil {
				continue
			}
			if probe.HTTPGet == nil || probe.HTTPGet.Path != path || probe.HTTPGet.Port.String() != tc.port {
				t.Errorf("a probe of %s asks %+v", c.Name, probe.HTTPGet)
			}
		}
		if !slices.ContainsFunc(c.Ports, func(p core.ContainerPort) bool { return p.Name == tc.port }) {
			t.Errorf("%s has no port called %s", c.Name, tc.port)
		}
	}
}
