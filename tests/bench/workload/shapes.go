package workload

// Kind is one of the eight kinds of objects.
type Kind int

// The kinds. Secrets are random base64; the others are JSON out of a small vocabulary.
const (
	Pods Kind = iota
	Deployments
	ConfigMaps
	Secrets
	Events
	Nodes
	EndpointSlices
	CustomResources
)

// Kinds is how many kinds there are.
const Kinds = 8

// String gives the resource as it stands in the key.
func (k Kind) String() string { return shapes[k].resource }

// shape is how objects of a kind look: metadata, head, as many parts as fit, and a tail that leaves a string open.
// content.expand explains the verbs.
type shape struct {
	resource   string
	head, tail string
	parts      []string
	random     bool
}

// metadata follows the name, which is the key.
const metadata = `","uid":"%u","creationTimestamp":"%t","generation":%d,"labels":{"app.kubernetes.io/name":"%w","app.kubernetes.io/component":"%w","pod-template-hash":"%h"},` +
	`"managedFields":[{"manager":"%w-controller","operation":"Update","time":"%t"}]},`

var shapes = [Kinds]shape{
	Pods: {
		resource: "pods",
		head:     `"kind":"Pod","apiVersion":"v1","status":{"phase":"Running","podIP":"%i","hostIP":"%i","startTime":"%t"},"spec":{"nodeName":"node-%d","serviceAccountName":"%w","containers":[{"name":"%w"}`,
		parts: []string{
			`,{"name":"%w-%w","image":"registry.example/%w/%w@sha256:%x","resources":{"requests":{"cpu":"%dm","memory":"%dMi"},"limits":{"cpu":"%dm","memory":"%dMi"}},"terminationMessagePath":"/dev/termination-log"}`,
			`,{"name":"%w","image":"registry.example/%w:v1.%d.%d","ports":[{"containerPort":%p,"protocol":"TCP"}],"env":[{"name":"%w","value":"%w-%w"},{"name":"%w","value":"%s"}]}`,
			`,{"name":"%w-%s","volumeMounts":[{"name":"%w","mountPath":"/var/lib/%w/%w"},{"name":"kube-api-access-%s","readOnly":true,"mountPath":"/var/run/secrets/kubernetes.io/serviceaccount"}]}`,
		},
		tail: `],"restartPolicy":"Always","description":"`,
	},
	Deployments: {
		resource: "deployments",
		head:     `"kind":"Deployment","apiVersion":"apps/v1","spec":{"replicas":%d,"selector":{"matchLabels":{"app":"%w"}},"conditions":[{"type":"Progressing"}`,
		parts: []string{
			`,{"type":"Available","status":"True","lastUpdateTime":"%t","lastTransitionTime":"%t","reason":"MinimumReplicasAvailable","message":"Deployment %w-%w has minimum availability."}`,
			`,{"type":"Progressing","status":"True","lastUpdateTime":"%t","reason":"NewReplicaSetAvailable","message":"ReplicaSet \"%w-%h\" has successfully progressed."}`,
			`,{"type":"%w","status":"False","observedGeneration":%D,"image":"registry.example/%w/%w@sha256:%x","revision":"%h"}`,
		},
		tail: `],"paused":"`,
	},
	ConfigMaps: {
		resource: "configmaps",
		head:     `"kind":"ConfigMap","apiVersion":"v1","data":{"owner":"%w"`,
		parts: []string{
			`,"%w.%w.%s":"%w-%w=%D"`,
			`,"%w-%w.yaml":"server:\n  address: %i:%p\n  timeout: %ds\n  cache: %w\nlog:\n  level: %w\n  token: %h\n"`,
			`,"%s.properties":"%w.%w.url=https://%w.%n.svc:%p/%w\n%w.pool.size=%d\n%w.timeout=%D\n"`,
		},
		tail: `,"readme":"`,
	},
	Secrets: {
		resource: "secrets",
		head:     `"kind":"Secret","apiVersion":"v1","type":"kubernetes.io/tls","data":{"tls.crt":"`,
		random:   true,
	},
	Events: {
		resource: "events",
		head:     `"kind":"Event","apiVersion":"v1","involvedObject":{"kind":"Pod","namespace":"%n","name":"%w-%h-%s","uid":"%u"},"type":"Normal","count":%D,"firstTimestamp":"%t","lastTimestamp":"%t","series":{"items":[{"reason":"%w"}`,
		parts: []string{
			`,{"reason":"Pulled","message":"Container image \"registry.example/%w/%w:v%d.%d\" already present on machine","time":"%t","host":"node-%d"}`,
			`,{"reason":"Scheduled","message":"Successfully assigned %n/%w-%w-%h-%s to node-%d","time":"%t"}`,
			`,{"reason":"Unhealthy","message":"Readiness probe failed: Get \"http://%i:%p/%w\": context deadline exceeded","count":%d}`,
			`,{"reason":"BackOff","message":"Back-off restarting failed container %w in pod %w-%h-%s_%n(%u)"}`,
		},
		tail: `],"note":"`,
	},
	Nodes: {
		resource: "minions",
		head:     `"kind":"Node","apiVersion":"v1","spec":{"podCIDR":"%i/24","providerID":"cloud:///zone-%d/%x"},"status":{"addresses":["%i"],"images":[{"sizeBytes":%D}`,
		parts: []string{
			`,{"names":["registry.example/%w/%w@sha256:%x","registry.example/%w/%w:v%d.%d.%d"],"sizeBytes":%D}`,
			`,{"type":"%w","status":"False","lastHeartbeatTime":"%t","lastTransitionTime":"%t","reason":"Kubelet%w","message":"kubelet has sufficient %w available"}`,
			`,{"name":"kubernetes.io/csi/%w.example^%u","devicePath":"/dev/%s"}`,
		},
		tail: `],"phase":"`,
	},
	EndpointSlices: {
		resource: "endpointslices",
		head:     `"kind":"EndpointSlice","apiVersion":"discovery.k8s.io/v1","addressType":"IPv4","ports":[{"name":"%w","port":%p}],"topology":{"endpoints":[{"zone":"zone-%d"}`,
		parts: []string{
			`,{"addresses":["%i"],"conditions":{"ready":true,"serving":true,"terminating":false},"nodeName":"node-%d","targetRef":{"kind":"Pod","namespace":"%n","name":"%w-%w-%h-%s","uid":"%u"},"zone":"zone-%d"}`,
			`,{"addresses":["%i","%i"],"conditions":{"ready":false,"serving":true},"hostname":"%w-%d","nodeName":"node-%d","zone":"zone-%d"}`,
		},
		tail: `],"hints":"`,
	},
	CustomResources: {
		resource: "example.io/workflows",
		head:     `"kind":"Workflow","apiVersion":"example.io/v1alpha1","spec":{"entrypoint":"%w","arguments":{},"nodes":[{"id":"%w-%D"}`,
		parts: []string{
			`,{"id":"%w-%w-%D","displayName":"%w","type":"Pod","phase":"Succeeded","startedAt":"%t","finishedAt":"%t","outputs":{"exitCode":"%d","digest":"%h"}}`,
			`,{"id":"%w-%w-%D","type":"Steps","phase":"Running","children":["%w-%D","%w-%D"],"progress":"%d/%d"}`,
			`,{"id":"%s","templateName":"%w","inputs":{"parameters":[{"name":"%w","value":"%w"},{"name":"%w","value":"%D"},{"name":"%w","value":"%s"}]}}`,
		},
		tail: `],"message":"`,
	},
}

var namespaces = []string{
	"default", "kube-system", "monitoring", "logging", "ingress", "cert-manager", "payments", "checkout", "catalog", "search",
	"inventory", "shipping", "billing", "accounts", "identity", "frontend", "backend", "gateway", "messaging", "streaming",
	"analytics", "reporting", "warehouse", "batch", "ml-train", "ml-serve", "staging", "preview", "load-test", "sandbox",
	"team-amber", "team-birch", "team-coral", "team-delta", "team-ember", "team-fjord", "team-grove", "team-haven", "team-indigo", "team-juniper",
}

var words = []string{
	"api", "worker", "scheduler", "cache", "queue", "proxy", "router", "ledger", "invoice", "session", "token", "profile", "image", "thumbnail",
	"upload", "download", "export", "import", "sync", "replica", "primary", "shard", "index", "query", "metric", "trace", "alert", "rule",
	"policy", "quota", "budget", "audit", "event", "stream", "topic", "consumer", "producer", "broker", "bridge", "adapter", "resolver", "collector",
	"agent", "exporter", "operator", "controller", "webhook", "admission", "validator", "mutator", "builder", "runner", "job", "task", "step", "stage",
	"volume", "snapshot", "backup", "archive", "bucket", "object", "config", "secret", "feature", "flag", "canary", "rollout", "release", "version",
}
