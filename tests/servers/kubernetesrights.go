package servers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"sigs.k8s.io/yaml"
)

// Admin returns a token that may do everything.
func (k *Kubernetes) Admin() string { return k.admin }

// Transport returns what reaches the server, for a proxy in front of it.
func (k *Kubernetes) Transport() http.RoundTripper { return k.client.Transport }

// Namespace creates a namespace nobody else uses and returns its name.
func (k *Kubernetes) Namespace(t testing.TB) string {
	t.Helper()
	var made struct{ Metadata struct{ Name string } }
	k.Do(t, http.MethodPost, "/api/v1/namespaces", map[string]any{"metadata": map[string]any{"generateName": "test-"}}, &made)
	return made.Metadata.Name
}

// resources is where the kinds that Apply knows are created.
func resources(kind, namespace string) (string, bool) {
	path, ok := map[string]string{
		"ServiceAccount":      "/api/v1/namespaces/%s/serviceaccounts",
		"Service":             "/api/v1/namespaces/%s/services",
		"ConfigMap":           "/api/v1/namespaces/%s/configmaps",
		"StatefulSet":         "/apis/apps/v1/namespaces/%s/statefulsets",
		"PodDisruptionBudget": "/apis/policy/v1/namespaces/%s/poddisruptionbudgets",
		"Role":                "/apis/rbac.authorization.k8s.io/v1/namespaces/%s/roles",
		"RoleBinding":         "/apis/rbac.authorization.k8s.io/v1/namespaces/%s/rolebindings",
	}[kind]
	return fmt.Sprintf(path, namespace), ok
}

// Apply creates everything in a file of YAML documents in a namespace. The
// server refuses what it does not know, as kubectl apply does.
func (k *Kubernetes) Apply(t testing.TB, namespace string, manifest []byte) {
	t.Helper()
	for _, document := range bytes.Split(manifest, []byte("\n---\n")) {
		var object map[string]any
		if err := yaml.UnmarshalStrict(document, &object); err != nil {
			t.Fatalf("a manifest is not YAML: %v", err)
		}
		if len(object) == 0 {
			continue
		}
		path, ok := resources(fmt.Sprint(object["kind"]), namespace)
		if !ok {
			t.Fatalf("Apply does not know the kind %v", object["kind"])
		}
		k.Do(t, http.MethodPost, path+"?fieldValidation=Strict", object, nil)
	}
}

// Rule is what an Identity may do with Leases.
type Rule struct {
	Verbs []string
	Names []string // of the Leases; none: all in the namespace
}

// Identity creates a service account that may do what rules say with the Leases
// of a namespace, and returns a token of it.
func (k *Kubernetes) Identity(t testing.TB, namespace string, rules ...Rule) string {
	t.Helper()
	granted := []any{}
	for _, r := range rules {
		granted = append(granted, map[string]any{
			"apiGroups": []string{"coordination.k8s.io"}, "resources": []string{"leases"}, "verbs": r.Verbs, "resourceNames": r.Names,
		})
	}
	const name = "tester"
	metadata := map[string]any{"generateName": name + "-"}
	var account struct{ Metadata struct{ Name string } }
	path, _ := resources("ServiceAccount", namespace)
	k.Do(t, http.MethodPost, path, map[string]any{"metadata": metadata}, &account)
	metadata = map[string]any{"name": account.Metadata.Name}
	path, _ = resources("Role", namespace)
	k.Do(t, http.MethodPost, path, map[string]any{"metadata": metadata, "rules": granted}, nil)
	path, _ = resources("RoleBinding", namespace)
	k.Do(t, http.MethodPost, path, map[string]any{
		"metadata": metadata,
		"roleRef":  map[string]any{"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": account.Metadata.Name},
		"subjects": []any{map[string]any{"kind": "ServiceAccount", "name": account.Metadata.Name, "namespace": namespace}},
	}, nil)
	for _, r := range rules {
		for _, verb := range r.Verbs {
			k.AwaitRight(t, namespace, account.Metadata.Name, verb, slices.Concat(r.Names, []string{""})[0])
		}
	}
	return k.Token(t, namespace, account.Metadata.Name)
}

// AwaitRight waits until a service account may do something with a Lease, or
// with all if name is empty: the server learns of new rules a little later.
func (k *Kubernetes) AwaitRight(t testing.TB, namespace, account, verb, name string) {
	t.Helper()
	k.await(t, account+" may "+verb+" leases", func() bool {
		var review struct{ Status struct{ Allowed bool } }
		k.Do(t, http.MethodPost, "/apis/authorization.k8s.io/v1/subjectaccessreviews", map[string]any{"spec": map[string]any{
			"user": "system:serviceaccount:" + namespace + ":" + account,
			"resourceAttributes": map[string]any{
				"group": "coordination.k8s.io", "resource": "leases", "namespace": namespace, "verb": verb, "name": name,
			},
		}}, &review)
		return review.Status.Allowed
	})
}

// Token returns a token of a service account, as a pod of it has.
func (k *Kubernetes) Token(t testing.TB, namespace, account string) string {
	t.Helper()
	var request struct{ Status struct{ Token string } }
	path, _ := resources("ServiceAccount", namespace)
	k.Do(t, http.MethodPost, path+"/"+account+"/token", map[string]any{"spec": map[string]any{"expirationSeconds": 3600}}, &request)
	if request.Status.Token == "" {
		t.Fatalf("no token for %s/%s", namespace, account)
	}
	return request.Status.Token
}

// Kubeconfig writes a kubeconfig for a token whose context is in namespace, and
// returns its path.
func (k *Kubernetes) Kubeconfig(t testing.TB, token, namespace string) string {
	t.Helper()
	return WriteKubeconfig(t, k.URL, k.CA, token, namespace)
}

// WriteKubeconfig writes a kubeconfig and returns its path. ca is a PEM file and
// may be empty, as may token and namespace.
func WriteKubeconfig(t testing.TB, url, ca, token, namespace string) string {
	t.Helper()
	server := map[string]any{"server": url}
	if ca != "" {
		server["certificate-authority"] = ca
	}
	encoded, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Config", "current-context": "test",
		"clusters": []any{map[string]any{"name": "test", "cluster": server}},
		"users":    []any{map[string]any{"name": "test", "user": map[string]any{"token": token}}},
		"contexts": []any{map[string]any{"name": "test", "context": map[string]any{"cluster": "test", "user": "test", "namespace": namespace}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(path, encoded, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
