package kubernetes

import (
	"errors"
	"net/http"
	"os"
	"strings"
	"time"

	coordination "k8s.io/api/coordination/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/revkeeper/revkeeper/domain/fault"
)

const (
	// namespaceFile is where every pod finds the namespace of its service account.
	namespaceFile = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"
	// callTimeout bounds a request where its context does not.
	callTimeout = 30 * time.Second
	// perSecond and burst bound the requests of one client. Each purpose has a
	// client of its own, so that no heartbeat waits for somebody who only looks.
	perSecond = 10
	burst     = 20

	opConnect = "connect to Kubernetes"
)

// connection is what the clients of one API server share.
type connection struct {
	config    *rest.Config
	http      *http.Client
	namespace string
}

// connect reads the files that cfg names; it contacts nobody.
func connect(cfg Config) (*connection, error) {
	config, namespace, err := load(cfg)
	if err != nil {
		return nil, err
	}
	if config.ExecProvider != nil || config.AuthProvider != nil {
		return nil, fault.New(fault.Unsupported, opConnect, cfg.Kubeconfig, "its credentials come from a command, which nothing could end if it hangs").
			WithRemedy("give the kubeconfig a token, a tokenFile or a client certificate")
	}
	config.Timeout, config.UserAgent = callTimeout, "revkeeper"
	config.QPS, config.Burst = perSecond, burst
	config.WarningHandler = rest.NoWarnings{}
	// The scheme of the generated clients holds every API there is, which would
	// make the program 20 MB larger.
	scheme := runtime.NewScheme()
	if err := coordination.AddToScheme(scheme); err != nil {
		return nil, fault.Wrap(fault.Internal, opConnect, "", err)
	}
	meta.AddToGroupVersion(scheme, coordination.SchemeGroupVersion)
	config.APIPath, config.GroupVersion = "/apis", &coordination.SchemeGroupVersion
	config.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, opConnect, config.Host, err)
	}
	return &connection{config: config, http: client, namespace: namespace}, nil
}

// load finds the API server, the credentials and the namespace.
func load(cfg Config) (*rest.Config, string, error) {
	if cfg.Kubeconfig == "" {
		return loadInPod(cfg)
	}
	wrong := func(err error) error {
		return &fault.Error{Kind: fault.Invalid, Op: opConnect, Object: cfg.Kubeconfig, Err: err,
			Remedy: "name a kubeconfig with a current context; without one, the pod's service account is used"}
	}
	rules := &clientcmd.ClientConfigLoadingRules{ExplicitPath: cfg.Kubeconfig}
	loaded, err := rules.Load()
	if err != nil {
		return nil, "", wrong(err)
	}
	client := clientcmd.NewNonInteractiveClientConfig(*loaded, "", &clientcmd.ConfigOverrides{}, rules)
	config, err := client.ClientConfig()
	if err != nil {
		return nil, "", wrong(err)
	}
	if cfg.Namespace != "" {
		return config, cfg.Namespace, nil
	}
	namespace, _, err := client.Namespace()
	if err != nil {
		return nil, "", wrong(err)
	}
	return config, namespace, nil
}

func loadInPod(cfg Config) (*rest.Config, string, error) {
	config, err := rest.InClusterConfig()
	switch {
	case errors.Is(err, rest.ErrNotInCluster):
		return nil, "", fault.New(fault.Invalid, opConnect, "", "this is not a pod, and no kubeconfig is given").
			WithRemedy("set heartbeat.kubernetes.kubeconfig")
	case err != nil:
		return nil, "", &fault.Error{Kind: fault.Invalid, Op: opConnect, Object: "from this pod", Err: err,
			Remedy: "mount the token of a service account, as bootstrap/deploy/kubernetes/statefulset.yaml does"}
	case cfg.Namespace != "":
		return config, cfg.Namespace, nil
	}
	namespace, err := os.ReadFile(namespaceFile)
	if err != nil {
		return nil, "", &fault.Error{Kind: fault.Invalid, Op: opConnect, Object: "from this pod", Err: err,
			Remedy: "set heartbeat.kubernetes.namespace"}
	}
	return config, strings.TrimSpace(string(namespace)), nil
}

// leases returns a client with a limit of its own.
func (c *connection) leases() (*leases, error) {
	client, err := rest.RESTClientForConfigAndClient(c.config, c.http)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, opConnect, c.config.Host, err)
	}
	return &leases{client: client, namespace: c.namespace, host: c.config.Host}, nil
}
