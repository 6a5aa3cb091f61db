package wiring

import (
	"log/slog"
	"net/http"

	client "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/revkeeper/revkeeper/adapters/eventlog"
	"github.com/revkeeper/revkeeper/adapters/prometheus"
	"github.com/revkeeper/revkeeper/application/status"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/ports"
)

// newRegistry returns a registry with what Go and the process say of themselves.
func newRegistry() *client.Registry {
	r := client.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// observers tells log, status page and metrics of every event.
func observers(log *slog.Logger, ring *eventlog.Ring, metrics *prometheus.Observer) ports.Observer {
	return eventlog.Fan(eventlog.Logger(log), ring, metrics)
}

// loggingObserver is for commands that end by themselves.
func loggingObserver(log *slog.Logger) ports.Observer { return eventlog.Logger(log) }

// newMetrics serves everything that is registered, the sidecar's view among it.
func newMetrics(registry *client.Registry, reporter *status.Reporter, log *slog.Logger) (http.Handler, error) {
	if err := registry.Register(prometheus.NewCollector(reporter)); err != nil {
		return nil, fault.Wrap(fault.Internal, "register", "metrics of the view", err)
	}
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		Registry: registry,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelError),
	}), nil
}
