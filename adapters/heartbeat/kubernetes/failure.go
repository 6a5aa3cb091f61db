package kubernetes

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/revkeeper/revkeeper/domain/fault"
)

// object is how messages call a Lease.
func (l *leases) object(name string) string { return "lease " + l.namespace + "/" + name }

// failure classifies what a request for one Lease ended with; nil stays nil.
func (l *leases) failure(ctx context.Context, op, verb, name string, err error) error {
	if err == nil {
		return nil
	}
	e := &fault.Error{Kind: fault.Unavailable, Op: op, Object: l.object(name), Err: err}
	var alert *net.OpError
	var verification *tls.CertificateVerificationError
	switch {
	case ctx.Err() != nil:
		// Not every error of the client leads to the context's.
		e.Detail, e.Err = l.host+" gave no result in time", ctx.Err()
	case apierrors.IsForbidden(err):
		e.Kind, e.Remedy = fault.Unauthorized, l.grant(verb, name)
	case apierrors.IsUnauthorized(err):
		e.Kind, e.Remedy = fault.Unauthorized, "give a token or a certificate that "+l.host+" accepts: in a pod that of its service account, else in the kubeconfig"
	case errors.As(err, &verification):
		e.Kind, e.Remedy = fault.Unauthorized, "give the authority of the certificate of "+l.host+": in a pod ca.crt beside the token, else in the kubeconfig"
	case errors.As(err, &alert) && alert.Op == "remote error":
		// crypto/tls gives a received alert as an error of a private type.
		e.Kind, e.Remedy = fault.Unauthorized, "give a client certificate that "+l.host+" accepts, in the kubeconfig"
	case apierrors.IsNotFound(err) && verb == verbCreate:
		e.Kind, e.Remedy = fault.NotFound, "create the namespace "+l.namespace+" or set heartbeat.kubernetes.namespace"
	case apierrors.IsNotFound(err):
		e.Kind = fault.NotFound
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err):
		e.Kind = fault.Invalid
	case apierrors.IsMethodNotSupported(err), apierrors.IsNotAcceptable(err), apierrors.IsUnsupportedMediaType(err):
		e.Kind, e.Remedy = fault.Unsupported, "revkeeper needs an API server with coordination.k8s.io/v1"
	}
	return e
}

// grant names the rule that is missing.
func (l *leases) grant(verb, name string) string {
	if verb == verbCreate {
		return fmt.Sprintf("create it beforehand, or grant the verb create on leases of coordination.k8s.io in namespace %s; "+
			"bootstrap/deploy/kubernetes/rbac.yaml does", l.namespace)
	}
	return fmt.Sprintf("grant the verbs get and patch on leases of coordination.k8s.io in namespace %s, for this name at least (%s); "+
		"bootstrap/deploy/kubernetes/rbac.yaml does", l.namespace, name)
}
