// Package httpapi serves the HTTP contract of api.yaml and the status page.
package httpapi

import (
	"log/slog"
	"net"
	"net/http"
	"sync"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
	"github.com/revkeeper/revkeeper/adapters/internal/credential"
)

// Server answers over HTTP for one sidecar.
type Server struct {
	config  Config
	sources Sources
	log     *slog.Logger
	router  *chi.Mux
	handler http.Handler
	token   *credential.File[string] // nil: nobody is asked for one
	streams chan struct{}            // one token for each open event stream

	mu        sync.Mutex
	addr      net.Addr
	listening chan struct{} // closed once addr is known
}

var _ openapi.StrictServerInterface = (*Server)(nil)

// New returns a server that shows the sources. The configuration must be valid. log gets what net/http itself complains about,
// such as failed TLS handshakes.
func New(config Config, sources Sources, log *slog.Logger) *Server {
	s := &Server{
		config: config, sources: sources, log: log,
		router:    chi.NewRouter(),
		streams:   make(chan struct{}, maxStreams),
		listening: make(chan struct{}),
	}
	if config.TokenFile != "" {
		s.token = credential.Token(config.TokenFile)
	}
	s.routes()
	return s
}

// Handler returns the whole server as a handler. It needs no Run.
func (s *Server) Handler() http.Handler { return s.handler }

func (s *Server) routes() {
	r := s.router
	r.NotFound(s.notFound)
	r.MethodNotAllowed(s.methodNotAllowed)
	r.Use(middleware.GetHead)

	r.Get("/", s.page)
	r.Get("/page.css", asset("page.css", "text/css; charset=utf-8"))
	r.Get("/page.js", asset("page.js", "text/javascript; charset=utf-8"))
	r.Get("/events", s.stream)
	r.Method(http.MethodGet, "/metrics", s.sources.Metrics)

	strict := openapi.NewStrictHandlerWithOptions(s, nil, openapi.StrictHTTPServerOptions{
		RequestErrorHandlerFunc:  s.badRequest,
		ResponseErrorHandlerFunc: s.fail,
	})
	openapi.HandlerWithOptions(strict, openapi.ChiServerOptions{BaseRouter: r, ErrorHandlerFunc: s.badRequest})

	foreign := http.NewCrossOriginProtection()
	foreign.SetDenyHandler(http.HandlerFunc(s.crossOrigin))
	served := s.bufferedBody(s.forwarded(negotiated(r)))
	s.handler = s.recovered(headers(bounded(s.knownHost(foreign.Handler(s.authenticated(served))))))
}
