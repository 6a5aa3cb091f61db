package wiring

import (
	"context"

	client "github.com/prometheus/client_golang/prometheus"

	"github.com/revkeeper/revkeeper/adapters/objectstore/local"
	"github.com/revkeeper/revkeeper/adapters/objectstore/meter"
	"github.com/revkeeper/revkeeper/adapters/objectstore/retry"
	"github.com/revkeeper/revkeeper/adapters/objectstore/s3"
	"github.com/revkeeper/revkeeper/bootstrap/config"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/ports"
)

// bareStore is the store as the adapter gives it, before anything is put around
// it.
type bareStore ports.ObjectStore

// openStore is the switch over store URLs. It contacts nobody.
func openStore(ctx context.Context, c config.Store) (bareStore, error) {
	at, err := c.Location()
	if err != nil {
		return nil, err
	}
	switch at.Scheme {
	case config.SchemeFile:
		return local.New(at.Folder)
	case config.SchemeS3:
		return s3.New(ctx, at.S3)
	case config.SchemeSnapshot:
		return noStore{at.File}, nil
	}
	return nil, fault.New(fault.Unsupported, "open store", at.Scheme, "this build has no such store")
}

// openExisting is openStore for commands on what is stored already: a folder that
// is not there is an error. Only a sidecar begins a store.
func openExisting(ctx context.Context, c config.Store) (bareStore, error) {
	at, err := c.Location()
	if err == nil && at.Scheme == config.SchemeFile {
		return local.Existing(at.Folder)
	}
	return openStore(ctx, c)
}

// meteredStore counts every single try and repeats those that may succeed later.
func meteredStore(bare bareStore, c config.Store, registry *client.Registry, observe ports.Observer) (ports.ObjectStore, error) {
	metered, err := meter.New(bare, registry)
	if err != nil {
		return nil, err
	}
	return patientStore(metered, c, observe)
}

// patientStore repeats what may succeed later.
func patientStore(bare bareStore, c config.Store, observe ports.Observer) (ports.ObjectStore, error) {
	return retry.New(bare, c.Retry, observe)
}
