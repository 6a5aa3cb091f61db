//go:build tools

// Package kubernetes pins the Kubernetes release whose kube-apiserver the tests run.
package kubernetes

import (
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
)
