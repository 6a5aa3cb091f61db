package kubernetes

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"time"

	coordination "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/revkeeper/revkeeper/domain/fault"
)

const (
	// retries is how often the client obeys a server that asks to come again, or
	// repeats a GET whose connection broke.
	retries = 2
	// minPause and maxPause bound the wait after another writer came first.
	minPause = 10 * time.Millisecond
	maxPause = 320 * time.Millisecond
)

// The verbs that RBAC knows. Create is needed only where a Lease may be missing.
const (
	verbGet    = "get"
	verbPatch  = "patch"
	verbCreate = "create"
)

// Verbs returns what this adapter must be allowed to do with the Leases of its
// namespace, and it does nothing else.
func Verbs() []string { return []string{verbGet, verbPatch, verbCreate} }

// leases reads and writes the Leases of a namespace.
type leases struct {
	client    rest.Interface
	namespace string
	host      string
}

// change is what a Lease is brought to. Fields that are nil stay as they are, and
// an annotation that is nil is taken away.
type change struct {
	spec        coordination.LeaseSpec
	annotations map[string]*string
}

// get returns nil if there is no such Lease.
func (l *leases) get(ctx context.Context, op, name string) (*coordination.Lease, error) {
	lease := &coordination.Lease{}
	err := l.client.Get().Namespace(l.namespace).Resource("leases").Name(name).MaxRetries(retries).Do(ctx).Into(lease)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, l.failure(ctx, op, verbGet, name, err)
	}
	return lease, nil
}

// settle brings the Lease called name to what decide wants, which is asked with
// the Lease as it is, nil for none, and returns nil to leave it alone. If somebody
// else was faster, it is asked again, until ctx ends.
func (l *leases) settle(ctx context.Context, op, name string, decide func(have *coordination.Lease) (*change, error)) error {
	beaten := false
	for pause := minPause; ; pause = min(2*pause, maxPause) {
		again, err := l.try(ctx, op, name, decide)
		beaten = beaten || again
		switch {
		case again && sleep(ctx, pause):
		case err != nil && beaten && ctx.Err() != nil:
			return &fault.Error{Kind: fault.Unavailable, Op: op, Object: l.object(name), Err: ctx.Err(),
				Detail: "somebody else writes it all the time"}
		default:
			return err
		}
	}
}

// try is one round of settle. It reports whether another may end otherwise.
func (l *leases) try(ctx context.Context, op, name string, decide func(have *coordination.Lease) (*change, error)) (again bool, err error) {
	have, err := l.get(ctx, op, name)
	if err != nil {
		return false, err
	}
	want, err := decide(have)
	if err != nil || want == nil {
		return false, err
	}
	if have == nil {
		err = l.create(ctx, name, want)
		return apierrors.IsAlreadyExists(err), l.failure(ctx, op, verbCreate, name, err)
	}
	err = l.patch(ctx, have, want)
	return apierrors.IsConflict(err) || apierrors.IsNotFound(err), l.failure(ctx, op, verbPatch, name, err)
}

func (l *leases) create(ctx context.Context, name string, c *change) error {
	lease := &coordination.Lease{ObjectMeta: meta.ObjectMeta{Name: name, Annotations: map[string]string{}}, Spec: c.spec}
	for key, value := range c.annotations {
		if value != nil {
			lease.Annotations[key] = *value
		}
	}
	return l.client.Post().Namespace(l.namespace).Resource("leases").Body(lease).MaxRetries(retries).Do(ctx).Error()
}

// patch changes have, and only if it is still as it was read: the server answers
// Conflict otherwise.
func (l *leases) patch(ctx context.Context, have *coordination.Lease, c *change) error {
	type metadata struct {
		UID             types.UID          `json:"uid"`
		ResourceVersion string             `json:"resourceVersion"`
		Annotations     map[string]*string `json:"annotations,omitempty"`
	}
	body, err := json.Marshal(struct {
		Metadata metadata               `json:"metadata"`
		Spec     coordination.LeaseSpec `json:"spec"`
	}{metadata{have.UID, have.ResourceVersion, c.annotations}, c.spec})
	if err != nil {
		return err
	}
	return l.client.Patch(types.MergePatchType).Namespace(l.namespace).Resource("leases").Name(have.Name).
		Body(body).MaxRetries(retries).Do(ctx).Error()
}

// sleep waits for half of d to d, so that two writers do not meet again and
// again. It reports whether ctx goes on.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d/2 + rand.N(d/2))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
