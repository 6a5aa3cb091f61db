package servers

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"

	"github.com/revkeeper/revkeeper/tests/images"
)

// kubernetesTimeout bounds what normally takes an API server some seconds.
const kubernetesTimeout = 2 * time.Minute

// Kubernetes is an API server on the loopback interface, with an etcd of its own
// and RBAC. There is no controller and no node: what is created is stored, checked
// as in any cluster, and that is all. Its methods end the test if they fail.
type Kubernetes struct {
	URL string // "https://127.0.0.1:<port>"
	CA  string // PEM file of the authority that signed the server's certificate
	// Etcd is where everything is kept.
	Etcd *EtcdMember

	admin   string // a token that may do everything
	client  *http.Client
	binary  string
	args    []string
	process *exec.Cmd
	ended   chan struct{}
	output  syncBuffer
}

// StartKubernetes starts the API server that tests/images pins, which takes long
// to build: `make test-extended` does it beforehand. It ends before its etcd.
func StartKubernetes(t testing.TB) *Kubernetes {
	t.Helper()
	pki := NewPKI(t)
	cert, key := pki.Server()
	address := freeAddress(t)
	dir := t.TempDir()
	k := &Kubernetes{URL: "https://" + address, CA: pki.CA, admin: "admin-of-the-test",
		binary: images.Binary(t, "kube-apiserver"), Etcd: StartEtcd(t, "etcd37", 1).Members[0]}
	tokens := filepath.Join(dir, "tokens.csv")
	if err := os.WriteFile(tokens, []byte(k.admin+",admin,admin,system:masters\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	k.client = &http.Client{Timeout: startTimeout, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: k.pool(t)}}}

	_, port, _ := strings.Cut(address, ":")
	k.args = []string{
		"--etcd-servers", k.Etcd.Endpoint, "--bind-address", "127.0.0.1", "--secure-port", port,
		"--cert-dir", dir, "--tls-cert-file", cert, "--tls-private-key-file", key,
		"--token-auth-file", tokens, "--authorization-mode", "RBAC",
		"--service-account-issuer", "https://kubernetes.default.svc",
		"--service-account-key-file", key, "--service-account-signing-key-file", key,
		"--service-cluster-ip-range", "10.0.0.0/24", "--endpoint-reconciler-type", "none",
	}
	t.Cleanup(func() {
		if k.process != nil {
			k.Stop()
		}
		if t.Failed() {
			t.Logf("kube-apiserver said:\n%s", k.output.String())
		}
	})
	k.Start(t)
	return k
}

// Stop ends the API server with SIGKILL and waits for its end: it has nothing to
// lose, and a graceful end takes long.
func (k *Kubernetes) Stop() {
	_ = k.process.Process.Signal(syscall.SIGKILL)
	<-k.ended
}

// Start starts an ended API server again and waits until it is ready.
func (k *Kubernetes) Start(t testing.TB) {
	t.Helper()
	k.process = exec.Command(k.binary, k.args...)
	k.process.Stdout, k.process.Stderr = &k.output, &k.output
	if err := k.process.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	k.ended = ended
	go func(cmd *exec.Cmd) {
		_ = cmd.Wait() // how it ended is in its output
		close(ended)
	}(k.process)
	k.await(t, "it is ready", func() bool {
		status, _, err := k.try(t.Context(), http.MethodGet, "/readyz", "", nil)
		return err == nil && status == http.StatusOK
	})
}

// CoreClient is client-go's, for the API group that config maps are of. It is not
// slowed down.
func (k *Kubernetes) CoreClient(t testing.TB) *rest.RESTClient {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := core.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	config := &rest.Config{Host: k.URL, BearerToken: k.admin, TLSClientConfig: rest.TLSClientConfig{CAFile: k.CA}, QPS: -1}
	config.APIPath, config.GroupVersion = "/api", &core.SchemeGroupVersion
	config.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	c, err := rest.RESTClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (k *Kubernetes) pool(t testing.TB) *x509.CertPool {
	t.Helper()
	pem, err := os.ReadFile(k.CA)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return pool
}

// Do sends body as the administrator and reads the answer into out, which may be
// nil. A PATCH is a merge patch. Any status but a success fails the test.
func (k *Kubernetes) Do(t testing.TB, method, path string, body, out any) {
	t.Helper()
	var encoded []byte
	if body != nil {
		var err error
		if encoded, err = json.Marshal(body); err != nil {
			t.Fatal(err)
		}
	}
	kind := "application/json"
	if method == http.MethodPatch {
		kind = "application/merge-patch+json"
	}
	status, answer, err := k.try(t.Context(), method, path, kind, encoded)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	if status < 200 || status > 299 {
		t.Fatalf("%s %s: status %d: %s", method, path, status, answer)
	}
	if out != nil {
		if err := json.Unmarshal(answer, out); err != nil {
			t.Fatalf("%s %s: %v in %s", method, path, err, answer)
		}
	}
}

func (k *Kubernetes) try(ctx context.Context, method, path, kind string, body []byte) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, k.URL+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+k.admin)
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	resp, err := k.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}

func (k *Kubernetes) await(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(kubernetesTimeout)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-k.ended:
			t.Fatalf("kube-apiserver ended:\n%s", k.output.String())
		case <-deadline:
			t.Fatalf("never: %s", what)
		case <-tick.C:
		}
	}
}
